/* SPDX-License-Identifier: MIT
 *
 * Copies that rearrange whole axes: joining, repeating, reversing, triangles, grids, shuffles of channels and pixels.
 */
#include "script/aten/shape_util.h"

/* ---- joining ---- */
static bool legacy_empty(lower *L, const sten *t) { return t_rank(L, t) == 1 && t_dim_is(L, t, 0, 0); }

static void check_joined(lower *L, int n, sten *const *t, int dim) {
    for (int i = 1; i < n; i++)
        for (int d = 0; lower_ok(L) && d < t_rank(L, t[0]); d++) {
            sv a = t_dim(L, t[0], d), b = t_dim(L, t[i], d);
            if (d != dim && s_known(a) && s_known(b) && a.i != b.i)
                lower_raise(L, "RuntimeError",
                            "Sizes of tensors must match except in dimension %d. Expected size %lld but got size %lld "
                            "for tensor number %d in the list.",
                            dim, (long long)a.i, (long long)b.i, i);
        }
}

/* `dim` counts from the end when negative; empty one-axis tensors join anything, as they always did. */
static sten *joined(lower *L, int n, sten *const *all, int64_t dim) {
    sten **t = pieces_new(L, n);
    int kept = 0;
    if (lower_ok(L) && n == 0) lower_raise(L, "ValueError", "torch.cat(): expected a non-empty list of Tensors");
    if (!t || !lower_ok(L)) return NULL;
    naru_dtype d = promote(L, n, all);
    for (int i = 0; i < n; i++) {
        if (lower_ok(L) && t_rank(L, all[i]) == 0)
            lower_raise(L, "RuntimeError", "zero-dimensional tensor (at position %d) cannot be concatenated", i);
        if (!legacy_empty(L, all[i])) t[kept++] = cast(L, all[i], d);
    }
    if (kept == 0) t[kept++] = cast(L, all[0], d);
    int rank = t_rank(L, t[0]);
    if (lower_ok(L) && (dim < -rank || dim >= rank))
        lower_raise(L, "IndexError", "Dimension out of range (expected to be in range of [%d, %d], but got %lld)",
                    -rank, rank - 1, (long long)dim);
    int axis = (int)(dim < 0 ? dim + rank : dim);
    for (int i = 1; lower_ok(L) && i < kept; i++)
        if (t_rank(L, t[i]) != rank)
            lower_raise(L, "RuntimeError", "Tensors must have same number of dimensions: got %d and %d", rank,
                        t_rank(L, t[i]));
    check_joined(L, kept, t, axis);
    return kept == 1 ? fresh(L, t[0]) : concat(L, kept, t, axis);
}

void aten_cat(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    ret_tensor(L, joined(L, n, t, arg_int(L, 1)));
}

void aten_stack(lower *L) {
    sten **t, **wide;
    int n = arg_tensors(L, 0, &t);
    if (lower_ok(L) && n == 0) lower_raise(L, "RuntimeError", "stack expects a non-empty TensorList");
    if (!(wide = pieces_new(L, n))) return;
    int dim = arg_axis(L, 1, t_rank(L, t[0]) + 1);
    for (int i = 0; lower_ok(L) && i < n; i++) {
        if (!same_sizes(L, t[0], t[i])) {
            sv s[NARU_MAX_RANK];
            char a[200], b[200];
            sizes_text(sizes_of(L, t[0], s), s, a, sizeof a);
            sizes_text(sizes_of(L, t[i], s), s, b, sizeof b);
            lower_raise(L, "RuntimeError",
                        "stack expects each tensor to be equal size, but got %s at entry 0 and %s at entry %d", a, b,
                        i);
        }
        wide[i] = view_unsqueeze(L, t[i], dim);
    }
    ret_tensor(L, lower_ok(L) ? joined(L, n, wide, dim) : NULL);
}

/* hstack and its relatives: each with axes added up to `least`, joined along `dim`. */
static sten *raised(lower *L, sten *t, int least) {
    int rank = t_rank(L, t);
    if (rank == 0) t = view_unsqueeze(L, t, 0), rank = 1;
    if (rank == 1 && least > 1) t = view_unsqueeze(L, t, 0), rank = 2;
    return rank == 2 && least == 3 ? view_unsqueeze(L, t, 2) : t;
}
static void ret_joined_raised(lower *L, int least, int dim) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    for (int i = 0; i < n; i++) t[i] = raised(L, t[i], least);
    if (dim < 0) dim = n && t_rank(L, t[0]) > 1 ? 1 : 0;
    ret_tensor(L, joined(L, n, t, dim));
}
void aten_hstack(lower *L) { ret_joined_raised(L, 1, -1); }
void aten_vstack(lower *L) { ret_joined_raised(L, 2, 0); }
void aten_dstack(lower *L) { ret_joined_raised(L, 3, 2); }
void aten_column_stack(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    for (int i = 0; i < n; i++) {
        if (t_rank(L, t[i]) == 0) t[i] = view_unsqueeze(L, t[i], 0);
        if (t_rank(L, t[i]) == 1) t[i] = view_unsqueeze(L, t[i], 1);
    }
    ret_tensor(L, joined(L, n, t, 1));
}

void aten_block_diag(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    sv width = sv_int(0), left = sv_int(0);
    if (lower_ok(L) && n == 0) { /* a matrix of nothing */
        ret_tensor(L, filled(L, NARU_FLOAT, 2, (sv[]){sv_int(1), sv_int(0)}, sv_int(0)));
        return;
    }
    naru_dtype d = promote(L, n, t);
    for (int i = 0; i < n; i++) {
        t[i] = cast(L, raised(L, t[i], 2), d);
        if (lower_ok(L) && t_rank(L, t[i]) > 2)
            lower_raise(L, "RuntimeError", "torch.block_diag: Input tensors must have 2 or fewer dimensions");
        width = s_add(L, width, t_dim(L, t[i], 1));
    }
    for (int i = 0; i < n; i++) {
        sv end = s_add(L, left, t_dim(L, t[i], 1));
        t[i] = pad_constant(L, t[i], (sv[]){sv_int(0), left}, (sv[]){sv_int(0), s_sub(L, width, end)}, lit(L, d, 0));
        left = end;
    }
    ret_tensor(L, concat(L, n, t, 0));
}

/* ---- undoing a broadcast ---- */
void aten_sum_to_size(lower *L) { /* size None: as it is */
    sten *t = arg_tensor(L, 0);
    sv own[NARU_MAX_RANK], want[NARU_MAX_RANK];
    int64_t axes[NARU_MAX_RANK];
    int rank = sizes_of(L, t, own), n = arg_sints(L, 1, want), lead = rank - n, k = 0;
    bool fits = lead >= 0;
    for (int i = 0; fits && i < rank; i++) {
        bool one = i >= lead && s_is(want[i - lead], 1) && !s_is(own[i], 1);
        if (i < lead || one) axes[k++] = i;
        else if (s_known(own[i]) && s_known(want[i - lead])) fits = own[i].i == want[i - lead].i;
    }
    if (lower_ok(L) && !fits) {
        char a[200], b[200];
        sizes_text(n, want, a, sizeof a);
        sizes_text(rank, own, b, sizeof b);
        lower_raise(L, "RuntimeError", "size {%s} is not expandable to size {%s}.", a, b);
    }
    if (!lower_ok(L) || k == 0 || arg_none(L, 1)) {
        ret_tensor(L, t);
        return;
    }
    sten *sum = EMITA(ReduceSum, ATTRS(AI("keepdims", 1)), t, lit_ints(L, axes, k));
    ret_tensor(L, reshaped(L, sum, n, want));
}

/* ---- repeating ---- */
static void ret_repeated(lower *L, sten *t, int n, sv *times) {
    int rank = t_rank(L, t);
    for (int i = 0; lower_ok(L) && i < n; i++)
        if (s_known(times[i]) && times[i].i < 0)
            lower_raise(L, "RuntimeError", "Trying to create tensor with negative dimension %lld",
                        (long long)times[i].i);
    for (int i = rank; i < n; i++) t = view_unsqueeze(L, t, 0);
    ret_tensor(L, n == 0 ? fresh(L, t) : tiled(L, t, n, times));
}

void aten_repeat(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv times[NARU_MAX_RANK];
    int n = arg_sints(L, 1, times);
    if (lower_ok(L) && n < t_rank(L, t))
        lower_raise(L, "RuntimeError",
                    "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
    if (lower_ok(L)) ret_repeated(L, t, n, times);
}

void aten_tile(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv given[NARU_MAX_RANK], times[NARU_MAX_RANK];
    int n = arg_sints(L, 1, given), rank = t_rank(L, t), all = n > rank ? n : rank;
    for (int i = 0; i < all; i++) times[i] = i < all - n ? sv_int(1) : given[i - (all - n)];
    if (lower_ok(L)) ret_repeated(L, t, all, times);
}

void aten_repeat_interleave_int(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv n = arg_sint(L, 1), times[NARU_MAX_RANK], s[NARU_MAX_RANK];
    if (lower_ok(L) && s_known(n) && n.i < 0) lower_raise(L, "RuntimeError", "Repeats must be non-negative");
    bool flattened = arg_none(L, 2);
    if (flattened) t = flat(L, t);
    int rank = t_rank(L, t), dim = flattened ? 0 : arg_axis(L, 2, rank);
    if (rank == 0) t = view_unsqueeze(L, t, 0), rank = lower_ok(L);
    for (int i = 0; i <= rank && i < NARU_MAX_RANK; i++) times[i] = i == dim + 1 ? n : sv_int(1);
    sizes_with(L, t, dim, s_mul(L, t_dim(L, t, dim), n), s);
    ret_tensor(L, reshaped(L, tiled(L, view_unsqueeze(L, t, dim + 1), rank + 1, times), rank, s));
}

/* Index i repeats[i] times, as a constant. */
static sten *interleaved(lower *L, sten *repeats, int64_t n) {
    if (!eager_only(L)) return NULL;
    const int64_t *times = host_i64(L, repeats);
    int64_t count = host_count(repeats), total = 0, k = 0;
    for (int64_t i = 0; times && i < n; i++) {
        int64_t r = times[count == 1 ? 0 : i];
        if (r < 0) lower_raise(L, "RuntimeError", "repeats can not be negative");
        if (r >= 0 && !i64_add(total, r, &total)) lower_fail(L, NARU_OUT_OF_MEMORY, "too many repeats");
    }
    sten *out = host_new(L, NARU_INT64, 1, &total);
    int64_t *v = host_data(L, out);
    for (int64_t i = 0; v && i < n; i++)
        for (int64_t j = times[count == 1 ? 0 : i]; j > 0; j--) v[k++] = i;
    return out;
}

void aten_repeat_interleave(lower *L) {
    sten *t = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, t) != 1)
        lower_raise(L, "RuntimeError", "repeat_interleave only accept 1D vector as repeat");
    sten *out = interleaved(L, t, t_dim_int(L, t, 0));
    ret_tensor(L, cast(L, out, t_dtype(L, t)));
}

void aten_repeat_interleave_tensor(lower *L) {
    sten *t = arg_tensor(L, 0), *repeats = arg_tensor(L, 1);
    bool flattened = arg_none(L, 2);
    if (flattened) t = flat(L, t);
    int dim = flattened ? 0 : arg_axis(L, 2, t_rank(L, t));
    if (t_rank(L, t) == 0) t = view_unsqueeze(L, t, 0);
    int64_t n = t_dim_int(L, t, dim), m = s_need(L, t_numel(L, repeats));
    if (lower_ok(L) && t_rank(L, repeats) > 1) lower_raise(L, "RuntimeError", "repeats must be 0-dim or 1-dim tensor");
    if (lower_ok(L) && m != 1 && m != n)
        lower_raise(L, "RuntimeError",
                    "repeats must have the same size as input along dim, but got repeats.size(0) = %lld and "
                    "input.size(%d) = %lld",
                    (long long)m, dim, (long long)n);
    ret_tensor(L, gather_axis(L, t, interleaved(L, repeats, n), dim));
}

/* ---- reversing and turning ---- */
static sten *flipped(lower *L, sten *t, int n, const int64_t *axes) {
    int64_t from[NARU_MAX_RANK], to[NARU_MAX_RANK], step[NARU_MAX_RANK];
    if (n == 0 || t_rank(L, t) == 0) return fresh(L, t);
    for (int i = 0; i < n; i++) from[i] = -1, to[i] = INT64_MIN + 1, step[i] = -1;
    sten *ends = lit_ints(L, to, n), *by = lit_ints(L, step, n);
    return moved(L, EMIT(Slice, t, lit_ints(L, from, n), ends, lit_ints(L, axes, n), by), t);
}

void aten_flip(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t axes[NARU_MAX_RANK];
    int n = arg_axes(L, 1, t_rank(L, t), axes);
    ret_tensor(L, flipped(L, t, n, axes));
}
static void ret_flipped(lower *L, int64_t axis) {
    sten *t = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, t) <= axis)
        lower_raise(L, "RuntimeError", "Input must be >= %lld-d.", (long long)axis + 1);
    ret_tensor(L, flipped(L, t, 1, &axis));
}
void aten_fliplr(lower *L) { ret_flipped(L, 1); }
void aten_flipud(lower *L) { ret_flipped(L, 0); }

static sten *rolled(lower *L, sten *t, sv shift, int dim) {
    sv n = t_dim(L, t, dim);
    if (!lower_ok(L) || s_is(n, 0)) return fresh(L, t);
    sv k = s_sub(L, shift, s_mul(L, s_floordiv(L, shift, n), n)), start = s_sub(L, n, k); /* k in [0, n) */
    sten *parts[] = {view_slice(L, t, dim, start, sv_int(INT64_MAX), 1), view_slice(L, t, dim, sv_int(0), start, 1)};
    return concat(L, 2, parts, dim);
}

void aten_roll(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv shift[NARU_MAX_RANK], s[NARU_MAX_RANK];
    int64_t dims[NARU_MAX_RANK];
    int n = arg_sints(L, 1, shift), rank = sizes_of(L, t, s), m = arg_ints(L, 2, dims);
    if (lower_ok(L) && (n == 0 || (n != m && !(n == 1 && m == 0))))
        lower_raise(L, "RuntimeError", "shifts and dimensions must align. shifts: %d, dims:%d", n, m);
    if (m == 0) {
        ret_tensor(L, reshaped(L, rolled(L, flat(L, t), shift[0], 0), rank, s));
        return;
    }
    if (rank == 0) t = fresh(L, t);
    for (int i = 0; lower_ok(L) && rank && i < m; i++) {
        if (dims[i] < -rank || dims[i] >= rank)
            lower_raise(L, "IndexError", "Dimension out of range (expected to be in range of [%d, %d], but got %lld)",
                        -rank, rank - 1, (long long)dims[i]);
        else t = rolled(L, t, shift[i], (int)(dims[i] < 0 ? dims[i] + rank : dims[i]));
    }
    ret_tensor(L, t);
}

void aten_rot90(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t k = arg_int(L, 1), d[NARU_MAX_RANK];
    int rank = t_rank(L, t), n = arg_ints(L, 2, d);
    if (lower_ok(L) && n != 2)
        lower_raise(L, "RuntimeError", "expected total rotation dims == 2, but got dims = %d", n);
    if (lower_ok(L) && rank < 2)
        lower_raise(L, "RuntimeError", "expected total dims >= 2, but got total dims = %d", rank);
    for (int i = 0; lower_ok(L) && i < 2; i++) {
        if (d[i] < -rank || d[i] >= rank)
            lower_raise(L, "RuntimeError", "Rotation dim%d out of range, dim%d = %lld", i, i, (long long)d[i]);
        if (d[i] < 0) d[i] += rank;
    }
    if (lower_ok(L) && d[0] == d[1])
        lower_raise(L, "RuntimeError", "expected rotation dims to be different, but got dim0 = %lld and dim1 = %lld",
                    (long long)d[0], (long long)d[1]);
    if (!lower_ok(L)) return;
    switch ((k % 4 + 4) % 4) {
    case 1: ret_tensor(L, view_transpose(L, flipped(L, t, 1, &d[1]), (int)d[0], (int)d[1])); break;
    case 2: ret_tensor(L, flipped(L, t, 2, d)); break;
    case 3: ret_tensor(L, view_transpose(L, flipped(L, t, 1, &d[0]), (int)d[0], (int)d[1])); break;
    default: ret_tensor(L, fresh(L, t));
    }
}

/* ---- triangles and diagonals ---- */
static sten *triangle(lower *L, sten *t, sv k, bool upper) {
    if (!dtype_is_complex(t_dtype(L, t)))
        return EMITA(Trilu, ATTRS(AI("upper", upper)), t, scalar_tensor(L, k, NARU_INT64));
    sten *parts = view_complex(L, t, false); /* [.., m, n, 2] to [2, .., m, n] and back */
    int rank = t_rank(L, parts);
    int64_t to[NARU_MAX_RANK], back[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) to[i] = i ? i - 1 : rank - 1, back[i] = i + 1 < rank ? i + 1 : 0;
    return view_complex(L, contiguous(L, view_permute(L, triangle(L, view_permute(L, parts, to), k, upper), back)),
                        true);
}
static void ret_triangle(lower *L, const char *name, bool upper) {
    sten *t = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, t) < 2)
        lower_raise(L, "RuntimeError", "%s: input tensor must have at least 2 dimensions", name);
    ret_tensor(L, triangle(L, t, arg_sint(L, 1), upper));
}
void aten_tril(lower *L) { ret_triangle(L, "tril", false); }
void aten_triu(lower *L) { ret_triangle(L, "triu", true); }

/* Zeros with t's last axis along a diagonal of the axes a and b of the result: the row of values, chosen where an
 * identity matrix says so. */
static sten *embedded(lower *L, sten *t, int64_t offset, int a, int b) {
    int rank = t_rank(L, t) + 1, k = 0;
    naru_dtype d = t_dtype(L, t);
    sv before[NARU_MAX_RANK], after[NARU_MAX_RANK], n;
    int64_t perm[NARU_MAX_RANK];
    if (rank > NARU_MAX_RANK) lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
    if (offset < -INT32_MAX || offset > INT32_MAX) lower_fail(L, NARU_OUT_OF_MEMORY, "a diagonal too far out");
    if (!lower_ok(L)) return NULL;
    for (int i = 0; i < rank; i++) before[i] = after[i] = sv_int(0);
    before[rank - 2] = sv_int(offset > 0 ? offset : 0);
    after[rank - 2] = sv_int(offset < 0 ? -offset : 0);
    n = s_add(L, t_dim(L, t, -1), sv_int(offset < 0 ? -offset : offset));
    sten *zero = lit(L, d, 0), *values = view_unsqueeze(L, pad_constant(L, t, before, after, zero), rank - 2);
    sten *place = EMITA(EyeLike, ATTRS(AI("k", offset)), filled(L, NARU_BOOL, 2, (sv[]){n, n}, sv_int(0)));
    for (int i = 0; i < rank; i++) perm[i] = i == a ? rank - 2 : i == b ? rank - 1 : k++;
    return view_permute(L, EMIT(Where, place, values, zero), perm);
}

void aten_diag_embed(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t) + 1, a = arg_axis(L, 2, rank), b = arg_axis(L, 3, rank);
    if (lower_ok(L) && rank == 1) lower_raise(L, "RuntimeError", "diag_embed needs at least one dimension");
    if (lower_ok(L) && a == b) lower_raise(L, "RuntimeError", "diagonal dimensions cannot be identical %d, %d", a, b);
    ret_tensor(L, lower_ok(L) ? embedded(L, t, arg_int(L, 1), a, b) : NULL);
}

void aten_diag(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    int64_t offset = arg_int(L, 1);
    if (lower_ok(L) && rank != 1 && rank != 2)
        lower_raise(L, "RuntimeError", "diag(): Supports 1D or 2D tensors. Got %dD", rank);
    if (!lower_ok(L)) return;
    ret_tensor(L, rank == 1 ? embedded(L, t, offset, 0, 1) : fresh(L, view_diagonal(L, t, offset, 0, 1)));
}

void aten_diagflat(lower *L) {
    sten *t = flat(L, arg_tensor(L, 0));
    ret_tensor(L, lower_ok(L) ? embedded(L, t, arg_int(L, 1), 0, 1) : NULL);
}

void aten_fill_diagonal_(lower *L) {
    sten *self = arg_tensor(L, 0);
    int rank = t_rank(L, self);
    bool wrap = arg_bool(L, 2);
    if (lower_ok(L) && rank < 2) lower_raise(L, "RuntimeError", "dimensions must larger than 1");
    int64_t n = t_dim_int(L, self, 0), m = rank > 1 ? t_dim_int(L, self, 1) : 0;
    for (int i = 1; lower_ok(L) && rank > 2 && i < rank; i++)
        if (t_dim_int(L, self, i) != n)
            lower_raise(L, "RuntimeError", "all dimensions of input must be of equal length");
    sten *number = scalar_tensor(L, arg_scalar(L, 1), t_dtype(L, self)), *line = self;
    for (int i = 1; i < rank; i++) line = view_diagonal(L, line, 0, 0, t_rank(L, line) - 1);
    write_to(L, line, number);
    for (int64_t from = m + 1; wrap && rank == 2 && m > 0 && lower_ok(L) && from < n; from += m + 1) /* a tall matrix */
        write_to(L, view_diagonal(L, view_slice(L, self, 0, sv_int(from), sv_int(n), 1), 0, 0, 1), number);
    ret_tensor(L, self);
}
