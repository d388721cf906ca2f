/* SPDX-License-Identifier: MIT
 *
 * The transcendental functions through the pointwise instructions of every level, against libm in double over a grid
 * of all floats (every NARU_STRIDE-th bit pattern): the errors that vmath.h promises, in ulps, and special values.
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

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double reciprocal_root(double x) { return 1 / sqrt(x); }

typedef struct function {
    k_pw_op op;
    double (*exact)(double);
    double ulps, limit; /* |x| <= limit */
} function;
static const function functions[] = {
    {K_PW_EXP_F, exp, 1.5, INFINITY},
    {K_PW_LOG_F, log, 1.5, INFINITY},
    {K_PW_TANH_F, tanh, 2, INFINITY},
    {K_PW_SIGMOID_F, sigmoid, 3, INFINITY},
    {K_PW_ERF_F, erf, 2, INFINITY},
    {K_PW_SIN_F, sin, 2, 8192},
    {K_PW_COS_F, cos, 2, 8192},
    {K_PW_SIN_F, sin, 2, 3e38},
    {K_PW_RSQRT_F, reciprocal_root, 2, INFINITY},
};

/* An ulp of the result, at least that of the smallest normal number (subnormal results may differ by that much). */
static double ulp_of(double exact) {
    int e;
    frexp(fmax(fabs(exact), 0x1p-126), &e);
    return ldexp(1, e - 24);
}

static void check(const entry *e, const function *f, const float *in, const float *out, int64_t n, double *worst) {
    for (int64_t i = 0; i < n; i++) {
        if (fabsf(in[i]) > f->limit) continue;
        double want = f->exact((double)in[i]);
        if (isnan(want) && isnan(out[i])) continue;
        if ((float)want == out[i]) continue;
        double d = fabs((double)out[i] - want) / ulp_of(want);
        if (d > *worst) *worst = d;
        if (!(d <= f->ulps))
            fail_msg("%s %s(%.9g) is %.9g, should be %.9g: %.2f ulp", e->name, k_pw_name(f->op), (double)in[i],
                     (double)out[i], want, d);
    }
}

static void test_errors(void **state) {
    uint32_t stride = getenv("NARU_STRIDE") ? (uint32_t)atoi(getenv("NARU_STRIDE")) : 40009;
    KC_EACH(e) for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const function *f = &functions[i];
        float in[256], out[256];
        double worst = 0;
        k_pw_ins ins = {.op = (uint8_t)f->op};
        for (uint64_t u = 0; u <= UINT32_MAX;) {
            int n = 0;
            for (; n < 256 && u <= UINT32_MAX; n++, u += stride) {
                uint32_t bits = (uint32_t)u;
                memcpy(&in[n], &bits, 4);
            }
            e->k->fn[f->op](out, in, in, in, n, &ins);
            check(e, f, in, out, n, &worst);
        }
        printf("%-24s %-10s worst %.2f ulp\n", e->name, k_pw_name(f->op), worst);
    }
}

int main(void) {
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
