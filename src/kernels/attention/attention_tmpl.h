/* SPDX-License-Identifier: MIT
 *
 * Attention over lanes.h with the queries along the vectors: everything is kept transposed, [.., queries].
 *
 *     S' [keys, q]  = K [keys, d] * Q' [d, q]        K read in place, one broadcast per FMA row
 *     maxima, exp and sums of S' run down its columns: no reduction across lanes
 *     O' [dv, q]    = O' * factor + V' [dv, keys] * P' [keys, q]     V read in place
 *
 * Only Q (in, scaled) and O (out) are transposed, once per block of queries; K and V are never packed. Blocks of few
 * queries (decoding) would waste lanes: they take one query at a time with the vectors along d and dv.
 */
#include "kernels/attention/attention.h"
#include "kernels/vmath.h"

enum { FN(QB) = K_ATT_QUERIES, FN(STRIP) = VREGS >= 32 ? 4 : 2 };

/* C[m][n] (+)= sum_k A[m * am + k * ak] * B[k * QB + n], M rows, W vectors. */
static inline __attribute__((always_inline)) void FN(mk)(float *c, const float *a, int64_t am, int64_t ak,
                                                         const float *b, int64_t k, bool add, const int M,
                                                         const int W) {
    vf acc[6][4];
#pragma GCC unroll 6
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) acc[m][w] = add ? v_load(c + m * FN(QB) + w * VL) : v_set1(0.0f);
    for (int64_t i = 0; i < k; i++) {
        vf bv[4];
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) bv[w] = v_load(b + i * FN(QB) + w * VL);
#pragma GCC unroll 6
        for (int m = 0; m < M; m++) {
            vf av = v_set1(a[m * am + i * ak]);
#pragma GCC unroll 4
            for (int w = 0; w < W; w++) acc[m][w] = v_fma(av, bv[w], acc[m][w]);
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) v_store(c + m * FN(QB) + w * VL, acc[m][w]);
}

#define ATT_STRIP(name, W)                                                                                             \
    static void FN(name)(float *c, const float *a, int64_t am, int64_t ak, const float *b, int64_t rows, int64_t k,    \
                         bool add) {                                                                                   \
        int64_t m = 0;                                                                                                 \
        for (; m + 6 <= rows; m += 6) FN(mk)(c + m * FN(QB), a + m * am, am, ak, b, k, add, 6, W);                     \
        for (; m + 2 <= rows; m += 2) FN(mk)(c + m * FN(QB), a + m * am, am, ak, b, k, add, 2, W);                     \
        for (; m < rows; m++) FN(mk)(c + m * FN(QB), a + m * am, am, ak, b, k, add, 1, W);                             \
    }
ATT_STRIP(strip4, 4)
ATT_STRIP(strip2, 2)
ATT_STRIP(strip1, 1)

/* nv vectors of queries. */
static void FN(product)(float *c, const float *a, int64_t am, int64_t ak, const float *b, int64_t rows, int64_t k,
                        bool add, int nv) {
    int w = 0;
    if (FN(STRIP) == 4)
        for (; w + 4 <= nv; w += 4) FN(strip4)(c + w * VL, a, am, ak, b + w * VL, rows, k, add);
    for (; w + 2 <= nv; w += 2) FN(strip2)(c + w * VL, a, am, ak, b + w * VL, rows, k, add);
    for (; w < nv; w++) FN(strip1)(c + w * VL, a, am, ak, b + w * VL, rows, k, add);
}

typedef struct FN(block) {
    float *q, *o, *s, *max, *sum, *factor; /* all with rows of QB floats */
    int64_t first, n;                      /* queries */
    int nv;
} FN(block);

static void FN(load_queries)(const k_attention_args *a, const FN(block) * b) {
    for (int64_t t = 0; t < a->d; t++)
        for (int64_t i = b->n; i < b->nv * VL; i++) b->q[t * FN(QB) + i] = 0.0f;
    for (int64_t i = 0; i < b->n; i++) {
        const float *q = a->q + (b->first + i) * a->ldq;
        for (int64_t t = 0; t < a->d; t++) b->q[t * FN(QB) + i] = q[t] * a->scale;
    }
    for (int64_t i = 0; i < FN(QB); i++) b->max[i] = -INFINITY, b->sum[i] = 0.0f;
    for (int64_t i = 0; i < a->dv * FN(QB); i++) b->o[i] = 0.0f;
}

/* Adds the mask and cuts off what causality forbids, in scores of keys [j0, j0 + n). */
static void FN(mask)(const k_attention_args *a, const FN(block) * b, int64_t j0, int64_t n) {
    if (a->mask && a->ldm == 0) {
        for (int64_t j = 0; j < n; j++)
            for (int w = 0; w < b->nv; w++) {
                float *s = b->s + j * FN(QB) + w * VL;
                v_store(s, v_add(v_load(s), v_set1(a->mask[j0 + j])));
            }
    } else if (a->mask) {
        for (int64_t i = 0; i < b->n; i++) {
            const float *m = a->mask + (b->first + i) * a->ldm + j0;
            for (int64_t j = 0; j < n; j++) b->s[j * FN(QB) + i] += m[j];
        }
    }
    int64_t visible = b->first + a->offset; /* last key of the block's first query */
    if (!a->causal || j0 + n - 1 <= visible) return;
    for (int64_t i = 0; i < b->n; i++)
        for (int64_t j = visible + i + 1 > j0 ? visible + i + 1 - j0 : 0; j < n; j++) b->s[j * FN(QB) + i] = -INFINITY;
}

/* Scores become exp(score - max); maxima, sums and the factor of what was accumulated before are brought up to date. */
static void FN(soften)(const FN(block) * b, int64_t n) {
    vf none = v_set1(-INFINITY), zero = v_set1(0.0f);
    for (int w = 0; w < b->nv; w++) {
        float *s = b->s + w * VL;
        vf old = v_load(b->max + w * VL), m = old;
        for (int64_t j = 0; j < n; j++) m = v_max(v_load(s + j * FN(QB)), m);
        vf safe = v_blend(v_eq(m, none), zero, m), total = zero;
        for (int64_t j = 0; j < n; j++) {
            vf p = v_exp_neg(v_sub(v_load(s + j * FN(QB)), safe));
            v_store(s + j * FN(QB), p);
            total = v_add(total, p);
        }
        vf factor = v_exp_neg(v_sub(old, safe));
        v_store(b->max + w * VL, m);
        v_store(b->factor + w * VL, factor);
        v_store(b->sum + w * VL, v_fma(v_load(b->sum + w * VL), factor, total));
    }
}

static void FN(rescale)(const k_attention_args *a, const FN(block) * b) {
    for (int64_t t = 0; t < a->dv; t++)
        for (int w = 0; w < b->nv; w++) {
            float *o = b->o + t * FN(QB) + w * VL;
            v_store(o, v_mul(v_load(o), v_load(b->factor + w * VL)));
        }
}

static float FN(share)(const k_attention_args *a, float sum) {
    return sum != 0 ? 1.0f / sum : a->empty_is_nan ? NAN : 0.0f;
}

static void FN(store_output)(const k_attention_args *a, const FN(block) * b) {
    for (int64_t i = 0; i < b->n; i++) {
        float k = FN(share)(a, b->sum[i]), *o = a->o + (b->first + i) * a->ldo;
        for (int64_t t = 0; t < a->dv; t++) o[t] = b->o[t * FN(QB) + i] * k;
    }
}

/* Keys that the queries [first, first + n) can see at all. */
static int64_t FN(visible_keys)(const k_attention_args *a, int64_t first, int64_t n) {
    int64_t last = first + n + a->offset;
    return !a->causal || last > a->sk ? a->sk : last > 0 ? last : 0;
}

static void FN(many)(const k_attention_args *a, int64_t first, int64_t n, float *ws) {
    FN(block) b = {.q = ws, .first = first, .n = n, .nv = (int)((n + VL - 1) / VL)};
    b.o = b.q + a->d * FN(QB), b.s = b.o + a->dv * FN(QB), b.max = b.s + K_ATT_KEYS * FN(QB);
    b.sum = b.max + FN(QB), b.factor = b.sum + FN(QB);
    FN(load_queries)(a, &b);
    int64_t keys = FN(visible_keys)(a, first, n), km = a->k_transposed ? 1 : a->ldk, kk = a->k_transposed ? a->ldk : 1;
    for (int64_t j = 0; j < keys; j += K_ATT_KEYS) {
        int64_t nk = keys - j < K_ATT_KEYS ? keys - j : K_ATT_KEYS;
        FN(product)(b.s, a->k + j * km, km, kk, b.q, nk, a->d, false, b.nv);
        if (a->mask || a->causal) FN(mask)(a, &b, j, nk);
        FN(soften)(&b, nk);
        if (j) FN(rescale)(a, &b);
        FN(product)(b.o, a->v + j * a->ldv, 1, a->ldv, b.s, a->dv, nk, true, b.nv);
    }
    FN(store_output)(a, &b);
}

static float FN(dot)(const float *x, const float *y, int64_t n) {
    vf s0 = v_set1(0.0f), s1 = s0;
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
        s0 = v_fma(v_load(x + i), v_load(y + i), s0);
        s1 = v_fma(v_load(x + i + VL), v_load(y + i + VL), s1);
    }
    for (; i + VL <= n; i += VL) s0 = v_fma(v_load(x + i), v_load(y + i), s0);
    if (i < n) s1 = v_fma(v_load_n(x + i, n - i), v_load_n(y + i, n - i), s1);
    return v_hsum(v_add(s0, s1));
}

/* s[j] = score of query i and key j0 + j. */
static void FN(scores_one)(const k_attention_args *a, float *s, int64_t i, int64_t j0, int64_t n) {
    const float *q = a->q + i * a->ldq;
    if (a->k_transposed) {
        for (int64_t j = 0; j < n; j += VL) {
            int64_t c = n - j < VL ? n - j : VL;
            vf acc = v_set1(0.0f);
            for (int64_t t = 0; t < a->d; t++) acc = v_fma(v_set1(q[t]), v_load_n(a->k + t * a->ldk + j0 + j, c), acc);
            v_store_n(s + j, acc, c);
        }
    } else {
        for (int64_t j = 0; j < n; j++) s[j] = FN(dot)(q, a->k + (j0 + j) * a->ldk, a->d);
    }
    for (int64_t j = 0; j < n; j++) s[j] = s[j] * a->scale + (a->mask ? a->mask[i * a->ldm + j0 + j] : 0.0f);
}

/* o[dv] = o * factor + p[n] * V. */
static void FN(values_one)(const k_attention_args *a, float *o, const float *p, int64_t j0, int64_t n, float factor) {
    const float *v = a->v + j0 * a->ldv;
    for (int64_t t = 0; t < a->dv; t += VL) {
        int64_t c = a->dv - t < VL ? a->dv - t : VL;
        vf acc = v_mul(v_load(o + t), v_set1(factor)), odd = v_set1(0.0f);
        int64_t j = 0;
        for (; j + 2 <= n; j += 2) {
            acc = v_fma(v_set1(p[j]), v_load_n(v + j * a->ldv + t, c), acc);
            odd = v_fma(v_set1(p[j + 1]), v_load_n(v + (j + 1) * a->ldv + t, c), odd);
        }
        if (j < n) acc = v_fma(v_set1(p[j]), v_load_n(v + j * a->ldv + t, c), acc);
        v_store(o + t, v_add(acc, odd));
    }
}

static void FN(one)(const k_attention_args *a, int64_t i, float *ws) {
    float *s = ws, *o = ws + K_ATT_KEYS, max = -INFINITY, sum = 0;
    for (int64_t t = 0; t < a->dv + VL; t++) o[t] = 0.0f;
    int64_t keys = FN(visible_keys)(a, i, 1);
    for (int64_t j0 = 0; j0 < keys; j0 += K_ATT_KEYS) {
        int64_t n = keys - j0 < K_ATT_KEYS ? keys - j0 : K_ATT_KEYS;
        FN(scores_one)(a, s, i, j0, n);
        float old = max;
        for (int64_t j = 0; j < n; j++) max = s[j] > max ? s[j] : max;
        float safe = max == -INFINITY ? 0.0f : max, lane[VL], total = 0;
        for (int64_t j = 0; j < n; j += VL) {
            int64_t c = n - j < VL ? n - j : VL;
            v_store(lane, v_exp_neg(v_sub(v_load_n(s + j, c), v_set1(safe))));
            for (int64_t u = 0; u < c; u++) total += s[j + u] = lane[u];
        }
        v_store(lane, v_exp_neg(v_sub(v_set1(old), v_set1(safe))));
        sum = sum * lane[0] + total;
        FN(values_one)(a, o, s, j0, n, lane[0]);
    }
    float k = FN(share)(a, sum);
    for (int64_t t = 0; t < a->dv; t++) a->o[i * a->ldo + t] = o[t] * k;
}

static void FN(run)(const k_attention_args *a, int64_t begin, int64_t end, void *workspace) {
    float *ws = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
    for (int64_t i = begin; i < end;) {
        int64_t n = end - i < FN(QB) ? end - i : FN(QB);
        if (n >= VL / 4) FN(many)(a, i, n, ws);
        else
            for (int64_t u = 0; u < n; u++) FN(one)(a, i + u, ws);
        i += n;
    }
}
