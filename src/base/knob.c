/* SPDX-License-Identifier: MIT
 *
 * Reading the environment; the only file that does.
 */
#include "base/knob.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *variable, *dflt, *help;
} knobs[] = {
#define NARU_KNOB(id, variable, dflt, help) {variable, dflt, help},
#include "base/knobs.def"
#undef NARU_KNOB
};

const char *knob_text(knob k) {
    const char *text = getenv(knobs[k].variable);
    return text && *text ? text : knobs[k].dflt;
}

int64_t knob_int(knob k, int64_t least, int64_t most) {
    int64_t v = 0;
    if (!str_parse_i64(knob_text(k), &v)) str_parse_i64(knobs[k].dflt, &v);
    return i64_min(i64_max(v, least), most);
}

const char *knob_name(size_t i, const char **help) {
    if (i >= COUNT_OF(knobs)) return NULL;
    *help = knobs[i].help;
    return knobs[i].variable;
}
