/* SPDX-License-Identifier: MIT
 *
 * Resampling over lanes.h: source rows are resampled along the width into a small cache, then mixed along the height.
 */
#include "kernels/resize/resize.h"
#include "kernels/vmath.h"

/* dst (+)= w * src. */
static void FN(axpy)(float *dst, const float *src, float w, int64_t n, int add) {
    vf k = v_set1(w);
    int64_t i = 0;
    if (add) {
        for (; i + VL <= n; i += VL) v_store(dst + i, v_fma(k, v_load(src + i), v_load(dst + i)));
        if (i < n) v_store_n(dst + i, v_fma(k, v_load_n(src + i, n - i), v_load_n(dst + i, n - i)), n - i);
    } else {
        for (; i + VL <= n; i += VL) v_store(dst + i, v_mul(k, v_load(src + i)));
        if (i < n) v_store_n(dst + i, v_mul(k, v_load_n(src + i, n - i)), n - i);
    }
}

/* dst = u * a + v * b. */
static void FN(mix)(float *dst, const float *a, const float *b, float u, float v, int64_t n) {
    vf ku = v_set1(u), kv = v_set1(v);
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(dst + i, v_fma(ku, v_load(a + i), v_mul(kv, v_load(b + i))));
    if (i < n) v_store_n(dst + i, v_fma(ku, v_load_n(a + i, n - i), v_mul(kv, v_load_n(b + i, n - i))), n - i);
}

/* One source row along the width: out [ow, c]. */
static void FN(row)(const k_resize_args *p, float *out, const float *in) {
    for (int64_t ox = 0; ox < p->ow; ox++) {
        const int32_t *ix = p->ix + ox * p->tx;
        const float *wx = p->wx + ox * p->tx;
        if (p->c == 1) {
            float s = 0;
            for (int64_t b = 0; b < p->tx; b++) s += wx[b] * in[ix[b]];
            out[ox] = s;
        } else if (p->tx == 2) {
            FN(mix)(out + ox * p->c, in + ix[0] * p->c, in + ix[1] * p->c, wx[0], wx[1], p->c);
        } else {
            for (int64_t b = 0; b < p->tx; b++) FN(axpy)(out + ox * p->c, in + ix[b] * p->c, wx[b], p->c, b > 0);
        }
    }
}

/* A cache slot that none of this output row's taps holds. */
static int64_t FN(victim)(const k_resize_args *p, const int64_t *key, int64_t base, const int32_t *iy) {
    for (int64_t s = 0; s < p->ty; s++) {
        int used = 0;
        for (int64_t a = 0; a < p->ty; a++) used |= key[s] == base + iy[a];
        if (!used) return s;
    }
    return 0;
}

/* The resampled source row `base + iy[a]`, from the cache or made now. base: row number of the image's first row. */
static const float *FN(fetch)(const k_resize_args *p, const float *x, float *cache, int64_t *key, int64_t base,
                              const int32_t *iy, int64_t a) {
    int64_t row = base + iy[a], width = p->ow * p->c;
    for (int64_t s = 0; s < p->ty; s++)
        if (key[s] == row) return cache + s * width;
    int64_t s = FN(victim)(p, key, base, iy);
    key[s] = row;
    FN(row)(p, cache + s * width, x + row * p->w * p->c);
    return cache + s * width;
}

static void FN(taps)(const k_resize_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace) {
    int64_t width = p->ow * p->c, *key = workspace;
    float *cache = (float *)(key + p->ty);
    for (int64_t s = 0; s < p->ty; s++) key[s] = -1;
    for (int64_t r = begin; r < end; r++) {
        int64_t oy = r % p->oh, base = r / p->oh * p->h;
        const int32_t *iy = p->iy + oy * p->ty;
        const float *wy = p->wy + oy * p->ty;
        float *out = y + r * width;
        if (p->ty == 2) {
            const float *a = FN(fetch)(p, x, cache, key, base, iy, 0), *b = FN(fetch)(p, x, cache, key, base, iy, 1);
            FN(mix)(out, a, b, wy[0], wy[1], width);
        } else {
            for (int64_t a = 0; a < p->ty; a++)
                FN(axpy)(out, FN(fetch)(p, x, cache, key, base, iy, a), wy[a], width, a > 0);
        }
    }
}
