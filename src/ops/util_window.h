/* SPDX-License-Identifier: MIT
 *
 * Cosine windows of signal processing.
 */
#ifndef OPS_UTIL_WINDOW_H
#define OPS_UTIL_WINDOW_H

#include "ops/op.h"

extern const attr_def window_op_attrs[]; /* output_datatype, periodic */
naru_status infer_window(infer_ctx *c);
naru_status eval_window(eval_ctx *c, double (*f)(double angle)); /* angle = 2 pi i / N */

#endif
