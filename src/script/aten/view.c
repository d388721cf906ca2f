/* SPDX-License-Identifier: MIT
 *
 * Views one by one: reshape and its relatives, permutations, selection, expansion, aliases. Each do_ function gives the
 * view; the plain form returns it, the _copy form a copy of it, the in-place form makes its first argument become it.
 */
#include "script/aten/shape_util.h"

#define VIEW(name)                                                                                                     \
    void aten_##name(lower *L) { ret_tensor(L, do_##name(L)); }
#define VIEW_AND_COPY(name)                                                                                            \
    VIEW(name)                                                                                                         \
    void aten_##name##_copy(lower *L) { ret_tensor(L, fresh(L, do_##name(L))); }
#define VIEW_IN_PLACE(name)                                                                                            \
    void aten_##name##_(lower *L) { become(L, do_##name(L)); }

/* ---- new dims ---- */
static sten *do_view(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 1, s);
    return view_shape(L, arg_tensor(L, 0), n, s, true);
}
VIEW_AND_COPY(view)

static sten *do_reshape(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 1, s);
    return reshaped(L, arg_tensor(L, 0), n, s);
}
VIEW(reshape)
/* fresh() of what may be a copy already: rare enough */
void aten__reshape_copy(lower *L) { ret_tensor(L, fresh(L, do_reshape(L))); }

static sten *do_view_as(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, arg_tensor(L, 1), s);
    return view_shape(L, arg_tensor(L, 0), n, s, true);
}
VIEW(view_as)

static sten *do_reshape_as(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, arg_tensor(L, 1), s);
    return reshaped(L, arg_tensor(L, 0), n, s);
}
VIEW(reshape_as)

void aten__reshape_from_tensor(lower *L) {
    sten *shape = arg_tensor(L, 1);
    int64_t n = t_dim_int(L, shape, 0);
    sv s[NARU_MAX_RANK];
    if (lower_ok(L) && n > NARU_MAX_RANK) lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
    for (int i = 0; lower_ok(L) && i < n; i++) s[i] = item(L, view_select(L, shape, 0, sv_int(i)));
    ret_tensor(L, lower_ok(L) ? reshaped(L, arg_tensor(L, 0), (int)n, s) : NULL);
}

/* The bytes under another element type: the last axis takes a change of size. */
static bool retyped_dims(lower *L, const sten *t, int64_t from, int64_t to, int64_t *dims, int64_t *strides) {
    int rank = t->t.rank, last = rank - 1;
    for (int i = 0; i < rank; i++) dims[i] = t->t.dims[i], strides[i] = t->t.strides[i];
    if (from == to) return true;
    if (rank == 0 || strides[last] != 1) {
        lower_raise(L, "RuntimeError", "self.dim() and self.stride(-1) must allow to view the tensor as another size");
        return false;
    }
    int64_t offset = storage_offset_of(t);
    bool fits = true;
    for (int i = 0; i < last; i++) {
        fits = fits && strides[i] * from % to == 0;
        strides[i] = strides[i] * from / to;
    }
    if (!fits || dims[last] * from % to || offset * from % to) {
        lower_raise(L, "RuntimeError",
                    "self.size(-1), strides and storage offset must be divisible by %lld to view the tensor "
                    "as a type of another size",
                    (long long)(to / from));
        return false;
    }
    dims[last] = dims[last] * from / to;
    return true;
}

static sten *do_view_dtype(lower *L) {
    sten *t = arg_tensor(L, 0);
    naru_dtype d = arg_dtype(L, 1, NARU_UNDEFINED);
    if (!lower_ok(L)) return NULL;
    if (d == t_dtype(L, t)) return view_alias(L, t);
    int from = naru_dtype_bits(t_dtype(L, t)), to = naru_dtype_bits(d);
    if (lower_recording(L) && from == to) return EMITA(BitCast, ATTRS(AI("to", (int)d)), t);
    if (!eager_only(L)) return NULL;
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK];
    if (from % 8 || to % 8 || !retyped_dims(L, t, from / 8, to / 8, dims, strides)) return NULL;
    return lower_own(L, sten_view(t->t.storage, t->t.data, d, t->t.rank, dims, strides));
}
VIEW_AND_COPY(view_dtype)

static sten *do_flatten(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, t, s), from = arg_axis(L, 1, rank), to = arg_axis(L, 2, rank);
    if (!lower_ok(L)) return NULL;
    if (from > to) {
        lower_raise(L, "RuntimeError", "flatten() has invalid args: start_dim cannot come after end_dim");
        return NULL;
    }
    if (rank == 0) return view_unsqueeze(L, t, 0);
    if (from == to) return t;
    s[from] = sizes_product(L, from, to + 1, s);
    for (int i = to + 1; i < rank; i++) s[from + i - to] = s[i];
    return reshaped(L, t, rank - (to - from), s);
}
VIEW(flatten)

static sten *do_unflatten(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK], piece[NARU_MAX_RANK], out[2 * NARU_MAX_RANK];
    int rank = sizes_of(L, t, s), dim = arg_axis(L, 1, rank), n = arg_sints(L, 2, piece), hole = -1;
    if (lower_ok(L) && n == 0) lower_raise(L, "RuntimeError", "unflatten: sizes must be non-empty");
    if (!lower_ok(L)) return NULL;
    sv size = rank ? s[dim] : sv_int(1), product = sv_int(1);
    for (int i = 0; i < n; i++) {
        if (s_is(piece[i], -1)) hole = i;
        else product = s_mul(L, product, piece[i]);
    }
    if (hole >= 0) {
        piece[hole] = s_is(product, 0) ? sv_int(0) : s_floordiv(L, size, product);
        product = s_mul(L, product, piece[hole]);
    }
    if (s_known(product) && s_known(size) && product.i != size.i) {
        lower_raise(L, "RuntimeError",
                    "unflatten: the provided sizes don't multiply up to the size of dim %d (%lld) in the input tensor",
                    dim, (long long)size.i);
        return NULL;
    }
    int k = 0;
    for (int i = 0; i < dim; i++) out[k++] = s[i];
    for (int i = 0; i < n; i++) out[k++] = piece[i];
    for (int i = dim + 1; i < rank; i++) out[k++] = s[i];
    return view_shape(L, t, k, out, true);
}
VIEW(unflatten)

static sten *do_ravel(lower *L) { return flat(L, contiguous(L, arg_tensor(L, 0))); }
VIEW(ravel)

static sten *do_squeeze(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t dims[NARU_MAX_RANK];
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) dims[i] = i;
    return view_squeeze(L, t, rank, dims);
}
VIEW_AND_COPY(squeeze)
VIEW_IN_PLACE(squeeze)

static sten *do_squeeze_dims(lower *L) { /* also .dim: one int is a list of one */
    sten *t = arg_tensor(L, 0);
    int64_t dims[NARU_MAX_RANK];
    int n = arg_axes(L, 1, t_rank(L, t), dims);
    return view_squeeze(L, t, n, dims);
}
VIEW_AND_COPY(squeeze_dims)
VIEW_IN_PLACE(squeeze_dims)

static sten *do_unsqueeze(lower *L) {
    sten *t = arg_tensor(L, 0);
    int dim = arg_axis(L, 1, t_rank(L, t) + 1);
    return view_unsqueeze(L, t, dim);
}
VIEW_AND_COPY(unsqueeze)
VIEW_IN_PLACE(unsqueeze)

/* ---- the order of axes ---- */
static sten *do_transpose(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t), a = arg_axis(L, 1, rank), b = arg_axis(L, 2, rank);
    return view_transpose(L, t, a, b);
}
VIEW_AND_COPY(transpose)
VIEW_IN_PLACE(transpose)

static sten *do_t(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (rank > 2) lower_raise(L, "RuntimeError", "t() expects a tensor with <= 2 dimensions, but self is %dD", rank);
    return rank < 2 ? view_alias(L, t) : view_transpose(L, t, 0, 1);
}
VIEW_AND_COPY(t)
VIEW_IN_PLACE(t)

static sten *do_numpy_T(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t perm[NARU_MAX_RANK];
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
    return view_permute(L, t, perm);
}
VIEW(numpy_T)

static sten *do_mT(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank < 2) {
        lower_raise(L, "RuntimeError",
                    "tensor.mT is only supported on matrices or batches of matrices. Got %d-D tensor.", rank);
        return NULL;
    }
    return view_transpose(L, t, rank - 2, rank - 1);
}
VIEW(mT)

static sten *conjugate(lower *L, sten *t) {
    if (!dtype_is_complex(t_dtype(L, t))) return t;
    sten *parts = view_complex(L, t, false);
    naru_dtype d = t_dtype(L, parts);
    sten *sign =
        EMITA(Concat, ATTRS(AI("axis", 0)), view_unsqueeze(L, lit(L, d, 1), 0), view_unsqueeze(L, lit(L, d, -1), 0));
    return view_complex(L, EMIT(Mul, parts, sign), true);
}

static sten *do_adjoint(lower *L) { return conjugate(L, do_mT(L)); } /* mH */
VIEW(adjoint)

static sten *do_matrix_H(lower *L) { return conjugate(L, do_t(L)); }
VIEW(matrix_H)

static sten *do_permute(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t perm[NARU_MAX_RANK];
    int rank = t_rank(L, t), n = arg_ints(L, 1, perm);
    for (int i = 0; lower_ok(L) && n == rank && i < n; i++)
        for (int j = 0; j < i; j++)
            if (perm[i] == perm[j] || perm[i] == perm[j] - rank || perm[i] == perm[j] + rank)
                lower_raise(L, "RuntimeError", "permute(): duplicate dims are not allowed.");
    if (lower_ok(L)) n = arg_axes(L, 1, rank, perm);
    if (lower_ok(L) && n != rank) {
        lower_raise(L, "RuntimeError",
                    "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                    "desired ordering of dimensions i.e. input.dim() = %d is not equal to len(dims) = %d",
                    rank, n);
        return NULL;
    }
    return view_permute(L, t, perm);
}
VIEW_AND_COPY(permute)

static sten *do_movedim(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t from[NARU_MAX_RANK], to[NARU_MAX_RANK], perm[NARU_MAX_RANK];
    bool taken[NARU_MAX_RANK] = {false};
    int rank = t_rank(L, t), n = arg_axes(L, 1, rank, from), m = arg_axes(L, 2, rank, to), next = 0;
    if (lower_ok(L) && n != m)
        lower_raise(L, "RuntimeError",
                    "movedim: Invalid source or destination dims: source (%d dims) should contain the same number of "
                    "dims as destination (%d dims)",
                    n, m);
    if (!lower_ok(L) || rank == 0) return view_alias(L, t);
    for (int i = 0; i < rank; i++) perm[i] = -1;
    for (int i = 0; i < n; i++) {
        perm[to[i]] = from[i];
        taken[from[i]] = true;
    }
    for (int i = 0; i < rank; i++) {
        if (perm[i] >= 0) continue;
        while (taken[next]) next++;
        perm[i] = next++;
    }
    return view_permute(L, t, perm);
}
VIEW(movedim)

/* ---- parts ---- */
static sten *do_select(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0) lower_raise(L, "IndexError", "select() cannot be applied to a 0-dim tensor.");
    int dim = arg_axis(L, 1, rank);
    sv i = arg_sint(L, 2), size = t_dim(L, t, dim);
    if (s_known(i) && s_known(size) && (i.i < -size.i || i.i >= size.i)) {
        sv s[NARU_MAX_RANK];
        char text[256];
        sizes_text(sizes_of(L, t, s), s, text, sizeof text);
        lower_raise(L, "IndexError", "select(): index %lld out of range for tensor of size %s at dimension %d",
                    (long long)i.i, text, dim);
    }
    return view_select(L, t, dim, i);
}
VIEW_AND_COPY(select)

static sten *slice_at(lower *L, sten *t, int first) { /* arguments dim, start, end, step from `first` on */
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0) lower_raise(L, "IndexError", "slice() cannot be applied to a 0-dim tensor.");
    int dim = arg_axis(L, first, rank);
    sv start = arg_sint_or(L, first + 1, 0), end = arg_sint_or(L, first + 2, INT64_MAX);
    return view_slice(L, t, dim, start, end, arg_int(L, first + 3));
}
static sten *do_slice(lower *L) { return slice_at(L, arg_tensor(L, 0), 1); }
VIEW_AND_COPY(slice)

static sten *narrowed(lower *L, sv start) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0) lower_raise(L, "RuntimeError", "narrow() cannot be applied to a 0-dim tensor.");
    int dim = arg_axis(L, 1, rank);
    sv len = arg_sint(L, 3), size = t_dim(L, t, dim);
    if (s_known(len) && len.i < 0) lower_raise(L, "RuntimeError", "narrow(): length must be non-negative.");
    if (s_known(start) && s_known(size) && (start.i < -size.i || start.i > size.i))
        lower_raise(L, "IndexError", "start out of range (expected to be in range of [%lld, %lld], but got %lld)",
                    (long long)-size.i, (long long)size.i, (long long)start.i);
    if (s_known(start) && start.i < 0) start = s_add(L, start, size);
    if (lower_ok(L) && s_known(start) && s_known(len) && s_known(size) && start.i > size.i - len.i)
        lower_raise(L, "RuntimeError", "start (%lld) + length (%lld) exceeds dimension size (%lld).",
                    (long long)start.i, (long long)len.i, (long long)size.i);
    return view_slice(L, t, dim, start, s_add(L, start, len), 1);
}
static sten *do_narrow(lower *L) { return narrowed(L, arg_sint(L, 2)); } /* a 0-d tensor as start is read */
VIEW_AND_COPY(narrow)

static sten *do_diagonal(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t), a = arg_axis(L, 2, rank), b = arg_axis(L, 3, rank);
    if (lower_ok(L) && a == b) lower_raise(L, "RuntimeError", "diagonal dimensions cannot be identical %d, %d", a, b);
    return view_diagonal(L, t, arg_int(L, 1), a, b);
}
VIEW_AND_COPY(diagonal)

static sten *do_unfold(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t), dim = arg_axis(L, 1, rank);
    int64_t size = arg_int(L, 2), step = arg_int(L, 3);
    if (lower_ok(L) && size < 0) lower_raise(L, "RuntimeError", "size is %lld but must be >= 0", (long long)size);
    if (lower_ok(L) && step <= 0) lower_raise(L, "RuntimeError", "step is %lld but must be > 0", (long long)step);
    if (rank > 0) return view_unfold(L, t, dim, size, step);
    return view_select(L, view_unfold(L, view_unsqueeze(L, t, 0), 0, size, step), 0, sv_int(0));
}
VIEW_AND_COPY(unfold)

static sten *strided(lower *L, sten *t, int first) { /* arguments size, stride, storage_offset from `first` on */
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK];
    int n = arg_ints(L, first, dims), m = arg_ints(L, first + 1, strides);
    if (!lower_ok(L)) return NULL;
    if (n != m) lower_raise(L, "RuntimeError", "mismatch in length of strides and shape: %d sizes, %d strides", n, m);
    for (int i = 0; i < m && i < n; i++)
        if (strides[i] < 0)
            lower_raise(L, "RuntimeError", "as_strided: Negative strides are not supported at the moment");
    int64_t own = lower_recording(L) ? 0 : storage_offset_of(t);
    return view_strided(L, t, n, dims, strides, arg_int_or(L, first + 2, own));
}
static sten *do_as_strided(lower *L) { return strided(L, arg_tensor(L, 0), 1); }
VIEW_AND_COPY(as_strided)
VIEW_IN_PLACE(as_strided)

static sten *do__reshape_alias(lower *L) { return do_view(L); } /* the strides follow from the sizes */
VIEW_AND_COPY(_reshape_alias)

/* ---- expansion ---- */
static sten *expanded(lower *L, sten *t, int n, const sv *s) { /* view_expand with PyTorch's words */
    sv own[NARU_MAX_RANK];
    int rank = sizes_of(L, t, own);
    for (int i = n - 1, k = rank - 1; i >= 0 && k >= 0; i--, k--) {
        if (!s_known(s[i]) || !s_known(own[k]) || s[i].i == own[k].i || s_is(own[k], 1) || s_is(s[i], -1)) continue;
        char want[200], have[200];
        sizes_text(n, s, want, sizeof want);
        sizes_text(rank, own, have, sizeof have);
        lower_raise(L, "RuntimeError",
                    "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                    "dimension %d.  Target sizes: %s.  Tensor sizes: %s",
                    (long long)s[i].i, (long long)own[k].i, i, want, have);
    }
    return view_expand(L, t, n, s);
}

static sten *do_expand(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 1, s);
    return expanded(L, arg_tensor(L, 0), n, s);
}
VIEW_AND_COPY(expand)

static sten *do_expand_as(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, arg_tensor(L, 1), s);
    return expanded(L, arg_tensor(L, 0), n, s);
}
VIEW(expand_as)

void aten_broadcast_tensors(lower *L) {
    sten **t, **out;
    sv s[NARU_MAX_RANK];
    int n = arg_tensors(L, 0, &t), rank = broadcast_sizes(L, n, t, s);
    if (!(out = pieces_new(L, n))) return;
    for (int i = 0; i < n; i++) out[i] = view_expand(L, t[i], rank, s);
    ret_tensors(L, n, out);
}

/* ---- aliases ---- */
static sten *do_alias(lower *L) { return view_alias(L, arg_tensor(L, 0)); }
VIEW_AND_COPY(alias)
void aten_itself(lower *L) { ret_tensor(L, arg_tensor(L, 0)); }

static sten *do_view_as_real(lower *L) { return view_complex(L, arg_tensor(L, 0), false); }
VIEW_AND_COPY(view_as_real)
static sten *do_view_as_complex(lower *L) { return view_complex(L, arg_tensor(L, 0), true); }
VIEW_AND_COPY(view_as_complex)

/* ---- a copy with a part replaced ---- */
static void ret_scattered(lower *L, sten *copy, sten *part) {
    sten *src = arg_tensor(L, 1);
    if (lower_ok(L) && !same_sizes(L, part, src)) {
        sv s[NARU_MAX_RANK];
        char a[256], b[256];
        sizes_text(sizes_of(L, src, s), s, a, sizeof a);
        sizes_text(sizes_of(L, part, s), s, b, sizeof b);
        lower_raise(L, "RuntimeError",
                    "expected src to have a size equal to the slice of self. src size = %s, "
                    "slice size = %s",
                    a, b);
    }
    write_to(L, part, src);
    ret_tensor(L, copy);
}

void aten_select_scatter(lower *L) {
    sten *copy = fresh(L, arg_tensor(L, 0));
    int dim = arg_axis(L, 2, t_rank(L, copy));
    ret_scattered(L, copy, view_select(L, copy, dim, arg_sint(L, 3)));
}

void aten_slice_scatter(lower *L) {
    sten *copy = fresh(L, arg_tensor(L, 0));
    ret_scattered(L, copy, slice_at(L, copy, 2));
}

void aten_diagonal_scatter(lower *L) {
    sten *copy = fresh(L, arg_tensor(L, 0));
    int rank = t_rank(L, copy), a = arg_axis(L, 3, rank), b = arg_axis(L, 4, rank);
    ret_scattered(L, copy, view_diagonal(L, copy, arg_int(L, 2), a, b));
}

void aten_as_strided_scatter(lower *L) {
    sten *copy = fresh(L, arg_tensor(L, 0));
    ret_scattered(L, copy, strided(L, copy, 2));
}
