/* SPDX-License-Identifier: MIT
 *
 * The places of a loop (record_loop.c), the leaves of what they hold, and values built anew from these.
 */
#include "script/opcodes.h"
#include "script/record_loop_in.h"

enum { MAX_DEPTH = 50 };

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

naru_status loop_places(looper *k) {
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

sv loop_at(const place *p, const rec_state *s) {
    if (p->reg >= 0) return s->frames[0].regs[p->reg];
    return p->item < 0 || p->item >= s->boxes.data[p->box].n ? (sv){.tag = SV_UNINIT}
                                                             : s->boxes.data[p->box].items[p->item];
}

bool loop_leaf(sv v) { return v.tag == SV_TENSOR || rec_is_number(v) || rec_is_list(v) || v.tag == SV_UNINIT; }
bool loop_container(sv v) { return v.tag == SV_LIST || v.tag == SV_TUPLE || v.tag == SV_DICT || v.tag == SV_OBJECT; }
bool loop_opened(const place *p, sv v) { return v.tag == SV_TUPLE || (p->remade && loop_container(v) && !v.o->shared); }

int loop_items(sv v, const sv **items) {
    *items = NULL;
    if (v.tag == SV_LIST) return *items = sv_list(v)->items, (int)sv_list(v)->count;
    if (v.tag == SV_TUPLE) return *items = sv_tuple(v)->items, sv_tuple(v)->n;
    if (v.tag == SV_OBJECT) return *items = sv_object(v)->slots, sv_object(v)->n;
    return 0;
}

bool loop_pair(const place *p, sv v) {
    return rec_is_maybe(v) || (p->optional && (v.tag == SV_NONE || v.tag == SV_TENSOR || rec_is_number(v)));
}

void loop_split(recording *r, sv v, sv *has, sv *some) { /* both kept */
    if (rec_is_maybe(v)) {
        *has = rec_sym(SV_BOOL, (elem_t){ELEM_UNKNOWN, 0}, ((ssym *)v.o)->v);
        *some = rec_some(r, v);
        return;
    }
    *has = v.tag == SV_UNINIT ? v : sv_bool(v.tag != SV_NONE);
    *some = v.tag == SV_NONE ? (sv){.tag = SV_UNINIT} : sv_keep(v);
}

sv_tag loop_leaf_kind(sv v) { return v.tag == SV_TENSOR ? SV_TENSOR : rec_kind(v); }

/* ---- leaves of the state before, in a fixed order ---- */
static naru_status add_leaf(looper *k, sv v) {
    if (k->nleaves == MAX_LEAVES)
        return err_set(k->err, NARU_LIMIT, "a loop that carries more than %d values", MAX_LEAVES);
    k->leaves[k->nleaves++] = (leaf){.is = loop_leaf_kind(v), .items = rec_is_list(v) ? rec_list_elem(v) : NULL};
    return NARU_OK;
}

static naru_status find_leaves(looper *k, const place *p, sv v, int depth) {
    if (depth > MAX_DEPTH) return err_set(k->err, NARU_LIMIT, "values nest too deep");
    if (loop_pair(p, v)) {
        sv has, some;
        loop_split(k->r, v, &has, &some);
        naru_status st = add_leaf(k, has);
        if (st == NARU_OK) st = add_leaf(k, some);
        sv_drop(has);
        sv_drop(some);
        return st;
    }
    if (loop_leaf(v)) return add_leaf(k, v);
    if (!loop_opened(p, v)) return NARU_OK;
    const sv *items;
    int n = loop_items(v, &items);
    for (int i = 0; i < n; i++) TRY(find_leaves(k, p, items[i], depth + 1));
    for (size_t i = 0; v.tag == SV_DICT && i < sv_dict(v)->used; i++)
        if (sv_dict(v)->entries[i].live) TRY(find_leaves(k, p, sv_dict(v)->entries[i].value, depth + 1));
    return NARU_OK;
}

naru_status loop_leaves(looper *k) {
    k->nleaves = 0;
    for (size_t i = 0; i < k->places.count; i++)
        TRY(find_leaves(k, &k->places.data[i], loop_at(&k->places.data[i], &k->before), 0));
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
    if (loop_pair(p, v)) return build_pair(k, v, inside, at);
    if (loop_leaf(v)) {
        const leaf *l = &k->leaves[(*at)++];
        if (l->undefined && !inside) return rec_poison(k->r, "a variable that only a loop of unknown length defines");
        if (!l->carried) return sv_keep(v);
        sv now = shown(k->r, l, inside ? l->in : l->result);
        record_may_share(k->r, now, v);
        record_kin(now, l->last);
        return now;
    }
    if (!loop_opened(p, v)) return sv_keep(v);
    const sv *items;
    int n = loop_items(v, &items);
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

naru_status loop_put(looper *k, bool inside) {
    rec_state *s = &k->before;
    int at = 0;
    for (size_t i = 0; i < k->places.count; i++) {
        const place *p = &k->places.data[i];
        if (p->reg < 0 && p->item < 0) { /* a symbolic list */
            const leaf *l = &k->leaves[at++];
            if (l->carried) ((ssym *)s->boxes.data[p->box].o)->v = inside ? l->in : l->result;
            continue;
        }
        sv was = loop_at(p, s), v = build(k, p, was, inside, &at);
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
