/* SPDX-License-Identifier: MIT
 *
 * The .npy reader on arbitrary bytes; what it accepts must survive writing and reading again.
 */
#include "formats/npy/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    naru_tensor *t, *again;
    if (npy_read_memory(data, size, &t, NULL) != NARU_OK) return 0;
    str file = {0};
    if (npy_print(t, &file, NULL) == NARU_OK) {
        if (npy_read_memory(file.data, file.len, &again, NULL) != NARU_OK) __builtin_trap();
        if (again->dtype != t->dtype || !tensor_same_dims(t, again)) __builtin_trap();
        tensor_unref(again);
    }
    str_free(&file);
    tensor_unref(t);
    return 0;
}
