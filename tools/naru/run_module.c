/* SPDX-License-Identifier: MIT
 *
 * naru run on a TorchScript module: one call of a method; results of every kind are told and saved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "run.h"

/* ---- inputs ---- */
static int load_piece(const char *name, const char *what, const shapes *given, pieces *out) {
    naru_error err = NARU_ERROR_INIT;
    naru_port port = {.size = sizeof port, .kind = NARU_KIND_TENSOR};
    naru_value *v = NULL;
    naru_ivalue *x = NULL;
    shape raw, *use = NULL;
    const shape *spec = find_shape(given, name);
    if (pieces_find(out, name)) return usage("run", "input '%s' is given twice", name);
    if (is_literal(what)) {
        if (literal_value(what, &x, &err) != NARU_OK) return usage("run", "input '%s': %s", name, err.message);
        pieces_add(out, name, x);
        return -1;
    }
    if (spec) raw = *spec, raw.dtype = spec->dtype ? spec->dtype : NARU_FLOAT, use = &raw;
    naru_status st = load_value(what, &port, use, &v, &err);
    if (st == NARU_OK) st = naru_ivalue_tensor(naru_value_tensor(v), &x, &err);
    naru_value_destroy(&v);
    if (st == NARU_OK) {
        pieces_add(out, name, x);
        return -1;
    }
    int code = code_of(err.code);
    bool hint = code == CODE_UNSUPPORTED && !spec && !strstr(what, ".npz");
    fail_text(code, "input '%s': %s%s%s%s", name, err.message, hint ? "; add --shape " : "", hint ? name : "",
              hint ? "=DIMS" : "");
    return code == CODE_USAGE ? CODE_BAD_FILE : code;
}

static int gather(const run_args *a, const shapes *given, pieces *out) {
    int code = -1;
    for (size_t i = 0; code < 0 && i < a->input.count; i++) {
        char *name;
        const char *what;
        if (!split_pair(a->input.items[i], &name, &what))
            return usage("run", "--input '%s' is not NAME=FILE", a->input.items[i]);
        code = load_piece(name, what, given, out);
        free(name);
    }
    for (size_t i = 0; code < 0 && i < given->count; i++) {
        shape s = given->items[i];
        if (pieces_find(out, s.name)) continue;
        if (a->batch && s.rank) s.dims[0] = a->batch;
        code = random_piece(&s, (uint64_t)a->seed * 1000003 + i, out);
    }
    return code;
}

/* ---- results ---- */
/* The tensor of a result, or of a number; NULL for what is neither. */
static naru_value *as_value(const naru_ivalue *v) {
    naru_value **items = NULL, *out = NULL;
    size_t count = 0;
    naru_ikind kind = naru_ivalue_kind(v);
    if (kind == NARU_I_LIST || kind == NARU_I_TUPLE || kind == NARU_I_DICT) return NULL;
    flatten_result(v, &items, &count);
    if (count == 1) out = items[0];
    free(items);
    return out;
}

static void tell(const piece *p) {
    naru_value *v = naru_ivalue_kind(p->value) == NARU_I_TENSOR ? as_value(p->value) : NULL;
    char *text = NULL;
    if (v) print_output(p->name, v);
    else if (naru_ivalue_print(p->value, &text, NULL) == NARU_OK)
        printf("%-16s %s  %s\n", p->name, naru_ivalue_kind_name(p->value), text);
    double scale;
    int64_t zero;
    if (naru_ivalue_quantization(p->value, NULL, &scale, &zero))
        printf("%-16s quantized: scale %.9g, zero point %lld\n", "", scale, (long long)zero);
    naru_text_free(&text);
    naru_value_destroy(&v);
}

static json_t *piece_json(const piece *p) {
    naru_value *v = naru_ivalue_kind(p->value) == NARU_I_TENSOR ? as_value(p->value) : NULL;
    json_t *o = v ? output_json(p->name, v)
                  : json_pack("{ss ss so}", "name", utf8(p->name), "type", naru_ivalue_kind_name(p->value), "value",
                              ivalue_to_json(p->value));
    naru_value_destroy(&v);
    return o;
}

static int save_json(const naru_ivalue *v, const char *path) {
    char why[WHY];
    return write_json(path, ivalue_to_json(v), JSON_INDENT(2) | JSON_ENCODE_ANY, why)
               ? -1
               : fail_text(CODE_BAD_FILE, "%s", why);
}

static int save_piece(const piece *p, const char *path) {
    naru_error err = NARU_ERROR_INIT;
    naru_value *v = as_value(p->value);
    int code = !v ? save_json(p->value, path) : save_value(v, path, &err) == NARU_OK ? -1 : fail(&err);
    naru_value_destroy(&v);
    return code;
}

static int save_named(const run_args *a, const pieces *results) {
    int code = -1;
    for (size_t i = 0; code < 0 && i < a->output.count; i++) {
        char *name;
        const char *path;
        if (!split_pair(a->output.items[i], &name, &path))
            return usage("run", "--output '%s' is not NAME=FILE", a->output.items[i]);
        const piece *p = pieces_find(results, name);
        if (p) code = save_piece(p, path);
        else {
            const char **names = take((results->count + 1) * sizeof *names);
            for (size_t k = 0; k < results->count; k++) names[k] = results->items[k].name;
            const char *near = nearest(name, names, results->count);
            code = usage("run", "the method gave no output '%s'; it gave '%s'%s", name,
                         near             ? near
                         : results->count ? results->items[0].name
                                          : "",
                         results->count > 1 ? ", ..." : "");
            free(names);
        }
        free(name);
    }
    return code;
}

static int save_all(const char *dir, const pieces *results) {
    int code = make_folder(dir);
    for (size_t i = 0; code < 0 && i < results->count; i++) {
        naru_value *v = as_value(results->items[i].value);
        char *path = output_path(dir, results->items[i].name, v ? "npy" : "json");
        naru_value_destroy(&v);
        code = save_piece(&results->items[i], path);
        free(path);
    }
    return code;
}

static void report(const pieces *results, double ms, bool json) {
    json_t *array = json_array();
    for (size_t i = 0; i < results->count; i++) {
        if (json) json_array_append_new(array, piece_json(&results->items[i]));
        else tell(&results->items[i]);
    }
    if (json) print_json(json_pack("{s:f s:O}", "run_ms", ms, "outputs", array));
    json_decref(array);
}

static int call_and_save(const run_args *a, naru_module *m, const char *method, const call_args *args) {
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *result = NULL;
    pieces results = {0};
    double start = now_ms();
    naru_status st = naru_module_call_named(m, method, args->count, args->names, args->values, &result, &err);
    double ms = now_ms() - start;
    if (st != NARU_OK) {
        int code = fail_module(m, &err);
        return code == CODE_USAGE ? CODE_BAD_FILE : code;
    }
    result_pieces(result, &results);
    int code = save_named(a, &results);
    if (code < 0 && a->output_dir) code = save_all(a->output_dir, &results);
    if (code < 0) report(&results, ms, a->json);
    pieces_free(&results);
    return code;
}

int run_module(const run_args *a, const char *path) {
    char why[400];
    shapes given = {0};
    pieces in = {0};
    call_args args = {0};
    naru_module *m = NULL;
    const char *method = a->method ? a->method : "forward";
    int code = shapes_parse(&a->shape, &given, why) ? -1 : usage("run", "%s", why);
    if (code < 0) code = load_module(path, a->options, &m);
    if (code < 0) code = gather(a, &given, &in);
    if (code < 0) code = arrange_arguments("run", m, method, &in, false, &args);
    if (code < 0) code = call_and_save(a, m, method, &args);
    call_args_free(&args);
    pieces_free(&in);
    shapes_free(&given);
    naru_module_destroy(&m);
    return code < 0 ? CODE_OK : code;
}
