/* SPDX-License-Identifier: MIT
 *
 * GridSample of images in FP32: the taps of a position and their weights are found once and used for every channel.
 */
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { MAX_TAPS = 16 };
typedef enum padding { ZEROS, BORDER, REFLECTION } padding;

typedef struct job {
    int taps; /* of one axis: 1, 2, 4 */
    padding pad;
    bool align;
    int64_t h, w, c, out; /* of X; positions of one image */
    const float *x, *grid;
    float *y;
} job;

typedef struct place { /* taps of one position: offsets in a plane and weights */
    int n;
    int32_t at[MAX_TAPS];
    float weight[MAX_TAPS];
} place;

static const char *accepts(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT || q_dtype(q, 1) != NARU_FLOAT) return "takes float32";
    return q_rank(q, 0) == 4 ? NULL : "takes images";
}

static double reflected(const job *j, double v, int64_t n) {
    double low = j->align ? 0 : -0.5, span = j->align ? (double)(n - 1) : (double)n;
    if (span <= 0) return low;
    double d = fmod(fabs(v - low), 2 * span);
    return d > span ? low + 2 * span - d : low + d;
}

/* In float arithmetic, which decides ties of nearest. */
static double position(const job *j, float g, int64_t n) {
    double v = j->align ? (g + 1) / 2 * (float)(n - 1) : ((g + 1) * (float)n - 1) / 2;
    if (!isfinite(v) || fabs(v) > 1e12) v = v > 0 ? 1e12 : v < 0 ? -1e12 : -1;
    if (j->taps == 1) v = rint(v);
    double low = j->align ? 0 : -0.5, high = (double)n - (j->align ? 1 : 0.5);
    if (v >= low && v <= high) return v;
    if (j->pad == BORDER) return fmin(fmax(v, 0), (double)(n - 1));
    return j->pad == REFLECTION ? reflected(j, v, n) : v;
}

/* The element that a tap reads; -1: none. */
static int64_t tap(const job *j, double i, int64_t n) {
    if (i >= 0 && i <= (double)(n - 1)) return (int64_t)i;
    if (j->pad == ZEROS) return -1;
    if (j->pad == REFLECTION) i = trunc(reflected(j, i, n));
    return (int64_t)fmin(fmax(i, 0), (double)(n - 1));
}

static double cubic(double d) {
    const double a = -0.75;
    d = fabs(d);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static void axis_taps(const job *j, float g, int64_t n, int64_t *at, double *weight) {
    double v = position(j, g, n), base = j->taps == 1 ? v : floor(v) - (j->taps == 4);
    for (int k = 0; k < j->taps; k++) {
        at[k] = tap(j, base + k, n);
        weight[k] = j->taps == 1 ? 1 : j->taps == 2 ? 1 - fabs(v - (base + k)) : cubic(v - (base + k));
    }
}

static place place_of(const job *j, const float *g) {
    int64_t ax[4], ay[4];
    double wx[4], wy[4];
    place p = {0};
    axis_taps(j, g[0], j->w, ax, wx);
    axis_taps(j, g[1], j->h, ay, wy);
    for (int b = 0; b < j->taps; b++)
        for (int a = 0; a < j->taps; a++) {
            double weight = wy[b] * wx[a];
            if (ay[b] < 0 || ax[a] < 0 || weight == 0) continue;
            p.at[p.n] = (int32_t)(ay[b] * j->w + ax[a]);
            p.weight[p.n++] = (float)weight;
        }
    return p;
}

static void positions(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    int64_t plane = j->h * j->w;
    for (int64_t i = begin; i < end; i++) {
        place p = place_of(j, j->grid + 2 * i);
        const float *x = j->x + i / j->out * j->c * plane;
        float *y = j->y + i / j->out * j->c * j->out + i % j->out;
        for (int64_t c = 0; c < j->c; c++, x += plane, y += j->out) {
            float sum = 0;
            for (int k = 0; k < p.n; k++) sum += p.weight[k] * x[p.at[k]];
            *y = sum;
        }
    }
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    const char *mode = attr_str(r->step->node, "mode", "linear"),
               *pad = attr_str(r->step->node, "padding_mode", "zeros");
    if (tensor_count(y) == 0) return NARU_OK;
    if (x->dims[2] * x->dims[3] == 0) return err_set(r->err, NARU_SHAPE, "an empty plane cannot be sampled");
    if (x->dims[2] * x->dims[3] > INT32_MAX) return err_set(r->err, NARU_LIMIT, "a plane of more than 2^31 elements");
    job j = {.taps = mode[0] == 'n'   ? 1
                     : mode[0] == 'l' ? 2
                                      : 4,
             .pad = pad[0] == 'z'   ? ZEROS
                    : pad[0] == 'b' ? BORDER
                                    : REFLECTION,
             .align = attr_int(r->step->node, "align_corners", 0) != 0,
             .h = x->dims[2],
             .w = x->dims[3],
             .c = x->dims[1],
             .out = y->dims[2] * y->dims[3],
             .x = x->data,
             .grid = r->in[1]->data,
             .y = y->data};
    parallel_for(r->pool, y->dims[0] * j.out, 1 + 4096 / (j.c * j.taps * j.taps), positions, &j);
    return NARU_OK;
}

const tactic tactic_gridsample = {.name = "gridsample", .op = "GridSample", .accepts = accepts, .run = run};
