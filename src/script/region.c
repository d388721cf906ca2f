/* SPDX-License-Identifier: MIT
 *
 * Regions (region.h): keys of arguments, recording and compiling, running. What comes back is described by a small tree
 * of results: outputs of the engine, arguments, views of them, constants, lists and tuples.
 */
#include "script/region.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "passes/pass.h"
#include "script/eager.h"
#include "script/record.h"

enum { MAX_KEY = 2048, MAX_LEAVES = 128, MAX_RESULTS = 128, MAX_TRIES = 12 };
enum { RECORD_BUDGET = 1 << 20 }; /* instructions: a loop of the host that runs longer is no region */
/* How general a recording is: sizes and numbers unknown; sizes unknown; nothing unknown. */
enum { MODE_OPEN, MODE_NUMBERS, MODE_SIZES, MODES };

typedef struct result { /* of the call */
    enum { RES_OUTPUT, RES_ARG, RES_CONST, RES_SCALAR, RES_LIST, RES_TUPLE, RES_DICT } kind;
    int index;  /* OUTPUT, SCALAR: engine output; ARG: leaf */
    sv_tag is;  /* SCALAR */
    sv value;   /* CONST; DICT: a dict with the keys */
    int nchain; /* views upon OUTPUT, ARG or CONST */
    view_step *chain;
    int n; /* LIST, TUPLE, DICT */
    struct result *items;
    const stype *elem; /* LIST */
    const sclass *cls; /* TUPLE */
} result;

typedef struct watched { /* what a region took for constant */
    sten *t;
    unsigned version;
} watched;

typedef struct region {
    struct region *next; /* of one function */
    atomic_int refs;
    int mode;
    unsigned generation; /* of the unit when it was recorded */
    size_t key_size;
    uint8_t *key;
    arena *arena;
    engine *engine;
    int nleaves;
    int noutputs;
    result result;
    ARRAY(watched) constants;
    ARRAY(sv) kept; /* CONST results */
    struct {
        int leaf, output;
    } written[MAX_LEAVES];
    int nwritten;
} region;

typedef struct region_fn {
    struct region_fn *next;
    const sfunction *fn;
    region *regions;
    int tries;
    int mode; /* least that has worked */
    bool off;
} region_fn;

struct region_set {
    pthread_mutex_t lock;
    cpu_level cpu;
    int threads;
    region_fn *fns[256];
};

typedef struct kept_context {
    struct kept_context *next;
    region *r;
    context *c;
} kept_context;

struct region_user {
    region_set *set;
    kept_context *contexts;
    int building; /* recordings in progress: calls inside them are not regions */
};

/* ---- sets ---- */
region_set *region_set_new(cpu_level cpu, int threads) {
    region_set *s = mem_calloc(1, sizeof *s);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->cpu = cpu;
    s->threads = threads;
    return s;
}

static void region_unref(region *r) {
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1) return;
    for (size_t i = 0; i < r->constants.count; i++) sobj_release(&r->constants.data[i].t->head);
    for (size_t i = 0; i < r->kept.count; i++) sv_drop(r->kept.data[i]);
    ARRAY_FREE(&r->constants);
    ARRAY_FREE(&r->kept);
    engine_free(r->engine);
    arena_free(r->arena);
    mem_free(r->key);
    mem_free(r);
}

static void drop_regions(region_fn *f) {
    for (region *r = f->regions, *next; r; r = next) {
        next = r->next;
        region_unref(r);
    }
    f->regions = NULL;
}

void region_set_clear(region_set *s) {
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < COUNT_OF(s->fns); i++)
        for (region_fn *f = s->fns[i]; f; f = f->next) {
            drop_regions(f);
            f->tries = 0;
            f->off = false;
        }
    pthread_mutex_unlock(&s->lock);
}

void region_set_free(region_set *s) {
    if (!s) return;
    for (size_t i = 0; i < COUNT_OF(s->fns); i++)
        for (region_fn *f = s->fns[i], *next; f; f = next) {
            next = f->next;
            drop_regions(f);
            mem_free(f);
        }
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

region_user *region_user_new(region_set *s) {
    region_user *u = mem_calloc(1, sizeof *u);
    if (u) u->set = s;
    return u;
}

void region_user_free(region_user *u) {
    if (!u) return;
    for (kept_context *k = u->contexts, *next; k; k = next) {
        next = k->next;
        context_free(k->c);
        region_unref(k->r);
        mem_free(k);
    }
    mem_free(u);
}

static region_fn *fn_of(region_set *s, const sfunction *fn) { /* under the lock */
    size_t b = (uintptr_t)fn / 64 % COUNT_OF(s->fns);
    for (region_fn *f = s->fns[b]; f; f = f->next)
        if (f->fn == fn) return f;
    region_fn *f = mem_calloc(1, sizeof *f);
    if (!f) return NULL;
    *f = (region_fn){.next = s->fns[b], .fn = fn};
    return s->fns[b] = f;
}

/* ---- keys and leaves ---- */
typedef struct leaves {
    uint8_t key[MAX_KEY];
    size_t n;
    int mode;
    sv leaf[MAX_LEAVES]; /* tensors, and numbers in MODE_OPEN; borrowed */
    int nleaves;
    int ntensors, nnumbers;
    bool bad;
} leaves;

static void put(leaves *k, const void *p, size_t n) {
    if (k->n + n > MAX_KEY) {
        k->bad = true;
        return;
    }
    memcpy(k->key + k->n, p, n);
    k->n += n;
}
static void put1(leaves *k, int c) {
    uint8_t b = (uint8_t)c;
    put(k, &b, 1);
}

static void add_leaf(leaves *k, sv v) {
    if (k->nleaves == MAX_LEAVES) k->bad = true;
    else k->leaf[k->nleaves++] = v;
}

static void scan_tensor(leaves *k, sten *t) {
    if (t->q || t->lens || t->rec || !t->t.storage || t->number) k->bad = true;
    put1(k, 'T');
    put1(k, t->t.dtype);
    put1(k, t->t.rank);
    if (k->mode == MODE_SIZES) put(k, t->t.dims, (size_t)t->t.rank * sizeof *t->t.dims);
    else
        for (int i = 0; i < t->t.rank; i++) put1(k, t->t.dims[i] < 2 ? (int)t->t.dims[i] : 2);
    k->ntensors++;
    add_leaf(k, sv_of(t));
}

static void scan(leaves *k, sv v, int depth) {
    if (depth > 16) k->bad = true;
    if (k->bad) return;
    switch (v.tag) {
    case SV_TENSOR: scan_tensor(k, (sten *)v.o); break;
    case SV_INT:
    case SV_FLOAT:
        put1(k, v.tag == SV_INT ? 'I' : 'F');
        k->nnumbers++;
        if (k->mode == MODE_OPEN) add_leaf(k, v);
        else put(k, &v.i, sizeof v.i);
        break;
    case SV_BOOL: put1(k, v.b ? '+' : '-'); break;
    case SV_NONE: put1(k, 'N'); break;
    case SV_STR:
    case SV_DEVICE:
        put1(k, 'S');
        put(k, sv_string(v)->data, sv_string(v)->len + 1);
        break;
    case SV_LIST:
        put1(k, '[');
        put(k, &sv_list(v)->count, sizeof(size_t));
        for (size_t i = 0; i < sv_list(v)->count; i++) scan(k, sv_list(v)->items[i], depth + 1);
        break;
    case SV_TUPLE:
        put1(k, '(');
        put(k, &sv_tuple(v)->n, sizeof(int));
        for (int i = 0; i < sv_tuple(v)->n; i++) scan(k, sv_tuple(v)->items[i], depth + 1);
        break;
    case SV_OBJECT: /* the module and its parts are what they are; others have a life of their own */
        if (!v.o->shared) k->bad = true;
        put1(k, 'O');
        put(k, &v.o, sizeof v.o);
        break;
    case SV_ENUM:
        put1(k, 'E');
        put(k, &v.o, sizeof v.o);
        break;
    default: k->bad = true;
    }
}

static void scan_args(leaves *k, int mode, int n, const sv *args) {
    k->n = 0;
    k->mode = mode;
    k->nleaves = k->ntensors = k->nnumbers = 0;
    k->bad = false;
    put1(k, mode);
    for (int i = 0; i < n; i++) scan(k, args[i], 0);
}

/* ---- building ---- */
typedef struct builder {
    vm *caller;
    region_set *set;
    region *r;
    graph *g;
    recording rec;
    int mode, leaf;
    sv placed[MAX_LEAVES];    /* what stands for the leaves; borrowed */
    ARRAY(sobj *) containers; /* of the arguments, as given to the recording */
    ARRAY(size_t) counts;
    value *outs[MAX_RESULTS];
    int nouts;
    naru_error *err;
} builder;

static type leaf_type(builder *b, const naru_tensor *t, int leaf) {
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

static value *new_input(builder *b, type t) {
    value *v = graph_value_new(b->g, b->g->main, NULL);
    if (!v || !block_add_input(b->g->main, v)) return NULL;
    v->block = b->g->main;
    v->declared = t;
    v->has_declared = true;
    v->fact = (fact){.type = t};
    return v;
}

static sv place_leaf(builder *b, sv v) {
    int leaf = b->leaf++;
    type scalar = {.kind = TYPE_TENSOR, .dtype = v.tag == SV_FLOAT ? NARU_DOUBLE : NARU_INT64, .has_rank = true};
    value *in = new_input(b, v.tag == SV_TENSOR ? leaf_type(b, &((sten *)v.o)->t, leaf) : scalar);
    if (!in) return (sv){.tag = SV_UNINIT};
    sv out = v.tag == SV_TENSOR ? sv_of(record_input(&b->rec, in, leaf))
                                : record_input_scalar(&b->rec, in, v.tag, (elem_t){ELEM_UNKNOWN, 0});
    b->placed[leaf] = out;
    return out;
}

static bool remember(builder *b, sobj *o, size_t count) {
    return ARRAY_PUSH(&b->containers, o) && ARRAY_PUSH(&b->counts, count);
}

static sv place(builder *b, sv v) {
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
static naru_status check_containers(builder *b) {
    for (size_t i = 0; i < b->containers.count; i++)
        if (((slist *)b->containers.data[i])->count != b->counts.data[i])
            return rec_obstacle(&b->rec, b->err, "a list of the caller is changed");
    return NARU_OK;
}

static int add_output(builder *b, value *v) {
    for (int i = 0; i < b->nouts; i++)
        if (b->outs[i] == v) return i;
    if (b->nouts == MAX_RESULTS) return -1;
    b->outs[b->nouts] = v;
    return b->nouts++;
}

static bool chain_known(const rec_tensor *x) {
    for (int i = 0; i < x->nchain; i++) {
        const view_step *s = &x->chain[i];
        if (s->a.tag == SV_SYM || s->b.tag == SV_SYM) return false;
        bool sizes = s->kind == VIEW_EXPAND || s->kind == VIEW_RESHAPE;
        for (int k = 0; sizes && k < s->rank; k++)
            if (s->sizes[k].tag == SV_SYM) return false;
    }
    return true;
}

static int count_base(const rec_base *base, sv v, int depth) { /* results over this memory */
    int n = 0;
    if (depth > 16) return 2;
    if (v.tag == SV_TENSOR) return ((sten *)v.o)->rec && ((sten *)v.o)->rec->base == base;
    if (v.tag == SV_LIST)
        for (size_t i = 0; i < sv_list(v)->count; i++) n += count_base(base, sv_list(v)->items[i], depth + 1);
    if (v.tag == SV_TUPLE)
        for (int i = 0; i < sv_tuple(v)->n; i++) n += count_base(base, sv_tuple(v)->items[i], depth + 1);
    if (v.tag == SV_DICT)
        for (size_t i = 0; i < sv_dict(v)->used; i++)
            if (sv_dict(v)->entries[i].live) n += count_base(base, sv_dict(v)->entries[i].value, depth + 1);
    return n;
}

static naru_status describe_const(builder *b, sv v, result *out) {
    if (sv_heap(v) && !v.o->shared) sv_share(v);
    *out = (result){.kind = RES_CONST, .value = v};
    if (!ARRAY_PUSH(&b->r->kept, v)) return err_oom(b->err);
    sv_keep(v);
    return NARU_OK;
}

static naru_status describe_tensor(builder *b, sv v, sv whole, result *out) {
    sten *t = (sten *)v.o;
    if (t->q || t->lens) return rec_obstacle(&b->rec, b->err, "a %s tensor is returned", t->q ? "quantized" : "nested");
    rec_tensor *x = t->rec;
    if (!x) return describe_const(b, v, out);
    rec_base *base = x->base;
    bool alone = base->input < 0 && !base->constant && count_base(base, whole, 0) == 1;
    if (!alone && !chain_known(x)) return rec_obstacle(&b->rec, b->err, "a view whose place is not known is returned");
    if (alone) {
        value *now = record_value(&b->rec, t, b->err);
        if (!now) return b->err && b->err->code ? b->err->code : NARU_UNSUPPORTED;
        *out = (result){.kind = RES_OUTPUT, .index = add_output(b, now)};
    } else if (base->input >= 0) {
        *out = (result){.kind = RES_ARG, .index = base->input};
    } else if (base->constant) {
        TRY(describe_const(b, sv_of(base->constant), out));
    } else {
        *out = (result){.kind = RES_OUTPUT, .index = add_output(b, base->v)};
    }
    if (out->index < 0) return err_set(b->err, NARU_LIMIT, "more than %d results", MAX_RESULTS);
    if (alone) return NARU_OK;
    out->nchain = x->nchain;
    out->chain = arena_dup(b->r->arena, x->chain, (size_t)x->nchain * sizeof *x->chain);
    return out->chain || !x->nchain ? NARU_OK : err_oom(b->err);
}

static naru_status describe(builder *b, sv v, sv whole, result *out, int depth);

static naru_status describe_items(builder *b, int n, const sv *items, sv whole, result *out, int depth) {
    out->n = n;
    out->items = arena_calloc(b->r->arena, (size_t)n + 1, sizeof *out->items);
    if (!out->items) return err_oom(b->err);
    for (int i = 0; i < n; i++) TRY(describe(b, items[i], whole, &out->items[i], depth + 1));
    return NARU_OK;
}

static naru_status describe_dict(builder *b, sv v, sv whole, result *out, int depth) {
    sdict *d = sv_dict(v), *keys = sdict_new(d->key, d->value);
    if (!keys || !ARRAY_PUSH(&b->r->kept, sv_of(keys))) return err_oom(b->err);
    *out = (result){.kind = RES_DICT, .value = sv_of(keys)};
    sv *items = arena_alloc(b->r->arena, (d->count + 1) * sizeof *items);
    int n = 0;
    for (size_t i = 0; items && i < d->used; i++)
        if (d->entries[i].live) {
            items[n++] = d->entries[i].value;
            if (!sdict_put(keys, sv_keep(d->entries[i].key), sv_none())) return err_oom(b->err);
        }
    if (!items) return err_oom(b->err);
    sv_share(sv_of(keys));
    return describe_items(b, n, items, whole, out, depth);
}

static naru_status describe(builder *b, sv v, sv whole, result *out, int depth) {
    if (depth > 16) return err_set(b->err, NARU_LIMIT, "results nest too deep");
    for (size_t i = 0; i < b->containers.count; i++)
        if (sv_heap(v) && v.o == b->containers.data[i])
            return rec_obstacle(&b->rec, b->err, "an argument list is returned");
    if ((v.tag == SV_LIST || v.tag == SV_DICT) && v.o->shared) return describe_const(b, v, out); /* the module's own */
    switch (v.tag) {
    case SV_TENSOR: return describe_tensor(b, v, whole, out);
    case SV_SYM: {
        value *x = record_scalar(&b->rec, v, b->err);
        if (!x) return b->err && b->err->code ? b->err->code : NARU_UNSUPPORTED;
        *out = (result){.kind = RES_SCALAR, .is = sv_sym_kind(v), .index = add_output(b, x)};
        return out->index < 0 ? err_set(b->err, NARU_LIMIT, "more than %d results", MAX_RESULTS) : NARU_OK;
    }
    case SV_LIST:
        *out = (result){.kind = RES_LIST, .elem = sv_list(v)->elem};
        return describe_items(b, (int)sv_list(v)->count, sv_list(v)->items, whole, out, depth);
    case SV_TUPLE:
        *out = (result){.kind = RES_TUPLE, .cls = sv_tuple(v)->cls};
        return describe_items(b, sv_tuple(v)->n, sv_tuple(v)->items, whole, out, depth);
    case SV_DICT: return describe_dict(b, v, whole, out, depth);
    case SV_OBJECT:
    case SV_CUSTOM:
    case SV_FUTURE:
    case SV_UNINIT:
        if (v.tag == SV_OBJECT && v.o->shared) return describe_const(b, v, out);
        return rec_obstacle(&b->rec, b->err, "%s is returned", sv_tag_name(v.tag));
    default: return describe_const(b, v, out);
    }
}

/* Arguments that were written get their new content after the run. */
static naru_status describe_writes(builder *b) {
    for (int i = 0; i < b->leaf; i++) {
        sten *t = sv_tensor(b->placed[i]);
        rec_base *base = t ? t->rec->base : NULL;
        if (!base || base->input != i || !base->written) continue;
        int out = add_output(b, base->v);
        if (out < 0) return err_set(b->err, NARU_LIMIT, "more than %d results", MAX_RESULTS);
        b->r->written[b->r->nwritten].leaf = i;
        b->r->written[b->r->nwritten++].output = out;
    }
    return NARU_OK;
}

/* Engine outputs are nodes' results of the main block, each once. */
static naru_status add_outputs(builder *b) {
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

static naru_status watch_constants(builder *b) {
    for (size_t i = 0; i < b->rec.constants.count; i++) {
        sten *t = b->rec.constants.data[i]->constant;
        if (!t->t.storage) continue;
        watched w = {t, storage_version(t->t.storage)};
        if (!ARRAY_PUSH(&b->r->constants, w)) return err_oom(b->err);
        sobj_retain(&t->head);
    }
    return NARU_OK;
}

static naru_status record(builder *b, vm *m, sfunction *f, int n, const sv *args) {
    sv own[256], out = sv_none();
    record_options ro = {.region = true};
    naru_status st = recording_begin(&b->rec, b->g, m, &ro, b->err);
    for (int i = 0; i < n; i++) own[i] = sv_none();
    for (int i = 0; st == NARU_OK && i < n; i++)
        if ((own[i] = place(b, args[i])).tag == SV_UNINIT) st = err_oom(b->err);
    if (st == NARU_OK) st = vm_call(m, f, n, own, &out, b->err);
    if (st == NARU_OK) st = check_containers(b);
    if (st == NARU_OK) st = describe(b, out, out, &b->r->result, 0);
    if (st == NARU_OK) st = describe_writes(b);
    if (st == NARU_OK && (b->nouts == 0 || b->g->main->nnodes == 0))
        st = rec_obstacle(&b->rec, b->err, "nothing to compute");
    if (st == NARU_OK) st = add_outputs(b);
    if (st == NARU_OK) st = watch_constants(b);
    sv_drop(out);
    for (int i = 0; i < n; i++) sv_drop(own[i]);
    return st;
}

static naru_status compile(builder *b, pool *p) {
    pass_options po = {.optimize = true, .cpu = (int)b->set->cpu};
    b->g->lifted = true;
    TRY(passes_run(b->g, &po, b->err));
    graph *g = b->g;
    b->g = NULL;
    return engine_compile(g, b->set->cpu, p, &b->r->engine, b->err);
}

static naru_status build(vm *caller, region_set *set, sfunction *f, int n, const sv *args, const leaves *k,
                         region **out, naru_error *err) {
    builder *b = mem_calloc(1, sizeof *b);
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
    *b = (builder){.caller = caller, .set = set, .r = r, .g = graph_new(), .mode = k->mode, .err = err};
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

/* ---- running ---- */
static context *context_of(region_user *u, region *r, pool *p) {
    for (kept_context *k = u->contexts; k; k = k->next)
        if (k->r == r) return k->c;
    kept_context *k = mem_calloc(1, sizeof *k);
    context *c = NULL;
    if (!k || context_new(r->engine, p, &c, NULL) != NARU_OK) {
        mem_free(k);
        return NULL;
    }
    *k = (kept_context){u->contexts, r, c};
    atomic_fetch_add(&r->refs, 1);
    u->contexts = k;
    return c;
}

typedef struct runner {
    lower L; /* for views and writes of the eager sink */
    region *r;
    const leaves *k;
    naru_value *outs[MAX_RESULTS];
    sten *made[MAX_RESULTS];
} runner;

static sten *output(runner *x, int i) {
    if (!x->made[i] && x->outs[i] && x->outs[i]->kind == NARU_KIND_TENSOR)
        x->made[i] = lower_own(&x->L, sten_from(x->outs[i]->tensor));
    return x->made[i];
}

static sv give_tensor(runner *x, const result *r) {
    sten *t = r->kind == RES_OUTPUT ? output(x, r->index)
                                    : (sten *)(r->kind == RES_ARG ? x->k->leaf[r->index].o : r->value.o);
    for (int i = 0; t && i < r->nchain; i++) t = eager_view_later(&x->L, t, &r->chain[i]);
    return t ? sv_keep(sv_of(t)) : (sv){.tag = SV_UNINIT};
}

static sv give(runner *x, const result *r);

static sv give_list(runner *x, const result *r) {
    slist *l = slist_new(r->elem, (size_t)r->n);
    for (int i = 0; l && i < r->n; i++) {
        sv v = give(x, &r->items[i]);
        if (v.tag == SV_UNINIT || !slist_push(l, v)) {
            sobj_release(&l->head);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(l);
}

static sv give_tuple(runner *x, const result *r) {
    stuple *t = stuple_new(r->n, r->cls);
    for (int i = 0; t && i < r->n; i++)
        if ((t->items[i] = give(x, &r->items[i])).tag == SV_UNINIT) {
            sobj_release(&t->head);
            return (sv){.tag = SV_UNINIT};
        }
    return sv_of(t);
}

static sv give_dict(runner *x, const result *r) {
    const sdict *keys = sv_dict(r->value);
    sdict *d = sdict_new(keys->key, keys->value);
    for (int i = 0; d && i < r->n; i++) {
        sv v = give(x, &r->items[i]);
        if (v.tag == SV_UNINIT || !sdict_put(d, sv_keep(keys->entries[i].key), v)) {
            sobj_release(&d->head);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(d);
}

static sv give(runner *x, const result *r) {
    switch (r->kind) {
    case RES_OUTPUT:
    case RES_ARG: return give_tensor(x, r);
    case RES_CONST: return r->nchain ? give_tensor(x, r) : sv_keep(r->value);
    case RES_LIST: return give_list(x, r);
    case RES_TUPLE: return give_tuple(x, r);
    case RES_DICT: return give_dict(x, r);
    case RES_SCALAR: {
        sten *t = output(x, r->index);
        if (!t || tensor_count(&t->t) != 1) return (sv){.tag = SV_UNINIT};
        sv v = x->L.sink->item(&x->L, t);
        if (r->is == SV_FLOAT && v.tag == SV_INT) v = sv_float((double)v.i);
        return v;
    }
    }
    return (sv){.tag = SV_UNINIT};
}

static bool overlap(const leaves *k) { /* two arguments of one memory */
    for (int i = 0; i < k->nleaves; i++)
        for (int j = 0; j < i; j++)
            if (k->leaf[i].tag == SV_TENSOR && k->leaf[j].tag == SV_TENSOR && sv_tensor(k->leaf[i])->t.storage &&
                sv_tensor(k->leaf[i])->t.storage == sv_tensor(k->leaf[j])->t.storage)
                return true;
    return false;
}

static naru_status run(vm *m, region_user *u, pool *p, region *r, const leaves *k, sv *out, naru_error *err) {
    naru_tensor scalars[MAX_LEAVES];
    int64_t numbers[MAX_LEAVES];
    naru_value in[MAX_LEAVES], *pin[MAX_LEAVES];
    runner x = {.r = r, .k = k};
    x.L = (lower){.vm = m, .sink = &eager_sink, .err = err, .arena = m->arena, .temps = m->temps.count};
    context *c = context_of(u, r, p);
    if (c) {
        c->cancelled = m->cancelled;
        c->budget = m->budget == UINT64_MAX ? 0 : m->budget + 1;
    }
    naru_status st = c ? NARU_OK : err_oom(err);
    for (int i = 0; st == NARU_OK && i < k->nleaves; i++) {
        naru_tensor *t = &scalars[i];
        if (k->leaf[i].tag == SV_TENSOR) {
            sten *s = contiguous(&x.L, sv_tensor(k->leaf[i]));
            t = s ? &s->t : NULL;
            if (!t) st = NARU_OUT_OF_MEMORY;
        } else {
            *t = (naru_tensor){0};
            tensor_describe(t, k->leaf[i].tag == SV_FLOAT ? NARU_DOUBLE : NARU_INT64, 0, NULL);
            numbers[i] = k->leaf[i].i;
            t->data = &numbers[i];
        }
        in[i] = (naru_value){.kind = NARU_KIND_TENSOR, .tensor = t};
        pin[i] = &in[i];
    }
    if (st == NARU_OK) st = context_run(c, pin, x.outs, 0, err);
    for (int i = 0; st == NARU_OK && i < r->nwritten; i++) {
        sten *now = output(&x, r->written[i].output);
        if (now) write_to(&x.L, sv_tensor(k->leaf[r->written[i].leaf]), now);
        st = x.L.st;
    }
    if (st == NARU_OK) {
        *out = give(&x, &r->result);
        if (out->tag == SV_UNINIT) st = x.L.st != NARU_OK ? x.L.st : err_oom(err);
    }
    for (int i = 0; i < r->noutputs; i++) value_unref(x.outs[i]);
    while (m->temps.count > x.L.temps) sobj_release(m->temps.data[--m->temps.count]);
    return st;
}

static bool stale(const region *r, const unit *u) {
    if (r->generation != atomic_load(&((unit *)u)->generation)) return true;
    for (size_t i = 0; i < r->constants.count; i++)
        if (storage_version(r->constants.data[i].t->t.storage) != r->constants.data[i].version) return true;
    return false;
}

/* A region for these arguments, referenced; NULL: none, and no more are to be tried when *off. */
static region *find(region_fn *f, leaves *k, int n, const sv *args) {
    for (int mode = f->mode; mode < MODES; mode++) {
        scan_args(k, mode, n, args);
        if (k->bad) return NULL;
        if (mode == MODE_OPEN && k->nnumbers == 0) continue;
        for (region **at = &f->regions; *at; at = &(*at)->next) {
            region *r = *at;
            if (r->key_size != k->n || memcmp(r->key, k->key, k->n) != 0) continue;
            if (stale(r, f->fn->unit)) {
                *at = r->next;
                region_unref(r);
                break;
            }
            atomic_fetch_add(&r->refs, 1);
            return r;
        }
    }
    return NULL;
}

static region *make(vm *m, region_user *u, sfunction *f, region_fn *rf, leaves *k, int n, const sv *args) {
    naru_error err = NARU_ERROR_INIT;
    region *r = NULL;
    u->building++;
    for (int mode = rf->mode; mode < MODES && !r; mode++) {
        scan_args(k, mode, n, args);
        if (mode == MODE_OPEN && k->nnumbers == 0) continue;
        naru_status st = build(m, u->set, f, n, args, k, &r, &err);
        if (st == NARU_SCRIPT || st == NARU_OUT_OF_MEMORY || st == NARU_CANCELLED)
            break; /* not for want of knowledge */
        if (st == NARU_OK) rf->mode = mode;
    }
    u->building--;
    rf->tries++;
    if (!r && rf->tries >= 3 && !rf->regions) rf->off = true;
    if (rf->tries >= MAX_TRIES) rf->off = rf->off || !r;
    if (!r) return NULL;
    r->next = rf->regions;
    rf->regions = r;
    atomic_fetch_add(&r->refs, 1);
    return r;
}

static bool call(vm *m, sfunction *f, int n, const sv *args, bool may_make, sv *out, naru_status *st, naru_error *err) {
    region_user *u = eager_regions(m->eager);
    if (!u || u->building || n > 200) return false;
    if (unit_compile(m->unit, f, NULL) != NARU_OK) return false; /* the call will say why */
    leaves *k = mem_alloc(sizeof *k);
    if (!k) return false;
    pthread_mutex_lock(&u->set->lock);
    region_fn *rf = fn_of(u->set, f);
    region *r = rf ? find(rf, k, n, args) : NULL;
    if (!r && may_make && rf && !rf->off && !k->bad && rf->tries < MAX_TRIES) r = make(m, u, f, rf, k, n, args);
    pthread_mutex_unlock(&u->set->lock);
    bool done = false;
    if (r && !(r->nwritten && overlap(k))) {
        naru_error local = NARU_ERROR_INIT;
        *st = run(m, u, eager_pool(m->eager), r, k, out, &local);
        done = *st == NARU_OK || *st == NARU_OUT_OF_MEMORY; /* else interpreted: for PyTorch's own exception */
        if (done && *st != NARU_OK && err) *err = local;
    }
    region_unref(r);
    mem_free(k);
    return done;
}

bool region_call(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err) {
    return call(m, f, n, args, true, out, st, err);
}

bool region_call_known(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err) {
    return call(m, f, n, args, false, out, st, err);
}
