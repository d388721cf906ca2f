/* SPDX-License-Identifier: MIT
 *
 * Every instruction of every level against ref.c, and whole programs (broadcasting, strided views, in place, ranges)
 * against an element-by-element interpreter over ref.c. Tolerances in eps: exact where one rounding is asked for,
 * 3 ulp for transcendental functions, more where ref.c itself composes several of them (named below).
 */
#include "kcheck.h"
#include "kernels/pointwise/pointwise.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_pointwise *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/pointwise/pointwise.def"
#undef PORTABLE
#undef KERNEL
};

static const char *type_of(k_pw_op op, bool result) {
    switch (op) {
#define PW_OP(name, operands, from, to)                                                                                \
    case K_PW_##name:                                                                                                  \
        return result ? #to : #from;
#include "kernels/pointwise/ops.def"
#undef PW_OP
    default: return "";
    }
}

static float eps_of(k_pw_op op) {
    switch (op) {
    case K_PW_EXP_F:
    case K_PW_LOG_F:
    case K_PW_SIN_F:
    case K_PW_COS_F: return 3;
    case K_PW_ERF_F:
    case K_PW_TANH_F:
    case K_PW_SIGMOID_F: return 5;
    case K_PW_SILU_F:
    case K_PW_MISH_F:
    case K_PW_SOFTPLUS_F:
    case K_PW_ELU_F:
    case K_PW_CELU_F:
    case K_PW_SELU_F:
    case K_PW_GELU_F:
    case K_PW_GELU_TANH_F: return 8;
    case K_PW_HARDSIGMOID_F:
    case K_PW_HARDSWISH_F: return 4;
    default: return 0;
    }
}
/* gelu cancels in 1 + erf(x) for negative x, hard sigmoid in p x + q: absolute error of an eps of the larger term. */
static float atol_of(k_pw_op op) {
    switch (op) {
    case K_PW_GELU_F:
    case K_PW_GELU_TANH_F:
    case K_PW_HARDSWISH_F: return 3e-6f;
    case K_PW_HARDSIGMOID_F:
    case K_PW_MISH_F: return 1e-6f;
    case K_PW_EXP_F:
    case K_PW_SIGMOID_F:
    case K_PW_SOFTPLUS_F: return 1e-37f; /* subnormal results of the reference */
    case K_PW_SILU_F: return 1e-35f;
    default: return 0;
    }
}

static void fill(kc_buf *b, char type, int64_t n) {
    static const float odd[] = {NAN,    INFINITY, -INFINITY, 0.0f,  -0.0f,   3e38f,        -3e38f,
                                1e-40f, 65519.0f, 65520.0f,  1e10f, -129.5f, 0.5f,         1.5f,
                                2.5f,   -0.5f,    6e-8f,     88.8f, -104.0f, 2147483648.0f};
    for (int64_t i = 0; i < n; i++) {
        float wide = kc_int(0, 2) ? kc_float(-4, 4) : kc_float(-90, 90);
        if (kc_int(0, 19) == 0) wide = odd[kc_int(0, 19)];
        uint64_t bits = kc_next() >> kc_int(0, 60);
        if (kc_int(0, 1)) bits = 0 - bits;
        switch (type) {
        case 'f': kc_f(b)[i] = wide; break;
        case 'd': ((double *)(void *)b->data)[i] = (double)wide; break;
        case 'i': ((int32_t *)(void *)b->data)[i] = (int32_t)bits; break;
        case 'l': ((int64_t *)(void *)b->data)[i] = (int64_t)bits; break;
        case 'm': b->data[i] = bits & 1; break;
        case '1':
        case 's':
        case 'u': b->data[i] = (unsigned char)bits; break;
        case 'h':
        case 'b':
        case '2': ((uint16_t *)(void *)b->data)[i] = (uint16_t)kc_next(); break;
        case '4': ((uint32_t *)(void *)b->data)[i] = (uint32_t)kc_next(); break;
        case '8': ((uint64_t *)(void *)b->data)[i] = kc_next(); break;
        }
    }
}

static void compare(const entry *e, k_pw_op op, const kc_buf *got, const kc_buf *want, int64_t n) {
    char what[96], to = *type_of(op, true);
    snprintf(what, sizeof what, "%s %s", e->name, k_pw_name(op));
    if (to == 'f') {
        kc_close(what, kc_f(got), kc_f(want), n, eps_of(op), atol_of(op));
    } else if (to == 'h' || to == 'b') { /* any NaN will do */
        const uint16_t *g = (const uint16_t *)(const void *)got->data, *w = (const uint16_t *)(const void *)want->data;
        int inf = to == 'h' ? 0x7c00 : 0x7f80;
        for (int64_t i = 0; i < n; i++)
            if (g[i] != w[i] && !((g[i] & 0x7fff) > inf && (w[i] & 0x7fff) > inf))
                fail_msg("%s: %x, should be %x", what, g[i], w[i]);
    } else if (to == 'd') {
        const double *g = (const double *)(const void *)got->data, *w = (const double *)(const void *)want->data;
        for (int64_t i = 0; i < n; i++)
            if (g[i] != w[i] && !(isnan(g[i]) && isnan(w[i]))) fail_msg("%s: %g, should be %g", what, g[i], w[i]);
    } else if (memcmp(got->data, want->data, want->bytes)) {
        fail_msg("%s: bytes differ", what);
    }
}

static void op_case(const entry *e, k_pw_op op, int64_t n) {
    char from = *type_of(op, false);
    kc_buf s[3], got = kc_alloc(n, (size_t)k_pw_dst_size(op)), want = kc_alloc(n, (size_t)k_pw_dst_size(op));
    bool where = op >= K_PW_WHERE_1 && op <= K_PW_WHERE_8;
    for (int i = 0; i < 3; i++) {
        s[i] = kc_alloc(n, where && i == 0 ? 1 : (size_t)k_pw_src_size(op));
        fill(&s[i], where && i == 0 ? 'm' : from, n);
    }
    k_pw_ins ins = {.op = (uint8_t)op, .p = kc_float(0.1f, 1.5f), .q = kc_float(1.5f, 3)};
    k_pointwise_ref.fn[op](want.data, s[0].data, s[1].data, s[2].data, n, &ins);
    e->k->fn[op](got.data, s[0].data, s[1].data, s[2].data, n, &ins);
    compare(e, op, &got, &want, n);
    if (k_pw_dst_size(op) == k_pw_src_size(op) && !where) { /* in place */
        e->k->fn[op](s[0].data, s[0].data, s[1].data, s[2].data, n, &ins);
        compare(e, op, &s[0], &want, n);
    }
    for (int i = 0; i < 3; i++) kc_free(&s[i]);
    kc_free(&got), kc_free(&want);
}

static void test_ops(void **state) {
    KC_EACH(e) for (int op = 0; op < K_PW_OPS; op++) {
        for (int64_t n = 0; n <= 36; n++) op_case(e, (k_pw_op)op, n);
        op_case(e, (k_pw_op)op, 1024), op_case(e, (k_pw_op)op, 4001);
    }
}

/* y0 = relu(a + b) * c, y1 = y0 < a, over random dims; every view but y1 with random strides (0 for broadcasting). */
static void program_case(const entry *e) {
    k_pw_view v[5];
    k_pw_ins ins[] = {{K_PW_ADD_F, 5, {0, 1, 0}, 0, 0},
                      {K_PW_RELU_F, 5, {5, 0, 0}, 0, 0},
                      {K_PW_MUL_F, 3, {5, 2, 0}, 0, 0},
                      {K_PW_LT_F, 4, {3, 0, 0}, 0, 0}};
    k_pw_program p = {.rank = (int)kc_int(1, 4), .nviews = 5, .nregs = 1, .nins = 4, .view = v, .ins = ins};
    int64_t total = 1, dim[4];
    for (int i = 0; i < p.rank; i++) p.dim[i] = dim[i] = kc_int(0, 3) ? kc_int(1, 9) : kc_int(1, 120), total *= dim[i];
    if (kc_int(0, 3) == 0) p.dim[p.rank - 1] = dim[p.rank - 1] = kc_int(1, 3000), total = 1;
    for (int i = 0; i < p.rank; i++) total = i ? total * dim[i] : dim[0];
    if (total > 300000) return;
    kc_buf buf[5];
    for (int j = 0; j < 5; j++) {
        int order[4], rank = p.rank;
        for (int i = 0; i < rank; i++) order[i] = i;
        if (j != 4 && kc_int(0, 2) == 0) {
            int a = (int)kc_int(0, rank - 1), b = (int)kc_int(0, rank - 1), t = order[a];
            order[a] = order[b], order[b] = t;
        }
        int64_t step = 1;
        for (int i = rank - 1; i >= 0; i--) {
            bool broadcast = j < 3 && kc_int(0, 2) == 0;
            v[j].stride[order[i]] = broadcast ? 0 : step;
            if (!broadcast) step *= dim[order[i]];
        }
        v[j].size = j == 4 ? 1 : 4, v[j].output = j >= 3;
        buf[j] = j == 4 ? kc_alloc(step, 1) : kc_floats(step, -1, 1);
        v[j].data = buf[j].data;
    }
    k_pw_view kept[5];
    memcpy(kept, v, sizeof v);
    int rank = p.rank;
    if (kc_int(0, 1)) k_pw_collapse(&p, v);
    kc_buf ws = kc_alloc(k_pw_workspace(&p), 1);
    int64_t cut = kc_int(0, total);
    k_pw_run(e->k, &p, 0, cut, ws.data);
    k_pw_run(e->k, &p, cut, total, ws.data);
    for (int64_t i = 0; i < total; i++) {
        int64_t off[5] = {0}, rest = i;
        for (int d = rank - 1; d >= 0; d--) {
            for (int j = 0; j < 5; j++) off[j] += rest % dim[d] * kept[j].stride[d];
            rest /= dim[d];
        }
        float a = kc_f(&buf[0])[off[0]], t = a + kc_f(&buf[1])[off[1]], y = (t < 0 ? 0 : t) * kc_f(&buf[2])[off[2]];
        if (kc_f(&buf[3])[off[3]] != y || buf[4].data[off[4]] != (y < a))
            fail_msg("%s: element %lld", e->name, (long long)i);
    }
    for (int j = 0; j < 5; j++) kc_free(&buf[j]);
    kc_free(&ws);
}

static void test_programs(void **state) { KC_EACH(e) for (int i = 0; i < 400; i++) program_case(e); }

static void bench(void) {
    int64_t n = 1 << 20;
    kc_buf x = kc_floats(n, -4, 4), y = kc_alloc(n, 4);
    static const k_pw_op ops[] = {K_PW_ADD_F,     K_PW_RELU_F, K_PW_EXP_F,  K_PW_LOG_F, K_PW_TANH_F,
                                  K_PW_SIGMOID_F, K_PW_ERF_F,  K_PW_GELU_F, K_PW_SIN_F};
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) KC_EACH(e) {
            k_pw_view v[2] = {{x.data, 4, false, {1}}, {y.data, 4, true, {1}}};
            k_pw_ins ins = {(uint8_t)ops[o], 1, {0, 0, 0}, 1, 1};
            k_pw_program p = {.rank = 1, .dim = {n}, .nviews = 2, .nins = 1, .view = v, .ins = &ins};
            kc_buf ws = kc_alloc(k_pw_workspace(&p), 1);
            double t = KC_BEST(10, k_pw_run(e->k, &p, 0, n, ws.data));
            printf("%-10s %-24s %7.2f G/s\n", k_pw_name(ops[o]), e->name, (double)n / t * 1e-9);
            kc_free(&ws);
        }
    kc_free(&x), kc_free(&y);
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ops), cmocka_unit_test(test_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
