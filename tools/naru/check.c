/* SPDX-License-Identifier: MIT
 *
 * naru check: all findings about a model, not the first one.
 */
#include <stdio.h>

#include "module.h"

static void print_text(const char *path, const naru_report *report) {
    static const char *const words[] = {"note", "warning", "error"};
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++) {
        printf("%s: %s [%s] %s%s%s\n", path, words[f.severity], f.code, f.where, *f.where ? ": " : "", f.message);
        if (*f.hint) printf("    %s\n", f.hint);
    }
    size_t errors = naru_report_count(report, NARU_SEVERITY_ERROR);
    size_t warnings = naru_report_count(report, NARU_SEVERITY_WARNING) - errors;
    printf("%s: %s", path, errors ? "not sound: " : "ok");
    if (errors) printf("%zu error%s", errors, errors == 1 ? "" : "s");
    if (warnings) printf("%s%zu warning%s", errors ? ", " : ", ", warnings, warnings == 1 ? "" : "s");
    putchar('\n');
}

/* A file that cannot be read has one finding: why. */
static int unreadable(const char *path, const naru_error *err, bool json) {
    if (json)
        print_json(json_pack("{s:b s:[{s:s s:s s:s}] s:[]}", "ok", 0, "errors", "code",
                             err->code == NARU_IO ? "unreadable" : "bad-file", "where", utf8(path), "message",
                             utf8(err->message), "warnings"));
    return fail(err);
}

int cmd_check(int argc, char **argv) {
    static const command c = {"check",
                              "MODEL",
                              "Checks structure, SSA, order, types, shapes and opsets; tells every error.",
                              "Of a TorchScript module all code is compiled: operators that are missing, code that is "
                              "not valid, parts that\nwere saved in training mode.\n"
                              "Exit code 0: sound; 1: there are errors; 3: the file cannot be read as a model.",
                              1,
                              false};
    bool json = false;
    const arg args[] = {{"json", NULL,
                         "{\"ok\", \"errors\": [{\"code\", \"where\", \"message\"}], \"warnings\": [...]}", ARG_FLAG,
                         &json, NULL, 0}};
    const char *path;
    int code = args_parse(&c, args, 1, NULL, argc, argv, &path);
    if (code >= 0) return code;
    if (naru_is_plan(path)) return fail_text(CODE_UNSUPPORTED, "%s: a plan; loading it checks it: naru info", path);
    naru_error err = NARU_ERROR_INIT;
    naru_model *model = NULL;
    naru_module *module = NULL;
    naru_status st =
        is_module_file(path) ? naru_module_load(path, NULL, &module, &err) : naru_model_load(path, NULL, &model, &err);
    if (st != NARU_OK) return unreadable(path, &err, json);
    naru_report *report = NULL;
    st = naru_report_create(&report, &err);
    if (st == NARU_OK) st = module ? naru_module_check(module, report, &err) : naru_model_check(model, report, &err);
    size_t errors = naru_report_count(report, NARU_SEVERITY_ERROR);
    if (st != NARU_OK) code = fail(&err);
    else if (json)
        print_json(json_pack("{s:b s:o s:o}", "ok", errors == 0, "errors",
                             findings_json(report, NARU_SEVERITY_ERROR, NARU_SEVERITY_ERROR, false), "warnings",
                             findings_json(report, NARU_SEVERITY_NOTE, NARU_SEVERITY_WARNING, false)));
    else print_text(path, report);
    naru_report_destroy(&report);
    naru_model_destroy(&model);
    naru_module_destroy(&module);
    return st != NARU_OK ? code : errors ? CODE_NO : CODE_OK;
}
