/* SPDX-License-Identifier: MIT
 *
 * Embeddings whose rows are 8 or 4 bit integers with a scale and an offset each: packed objects, or bytes with both
 * floats behind each row. Rows are decoded by the host; bags are summed by embedding_bag.
 */
#include <math.h>

#include "script/aten/quant.h"
#include "tensor/dtype.h"

/* Rows of integers; value = integer * scale[row] + bias[row]. */
typedef struct table {
    int64_t rows, dim;
    naru_dtype d;
    const void *data;
    int64_t stride;  /* elements of d between rows */
    const squant *q; /* NULL: floats behind each row of bytes */
} table;

static void row_numbers(const table *t, int64_t r, float *scale, float *bias) {
    if (t->q) {
        *scale = (float)dtype_get_f64(t->q->scales->dtype, t->q->scales->data, r);
        *bias = -*scale * (float)dtype_get_f64(t->q->zero_points->dtype, t->q->zero_points->data, r);
        if (t->d != NARU_UINT8) { /* four bits are packed with halves */
            *scale = half_to_float(half_from_float(*scale));
            *bias = half_to_float(half_from_float(*bias));
        }
        return;
    }
    const char *tail = (const char *)t->data + r * t->stride + t->dim;
    memcpy(scale, tail, sizeof *scale);
    memcpy(bias, tail + sizeof *scale, sizeof *bias);
}

static bool packed_table(lower *L, const packed *p, table *t) {
    if (!p || !lower_ok(L)) return false;
    sten *ints = contiguous(L, quant_ints(L, p->weight));
    const squant *q = p->weight->q;
    *t = (table){p->weight->t.dims[0], p->weight->t.dims[1], p->weight->t.dtype,
                 host_data(L, ints),   p->weight->t.dims[1], q};
    if (lower_ok(L) && (!q->scales || !q->zero_points || tensor_count(q->scales) != t->rows ||
                        tensor_count(q->zero_points) != t->rows || !tensor_is_contiguous(q->scales) ||
                        !tensor_is_contiguous(q->zero_points)))
        lower_raise(L, "RuntimeError", "quantized embedding: scales do not fit the rows");
    return lower_ok(L);
}

static bool byte_table(lower *L, sten *w, table *t) { /* [rows, dim + 8] */
    if (!lower_ok(L)) return false;
    if (t_rank(L, w) != 2 || t_dtype(L, w) != NARU_UINT8 || t_dim_int(L, w, 1) < 8) {
        lower_raise(L, "RuntimeError", "quantized embedding: rows of bytes with a scale and a bias are expected");
        return false;
    }
    int64_t width = t_dim_int(L, w, 1);
    *t = (table){t_dim_int(L, w, 0), width - 8, NARU_UINT8, host_data(L, w), width, NULL};
    return lower_ok(L);
}

static sten *decode(lower *L, const table *t, sten *indices) { /* [count, dim] */
    int64_t n = host_count(indices);
    const int64_t *at = host_i64(L, indices);
    sten *out = host_new(L, NARU_FLOAT, 2, (int64_t[]){n, t->dim});
    float *to = host_data(L, out);
    for (int64_t i = 0; to && at && i < n; i++) {
        float scale, bias;
        if (at[i] < 0 || at[i] >= t->rows) {
            lower_raise(L, "IndexError", "index out of range in self");
            return NULL;
        }
        row_numbers(t, at[i], &scale, &bias);
        for (int64_t k = 0; k < t->dim; k++)
            to[i * t->dim + k] = (float)dtype_get_i64(t->d, t->data, at[i] * t->stride + k) * scale + bias;
    }
    return out;
}

/* ---- single rows: (weight, indices, pruned_weights) ---- */
void aten_quantized_embedding(lower *L) {
    const packed *p = arg_packed(L, 0, PACKED_EMBEDDING);
    sten *indices = arg_tensor(L, 1);
    table t;
    sv dims[NARU_MAX_RANK];
    if (!eager_only(L) || !packed_table(L, p, &t)) return;
    sten *rows = decode(L, &t, indices);
    int rank = nn_dims(L, indices, dims);
    dims[rank] = sv_int(t.dim);
    ret_tensor(L, nn_reshape(L, rows, rank + 1, dims));
}

/* ---- bags: (weight, indices, offsets, scale_grad, mode, pruned, per_sample_weights, mapping, include_last_offset)
 * ---- */
static sten *evenly(lower *L, int64_t bags, int64_t size) {
    int64_t *v = host_scratch(L, ((size_t)bags + 1) * sizeof *v);
    for (int64_t i = 0; v && i < bags; i++) v[i] = i * size;
    sten *t = v ? host_new(L, NARU_INT64, 1, &bags) : NULL;
    if (t && bags) memcpy(host_data(L, t), v, (size_t)bags * sizeof *v);
    return t;
}

static void bags_of(lower *L, const table *t) {
    sten *indices = arg_tensor(L, 1), *offsets = arg_tensor_opt(L, 2), *weights = arg_tensor_opt(L, 6);
    if (!arg_none(L, 7)) lower_fail(L, NARU_UNSUPPORTED, "quantized embedding with pruned rows");
    int rank = t_rank(L, indices);
    if (lower_ok(L) && !offsets && rank != 2) lower_raise(L, "RuntimeError", "embedding_bag: offsets are missing");
    if (!lower_ok(L)) return;
    int64_t n = host_count(indices);
    if (!offsets) offsets = evenly(L, t_dim_int(L, indices, 0), t_dim_int(L, indices, 1));
    if (weights) weights = nn_reshape(L, weights, 1, (sv[]){sv_int(n)});
    sten *rows = decode(L, t, indices);
    sv out[4], args[8] = {sv_of(rows),
                          sv_of(evenly(L, n, 1)),
                          sv_of(offsets),
                          sv_bool(false),
                          arg(L, 4),
                          sv_bool(false),
                          weights ? sv_of(weights) : sv_none(),
                          arg(L, 8)};
    if (lower_ok(L)) lower_call(L, aten_embedding_bag, 8, args, 4, out);
    if (lower_ok(L)) ret_tensor(L, sv_tensor(out[0]));
}

void aten_quantized_embedding_bag(lower *L) {
    const packed *p = arg_packed(L, 0, PACKED_EMBEDDING);
    table t;
    if (eager_only(L) && packed_table(L, p, &t)) bags_of(L, &t);
}

void aten_quantized_embedding_bag_rowwise(lower *L) {
    sten *w = arg_tensor(L, 0);
    table t;
    if (eager_only(L) && byte_table(L, w, &t)) bags_of(L, &t);
}

/* ---- packing ---- */
static sv one_item(const stype *elem, sv v) {
    slist *l = slist_new(elem, 1);
    if (l && !slist_push(l, v)) {
        sobj_release(&l->head);
        l = NULL;
    }
    return sv_of(l);
}

void aten_quantized_embedding_prepack(lower *L) { /* (1, [weight], [], [bits]) */
    sten *w = arg_tensor(L, 0);
    stuple *t = lower_ok(L) ? stuple_new(4, NULL) : NULL;
    if (t) {
        t->items[0] = sv_int(1);
        t->items[1] = one_item(&stype_tensor, sv_keep(sv_of(w)));
        t->items[2] = sv_of(slist_new(&stype_float, 0));
        t->items[3] = one_item(&stype_int, sv_int(w->q && w->q->type == 16 ? 4 : 8));
    }
    for (int i = 0; t && i < 4; i++)
        if (t->items[i].tag == SV_UNINIT) {
            sobj_release(&t->head);
            t = NULL;
        }
    ret_packed(L, PACKED_EMBEDDING, sv_of(t));
}

void aten_quantized_embedding_unpack(lower *L) {
    const packed *p = arg_packed(L, 0, PACKED_EMBEDDING);
    if (p) ret_tensor(L, p->weight);
}

/* Floats to bytes, row by row: [rows, dim] -> [rows, dim + 8]. */
void aten_quantized_embedding_byte_prepack(lower *L) {
    sten *w = arg_tensor(L, 0);
    if (!eager_only(L)) return;
    if (t_rank(L, w) != 2) lower_raise(L, "RuntimeError", "quantized embedding: a matrix is expected");
    int64_t rows = t_dim_int(L, w, 0), dim = t_dim_int(L, w, 1);
    const float *x = host_data(L, contiguous(L, cast(L, w, NARU_FLOAT)));
    sten *out = lower_ok(L) ? host_new(L, NARU_UINT8, 2, (int64_t[]){rows, dim + 8}) : NULL;
    uint8_t *to = host_data(L, out);
    for (int64_t r = 0; x && to && r < rows; r++, x += dim, to += dim + 8) {
        float low = dim ? x[0] : 0, high = low;
        for (int64_t k = 1; k < dim; k++) low = fminf(low, x[k]), high = fmaxf(high, x[k]);
        float scale = (high - low) / 255.0f, inverse = 255.0f / (high - low + 1e-8f);
        for (int64_t k = 0; k < dim; k++) to[k] = (uint8_t)lrintf((x[k] - low) * inverse);
        memcpy(to + dim, &scale, sizeof scale);
        memcpy(to + dim + sizeof scale, &low, sizeof low);
    }
    ret_tensor(L, out);
}

void aten_quantized_embedding_byte_unpack(lower *L) {
    sten *w = arg_tensor(L, 0);
    table t;
    if (!eager_only(L) || !byte_table(L, w, &t)) return;
    ret_tensor(L, decode(L, &t, evenly(L, t.rows, 1)));
}
