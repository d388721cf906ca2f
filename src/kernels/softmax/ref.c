/* SPDX-License-Identifier: MIT
 *
 * Softmax in plain C, sums in double: the oracle of softmax_tmpl.h.
 */
#include "kernels/softmax/softmax.h"

#include <math.h>

/* One row or column: elements `step` apart. */
static void one(float *y, const float *x, int64_t n, int64_t step, bool log_) {
    float max = -INFINITY;
    for (int64_t j = 0; j < n; j++)
        if (!(x[j * step] <= max) && !isnan(max)) max = x[j * step]; /* a NaN becomes the maximum and stays */
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += exp((double)x[j * step] - (double)max);
    for (int64_t j = 0; j < n; j++) {
        double t = (double)x[j * step] - (double)max;
        y[j * step] = (float)(log_ ? t - log(sum) : exp(t) / sum);
    }
}

static void rows_ref(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t rows, int64_t n, bool log_) {
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < n; j++) y[r * ldy + j] = x[r * ldx + j];
        one(y + r * ldy, y + r * ldy, n, 1, log_);
    }
}

static void columns_ref(float *y, const float *x, int64_t n, int64_t ld, int64_t begin, int64_t end, bool log_,
                        float *workspace) {
    (void)workspace;
    for (int64_t c = begin; c < end; c++) one(y + c, x + c, n, ld, log_);
}

const k_softmax k_softmax_ref = {rows_ref, columns_ref};
