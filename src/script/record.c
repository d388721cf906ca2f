/* SPDX-License-Identifier: MIT
 *
 * The recording sink (record.h): operators become nodes, tensors of the module become initializers. Views and writes
 * are in record_view.c, numbers in record_scalar.c, If and Loop in record_flow.c.
 */
#include "script/record_flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FOLD_BYTES = 1 << 16, MAX_OUT = 64 };

naru_status recording_begin(recording *r, graph *g, vm *m, const record_options *o, naru_error *err) {
    if (!g->main && !(g->main = graph_block_new(g, NULL))) return err_oom(err);
    *r = (recording){.g = g, .at = g->main, .machine = m, .options = *o, .arena = arena_new()};
    if (!r->options.unroll) r->options.unroll = 256;
    if (!r->arena) return err_oom(err);
    m->sink = &record_sink;
    m->sink_user = r;
    return NARU_OK;
}

void recording_end(recording *r) {
    for (rec_base *b = r->bases; b; b = b->next)
        if (b->constant) sobj_release(&b->constant->head);
    ARRAY_FREE(&r->constants);
    arena_free(r->arena);
    r->arena = NULL;
    r->bases = NULL;
}

naru_status rec_obstacle(recording *r, naru_error *err, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, NARU_UNSUPPORTED, "%s", text);
}

bool rec_visible(const recording *r, const value *v) {
    if (v->is_initializer && !v->is_input) return true;
    for (const block *b = r->at; b; b = b->parent)
        if (v->block == b) return true;
    return false;
}

/* ---- nodes ---- */
static bool default_attrs(graph *g, node *n) {
    const attr_def *d = n->op->attrs;
    while (d && d[n->nattrs].name) n->nattrs++;
    n->table = d;
    if (!(n->attrs = arena_calloc(g->arena, (size_t)n->nattrs + 1, sizeof *n->attrs))) return false;
    for (int i = 0; i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        *a = (attr){.name = d[i].name};
        if (d[i].required || d[i].optional) continue;
        if (d[i].kind == ATTR_INT) a->kind = ATTR_INT, a->i = d[i].i;
        if (d[i].kind == ATTR_FLOAT) a->kind = ATTR_FLOAT, a->f = d[i].f;
        if (d[i].kind == ATTR_STRING && d[i].s) a->kind = ATTR_STRING, a->s = (bytes){d[i].s, strlen(d[i].s)};
    }
    return true;
}

static naru_status set_attr(graph *g, node *n, const la *from, naru_error *err) {
    int k = 0;
    while (k < n->nattrs && strcmp(n->attrs[k].name, from->name) != 0) k++;
    if (k == n->nattrs) return err_set(err, NARU_INTERNAL, "%s has no attribute '%s'", n->op_type, from->name);
    attr *a = &n->attrs[k];
    a->kind = from->kind;
    if (from->kind == ATTR_INT) a->i = from->i;
    else if (from->kind == ATTR_FLOAT) a->f = (float)from->f;
    else if (from->kind == ATTR_STRING) a->s = (bytes){arena_strdup(g->arena, from->s), strlen(from->s)};
    else if (from->kind == ATTR_STRINGS) { /* s, n times */
        bytes *all = arena_calloc(g->arena, from->n + 1, sizeof *all);
        for (size_t i = 0; all && i < from->n; i++) all[i] = (bytes){arena_strdup(g->arena, from->s), strlen(from->s)};
        a->strings = all;
        a->count = from->n;
        if (!all) return err_oom(err);
    } else if (from->kind == ATTR_FLOATS) {
        a->floats = arena_dup(g->arena, from->ints, from->n * sizeof(float));
        a->count = from->n;
        if (!a->floats) return err_oom(err);
    } else {
        a->ints = arena_dup(g->arena, from->ints, from->n * sizeof *from->ints);
        a->count = from->n;
        if (!a->ints) return err_oom(err);
    }
    return NARU_OK;
}

/* Sizes that inference cannot know get a symbol of their own, so that what depends on them can still be compared. */
static void name_unknown_dims(recording *r, value *v) {
    type *t = &v->fact.type;
    if (t->kind != TYPE_TENSOR || !t->has_rank) return;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] == DIM_UNKNOWN) {
            char name[24];
            snprintf(name, sizeof name, "u%u", r->serial++);
            const char *kept = arena_strdup(r->g->arena, name);
            if (kept) t->dims[i] = sym_name(r->g->syms, kept);
        }
}

static bool foldable(const node *n) {
    size_t size = 0;
    if (!n->op->eval || (n->op->flags & (OP_RANDOM | OP_NOFOLD | OP_CONTROL)) || n->nout > 8) return false;
    for (int i = 0; i < n->nin; i++) {
        if (!n->in[i]) continue;
        if (!n->in[i]->constant || n->in[i]->is_input) return false;
        size += tensor_bytes(n->in[i]->constant);
    }
    for (int i = 0; i < n->nout; i++) {
        int64_t count = 0;
        const type *t = &n->out[i]->fact.type;
        if (!fact_complete(&n->out[i]->fact) || !dims_count(t->rank, t->dims, &count)) return false;
        size += dtype_bytes(t->dtype, count);
    }
    return size <= FOLD_BYTES;
}

static bool fold(recording *r, node *n, value **out) {
    naru_value *in[MAX_OUT] = {0}, *res[8] = {0};
    bool ok = n->nin <= MAX_OUT && foldable(n);
    for (int i = 0; ok && i < n->nin; i++)
        if (n->in[i]) ok = value_wrap_aligned(n->in[i]->constant, &in[i], NULL) == NARU_OK;
    ok = ok && node_evaluate(n, in, res, 0, NULL) == NARU_OK;
    for (int i = 0; ok && i < n->nout; i++) ok = res[i] && res[i]->kind == NARU_KIND_TENSOR;
    for (int i = 0; ok && i < n->nout; i++)
        ok = (out[i] = graph_constant_new(r->g, r->g->main, NULL, res[i]->tensor)) != NULL;
    for (int i = 0; i < 8; i++) value_unref(res[i]);
    for (int i = 0; i < MAX_OUT; i++) value_unref(in[i]);
    return ok;
}

naru_status rec_emit_n(recording *r, const op_desc *op, const la *attrs, int nin, value *const *in, int nout,
                       value **out, naru_error *err) {
    for (; nin > 0 && !in[nin - 1]; nin--) {}
    node *n = graph_node_new(r->g, r->at, NULL, op->name, op->domain ? op->domain : "", nin, nout, 0);
    if (!n) return err_oom(err);
    n->op = op;
    if (!default_attrs(r->g, n)) return err_oom(err);
    for (; attrs && attrs->name; attrs++) TRY(set_attr(r->g, n, attrs, err));
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    for (int i = 0; i < nout; i++) {
        if (!(out[i] = graph_value_new(r->g, r->at, NULL))) return err_oom(err);
        out[i]->block = r->at;
        node_set_out(n, i, out[i]);
    }
    naru_status st = node_infer(r->g, n, err);
    if (st != NARU_OK) return err_context(err, st, "%s", op->name);
    if (fold(r, n, out)) {
        node_remove(n);
        return NARU_OK;
    }
    for (int i = 0; i < nout; i++) name_unknown_dims(r, out[i]);
    return NARU_OK;
}

value *rec_emit(recording *r, const op_desc *op, const la *attrs, int nin, value *const *in, naru_error *err) {
    value *out;
    return rec_emit_n(r, op, attrs, nin, in, 1, &out, err) == NARU_OK ? out : NULL;
}

value *rec_constant(recording *r, naru_tensor *t, naru_error *err) {
    value *v = t ? graph_constant_new(r->g, r->g->main, NULL, t) : NULL;
    if (!v) err_oom(err);
    tensor_unref(t);
    return v;
}

value *rec_ints(recording *r, const int64_t *v, int n, naru_error *err) {
    naru_tensor *t;
    if (tensor_new(NARU_INT64, 1, (int64_t[]){n}, &t, err) != NARU_OK) return NULL;
    if (n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return rec_constant(r, t, err);
}

value *rec_int(recording *r, int64_t v, naru_error *err) {
    naru_tensor *t;
    if (tensor_new(NARU_INT64, 0, NULL, &t, err) != NARU_OK) return NULL;
    *(int64_t *)t->data = v;
    return rec_constant(r, t, err);
}

/* ---- tensors ---- */
static rec_base *base_new(recording *r, value *v) {
    rec_base *b = arena_calloc(r->arena, 1, sizeof *b);
    if (!b) return NULL;
    *b = (rec_base){.version = ++r->serial, .v = v, .input = -1, .made = r->at, .next = r->bases};
    r->bases = b;
    return b;
}

static void show_type(sten *t, const value *v) {
    t->t.dtype = v->fact.type.dtype;
    t->t.rank = v->fact.type.has_rank ? v->fact.type.rank : 0;
}

sten *rec_tensor_new(recording *r, value *v) {
    sten *t = sten_new(NARU_FLOAT, 0, NULL);
    rec_tensor *x = arena_calloc(r->arena, 1, sizeof *x);
    if (t) {
        storage_unref(t->t.storage);
        t->t.storage = NULL;
        t->t.data = NULL;
    }
    if (!t || !x || !(x->base = base_new(r, v))) {
        if (t) sobj_release(&t->head);
        return NULL;
    }
    x->v = v;
    x->version = x->base->version;
    t->rec = x;
    show_type(t, v);
    return t;
}

sten *record_input(recording *r, value *v, int leaf) {
    sten *t = rec_tensor_new(r, v);
    if (t) t->rec->base->input = leaf;
    return t;
}

/* A tensor of the module (or one made before recording): the same memory is the same constant. */
rec_base *record_constant_base(recording *r, sten *t, naru_error *err) {
    for (size_t i = 0; i < r->constants.count; i++) {
        const sten *c = r->constants.data[i]->constant;
        if (c == t || (c->t.storage == t->t.storage && c->t.data == t->t.data && c->t.dtype == t->t.dtype &&
                       tensor_same_dims(&c->t, &t->t) &&
                       !memcmp(c->t.strides, t->t.strides, (size_t)t->t.rank * sizeof *t->t.strides)))
            return r->constants.data[i];
    }
    naru_tensor *view, *whole;
    if (sten_export(t, &view, err) != NARU_OK) return NULL;
    naru_status st = tensor_contiguous(view, &whole, err);
    tensor_unref(view);
    if (st != NARU_OK) return NULL;
    const char *name = r->options.name_of ? r->options.name_of(r->options.user, t) : NULL;
    if (name && strmap_find(&r->g->names, name)) name = NULL;
    value *v = graph_constant_new(r->g, r->g->main, name, whole);
    tensor_unref(whole);
    rec_base *b = v ? base_new(r, v) : NULL;
    if (!b || !ARRAY_PUSH(&r->constants, b)) {
        err_oom(err);
        return NULL;
    }
    b->constant = t;
    sobj_retain(&t->head);
    return b;
}

value *record_value(recording *r, sten *t, naru_error *err) {
    if (!t->rec) {
        if (t->q) {
            rec_obstacle(r, err, "a quantized tensor");
            return NULL;
        }
        rec_base *b = record_constant_base(r, t, err);
        return b ? b->v : NULL;
    }
    rec_tensor *x = t->rec;
    if (x->version == x->base->version && rec_visible(r, x->v)) return x->v;
    value *v = x->base->v;
    if (!rec_visible(r, v)) {
        rec_obstacle(r, err, "a tensor leaves the branch or loop that computes it");
        return NULL;
    }
    for (int i = 0; v && i < x->nchain; i++) v = rec_view_value(r, v, &x->chain[i], err);
    if (!v) return NULL;
    x->v = v;
    x->version = x->base->version;
    return v;
}

/* ---- the sink ---- */
static recording *of(const lower *L) { return L->vm->sink_user; }

static value *content(lower *L, sten *t) {
    value *v = record_value(of(L), t, L->err);
    if (!v && L->st == NARU_OK) L->st = rec_no_value(L->err);
    return v;
}

static void sink_op(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout, sten **outs) {
    value *vin[MAX_OUT * 4], *vout[MAX_OUT];
    recording *r = of(L);
    if (nin > MAX_OUT * 4 || nout > MAX_OUT) return lower_fail(L, NARU_LIMIT, "%s has %d inputs", op->name, nin);
    if ((op->flags & OP_RANDOM) && r->options.region) {
        L->st = rec_obstacle(r, L->err, "random numbers");
        return;
    }
    for (int i = 0; i < nin; i++) {
        vin[i] = in[i] ? content(L, in[i]) : NULL;
        if (in[i] && !vin[i]) return;
    }
    naru_status st = rec_emit_n(r, op, attrs, nin, vin, nout, vout, L->err);
    for (int i = 0; st == NARU_OK && i < nout; i++)
        if (!(outs[i] = lower_own(L, rec_tensor_new(r, vout[i])))) return;
    if (st != NARU_OK) L->st = st;
}

static sten *sink_constant(lower *L, naru_tensor *t) {
    value *v = rec_constant(of(L), tensor_ref(t), L->err);
    return v ? lower_own(L, rec_tensor_new(of(L), v)) : (lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory"), NULL);
}

static int sink_rank(lower *L, const sten *t) {
    if (!t->rec) return t->t.rank;
    value *v = content(L, (sten *)t);
    if (!v) return 0;
    if (v->fact.type.has_rank) return v->fact.type.rank;
    L->st = rec_obstacle(of(L), L->err, "the number of dimensions of a tensor is not known");
    return 0;
}

static sv sink_dim(lower *L, sten *t, int i) {
    if (!t->rec) return sv_int(t->t.dims[i]);
    value *v = content(L, t);
    if (!v) return sv_int(1);
    dim_t d = v->fact.type.dims[i];
    if (dim_is_const(d)) return sv_int(d);
    sv s = rec_sym(SV_INT, elem_of_dim(d), NULL);
    if (s.tag == SV_SYM) {
        ((ssym *)s.o)->of = v;
        ((ssym *)s.o)->axis = i;
    }
    return lower_own_value(L, s);
}

static sv known_item(const naru_tensor *t) {
    sv v = sv_none();
    if (tensor_count(t) != 1 || !tensor_is_aligned(t)) return v;
    switch (t->dtype) {
    case NARU_BOOL: return sv_bool(*(bool *)t->data);
    case NARU_FLOAT: return sv_float(*(float *)t->data);
    case NARU_DOUBLE: return sv_float(*(double *)t->data);
    case NARU_INT64: return sv_int(*(int64_t *)t->data);
    case NARU_INT32: return sv_int(*(int32_t *)t->data);
    default: return v;
    }
}

static sv sink_item(lower *L, sten *t) {
    recording *r = of(L);
    value *v = content(L, t);
    if (!v) return sv_int(0);
    sv known = v->constant && !v->is_input ? known_item(v->constant) : sv_none();
    if (known.tag != SV_NONE) return known;
    naru_dtype d = v->fact.type.dtype;
    elem_t e = {ELEM_UNKNOWN, 0};
    if (v->fact.elems && v->fact.nelems == 1) e = v->fact.elems[0];
    if (e.kind == ELEM_CONST && d != NARU_BOOL) return sv_int(e.v);
    bool whole = v->fact.type.has_rank && v->fact.type.rank == 0;
    if (!whole) v = rec_emit(r, &op_Reshape, NULL, 2, (value *[]){v, rec_ints(r, NULL, 0, L->err)}, L->err);
    bool is_float = d == NARU_FLOAT || d == NARU_DOUBLE || d == NARU_FLOAT16 || d == NARU_BFLOAT16;
    naru_dtype want = d == NARU_BOOL ? NARU_BOOL : is_float ? NARU_DOUBLE : NARU_INT64;
    if (v && d != want) v = rec_emit(r, &op_Cast, ATTRS(AI("to", (int)want)), 1, &v, L->err);
    if (!v) {
        if (L->st == NARU_OK) L->st = L->err ? L->err->code : NARU_INTERNAL;
        return sv_int(0);
    }
    return rec_sym(want == NARU_BOOL ? SV_BOOL : want == NARU_DOUBLE ? SV_FLOAT : SV_INT, e, v);
}

static sten *sink_tensor_of(lower *L, sv sym, naru_dtype d) {
    recording *r = of(L);
    value *v = record_scalar(r, sym, L->err);
    naru_dtype have = v ? v->fact.type.dtype : NARU_FLOAT;
    if (d == NARU_UNDEFINED) d = have == NARU_DOUBLE ? NARU_FLOAT : have;
    if (v && have != d) v = rec_emit(r, &op_Cast, ATTRS(AI("to", (int)d)), 1, &v, L->err);
    if (!v) {
        if (L->st == NARU_OK) L->st = L->err && L->err->code ? L->err->code : NARU_INTERNAL;
        return NULL;
    }
    return lower_own(L, rec_tensor_new(r, v));
}

static void sink_set(lower *L, sten *dst, sten *src) {
    if (!dst->rec || !src->rec) {
        L->st = rec_obstacle(of(L), L->err, "a parameter is made to show other memory");
        return;
    }
    if (dst->rec->base->made != of(L)->at) { /* what a branch does to it could not be taken back */
        L->st = rec_obstacle(of(L), L->err, "a tensor changes its shape in place in a condition or loop");
        return;
    }
    rec_tensor *x = arena_alloc(of(L)->arena, sizeof *x);
    if (!x) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
    *x = *src->rec;
    dst->rec = x;
    dst->t.dtype = src->t.dtype;
    dst->t.rank = src->t.rank;
}

/* ---- going on after an obstacle: export lists them all ---- */
static bool is_lost(sv v, int depth) {
    if (v.tag == SV_TENSOR) return ((sten *)v.o)->rec && ((sten *)v.o)->rec->base->lost;
    if (v.tag == SV_SYM) return ((ssym *)v.o)->lost;
    bool lost = false;
    if (v.tag == SV_LIST && depth < 4)
        for (size_t i = 0; i < sv_list(v)->count && !lost; i++) lost = is_lost(sv_list(v)->items[i], depth + 1);
    if (v.tag == SV_TUPLE && depth < 4)
        for (int i = 0; i < sv_tuple(v)->n && !lost; i++) lost = is_lost(sv_tuple(v)->items[i], depth + 1);
    return lost;
}

static sv lost_value(recording *r, const stype *t) {
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!v) return (sv){.tag = SV_UNINIT};
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = NARU_FLOAT};
    if (t->kind == ST_OPTIONAL) t = t->args[0];
    if (t->kind == ST_INT || t->kind == ST_FLOAT || t->kind == ST_BOOL || t->kind == ST_NUMBER) {
        sv s = rec_sym(t->kind == ST_FLOAT  ? SV_FLOAT
                       : t->kind == ST_BOOL ? SV_BOOL
                                            : SV_INT,
                       (elem_t){ELEM_UNKNOWN, 0}, v);
        if (s.tag == SV_SYM) ((ssym *)s.o)->lost = true;
        return s;
    }
    if (t->kind == ST_LIST || t->kind == ST_TUPLE) {
        stuple *u = stuple_new(t->kind == ST_TUPLE ? t->n : 1, NULL);
        for (int i = 0; u && i < u->n; i++) u->items[i] = lost_value(r, t->args[t->kind == ST_TUPLE ? i : 0]);
        return sv_of(u);
    }
    sten *x = rec_tensor_new(r, v);
    if (x) x->rec->base->lost = true;
    return sv_of(x);
}

static bool give_lost(lower *L, int nout) {
    const schema *s = L->op->schema;
    for (int i = 0; i < nout && L->st == NARU_OK; i++)
        ret_value(L, lost_value(of(L), i < s->nreturns ? s->returns[i] : &stype_tensor));
    return L->st == NARU_OK;
}

/* A list or dict of the module: nobody writes it while recording, and a region does not believe one that changes. */
static bool module_container(lower *L) {
    if (lower_writes_shared(L->nargs, L->args, L->op)) {
        L->st = rec_obstacle(of(L), L->err, "a %s of the module is written", sv_tag_name(L->args[0].tag));
        return true;
    }
    for (int i = 0; of(L)->options.region && i < L->nargs; i++) {
        sv v = L->args[i];
        if ((v.tag != SV_LIST && v.tag != SV_DICT) || !v.o->shared || !v.o->written) continue;
        L->st = rec_obstacle(of(L), L->err, "a %s of the module may change between calls", sv_tag_name(v.tag));
        return true;
    }
    return false;
}

static bool before(lower *L, int nout) {
    if (module_container(L)) return true;
    for (int i = 0; of(L)->obstacles && i < L->nargs; i++)
        if (is_lost(L->args[i], 0)) return give_lost(L, nout);
    return module_container(L) || record_maybe_op(L) || record_list_op(L);
}

static bool is_reported(const recording *r, const char *where, const lower *L) {
    naru_finding f = {.size = sizeof f};
    str text = {0};
    bool found = false;
    str_addf(&text, "%s: %s", L->op->schema->name, L->err ? L->err->message : "not supported");
    for (size_t i = 0; !found && naru_report_get(r->options.report, i, &f) == NARU_OK; i++)
        found =
            f.severity == NARU_SEVERITY_ERROR && strcmp(f.where, where) == 0 && strcmp(f.message, str_text(&text)) == 0;
    str_free(&text);
    return found;
}

static bool after(lower *L, int nout) {
    recording *r = of(L);
    if (!r->options.report || r->options.region) return false;
    str where = {0};
    vm_where(r->machine, &where);
    if (is_reported(r, str_text(&where), L)) { /* a loop's body runs several times */
        str_free(&where);
        L->st = NARU_OK;
        if (L->err) *L->err = (naru_error)NARU_ERROR_INIT;
        return give_lost(L, nout);
    }
    naru_status st = report_add(r->options.report, NARU_SEVERITY_ERROR, "unsupported-operator", str_text(&where),
                                "rewrite this part of the model, or run it with naru run, which needs no export",
                                "%s: %s", L->op->schema->name, L->err ? L->err->message : "not supported");
    str_free(&where);
    if (st != NARU_OK) return false;
    r->obstacles++;
    L->st = NARU_OK;
    if (L->err) *L->err = (naru_error)NARU_ERROR_INIT;
    return give_lost(L, nout);
}

static naru_status attr_write(vm *m, sobject *o, int slot, sv v, naru_error *err) {
    if (!o->head.shared) { /* an object made by this very call */
        sv_set(&o->slots[slot], sv_keep(v));
        return NARU_OK;
    }
    return rec_obstacle(m->sink_user, err, "attribute '%s' of the module is written", o->cls->attrs[slot].name);
}

static naru_status attr_read(vm *m, sobject *o, int slot, sv *v, naru_error *err) {
    if (o->head.shared && o->cls->attrs[slot].written && ((recording *)m->sink_user)->options.region)
        return rec_obstacle(m->sink_user, err, "attribute '%s' may change between calls", o->cls->attrs[slot].name);
    return NARU_OK;
}

const sink record_sink = {
    .name = "record",
    .records = true,
    .op = sink_op,
    .view = record_view,
    .write = record_write,
    .set = sink_set,
    .constant = sink_constant,
    .item = sink_item,
    .dim = sink_dim,
    .rank = sink_rank,
    .apply = record_apply,
    .tensor_of = sink_tensor_of,
    .need = record_need,
    .repeat = record_repeat,
    .branch = record_branch,
    .loop = record_loop,
    .before = before,
    .after = after,
    .attr_read = attr_read,
    .attr_write = attr_write,
};
