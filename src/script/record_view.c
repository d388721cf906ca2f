/* SPDX-License-Identifier: MIT
 *
 * Views and writes while recording. A view is a chain of steps from its base; its value is made by nodes. A write into
 * a view replays the chain backwards: what the base looks like with the new piece in its place.
 */
#include <string.h>

#include "script/record_flow.h"

enum { MAX_PLACES = 1 << 22 };

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

static value *ints(maker *k, const int64_t *v, int n) { return rec_ints(k->r, v, n, k->err); }
static value *int1(maker *k, int64_t v) { return ints(k, &v, 1); }
static int rank_of(maker *k, const value *v) {
    if (v->fact.type.has_rank) return v->fact.type.rank;
    rec_obstacle(k->r, k->err, "the number of dimensions of a tensor is not known");
    return -1;
}

/* A maybe symbolic int as int64[1]. */
static value *int1_of(maker *k, sv v) {
    if (v.tag == SV_INT) return int1(k, v.i);
    value *s = record_scalar(k->r, v, k->err);
    return MAKE(Unsqueeze, NULL, s, int1(k, 0));
}

/* int64[n]: constant when all is known. */
static value *shape_of(maker *k, const sv *v, int n) {
    int64_t known[NARU_MAX_RANK];
    value *parts[NARU_MAX_RANK];
    bool all = true;
    for (int i = 0; i < n; i++) {
        all = all && v[i].tag == SV_INT;
        known[i] = v[i].i;
    }
    if (all) return ints(k, known, n);
    for (int i = 0; i < n; i++) parts[i] = int1_of(k, v[i]);
    return emit(k, &op_Concat, ATTRS(AI("axis", 0)), n, parts);
}

static value *select_(maker *k, value *v, const view_step *s) {
    value *index = s->a.tag == SV_INT ? rec_int(k->r, s->a.i, k->err) : record_scalar(k->r, s->a, k->err);
    return MAKE(Gather, ATTRS(AI("axis", s->dim)), v, index);
}

static bool whole_slice(const value *v, const view_step *s) {
    if (s->step != 1 || !s_is(s->a, 0)) return false;
    if (s->b.tag == SV_INT && s->b.i == INT64_MAX) return true;
    dim_t d = v->fact.type.dims[s->dim];
    if (s->b.tag == SV_INT) return d == s->b.i;
    const ssym *e = (ssym *)s->b.o;
    return s->b.tag == SV_SYM && e->elem.kind == ELEM_DIM && e->elem.v == d && dim_is_known(d);
}

static value *slice(maker *k, value *v, int dim, value *from, value *to, int64_t step) {
    return MAKE(Slice, NULL, v, from, to, int1(k, dim), int1(k, step));
}

/* A place in an axis of size d, as far as the graph knows it; names: counted from the front. */
static elem_t place_in(maker *k, sv at, dim_t d) {
    if (at.tag == SV_SYM) return ((ssym *)at.o)->elem;
    if (at.tag != SV_INT) return (elem_t){ELEM_UNKNOWN, 0};
    if (at.i >= 0 || !dim_is_known(d) || at.i < -INT32_MAX) return elem_const(at.i);
    return elem_of_dim(sym_sub(k->r->g->syms, d, -at.i));
}

/* Whether inference, which takes ends for places in the axis, says the size of the slice truly. */
static bool size_holds(maker *k, const value *v, const view_step *s) {
    symtab *syms = k->r->g->syms;
    dim_t d = v->fact.type.has_rank ? v->fact.type.dims[s->dim] : DIM_UNKNOWN;
    if (!dim_is_known(d) || (dim_is_const(d) && s->a.tag == SV_INT && s->b.tag == SV_INT)) return true;
    bool to_end = s->b.tag == SV_INT && s->b.i >= INT32_MAX;
    dim_t from = elem_to_dim(place_in(k, s->a, d)), to = to_end ? d : elem_to_dim(place_in(k, s->b, d));
    return dim_is_known(from) && dim_is_known(to) && rec_at_least_zero(k->r, sym_sub(syms, d, to)) &&
           rec_at_least_zero(k->r, sym_sub(syms, to, from));
}

static value *slice_of(maker *k, value *v, const view_step *s) {
    value *out = slice(k, v, s->dim, int1_of(k, s->a), int1_of(k, s->b), s->step);
    if (out && out->fact.type.has_rank && !dim_is_const(out->fact.type.dims[s->dim]) && !size_holds(k, v, s))
        out->fact.type.dims[s->dim] = rec_new_dim(k->r, 'u');
    return out;
}

static value *expand(maker *k, value *v, const view_step *s) {
    return MAKE(Expand, NULL, v, shape_of(k, s->sizes, s->rank));
}

static value *reshape(maker *k, value *v, const view_step *s) {
    sv sizes[NARU_MAX_RANK] = {0};
    int open = 0, symbolic = -1;
    bool zero = false;
    for (int i = 0; i < s->rank; i++) {
        sizes[i] = s->sizes[i];
        open += s_is(sizes[i], -1);
        zero = zero || s_is(sizes[i], 0);
        if (sizes[i].tag == SV_SYM) symbolic = symbolic == -1 ? i : -2;
    }
    if (!open && !zero && symbolic >= 0) sizes[symbolic] = sv_int(-1); /* the one that is not known follows */
    return MAKE(Reshape, zero ? ATTRS(AI("allowzero", 1)) : NULL, v, shape_of(k, sizes, s->rank));
}

/* Windows: Gather by a matrix of positions, then the window's axis goes last. */
static value *unfold(maker *k, value *v, const view_step *s) {
    int rank = rank_of(k, v);
    if (rank < 0) return NULL;
    value *size = MAKE(Squeeze, NULL, MAKE(Shape, ATTRS(AI("start", s->dim), AI("end", s->dim + 1)), v), int1(k, 0));
    value *zero = rec_int(k->r, 0, k->err), *one = rec_int(k->r, 1, k->err), *step = rec_int(k->r, s->step, k->err);
    value *last = MAKE(Sub, NULL, size, rec_int(k->r, s->a.i - 1, k->err)); /* one past the last start */
    value *starts = MAKE(Unsqueeze, NULL, MAKE(Range, NULL, zero, last, step), int1(k, 1));
    value *within = MAKE(Range, NULL, zero, rec_int(k->r, s->a.i, k->err), one);
    value *windows = MAKE(Gather, ATTRS(AI("axis", s->dim)), v, MAKE(Add, NULL, starts, within));
    int64_t perm[NARU_MAX_RANK + 1];
    int n = 0;
    for (int i = 0; i <= rank; i++)
        if (i != s->dim + 1) perm[n++] = i;
    perm[n] = s->dim + 1;
    return MAKE(Transpose, ATTRS(AV("perm", perm, rank + 1)), windows);
}

/* The two axes of a diagonal last (or, for writes, first) and flattened; where its elements then are. */
typedef struct diagonal {
    int64_t perm[NARU_MAX_RANK]; /* the other axes, then the two */
    int rank, others;
    value *at; /* int64[count] */
} diagonal;

static bool diagonal_of(maker *k, const value *v, const view_step *s, diagonal *d) {
    if ((d->rank = rank_of(k, v)) < 0) return false;
    dim_t rows = v->fact.type.dims[s->dim], cols = v->fact.type.dims[s->dim2];
    if (!dim_is_const(rows) || !dim_is_const(cols)) {
        rec_obstacle(k->r, k->err, "the diagonal of a matrix of unknown size");
        return false;
    }
    d->others = 0;
    for (int i = 0; i < d->rank; i++)
        if (i != s->dim && i != s->dim2) d->perm[d->others++] = i;
    d->perm[d->others] = s->dim;
    d->perm[d->others + 1] = s->dim2;
    int64_t r0 = s->step < 0 ? -s->step : 0, c0 = s->step > 0 ? s->step : 0;
    int64_t count = i64_max(0, i64_min(rows - r0, cols - c0));
    int64_t *at = arena_alloc(k->r->arena, (size_t)(count + 1) * sizeof *at);
    if (!at) return false;
    for (int64_t i = 0; i < count; i++) at[i] = (r0 + i) * cols + c0 + i;
    return (d->at = ints(k, at, (int)count)) != NULL;
}

static value *get_diagonal(maker *k, value *v, const view_step *s) {
    diagonal d;
    int64_t shape[NARU_MAX_RANK] = {0};
    if (!diagonal_of(k, v, s, &d)) return NULL;
    shape[d.others] = -1;
    value *flat =
        MAKE(Reshape, NULL, MAKE(Transpose, ATTRS(AV("perm", d.perm, d.rank)), v), ints(k, shape, d.others + 1));
    return MAKE(Gather, ATTRS(AI("axis", d.others)), flat, d.at);
}

/* as_strided of contiguous memory: elements by their place in it. */
static value *strided_places(maker *k, const view_step *s) {
    int64_t count = 1;
    if (!dims_count(s->rank, s->dims, &count) || count > MAX_PLACES) {
        rec_obstacle(k->r, k->err, "as_strided of more than %d elements", (int)MAX_PLACES);
        return NULL;
    }
    int64_t *at = arena_alloc(k->r->arena, (size_t)(count + 1) * sizeof *at);
    for (int64_t i = 0; at && i < count; i++) {
        at[i] = s->step;
        for (int64_t d = s->rank - 1, rest = i; d >= 0; rest /= s->dims[d--])
            at[i] += rest % s->dims[d] * s->strides[d];
    }
    return at ? ints(k, at, (int)count) : NULL;
}

static value *flattened(maker *k, value *v) { return MAKE(Reshape, NULL, v, int1(k, -1)); }

static value *get_strided(maker *k, value *v, const view_step *s) {
    value *picked = MAKE(Gather, ATTRS(AI("axis", 0)), flattened(k, v), strided_places(k, s));
    return MAKE(Reshape, ATTRS(AI("allowzero", 1)), picked, ints(k, s->dims, s->rank));
}

value *rec_view_value(recording *r, value *v, const view_step *s, naru_error *err) {
    maker maker_ = {r, err}, *k = &maker_;
    switch (s->kind) {
    case VIEW_ALIAS: return v;
    case VIEW_SELECT: return select_(k, v, s);
    case VIEW_SLICE: return whole_slice(v, s) ? v : slice_of(k, v, s);
    case VIEW_PERMUTE: return MAKE(Transpose, ATTRS(AV("perm", s->dims, s->rank)), v);
    case VIEW_UNSQUEEZE: return MAKE(Unsqueeze, NULL, v, int1(k, s->dim));
    case VIEW_SQUEEZE: return MAKE(Squeeze, NULL, v, ints(k, s->dims, s->rank));
    case VIEW_EXPAND: return expand(k, v, s);
    case VIEW_RESHAPE: return reshape(k, v, s);
    case VIEW_UNFOLD: return unfold(k, v, s);
    case VIEW_DIAGONAL: return get_diagonal(k, v, s);
    case VIEW_STRIDED: return get_strided(k, v, s);
    default: rec_obstacle(r, err, "complex numbers"); return NULL;
    }
}

static sv keep_sym(recording *r, sv v) { /* symbolic numbers of a chain live as long as the recording */
    if (v.tag != SV_SYM) return v;
    ssym *copy = arena_dup(r->arena, v.o, sizeof *copy);
    if (!copy) return v;
    copy->head.refs = 1 << 30;
    return sv_of(copy);
}

/* Whether t is all of its memory in row-major order, as far as a recording knows. */
static bool is_whole(const recording *r, const sten *t) {
    if (r->options.region) return false; /* strides are not known before it runs */
    if (!t->rec) return t->t.storage && t->t.data == t->t.storage->data && tensor_is_contiguous(&t->t);
    for (int i = 0; i < t->rec->nchain; i++) {
        int kind = t->rec->chain[i].kind;
        if (kind != VIEW_ALIAS && kind != VIEW_RESHAPE && kind != VIEW_UNSQUEEZE && kind != VIEW_SQUEEZE) return false;
    }
    return true;
}

sten *record_view(lower *L, sten *t, const view_step *s) {
    recording *r = L->vm->sink_user;
    if (s->kind == VIEW_STRIDED && !is_whole(r, t)) {
        L->st = rec_obstacle(r, L->err, "as_strided of memory whose layout is not known");
        return NULL;
    }
    value *from = record_value(r, t, L->err), *v = from ? rec_view_value(r, from, s, L->err) : NULL;
    sten *out = v ? lower_own(L, rec_tensor_new(r, v)) : NULL;
    if (!out) {
        if (L->st == NARU_OK) L->st = rec_no_value(L->err);
        return NULL;
    }
    rec_tensor whole = {.base = t->rec ? NULL : record_constant_base(r, t, L->err)}, *x = out->rec;
    const rec_tensor *parent = t->rec ? t->rec : &whole;
    if (!parent->base) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory"), NULL;
    x->chain = arena_alloc(r->arena, ((size_t)parent->nchain + 1) * sizeof *x->chain);
    if (!x->chain) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory"), NULL;
    if (parent->nchain) memcpy(x->chain, parent->chain, (size_t)parent->nchain * sizeof *x->chain);
    view_step *last = &x->chain[parent->nchain];
    *last = *s;
    last->a = keep_sym(r, s->a);
    last->b = keep_sym(r, s->b);
    for (int i = 0; i < s->rank && (s->kind == VIEW_EXPAND || s->kind == VIEW_RESHAPE); i++)
        last->sizes[i] = keep_sym(r, s->sizes[i]);
    x->nchain = parent->nchain + 1;
    x->base = parent->base;
    x->version = parent->base->version;
    return out;
}

/* ---- writes ---- */
static value *put_slice(maker *k, value *whole, value *piece, int dim, value *from, value *to) {
    value *before = slice(k, whole, dim, int1(k, 0), from, 1);
    value *after = slice(k, whole, dim, to, int1(k, INT64_MAX), 1);
    return MAKE(Concat, ATTRS(AI("axis", dim)), before, piece, after);
}

static value *put_select(maker *k, value *whole, value *piece, const view_step *s) {
    value *from = int1_of(k, s->a), *to;
    if (s->a.tag == SV_INT) to = int1(k, s->a.i == -1 ? INT64_MAX : s->a.i + 1);
    else to = MAKE(Add, NULL, from, int1(k, 1));
    return put_slice(k, whole, MAKE(Unsqueeze, NULL, piece, int1(k, s->dim)), s->dim, from, to);
}

/* Steps above one: rows of the axis moved to the front are scattered. */
static value *put_stepped(maker *k, value *whole, value *piece, const view_step *s) {
    int rank = rank_of(k, whole);
    int64_t perm[NARU_MAX_RANK], n = 1;
    if (rank < 0) return NULL;
    perm[0] = s->dim;
    for (int i = 0; i < rank; i++)
        if (i != s->dim) perm[n++] = i;
    value *size =
        MAKE(Squeeze, NULL, MAKE(Shape, ATTRS(AI("start", s->dim), AI("end", s->dim + 1)), whole), int1(k, 0));
    value *zero = rec_int(k->r, 0, k->err), *one = rec_int(k->r, 1, k->err);
    value *all = MAKE(Range, NULL, zero, size, one);
    value *rows = slice(k, all, 0, int1_of(k, s->a), int1_of(k, s->b), s->step);
    value *front = MAKE(Transpose, ATTRS(AV("perm", perm, rank)), whole);
    value *moved = MAKE(Transpose, ATTRS(AV("perm", perm, rank)), piece);
    value *done = MAKE(ScatterND, NULL, front, MAKE(Unsqueeze, NULL, rows, int1(k, 1)), moved);
    int64_t back[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) back[perm[i]] = i;
    return MAKE(Transpose, ATTRS(AV("perm", back, rank)), done);
}

static value *put_permuted(maker *k, value *piece, const view_step *s) {
    int64_t back[NARU_MAX_RANK];
    for (int i = 0; i < s->rank; i++) back[s->dims[i]] = i;
    return MAKE(Transpose, ATTRS(AV("perm", back, s->rank)), piece);
}

/* Elements of the diagonal first, then scattered as rows. */
static value *put_diagonal(maker *k, value *whole, value *piece, const view_step *s) {
    diagonal d;
    int64_t front[NARU_MAX_RANK], back[NARU_MAX_RANK], shape[NARU_MAX_RANK];
    if (!diagonal_of(k, whole, s, &d)) return NULL;
    for (int i = 0; i < d.rank; i++) front[i] = d.perm[(i + d.others) % d.rank];
    for (int i = 0; i < d.rank; i++) back[front[i]] = i;
    value *moved = MAKE(Transpose, ATTRS(AV("perm", front, d.rank)), whole);
    value *others = MAKE(Shape, ATTRS(AI("start", 2)), moved);
    value *flat = MAKE(Reshape, NULL, moved, MAKE(Concat, ATTRS(AI("axis", 0)), int1(k, -1), others));
    shape[0] = d.others; /* the piece has its elements last */
    for (int i = 1; i <= d.others; i++) shape[i] = i - 1;
    value *rows = MAKE(Transpose, ATTRS(AV("perm", shape, d.others + 1)), piece);
    value *done = MAKE(ScatterND, NULL, flat, MAKE(Unsqueeze, NULL, d.at, int1(k, 1)), rows);
    return MAKE(Transpose, ATTRS(AV("perm", back, d.rank)), MAKE(Reshape, NULL, done, MAKE(Shape, NULL, moved)));
}

static value *put_strided(maker *k, value *whole, value *piece, const view_step *s) {
    value *done =
        MAKE(ScatterElements, ATTRS(AI("axis", 0)), flattened(k, whole), strided_places(k, s), flattened(k, piece));
    return MAKE(Reshape, NULL, done, MAKE(Shape, NULL, whole));
}

/* What `whole` becomes when the view s of it becomes `piece`. */
static value *put_back(maker *k, value *whole, value *piece, const view_step *s) {
    switch (s->kind) {
    case VIEW_ALIAS: return piece;
    case VIEW_SELECT: return put_select(k, whole, piece, s);
    case VIEW_SLICE:
        if (whole_slice(whole, s)) return piece;
        if (s->step == 1) return put_slice(k, whole, piece, s->dim, int1_of(k, s->a), int1_of(k, s->b));
        return put_stepped(k, whole, piece, s);
    case VIEW_PERMUTE: return put_permuted(k, piece, s);
    case VIEW_UNSQUEEZE: return MAKE(Squeeze, NULL, piece, int1(k, s->dim));
    case VIEW_SQUEEZE: return MAKE(Unsqueeze, NULL, piece, ints(k, s->dims, s->rank));
    case VIEW_RESHAPE: return MAKE(Reshape, NULL, piece, MAKE(Shape, NULL, whole));
    case VIEW_DIAGONAL: return put_diagonal(k, whole, piece, s);
    case VIEW_STRIDED: return put_strided(k, whole, piece, s);
    default: rec_obstacle(k->r, k->err, "a write through this kind of view"); return NULL;
    }
}

void record_write(lower *L, sten *dst, sten *src) {
    recording *r = L->vm->sink_user;
    maker maker_ = {r, L->err}, *k = &maker_;
    value *stages[64], *v = record_value(r, src, L->err);
    if (!dst->rec || dst->rec->base->constant) {
        L->st = rec_obstacle(r, L->err, "a parameter or buffer of the module is written");
        return;
    }
    if (dst->rec->base->copied) {
        L->st = rec_obstacle(r, L->err, "a tensor of a list whose length depends on data is written");
        return;
    }
    if (record_write_is_seen(r, dst->rec->base)) {
        L->st = rec_obstacle(r, L->err, "a tensor is written that is one of several, depending on data");
        return;
    }
    rec_tensor *x = dst->rec;
    if (v && x->nchain >= 64) v = (rec_obstacle(r, L->err, "a view of 64 steps is written"), NULL);
    stages[0] = x->base->v;
    for (int i = 0; v && i + 1 < x->nchain; i++)
        if (!(stages[i + 1] = rec_view_value(r, stages[i], &x->chain[i], L->err))) v = NULL;
    for (int i = x->nchain - 1; v && i >= 0; i--) v = put_back(k, stages[i], v, &x->chain[i]);
    if (!v) {
        if (L->st == NARU_OK) L->st = rec_no_value(L->err);
        return;
    }
    x->base->v = v;
    x->base->version = ++r->serial;
    x->base->written = true;
}

/* ---- identity ---- */
static bool same_number(sv a, sv b) {
    if (a.tag == SV_SYM && b.tag == SV_SYM) {
        const ssym *x = (ssym *)a.o, *y = (ssym *)b.o;
        return x == y || (x->elem.kind == ELEM_DIM && y->elem.kind == ELEM_DIM && x->elem.v == y->elem.v &&
                          dim_is_known(x->elem.v));
    }
    return sv_is(a, b);
}

static bool same_step(const view_step *a, const view_step *b) {
    bool same = a->kind == b->kind && a->dim == b->dim && a->dim2 == b->dim2 && a->rank == b->rank &&
                a->step == b->step && same_number(a->a, b->a) && same_number(a->b, b->b);
    for (int i = 0; same && i < a->rank; i++) {
        bool sizes = a->kind == VIEW_EXPAND || a->kind == VIEW_RESHAPE;
        if (sizes) same = same_number(a->sizes[i], b->sizes[i]);
        else same = a->dims[i] == b->dims[i] && (a->kind != VIEW_STRIDED || a->strides[i] == b->strides[i]);
    }
    return same;
}

bool record_same_view(const sten *a, const sten *b, bool *known) {
    *known = true;
    if (a == b) return true;
    if (!a->rec && !b->rec)
        return a->t.storage == b->t.storage && a->t.data == b->t.data && tensor_same_dims(&a->t, &b->t);
    const rec_base *x = a->rec ? a->rec->base : NULL, *y = b->rec ? b->rec->base : NULL;
    *known = x && y && !x->constant && !y->constant;
    if (!*known || x != y) return false;
    bool same = a->rec->nchain == b->rec->nchain;
    for (int i = 0; same && i < a->rec->nchain; i++) same = same_step(&a->rec->chain[i], &b->rec->chain[i]);
    *known = same; /* other chains may still come to the same */
    return same;
}
