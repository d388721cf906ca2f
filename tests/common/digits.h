/* SPDX-License-Identifier: MIT
 *
 * Digits of 8x8 as SmallCNN takes them, whole or in batches for a calibration. Include after a definition of OK(call),
 * which gives `call` an `err` and stops at a failure.
 */
#ifndef DIGITS_H
#define DIGITS_H

#include "naru/naru.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, BATCH = 32, CLASSES = 10 };

/* The network's input: the digit / 16 in each of three channels. */
static naru_tensor *images(const naru_tensor *digits, int64_t first, int64_t n) {
    naru_tensor *t;
    OK(naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){n, 3, SIDE, SIDE}, &t, &err));
    const uint8_t *from = naru_tensor_data(digits);
    float *to = naru_tensor_data(t);
    for (int64_t i = 0; i < n * 3 * PIXELS; i++)
        to[i] = (float)from[(first + i / (3 * PIXELS)) * PIXELS + i % PIXELS] / 16;
    return t;
}

static naru_status batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    const naru_tensor *digits = user;
    int64_t all = naru_tensor_dims(digits)[0], first = (int64_t)index * BATCH;
    if (first >= all) return NARU_NOT_FOUND;
    naru_tensor *t = images(digits, first, all - first < BATCH ? all - first : BATCH);
    naru_status st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

#endif
