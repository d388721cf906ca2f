/* SPDX-License-Identifier: MIT
 *
 * What a builder configuration keeps of calibration.
 */
#ifndef API_CALIBRATOR_H
#define API_CALIBRATOR_H

#include "builder/int8.h"
#include "naru/builder.h"

typedef struct int8_config { /* zero-initialise; int8_config_clear when done */
    naru_calibration given;
    calib_table ranges;
} int8_config;

int8_config *config_int8(naru_builder_config *c);
void int8_config_clear(int8_config *c);
int8_options int8_config_options(const int8_config *c);

#endif
