/* SPDX-License-Identifier: MIT
 *
 * Resize of the last two dims (kernels/resize): nearest for any type of whole bytes, linear and cubic in FP32, every
 * coordinate mode but tf_crop_and_resize. The tables of indices and weights are made in the workspace at each run: they
 * are as long as the output's sides.
 */
#include "kernels/resize/resize.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { MAX_TAPS = 4 };

typedef enum mode { MODE_NEAREST = 1, MODE_LINEAR = 2, MODE_CUBIC = 4 } mode; /* the value is the number of taps */

static mode mode_of(const node *n) {
    const char *s = attr_str(n, "mode", "nearest");
    return s[0] == 'n' ? MODE_NEAREST : s[0] == 'l' ? MODE_LINEAR : MODE_CUBIC;
}

static bool names_last_two(const node *n, int rank) { /* `axes` says that no other dim changes */
    const attr *axes = node_attr(n, "axes");
    if (!axes || axes->kind != ATTR_INTS || axes->count == 0) return false;
    for (size_t i = 0; i < axes->count; i++)
        if (norm_axis(axes->ints[i], rank) < rank - 2) return false;
    return true;
}

static const char *accepts(const tactic_query *q) {
    const node *n = q->node;
    mode m = mode_of(n);
    int rank = q_rank(q, 0);
    if (rank < 2 || !q->out[0].type.has_rank || q->out[0].type.rank != rank) return "ranks are unknown or under 2";
    if (m == MODE_NEAREST ? !copy_size(q_dtype(q, 0)) : q_dtype(q, 0) != NARU_FLOAT)
        return "no kernel for this element type";
    if (attr_int(n, "antialias", 0)) return "antialias";
    if (strcmp(attr_str(n, "coordinate_transformation_mode", "half_pixel"), "tf_crop_and_resize") == 0)
        return "tf_crop_and_resize";
    for (int i = 0; i < rank - 2 && !names_last_two(n, rank); i++) /* equal dims, as numbers or as expressions */
        if (q_dim(q, 0, i) == DIM_UNKNOWN || q->out[0].type.dims[i] != q_dim(q, 0, i))
            return "resizes more than the last two dims";
    if (q_given(q, 2) && !q_const(q, 2)) return "scales are not constant";
    return NULL;
}

/* Position in the input of output x; `scale` as given or out / in. */
static double source(const char *m, int64_t x, int64_t in, int64_t out, double scale) {
    double at = (double)x;
    if (strcmp(m, "align_corners") == 0) return out == 1 ? 0 : at * (double)(in - 1) / (double)(out - 1);
    if (strcmp(m, "asymmetric") == 0) return at / scale;
    if (strcmp(m, "pytorch_half_pixel") == 0 && out == 1) return -0.5;
    double offset = 0;
    if (strcmp(m, "half_pixel_symmetric") == 0) offset = (double)in / 2 * (1 - (double)out / (scale * (double)in));
    return offset + (at + 0.5) / scale - 0.5;
}

static double nearest(const char *m, double x) {
    if (strcmp(m, "floor") == 0) return floor(x);
    if (strcmp(m, "ceil") == 0) return ceil(x);
    if (strcmp(m, "round_prefer_ceil") == 0) return floor(x + 0.5);
    return ceil(x - 0.5);
}

/* Weights of the taps around x, whose fraction is t (taps start at floor(x), or one before for cubic). */
static void weights_of(mode m, double t, double a, double *w) {
    if (m == MODE_NEAREST) w[0] = 1;
    if (m == MODE_LINEAR) w[0] = 1 - t, w[1] = t;
    if (m != MODE_CUBIC) return;
    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
    w[3] = ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a;
}

static void make_table(const node *n, int64_t in, int64_t out, double scale, int32_t *index, float *weight) {
    mode m = mode_of(n);
    const char *coords = attr_str(n, "coordinate_transformation_mode", "half_pixel");
    const char *rounding = attr_str(n, "nearest_mode", "round_prefer_floor");
    double a = (double)attr_float(n, "cubic_coeff_a", -0.75f), w[MAX_TAPS] = {0};
    bool exclude = attr_int(n, "exclude_outside", 0) != 0 && m != MODE_NEAREST;
    for (int64_t o = 0; o < out; o++) {
        double x = source(coords, o, in, out, scale), base = m == MODE_NEAREST ? nearest(rounding, x) : floor(x),
               sum = 0;
        weights_of(m, x - floor(x), a, w);
        if (m == MODE_CUBIC) base -= 1;
        for (int k = 0; k < (int)m; k++) {
            double at = base + k;
            if (exclude && (at < 0 || at > (double)(in - 1))) w[k] = 0;
            sum += w[k];
            index[o * (int)m + k] = (int32_t)(at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at);
        }
        for (int k = 0; k < (int)m; k++) weight[o * (int)m + k] = (float)(exclude && sum != 0 ? w[k] / sum : w[k]);
    }
}

/* The scale of output axis `axis`: the node's where it gives scales, else the ratio of sizes. */
static double scale_of(const run_ctx *r, int axis) {
    const naru_tensor *x = r->in[0], *y = r->out[0], *scales = r->step->nin > 2 ? r->in[2] : NULL;
    const attr *axes = node_attr(r->step->node, "axes");
    int64_t n = scales ? tensor_count(scales) : 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = axes && axes->kind == ATTR_INTS && axes->count ? axes->ints[i] : i;
        if (norm_axis(a, x->rank) == axis) return dtype_get_f64(scales->dtype, scales->data, i);
    }
    return (double)y->dims[axis] / (double)x->dims[axis];
}

typedef struct job {
    const k_resize *k;
    k_resize_args p;
    void *y;
    const void *x;
    char *workspace;
    int64_t per_thread;
    int size;
} job;

static void rows(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    if (j->p.tx == 1) k_resize_nearest(&j->p, j->y, j->x, begin, end, j->size);
    else j->k->taps(&j->p, j->y, j->x, begin, end, j->workspace + j->per_thread * worker);
}

static k_resize_args args_of(const step *s, const naru_tensor *x, const naru_tensor *y) {
    int r = x->rank, m = (int)mode_of(s->node);
    return (k_resize_args){
        .h = x->dims[r - 2], .w = x->dims[r - 1], .c = 1, .oh = y->dims[r - 2], .ow = y->dims[r - 1], .tx = m, .ty = m};
}

static int64_t table_bytes(const k_resize_args *p) {
    return (int64_t)align_up((size_t)((p->oh + p->ow) * p->tx) * 8, 64);
}
static int64_t thread_bytes(const k_resize_args *p) { return (int64_t)align_up((size_t)k_resize_workspace(p), 64); }

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    k_resize_args p = args_of(s, in[0], out[0]);
    return (size_t)(table_bytes(&p) + thread_bytes(&p) * threads);
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    job j = {.k = k_resize_pick(r->step->cpu),
             .p = args_of(r->step, x, y),
             .y = y->data,
             .x = x->data,
             .size = copy_size(x->dtype)};
    if (tensor_count(y) == 0) return NARU_OK;
    if (tensor_count(x) == 0) return err_set(r->err, NARU_SHAPE, "Resize of an empty input to a larger one");
    int64_t nx = j.p.ow * j.p.tx, ny = j.p.oh * j.p.ty;
    int32_t *ix = r->workspace, *iy = ix + nx;
    float *wx = (float *)(iy + ny), *wy = wx + nx;
    make_table(r->step->node, j.p.w, j.p.ow, scale_of(r, x->rank - 1), ix, wx);
    make_table(r->step->node, j.p.h, j.p.oh, scale_of(r, x->rank - 2), iy, wy);
    j.p.ix = ix, j.p.iy = iy, j.p.wx = wx, j.p.wy = wy;
    j.workspace = (char *)r->workspace + table_bytes(&j.p), j.per_thread = thread_bytes(&j.p);
    parallel_for(r->pool, dims_product(y->dims, 0, y->rank - 1), 4 + 8192 / (j.p.ow + 1), rows, &j);
    return NARU_OK;
}

const tactic tactic_resize = {.name = "resize", .op = "Resize", .accepts = accepts, .workspace = workspace, .run = run};
