/* SPDX-License-Identifier: MIT
 *
 * Inner loops of the reference implementations of linear operators: rows of doubles. Kept apart so that the oracles
 * stay fast enough to run whole networks.
 */
#ifndef OPS_UTIL_LINEAR_H
#define OPS_UTIL_LINEAR_H

#include <stdint.h>
#include <string.h>

typedef double util_v4 __attribute__((vector_size(32)));

/* y[i] += a * x[i] */
static inline void util_axpy(double *y, double a, const double *x, int64_t n) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        util_v4 vx, vy;
        memcpy(&vx, x + i, sizeof vx);
        memcpy(&vy, y + i, sizeof vy);
        vy += a * vx;
        memcpy(y + i, &vy, sizeof vy);
    }
    for (; i < n; i++) y[i] += a * x[i];
}

/* sum of x[i] * y[i], in eight partial sums */
static inline double util_dot(const double *x, const double *y, int64_t n) {
    util_v4 s = {0}, t = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        util_v4 a, b, c, d;
        memcpy(&a, x + i, sizeof a);
        memcpy(&b, y + i, sizeof b);
        memcpy(&c, x + i + 4, sizeof c);
        memcpy(&d, y + i + 4, sizeof d);
        s += a * b;
        t += c * d;
    }
    s += t;
    double sum = s[0] + s[1] + s[2] + s[3];
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

#endif
