/* SPDX-License-Identifier: MIT
 *
 * naru exec: what may be lowered: the accuracy limit and the data it is measured on, precisions and types of layers.
 */
#include <stdlib.h>
#include <string.h>

#include "exec.h"

static bool failed(const naru_error *err) { return log_error("%s", err->message), false; }

/* ---- constraints ---- */
static bool set_constraints(const exec_args *a, naru_builder_config *c) {
    static const char *const names[] = {"none", "prefer", "obey"};
    static const naru_constraints modes[] = {NARU_CONSTRAINTS_NONE, NARU_CONSTRAINTS_PREFER, NARU_CONSTRAINTS_OBEY};
    const char *text = given(a, EXEC_precisionConstraints) ? a->value[EXEC_precisionConstraints] : "none";
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) return naru_builder_config_set_constraints(c, modes[i], NULL) == NARU_OK;
    return log_error("--precisionConstraints: '%s' is none of none, prefer, obey", text), false;
}

static bool set_precision(const spec_item *i, naru_builder_config *c) {
    static const struct {
        const char *name;
        naru_precision precision;
    } rows[] = {{"fp32", NARU_PRECISION_FP32},
                {"fp16", NARU_PRECISION_FP16},
                {"bf16", NARU_PRECISION_BF16},
                {"int8", NARU_PRECISION_INT8}};
    naru_error err = NARU_ERROR_INIT;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strcmp(rows[k].name, i->text) == 0)
            return naru_builder_config_set_layer_precision(c, i->name, rows[k].precision, &err) == NARU_OK ||
                   failed(&err);
    return log_error("--layerPrecisions: '%s' is none of fp32, fp16, bf16, int8", i->text), false;
}

static naru_dtype type_of(const char *text, size_t n) {
    static const struct {
        const char *name;
        naru_dtype type;
    } rows[] = {{"fp32", NARU_FLOAT},  {"fp16", NARU_FLOAT16}, {"bf16", NARU_BFLOAT16}, {"int8", NARU_INT8},
                {"uint8", NARU_UINT8}, {"int32", NARU_INT32},  {"int64", NARU_INT64},   {"bool", NARU_BOOL}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strlen(rows[k].name) == n && strncmp(rows[k].name, text, n) == 0) return rows[k].type;
    return NARU_UNDEFINED;
}

/* "fp16+int32" */
static bool set_types(const spec_item *i, naru_builder_config *c) {
    enum { MOST = 8 };
    naru_error err = NARU_ERROR_INIT;
    naru_dtype types[MOST];
    size_t count = 0;
    for (const char *p = i->text;; p++) {
        size_t n = strcspn(p, "+");
        naru_dtype t = type_of(p, n);
        if (!t || count == MOST)
            return log_error("--layerOutputTypes: '%s' is no list of fp32, fp16, bf16, int8, uint8, int32, int64, bool",
                             i->text),
                   false;
        types[count++] = t;
        p += n;
        if (!*p) break;
    }
    return naru_builder_config_set_layer_output_types(c, i->name, types, count, &err) == NARU_OK || failed(&err);
}

static bool each_item(const exec_args *a, exec_option o, const char *name,
                      bool (*set)(const spec_item *i, naru_builder_config *c), naru_builder_config *c) {
    spec_list l = {0};
    bool ok = !given(a, o) || spec_pairs(name, a->value[o], &l);
    for (size_t i = 0; ok && i < l.count; i++) ok = set(&l.items[i], c);
    spec_free(&l);
    return ok;
}

bool exec_precisions(const exec_args *a, naru_builder_config *c) {
    naru_error err = NARU_ERROR_INIT;
    if (given(a, EXEC_accuracy) && a->accuracy == 0)
        return log_error("--accuracy: the limit is above 0; without --fp16 and --bf16 nothing is lowered"), false;
    if (given(a, EXEC_accuracy) && naru_builder_config_set_accuracy(c, a->accuracy, &err) != NARU_OK)
        return failed(&err);
    return set_constraints(a, c) && each_item(a, EXEC_layerPrecisions, "layerPrecisions", set_precision, c) &&
           each_item(a, EXEC_layerOutputTypes, "layerOutputTypes", set_types, c);
}

/* ---- samples ---- */
/* Axis 0 of the first input at OPT, as far as the command line tells; 0: it does not. */
static int64_t opt_batch(const exec_args *a) {
    const profile_spec *p = &a->profiles[0];
    const char *text = p->bound[1] ? p->bound[1] : p->bound[0] ? p->bound[0] : p->bound[2];
    spec_list l = {0};
    shape s = {.rank = 0};
    if (!text) text = a->value[EXEC_shapes];
    bool ok = text && spec_parse("optShapes", text, &l) && spec_dims("optShapes", &l.items[0], &s);
    int64_t batch = ok && s.rank ? s.dims[0] : a->batch;
    spec_free(&l);
    return batch;
}

bool exec_samples(const exec_args *a, const naru_network *n, naru_builder_config *c, naru_samples *out) {
    naru_error err = NARU_ERROR_INIT;
    const char *path = a->value[EXEC_calibData];
    if (!path) return true;
    if (naru_samples_open_network(path, n, opt_batch(a), out, &err) != NARU_OK) return failed(&err);
    if (naru_builder_config_set_samples(c, out, &err) != NARU_OK) return failed(&err);
    return true;
}
