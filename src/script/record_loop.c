/* SPDX-License-Identifier: MIT
 *
 * Loops whose length the graph decides. The body runs from the state before the loop; what it leaves changed is
 * carried: in the next round it begins as an input of the body, until the types of all carried values hold still. A
 * place is a register or an item of a container; the tensors and numbers in it are its leaves. Lists that grow become
 * symbolic before the loop, and the loop is recorded anew.
 */
#include <string.h>

#include "script/opcodes.h"
#include "script/record_flow.h"

enum { MAX_LEAVES = 256, MAX_ROUNDS = 8, MAX_RESTARTS = 64, MAX_BASES = 64, MAX_DEPTH = 50 };

typedef struct leaf {
    bool carried, undefined;  /* undefined: before the loop, and of a form that cannot be carried */
    value *in, *out, *result; /* of the body; of the loop */
    type type;                /* of the carried value */
    sv_tag is;                /* SV_TENSOR, SV_LIST, or a number's */
    rec_base *last;           /* the memory that the round before left there */
    const stype *items;       /* of a list */
} leaf;

typedef struct place {
    int reg; /* of the top frame; -1: item `item` of box `box` (-1: a symbolic list's own value) */
    int box, item;
    const sobj *owner; /* the box's object */
    bool optional;     /* what it holds is None in some rounds */
    bool remade;       /* each round makes a new container there: what it holds is carried, not the container */
} place;

typedef struct carried_base {
    rec_base *b;
    value *in, *out;
    type type;
} carried_base;

typedef struct looper {
    recording *r;
    frame *f;
    const live_sets *live;
    int pc, body_to, end;
    bool counted; /* FOR */
    rec_state before, placed, after;
    ARRAY(place) places;
    ARRAY(place) remade; /* found so far: what these name stays when the loop is recorded anew */
    leaf leaves[MAX_LEAVES];
    int nleaves;
    carried_base bases[MAX_BASES];
    int nbases;
    const sobj *grows; /* a list of the state before that has to become symbolic, and what it is then like */
    const type *like;
    bool restart, again;
    naru_error *err;
} looper;

/* ---- places ---- */
static bool enters(const looper *k, int reg) { /* read by the body or behind it; the counter is the body's own */
    const insn *i = &k->f->fn->code.insns[k->pc];
    if (k->counted && reg == i->a) return false;
    return record_is_live(k->live, k->pc, reg) || record_is_live(k->live, k->end, reg);
}

static bool same_place(const place *a, const place *b) {
    if (a->reg >= 0 || b->reg >= 0) return a->reg == b->reg;
    return a->owner == b->owner && a->item == b->item;
}

static bool add_place(looper *k, place p) {
    for (size_t i = 0; i < k->remade.count; i++) {
        if (!same_place(&p, &k->remade.data[i])) continue;
        p.remade = p.remade || k->remade.data[i].remade;
        p.optional = p.optional || k->remade.data[i].optional;
    }
    return ARRAY_PUSH(&k->places, p);
}

static naru_status find_places(looper *k) {
    bool ok = true;
    k->places.count = 0;
    for (int i = 0; ok && i < k->f->fn->code.nregs; i++)
        if (enters(k, i)) ok = add_place(k, (place){.reg = i});
    for (size_t b = 0; ok && b < k->before.boxes.count; b++) {
        const rec_box *box = &k->before.boxes.data[b];
        if (box->o->tag == SV_SYM) ok = add_place(k, (place){.reg = -1, .box = (int)b, .item = -1, .owner = box->o});
        for (int i = 0; ok && i < box->n; i++)
            if (box->o->tag != SV_DICT || i % 2)
                ok = add_place(k, (place){.reg = -1, .box = (int)b, .item = i, .owner = box->o});
    }
    return ok ? NARU_OK : err_oom(k->err);
}

/* What a state has at a place; a symbolic list's own value is no sv: UNINIT. */
static sv at_place(const place *p, const rec_state *s) {
    if (p->reg >= 0) return s->frames[0].regs[p->reg];
    return p->item < 0 || p->item >= s->boxes.data[p->box].n ? (sv){.tag = SV_UNINIT}
                                                             : s->boxes.data[p->box].items[p->item];
}

static bool is_leaf(sv v) { return v.tag == SV_TENSOR || rec_is_number(v) || rec_is_list(v) || v.tag == SV_UNINIT; }
static bool is_container(sv v) {
    return v.tag == SV_LIST || v.tag == SV_TUPLE || v.tag == SV_DICT || v.tag == SV_OBJECT;
}
static bool opened(const place *p, sv v) { return v.tag == SV_TUPLE || (p->remade && is_container(v) && !v.o->shared); }

static int items_of(sv v, const sv **items) {
    *items = NULL;
    if (v.tag == SV_LIST) return *items = sv_list(v)->items, (int)sv_list(v)->count;
    if (v.tag == SV_TUPLE) return *items = sv_tuple(v)->items, sv_tuple(v)->n;
    if (v.tag == SV_OBJECT) return *items = sv_object(v)->slots, sv_object(v)->n;
    return 0;
}

/* Two leaves: whether it is not None, and what it then is. */
static bool is_pair(const place *p, sv v) {
    return rec_is_maybe(v) || (p->optional && (v.tag == SV_NONE || v.tag == SV_TENSOR || rec_is_number(v)));
}

static void split(recording *r, sv v, sv *has, sv *some) { /* both kept */
    if (rec_is_maybe(v)) {
        *has = rec_sym(SV_BOOL, (elem_t){ELEM_UNKNOWN, 0}, ((ssym *)v.o)->v);
        *some = rec_some(r, v);
        return;
    }
    *has = v.tag == SV_UNINIT ? v : sv_bool(v.tag != SV_NONE);
    *some = v.tag == SV_NONE ? (sv){.tag = SV_UNINIT} : sv_keep(v);
}

static sv_tag leaf_kind(sv v) { return v.tag == SV_TENSOR ? SV_TENSOR : rec_kind(v); }

/* ---- leaves of the state before, in a fixed order ---- */
static naru_status add_leaf(looper *k, sv v) {
    if (k->nleaves == MAX_LEAVES)
        return err_set(k->err, NARU_LIMIT, "a loop that carries more than %d values", MAX_LEAVES);
    k->leaves[k->nleaves++] = (leaf){.is = leaf_kind(v), .items = rec_is_list(v) ? rec_list_elem(v) : NULL};
    return NARU_OK;
}

static naru_status find_leaves(looper *k, const place *p, sv v, int depth) {
    if (depth > MAX_DEPTH) return err_set(k->err, NARU_LIMIT, "values nest too deep");
    if (is_pair(p, v)) {
        sv has, some;
        split(k->r, v, &has, &some);
        naru_status st = add_leaf(k, has);
        if (st == NARU_OK) st = add_leaf(k, some);
        sv_drop(has);
        sv_drop(some);
        return st;
    }
    if (is_leaf(v)) return add_leaf(k, v);
    if (!opened(p, v)) return NARU_OK;
    const sv *items;
    int n = items_of(v, &items);
    for (int i = 0; i < n; i++) TRY(find_leaves(k, p, items[i], depth + 1));
    for (size_t i = 0; v.tag == SV_DICT && i < sv_dict(v)->used; i++)
        if (sv_dict(v)->entries[i].live) TRY(find_leaves(k, p, sv_dict(v)->entries[i].value, depth + 1));
    return NARU_OK;
}

static naru_status all_leaves(looper *k) {
    k->nleaves = 0;
    for (size_t i = 0; i < k->places.count; i++)
        TRY(find_leaves(k, &k->places.data[i], at_place(&k->places.data[i], &k->before), 0));
    return NARU_OK;
}

/* ---- values built from leaves ---- */
static sv shown(recording *r, const leaf *l, value *v) {
    if (l->is == SV_TENSOR) return sv_of(rec_tensor_new(r, v));
    if (l->is == SV_LIST) return rec_list_sym(l->items, v);
    return rec_sym(l->is, (elem_t){ELEM_UNKNOWN, 0}, v);
}

static sv build_pair(looper *k, sv v, bool inside, int *at) {
    const leaf *h = &k->leaves[(*at)++], *s = &k->leaves[(*at)++];
    if (!s->carried) return sv_keep(v);
    value *has = h->carried ? (inside ? h->in : h->result) : NULL;
    if (!has) has = rec_is_maybe(v) ? ((ssym *)v.o)->v : record_scalar(k->r, sv_bool(v.tag != SV_NONE), k->err);
    return has ? rec_maybe(has, inside ? s->in : s->result, s->is) : (sv){.tag = SV_UNINIT};
}

/* v with its carried leaves (from number *at on) shown as inputs of the body, or as results of the loop. */
static sv build(looper *k, const place *p, sv v, bool inside, int *at) {
    if (is_pair(p, v)) return build_pair(k, v, inside, at);
    if (is_leaf(v)) {
        const leaf *l = &k->leaves[(*at)++];
        if (l->undefined && !inside) return rec_poison(k->r, "a variable that only a loop of unknown length defines");
        if (!l->carried) return sv_keep(v);
        sv now = shown(k->r, l, inside ? l->in : l->result);
        record_may_share(k->r, now, v);
        record_kin(now, l->last);
        return now;
    }
    if (!opened(p, v)) return sv_keep(v);
    const sv *items;
    int n = items_of(v, &items);
    bool ok = true;
    sobj *o = v.tag == SV_TUPLE  ? (sobj *)stuple_new(n, sv_tuple(v)->cls)
              : v.tag == SV_LIST ? (sobj *)slist_new(sv_list(v)->elem, (size_t)n)
              : v.tag == SV_DICT ? (sobj *)sdict_new(sv_dict(v)->key, sv_dict(v)->value)
                                 : (sobj *)sobject_new(sv_object(v)->cls);
    for (int i = 0; o && ok && i < n; i++) {
        sv x = build(k, p, items[i], inside, at);
        if (v.tag == SV_LIST) ok = slist_push((slist *)o, x);
        else if (v.tag == SV_TUPLE) ((stuple *)o)->items[i] = x;
        else sv_set(&((sobject *)o)->slots[i], x);
    }
    for (size_t i = 0; o && ok && v.tag == SV_DICT && i < sv_dict(v)->used; i++) {
        const sdict_entry *e = &sv_dict(v)->entries[i];
        if (e->live) ok = sdict_put((sdict *)o, sv_keep(e->key), build(k, p, e->value, inside, at));
    }
    if (ok && o) return sv_of(o);
    if (o) sobj_release(o);
    return (sv){.tag = SV_UNINIT};
}

/* Puts what build gives into the machine. Registers that neither the body nor what follows reads keep what they had. */
static naru_status put_places(looper *k, bool inside) {
    rec_state *s = &k->before;
    int at = 0;
    for (size_t i = 0; i < k->places.count; i++) {
        const place *p = &k->places.data[i];
        if (p->reg < 0 && p->item < 0) { /* a symbolic list */
            const leaf *l = &k->leaves[at++];
            if (l->carried) ((ssym *)s->boxes.data[p->box].o)->v = inside ? l->in : l->result;
            continue;
        }
        sv was = at_place(p, s), v = build(k, p, was, inside, &at);
        if (v.tag == SV_UNINIT && was.tag != SV_UNINIT) return err_oom(k->err);
        if (p->reg >= 0) {
            sv_set(&k->f->regs[p->reg], v);
            continue;
        }
        sobj *o = s->boxes.data[p->box].o;
        if (o->tag == SV_LIST) sv_set(&((slist *)o)->items[p->item], v);
        else if (o->tag == SV_OBJECT) sv_set(&((sobject *)o)->slots[p->item], v);
        else if (!sdict_put((sdict *)o, sv_keep(s->boxes.data[p->box].items[p->item - 1]), v)) return err_oom(k->err);
    }
    return NARU_OK;
}

/* ---- types of carried values ---- */
static bool is_widened(recording *r, dim_t d) {
    const char *name = dim_is_const(d) || d == DIM_UNKNOWN ? NULL : sym_plain_name(r->g->syms, d);
    return name && name[0] == 'l';
}

/* Makes *t general enough for what the body gave; true when it had to change. A dim that differs gets a name of its
 * own, and is as general as it can be from then on. */
static bool widen(recording *r, type *t, const type *seen) {
    if (t->kind == TYPE_SEQUENCE) {
        const type *was = t->elem;
        if (!was || !seen->elem) return false;
        t->elem = rec_elem_join(r, was, seen->elem);
        bool changed = !t->elem || was->has_rank != t->elem->has_rank;
        for (int i = 0; !changed && was->has_rank && i < was->rank; i++) changed = was->dims[i] != t->elem->dims[i];
        return changed;
    }
    if (t->has_rank && (!seen->has_rank || seen->rank != t->rank)) {
        t->has_rank = false;
        t->rank = 0;
        return true;
    }
    bool changed = false;
    for (int i = 0; t->has_rank && i < t->rank; i++) {
        if (is_widened(r, t->dims[i]) || (t->dims[i] == seen->dims[i] && dim_is_known(t->dims[i]))) continue;
        t->dims[i] = rec_new_dim(r, 'l');
        changed = true;
    }
    return changed;
}

static type number_type(sv_tag is) {
    return (type){.kind = TYPE_TENSOR,
                  .has_rank = true,
                  .dtype = is == SV_BOOL    ? NARU_BOOL
                           : is == SV_FLOAT ? NARU_DOUBLE
                                            : NARU_INT64};
}

static value *value_of(recording *r, sv v, const type *like, naru_error *err) {
    if (v.tag == SV_TENSOR) return record_value(r, (sten *)v.o, err);
    if (v.tag == SV_LIST || rec_is_list(v)) return rec_list_value(r, v, like, err);
    return record_scalar(r, v, err);
}

static naru_status no_value(naru_error *err) { return err && err->code ? err->code : NARU_UNSUPPORTED; }

/* ---- after a round: which leaves change, what they become ---- */
/* A leaf begins to be carried: its type is that of the value before the loop (which may be undefined). */
static naru_status carry(looper *k, leaf *l, sv before, sv now, const value *v) {
    recording *r = k->r;
    l->carried = k->again = true;
    if (before.tag == SV_UNINIT) {
        l->is = leaf_kind(now);
        l->items = rec_is_list(now) ? rec_list_elem(now) : NULL;
        l->type = v->fact.type;
        for (int i = 0; l->type.kind == TYPE_TENSOR && l->type.has_rank && i < l->type.rank; i++)
            if (!dim_is_const(l->type.dims[i])) l->type.dims[i] = rec_new_dim(r, 'l');
        return NARU_OK;
    }
    block *body = r->at;
    r->at = body->parent;
    value *x = rec_is_number(before) ? NULL : value_of(r, before, NULL, k->err);
    r->at = body;
    if (!x && !rec_is_number(before)) return no_value(k->err);
    l->type = x ? x->fact.type : number_type(l->is);
    return NARU_OK;
}

/* lacks: of what may be None, and is None now. */
static naru_status settle(looper *k, leaf *l, sv before, sv placed, sv now, bool lacks) {
    recording *r = k->r;
    bool same = placed.tag == now.tag && (sv_heap(now) ? now.o == placed.o : sv_is(now, placed));
    bool written = same && l->carried && now.tag == SV_TENSOR && ((sten *)now.o)->rec &&
                   ((sten *)now.o)->rec->base->version != ((sten *)now.o)->rec->version;
    if (same && !written) {
        l->out = l->in;
        return NARU_OK;
    }
    if (now.tag == SV_UNINIT || (now.tag == SV_SYM && rec_kind(now) == SV_UNINIT)) {
        l->out = l->in;
        if (lacks || (!l->carried && now.tag == SV_UNINIT)) return NARU_OK; /* nobody reads it there */
        if (!l->carried && before.tag == SV_UNINIT) {
            l->undefined = true;
            return NARU_OK;
        }
        if (now.tag == SV_SYM) return rec_obstacle(r, k->err, "%s, in a loop", ((ssym *)now.o)->why);
        return rec_obstacle(r, k->err, "a variable that a loop leaves undefined");
    }
    if (before.tag == SV_UNINIT && !l->carried && !is_leaf(now)) {
        l->undefined = true;
        return NARU_OK;
    }
    bool fits = before.tag == SV_UNINIT ? is_leaf(now) && (!l->carried || l->is == leaf_kind(now))
                                        : leaf_kind(now) == l->is || (l->is == SV_LIST && now.tag == SV_LIST);
    if (!fits) return rec_obstacle(r, k->err, "a variable that changes its type in a loop");
    value *v = value_of(r, now, l->carried ? &l->type : NULL, k->err);
    if (!v) return no_value(k->err);
    record_may_share(r, now, before);
    record_may_share(r, now, placed);
    if (now.tag == SV_TENSOR && ((sten *)now.o)->rec) l->last = ((sten *)now.o)->rec->base;
    if (!l->carried) TRY(carry(k, l, before, now, v));
    if (l->type.dtype != v->fact.type.dtype || l->type.kind != v->fact.type.kind)
        return rec_obstacle(r, k->err, "a variable that changes its type in a loop");
    if (widen(r, &l->type, &v->fact.type)) k->again = true;
    l->out = v;
    return NARU_OK;
}

static type value_type(looper *k, sv v) { /* of a value before the loop */
    recording *r = k->r;
    block *body = r->at;
    if (rec_is_number(v)) return number_type(rec_kind(v));
    r->at = body->parent;
    value *x = value_of(r, v, NULL, k->err);
    r->at = body;
    return x ? x->fact.type : (type){0};
}

static naru_status make_symbolic(looper *k, sv before, sv now) {
    if (k->r->options.region || before.tag != SV_LIST || !rec_list_fits(sv_list(before)->elem) ||
        !(now.tag == SV_LIST || rec_is_list(now)))
        return rec_obstacle(k->r, k->err,
                            "a list or dict that changes its form in a loop whose length depends on data");
    value *v = rec_list_value(k->r, now, NULL, k->err);
    if (!v) return no_value(k->err);
    k->grows = before.o;
    k->like = &v->fact.type;
    k->restart = true;
    return NARU_OK;
}

static naru_status compare(looper *k, place *p, sv before, sv placed, sv now, int *at, int depth);

static naru_status compare_dict(looper *k, place *p, sv before, sv placed, sv now, int *at, int depth) {
    for (size_t i = 0; i < sv_dict(placed)->used; i++) {
        const sdict_entry *e = &sv_dict(placed)->entries[i];
        if (!e->live) continue;
        const sv *was = sdict_find(sv_dict(before), e->key), *is = sdict_find(sv_dict(now), e->key);
        if (!was || !is) return rec_obstacle(k->r, k->err, "a dict whose keys change in a loop");
        TRY(compare(k, p, *was, e->value, *is, at, depth + 1));
    }
    return NARU_OK;
}

static naru_status compare_pair(looper *k, sv before, sv placed, sv now, int *at) {
    sv has[3], some[3];
    if (now.tag != SV_NONE && now.tag != SV_UNINIT && !is_leaf(now) && !rec_is_maybe(now))
        return rec_obstacle(k->r, k->err, "a variable that changes its type in a loop");
    split(k->r, before, &has[0], &some[0]);
    split(k->r, placed, &has[1], &some[1]);
    split(k->r, now, &has[2], &some[2]);
    leaf *h = &k->leaves[(*at)++], *s = &k->leaves[(*at)++];
    naru_status st = settle(k, h, has[0], has[1], has[2], false);
    if (st == NARU_OK) st = settle(k, s, some[0], some[1], some[2], true);
    if (st == NARU_OK && h->carried && !s->carried) { /* what may be None goes with whether it is */
        if (some[0].tag == SV_UNINIT) st = rec_obstacle(k->r, k->err, "a variable that is None in some rounds");
        else s->carried = k->again = true, s->type = value_type(k, some[0]);
    }
    for (int i = 0; i < 3; i++) {
        sv_drop(has[i]);
        sv_drop(some[i]);
    }
    return st;
}

/* Leaves from number *at on. `before` and `placed` have the same form. */
static naru_status compare(looper *k, place *p, sv before, sv placed, sv now, int *at, int depth) {
    if (is_pair(p, before)) return compare_pair(k, before, placed, now, at);
    bool can_lack = before.tag == SV_NONE || before.tag == SV_TENSOR || rec_is_number(before);
    bool lacks = now.tag == SV_NONE || rec_is_maybe(now);
    if (can_lack && before.tag != now.tag && (lacks || (before.tag == SV_NONE && is_leaf(now) && !rec_is_list(now))) &&
        !k->r->options.region) {
        place found = *p;
        k->restart = found.optional = true;
        return ARRAY_PUSH(&k->remade, found) ? NARU_OK : err_oom(k->err);
    }
    if (is_leaf(before)) return settle(k, &k->leaves[(*at)++], before, placed, now, false);
    bool same = placed.tag == now.tag && (sv_heap(now) ? now.o == placed.o : sv_is(now, placed));
    if (!opened(p, before)) {
        if (same || (!is_container(before) && before.tag == now.tag && sv_equal(placed, now))) return NARU_OK;
        if (!is_container(before) || before.o->shared || (before.tag != now.tag && !rec_is_list(now)))
            return rec_obstacle(k->r, k->err, "a variable that changes its form in a loop");
        place found = *p;
        k->restart = found.remade = true;
        return ARRAY_PUSH(&k->remade, found) ? NARU_OK : err_oom(k->err);
    }
    const sv *was, *put, *is;
    int n = items_of(before, &was), m = items_of(now, &is);
    items_of(placed, &put);
    if (before.tag == SV_LIST && (now.tag != SV_LIST || n != m)) return make_symbolic(k, before, now);
    if (before.tag != now.tag || n != m)
        return rec_obstacle(k->r, k->err, "a variable that changes its form in a loop");
    if (before.tag == SV_DICT) return compare_dict(k, p, before, placed, now, at, depth);
    for (int i = 0; i < n && !k->restart; i++) TRY(compare(k, p, was[i], put[i], is[i], at, depth + 1));
    return NARU_OK;
}

static naru_status compare_list(looper *k, const place *p, int *at) { /* a symbolic list's own value */
    leaf *l = &k->leaves[(*at)++];
    value *before = k->before.boxes.data[p->box].v, *placed = k->placed.boxes.data[p->box].v,
          *now = k->after.boxes.data[p->box].v;
    l->is = SV_LIST;
    l->out = l->in;
    if (now == placed) return NARU_OK;
    if (!l->carried) {
        l->carried = k->again = true;
        l->type = before->fact.type;
    }
    if (widen(k->r, &l->type, &now->fact.type)) k->again = true;
    l->out = now;
    return NARU_OK;
}

static naru_status compare_places(looper *k) {
    int at = 0;
    for (size_t b = 0; b < k->before.boxes.count; b++) {
        const rec_box *was = &k->placed.boxes.data[b], *is = &k->after.boxes.data[b];
        if (was->n == is->n) continue;
        slist grown = {.head = {.tag = SV_LIST}, .count = (size_t)is->n, .items = is->items};
        if (was->o->tag == SV_LIST) grown.elem = ((slist *)was->o)->elem;
        if (was->o->tag != SV_LIST) return rec_obstacle(k->r, k->err, "a dict that gets other keys in a loop");
        return make_symbolic(k, (sv){.tag = SV_LIST, .o = was->o}, sv_of(&grown));
    }
    for (size_t i = 0; i < k->places.count && !k->restart; i++) {
        place *p = &k->places.data[i];
        if (p->reg < 0 && p->item < 0) TRY(compare_list(k, p, &at));
        else TRY(compare(k, p, at_place(p, &k->before), at_place(p, &k->placed), at_place(p, &k->after), &at, 0));
    }
    return NARU_OK;
}

/* Memory that the body writes. */
static naru_status compare_bases(looper *k) {
    for (int i = 0; i < k->before.nbases; i++) {
        rec_base *b = k->before.bases[i].b;
        value *now = k->after.bases[i].v;
        int at = 0;
        while (at < k->nbases && k->bases[at].b != b) at++;
        if (at == k->nbases) {
            if (now == k->before.bases[i].v) continue;
            if (at == MAX_BASES)
                return err_set(k->err, NARU_LIMIT, "a loop that writes more than %d tensors", MAX_BASES);
            k->bases[k->nbases++] = (carried_base){.b = b, .type = k->before.bases[i].v->fact.type};
            k->again = true;
        }
        k->bases[at].out = now;
        if (widen(k->r, &k->bases[at].type, &now->fact.type)) k->again = true;
    }
    return NARU_OK;
}

/* ---- a round ---- */
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

static naru_status start_round(looper *k, value **iter) {
    type scalar = {.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true}, flag = scalar;
    flag.dtype = NARU_BOOL;
    *iter = body_input(k, &scalar);
    if (!*iter || !body_input(k, &flag)) return err_oom(k->err);
    for (int i = 0; i < k->nleaves; i++)
        if (k->leaves[i].carried && !(k->leaves[i].in = body_input(k, &k->leaves[i].type))) return err_oom(k->err);
    for (int i = 0; i < k->nbases; i++) {
        if (!(k->bases[i].in = body_input(k, &k->bases[i].type))) return err_oom(k->err);
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++k->r->serial;
    }
    TRY(put_places(k, true));
    return state_again(k->r, &k->before, &k->placed, k->err);
}

static naru_status run_body(looper *k, value *iter) {
    recording *r = k->r;
    const insn *head = &k->f->fn->code.insns[k->pc];
    const frame *outer = r->looping;
    bool returned = false;
    sv out = sv_none();
    if (k->counted) {
        sv i = rec_sym(SV_INT, (elem_t){ELEM_UNKNOWN, 0}, iter);
        if (i.tag == SV_UNINIT) return err_oom(k->err);
        sv_set(&k->f->regs[head->a], i);
    }
    r->looping = k->f;
    naru_status st = NARU_OK;
    k->f->pc = k->pc + 1;
    if (k->pc + 1 < k->body_to) st = vm_run_range(r->machine, k->f, k->pc + 1, k->body_to, &returned, &out, k->err);
    r->looping = outer;
    sv_drop(out);
    if (st == NARU_OK && (returned || k->f->pc != k->body_to))
        st = rec_obstacle(r, k->err, "a return or break inside a loop whose length depends on data");
    if (st == NARU_SCRIPT) st = rec_obstacle(r, k->err, "an exception inside a loop whose length depends on data");
    return st;
}

/* cond_out: the body's condition. */
static naru_status play_round(looper *k, block *body, value **cond_out) {
    value *iter;
    k->again = k->restart = false;
    TRY(start_round(k, &iter));
    TRY(run_body(k, iter));
    const insn *head = &k->f->fn->code.insns[k->pc];
    *cond_out = k->counted ? body->in[1] : record_scalar(k->r, k->f->regs[head->a], k->err);
    if (!*cond_out) return no_value(k->err);
    TRY(state_again(k->r, &k->before, &k->after, k->err));
    TRY(compare_places(k));
    return k->restart ? NARU_OK : compare_bases(k);
}

/* ---- the Loop ---- */
static naru_status add_carried(looper *k, node *l, block *body, int at, value *in, value *out, const type *t,
                               value **result) {
    recording *r = k->r;
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!in || !v) return no_value(k->err);
    l->in[at + 2] = in;
    v->block = r->at;
    v->fact.type = *t;
    node_set_out(l, at, v);
    *result = v;
    return body_gives(r, body, out, k->err);
}

/* The carried leaves' values before the loop, by number. */
static naru_status first_values(looper *k, const place *p, sv v, value **first, int *at) {
    if (p->reg < 0 && p->item < 0) {
        first[(*at)++] = k->before.boxes.data[p->box].v;
        return NARU_OK;
    }
    if (is_pair(p, v)) {
        sv both[2];
        split(k->r, v, &both[0], &both[1]);
        naru_status st = NARU_OK;
        for (int i = 0; i < 2 && st == NARU_OK; i++, ++*at) {
            const leaf *l = &k->leaves[*at];
            if (!l->carried) continue;
            first[*at] = both[i].tag == SV_UNINIT ? rec_dummy(k->r, &l->type, k->err)
                                                  : value_of(k->r, both[i], &l->type, k->err);
            if (!first[*at]) st = no_value(k->err);
        }
        sv_drop(both[0]);
        sv_drop(both[1]);
        return st;
    }
    if (is_leaf(v)) {
        const leaf *l = &k->leaves[*at];
        if (l->carried)
            first[*at] = v.tag == SV_UNINIT ? rec_dummy(k->r, &l->type, k->err) : value_of(k->r, v, &l->type, k->err);
        if (l->carried && !first[*at]) return no_value(k->err);
        ++*at;
        return NARU_OK;
    }
    if (!opened(p, v)) return NARU_OK;
    const sv *items;
    int n = items_of(v, &items);
    for (int i = 0; i < n; i++) TRY(first_values(k, p, items[i], first, at));
    for (size_t i = 0; v.tag == SV_DICT && i < sv_dict(v)->used; i++)
        if (sv_dict(v)->entries[i].live) TRY(first_values(k, p, sv_dict(v)->entries[i].value, first, at));
    return NARU_OK;
}

static naru_status make_loop(looper *k, block *body, value *count, value *cond, value *cond_out) {
    recording *r = k->r;
    int n = k->nbases, at = 0, number = 0;
    for (int i = 0; i < k->nleaves; i++) n += k->leaves[i].carried;
    value **first = arena_calloc(r->arena, (size_t)k->nleaves + 1, sizeof *first);
    if (!first) return err_oom(k->err);
    for (size_t i = 0; i < k->places.count; i++)
        TRY(first_values(k, &k->places.data[i], at_place(&k->places.data[i], &k->before), first, &number));
    node *l = graph_node_new(r->g, r->at, NULL, "Loop", "", n + 2, n, 1);
    if (!l) return err_oom(k->err);
    l->op = &op_Loop;
    l->table = op_Loop.attrs;
    l->attrs[0] = (attr){.name = "body", .kind = ATTR_GRAPH, .block = body};
    body->owner = l;
    l->in[0] = count;
    l->in[1] = cond;
    TRY(body_gives(r, body, cond_out, k->err));
    for (int i = 0; i < k->nleaves; i++) {
        leaf *x = &k->leaves[i];
        if (x->carried) TRY(add_carried(k, l, body, at++, first[i], x->out, &x->type, &x->result));
    }
    for (int i = 0; i < k->nbases; i++) {
        carried_base *b = &k->bases[i];
        TRY(add_carried(k, l, body, at++, b->b->v, b->out, &b->type, &b->in));
    }
    return NARU_OK;
}

static naru_status leave(looper *k) {
    TRY(put_places(k, false));
    for (int i = 0; i < k->nbases; i++) {
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++k->r->serial;
        k->bases[i].b->written = true;
    }
    k->f->pc = k->end;
    return NARU_OK;
}

/* ---- whole ---- */
static naru_status prepare(looper *k) {
    k->nbases = 0;
    TRY(state_take(k->r, &k->before, k->err));
    TRY(find_places(k));
    return all_leaves(k);
}

/* The list k->grows becomes symbolic, and all begins anew. */
static naru_status convert(looper *k) {
    if (!k->grows) return NARU_OK;
    sv list = {.tag = SV_LIST, .o = (sobj *)k->grows};
    value *v = rec_list_value(k->r, list, k->like, k->err);
    if (!v) return no_value(k->err);
    sv sym = rec_list_sym(sv_list(list)->elem, v);
    if (sym.tag != SV_SYM) return err_oom(k->err);
    naru_status st = state_replace(&k->before, k->grows, sym, k->err);
    sv_drop(sym);
    k->grows = NULL;
    return st;
}

static naru_status play(looper *k, value *count, value *cond) {
    recording *r = k->r;
    block *outer = r->at;
    for (int round = 0, restarts = 0; round < MAX_ROUNDS && restarts < MAX_RESTARTS; round++) {
        value *cond_out = NULL;
        block *body = r->at = graph_block_new(r->g, outer);
        if (!body) return r->at = outer, err_oom(k->err);
        body->name = "body";
        naru_status st = play_round(k, body, &cond_out);
        r->at = outer;
        naru_status put = state_put(&k->before, k->err);
        state_drop(&k->placed);
        state_drop(&k->after);
        TRY(st);
        TRY(put);
        if (k->restart) {
            TRY(convert(k));
            state_drop(&k->before);
            TRY(prepare(k));
            round = -1;
            restarts++;
        } else if (!k->again) {
            TRY(make_loop(k, body, count, cond, cond_out));
            return leave(k);
        }
    }
    return rec_obstacle(r, k->err, "a loop whose shapes do not settle");
}

naru_status record_loop(vm *m, frame *f, int pc, naru_error *err) {
    recording *r = m->sink_user;
    const insn *head = &f->fn->code.insns[pc];
    looper *k = mem_calloc(1, sizeof *k);
    if (!k) return err_oom(err);
    *k = (looper){.r = r,
                  .f = f,
                  .live = record_liveness(r, f->fn),
                  .pc = pc,
                  .body_to = head->c - 1,
                  .end = head->c,
                  .counted = head->op == INSN_FOR,
                  .err = err};
    value *count = k->counted ? record_scalar(r, f->regs[head->b], err) : NULL;
    value *cond = k->counted ? NULL : record_scalar(r, f->regs[head->a], err);
    naru_status st = !k->live ? err_oom(err) : count || cond ? prepare(k) : no_value(err);
    if (st == NARU_OK) st = play(k, count, cond);
    state_drop(&k->before);
    ARRAY_FREE(&k->places);
    ARRAY_FREE(&k->remade);
    mem_free(k);
    return st;
}

/* ---- loops inside of operators ---- */
static value *repeat_input(recording *r, block *b, const type *t) {
    value *v = graph_value_new(r->g, b, NULL);
    if (!v || !block_add_input(b, v)) return NULL;
    v->block = b;
    v->fact = (fact){.type = *t};
    v->declared = *t;
    v->has_declared = true;
    return v;
}

typedef struct repeat {
    lower *L;
    recording *r;
    block *body;
    int n;
    sten **state;
    value *in[16]; /* before the loop */
} repeat;

static naru_status repeat_body(repeat *k, repeat_fn body, void *user, sten **all, value **kept) {
    lower *L = k->L;
    recording *r = k->r;
    type scalar = {.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true}, flag = scalar;
    flag.dtype = NARU_BOOL;
    value *iter = repeat_input(r, k->body, &scalar), *go = repeat_input(r, k->body, &flag);
    if (!iter || !go) return err_oom(L->err);
    for (int i = 0; i < k->n; i++) {
        value *v = repeat_input(r, k->body, &k->in[i]->fact.type);
        if (!v || !(k->state[i] = lower_own(L, rec_tensor_new(r, v)))) return err_oom(L->err);
    }
    sten *one = NULL, *more = NULL;
    body(L, user, lower_own(L, rec_tensor_new(r, iter)), k->state, all ? &one : NULL, &more);
    TRY(L->st);
    if (more) go = record_value(r, more, L->err);
    if (!go) return no_value(L->err);
    TRY(body_gives(r, k->body, go, L->err));
    for (int i = 0; i < k->n; i++) {
        value *v = record_value(r, k->state[i], L->err);
        if (!v) return no_value(L->err);
        TRY(body_gives(r, k->body, v, L->err));
    }
    if (!all) return NARU_OK;
    if (!(*kept = record_value(r, one, L->err))) return no_value(L->err);
    return body_gives(r, k->body, *kept, L->err);
}

static naru_status repeat_node(repeat *k, value *count, sten **all, const value *kept) {
    recording *r = k->r;
    int n = k->n, nout = n + (all ? 1 : 0);
    node *l = graph_node_new(r->g, r->at, NULL, "Loop", "", n + 2, nout, 1);
    if (!l) return err_oom(k->L->err);
    l->op = &op_Loop;
    l->table = op_Loop.attrs;
    l->attrs[0] = (attr){.name = "body", .kind = ATTR_GRAPH, .block = k->body};
    k->body->owner = l;
    l->in[0] = count;
    for (int i = 0; i < nout; i++) {
        value *v = graph_value_new(r->g, r->at, NULL);
        if (!v) return err_oom(k->L->err);
        v->block = r->at;
        v->fact.type = i < n ? k->in[i]->fact.type : kept->fact.type;
        if (i < n) l->in[i + 2] = k->in[i];
        else { /* the rounds lead */ type *t = &v->fact.type;
            memmove(t->dims + 1, t->dims, (size_t)(NARU_MAX_RANK - 1) * sizeof *t->dims);
            t->dims[0] = rec_new_dim(r, 'u');
            t->rank = t->has_rank && t->rank < NARU_MAX_RANK ? t->rank + 1 : 0;
            t->has_rank = t->rank > 0;
        }
        node_set_out(l, i, v);
        sten **to = i < n ? &k->state[i] : all;
        if (!(*to = lower_own(k->L, rec_tensor_new(r, v)))) return err_oom(k->L->err);
    }
    return NARU_OK;
}

void record_repeat(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all) {
    recording *r = L->vm->sink_user;
    repeat k = {.L = L, .r = r, .n = n, .state = state};
    block *outer = r->at;
    value *rounds = count.tag == SV_NONE ? NULL : record_scalar(r, count, L->err), *kept = NULL;
    naru_status st = count.tag == SV_NONE || rounds ? NARU_OK : no_value(L->err);
    if (n > 16) st = err_set(L->err, NARU_INTERNAL, "a loop of %d states", n);
    for (int i = 0; st == NARU_OK && i < n; i++)
        if (!(k.in[i] = record_value(r, state[i], L->err))) st = no_value(L->err);
    if (st == NARU_OK && !(k.body = graph_block_new(r->g, outer))) st = err_oom(L->err);
    if (st == NARU_OK) {
        k.body->name = "body";
        r->at = k.body;
        st = repeat_body(&k, body, user, all, &kept);
        r->at = outer;
    }
    if (st == NARU_OK) st = repeat_node(&k, rounds, all, kept);
    if (L->st == NARU_OK) L->st = st;
}
