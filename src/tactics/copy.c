/* SPDX-License-Identifier: MIT
 *
 * Operators that only move elements (kernels/copy): Transpose, Concat, Split, Slice, Expand, Tile, Pad, Gather,
 * DepthToSpace, SpaceToDepth. Any type of whole bytes; each is one or a few strided copies.
 */
#include "kernels/copy/copy.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

typedef struct job {
    const k_copy *k;
    k_copy_plan plan;
    char *d;
    const char *s;
} job;

static void units(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    k_copy_run(j->k, &j->plan, j->d, j->s, begin, end);
}

/* One strided copy, offsets and strides in elements. */
static void move(const run_ctx *r, void *d, int64_t doff, const int64_t *ds, const void *s, int64_t soff,
                 const int64_t *ss, int rank, const int64_t *dims, int size) {
    job j = {.k = k_copy_pick(r->step->cpu), .d = (char *)d + doff * size, .s = (const char *)s + soff * size};
    k_copy_prepare(&j.plan, rank, dims, ds, ss, size);
    if (j.plan.units) parallel_for(r->pool, j.plan.units, 2, units, &j);
}

static void dense(int rank, const int64_t *dims, int64_t *strides) {
    int64_t n = 1;
    for (int i = rank - 1; i >= 0; i--) strides[i] = n, n *= dims[i];
}

static const char *accepts(const tactic_query *q) {
    return copy_size(q_dtype(q, 0)) ? NULL : "elements are not whole bytes";
}

/* ---- Transpose ---- */
static naru_status run_transpose(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    int64_t ds[NARU_MAX_RANK], xs[NARU_MAX_RANK], ss[NARU_MAX_RANK];
    dense(y->rank, y->dims, ds), dense(x->rank, x->dims, xs);
    for (int i = 0; i < x->rank; i++) ss[i] = xs[attr_int_at(r->step->node, "perm", (size_t)i, x->rank - 1 - i)];
    move(r, y->data, 0, ds, x->data, 0, ss, y->rank, y->dims, copy_size(x->dtype));
    return NARU_OK;
}

/* ---- Concat, Split: [outer, axis, inner]. Along the last axis a tensor may have a pitch, which is then its step from
 * block to block; a part that lies at its place already is left alone ---- */
static int axis_of(const step *s, int rank) { return norm_axis(attr_int(s->node, "axis", 0), rank); }

static int64_t block_step(const naru_tensor *t, int axis) {
    return axis == t->rank - 1 ? tensor_pitch(t) : dims_product(t->dims, axis, t->rank);
}

/* part is all that whole has from element `at` of each block on. */
static void copy_part(const run_ctx *r, const naru_tensor *part, const naru_tensor *whole, int64_t at, int axis,
                      bool into_whole) {
    int size = copy_size(part->dtype);
    int64_t dims[2] = {dims_product(part->dims, 0, axis), dims_product(part->dims, axis, part->rank)};
    int64_t ps[2] = {block_step(part, axis), 1}, ws[2] = {block_step(whole, axis), 1};
    if (part->data == (char *)whole->data + at * size) return;
    if (into_whole) move(r, whole->data, at, ws, part->data, 0, ps, 2, dims, size);
    else move(r, part->data, 0, ps, whole->data, at, ws, 2, dims, size);
}

static bool pitched_along_last(const step *s, int i) {
    const value *v = i < 0 ? s->node->out[0] : s->node->in[i];
    int rank = v && v->fact.type.has_rank ? v->fact.type.rank : 0;
    return rank > 1 && axis_of(s, rank) == rank - 1;
}

static int64_t part_of_concat(const step *s, const fact *const *in, const fact *out, int i) {
    const type *t = &out->type;
    int64_t at = 0;
    for (int k = 0; k < i; k++) at += dims_product(in[k]->type.dims, axis_of(s, t->rank), t->rank);
    return at;
}

static int64_t part_of_split(const step *s, const fact *const *in, const fact *out, int i) {
    const type *t = &in[0]->type;
    int64_t at = 0;
    for (int k = 0; k < i; k++) at += dims_product(out[k].type.dims, axis_of(s, t->rank), t->rank);
    return at;
}

static const char *accepts_concat(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (!q_given(q, i) || q_dtype(q, i) != q_dtype(q, 0)) return "an input is omitted or of another type";
    return accepts(q);
}

static naru_status run_concat(const run_ctx *r) {
    const naru_tensor *y = r->out[0];
    int axis = axis_of(r->step, y->rank);
    int64_t at = 0;
    for (int i = 0; i < r->step->nin; i++) {
        copy_part(r, r->in[i], y, at, axis, true);
        at += dims_product(r->in[i]->dims, axis, y->rank);
    }
    return NARU_OK;
}

static naru_status run_split(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    int axis = axis_of(r->step, x->rank);
    int64_t at = 0;
    for (int i = 0; i < r->step->nout; i++) {
        const naru_tensor *y = r->out[i];
        if (!y) return err_set(r->err, NARU_UNSUPPORTED, "Split with an omitted output");
        copy_part(r, y, x, at, axis, false);
        at += dims_product(y->dims, axis, y->rank);
    }
    return NARU_OK;
}

static const char *accepts_split(const tactic_query *q) {
    for (int i = 0; i < q->node->nout; i++)
        if (!q->node->out[i]) return "an output is omitted";
    return accepts(q);
}

/* ---- Slice: starts and steps normalised as ONNX says; lengths are the output's ---- */
static naru_status run_slice(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0], *starts = r->in[1];
    const naru_tensor *axes = r->step->nin > 3 ? r->in[3] : NULL, *steps = r->step->nin > 4 ? r->in[4] : NULL;
    int64_t ds[NARU_MAX_RANK], ss[NARU_MAX_RANK], xs[NARU_MAX_RANK], off = 0;
    dense(y->rank, y->dims, ds);
    memcpy(xs, x->strides, sizeof xs), memcpy(ss, x->strides, sizeof ss);
    for (int64_t i = 0; i < tensor_count(starts); i++) {
        int a = norm_axis(axes ? dtype_get_i64(axes->dtype, axes->data, i) : i, x->rank);
        int64_t d = x->dims[a], at = dtype_get_i64(starts->dtype, starts->data, i);
        int64_t by = steps ? dtype_get_i64(steps->dtype, steps->data, i) : 1;
        if (at < 0) at += d;
        at = by > 0 ? i64_max(0, i64_min(at, d)) : i64_max(0, i64_min(at, d - 1));
        if (tensor_count(y)) off += at * xs[a];
        if (y->dims[a] > 1) ss[a] = xs[a] * by; /* a huge step of a single element must not overflow */
    }
    if (y->data == (char *)x->data + off * copy_size(x->dtype)) return NARU_OK; /* it lies there */
    move(r, y->data, 0, ds, x->data, off, ss, y->rank, y->dims, copy_size(x->dtype));
    return NARU_OK;
}

/* A slice of one axis, step 1, with constant bounds. */
static int64_t part_of_slice(const step *s, const fact *const *in, const fact *out, int o) {
    const type *x = &in[0]->type, *y = &out->type;
    const naru_tensor *starts = in[1] ? in[1]->constant : NULL, *axes = s->nin > 3 && in[3] ? in[3]->constant : NULL;
    const naru_tensor *steps = s->nin > 4 && in[4] ? in[4]->constant : NULL;
    if (!starts || (s->nin > 3 && in[3] && !axes) || (s->nin > 4 && in[4] && !steps)) return -1;
    int64_t at = -1;
    for (int64_t i = 0; i < tensor_count(starts); i++) {
        int a = norm_axis(axes ? dtype_get_i64(axes->dtype, axes->data, i) : i, x->rank);
        int64_t from = dtype_get_i64(starts->dtype, starts->data, i);
        if (steps && dtype_get_i64(steps->dtype, steps->data, i) != 1) return -1;
        if (x->dims[a] == y->dims[a]) continue;
        if (at >= 0) return -1;
        if (from < 0) from += x->dims[a];
        at = i64_max(0, i64_min(from, x->dims[a])) * dims_product(x->dims, a + 1, x->rank);
    }
    return at;
}

static bool pitched_slice(const step *s, int i) { return i == 0; }

/* ---- Expand, Tile ---- */
static naru_status run_expand(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    int64_t ds[NARU_MAX_RANK], ss[NARU_MAX_RANK] = {0}, n = 1;
    dense(y->rank, y->dims, ds);
    for (int i = x->rank - 1; i >= 0; i--) {
        int to = y->rank - x->rank + i;
        ss[to] = x->dims[i] == 1 ? 0 : n;
        n *= x->dims[i];
    }
    move(r, y->data, 0, ds, x->data, 0, ss, y->rank, y->dims, copy_size(x->dtype));
    return NARU_OK;
}

/* Each axis becomes [repeats, dim], of which the first reads with stride 0. */
static naru_status run_tile(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    int64_t dims[NARU_MAX_RANK], ds[NARU_MAX_RANK], ss[NARU_MAX_RANK], dn = 1, sn = 1;
    int rank = 2 * x->rank;
    for (int i = x->rank - 1; i >= 0; i--) {
        int64_t d = x->dims[i];
        dims[2 * i + 1] = d, ds[2 * i + 1] = dn, ss[2 * i + 1] = sn;
        dims[2 * i] = d ? y->dims[i] / d : 0, ds[2 * i] = dn * d, ss[2 * i] = 0;
        dn *= y->dims[i], sn *= d;
    }
    move(r, y->data, 0, ds, x->data, 0, ss, rank, dims, copy_size(x->dtype));
    return NARU_OK;
}

static const char *accepts_tile(const tactic_query *q) {
    int rank = q_rank(q, 0);
    return rank < 0 || rank > NARU_MAX_RANK / 2 ? "rank of X is unknown or over 8" : accepts(q);
}

/* ---- Pad ---- */
static char pad_mode(const node *n) { return attr_str(n, "mode", "constant")[0]; } /* c, r(eflect), e(dge), w(rap) */

/* pads by axis; axes not named have none. */
static void read_pads(const run_ctx *r, int64_t *before, int64_t *after) {
    const naru_tensor *pads = r->in[1], *axes = r->step->nin > 3 ? r->in[3] : NULL;
    int64_t n = tensor_count(pads) / 2;
    int rank = r->in[0]->rank;
    for (int i = 0; i < rank; i++) before[i] = after[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        int a = norm_axis(axes ? dtype_get_i64(axes->dtype, axes->data, i) : i, rank);
        before[a] = dtype_get_i64(pads->dtype, pads->data, i), after[a] = dtype_get_i64(pads->dtype, pads->data, n + i);
    }
}

/* Where coordinate i (outside [0, d) in the padding) reads. */
static int64_t reflected(char mode, int64_t i, int64_t d) {
    if (mode == 'e') return i64_max(0, i64_min(i, d - 1));
    int64_t period = mode == 'w' ? d : d > 1 ? 2 * (d - 1) : 1, m = i % period;
    if (m < 0) m += period;
    return m < d ? m : period - m;
}

typedef struct mirror_job {
    const naru_tensor *x, *y;
    int64_t before[NARU_MAX_RANK], stride[NARU_MAX_RANK];
    const int64_t *last; /* where each output column reads */
    int size;
    char mode;
} mirror_job;

static void mirror_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const mirror_job *j = arg;
    int rank = j->y->rank, size = j->size;
    int64_t cols = j->y->dims[rank - 1], lead = i64_min(cols, i64_max(0, j->before[rank - 1]));
    int64_t dense_cols = i64_max(0, i64_min(cols - lead, j->x->dims[rank - 1] - i64_max(0, -j->before[rank - 1])));
    for (int64_t row = begin; row < end; row++) {
        int64_t off = 0, rest = row;
        for (int i = rank - 2; i >= 0; i--) {
            off += reflected(j->mode, rest % j->y->dims[i] - j->before[i], j->x->dims[i]) * j->stride[i];
            rest /= j->y->dims[i];
        }
        const char *s = (const char *)j->x->data + off * size;
        char *d = (char *)j->y->data + row * cols * size;
        memcpy(d + lead * size, s + (dense_cols ? j->last[lead] : 0) * size, (size_t)(dense_cols * size));
        for (int64_t c = 0; c < lead; c++) memcpy(d + c * size, s + j->last[c] * size, (size_t)size);
        for (int64_t c = lead + dense_cols; c < cols; c++) memcpy(d + c * size, s + j->last[c] * size, (size_t)size);
    }
}

/* reflect, edge, wrap: rows are copied whole but for their padding. */
static naru_status pad_mirror(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    int64_t after[NARU_MAX_RANK], *last = r->workspace;
    mirror_job j = {.x = x, .y = y, .last = last, .size = copy_size(x->dtype), .mode = pad_mode(r->step->node)};
    if (tensor_count(y) == 0) return NARU_OK;
    if (tensor_count(x) == 0 || x->rank == 0)
        return err_set(r->err, NARU_SHAPE, "Pad of an empty input has nothing to repeat");
    read_pads(r, j.before, after);
    dense(x->rank, x->dims, j.stride);
    for (int64_t c = 0; c < y->dims[y->rank - 1]; c++)
        last[c] = reflected(j.mode, c - j.before[x->rank - 1], x->dims[x->rank - 1]);
    int64_t cols = y->dims[y->rank - 1];
    parallel_for(r->pool, tensor_count(y) / cols, 1 + 16384 / cols, mirror_rows, &j);
    return NARU_OK;
}

static size_t workspace_pad(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    return pad_mode(s->node) == 'c' || out[0]->rank == 0 ? 0 : (size_t)out[0]->dims[out[0]->rank - 1] * sizeof(int64_t);
}

typedef struct fill_job {
    char *d;
    const void *value;
    int size;
} fill_job;

static void fill(void *arg, int64_t begin, int64_t end, int worker) {
    const fill_job *j = arg;
    k_copy_fill(j->d + begin * j->size, j->value, end - begin, j->size);
}

static naru_status run_pad(const run_ctx *r) {
    if (pad_mode(r->step->node) != 'c') return pad_mirror(r);
    const naru_tensor *x = r->in[0], *y = r->out[0], *with = r->step->nin > 2 ? r->in[2] : NULL;
    static const char zero[16];
    int size = copy_size(x->dtype);
    int64_t ds[NARU_MAX_RANK], ss[NARU_MAX_RANK], dims[NARU_MAX_RANK], before[NARU_MAX_RANK], after[NARU_MAX_RANK];
    int64_t doff = 0, soff = 0;
    fill_job f = {y->data, with ? with->data : zero, size};
    parallel_for(r->pool, tensor_count(y), 32768, fill, &f);
    dense(y->rank, y->dims, ds), dense(x->rank, x->dims, ss);
    read_pads(r, before, after);
    for (int i = 0; i < x->rank; i++) { /* negative pads crop */
        dims[i] = x->dims[i] + i64_min(before[i], 0) + i64_min(after[i], 0);
        doff += i64_max(before[i], 0) * ds[i], soff += i64_max(-before[i], 0) * ss[i];
        if (dims[i] <= 0) return NARU_OK;
    }
    move(r, y->data, doff, ds, x->data, soff, ss, x->rank, dims, size);
    return NARU_OK;
}

/* ---- Gather: rows of `inner` elements ---- */
typedef struct gather_job {
    char *d;
    const char *s;
    const naru_tensor *index;
    int64_t count, n, bytes; /* indices, size of the axis, bytes of a row */
    int64_t bad;             /* an index out of range (racing writers agree that there is one) */
    bool failed;
} gather_job;

static void gather(void *arg, int64_t begin, int64_t end, int worker) {
    gather_job *j = arg;
    const int64_t *wide = j->index->dtype == NARU_INT64 ? j->index->data : NULL;
    const int32_t *narrow = j->index->data;
    for (int64_t u = begin; u < end; u++) {
        int64_t o = u / j->count, k = u % j->count, at = wide ? wide[k] : narrow[k];
        if (at < 0) at += j->n;
        if (at < 0 || at >= j->n) {
            __atomic_store_n(&j->bad, wide ? wide[k] : narrow[k], __ATOMIC_RELAXED);
            __atomic_store_n(&j->failed, true, __ATOMIC_RELAXED);
            continue;
        }
        memcpy(j->d + u * j->bytes, j->s + (o * j->n + at) * j->bytes, (size_t)j->bytes);
    }
}

static const char *accepts_gather(const tactic_query *q) {
    if (q_dtype(q, 1) != NARU_INT64 && q_dtype(q, 1) != NARU_INT32) return "takes int32 and int64 indices";
    return accepts(q);
}

static naru_status run_gather(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    int axis = norm_axis(attr_int(r->step->node, "axis", 0), x->rank);
    gather_job j = {.d = r->out[0]->data,
                    .s = x->data,
                    .index = r->in[1],
                    .count = tensor_count(r->in[1]),
                    .n = x->dims[axis],
                    .bytes = dims_product(x->dims, axis + 1, x->rank) * copy_size(x->dtype)};
    parallel_for(r->pool, dims_product(x->dims, 0, axis) * j.count, 1 + 65536 / (j.bytes + 16), gather, &j);
    if (j.failed)
        return err_set(r->err, NARU_INVALID_ARGUMENT, "index %lld is out of range for axis %d of %lld",
                       (long long)j.bad, axis, (long long)j.n);
    return NARU_OK;
}

/* ---- DepthToSpace, SpaceToDepth: [n, c, h, w] with blocks b ---- */
static naru_status run_depth_to_space(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    int64_t b = attr_int(r->step->node, "blocksize", 1), n = x->dims[0], c = x->dims[1] / (b * b), h = x->dims[2],
            w = x->dims[3];
    bool crd = strcmp(attr_str(r->step->node, "mode", "DCR"), "CRD") == 0;
    /* output [n, c, h, by, w, bx]; input [n, by, bx, c, h, w] (DCR) or [n, c, by, bx, h, w] (CRD) */
    int64_t dims[6] = {n, c, h, b, w, b}, ds[6], hw = h * w;
    dense(6, dims, ds);
    int64_t dcr[6] = {b * b * c * hw, hw, w, b * c * hw, 1, c * hw};
    int64_t crd_[6] = {b * b * c * hw, b * b * hw, w, b * hw, 1, hw};
    move(r, r->out[0]->data, 0, ds, x->data, 0, crd ? crd_ : dcr, 6, dims, copy_size(x->dtype));
    return NARU_OK;
}

static naru_status run_space_to_depth(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    int64_t b = attr_int(r->step->node, "blocksize", 1), n = x->dims[0], c = x->dims[1], h = x->dims[2] / b,
            w = x->dims[3] / b;
    bool crd = strcmp(attr_str(r->step->node, "mode", "DCR"), "CRD") == 0;
    /* output [n, by, bx, c, h, w] (DCR) or [n, c, by, bx, h, w] (CRD); input [n, c, h, by, w, bx] */
    int64_t hw = h * w, dims[6] = {n, b, b, c, h, w};
    int64_t dcr[6] = {b * b * c * hw, b * c * hw, c * hw, hw, w, 1};
    int64_t crd_[6] = {b * b * c * hw, b * hw, hw, b * b * hw, w, 1};
    const int64_t *ds = crd ? crd_ : dcr;
    int64_t ss[6] = {c * h * b * w * b, w * b, 1, h * b * w * b, b * w * b, b};
    move(r, r->out[0]->data, 0, ds, x->data, 0, ss, 6, dims, copy_size(x->dtype));
    return NARU_OK;
}

#define COPY(symbol, opname, acc, fn)                                                                                  \
    const tactic tactic_##symbol = {.name = "copy", .op = opname, .accepts = acc, .run = fn};
COPY(transpose, "Transpose", accepts, run_transpose)
const tactic tactic_concat = {.name = "copy",
                              .op = "Concat",
                              .flags = TACTIC_JOINS,
                              .accepts = accepts_concat,
                              .run = run_concat,
                              .pitched = pitched_along_last,
                              .part = part_of_concat};
const tactic tactic_split = {.name = "copy",
                             .op = "Split",
                             .flags = TACTIC_PARTS,
                             .accepts = accepts_split,
                             .run = run_split,
                             .pitched = pitched_along_last,
                             .part = part_of_split};
const tactic tactic_slice = {.name = "copy",
                             .op = "Slice",
                             .flags = TACTIC_PARTS,
                             .accepts = accepts,
                             .run = run_slice,
                             .pitched = pitched_slice,
                             .part = part_of_slice};
COPY(expand, "Expand", accepts, run_expand)
COPY(tile, "Tile", accepts_tile, run_tile)
const tactic tactic_pad = {.name = "copy", .op = "Pad", .accepts = accepts, .workspace = workspace_pad, .run = run_pad};
COPY(gather, "Gather", accepts_gather, run_gather)
COPY(depthtospace, "DepthToSpace", accepts, run_depth_to_space)
COPY(spacetodepth, "SpaceToDepth", accepts, run_space_to_depth)
