/* SPDX-License-Identifier: MIT
 *
 * Resampling in plain C, sums in double: the oracle of resize_tmpl.h. And nearest-neighbour copies.
 */
#include "kernels/resize/resize.h"

#include <string.h>

static float one(const k_resize_args *p, const float *image, int64_t oy, int64_t ox, int64_t c) {
    double s = 0;
    for (int64_t a = 0; a < p->ty; a++)
        for (int64_t b = 0; b < p->tx; b++)
            s += (double)p->wy[oy * p->ty + a] * (double)p->wx[ox * p->tx + b] *
                 (double)image[(p->iy[oy * p->ty + a] * p->w + p->ix[ox * p->tx + b]) * p->c + c];
    return (float)s;
}

static void taps_ref(const k_resize_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    for (int64_t r = begin; r < end; r++)
        for (int64_t ox = 0; ox < p->ow; ox++)
            for (int64_t c = 0; c < p->c; c++)
                y[(r * p->ow + ox) * p->c + c] = one(p, x + r / p->oh * p->h * p->w * p->c, r % p->oh, ox, c);
}

const k_resize k_resize_ref = {taps_ref};

/* A pixel of several channels is aligned like one element only: fixed-size copies instead of loads of T. */
#define PIXELS(T)                                                                                                      \
    for (int64_t ox = 0; ox < p->ow; ox++)                                                                             \
        memcpy(dst + ox * (int64_t)sizeof(T), src + p->ix[ox] * (int64_t)sizeof(T), sizeof(T));

static void nearest_row(const k_resize_args *p, char *dst, const char *src, int64_t pixel) {
    switch (pixel) {
    case 1: PIXELS(uint8_t) break;
    case 2: PIXELS(uint16_t) break;
    case 4: PIXELS(uint32_t) break;
    case 8: PIXELS(uint64_t) break;
    default:
        for (int64_t ox = 0; ox < p->ow; ox++) memcpy(dst + ox * pixel, src + p->ix[ox] * pixel, (size_t)pixel);
    }
}

void k_resize_nearest(const k_resize_args *p, void *y, const void *x, int64_t begin, int64_t end, int size) {
    int64_t pixel = p->c * size, row = p->ow * pixel;
    for (int64_t r = begin; r < end; r++) {
        char *dst = (char *)y + r * row;
        if (r > begin && r % p->oh > 0 && p->iy[r % p->oh] == p->iy[r % p->oh - 1]) memcpy(dst, dst - row, (size_t)row);
        else nearest_row(p, dst, (const char *)x + (r / p->oh * p->h + p->iy[r % p->oh]) * p->w * pixel, pixel);
    }
}
