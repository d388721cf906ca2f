/* SPDX-License-Identifier: MIT
 *
 * Everything that is wrong with a model, in three rounds: structure (structure.c), operators (lifting with a report),
 * types and shapes (inference with a report). Then what is no error but surprises: declarations that inference
 * contradicts (declared-type, declared-shape) and operators left in training mode (training-mode).
 */
#include "passes/check.h"

#include <stdio.h>
#include <string.h>

#include "passes/lift.h"
#include "passes/structure.h"
#include "tensor/dtype.h"

typedef struct findings {
    naru_report *report;
    naru_status status;
} findings;

/* ---- declarations against facts ---- */
/* First axis that is declared fixed where the nodes give another size, or one that depends on the inputs; -1: none. */
static int differing_axis(const type *declared, const type *is) {
    for (int d = 0; d < is->rank; d++)
        if (dim_is_const(declared->dims[d]) && dim_is_known(is->dims[d]) && declared->dims[d] != is->dims[d]) return d;
    return -1;
}

static naru_status wrong_axis(const graph *g, const value *v, int axis, findings *f) {
    char where[300];
    str dim = {0};
    snprintf(where, sizeof where, "value '%.200s'", v->name);
    sym_print(g->syms, v->fact.type.dims[axis], &dim);
    naru_status st =
        report_add(f->report, NARU_SEVERITY_WARNING, "declared-shape", where, "",
                   "axis %d is declared to be %lld, but the nodes give %s%s%s", axis, (long long)v->declared.dims[axis],
                   dim_is_const(v->fact.type.dims[axis]) ? "" : "dimension '", str_text(&dim),
                   dim_is_const(v->fact.type.dims[axis]) ? "" : "' of the inputs");
    str_free(&dim);
    return st;
}

static naru_status wrong_type(const graph *g, const value *v, bool error, findings *f) {
    char where[300];
    str declared = {0}, inferred = {0};
    type_print(g, &v->declared, &declared);
    type_print(g, &v->fact.type, &inferred);
    snprintf(where, sizeof where, "value '%.200s'", v->name);
    naru_status st = report_add(f->report, error ? NARU_SEVERITY_ERROR : NARU_SEVERITY_WARNING,
                                error ? "declared-type" : "declared-shape", where, "",
                                "declared %s, but the nodes give %s", str_text(&declared), str_text(&inferred));
    str_free(&declared);
    str_free(&inferred);
    return st;
}

static naru_status contradiction(const graph *g, const value *v, findings *f) {
    const type *want = &v->declared, *is = &v->fact.type;
    if (!v->has_declared || v->is_input || want->kind != TYPE_TENSOR || is->kind != TYPE_TENSOR) return NARU_OK;
    if (want->dtype && is->dtype && want->dtype != is->dtype) return wrong_type(g, v, true, f);
    if (!want->has_rank || !is->has_rank) return NARU_OK;
    if (want->rank != is->rank) return wrong_type(g, v, false, f);
    int axis = differing_axis(want, is);
    bool notable =
        axis >= 0 && (dim_is_const(is->dims[axis]) || value_is_output(v)); /* inside, exporters guess sizes */
    return notable ? wrong_axis(g, v, axis, f) : NARU_OK;
}

static naru_status check_declarations(const graph *g, findings *f) {
    for (size_t i = 0; i < g->values.count; i++) TRY(contradiction(g, g->values.data[i], f));
    return NARU_OK;
}

/* ---- training mode ---- */
static bool constant_true(const value *v) {
    const naru_tensor *t = !v ? NULL : v->constant && !v->is_input ? v->constant : v->fact.constant;
    return t && t->dtype == NARU_BOOL && tensor_count(t) == 1 && dtype_get_i64(NARU_BOOL, t->data, 0);
}

static bool trains(const node *n) {
    if (*n->domain) return false;
    const attr *a = node_attr(n, "training_mode");
    if (strcmp(n->op_type, "BatchNormalization") == 0) return a && a->kind == ATTR_INT && a->i != 0;
    return strcmp(n->op_type, "Dropout") == 0 && n->nin > 2 && constant_true(n->in[2]);
}

static bool check_training(block *b, void *user) {
    findings *f = user;
    char where[300];
    for (const node *n = b->first; n; n = n->next) {
        if (!trains(n)) continue;
        bool norm = n->op_type[0] == 'B';
        f->status = report_add(
            f->report, NARU_SEVERITY_WARNING, "training-mode", node_describe(n, where, sizeof where),
            "export the model in evaluation mode (model.eval() in PyTorch)",
            norm ? "normalizes by the statistics of the batch at hand, not by the learned ones: results differ "
                   "from inference and depend on the other samples"
                 : "drops elements at random at inference too");
        if (f->status != NARU_OK) return false;
    }
    return true;
}

/* ---- all of it ---- */
/* A failure of lifting that has no finding of its own (a cycle, a limit) becomes one. */
static naru_status lift(graph *g, naru_report *report, naru_status *lifted, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    size_t before = naru_report_count(report, NARU_SEVERITY_ERROR);
    *lifted = graph_lift(g, report, &local);
    if (*lifted == NARU_OUT_OF_MEMORY) return err_oom(err);
    if (*lifted == NARU_OK || naru_report_count(report, NARU_SEVERITY_ERROR) > before) return NARU_OK;
    return report_add(report, NARU_SEVERITY_ERROR, "structure", "graph", "", "%s", local.message);
}

naru_status graph_check(graph *g, naru_report *report, naru_error *err) {
    naru_status lifted;
    findings f = {report, NARU_OK};
    TRY(structure_check(g, report, err));
    TRY(lift(g, report, &lifted, err));
    if (lifted == NARU_OK) {
        TRY(graph_infer(g, NULL, report, err));
        if (check_declarations(g, &f) != NARU_OK) return err_oom(err);
    }
    if (!graph_each_block(g, false, check_training, &f)) return err_oom(err);
    return NARU_OK;
}
