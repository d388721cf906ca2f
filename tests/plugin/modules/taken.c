/* SPDX-License-Identifier: MIT
 *
 * A plugin library of two operators, the second of which is ONNX's own: neither may be registered.
 */
#include <string.h>

#include "naru/plugin.h"

static naru_status run(const naru_plugin_run *r) {
    memcpy(r->out[0].data, r->in[0].data, (size_t)r->in[0].count * 4);
    return NARU_OK;
}

static const naru_plugin_tactic copy = {.size = sizeof copy, .name = "copy", .run = run};
static const naru_plugin_tactic *const tactics[] = {&copy, NULL};
static const naru_plugin fresh = {.size = sizeof fresh,
                                  .abi = NARU_PLUGIN_ABI,
                                  .version = 1,
                                  .name = "Fresh",
                                  .domain = "taken",
                                  .since = 1,
                                  .signature = "x:T -> y:T | T = float32",
                                  .schema = "taken::fresh(Tensor x) -> Tensor",
                                  .tactics = tactics};
static const naru_plugin relu = {.size = sizeof relu,
                                 .abi = NARU_PLUGIN_ABI,
                                 .version = 1,
                                 .name = "Relu",
                                 .domain = "",
                                 .since = 1,
                                 .signature = "x:T -> y:T | T = float32",
                                 .tactics = tactics};

NARU_API const naru_plugin_library *naru_plugin_entry(void) {
    static const naru_plugin *const all[] = {&fresh, &relu};
    static const naru_plugin_library library = {sizeof library, NARU_PLUGIN_ABI, 2, all};
    return &library;
}
