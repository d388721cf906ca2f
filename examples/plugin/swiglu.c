/* SPDX-License-Identifier: MIT
 *
 * A plugin: the gate of many language models, as an operator of its own.
 *
 *     cc -O2 -shared -fPIC -o libswiglu.so swiglu.c $(pkg-config --cflags naru)
 *     naru run model.onnx --plugins ./libswiglu.so ...
 *
 * naru.example::SwiGLU (TorchScript: naru_example::swiglu): with x[..., 2n] = [a | b] and bias[2n] = [c | d],
 *     y[..., i] = silu(alpha * (a_i + c_i)) * (b_i + d_i),    silu(v) = v / (1 + exp(-v))
 * It shows inference over unknown sizes, an attribute, a state made of a constant input and kept in plans, and two
 * tactics: `plain` for both types, by expf and exp, and `fast` for float32, by a polynomial that compilers vectorize
 * (worst relative error of the exponential 2e-7). The library calls nothing of Naru's but what the host table has.
 */
#include <math.h>
#include <string.h>

#include <naru/plugin.h>

enum { ATTR_ALPHA };
static const naru_plugin_attr attrs[] = {{.name = "alpha", .kind = NARU_ATTR_FLOAT, .f = 1}, {.name = NULL}};

/* ---- shapes ---- */
static naru_status infer(const naru_plugin_infer *c) {
    const naru_plugin_type *x = &c->in[0];
    if (x->rank < 0) return NARU_OK; /* nothing is known yet */
    if (x->rank == 0) return c->host->refuse(c->err, NARU_SHAPE, "x has no axis to halve");
    int64_t wide = x->dims[x->rank - 1], n = c->host->dim(c, '/', wide, 2);
    if (wide >= 0 && wide % 2)
        return c->host->refuse(c->err, NARU_SHAPE, "the last axis of x is %lld, not even", (long long)wide);
    if (c->nin > 1 && c->in[1].given && c->in[1].rank >= 0) {
        const naru_plugin_type *bias = &c->in[1];
        bool other = bias->rank == 1 && bias->dims[0] >= 0 && wide >= 0 && bias->dims[0] != wide;
        if (bias->rank != 1 || other)
            return c->host->refuse(c->err, NARU_SHAPE, "bias is not of one axis, as long as the last of x");
    }
    memcpy(c->out[0].dims, x->dims, sizeof x->dims);
    c->out[0].rank = x->rank;
    c->out[0].dims[x->rank - 1] = n;
    return NARU_OK;
}

/* ---- state: the bias, where it is constant ---- */
typedef struct state {
    float alpha;
    int64_t bytes;    /* of bias; 0: none, or not constant */
    const void *bias; /* behind the struct, or in the plan's memory */
} state;

enum { HEAD = 64 }; /* bytes of what is serialized before the bias, so that it is aligned */

static state *state_new(naru_plugin_create *c, size_t room) {
    state *s = c->q.host->alloc(sizeof *s + room);
    if (s) *s = (state){.alpha = c->q.host->attr_float(c->q.node, ATTR_ALPHA)};
    c->state = s;
    return s;
}

static naru_status create(naru_plugin_create *c) {
    const naru_plugin_tensor *bias = c->q.nin > 1 ? &c->constants[1] : NULL;
    size_t bytes = bias && bias->data ? (size_t)bias->count * (bias->dtype == NARU_DOUBLE ? 8 : 4) : 0;
    state *s = state_new(c, bytes);
    if (!s) return NARU_OUT_OF_MEMORY;
    if (!bytes) return NARU_OK;
    s->bytes = (int64_t)bytes;
    s->bias = memcpy(s + 1, bias->data, bytes);
    c->consumed = 1u << 1; /* the model's copy may go */
    return NARU_OK;
}

static void destroy(const naru_plugin_host *host, void *user, void *s) { host->release(s); }

static naru_status serialize(const naru_plugin_host *host, void *user, const void *from, void *buffer, size_t *size) {
    const state *s = from;
    *size = HEAD + (size_t)s->bytes;
    if (!buffer) return NARU_OK;
    memset(buffer, 0, HEAD);
    memcpy(buffer, &s->bytes, sizeof s->bytes);
    if (s->bytes) memcpy((char *)buffer + HEAD, s->bias, (size_t)s->bytes);
    return NARU_OK;
}

static naru_status deserialize(naru_plugin_create *c, const void *data, size_t size) {
    int64_t bytes;
    if (size < HEAD) return c->q.host->refuse(c->err, NARU_BAD_FILE, "the state is cut short");
    memcpy(&bytes, data, sizeof bytes);
    if (bytes < 0 || (size_t)bytes != size - HEAD)
        return c->q.host->refuse(c->err, NARU_BAD_FILE, "the state has another size than it says");
    state *s = state_new(c, 0);
    if (!s) return NARU_OUT_OF_MEMORY;
    s->bytes = bytes;
    if (bytes) {
        s->bias = (const char *)data + HEAD; /* the plan's memory outlives the state */
        c->consumed = 1u << 1;
    }
    return NARU_OK;
}

/* ---- rows ---- */
typedef struct row {
    int64_t n;
    const void *a, *b, *c, *d; /* c and d may be NULL */
    void *y;
} row;

static row row_at(const naru_plugin_run *r, int64_t i, size_t elem) {
    const naru_plugin_tensor *x = &r->in[0];
    const state *s = r->state;
    size_t half = (size_t)(x->dims[x->rank - 1] / 2) * elem;
    const char *bias = s->bytes ? s->bias : r->nin > 1 ? r->in[1].data : NULL;
    const char *from = (const char *)x->data + (size_t)i * 2 * half;
    return (row){.n = x->dims[x->rank - 1] / 2,
                 .a = from,
                 .b = from + half,
                 .c = bias,
                 .d = bias ? bias + half : NULL,
                 .y = (char *)r->out[0].data + (size_t)i * half};
}

static int64_t rows(const naru_plugin_run *r) {
    const naru_plugin_tensor *x = &r->in[0];
    return x->dims[x->rank - 1] ? x->count / x->dims[x->rank - 1] : 0;
}

static void plain_double(const row *k, double alpha) {
    const double *a = k->a, *b = k->b, *c = k->c, *d = k->d;
    double *y = k->y;
    for (int64_t i = 0; i < k->n; i++) {
        double v = alpha * (a[i] + (c ? c[i] : 0));
        y[i] = v / (1 + exp(-v)) * (b[i] + (d ? d[i] : 0));
    }
}

static void plain_float(const row *k, float alpha) {
    const float *a = k->a, *b = k->b, *c = k->c, *d = k->d;
    float *y = k->y;
    for (int64_t i = 0; i < k->n; i++) {
        float v = alpha * (a[i] + (c ? c[i] : 0));
        y[i] = v / (1 + expf(-v)) * (b[i] + (d ? d[i] : 0));
    }
}

static naru_status run_plain(const naru_plugin_run *r, int64_t begin, int64_t end) {
    bool wide = r->in[0].dtype == NARU_DOUBLE;
    for (int64_t i = begin; i < end; i++) {
        row k = row_at(r, i, wide ? 8 : 4);
        float alpha = ((const state *)r->state)->alpha;
        if (wide) plain_double(&k, (double)alpha);
        else plain_float(&k, alpha);
    }
    return NARU_OK;
}

/* exp(v) = 2^k * e^f, k the nearest integer to v / ln 2, by the Taylor polynomial of degree 7 of e^f, |f| < 0.35. */
static inline float fast_exp(float v) {
    v = v < -87 ? -87 : v > 88 ? 88 : v;                     /* a NaN stays one */
    float k = (v * 1.44269504f + 12582912.0f) - 12582912.0f; /* rounds by what falls off the mantissa */
    float f = (v - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * f + 1.0f / 720;
    p = p * f + 1.0f / 120;
    p = p * f + 1.0f / 24;
    p = p * f + 1.0f / 6;
    p = p * f + 0.5f;
    p = p * f + 1;
    p = p * f + 1;
    uint32_t bits = (uint32_t)((int32_t)(k == k ? k : 0) + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static naru_status run_fast(const naru_plugin_run *r, int64_t begin, int64_t end) {
    float alpha = ((const state *)r->state)->alpha;
    for (int64_t i = begin; i < end; i++) {
        row k = row_at(r, i, 4);
        const float *a = k.a, *b = k.b, *c = k.c, *d = k.d;
        float *y = k.y;
        for (int64_t j = 0; j < k.n; j++) {
            float v = alpha * (c ? a[j] + c[j] : a[j]), g = d ? b[j] + d[j] : b[j];
            y[j] = v / (1 + fast_exp(-v)) * g;
        }
    }
    return NARU_OK;
}

static const char *accepts_fast(const naru_plugin_query *q) {
    return q->in[0].dtype == NARU_FLOAT ? NULL : "takes float32";
}

/* ---- what is exported ---- */
static const naru_plugin_tactic fast = {.size = sizeof fast,
                                        .name = "swiglu.fast",
                                        .accepts = accepts_fast,
                                        .rows = rows,
                                        .run_rows = run_fast,
                                        .grain = 4};
static const naru_plugin_tactic plain = {
    .size = sizeof plain, .name = "swiglu.plain", .rows = rows, .run_rows = run_plain, .grain = 4};
static const naru_plugin_tactic *const tactics[] = {&fast, &plain, NULL};

static const naru_plugin swiglu = {.size = sizeof swiglu,
                                   .abi = NARU_PLUGIN_ABI,
                                   .version = 1,
                                   .name = "SwiGLU",
                                   .domain = "naru.example",
                                   .since = 1,
                                   .signature = "x:T, bias:T? -> y:T | T = float32 double",
                                   .attrs = attrs,
                                   .schema =
                                       "naru_example::swiglu(Tensor x, Tensor? bias=None, float alpha=1.) -> Tensor",
                                   .infer = infer,
                                   .create = create,
                                   .destroy = destroy,
                                   .serialize = serialize,
                                   .deserialize = deserialize,
                                   .tactics = tactics};

NARU_API const naru_plugin_library *naru_plugin_entry(void) {
    static const naru_plugin *const all[] = {&swiglu};
    static const naru_plugin_library library = {
        .size = sizeof library, .abi = NARU_PLUGIN_ABI, .count = sizeof all / sizeof *all, .plugins = all};
    return &library;
}
