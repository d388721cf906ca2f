/* SPDX-License-Identifier: MIT
 *
 * 2-D transposes in plain C: the oracle of copy_tmpl.h.
 */
#include "kernels/copy/copy.h"

#define TRANSPOSE(name, T)                                                                                             \
    static void name(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols) {                   \
        for (int64_t c = 0; c < cols; c++)                                                                             \
            for (int64_t r = 0; r < rows; r++) ((T *)d)[c * ldd + r] = ((const T *)s)[r * lds + c];                    \
    }
TRANSPOSE(transpose1_ref, uint8_t)
TRANSPOSE(transpose2_ref, uint16_t)
TRANSPOSE(transpose4_ref, uint32_t)
TRANSPOSE(transpose8_ref, uint64_t)

const k_copy k_copy_ref = {transpose1_ref, transpose2_ref, transpose4_ref, transpose8_ref};
