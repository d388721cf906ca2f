/* SPDX-License-Identifier: MIT
 *
 * Recurrent weights in panels: [n / panel][k][panel], so that a step streams them once in order.
 */
#include "kernels/rnn/rnn.h"

#include <string.h>

void k_rnn_pack(float *packed, const void *r, int64_t n, int64_t k) {
    for (int64_t j0 = 0; j0 < n; j0 += K_RNN_PANEL) {
        int64_t cols = n - j0 < K_RNN_PANEL ? n - j0 : K_RNN_PANEL;
        float *panel = packed + j0 * k;
        if (cols < K_RNN_PANEL) memset(panel, 0, (size_t)(K_RNN_PANEL * k) * sizeof(float));
        for (int64_t j = 0; j < cols; j++)
            for (int64_t i = 0; i < k; i++)
                memcpy(panel + i * K_RNN_PANEL + j, (const char *)r + ((j0 + j) * k + i) * 4, sizeof(float));
    }
}
