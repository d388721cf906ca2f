/* SPDX-License-Identifier: MIT
 *
 * naru info: what a model file holds, and what a reader of it should be warned of.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "module.h"

typedef naru_status (*port_fn)(const naru_model *, size_t, naru_port *);

static json_t *port_json(const naru_port *p) {
    json_t *dims = json_array(), *o = json_pack("{ss ss}", "name", utf8(p->name), "type", utf8(p->type));
    for (int d = 0; d < p->rank; d++)
        json_array_append_new(dims, p->dims[d] >= 0 ? json_integer(p->dims[d])
                                    : p->symbols[d] ? json_string(utf8(p->symbols[d]))
                                                    : json_null());
    if (p->kind == NARU_KIND_TENSOR) json_object_set_new(o, "dtype", json_string(naru_dtype_name(p->dtype)));
    if (p->rank >= 0) json_object_set(o, "shape", dims);
    json_decref(dims);
    if (p->optional) json_object_set_new(o, "optional", json_true());
    return o;
}

static json_t *ports_json(const naru_model *m, size_t count, port_fn get) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        naru_port p = {.size = sizeof p};
        if (get(m, i, &p) == NARU_OK) json_array_append_new(array, port_json(&p));
    }
    return array;
}

static const char *text(const char *s) { return s ? s : ""; }

static json_t *info_json(const naru_model *m, const naru_model_info *n, int64_t file_bytes, const naru_report *report) {
    json_t *opsets = json_object(), *operators = json_object(), *metadata = json_object();
    int64_t v;
    const char *name, *value;
    for (size_t i = 0; (name = naru_model_opset(m, i, &v)); i++)
        json_object_set_new(opsets, utf8(name), json_integer(v));
    for (size_t i = 0; (name = naru_model_operator(m, i, &v)); i++)
        json_object_set_new(operators, utf8(name), json_integer(v));
    for (size_t i = 0; (name = naru_model_metadata(m, i, &value)); i++)
        json_object_set_new(metadata, utf8(name), json_string(utf8(text(value))));
    return json_pack("{ss sI sI ss ss ss so so so so sI sI sI sI sI so so}", "format", n->format, "ir_version",
                     (json_int_t)n->ir_version, "model_version", (json_int_t)n->model_version, "producer",
                     utf8(text(n->producer_name)), "producer_version", utf8(text(n->producer_version)), "graph",
                     utf8(text(n->graph_name)), "opsets", opsets, "metadata", metadata, "inputs",
                     ports_json(m, naru_model_inputs(m), naru_model_input), "outputs",
                     ports_json(m, naru_model_outputs(m), naru_model_output), "nodes", (json_int_t)n->nodes,
                     "functions", (json_int_t)n->functions, "parameters", (json_int_t)n->parameters, "weight_bytes",
                     (json_int_t)n->weight_bytes, "file_bytes", (json_int_t)file_bytes, "operators", operators,
                     "warnings", findings_json(report, NARU_SEVERITY_WARNING, NARU_SEVERITY_ERROR, false));
}

static void print_ports(const char *title, const naru_model *m, size_t count, port_fn get) {
    printf("%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        naru_port p = {.size = sizeof p};
        if (get(m, i, &p) == NARU_OK) printf("  %-20s  %s%s\n", p.name, p.type, p.optional ? "  (has a default)" : "");
    }
}

static void print_text(const char *path, const naru_model *m, const naru_model_info *n, int64_t file_bytes,
                       const naru_report *report) {
    char a[32], b[32];
    int64_t v;
    const char *name, *value;
    printf("%s: %s, IR %lld", path, n->format, (long long)n->ir_version);
    for (size_t i = 0; (name = naru_model_opset(m, i, &v)); i++) printf(", %s %lld", name, (long long)v);
    printf("\nproducer:   %s %s\ngraph:      %s\n", text(n->producer_name), text(n->producer_version),
           text(n->graph_name));
    for (size_t i = 0; (name = naru_model_metadata(m, i, &value)); i++)
        printf("metadata:   %s = %s\n", name, text(value));
    print_ports("inputs", m, naru_model_inputs(m), naru_model_input);
    print_ports("outputs", m, naru_model_outputs(m), naru_model_output);
    printf("parameters: %lld\nmemory:     weights %s, file %s\n", (long long)n->parameters,
           size_text((double)n->weight_bytes, a), size_text((double)file_bytes, b));
    printf("nodes:      %lld", (long long)n->nodes);
    if (n->functions) printf(" (functions: %lld)", (long long)n->functions);
    printf("\noperators:\n");
    for (size_t i = 0; (name = naru_model_operator(m, i, &v)); i++) printf("  %6lld  %s\n", (long long)v, name);
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++)
        if (f.severity >= NARU_SEVERITY_WARNING)
            printf("%s: [%s] %s%s%s\n", f.severity == NARU_SEVERITY_ERROR ? "error" : "warning", f.code, f.where,
                   *f.where ? ": " : "", f.message);
}

int cmd_info(int argc, char **argv) {
    static const command c = {"info",
                              "MODEL",
                              "Tells inputs, outputs, opsets, parameters, memory and operators of a model.",
                              "Of a plan: profiles, layers, memory. Of a TorchScript module: class, methods with their "
                              "signatures, parameters. Findings of "
                              "'naru check' are\ntold at the end.",
                              1,
                              false};
    bool json = false;
    const arg args[] = {{"json", NULL, "one object with the same facts", ARG_FLAG, &json, NULL, 0}};
    const char *path;
    int code = args_parse(&c, args, 1, NULL, argc, argv, &path);
    if (code >= 0) return code;
    if (is_module_file(path)) return info_module(path, json);
    if (naru_is_plan(path)) return info_plan(path, json);
    naru_error err = NARU_ERROR_INIT;
    naru_model *model;
    if (naru_model_load(path, NULL, &model, &err) != NARU_OK) return fail(&err);
    naru_model_info info = {.size = sizeof info};
    naru_report *report = NULL;
    struct stat st = {0};
    stat(path, &st);
    if (naru_model_get_info(model, &info) != NARU_OK || naru_report_create(&report, &err) != NARU_OK) code = fail(&err);
    else {
        naru_model_check(model, report, NULL); /* info shows what it can */
        if (json) print_json(info_json(model, &info, st.st_size, report));
        else print_text(path, model, &info, st.st_size, report);
    }
    naru_report_destroy(&report);
    naru_model_destroy(&model);
    return code < 0 ? CODE_OK : code;
}
