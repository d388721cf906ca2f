/* SPDX-License-Identifier: MIT
 *
 * The example plugin in a second version.
 */
#define naru_plugin_entry first_version
#include "../../../examples/plugin/swiglu.c"
#undef naru_plugin_entry

NARU_API const naru_plugin_library *naru_plugin_entry(void);
NARU_API const naru_plugin_library *naru_plugin_entry(void) {
    static naru_plugin second;
    static const naru_plugin *const all[] = {&second};
    static naru_plugin_library library;
    library = *first_version();
    second = *library.plugins[0];
    second.version = 2;
    library.plugins = all;
    return &library;
}
