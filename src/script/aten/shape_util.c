/* SPDX-License-Identifier: MIT
 *
 * Sizes, broadcasting, filled tensors and the few movements that many operators are made of.
 */
#include "script/aten/shape_util.h"

#include <stdio.h>
#include <string.h>

int arg_at(const lower *L, const char *name) {
    const schema *s = L->op->schema;
    for (int i = 0; i < s->nparams; i++)
        if (strcmp(s->params[i].name, name) == 0) return i;
    return -1;
}

sv arg_named(const lower *L, const char *name) {
    int i = arg_at(L, name);
    return i < 0 ? sv_none() : arg(L, i);
}

naru_dtype dtype_named(lower *L, naru_dtype none) {
    int i = arg_at(L, "dtype");
    return i < 0 ? none : arg_dtype(L, i, none);
}

bool sizes_known(int n, const sv *s) {
    for (int i = 0; i < n; i++)
        if (!s_known(s[i])) return false;
    return true;
}

int sizes_of(lower *L, const sten *t, sv *out) {
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) out[i] = t_dim(L, t, i);
    return rank;
}

sv sizes_product(lower *L, int from, int to, const sv *s) {
    sv p = sv_int(1);
    for (int i = from; i < to; i++) p = i == from ? s[i] : s_mul(L, p, s[i]);
    return p;
}

void sizes_text(int n, const sv *s, char *out, size_t cap) {
    size_t at = (size_t)snprintf(out, cap, "[");
    for (int i = 0; i < n && at + 32 < cap; i++) {
        const char *comma = i ? ", " : "";
        if (s_known(s[i])) at += (size_t)snprintf(out + at, cap - at, "%s%lld", comma, (long long)s[i].i);
        else at += (size_t)snprintf(out + at, cap - at, "%s?", comma);
    }
    snprintf(out + at, cap - at, "]");
}

/* One dim of a broadcast: a known 1 gives way, a known other number stays, two unknown ones are the larger. */
static sv broadcast_dim(lower *L, sv a, sv b, int axis) {
    if (s_is(a, 1)) return b;
    if (s_is(b, 1) || sv_is(a, b)) return a;
    if (s_known(a) && s_known(b))
        lower_raise(L, "RuntimeError",
                    "The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension %d",
                    (long long)a.i, (long long)b.i, axis);
    if (s_known(a) || s_known(b)) return s_known(a) ? a : b;
    return s_max(L, a, b);
}

int broadcast_two(lower *L, int na, const sv *a, int nb, const sv *b, sv *out) {
    int rank = na > nb ? na : nb;
    sv r[NARU_MAX_RANK];
    for (int i = rank - 1; i >= 0; i--) { /* the last misfit is the one PyTorch names */
        int ia = i - (rank - na), ib = i - (rank - nb);
        r[i] = ia < 0 ? b[ib] : ib < 0 ? a[ia] : broadcast_dim(L, a[ia], b[ib], i);
    }
    memcpy(out, r, (size_t)rank * sizeof *r);
    return rank;
}

int broadcast_sizes(lower *L, int n, sten *const *t, sv *out) {
    int rank = 0;
    for (int i = 0; i < n && lower_ok(L); i++) {
        sv s[NARU_MAX_RANK];
        rank = broadcast_two(L, rank, out, sizes_of(L, t[i], s), s, out);
    }
    return rank;
}

bool sizes_need(lower *L, int n, const sv *s, int64_t *out) {
    for (int i = 0; i < n; i++) {
        out[i] = s_need(L, s[i]);
        if (lower_ok(L) && out[i] < 0) {
            char text[256];
            sizes_text(n, s, text, sizeof text);
            lower_raise(L, "RuntimeError", "Trying to create tensor with negative dimension %lld: %s",
                        (long long)out[i], text);
        }
    }
    return lower_ok(L);
}

bool same_sizes(lower *L, const sten *a, const sten *b) {
    int rank = t_rank(L, a);
    if (rank != t_rank(L, b)) return false;
    for (int i = 0; i < rank; i++) {
        sv x = t_dim(L, a, i), y = t_dim(L, b, i);
        if (s_known(x) && s_known(y) && x.i != y.i) return false;
    }
    return true;
}

static sten *filled_here(lower *L, sten *number, int n, const int64_t *dims) {
    sten *t = host_new(L, t_dtype(L, number), n, dims);
    char *to = host_data(L, t);
    const char *from = host_data(L, number);
    if (!to || !from) return NULL;
    size_t size = dtype_bytes(number->t.dtype, 1), all = (size_t)host_count(t) * size, done = size;
    bool zero = true;
    for (size_t i = 0; i < size; i++) zero = zero && from[i] == 0;
    if (zero) memset(to, 0, all);
    if (zero || !all) return t;
    memcpy(to, from, size);
    for (; done < all; done *= 2) memcpy(to + done, to, done * 2 <= all ? done : all - done);
    return t;
}

sten *filled(lower *L, naru_dtype d, int n, const sv *sizes, sv v) {
    int64_t known[NARU_MAX_RANK];
    if (sizes_known(n, sizes) && !sizes_need(L, n, sizes, known)) return NULL;
    sten *number = scalar_tensor(L, v, d);
    if (lower_ok(L) && !lower_recording(L)) return filled_here(L, number, n, known);
    return EMIT(Expand, number, ints_tensor(L, sizes, n));
}

sten *filled_like(lower *L, sten *t, naru_dtype d, double v) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, t, s);
    return filled(L, d, n, s, sv_float(v));
}

sten *reshaped(lower *L, sten *t, int n, const sv *sizes) { return view_shape(L, t, n, sizes, false); }

sten *flat(lower *L, sten *t) {
    if (t_rank(L, t) == 1) return t;
    sv n = t_numel(L, t);
    return reshaped(L, t, 1, &n);
}

void sizes_with(lower *L, const sten *t, int dim, sv n, sv *out) {
    sizes_of(L, t, out);
    if (lower_ok(L)) out[dim] = n;
}

sten *moved(lower *L, sten *out, const sten *from) {
    if (!out || !from || !from->q || out->q) return out;
    if (from->q->scheme != 0) {
        lower_fail(L, NARU_UNSUPPORTED, "moving elements of a tensor that is quantized per channel");
        return NULL;
    }
    out->q = squant_ref(from->q);
    return out;
}

void explain_index(lower *L, sten *index, sv size, int named) {
    naru_status was = L->st;
    bool clear = was == NARU_OK || was == NARU_SCRIPT || was == NARU_OUT_OF_MEMORY || was == NARU_UNSUPPORTED;
    if (clear || lower_recording(L) || !index || size.tag != SV_INT) return;
    naru_error told = L->err ? *L->err : (naru_error)NARU_ERROR_INIT;
    L->st = NARU_OK;
    const int64_t *at = host_i64(L, index);
    for (int64_t i = 0; at && lower_ok(L) && i < host_count(index); i++) {
        if (at[i] >= -size.i && at[i] < size.i) continue;
        if (named == IN_SELF) lower_raise(L, "IndexError", "index out of range in self");
        else
            lower_raise(L, "IndexError", "index %lld is out of bounds for dimension %d with size %lld",
                        (long long)at[i], named, (long long)size.i);
    }
    if (!lower_ok(L)) return;
    L->st = was;
    if (L->err) *L->err = told;
}

sten *gather_axis(lower *L, sten *t, sten *index, int axis) {
    return moved(L, EMITA(Gather, ATTRS(AI("axis", axis)), t, index), t);
}

/* Quantized pieces must stand for numbers in the same way. */
static void check_quantized(lower *L, int n, sten *const *t) {
    for (int i = 1; lower_ok(L) && i < n; i++) {
        const squant *a = t[0]->q, *b = t[i]->q;
        if (a == b || (a && b && a->scheme == 0 && b->scheme == 0 && a->type == b->type && a->scale == b->scale &&
                       a->zero_point == b->zero_point))
            continue;
        lower_fail(L, NARU_UNSUPPORTED, "joining tensors that are quantized differently");
    }
}

/* Long lists in groups: a step has a limited number of inputs. */
sten *concat(lower *L, int n, sten *const *t, int axis) {
    enum { GROUP = 32 };
    const la *axis_attr = ATTRS(AI("axis", axis));
    check_quantized(L, n, t);
    if (n <= GROUP) return moved(L, lower_op(L, &op_Concat, axis_attr, n, t), n ? t[0] : NULL);
    int groups = (n + GROUP - 1) / GROUP;
    sten **part = pieces_new(L, groups);
    if (!part) return NULL;
    for (int g = 0; g < groups; g++) {
        int from = g * GROUP, count = n - from < GROUP ? n - from : GROUP;
        part[g] = lower_op(L, &op_Concat, axis_attr, count, t + from);
    }
    return concat(L, groups, part, axis);
}

sten *pad_constant(lower *L, sten *t, const sv *before, const sv *after, sten *fill) {
    int rank = t_rank(L, t);
    sv pads[2 * NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) pads[i] = before[i], pads[rank + i] = after[i];
    return EMITA(Pad, ATTRS(AS("mode", "constant")), t, ints_tensor(L, pads, 2 * rank), fill);
}

sten *stacked(lower *L, int n, sten *const *t, int dim) {
    sten **wide = pieces_new(L, n);
    if (!wide) return NULL;
    for (int i = 0; i < n; i++) wide[i] = view_unsqueeze(L, t[i], dim);
    return concat(L, n, wide, dim);
}

sten *tiled(lower *L, sten *t, int n, const sv *repeats) {
    return moved(L, EMIT(Tile, t, ints_tensor(L, repeats, n)), t);
}

bool write_slices(lower *L, sten *self, int axis, sten *index, sten *source) {
    enum { FEW = 32 };
    if (!lower_ok(L) || lower_recording(L) || t_rank(L, index) != 1 || host_count(index) > FEW || self->q) return false;
    if (source && source->t.storage == self->t.storage) return false; /* a slice written may be one still to be read */
    int64_t n = host_count(index), size = t_dim_int(L, self, axis);
    const int64_t *at = host_i64(L, index);
    for (int64_t i = 0; at && lower_ok(L) && i < n; i++)
        if (at[i] < -size || at[i] >= size)
            lower_raise(L, "IndexError", "index %lld is out of bounds for dimension %d with size %lld",
                        (long long)at[i], axis, (long long)size);
    for (int64_t i = 0; at && lower_ok(L) && i < n; i++)
        write_to(L, view_select(L, self, axis, sv_int(at[i])), view_select(L, source, axis, sv_int(i)));
    return true;
}

sten **pieces_new(lower *L, int64_t n) {
    if (!lower_ok(L)) return NULL;
    sten **p = n < 0 || n > INT32_MAX ? NULL : arena_calloc(L->arena, (size_t)n + 1, sizeof *p);
    if (!p) lower_fail(L, NARU_OUT_OF_MEMORY, "no memory for a list of %lld tensors", (long long)n);
    return p;
}

void become(lower *L, sten *t) {
    sten *self = arg_tensor(L, 0);
    set_tensor(L, self, t);
    ret_tensor(L, self);
}

/* torch.promote_types: by category, then by width; half and bfloat16 meet in float; uint8 and signed in a wider signed.
 */
static int category(naru_dtype d) {
    if (d == NARU_BOOL) return 0;
    return dtype_is_complex(d) ? 3 : dtype_is_float(d) ? 2 : 1;
}

static naru_dtype promote_ints(naru_dtype a, naru_dtype b) {
    static const naru_dtype wide[] = {NARU_INT8, NARU_INT16, NARU_INT32, NARU_INT64};
    int w[2], unsigned_8 = 0;
    naru_dtype t[2] = {a, b};
    for (int k = 0; k < 2; k++) {
        w[k] = -1;
        for (int i = 0; i < 4; i++)
            if (wide[i] == t[k]) w[k] = i;
        if (t[k] == NARU_UINT8) unsigned_8 = 1, w[k] = 0;
        if (w[k] < 0) return NARU_UNDEFINED; /* uint16, uint32, uint64 */
    }
    int r = w[0] > w[1] ? w[0] : w[1];
    return wide[unsigned_8 && r == 0 ? 1 : r];
}

static naru_dtype promote_floats(naru_dtype a, naru_dtype b) {
    if (a == NARU_DOUBLE || b == NARU_DOUBLE) return NARU_DOUBLE;
    return NARU_FLOAT;
}

naru_dtype promote_dtypes(naru_dtype a, naru_dtype b) {
    if (a == b) return a;
    int ca = category(a), cb = category(b);
    if (ca < cb) {
        naru_dtype x = a;
        a = b, b = x;
        int c = ca;
        ca = cb, cb = c;
    }
    if (ca == 3) {
        bool two = a == NARU_COMPLEX128 || b == NARU_COMPLEX128 || b == NARU_DOUBLE;
        return two ? NARU_COMPLEX128 : NARU_COMPLEX64;
    }
    if (ca != cb) return a;
    return ca == 2 ? promote_floats(a, b) : promote_ints(a, b);
}

int64_t storage_offset_of(const sten *t) {
    int bits = naru_dtype_bits(t->t.dtype);
    if (!t->t.storage || bits < 8) return 0;
    return ((const char *)t->t.data - (const char *)t->t.storage->data) / (bits / 8);
}
