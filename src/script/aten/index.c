/* SPDX-License-Identifier: MIT
 *
 * Advanced indexing: a list with, for each axis, None, integers, or a mask that stands for the coordinates of its true
 * elements. One index is a Gather; several are broadcast, stacked and a GatherND over the tensor with the indexed axes
 * in front. Where the indexed axes lie side by side the result's index axes take their place, else they come first.
 */
#include "script/aten/shape_util.h"

typedef struct indexing {
    int rank, count;            /* of self; of indexed axes */
    int axis[NARU_MAX_RANK];    /* the indexed axes, ascending */
    sten *index[NARU_MAX_RANK]; /* int64, one for each of them */
    sten *coords;               /* [n, count] when one mask is the whole index, else NULL */
    bool adjacent;
} indexing;

static bool is_mask(lower *L, const sten *t) {
    naru_dtype d = t_dtype(L, t);
    return d == NARU_BOOL || d == NARU_UINT8;
}

static void mask_misfit(lower *L, const sten *mask, const sten *self, int at) {
    sv s[NARU_MAX_RANK];
    char a[200], b[200];
    sizes_text(sizes_of(L, mask, s), s, a, sizeof a);
    sizes_text(sizes_of(L, self, s), s, b, sizeof b);
    lower_raise(L, "IndexError",
                "The shape of the mask %s at index %d does not match the shape of the indexed tensor %s at index %d", a,
                at, b, at);
}

static void add_axis(lower *L, indexing *x, int axis, sten *index) {
    if (axis >= x->rank) {
        lower_raise(L, "IndexError", "too many indices for tensor of dimension %d (got %d)", x->rank, axis + 1);
        return;
    }
    x->axis[x->count] = axis;
    x->index[x->count++] = index;
}

static int add_mask(lower *L, indexing *x, const sten *self, sten *mask, int axis) { /* the next axis */
    int rank = t_rank(L, mask);
    if (lower_ok(L) && rank == 0) lower_raise(L, "IndexError", "a mask without axes is not supported as an index");
    if (lower_ok(L) && axis + rank > x->rank)
        lower_raise(L, "IndexError", "too many indices for tensor of dimension %d (got %d)", x->rank, axis + rank);
    for (int i = 0; lower_ok(L) && i < rank; i++) {
        sv a = t_dim(L, mask, i), b = t_dim(L, self, axis + i);
        if (s_known(a) && s_known(b) && a.i != b.i) mask_misfit(L, mask, self, axis + i);
    }
    sten *found = EMIT(NonZero, mask);
    x->coords = found;
    for (int i = 0; lower_ok(L) && i < rank; i++) add_axis(L, x, axis + i, view_select(L, found, 0, sv_int(i)));
    return axis + rank;
}

static bool read_indices(lower *L, const sten *self, indexing *x) {
    sten **t;
    int n = arg_tensors(L, 1, &t), axis = 0, given = 0;
    *x = (indexing){.rank = t_rank(L, self)};
    if (lower_ok(L) && n == 0) lower_raise(L, "IndexError", "at least one index must be provided");
    for (int i = 0; lower_ok(L) && i < n; i++) {
        if (!t[i]) {
            axis++;
            continue;
        }
        given++;
        naru_dtype d = t_dtype(L, t[i]);
        if (is_mask(L, t[i])) axis = add_mask(L, x, self, t[i], axis);
        else if (d == NARU_INT64 || d == NARU_INT32) add_axis(L, x, axis++, cast(L, t[i], NARU_INT64));
        else lower_raise(L, "IndexError", "tensors used as indices must be long, int, byte or bool tensors");
    }
    if (lower_ok(L) && axis > x->rank)
        lower_raise(L, "IndexError", "too many indices for tensor of dimension %d (got %d)", x->rank, axis);
    if (given != 1) x->coords = NULL;
    x->adjacent = x->count == 0 || x->axis[x->count - 1] - x->axis[0] == x->count - 1;
    return lower_ok(L);
}

static int index_sizes(lower *L, const indexing *x, sv *out) { /* the broadcast shape of the indices */
    int rank = 0;
    for (int i = 0; i < x->count; i++) {
        sv s[NARU_MAX_RANK];
        int n = sizes_of(L, x->index[i], s);
        for (int k = 1; k <= n && k <= rank; k++) {
            sv a = s[n - k], b = out[rank - k];
            if (s_known(a) && s_known(b) && a.i != b.i && a.i != 1 && b.i != 1)
                lower_raise(L, "IndexError", "shape mismatch: indexing tensors could not be broadcast together");
        }
        rank = broadcast_two(L, rank, out, n, s, out);
    }
    return rank;
}

static sten *stacked_index(lower *L, const indexing *x) { /* [.., count] */
    if (x->coords) return view_transpose(L, x->coords, 0, 1);
    sten *wide[NARU_MAX_RANK];
    sv s[NARU_MAX_RANK];
    int n = index_sizes(L, x, s);
    for (int i = 0; i < x->count; i++) wide[i] = view_expand(L, x->index[i], n, s);
    return x->count == 1 ? view_unsqueeze(L, wide[0], n) : stacked(L, x->count, wide, n);
}

/* The indexed axes, then the others. */
static void front_perm(const indexing *x, int64_t *perm) {
    bool indexed[NARU_MAX_RANK] = {false};
    int k = 0;
    for (int i = 0; i < x->count; i++) {
        indexed[x->axis[i]] = true;
        perm[k++] = x->axis[i];
    }
    for (int i = 0; i < x->rank; i++)
        if (!indexed[i]) perm[k++] = i;
}

/* Where the n index axes lie in a result of n + rest axes. */
static int index_place(const indexing *x) { return x->adjacent && x->count ? x->axis[0] : 0; }

static sv known_dim(const sten *t, int axis) { return t->rec ? sv_none() : sv_int(t->t.dims[axis]); }

void aten_index(lower *L) {
    sten *self = arg_tensor(L, 0);
    indexing x;
    if (!read_indices(L, self, &x)) return;
    if (x.count == 0) {
        ret_tensor(L, fresh(L, self));
        return;
    }
    if (x.count == 1) {
        sv size = t_dim(L, self, x.axis[0]);
        sten *found = gather_axis(L, self, x.index[0], x.axis[0]);
        explain_index(L, x.index[0], size, 0);
        ret_tensor(L, found);
        return;
    }
    int64_t perm[NARU_MAX_RANK];
    front_perm(&x, perm);
    sten *index = stacked_index(L, &x), *out = moved(L, EMIT(GatherND, view_permute(L, self, perm), index), self);
    for (int i = 0; i < x.count && !lower_ok(L); i++)
        explain_index(L, x.index[i], known_dim(self, x.axis[i]), x.axis[i]);
    int n = t_rank(L, index) - 1, at = index_place(&x), all = n + x.rank - x.count;
    if (!lower_ok(L) || all > NARU_MAX_RANK) {
        lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
        return;
    }
    for (int i = 0; i < all; i++) perm[i] = i < at ? n + i : i < at + n ? i - at : i;
    ret_tensor(L, view_permute(L, out, perm));
}

/* ---- index_put ---- */
/* Sizes of what indexing gives, the index axes in their place. */
static int result_sizes(lower *L, const sten *self, const indexing *x, sv *out) {
    sv s[NARU_MAX_RANK];
    int64_t perm[NARU_MAX_RANK];
    int n = index_sizes(L, x, s), at = index_place(x), rest = x->rank - x->count;
    if (lower_ok(L) && n + rest > NARU_MAX_RANK)
        lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
    if (!lower_ok(L)) return 0;
    front_perm(x, perm);
    for (int i = 0; i < n; i++) out[at + i] = s[i];
    for (int i = 0; i < rest; i++) out[i < at ? i : n + i] = t_dim(L, self, (int)perm[x->count + i]);
    return n + rest;
}

/* Values in the shape of the result, index axes first. */
static sten *updates(lower *L, const sten *self, const indexing *x, sten *values) {
    sv s[NARU_MAX_RANK], v[NARU_MAX_RANK];
    int64_t perm[NARU_MAX_RANK];
    int rank = result_sizes(L, self, x, s), nv = sizes_of(L, values, v);
    bool fits = nv <= rank;
    for (int k = 1; fits && k <= nv; k++) {
        sv a = v[nv - k], b = s[rank - k];
        fits = !s_known(a) || !s_known(b) || a.i == b.i || a.i == 1;
    }
    if (lower_ok(L) && !fits) {
        char a[200], b[200];
        sizes_text(nv, v, a, sizeof a);
        sizes_text(rank, s, b, sizeof b);
        lower_raise(L, "RuntimeError",
                    "shape mismatch: value tensor of shape %s cannot be broadcast to indexing result of shape %s", a,
                    b);
    }
    if (!lower_ok(L)) return NULL;
    int n = rank - (x->rank - x->count), at = index_place(x);
    for (int i = 0; i < rank; i++) perm[i] = i < n ? at + i : i < n + at ? i - n : i;
    return view_permute(L, view_expand(L, values, rank, s), perm);
}

/* One mask and one number: a choice by element. */
static sten *put_by_mask(lower *L, sten *self, sten *one) {
    sten **t;
    int n = arg_tensors(L, 1, &t), at = -1;
    for (int i = 0; i < n; i++) {
        if (!t[i]) continue;
        if (at >= 0 || t_dtype(L, t[i]) != NARU_BOOL) return NULL;
        at = i;
    }
    sv count = t_numel(L, one);
    if (at < 0 || !s_is(count, 1) || t_rank(L, one) > t_rank(L, self)) return NULL;
    sten *mask = t[at];
    int rank = t_rank(L, self), from = t_rank(L, mask);
    if (from == 0 || at + from > rank) return NULL;
    for (int i = 0; i < from; i++) {
        sv a = t_dim(L, mask, i), b = t_dim(L, self, at + i);
        if (s_known(a) && s_known(b) && a.i != b.i) return NULL;
    }
    for (int i = at + from; i < rank; i++) mask = view_unsqueeze(L, mask, t_rank(L, mask));
    return EMIT(Where, mask, one, self);
}

static sten *scatter_nd(lower *L, sten *data, sten *index, sten *values, bool add) {
    naru_dtype d = t_dtype(L, data);
    if (!add) return EMITA(ScatterND, ATTRS(AS("reduction", "none")), data, index, values);
    if (d != NARU_BOOL) return EMITA(ScatterND, ATTRS(AS("reduction", "add")), data, index, values);
    data = cast(L, data, NARU_INT32), values = cast(L, values, NARU_INT32); /* true + true is true */
    return cast(L, scatter_nd(L, data, index, values, true), d);
}

/* self with the values put; self itself when that could be done in place. */
static sten *put(lower *L, bool in_place) {
    sten *self = arg_tensor(L, 0), *given = arg_tensor(L, 2), *values = cast(L, given, t_dtype(L, self));
    bool add = arg_bool(L, 3);
    sten *chosen = lower_ok(L) && !add ? put_by_mask(L, self, values) : NULL;
    if (chosen || !lower_ok(L)) return chosen;
    if (t_dtype(L, given) != t_dtype(L, self)) {
        lower_raise(L, "IndexError",
                    "Index put requires the source and destination dtypes match, got %s for the destination and %s for "
                    "the source.",
                    sten_type_name(t_dtype(L, self)), sten_type_name(t_dtype(L, given)));
        return NULL;
    }
    indexing x;
    int64_t perm[NARU_MAX_RANK], back[NARU_MAX_RANK];
    if (!read_indices(L, self, &x)) return NULL;
    if (x.count == 0) {
        sten *to = in_place ? self : fresh(L, self);
        write_to(L, to, values);
        return to;
    }
    front_perm(&x, perm);
    for (int i = 0; i < x.rank; i++) back[perm[i]] = i;
    sten *ordered = updates(L, self, &x, values); /* the index's axes first */
    if (in_place && !add && x.count == 1 && !lower_recording(L) && t_rank(L, x.index[0]) == 1 &&
        write_slices(L, view_permute(L, self, perm), 0, x.index[0], ordered))
        return self;
    sten *written = scatter_nd(L, view_permute(L, self, perm), stacked_index(L, &x), ordered, add);
    for (int i = 0; i < x.count && !lower_ok(L); i++)
        explain_index(L, x.index[i], known_dim(self, x.axis[i]), x.axis[i]);
    return view_permute(L, written, back);
}

void aten_index_put(lower *L) { ret_tensor(L, put(L, false)); }
void aten_index_put_(lower *L) {
    sten *self = arg_tensor(L, 0), *out = put(L, true);
    if (out != self) write_to(L, self, out);
    ret_tensor(L, self);
}

/* ---- along one axis ---- */
void aten_index_select(lower *L) {
    sten *t = arg_tensor(L, 0), *index = arg_tensor(L, 2);
    int rank = t_rank(L, t), dim = arg_axis(L, 1, rank);
    if (lower_ok(L) && t_rank(L, index) > 1)
        lower_raise(L, "IndexError", "index_select(): Index is supposed to be a vector");
    if (rank == 0) {
        ret_tensor(L, fresh(L, t));
        return;
    }
    if (t_rank(L, index) == 0) index = view_unsqueeze(L, index, 0);
    sv size = t_dim(L, t, dim);
    sten *out = gather_axis(L, t, index, dim);
    explain_index(L, index, size, IN_SELF);
    ret_tensor(L, out);
}

/* Element by element: index and self of one rank, 0-d ones as 1-d. */
static sten *gathered(lower *L, sten *t, int dim, sten *index) {
    sv s[NARU_MAX_RANK], count = t_numel(L, index);
    int rank = t_rank(L, t), n = sizes_of(L, index, s);
    if (lower_ok(L) && s_is(count, 0)) return filled(L, t_dtype(L, t), n, s, sv_int(0));
    if (rank == 0) t = view_unsqueeze(L, t, 0);
    if (n == 0) index = view_unsqueeze(L, index, 0);
    if (lower_ok(L) && t_rank(L, t) != t_rank(L, index))
        lower_raise(L, "RuntimeError", "Index tensor must have the same number of dimensions as input tensor");
    sv size = t_dim(L, t, dim);
    sten *out = EMITA(GatherElements, ATTRS(AI("axis", dim)), t, index);
    explain_index(L, index, size, dim);
    return n == 0 ? reshaped(L, out, 0, NULL) : out;
}

void aten_gather(lower *L) {
    sten *t = arg_tensor(L, 0);
    int dim = arg_axis(L, 1, t_rank(L, t));
    ret_tensor(L, gathered(L, t, dim, arg_tensor(L, 2)));
}

void aten_take(lower *L) {
    sten *t = arg_tensor(L, 0), *index = arg_tensor(L, 1);
    ret_tensor(L, gather_axis(L, flat(L, t), index, 0));
}

void aten_take_along_dim(lower *L) {
    sten *t = arg_tensor(L, 0), *index = arg_tensor(L, 1);
    if (arg_none(L, 2)) {
        ret_tensor(L, gathered(L, flat(L, t), 0, flat(L, index)));
        return;
    }
    int rank = t_rank(L, t), dim = arg_axis(L, 2, rank);
    sv a[NARU_MAX_RANK], b[NARU_MAX_RANK], s[NARU_MAX_RANK];
    sizes_of(L, t, a);
    int n = sizes_of(L, index, b);
    if (lower_ok(L) && n != rank)
        lower_raise(L, "RuntimeError",
                    "torch.take_along_dim(): input and indices should have the same number of dimensions, but got %d "
                    "dimensions for input, and %d dimensions for indices",
                    rank, n);
    if (!lower_ok(L) || rank == 0) {
        ret_tensor(L, gathered(L, t, dim, index));
        return;
    }
    sv da = a[dim], db = b[dim];
    a[dim] = b[dim] = sv_int(1);
    broadcast_two(L, rank, a, rank, b, s);
    s[dim] = db, index = view_expand(L, index, rank, s);
    s[dim] = da, t = view_expand(L, t, rank, s);
    ret_tensor(L, gathered(L, t, dim, index));
}

/* ---- masks ---- */
void aten_masked_select(lower *L) {
    sten *t = arg_tensor(L, 0), *mask = arg_tensor(L, 1);
    sv s[NARU_MAX_RANK];
    if (lower_ok(L) && t_dtype(L, mask) != NARU_BOOL)
        lower_raise(L, "RuntimeError", "masked_select: expected BoolTensor for mask");
    int n = broadcast_sizes(L, 2, (sten *[]){t, mask}, s);
    t = flat(L, view_expand(L, t, n, s));
    mask = flat(L, view_expand(L, mask, n, s));
    if (n == 0) t = view_unsqueeze(L, arg_tensor(L, 0), 0), mask = view_unsqueeze(L, arg_tensor(L, 1), 0);
    ret_tensor(L, EMITA(Compress, ATTRS(AI("axis", 0)), t, mask));
}

void aten_masked_scatter(lower *L) {
    sten *t = arg_tensor(L, 0), *mask = arg_tensor(L, 1), *source = flat(L, arg_tensor(L, 2));
    sv s[NARU_MAX_RANK];
    int n = broadcast_sizes(L, 2, (sten *[]){t, mask}, s);
    if (lower_ok(L) && t_dtype(L, mask) != NARU_BOOL)
        lower_raise(L, "RuntimeError", "masked_scatter_ only supports boolean masks");
    if (lower_ok(L) && t_dtype(L, source) != t_dtype(L, t))
        lower_raise(L, "RuntimeError", "masked_scatter: expected self and source to have same dtypes");
    t = view_expand(L, t, n, s);
    mask = view_expand(L, mask, n, s);
    if (n == 0) t = view_unsqueeze(L, t, 0), mask = view_unsqueeze(L, mask, 0);
    sten *at = view_transpose(L, EMIT(NonZero, mask), 0, 1);
    sv count = t_dim(L, at, 0), have = t_dim(L, source, 0);
    if (lower_ok(L) && s_known(count) && s_known(have) && have.i < count.i)
        lower_raise(L, "RuntimeError", "Number of elements of source < number of ones in mask");
    sten *out = scatter_nd(L, t, at, view_slice(L, source, 0, sv_int(0), count, 1), false);
    ret_tensor(L, n == 0 ? view_select(L, out, 0, sv_int(0)) : out);
}
