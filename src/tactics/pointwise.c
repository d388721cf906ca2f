/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators as tile programs (kernels/pointwise): one table row per operator and element type, broadcasting
 * by strides, any number of operands for Sum, Max, Min and Mean. Half types are computed in FP32: casts around the
 * program. Kernels of chains made by fusion share run().
 */
#include "kernels/pointwise/pointwise.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { MAX_INS = 24, MAX_IN = 8 };

typedef struct pw_state {
    int nins, nregs;
    k_pw_ins ins[MAX_INS];
    int64_t grain; /* elements worth a thread of their own */
} pw_state;

/* One operator on one type. p and q name attributes (NULL: the constant itself). */
typedef struct row {
    const char *op;
    naru_dtype dtype; /* of the operands (of the last, for Where) */
    k_pw_op code;
    const char *p;
    float p0;
    const char *q;
    float q0;
    bool swap, slow;
} row;

#define ROW(name, type, kernel, ...)                                                                                   \
    { .op = name, .dtype = type, .code = kernel, __VA_ARGS__ }
#define ALL3(name, suffix, ...)                                                                                        \
    ROW(name, NARU_FLOAT, K_PW_##suffix##_F, __VA_ARGS__), ROW(name, NARU_INT32, K_PW_##suffix##_I, __VA_ARGS__),      \
        ROW(name, NARU_INT64, K_PW_##suffix##_L, __VA_ARGS__)
#define ALL4(name, suffix, ...) ALL3(name, suffix, __VA_ARGS__), ROW(name, NARU_DOUBLE, K_PW_##suffix##_D, __VA_ARGS__)

static const row rows[] = {
    ALL4("Add", ADD, ),
    ALL4("Sub", SUB, ),
    ALL4("Mul", MUL, ),
    ALL4("Div", DIV, ),
    ALL4("Neg", NEG, ),
    ALL3("Abs", ABS, ),
    ALL3("Min", MIN, ),
    ALL3("Max", MAX, ),
    ROW("Sum", NARU_FLOAT, K_PW_ADD_F, ),
    ROW("Mean", NARU_FLOAT, K_PW_ADD_F, ),
    ROW("Pow", NARU_FLOAT, K_PW_POW_F, .slow = true),
    ROW("PRelu", NARU_FLOAT, K_PW_PRELU_F, ),
    ALL4("Equal", EQ, ),
    ALL4("Less", LT, ),
    ALL4("LessOrEqual", LE, ),
    ALL4("Greater", LT, .swap = true),
    ALL4("GreaterOrEqual", LE, .swap = true),
    ROW("Equal", NARU_BOOL, K_PW_EQ_M, ),
    ROW("And", NARU_BOOL, K_PW_AND_M, ),
    ROW("Or", NARU_BOOL, K_PW_OR_M, ),
    ROW("Xor", NARU_BOOL, K_PW_XOR_M, ),
    ROW("Not", NARU_BOOL, K_PW_NOT_M, ),
    ROW("Relu", NARU_FLOAT, K_PW_RELU_F, ),
    ROW("Exp", NARU_FLOAT, K_PW_EXP_F, .slow = true),
    ROW("Log", NARU_FLOAT, K_PW_LOG_F, .slow = true),
    ROW("Sqrt", NARU_FLOAT, K_PW_SQRT_F, ),
    ROW("Reciprocal", NARU_FLOAT, K_PW_RECIP_F, ),
    ROW("Erf", NARU_FLOAT, K_PW_ERF_F, .slow = true),
    ROW("Tanh", NARU_FLOAT, K_PW_TANH_F, .slow = true),
    ROW("Sigmoid", NARU_FLOAT, K_PW_SIGMOID_F, .slow = true),
    ROW("Swish", NARU_FLOAT, K_PW_SILU_F, .p = "alpha", .p0 = 1.0f, .slow = true),
    ROW("HardSigmoid", NARU_FLOAT, K_PW_HARDSIGMOID_F, .p = "alpha", .p0 = 0.2f, .q = "beta", .q0 = 0.5f),
    ROW("HardSwish", NARU_FLOAT, K_PW_HARDSWISH_F, ),
    ROW("LeakyRelu", NARU_FLOAT, K_PW_LEAKY_F, .p = "alpha", .p0 = 0.01f),
    ROW("Elu", NARU_FLOAT, K_PW_ELU_F, .p = "alpha", .p0 = 1.0f, .slow = true),
    ROW("Celu", NARU_FLOAT, K_PW_CELU_F, .p = "alpha", .p0 = 1.0f, .slow = true),
    ROW("Selu", NARU_FLOAT, K_PW_SELU_F, .p = "alpha", .p0 = 1.67326319217681884765625f, .q = "gamma",
        .q0 = 1.05070102214813232421875f, .slow = true),
    ROW("ThresholdedRelu", NARU_FLOAT, K_PW_THRESHOLD_F, .p = "alpha", .p0 = 1.0f),
    ROW("Shrink", NARU_FLOAT, K_PW_SHRINK_F, .p = "lambd", .p0 = 0.5f, .q = "bias", .q0 = 0.0f),
    ROW("Softplus", NARU_FLOAT, K_PW_SOFTPLUS_F, .slow = true),
    ROW("Softsign", NARU_FLOAT, K_PW_SOFTSIGN_F, ),
    ROW("Mish", NARU_FLOAT, K_PW_MISH_F, .slow = true),
    ROW("Floor", NARU_FLOAT, K_PW_FLOOR_F, ),
    ROW("Ceil", NARU_FLOAT, K_PW_CEIL_F, ),
    ROW("Round", NARU_FLOAT, K_PW_ROUND_F, ),
    ROW("Sign", NARU_FLOAT, K_PW_SIGN_F, ),
    ROW("Sin", NARU_FLOAT, K_PW_SIN_F, .slow = true),
    ROW("Cos", NARU_FLOAT, K_PW_COS_F, .slow = true),
    ROW("IsNaN", NARU_FLOAT, K_PW_ISNAN_F, ),
};

static bool is_half(naru_dtype d) { return d == NARU_FLOAT16 || d == NARU_BFLOAT16; }

static const row *find_row(const char *op, naru_dtype dtype) {
    naru_dtype want = is_half(dtype) ? NARU_FLOAT : dtype;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].dtype == want && strcmp(rows[i].op, op) == 0) return &rows[i];
    return NULL;
}

/* ---- making programs: slots are the node's inputs, its output, then registers ---- */
typedef struct builder {
    pw_state *s;
    int nviews;
    naru_dtype dtype; /* of the floats in memory */
} builder;

static int new_register(builder *b) { return b->nviews + b->s->nregs++; }
static void emit(builder *b, k_pw_op op, int d, int s0, int s1, int s2, float p, float q) {
    b->s->ins[b->s->nins++] = (k_pw_ins){(uint8_t)op, (uint8_t)d, {(uint8_t)s0, (uint8_t)s1, (uint8_t)s2}, p, q};
}
/* The slot of input i as FP32 (or its own type where that is not a half). */
static int load(builder *b, int i) {
    if (!is_half(b->dtype)) return i;
    int r = new_register(b);
    emit(b, b->dtype == NARU_FLOAT16 ? K_PW_CAST_HF : K_PW_CAST_BF, r, i, i, i, 0, 0);
    return r;
}
/* Where the last instruction of the program writes, and what turns that into the output. */
static int result(builder *b) { return is_half(b->dtype) ? new_register(b) : b->nviews - 1; }
static void finish(builder *b, int slot, int out) {
    if (slot != out) emit(b, b->dtype == NARU_FLOAT16 ? K_PW_CAST_FH : K_PW_CAST_FB, out, slot, slot, slot, 0, 0);
}

static float param(const node *n, const char *name, float dflt) { return name ? attr_float(n, name, dflt) : dflt; }

static void build_row(builder *b, const row *r, const node *n, int nin, bool to_bool) {
    int out = b->nviews - 1, d = to_bool ? out : result(b);
    float p = param(n, r->p, r->p0), q = param(n, r->q, r->q0);
    if (nin == 1) {
        int s = load(b, 0);
        if (strcmp(r->op, "Min") == 0 || strcmp(r->op, "Max") == 0 || strcmp(r->op, "Sum") == 0 ||
            strcmp(r->op, "Mean") == 0)
            emit(b, r->dtype == NARU_INT64 ? K_PW_COPY_8 : K_PW_COPY_4, d, s, s, s, 0, 0);
        else emit(b, r->code, d, s, s, s, p, q);
    } else {
        int acc = load(b, 0);
        for (int i = 1; i < nin; i++) {
            int x = load(b, i), t = i + 1 < nin ? new_register(b) : d;
            emit(b, r->code, t, r->swap ? x : acc, r->swap ? acc : x, acc, p, q);
            acc = t;
        }
        if (strcmp(r->op, "Mean") == 0) emit(b, K_PW_AXPB_F, d, d, d, d, 1.0f / (float)nin, 0.0f);
    }
    if (!to_bool) finish(b, d, out);
}

static int64_t grain_of(const pw_state *s) {
    for (int i = 0; i < s->nins; i++)
        for (size_t r = 0; r < COUNT_OF(rows); r++)
            if (rows[r].code == s->ins[i].op && rows[r].slow) return 4096;
    return 16384;
}

static naru_status new_state(prepare_ctx *c, step *s, builder *b, int nin) {
    pw_state *st = arena_alloc(c->arena, sizeof *st);
    if (!st) return err_oom(c->err);
    *st = (pw_state){0};
    s->state = st;
    *b = (builder){.s = st, .nviews = nin + 1, .dtype = q_dtype(&c->q, 0)};
    return NARU_OK;
}

/* ---- running ---- */
typedef struct job {
    const k_pointwise *k;
    k_pw_program p;
    k_pw_view view[MAX_IN + 1];
    char *workspace;
    int64_t per_thread;
} job;

static void work(void *arg, int64_t begin, int64_t end, int worker) {
    job *j = arg;
    k_pw_run(j->k, &j->p, begin, end, j->workspace + j->per_thread * worker);
}

static void set_view(k_pw_view *v, const naru_tensor *t, const naru_tensor *out, bool output) {
    *v = (k_pw_view){.data = t->data, .size = naru_dtype_bits(t->dtype) / 8, .output = output};
    int64_t stride = 1;
    for (int i = 0; i < t->rank; i++) {
        int from = t->rank - 1 - i, to = out->rank - 1 - i;
        v->stride[to] = t->dims[from] == 1 ? 0 : stride;
        stride *= t->dims[from];
    }
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const pw_state *st = s->state;
    k_pw_program p = {.nviews = s->nin + 1, .nregs = st->nregs};
    return (size_t)k_pw_workspace(&p) * (size_t)threads;
}

static naru_status run(const run_ctx *r) {
    const pw_state *st = r->step->state;
    const naru_tensor *out = r->out[0];
    int64_t total = tensor_count(out);
    if (total == 0) return NARU_OK;
    job j = {.k = k_pointwise_pick(r->step->cpu), .workspace = r->workspace};
    int nviews = 0;
    for (int i = 0; i < r->step->nin; i++)
        if (r->in[i]) set_view(&j.view[nviews++], r->in[i], out, false);
    set_view(&j.view[nviews++], out, out, true);
    j.p = (k_pw_program){.rank = out->rank ? out->rank : 1,
                         .nviews = nviews,
                         .nregs = st->nregs,
                         .nins = st->nins,
                         .view = j.view,
                         .ins = st->ins};
    j.p.dim[0] = 1;
    for (int i = 0; i < out->rank; i++) j.p.dim[i] = out->dims[i];
    k_pw_collapse(&j.p, j.view);
    j.per_thread = k_pw_workspace(&j.p);
    parallel_for(r->pool, total, st->grain, work, &j);
    return NARU_OK;
}

/* ---- table operators ---- */
static const char *accepts_row(const tactic_query *q) {
    if (q->nin < 1 || q->nin > MAX_IN) return "takes 1 to 8 inputs";
    for (int i = 0; i < q->nin; i++)
        if (!q->in[i]) return "an input is omitted";
    const row *r = find_row(q->node->op_type, q_dtype(q, 0));
    if (!r) return "no kernel for this element type";
    for (int i = 1; i < q->nin; i++)
        if (q_dtype(q, i) != q_dtype(q, 0)) return "operands of different types";
    return NULL;
}

static naru_status prepare_row(prepare_ctx *c, step *s) {
    const row *r = find_row(c->q.node->op_type, q_dtype(&c->q, 0));
    builder b = {0};
    TRY(new_state(c, s, &b, c->q.nin));
    build_row(&b, r, c->q.node, c->q.nin, c->q.out[0].type.dtype == NARU_BOOL);
    b.s->grain = grain_of(b.s);
    return NARU_OK;
}

/* Pow with a constant exponent of 2 is a product; else powf. */
static naru_status prepare_pow(prepare_ctx *c, step *s) {
    TRY(prepare_row(c, s));
    double e = 0;
    pw_state *st = s->state;
    if (q_dtype(&c->q, 0) != NARU_FLOAT || !const_scalar(&c->q, 1, &e) || e != 2) return NARU_OK;
    st->ins[0].op = K_PW_MUL_F;
    st->ins[0].s[1] = 0;
    st->grain = 16384;
    return NARU_OK;
}

/* ---- Gelu, Clip, Where, Mod, Cast ---- */
static const char *accepts_float(const tactic_query *q) {
    naru_dtype d = q_dtype(q, 0);
    return d == NARU_FLOAT || is_half(d) ? NULL : "takes float32, float16 and bfloat16";
}

static naru_status prepare_gelu(prepare_ctx *c, step *s) {
    builder b = {0};
    TRY(new_state(c, s, &b, 1));
    bool tanh_form = strcmp(attr_str(c->q.node, "approximate", "none"), "tanh") == 0;
    int x = load(&b, 0), d = result(&b);
    emit(&b, tanh_form ? K_PW_GELU_TANH_F : K_PW_GELU_F, d, x, x, x, 0, 0);
    finish(&b, d, b.nviews - 1);
    b.s->grain = 4096;
    return NARU_OK;
}

static const char *accepts_clip(const tactic_query *q) {
    naru_dtype d = q_dtype(q, 0);
    return d == NARU_FLOAT || d == NARU_INT32 || d == NARU_INT64 ? NULL : "takes float32, int32 and int64";
}

/* min(max(x, lo), hi), either bound optional; views are numbered without the omitted inputs. */
static naru_status prepare_clip(prepare_ctx *c, step *s) {
    builder b = {0};
    bool lo = q_given(&c->q, 1), hi = q_given(&c->q, 2);
    TRY(new_state(c, s, &b, 1 + lo + hi));
    naru_dtype t = b.dtype;
    k_pw_op max = t == NARU_FLOAT ? K_PW_MAX_F : t == NARU_INT32 ? K_PW_MAX_I : K_PW_MAX_L;
    k_pw_op min = t == NARU_FLOAT ? K_PW_MIN_F : t == NARU_INT32 ? K_PW_MIN_I : K_PW_MIN_L;
    int out = b.nviews - 1, x = 0;
    double p = 0, q = 0;
    b.s->grain = 16384;
    if (t == NARU_FLOAT && (!lo || const_scalar(&c->q, 1, &p)) && (!hi || const_scalar(&c->q, 2, &q))) {
        emit(&b, K_PW_CLIP_F, out, 0, 0, 0, lo ? (float)p : -INFINITY, hi ? (float)q : INFINITY);
        return NARU_OK;
    }
    if (!lo && !hi) emit(&b, t == NARU_INT64 ? K_PW_COPY_8 : K_PW_COPY_4, out, 0, 0, 0, 0, 0);
    if (lo) {
        x = hi ? new_register(&b) : out;
        emit(&b, max, x, 0, 1, 0, 0, 0);
    }
    if (hi) emit(&b, min, out, x, 1 + lo, x, 0, 0);
    return NARU_OK;
}

static int element_size(naru_dtype d) {
    int bits = d == NARU_STRING ? 0 : naru_dtype_bits(d);
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

static const char *accepts_where(const tactic_query *q) {
    return element_size(q_dtype(q, 1)) && q_dtype(q, 1) == q_dtype(q, 2) ? NULL : "no kernel for this element type";
}

static naru_status prepare_where(prepare_ctx *c, step *s) {
    builder b = {0};
    TRY(new_state(c, s, &b, 3));
    int size = element_size(q_dtype(&c->q, 1));
    k_pw_op op = size == 1 ? K_PW_WHERE_1 : size == 2 ? K_PW_WHERE_2 : size == 4 ? K_PW_WHERE_4 : K_PW_WHERE_8;
    emit(&b, op, 3, 0, 1, 2, 0, 0);
    b.s->grain = 16384;
    return NARU_OK;
}

static const char *accepts_mod(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    return attr_int(q->node, "fmod", 0) ? NULL : "takes fmod = 1";
}

static naru_status prepare_mod(prepare_ctx *c, step *s) {
    builder b = {0};
    TRY(new_state(c, s, &b, 2));
    emit(&b, K_PW_FMOD_F, 2, 0, 1, 0, 0, 0);
    b.s->grain = 4096;
    return NARU_OK;
}

/* A cast is one instruction, or two through `via`. */
typedef struct cast {
    naru_dtype from, to;
    k_pw_op a;
    int b; /* second instruction, -1: none */
} cast;
static const cast casts[] = {
    {NARU_FLOAT, NARU_FLOAT16, K_PW_CAST_FH, -1},
    {NARU_FLOAT, NARU_BFLOAT16, K_PW_CAST_FB, -1},
    {NARU_FLOAT, NARU_DOUBLE, K_PW_CAST_FD, -1},
    {NARU_FLOAT, NARU_BOOL, K_PW_CAST_FM, -1},
    {NARU_FLOAT, NARU_INT32, K_PW_CAST_FI, -1},
    {NARU_FLOAT, NARU_INT64, K_PW_CAST_FL, -1},
    {NARU_FLOAT, NARU_INT8, K_PW_CAST_FS, -1},
    {NARU_FLOAT, NARU_UINT8, K_PW_CAST_FU, -1},
    {NARU_FLOAT16, NARU_FLOAT, K_PW_CAST_HF, -1},
    {NARU_BFLOAT16, NARU_FLOAT, K_PW_CAST_BF, -1},
    {NARU_DOUBLE, NARU_FLOAT, K_PW_CAST_DF, -1},
    {NARU_INT32, NARU_FLOAT, K_PW_CAST_IF, -1},
    {NARU_INT64, NARU_FLOAT, K_PW_CAST_LF, -1},
    {NARU_INT8, NARU_FLOAT, K_PW_CAST_SF, -1},
    {NARU_UINT8, NARU_FLOAT, K_PW_CAST_UF, -1},
    {NARU_BOOL, NARU_FLOAT, K_PW_CAST_UF, -1},
    {NARU_INT32, NARU_INT64, K_PW_CAST_IL, -1},
    {NARU_INT64, NARU_INT32, K_PW_CAST_LI, -1},
    {NARU_BOOL, NARU_INT32, K_PW_CAST_UI, -1},
    {NARU_BOOL, NARU_INT64, K_PW_CAST_UL, -1},
    {NARU_UINT8, NARU_INT32, K_PW_CAST_UI, -1},
    {NARU_UINT8, NARU_INT64, K_PW_CAST_UL, -1},
    {NARU_INT8, NARU_INT32, K_PW_CAST_SI, -1},
    {NARU_INT8, NARU_INT64, K_PW_CAST_SI, K_PW_CAST_IL},
    {NARU_INT32, NARU_BOOL, K_PW_CAST_IM, -1},
    {NARU_INT64, NARU_BOOL, K_PW_CAST_LM, -1},
    {NARU_UINT8, NARU_BOOL, K_PW_CAST_UM, -1},
    {NARU_INT32, NARU_UINT8, K_PW_CAST_IU, -1},
    {NARU_INT32, NARU_INT8, K_PW_CAST_IS, -1},
    {NARU_INT64, NARU_UINT8, K_PW_CAST_LI, K_PW_CAST_IU},
    {NARU_INT64, NARU_INT8, K_PW_CAST_LI, K_PW_CAST_IS},
    {NARU_FLOAT16, NARU_BFLOAT16, K_PW_CAST_HF, K_PW_CAST_FB},
    {NARU_BFLOAT16, NARU_FLOAT16, K_PW_CAST_BF, K_PW_CAST_FH},
    {NARU_FLOAT16, NARU_DOUBLE, K_PW_CAST_HF, K_PW_CAST_FD},
    {NARU_BOOL, NARU_FLOAT16, K_PW_CAST_UF, K_PW_CAST_FH},
};

static const cast *find_cast(naru_dtype from, naru_dtype to) {
    for (size_t i = 0; i < COUNT_OF(casts); i++)
        if (casts[i].from == from && casts[i].to == to) return &casts[i];
    return NULL;
}

static const char *accepts_cast(const tactic_query *q) {
    naru_dtype from = q_dtype(q, 0), to = q->out[0].type.dtype;
    if (from == to) return element_size(from) ? NULL : "no kernel for this element type";
    return find_cast(from, to) ? NULL : "no kernel for this pair of types";
}

static naru_status prepare_cast(prepare_ctx *c, step *s) {
    builder b = {0};
    TRY(new_state(c, s, &b, c->q.nin > 1 ? c->q.nin : 1));
    naru_dtype from = b.dtype, to = c->q.out[0].type.dtype;
    const cast *k = find_cast(from, to);
    int size = element_size(from), out = b.nviews - 1;
    b.s->grain = 16384;
    if (from == to) {
        emit(&b,
             size == 1   ? K_PW_COPY_1
             : size == 2 ? K_PW_COPY_2
             : size == 4 ? K_PW_COPY_4
                         : K_PW_COPY_8,
             out, 0, 0, 0, 0, 0);
        return NARU_OK;
    }
    int mid = k->b < 0 ? out : new_register(&b);
    emit(&b, k->a, mid, 0, 0, 0, 0, 0);
    if (k->b >= 0) emit(&b, (k_pw_op)k->b, out, mid, mid, mid, 0, 0);
    return NARU_OK;
}

#define PW_TACTIC(symbol, opname, fl, acc, prep)                                                                       \
    const tactic tactic_pw_##symbol = {.name = "pointwise",                                                            \
                                       .op = opname,                                                                   \
                                       .flags = fl,                                                                    \
                                       .accepts = acc,                                                                 \
                                       .prepare = prep,                                                                \
                                       .workspace = workspace,                                                         \
                                       .run = run};
#define PW_SAME(symbol, opname) PW_TACTIC(symbol, opname, TACTIC_INPLACE, accepts_row, prepare_row)
/* Results of another size must not take an operand's memory: 8 bools fit into one int64 that is still to be read. */
#define PW_BOOL(symbol, opname) PW_TACTIC(symbol, opname, 0, accepts_row, prepare_row)

PW_SAME(add, "Add")
PW_SAME(sub, "Sub")
PW_SAME(mul, "Mul")
PW_SAME(div, "Div")
PW_SAME(neg, "Neg")
PW_SAME(abs, "Abs")
PW_SAME(min, "Min")
PW_SAME(max, "Max")
PW_SAME(sum, "Sum")
PW_SAME(mean, "Mean")
PW_TACTIC(pow, "Pow", TACTIC_INPLACE, accepts_row, prepare_pow)
PW_SAME(prelu, "PRelu")
PW_BOOL(equal, "Equal")
PW_BOOL(less, "Less")
PW_BOOL(less_equal, "LessOrEqual")
PW_BOOL(greater, "Greater")
PW_BOOL(greater_equal, "GreaterOrEqual")
PW_SAME(and, "And")
PW_SAME(or, "Or")
PW_SAME(xor, "Xor")
PW_SAME(not, "Not")
PW_SAME(relu, "Relu")
PW_SAME(exp, "Exp")
PW_SAME(log, "Log")
PW_SAME(sqrt, "Sqrt")
PW_SAME(reciprocal, "Reciprocal")
PW_SAME(erf, "Erf")
PW_SAME(tanh, "Tanh")
PW_SAME(sigmoid, "Sigmoid")
PW_SAME(swish, "Swish")
PW_SAME(hardsigmoid, "HardSigmoid")
PW_SAME(hardswish, "HardSwish")
PW_SAME(leakyrelu, "LeakyRelu")
PW_SAME(elu, "Elu")
PW_SAME(celu, "Celu")
PW_SAME(selu, "Selu")
PW_SAME(thresholdedrelu, "ThresholdedRelu")
PW_SAME(shrink, "Shrink")
PW_SAME(softplus, "Softplus")
PW_SAME(softsign, "Softsign")
PW_SAME(mish, "Mish")
PW_SAME(floor, "Floor")
PW_SAME(ceil, "Ceil")
PW_SAME(round, "Round")
PW_SAME(sign, "Sign")
PW_SAME(sin, "Sin")
PW_SAME(cos, "Cos")
PW_BOOL(isnan, "IsNaN")
PW_TACTIC(gelu, "Gelu", TACTIC_INPLACE, accepts_float, prepare_gelu)
PW_TACTIC(clip, "Clip", TACTIC_INPLACE, accepts_clip, prepare_clip)
PW_TACTIC(where, "Where", TACTIC_INPLACE, accepts_where, prepare_where)
PW_TACTIC(mod, "Mod", TACTIC_INPLACE, accepts_mod, prepare_mod)
PW_TACTIC(cast, "Cast", 0, accepts_cast, prepare_cast)
