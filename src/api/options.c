/* SPDX-License-Identifier: MIT
 *
 * Options by name: everything derives from options.def.
 */
#include "api/options.h"

#include <string.h>

#include "base/error.h"
#include "base/knob.h"
#include "base/mem.h"
#include "base/str.h"

typedef enum { INT, BOOL, TEXT } option_type;
typedef struct option_row {
    const char *name;
    option_type type;
    const char *dflt;
    int64_t min, max;
} option_row;

static const option_row k_rows[] = {
#define NARU_OPTION(name, type, dflt, min, max, unit, help) {#name, type, dflt, min, max},
#include "naru/options.def"
#undef NARU_OPTION
};

static int find(const char *name) {
    for (int i = 0; i < OPTIONS; i++)
        if (strcmp(k_rows[i].name, name) == 0) return i;
    return -1;
}

naru_status naru_options_create(naru_options **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_options_create: out is NULL");
    *out = mem_calloc(1, sizeof **out);
    return *out ? NARU_OK : err_oom(err);
}

void naru_options_destroy(naru_options **options) {
    if (!options || !*options) return;
    for (int i = 0; i < OPTIONS; i++) mem_free((*options)->text[i]);
    mem_free(*options);
    *options = NULL;
}

static naru_status unknown(const char *name, naru_error *err) {
    const char *names[OPTIONS];
    for (int i = 0; i < OPTIONS; i++) names[i] = k_rows[i].name;
    const char *near = str_nearest(name, names, OPTIONS);
    if (near) return err_set(err, NARU_NOT_FOUND, "no option is called '%s'; did you mean '%s'?", name, near);
    return err_set(err, NARU_NOT_FOUND, "no option is called '%s'", name);
}

naru_status naru_options_set(naru_options *options, const char *name, const char *value, naru_error *err) {
    if (!options || !name || !value) return err_set(err, NARU_INVALID_ARGUMENT, "naru_options_set: NULL argument");
    int i = find(name);
    if (i < 0) return unknown(name, err);
    const option_row *r = &k_rows[i];
    int64_t v;
    if (r->type != TEXT && (!str_parse_i64(value, &v) || v < r->min || v > r->max))
        return err_set(err, NARU_INVALID_ARGUMENT, "option '%s': '%s' is not a whole number from %lld to %lld", name,
                       value, (long long)r->min, (long long)r->max);
    char *copy = mem_strdup(value);
    if (!copy) return err_oom(err);
    mem_free(options->text[i]);
    options->text[i] = copy;
    return NARU_OK;
}

const char *option_text(const naru_options *o, int i) { return o && o->text[i] ? o->text[i] : k_rows[i].dflt; }

naru_status options_copy(const naru_options *from, naru_options **out, naru_error *err) {
    TRY(naru_options_create(out, err));
    for (int i = 0; i < OPTIONS; i++)
        if (from->text[i] && !((*out)->text[i] = mem_strdup(from->text[i]))) {
            naru_options_destroy(out);
            return err_oom(err);
        }
    return NARU_OK;
}

const char *naru_options_get(const naru_options *options, const char *name) {
    int i = name ? find(name) : -1;
    return i < 0 ? NULL : option_text(options, i);
}

int64_t option_int(const naru_options *o, int i) {
    int64_t v = 0;
    str_parse_i64(option_text(o, i), &v);
    return v;
}

naru_status option_cpu(const naru_options *o, cpu_level *out, naru_error *err) {
    const char *name = option_text(o, OPTION_cpu);
    if (!*name) name = knob_text(KNOB_CPU);
    *out = cpu_best();
    if (!*name) return NARU_OK;
    if (!cpu_level_parse(name, out))
        return err_set(err, NARU_INVALID_ARGUMENT,
                       "'%s' is not a CPU level; levels are ref, avx2, avx512, avx512vnni, avx512bf16, avx512fp16, amx",
                       name);
    if (*out > cpu_best())
        return err_set(err, NARU_UNSUPPORTED, "this CPU has no %s; its best level is %s", name,
                       cpu_level_name(cpu_best()));
    return NARU_OK;
}
