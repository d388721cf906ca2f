/* SPDX-License-Identifier: MIT
 *
 * GridSample: Y[n,c,o...] = X[n,c] sampled at the position that grid[n,o...] holds. [ONNX GridSample-22]
 *
 * Shapes: X [N, C, D1..Dk], grid [N, O1..Ok, k] -> Y [N, C, O1..Ok]. The grid's last axis names the innermost axis
 * first (x, y, z) in [-1, 1], mapped to (g + 1) (D - 1) / 2 with align_corners, else ((g + 1) D - 1) / 2. Modes:
 * nearest (half to even), linear, cubic (a = -0.75). padding_mode outside: zeros, border (nearest edge), reflection
 * (about the pixel centres with align_corners, else about the outer edges), for each tap on its own too.
 * Types: any but string and complex; integers are truncated from the interpolated value. Versions: 16 (bilinear,
 * bicubic), 20 (any number of axes, new mode names), 22. Edge cases: NaN in the grid samples position -1.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { ALIGN_CORNERS, MODE, PADDING_MODE };
static const attr_def attrs[] = {
    ATTR_I("align_corners", 0),
    ATTR_S("mode", "linear"),
    ATTR_S("padding_mode", "zeros"),
    {0},
};
enum { NEAREST, LINEAR, CUBIC };
static const char *const k_modes[] = {"nearest", "linear", "cubic", NULL};
enum { ZEROS, BORDER, REFLECTION };
static const char *const k_paddings[] = {"zeros", "border", "reflection", NULL};
enum { AXES = NARU_MAX_RANK };

static naru_status infer(infer_ctx *c) {
    int mode, padding, r = in_rank(c, 0), g = in_rank(c, 1);
    TRY(util_choice(c, MODE, k_modes, &mode));
    TRY(util_choice(c, PADDING_MODE, k_paddings, &padding));
    if (in_dtype(c, 0) == NARU_STRING || dtype_is_complex(in_dtype(c, 0)))
        return op_fail(c, NARU_UNSUPPORTED, "elements of this type are not sampled");
    if (r < 0 && g < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (r < 0) r = g;
    if (r < 3) return op_fail(c, NARU_SHAPE, "X has rank %d, needs 3 or more", r);
    TRY(util_need_rank(c, 1, r, "grid"));
    if (mode == CUBIC && r > 8) return op_fail(c, NARU_UNSUPPORTED, "cubic sampling along %d axes", r - 2);
    dim_t dims[NARU_MAX_RANK];
    for (int d = 0; d < r; d++)
        dims[d] = d < 2   ? (in_rank(c, 0) < 0 ? DIM_UNKNOWN : in_dim(c, 0, d))
                  : g < 0 ? DIM_UNKNOWN
                          : in_dim(c, 1, d - 1);
    if (g >= 0) {
        TRY(util_same_dim(c, in_dim(c, 1, r - 1), r - 2, "the grid's last dim"));
        TRY(util_same_dim(c, in_dim(c, 1, 0), dims[0], "the grid's batch"));
    }
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

typedef struct job {
    int n, mode, padding; /* n: spatial axes */
    bool align;
    const int64_t *in;
    int taps;
} job;

static double position(const job *j, const naru_tensor *grid, int64_t at, int64_t size) {
    double g = dtype_get_f64(grid->dtype, grid->data, at);
    if (grid->dtype != NARU_DOUBLE) { /* float arithmetic, which decides ties of nearest */
        float f = (float)g;
        return j->align ? (f + 1) / 2 * (float)(size - 1) : ((f + 1) * (float)size - 1) / 2;
    }
    return j->align ? (g + 1) / 2 * (double)(size - 1) : ((g + 1) * (double)size - 1) / 2;
}

static double reflect(double x, double low, double high) {
    double span = high - low;
    if (span <= 0) return low;
    double d = fmod(fabs(x - low), 2 * span);
    return d > span ? high - (d - span) : low + d;
}

static double low_edge(const job *j) { return j->align ? 0 : -0.5; }
static double high_edge(const job *j, int64_t size) { return (double)size - (j->align ? 1 : 0.5); }

static double bring_inside(const job *j, double x, int64_t size) {
    double low = low_edge(j), high = high_edge(j, size);
    if (!isfinite(x) || fabs(x) > 1e12) x = x > 0 ? 1e12 : x < 0 ? -1e12 : -1;
    if (j->mode == NEAREST) x = rint(x);
    if (x >= low && x <= high) return x;
    if (j->padding == BORDER) return fmin(fmax(x, 0), (double)(size - 1));
    return j->padding == REFLECTION ? reflect(x, low, high) : x;
}

/* The element that a tap at i reads; -1: a zero. */
static int64_t tap_index(const job *j, double i, int64_t size) {
    if (i >= 0 && i <= (double)(size - 1)) return (int64_t)i;
    if (j->padding == ZEROS) return -1;
    if (j->padding == REFLECTION) i = trunc(reflect(i, low_edge(j), high_edge(j, size)));
    return (int64_t)fmin(fmax(i, 0), (double)(size - 1));
}

static double cubic(double d) {
    const double a = -0.75;
    d = fabs(d);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* Taps of one axis at position x. */
static void make_taps(const job *j, double x, int64_t size, int64_t *index, double *weight) {
    double base = j->mode == NEAREST ? x : floor(x) - (j->mode == CUBIC ? 1 : 0);
    for (int k = 0; k < j->taps; k++) {
        index[k] = tap_index(j, base + k, size);
        weight[k] = j->mode == NEAREST ? 1 : j->mode == LINEAR ? 1 - fabs(x - (base + k)) : cubic(x - (base + k));
    }
}

static double sample(const job *j, const double *x, const int64_t index[AXES][4], const double weight[AXES][4]) {
    int k[AXES] = {0};
    double sum = 0;
    for (int d = 0; d >= 0;) {
        int64_t at = 0;
        double w = 1;
        bool zero = false;
        for (int a = 0; a < j->n; a++) {
            zero = zero || index[a][k[a]] < 0;
            at = at * j->in[a] + index[a][k[a]];
            w *= weight[a][k[a]];
        }
        if (!zero) sum += w * x[at];
        for (d = j->n - 1; d >= 0 && ++k[d] == j->taps; d--) k[d] = 0;
    }
    return sum;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *grid = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    job j = {x->rank - 2,
             choice_of(choice_text(c->node, MODE), k_modes),
             choice_of(choice_text(c->node, PADDING_MODE), k_paddings),
             node_i(c->node, ALIGN_CORNERS) != 0,
             x->dims + 2,
             1};
    j.taps = j.mode == NEAREST ? 1 : j.mode == LINEAR ? 2 : 4;
    const double *xd = eval_f64(c, x);
    if (!xd) return NARU_OUT_OF_MEMORY;
    int64_t in = 1, out = 1, channels = x->dims[1];
    for (int d = 0; d < j.n; d++) in *= j.in[d], out *= y->dims[d + 2];
    if (in == 0) return eval_fail(c, NARU_SHAPE, "an empty plane cannot be sampled");
    for (int64_t p = 0; p < x->dims[0] * out; p++) {
        int64_t index[AXES][4], n = p / out;
        double weight[AXES][4];
        for (int d = 0; d < j.n; d++) {
            double at = bring_inside(&j, position(&j, grid, p * j.n + (j.n - 1 - d), j.in[d]), j.in[d]);
            make_taps(&j, at, j.in[d], index[d], weight[d]);
        }
        for (int64_t ch = 0; ch < channels; ch++) {
            double v = sample(&j, xd + (n * channels + ch) * in, index, weight);
            dtype_write_f64(y->dtype, y->data, (n * channels + ch) * out + p % out, 1, &v, true);
        }
    }
    return NARU_OK;
}

/* The modes had other names. */
static naru_status up20(lift_ctx *c, node *n) {
    attr *m = node_attr(n, "mode");
    if (m && m->kind == ATTR_STRING && strcmp(m->s.data, "bilinear") == 0) m->s = (bytes){"linear", 6};
    if (m && m->kind == ATTR_STRING && strcmp(m->s.data, "bicubic") == 0) m->s = (bytes){"cubic", 5};
    return NARU_OK;
}

static naru_status down20(lower_ctx *c, node *n) {
    attr *mode = &n->attrs[MODE];
    if (lw_rank(n->in[0]) != 4)
        return lw_refuse(c, lw_rank(n->in[0]) < 0 ? "the rank is not known" : "only images of two axes");
    if (lw_text_is(n, MODE, "linear")) mode->s = (bytes){"bilinear", 8};
    else if (lw_text_is(n, MODE, "cubic")) mode->s = (bytes){"bicubic", 7};
    return NARU_OK;
}

const op_desc op_GridSample = {
    .name = "GridSample",
    .versions = (const short[]){16, 20, 22, 0},
    .sig = "X:T1, grid:T2 -> Y:T1 | T1 = all; T2 = float",
    .since = "T1 22 bfloat16; T1 never small; T2 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{20, up20}, {0}},
    .down = (const down_adapter[]){{20, down20}, {0}},
};
