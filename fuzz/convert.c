/* SPDX-License-Identifier: MIT
 *
 * Lowering of arbitrary models to opset 13 and to one that the size chooses. What is not refused must be
 * written, read and lifted again, and no refusal may be an internal error.
 */
#include "formats/onnx/onnx.h"
#include "passes/lift.h"
#include "passes/lower.h"

static void read_again(const graph *g) {
    str file = {0};
    graph *again = NULL;
    if (onnx_save_memory(g, &file, NULL) == NARU_OK) {
        if (onnx_load_memory(file.data, file.len, &again, NULL) != NARU_OK) __builtin_trap();
        if (graph_lift(again, NULL, NULL) != NARU_OK) __builtin_trap();
    }
    graph_free(again);
    str_free(&file);
}

static void lower_to(const uint8_t *data, size_t size, int64_t version) {
    graph *g;
    naru_error err = NARU_ERROR_INIT;
    if (onnx_load_memory(data, size, &g, NULL) != NARU_OK) return;
    naru_status st = graph_lift(g, NULL, NULL);
    if (st == NARU_OK) {
        st = graph_lower(g, version, NULL, &err);
        if (st == NARU_INTERNAL) __builtin_trap();
        if (st == NARU_OK) read_again(g);
    }
    graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    lower_to(data, size, LOWER_OPSET_MIN);
    lower_to(data, size, LOWER_OPSET_MIN + 1 + (int64_t)(size % (LOWER_OPSET_MAX - LOWER_OPSET_MIN)));
    return 0;
}
