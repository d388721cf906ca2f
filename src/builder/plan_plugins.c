/* SPDX-License-Identifier: MIT
 *
 * The operators of plugins that a plan wants: registered already, or in a library that the plan carries and the caller
 * lets run.
 */
#include "builder/plan_reader.h"

static const plugin_op *there(const plan_plugin *p) {
    const op_desc *op = op_find(p->domain, p->name);
    return op ? op->plugin : NULL;
}

static const plan_library *carried(const plan_reader *r, const plan_plugin *p) {
    for (int i = 0; i < r->ncarried; i++)
        if (strcmp(r->carried[i].name, p->library) == 0) return &r->carried[i];
    return NULL;
}

/* Those of operators that are not there, where the caller allows it. */
static naru_status load_carried(plan_reader *r) {
    for (int i = 0; r->s->load_library && i < r->nwanted; i++) {
        const plan_library *l = there(&r->wanted[i]) ? NULL : carried(r, &r->wanted[i]);
        naru_status st = l ? r->s->load_library(l->name, l->data, l->size, r->err) : NARU_OK;
        if (st != NARU_OK) return err_context(r->err, st, "the plugin library %.200s in the plan", l->name);
        if (l)
            TRY(report_add(r->o->report, NARU_SEVERITY_NOTE, "plan-code", "", "",
                           "the plugin library %.200s is loaded from the plan", l->name) == NARU_OK
                    ? NARU_OK
                    : err_oom(r->err));
    }
    return NARU_OK;
}

naru_status plan_find_plugins(plan_reader *r) {
    TRY(load_carried(r));
    for (int i = 0; i < r->nwanted; i++) {
        const plan_plugin *p = &r->wanted[i];
        const char *domain = *p->domain ? p->domain : "ai.onnx";
        if (there(p)) continue;
        if (carried(r, p) && !r->s->load_library)
            return err_set(
                r->err, NARU_UNSUPPORTED,
                "the plan wants operator %.100s::%.100s of the plugin library %.200s (version %d), which is "
                "not loaded; the plan carries it; option plan_code (naru exec: --engineHostCodeAllowed) lets "
                "code from a plan run",
                domain, p->name, p->library, p->version);
        if (*p->library)
            return err_set(r->err, NARU_UNSUPPORTED,
                           "the plan wants operator %.100s::%.100s of the plugin library %.200s (version %d), which is "
                           "not loaded",
                           domain, p->name, p->library, p->version);
        return err_set(r->err, NARU_UNSUPPORTED,
                       "the plan wants operator %.100s::%.100s (version %d), a plugin that the program which built it "
                       "registered itself",
                       domain, p->name, p->version);
    }
    return NARU_OK;
}

const plan_plugin *plan_other_plugin(const plan_reader *r, int *version) {
    for (int i = 0; i < r->nwanted; i++)
        if ((*version = there(&r->wanted[i])->p.version) != r->wanted[i].version) return &r->wanted[i];
    return NULL;
}
