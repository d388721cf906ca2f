/* SPDX-License-Identifier: MIT
 *
 * What calibration keeps of one tensor: the extremes, and a histogram of magnitudes on either side of zero. Two sweeps
 * over the data (extremes first, then counts over the range that they give) make it independent of the order and the
 * size of batches: counts are integers, extremes do not round. And the algorithms over it, one file each.
 */
#ifndef BUILDER_HISTOGRAM_H
#define BUILDER_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum { HISTOGRAM_BINS = 2048 };

typedef struct histogram {
    double lo, hi;                                     /* extremes of the finite values; lo > hi: none seen */
    int64_t infinite;                                  /* infinities and NaNs, which count nowhere else */
    double width;                                      /* of a bin; 0: all values are 0 */
    uint64_t pos[HISTOGRAM_BINS], neg[HISTOGRAM_BINS]; /* of |x|, by sign; 0 is positive */
} histogram;

void histogram_init(histogram *h);
void histogram_extend(histogram *h, const float *x, int64_t n); /* first sweep */
void histogram_settle(histogram *h);                            /* between the sweeps */
void histogram_count(histogram *h, const float *x, int64_t n);  /* second sweep */
double histogram_amax(const histogram *h);                      /* max(|lo|, |hi|); 0 when nothing was seen */

/* What an algorithm finds: the range for asymmetric, the bound for symmetric quantization. */
typedef struct calib_range {
    double lo, hi, amax;
} calib_range;

/* The extremes as they are. */
calib_range calib_minmax(const histogram *h);
/* The bound under which the values' distribution keeps most of its information in 128 levels. */
calib_range calib_entropy(const histogram *h);
/* The published search itself: counts of |x| in n bins -> how many bins stay (128 .. n). n <= HISTOGRAM_BINS. */
int calib_entropy_bins(const uint64_t *counts, int n);
/* Leaves out (100 - percentile) / 2 percent at either end, or at the end of |x| for the bound. */
calib_range calib_percentile(const histogram *h, double percentile);
/* The bound of least squared error: of 127 levels on either side, or 255 in all when `asymmetric`. */
calib_range calib_mse(const histogram *h, bool asymmetric);

#endif
