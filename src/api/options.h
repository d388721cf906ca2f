/* SPDX-License-Identifier: MIT
 *
 * The options of include/naru/options.def as a struct of parsed values.
 */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "base/cpu.h"
#include "naru/model.h"

enum {
#define NARU_OPTION(name, type, dflt, min, max, unit, help) OPTION_##name,
#include "naru/options.def"
#undef NARU_OPTION
    OPTIONS
};

struct naru_options {
    char *text[OPTIONS];
};

naru_status options_copy(const naru_options *from, naru_options **out, naru_error *err);
const char *option_text(const naru_options *o, int index); /* o may be NULL: the default */
int64_t option_int(const naru_options *o, int index);
/* The CPU level asked for (option, else knob NARU_CPU, else the best); asking for more than this CPU has is an error.
 */
naru_status option_cpu(const naru_options *o, cpu_level *out, naru_error *err);

#endif
