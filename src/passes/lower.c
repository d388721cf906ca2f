/* SPDX-License-Identifier: MIT
 *
 * Lowering one node after another, bodies included (lower.h). A node is first rewritten by its operator's down adapters
 * as far as the opset asks; what they made is lowered in its turn. Then its types are looked at (a type that the
 * operator did not take yet is computed in a wider one, between Casts) and its attributes. When all is said, unlift.h
 * brings the graph into the as-written state.
 */
#include "passes/lower.h"

#include <stdio.h>
#include <string.h>

#include "ops/since.h"
#include "ops/util_lower.h"
#include "passes/unlift.h"
#include "tensor/dtype.h"

enum { FINDINGS_MAX = 200, FOLD_MAX = 1 << 26 }; /* findings; elements of a result that is folded */

typedef struct lowering {
    graph *graph;
    int64_t opset;
    naru_report *report;
    naru_error *err;
    int bad; /* findings so far */
} lowering;

static naru_status lower_block(lowering *k, block *b);

/* ---- findings ---- */
typedef struct origin { /* the node that the user knows, whatever it has become */
    char where[300];
    bool told;
} origin;

static naru_status finding(lowering *k, origin *o, naru_status code, const char *text) {
    if (o->told) return NARU_OK;
    o->told = true;
    if (k->bad++ == 0) err_set(k->err, code, "%s: %s", o->where, text);
    return report_add(k->report, NARU_SEVERITY_ERROR, "opset", o->where, "", "%s", text);
}

static naru_status needs(lowering *k, origin *o, const char *what, int since) {
    char text[300];
    if (since >= SINCE_NEVER) snprintf(text, sizeof text, "no opset has %s", what);
    else snprintf(text, sizeof text, "%s needs opset %d", what, since);
    return finding(k, o, NARU_UNSUPPORTED, text);
}

/* ---- adapters ---- */
static lower_ctx begin(lowering *k, node *n, naru_error *err) {
    return (lower_ctx){.graph = k->graph,
                       .block = n->block,
                       .at = n,
                       .before = n->prev,
                       .opset = k->opset,
                       .name = n->name,
                       .first = (int)k->graph->values.count,
                       .err = err};
}

/* ---- folding what only a newer opset could compute ---- */
static bool is_small(const fact *f) {
    int64_t count = 1;
    if (f->type.kind != TYPE_TENSOR) return false;
    for (int i = 0; f->type.has_rank && i < f->type.rank; i++)
        if (dim_is_const(f->type.dims[i]) && (!i64_mul(count, f->type.dims[i], &count) || count > FOLD_MAX))
            return false;
    return true;
}

static bool all_constant(const node *n) {
    if (!n->nin || (n->op->flags & (OP_RANDOM | OP_CONTROL)) || !n->op->eval) return false;
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && (n->in[i]->is_input || !n->in[i]->constant)) return false;
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && !is_small(&n->out[i]->fact)) return false;
    return true;
}

static naru_status keep_results(node *n, naru_value **out, naru_error *err) {
    for (int i = 0; i < n->nout; i++) {
        value *v = n->out[i];
        if (!v) continue;
        if (!block_add_initializer(n->block, v)) return err_oom(err);
        v->constant = tensor_ref(out[i]->tensor);
        v->fact.constant = v->constant;
        v->producer = NULL;
        n->out[i] = NULL;
    }
    node_remove(n);
    return NARU_OK;
}

/* Replaces n by its results. *done stays false when it cannot be evaluated: then that is the adapters' affair. */
static naru_status fold(lowering *k, node *n, bool *done) {
    enum { MANY = 64 };
    naru_value *in[MANY] = {NULL}, *out[MANY] = {NULL};
    if (n->nin > MANY || n->nout > MANY || !all_constant(n)) return NARU_OK;
    naru_error local = NARU_ERROR_INIT;
    naru_status st = NARU_OK;
    for (int i = 0; st == NARU_OK && i < n->nin; i++)
        if (n->in[i]) st = value_new_tensor(n->in[i]->constant, &in[i], &local);
    if (st == NARU_OK) st = node_evaluate(n, in, out, 0, &local);
    int nout = n->nout;
    if (st == NARU_OK) {
        *done = true;
        st = keep_results(n, out, &local);
    }
    for (int i = 0; i < MANY; i++) {
        value_unref(in[i]);
        if (i < nout) value_unref(out[i]);
    }
    return st == NARU_OUT_OF_MEMORY ? err_oom(k->err) : NARU_OK;
}

/* ---- types ---- */
static bool uses_var(const sig_param *p, int var) { return p && p->var == var && !p->hetero; }

/* A wider type that the operator's variable may stand for at this opset. */
static naru_dtype widened(const lowering *k, const op_desc *op, const sig *s, const sig_param *p, naru_dtype d) {
    static const naru_dtype wider[][3] = {
        {NARU_BFLOAT16, NARU_FLOAT},           {NARU_FLOAT16, NARU_FLOAT},
        {NARU_INT8, NARU_INT32, NARU_FLOAT},   {NARU_INT16, NARU_INT32, NARU_FLOAT},
        {NARU_UINT8, NARU_INT32, NARU_FLOAT},  {NARU_UINT16, NARU_INT32, NARU_FLOAT},
        {NARU_INT32, NARU_INT64, NARU_DOUBLE}, {NARU_UINT32, NARU_INT64, NARU_DOUBLE},
    };
    for (size_t i = 0; i < COUNT_OF(wider); i++)
        for (int j = 1; wider[i][0] == d && j < 3 && wider[i][j]; j++) {
            type t = {.kind = TYPE_TENSOR, .dtype = wider[i][j]};
            if ((sig_types(s, p) >> t.dtype & 1) && since_type(op, s, p, &t) <= k->opset) return t.dtype;
        }
    return NARU_UNDEFINED;
}

/* The output's type is what an attribute says, not what an input has. */
static attr *type_attr(const node *n, naru_dtype d) {
    static const char *const names[] = {"dtype", "output_datatype", "output_dtype"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        attr *a = node_attr(n, names[i]);
        if (a && a->kind == ATTR_INT && a->i == d) return a;
    }
    return NULL;
}

static value *cast_before(lower_ctx *c, value *v, naru_dtype d) { return lw_cast(c, v, d); }

/* Output o is computed as type `wide`, and a Cast behind the node gives what it was. */
static naru_status cast_after(lower_ctx *c, node *n, int o, naru_dtype wide) {
    value *old = n->out[o], *v = graph_value_new(c->graph, c->block, NULL);
    if (!v) return err_oom(c->err);
    v->fact.type = old->fact.type;
    v->fact.type.dtype = wide;
    node_set_out(n, o, v);
    old->producer = NULL;
    c->at = n->next;
    lw_i(c, "to", lw_dtype(old));
    node *cast = lw_node(c, "Cast", 1, &v, 1);
    if (!cast) return c->status;
    cast->out[0]->producer = NULL;
    node_set_out(cast, 0, old);
    c->at = n;
    return NARU_OK;
}

static naru_status widen(lower_ctx *c, node *n, const sig *s, const sig_param *p, naru_dtype d, naru_dtype wide) {
    attr *typed = type_attr(n, d);
    for (int i = 0; i < n->nin; i++) {
        const sig_param *q = sig_input(s, i);
        bool mine = p->var >= 0 ? uses_var(q, p->var) : q == p;
        if (mine && n->in[i] && lw_dtype(n->in[i]) == d) n->in[i] = cast_before(c, n->in[i], wide);
    }
    if (p->var < 0) return c->status;
    if (typed) typed->i = wide;
    for (int i = 0; c->status == NARU_OK && i < n->nout; i++)
        if (n->out[i] && uses_var(sig_output(s, i), p->var) && lw_dtype(n->out[i]) == d) TRY(cast_after(c, n, i, wide));
    return c->status;
}

static bool output_only(const node *n, const sig *s, int var) {
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && uses_var(sig_input(s, i), var)) return false;
    return true;
}

static naru_status settle_value(lowering *k, node *n, origin *o, const sig *s, const sig_param *p, const value *v) {
    const type *t = &v->fact.type;
    if (!p || t->kind == TYPE_UNKNOWN || (t->kind == TYPE_TENSOR && t->dtype == NARU_UNDEFINED)) return NARU_OK;
    int since = since_type(n->op, s, p, t);
    if (since <= k->opset) return NARU_OK;
    naru_dtype wide = t->kind == TYPE_TENSOR && !p->hetero && since_dtype(t->dtype) <= k->opset
                          ? widened(k, n->op, s, p, t->dtype)
                          : NARU_UNDEFINED;
    if (wide && p->var >= 0 && output_only(n, s, p->var) && !type_attr(n, t->dtype)) wide = NARU_UNDEFINED;
    if (wide) {
        naru_error local = NARU_ERROR_INIT;
        lower_ctx c = begin(k, n, &local);
        naru_status st = widen(&c, n, s, p, t->dtype, wide);
        return st == NARU_OK ? NARU_OK : err_set(k->err, st, "%s: %s", o->where, local.message);
    }
    str what = {0};
    str_addf(&what, "%s of ", n->op_type);
    if (t->kind == TYPE_TENSOR) str_add(&what, naru_dtype_name(t->dtype));
    else type_print(k->graph, t, &what);
    naru_status st = what.failed ? err_oom(k->err) : needs(k, o, str_text(&what), since);
    str_free(&what);
    return st;
}

static naru_status settle_types(lowering *k, node *n, origin *o) {
    sig s;
    if (!sig_parse(n->op->sig, &s)) return err_set(k->err, NARU_INTERNAL, "%s: malformed signature", n->op_type);
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]) TRY(settle_value(k, n, o, &s, sig_input(&s, i), n->in[i]));
    for (int i = 0; i < n->nout; i++)
        if (n->out[i]) TRY(settle_value(k, n, o, &s, sig_output(&s, i), n->out[i]));
    return NARU_OK;
}

/* ---- attributes and inputs ---- */
static bool is_default(const attr_def *d, const attr *a) {
    if (d->required || d->optional || d->kind != a->kind) return false;
    if (a->kind == ATTR_INT) return a->i == d->i;
    if (a->kind == ATTR_FLOAT) return memcmp(&a->f, &d->f, sizeof a->f) == 0;
    return a->kind == ATTR_STRING && d->s && a->s.len == strlen(d->s) && memcmp(a->s.data, d->s, a->s.len) == 0;
}

static naru_status settle_attrs(lowering *k, node *n, origin *o) {
    char text[200];
    int count = 0; /* behind the table's stands what an older form had and an adapter added */
    while (n->table && n->table[count].name) count++;
    for (int i = 0; i < count && i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        if (a->kind == ATTR_NONE) continue;
        if (is_default(&n->table[i], a)) a->kind = ATTR_NONE;
        int since = since_name(n->op, a->name);
        if (a->kind == ATTR_NONE || since <= k->opset) continue;
        snprintf(text, sizeof text, "%s with attribute '%s'", n->op_type, a->name);
        TRY(needs(k, o, text, since));
    }
    sig s;
    if (!sig_parse(n->op->sig, &s)) return NARU_OK;
    for (int i = 0; i < n->nin && i < s.nin; i++) {
        int since = since_name(n->op, s.in[i].name);
        if (!n->in[i] || since <= k->opset) continue;
        snprintf(text, sizeof text, "%s with input '%s'", n->op_type, s.in[i].name);
        TRY(needs(k, o, text, since));
    }
    while (n->nin > 0 && !n->in[n->nin - 1]) n->nin--;
    return NARU_OK;
}

/* ---- one node ---- */
static naru_status lower_node(lowering *k, node *n, origin *o);

static naru_status lower_between(lowering *k, block *b, node *prev, node *end, const node *but, origin *o) {
    for (node *m = prev ? prev->next : b->first, *next; m && m != end; m = next) {
        next = m->next;
        if (m != but) TRY(lower_node(k, m, o));
    }
    return NARU_OK;
}

/* Runs the adapters. *gone: n was replaced. */
static naru_status adapt(lowering *k, node *n, origin *o, bool *gone) {
    const op_desc *op = n->op;
    for (const down_adapter *d = op->down; d && d->down && d->from > k->opset; d++) {
        naru_error local = NARU_ERROR_INIT;
        lower_ctx c = begin(k, n, &local);
        naru_status st = d->down(&c, n);
        if (st == NARU_OK) st = c.status;
        if (st == NARU_OK && c.warning)
            TRY(report_add(k->report, NARU_SEVERITY_WARNING, "opset", o->where, "", "%s: %s", op->name, c.warning));
        if (st == NARU_UNSUPPORTED) TRY(fold(k, n, gone)); /* adapters refuse before they change anything */
        if (*gone) return NARU_OK;
        if (st == NARU_UNSUPPORTED) {
            char text[400];
            if (d->from > LOWER_OPSET_MAX) snprintf(text, sizeof text, "%.80s: %.300s", op->name, local.message);
            else snprintf(text, sizeof text, "%.80s before opset %d: %.250s", op->name, d->from, local.message);
            return finding(k, o, st, text);
        }
        if (st != NARU_OK) return err_set(k->err, st, "%s: %s", o->where, local.message);
        if ((*gone = c.gone)) return NARU_OK;
    }
    return NARU_OK;
}

static naru_status lower_bodies(lowering *k, node *n) {
    for (int i = 0; i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH) TRY(lower_block(k, a->block));
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) TRY(lower_block(k, a->blocks[j]));
    }
    return NARU_OK;
}

static naru_status settle(lowering *k, node *n, origin *o) {
    char text[200];
    if (n->op->plugin) return NARU_OK; /* a domain of its own: as it is */
    if (*n->domain) {
        snprintf(text, sizeof text, "%s.%s", n->domain, n->op_type);
        return needs(k, o, text, SINCE_NEVER);
    }
    if (n->op->deprecated && n->op->deprecated <= k->opset) {
        snprintf(text, sizeof text, "%s is gone since opset %d", n->op_type, n->op->deprecated);
        return finding(k, o, NARU_UNSUPPORTED, text);
    }
    if (!op_version_at(n->op, k->opset)) return needs(k, o, n->op_type, n->op->versions[0]);
    TRY(settle_types(k, n, o));
    TRY(settle_attrs(k, n, o));
    return lower_bodies(k, n);
}

/* The operator, or the type of an input (quantized weights), came after the opset. */
static bool is_too_new(const lowering *k, const node *n) {
    if (n->op->versions && n->op->versions[0] > k->opset) return true;
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && since_dtype(lw_dtype(n->in[i])) > k->opset) return true;
    return false;
}

static naru_status lower_node(lowering *k, node *n, origin *o) {
    if (!n->op || k->bad > FINDINGS_MAX) return NARU_OK;
    bool gone = false;
    block *b = n->block;
    node *prev = n->prev, *end = n->next;
    if (is_too_new(k, n)) TRY(fold(k, n, &gone));
    if (gone) return NARU_OK;
    TRY(adapt(k, n, o, &gone));
    if (gone) return lower_between(k, b, prev, end, NULL, o);
    bool bad = o->told;
    if (!bad) TRY(settle(k, n, o));
    return lower_between(k, b, prev, end, n, o);
}

static naru_status lower_block(lowering *k, block *b) {
    for (node *n = b->first, *next; n; n = next) {
        next = n->next;
        origin o = {.told = false};
        node_describe(n, o.where, sizeof o.where);
        TRY(lower_node(k, n, &o));
    }
    return NARU_OK;
}

/* Inputs and outputs of the graph may have types that the opset's IR does not know. */
static naru_status check_ports(lowering *k) {
    const block *b = k->graph->main;
    for (int i = 0; i < b->nin + b->nout; i++) {
        const value *v = i < b->nin ? b->in[i] : b->out[i - b->nin];
        const type *t = &v->fact.type;
        while (t && (t->kind == TYPE_SEQUENCE || t->kind == TYPE_OPTIONAL)) t = t->elem;
        int since = t && t->kind == TYPE_TENSOR ? since_dtype(t->dtype) : 1;
        if (since <= k->opset) continue;
        origin o = {.told = false};
        snprintf(o.where, sizeof o.where, "%s '%.200s'", i < b->nin ? "input" : "output", v->name);
        TRY(needs(k, &o, naru_dtype_name(t->dtype), since));
    }
    return NARU_OK;
}

naru_status graph_lower(graph *g, int64_t version, naru_report *report, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    lowering k = {g, version, report, err ? err : &local, 0};
    if (version < LOWER_OPSET_MIN || version > LOWER_OPSET_MAX)
        return err_set(k.err, NARU_INVALID_ARGUMENT, "opset %lld is outside %d to %d", (long long)version,
                       LOWER_OPSET_MIN, LOWER_OPSET_MAX);
    if (!g->lifted) return err_set(k.err, NARU_INVALID_ARGUMENT, "only a lifted graph can be lowered");
    TRY(graph_infer(g, NULL, NULL, k.err));
    TRY(check_ports(&k));
    TRY(lower_block(&k, g->main));
    if (k.bad) {
        if (k.bad > 1)
            err_context(k.err, NARU_UNSUPPORTED, "%d things need a newer opset than %lld; the first", k.bad,
                        (long long)version);
        return NARU_UNSUPPORTED;
    }
    return graph_unlift(g, version, k.err);
}
