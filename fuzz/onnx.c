/* SPDX-License-Identifier: MIT
 *
 * The ONNX reader on arbitrary bytes, and what stands behind it: the checker, and the writer, whose output must load
 * again and be written the same way twice.
 */
#include "formats/onnx/onnx.h"
#include "naru/model.h"

static void write_twice(const graph *g) {
    str once = {0}, twice = {0};
    graph *again;
    if (onnx_save_memory(g, &once, NULL) == NARU_OK) {
        if (onnx_load_memory(once.data, once.len, &again, NULL) != NARU_OK) __builtin_trap();
        if (onnx_save_memory(again, &twice, NULL) != NARU_OK) __builtin_trap();
        if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0) __builtin_trap();
        graph_free(again);
    }
    str_free(&once);
    str_free(&twice);
}

static void check(const uint8_t *data, size_t size) {
    naru_model *m;
    naru_report *report;
    if (naru_model_load_memory(data, size, &m, NULL) != NARU_OK) __builtin_trap();
    if (naru_report_create(&report, NULL) == NARU_OK) naru_model_check(m, report, NULL);
    naru_report_destroy(&report);
    naru_model_destroy(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    graph *g;
    if (size == 0 || onnx_load_memory(data, size, &g, NULL) != NARU_OK) return 0;
    write_twice(g);
    graph_free(g);
    check(data, size);
    return 0;
}
