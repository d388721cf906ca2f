/* SPDX-License-Identifier: MIT
 *
 * TorchScript modules on the command line: telling them from ONNX files, values as JSON, comparing results.
 */
#ifndef NARU_CLI_MODULE_H
#define NARU_CLI_MODULE_H

#include "cli.h"
#include "verify.h"

/* By its first bytes: a zip archive (or what only the TorchScript loader can explain). */
bool is_module_file(const char *path);
/* -1 or an exit code. */
int load_module(const char *path, const naru_options *options, naru_module **out);
/* Prints err and, of an exception, TorchScript's traceback; gives the exit code. */
int fail_module(naru_module *m, const naru_error *err);

/* A value in the encoding of recorded calls (ivalue_json.c; docs/cli.md): null, true, 3, "text", {"float": x},
 * {"tensor": dtype, "shape", "data"}, {"list": [...]}, ... npz: where {"npz": key} is found; may be NULL. */
naru_status ivalue_from_json(const json_t *j, naru_npz *npz, naru_ivalue **out, naru_error *err);
/* Whether v is what j says; `why` tells the first difference. worst: largest difference of numbers seen so far. */
bool ivalue_agrees(const naru_ivalue *v, const json_t *j, naru_npz *npz, const verify_args *a, double *worst, char *why,
                   size_t size);

/* Tensors of a result in order, lists, tuples and dicts flattened; numbers as rank-0 tensors. Names "output_0", ...
 * when names is NULL. */
void flatten_result(const naru_ivalue *v, naru_value ***out, size_t *count);

int verify_module(verify_args *a, const char *method, const naru_options *options);

#endif
