/* SPDX-License-Identifier: MIT
 *
 * Movement of elements (util_move.h).
 */
#include "ops/util_move.h"

#include <string.h>

static bool move_strings(naru_tensor *dst, int64_t di, const naru_tensor *src, int64_t si, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        size_t len;
        const char *s = naru_tensor_string(src, si + i, &len);
        if (naru_tensor_set_string(dst, di + i, s, len, NULL) != NARU_OK) return false;
    }
    return true;
}

static void move_bits(uint8_t *dst, int64_t di, const uint8_t *src, int64_t si, int64_t n, int bits) {
    for (int64_t i = 0; i < n; i++)
        for (int b = 0; b < bits; b++) { /* one bit stream, least significant bit first */
            int64_t from = (si + i) * bits + b, to = (di + i) * bits + b;
            int bit = src[from >> 3] >> (from & 7) & 1;
            dst[to >> 3] = (uint8_t)((dst[to >> 3] & ~(1 << (to & 7))) | bit << (to & 7));
        }
}

bool move_elems(naru_tensor *dst, int64_t di, const naru_tensor *src, int64_t si, int64_t n) {
    if (dst->dtype == NARU_STRING) return move_strings(dst, di, src, si, n);
    int bits = naru_dtype_bits(dst->dtype);
    if (bits < 8) {
        move_bits(dst->data, di, src->data, si, n, bits);
        return true;
    }
    size_t size = (size_t)bits / 8;
    if (n == 1 && size == 4) memcpy((char *)dst->data + 4 * di, (const char *)src->data + 4 * si, 4);
    else memcpy((char *)dst->data + size * (size_t)di, (const char *)src->data + size * (size_t)si, size * (size_t)n);
    return true;
}

bool move_fill(naru_tensor *dst, const naru_tensor *src, int64_t si) {
    int64_t n = tensor_count(dst);
    for (int64_t i = 0; i < n; i++)
        if (!move_elems(dst, i, src, si, 1)) return false;
    return true;
}

void row_strides(int rank, const int64_t *dims, int64_t *strides) {
    int64_t s = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = s;
        s *= dims[i];
    }
}

/* Rows x cols of 4-byte elements from any strides, in tiles that stay in the cache: what transposing weights needs. */
static void move_tiles(uint32_t *to, const uint32_t *from, int64_t rows, int64_t cols, int64_t row_stride,
                       int64_t stride) {
    enum { TILE = 32 };
    for (int64_t r0 = 0; r0 < rows; r0 += TILE)
        for (int64_t c0 = 0; c0 < cols; c0 += TILE) {
            int64_t r1 = i64_min(r0 + TILE, rows), c1 = i64_min(c0 + TILE, cols);
            for (int64_t r = r0; r < r1; r++)
                for (int64_t k = c0; k < c1; k++) to[r * cols + k] = from[r * row_stride + k * stride];
        }
}

/* The same over the leading dims; false: not of this kind. */
static bool move_matrices(naru_tensor *out, const naru_tensor *x, int64_t offset, const int64_t *strides) {
    int rank = out->rank;
    if (rank < 2 || out->dtype == NARU_STRING || naru_dtype_bits(out->dtype) != 32) return false;
    if ((uintptr_t)x->data % 4 || strides[rank - 1] == 1) return false;
    int64_t rows = out->dims[rank - 2], cols = out->dims[rank - 1], idx[NARU_MAX_RANK] = {0}, n = 1;
    for (int d = 0; d < rank - 2; d++) n *= out->dims[d];
    const uint32_t *from = (const uint32_t *)x->data + offset;
    for (int64_t i = 0; i < n; i++) {
        move_tiles((uint32_t *)out->data + i * rows * cols, from, rows, cols, strides[rank - 2], strides[rank - 1]);
        for (int d = rank - 3; d >= 0; d--) {
            from += strides[d];
            if (++idx[d] < out->dims[d]) break;
            from -= strides[d] * out->dims[d];
            idx[d] = 0;
        }
    }
    return true;
}

naru_status move_strided(eval_ctx *c, naru_tensor *out, const naru_tensor *x, int64_t offset, const int64_t *strides) {
    int64_t n = tensor_count(out), idx[NARU_MAX_RANK] = {0}, at = offset;
    if (n == 0 || move_matrices(out, x, offset, strides)) return NARU_OK;
    int inner = out->rank - 1;
    int64_t run = inner >= 0 && strides[inner] == 1 ? out->dims[inner] : 1;
    for (int64_t i = 0; i < n; i += run) {
        if (!move_elems(out, i, x, at, run)) return err_oom(c->err);
        for (int d = run > 1 ? inner - 1 : inner; d >= 0; d--) {
            at += strides[d];
            if (++idx[d] < out->dims[d]) break;
            at -= strides[d] * out->dims[d];
            idx[d] = 0;
        }
    }
    return NARU_OK;
}

value *const_ints(graph *g, block *b, const int64_t *v, int64_t n) {
    naru_tensor *t;
    if (tensor_new(NARU_INT64, 1, &n, &t, NULL) != NARU_OK) return NULL;
    if (n) memcpy(t->data, v, (size_t)n * sizeof *v);
    value *x = graph_constant_new(g, b, NULL, t);
    tensor_unref(t);
    return x;
}

naru_status attr_ints_to_input(lift_ctx *c, node *n, const char *name, int at) {
    attr *a = node_attr(n, name);
    if (!a) return NARU_OK;
    if (a->kind != ATTR_INTS) return err_set(c->err, NARU_BAD_MODEL, "attribute '%s' must be a list of ints", name);
    value *v = const_ints(c->graph, c->block, a->ints, (int64_t)a->count);
    if (!v || (n->nin <= at && !node_set_nin(n, at + 1))) return err_oom(c->err);
    n->in[at] = v;
    a->kind = ATTR_NONE;
    return NARU_OK;
}
