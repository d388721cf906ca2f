/* SPDX-License-Identifier: MIT
 *
 * What products of BF16 pairs in AMX tiles share: the depth of a tile, and its last, incomplete one along k. Included by
 * tile_amx.h and tile_pieces.h only.
 */
#include "kernels/tiles.h"

enum { DEPTH = GEMM_PAD, PAIRS = DEPTH / 2 }; /* of one tile along k */

/* Panel rows of the last, incomplete tile, and zeros. */
static const char *tail_of_b(const char *b, int64_t k, char *copy) {
    size_t bytes = (size_t)((k + 1) / 2) * STEP_BYTES;
    memcpy(copy, b, bytes);
    memset(copy + bytes, 0, PAIRS * STEP_BYTES - bytes);
    return copy;
}
