/* SPDX-License-Identifier: MIT
 *
 * Block sizes and the transform of the weights, U = G w G', in double; the same for every level.
 */
#include "kernels/winograd/winograd.h"

#include <string.h>

#include "base/mem.h"

int64_t k_wino_block(const k_gemm *g, int64_t c, int64_t m, int64_t tiles, int threads) {
    int64_t each = 36 * (c + m + 32) * (int64_t)sizeof(float);
    int64_t fit = cpu_cache_l2() * 6 / 10 / each / g->mr * g->mr;
    int64_t share = (tiles + threads - 1) / threads;
    fit = i64_min(i64_max(fit, 28 / g->mr * g->mr), 112 / g->mr * g->mr);
    if (share <= fit) return i64_max(share, 1);
    int64_t blocks = (share + fit - 1) / fit; /* equal blocks */
    return (share + blocks - 1) / blocks;
}

/* V and products: 36 matrices each; rows padded by a cache line so that they do not meet in one L1 set. */
size_t k_wino_workspace(const k_wino_args *a) {
    int64_t v = a->block * ((a->c + 15) / 16 * 16 + 16) + 16, o = a->block * ((a->m + 15) / 16 * 16 + 16) + 16;
    return align_up((size_t)(36 * (v + o)) * sizeof(float) + k_gemm_workspace(), 64);
}

int64_t k_wino_packed_floats(const k_gemm *g, int64_t c, int64_t m) { return 36 * k_gemm_packed_floats(g, m, c); }

/* Points 0, a, -a, b, -b, infinity; row p is [1, p, p^2] / product of (p - other points). */
static void g_matrix(double g[6][3]) {
    const double point[5] = {0, 0.70710678118654752440, -0.70710678118654752440, 1.41421356237309504880,
                             -1.41421356237309504880};
    for (int i = 0; i < 5; i++) {
        double n = 1;
        for (int j = 0; j < 5; j++)
            if (j != i) n *= point[i] - point[j];
        g[i][0] = 1 / n, g[i][1] = point[i] / n, g[i][2] = point[i] * point[i] / n;
    }
    g[5][0] = g[5][1] = 0, g[5][2] = 1;
}

static void transform(const double g[6][3], const float w[9], double u[36]) {
    double t[6][3];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++) t[i][j] = g[i][0] * w[j] + g[i][1] * w[3 + j] + g[i][2] * w[6 + j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) u[i * 6 + j] = t[i][0] * g[j][0] + t[i][1] * g[j][1] + t[i][2] * g[j][2];
}

void k_wino_pack(const k_gemm *g, float *u, const void *w, int64_t c, int64_t m, int64_t p0, int64_t p1,
                 float *scratch) {
    double gm[6][3];
    g_matrix(gm);
    int64_t nr = g->nr, matrix = k_gemm_packed_floats(g, m, c);
    for (int64_t p = p0; p < p1; p++) {
        int64_t n0 = p * nr, cols = i64_min(m - n0, nr);
        memset(scratch, 0, (size_t)(36 * c * nr) * sizeof(float));
        for (int64_t j = 0; j < cols; j++)
            for (int64_t k = 0; k < c; k++) {
                float f[9];
                double t[36];
                memcpy(f, (const char *)w + ((n0 + j) * c + k) * 36, sizeof f);
                transform(gm, f, t);
                for (int i = 0; i < 36; i++) scratch[(i * c + k) * nr + j] = (float)t[i];
            }
        for (int i = 0; i < 36; i++)
            memcpy(u + i * matrix + p * c * nr, scratch + i * c * nr, (size_t)(c * nr) * sizeof(float));
    }
}
