/* SPDX-License-Identifier: MIT
 *
 * The three forms of reference that `naru verify` takes.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verify.h"

typedef struct reference {
    verify_args *args;
    ports in, out;         /* of the model under test */
    naru_npz *npz;         /* recorded calls */
    naru_session *session; /* second model */
    char **folders;        /* data sets */
    int_list calls;        /* numbers to do */
    size_t at;
} reference;

void call_free(reference_call *c) {
    values_free(&c->in);
    values_free(&c->out);
}

static bool wanted(const verify_args *a, int64_t call) {
    for (size_t i = 0; i < a->calls.count; i++)
        if (a->calls.items[i] == call) return true;
    return a->calls.count == 0;
}

static bool has(const int_list *l, int64_t v) {
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i] == v) return true;
    return false;
}

static void add_call(int_list *l, int64_t v) {
    l->items = regrow(l->items, (l->count + 1) * sizeof *l->items);
    l->items[l->count++] = v;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* --calls that the reference lacks are an error, and so is a reference without calls. */
static int settle_calls(reference *r, const char *what) {
    if (!r->calls.count) return fail_text(CODE_BAD_FILE, "%s: %s", r->args->reference, what);
    qsort(r->calls.items, r->calls.count, sizeof *r->calls.items, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < r->args->calls.count; i++)
        if (!has(&r->calls, r->args->calls.items[i]))
            return usage("verify", "--calls: %s has no call %lld", r->args->reference,
                         (long long)r->args->calls.items[i]);
    for (size_t i = 0; i < r->calls.count; i++)
        if (wanted(r->args, r->calls.items[i])) r->calls.items[kept++] = r->calls.items[i];
    r->calls.count = kept;
    return -1;
}

/* ---- recorded calls: cK_in_NAME, cK_out_NAME ---- */
static bool parse_key(const char *key, int64_t *call, bool *output, const char **name) {
    char *end;
    if (key[0] != 'c' || key[1] < '0' || key[1] > '9') return false;
    *call = strtoll(key + 1, &end, 10);
    *output = strncmp(end, "_out_", 5) == 0;
    if (!*output && strncmp(end, "_in_", 4) != 0) return false;
    *name = end + (*output ? 5 : 4);
    return **name != 0;
}

static int open_npz(reference *r) {
    naru_error err = NARU_ERROR_INIT;
    if (naru_npz_open(r->args->reference, &r->npz, &err) != NARU_OK) return fail(&err);
    for (size_t i = 0; i < naru_npz_count(r->npz); i++) {
        int64_t call;
        bool output;
        const char *name;
        if (!parse_key(naru_npz_key(r->npz, i), &call, &output, &name))
            return fail_text(CODE_BAD_FILE,
                             "%s: array '%s' is no part of a recorded call; names are cK_in_INPUT and cK_out_OUTPUT",
                             r->args->reference, naru_npz_key(r->npz, i));
        if (output && !has(&r->calls, call)) add_call(&r->calls, call);
    }
    return settle_calls(r, "has no recorded outputs (arrays cK_out_OUTPUT)");
}

static int read_key(reference *r, const char *key, named_values *to, const char *name) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    naru_value *v = NULL;
    naru_status st = naru_npz_read(r->npz, key, &t, &err);
    if (st == NARU_OK) st = naru_value_from_tensor(t, &v, &err);
    naru_tensor_destroy(&t);
    if (st != NARU_OK) return fail(&err);
    values_add(to, name, v);
    return -1;
}

static void lacks_input(const reference *r, const char *name, reference_call *c) {
    char hint[300];
    snprintf(c->problem, sizeof c->problem, "the reference has input '%.100s', the model has not%s", name,
             port_hint(&r->in, name, hint, sizeof hint));
}

static int next_npz(reference *r, int64_t call, reference_call *c) {
    snprintf(c->label, sizeof c->label, "%lld", (long long)call);
    for (size_t i = 0; i < naru_npz_count(r->npz); i++) {
        int64_t number;
        bool output;
        const char *name, *key = naru_npz_key(r->npz, i);
        if (!parse_key(key, &number, &output, &name) || number != call) continue;
        if (!output && !find_port(&r->in, name)) lacks_input(r, name, c);
        int code = read_key(r, key, output ? &c->out : &c->in, name);
        if (code >= 0) return code;
    }
    return -1;
}

/* ---- folders: input_K.pb, output_K.pb ---- */
static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

static void read_tolerance(verify_args *a) {
    char path[4200];
    double rtol, atol;
    snprintf(path, sizeof path, "%s/tolerance.txt", a->reference);
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (fscanf(f, "%lf %lf", &rtol, &atol) == 2) {
        if (!a->rtol_given) a->rtol = rtol;
        if (!a->atol_given) a->atol = atol;
    }
    fclose(f);
}

static void add_folder(reference *r, int64_t number, const char *path) {
    r->folders = regrow(r->folders, (r->calls.count + 2) * sizeof *r->folders);
    size_t at = r->calls.count;
    while (at && r->calls.items[at - 1] > number) at--; /* sorted by number */
    memmove(r->folders + at + 1, r->folders + at, (r->calls.count - at) * sizeof *r->folders);
    r->folders[at] = copy_text(path, strlen(path));
    add_call(&r->calls, number);
    qsort(r->calls.items, r->calls.count, sizeof *r->calls.items, by_number);
}

static int open_folder(reference *r) {
    char path[4200];
    struct dirent *e;
    DIR *d = opendir(r->args->reference);
    if (!d) return fail_text(CODE_BAD_FILE, "%s: cannot open the folder", r->args->reference);
    while ((e = readdir(d))) {
        int64_t number;
        if (strncmp(e->d_name, "test_data_set_", 14) != 0 || !parse_int(e->d_name + 14, &number)) continue;
        snprintf(path, sizeof path, "%s/%s", r->args->reference, e->d_name);
        if (wanted(r->args, number)) add_folder(r, number, path);
    }
    closedir(d);
    snprintf(path, sizeof path, "%s/output_0.pb", r->args->reference);
    if (exists(path) && wanted(r->args, 0)) add_folder(r, 0, r->args->reference);
    read_tolerance(r->args);
    return settle_calls(r, "has no output_0.pb and no test_data_set_K folder with one (or --calls picked none)");
}

static naru_status load_pb(const char *path, const naru_port *p, naru_value **v, naru_error *err) {
    if (p->kind != NARU_KIND_OPTIONAL) return naru_value_load(path, p->kind, v, err);
    /* Optionals may stand there as an OptionalProto or as their bare content. */
    static const naru_kind kinds[] = {NARU_KIND_OPTIONAL, NARU_KIND_TENSOR, NARU_KIND_SEQUENCE};
    naru_status st = NARU_BAD_FILE;
    for (size_t i = 0; st != NARU_OK && i < 3; i++) st = naru_value_load(path, kinds[i], v, err);
    return st;
}

/* WHAT_K.pb for K = 0, 1, ...: the K-th input or output of the model. */
static int read_files(const char *folder, const char *what, const ports *p, named_values *to, reference_call *c) {
    char path[4300];
    for (size_t k = 0;; k++) {
        snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, what, k);
        if (!exists(path)) return -1;
        if (k >= p->count) {
            snprintf(c->problem, sizeof c->problem, "the reference has %s_%zu.pb, the model has only %zu %ss", what, k,
                     p->count, what);
            return -1;
        }
        naru_error err = NARU_ERROR_INIT;
        naru_value *v;
        if (load_pb(path, &p->items[k], &v, &err) != NARU_OK) return fail(&err);
        values_add(to, p->items[k].name, v);
    }
}

static int next_folder(reference *r, size_t i, reference_call *c) {
    snprintf(c->label, sizeof c->label, "%lld", (long long)r->calls.items[i]);
    int code = read_files(r->folders[i], "input", &r->in, &c->in, c);
    if (code < 0) code = read_files(r->folders[i], "output", &r->out, &c->out, c);
    if (code < 0 && !*c->problem && c->out.count < r->out.count)
        snprintf(c->problem, sizeof c->problem, "the reference has %zu outputs, the model has %zu", c->out.count,
                 r->out.count);
    return code;
}

/* ---- a second model ---- */
static int open_model(reference *r) {
    add_call(&r->calls, 0);
    if (r->args->calls.count) return usage("verify", "--calls picks recorded calls; %s is a model", r->args->reference);
    return load_session(r->args->reference, NULL, &r->session);
}

static int random_call(reference *r, reference_call *c) {
    char why[400];
    shapes given = {0};
    int code = shapes_parse(&r->args->shape, &given, why) ? -1 : usage("verify", "%s", why);
    if (code < 0) code = random_inputs("verify", &r->in, &given, r->args->batch, (uint64_t)r->args->seed, &c->in);
    shapes_free(&given);
    return code;
}

static int next_model(reference *r, reference_call *c) {
    naru_error err = NARU_ERROR_INIT;
    snprintf(c->label, sizeof c->label, "seed %lld", (long long)r->args->seed);
    int code = random_call(r, c);
    if (code >= 0) return code;
    ports in = session_inputs(r->session);
    for (size_t i = 0; i < in.count; i++)
        if (!in.items[i].optional && !find_port(&r->in, in.items[i].name)) lacks_input(r, in.items[i].name, c);
    if (!*c->problem && run_session(r->session, &c->in, NULL, 0, &c->out, &err) != NARU_OK)
        snprintf(c->problem, sizeof c->problem, "the reference model cannot run it: %.400s", err.message);
    free(in.items);
    return -1;
}

/* ---- any form ---- */
static bool ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

int reference_open(verify_args *a, const naru_session *s, reference **out) {
    struct stat st;
    reference *r = *out = take(sizeof *r);
    r->args = a;
    r->in = session_inputs(s);
    r->out = session_outputs(s);
    if (stat(a->reference, &st) == 0 && S_ISDIR(st.st_mode)) return open_folder(r);
    return ends(a->reference, ".npz") ? open_npz(r) : open_model(r);
}

int reference_next(reference *r, reference_call *c) {
    *c = (reference_call){0};
    if (r->at >= r->calls.count) return -1;
    size_t i = r->at++;
    int code = r->npz ? next_npz(r, r->calls.items[i], c) : r->session ? next_model(r, c) : next_folder(r, i, c);
    if (code >= 0) call_free(c);
    return code;
}

void reference_close(reference *r) {
    if (!r) return;
    for (size_t i = 0; r->folders && i < r->calls.count; i++) free(r->folders[i]);
    free(r->folders);
    naru_npz_close(&r->npz);
    naru_session_destroy(&r->session);
    free(r->calls.items);
    free(r->in.items), free(r->out.items);
    free(r);
}
