/* SPDX-License-Identifier: MIT
 *
 * How far from a tie the epilogue must be for FP32 to round it as double does.
 *
 * With u = 2^-24, P = c m, V = P + b + Z (real numbers), FP32 computes
 *     v = ((P (1+e1)(1+e2) + b (1+e3))(1+e4) + Z (1+e5))(1+e6),   |e| <= u,
 * e1 from the conversion of c, e2, e3, e5 of m, b and z's factor; z itself is exact. As |P| <= |V| + |b| + |Z|, v is
 * off by less than u (4 |V| + 3 |b| + 4 |Z|) and terms of u^2. Where |V| <= 512 that is a bound by constants; where |V|
 * is larger, V and v both end at the same bound, for all 8-bit bounds are within +-383. Clamping moves nothing apart.
 * Double's own error is some 2^-29 of this; the result is doubled, and then it holds for it as well.
 */
#include <math.h>

#include "kernels/qgemm/qgemm.h"

static bool is_float(double v) { return (double)(float)v == v; }

void k_qfinish_narrow(k_qfinish *f, int64_t n) {
    const double u = 0x1p-24, most = 0x1p80;
    double b = 0, z = f->z == K_Q_S8 || f->z == K_Q_U8 ? 255 * fabs(f->zm) : 0;
    bool usable =
        f->y != K_Q_F32 && z < most && is_float(f->lo) && is_float(f->hi) && fabs(f->lo) <= 383 && fabs(f->hi) <= 383;
    for (int64_t i = 0; i < n && usable; i++) {
        usable = fabs(f->m[i]) < most && fabs(f->b[i]) < most; /* not where NaN */
        b = fmax(b, fabs(f->b[i]));
    }
    double margin = 2 * u * (4 * 512 + 3 * b + 4 * z);
    f->sure = usable && margin < 0.25 ? (float)(0.5 - margin) : 0;
}
