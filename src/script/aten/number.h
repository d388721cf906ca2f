/* SPDX-License-Identifier: MIT
 *
 * Numbers out of values: pairs as ints, reals or complex numbers, whichever the operator can take first.
 */
#ifndef SCRIPT_ATEN_NUMBER_H
#define SCRIPT_ATEN_NUMBER_H

#include <complex.h>

#include "script/aten/host.h"

#ifndef CMPLX /* glibc defines it for gcc alone */
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#endif

static inline bool num_int(sv v, int64_t *i) {
    if (v.tag == SV_INT) return *i = v.i, true;
    return v.tag == SV_BOOL && (*i = v.b, true);
}
static inline bool num_real(sv v, double *x) {
    if (v.tag == SV_FLOAT) return *x = v.f, true;
    if (v.tag == SV_INT) return *x = (double)v.i, true;
    return v.tag == SV_BOOL && (*x = v.b, true);
}
static inline bool num_complex(sv v, double complex *z) {
    double x;
    if (v.tag == SV_COMPLEX) return *z = CMPLX(((scomplex *)v.o)->re, ((scomplex *)v.o)->im), true;
    return num_real(v, &x) && (*z = CMPLX(x, 0), true);
}
static inline bool num_ints(const sv *a, int64_t *i, int64_t *j) { return num_int(a[0], i) && num_int(a[1], j); }
static inline bool num_reals(const sv *a, double *x, double *y) { return num_real(a[0], x) && num_real(a[1], y); }
static inline bool num_complexes(const sv *a, double complex *z, double complex *w) {
    return num_complex(a[0], z) && num_complex(a[1], w);
}
/* UNINIT when memory is out: the machine and ret_value know. */
static inline bool num_put(sv *out, double complex z) {
    *out = sv_complex(creal(z), cimag(z));
    return true;
}

#endif
