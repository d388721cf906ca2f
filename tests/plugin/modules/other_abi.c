/* SPDX-License-Identifier: MIT
 *
 * A plugin library of an ABI that is not there yet: nothing behind `abi` may be read.
 */
#include "naru/plugin.h"

NARU_API const naru_plugin_library *naru_plugin_entry(void) {
    static const naru_plugin_library library = {sizeof library, NARU_PLUGIN_ABI + 1, 7,
                                                (const naru_plugin *const *)(uintptr_t)8};
    return &library;
}
