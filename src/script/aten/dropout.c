/* SPDX-License-Identifier: MIT
 *
 * Dropout in all its kinds. When not training the input itself is the result.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"

static void check_p(lower *L, double p) {
    if (!(p >= 0 && p <= 1))
        lower_raise(L, "RuntimeError", "dropout probability has to be between 0 and 1, but got %g", p);
}

/* 1 with probability 1 - p; of x's dims, or one for each channel (dims behind the second are 1). */
static sten *keep_mask(lower *L, sten *x, double p, bool channels) {
    if (!eager_only(L) || !x) return NULL;
    int rank = t_rank(L, x);
    int64_t dims[NARU_MAX_RANK], n = 1;
    for (int i = 0; i < rank; i++) n *= dims[i] = channels && i > 1 ? 1 : host_dims(x)[i];
    sten *m = host_new(L, NARU_BOOL, rank, dims);
    bool *v = m ? host_data(L, m) : NULL;
    for (int64_t i = 0; v && i < n; i++) v[i] = host_random(L) >= p;
    return m;
}

static sten *scaled(lower *L, sten *x, double p, sten *mask) {
    sten *kept = EMIT(Mul, x, cast(L, mask, t_dtype(L, x)));
    return p == 1 ? kept : ar_mulc(L, kept, 1 / (1 - p));
}

static void check_channels(lower *L, sten *x) {
    if (lower_ok(L) && t_rank(L, x) < 2)
        lower_raise(L, "RuntimeError", "Feature dropout requires at least 2 dimensions in the input");
}

static void drop(lower *L, bool channels) {
    sten *x = arg_tensor(L, 0);
    double p = arg_float(L, 1);
    bool train = arg_bool(L, 2);
    check_p(L, p);
    if (!train || p == 0) {
        ret_tensor(L, x);
        return;
    }
    if (channels) check_channels(L, x);
    if (lower_recording(L) && !channels) {
        ret_tensor(L, EMIT(Dropout, x, lit(L, NARU_FLOAT, p), lit(L, NARU_BOOL, 1)));
        return;
    }
    ret_tensor(L, scaled(L, x, p, keep_mask(L, x, p, channels)));
}
void aten_dropout(lower *L) { drop(L, false); }
void aten_feature_dropout(lower *L) { drop(L, true); }

/* Dropped elements take SELU's negative limit; a and b restore mean and variance. */
static void alpha_drop(lower *L, bool channels) {
    const double limit = -1.7580993408473766;
    sten *x = arg_tensor(L, 0);
    double p = arg_float(L, 1);
    bool train = arg_bool(L, 2);
    check_p(L, p);
    if (!train || p == 0) {
        ret_tensor(L, x);
        return;
    }
    if (channels) check_channels(L, x);
    sten *mask = keep_mask(L, x, p, channels);
    double a = p == 1 ? 0 : 1 / sqrt((limit * limit * p + 1) * (1 - p));
    sten *y = ar_where(L, mask, x, lit(L, t_dtype(L, x), p == 1 ? 0 : limit));
    ret_tensor(L, ar_addc(L, ar_mulc(L, y, a), -a * limit * p));
}
void aten_alpha_dropout(lower *L) { alpha_drop(L, false); }
void aten_feature_alpha_dropout(lower *L) { alpha_drop(L, true); }

void aten_native_dropout(lower *L) {
    sten *x = arg_tensor(L, 0);
    double p = arg_float(L, 1);
    bool train = arg_bool_or(L, 2, true);
    check_p(L, p);
    if (!train) {
        ret_tensor(L, fresh(L, x));
        ret_tensor(L, EMIT(Equal, x, x));
        return;
    }
    sten *mask = keep_mask(L, x, p, false);
    ret_tensor(L, scaled(L, x, p, mask));
    ret_tensor(L, mask);
}
