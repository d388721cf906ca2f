/* SPDX-License-Identifier: MIT
 *
 * After a round of a loop (record_loop.c): which leaves and which memory it has changed, and of what type they are in
 * every round.
 */
#include "script/record_loop_in.h"

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

value *loop_value(recording *r, sv v, const type *like, naru_error *err) {
    if (v.tag == SV_TENSOR) return record_value(r, (sten *)v.o, err);
    if (v.tag == SV_LIST || rec_is_list(v)) return rec_list_value(r, v, like, err);
    return record_scalar(r, v, err);
}

/* ---- after a round: which leaves change, what they become ---- */
/* A leaf begins to be carried: its type is that of the value before the loop (which may be undefined). */
static naru_status carry(looper *k, leaf *l, sv before, sv now, const value *v) {
    recording *r = k->r;
    l->carried = k->again = true;
    if (before.tag == SV_UNINIT) {
        l->is = loop_leaf_kind(now);
        l->items = rec_is_list(now) ? rec_list_elem(now) : NULL;
        l->type = v->fact.type;
        for (int i = 0; l->type.kind == TYPE_TENSOR && l->type.has_rank && i < l->type.rank; i++)
            if (!dim_is_const(l->type.dims[i])) l->type.dims[i] = rec_new_dim(r, 'l');
        return NARU_OK;
    }
    block *body = r->at;
    r->at = body->parent;
    value *x = rec_is_number(before) ? NULL : loop_value(r, before, NULL, k->err);
    r->at = body;
    if (!x && !rec_is_number(before)) return rec_no_value(k->err);
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
    if (before.tag == SV_UNINIT && !l->carried && !loop_leaf(now)) {
        l->undefined = true;
        return NARU_OK;
    }
    bool fits = before.tag == SV_UNINIT ? loop_leaf(now) && (!l->carried || l->is == loop_leaf_kind(now))
                                        : loop_leaf_kind(now) == l->is || (l->is == SV_LIST && now.tag == SV_LIST);
    if (!fits) return rec_obstacle(r, k->err, "a variable that changes its type in a loop");
    value *v = loop_value(r, now, l->carried ? &l->type : NULL, k->err);
    if (!v) return rec_no_value(k->err);
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
    value *x = loop_value(r, v, NULL, k->err);
    r->at = body;
    return x ? x->fact.type : (type){0};
}

static naru_status make_symbolic(looper *k, sv before, sv now) {
    if (k->r->options.region || before.tag != SV_LIST || !rec_list_fits(sv_list(before)->elem) ||
        !(now.tag == SV_LIST || rec_is_list(now)))
        return rec_obstacle(k->r, k->err,
                            "a list or dict that changes its form in a loop whose length depends on data");
    value *v = rec_list_value(k->r, now, NULL, k->err);
    if (!v) return rec_no_value(k->err);
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
    if (now.tag != SV_NONE && now.tag != SV_UNINIT && !loop_leaf(now) && !rec_is_maybe(now))
        return rec_obstacle(k->r, k->err, "a variable that changes its type in a loop");
    loop_split(k->r, before, &has[0], &some[0]);
    loop_split(k->r, placed, &has[1], &some[1]);
    loop_split(k->r, now, &has[2], &some[2]);
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
    if (loop_pair(p, before)) return compare_pair(k, before, placed, now, at);
    bool can_lack = before.tag == SV_NONE || before.tag == SV_TENSOR || rec_is_number(before);
    bool lacks = now.tag == SV_NONE || rec_is_maybe(now);
    if (can_lack && before.tag != now.tag &&
        (lacks || (before.tag == SV_NONE && loop_leaf(now) && !rec_is_list(now))) && !k->r->options.region) {
        place found = *p;
        k->restart = found.optional = true;
        return ARRAY_PUSH(&k->remade, found) ? NARU_OK : err_oom(k->err);
    }
    if (loop_leaf(before)) return settle(k, &k->leaves[(*at)++], before, placed, now, false);
    bool same = placed.tag == now.tag && (sv_heap(now) ? now.o == placed.o : sv_is(now, placed));
    if (!loop_opened(p, before)) {
        if (same || (!loop_container(before) && before.tag == now.tag && sv_equal(placed, now))) return NARU_OK;
        if (!loop_container(before) || before.o->shared || (before.tag != now.tag && !rec_is_list(now)))
            return rec_obstacle(k->r, k->err, "a variable that changes its form in a loop");
        place found = *p;
        k->restart = found.remade = true;
        return ARRAY_PUSH(&k->remade, found) ? NARU_OK : err_oom(k->err);
    }
    const sv *was, *put, *is;
    int n = loop_items(before, &was), m = loop_items(now, &is);
    loop_items(placed, &put);
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

naru_status loop_compare(looper *k) {
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
        else TRY(compare(k, p, loop_at(p, &k->before), loop_at(p, &k->placed), loop_at(p, &k->after), &at, 0));
    }
    return NARU_OK;
}

naru_status loop_compare_bases(looper *k) {
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
