/* SPDX-License-Identifier: MIT
 *
 * What the subcommands share: exit codes, messages, options, shapes, inputs. The command uses the public headers only.
 */
#ifndef NARU_CLI_H
#define NARU_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "naru/naru.h"

/* ---- exit codes and messages (message.c) ---- */
enum { CODE_OK, CODE_NO, CODE_USAGE, CODE_BAD_FILE, CODE_UNSUPPORTED, CODE_INTERNAL };

int code_of(naru_status status);
/* "naru: message" on stderr; gives the exit code. */
int fail(const naru_error *err);
/* "naru: input 'x': message" */
int fail_at(const char *what, const char *name, const naru_error *err);
int fail_text(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for wrong usage, with a pointer to --help. */
int usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* stderr, only on a terminal */
/* Every finding of at least this severity, one a line, to stderr. */
void print_findings(const naru_report *report, naru_severity min);
/* "3.1 MB" */
const char *size_text(double bytes, char buf[32]);
/* The nearest of the names for "did you mean", or NULL. */
const char *nearest(const char *name, const char *const *names, size_t count);
double now_ms(void);
/* malloc and realloc that end the program with code 5 when memory is out. */
void *take(size_t n);
void *regrow(void *p, size_t n);
char *copy_text(const char *s, size_t n);

/* ---- JSON and files (output.c) ---- */
bool is_utf8(const char *text);
/* The text, what is not UTF-8 in it replaced: names of models and files are any bytes, jansson takes characters only.
 */
const char *utf8(const char *text);
void print_json(json_t *root); /* takes the reference */
json_t *json_number(double v); /* null for NaN and infinities */
/* [{"code", "where", "message"}] of the severities in [from, to], "hint" besides where asked. */
json_t *findings_json(const naru_report *report, naru_severity from, naru_severity to, bool hints);
/* The file is written beside path and renamed when it is whole. False: `why` names the path and the reason. */
enum { WHY = 400 };
bool write_file(const char *path, const void *data, size_t n, char why[WHY]);
bool write_json(const char *path, json_t *root, size_t flags, char why[WHY]); /* takes the reference */

/* ---- options (args.c) ---- */
typedef struct text_list {
    const char **items;
    size_t count;
} text_list;
typedef struct int_list {
    int64_t *items;
    size_t count;
} int_list;

typedef enum { ARG_FLAG, ARG_TEXT, ARG_TEXTS, ARG_INTS, ARG_INT, ARG_REAL } arg_type;
typedef struct arg {
    const char *name, *metavar, *help;
    arg_type type;
    void *target;  /* bool, const char *, text_list, int_list, int64_t, double */
    bool *given;   /* may be NULL */
    int64_t least; /* INT and INTS */
} arg;
typedef struct command {
    const char *name, *operands, *summary, *details;
    int noperands;
    bool session; /* takes the options of options.def, as --name value */
} command;

/* Fills targets, operands[noperands] and, for a session command, `options`. -1: go on; else the exit code. */
int args_parse(const command *c, const arg *args, size_t nargs, naru_options *options, int argc, char **argv,
               const char **operands);
bool parse_int(const char *s, int64_t *out);
bool parse_ints(const char *s, int64_t least, int_list *out); /* "1,2,4" */

/* ---- ports and shapes (shapes.c) ---- */
typedef struct ports {
    naru_port *items;
    size_t count;
} ports;
ports session_inputs(const naru_session *s);
ports session_outputs(const naru_session *s);
const naru_port *find_port(const ports *p, const char *name);
/* "; did you mean 'x'?" or "; the model has a, b" for a name that is none of the ports. */
const char *port_hint(const ports *p, const char *name, char *buf, size_t size);

typedef struct shape {
    const char *name;
    naru_dtype dtype; /* NARU_UNDEFINED: the model's */
    int rank;
    int64_t dims[NARU_MAX_RANK];
} shape;
typedef struct shapes {
    shape *items;
    size_t count;
} shapes;
/* NAME=DIMS[:TYPE], also NAME:DIMS[:TYPE]; several in one text are separated by commas. False: `why` says what is
 * wrong. */
bool shapes_parse(const text_list *specs, shapes *out, char why[400]);
void shapes_free(shapes *s);
const shape *find_shape(const shapes *s, const char *name);
/* The shape of each input of the model, from --shape, --batch (0: not given) and the model; false: `why`. */
bool shapes_resolve(const ports *in, const shapes *given, int64_t batch, shape *out, char why[400]);
const char *dims_text(int rank, const int64_t *dims, char *buf, size_t size); /* "[1,3,224]" */

/* ---- inputs and outputs (values.c) ---- */
typedef struct named_values {
    const char **names;
    naru_value **values;
    size_t count;
} named_values;
void values_add(named_values *v, const char *name, naru_value *value); /* takes the reference; the name is copied */
void values_free(named_values *v);
naru_value *values_find(const named_values *v, const char *name);
/* Random content: floats in [-1, 1), integers 0..3, bools, one-letter strings. */
naru_status random_value(const shape *s, uint64_t seed, naru_value **out, naru_error *err);
/* Random values for every required input. -1 or an exit code. */
int random_inputs(const char *verb, const ports *in, const shapes *given, int64_t batch, uint64_t seed,
                  named_values *out);
bool is_raw_file(const char *path); /* by its ending: content that --shape has to tell of */
naru_status load_value(const char *path, const naru_port *port, const shape *raw, naru_value **out, naru_error *err);
naru_status save_value(const naru_value *v, const char *path, naru_error *err);
/* "float[1,10]", "sequence of 3" */
const char *value_type_text(const naru_value *v, char *buf, size_t size);
/* Runs and collects the outputs asked for (all when names is NULL). */
naru_status run_session(naru_session *s, const named_values *in, const char *const *names, size_t count,
                        named_values *out, naru_error *err);
/* Loads a model; unsupported operators go to stderr. -1 or an exit code. */
int load_session(const char *path, const naru_options *options, naru_session **out);

/* ---- subcommands ---- */
int cmd_info(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_convert_version(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_list(int argc, char **argv);

#endif
