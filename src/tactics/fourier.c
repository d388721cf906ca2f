/* SPDX-License-Identifier: MIT
 *
 * DFT and STFT by fast transforms in double (kernels/fourier), lines and frames shared out among the threads.
 */
#include "kernels/fourier/fourier.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { SIGNAL, STEP, WINDOW, LENGTH }; /* STFT */
#define MAX_POINTS ((int64_t)1 << 40)

typedef struct state {
    int64_t axis, length, step; /* length 0: by shape */
} state;

typedef struct job {
    int64_t n, size, out, inner, parts; /* points; values of a line, bins, distance between values, 1 or 2 */
    int64_t frames, step;               /* STFT */
    bool inverse, real, wide;           /* real: one-sided inverse; wide: double */
    const void *x;
    const naru_tensor *window;
    void *y;
    const double *table;
    double *scratch;
    int64_t per_thread;
} job;

static double load(const job *j, int64_t at) {
    return j->wide ? ((const double *)j->x)[at] : ((const float *)j->x)[at];
}
static void save(const job *j, int64_t at, double v) {
    if (j->wide) ((double *)j->y)[at] = v;
    else ((float *)j->y)[at] = (float)v;
}

static bool float_or_double(naru_dtype d) { return d == NARU_FLOAT || d == NARU_DOUBLE; }

static int64_t constant_of(const tactic_query *q, int i, int64_t absent) {
    double v;
    return const_scalar(q, i, &v) ? (int64_t)v : absent;
}

static naru_status keep(prepare_ctx *c, step *s, state st) {
    if (!(s->state = arena_alloc(c->arena, sizeof st))) return err_oom(c->err);
    *(state *)s->state = st;
    return NARU_OK;
}

static size_t bytes_for(int64_t n, int threads) { /* a line and scratch for each thread */
    return (size_t)(k_fft_table_size(n) + (k_fft_scratch_size(n) + 2 * n) * threads) * sizeof(double);
}

static void share_memory(job *j, double *workspace) {
    double *table = workspace;
    j->scratch = table + k_fft_table_size(j->n);
    j->per_thread = k_fft_scratch_size(j->n) + 2 * j->n;
    k_fft_make_table(j->n, table, j->scratch);
    j->table = table;
}

/* ---- DFT ---- */
static const char *accepts_dft(const tactic_query *q) {
    if (!float_or_double(q_dtype(q, 0))) return "takes float32 and float64";
    if (q_rank(q, 0) < 2) return "the rank is unknown";
    if ((q_given(q, 1) && !q_const(q, 1)) || (q_given(q, 2) && !q_const(q, 2))) return "length or axis is not constant";
    return constant_of(q, 1, 0) > MAX_POINTS ? "the length is too large" : NULL;
}

static naru_status prepare_dft(prepare_ctx *c, step *s) {
    int axis = norm_axis(constant_of(&c->q, 2, -2), q_rank(&c->q, 0));
    return keep(c, s, (state){.axis = axis, .length = constant_of(&c->q, 1, 0)});
}

static bool is_real_inverse(const node *n) { return attr_int(n, "inverse", 0) && attr_int(n, "onesided", 0); }

static int64_t dft_points(const step *s, const naru_tensor *x) {
    const state *st = s->state;
    int64_t size = x->dims[st->axis];
    return st->length > 0 ? st->length : is_real_inverse(s->node) ? i64_max(2 * (size - 1), 1) : i64_max(size, 1);
}

static size_t workspace_dft(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    return bytes_for(dft_points(s, in[0]), threads);
}

/* The line cut or padded to n complex numbers; a one-sided spectrum is completed by symmetry. */
static void read_line(const job *j, int64_t at, double *line) {
    int64_t have = i64_min(j->size, j->real ? j->n / 2 + 1 : j->n);
    memset(line, 0, (size_t)j->n * 2 * sizeof *line);
    for (int64_t i = 0; i < have; i++) {
        int64_t from = at + i * j->inner * j->parts;
        line[2 * i] = load(j, from);
        line[2 * i + 1] = j->parts == 2 ? load(j, from + 1) : 0;
    }
    if (!j->real) return;
    line[1] = 0; /* the bins at 0 and n/2 of a real signal are real */
    if (j->n % 2 == 0) line[j->n + 1] = 0;
    for (int64_t i = 1; 2 * i < j->n; i++) {
        line[2 * (j->n - i)] = line[2 * i];
        line[2 * (j->n - i) + 1] = -line[2 * i + 1];
    }
}

/* The bins at 0 and n/2 of a real signal are real, and rounding leaves no -0 there. */
static void clear_real_bins(const job *j, double *line) {
    if (j->parts != 1) return;
    line[1] = 0;
    if (j->n % 2 == 0) line[j->n + 1] = 0;
}

static void lines(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    double *line = j->scratch + worker * j->per_thread, *scratch = line + 2 * j->n;
    double scale = j->inverse ? 1 / (double)j->n : 1;
    for (int64_t l = begin; l < end; l++) {
        int64_t o = l / j->inner, i = l % j->inner;
        read_line(j, (o * j->size * j->inner + i) * j->parts, line);
        k_fft(j->n, j->inverse ? 1 : -1, j->table, line, scratch);
        clear_real_bins(j, line);
        for (int64_t k = 0; k < j->out; k++) {
            int64_t at = o * j->out * j->inner + i + k * j->inner;
            if (j->real) {
                save(j, at, line[2 * k] * scale);
            } else {
                save(j, 2 * at, line[2 * k] * scale);
                save(j, 2 * at + 1, line[2 * k + 1] * scale);
            }
        }
    }
}

static naru_status run_dft(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    const state *st = r->step->state;
    if (tensor_count(y) == 0) return NARU_OK;
    job j = {.n = dft_points(r->step, x),
             .size = x->dims[st->axis],
             .out = y->dims[st->axis],
             .inner = dims_product(x->dims, (int)st->axis + 1, x->rank - 1),
             .parts = x->dims[x->rank - 1],
             .inverse = attr_int(r->step->node, "inverse", 0) != 0,
             .real = is_real_inverse(r->step->node),
             .wide = x->dtype == NARU_DOUBLE,
             .x = x->data,
             .y = y->data};
    share_memory(&j, r->workspace);
    parallel_for(r->pool, dims_product(x->dims, 0, (int)st->axis) * j.inner, 1 + 512 / j.n, lines, &j);
    return NARU_OK;
}

/* ---- STFT ---- */
static const char *accepts_stft(const tactic_query *q) {
    if (!float_or_double(q_dtype(q, SIGNAL))) return "takes float32 and float64";
    if (!q_const(q, STEP)) return "frame_step is not constant";
    if (q_given(q, LENGTH) && !q_const(q, LENGTH)) return "frame_length is not constant";
    if (constant_of(q, LENGTH, 0) > MAX_POINTS) return "the frame is too large";
    return q_given(q, LENGTH) || q_given(q, WINDOW) ? NULL : "the frame is the whole signal";
}

static naru_status prepare_stft(prepare_ctx *c, step *s) {
    return keep(c, s, (state){.length = constant_of(&c->q, LENGTH, 0), .step = constant_of(&c->q, STEP, 1)});
}

static int64_t stft_points(const step *s, const naru_tensor *const *in) {
    const state *st = s->state;
    const naru_tensor *window = s->nin > WINDOW ? in[WINDOW] : NULL;
    return i64_max(window ? window->dims[0] : st->length, 1);
}

static size_t workspace_stft(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    return bytes_for(stft_points(s, in), threads);
}

static void frames(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    double *line = j->scratch + worker * j->per_thread, *scratch = line + 2 * j->n;
    for (int64_t f = begin; f < end; f++) {
        int64_t from = (f / j->frames * j->size + f % j->frames * j->step) * j->parts;
        for (int64_t i = 0; i < j->n; i++) {
            double w = 1;
            if (j->window) w = j->wide ? ((const double *)j->window->data)[i] : ((const float *)j->window->data)[i];
            line[2 * i] = load(j, from + i * j->parts) * w;
            line[2 * i + 1] = j->parts == 2 ? load(j, from + i * j->parts + 1) * w : 0;
        }
        k_fft(j->n, -1, j->table, line, scratch);
        clear_real_bins(j, line);
        for (int64_t k = 0; k < 2 * j->out; k++) save(j, f * 2 * j->out + k, line[k]);
    }
}

static naru_status run_stft(const run_ctx *r) {
    const naru_tensor *x = r->in[SIGNAL], *y = r->out[0];
    const state *st = r->step->state;
    if (tensor_count(y) == 0) return NARU_OK;
    job j = {.n = stft_points(r->step, r->in),
             .size = x->dims[1],
             .out = y->dims[2],
             .parts = x->dims[2],
             .frames = y->dims[1],
             .step = st->step,
             .wide = x->dtype == NARU_DOUBLE,
             .x = x->data,
             .window = r->step->nin > WINDOW ? r->in[WINDOW] : NULL,
             .y = y->data};
    share_memory(&j, r->workspace);
    parallel_for(r->pool, x->dims[0] * j.frames, 1 + 512 / j.n, frames, &j);
    return NARU_OK;
}

const tactic tactic_dft = {.name = "fourier.fast",
                           .op = "DFT",
                           .accepts = accepts_dft,
                           .prepare = prepare_dft,
                           .workspace = workspace_dft,
                           .run = run_dft};
const tactic tactic_stft = {.name = "fourier.fast",
                            .op = "STFT",
                            .accepts = accepts_stft,
                            .prepare = prepare_stft,
                            .workspace = workspace_stft,
                            .run = run_stft};
