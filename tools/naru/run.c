/* SPDX-License-Identifier: MIT
 *
 * naru run: one run on files or random inputs; outputs go to files, a summary to standard output.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "module.h"
#include "run.h"

bool split_pair(const char *text, char **name, const char **what) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) return false;
    *name = copy_text(text, (size_t)(equals - text));
    *what = equals + 1;
    return true;
}

static int load_one(const char *name, const char *file, const ports *in, const shapes *given, named_values *out) {
    char hint[300];
    naru_error err = NARU_ERROR_INIT;
    naru_value *v;
    const naru_port *p = find_port(in, name);
    if (!p) return usage("run", "the model has no input '%s'%s", name, port_hint(in, name, hint, sizeof hint));
    if (values_find(out, name)) return usage("run", "input '%s' is given twice", name);
    shape raw, *use = NULL;
    const shape *spec = find_shape(given, name);
    if (spec) raw = *spec, raw.dtype = spec->dtype ? spec->dtype : p->dtype, use = &raw;
    if (load_value(file, p, use, &v, &err) != NARU_OK) {
        int code = code_of(err.code);
        if (code == CODE_UNSUPPORTED && !spec && is_raw_file(file))
            fail_text(code, "input '%s': %s; add --shape %s=DIMS", name, err.message, name);
        else fail_text(code, "input '%s': %s", name, err.message);
        return code == CODE_USAGE ? CODE_BAD_FILE : code;
    }
    values_add(out, name, v);
    return -1;
}

/* What --input left out: random where --shape names it, else an error. */
static int fill_missing(const run_args *a, const ports *in, const shapes *given, named_values *out) {
    for (size_t i = 0; i < in->count; i++) {
        const naru_port *p = &in->items[i];
        const shape *s = find_shape(given, p->name);
        if (values_find(out, p->name) || (p->optional && !s)) continue;
        if (!s)
            return usage("run",
                         "input '%s' (%s) is missing; add --input %s=FILE, or --shape %s=DIMS for random content",
                         p->name, p->type, p->name, p->name);
        shape wanted = *s;
        if (wanted.dtype == NARU_UNDEFINED) wanted.dtype = p->dtype;
        naru_error err = NARU_ERROR_INIT;
        naru_value *v;
        if (random_value(&wanted, (uint64_t)a->seed * 1000003 + i, &v, &err) != NARU_OK) return fail(&err);
        values_add(out, p->name, v);
    }
    return -1;
}

static int gather_inputs(const run_args *a, const ports *in, const shapes *given, named_values *out) {
    if (!a->input.count) return random_inputs("run", in, given, a->batch, (uint64_t)a->seed, out);
    for (size_t i = 0; i < a->input.count; i++) {
        char *name;
        const char *file;
        if (!split_pair(a->input.items[i], &name, &file))
            return usage("run", "--input '%s' is not NAME=FILE", a->input.items[i]);
        int code = load_one(name, file, in, given, out);
        free(name);
        if (code >= 0) return code;
    }
    return fill_missing(a, in, given, out);
}

/* ---- outputs ---- */
typedef struct target {
    char *name;
    const char *file;
} target;

static int parse_targets(const run_args *a, const ports *out, target *t) {
    char hint[300];
    for (size_t i = 0; i < a->output.count; i++) {
        if (!split_pair(a->output.items[i], &t[i].name, &t[i].file))
            return usage("run", "--output '%s' is not NAME=FILE", a->output.items[i]);
        if (!find_port(out, t[i].name))
            return usage("run", "the model has no output '%s'%s", t[i].name,
                         port_hint(out, t[i].name, hint, sizeof hint));
    }
    return -1;
}

typedef struct stats {
    double min, max, mean;
    int64_t nans;
} stats;

static stats measure(const naru_tensor *t) {
    stats s = {HUGE_VAL, -HUGE_VAL, 0, 0};
    int64_t n = naru_tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        double v = naru_tensor_get(t, i);
        if (isnan(v)) s.nans++;
        else s.min = fmin(s.min, v), s.max = fmax(s.max, v), s.mean += v / (double)n;
    }
    return s;
}

void print_output(const char *name, const naru_value *v) {
    char type[300];
    naru_tensor *t = naru_value_tensor(v);
    printf("%-16s %s", name, value_type_text(v, type, sizeof type));
    int64_t n = t ? naru_tensor_count(t) : 0;
    if (t && naru_tensor_dtype(t) == NARU_STRING)
        for (int64_t i = 0; i < n && i < 5; i++) printf("%s'%s'", i ? ", " : "  ", naru_tensor_string(t, i, NULL));
    else if (n) {
        stats s = measure(t);
        if (s.nans < n) printf("  min %.6g  max %.6g  mean %.6g", s.min, s.max, s.mean);
        if (s.nans) printf("  NaN: %lld", (long long)s.nans);
        printf("  [");
        for (int64_t i = 0; i < n && i < 5; i++) printf("%s%.6g", i ? ", " : "", naru_tensor_get(t, i));
        printf(n > 5 ? ", ...]" : "]");
    }
    putchar('\n');
}

json_t *output_json(const char *name, const naru_value *v) {
    char type[300];
    naru_tensor *t = naru_value_tensor(v);
    json_t *o = json_pack("{ss ss}", "name", utf8(name), "type", value_type_text(v, type, sizeof type));
    if (!t) return o;
    json_t *dims = json_array();
    for (int d = 0; d < naru_tensor_rank(t); d++) json_array_append_new(dims, json_integer(naru_tensor_dims(t)[d]));
    json_object_set_new(o, "dtype", json_string(naru_dtype_name(naru_tensor_dtype(t))));
    json_object_set_new(o, "shape", dims);
    if (naru_tensor_dtype(t) == NARU_STRING || naru_tensor_count(t) == 0) return o;
    stats s = measure(t);
    json_object_set_new(o, "min", json_number(s.min));
    json_object_set_new(o, "max", json_number(s.max));
    json_object_set_new(o, "mean", s.nans < naru_tensor_count(t) ? json_number(s.mean) : json_null());
    json_object_set_new(o, "nans", json_integer(s.nans));
    return o;
}

static int save_targets(const target *t, size_t count, const named_values *out) {
    naru_error err = NARU_ERROR_INIT;
    for (size_t i = 0; i < count; i++)
        if (save_value(values_find(out, t[i].name), t[i].file, &err) != NARU_OK) return fail(&err);
    return -1;
}

int make_folder(const char *dir) {
    if (mkdir(dir, 0777) == 0 || errno == EEXIST) return -1;
    return fail_text(CODE_BAD_FILE, "%s: cannot make the folder: %s", dir, strerror(errno));
}

char *output_path(const char *dir, const char *name, const char *ending) {
    char *path = take(strlen(dir) + strlen(name) + strlen(ending) + 3), *start = path + sprintf(path, "%s/", dir);
    sprintf(start, "%s.%s", name, ending);
    for (char *p = start; *p; p++)
        if (*p == '/' || *p == ':' || *p == '\\' || (unsigned char)*p < 0x20 || (p == start && *p == '.')) *p = '_';
    return path;
}

static int save_all(const char *dir, const named_values *out) {
    int code = make_folder(dir);
    for (size_t i = 0; code < 0 && i < out->count; i++) {
        char *path = output_path(dir, out->names[i], naru_value_tensor(out->values[i]) ? "npy" : "pb");
        naru_error err = NARU_ERROR_INIT;
        if (save_value(out->values[i], path, &err) != NARU_OK) code = fail(&err);
        free(path);
    }
    return code;
}

static void report(const named_values *out, double ms, bool json) {
    json_t *array = json_array();
    for (size_t i = 0; i < out->count; i++) {
        if (json) json_array_append_new(array, output_json(out->names[i], out->values[i]));
        else print_output(out->names[i], out->values[i]);
    }
    if (json) print_json(json_pack("{s:f s:O}", "run_ms", ms, "outputs", array));
    json_decref(array);
}

static int run_and_save(const run_args *a, naru_session *s, const named_values *in, const target *t) {
    naru_error err = NARU_ERROR_INIT;
    named_values out = {0};
    const char **names = take((a->output.count + 1) * sizeof *names);
    bool some = a->output.count && !a->output_dir;
    size_t n = 0;
    for (size_t i = 0; i < a->output.count; i++) { /* one output may go to several files */
        bool again = false;
        for (size_t j = 0; j < i; j++) again |= strcmp(t[i].name, t[j].name) == 0;
        if (!again) names[n++] = t[i].name;
    }
    double start = now_ms();
    naru_status st = run_session(s, in, some ? names : NULL, n, &out, &err);
    double ms = now_ms() - start;
    int code = st == NARU_OK ? save_targets(t, a->output.count, &out) : fail(&err);
    if (code == CODE_USAGE) code = CODE_BAD_FILE; /* data that an operator refuses: the command line was right */
    if (code < 0 && a->output_dir) code = save_all(a->output_dir, &out);
    if (code < 0) report(&out, ms, a->json);
    values_free(&out);
    free(names);
    return code;
}

static int run_onnx(const run_args *a, naru_session *s) {
    char why[400];
    shapes given = {0};
    named_values values = {0};
    ports in = session_inputs(s), out = session_outputs(s);
    target *t = take((a->output.count + 1) * sizeof *t);
    int code = shapes_parse(&a->shape, &given, why) ? -1 : usage("run", "%s", why);
    if (code < 0) code = parse_targets(a, &out, t);
    if (code < 0) code = gather_inputs(a, &in, &given, &values);
    if (code < 0) code = run_and_save(a, s, &values, t);
    for (size_t i = 0; i < a->output.count; i++) free(t[i].name);
    free(t);
    values_free(&values);
    shapes_free(&given);
    free(in.items);
    free(out.items);
    return code < 0 ? CODE_OK : code;
}

int cmd_run(int argc, char **argv) {
    static const command c = {
        "run",
        "MODEL",
        "Runs a model once and tells its outputs.",
        "Files: .npy, .pb, FILE.npz:KEY; any other file is raw bytes, whose shape --shape tells.\n"
        "Without --input the inputs are random, their shapes from the model and --shape.\n"
        "TorchScript modules: inputs by the names of the arguments, or in order when the names are others; besides "
        "files\n"
        "NAME=int:3, float:0.5, bool:true, str:TEXT, none, json:[1,2]. A list takes NAME_0, NAME_1, ...; results are\n"
        "'output', 'output_0', ... or the keys of a dict.",
        1,
        true};
    run_args a = {0};
    const arg args[] = {
        {"input", "NAME=FILE", "an input from a file (repeatable)", ARG_TEXTS, &a.input, NULL, 0},
        {"output", "NAME=FILE", "writes an output: .npy, .pb, else raw (repeatable)", ARG_TEXTS, &a.output, NULL, 0},
        {"output-dir", "DIR", "writes every output as DIR/NAME.npy", ARG_TEXT, &a.output_dir, NULL, 0},
        {"shape", "SPEC", "NAME=DIMS[:TYPE] of random or raw inputs (repeatable)", ARG_TEXTS, &a.shape, NULL, 0},
        {"batch", "B", "size of the batch dimension of random inputs", ARG_INT, &a.batch, NULL, 1},
        {"seed", "N", "of random inputs and random operators", ARG_INT, &a.seed, NULL, 0},
        {"method", "NAME", "of a TorchScript module (forward)", ARG_TEXT, &a.method, NULL, 0},
        {"json", NULL, "tells the outputs as JSON", ARG_FLAG, &a.json, NULL, 0},
    };
    const char *path;
    naru_session *s = NULL;
    naru_options_create(&a.options, NULL);
    int code = args_parse(&c, args, sizeof args / sizeof args[0], a.options, argc, argv, &path);
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)a.seed);
    naru_options_set(a.options, "seed", seed, NULL);
    if (code < 0 && is_module_file(path)) code = run_module(&a, path);
    if (code < 0) code = load_session(path, a.options, &s);
    if (code < 0) code = run_onnx(&a, s);
    naru_session_destroy(&s);
    naru_options_destroy(&a.options);
    free(a.input.items), free(a.output.items), free(a.shape.items);
    return code;
}
