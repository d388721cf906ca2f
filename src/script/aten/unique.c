/* SPDX-License-Identifier: MIT
 *
 * Distinct elements and slices, among all or among neighbours. Slices are compared as rows of order keys; a NaN equals
 * nothing.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

/* n slices of `width` keys each; element j of slice i is keys[start(i) + place(j)]. */
typedef struct slices {
    const int64_t *keys;
    int64_t n, width, inner, step; /* slice i starts at i * inner; element j at j / inner * step + j % inner */
    bool floats;
} slices;

static int64_t slice_key(const slices *s, int64_t i, int64_t j) {
    return s->keys[i * s->inner + j / s->inner * s->step + j % s->inner];
}

static int compare(const slices *s, int64_t a, int64_t b) {
    for (int64_t j = 0; j < s->width; j++) {
        int64_t x = slice_key(s, a, j), y = slice_key(s, b, j);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

static bool same(const slices *s, int64_t a, int64_t b) {
    for (int64_t j = 0; j < s->width; j++) {
        int64_t x = slice_key(s, a, j);
        if (x != slice_key(s, b, j) || (s->floats && x == INT64_MAX)) return false;
    }
    return true;
}

static void sort_slices(const slices *s, int64_t *order, int64_t *scratch) {
    for (int64_t i = 0; i < s->n; i++) order[i] = i;
    for (int64_t width = 1; width < s->n; width *= 2) {
        for (int64_t i = 0; i < s->n; i += 2 * width) {
            int64_t mid = i + width < s->n ? i + width : s->n, end = mid + width < s->n ? mid + width : s->n;
            int64_t a = i, b = mid, k = i;
            while (a < mid && b < end) scratch[k++] = compare(s, order[a], order[b]) <= 0 ? order[a++] : order[b++];
            while (a < mid) scratch[k++] = order[a++];
            while (b < end) scratch[k++] = order[b++];
        }
        memcpy(order, scratch, (size_t)s->n * sizeof *order);
    }
}

/* Groups of equal slices that are neighbours in `order` (NULL: as they are). */
typedef struct groups {
    int64_t n, *first, *counts, *inverse;
} groups;

static bool group(lower *L, const slices *s, bool sorted, groups *g) {
    size_t size = (size_t)(s->n + 1) * sizeof(int64_t);
    int64_t *order = host_scratch(L, size), *scratch = host_scratch(L, size);
    *g = (groups){0, host_scratch(L, size), host_scratch(L, size), host_scratch(L, size)};
    if (!order || !scratch || !g->first || !g->counts || !g->inverse) return false;
    if (sorted) sort_slices(s, order, scratch);
    for (int64_t i = 0; i < s->n; i++) {
        int64_t at = sorted ? order[i] : i;
        if (i == 0 || !same(s, sorted ? order[i - 1] : i - 1, at)) g->first[g->n] = at, g->counts[g->n++] = 0;
        g->counts[g->n - 1]++;
        g->inverse[at] = g->n - 1;
    }
    return true;
}

static sten *int_result(lower *L, int rank, const int64_t *dims, const int64_t *v, bool wanted) {
    int64_t *to, n = 1;
    if (!wanted) return host_ints(L, 1, (int64_t[]){0}, &to);
    sten *t = host_ints(L, rank, dims, &to);
    for (int i = 0; i < rank; i++) n *= dims[i];
    if (t && n) memcpy(to, v, (size_t)n * sizeof *v);
    return t;
}

typedef struct wish {
    bool inverse, counts, has_counts;
} wish;

/* dim < 0: elements of the flattened tensor. */
static void unique(lower *L, sten *x, int dim, bool sorted, wish w) {
    if (!eager_only(L) || !(x = contiguous(L, x))) return;
    int rank = t_rank(L, x);
    slices s = {.keys = order_keys(L, x), .width = 1, .inner = 1, .floats = dtype_is_float(t_dtype(L, x))};
    groups g;
    if (dtype_is_complex(t_dtype(L, x))) return lower_raise(L, "RuntimeError", "unique is not supported for complex");
    if (dim < 0) s.n = host_count(x), s.step = s.n;
    else {
        lines l = lines_of(L, x, dim);
        s.n = l.n, s.inner = l.inner, s.width = l.outer * l.inner, s.step = l.n * l.inner;
    }
    if (!s.keys || !group(L, &s, sorted, &g)) return;
    int64_t dims[NARU_MAX_RANK], total = g.n * s.width;
    for (int i = 0; i < rank; i++) dims[i] = i == dim ? g.n : host_dims(x)[i];
    int64_t *at = host_scratch(L, (size_t)(total + 1) * sizeof *at);
    if (!at) return;
    for (int64_t j = 0; j < s.width; j++) /* outer part, slice, inner part */
        for (int64_t i = 0; i < g.n; i++)
            at[(j / s.inner * g.n + i) * s.inner + j % s.inner] =
                g.first[i] * s.inner + j / s.inner * s.step + j % s.inner;
    ret_tensor(L, dim < 0 ? pick_elements(L, x, 1, &g.n, at) : pick_elements(L, x, rank, dims, at));
    ret_tensor(L, int_result(L, dim < 0 ? rank : 1, dim < 0 ? host_dims(x) : &s.n, g.inverse, w.inverse));
    if (w.has_counts) ret_tensor(L, int_result(L, 1, &g.n, g.counts, w.counts));
}

/* The operator Unique, when recording: its inverse has the flattened shape. */
static void record_unique(lower *L, sten *x, int dim, wish w) {
    sten *outs[4];
    int rank = t_rank(L, x);
    lower_opn(L, &op_Unique, dim < 0 ? ATTRS(AI("sorted", 1)) : ATTRS(AI("sorted", 1), AI("axis", dim)), 1, &x, 4,
              outs);
    if (dim < 0 && lower_ok(L)) {
        sv sizes[NARU_MAX_RANK];
        for (int i = 0; i < rank; i++) sizes[i] = t_dim(L, x, i);
        outs[2] = view_shape(L, outs[2], rank, sizes, false);
    }
    ret_tensor(L, outs[0]);
    ret_tensor(L, w.inverse ? outs[2] : lit_ints(L, NULL, 0));
    if (w.has_counts) ret_tensor(L, w.counts ? outs[3] : lit_ints(L, NULL, 0));
}

static void unique_args(lower *L, int dim, wish w) {
    sten *x = arg_tensor(L, 0);
    if (lower_recording(L)) record_unique(L, x, dim, w);
    else unique(L, x, dim, true, w); /* unsorted results are PyTorch's hash order: sorted is as good */
}

static int dim_arg(lower *L, int i) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x);
    int dim = arg_axis(L, i, rank);
    return rank == 0 ? -1 : dim;
}

void aten__unique(lower *L) { unique_args(L, -1, (wish){arg_bool(L, 2), false, false}); }
void aten__unique2(lower *L) { unique_args(L, -1, (wish){arg_bool(L, 2), arg_bool(L, 3), true}); }
/* Along a dimension PyTorch gives places and counts even unasked. */
void aten_unique_dim(lower *L) { unique_args(L, dim_arg(L, 1), (wish){true, true, true}); }
void aten_unique_consecutive(lower *L) {
    int dim = arg_none(L, 3) ? -1 : dim_arg(L, 3);
    unique(L, arg_tensor(L, 0), dim, false, (wish){arg_bool(L, 1), arg_bool(L, 2), true});
}
void aten_unique_dim_consecutive(lower *L) {
    unique(L, arg_tensor(L, 0), dim_arg(L, 1), false, (wish){true, true, true});
}
