/* SPDX-License-Identifier: MIT
 *
 * A plugin library whose entry gives nothing.
 */
#include "naru/plugin.h"

NARU_API const naru_plugin_library *naru_plugin_entry(void) { return NULL; }
