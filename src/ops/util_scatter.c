/* SPDX-License-Identifier: MIT
 *
 * Combining scattered elements in the element type's own arithmetic.
 */
#include "ops/util_scatter.h"

#include "tensor/dtype.h"

bool scatter_one(naru_tensor *y, int64_t at, const naru_tensor *u, int64_t from, const char *reduction) {
    if (reduction[0] == 'n' || y->dtype == NARU_STRING) return move_elems(y, at, u, from, 1);
    char op = reduction[1]; /* add, mul, max, min differ in the second or third letter */
    char third = reduction[2];
    if (dtype_is_int(y->dtype) || y->dtype == NARU_BOOL) {
        int64_t a = dtype_get_i64(y->dtype, y->data, at), b = dtype_get_i64(u->dtype, u->data, from);
        int64_t r = op == 'd'      ? (int64_t)((uint64_t)a + (uint64_t)b)
                    : op == 'u'    ? (int64_t)((uint64_t)a * (uint64_t)b)
                    : third == 'x' ? i64_max(a, b)
                                   : i64_min(a, b);
        dtype_set_i64(y->dtype, y->data, at, r);
        return true;
    }
    double a = dtype_get_f64(y->dtype, y->data, at), b = dtype_get_f64(u->dtype, u->data, from);
    double r = op == 'd'      ? a + b
               : op == 'u'    ? a * b
               : a != a       ? a
               : b != b       ? b
               : third == 'x' ? (a > b ? a : b)
                              : (a < b ? a : b);
    dtype_set_f64(y->dtype, y->data, at, r);
    return true;
}
