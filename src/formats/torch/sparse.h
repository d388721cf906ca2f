/* SPDX-License-Identifier: MIT
 *
 * Sparse tensors in coordinates (COO), made dense.
 */
#ifndef FORMATS_TORCH_SPARSE_H
#define FORMATS_TORCH_SPARSE_H

#include "tensor/tensor.h"

/* indices: int64 [k, n]; values: [n, the last rank - k of dims]. Entries of one place are added. */
naru_status sparse_densify(naru_tensor *indices, naru_tensor *values, int rank, const int64_t *dims, naru_tensor **out,
                           naru_error *err);

#endif
