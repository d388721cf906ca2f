/* SPDX-License-Identifier: MIT
 *
 * The rewriter: who reads what, building and applying patches (rewrite.h). Use records are never deleted; one is live
 * while its node still reads the value there.
 */
#include "passes/rewrite.h"

#include <math.h>

#include "tensor/dtype.h"

/* ---- uses ---- */
static bool use_live(const value *v, const use *u) {
    if (u->node) return u->node->block && u->index < u->node->nin && u->node->in[u->index] == v;
    return u->index < u->block->nout && u->block->out[u->index] == v;
}

static const use *live(const value *v, const use *u) {
    while (u && !use_live(v, u)) u = u->next;
    return u;
}

const use *rw_first_use(const rewriter *r, const value *v) {
    return (size_t)v->id < r->uses.count ? live(v, r->uses.data[v->id]) : NULL;
}
const use *rw_next_use(const value *v, const use *u) { return live(v, u->next); }
int rw_uses(const rewriter *r, const value *v) { return (size_t)v->id < r->counts.count ? r->counts.data[v->id] : 0; }

static bool reserve(rewriter *r) {
    while (r->uses.count < r->g->values.count) {
        if (!ARRAY_PUSH(&r->uses, NULL)) return false;
        if (!ARRAY_PUSH(&r->counts, 0)) return false;
    }
    return true;
}

static void add_use(rewriter *r, value *v, node *n, block *b, int index) {
    if (!v) return;
    use *u = arena_alloc(r->arena, sizeof *u);
    if (!u || !reserve(r)) {
        r->failed = true;
        return;
    }
    *u = (use){n, b, index, r->uses.data[v->id]};
    r->uses.data[v->id] = u;
    r->counts.data[v->id]++;
}

static void add_uses(rewriter *r, node *n) {
    for (int i = 0; i < n->nin; i++) add_use(r, n->in[i], n, NULL, i);
}

static bool add_block(block *b, void *user) {
    rewriter *r = user;
    for (node *n = b->first; n; n = n->next) add_uses(r, n);
    for (int i = 0; i < b->nout; i++) add_use(r, b->out[i], NULL, b, i);
    return !r->failed;
}

naru_status rw_init(rewriter *r, graph *g, const pass_options *o, naru_error *err) {
    *r = (rewriter){.g = g, .arena = arena_new(), .options = o, .err = err};
    if (!r->arena || !reserve(r) || !graph_each_block(g, false, add_block, r)) return err_oom(err);
    return NARU_OK;
}

void rw_free(rewriter *r) {
    for (size_t i = 0; i < r->substs.count; i++) tensor_unref(r->substs.data[i].constant);
    ARRAY_FREE(&r->uses);
    ARRAY_FREE(&r->counts);
    ARRAY_FREE(&r->made);
    ARRAY_FREE(&r->gone);
    ARRAY_FREE(&r->substs);
    arena_free(r->arena);
    r->arena = NULL;
}

/* ---- looking ---- */
bool value_scalar(const value *v, double *out) {
    const naru_tensor *t = value_const(v);
    if (!t || !t->data || tensor_count(t) != 1 || t->dtype == NARU_STRING || dtype_is_complex(t->dtype)) return false;
    *out = dtype_get_f64(t->dtype, t->data, 0);
    return true;
}

bool value_is_scalar(const value *v, double want, double tol) {
    double x;
    return value_scalar(v, &x) && fabs(x - want) <= tol * fabs(want);
}

dim_t value_dim(const value *v, int i) {
    int rank = value_rank(v);
    if (i < 0) i += rank;
    return rank < 0 || i < 0 || i >= rank ? DIM_UNKNOWN : v->fact.type.dims[i];
}

bool value_same_shape(const value *a, const value *b) {
    int rank = value_rank(a);
    if (rank < 0 || rank != value_rank(b)) return false;
    for (int i = 0; i < rank; i++)
        if (!dim_is_known(value_dim(a, i)) || value_dim(a, i) != value_dim(b, i)) return false;
    return true;
}

bool value_ints(const value *v, const int64_t **out, int64_t *n, arena *a) {
    const naru_tensor *t = value_const(v);
    if (!t || !dtype_is_int(t->dtype) || t->rank > 1 || !tensor_is_contiguous(t)) return false;
    *n = tensor_count(t);
    int64_t *x = arena_alloc(a, ((size_t)*n + 1) * sizeof *x);
    if (!x) return false;
    for (int64_t i = 0; i < *n; i++) x[i] = dtype_get_i64(t->dtype, t->data, i);
    *out = x;
    return true;
}

node *rw_from(const rewriter *r, const value *v, const char *op) {
    node *p = v ? v->producer : NULL;
    return p && p->block == r->at->block && node_is(p, op) ? p : NULL;
}
node *rw_only_from(const rewriter *r, const value *v, const char *op) {
    node *p = rw_from(r, v, op);
    return p && rw_uses(r, v) == 1 ? p : NULL;
}
node *rw_user(const rewriter *r, const value *v) {
    const use *u = rw_uses(r, v) == 1 ? rw_first_use(r, v) : NULL;
    return u ? u->node : NULL;
}

bool rw_before(const node *a, const node *b) {
    for (; a; a = a->next)
        if (a == b) return true;
    return false;
}

enum { SMALL_CONSTANT = 64 }; /* bytes of constants compared by content */

bool rw_same_constant(const naru_tensor *a, const naru_tensor *b) {
    if (a == b) return true;
    if (!a || !b || a->dtype != b->dtype || a->dtype == NARU_STRING || a->rank != b->rank || !tensor_same_dims(a, b))
        return false;
    size_t n = tensor_bytes(a);
    return n <= SMALL_CONSTANT && tensor_is_contiguous(a) && tensor_is_contiguous(b) &&
           memcmp(a->data, b->data, n) == 0;
}

static bool same_attr(const attr *a, const attr *b) {
    if (a->kind != b->kind || a->count != b->count) return false;
    switch (a->kind) {
    case ATTR_NONE: return true;
    case ATTR_INT: return a->i == b->i;
    case ATTR_FLOAT: return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case ATTR_STRING: return a->s.len == b->s.len && memcmp(a->s.data, b->s.data, a->s.len) == 0;
    case ATTR_INTS: return memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
    case ATTR_FLOATS: return memcmp(a->floats, b->floats, a->count * sizeof *a->floats) == 0;
    case ATTR_TENSOR: return rw_same_constant(a->tensor, b->tensor);
    default: return false;
    }
}

bool rw_same_attrs(const node *a, const node *b) {
    if (a->op != b->op || a->nattrs != b->nattrs) return false;
    for (int i = 0; i < a->nattrs; i++)
        if (!same_attr(&a->attrs[i], &b->attrs[i])) return false;
    return true;
}

/* ---- building ---- */
static bool default_attrs(graph *g, node *n) {
    const attr_def *d = n->op->attrs;
    int count = 0;
    while (d && d[count].name) count++;
    n->attrs = arena_calloc(g->arena, (size_t)count + 1, sizeof *n->attrs);
    if (!n->attrs) return false;
    n->nattrs = count;
    n->table = d;
    for (int i = 0; i < count; i++) {
        attr *a = &n->attrs[i];
        *a = (attr){.name = d[i].name};
        if (d[i].required || d[i].optional) continue;
        if (d[i].kind == ATTR_INT) a->kind = ATTR_INT, a->i = d[i].i;
        if (d[i].kind == ATTR_FLOAT) a->kind = ATTR_FLOAT, a->f = d[i].f;
        if (d[i].kind == ATTR_STRING && d[i].s) a->kind = ATTR_STRING, a->s = (bytes){d[i].s, strlen(d[i].s)};
    }
    return true;
}

static node *build_failed(rewriter *r) {
    r->failed = true;
    return NULL;
}

node *rw_node(rewriter *r, const char *op, const char *domain, int nin, value *const *in, int nout) {
    const op_desc *desc = op_find(domain, op);
    if (!desc || r->failed) return build_failed(r);
    for (; nin > 0 && !in[nin - 1]; nin--) {}
    if (!ARRAY_RESERVE(&r->made, r->made.count + 1))
        return build_failed(r); /* a node that is linked must be recorded */
    node *n = graph_node_new(r->g, r->at->block, r->at, op, domain, nin, nout, 0);
    if (!n) return build_failed(r);
    r->made.data[r->made.count++] = n;
    n->op = desc;
    n->name = r->at->name;
    if (!default_attrs(r->g, n)) return build_failed(r);
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    for (int i = 0; i < nout; i++) {
        value *v = graph_value_new(r->g, r->at->block, NULL);
        if (!v) return build_failed(r);
        node_set_out(n, i, v);
    }
    return n;
}

value *rw_op(rewriter *r, const char *op, const char *domain, int nin, value *const *in) {
    node *n = rw_node(r, op, domain, nin, in, 1);
    return n ? n->out[0] : NULL;
}

static attr *attr_slot(rewriter *r, const value *v, const char *name) {
    for (int i = 0; v && v->producer && i < v->producer->nattrs; i++)
        if (strcmp(v->producer->attrs[i].name, name) == 0) return &v->producer->attrs[i];
    r->failed = true;
    return NULL;
}

void rw_int(rewriter *r, const value *v, const char *name, int64_t i) {
    attr *a = attr_slot(r, v, name);
    if (a) a->kind = ATTR_INT, a->i = i;
}
void rw_float(rewriter *r, const value *v, const char *name, double f) {
    attr *a = attr_slot(r, v, name);
    if (a) a->kind = ATTR_FLOAT, a->f = (float)f;
}
void rw_string(rewriter *r, const value *v, const char *name, const char *s) {
    attr *a = attr_slot(r, v, name);
    char *copy = a ? arena_strdup(r->g->arena, s) : NULL;
    if (!copy) r->failed = true;
    else a->kind = ATTR_STRING, a->s = (bytes){copy, strlen(copy)};
}
void rw_ints(rewriter *r, const value *v, const char *name, const int64_t *i, size_t n) {
    attr *a = attr_slot(r, v, name);
    int64_t *copy = a ? arena_alloc(r->g->arena, (n + 1) * sizeof *copy) : NULL;
    if (!copy) {
        r->failed = true;
        return;
    }
    memcpy(copy, i, n * sizeof *copy);
    a->kind = ATTR_INTS, a->ints = copy, a->count = n;
}

void rw_floats(rewriter *r, const value *v, const char *name, const float *f, size_t n) {
    attr *a = attr_slot(r, v, name);
    float *copy = a ? arena_alloc(r->g->arena, (n + 1) * sizeof *copy) : NULL;
    if (!copy) {
        r->failed = true;
        return;
    }
    memcpy(copy, f, n * sizeof *copy);
    a->kind = ATTR_FLOATS, a->floats = copy, a->count = n;
}

void rw_attrs_from(rewriter *r, const value *v, const node *n) {
    for (int i = 0; v && i < v->producer->nattrs; i++) {
        attr *a = &v->producer->attrs[i];
        const attr *from = node_attr(n, a->name);
        if (from && from->kind != ATTR_TENSOR && from->kind != ATTR_GRAPH) *a = *from;
    }
}

value *rw_tensor(rewriter *r, naru_tensor *t) {
    value *v = t && !r->failed ? graph_constant_new(r->g, r->at->block, NULL, t) : NULL;
    if (!v) r->failed = true;
    tensor_unref(t);
    return v;
}

value *rw_const_ints(rewriter *r, const int64_t *v, int64_t n) {
    naru_tensor *t = NULL;
    if (tensor_new(NARU_INT64, 1, &n, &t, NULL) == NARU_OK && n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return rw_tensor(r, t);
}

value *rw_const_float(rewriter *r, naru_dtype d, double v) {
    naru_tensor *t = NULL;
    if (tensor_new(d, 0, NULL, &t, NULL) == NARU_OK) dtype_set_f64(d, t->data, 0, v);
    return rw_tensor(r, t);
}

static naru_tensor *converted(const naru_tensor *t, naru_dtype d) {
    naru_tensor *out = NULL;
    return t && tensor_is_contiguous(t) && naru_tensor_cast(t, d, &out, NULL) == NARU_OK ? out : NULL;
}
naru_tensor *tensor_as_double(const naru_tensor *t) { return converted(t, NARU_DOUBLE); }
naru_tensor *tensor_as(naru_tensor *t, naru_dtype d) {
    naru_tensor *out = converted(t, d);
    tensor_unref(t);
    return out;
}

static bool made_here(const rewriter *r, const value *v) {
    for (size_t i = 0; v->producer && i < r->made.count; i++)
        if (r->made.data[i] == v->producer) return true;
    return false;
}

static bool read_by_block(const rewriter *r, const value *v) {
    for (const use *u = rw_first_use(r, v); u; u = rw_next_use(v, u))
        if (!u->node) return true;
    return false;
}

bool rw_replace(rewriter *r, value *old, value *by) {
    if (!old || !by) {
        r->failed = true;
        return false;
    }
    /* An output keeps its name: then `by` takes old's place at its own producer, which must be free to do so. */
    if (!made_here(r, by) && read_by_block(r, old))
        if (!by->producer || by->producer->block != old->block || read_by_block(r, by)) return false;
    if (ARRAY_PUSH(&r->substs, ((subst){old, by, NULL}))) return true;
    r->failed = true;
    return false;
}

bool rw_constant(rewriter *r, value *old, naru_tensor *t) {
    if (ARRAY_PUSH(&r->substs, ((subst){old, NULL, t}))) return true;
    tensor_unref(t);
    r->failed = true;
    return false;
}

bool rw_inline(rewriter *r, block *b) {
    node *n = r->at;
    for (int i = 0; i < b->ninit; i++) {
        b->initializers[i]->block = n->block;
        if (!block_add_initializer(n->block, b->initializers[i])) r->failed = true;
    }
    b->ninit = 0;
    while (b->first) node_move_to(b->first, n->block, n);
    int nout = b->nout;
    b->nout = 0; /* these were uses */
    for (int i = 0; i < nout; i++) r->counts.data[b->out[i]->id]--;
    for (int i = 0; i < nout && i < n->nout; i++) {
        if (!n->out[i] || rw_replace(r, n->out[i], b->out[i])) continue;
        rw_replace(r, n->out[i], rw_op(r, "Identity", "", 1, &b->out[i])); /* an output by another name */
    }
    return true;
}

/* ---- applying ---- */
naru_status rw_begin(rewriter *r, node *root) {
    r->at = root;
    r->made.count = r->substs.count = 0;
    r->failed = false;
    return NARU_OK;
}

void rw_discard(rewriter *r) {
    for (size_t i = r->made.count; i-- > 0;) {
        node *n = r->made.data[i];
        node_remove(n);
        for (int o = 0; o < n->nout; o++) n->out[o] = NULL;
        n->block = NULL;
    }
    for (size_t i = 0; i < r->substs.count; i++) tensor_unref(r->substs.data[i].constant);
    r->made.count = r->substs.count = 0;
}

static void move_uses(rewriter *r, value *from, value *to) {
    for (const use *u = rw_first_use(r, from), *next; u; u = next) {
        next = rw_next_use(from, u);
        if (u->node) u->node->in[u->index] = to;
        else u->block->out[u->index] = to;
        r->counts.data[from->id]--;
        add_use(r, to, u->node, u->block, u->index);
    }
}

/* old becomes the output of by's producer; by disappears. */
static void take_place(rewriter *r, value *old, value *by) {
    node *p = by->producer;
    int index = by->out_index;
    if (old->producer) old->producer->out[old->out_index] = NULL;
    node_set_out(p, index, old);
    by->producer = NULL;
    move_uses(r, by, old);
}

static void become_constant(rewriter *r, value *old, naru_tensor *t) {
    if (old->producer) old->producer->out[old->out_index] = NULL;
    old->producer = NULL;
    old->constant = t;
    old->fact = (fact){.constant = t};
    old->fact.type = (type){.kind = TYPE_TENSOR, .dtype = t->dtype, .has_rank = true, .rank = t->rank};
    for (int i = 0; i < t->rank; i++) old->fact.type.dims[i] = t->dims[i];
    if (!block_add_initializer(old->block, old)) r->failed = true;
}

static bool compatible(const type *a, const type *b) {
    if (a->kind != b->kind) return a->kind == TYPE_UNKNOWN || b->kind == TYPE_UNKNOWN;
    if (a->dtype && b->dtype && a->dtype != b->dtype) return false;
    if (!a->has_rank || !b->has_rank) return true;
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (dim_is_const(a->dims[i]) && dim_is_const(b->dims[i]) && a->dims[i] != b->dims[i]) return false;
    return true;
}

static naru_status check_subst(rewriter *r, const subst *s, const char *pass) {
    if (!s->by || compatible(&s->old->fact.type, &s->by->fact.type)) return NARU_OK;
    str a = {0}, b = {0};
    type_print(r->g, &s->old->fact.type, &a);
    type_print(r->g, &s->by->fact.type, &b);
    naru_status st = err_set(r->err, NARU_INTERNAL, "pass %s would turn '%s' from %s into %s", pass, s->old->name,
                             str_text(&a), str_text(&b));
    str_free(&a);
    str_free(&b);
    return st;
}

static value *resolve(const rewriter *r, size_t upto, value *v) { /* values that an earlier substitution took away */
    for (size_t i = 0; i < upto; i++)
        if (r->substs.data[i].by == v && !v->producer && !v->is_input && !v->is_initializer)
            return r->substs.data[i].old;
    return v;
}

static void apply_subst(rewriter *r, size_t i) {
    subst *s = &r->substs.data[i];
    if (!s->by) {
        become_constant(r, s->old, s->constant);
        s->constant = NULL;
        return;
    }
    value *by = resolve(r, i, s->by);
    if (made_here(r, by) && by == s->by) take_place(r, s->old, by);
    else if (read_by_block(r, s->old)) take_place(r, s->old, by);
    else move_uses(r, s->old, by);
}

static bool wanted(const rewriter *r, const node *n) {
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && rw_uses(r, n->out[i]) > 0) return true;
    return false;
}

static void drop_uses(rewriter *r, node *n);
static bool drop_block(block *b, void *user) {
    rewriter *r = user;
    for (node *n = b->first; n; n = n->next) drop_uses(r, n);
    for (int i = 0; i < b->nout; i++)
        if (b->out[i]) r->counts.data[b->out[i]->id]--;
    return true;
}

static void drop_uses(rewriter *r, node *n) {
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]) r->counts.data[n->in[i]->id]--;
    for (int i = 0; i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH && a->block) drop_block(a->block, r);
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) drop_block(a->blocks[j], r);
    }
}

/* Attribute tensors go now: their memory may be large. */
static void release_attrs(node *n) {
    for (int i = 0; i < n->nattrs; i++)
        if (n->attrs[i].kind == ATTR_TENSOR) {
            tensor_unref(n->attrs[i].tensor);
            n->attrs[i].kind = ATTR_NONE;
        }
}

bool rw_sweep(rewriter *r, node *n) {
    if (!n || !n->block || wanted(r, n)) return false;
    drop_uses(r, n);
    node_remove(n);
    n->block = NULL;
    if (!ARRAY_PUSH(&r->gone, n)) r->failed = true;
    for (int i = 0; i < n->nin; i++) {
        value *v = n->in[i];
        n->in[i] = NULL;
        if (v && v->producer && v->producer->block && rw_uses(r, v) == 0) rw_sweep(r, v->producer);
    }
    release_attrs(n);
    return true;
}

/* ---- provenance ---- */
enum { MAX_ORIGIN = 4096 };

static const char *own_name(const node *n) {
    if (n->name && *n->name) return n->name;
    return n->nout && n->out[0] ? n->out[0]->name : n->op_type;
}

static bool has_line(const char *text, const char *line, size_t n) {
    for (const char *p = text; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (strcspn(p, "\n") == n && memcmp(p, line, n) == 0) return true;
    return false;
}

static void add_lines(str *s, const char *lines) {
    for (const char *p = lines; *p && s->len < MAX_ORIGIN;) {
        size_t n = strcspn(p, "\n");
        if (n && !has_line(s->data, p, n)) {
            if (s->len) str_add(s, "\n");
            str_add_n(s, p, n);
        }
        p += n;
        p += *p == '\n';
    }
}

/* What a patch made came from what it removed. Transposes that a pass puts around other nodes came from nothing. */
static void tell_origin(rewriter *r) {
    bool only_transposes = true;
    str s = {0};
    for (size_t i = r->gone.count; i-- > 0;) { /* what was computed first went last */
        const node *n = r->gone.data[i];
        bool made = false;
        for (size_t j = 0; j < r->made.count; j++) made |= r->made.data[j] == n;
        if (made) continue;
        only_transposes &= node_is(n, "Transpose");
        add_lines(&s, n->origin ? n->origin : own_name(n));
    }
    const char *origin = s.failed ? NULL : arena_strdup(r->g->arena, str_text(&s));
    if (!origin) r->failed = true;
    for (size_t i = 0; origin && i < r->made.count; i++) {
        node *n = r->made.data[i];
        if (n->block) n->origin = !only_transposes && node_is(n, "Transpose") ? "" : origin;
    }
    str_free(&s);
}

naru_status rw_apply(rewriter *r, const char *pass) {
    r->gone.count = 0;
    if (r->failed) {
        rw_discard(r);
        return err_oom(r->err);
    }
    for (size_t i = 0; i < r->made.count; i++) {
        node *made = r->made.data[i];
        while (made->nin > 0 && !made->in[made->nin - 1]) made->nin--;
        naru_status st = node_infer(r->g, r->made.data[i], r->err);
        if (st != NARU_OK)
            return err_context(r->err, st == NARU_OUT_OF_MEMORY ? st : NARU_INTERNAL, "pass %s made a wrong %s", pass,
                               r->made.data[i]->op_type);
    }
    for (size_t i = 0; i < r->substs.count; i++) TRY(check_subst(r, &r->substs.data[i], pass));
    if (!reserve(r)) return err_oom(r->err);
    for (size_t i = 0; i < r->made.count; i++) add_uses(r, r->made.data[i]);
    node *producers[8];
    int nproducers = 0;
    for (size_t i = 0; i < r->substs.count; i++)
        if (r->substs.data[i].old->producer && nproducers < 8)
            producers[nproducers++] = r->substs.data[i].old->producer;
    for (size_t i = 0; i < r->substs.count; i++) apply_subst(r, i);
    for (int i = 0; i < nproducers; i++) rw_sweep(r, producers[i]);
    for (size_t i = r->made.count; i-- > 0;) rw_sweep(r, r->made.data[i]); /* built but not needed after all */
    tell_origin(r);
    r->made.count = r->substs.count = 0;
    return r->failed ? err_oom(r->err) : NARU_OK;
}
