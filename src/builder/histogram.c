/* SPDX-License-Identifier: MIT
 *
 * Histograms of tensors (histogram.h).
 */
#include "builder/histogram.h"

#include <math.h>
#include <string.h>

void histogram_init(histogram *h) {
    memset(h, 0, sizeof *h);
    h->lo = INFINITY;
    h->hi = -INFINITY;
}

void histogram_extend(histogram *h, const float *x, int64_t n) {
    float lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            h->infinite++;
            continue;
        }
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
    }
    if (lo < h->lo) h->lo = lo;
    if (hi > h->hi) h->hi = hi;
}

double histogram_amax(const histogram *h) { return h->lo > h->hi ? 0 : fmax(fabs(h->lo), fabs(h->hi)); }

void histogram_settle(histogram *h) { h->width = histogram_amax(h) / HISTOGRAM_BINS; }

void histogram_count(histogram *h, const float *x, int64_t n) {
    double amax = histogram_amax(h);
    for (int64_t i = 0; i < n; i++) {
        double a = fabs((double)x[i]);
        if (!(a <= amax)) continue; /* not finite */
        int bin = h->width > 0 ? (int)(a / amax * HISTOGRAM_BINS) : 0;
        if (bin >= HISTOGRAM_BINS) bin = HISTOGRAM_BINS - 1;
        (x[i] < 0 ? h->neg : h->pos)[bin]++;
    }
}
