/* SPDX-License-Identifier: MIT
 *
 * The safetensors reader on arbitrary bytes; what it accepts must survive writing and reading again.
 */
#include "formats/safetensors/safetensors.h"

static void write_again(const safetensors *s) {
    const char **names = mem_calloc(s->count + 1, sizeof *names);
    naru_tensor **tensors = mem_calloc(s->count + 1, sizeof *tensors);
    str out = {0};
    safetensors *back;
    for (size_t i = 0; names && tensors && i < s->count; i++)
        names[i] = s->entries[i].name, tensors[i] = s->entries[i].tensor;
    if (safetensors_print(s->count, names, tensors, s->metadata_count, s->metadata, &out, NULL) == NARU_OK) {
        if (safetensors_open_memory(out.data, out.len, "again", &back, NULL) != NARU_OK) __builtin_trap();
        if (back->count != s->count) __builtin_trap();
        safetensors_free(back);
    }
    str_free(&out);
    mem_free(names);
    mem_free(tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    safetensors *s;
    if (safetensors_open_memory(data, size, "fuzz", &s, NULL) != NARU_OK) return 0;
    write_again(s);
    safetensors_free(s);
    return 0;
}
