/* SPDX-License-Identifier: MIT
 *
 * The text form's reader: any bytes are a graph or an error; a graph prints as a text that reads back and prints the
 * same.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/parse.h"
#include "graph/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    graph *g, *h;
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (graph_parse(text, &g, NULL) == NARU_OK) {
        str a = {0}, b = {0};
        graph_print_full(g, -1, &a);
        if (graph_parse(str_text(&a), &h, NULL) != NARU_OK) abort();
        graph_print_full(h, -1, &b);
        if (strcmp(str_text(&a), str_text(&b)) != 0) abort();
        str_free(&a);
        str_free(&b);
        graph_free(h);
        graph_free(g);
    }
    free(text);
    return 0;
}
