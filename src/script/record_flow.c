/* SPDX-License-Identifier: MIT
 *
 * If and Loop while recording. A part runs on its own copy of the frame's registers and of the lists, dicts and objects
 * that they reach; memory that it writes is noticed by the bases' versions. Afterwards what is still wanted and differs
 * becomes an output of the If, or is carried by the Loop, whose body is recorded again until its types hold still.
 */
#include <stdio.h>
#include <string.h>

#include "script/opcodes.h"
#include "script/record.h"

enum { MAX_LEAVES = 256, MAX_ROUNDS = 6, MAX_BASES = 64 };

/* ---- which registers are read later ---- */
typedef struct live_sets { /* one per function: a row of bits before each instruction */
    const sfunction *fn;
    uint64_t *bits;
    int words;
    struct live_sets *next;
} live_sets;

static void mark(uint64_t *row, int from, int n, bool on) {
    for (int i = from; i < from + n; i++) {
        if (on) row[i / 64] |= 1ull << (i % 64);
        else row[i / 64] &= ~(1ull << (i % 64));
    }
}

static int results_of(const code *c, const insn *i) {
    if (i->op != INSN_OP) return i->op == INSN_UNPACK ? i->n : 1;
    const sop *op = c->calls[i->b].op;
    return op && !op->schema->varret ? op->schema->nreturns : 1;
}

static int successors(const code *c, int pc, int out[2]) {
    const insn *i = &c->insns[pc];
    int n = 0;
    switch (i->op) {
    case INSN_RET:
    case INSN_RAISE: return 0;
    case INSN_JMP:
    case INSN_NEXT:
    case INSN_AGAIN: out[n++] = i->a; return n;
    case INSN_IF: out[n++] = i->b; break;
    case INSN_FOR:
    case INSN_WHILE: out[n++] = i->c; break;
    default: break;
    }
    if (pc + 1 < c->ninsns) out[n++] = pc + 1;
    return n;
}

/* row := (row - written) + read */
static void transfer(const code *c, const insn *i, uint64_t *row) {
    bool writes = i->op != INSN_SETATTR && i->op != INSN_IF && i->op != INSN_JMP && i->op != INSN_NEXT &&
                  i->op != INSN_WHILE && i->op != INSN_AGAIN && i->op != INSN_RET && i->op != INSN_RAISE;
    if (writes) mark(row, i->a, results_of(c, i), false);
    switch (i->op) {
    case INSN_OP:
    case INSN_CALL:
    case INSN_FORK:
    case INSN_TUPLE:
    case INSN_LIST:
    case INSN_DICT: mark(row, i->c, i->n, true); break;
    case INSN_MOVE:
    case INSN_TAKE:
    case INSN_ATTR:
    case INSN_UNPACK:
    case INSN_ITEM:
    case INSN_TSLICE:
    case INSN_ISINST:
    case INSN_CHECKED:
    case INSN_FOR: mark(row, i->b, 1, true); break;
    case INSN_SETATTR:
        mark(row, i->a, 1, true);
        mark(row, i->c, 1, true);
        break;
    case INSN_RAISE: mark(row, i->b, 1, true); /* and a */ /* fall through */
    case INSN_IF:
    case INSN_WHILE:
    case INSN_RET: mark(row, i->a, 1, true); break;
    default: break;
    }
}

static const live_sets *liveness(recording *r, const sfunction *f) {
    const code *c = &f->code;
    live_sets *l = arena_calloc(r->arena, 1, sizeof *l);
    if (!l) return NULL;
    l->words = (c->nregs + 63) / 64;
    l->bits = arena_calloc(r->arena, ((size_t)c->ninsns + 1) * (size_t)l->words, sizeof *l->bits);
    uint64_t *row = arena_alloc(r->arena, (size_t)l->words * sizeof *row);
    if (!l->bits || !row) return NULL;
    for (bool changed = true; changed;) {
        changed = false;
        for (int pc = c->ninsns - 1; pc >= 0; pc--) {
            int next[2], n = successors(c, pc, next);
            uint64_t *at = l->bits + (size_t)pc * (size_t)l->words;
            memset(row, 0, (size_t)l->words * sizeof *row);
            for (int i = 0; i < n; i++)
                for (int w = 0; w < l->words; w++) row[w] |= l->bits[(size_t)next[i] * (size_t)l->words + (size_t)w];
            transfer(c, &c->insns[pc], row);
            changed = changed || memcmp(at, row, (size_t)l->words * sizeof *row) != 0;
            memcpy(at, row, (size_t)l->words * sizeof *row);
        }
    }
    l->fn = f;
    return l;
}

static bool is_live(const live_sets *l, int pc, int reg) {
    return l->bits[(size_t)pc * (size_t)l->words + (size_t)reg / 64] >> (reg % 64) & 1;
}

/* ---- copies of registers and what they reach ---- */
typedef struct copier { /* from -> to, so that sharing survives */
    ARRAY(sobj *) from;
    ARRAY(sobj *) to;
} copier;

static sobj *copied(const copier *k, const sobj *o) {
    for (size_t i = 0; i < k->from.count; i++)
        if (k->from.data[i] == o) return k->to.data[i];
    return NULL;
}

static bool copy_value(copier *k, sv v, sv *out);

static bool copy_items(copier *k, int n, const sv *from, sv *to) {
    for (int i = 0; i < n; i++)
        if (!copy_value(k, from[i], &to[i])) return false;
    return true;
}

static sobj *shallow(sv v) {
    switch (v.tag) {
    case SV_LIST: return (sobj *)slist_new(sv_list(v)->elem, sv_list(v)->count);
    case SV_TUPLE: return (sobj *)stuple_new(sv_tuple(v)->n, sv_tuple(v)->cls);
    case SV_DICT: return (sobj *)sdict_new(sv_dict(v)->key, sv_dict(v)->value);
    default: return (sobj *)sobject_new(sv_object(v)->cls);
    }
}

static bool fill_copy(copier *k, sv v, sobj *to) {
    switch (v.tag) {
    case SV_LIST:
        for (size_t i = 0; i < sv_list(v)->count; i++) {
            sv x;
            if (!copy_value(k, sv_list(v)->items[i], &x) || !slist_push((slist *)to, x)) return false;
        }
        return true;
    case SV_TUPLE: return copy_items(k, sv_tuple(v)->n, sv_tuple(v)->items, ((stuple *)to)->items);
    case SV_DICT:
        for (size_t i = 0; i < sv_dict(v)->used; i++) {
            const sdict_entry *e = &sv_dict(v)->entries[i];
            sv x;
            if (e->live && (!copy_value(k, e->value, &x) || !sdict_put((sdict *)to, sv_keep(e->key), x))) return false;
        }
        return true;
    default: return copy_items(k, sv_object(v)->n, sv_object(v)->slots, ((sobject *)to)->slots);
    }
}

static bool copy_value(copier *k, sv v, sv *out) {
    bool container = v.tag == SV_LIST || v.tag == SV_DICT || v.tag == SV_TUPLE || v.tag == SV_OBJECT;
    *out = sv_none();
    if (!container || v.o->shared) { /* the module's own objects stay what they are */
        *out = sv_keep(v);
        return true;
    }
    sobj *to = copied(k, v.o);
    if (!to) {
        to = shallow(v);
        if (!to || !ARRAY_PUSH(&k->from, v.o) || !ARRAY_PUSH(&k->to, to)) return false;
        if (!fill_copy(k, v, to)) return false;
    } else {
        sobj_retain(to);
    }
    *out = sv_of(to);
    return true;
}

static naru_status copy_registers(recording *r, int n, const sv *from, sv **out, naru_error *err) {
    copier k = {0};
    *out = arena_calloc(r->arena, (size_t)n + 1, sizeof(sv));
    bool ok = *out != NULL && copy_items(&k, n, from, *out);
    ARRAY_FREE(&k.from);
    ARRAY_FREE(&k.to);
    return ok ? NARU_OK : err_oom(err);
}

static void drop_registers(int n, sv *regs) {
    for (int i = 0; i < n; i++) {
        sv_drop(regs[i]);
        regs[i] = (sv){.tag = SV_UNINIT};
    }
}

/* ---- state of memory ---- */
typedef struct base_state {
    rec_base *b;
    value *v;
    unsigned version;
    bool written;
} base_state;

static base_state *save_bases(recording *r, int *n) {
    *n = 0;
    for (rec_base *b = r->bases; b; b = b->next) ++*n;
    base_state *s = arena_alloc(r->arena, ((size_t)*n + 1) * sizeof *s);
    int i = 0;
    for (rec_base *b = r->bases; s && b; b = b->next) s[i++] = (base_state){b, b->v, b->version, b->written};
    return s;
}

/* Only those that were there at the time: the later ones are in front of the list. */
static void restore_bases(int n, const base_state *s) {
    for (int i = 0; i < n; i++) {
        s[i].b->v = s[i].v;
        s[i].b->version = s[i].version;
        s[i].b->written = s[i].written;
    }
}

/* ---- If ---- */
typedef struct part {
    block *b;
    sv *regs;
    base_state *bases; /* as the part left them: the same bases as before it */
    naru_status st;
    naru_error why;
} part;

typedef struct merger {
    recording *r;
    part *p[2];
    int nbases;
    value *outs[2][MAX_LEAVES];
    value *result[MAX_LEAVES];
    int nout;
    naru_error *err;
    naru_status st;
} merger;

static naru_status run_part(recording *r, vm *m, frame *f, int from, int to, sv *regs, part *p, int nbases,
                            const base_state *before) {
    sv *own = f->regs, out = sv_none();
    bool returned = false;
    block *outer = r->at;
    p->why = (naru_error)NARU_ERROR_INIT;
    r->at = p->b;
    p->regs = regs;
    for (int i = 0; i < f->fn->code.nregs; i++) { /* the frame's registers are where the machine looks */
        sv t = own[i];
        own[i] = regs[i];
        regs[i] = t;
    }
    p->st = from < to ? vm_run_range(m, f, from, to, &returned, &out, &p->why) : NARU_OK;
    for (int i = 0; i < f->fn->code.nregs; i++) {
        sv t = own[i];
        own[i] = regs[i];
        regs[i] = t;
    }
    sv_drop(out);
    r->at = outer;
    if (returned && p->st == NARU_OK)
        p->st = rec_obstacle(r, &p->why, "a return inside a condition that depends on data");
    p->bases = arena_alloc(r->arena, ((size_t)nbases + 1) * sizeof *p->bases);
    if (!p->bases) return NARU_OUT_OF_MEMORY;
    for (int i = 0; i < nbases; i++)
        p->bases[i] = (base_state){before[i].b, before[i].b->v, before[i].b->version, before[i].b->written};
    restore_bases(nbases, before);
    return NARU_OK;
}

/* The value of a tensor at the end of part w. */
static value *leaf_in(merger *k, int w, sv v) {
    recording *r = k->r;
    block *outer = r->at;
    base_state *now = arena_alloc(r->arena, ((size_t)k->nbases + 1) * sizeof *now);
    if (!now) return NULL;
    for (int i = 0; i < k->nbases; i++) {
        rec_base *b = k->p[w]->bases[i].b;
        now[i] = (base_state){b, b->v, b->version, b->written};
    }
    r->at = k->p[w]->b;
    restore_bases(k->nbases, k->p[w]->bases);
    value *x = v.tag == SV_TENSOR ? record_value(r, (sten *)v.o, k->err) : record_scalar(r, v, k->err);
    restore_bases(k->nbases, now);
    r->at = outer;
    return x;
}

/* A new output of the If that is a in one part and b in the other. */
static value *join_values(merger *k, value *a, value *b) {
    recording *r = k->r;
    for (int i = 0; i < k->nout; i++)
        if (k->outs[0][i] == a && k->outs[1][i] == b) return k->result[i];
    if (k->nout == MAX_LEAVES) return NULL;
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!v) return NULL;
    const type *x = &a->fact.type, *y = &b->fact.type;
    type t = {.kind = TYPE_TENSOR, .dtype = x->dtype};
    if (x->has_rank && y->has_rank && x->rank == y->rank) {
        t.has_rank = true;
        t.rank = x->rank;
        for (int i = 0; i < t.rank; i++) {
            char name[24];
            t.dims[i] = x->dims[i];
            if (x->dims[i] == y->dims[i] && dim_is_known(x->dims[i])) continue;
            snprintf(name, sizeof name, "u%u", r->serial++);
            const char *kept = arena_strdup(r->g->arena, name);
            t.dims[i] = kept ? sym_name(r->g->syms, kept) : DIM_UNKNOWN;
        }
    }
    v->fact.type = t;
    v->block = r->at;
    k->outs[0][k->nout] = a;
    k->outs[1][k->nout] = b;
    return k->result[k->nout++] = v;
}

static sv_tag scalar_kind(sv v) { return v.tag == SV_SYM ? ((ssym *)v.o)->is : v.tag; }
static bool is_scalar(sv v) { return v.tag == SV_INT || v.tag == SV_FLOAT || v.tag == SV_BOOL || v.tag == SV_SYM; }

static sv merge(merger *k, sv a, sv b, int depth);

static sv merge_leaf(merger *k, sv a, sv b) {
    value *x = leaf_in(k, 0, a), *y = x ? leaf_in(k, 1, b) : NULL;
    if (!x || !y || x->fact.type.dtype != y->fact.type.dtype) {
        if (x && y) rec_obstacle(k->r, k->err, "the two ways of a condition give tensors of different types");
        k->st = k->err && k->err->code ? k->err->code : NARU_UNSUPPORTED;
        return (sv){.tag = SV_UNINIT};
    }
    value *v = join_values(k, x, y);
    if (!v) {
        k->st = err_set(k->err, NARU_LIMIT, "a condition with more than %d results", MAX_LEAVES);
        return (sv){.tag = SV_UNINIT};
    }
    if (a.tag != SV_TENSOR) return rec_sym(scalar_kind(a), (elem_t){ELEM_UNKNOWN, 0}, v);
    return sv_of(rec_tensor_new(k->r, v));
}

static sv merge_items(merger *k, sv a, sv b, int depth) {
    int n = a.tag == SV_LIST ? (int)sv_list(a)->count : sv_tuple(a)->n;
    const sv *x = a.tag == SV_LIST ? sv_list(a)->items : sv_tuple(a)->items;
    const sv *y = a.tag == SV_LIST ? sv_list(b)->items : sv_tuple(b)->items;
    sobj *o = shallow(a);
    for (int i = 0; o && i < n; i++) {
        sv v = merge(k, x[i], y[i], depth + 1);
        if (a.tag == SV_TUPLE) ((stuple *)o)->items[i] = v;
        else if (v.tag == SV_UNINIT || !slist_push((slist *)o, v)) {
            sobj_release(o);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(o);
}

static sv merge(merger *k, sv a, sv b, int depth) {
    sv none = {.tag = SV_UNINIT};
    if (k->st != NARU_OK || depth > 50) return none;
    if (a.tag == b.tag && sv_heap(a) && a.o == b.o) return sv_keep(a);
    if (a.tag == SV_UNINIT || b.tag == SV_UNINIT) return none;
    if (a.tag == SV_TENSOR && b.tag == SV_TENSOR) return merge_leaf(k, a, b);
    if (is_scalar(a) && is_scalar(b)) {
        if (a.tag == b.tag && a.tag != SV_SYM && sv_is(a, b)) return a;
        return scalar_kind(a) == scalar_kind(b) ? merge_leaf(k, a, b) : none;
    }
    if (a.tag != b.tag) return none;
    if (a.tag == SV_LIST && sv_list(a)->count == sv_list(b)->count) return merge_items(k, a, b, depth);
    if (a.tag == SV_TUPLE && sv_tuple(a)->n == sv_tuple(b)->n) return merge_items(k, a, b, depth);
    return a.tag != SV_LIST && a.tag != SV_TUPLE && a.tag != SV_DICT && a.tag != SV_OBJECT && sv_equal(a, b)
               ? sv_keep(a)
               : none;
}

/* A body's next output. A value from outside, a constant or an input is given by a node of the body. */
static naru_status body_gives(recording *r, block *body, value *v, naru_error *err) {
    if (v->block != body || v->is_initializer || v->is_input) {
        node *n = graph_node_new(r->g, body, NULL, "Identity", "", 1, 1, 0);
        value *copy = n ? graph_value_new(r->g, body, NULL) : NULL;
        if (!copy) return err_oom(err);
        n->op = &op_Identity;
        n->in[0] = v;
        copy->block = body;
        copy->fact = (fact){.type = v->fact.type};
        node_set_out(n, 0, copy);
        v = copy;
    }
    return block_add_output(body, v) ? NARU_OK : err_oom(err);
}

static naru_status make_if(merger *k, value *cond, naru_error *err) {
    recording *r = k->r;
    if (k->nout == 0) return NARU_OK;
    node *n = graph_node_new(r->g, r->at, NULL, "If", "", 1, k->nout, 2);
    if (!n) return err_oom(err);
    n->op = &op_If;
    n->table = op_If.attrs;
    n->in[0] = cond;
    for (int i = 0; i < 2; i++) {
        bool then = strcmp(op_If.attrs[i].name, "then_branch") == 0;
        n->attrs[i] = (attr){.name = op_If.attrs[i].name, .kind = ATTR_GRAPH, .block = k->p[then ? 0 : 1]->b};
        n->attrs[i].block->owner = n;
    }
    for (int i = 0; i < k->nout; i++) {
        node_set_out(n, i, k->result[i]);
        for (int w = 0; w < 2; w++) TRY(body_gives(r, k->p[w]->b, k->outs[w][i], err));
    }
    return NARU_OK;
}

/* Both parts ran: the frame's registers and memory become the joined ones. */
static naru_status join_parts(merger *k, frame *f, const live_sets *live, int pc, value *cond, const base_state *before,
                              naru_error *err) {
    int n = f->fn->code.nregs;
    sv *joined = arena_calloc(k->r->arena, (size_t)n + 1, sizeof *joined);
    if (!joined) return err_oom(err);
    for (int i = 0; i < n; i++)
        if (is_live(live, pc, i)) joined[i] = merge(k, k->p[0]->regs[i], k->p[1]->regs[i], 0);
    rec_base *written[MAX_BASES];
    value *now[MAX_BASES];
    int nwritten = 0;
    for (int i = 0; k->st == NARU_OK && i < k->nbases; i++) {
        const base_state *a = &k->p[0]->bases[i], *b = &k->p[1]->bases[i];
        if (a->v == before[i].v && b->v == before[i].v) continue;
        if (nwritten == MAX_BASES)
            return err_set(err, NARU_LIMIT, "a condition that writes more than %d tensors", MAX_BASES);
        written[nwritten] = a->b;
        now[nwritten] = join_values(k, a->v, b->v);
        if (!now[nwritten++]) return err_oom(err);
    }
    if (k->st == NARU_OK) k->st = make_if(k, cond, err);
    if (k->st != NARU_OK) {
        drop_registers(n, joined);
        return k->st;
    }
    for (int i = 0; i < n; i++) {
        sv_drop(f->regs[i]);
        f->regs[i] = joined[i];
    }
    for (int i = 0; i < nwritten; i++) {
        written[i]->v = now[i];
        written[i]->version = ++k->r->serial;
        written[i]->written = true;
    }
    return NARU_OK;
}

static naru_status run_here(recording *r, vm *m, frame *f, int from, int to, naru_error *err) {
    bool returned = false;
    sv out = sv_none();
    naru_status st = from < to ? vm_run_range(m, f, from, to, &returned, &out, err) : NARU_OK;
    sv_drop(out);
    return returned && st == NARU_OK ? rec_obstacle(r, err, "a return inside a condition that depends on data") : st;
}

naru_status record_branch(vm *m, frame *f, int pc, naru_error *err) {
    recording *r = m->sink_user;
    const insn *i = &f->fn->code.insns[pc];
    int n = f->fn->code.nregs, else_from = i->b, end = i->c;
    int then_to = else_from < end ? else_from - 1 : end; /* without its JMP */
    if (else_from >= end) then_to = end;
    value *cond = record_scalar(r, f->regs[i->a], err);
    if (!cond) return err && err->code ? err->code : NARU_UNSUPPORTED;
    if (cond->fact.type.dtype != NARU_BOOL) cond = rec_emit(r, &op_Cast, ATTRS(AI("to", NARU_BOOL)), 1, &cond, err);
    const live_sets *live = liveness(r, f->fn);
    int nbases;
    base_state *before = save_bases(r, &nbases);
    part parts[2] = {{.b = graph_block_new(r->g, r->at)}, {.b = graph_block_new(r->g, r->at)}};
    merger *k = arena_calloc(r->arena, 1, sizeof *k);
    if (!cond || !live || !before || !parts[0].b || !parts[1].b || !k) return err_oom(err);
    parts[0].b->name = "then";
    parts[1].b->name = "else";
    sv *regs[2];
    TRY(copy_registers(r, n, f->regs, &regs[0], err));
    TRY(copy_registers(r, n, f->regs, &regs[1], err));
    naru_status st = run_part(r, m, f, pc + 1, then_to, regs[0], &parts[0], nbases, before);
    if (st == NARU_OK) st = run_part(r, m, f, else_from, end, regs[1], &parts[1], nbases, before);
    bool raised[2] = {parts[0].st == NARU_SCRIPT, parts[1].st == NARU_SCRIPT};
    if (st == NARU_OK && (raised[0] || raised[1]) && r->options.region)
        st = rec_obstacle(r, err, "an exception that depends on data");
    else if (st == NARU_OK && raised[0] != raised[1]) /* what raises is not exported: the other way is taken */
        st = raised[0] ? run_here(r, m, f, else_from, end, err) : run_here(r, m, f, pc + 1, then_to, err);
    else if (st == NARU_OK)
        for (int w = 0; w < 2 && st == NARU_OK; w++)
            if ((st = parts[w].st) != NARU_OK && err) *err = parts[w].why;
    if (st == NARU_OK && !raised[0] && !raised[1]) {
        *k = (merger){.r = r, .p = {&parts[0], &parts[1]}, .nbases = nbases, .err = err};
        st = join_parts(k, f, live, end, cond, before, err);
    }
    drop_registers(n, regs[0]);
    drop_registers(n, regs[1]);
    if (st == NARU_OK) f->pc = end;
    return st;
}

/* ---- Loop ---- */
typedef struct leaf {
    sv *at;    /* in the copied registers */
    sv before; /* what is outside (borrowed from the frame's registers' copy) */
    bool carried;
    value *in, *out;
    type type; /* of the carried value */
    sv placed; /* what the body was given there */
} leaf;

typedef struct looper {
    recording *r;
    vm *m;
    frame *f;
    const live_sets *live;
    int pc, body_to, end;
    bool counted; /* FOR */
    leaf leaves[MAX_LEAVES];
    int nleaves;
    struct {
        rec_base *b;
        value *in, *out;
        type type;
    } bases[MAX_BASES];
    int nbases;
    naru_error *err;
} looper;

static naru_status add_leaf(looper *k, sv *at) {
    if (k->nleaves == MAX_LEAVES)
        return err_set(k->err, NARU_LIMIT, "a loop that carries more than %d values", MAX_LEAVES);
    k->leaves[k->nleaves++] = (leaf){.at = at};
    return NARU_OK;
}

/* Tensors and numbers that a value reaches, in a fixed order. */
static naru_status walk(looper *k, sv *v, int depth) {
    if (depth > 50) return err_set(k->err, NARU_LIMIT, "values nest too deep");
    if (v->tag == SV_TENSOR || is_scalar(*v)) return add_leaf(k, v);
    if (!sv_heap(*v) || v->o->shared) return NARU_OK;
    if (v->tag == SV_LIST)
        for (size_t i = 0; i < sv_list(*v)->count; i++) TRY(walk(k, &sv_list(*v)->items[i], depth + 1));
    if (v->tag == SV_TUPLE)
        for (int i = 0; i < sv_tuple(*v)->n; i++) TRY(walk(k, &sv_tuple(*v)->items[i], depth + 1));
    if (v->tag == SV_OBJECT)
        for (int i = 0; i < sv_object(*v)->n; i++) TRY(walk(k, &sv_object(*v)->slots[i], depth + 1));
    if (v->tag == SV_DICT)
        for (size_t i = 0; i < sv_dict(*v)->used; i++)
            if (sv_dict(*v)->entries[i].live) TRY(walk(k, &sv_dict(*v)->entries[i].value, depth + 1));
    return NARU_OK;
}

/* Registers that the loop's body starts from or that are read behind it; the counter is the body's own. */
static bool enters(const looper *k, int reg) {
    const insn *i = &k->f->fn->code.insns[k->pc];
    if (k->counted && reg == i->a) return false;
    return is_live(k->live, k->pc, reg) || is_live(k->live, k->end, reg);
}

static naru_status walk_registers(looper *k, sv *regs) {
    k->nleaves = 0;
    for (int i = 0; i < k->f->fn->code.nregs; i++)
        if (enters(k, i)) TRY(walk(k, &regs[i], 0));
    return NARU_OK;
}

static value *body_input(looper *k, const type *t) {
    recording *r = k->r;
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!v || !block_add_input(r->at, v)) return NULL;
    v->block = r->at;
    v->fact = (fact){.type = *t};
    v->declared = *t;
    v->has_declared = true;
    return v;
}

static type scalar_type(sv v) {
    sv_tag s = scalar_kind(v);
    return (type){.kind = TYPE_TENSOR,
                  .has_rank = true,
                  .dtype = s == SV_BOOL    ? NARU_BOOL
                           : s == SV_FLOAT ? NARU_DOUBLE
                                           : NARU_INT64};
}

/* What the leaf's value looks like after a round; true when the carried type had to become more general. */
static bool widen(recording *r, type *t, const type *seen) {
    bool changed = false;
    if (t->has_rank && (!seen->has_rank || seen->rank != t->rank)) {
        t->has_rank = false;
        return true;
    }
    for (int i = 0; t->has_rank && i < t->rank; i++)
        if (t->dims[i] != seen->dims[i] || !dim_is_known(t->dims[i])) {
            char name[24];
            snprintf(name, sizeof name, "l%u", r->serial++);
            const char *kept = arena_strdup(r->g->arena, name);
            /* a name of its own stays different from what the body gives: widen once, then accept */
            t->dims[i] = kept ? sym_name(r->g->syms, kept) : DIM_UNKNOWN;
            changed = true;
        }
    return changed;
}

static naru_status start_round(looper *k, const sv *outside, sv **regs, value **iter, naru_error *err) {
    recording *r = k->r;
    type scalar = {.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true}, flag = scalar;
    flag.dtype = NARU_BOOL;
    *iter = body_input(k, &scalar);
    if (!*iter || !body_input(k, &flag)) return err_oom(err);
    TRY(copy_registers(r, k->f->fn->code.nregs, outside, regs, err));
    int n = k->nleaves;
    for (int i = 0; i < n; i++) k->leaves[i].placed = sv_none();
    leaf *kept = arena_dup(r->arena, k->leaves, sizeof k->leaves);
    if (!kept) return err_oom(err);
    TRY(walk_registers(k, *regs));
    if (k->nleaves != n) return err_set(err, NARU_INTERNAL, "a loop's registers changed shape");
    for (int i = 0; i < n; i++) {
        leaf *l = &k->leaves[i];
        sv *at = l->at;
        *l = kept[i];
        l->at = at;
        if (!l->carried) {
            l->placed = sv_keep(*at); /* kept: an object freed by the body could come back at its address */
            continue;
        }
        l->placed = sv_none();
        if (!(l->in = body_input(k, &l->type))) return err_oom(err);
        sv v = at->tag == SV_TENSOR ? sv_of(rec_tensor_new(r, l->in))
                                    : rec_sym(scalar_kind(*at), (elem_t){ELEM_UNKNOWN, 0}, l->in);
        if (v.tag == SV_UNINIT) return err_oom(err);
        sv_set(at, v);
        l->placed = sv_keep(v);
    }
    for (int i = 0; i < k->nbases; i++) {
        if (!(k->bases[i].in = body_input(k, &k->bases[i].type))) return err_oom(err);
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++r->serial;
    }
    return NARU_OK;
}

static value *leaf_value(recording *r, sv v, naru_error *err) {
    return v.tag == SV_TENSOR ? record_value(r, (sten *)v.o, err) : record_scalar(r, v, err);
}

static bool unchanged(const leaf *l, sv now) {
    if (now.tag != l->placed.tag) return false;
    return sv_heap(now) ? now.o == l->placed.o : sv_is(now, l->placed);
}

/* After the body ran in `regs`: which leaves change, what they become, whether another round is needed. */
static naru_status end_round(looper *k, sv *regs, const leaf *placed, int n, bool *again, naru_error *err) {
    recording *r = k->r;
    TRY(walk_registers(k, regs));
    if (k->nleaves != n) return rec_obstacle(r, err, "a list, dict or optional value that changes its form in a loop");
    for (int i = 0; i < n; i++) {
        leaf *l = &k->leaves[i];
        sv now = *l->at, *at = l->at;
        *l = placed[i];
        l->at = at;
        if (unchanged(l, now)) {
            if (l->carried && l->in && now.tag == SV_TENSOR &&
                ((sten *)now.o)->rec->base->version != ((sten *)now.o)->rec->version) {
                /* its memory was written: what it shows differs */
            } else {
                l->out = l->carried ? l->in : NULL;
                continue;
            }
        }
        if ((now.tag == SV_TENSOR) != (l->placed.tag == SV_TENSOR) ||
            (now.tag != SV_TENSOR && scalar_kind(now) != scalar_kind(l->placed)))
            return rec_obstacle(r, err, "a variable that changes its type in a loop");
        value *v = leaf_value(r, now, err);
        if (!v) return err && err->code ? err->code : NARU_UNSUPPORTED;
        if (!l->carried) {
            l->carried = true;
            *again = true;
            if (l->placed.tag == SV_TENSOR) {
                block *here = r->at;
                r->at = here->parent;
                value *x = record_value(r, (sten *)l->placed.o, err);
                r->at = here;
                if (!x) return err && err->code ? err->code : NARU_UNSUPPORTED;
                l->type = x->fact.type;
            } else {
                l->type = scalar_type(l->placed);
            }
        }
        if (l->type.dtype != v->fact.type.dtype)
            return rec_obstacle(r, err, "a variable that changes its type in a loop");
        type seen = v->fact.type;
        for (int d = 0; l->type.has_rank && seen.has_rank && seen.rank == l->type.rank && d < seen.rank; d++)
            if (l->in && l->in->fact.type.dims[d] == l->type.dims[d] && sym_plain_name(r->g->syms, l->type.dims[d]) &&
                sym_plain_name(r->g->syms, l->type.dims[d])[0] == 'l')
                seen.dims[d] = l->type.dims[d]; /* widened already */
        if (widen(r, &l->type, &seen)) *again = true;
        l->out = v;
    }
    return NARU_OK;
}

static naru_status note_bases(looper *k, int n, const base_state *before, bool *again, naru_error *err) {
    for (int i = 0; i < n; i++) {
        rec_base *b = before[i].b;
        int at = 0;
        while (at < k->nbases && k->bases[at].b != b) at++;
        if (at < k->nbases) {
            k->bases[at].out = b->v;
            type seen = b->v->fact.type;
            for (int d = 0; d < seen.rank && seen.rank == k->bases[at].type.rank; d++) {
                const char *name = dim_is_const(k->bases[at].type.dims[d])
                                       ? NULL
                                       : sym_plain_name(k->r->g->syms, k->bases[at].type.dims[d]);
                if (name && name[0] == 'l') seen.dims[d] = k->bases[at].type.dims[d];
            }
            if (widen(k->r, &k->bases[at].type, &seen)) *again = true;
        } else if (b->v != before[i].v) {
            if (k->nbases == MAX_BASES)
                return err_set(err, NARU_LIMIT, "a loop that writes more than %d tensors", MAX_BASES);
            k->bases[k->nbases].b = b;
            k->bases[k->nbases++].type = before[i].v->fact.type;
            *again = true;
        }
    }
    return NARU_OK;
}

static naru_status make_loop(looper *k, block *body, value *count, value *cond, value *cond_out, naru_error *err) {
    recording *r = k->r;
    int n = k->nbases, at = 0;
    for (int i = 0; i < k->nleaves; i++) n += k->leaves[i].carried;
    node *l = graph_node_new(r->g, r->at, NULL, "Loop", "", n + 2, n, 1);
    if (!l) return err_oom(err);
    l->op = &op_Loop;
    l->table = op_Loop.attrs;
    l->attrs[0] = (attr){.name = "body", .kind = ATTR_GRAPH, .block = body};
    body->owner = l;
    l->in[0] = count;
    l->in[1] = cond;
    block *outer = r->at;
    TRY(body_gives(r, body, cond_out, err));
    for (int i = 0; i < k->nleaves + k->nbases; i++) {
        bool base = i >= k->nleaves;
        leaf *x = base ? NULL : &k->leaves[i];
        if (!base && !x->carried) continue;
        value *in = base ? k->bases[i - k->nleaves].b->v : leaf_value(r, x->before, err);
        value *v = graph_value_new(r->g, outer, NULL);
        if (!in || !v) return err && err->code ? err->code : err_oom(err);
        l->in[at + 2] = in;
        v->block = outer;
        v->fact.type = base ? k->bases[i - k->nleaves].type : x->type;
        node_set_out(l, at++, v);
        TRY(body_gives(r, body, base ? k->bases[i - k->nleaves].out : x->out, err));
        if (base) k->bases[i - k->nleaves].in = v;
        else x->in = v;
    }
    return NARU_OK;
}

/* The frame's registers after the loop: leaves that were carried show its results. */
static naru_status leave(looper *k, naru_error *err) {
    recording *r = k->r;
    leaf *done = arena_dup(r->arena, k->leaves, sizeof k->leaves);
    int n = k->nleaves;
    if (!done) return err_oom(err);
    TRY(walk_registers(k, k->f->regs));
    if (k->nleaves != n) return err_set(err, NARU_INTERNAL, "a loop's registers changed shape");
    for (int i = 0; i < n; i++) {
        if (!done[i].carried) continue;
        sv *at = k->leaves[i].at;
        sv v = at->tag == SV_TENSOR ? sv_of(rec_tensor_new(r, done[i].in))
                                    : rec_sym(scalar_kind(*at), (elem_t){ELEM_UNKNOWN, 0}, done[i].in);
        if (v.tag == SV_UNINIT) return err_oom(err);
        sv_set(at, v);
    }
    for (int i = 0; i < k->nbases; i++) {
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++r->serial;
        k->bases[i].b->written = true;
    }
    return NARU_OK;
}

static naru_status run_body(looper *k, sv *regs, value *iter, naru_error *err) {
    sv *own = k->f->regs, out = sv_none();
    int n = k->f->fn->code.nregs;
    const insn *head = &k->f->fn->code.insns[k->pc];
    bool returned = false;
    if (k->counted) {
        sv i = rec_sym(SV_INT, (elem_t){ELEM_UNKNOWN, 0}, iter);
        if (i.tag == SV_UNINIT) return err_oom(err);
        sv_set(&regs[head->a], i);
    }
    for (int i = 0; i < n; i++) {
        sv t = own[i];
        own[i] = regs[i];
        regs[i] = t;
    }
    naru_status st = vm_run_range(k->m, k->f, k->pc + 1, k->body_to, &returned, &out, err);
    for (int i = 0; i < n; i++) {
        sv t = own[i];
        own[i] = regs[i];
        regs[i] = t;
    }
    sv_drop(out);
    if (st == NARU_OK && returned) st = rec_obstacle(k->r, err, "a return inside a loop whose length depends on data");
    if (st == NARU_SCRIPT) st = rec_obstacle(k->r, err, "an exception inside a loop whose length depends on data");
    return st;
}

static naru_status first_leaves(looper *k, sv *regs) {
    TRY(walk_registers(k, regs));
    for (int i = 0; i < k->nleaves; i++) k->leaves[i].before = *k->leaves[i].at;
    return NARU_OK;
}

naru_status record_loop(vm *m, frame *f, int pc, naru_error *err) {
    recording *r = m->sink_user;
    const insn *head = &f->fn->code.insns[pc];
    looper *k = arena_calloc(r->arena, 1, sizeof *k);
    if (!k) return err_oom(err);
    *k = (looper){.r = r,
                  .m = m,
                  .f = f,
                  .live = liveness(r, f->fn),
                  .pc = pc,
                  .body_to = head->c - 1,
                  .end = head->c,
                  .counted = head->op == INSN_FOR,
                  .err = err};
    if (!k->live) return err_oom(err);
    TRY(first_leaves(k, f->regs));
    value *count = NULL, *cond = NULL;
    if (k->counted) count = record_scalar(r, f->regs[head->b], err);
    else cond = record_scalar(r, f->regs[head->a], err);
    if (!count && !cond) return err && err->code ? err->code : NARU_UNSUPPORTED;
    block *outer = r->at;
    int nbefore;
    base_state *before = save_bases(r, &nbefore);
    if (!before) return err_oom(err);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        bool again = false;
        sv *regs = NULL;
        value *iter, *cond_out = NULL;
        if (!(r->at = graph_block_new(r->g, outer))) return r->at = outer, err_oom(err);
        r->at->name = "body";
        block *body = r->at;
        naru_status st = start_round(k, f->regs, &regs, &iter, err);
        leaf *placed = st == NARU_OK ? arena_dup(r->arena, k->leaves, sizeof k->leaves) : NULL;
        int n = k->nleaves;
        if (st == NARU_OK) st = placed ? run_body(k, regs, iter, err) : err_oom(err);
        if (st == NARU_OK) {
            cond_out = k->counted ? body->in[1] : record_scalar(r, regs[head->a], err);
            if (!cond_out) st = err && err->code ? err->code : NARU_UNSUPPORTED;
        }
        if (st == NARU_OK) st = end_round(k, regs, placed, n, &again, err);
        if (st == NARU_OK) st = note_bases(k, nbefore, before, &again, err);
        for (int i = 0; i < n; i++) sv_drop(placed ? placed[i].placed : k->leaves[i].placed);
        r->at = outer;
        restore_bases(nbefore, before);
        if (st == NARU_OK && !again) {
            st = make_loop(k, body, count, cond, cond_out, err);
            if (regs) drop_registers(f->fn->code.nregs, regs);
            if (st == NARU_OK) st = leave(k, err);
            if (st == NARU_OK) f->pc = head->c;
            return st;
        }
        if (regs) drop_registers(f->fn->code.nregs, regs);
        if (st != NARU_OK) return st;
    }
    return rec_obstacle(r, err, "a loop whose shapes do not settle");
}
