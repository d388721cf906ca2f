/* SPDX-License-Identifier: MIT
 *
 * naru_list_get: what the library consists of, read from its own lists.
 */
#include <stdio.h>
#include <string.h>

#include "base/knob.h"
#include "base/str.h"
#include "naru/session.h"
#include "ops/op.h"
#include "passes/pass.h"
#include "tactics/tactic.h"

static naru_status list_op(size_t i, naru_list_item *out) {
    if (i >= op_count()) return NARU_NOT_FOUND;
    const op_desc *op = op_at(i);
    snprintf(out->name, sizeof out->name, "%s", op->name);
    str s = {0};
    str_addf(&s, "%s: ", op->domain && *op->domain ? op->domain : "ai.onnx");
    for (const short *v = op->versions; *v; v++) str_addf(&s, v == op->versions ? "%d" : ",%d", *v);
    if (op->deprecated) str_addf(&s, " (deprecated at %d)", op->deprecated);
    snprintf(out->detail, sizeof out->detail, "%s", str_text(&s));
    str_free(&s);
    return NARU_OK;
}

static naru_status list_tactic(size_t i, naru_list_item *out) {
    if (i >= tactic_count()) return NARU_NOT_FOUND;
    const tactic *t = tactic_at(i);
    snprintf(out->name, sizeof out->name, "%s", t->name);
    snprintf(out->detail, sizeof out->detail, "%s%s%s", t->domain ? t->domain : "", t->domain ? "." : "", t->op);
    return NARU_OK;
}

static naru_status list_pass(size_t i, naru_list_item *out) {
    if (i >= pass_count()) return NARU_NOT_FOUND;
    const char *help;
    snprintf(out->name, sizeof out->name, "%s", pass_name(i, &help));
    snprintf(out->detail, sizeof out->detail, "%s", help);
    return NARU_OK;
}

typedef struct row {
    const char *name, *help;
} row;
static const row k_options[] = {
#define NARU_OPTION(name, type, dflt, min, max, unit, help) {#name, help},
#include "naru/options.def"
#undef NARU_OPTION
};

static naru_status list_row(const row *rows, size_t n, size_t i, naru_list_item *out) {
    if (i >= n) return NARU_NOT_FOUND;
    snprintf(out->name, sizeof out->name, "%s", rows[i].name);
    snprintf(out->detail, sizeof out->detail, "%s", rows[i].help);
    return NARU_OK;
}

static naru_status list_knob(size_t i, naru_list_item *out) {
    const char *help, *name = knob_name(i, &help);
    return name ? list_row(&(row){name, help}, 1, 0, out) : NARU_NOT_FOUND;
}

naru_status naru_list_get(naru_list list, size_t index, naru_list_item *out) {
    if (!out) return NARU_INVALID_ARGUMENT;
    *out = (naru_list_item){.size = sizeof *out};
    switch (list) {
    case NARU_LIST_OPS: return list_op(index, out);
    case NARU_LIST_KERNELS: return list_tactic(index, out);
    case NARU_LIST_PASSES: return list_pass(index, out);
    case NARU_LIST_KNOBS: return list_knob(index, out);
    case NARU_LIST_OPTIONS: return list_row(k_options, COUNT_OF(k_options), index, out);
    }
    return NARU_INVALID_ARGUMENT;
}
