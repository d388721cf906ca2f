/* SPDX-License-Identifier: MIT
 *
 * Random tensors for other operators (dropout and the like): uniform in [0, 1) and standard normal, of any float or
 * complex type, eager or recorded.
 */
#ifndef SCRIPT_ATEN_RANDOM_H
#define SCRIPT_ATEN_RANDOM_H

#include "script/lower.h"

sten *random_uniforms(lower *L, naru_dtype d, int n, const sv *sizes);
sten *random_normals(lower *L, naru_dtype d, int n, const sv *sizes);

#endif
