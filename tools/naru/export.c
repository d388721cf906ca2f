/* SPDX-License-Identifier: MIT
 *
 * naru export: a method of a TorchScript module as an ONNX model.
 */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- --dynamic-axes NAME:0=batch,1=seq ---- */
static int bad_axes(const char *spec) {
    return usage("export", "--dynamic-axes '%s' is not NAME:AXIS=SYMBOL,..., as in x:0=batch,2=height", spec);
}

static int add_axis(export_args *a, const char *name, size_t length, char *item, const char *spec) {
    char *symbol = strchr(item, '=');
    int64_t axis;
    if (symbol) *symbol++ = 0;
    if (!parse_int(item, &axis) || axis < 0 || axis >= NARU_MAX_RANK || (symbol && !*symbol)) return bad_axes(spec);
    char made[300];
    snprintf(made, sizeof made, "%.*s_dim_%d", (int)length, name, (int)axis);
    a->axes = regrow(a->axes, (a->naxes + 1) * sizeof *a->axes);
    a->axes[a->naxes++] = (axis_name){copy_text(name, length), (int)axis,
                                      copy_text(symbol ? symbol : made, strlen(symbol ? symbol : made))};
    return -1;
}

static int parse_axes(export_args *a, const char *spec) { /* the name may contain ':' itself */
    const char *colon = strrchr(spec, ':');
    if (!colon || colon == spec) return bad_axes(spec);
    char *copy = copy_text(colon + 1, strlen(colon + 1)), *at = copy, *item;
    int code = -1;
    while (code < 0 && (item = strsep(&at, ","))) code = add_axis(a, spec, (size_t)(colon - spec), item, spec);
    free(copy);
    return code;
}

/* ---- what the library is asked for ---- */
typedef struct request {
    naru_export_options options;
    naru_export_input *inputs;
    naru_export_axis *output_axes;
    char *names;
    const char **output_names;
} request;

static void request_free(request *r) { free(r->inputs), free(r->output_axes), free(r->output_names), free(r->names); }

static void split_names(request *r, const char *text) {
    if (!text) return;
    char *at = r->names = copy_text(text, strlen(text)), *item;
    while ((item = strsep(&at, ","))) {
        r->output_names = regrow(r->output_names, (r->options.noutputs + 1) * sizeof *r->output_names);
        r->output_names[r->options.noutputs++] = item;
    }
    r->options.output_names = r->output_names;
}

static void add_inputs(request *r, const export_args *a) {
    r->inputs = take((a->inputs.count + 1) * sizeof *r->inputs);
    for (size_t i = 0; i < a->inputs.count; i++) {
        const shape *s = &a->inputs.items[i];
        r->inputs[i] = (naru_export_input){
            .size = sizeof r->inputs[i], .name = s->name, .dtype = s->dtype ? s->dtype : NARU_FLOAT, .rank = s->rank};
        memcpy(r->inputs[i].dims, s->dims, sizeof s->dims);
    }
    r->options.inputs = r->inputs;
    r->options.ninputs = a->inputs.count;
}

static bool is_output(const request *r, const char *name) {
    for (size_t i = 0; i < r->options.noutputs; i++)
        if (strcmp(r->output_names[i], name) == 0) return true;
    return r->options.noutputs == 0 && strncmp(name, "output", 6) == 0;
}

static int add_axes(request *r, const export_args *a) {
    r->output_axes = take((a->naxes + 1) * sizeof *r->output_axes);
    for (size_t k = 0; k < a->naxes; k++) {
        const axis_name *x = &a->axes[k];
        size_t i = 0;
        while (i < a->inputs.count && strcmp(a->inputs.items[i].name, x->of) != 0) i++;
        if (i < a->inputs.count) {
            if (x->axis >= r->inputs[i].rank)
                return usage("export", "--dynamic-axes: input '%s' has %d dimensions, there is no axis %d", x->of,
                             r->inputs[i].rank, x->axis);
            r->inputs[i].dims[x->axis] = -1;
            r->inputs[i].symbols[x->axis] = x->symbol;
        } else if (is_output(r, x->of)) {
            r->output_axes[r->options.noutput_axes++] = (naru_export_axis){x->of, x->axis, x->symbol};
        } else {
            return usage("export", "--dynamic-axes: '%s' is neither an --input nor one of --output-names", x->of);
        }
    }
    r->options.output_axes = r->output_axes;
    return -1;
}

/* ---- telling ---- */
static json_t *ports_of(const naru_model *m, size_t count,
                        naru_status (*get)(const naru_model *, size_t, naru_port *)) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        naru_port p = {.size = sizeof p};
        if (get(m, i, &p) == NARU_OK)
            json_array_append_new(array, json_pack("{ss ss}", "name", utf8(p.name), "type", utf8(p.type)));
    }
    return array;
}

static void print_ports(const char *title, json_t *list) {
    size_t i;
    json_t *p;
    printf("%s\n", title);
    json_array_foreach(list, i, p) printf("  %-20s  %s\n", json_string_value(json_object_get(p, "name")),
                                          json_string_value(json_object_get(p, "type")));
}

static int tell(const export_args *a, const naru_report *report, const export_verdict *v) {
    naru_error err = NARU_ERROR_INIT;
    naru_model *m = NULL;
    naru_model_info info = {.size = sizeof info};
    if (naru_model_load(a->output, NULL, &m, &err) != NARU_OK) return fail(&err);
    naru_model_get_info(m, &info);
    json_t *in = ports_of(m, naru_model_inputs(m), naru_model_input);
    json_t *out = ports_of(m, naru_model_outputs(m), naru_model_output);
    if (a->json) {
        json_t *o =
            json_pack("{ss sI sO sO sI sI so}", "output", utf8(a->output), "opset", (json_int_t)a->opset, "inputs", in,
                      "outputs", out, "nodes", (json_int_t)info.nodes, "weight_bytes", (json_int_t)info.weight_bytes,
                      "findings", findings_json(report, NARU_SEVERITY_NOTE, NARU_SEVERITY_ERROR, true));
        if (a->verify)
            json_object_set_new(o, "verify",
                                json_pack("{sb sI sI so sO}", "ok", v->ok, "compared", (json_int_t)v->compared,
                                          "refused", (json_int_t)v->refused, "worst_abs", json_number(v->worst), "runs",
                                          v->runs));
        print_json(o);
    } else {
        char size[32];
        printf("%s: opset %lld, %lld nodes, weights %s\n", a->output, (long long)a->opset, (long long)info.nodes,
               size_text((double)info.weight_bytes, size));
        print_ports("inputs:", in);
        print_ports("outputs:", out);
    }
    json_decref(in);
    json_decref(out);
    naru_model_destroy(&m);
    return -1;
}

static int conclude(const export_args *a, const export_verdict *v) {
    if (!a->json && v->compared == 0)
        printf("not verified: the module refuses the sizes given, or an input has more than %d elements\n",
               VERIFY_ELEMENTS);
    else if (!a->json)
        printf("%s: %zu run%s compared with the module, worst difference %.3g (rtol %g, atol %g)\n",
               v->ok ? "agrees" : "DISAGREES", v->compared, v->compared == 1 ? "" : "s", v->worst, a->rtol, a->atol);
    return v->ok ? CODE_OK : CODE_NO;
}

/* ---- whole ---- */
static int write_model(const export_args *a, const request *r, naru_report *report) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    int code = load_module(a->path, a->options, &m);
    if (code < 0) {
        naru_status st = naru_export(m, &r->options, a->output, report, &err);
        print_findings(report, NARU_SEVERITY_WARNING);
        if (st != NARU_OK) code = fail(&err);
    }
    naru_module_destroy(&m);
    return code;
}

/* What an ONNX file has as text is UTF-8. */
static int names_are_text(const export_args *a) {
    if (a->output_names && !is_utf8(a->output_names)) return usage("export", "--output-names is not UTF-8");
    for (size_t i = 0; i < a->input.count; i++)
        if (!is_utf8(a->input.items[i])) return usage("export", "--input '%s' is not UTF-8", a->input.items[i]);
    for (size_t i = 0; i < a->dynamic_axes.count; i++)
        if (!is_utf8(a->dynamic_axes.items[i]))
            return usage("export", "--dynamic-axes '%s' is not UTF-8", a->dynamic_axes.items[i]);
    return -1;
}

static int export_all(export_args *a) {
    char why[400];
    request r = {.options = {.size = sizeof r.options,
                             .method = a->method,
                             .opset = a->opset,
                             .no_fold = a->no_fold,
                             .training = a->training}};
    naru_report *report = NULL;
    naru_error err = NARU_ERROR_INIT;
    export_verdict v = {.ok = true, .runs = a->json ? json_array() : NULL};
    int code = names_are_text(a);
    if (code < 0) code = shapes_parse(&a->input, &a->inputs, why) ? -1 : usage("export", "%s", why);
    for (size_t i = 0; code < 0 && i < a->dynamic_axes.count; i++) code = parse_axes(a, a->dynamic_axes.items[i]);
    split_names(&r, a->output_names);
    add_inputs(&r, a);
    if (code < 0) code = add_axes(&r, a);
    if (code < 0 && naru_report_create(&report, &err) != NARU_OK) code = fail(&err);
    if (code < 0 && !is_module_file(a->path) && access(a->path, R_OK) == 0)
        code = fail_text(CODE_BAD_FILE, "%s: no TorchScript archive", a->path);
    if (code < 0) code = write_model(a, &r, report);
    if (code < 0 && a->json && a->verify) code = verify_export(a, &v);
    if (code < 0) code = tell(a, report, &v);
    if (code < 0 && !a->json && a->verify) code = verify_export(a, &v);
    if (code < 0) code = a->verify ? conclude(a, &v) : CODE_OK;
    json_decref(v.runs);
    naru_report_destroy(&report);
    request_free(&r);
    return code;
}

static void args_free(export_args *a) {
    for (size_t i = 0; i < a->naxes; i++) free(a->axes[i].of), free(a->axes[i].symbol);
    free(a->axes);
    shapes_free(&a->inputs);
    free(a->input.items), free(a->dynamic_axes.items);
    naru_options_destroy(&a->options);
}

int cmd_export(int argc, char **argv) {
    static const command c = {
        "export",
        "MODEL.pt --input NAME=DIMS[:TYPE] --output OUT.onnx",
        "Writes a method of a TorchScript module as an ONNX model.",
        "--input in the order of the arguments, one for each tensor or number ('scalar:int64'); a list takes NAME_0, "
        "NAME_1,\n"
        "... (the last argument: all that are left), a tuple one for each item. Sizes are fixed but where "
        "--dynamic-axes names\n"
        "them; control flow that depends on data becomes If and Loop. What cannot be exported is told with its place "
        "in the\n"
        "source, and nothing is written (exit code 4). --verify runs the result and the module on random inputs of "
        "several\n"
        "sizes: exit code 1 when they disagree.",
        1,
        true};
    export_args a = {.opset = 17, .rtol = 1e-3, .atol = 1e-5};
    const arg args[] = {
        {"input", "SPEC", "NAME=DIMS[:TYPE] of an input of the graph (repeatable)", ARG_TEXTS, &a.input, NULL, 0},
        {"output-names", "A,B", "names of the outputs (output, or output_0, ...)", ARG_TEXT, &a.output_names, NULL, 0},
        {"dynamic-axes", "NAME:0=batch,1=seq", "axes of an input or output without a fixed size (repeatable)",
         ARG_TEXTS, &a.dynamic_axes, NULL, 0},
        {"opset", "N", "13 to 28 (17)", ARG_INT, &a.opset, NULL, 1},
        {"method", "NAME", "the method (forward)", ARG_TEXT, &a.method, NULL, 0},
        {"no-fold", NULL, "keep constants and BatchNormalization apart", ARG_FLAG, &a.no_fold, NULL, 0},
        {"training", NULL, "keep the behaviour of training: dropout, statistics of the batch", ARG_FLAG, &a.training,
         NULL, 0},
        {"verify", NULL, "run the result and compare it with the module", ARG_FLAG, &a.verify, NULL, 0},
        {"rtol", "R", "relative tolerance of --verify (1e-3)", ARG_REAL, &a.rtol, NULL, 0},
        {"atol", "A", "absolute tolerance of --verify (1e-5)", ARG_REAL, &a.atol, NULL, 0},
        {"output", "FILE", "the file to write; -o FILE is the same", ARG_TEXT, &a.output, NULL, 0},
        {"json", NULL, "one object: output, inputs, outputs, findings, verify", ARG_FLAG, &a.json, NULL, 0},
    };
    naru_options_create(&a.options, NULL);
    int code = args_parse(&c, args, sizeof args / sizeof args[0], a.options, argc, argv, &a.path);
    if (code < 0 && !a.output) code = usage(c.name, "--output is missing");
    if (code < 0) code = export_all(&a);
    args_free(&a);
    return code;
}
