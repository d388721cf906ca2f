/* SPDX-License-Identifier: MIT
 *
 * naru info on a TorchScript archive.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "module.h"

static json_t *arguments_json(naru_module *m, const char *method) {
    json_t *array = json_array();
    const char *name, *type;
    bool has_default;
    for (size_t i = 0; naru_module_argument(m, method, i, &name, &type, &has_default, NULL) == NARU_OK; i++)
        json_array_append_new(
            array, json_pack("{ss ss sb}", "name", utf8(name), "type", utf8(type), "has_default", has_default));
    return array;
}

static json_t *methods_json(naru_module *m) {
    json_t *array = json_array();
    const char *name, *signature;
    for (size_t i = 0; (name = naru_module_method(m, i, &signature)); i++)
        json_array_append_new(array, json_pack("{ss ss so}", "name", utf8(name), "signature", utf8(signature),
                                               "arguments", arguments_json(m, name)));
    return array;
}

static json_t *tensors_json(naru_module *m, bool buffers) {
    json_t *array = json_array();
    const char *name;
    const naru_tensor *t;
    bool buffer;
    for (size_t i = 0; (name = naru_module_parameter(m, i, &t, &buffer)); i++) {
        if (buffer != buffers) continue;
        json_t *dims = json_array();
        for (int d = 0; d < naru_tensor_rank(t); d++) json_array_append_new(dims, json_integer(naru_tensor_dims(t)[d]));
        json_array_append_new(array, json_pack("{ss ss so}", "name", utf8(name), "dtype",
                                               naru_dtype_name(naru_tensor_dtype(t)), "shape", dims));
    }
    return array;
}

static json_t *info_json(naru_module *m, const naru_module_info *n, int64_t file_bytes, const naru_report *report) {
    return json_pack("{ss si ss sb so so so sI sI sI so}", "format", n->format, "version", n->version, "class",
                     utf8(n->class_name), "training", n->training, "methods", methods_json(m), "parameters",
                     tensors_json(m, false), "buffers", tensors_json(m, true), "parameter_count",
                     (json_int_t)n->parameter_count, "parameter_bytes", (json_int_t)n->parameter_bytes, "file_bytes",
                     (json_int_t)file_bytes, "warnings",
                     findings_json(report, NARU_SEVERITY_WARNING, NARU_SEVERITY_ERROR, false));
}

static void print_text(const char *path, naru_module *m, const naru_module_info *n, int64_t file_bytes,
                       const naru_report *report) {
    char a[32], b[32];
    const char *signature;
    printf("%s: %s, version %d\nclass:      %s%s\nmethods:\n", path, n->format, n->version, n->class_name,
           n->training ? " (in training mode)" : "");
    for (size_t i = 0; naru_module_method(m, i, &signature); i++) printf("  %s\n", signature);
    printf("parameters: %lld in %zu tensors, %zu buffers\nmemory:     parameters %s, file %s\n",
           (long long)n->parameter_count, n->parameters, n->buffers, size_text((double)n->parameter_bytes, a),
           size_text((double)file_bytes, b));
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++)
        if (f.severity >= NARU_SEVERITY_WARNING)
            printf("%s: [%s] %s%s%s\n", f.severity == NARU_SEVERITY_ERROR ? "error" : "warning", f.code, f.where,
                   *f.where ? ": " : "", f.message);
}

static int tell(const char *path, naru_module *m, const naru_report *report, bool json) {
    naru_module_info info = {.size = sizeof info};
    struct stat st = {0};
    stat(path, &st);
    if (naru_module_get_info(m, &info) != NARU_OK) return fail_text(CODE_INTERNAL, "%s: no information", path);
    if (json) print_json(info_json(m, &info, st.st_size, report));
    else print_text(path, m, &info, st.st_size, report);
    return CODE_OK;
}

int info_module(const char *path, bool json) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    naru_report *report = NULL;
    int code = load_module(path, NULL, &m);
    if (code < 0 && (naru_report_create(&report, &err) != NARU_OK || naru_module_check(m, report, &err) != NARU_OK))
        code = fail(&err);
    if (code < 0) code = tell(path, m, report, json);
    naru_report_destroy(&report);
    naru_module_destroy(&m);
    return code;
}
