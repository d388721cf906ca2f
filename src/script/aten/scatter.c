/* SPDX-License-Identifier: MIT
 *
 * Writing at indices: scatter and its reductions, index_add, index_copy, index_fill, index_reduce, put; embedding and
 * one_hot. Everything comes down to ScatterElements, the index of the index_ forms spread over the source's shape.
 */
#include "script/aten/shape_util.h"

#include <math.h>
#include <string.h>

static sten *scatter_elements(lower *L, sten *self, int dim, sten *index, sten *src, const char *reduction) {
    sv count = t_numel(L, index);
    if (!lower_ok(L) || s_is(count, 0)) return fresh(L, self);
    int rank = t_rank(L, self);
    if (rank == 0) self = view_unsqueeze(L, self, 0);
    if (t_rank(L, index) == 0) index = view_unsqueeze(L, index, 0);
    if (t_rank(L, src) == 0) src = view_unsqueeze(L, src, 0);
    if (lower_ok(L) && (t_rank(L, index) != t_rank(L, self) || t_rank(L, src) != t_rank(L, self)))
        lower_raise(L, "RuntimeError", "Index tensor must have the same number of dimensions as self tensor");
    for (int i = 0; lower_ok(L) && i < t_rank(L, self); i++) { /* src may be larger */
        sv n = t_dim(L, index, i), m = t_dim(L, src, i);
        if (!s_known(n) || !s_known(m) || n.i != m.i) src = view_slice(L, src, i, sv_int(0), n, 1);
    }
    sv size = t_dim(L, self, dim);
    sten *out = EMITA(ScatterElements, ATTRS(AI("axis", dim), AS("reduction", reduction)), self, index, src);
    explain_index(L, index, size, dim);
    return rank == 0 ? view_select(L, out, 0, sv_int(0)) : out;
}

static void same_type(lower *L, const char *name, const sten *self, const sten *src) {
    if (lower_ok(L) && t_dtype(L, self) != t_dtype(L, src))
        lower_raise(L, "RuntimeError", "%s(): Expected self.dtype to be equal to src.dtype", name);
}

static sten *spread(lower *L, const sten *self, sten *index) { /* argument 3, a number, in the index's shape */
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, index, s);
    return filled(L, t_dtype(L, self), n, s, arg_scalar(L, 3));
}

static const char *old_reduction(lower *L, int i) {
    const char *name = arg_str(L, i);
    if (strcmp(name, "add") == 0) return "add";
    if (strcmp(name, "multiply") == 0) return "mul";
    if (lower_ok(L)) lower_raise(L, "RuntimeError", "reduce argument must be either add or multiply.");
    return "none";
}

static void ret_scatter(lower *L, bool from_number, const char *reduction) {
    sten *self = arg_tensor(L, 0), *index = arg_tensor(L, 2);
    int dim = arg_axis(L, 1, t_rank(L, self));
    sten *src = from_number ? spread(L, self, index) : arg_tensor(L, 3);
    same_type(L, "scatter", self, src);
    ret_tensor(L, scatter_elements(L, self, dim, index, src, reduction));
}
void aten_scatter(lower *L) { ret_scatter(L, false, "none"); }
void aten_scatter_value(lower *L) { ret_scatter(L, true, "none"); }
void aten_scatter_with(lower *L) { ret_scatter(L, false, old_reduction(L, 4)); }
void aten_scatter_value_with(lower *L) { ret_scatter(L, true, old_reduction(L, 4)); }
void aten_scatter_add(lower *L) { ret_scatter(L, false, "add"); }

/* ---- reductions ---- */
static double extreme(naru_dtype d, bool largest) {
    if (dtype_is_float(d)) return largest ? INFINITY : -INFINITY;
    return largest ? (double)dtype_int_max(d) : (double)dtype_int_min(d);
}

static sten *extreme_number(lower *L, naru_dtype d, bool largest) { /* exact also for int64 */
    if (dtype_is_float(d)) return lit(L, d, extreme(d, largest));
    int64_t v = largest ? (int64_t)dtype_int_max(d) : dtype_int_min(d);
    return cast(L, lit_int(L, v), d);
}

static sten *floor_quotient(lower *L, sten *a, sten *b) {
    if (!dtype_is_int(t_dtype(L, a))) return EMIT(Div, a, b);
    return EMIT(Div, EMIT(Sub, a, EMITA(Mod, ATTRS(AI("fmod", 0)), a, b)), b);
}

static sten *mean_of(lower *L, sten *self, int dim, sten *index, sten *src, bool with_self) {
    naru_dtype d = t_dtype(L, self);
    sten *sum = scatter_elements(L, self, dim, index, src, "add");
    sten *ones = filled_like(L, index, d, 1), *base = filled_like(L, self, d, with_self ? 1 : 0);
    sten *count = scatter_elements(L, base, dim, index, ones, "add");
    return floor_quotient(L, sum, EMIT(Max, count, lit(L, d, 1)));
}

/* sum, prod, mean, amax, amin; without self the touched places begin at the neutral element. */
static sten *reduced(lower *L, sten *self, int dim, sten *index, sten *src, const char *how, bool with_self) {
    static const struct {
        const char *name, *reduction;
    } table[] = {{"sum", "add"}, {"prod", "mul"}, {"mean", "add"}, {"amax", "max"}, {"amin", "min"}};
    int k = -1;
    for (int i = 0; i < 5; i++)
        if (strcmp(table[i].name, how) == 0) k = i;
    if (k < 0) {
        lower_raise(L, "RuntimeError", "reduce argument must be either sum, prod, mean, amax or amin, got %s", how);
        return NULL;
    }
    naru_dtype d = t_dtype(L, self);
    if (!with_self) {
        sten *start = k >= 3 ? extreme_number(L, d, k == 4) : lit(L, d, k == 1);
        sv s[NARU_MAX_RANK];
        int n = sizes_of(L, index, s);
        self = scatter_elements(L, self, dim, index, EMIT(Expand, start, ints_tensor(L, s, n)), "none");
    }
    if (k == 2) return mean_of(L, self, dim, index, src, with_self);
    return scatter_elements(L, self, dim, index, src, table[k].reduction);
}

void aten_scatter_reduce(lower *L) {
    sten *self = arg_tensor(L, 0), *index = arg_tensor(L, 2), *src = arg_tensor(L, 3);
    int dim = arg_axis(L, 1, t_rank(L, self));
    same_type(L, "scatter", self, src);
    ret_tensor(L, reduced(L, self, dim, index, src, arg_str(L, 4), arg_bool(L, 5)));
}

/* ---- whole slices along one axis ---- */
typedef struct slices {
    sten *self, *index, *source; /* index in the source's shape */
    int dim, rank;               /* rank of self as given */
} slices;

static bool read_slices(lower *L, const char *name, sten *source, slices *s) {
    *s = (slices){.self = arg_tensor(L, 0), .index = arg_tensor(L, 2), .source = source};
    sv sizes[NARU_MAX_RANK], shape[NARU_MAX_RANK];
    s->rank = t_rank(L, s->self);
    s->dim = arg_axis(L, 1, s->rank);
    if (lower_ok(L) && t_rank(L, s->index) > 1)
        lower_raise(L, "IndexError", "%s(): Index is supposed to be a vector", name);
    if (s->rank == 0) s->self = view_unsqueeze(L, s->self, 0);
    if (t_rank(L, s->index) == 0) s->index = view_unsqueeze(L, s->index, 0);
    sv n = t_dim(L, s->index, 0);
    int rank = t_rank(L, s->self);
    if (!source) return lower_ok(L);
    if (t_rank(L, source) + 1 == rank) s->source = view_unsqueeze(L, source, s->dim); /* one slice, or 0-d */
    if (lower_ok(L) && t_rank(L, s->source) != rank)
        lower_raise(L, "IndexError",
                    "%s(): When source and destination are not scalars, their dimensionality must match. Source "
                    "dimensionality (%d), destination dimensionality (%d)",
                    name, t_rank(L, source), s->rank);
    sizes_of(L, s->source, sizes);
    for (int i = 0; lower_ok(L) && i < rank; i++) {
        sv want = i == s->dim ? n : t_dim(L, s->self, i);
        shape[i] = i == s->dim ? n : sv_int(1);
        if (s_known(want) && s_known(sizes[i]) && want.i != sizes[i].i)
            lower_raise(L, "RuntimeError",
                        "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                        "size %lld of source, needs %lld at dimension %d",
                        (long long)sizes[i].i, (long long)want.i, i);
    }
    if (lower_ok(L)) s->index = view_expand(L, view_shape(L, s->index, rank, shape, false), rank, sizes);
    return lower_ok(L);
}

static void ret_slices(lower *L, const slices *s, sten *out) {
    ret_tensor(L, s->rank == 0 ? view_select(L, out, 0, sv_int(0)) : out);
}

void aten_index_add(lower *L) {
    sten *source = arg_tensor(L, 3);
    sv alpha = arg_scalar(L, 4);
    slices s;
    if (lower_ok(L) && t_dtype(L, source) != t_dtype(L, arg_tensor(L, 0)))
        lower_raise(L, "RuntimeError", "index_add_(): self and source must have the same scalar type");
    if (!s_is(alpha, 1)) source = EMIT(Mul, source, scalar_tensor(L, alpha, t_dtype(L, source)));
    if (read_slices(L, "index_add_", source, &s))
        ret_slices(L, &s, scatter_elements(L, s.self, s.dim, s.index, s.source, "add"));
}

void aten_index_copy(lower *L) {
    sten *source = arg_tensor(L, 3);
    slices s;
    if (lower_ok(L) && t_dtype(L, source) != t_dtype(L, arg_tensor(L, 0)))
        lower_raise(L, "RuntimeError", "index_copy_(): self and source expected to have the same dtype");
    if (read_slices(L, "index_copy_", source, &s))
        ret_slices(L, &s, scatter_elements(L, s.self, s.dim, s.index, s.source, "none"));
}

void aten_index_copy_(lower *L) {
    sten *self = arg_tensor(L, 0), *index = arg_tensor(L, 2), *source = arg_tensor(L, 3);
    slices s;
    if (lower_ok(L) && t_dtype(L, source) != t_dtype(L, self))
        lower_raise(L, "RuntimeError", "index_copy_(): self and source expected to have the same dtype");
    if (!read_slices(L, "index_copy_", source, &s)) return;
    if (s.rank == 0 || !write_slices(L, self, s.dim, index, s.source)) {
        sten *out = scatter_elements(L, s.self, s.dim, s.index, s.source, "none");
        write_to(L, self, s.rank == 0 ? view_select(L, out, 0, sv_int(0)) : out);
    }
    ret_tensor(L, self);
}

void aten_index_fill(lower *L) { /* value: a number or a 0-d tensor */
    slices s;
    sv sizes[NARU_MAX_RANK];
    if (!read_slices(L, "index_fill_", NULL, &s)) return;
    if (lower_ok(L) && arg(L, 3).tag == SV_TENSOR && t_rank(L, arg_tensor(L, 3)) > 0)
        lower_raise(L, "RuntimeError",
                    "index_fill_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).",
                    t_rank(L, arg_tensor(L, 3)));
    sizes_with(L, s.self, s.dim, t_dim(L, s.index, 0), sizes);
    sten *number = cast(L, arg_tensor(L, 3), t_dtype(L, s.self));
    sten *source = EMIT(Expand, number, ints_tensor(L, sizes, t_rank(L, s.self)));
    if (s.rank == 0) source = view_select(L, source, 0, sv_int(0));
    if (read_slices(L, "index_fill_", source, &s))
        ret_slices(L, &s, scatter_elements(L, s.self, s.dim, s.index, s.source, "none"));
}

void aten_index_reduce(lower *L) {
    slices s;
    if (read_slices(L, "index_reduce", arg_tensor(L, 3), &s))
        ret_slices(L, &s, reduced(L, s.self, s.dim, s.index, s.source, arg_str(L, 4), arg_bool(L, 5)));
}

void aten_put(lower *L) {
    sten *self = arg_tensor(L, 0), *index = flat(L, arg_tensor(L, 1)), *source = flat(L, arg_tensor(L, 2));
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, self, s);
    same_type(L, "put_", self, source);
    sten *out = scatter_elements(L, flat(L, self), 0, index, source, arg_bool(L, 3) ? "add" : "none");
    ret_tensor(L, reshaped(L, out, rank, s));
}

/* ---- embedding ---- */
void aten_embedding(lower *L) { /* padding_idx and the rest matter to gradients only */
    sten *weight = arg_tensor(L, 0), *index = arg_tensor(L, 1);
    if (lower_ok(L) && t_rank(L, weight) != 2) lower_raise(L, "RuntimeError", "'weight' must be 2-D");
    sv rows = t_dim(L, weight, 0);
    sten *out = gather_axis(L, weight, index, 0);
    explain_index(L, index, rows, IN_SELF);
    ret_tensor(L, out);
}

static double row_norm(const double *row, int64_t n, double p) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double a = fabs(row[i]);
        if (isinf(p)) sum = fmax(sum, a);
        else sum += p == 1 ? a : p == 2 ? a * a : pow(a, p);
    }
    return isinf(p) || p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
}

/* The rows named by indices are scaled down to max_norm. */
static sten *renormed(lower *L) {
    sten *weight = arg_tensor(L, 0), *index = arg_tensor(L, 1);
    double most = arg_float(L, 2), p = arg_float(L, 3);
    if (!eager_only(L)) return NULL;
    if (t_rank(L, weight) != 2) return lower_raise(L, "RuntimeError", "'weight' must be 2-D"), NULL;
    int64_t rows = host_dims(weight)[0], n = host_dims(weight)[1], count = host_count(index);
    const double *w = host_f64(L, weight);
    const int64_t *at = host_i64(L, index);
    double *out = host_scratch(L, (size_t)host_count(weight) * sizeof *out);
    if (!w || !at || !out) return NULL;
    memcpy(out, w, (size_t)host_count(weight) * sizeof *out);
    for (int64_t i = 0; i < count; i++) {
        if (at[i] < 0 || at[i] >= rows) return lower_raise(L, "IndexError", "index out of range in self"), NULL;
        const double *row = w + at[i] * n;
        double norm = row_norm(row, n, p), scale = most / (norm + 1e-7);
        for (int64_t k = 0; norm > most && k < n; k++) out[at[i] * n + k] = row[k] * scale;
    }
    return host_from_f64(L, t_dtype(L, weight), 2, host_dims(weight), out);
}
void aten_embedding_renorm(lower *L) { ret_tensor(L, renormed(L)); }

static sten *one_hot_here(lower *L, sten *t, int64_t classes) {
    const int64_t *v = host_i64(L, t);
    int64_t n = host_count(t), dims[NARU_MAX_RANK], most = -1;
    for (int64_t i = 0; v && i < n; i++) {
        if (v[i] < 0) return lower_raise(L, "RuntimeError", "Class values must be non-negative."), NULL;
        if (v[i] > most) most = v[i];
    }
    if (classes == -1) classes = most + 1;
    if (classes <= most) return lower_raise(L, "RuntimeError", "Class values must be smaller than num_classes."), NULL;
    int rank = t_rank(L, t);
    if (rank == NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "too many dimensions"), NULL;
    for (int i = 0; i < rank; i++) dims[i] = host_dims(t)[i];
    dims[rank] = classes;
    sv sizes[NARU_MAX_RANK];
    for (int i = 0; i <= rank; i++) sizes[i] = sv_int(dims[i]);
    sten *out = filled(L, NARU_INT64, rank + 1, sizes, sv_int(0));
    int64_t *to = host_data(L, out);
    for (int64_t i = 0; v && to && i < n; i++) to[i * classes + v[i]] = 1;
    return out;
}

void aten_one_hot(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv classes = arg_sint(L, 1);
    if (lower_ok(L) && t_dtype(L, t) != NARU_INT64)
        lower_raise(L, "RuntimeError", "one_hot is only applicable to index tensor of type LongTensor.");
    sv count = t_numel(L, t);
    if (lower_ok(L) && s_is(count, 0) && s_known(classes) && classes.i <= 0)
        lower_raise(L, "RuntimeError", "Can not infer total number of classes from empty tensor.");
    if (lower_ok(L) && !lower_recording(L)) {
        ret_tensor(L, one_hot_here(L, t, classes.i));
        return;
    }
    if (s_is(classes, -1)) classes = s_add(L, item(L, EMITA(ReduceMax, ATTRS(AI("keepdims", 0)), t)), sv_int(1));
    sten *values = lit_ints(L, (int64_t[]){0, 1}, 2);
    ret_tensor(L, EMITA(OneHot, ATTRS(AI("axis", -1)), t, scalar_tensor(L, classes, NARU_INT64), values));
}
