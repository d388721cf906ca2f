/* SPDX-License-Identifier: MIT
 *
 * Calibration by extremes: nothing is clipped.
 */
#include "builder/histogram.h"

calib_range calib_minmax(const histogram *h) {
    if (h->lo > h->hi) return (calib_range){0, 0, 0};
    return (calib_range){h->lo, h->hi, histogram_amax(h)};
}
