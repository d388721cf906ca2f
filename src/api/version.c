/* SPDX-License-Identifier: MIT
 *
 * The release, as CMakeLists.txt has it.
 */
#include "naru/naru.h"

const char *naru_version(void) { return NARU_VERSION; }
