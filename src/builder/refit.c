/* SPDX-License-Identifier: MIT
 *
 * Refitting (refit.h): what is known of the engine goes through a plan without weights, which is loaded with the other
 * model, so that there is one way from tactics by name to an engine.
 */
#include "builder/refit.h"

#include "base/hash.h"
#include "builder/int8.h"
#include "graph/print.h"

/* ---- weights ---- */
static bool is_weight(const naru_tensor *t) {
    return t && t->dtype != NARU_INT64 && t->dtype != NARU_BOOL && t->dtype != NARU_STRING;
}

static attr *constant_of(node *n) {
    if (strcmp(n->op_type, "Constant") != 0 || *n->domain || n->nout != 1 || !n->out[0]) return NULL;
    attr *a = node_attr(n, "value");
    return a && a->kind == ATTR_TENSOR ? a : NULL;
}

naru_status refit_weights(graph *g, arena *a, refit_weight **out, int *count, naru_error *err) {
    block *b = g->main;
    refit_weight *w = arena_calloc(a, (size_t)b->ninit + (size_t)b->nnodes + 1, sizeof *w);
    int n = 0;
    if (!w) return err_oom(err);
    for (int i = 0; i < b->ninit; i++)
        if (is_weight(b->initializers[i]->constant))
            w[n++] = (refit_weight){b->initializers[i]->name, &b->initializers[i]->constant};
    for (node *x = b->first; x; x = x->next) {
        attr *c = constant_of(x);
        if (c && is_weight(c->tensor)) w[n++] = (refit_weight){x->out[0]->name, &c->tensor};
    }
    *out = w;
    *count = n;
    return NARU_OK;
}

/* ---- structure ---- */
static naru_status describe(graph *g, arena *a, str *out, naru_error *err) {
    refit_weight *w;
    int n;
    naru_tensor *nothing;
    TRY(refit_weights(g, a, &w, &n, err));
    TRY(tensor_new(NARU_FLOAT, 0, NULL, &nothing, err));
    *(float *)nothing->data = 0;
    for (int i = 0; i < n; i++) {
        const naru_tensor *t = *w[i].at;
        str_addf(out, "%s %s", w[i].name, naru_dtype_name(t->dtype));
        for (int d = 0; d < t->rank; d++) str_addf(out, " %lld", (long long)t->dims[d]);
        str_add(out, "\n");
        tensor_unref(*w[i].at);
        *w[i].at = tensor_ref(nothing);
    }
    tensor_unref(nothing);
    g->producer_name = g->producer_version = g->domain = "";
    g->doc = NULL;
    g->meta = NULL;
    g->model_version = 0;
    g->main->ninfo = 0;
    graph_print_full(g, -1, out);
    return out->failed ? err_oom(err) : NARU_OK;
}

naru_status refit_structure(const model_bytes *m, graph_reader read, uint64_t *out, naru_error *err) {
    graph *g;
    TRY(read(m->data, m->size, &g, err));
    str s = {0};
    arena *a = arena_new();
    naru_status st = a ? describe(g, a, &s, err) : err_oom(err);
    if (st == NARU_OK) *out = hash_bytes(s.data, s.len, 0);
    str_free(&s);
    arena_free(a);
    graph_free(g);
    return st;
}

/* ---- the engine again ---- */
naru_status refit(const built *b, model_bytes *m, const build_options *o, built **out, naru_error *err) {
    built bare = *b;
    str s = {0};
    build_options mine = *o;
    bare.flags |= BUILD_STRIP | BUILD_REFIT;
    bare.recipe = NULL; /* m is quantized already */
    mine.cpu = b->engine->cpu;
    naru_status st = refit_structure(b->model, o->read, &bare.structure, err);
    if (st == NARU_OK) st = plan_write(&bare, &s, err);
    plan_source source = {.data = s.data, .size = s.len, .model = m};
    if (st == NARU_OK) st = plan_load(&source, &mine, out, err);
    str_free(&s);
    if (st == NARU_OK && b->recipe && !((*out)->recipe = int8_recipe_copy(b->recipe, (*out)->arena))) {
        built_free(*out);
        *out = NULL;
        st = err_oom(err);
    }
    if (st != NARU_OK) return st;
    (*out)->flags = b->flags;
    (*out)->structure = b->structure;
    (*out)->plan_bytes = b->plan_bytes;
    (*out)->rebuilt |= b->rebuilt;
    return NARU_OK;
}
