/* SPDX-License-Identifier: MIT
 *
 * See arith.h; the arithmetic itself is in pointwise.c and unary.c.
 */
#include "script/aten/arith.h"

#include "script/aten/hosted.h"
#include "script/record.h"

bool ar_for_export(const lower *L) {
    return lower_recording(L) && !((const recording *)L->vm->sink_user)->options.region;
}

static bool c_nonzero(double _Complex z) {
    double v[2];
    memcpy(v, &z, sizeof v);
    return v[0] != 0 || v[1] != 0;
}

sten *ar_bool(lower *L, sten *x) {
    return dtype_is_complex(t_dtype(L, x)) ? cmap1_bool(L, x, c_nonzero) : cast(L, x, NARU_BOOL);
}

sten *ar_compare(lower *L, const op_desc *op, sten *a, sten *b) {
    check_broadcast(L, a, b);
    promote2(L, &a, &b);
    if (op != &op_Equal && t_dtype(L, a) == NARU_BOOL) a = cast(L, a, NARU_UINT8), b = cast(L, b, NARU_UINT8);
    return lower_op(L, op, NULL, 2, (sten *[]){a, b});
}

sten *ar_reduce(lower *L, const op_desc *op, sten *x, int n, const int64_t *axes, bool keep) {
    if (t_rank(L, x) == 0) n = 0;
    sten *in[] = {x, n ? lit_ints(L, axes, n) : NULL};
    return lower_op(L, op, ATTRS(AI("keepdims", keep)), n ? 2 : 1, in);
}

static sten *any_over(lower *L, sten *x, int n, const int64_t *axes, bool keep) {
    sten *count = ar_reduce(L, &op_ReduceSum, cast(L, x, NARU_INT64), n, axes, keep);
    return EMIT(Greater, count, lit_int(L, 0));
}

sten *ar_any_axes(lower *L, sten *x, int n, const int64_t *axes, bool keep, bool all) {
    if (lower_recording(L)) {
        if (all) return EMIT(Not, any_over(L, EMIT(Not, x), n, axes, keep));
        return any_over(L, x, n, axes, keep);
    }
    rows r;
    if (!rows_of(L, x, n, axes, keep, &r)) return NULL;
    sten *y = host_new(L, NARU_BOOL, r.rank, r.dims);
    const bool *from = host_data(L, r.x);
    bool *to = y ? host_data(L, y) : NULL;
    for (int64_t i = 0; to && i < r.count; i++) to[i] = (memchr(from + i * r.n, !all, (size_t)r.n) != NULL) != all;
    return y;
}

sten *ar_all(lower *L, sten *x) { return ar_any_axes(L, x, 0, NULL, false, true); }
sten *ar_any(lower *L, sten *x) { return ar_any_axes(L, x, 0, NULL, false, false); }

sv ar_reduced_count(lower *L, sten *x, int n, const int64_t *axes) {
    sv count = sv_int(1);
    if (n == 0 || t_rank(L, x) == 0) return t_numel(L, x);
    for (int i = 0; i < n; i++) count = s_mul(L, count, t_dim(L, x, (int)axes[i]));
    return count;
}

sten *ar_reshape(lower *L, sten *x, int rank, const int64_t *dims) {
    sv s[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) s[i] = sv_int(dims[i]);
    return view_shape(L, x, rank, s, false);
}

sten *ar_flat(lower *L, sten *x) { return ar_reshape(L, x, 1, (int64_t[]){-1}); }
