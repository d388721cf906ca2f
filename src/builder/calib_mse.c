/* SPDX-License-Identifier: MIT
 *
 * Calibration by squared error: every bound of 128 bins and more is tried on the centres of the bins.
 */
#include <math.h>

#include "builder/histogram.h"

enum { LEAST = 128 };

static double side_error(const uint64_t *counts, double width, double bound, double step) {
    double sum = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        if (!counts[i]) continue;
        double x = (i + 0.5) * width, q = rint(fmin(x, bound) / step) * step;
        sum += (x - q) * (x - q) * (double)counts[i];
    }
    return sum;
}

calib_range calib_mse(const histogram *h, bool asymmetric) {
    if (!(h->width > 0)) return (calib_range){0, 0, 0};
    calib_range best = calib_minmax(h);
    double least = INFINITY;
    for (int i = LEAST; i <= HISTOGRAM_BINS; i++) {
        double bound = i * h->width;
        calib_range r = {fmax(h->lo, -bound), fmin(h->hi, bound), bound};
        double up = asymmetric ? fmax(r.hi, 0) : bound, down = asymmetric ? fmax(-r.lo, 0) : bound;
        double step = asymmetric ? (up + down) / 255 : bound / 127;
        double e = side_error(h->pos, h->width, up, step) + side_error(h->neg, h->width, down, step);
        if (e > least) continue;
        least = e;
        best = r;
    }
    return best;
}
