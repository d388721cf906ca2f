/* SPDX-License-Identifier: MIT
 *
 * Torchbind objects (packed parameters of quantized and prepacked operators) from and to the state that archives hold.
 */
#ifndef SCRIPT_CUSTOM_H
#define SCRIPT_CUSTOM_H

#include "script/value.h"

/* cls: "__torch__.torch.classes.quantized.LinearPackedParamsBase"; state: what its __getstate__ gave (borrowed).
 * Errors: UNSUPPORTED (a class that is not known, by name), BAD_FILE (a state of another form). */
naru_status custom_from_state(const char *cls, sv state, sv *out, naru_error *err);
naru_status custom_get_state(const scustom *c, sv *out, naru_error *err);

#endif
