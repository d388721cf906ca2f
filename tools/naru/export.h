/* SPDX-License-Identifier: MIT
 *
 * naru export: what the command line asked for, and the comparison of the result with the module.
 */
#ifndef NARU_CLI_EXPORT_H
#define NARU_CLI_EXPORT_H

#include "module.h"

typedef struct axis_name {
    char *of; /* an input or an output */
    int axis;
    char *symbol;
} axis_name;

typedef struct export_args {
    const char *path, *output, *method, *output_names;
    text_list input, dynamic_axes;
    int64_t opset;
    double rtol, atol;
    bool no_fold, training, verify, json;
    naru_options *options;
    shapes inputs;
    axis_name *axes;
    size_t naxes;
} export_args;

typedef struct export_verdict {
    bool ok;
    size_t compared, refused; /* runs; sizes that the module itself does not take */
    double worst;
    json_t *runs; /* NULL: told as text */
} export_verdict;

enum { VERIFY_ELEMENTS = 1 << 24 }; /* sizes that make a larger input are not tried */
/* Random inputs of several sizes through the written model and through the module. -1 or an exit code. */
int verify_export(const export_args *a, export_verdict *out);

#endif
