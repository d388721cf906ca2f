/* SPDX-License-Identifier: MIT
 *
 * Operators that give a list of views: split, chunk, tensor_split, unbind and the forms by axis (hsplit, ...). The
 * number of pieces must be known, their sizes need not be.
 */
#include "script/aten/arith.h"
#include "script/aten/shape_util.h"

/* Pieces of the given sizes one after the other. */
static void ret_pieces(lower *L, sten *t, int dim, int64_t n, const sv *sizes, bool copies) {
    sten **p = pieces_new(L, n);
    sv at = sv_int(0);
    for (int64_t i = 0; p && i < n; i++) {
        sv end = s_add(L, at, sizes[i]);
        p[i] = view_slice(L, t, dim, at, end, 1);
        if (copies) p[i] = fresh(L, p[i]);
        at = end;
    }
    if (p) ret_tensors(L, (int)n, p);
}

static sv *sizes_new(lower *L, int64_t n) {
    if (!lower_ok(L)) return NULL;
    sv *s = n < 0 || n > INT32_MAX ? NULL : arena_calloc(L->arena, (size_t)n + 1, sizeof *s);
    if (!s) lower_fail(L, NARU_OUT_OF_MEMORY, "no memory for %lld pieces", (long long)n);
    return s;
}

static void equal_pieces(lower *L, sten *t, int dim, int64_t size, int64_t total, bool copies) {
    int64_t n = size > 0 ? (total - 1) / size + 1 : 1;
    if (total == 0) n = 1;
    sv *s = sizes_new(L, n);
    for (int64_t i = 0; s && i < n; i++) s[i] = sv_int(i64_min(size, total - i * size));
    if (s) ret_pieces(L, t, dim, n, s, copies);
}

static int split_axis(lower *L, const sten *t, int i) {
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0) lower_raise(L, "RuntimeError", "split expects at least a 1-dimensional tensor");
    return arg_axis(L, i, rank);
}

static void split(lower *L, bool copies) {
    sten *t = arg_tensor(L, 0);
    int dim = split_axis(L, t, 2);
    int64_t size = arg_int(L, 1), total = t_dim_int(L, t, dim);
    if (!lower_ok(L)) return;
    if (size < 0)
        lower_raise(L, "RuntimeError", "split expects split_size be non-negative, but got split_size=%lld",
                    (long long)size);
    else if (size == 0 && total != 0)
        lower_raise(L, "RuntimeError",
                    "split_size can only be 0 if dimension size is 0, but got dimension size of %lld",
                    (long long)total);
    else equal_pieces(L, t, dim, size, total, copies);
}
void aten_split(lower *L) { split(L, false); }
void aten_split_copy(lower *L) { split(L, true); }

/* The list of sizes may be longer than a tensor has axes. */
static int64_t long_sints(lower *L, int i, sv **out) {
    sv v = arg(L, i);
    if (!lower_ok(L)) return 0;
    if (v.tag != SV_LIST) {
        *out = sizes_new(L, NARU_MAX_RANK);
        return *out ? arg_sints(L, i, *out) : 0;
    }
    const slist *l = sv_list(v);
    *out = sizes_new(L, (int64_t)l->count);
    for (size_t k = 0; *out && k < l->count; k++) {
        sv x = l->items[k];
        (*out)[k] = x.tag == SV_TENSOR ? item(L, sv_tensor(x)) : x;
        if ((*out)[k].tag != SV_INT && (*out)[k].tag != SV_SYM)
            lower_raise(L, "RuntimeError", "a list of ints is expected");
    }
    return lower_ok(L) ? (int64_t)l->count : 0;
}

static void split_sizes(lower *L, bool copies) {
    sten *t = arg_tensor(L, 0);
    sv *s = NULL, total = sv_int(0);
    int dim = split_axis(L, t, 2);
    int64_t n = long_sints(L, 1, &s);
    for (int64_t i = 0; lower_ok(L) && i < n; i++) {
        if (s_known(s[i]) && s[i].i < 0)
            lower_raise(L, "RuntimeError", "split_with_sizes expects split_sizes have only non-negative entries");
        total = s_add(L, total, s[i]);
    }
    sv size = t_dim(L, t, dim);
    if (lower_ok(L) && s_known(total) && s_known(size) && total.i != size.i) {
        char text[200];
        sizes_text((int)i64_min(n, 16), s, text, sizeof text);
        lower_raise(L, "RuntimeError",
                    "split_with_sizes expects split_sizes to sum exactly to %lld (input tensor's size at dimension "
                    "%d), but got split_sizes=%s",
                    (long long)size.i, dim, text);
    }
    if (lower_ok(L)) ret_pieces(L, t, dim, n, s, copies);
}
void aten_split_sizes(lower *L) { split_sizes(L, false); }
void aten_split_sizes_copy(lower *L) { split_sizes(L, true); }

/* At most `chunks` pieces of equal size, rounded up. Exporting, of a size that stays unknown: exactly `chunks`, the
 * last ones maybe empty, as PyTorch's exporter does. */
void aten_chunk(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t n = arg_int(L, 1);
    int dim = split_axis(L, t, 2);
    if (lower_ok(L) && n <= 0)
        lower_raise(L, "RuntimeError", "chunk expects `chunks` to be greater than 0, got: %lld", (long long)n);
    sv total = t_dim(L, t, dim);
    if (!lower_ok(L)) return;
    if (!s_known(total) && !ar_for_export(L)) total = sv_int(s_need(L, total));
    if (s_known(total) && total.i > 0) {
        equal_pieces(L, t, dim, (total.i - 1) / n + 1, total.i, false);
        return;
    }
    sv *s = sizes_new(L, n), size = s_floordiv(L, s_add(L, total, sv_int(n - 1)), sv_int(n));
    for (int64_t i = 0; s && i < n; i++) s[i] = size;
    if (s) ret_pieces(L, t, dim, n, s, false);
}

static void sections(lower *L, sten *t, int dim, int64_t n) {
    if (lower_ok(L) && n <= 0)
        lower_raise(L, "RuntimeError", "number of sections must be larger than 0, got %lld", (long long)n);
    sv total = t_dim(L, t, dim), small = s_floordiv(L, total, sv_int(n));
    sv more = s_sub(L, total, s_mul(L, small, sv_int(n))); /* as many first pieces are one longer */
    sv *s = sizes_new(L, n);
    for (int64_t i = 0; s && i < n; i++) {
        sv extra = s_min(L, s_max(L, s_sub(L, more, sv_int(i)), sv_int(0)), sv_int(1));
        s[i] = s_add(L, small, extra);
    }
    if (s) ret_pieces(L, t, dim, n, s, false);
}

static void at_indices(lower *L, sten *t, int dim, int64_t n, const sv *ends) {
    sten **p = pieces_new(L, n + 1);
    sv at = sv_int(0);
    for (int64_t i = 0; p && i <= n; i++) {
        p[i] = view_slice(L, t, dim, at, i < n ? ends[i] : sv_int(INT64_MAX), 1);
        if (i < n) at = ends[i];
    }
    if (p) ret_tensors(L, (int)n + 1, p);
}

static int tensor_split_axis(lower *L, const sten *t) {
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0)
        lower_raise(L, "RuntimeError",
                    "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    return arg_axis(L, 2, rank);
}

void aten_tensor_split_sections(lower *L) {
    sten *t = arg_tensor(L, 0);
    sections(L, t, tensor_split_axis(L, t), arg_int(L, 1));
}

void aten_tensor_split_indices(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv *ends = NULL;
    int dim = tensor_split_axis(L, t);
    int64_t n = long_sints(L, 1, &ends);
    if (lower_ok(L)) at_indices(L, t, dim, n, ends);
}

void aten_tensor_split_tensor(lower *L) {
    sten *t = arg_tensor(L, 0), *at = arg_tensor(L, 1);
    int dim = tensor_split_axis(L, t), rank = t_rank(L, at);
    if (!lower_ok(L)) return;
    if (rank > 1 || t_dtype(L, at) != NARU_INT64) {
        lower_raise(L, "RuntimeError",
                    "tensor_split expected tensor_indices_or_sections to be a zero- or "
                    "one-dimensional tensor of type long");
        return;
    }
    if (rank == 0) {
        sections(L, t, dim, s_need(L, item(L, at)));
        return;
    }
    int64_t n = t_dim_int(L, at, 0);
    sv *ends = sizes_new(L, n);
    for (int64_t i = 0; ends && lower_ok(L) && i < n; i++) ends[i] = item(L, view_select(L, at, 0, sv_int(i)));
    if (lower_ok(L)) at_indices(L, t, dim, n, ends);
}

static void unbind(lower *L, bool copies) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0)
        lower_raise(L, "IndexError", "Dimension specified as %lld but tensor has no dimensions",
                    (long long)arg_int(L, 1));
    int dim = arg_axis(L, 1, rank);
    int64_t n = t_dim_int(L, t, dim);
    sten **p = pieces_new(L, n);
    for (int64_t i = 0; p && i < n; i++) {
        p[i] = view_select(L, t, dim, sv_int(i));
        if (copies) p[i] = fresh(L, p[i]);
    }
    if (p) ret_tensors(L, (int)n, p);
}
void aten_unbind(lower *L) { unbind(L, false); }
void aten_unbind_copy(lower *L) { unbind(L, true); }

/* ---- hsplit, vsplit, dsplit ---- */
static void split_along(lower *L, const char *name, int least, int dim, bool by_sections) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank < least)
        lower_raise(L, "RuntimeError",
                    "torch.%s requires a tensor with at least %d dimension, but got a tensor with %d dimensions!", name,
                    least, rank);
    if (rank == 1) dim = 0;
    if (!by_sections) {
        sv *ends = NULL;
        int64_t n = long_sints(L, 1, &ends);
        if (lower_ok(L)) at_indices(L, t, dim, n, ends);
        return;
    }
    int64_t n = arg_int(L, 1);
    sv total = t_dim(L, t, dim);
    if (lower_ok(L) && s_known(total) && (n <= 0 || total.i % n))
        lower_raise(L, "RuntimeError",
                    "torch.%s attempted to split along dimension %d, but the size of the dimension %lld is not "
                    "divisible by the split_size %lld!",
                    name, dim, (long long)total.i, (long long)n);
    if (lower_ok(L)) sections(L, t, dim, n);
}
void aten_hsplit_int(lower *L) { split_along(L, "hsplit", 1, 1, true); }
void aten_hsplit_array(lower *L) { split_along(L, "hsplit", 1, 1, false); }
void aten_vsplit_int(lower *L) { split_along(L, "vsplit", 2, 0, true); }
void aten_vsplit_array(lower *L) { split_along(L, "vsplit", 2, 0, false); }
void aten_dsplit_int(lower *L) { split_along(L, "dsplit", 3, 2, true); }
void aten_dsplit_array(lower *L) { split_along(L, "dsplit", 3, 2, false); }

/* ---- at least so many axes ---- */
static sten *at_least(lower *L, sten *t, int n) {
    int rank = t_rank(L, t);
    if (rank == 0)
        for (int i = 0; i < n; i++) t = view_unsqueeze(L, t, 0);
    else if (rank < n && rank == 1) t = view_unsqueeze(L, t, 0);
    if (n == 3 && rank > 0 && rank < 3) t = view_unsqueeze(L, t, 2);
    return t;
}

static void each_at_least(lower *L, int n) {
    sten **t, **out;
    int count = arg_tensors(L, 0, &t);
    if (!(out = pieces_new(L, count))) return;
    for (int i = 0; i < count; i++) out[i] = at_least(L, t[i], n);
    ret_tensors(L, count, out);
}
void aten_atleast_1d(lower *L) { ret_tensor(L, at_least(L, arg_tensor(L, 0), 1)); }
void aten_atleast_2d(lower *L) { ret_tensor(L, at_least(L, arg_tensor(L, 0), 2)); }
void aten_atleast_3d(lower *L) { ret_tensor(L, at_least(L, arg_tensor(L, 0), 3)); }
void aten_atleast_1d_list(lower *L) { each_at_least(L, 1); }
void aten_atleast_2d_list(lower *L) { each_at_least(L, 2); }
void aten_atleast_3d_list(lower *L) { each_at_least(L, 3); }
