/* SPDX-License-Identifier: MIT
 *
 * Torchbind classes that are not known: refused by name. The quantized operators' file replaces these.
 */
#include "script/custom.h"

__attribute__((weak)) naru_status custom_from_state(const char *cls, sv state, sv *out, naru_error *err) {
    return err_set(err, NARU_UNSUPPORTED, "an object of %s", cls);
}
__attribute__((weak)) naru_status custom_get_state(const scustom *c, sv *out, naru_error *err) {
    return err_set(err, NARU_UNSUPPORTED, "an object of %s", c->cls);
}
