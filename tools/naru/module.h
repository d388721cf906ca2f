/* SPDX-License-Identifier: MIT
 *
 * TorchScript modules on the command line: telling them from ONNX files, values as JSON, comparing results.
 */
#ifndef NARU_CLI_MODULE_H
#define NARU_CLI_MODULE_H

#include "cli.h"
#include "verify.h"

/* By its first bytes: a zip archive or a pickle; else by its name: what only the TorchScript loader can explain. */
bool is_module_file(const char *path);
/* -1, or the exit code: a module or a plan stands where an ONNX model has to. */
int need_onnx(const char *path);
/* -1 or an exit code. */
int load_module(const char *path, const naru_options *options, naru_module **out);
/* Prints err and, of an exception, TorchScript's traceback; gives the exit code. */
int fail_module(naru_module *m, const naru_error *err);

/* A value in the encoding of recorded calls (ivalue_json.c; docs/torchscript.md): null, true, 3, "text", {"float": x},
 * {"tensor": dtype, "shape", "data"}, {"list": [...]}, ... npz: where {"npz": key} is found; may be NULL. */
naru_status ivalue_from_json(const json_t *j, naru_npz *npz, naru_ivalue **out, naru_error *err);
/* Whether v is what j says; `why` tells the first difference. worst: largest difference of numbers seen so far. */
bool ivalue_agrees(const naru_ivalue *v, const json_t *j, naru_npz *npz, const verify_args *a, double *worst, char *why,
                   size_t size);

/* A value without tensors in the same encoding; of tensors only type and shape. */
json_t *ivalue_to_json(const naru_ivalue *v);

typedef naru_status (*gather_fn)(naru_ivalue *const *items, size_t count, naru_ivalue **out, naru_error *err);

/* ---- arguments and results (arguments.c) ---- */
typedef struct piece {
    char *name;
    naru_ivalue *value;
} piece;
typedef struct pieces {
    piece *items;
    size_t count;
} pieces;
void pieces_add(pieces *p, const char *name, naru_ivalue *value); /* takes the reference; the name is copied */
void pieces_free(pieces *p);
const piece *pieces_find(const pieces *p, const char *name);

/* "int:3", "float:0.5", "bool:true", "str:hello", "none", "json:..." (in the encoding of recorded calls). */
bool is_literal(const char *text);
naru_status literal_value(const char *text, naru_ivalue **out, naru_error *err);
/* -1 or an exit code. A type that is not told is float. */
int random_piece(const shape *s, uint64_t seed, pieces *out);

enum { MAX_CALL_ARGS = 64 };
typedef struct call_args {
    const char *names[MAX_CALL_ARGS];
    naru_ivalue *values[MAX_CALL_ARGS];
    size_t count;
} call_args;
/* Arguments of a method: by name where every piece bears the name of one, else in order, where a list takes the pieces
 * NAME_0, NAME_1, ... (the last argument: all that are left) and a tuple one for each item. lenient: lists that get
 * none are empty, optional arguments None. -1 or an exit code. */
int arrange_arguments(const char *verb, naru_module *m, const char *method, const pieces *p, bool lenient,
                      call_args *out);
void call_args_free(call_args *a);
/* A result by parts: "output"; "output_0", ... of a list or tuple; fields of a NamedTuple and keys of a dict by their
 * names. Takes the reference. */
void result_pieces(naru_ivalue *result, pieces *out);

/* Tensors of a result in order, lists, tuples and dicts flattened; numbers as rank-0 tensors. Names "output_0", ...
 * when names is NULL. */
void flatten_result(const naru_ivalue *v, naru_value ***out, size_t *count);

/* ---- subcommands on modules: each gives the exit code ---- */
int verify_module(verify_args *a, const char *method, const naru_options *options);
int info_module(const char *path, bool json);
int info_plan(const char *path, bool json);
struct run_args;
int run_module(const struct run_args *a, const char *path);

#endif
