/* SPDX-License-Identifier: MIT
 *
 * Plans of strided copies: dims are sorted by destination stride, merged where both sides allow, and cut into units.
 * The 2-D transposes themselves are ref.c and copy_tmpl.h.
 */
#include "kernels/copy/copy.h"

#include <string.h>

enum { UNIT_BYTES = 16384 };

static int64_t magnitude(int64_t a) { return a < 0 ? -a : a; }

static void swap_dims(k_copy_plan *p, int i, int j) {
    int64_t t;
    t = p->dim[i], p->dim[i] = p->dim[j], p->dim[j] = t;
    t = p->ds[i], p->ds[i] = p->ds[j], p->ds[j] = t;
    t = p->ss[i], p->ss[i] = p->ss[j], p->ss[j] = t;
}

static void drop_dim(k_copy_plan *p, int i) {
    p->rank--;
    for (int j = i; j < p->rank; j++) p->dim[j] = p->dim[j + 1], p->ds[j] = p->ds[j + 1], p->ss[j] = p->ss[j + 1];
}

/* Largest destination stride first; dims of 1 go, neighbours that are one dim on both sides merge. */
static void normalise(k_copy_plan *p) {
    for (int i = p->rank - 1; i >= 0; i--)
        if (p->dim[i] == 1) drop_dim(p, i);
    for (int i = 0; i < p->rank; i++)
        for (int j = i + 1; j < p->rank; j++)
            if (magnitude(p->ds[j]) > magnitude(p->ds[i])) swap_dims(p, i, j);
    for (int i = p->rank - 2; i >= 0; i--)
        if (p->ds[i] == p->ds[i + 1] * p->dim[i + 1] && p->ss[i] == p->ss[i + 1] * p->dim[i + 1]) {
            p->dim[i + 1] *= p->dim[i];
            drop_dim(p, i);
        }
    while (p->rank < 2) {
        for (int j = p->rank; j > 0; j--) p->dim[j] = p->dim[j - 1], p->ds[j] = p->ds[j - 1], p->ss[j] = p->ss[j - 1];
        p->dim[0] = 1, p->ds[0] = 0, p->ss[0] = 0;
        p->rank++;
    }
}

/* If another dim than the last is dense in the source, bring it to the end: [.., rows (dense in d), cols (dense in s)].
 */
static void find_transpose(k_copy_plan *p) {
    int last = p->rank - 1;
    if (p->size > 8 || p->ss[last] == 1 || p->ds[last] != 1) return;
    for (int i = 0; i < last; i++) {
        if (p->ss[i] != 1) continue;
        for (int j = i; j < last; j++) swap_dims(p, j, j + 1);
        p->transposed = true;
        return;
    }
}

void k_copy_prepare(k_copy_plan *p, int rank, const int64_t *dim, const int64_t *ds, const int64_t *ss, int size) {
    *p = (k_copy_plan){.rank = rank, .size = size};
    int64_t total = 1;
    for (int i = 0; i < rank; i++) p->dim[i] = dim[i], p->ds[i] = ds[i], p->ss[i] = ss[i], total *= dim[i];
    if (total == 0) {
        p->rank = 2, p->rows_per_unit = 1;
        return;
    }
    normalise(p);
    find_transpose(p);
    int64_t rows = p->dim[p->rank - 2], row_bytes = p->dim[p->rank - 1] * size;
    p->rows_per_unit = UNIT_BYTES / row_bytes > 64 ? UNIT_BYTES / row_bytes : 64;
    if (!p->transposed) p->rows_per_unit = UNIT_BYTES / row_bytes > 1 ? UNIT_BYTES / row_bytes : 1;
    if (p->rows_per_unit > rows) p->rows_per_unit = rows;
    p->units = (rows + p->rows_per_unit - 1) / p->rows_per_unit;
    for (int i = 0; i + 2 < p->rank; i++) p->units *= p->dim[i];
}

/* The innermost loop with the strides known to be dense or not, for the compiler's benefit. */
#define ROWS(T)                                                                                                        \
    for (int64_t r = 0; r < rows; r++) {                                                                               \
        T *dr = (T *)d + r * p->ds[p->rank - 2];                                                                       \
        const T *sr = (const T *)s + r * p->ss[p->rank - 2];                                                           \
        if (ss == 0 && ds == 1)                                                                                        \
            for (int64_t c = 0; c < cols; c++) dr[c] = *sr;                                                            \
        else if (ds == 1)                                                                                              \
            for (int64_t c = 0; c < cols; c++) dr[c] = sr[c * ss];                                                     \
        else                                                                                                           \
            for (int64_t c = 0; c < cols; c++) dr[c * ds] = sr[c * ss];                                                \
    }

typedef struct b16 {
    uint64_t lo, hi;
} b16;

static void copy_rows(const k_copy_plan *p, void *d, const void *s, int64_t rows) {
    int64_t cols = p->dim[p->rank - 1], ds = p->ds[p->rank - 1], ss = p->ss[p->rank - 1];
    if (ds == 1 && ss == 1) {
        char *dr = d;
        const char *sr = s;
        for (int64_t r = 0; r < rows; r++)
            memcpy(dr + r * p->ds[p->rank - 2] * p->size, sr + r * p->ss[p->rank - 2] * p->size,
                   (size_t)(cols * p->size));
        return;
    }
    switch (p->size) {
    case 1: ROWS(uint8_t) break;
    case 2: ROWS(uint16_t) break;
    case 4: ROWS(uint32_t) break;
    case 8: ROWS(uint64_t) break;
    case 16: ROWS(b16) break;
    }
}

static void transpose_rows(const k_copy *k, const k_copy_plan *p, void *d, const void *s, int64_t rows) {
    int64_t cols = p->dim[p->rank - 1], ldd = p->ds[p->rank - 1], lds = p->ss[p->rank - 2];
    switch (p->size) {
    case 1: k->transpose1(d, ldd, s, lds, rows, cols); break;
    case 2: k->transpose2(d, ldd, s, lds, rows, cols); break;
    case 4: k->transpose4(d, ldd, s, lds, rows, cols); break;
    case 8: k->transpose8(d, ldd, s, lds, rows, cols); break;
    }
}

void k_copy_run(const k_copy *k, const k_copy_plan *p, void *d, const void *s, int64_t begin, int64_t end) {
    int64_t rows = p->dim[p->rank - 2], blocks = p->units ? (rows + p->rows_per_unit - 1) / p->rows_per_unit : 1;
    for (int64_t u = begin; u < end; u++) {
        int64_t r0 = u % blocks * p->rows_per_unit, rest = u / blocks;
        int64_t dn = r0 * p->ds[p->rank - 2], sn = r0 * p->ss[p->rank - 2];
        for (int i = p->rank - 3; i >= 0; i--) {
            dn += rest % p->dim[i] * p->ds[i], sn += rest % p->dim[i] * p->ss[i];
            rest /= p->dim[i];
        }
        int64_t n = rows - r0 < p->rows_per_unit ? rows - r0 : p->rows_per_unit;
        char *du = (char *)d + dn * p->size;
        const char *su = (const char *)s + sn * p->size;
        if (p->transposed) transpose_rows(k, p, du, su, n);
        else copy_rows(p, du, su, n);
    }
}

void k_copy_fill(void *d, const void *v, int64_t n, int size) {
    switch (size) {
    case 1: memset(d, *(const uint8_t *)v, (size_t)n); break;
#define FILL(bytes, T)                                                                                                 \
    case bytes: {                                                                                                      \
        T x;                                                                                                           \
        memcpy(&x, v, sizeof x);                                                                                       \
        for (int64_t i = 0; i < n; i++) memcpy((char *)d + i * bytes, &x, sizeof x);                                   \
        break;                                                                                                         \
    }
        FILL(2, uint16_t)
        FILL(4, uint32_t)
        FILL(8, uint64_t)
        FILL(16, b16)
#undef FILL
    }
}
