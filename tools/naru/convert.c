/* SPDX-License-Identifier: MIT
 *
 * naru convert-version: an ONNX model at another opset of ai.onnx.
 */
#include <stdio.h>
#include <string.h>

#include "module.h"

static int64_t opset_of(const naru_model *m) {
    const char *domain;
    int64_t version = 0;
    for (size_t i = 0; (domain = naru_model_opset(m, i, &version)); i++)
        if (strcmp(domain, "ai.onnx") == 0) return version;
    return 0;
}

static void tell(const char *path, const naru_model *before, const naru_model *after) {
    naru_model_info a = {.size = sizeof a}, b = {.size = sizeof b};
    naru_model_get_info(before, &a);
    naru_model_get_info(after, &b);
    printf("%s: opset %lld, IR %lld, %lld nodes (from opset %lld, IR %lld, %lld nodes)\n", path,
           (long long)opset_of(after), (long long)b.ir_version, (long long)b.nodes, (long long)opset_of(before),
           (long long)a.ir_version, (long long)a.nodes);
}

static int convert(const char *path, int64_t version, const char *output, bool external) {
    naru_error err = NARU_ERROR_INIT;
    naru_model *before = NULL, *after = NULL;
    naru_report *report = NULL;
    naru_status st = naru_report_create(&report, &err);
    if (st == NARU_OK) st = naru_model_load(path, NULL, &before, &err);
    if (st == NARU_OK) st = naru_model_convert(before, version, &after, report, &err);
    print_findings(report, NARU_SEVERITY_WARNING);
    if (st == NARU_OK) st = naru_model_save(after, output, external, &err);
    int code = st == NARU_OK ? CODE_OK : fail(&err);
    if (st == NARU_OK) tell(output, before, after);
    naru_model_destroy(&after);
    naru_model_destroy(&before);
    naru_report_destroy(&report);
    return code;
}

int cmd_convert_version(int argc, char **argv) {
    static const command c = {
        "convert-version",
        "MODEL.onnx --opset N --output OUT.onnx",
        "Writes an ONNX model at another opset of ai.onnx, older or newer.",
        "Functions are inlined. What the opset lacks is expressed by operators and types that it has; what cannot be\n"
        "is told, all of it, each with the opset that it needs, and nothing is written. Exit code 4 then.",
        1,
        false};
    bool external = false, given = false;
    int64_t version = 0;
    const char *output = NULL, *path;
    const arg args[] = {{"opset", "N", "13 to 28", ARG_INT, &version, &given, 1},
                        {"output", "FILE", "the file to write; -o FILE is the same", ARG_TEXT, &output, NULL, 0},
                        {"external", NULL, "weights of 1 KiB and more go to FILE.data", ARG_FLAG, &external, NULL, 0}};
    int code = args_parse(&c, args, 3, NULL, argc, argv, &path);
    if (code >= 0) return code;
    if (!given) return usage(c.name, "--opset is missing");
    if (!output) return usage(c.name, "--output is missing");
    if ((code = need_onnx(path)) >= 0) return code;
    return convert(path, version, output, external);
}
