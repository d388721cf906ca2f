/* SPDX-License-Identifier: MIT
 *
 * Plain C, sums in double: the oracle.
 */
#include "kernels/dwconv/dwconv.h"

static double one(const k_dw_args *a, const float *x, int64_t oy, int64_t ox, int64_t c) {
    double s = 0;
    for (int64_t ky = 0; ky < a->kh; ky++)
        for (int64_t kx = 0; kx < a->kw; kx++) {
            int64_t y = oy * a->sh - a->pt + ky * a->dh, p = ox * a->sw - a->pl + kx * a->dw;
            if (y < 0 || y >= a->h || p < 0 || p >= a->wd) continue;
            s += (double)x[(y * a->wd + p) * a->ldx + c] * a->w[(ky * a->kw + kx) * a->c + c];
        }
    return s;
}

static void run(const k_dw_args *a, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++)
        for (int64_t ox = 0; ox < a->ow; ox++)
            for (int64_t c = 0; c < a->c; c++) {
                int64_t at = r * a->ow + ox;
                double s = one(a, a->x + r / a->oh * a->h * a->wd * a->ldx, r % a->oh, ox, c);
                if (a->bias) s += a->bias[c];
                if (a->residual) s += a->residual[at * a->ldr + c];
                if (a->clip) s = s < a->lo ? a->lo : s > a->hi ? a->hi : s;
                a->y[at * a->ldy + c] = (float)s;
            }
}

const k_dwconv k_dwconv_ref = {run};
