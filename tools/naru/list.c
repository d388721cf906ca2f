/* SPDX-License-Identifier: MIT
 *
 * naru list: the library's own lists.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char *const names[] = {"ops", "kernels", "passes", "knobs", "options"};
static const naru_list lists[] = {NARU_LIST_OPS, NARU_LIST_KERNELS, NARU_LIST_PASSES, NARU_LIST_KNOBS,
                                  NARU_LIST_OPTIONS};
enum { LISTS = sizeof names / sizeof names[0] };

static int print(naru_list list, bool json) {
    naru_list_item item = {.size = sizeof item};
    json_t *array = json_array();
    for (size_t i = 0; naru_list_get(list, i, &item) == NARU_OK; i++) {
        if (json) json_array_append_new(array, json_pack("{ss ss}", "name", item.name, "detail", item.detail));
        else printf("%-28s  %s\n", item.name, item.detail);
    }
    if (json) print_json(array);
    else json_decref(array);
    return CODE_OK;
}

int cmd_list(int argc, char **argv) {
    static const command c = {"list", "ops|kernels|passes|knobs|options", "Lists what this build of naru has.", NULL, 1,
                              false};
    bool json = false;
    const arg args[] = {{"json", NULL, "an array of {name, detail}", ARG_FLAG, &json, NULL, 0}};
    const char *what;
    int code = args_parse(&c, args, 1, NULL, argc, argv, &what);
    if (code >= 0) return code;
    for (int i = 0; i < LISTS; i++)
        if (strcmp(names[i], what) == 0) return print(lists[i], json);
    const char *near = nearest(what, names, LISTS);
    if (near) return usage("list", "there is no list '%s'; did you mean '%s'?", what, near);
    return usage("list", "there is no list '%s'; lists are ops, kernels, passes, knobs, options", what);
}
