/* SPDX-License-Identifier: MIT
 *
 * The program that tutorials of libtorch begin with, in C: loads a TorchScript module, calls its forward with a random
 * picture and prints the sizes of what comes out.
 *
 *     cc script.c $(pkg-config --cflags --libs naru) && ./a.out model.pt
 */
#include <stdio.h>
#include <stdlib.h>

#include "naru/script.h"

static naru_status random_picture(naru_ivalue **out, naru_error *err) {
    static const int64_t dims[] = {1, 3, 64, 64};
    naru_tensor *tensor = NULL;
    naru_status status = naru_tensor_create(NARU_FLOAT, 4, dims, &tensor, err);
    if (status != NARU_OK) return status;
    float *data = naru_tensor_data(tensor);
    for (int64_t i = 0; i < naru_tensor_count(tensor); i++) data[i] = (float)rand() / (float)RAND_MAX;
    status = naru_ivalue_tensor(tensor, out, err); /* shares the memory, and keeps it */
    naru_tensor_destroy(&tensor);
    return status;
}

/* A result may be a tensor, or a list, tuple or dict of such. */
static void print_sizes(const naru_ivalue *value, int depth) {
    naru_tensor *tensor = naru_ivalue_to_tensor(value);
    printf("%*s%s", 2 * depth, "", naru_ivalue_kind_name(value));
    for (int i = 0; tensor && i < naru_tensor_rank(tensor); i++)
        printf("%s%lld", i ? ", " : " [", (long long)naru_tensor_dims(tensor)[i]);
    printf(tensor && naru_tensor_rank(tensor) ? "]\n" : "\n");
    naru_tensor_destroy(&tensor);
    for (size_t i = 0; i < naru_ivalue_count(value); i++) {
        naru_ivalue *item = naru_ivalue_item(value, i);
        print_sizes(item, depth + 1);
        naru_ivalue_destroy(&item);
    }
}

int main(int argc, char **argv) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *module = NULL;
    naru_ivalue *input = NULL, *output = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: script MODEL.pt\n");
        return 2;
    }
    naru_status status = naru_module_load(argv[1], NULL, &module, &err);
    if (status == NARU_OK) status = random_picture(&input, &err);
    if (status == NARU_OK) status = naru_module_call(module, "forward", 1, &input, &output, &err);
    if (status == NARU_OK) print_sizes(output, 0);
    else fprintf(stderr, "%s\n", err.message[0] ? err.message : naru_status_text(status));
    naru_ivalue_destroy(&output);
    naru_ivalue_destroy(&input);
    naru_module_destroy(&module);
    return status == NARU_OK ? 0 : 1;
}
