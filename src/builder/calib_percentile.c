/* SPDX-License-Identifier: MIT
 *
 * Calibration by percentile: a share of the outliers is left out, to the edge of a bin.
 */
#include <math.h>
#include <stddef.h>

#include "builder/histogram.h"

/* How many bins of `counts` (both, when not NULL) hold all but `out` of the values, counted from the far end. */
static int bins_left(const uint64_t *counts, const uint64_t *both, double out) {
    double beyond = 0;
    for (int i = HISTOGRAM_BINS - 1; i >= 0; i--) {
        beyond += (double)counts[i] + (both ? (double)both[i] : 0);
        if (beyond > out) return i + 1;
    }
    return 0;
}

calib_range calib_percentile(const histogram *h, double percentile) {
    if (!(h->width > 0)) return (calib_range){0, 0, 0};
    double total = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) total += (double)h->pos[i] + (double)h->neg[i];
    double side = total * (100 - percentile) / 200;
    double hi = bins_left(h->pos, NULL, side) * h->width, lo = -bins_left(h->neg, NULL, side) * h->width;
    double bound = bins_left(h->pos, h->neg, 2 * side) * h->width;
    return (calib_range){fmax(h->lo, lo), fmin(h->hi, hi), bound};
}
