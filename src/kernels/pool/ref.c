/* SPDX-License-Identifier: MIT
 *
 * Pooling in plain C: the oracle of pool_tmpl.h.
 */
#include "kernels/pool/pool.h"

#include <math.h>

/* One output; x points at the image's (0, 0) of the channel, pixels `step` apart. */
static float one(const k_pool_args *p, const float *x, int64_t step, int64_t oy, int64_t ox) {
    int64_t count = 0;
    double sum = 0;
    float max = -INFINITY;
    for (int64_t ky = 0; ky < p->kh; ky++) {
        for (int64_t kx = 0; kx < p->kw; kx++) {
            int64_t iy = oy * p->sh - p->pt + ky * p->dh, ix = ox * p->sw - p->pl + kx * p->dw;
            bool inside = iy >= 0 && iy < p->h && ix >= 0 && ix < p->w;
            bool padded = iy >= -p->pt && iy < p->h + p->pb && ix >= -p->pl && ix < p->w + p->pr;
            count += p->include_pad ? padded : inside;
            if (!inside) continue;
            float v = x[(iy * p->w + ix) * step];
            sum += (double)v;
            if (isnan(v) || v > max) max = isnan(max) ? max : v;
        }
    }
    if (!p->average) return max;
    return count ? (float)(sum / (double)count) : 0.0f;
}

static void nchw_ref(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    for (int64_t c = begin; c < end; c++)
        for (int64_t oy = 0; oy < p->oh; oy++)
            for (int64_t ox = 0; ox < p->ow; ox++)
                y[(c * p->oh + oy) * p->ow + ox] = one(p, x + c * p->h * p->w, 1, oy, ox);
}

static void nhwc_ref(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++)
        for (int64_t ox = 0; ox < p->ow; ox++)
            for (int64_t c = 0; c < p->c; c++)
                y[(r * p->ow + ox) * p->ldy + c] =
                    one(p, x + r / p->oh * p->h * p->w * p->ldx + c, p->ldx, r % p->oh, ox);
}

const k_pool k_pool_ref = {nchw_ref, nhwc_ref};
