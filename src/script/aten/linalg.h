/* SPDX-License-Identifier: MIT
 *
 * Batches of matrices on the host, for the files of linear algebra.
 */
#ifndef SCRIPT_ATEN_LINALG_H
#define SCRIPT_ATEN_LINALG_H

#include "script/aten/matrix.h"
#include "script/aten/nn.h"

typedef struct mats {
    naru_dtype d; /* float or double */
    int lead;     /* batch axes */
    int64_t dims[NARU_MAX_RANK], batch, m, n;
    double *v; /* [batch, m, n], writable */
} mats;

/* Behind eager_only. who: "linalg.inv", for messages. */
bool mats_read(lower *L, const char *who, sten *t, bool square, mats *out);
double *mats_space(lower *L, const mats *like, int64_t m, int64_t n); /* [batch, m, n] */
int64_t *mats_ints(lower *L, const mats *like, int64_t n);            /* [batch, n], never empty */
sten *mats_give(lower *L, const mats *like, int64_t m, int64_t n, const double *v);
sten *mats_give_rows(lower *L, const mats *like, int64_t n, const double *v); /* [batch..., n] */
sten *mats_give_scalars(lower *L, const mats *like, const double *v);         /* [batch...] */
sten *mats_give_ints(lower *L, const mats *like, int64_t n, const int64_t *v,
                     int64_t offset);                /* int32; n -1: [batch...] */
void mats_share_batch(lower *L, sten **a, sten **b); /* expands leading axes to what both have; ranks >= 2 */

#endif
