/* SPDX-License-Identifier: MIT
 *
 * Export (export.h): arguments from the caller's inputs, one recording, outputs flattened and named, passes, lowering.
 */
#include "script/export.h"

#include <stdio.h>
#include <string.h>

#include "passes/lower.h"
#include "passes/pass.h"
#include "script/record_flow.h"

enum { MAX_OUTPUTS = 256 };

/* ---- names of parameters: "layer.weight" ---- */
typedef struct param_name {
    const sten *t;
    const char *name;
} param_name;

typedef struct exporter {
    module *m;
    const export_options *o;
    graph *g;
    recording r;
    vm machine;
    arena *arena;
    ARRAY(param_name) params;
    ARRAY(sv *) flags; /* `training` slots that were on */
    int used;          /* inputs taken so far */
    ARRAY(type) outs;  /* types of the outputs as recorded */
    naru_report *report;
    naru_error *err;
} exporter;

static bool is_mode_sensitive(const char *cls) {
    return strstr(cls, "Dropout") || strstr(cls, "BatchNorm") || strstr(cls, "InstanceNorm") || strstr(cls, "RReLU");
}

static naru_status visit(exporter *x, sv v, const char *path, int depth) {
    if (depth > 100) return err_set(x->err, NARU_LIMIT, "modules nest too deep");
    if (v.tag == SV_TENSOR) {
        param_name p = {(sten *)v.o, path};
        return ARRAY_PUSH(&x->params, p) ? NARU_OK : err_oom(x->err);
    }
    sobject *o = sv_object(v);
    for (int i = 0; o && i < o->n && i < o->cls->nattrs; i++) {
        const sattr *a = &o->cls->attrs[i];
        if (o->slots[i].tag == SV_BOOL && o->slots[i].b && strcmp(a->name, "training") == 0) {
            if (!ARRAY_PUSH(&x->flags, &o->slots[i])) return err_oom(x->err);
            if (is_mode_sensitive(o->cls->name))
                TRY(report_add(x->report, NARU_SEVERITY_WARNING, "training-mode", path, "call eval() before saving",
                               "%s was saved in training mode%s", o->cls->name,
                               x->o->training ? "" : "; it is exported as for evaluation"));
        }
        if (o->slots[i].tag != SV_TENSOR && o->slots[i].tag != SV_OBJECT) continue;
        str name = {0};
        str_addf(&name, "%s%s%s", path, *path ? "." : "", a->name);
        char *kept = arena_strdup(x->arena, str_text(&name));
        str_free(&name);
        if (!kept) return err_oom(x->err);
        TRY(visit(x, o->slots[i], kept, depth + 1));
    }
    return NARU_OK;
}

static const char *name_of(void *user, const sten *t) {
    const exporter *x = user;
    for (size_t i = 0; i < x->params.count; i++)
        if (x->params.data[i].t == t) return x->params.data[i].name;
    return NULL;
}

/* ---- arguments ---- */
static naru_status next_input(exporter *x, const char *what, value **out) {
    if (x->used >= x->o->ninputs)
        return err_set(x->err, NARU_INVALID_ARGUMENT, "no --input is given for argument '%s'", what);
    const export_input *in = &x->o->inputs[x->used++];
    value *v = graph_value_new(x->g, x->g->main, in->name);
    if (!v || !block_add_input(x->g->main, v)) return err_oom(x->err);
    v->block = x->g->main;
    type t = {.kind = TYPE_TENSOR, .dtype = in->dtype, .has_rank = true, .rank = in->rank};
    for (int i = 0; i < in->rank; i++) {
        char made[200];
        const char *name = in->symbols[i];
        if (!name && in->dims[i] < 0) {
            snprintf(made, sizeof made, "%s_dim_%d", in->name, i);
            name = made;
        }
        char *kept = name ? arena_strdup(x->g->arena, name) : NULL;
        if (name && !kept) return err_oom(x->err);
        t.dims[i] = name ? sym_name(x->g->syms, kept) : in->dims[i];
    }
    v->declared = t;
    v->has_declared = true;
    v->fact = (fact){.type = t};
    *out = v;
    return NARU_OK;
}

static naru_status scalar_input(exporter *x, const char *what, sv_tag is, sv *out) {
    value *v;
    TRY(next_input(x, what, &v));
    naru_dtype want = is == SV_BOOL ? NARU_BOOL : is == SV_FLOAT ? NARU_DOUBLE : NARU_INT64;
    if (v->fact.type.rank != 0)
        return err_set(x->err, NARU_INVALID_ARGUMENT, "argument '%s' is a number: give --input %s=scalar:%s", what,
                       v->name, naru_dtype_name(want));
    value *w = v;
    if (v->fact.type.dtype != want && !(w = rec_emit(&x->r, &op_Cast, ATTRS(AI("to", (int)want)), 1, &w, x->err)))
        return NARU_TYPE;
    *out = record_input_scalar(&x->r, w, is, (elem_t){ELEM_UNKNOWN, 0});
    return out->tag == SV_UNINIT ? err_oom(x->err) : NARU_OK;
}

static bool named_like(const exporter *x, const char *base) { /* the next input is "base_0", "base.0" or of any name */
    if (x->used >= x->o->ninputs) return false;
    const char *n = x->o->inputs[x->used].name;
    size_t len = strlen(base);
    return strncmp(n, base, len) == 0 && (n[len] == '_' || n[len] == '.') && n[len + 1] >= '0' && n[len + 1] <= '9';
}

static naru_status make_arg(exporter *x, const char *name, const stype *t, bool last, sv *out);

static naru_status list_arg(exporter *x, const char *name, const stype *elem, bool last, sv *out) {
    slist *l = slist_new(elem, 4);
    if (!l) return err_oom(x->err);
    *out = sv_of(l);
    while (x->used < x->o->ninputs && (last || named_like(x, name))) {
        sv v = sv_none();
        TRY(make_arg(x, name, elem, false, &v));
        if (!slist_push(l, v)) return err_oom(x->err);
    }
    return NARU_OK;
}

static naru_status tuple_arg(exporter *x, const char *name, const stype *t, sv *out) {
    stuple *u = stuple_new(t->n, t->cls);
    if (!u) return err_oom(x->err);
    *out = sv_of(u);
    for (int i = 0; i < t->n; i++) TRY(make_arg(x, name, t->args[i], false, &u->items[i]));
    return NARU_OK;
}

static naru_status make_arg(exporter *x, const char *name, const stype *t, bool last, sv *out) {
    value *v;
    switch (t->kind) {
    case ST_TENSOR: {
        TRY(next_input(x, name, &v));
        sten *s = record_input(&x->r, v, x->used - 1);
        *out = sv_of(s);
        return s ? NARU_OK : err_oom(x->err);
    }
    case ST_INT: return scalar_input(x, name, SV_INT, out);
    case ST_FLOAT: return scalar_input(x, name, SV_FLOAT, out);
    case ST_BOOL: return scalar_input(x, name, SV_BOOL, out);
    case ST_OPTIONAL: return make_arg(x, name, t->args[0], last, out);
    case ST_LIST: return list_arg(x, name, t->args[0], last, out);
    case ST_TUPLE: return tuple_arg(x, name, t, out);
    default: {
        str s = {0};
        stype_print(t, &s);
        naru_status st = err_set(x->err, NARU_UNSUPPORTED, "argument '%s' of type %s cannot be an input of a graph",
                                 name, str_text(&s));
        str_free(&s);
        return st;
    }
    }
}

/* Whether an --input is meant for this parameter: by name, or by position when no name fits any parameter. */
static bool is_given(const exporter *x, const sfunction *f, int i) {
    const char *name = f->params[i].name;
    if (x->used >= x->o->ninputs) return false;
    if (strcmp(x->o->inputs[x->used].name, name) == 0 || named_like(x, name)) return true;
    for (int p = i + 1; p < f->nparams; p++) /* meant for a later one: this takes its default */
        if (f->params[p].name && strcmp(x->o->inputs[x->used].name, f->params[p].name) == 0 && f->params[i].has_default)
            return false;
    return true;
}

static naru_status make_args(exporter *x, const sfunction *f, sv *args, int *n) {
    args[0] = sv_keep(x->m->root);
    *n = 1;
    for (int i = 1; i < f->nparams; i++, ++*n) {
        const sparam *p = &f->params[i];
        args[i] = sv_none();
        if (is_given(x, f, i)) TRY(make_arg(x, p->name, p->type, i + 1 == f->nparams, &args[i]));
        else if (p->has_default) args[i] = sv_keep(p->dflt);
        else if (p->type->kind == ST_LIST) args[i] = sv_of(slist_new(p->type->args[0], 0));
        else if (p->type->kind != ST_OPTIONAL)
            return err_set(x->err, NARU_INVALID_ARGUMENT, "no --input is given for argument '%s' of %s", p->name,
                           f->name);
    }
    if (x->used < x->o->ninputs)
        return err_set(x->err, NARU_INVALID_ARGUMENT, "--input %s is for no argument of %s", x->o->inputs[x->used].name,
                       f->name);
    return NARU_OK;
}

/* ---- results ---- */

static naru_status flatten(exporter *x, sv v, const stype *t, value **out, int *n, int depth);

static naru_status flatten_items(exporter *x, sv v, const stype *t, value **out, int *n, int depth) {
    bool nested = t && t->n > 0 && (t->kind == ST_LIST || t->kind == ST_TUPLE || t->kind == ST_DICT);
    int last = nested ? t->n - 1 : 0;
    if (v.tag == SV_LIST)
        for (size_t i = 0; i < sv_list(v)->count; i++)
            TRY(flatten(x, sv_list(v)->items[i], nested ? t->args[0] : NULL, out, n, depth + 1));
    if (v.tag == SV_TUPLE)
        for (int i = 0; i < sv_tuple(v)->n; i++)
            TRY(flatten(x, sv_tuple(v)->items[i], nested && i <= last ? t->args[i] : NULL, out, n, depth + 1));
    if (v.tag == SV_DICT)
        for (size_t i = 0; i < sv_dict(v)->used; i++)
            if (sv_dict(v)->entries[i].live)
                TRY(flatten(x, sv_dict(v)->entries[i].value, nested ? t->args[last] : NULL, out, n, depth + 1));
    return NARU_OK;
}

/* t: its declared type, or NULL: what may be None by data is there when the type says that it is. */
static naru_status flatten(exporter *x, sv v, const stype *t, value **out, int *n, int depth) {
    if (depth > 50 || *n >= MAX_OUTPUTS) return err_set(x->err, NARU_LIMIT, "too many results");
    switch (v.tag) {
    case SV_TENSOR: out[*n] = record_value(&x->r, (sten *)v.o, x->err); break;
    case SV_INT:
    case SV_FLOAT:
    case SV_BOOL:
    case SV_STR: out[*n] = record_scalar(&x->r, v, x->err); break;
    case SV_SYM:
        if (rec_is_maybe(v) && t && t->kind != ST_OPTIONAL && t->kind != ST_ANY) out[*n] = ((ssym *)v.o)->some;
        else out[*n] = record_scalar(&x->r, v, x->err);
        break;
    case SV_NONE: return NARU_OK;
    case SV_LIST:
    case SV_TUPLE:
    case SV_DICT: return flatten_items(x, v, t, out, n, depth);
    default:
        return err_set(x->err, NARU_UNSUPPORTED, "a result of type %s cannot be an output of a graph",
                       sv_tag_name(v.tag));
    }
    if (!out[*n]) return rec_no_value(x->err);
    ++*n;
    return NARU_OK;
}

static naru_status name_output(exporter *x, value *v, const char *name) {
    graph *g = x->g;
    bool own = v->producer && v->producer->block == g->main && !value_is_output(v);
    if (!own || strmap_find(&g->names, name)) {
        node *n = graph_node_new(g, g->main, NULL, "Identity", "", 1, 1, 0);
        value *copy = n ? graph_value_new(g, g->main, strmap_find(&g->names, name) ? NULL : name) : NULL;
        if (!copy) return err_oom(x->err);
        n->op = &op_Identity;
        n->in[0] = v;
        copy->block = g->main;
        copy->fact = (fact){.type = v->fact.type};
        node_set_out(n, 0, copy);
        return block_add_output(g->main, copy) ? NARU_OK : err_oom(x->err);
    }
    strmap_remove(&g->names, v->name);
    bool fresh;
    struct strmap_entry *e;
    if (!(v->name = arena_strdup(g->arena, name)) || !(e = strmap_put(&g->names, v->name, &fresh)))
        return err_oom(x->err);
    e->ptr = v;
    return block_add_output(g->main, v) ? NARU_OK : err_oom(x->err);
}

static naru_status name_outputs(exporter *x, sv result, const stype *t) {
    value *outs[MAX_OUTPUTS];
    int n = 0;
    TRY(flatten(x, result, t, outs, &n, 0));
    if (n == 0) return err_set(x->err, NARU_UNSUPPORTED, "the method returns no tensor");
    if (x->o->noutputs > n)
        return err_set(x->err, NARU_INVALID_ARGUMENT, "%d --output-names for %d outputs", x->o->noutputs, n);
    for (int i = 0; i < n; i++) {
        char made[40];
        snprintf(made, sizeof made, n == 1 ? "output" : "output_%d", i);
        if (!ARRAY_PUSH(&x->outs, outs[i]->fact.type)) return err_oom(x->err);
        TRY(name_output(x, outs[i], i < x->o->noutputs ? x->o->output_names[i] : made));
    }
    return NARU_OK;
}

/* Declared types of outputs: what inference found, with the caller's names for axes. */
static naru_status declare_outputs(exporter *x) {
    block *b = x->g->main;
    for (int i = 0; i < b->nout; i++) {
        type t = b->out[i]->fact.type; /* sequences lose the rank of what they hold when inferred anew */
        if (t.kind == TYPE_TENSOR && !t.has_rank && (size_t)i < x->outs.count) t = x->outs.data[i];
        for (int a = 0; t.has_rank && a < t.rank; a++) {
            if (!dim_is_const(t.dims[a]) && !(dim_is_known(t.dims[a]) && sym_plain_name(x->g->syms, t.dims[a])))
                t.dims[a] = DIM_UNKNOWN;
            for (int k = 0; k < x->o->noutput_axes; k++)
                if (x->o->output_axes[k].axis == a && strcmp(x->o->output_axes[k].output, b->out[i]->name) == 0)
                    t.dims[a] = sym_name(x->g->syms, arena_strdup(x->g->arena, x->o->output_axes[k].symbol));
        }
        b->out[i]->declared = t;
        b->out[i]->has_declared = true;
    }
    return NARU_OK;
}

/* ---- whole ---- */
/* The error has the first obstacle and their number; all are in the report. */
static naru_status obstacles(exporter *x, naru_status st, const char *method) {
    if (x->r.obstacles == 0 && st != NARU_UNSUPPORTED) return st;
    if (x->r.obstacles == 0) {
        naru_status told = report_add(x->report, NARU_SEVERITY_ERROR, "export", method, "see the place in the source",
                                      "%s", x->err ? x->err->message : naru_status_text(st));
        return told == NARU_OK ? st : told;
    }
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(x->report, i, &f) == NARU_OK; i++)
        if (strcmp(f.code, "unsupported-operator") == 0)
            return err_set(x->err, NARU_UNSUPPORTED, "%d places cannot be exported; the first: %s: %s", x->r.obstacles,
                           f.where, f.message);
    return NARU_UNSUPPORTED;
}

static naru_status record(exporter *x, sfunction *f) {
    sv args[256], out = sv_none();
    int n = 0;
    for (int i = 0; i < 256; i++) args[i] = sv_none();
    record_options ro = {.name_of = name_of, .user = x, .report = x->report};
    TRY(recording_begin(&x->r, x->g, &x->machine, &ro, x->err));
    if (f->nparams > 250) return err_set(x->err, NARU_LIMIT, "%d parameters", f->nparams);
    naru_status st = make_args(x, f, args, &n);
    if (st == NARU_OK) {
        st = vm_call(&x->machine, f, n, args, &out, x->err);
        st = obstacles(x, st, f->name);
    }
    if (st == NARU_OK) st = name_outputs(x, out, f->ret);
    sv_drop(out);
    for (int i = 0; i < 256; i++) sv_drop(args[i]);
    return st;
}

static naru_status clean(exporter *x) {
    pass_options po = {.optimize = x->o->fold,
                       .only = x->o->fold
                                   ? "dead_code,fold_shapes,fold_constants,if_constant,identity,reshape_shape,common,"
                                     "conv_bn,cancel_transposes,cancel_reshapes"
                                   : "dead_code"};
    x->g->lifted = true;
    TRY(passes_run(x->g, &po, x->err));
    TRY(declare_outputs(x));
    return graph_lower(x->g, x->o->opset, x->report, x->err);
}

static naru_status run(exporter *x) {
    sfunction *f;
    TRY(module_method(x->m, x->o->method ? x->o->method : "forward", &f, x->err));
    TRY(unit_compile(x->m->unit, f, x->err));
    TRY(visit(x, x->m->root, "", 0));
    if (!x->o->training)
        for (size_t i = 0; i < x->flags.count; i++) x->flags.data[i]->b = false;
    naru_status st = record(x, f);
    for (size_t i = 0; i < x->flags.count; i++) x->flags.data[i]->b = true;
    TRY(st);
    x->g->producer_name = "naru";
    x->g->producer_version = NARU_VERSION;
    x->g->main->name = "main_graph";
    return clean(x);
}

naru_status module_export(module *m, const export_options *o, graph **out, naru_report *report, naru_error *err) {
    exporter *x = mem_calloc(1, sizeof *x);
    eager *e = NULL;
    naru_report *own = NULL; /* obstacles are taken back when what they are in turns out not to be exported */
    *out = NULL;
    if (!x) return err_oom(err);
    if (!report && naru_report_create(&own, err) != NARU_OK) {
        mem_free(x);
        return NARU_OUT_OF_MEMORY;
    }
    if (!report) report = own;
    *x = (exporter){.m = m, .o = o, .report = report, .err = err, .g = graph_new(), .arena = arena_new()};
    naru_status st = x->g && x->arena ? eager_new(m->options.cpu, m->pool, 0, &e, err) : err_oom(err);
    pthread_rwlock_wrlock(&m->attributes);
    if (st == NARU_OK && (st = vm_init(&x->machine, m->unit, e)) == NARU_OK) {
        st = run(x);
        recording_end(&x->r);
        vm_done(&x->machine);
    }
    pthread_rwlock_unlock(&m->attributes);
    eager_free(e);
    arena_free(x->arena);
    ARRAY_FREE(&x->params);
    ARRAY_FREE(&x->flags);
    ARRAY_FREE(&x->outs);
    if (st == NARU_OK) *out = x->g;
    else graph_free(x->g);
    mem_free(x);
    naru_report_destroy(&own);
    return st;
}
