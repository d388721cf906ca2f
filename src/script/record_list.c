/* SPDX-License-Identifier: MIT
 *
 * Lists whose length only the graph knows: a vector for a list of numbers, a sequence for a list of tensors. Such a
 * list is a symbolic value that several places may hold; appending changes it for all of them.
 */
#include <string.h>

#include "script/record_flow.h"

bool rec_is_list(sv v) { return v.tag == SV_SYM && ((ssym *)v.o)->is == SV_LIST; }

static naru_dtype number_type(const stype *elem) {
    switch (elem->kind) {
    case ST_INT: return NARU_INT64;
    case ST_FLOAT: return NARU_DOUBLE;
    case ST_BOOL: return NARU_BOOL;
    default: return NARU_UNDEFINED;
    }
}

bool rec_list_fits(const stype *elem) { return elem->kind == ST_TENSOR || number_type(elem) != NARU_UNDEFINED; }

sv rec_list_sym(const stype *elem, value *v) {
    sv s = rec_sym(SV_LIST, (elem_t){ELEM_UNKNOWN, 0}, v);
    if (s.tag == SV_SYM) ((ssym *)s.o)->items = elem;
    return s;
}

const stype *rec_list_elem(sv list) { return rec_is_list(list) ? ((ssym *)list.o)->items : sv_list(list)->elem; }

/* ---- making nodes ---- */
typedef struct maker {
    recording *r;
    naru_error *err;
} maker;

static value *emit(maker *k, const op_desc *op, const la *attrs, int n, value *const *in) {
    for (int i = 0; i < n; i++)
        if (!in[i]) return NULL;
    return rec_emit(k->r, op, attrs, n, in, k->err);
}
#define MAKE(op, attrs, ...)                                                                                           \
    emit(k, &op_##op, attrs, (int)(sizeof((value *[]){__VA_ARGS__}) / sizeof(value *)), (value *[]){__VA_ARGS__})

static value *int1(maker *k, int64_t v) { return rec_ints(k->r, &v, 1, k->err); }
static value *scalar(maker *k, sv v) { return record_scalar(k->r, v, k->err); }
static value *cast_to(maker *k, value *v, naru_dtype d) {
    return !v || v->fact.type.dtype == d ? v : MAKE(Cast, ATTRS(AI("to", (int)d)), v);
}
static value *as_row(maker *k, sv v, naru_dtype d) {
    return MAKE(Unsqueeze, NULL, cast_to(k, scalar(k, v), d), int1(k, 0));
}

const type *rec_elem_join(recording *r, const type *a, const type *b) {
    type *t = arena_alloc(r->g->arena, sizeof *t);
    if (!t) return NULL;
    *t = (type){.kind = TYPE_TENSOR, .dtype = a->dtype};
    if (!a->has_rank || !b->has_rank || a->rank != b->rank) return t;
    t->has_rank = true;
    t->rank = a->rank;
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = a->dims[i] == b->dims[i] && dim_is_const(a->dims[i]) ? a->dims[i] : DIM_UNKNOWN;
    return t;
}

static value *sequence_of(recording *r, value *v, const type *elem) {
    if (v && elem) v->fact = (fact){.type = {.kind = TYPE_SEQUENCE, .elem = elem}};
    return v;
}

static value *empty_sequence(maker *k, const type *elem) {
    naru_dtype d = elem && elem->dtype ? elem->dtype : NARU_FLOAT;
    value *v = rec_emit(k->r, &op_SequenceEmpty, ATTRS(AI("dtype", (int)d)), 0, NULL, k->err);
    return sequence_of(k->r, v, elem);
}

static value *tensors_value(maker *k, const slist *l, const type *like) {
    if (l->count == 0) return empty_sequence(k, like && like->kind == TYPE_SEQUENCE ? like->elem : NULL);
    value **in = arena_alloc(k->r->arena, l->count * sizeof *in);
    const type *elem = NULL;
    for (size_t i = 0; in && i < l->count; i++) {
        sten *t = sv_tensor(l->items[i]);
        if (!t || !(in[i] = record_value(k->r, t, k->err))) return NULL;
        const type *own = &in[i]->fact.type;
        if (t->rec) t->rec->base->copied = true;
        if (i && own->dtype != in[0]->fact.type.dtype) {
            rec_obstacle(k->r, k->err, "a list of tensors of different types whose length depends on data");
            return NULL;
        }
        elem = rec_elem_join(k->r, elem ? elem : own, own);
    }
    return in ? sequence_of(k->r, emit(k, &op_SequenceConstruct, NULL, (int)l->count, in), elem) : NULL;
}

static value *numbers_value(maker *k, const slist *l) {
    naru_dtype d = number_type(l->elem);
    naru_tensor *none;
    if (l->count == 0)
        return tensor_new(d, 1, (int64_t[]){0}, &none, k->err) == NARU_OK ? rec_constant(k->r, none, k->err) : NULL;
    value **in = arena_alloc(k->r->arena, l->count * sizeof *in);
    for (size_t i = 0; in && i < l->count; i++)
        if (!(in[i] = as_row(k, l->items[i], d))) return NULL;
    return in ? emit(k, &op_Concat, ATTRS(AI("axis", 0)), (int)l->count, in) : NULL;
}

value *rec_list_value(recording *r, sv list, const type *like, naru_error *err) {
    maker k = {r, err};
    if (rec_is_list(list)) {
        value *v = ((ssym *)list.o)->v;
        if (rec_visible(r, v)) return v;
        rec_obstacle(r, err, "a list leaves the branch or loop that makes it");
        return NULL;
    }
    const slist *l = sv_list(list);
    if (rec_list_fits(l->elem)) return l->elem->kind == ST_TENSOR ? tensors_value(&k, l, like) : numbers_value(&k, l);
    str s = {0};
    stype_print(l->elem, &s);
    rec_obstacle(r, err, "a list of %s whose length depends on data", str_text(&s));
    str_free(&s);
    return NULL;
}

/* ---- operators ---- */
typedef struct list_call {
    maker k;
    lower *L;
    ssym *s; /* the first argument; NULL: a list that is known */
    value *v;
    bool tensors;
} list_call;

static naru_dtype type_of(const list_call *c) { return number_type(rec_list_elem(c->L->args[0])); }

static value *size_of(list_call *c) {
    maker *k = &c->k;
    if (c->tensors) return MAKE(SequenceLength, NULL, c->v);
    return MAKE(Squeeze, NULL, MAKE(Shape, NULL, c->v), int1(k, 0));
}

static void give_number(list_call *c, value *v, sv_tag is) {
    if (v) ret_value(c->L, rec_sym(is, (elem_t){ELEM_UNKNOWN, 0}, v));
}

static void give_item(list_call *c, value *v) {
    sv_tag is = c->tensors                 ? SV_TENSOR
                : type_of(c) == NARU_INT64 ? SV_INT
                : type_of(c) == NARU_BOOL  ? SV_BOOL
                                           : SV_FLOAT;
    sten *t = v && c->tensors ? rec_tensor_new(c->k.r, v) : NULL;
    if (t) t->rec->base->copied = true;
    if (v && c->tensors) ret_value(c->L, sv_of(t));
    else give_number(c, v, is);
}

static void set_list(list_call *c, value *v) {
    if (v) c->s->v = v;
}

static void give_self(list_call *c) { ret_value(c->L, sv_keep(c->L->args[0])); }

/* Item x as it goes into the list. */
static value *new_item(list_call *c, sv x) {
    if (!c->tensors) return as_row(&c->k, x, type_of(c));
    sten *t = sv_tensor(x);
    if (t && t->rec) t->rec->base->copied = true;
    return t ? record_value(c->k.r, t, c->k.err) : NULL;
}

static value *with_item(list_call *c, value *list, value *item, value *at) {
    maker *k = &c->k;
    if (!list || !item) return NULL;
    if (!c->tensors) return MAKE(Concat, ATTRS(AI("axis", 0)), list, item);
    const type *elem = list->fact.type.elem, *own = &item->fact.type;
    if (elem && elem->dtype && elem->dtype != own->dtype) {
        rec_obstacle(k->r, k->err, "tensors of different types in a list whose length depends on data");
        return NULL;
    }
    value *in[] = {list, item, at};
    return sequence_of(k->r, rec_emit(k->r, &op_SequenceInsert, NULL, at ? 3 : 2, in, k->err),
                       rec_elem_join(k->r, elem ? elem : own, own));
}

static void list_append(list_call *c) {
    set_list(c, with_item(c, c->v, new_item(c, arg(c->L, 1)), NULL));
    give_self(c);
}

static value *joined(list_call *c, sv more) {
    maker *k = &c->k;
    value *v = c->v;
    if (!c->tensors) return MAKE(Concat, ATTRS(AI("axis", 0)), v, rec_list_value(k->r, more, NULL, k->err));
    if (!sv_list(more)) {
        rec_obstacle(k->r, k->err, "two lists of tensors joined whose lengths depend on data");
        return NULL;
    }
    for (size_t i = 0; v && i < sv_list(more)->count; i++)
        v = with_item(c, v, new_item(c, sv_list(more)->items[i]), NULL);
    return v;
}

static void list_extend(list_call *c) { set_list(c, joined(c, arg(c->L, 1))); }
static void list_iadd(list_call *c) {
    list_extend(c);
    give_self(c);
}
static void give_list(list_call *c, value *v) {
    if (v) ret_value(c->L, rec_list_sym(rec_list_elem(c->L->args[0]), v));
}
static void list_add(list_call *c) { give_list(c, joined(c, arg(c->L, 1))); }
static void list_copy(list_call *c) { give_list(c, c->v); }

static void list_len(list_call *c) {
    if (c->tensors) return give_number(c, size_of(c), SV_INT);
    dim_t d = c->v->fact.type.has_rank ? c->v->fact.type.dims[0] : DIM_UNKNOWN;
    sv s = rec_sym(SV_INT, elem_of_dim(d), NULL);
    if (s.tag == SV_SYM) ((ssym *)s.o)->of = c->v;
    ret_value(c->L, s);
}

/* The position as a number from 0 on. */
static value *position(list_call *c, sv at) {
    maker *k = &c->k;
    value *p = scalar(k, at);
    if (at.tag == SV_INT && at.i >= 0) return p;
    value *from_end = MAKE(Add, NULL, p, size_of(c));
    if (at.tag == SV_INT) return from_end;
    return MAKE(Where, NULL, MAKE(Less, NULL, p, rec_int(k->r, 0, k->err)), from_end, p);
}

static value *item_of(list_call *c, value *at) {
    maker *k = &c->k;
    if (!c->tensors) return MAKE(Gather, NULL, c->v, at);
    value *v = MAKE(SequenceAt, NULL, c->v, at);
    const type *elem = c->v->fact.type.elem;
    if (v && elem) {
        v->fact = (fact){.type = *elem};
        for (int i = 0; elem->has_rank && i < elem->rank; i++)
            if (elem->dims[i] == DIM_UNKNOWN) v->fact.type.dims[i] = rec_new_dim(k->r, 'u');
    }
    return v;
}

static void list_getitem(list_call *c) { give_item(c, item_of(c, scalar(&c->k, arg(c->L, 1)))); }

static value *part(list_call *c, value *from, value *to) {
    maker *k = &c->k;
    return MAKE(Slice, NULL, c->v, from, to, int1(k, 0), int1(k, 1));
}
static value *row(maker *k, value *v) { return MAKE(Unsqueeze, NULL, v, int1(k, 0)); }
static value *next_of(maker *k, value *v) { return MAKE(Add, NULL, v, rec_int(k->r, 1, k->err)); }

/* The list without the item at p. */
static value *without(list_call *c, value *p) {
    maker *k = &c->k;
    if (c->tensors) return sequence_of(k->r, MAKE(SequenceErase, NULL, c->v, p), c->v->fact.type.elem);
    return MAKE(Concat, ATTRS(AI("axis", 0)), part(c, int1(k, 0), row(k, p)),
                part(c, row(k, next_of(k, p)), int1(k, INT64_MAX)));
}

static void list_pop(list_call *c) {
    value *p = position(c, arg(c->L, 1));
    give_item(c, p ? item_of(c, p) : NULL);
    set_list(c, p ? without(c, p) : NULL);
}
static void list_delete(list_call *c) {
    value *p = position(c, arg(c->L, 1));
    set_list(c, p ? without(c, p) : NULL);
}

static void put_at(list_call *c, value *p, bool instead) {
    maker *k = &c->k;
    value *x = new_item(c, arg(c->L, 2)), *rest = instead && p ? without(c, p) : c->v;
    if (c->tensors) return set_list(c, p ? with_item(c, rest, x, p) : NULL);
    value *after = instead ? row(k, next_of(k, p)) : row(k, p);
    set_list(c,
             MAKE(Concat, ATTRS(AI("axis", 0)), part(c, int1(k, 0), row(k, p)), x, part(c, after, int1(k, INT64_MAX))));
}
static void list_setitem(list_call *c) {
    put_at(c, position(c, arg(c->L, 1)), true);
    give_self(c);
}
static void list_insert(list_call *c) { put_at(c, position(c, arg(c->L, 1)), false); }

static void list_clear(list_call *c) {
    const slist none = {.elem = rec_list_elem(c->L->args[0])};
    set_list(c, c->tensors ? tensors_value(&c->k, &none, &c->v->fact.type) : numbers_value(&c->k, &none));
}

static void no_sequence(list_call *c) {
    rec_obstacle(c->k.r, c->k.err, "%s of a list of tensors whose length depends on data", c->L->op->schema->name);
}

static void list_slice(list_call *c) {
    maker *k = &c->k;
    sv from = arg(c->L, 1), to = arg(c->L, 2), step = arg(c->L, 3);
    if (c->tensors || step.tag != SV_INT || step.i < 1) return no_sequence(c);
    value *a = from.tag == SV_NONE ? int1(k, 0) : row(k, scalar(k, from));
    value *b = to.tag == SV_NONE ? int1(k, INT64_MAX) : row(k, scalar(k, to));
    give_list(c, MAKE(Slice, NULL, c->v, a, b, int1(k, 0), int1(k, step.i)));
}

static void list_reverse(list_call *c) {
    maker *k = &c->k;
    if (c->tensors) return no_sequence(c);
    set_list(c, MAKE(Slice, NULL, c->v, int1(k, -1), int1(k, INT64_MIN), int1(k, 0), int1(k, -1)));
}

static void reduce(list_call *c, const op_desc *op) {
    maker *k = &c->k;
    if (c->tensors) return no_sequence(c);
    bool count = type_of(c) == NARU_BOOL;
    value *v = cast_to(k, c->v, count ? NARU_INT64 : type_of(c));
    v = v ? rec_emit(k->r, op, ATTRS(AI("keepdims", 0)), 1, &v, k->err) : NULL;
    give_number(c, v, type_of(c) == NARU_DOUBLE ? SV_FLOAT : SV_INT);
}
static void list_sum(list_call *c) { reduce(c, &op_ReduceSum); }
static void list_min(list_call *c) { reduce(c, &op_ReduceMin); }
static void list_max(list_call *c) { reduce(c, &op_ReduceMax); }

static value *hits(list_call *c) {
    maker *k = &c->k;
    value *same = MAKE(Equal, NULL, c->v, cast_to(k, scalar(k, arg(c->L, 1)), type_of(c)));
    value *ones = cast_to(k, same, NARU_INT64);
    return MAKE(ReduceSum, ATTRS(AI("keepdims", 0)), ones);
}
static void list_count(list_call *c) {
    if (c->tensors) no_sequence(c);
    else give_number(c, hits(c), SV_INT);
}
static void list_contains(list_call *c) {
    maker *k = &c->k;
    if (c->tensors) no_sequence(c);
    else give_number(c, MAKE(Greater, NULL, hits(c), rec_int(k->r, 0, k->err)), SV_BOOL);
}

static void list_tensor(list_call *c) {
    naru_dtype own = type_of(c), d = arg_dtype(c->L, 1, own == NARU_DOUBLE ? NARU_FLOAT : own);
    if (c->tensors) return no_sequence(c);
    value *v = cast_to(&c->k, c->v, d);
    if (v) ret_value(c->L, sv_of(rec_tensor_new(c->k.r, v)));
}

static void concat(list_call *c, bool fresh) {
    maker *k = &c->k;
    sv axis = arg(c->L, 1);
    const type *elem = c->v->fact.type.elem;
    if (axis.tag != SV_INT) return no_sequence(c);
    value *v = MAKE(ConcatFromSequence, ATTRS(AI("axis", axis.i), AI("new_axis", fresh)), c->v);
    int rank = elem && elem->has_rank ? elem->rank + fresh : -1;
    if (v && rank > 0 && rank <= NARU_MAX_RANK) {
        int at = (int)(axis.i < 0 ? axis.i + rank : axis.i);
        type t = {.kind = TYPE_TENSOR, .dtype = elem->dtype, .has_rank = true, .rank = rank};
        for (int i = 0, j = 0; i < rank; i++) {
            dim_t d = i == at && fresh ? DIM_UNKNOWN : elem->dims[j++];
            t.dims[i] = i == at || d == DIM_UNKNOWN ? rec_new_dim(k->r, 'u') : d;
        }
        v->fact = (fact){.type = t};
    }
    if (v) ret_value(c->L, sv_of(rec_tensor_new(k->r, v)));
}
static void list_cat(list_call *c) {
    if (c->tensors) concat(c, false);
}
static void list_stack(list_call *c) {
    if (c->tensors) concat(c, true);
}

static void (*list_function(const char *name))(list_call *) {
    static const struct {
        const char *name;
        void (*fn)(list_call *);
    } table[] = {
        {"aten::append", list_append},  {"aten::len", list_len},           {"aten::__getitem__", list_getitem},
        {"aten::select", list_getitem}, {"aten::_set_item", list_setitem}, {"aten::extend", list_extend},
        {"aten::insert", list_insert},  {"aten::pop", list_pop},           {"aten::Delete", list_delete},
        {"aten::clear", list_clear},    {"aten::reverse", list_reverse},   {"aten::copy", list_copy},
        {"aten::list", list_copy},      {"aten::add_", list_iadd},         {"aten::add", list_add},
        {"aten::slice", list_slice},    {"aten::sum", list_sum},           {"prim::min", list_min},
        {"prim::max", list_max},        {"aten::count", list_count},       {"aten::__contains__", list_contains},
        {"aten::tensor", list_tensor},  {"aten::as_tensor", list_tensor},  {"aten::cat", list_cat},
        {"aten::concat", list_cat},     {"aten::concatenate", list_cat},   {"aten::stack", list_stack}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(name, table[i].name) == 0) return table[i].fn;
    return NULL;
}

static void run_list_op(lower *L) {
    sv self = L->args[0];
    const char *name = L->op->schema->name;
    void (*fn)(list_call *) = list_function(name);
    bool known = self.tag == SV_LIST, is_list = known ? rec_list_fits(sv_list(self)->elem) : rec_is_list(self);
    if (known && fn != list_getitem && fn != list_add) fn = NULL; /* changing it would need the list itself symbolic */
    if (!fn || !is_list) {
        lower_fail(L, NARU_UNSUPPORTED, "%s of a list whose length depends on data", name);
        return;
    }
    recording *r = L->vm->sink_user;
    list_call c = {.k = {r, L->err}, .L = L, .s = known ? NULL : (ssym *)self.o};
    c.tensors = rec_list_elem(self)->kind == ST_TENSOR;
    if ((c.v = rec_list_value(r, self, NULL, L->err))) fn(&c);
    bool nothing = L->nout == 0 && L->op->schema->nreturns > 0;
    if (L->st == NARU_OK && (!c.v || nothing || (L->err && L->err->code))) L->st = rec_no_value(L->err);
}

bool record_list_op(lower *L) {
    bool list = false;
    for (int i = 0; i < L->nargs; i++) {
        if (L->args[i].tag != SV_SYM) continue;
        const ssym *s = (ssym *)L->args[i].o;
        if (s->is == SV_UNINIT) {
            lower_fail(L, NARU_UNSUPPORTED, "%s", s->why ? s->why : "a value that cannot be said");
            return true;
        }
        list = list || s->is == SV_LIST;
    }
    const char *name = L->op->schema->name;
    if (!list && L->nargs == 2 && L->args[0].tag == SV_LIST && L->args[1].tag == SV_SYM &&
        (strcmp(name, "aten::__getitem__") == 0 || strcmp(name, "aten::select") == 0))
        list = ((ssym *)L->args[1].o)->elem.kind != ELEM_CONST && rec_list_fits(sv_list(L->args[0])->elem);
    if (list) run_list_op(L);
    return list;
}
