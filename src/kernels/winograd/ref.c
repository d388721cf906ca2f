/* SPDX-License-Identifier: MIT
 *
 * Plain C: the same steps tile by tile in double; U is read back from k_gemm_ref's panels (nr = 4).
 */
#include <math.h>

#include "kernels/winograd/winograd.h"

enum { NR = 4 };
static const double A = 0.70710678118654752440, B = 1.41421356237309504880;

static void in6(double d[6], const double s[6]) {
    d[0] = s[0] - 2.5 * s[2] + s[4];
    d[1] = -A * 2 * s[1] - 2 * s[2] + A * s[3] + s[4];
    d[2] = A * 2 * s[1] - 2 * s[2] - A * s[3] + s[4];
    d[3] = -B * 0.5 * s[1] - 0.5 * s[2] + B * s[3] + s[4];
    d[4] = B * 0.5 * s[1] - 0.5 * s[2] - B * s[3] + s[4];
    d[5] = s[1] - 2.5 * s[3] + s[5];
}

static void out4(double d[4], const double s[6]) {
    d[0] = s[0] + s[1] + s[2] + s[3] + s[4];
    d[1] = A * (s[1] - s[2]) + B * (s[3] - s[4]);
    d[2] = 0.5 * (s[1] + s[2]) + 2 * (s[3] + s[4]);
    d[3] = A * 0.5 * (s[1] - s[2]) + B * 2 * (s[3] - s[4]) + s[5];
}

static void input_tile(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, int64_t c, double v[36]) {
    double t[6][6];
    for (int j = 0; j < 6; j++) {
        double s[6], d[6];
        for (int i = 0; i < 6; i++) {
            int64_t yy = y0 + i, xx = x0 + j;
            s[i] = yy < 0 || yy >= a->h || xx < 0 || xx >= a->w ? 0 : (double)x[(yy * a->w + xx) * a->ldx + c];
        }
        in6(d, s);
        for (int i = 0; i < 6; i++) t[i][j] = d[i];
    }
    for (int i = 0; i < 6; i++) in6(v + 6 * i, t[i]);
}

static void store_tile(const k_wino_args *a, int64_t image, int64_t y0, int64_t x0, int64_t m, const double s[36]) {
    double t[4][6];
    for (int j = 0; j < 6; j++) {
        double c[6], d[4];
        for (int i = 0; i < 6; i++) c[i] = s[6 * i + j];
        out4(d, c);
        for (int i = 0; i < 4; i++) t[i][j] = d[i];
    }
    for (int i = 0; i < 4 && y0 + i < a->oh; i++) {
        double d[4];
        out4(d, t[i]);
        for (int j = 0; j < 4 && x0 + j < a->ow; j++) {
            int64_t at = (image * a->oh + y0 + i) * a->ow + x0 + j;
            float *y = a->y + at * a->ldy + m;
            double add = a->residual ? (double)a->residual[at * a->ldr + m] : 0;
            *y = (float)(d[j] + (a->bias ? (double)a->bias[m] : 0) + add);
            a->gemm->activate(y, 1, 1, 1, a->act, a->p, a->q);
        }
    }
}

static void run(const k_wino_args *a, int64_t t0, int64_t t1, void *workspace) {
    int64_t cols = (a->ow + 3) / 4, per = k_wino_tiles(a), matrix = k_gemm_packed_floats(a->gemm, a->m, a->c);
    for (int64_t t = t0; t < t1; t++) {
        int64_t image = t / per, ty = t % per / cols * 4, tx = t % per % cols * 4;
        for (int64_t m = 0; m < a->m; m++) {
            double sum[36] = {0}, v[36];
            for (int64_t c = 0; c < a->c; c++) {
                input_tile(a, a->x + image * a->h * a->w * a->ldx, ty - a->pt, tx - a->pl, c, v);
                for (int i = 0; i < 36; i++)
                    sum[i] += v[i] * (double)a->u[i * matrix + (m / NR * a->c + c) * NR + m % NR];
            }
            store_tile(a, image, ty, tx, m, sum);
        }
    }
}

const k_winograd k_winograd_ref = {run};
