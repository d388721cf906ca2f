/* SPDX-License-Identifier: MIT
 *
 * A library that registers while it is being loaded, by a function of the test, and then turns out to be no plugin
 * library.
 */
#include <stdint.h>
#include <stdlib.h>

__attribute__((constructor)) static void begin(void) {
    const char *address = getenv("NARU_TEST_CALLBACK");
    if (address) ((void (*)(void))(uintptr_t)strtoull(address, NULL, 16))();
}
