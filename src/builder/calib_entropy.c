/* SPDX-License-Identifier: MIT
 *
 * Calibration by entropy, as published for TensorRT: for each number i of bins kept, P is the histogram with all that
 * lies beyond put into its last bin, Q what 128 levels over the i bins make of it (each level's sum spread evenly over
 * its bins that are not empty); the i of least KL(P || Q) wins, the largest among equals. The bound is half a bin
 * beyond, as TensorRT's own caches have it.
 */
#include <math.h>
#include <string.h>

#include "builder/histogram.h"

enum { LEVELS = 128 };

/* KL(P || Q) of the first n bins; `beyond` counts lie outside. P and Q are normalised by their own sums. */
static double divergence(const double *bins, int n, double beyond) {
    double sum[LEVELS] = {0}, inside = 0, kl = 0;
    int used[LEVELS] = {0};
    for (int i = 0; i < n; i++) {
        if (!(bins[i] > 0)) continue;
        int level = i * LEVELS / n;
        sum[level] += bins[i];
        used[level]++;
        inside += bins[i];
    }
    if (!(inside > 0)) return INFINITY;
    if (!(bins[n - 1] > 0) && beyond > 0) return INFINITY; /* P has something where Q has nothing */
    for (int i = 0; i < n; i++) {
        if (!(bins[i] > 0)) continue;
        int level = i * LEVELS / n;
        double p = (bins[i] + (i == n - 1 ? beyond : 0)) / (inside + beyond);
        double q = sum[level] / used[level] / inside;
        kl += p * log(p / q);
    }
    return kl;
}

int calib_entropy_bins(const uint64_t *counts, int n) {
    double bins[HISTOGRAM_BINS], beyond[HISTOGRAM_BINS + 1];
    if (n > HISTOGRAM_BINS) n = HISTOGRAM_BINS;
    if (n <= LEVELS) return n;
    for (int i = 0; i < n; i++) bins[i] = (double)counts[i];
    bins[0] = bins[1]; /* zeros (padding, ReLU) say nothing about the bound */
    beyond[n] = 0;
    for (int i = n - 1; i >= 0; i--) beyond[i] = beyond[i + 1] + bins[i];
    int best = n;
    double least = INFINITY;
    for (int i = LEVELS; i <= n; i++) {
        double kl = divergence(bins, i, beyond[i]);
        if (kl <= least) {
            least = kl;
            best = i;
        }
    }
    return isinf(least) ? n : best;
}

calib_range calib_entropy(const histogram *h) {
    if (!(h->width > 0)) return (calib_range){0, 0, 0};
    uint64_t both[HISTOGRAM_BINS], total = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) total += both[i] = h->pos[i] + h->neg[i];
    if (total < HISTOGRAM_BINS) return calib_minmax(h);
    double bound = (calib_entropy_bins(both, HISTOGRAM_BINS) + 0.5) * h->width;
    return (calib_range){fmax(h->lo, -bound), fmin(h->hi, bound), bound};
}
