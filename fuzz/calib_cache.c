/* SPDX-License-Identifier: MIT
 *
 * TensorRT's calibration cache, arbitrary bytes; what is accepted must survive printing and reading again, bound for
 * bound.
 */
#include "builder/calibrate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    calib_table t = {0}, again = {0};
    str text = {0};
    if (calib_parse((const char *)data, size, &t, NULL) == NARU_OK) {
        calib_print(&t, &text);
        if (text.failed || calib_parse(text.data, text.len, &again, NULL) != NARU_OK) __builtin_trap();
        if (again.entries.count != t.entries.count || again.calibrator != t.calibrator) __builtin_trap();
        for (size_t i = 0; i < t.entries.count; i++) {
            const calib_range *r = calib_find(&again, t.entries.data[i].name);
            if (!r || r->amax != t.entries.data[i].range.amax) __builtin_trap();
        }
    }
    str_free(&text);
    calib_free(&t);
    calib_free(&again);
    return 0;
}
