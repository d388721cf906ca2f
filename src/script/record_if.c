/* SPDX-License-Identifier: MIT
 *
 * Conditions that the graph decides. Both ways run in turn from the same state, each into a block of its own; what
 * differs afterwards and is still wanted becomes an output of an If. Containers that were there keep their identity. A
 * way that returns (or leaves a loop) makes both run on to the end of the function. A way that raises is not exported:
 * the other one is taken.
 */
#include <string.h>

#include "script/opcodes.h"
#include "script/record_flow.h"

enum { MAX_LEAVES = 256, MAX_BASES = 64, MAX_DEPTH = 50 };

typedef struct part {
    block *b;
    int from, to;
    rec_state after;
    bool returned, left; /* left: control went elsewhere than behind the part */
    int pc;              /* of the RET */
    sv out;
    naru_status st;
    naru_error why;
} part;

typedef struct joined_list { /* a list whose length differs now */
    const sobj *o;
    sv sym;
} joined_list;

typedef struct joined_pair { /* containers that the ways made and that are one now */
    const sobj *a, *b;
    sv v;
} joined_pair;

typedef struct merger {
    recording *r;
    part *p[2];
    rec_state before;
    value *outs[2][MAX_LEAVES], *result[MAX_LEAVES];
    int nout;
    ARRAY(joined_list) lists;
    ARRAY(joined_pair) pairs;
    naru_error *err;
    naru_status st;
} merger;

/* ---- values of the two ways ---- */
static void set_bases(int n, const base_state *s) {
    for (int i = 0; i < n; i++) {
        s[i].b->v = s[i].v;
        s[i].b->version = s[i].version;
        s[i].b->written = s[i].written;
    }
}

static naru_status failed(merger *k, naru_status otherwise) {
    if (k->st == NARU_OK) k->st = k->err && k->err->code ? k->err->code : otherwise;
    return k->st;
}

/* The graph's value of v at the end of way w. */
static value *value_in(merger *k, int w, sv v, const type *like) {
    recording *r = k->r;
    block *outer = r->at;
    r->at = k->p[w]->b;
    set_bases(k->p[w]->after.nbases, k->p[w]->after.bases);
    value *x = v.tag == SV_TENSOR                   ? record_value(r, (sten *)v.o, k->err)
               : v.tag == SV_LIST || rec_is_list(v) ? rec_list_value(r, v, like, k->err)
                                                    : record_scalar(r, v, k->err);
    set_bases(k->before.nbases, k->before.bases);
    r->at = outer;
    if (!x) failed(k, NARU_UNSUPPORTED);
    return x;
}

static type joined_type(recording *r, const type *x, const type *y) {
    if (x->kind == TYPE_SEQUENCE) {
        const type *elem = x->elem && y->elem ? rec_elem_join(r, x->elem, y->elem) : x->elem ? x->elem : y->elem;
        return (type){.kind = TYPE_SEQUENCE, .elem = elem};
    }
    type t = {.kind = TYPE_TENSOR, .dtype = x->dtype};
    if (!x->has_rank || !y->has_rank || x->rank != y->rank) return t;
    t.has_rank = true;
    t.rank = x->rank;
    for (int i = 0; i < t.rank; i++) {
        bool same = x->dims[i] == y->dims[i] && dim_is_known(x->dims[i]);
        t.dims[i] = same ? x->dims[i] : rec_new_dim(r, 'u');
    }
    return t;
}

/* A new output of the If that is a in one way and b in the other. */
static value *join_values(merger *k, value *a, value *b) {
    recording *r = k->r;
    if (!a || !b) return NULL;
    for (int i = 0; i < k->nout; i++)
        if (k->outs[0][i] == a && k->outs[1][i] == b) return k->result[i];
    value *v = k->nout < MAX_LEAVES ? graph_value_new(r->g, r->at, NULL) : NULL;
    if (!v) {
        k->st = k->nout < MAX_LEAVES ? err_oom(k->err)
                                     : err_set(k->err, NARU_LIMIT, "a condition with more than %d results", MAX_LEAVES);
        return NULL;
    }
    v->fact.type = joined_type(r, &a->fact.type, &b->fact.type);
    v->block = r->at;
    k->outs[0][k->nout] = a;
    k->outs[1][k->nout] = b;
    return k->result[k->nout++] = v;
}

/* One way leaves v uninitialised: it gives anything of that type, which nobody reads. */
static value *join_dummy(merger *k, int w, value *v) {
    recording *r = k->r;
    block *outer = r->at;
    r->at = k->p[!w]->b;
    value *any = v ? rec_dummy(r, &v->fact.type, k->err) : NULL;
    r->at = outer;
    if (v && !any) failed(k, NARU_OUT_OF_MEMORY);
    return w ? join_values(k, any, v) : join_values(k, v, any);
}

/* ---- merging ---- */
static sv merge(merger *k, sv a, sv b, int depth);

static sv shown(merger *k, sv like, value *v) {
    if (!v) return (sv){.tag = SV_UNINIT};
    sv out = like.tag == SV_TENSOR                      ? sv_of(rec_tensor_new(k->r, v))
             : like.tag == SV_LIST || rec_is_list(like) ? rec_list_sym(rec_list_elem(like), v)
                                                        : rec_sym(rec_kind(like), (elem_t){ELEM_UNKNOWN, 0}, v);
    if (out.tag == SV_UNINIT) failed(k, NARU_OUT_OF_MEMORY);
    return out;
}

/* A tensor that is a's or b's memory: the same pair is the same tensor. */
static sv shared_by(merger *k, sv merged, sv a, sv b) {
    if (merged.tag != SV_TENSOR) return merged;
    record_may_share(k->r, merged, a);
    record_may_share(k->r, merged, b);
    joined_pair pair = {a.o, sv_heap(b) ? b.o : NULL, merged};
    if (ARRAY_PUSH(&k->pairs, pair)) sv_keep(merged);
    else k->st = err_oom(k->err);
    return merged;
}

static sv merge_leaf(merger *k, sv a, sv b) {
    for (size_t i = 0; a.tag == SV_TENSOR && i < k->pairs.count; i++)
        if (k->pairs.data[i].a == a.o && k->pairs.data[i].b == b.o) return sv_keep(k->pairs.data[i].v);
    bool list = rec_is_list(a) || a.tag == SV_LIST, a_empty = a.tag == SV_LIST && sv_list(a)->count == 0;
    value *x = NULL, *y = NULL;
    if (!a_empty) x = value_in(k, 0, a, NULL);
    if (a_empty || x) y = value_in(k, 1, b, x ? &x->fact.type : NULL);
    if (a_empty && y) x = value_in(k, 0, a, &y->fact.type);
    if (!x || !y) return (sv){.tag = SV_UNINIT};
    if (!list && x->fact.type.dtype != y->fact.type.dtype)
        return rec_poison(k->r, "the two ways of a condition give tensors of different types");
    return shared_by(k, shown(k, a, join_values(k, x, y)), a, b);
}

/* Both ways made one: an empty container of that kind, NULL when they do not fit each other. */
static sobj *container_like(sv a, sv b) {
    if (a.tag == SV_LIST && (b.tag == SV_UNINIT || sv_list(a)->count == sv_list(b)->count))
        return (sobj *)slist_new(sv_list(a)->elem, sv_list(a)->count);
    if (a.tag == SV_TUPLE && (b.tag == SV_UNINIT || sv_tuple(a)->n == sv_tuple(b)->n))
        return (sobj *)stuple_new(sv_tuple(a)->n, sv_tuple(a)->cls);
    if (a.tag == SV_OBJECT && (b.tag == SV_UNINIT || sv_object(a)->cls == sv_object(b)->cls))
        return (sobj *)sobject_new(sv_object(a)->cls);
    if (a.tag == SV_DICT && (b.tag == SV_UNINIT || sv_dict(a)->count == sv_dict(b)->count))
        return (sobj *)sdict_new(sv_dict(a)->key, sv_dict(a)->value);
    return NULL;
}

static int items_of(sv v, const sv **items) {
    *items = NULL;
    if (v.tag == SV_LIST) return *items = sv_list(v)->items, (int)sv_list(v)->count;
    if (v.tag == SV_TUPLE) return *items = sv_tuple(v)->items, sv_tuple(v)->n;
    if (v.tag == SV_OBJECT) return *items = sv_object(v)->slots, sv_object(v)->n;
    return 0;
}

static bool merge_dict(merger *k, sv a, sv b, sdict *to, int depth) {
    const sdict *x = sv_dict(a);
    for (size_t i = 0; i < x->used; i++) {
        if (!x->entries[i].live) continue;
        const sv *other = b.tag == SV_DICT ? sdict_find(sv_dict(b), x->entries[i].key) : NULL;
        if (b.tag == SV_DICT && !other) return false;
        sv v = merge(k, x->entries[i].value, other ? *other : (sv){.tag = SV_UNINIT}, depth + 1);
        if (!sdict_put(to, sv_keep(x->entries[i].key), v)) return false;
    }
    return true;
}

static sv merge_containers(merger *k, sv a, sv b, int depth) {
    for (size_t i = 0; i < k->pairs.count; i++)
        if (k->pairs.data[i].a == a.o && k->pairs.data[i].b == (sv_heap(b) ? b.o : NULL))
            return sv_keep(k->pairs.data[i].v);
    sobj *to = container_like(a, b);
    if (!to) return rec_poison(k->r, "the two ways of a condition give values of different forms");
    joined_pair pair = {a.o, sv_heap(b) ? b.o : NULL, sv_of(to)};
    if (!ARRAY_PUSH(&k->pairs, pair)) {
        sobj_release(to);
        k->st = err_oom(k->err);
        return (sv){.tag = SV_UNINIT};
    }
    sobj_retain(to); /* the pair's */
    const sv *x, *y;
    int n = items_of(a, &x);
    bool ok = a.tag != SV_DICT || merge_dict(k, a, b, (sdict *)to, depth);
    items_of(b, &y);
    for (int i = 0; ok && i < n; i++) {
        sv v = merge(k, x[i], y ? y[i] : (sv){.tag = SV_UNINIT}, depth + 1);
        if (a.tag == SV_LIST) ok = slist_push((slist *)to, v);
        else if (a.tag == SV_TUPLE) ((stuple *)to)->items[i] = v;
        else sv_set(&((sobject *)to)->slots[i], v);
    }
    if (ok) return sv_of(to);
    sobj_release(to);
    return rec_poison(k->r, "the two ways of a condition give dicts with different keys");
}

/* ---- None on one way ---- */
static bool may_be(sv v) { return v.tag == SV_NONE || rec_is_maybe(v) || v.tag == SV_TENSOR || rec_is_number(v); }

static sv_tag some_kind(sv v) {
    return rec_is_maybe(v) ? ((ssym *)v.o)->some_is : v.tag == SV_TENSOR ? SV_TENSOR : rec_kind(v);
}

static value *has_in(merger *k, sv v) {
    if (rec_is_maybe(v)) return ((ssym *)v.o)->v;
    value *x = record_scalar(k->r, sv_bool(v.tag != SV_NONE), k->err);
    if (!x) failed(k, NARU_OUT_OF_MEMORY);
    return x;
}

static value *some_in(merger *k, int w, sv v) {
    return v.tag == SV_NONE ? NULL : rec_is_maybe(v) ? ((ssym *)v.o)->some : value_in(k, w, v, NULL);
}

static sv merge_maybe(merger *k, sv a, sv b) {
    sv_tag x = some_kind(a), y = some_kind(b), is = a.tag == SV_NONE ? y : x;
    if (a.tag != SV_NONE && b.tag != SV_NONE && x != y)
        return rec_poison(k->r, "the two ways of a condition give values of different types");
    value *p = some_in(k, 0, a), *q = some_in(k, 1, b), *some;
    if (k->st != NARU_OK) return (sv){.tag = SV_UNINIT};
    if (p && q && p->fact.type.dtype != q->fact.type.dtype)
        return rec_poison(k->r, "the two ways of a condition give tensors of different types");
    some = p && q ? join_values(k, p, q) : join_dummy(k, p ? 0 : 1, p ? p : q);
    value *has = join_values(k, has_in(k, a), has_in(k, b));
    return some && has ? rec_maybe(has, some, is) : (sv){.tag = SV_UNINIT};
}

/* One way leaves it uninitialised: the other's, which way w has. */
static sv merge_with_nothing(merger *k, int w, sv v, int depth) {
    if (rec_is_maybe(v)) {
        const ssym *s = (ssym *)v.o;
        value *has = join_dummy(k, w, s->v), *some = has ? join_dummy(k, w, s->some) : NULL;
        return some ? rec_maybe(has, some, s->some_is) : (sv){.tag = SV_UNINIT};
    }
    if (v.tag == SV_TENSOR || rec_is_number(v) || rec_is_list(v))
        return shared_by(k, shown(k, v, join_dummy(k, w, value_in(k, w, v, NULL))), v, sv_none());
    bool container = v.tag == SV_LIST || v.tag == SV_TUPLE || v.tag == SV_DICT || v.tag == SV_OBJECT;
    if (!container || v.o->shared || state_box(&k->before, v.o) >= 0) return sv_keep(v);
    if (w == 0) return merge_containers(k, v, (sv){.tag = SV_UNINIT}, depth);
    return rec_poison(k->r, "one way of a condition leaves a variable undefined");
}

static bool is_text(sv v) { return v.tag == SV_STR || (v.tag == SV_SYM && rec_kind(v) == SV_STR); }

static bool is_container(sv v) {
    return v.tag == SV_LIST || v.tag == SV_TUPLE || v.tag == SV_DICT || v.tag == SV_OBJECT;
}

static sv merge_lists(merger *k, sv a, sv b, int depth) {
    bool known = a.tag == SV_LIST && b.tag == SV_LIST && sv_list(a)->count == sv_list(b)->count;
    if (known) return merge_containers(k, a, b, depth);
    if (k->r->options.region || !rec_list_fits(rec_list_elem(a)))
        return rec_poison(k->r, "the two ways of a condition give lists of different length");
    return merge_leaf(k, a, b);
}

static sv merge(merger *k, sv a, sv b, int depth) {
    if (k->st != NARU_OK || depth > MAX_DEPTH) return (sv){.tag = SV_UNINIT};
    if (a.tag == b.tag && (sv_heap(a) ? a.o == b.o : sv_is(a, b))) {
        if (a.tag == SV_TUPLE && k->lists.count) return merge_containers(k, a, b, depth);
        for (size_t i = 0; sv_heap(a) && i < k->lists.count; i++)
            if (k->lists.data[i].o == a.o) return sv_keep(k->lists.data[i].sym);
        return sv_keep(a);
    }
    if (a.tag == SV_UNINIT) return merge_with_nothing(k, 1, b, depth);
    if (b.tag == SV_UNINIT) return merge_with_nothing(k, 0, a, depth);
    bool none = a.tag == SV_NONE || b.tag == SV_NONE || rec_is_maybe(a) || rec_is_maybe(b);
    if (none && may_be(a) && may_be(b) && !k->r->options.region) return merge_maybe(k, a, b);
    if (a.tag == SV_TENSOR && b.tag == SV_TENSOR) return merge_leaf(k, a, b);
    if (rec_is_number(a) && rec_is_number(b)) {
        if (rec_kind(a) == rec_kind(b)) return merge_leaf(k, a, b);
        return rec_poison(k->r, "the two ways of a condition give numbers of different types");
    }
    if (is_text(a) && is_text(b) && !sv_equal(a, b) && !k->r->options.region) return merge_leaf(k, a, b);
    bool lists = (a.tag == SV_LIST || rec_is_list(a)) && (b.tag == SV_LIST || rec_is_list(b));
    if (lists) return merge_lists(k, a, b, depth);
    if (a.tag == b.tag && is_container(a) && !a.o->shared && !b.o->shared) return merge_containers(k, a, b, depth);
    if (a.tag == b.tag && !is_container(a) && sv_equal(a, b)) return sv_keep(a);
    return rec_poison(k->r, a.tag == SV_NONE || b.tag == SV_NONE
                                ? "a value that is None on one of the two ways of a condition that depends on data"
                                : "a value that is another object on the two ways of a condition that depends on data");
}

/* ---- containers that were there ---- */
static bool same_content(const rec_box *a, const rec_box *b) {
    if (a->n != b->n || a->v != b->v) return false;
    for (int i = 0; i < a->n; i++) {
        const sv *x = &a->items[i], *y = &b->items[i];
        if (x->tag != y->tag || (sv_heap(*x) ? x->o != y->o : !sv_is(*x, *y))) return false;
    }
    return true;
}

/* Lists of different length become symbolic wherever they are held. */
static naru_status join_list(merger *k, size_t i) {
    const rec_box *a = &k->p[0]->after.boxes.data[i], *b = &k->p[1]->after.boxes.data[i];
    slist x = {.elem = ((slist *)a->o)->elem, .count = (size_t)a->n, .items = a->items};
    slist y = {.elem = x.elem, .count = (size_t)b->n, .items = b->items};
    x.head.tag = y.head.tag = SV_LIST;
    if (k->r->options.region) return rec_obstacle(k->r, k->err, "a list grows in a condition that depends on data");
    if (!rec_list_fits(x.elem)) {
        str s = {0};
        stype_print(x.elem, &s);
        rec_obstacle(k->r, k->err, "a list of %s grows in a condition that depends on data", str_text(&s));
        str_free(&s);
        return NARU_UNSUPPORTED;
    }
    joined_list made = {a->o, merge_leaf(k, sv_of(&x), sv_of(&y))};
    if (made.sym.tag == SV_UNINIT) return failed(k, NARU_OUT_OF_MEMORY);
    if (ARRAY_PUSH(&k->lists, made)) return NARU_OK;
    sv_drop(made.sym);
    return err_oom(k->err);
}

/* The new content of box i, into *out; false: as it was. */
static bool join_box(merger *k, size_t i, rec_box *out) {
    const rec_box *was = &k->before.boxes.data[i], *a = &k->p[0]->after.boxes.data[i],
                  *b = &k->p[1]->after.boxes.data[i];
    bool converted = false;
    for (size_t j = 0; j < k->lists.count; j++) converted = converted || k->lists.data[j].o == was->o;
    if (converted || (same_content(a, was) && same_content(b, was) && k->lists.count == 0)) return false;
    *out = (rec_box){.o = was->o, .n = a->n};
    if (was->o->tag == SV_SYM) {
        out->v = a->v == b->v ? a->v : join_values(k, a->v, b->v);
        if (!out->v) failed(k, NARU_OUT_OF_MEMORY);
        return true;
    }
    if (a->n != b->n) {
        k->st =
            rec_obstacle(k->r, k->err, "a dict gets other keys on the two ways of a condition that depends on data");
        return false;
    }
    if (!(out->items = arena_calloc(k->r->arena, (size_t)a->n + 1, sizeof(sv)))) {
        k->st = err_oom(k->err);
        return false;
    }
    for (int j = 0; j < a->n; j++) {
        if (was->o->tag == SV_DICT && j % 2 == 0) {
            if (!sv_equal(a->items[j], b->items[j]) && k->st == NARU_OK)
                k->st = rec_obstacle(k->r, k->err,
                                     "a dict gets other keys on the two ways of a condition that depends on data");
            out->items[j] = sv_keep(a->items[j]);
        } else {
            out->items[j] = merge(k, a->items[j], b->items[j], 0);
        }
    }
    return true;
}

/* ---- the If ---- */
static naru_status make_if(merger *k, value *cond) {
    recording *r = k->r;
    if (k->nout == 0) return NARU_OK;
    node *n = graph_node_new(r->g, r->at, NULL, "If", "", 1, k->nout, 2);
    if (!n) return err_oom(k->err);
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
        for (int w = 0; w < 2; w++) TRY(body_gives(r, k->p[w]->b, k->outs[w][i], k->err));
    }
    return NARU_OK;
}

typedef struct joined { /* all that is new after the If */
    sv **regs;          /* by frame */
    rec_box *boxes;
    int nboxes;
    rec_base *written[MAX_BASES];
    value *now[MAX_BASES];
    int nwritten;
    sv returned;
} joined;

static naru_status join_memory(merger *k, joined *j) {
    for (int i = 0; i < k->before.nbases; i++) {
        const base_state *was = &k->before.bases[i], *a = &k->p[0]->after.bases[i], *b = &k->p[1]->after.bases[i];
        if (a->v == was->v && b->v == was->v) continue;
        if (j->nwritten == MAX_BASES)
            return err_set(k->err, NARU_LIMIT, "a condition that writes more than %d tensors", MAX_BASES);
        j->written[j->nwritten] = was->b;
        if (!(j->now[j->nwritten++] = join_values(k, a->v, b->v))) return failed(k, NARU_OUT_OF_MEMORY);
    }
    return NARU_OK;
}

/* live NULL: the function returns, nothing of the top frame is read. */
static naru_status join_all(merger *k, const live_sets *live, int end, joined *j) {
    const rec_state *s = &k->before, *a = &k->p[0]->after, *b = &k->p[1]->after;
    *j = (joined){.regs = arena_calloc(k->r->arena, (size_t)s->nframes + 1, sizeof *j->regs),
                  .boxes = arena_calloc(k->r->arena, s->boxes.count + 1, sizeof *j->boxes)};
    if (!j->regs || !j->boxes) return err_oom(k->err);
    for (size_t i = 0; i < s->boxes.count; i++) {
        bool list = s->boxes.data[i].o->tag == SV_LIST;
        if (list && a->boxes.data[i].n != b->boxes.data[i].n) TRY(join_list(k, i));
    }
    for (int f = 0; f < s->nframes; f++) {
        int n = s->frames[f].f->fn->code.nregs;
        if (!(j->regs[f] = arena_calloc(k->r->arena, (size_t)n + 1, sizeof(sv)))) return err_oom(k->err);
        for (int i = 0; i < n; i++)
            if (f > 0 || (live && record_is_live(live, end, i)))
                j->regs[f][i] = merge(k, a->frames[f].regs[i], b->frames[f].regs[i], 0);
    }
    for (size_t i = 0; i < s->boxes.count && k->st == NARU_OK; i++) j->nboxes += join_box(k, i, &j->boxes[j->nboxes]);
    if (!live) j->returned = merge(k, k->p[0]->out, k->p[1]->out, 0);
    TRY(k->st);
    return join_memory(k, j);
}

static void drop_joined(const rec_state *s, joined *j) {
    for (int f = 0; j->regs && f < s->nframes; f++)
        for (int i = 0; j->regs[f] && i < s->frames[f].f->fn->code.nregs; i++) sv_drop(j->regs[f][i]);
    for (int b = 0; b < j->nboxes; b++)
        for (int i = 0; j->boxes[b].items && i < j->boxes[b].n; i++) sv_drop(j->boxes[b].items[i]);
    sv_drop(j->returned);
}

static naru_status apply(merger *k, const joined *j) {
    const rec_state *s = &k->before;
    for (int f = 0; f < s->nframes; f++)
        for (int i = 0; i < s->frames[f].f->fn->code.nregs; i++)
            sv_set(&s->frames[f].f->regs[i], sv_keep(j->regs[f][i]));
    for (int b = 0; b < j->nboxes; b++) TRY(box_fill(&j->boxes[b], k->err));
    for (int i = 0; i < j->nwritten; i++) {
        j->written[i]->v = j->now[i];
        j->written[i]->version = ++k->r->serial;
        j->written[i]->written = true;
    }
    return NARU_OK;
}

static naru_status join_parts(merger *k, frame *f, int end, value *cond) {
    bool returns = k->p[0]->returned;
    const live_sets *live = record_liveness(k->r, f->fn);
    joined j = {0};
    naru_status st = live ? join_all(k, returns ? NULL : live, end, &j) : err_oom(k->err);
    if (st == NARU_OK) st = make_if(k, cond);
    if (st == NARU_OK) st = apply(k, &j);
    if (st == NARU_OK && returns) { /* the machine finds the result where one way's RET looks for it */
        f->pc = k->p[0]->pc;
        sv_set(&f->regs[f->fn->code.insns[f->pc].a], sv_keep(j.returned));
    } else if (st == NARU_OK) {
        f->pc = end;
    }
    drop_joined(&k->before, &j);
    return st;
}

/* ---- running the ways ---- */
static void forget(vm *m) { /* an exception that nobody sees */
    m->raised[0] = 0;
    str_free(&m->message);
    str_free(&m->trace);
}

/* Runs a way and puts the state back. rest: on to the end of the function. */
static naru_status run_part(merger *k, frame *f, part *p, bool rest) {
    recording *r = k->r;
    vm *m = r->machine;
    block *outer = r->at;
    size_t findings = report_size(r->options.report);
    int obstacles = r->obstacles;
    state_drop(&p->after);
    sv_drop(p->out);
    *p = (part){.b = graph_block_new(r->g, r->at), .from = p->from, .to = p->to, .why = NARU_ERROR_INIT};
    if (!p->b) return err_oom(k->err);
    p->b->name = p == k->p[0] ? "then" : "else";
    r->at = p->b;
    f->pc = p->from;
    if (rest) p->st = vm_run_rest(m, f, p->from, &p->returned, &p->out, &p->why);
    else if (p->from < p->to) p->st = vm_run_range(m, f, p->from, p->to, &p->returned, &p->out, &p->why);
    p->pc = f->pc;
    p->left = p->st == NARU_OK && !p->returned && f->pc != p->to;
    r->at = outer;
    naru_status st = state_again(r, &k->before, &p->after, k->err);
    if (p->st == NARU_SCRIPT) { /* nor does anybody see what stood in its way */
        report_truncate(r->options.report, findings);
        r->obstacles = obstacles;
        forget(m);
    }
    naru_status put = state_put(&k->before, k->err);
    return st != NARU_OK ? st : put;
}

/* The way that does not raise, as if there were no condition. */
static naru_status run_here(merger *k, frame *f, const part *p, int end) {
    bool returned = false;
    sv out = sv_none();
    f->pc = p->from;
    naru_status st =
        p->from < p->to ? vm_run_range(k->r->machine, f, p->from, p->to, &returned, &out, k->err) : NARU_OK;
    sv_drop(out);
    if (st == NARU_OK && !returned && f->pc == p->to) f->pc = end; /* else the machine goes on where control went */
    return st;
}

static naru_status run_both(merger *k, frame *f) {
    for (int w = 0; w < 2; w++) TRY(run_part(k, f, k->p[w], false));
    bool raised = k->p[0]->st == NARU_SCRIPT || k->p[1]->st == NARU_SCRIPT;
    bool leaves = false;
    for (int w = 0; w < 2; w++) leaves = leaves || k->p[w]->returned || k->p[w]->left;
    if (!leaves || raised) return NARU_OK;
    if (k->r->looping == f)
        return rec_obstacle(k->r, k->err, "a return or break inside a loop whose length depends on data");
    for (int w = 0; w < 2; w++)
        if (k->p[w]->st == NARU_OK && !k->p[w]->returned) TRY(run_part(k, f, k->p[w], true));
    return NARU_OK;
}

static naru_status decide(merger *k, frame *f, int end, value *cond) {
    TRY(run_both(k, f));
    bool raised[2] = {k->p[0]->st == NARU_SCRIPT, k->p[1]->st == NARU_SCRIPT};
    if ((raised[0] || raised[1]) && k->r->options.region)
        return rec_obstacle(k->r, k->err, "an exception that depends on data");
    if (raised[0] != raised[1]) return run_here(k, f, k->p[raised[0]], end);
    for (int w = 0; w < 2; w++)
        if (k->p[w]->st != NARU_OK) {
            if (k->err) *k->err = k->p[w]->why;
            return k->p[w]->st;
        }
    return join_parts(k, f, end, cond);
}

naru_status record_branch(vm *m, frame *f, int pc, naru_error *err) {
    recording *r = m->sink_user;
    const insn *i = &f->fn->code.insns[pc];
    bool has_else = i->b < i->c;
    value *cond = record_scalar(r, f->regs[i->a], err);
    if (cond && cond->fact.type.dtype != NARU_BOOL)
        cond = rec_emit(r, &op_Cast, ATTRS(AI("to", NARU_BOOL)), 1, &cond, err);
    if (!cond) return rec_no_value(err);
    merger *k = mem_calloc(1, sizeof *k);
    part parts[2] = {{.from = pc + 1, .to = has_else ? i->b - 1 : i->c}, {.from = i->b, .to = i->c}};
    if (!k) return err_oom(err);
    *k = (merger){.r = r, .p = {&parts[0], &parts[1]}, .err = err};
    naru_status st = state_take(r, &k->before, err);
    if (st == NARU_OK) st = decide(k, f, i->c, cond);
    for (int w = 0; w < 2; w++) {
        state_drop(&parts[w].after);
        sv_drop(parts[w].out);
    }
    state_drop(&k->before);
    for (size_t n = 0; n < k->lists.count; n++) sv_drop(k->lists.data[n].sym);
    for (size_t n = 0; n < k->pairs.count; n++) sv_drop(k->pairs.data[n].v);
    ARRAY_FREE(&k->lists);
    ARRAY_FREE(&k->pairs);
    mem_free(k);
    return st;
}
