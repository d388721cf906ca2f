/* SPDX-License-Identifier: MIT
 *
 * What `naru run` does alike for ONNX models and TorchScript modules.
 */
#ifndef NARU_CLI_RUN_H
#define NARU_CLI_RUN_H

#include "cli.h"

typedef struct run_args {
    text_list input, output, shape;
    const char *output_dir, *method;
    int64_t seed, batch;
    bool json;
    naru_options *options;
} run_args;

/* "NAME=WHAT" -> name (to be freed) and what, which may hold further '='. */
bool split_pair(const char *text, char **name, const char **what);
/* One line: type, shape, range, first elements. */
void print_output(const char *name, const naru_value *v);
json_t *output_json(const char *name, const naru_value *v);
/* -1 or an exit code. */
int make_folder(const char *dir);
/* DIR/NAME.ENDING, with '/' and the like in the name replaced; to be freed. */
char *output_path(const char *dir, const char *name, const char *ending);

#endif
