/* SPDX-License-Identifier: MIT
 *
 * embedding_bag: rows of a table gathered and reduced bag by bag (sum, mean, max). Bags are known by data, so the
 * reduction is host work; recorded, a table says which row is in which bag.
 */
#include "script/aten/arith.h"
#include "script/aten/nn.h"

#include <math.h>

enum { SUM, MEAN, MAX };

typedef struct bags {
    int64_t count, rows, dim, padding; /* bags; indices; size of a row; index that does not count (-1: none) */
    int64_t mode;
    const int64_t *index, *offset;
    const double *row, *weight; /* gathered rows; per_sample_weights or NULL */
    double *out;
    int64_t *bag_of, *size, *where; /* where: index of the maximum, [bags, dim] */
} bags;

static int64_t bag_end(const bags *b, int64_t i) { return i + 1 < b->count ? b->offset[i + 1] : b->rows; }

static void reduce_bag(bags *b, int64_t i) {
    double *out = b->out + i * b->dim;
    int64_t n = 0, *where = b->where + i * b->dim;
    for (int64_t k = 0; k < b->dim; k++) out[k] = 0, where[k] = 0;
    for (int64_t r = b->offset[i]; r < bag_end(b, i); r++) {
        b->bag_of[r] = i;
        if (b->index[r] == b->padding) continue;
        double w = b->weight ? b->weight[r] : 1;
        const double *row = b->row + r * b->dim;
        for (int64_t k = 0; k < b->dim; k++) {
            if (b->mode != MAX) out[k] += w * row[k];
            else if (n == 0 || row[k] > out[k]) out[k] = row[k], where[k] = b->index[r];
        }
        n++;
    }
    b->size[i] = n;
    for (int64_t k = 0; b->mode == MEAN && n > 1 && k < b->dim; k++) out[k] /= (double)n;
}

static bool check_bags(lower *L, const bags *b) {
    if (b->mode < SUM || b->mode > MAX) lower_raise(L, "RuntimeError", "embedding_bag: mode must be sum, mean or max");
    else if (b->count > 0 && b->offset[0] != 0)
        lower_raise(L, "RuntimeError",
                    "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                    "However, got %lld",
                    (long long)b->offset[0]);
    else if (b->weight && b->mode != SUM)
        lower_raise(L, "RuntimeError", "embedding_bag: per_sample_weights only supported with mode='sum'");
    for (int64_t i = 0; i < b->count && lower_ok(L); i++)
        if (b->offset[i] < 0 || bag_end(b, i) < b->offset[i] || bag_end(b, i) > b->rows)
            lower_raise(L, "RuntimeError", "embedding_bag: offsets must rise and not pass the number of indices");
    return lower_ok(L);
}

/* Which row is in which bag: bool[bags, rows]. */
static sten *membership(lower *L, sten *index, sten *bag_of, sten *count, int64_t padding) {
    sten *all = EMIT(Range, lit_int(L, 0), count, lit_int(L, 1));
    sten *in = EMIT(Equal, bag_of, view_unsqueeze(L, all, 1));
    return padding < 0 ? in : EMIT(And, in, EMIT(Not, EMIT(Equal, index, lit_int(L, padding))));
}

static void record_bag(lower *L, sten *table, sten *index, sten *offset, sten *weights, int64_t mode, int64_t padding) {
    naru_dtype d = t_dtype(L, table), di = t_dtype(L, index);
    const int64_t across[] = {1};
    index = cast(L, index, NARU_INT64), offset = cast(L, offset, NARU_INT64);
    sten *none = EMIT(Mul, offset, lit_int(L, 0));
    if (arg_bool(L, 7)) offset = view_slice(L, offset, 0, sv_int(0), sv_int(-1), 1); /* the last is where all ends */
    sten *rows = EMITA(Gather, ATTRS(AI("axis", 0)), table, index);
    if (weights) rows = EMIT(Mul, rows, view_unsqueeze(L, cast(L, weights, d), 1));
    sten *place = EMIT(Range, lit_int(L, 0), scalar_tensor(L, t_dim(L, index, 0), NARU_INT64), lit_int(L, 1));
    sten *begun = cast(L, EMIT(LessOrEqual, offset, view_unsqueeze(L, place, 1)), NARU_INT64);
    sten *bag_of = ar_addc(L, ar_reduce(L, &op_ReduceSum, begun, 1, across, false), -1);
    sten *in = membership(L, index, bag_of, scalar_tensor(L, t_dim(L, offset, 0), NARU_INT64), padding);
    sten *size = ar_reduce(L, &op_ReduceSum, cast(L, in, NARU_INT64), 1, across, false), *y, *where = size;
    if (mode == MAX) {
        sten *all = ar_where(L, view_unsqueeze(L, in, 2), rows, lit(L, d, -INFINITY));
        sten *empty = view_unsqueeze(L, EMIT(Equal, size, lit_int(L, 0)), 1);
        y = ar_where(L, empty, lit(L, d, 0), ar_reduce(L, &op_ReduceMax, all, 1, across, false));
        sten *at =
            EMITA(Gather, ATTRS(AI("axis", 0)), index, EMITA(ArgMax, ATTRS(AI("axis", 1), AI("keepdims", 0)), all));
        where = ar_where(L, empty, lit_int(L, 0), at);
    } else {
        y = EMIT(MatMul, cast(L, in, d), rows);
        if (mode == MEAN) y = EMIT(Div, y, view_unsqueeze(L, cast(L, EMIT(Max, size, lit_int(L, 1)), d), 1));
    }
    if (mode == SUM && padding < 0 && d != NARU_DOUBLE) bag_of = view_slice(L, bag_of, 0, sv_int(0), sv_int(0), 1);
    if (mode == SUM) where = size = none;
    ret_tensor(L, y);
    ret_tensor(L, cast(L, bag_of, di));
    ret_tensor(L, cast(L, size, di));
    ret_tensor(L, cast(L, where, di));
}

static void embedding_bag(lower *L, int64_t padding) {
    sten *table = arg_tensor(L, 0), *indices = arg_tensor(L, 1), *offsets = arg_tensor(L, 2);
    sten *weights = arg_tensor_opt(L, 6);
    bool last = arg_bool(L, 7);
    bags b = {.mode = arg_int(L, 4), .padding = padding};
    if (ar_for_export(L)) return record_bag(L, table, indices, offsets, weights, b.mode, padding);
    if (!eager_only(L)) return;
    if (t_rank(L, table) != 2 || t_rank(L, indices) != 1 || t_rank(L, offsets) != 1) {
        lower_raise(L, "RuntimeError", "embedding_bag: a table of two dims, indices and offsets of one are expected");
        return;
    }
    b.rows = t_dim_int(L, indices, 0), b.count = t_dim_int(L, offsets, 0) - (last ? 1 : 0),
    b.dim = t_dim_int(L, table, 1);
    sten *gathered = EMITA(Gather, ATTRS(AI("axis", 0)), table, cast(L, indices, NARU_INT64));
    b.index = host_i64(L, indices), b.offset = host_i64(L, offsets), b.row = host_f64(L, gathered);
    if (weights) b.weight = host_f64(L, weights);
    if (b.count < 0 || !lower_ok(L) || !check_bags(L, &b) || (weights && host_count(weights) != b.rows)) {
        lower_raise(L, "RuntimeError", "embedding_bag: offsets or weights do not fit the indices");
        return;
    }
    int64_t dims[2] = {b.count, b.dim};
    sten *bag_of = host_new(L, NARU_INT64, 1, &b.rows), *size = host_new(L, NARU_INT64, 1, dims);
    sten *where = host_new(L, NARU_INT64, 2, dims);
    b.bag_of = host_data(L, bag_of), b.size = host_data(L, size), b.where = host_data(L, where);
    b.out = b.where ? host_scratch(L, (size_t)(b.count * b.dim) * sizeof *b.out) : NULL;
    if (!b.out) return;
    for (int64_t i = 0; i < b.count; i++) reduce_bag(&b, i);
    ret_tensor(L, host_from_f64(L, t_dtype(L, table), 2, dims, b.out));
    naru_dtype d = t_dtype(L, indices);
    bool quick = b.mode == SUM && b.padding < 0 && t_dtype(L, table) != NARU_DOUBLE;
    if (quick) bag_of = view_slice(L, bag_of, 0, sv_int(0), sv_int(0), 1); /* as PyTorch leaves it */
    if (b.mode == SUM) size = nn_filled(L, NARU_INT64, 0, t_dim(L, offsets, 0));
    ret_tensor(L, cast(L, bag_of, d));
    ret_tensor(L, cast(L, size, d));
    ret_tensor(L, cast(L, b.mode == MAX ? where : size, d));
}

void aten_embedding_bag(lower *L) { embedding_bag(L, -1); }
void aten_embedding_bag_padding(lower *L) {
    int64_t padding = arg_int_or(L, 8, -1);
    sten *table = arg_tensor(L, 0);
    if (padding < 0 && !arg_none(L, 8) && t_rank(L, table) == 2 && padding != -1) padding += t_dim_int(L, table, 0);
    embedding_bag(L, padding);
}
