/* SPDX-License-Identifier: MIT
 *
 * Cosine windows of signal processing.
 */
#ifndef OPS_UTIL_WINDOW_H
#define OPS_UTIL_WINDOW_H

#include "ops/util_lower.h"

extern const attr_def window_op_attrs[]; /* output_datatype, periodic */
naru_status infer_window(infer_ctx *c);
naru_status eval_window(eval_ctx *c, double (*f)(double angle)); /* angle = 2 pi i / N */
/* Below 17: a - b cos(angle) + c2 cos(2 angle) in elementary operators. */
naru_status window_down17(lower_ctx *c, node *n, double a, double b, double c2);

#endif
