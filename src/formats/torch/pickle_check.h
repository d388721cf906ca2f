/* SPDX-License-Identifier: MIT
 *
 * The promise that pickle.h makes about a parsed pickle.
 */
#ifndef FORMATS_TORCH_PICKLE_CHECK_H
#define FORMATS_TORCH_PICKLE_CHECK_H

#include "formats/torch/pickle.h"

/* No cycle below root, no path of more than `depth` nodes, at most `unfolded` nodes when shared ones count each time.
 * count: more than every id. */
naru_status pickle_check(const pk *root, size_t count, size_t depth, size_t unfolded, naru_error *err);

#endif
