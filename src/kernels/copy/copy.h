/* SPDX-License-Identifier: MIT
 *
 * Moving elements: d[sum i_k * ds_k] = s[sum i_k * ss_k] over up to K_COPY_DIMS dims, elements of 1, 2, 4, 8 or 16
 * bytes. Transposes, slices (any step, also negative), expansion (stride 0), and one input of a concatenation or the
 * body of a pad are all this. A plan sorts and merges the dims, and walks as a 2-D transpose the pair of dims along
 * which destination and source are dense. Destination elements are distinct; the two do not overlap.
 *
 * Kernel: transpose(): d[c * ldd + r] = s[r * lds + c], 0 <= r < rows, 0 <= c < cols.
 */
#ifndef KERNELS_COPY_H
#define KERNELS_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

enum { K_COPY_DIMS = 16 };

typedef struct k_copy {
    void (*transpose1)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols);
    void (*transpose2)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols);
    void (*transpose4)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols);
    void (*transpose8)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols);
} k_copy;

typedef struct k_copy_plan {
    int rank, size;           /* dims after merging; bytes of an element */
    int64_t dim[K_COPY_DIMS]; /* the last two (one) are walked by the kernel: [.., rows, cols] */
    int64_t ds[K_COPY_DIMS], ss[K_COPY_DIMS];
    bool transposed;       /* the last dim is dense in the source, the one before in the destination */
    int64_t rows_per_unit; /* of dim[rank - 2] */
    int64_t units;         /* independent pieces of work, about 16 KB each or more */
} k_copy_plan;

/* Strides are in elements. Any dim may be 0 (no units). */
void k_copy_prepare(k_copy_plan *plan, int rank, const int64_t *dim, const int64_t *ds, const int64_t *ss, int size);
/* Units [begin, end). */
void k_copy_run(const k_copy *k, const k_copy_plan *plan, void *d, const void *s, int64_t begin, int64_t end);

/* n copies of the element at v (1, 2, 4, 8, 16 bytes). */
void k_copy_fill(void *d, const void *v, int64_t n, int size);

#define KERNEL(level, symbol) extern const k_copy symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/copy/copy.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_copy *k_copy_pick(cpu_level level);

#endif
