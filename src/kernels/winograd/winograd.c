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

/* Eight columns at once: the same sums in the same order for each. */
typedef double v8 __attribute__((vector_size(64)));

static inline void transform(const double g[6][3], const v8 w[9], v8 u[36]) {
    v8 t[6][3];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++) t[i][j] = g[i][0] * w[j] + g[i][1] * w[3 + j] + g[i][2] * w[6 + j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) u[i * 6 + j] = t[i][0] * g[j][0] + t[i][1] * g[j][1] + t[i][2] * g[j][2];
}

/* The taps of input channel k for `cols` filters of c channels each; columns beyond are zero. */
static inline void gather(const char *w, int64_t c, int64_t k, int64_t cols, v8 out[9]) {
    memset(out, 0, 9 * sizeof *out);
    for (int64_t j = 0; j < cols; j++) {
        float f[9];
        memcpy(f, w + (j * c + k) * 36, sizeof f);
        for (int q = 0; q < 9; q++) out[q][j] = f[q];
    }
}

void k_wino_pack(const k_gemm *g, float *u, const void *w, int64_t c, int64_t m, int64_t p0, int64_t p1) {
    double gm[6][3];
    g_matrix(gm);
    int64_t nr = g->nr, matrix = k_gemm_packed_floats(g, m, c);
    for (int64_t p = p0; p < p1; p++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t j = 0; j < nr; j += 8) { /* all columns of a channel: cache lines are written whole */
                int64_t n0 = p * nr + j, lanes = i64_min(nr - j, 8);
                v8 f[9], t[36];
                gather((const char *)w + n0 * c * 36, c, k, i64_max(0, i64_min(m - n0, lanes)), f);
                transform(gm, f, t);
                for (int i = 0; i < 36; i++) {
                    float *to = u + i * matrix + (p * c + k) * nr + j;
                    for (int64_t l = 0; l < lanes; l++) to[l] = (float)t[i][l];
                }
            }
}
