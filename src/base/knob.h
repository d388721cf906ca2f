/* SPDX-License-Identifier: MIT
 *
 * Knobs: the environment variables of knobs.def, read where they are asked for. Options win over knobs; a knob is for
 * who cannot reach the program's options.
 */
#ifndef BASE_KNOB_H
#define BASE_KNOB_H

#include <stddef.h>
#include <stdint.h>

typedef enum knob {
#define NARU_KNOB(id, variable, dflt, help) KNOB_##id,
#include "base/knobs.def"
#undef NARU_KNOB
    KNOBS
} knob;

const char *knob_text(knob k);                         /* the variable, its default when unset or empty */
int64_t knob_int(knob k, int64_t least, int64_t most); /* clamped; the default when it is no whole number */
const char *knob_name(size_t i, const char **help);    /* NULL past the end */

#endif
