/* SPDX-License-Identifier: MIT
 *
 * Computing on the host for operators that no operator of Naru says: maps over elements with broadcasting, lines along
 * a dimension, rows over several, order keys and sorting. Everything here needs data: on a recording sink the functions
 * note the obstacle and return NULL. Tensors may be strided; results are contiguous and new.
 */
#ifndef SCRIPT_ATEN_HOSTED_H
#define SCRIPT_ATEN_HOSTED_H

#include "script/lower.h"

/* ---- maps ---- */
typedef double (*fn_d)(double);
typedef double (*fn_dd)(double, double);
typedef double (*fn_ddd)(double, double, double);
typedef int64_t (*fn_ii)(int64_t, int64_t);
typedef double _Complex cplx;
typedef cplx (*fn_c)(cplx);
typedef cplx (*fn_cc)(cplx, cplx);

/* The common shape of n tensors (eager). False: PyTorch's error is raised. */
bool broadcast_shape(lower *L, int n, sten *const *t, int *rank, int64_t *dims);
/* Raises when two shapes do not go together and both are known. */
void check_broadcast(lower *L, sten *a, sten *b);

sten *map1(lower *L, sten *x, fn_d f); /* result of x's type, computed in double */
sten *map1_with(lower *L, sten *x, double (*f)(double, const void *), const void *with);
sten *map2(lower *L, sten *a, sten *b, fn_dd f);           /* both of one type */
sten *map3(lower *L, sten *a, sten *b, sten *c, fn_ddd f); /* all of one type */
sten *map2_int(lower *L, sten *a, sten *b, fn_ii f);       /* integers of one type */
sten *map1_bool(lower *L, sten *x, bool (*f)(double));     /* result bool */
sten *cmap1(lower *L, sten *x, fn_c f);                    /* complex to complex */
sten *cmap1_real(lower *L, sten *x, double (*f)(cplx));    /* complex to its real type */
sten *cmap1_bool(lower *L, sten *x, bool (*f)(cplx));      /* complex to bool */
sten *cmap2(lower *L, sten *a, sten *b, fn_cc f);          /* both of one complex type */
sten *cmap2_bool(lower *L, sten *a, sten *b, bool (*f)(cplx, cplx));
naru_dtype real_of(naru_dtype d);    /* complex64 -> float32; others themselves */
naru_dtype complex_of(naru_dtype d); /* float32, integers -> complex64; double -> complex128 */

/* ---- a tensor seen as lines along one dimension: element k of line (o, i) is at (o * n + k) * inner + i ---- */
typedef struct lines {
    int64_t outer, n, inner;
} lines;
lines lines_of(lower *L, const sten *x, int dim); /* rank 0: one line of one */
static inline int64_t line_start(const lines *l, int64_t line) {
    return line / l->inner * l->n * l->inner + line % l->inner;
}

/* ---- a tensor seen as rows: the reduced dims moved behind the others and copied together ---- */
typedef struct rows {
    sten *x;          /* contiguous [count, n] as far as memory goes */
    int64_t count, n; /* n = 1 for rank 0 */
    int rank;         /* of the reduced result */
    int64_t dims[NARU_MAX_RANK];
} rows;
/* Axes of x to reduce (none: all). False on failure. */
bool rows_of(lower *L, sten *x, int naxes, const int64_t *axes, bool keep, rows *out);

/* ---- order ---- */
typedef struct sort_key {
    int64_t key, at;
} sort_key;
int64_t key_of_double(double v); /* ordered as the numbers; zeros equal; NaN greatest */
/* One key for each element, row-major, in scratch; order as the elements'. NULL on failure. */
const int64_t *order_keys(lower *L, sten *x);
void sort_keys(sort_key *v, sort_key *scratch, int64_t n); /* ascending, stable */
/* The k least of n, ascending, ties by `at`; v is reordered, the result is v[0..k). */
void least_keys(sort_key *v, sort_key *scratch, int64_t n, int64_t k);

/* The k-th least (from 0) to v[k], lesser ones before it and greater ones behind, in no order; ties by `at`. */
void select_key(sort_key *v, int64_t n, int64_t k);

/* Elements of contiguous x picked by flat positions: a new tensor of those dims. */
sten *pick_elements(lower *L, sten *x, int rank, const int64_t *dims, const int64_t *at);
sten *host_ints(lower *L, int rank, const int64_t *dims, int64_t **data); /* int64 tensor to fill; NULL on failure */
/* x's dims without `dim`, or with 1 there; the rank. */
int dims_without(lower *L, const sten *x, int dim, bool keep, int64_t *dims);

#endif
