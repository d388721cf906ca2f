/* SPDX-License-Identifier: MIT
 *
 * Inputs and outputs of a run: from files, random, to files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void values_add(named_values *v, const char *name, naru_value *value) {
    v->names = regrow(v->names, (v->count + 1) * sizeof *v->names);
    v->values = regrow(v->values, (v->count + 1) * sizeof *v->values);
    v->names[v->count] = copy_text(name, strlen(name));
    v->values[v->count++] = value;
}

void values_free(named_values *v) {
    for (size_t i = 0; i < v->count; i++) {
        free((char *)v->names[i]);
        naru_value_destroy(&v->values[i]);
    }
    free(v->names);
    free(v->values);
    *v = (named_values){0};
}

naru_value *values_find(const named_values *v, const char *name) {
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->names[i], name) == 0) return v->values[i];
    return NULL;
}

/* ---- random content ---- */
static uint64_t next(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool is_integer(naru_dtype d) {
    switch (d) {
    case NARU_UINT8:
    case NARU_INT8:
    case NARU_UINT16:
    case NARU_INT16:
    case NARU_INT32:
    case NARU_INT64:
    case NARU_UINT32:
    case NARU_UINT64:
    case NARU_UINT4:
    case NARU_INT4: return true;
    default: return false;
    }
}

static double draw(naru_dtype d, uint64_t *state) {
    uint64_t bits = next(state);
    if (d == NARU_BOOL || d == NARU_UINT2 || d == NARU_INT2) return (double)(bits & 1);
    if (is_integer(d)) return (double)(bits & 3); /* token ids, indices, counts: small is nearly always valid */
    return (double)(bits >> 11) * 0x1p-52 - 1;
}

static naru_status random_strings(naru_tensor *t, uint64_t state, naru_error *err) {
    naru_status st = NARU_OK;
    for (int64_t i = 0, n = naru_tensor_count(t); st == NARU_OK && i < n; i++)
        st = naru_tensor_set_string(t, i, &"abcd"[next(&state) & 3], 1, err);
    return st;
}

/* Doubles first, then one cast: every type gets its own rounding. */
static naru_status random_numbers(const shape *s, uint64_t state, naru_tensor **out, naru_error *err) {
    naru_tensor *wide;
    naru_status st = naru_tensor_create(NARU_DOUBLE, s->rank, s->dims, &wide, err);
    if (st != NARU_OK) return st;
    double *p = naru_tensor_data(wide);
    for (int64_t i = 0, n = naru_tensor_count(wide); i < n; i++) p[i] = draw(s->dtype, &state);
    st = naru_tensor_cast(wide, s->dtype, out, err);
    naru_tensor_destroy(&wide);
    return st;
}

naru_status random_value(const shape *s, uint64_t seed, naru_value **out, naru_error *err) {
    naru_tensor *t = NULL;
    naru_status st = s->dtype == NARU_STRING ? naru_tensor_create(NARU_STRING, s->rank, s->dims, &t, err)
                                             : random_numbers(s, seed, &t, err);
    if (st == NARU_OK && s->dtype == NARU_STRING) st = random_strings(t, seed, err);
    if (st == NARU_OK) st = naru_value_from_tensor(t, out, err);
    naru_tensor_destroy(&t);
    return st;
}

int random_inputs(const char *verb, const ports *in, const shapes *given, int64_t batch, uint64_t seed,
                  named_values *out) {
    char why[400];
    shape *resolved = take((in->count + 1) * sizeof *resolved);
    int code = shapes_resolve(in, given, batch, resolved, why) ? -1 : usage(verb, "%s", why);
    for (size_t i = 0; code < 0 && i < in->count; i++) {
        naru_error err = NARU_ERROR_INIT;
        naru_value *v;
        if (resolved[i].dtype == NARU_UNDEFINED) continue; /* an input with a default */
        if (random_value(&resolved[i], seed * 1000003 + i, &v, &err) != NARU_OK)
            code = fail_at("input", resolved[i].name, &err);
        else values_add(out, resolved[i].name, v);
    }
    free(resolved);
    return code;
}

/* ---- files ---- */
static bool ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool is_raw_file(const char *path) {
    return !ends(path, ".npy") && !ends(path, ".pb") && !ends(path, ".npz") && !strstr(path, ".npz:");
}

static naru_status load_tensor(const char *path, const shape *raw, naru_tensor **out, naru_error *err) {
    if (!is_raw_file(path) || !raw) return naru_tensor_load(path, out, err);
    return naru_tensor_load_raw(path, raw->dtype, raw->rank, raw->dims, out, err);
}

naru_status load_value(const char *path, const naru_port *port, const shape *raw, naru_value **out, naru_error *err) {
    if (port->kind != NARU_KIND_TENSOR && ends(path, ".pb")) return naru_value_load(path, port->kind, out, err);
    naru_tensor *t = NULL;
    naru_status st = load_tensor(path, raw, &t, err);
    if (st == NARU_OK) st = naru_value_from_tensor(t, out, err);
    naru_tensor_destroy(&t);
    return st;
}

naru_status save_value(const naru_value *v, const char *path, naru_error *err) {
    naru_tensor *t = naru_value_tensor(v);
    return t ? naru_tensor_save(t, path, err) : naru_value_save(v, path, err);
}

const char *value_type_text(const naru_value *v, char *buf, size_t size) {
    char dims[200];
    naru_tensor *t = naru_value_tensor(v);
    static const char *const words[] = {"", "tensor", "sequence", "map", "optional"};
    if (t)
        snprintf(buf, size, "%s%s", naru_dtype_name(naru_tensor_dtype(t)),
                 dims_text(naru_tensor_rank(t), naru_tensor_dims(t), dims, sizeof dims));
    else snprintf(buf, size, "%s of %zu", words[naru_value_kind(v)], naru_value_count(v));
    return buf;
}

/* ---- running ---- */
naru_status run_session(naru_session *s, const named_values *in, const char *const *names, size_t count,
                        named_values *out, naru_error *err) {
    ports all = session_outputs(s);
    const char **wanted = take((all.count + count + 1) * sizeof *wanted);
    if (!names) count = all.count;
    for (size_t i = 0; i < count; i++) wanted[i] = names ? names[i] : all.items[i].name;
    naru_value **outs = take((count + 1) * sizeof *outs);
    naru_status st = naru_session_run(s, in->count, in->names, in->values, count, wanted, outs, err);
    for (size_t i = 0; st == NARU_OK && i < count; i++) values_add(out, wanted[i], outs[i]);
    free(outs);
    free(wanted);
    free(all.items);
    return st;
}

int load_session(const char *path, const naru_options *options, naru_session **out) {
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    naru_report_create(&report, NULL);
    naru_status st = naru_session_load(path, options, out, report, &err);
    if (st != NARU_OK) print_findings(report, NARU_SEVERITY_ERROR);
    naru_report_destroy(&report);
    return st == NARU_OK ? -1 : fail(&err);
}
