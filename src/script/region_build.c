/* SPDX-License-Identifier: MIT
 *
 * A region is made: placeholders for the leaves, the recording, its outputs, the engine.
 */
#include "script/region_in.h"

#include <stdio.h>
#include <string.h>

#include "passes/pass.h"
#include "script/eager.h"

enum { RECORD_BUDGET = 1 << 20 }; /* instructions: a loop of the host that runs longer is no region */

static type leaf_type(region_builder *b, const naru_tensor *t, int leaf) {
    type y = {.kind = TYPE_TENSOR, .dtype = t->dtype, .has_rank = true, .rank = t->rank};
    for (int i = 0; i < t->rank; i++) {
        char name[32];
        y.dims[i] = t->dims[i];
        if (b->mode == MODE_SIZES || t->dims[i] < 2) continue;
        snprintf(name, sizeof name, "x%d_%d", leaf, i);
        const char *kept = arena_strdup(b->g->arena, name);
        y.dims[i] = kept ? sym_name(b->g->syms, kept) : DIM_UNKNOWN;
        sym_set_typical(b->g->syms, y.dims[i], t->dims[i]);
    }
    return y;
}

static value *new_input(region_builder *b, type t) {
    value *v = graph_value_new(b->g, b->g->main, NULL);
    if (!v || !block_add_input(b->g->main, v)) return NULL;
    v->block = b->g->main;
    v->declared = t;
    v->has_declared = true;
    v->fact = (fact){.type = t};
    return v;
}

static sv place_leaf(region_builder *b, sv v) {
    int leaf = b->leaf++;
    type scalar = {.kind = TYPE_TENSOR, .dtype = v.tag == SV_FLOAT ? NARU_DOUBLE : NARU_INT64, .has_rank = true};
    value *in = new_input(b, v.tag == SV_TENSOR ? leaf_type(b, &((sten *)v.o)->t, leaf) : scalar);
    if (!in) return (sv){.tag = SV_UNINIT};
    sv out = v.tag == SV_TENSOR ? sv_of(record_input(&b->rec, in, leaf))
                                : record_input_scalar(&b->rec, in, v.tag, (elem_t){ELEM_UNKNOWN, 0});
    b->placed[leaf] = out;
    return out;
}

static bool remember(region_builder *b, sobj *o, size_t count) {
    return ARRAY_PUSH(&b->containers, o) && ARRAY_PUSH(&b->counts, count);
}

static sv place(region_builder *b, sv v) {
    sv bad = {.tag = SV_UNINIT};
    switch (v.tag) {
    case SV_TENSOR: return place_leaf(b, v);
    case SV_INT:
    case SV_FLOAT: return b->mode == MODE_OPEN ? place_leaf(b, v) : v;
    case SV_LIST: {
        slist *l = slist_new(sv_list(v)->elem, sv_list(v)->count);
        if (!l || !remember(b, &l->head, sv_list(v)->count)) return bad;
        for (size_t i = 0; i < sv_list(v)->count; i++)
            if (!slist_push(l, place(b, sv_list(v)->items[i]))) return bad;
        return sv_of(l);
    }
    case SV_TUPLE: {
        stuple *t = stuple_new(sv_tuple(v)->n, sv_tuple(v)->cls);
        for (int i = 0; t && i < t->n; i++)
            if ((t->items[i] = place(b, sv_tuple(v)->items[i])).tag == SV_UNINIT) return bad;
        return sv_of(t);
    }
    default: return sv_keep(v);
    }
}

/* Lists given to the function must come back as they were: the graph cannot change them. */
static naru_status check_containers(region_builder *b) {
    for (size_t i = 0; i < b->containers.count; i++)
        if (((slist *)b->containers.data[i])->count != b->counts.data[i])
            return rec_obstacle(&b->rec, b->err, "a list of the caller is changed");
    return NARU_OK;
}

/* Arguments that were written get their new content after the run. */
static naru_status describe_writes(region_builder *b) {
    for (int i = 0; i < b->leaf; i++) {
        sten *t = sv_tensor(b->placed[i]);
        rec_base *base = t ? t->rec->base : NULL;
        if (!base || base->input != i || !base->written) continue;
        int out = region_add_output(b, base->v);
        if (out < 0) return err_set(b->err, NARU_LIMIT, "more than %d results", REGION_RESULTS);
        b->r->written[b->r->nwritten].leaf = i;
        b->r->written[b->r->nwritten++].output = out;
    }
    return NARU_OK;
}

/* Engine outputs are nodes' results of the main block, each once. */
static naru_status add_outputs(region_builder *b) {
    for (int i = 0; i < b->nouts; i++) {
        value *v = b->outs[i];
        if (!v->producer || v->is_initializer || v->is_input || value_is_output(v)) {
            node *n = graph_node_new(b->g, b->g->main, NULL, "Identity", "", 1, 1, 0);
            value *copy = n ? graph_value_new(b->g, b->g->main, NULL) : NULL;
            if (!copy) return err_oom(b->err);
            n->op = &op_Identity;
            n->in[0] = v;
            copy->block = b->g->main;
            copy->fact = (fact){.type = v->fact.type};
            node_set_out(n, 0, copy);
            v = copy;
        }
        if (!block_add_output(b->g->main, v)) return err_oom(b->err);
    }
    return NARU_OK;
}

static naru_status watch_constants(region_builder *b) {
    for (size_t i = 0; i < b->rec.constants.count; i++) {
        sten *t = b->rec.constants.data[i]->constant;
        if (!t->t.storage) continue;
        watched w = {t, storage_version(t->t.storage)};
        if (!ARRAY_PUSH(&b->r->constants, w)) return err_oom(b->err);
        sobj_retain(&t->head);
    }
    return NARU_OK;
}

static naru_status record(region_builder *b, vm *m, sfunction *f, int n, const sv *args) {
    sv own[256], out = sv_none();
    record_options ro = {.region = true};
    naru_status st = recording_begin(&b->rec, b->g, m, &ro, b->err);
    for (int i = 0; i < n; i++) own[i] = sv_none();
    for (int i = 0; st == NARU_OK && i < n; i++)
        if ((own[i] = place(b, args[i])).tag == SV_UNINIT) st = err_oom(b->err);
    if (st == NARU_OK) st = vm_call(m, f, n, own, &out, b->err);
    if (st == NARU_OK) st = check_containers(b);
    if (st == NARU_OK) st = region_describe(b, out, &b->r->result);
    if (st == NARU_OK) st = describe_writes(b);
    if (st == NARU_OK && (b->nouts == 0 || b->g->main->nnodes == 0))
        st = rec_obstacle(&b->rec, b->err, "nothing to compute");
    if (st == NARU_OK) st = add_outputs(b);
    if (st == NARU_OK) st = watch_constants(b);
    sv_drop(out);
    for (int i = 0; i < n; i++) sv_drop(own[i]);
    return st;
}

static naru_status compile(region_builder *b, pool *p) {
    pass_options po = {.optimize = true, .cpu = (int)b->set->cpu};
    b->g->lifted = true;
    TRY(passes_run(b->g, &po, b->err));
    graph *g = b->g;
    b->g = NULL;
    return engine_compile(g, b->set->cpu, p, &b->r->engine, b->err);
}

naru_status region_build(vm *caller, region_set *set, sfunction *f, int n, const sv *args, const region_args *k,
                         region **out, naru_error *err) {
    region_builder *b = mem_calloc(1, sizeof *b);
    region *r = mem_calloc(1, sizeof *r);
    vm m;
    naru_status st = b && r ? vm_init(&m, caller->unit, caller->eager) : err_oom(err);
    if (st != NARU_OK) {
        mem_free(b);
        mem_free(r);
        return st;
    }
    m.cancelled = caller->cancelled;
    m.budget = caller->budget < RECORD_BUDGET ? caller->budget : RECORD_BUDGET;
    *r = (region){.refs = 1,
                  .mode = k->mode,
                  .generation = atomic_load(&caller->unit->generation),
                  .key_size = k->n,
                  .nleaves = k->nleaves,
                  .arena = arena_new()};
    r->key = mem_alloc(k->n);
    *b = (region_builder){.caller = caller, .set = set, .r = r, .g = graph_new(), .mode = k->mode, .err = err};
    st = r->arena && r->key && b->g ? NARU_OK : err_oom(err);
    if (st == NARU_OK) {
        memcpy(r->key, k->key, k->n);
        st = record(b, &m, f, n, args);
        r->noutputs = b->nouts;
    }
    recording_end(&b->rec);
    vm_done(&m);
    if (st == NARU_OK) st = compile(b, eager_pool(caller->eager));
    ARRAY_FREE(&b->containers);
    ARRAY_FREE(&b->counts);
    graph_free(b->g);
    mem_free(b);
    if (st == NARU_OK) *out = r;
    else region_unref(r);
    return st;
}
