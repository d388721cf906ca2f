/* SPDX-License-Identifier: MIT
 *
 * naru_builder_config_set_calibrator, naru_builder_config_set_dynamic_range.
 */
#include "api/calibrator.h"

#include <math.h>

static const double usual_percentile = 99.999;

void int8_config_clear(int8_config *c) {
    calib_free(&c->ranges);
    *c = (int8_config){0};
}

int8_options int8_config_options(const int8_config *c) {
    const naru_calibration *g = &c->given;
    return (int8_options){.calibrator = g->algorithm,
                          .percentile = g->percentile > 0 ? g->percentile : usual_percentile,
                          .any_cache = g->any_cache,
                          .samples = {g->samples.batch, g->samples.user},
                          .read_cache = g->read_cache,
                          .write_cache = g->write_cache,
                          .user = g->user,
                          .fixed = c->ranges.entries.count ? &c->ranges : NULL};
}

naru_status naru_builder_config_set_calibrator(naru_builder_config *config, const naru_calibration *calibration,
                                               naru_error *err) {
    if (!config) return err_set(err, NARU_INVALID_ARGUMENT, "naru_builder_config_set_calibrator: NULL argument");
    const naru_calibration none = {.size = sizeof none}, *c = calibration ? calibration : &none;
    if (c->algorithm > NARU_CALIBRATOR_MSE)
        return err_set(err, NARU_INVALID_ARGUMENT, "%d is no calibration algorithm", (int)c->algorithm);
    if (!(c->percentile >= 0 && c->percentile <= 100))
        return err_set(err, NARU_INVALID_ARGUMENT, "the percentile lies above 0 and up to 100, not %g", c->percentile);
    config_int8(config)->given = *c;
    return NARU_OK;
}

naru_status naru_builder_config_set_dynamic_range(naru_builder_config *config, const char *tensor, double min,
                                                  double max, naru_error *err) {
    if (!config || !tensor)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_builder_config_set_dynamic_range: NULL argument");
    if (!(min <= max) || !(fabs(min) < CALIB_LARGEST) || !(fabs(max) < CALIB_LARGEST))
        return err_set(err, NARU_INVALID_ARGUMENT, "the range of '%s' is %g to %g", tensor, min, max);
    calib_range r = {fmin(min, 0), fmax(max, 0), fmax(fabs(min), fabs(max))};
    return calib_put(&config_int8(config)->ranges, tensor, r, err);
}
