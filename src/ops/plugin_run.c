/* SPDX-License-Identifier: MIT
 *
 * Calling plugins: the table of functions that they may call back, facts and tensors as they see them, inference,
 * states, and running a tactic, whole or by ranges of rows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ops/plugin.h"
#include "ops/sig.h"

/* ---- attributes ---- */
static const node *node_of(const naru_plugin_node *n) { return (const node *)(const void *)n; }
static const naru_plugin_node *shown(const node *n) { return (const naru_plugin_node *)(const void *)n; }
static const plugin_op *op_of(const node *n) { return n->op->plugin; }

/* The default of attribute k; none: of the kind's zero. */
static const naru_plugin_attr *row_of(const node *n, int k) {
    static const naru_plugin_attr none;
    const attr_def *defs = n->op->attrs;
    for (int i = 0; defs && defs[i].name; i++)
        if (i == k) return &op_of(n)->p.attrs[k];
    return &none;
}

static const attr *given(const naru_plugin_node *pn, int k, attr_kind kind) {
    const node *n = node_of(pn);
    return k >= 0 && k < n->nattrs && n->attrs[k].kind == kind ? &n->attrs[k] : NULL;
}

static bool host_attr_given(const naru_plugin_node *n, int k) { return k >= 0 && node_has(node_of(n), k); }

static int64_t host_attr_int(const naru_plugin_node *n, int k) {
    const attr *a = given(n, k, ATTR_INT);
    return a ? a->i : row_of(node_of(n), k)->i;
}

static float host_attr_float(const naru_plugin_node *n, int k) {
    const attr *a = given(n, k, ATTR_FLOAT);
    return a ? a->f : row_of(node_of(n), k)->f;
}

static const char *host_attr_string(const naru_plugin_node *n, int k, size_t *length) {
    const attr *a = given(n, k, ATTR_STRING);
    const char *dflt = row_of(node_of(n), k)->s, *s = a ? a->s.data : dflt;
    if (length) *length = a ? a->s.len : dflt ? strlen(dflt) : 0;
    return s ? s : "";
}

static const int64_t *host_attr_ints(const naru_plugin_node *n, int k, size_t *count) {
    const attr *a = given(n, k, ATTR_INTS);
    const naru_plugin_attr *d = row_of(node_of(n), k);
    *count = a ? a->count : d->ints ? d->count : 0;
    return a ? a->ints : d->ints;
}

static const float *host_attr_floats(const naru_plugin_node *n, int k, size_t *count) {
    const attr *a = given(n, k, ATTR_FLOATS);
    const naru_plugin_attr *d = row_of(node_of(n), k);
    *count = a ? a->count : d->floats ? d->count : 0;
    return a ? a->floats : d->floats;
}

static const char *host_node_name(const naru_plugin_node *n) { return node_of(n)->name ? node_of(n)->name : ""; }

/* ---- errors and memory ---- */
static naru_status host_refuse(naru_error *err, naru_status code, const char *format, ...) {
    char text[sizeof err->message];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return err_set(err, code == NARU_OK ? NARU_INTERNAL : code, "%s", text);
}

static void *host_alloc(size_t n) { return mem_alloc(n); }
static void host_release(void *p) { mem_free(p); }

/* A callback may fail without a message. */
static naru_status failed(const plugin_op *op, naru_status st, const char *what, naru_error *err) {
    if (st == NARU_OUT_OF_MEMORY) return err_oom(err);
    if (err && err->code == NARU_OK) err_set(err, st, "%s failed: %s", what, naru_status_text(st));
    return err_context(err, st, "plugin %s%s%s", op->title, *op->library ? " of " : "", op->library);
}

/* ---- facts as plugins see them ---- */
static void describe(const type *t, naru_plugin_type *out) {
    *out = (naru_plugin_type){.given = true, .rank = -1};
    if (t->kind != TYPE_TENSOR) return;
    out->dtype = t->dtype;
    if (!t->has_rank) return;
    out->rank = t->rank;
    memcpy(out->dims, t->dims, (size_t)t->rank * sizeof *t->dims);
}

void plugin_in_types(int n, const fact *const *f, naru_plugin_type *out) {
    for (int i = 0; i < n; i++) {
        out[i] = (naru_plugin_type){.rank = -1};
        if (!f[i]) continue;
        describe(&f[i]->type, &out[i]);
        out[i].constant = f[i]->constant != NULL;
    }
}

void plugin_out_types(const node *n, const fact *f, naru_plugin_type *out) {
    for (int i = 0; i < n->nout; i++) {
        describe(&f[i].type, &out[i]);
        out[i].given = n->out[i] != NULL;
    }
}

/* ---- inference ---- */
static infer_ctx *inferring(const naru_plugin_infer *c) { return c->impl; }

static int64_t host_dim(const naru_plugin_infer *c, char op, int64_t a, int64_t b) {
    symtab *s = inferring(c)->syms;
    if (!sym_valid(s, a) || !sym_valid(s, b)) return DIM_UNKNOWN;
    switch (op) {
    case '+': return sym_add(s, a, b);
    case '-': return sym_sub(s, a, b);
    case '*': return sym_mul(s, a, b);
    case '/': return sym_div(s, a, b);
    case '>': return sym_max(s, a, b);
    default: return DIM_UNKNOWN;
    }
}

static void to_dims(const naru_plugin_type *from, type *to) {
    bool ranked = from->rank >= 0 && from->rank <= NARU_MAX_RANK;
    *to = (type){.kind = TYPE_TENSOR, .dtype = from->dtype, .has_rank = ranked, .rank = ranked ? from->rank : 0};
    if (ranked) memcpy(to->dims, from->dims, (size_t)from->rank * sizeof *to->dims);
}

static naru_status host_broadcast(const naru_plugin_infer *c, const naru_plugin_type *a, const naru_plugin_type *b,
                                  naru_plugin_type *out) {
    type x, y, r = {0};
    to_dims(a, &x);
    to_dims(b, &y);
    TRY(infer_broadcast_shapes(inferring(c), &x, &y, &r));
    out->rank = r.has_rank ? r.rank : -1;
    memcpy(out->dims, r.dims, sizeof out->dims);
    return NARU_OK;
}

static naru_status host_axis(const naru_plugin_infer *c, int64_t axis, int rank, int *out) {
    return infer_axis(inferring(c), axis, rank, out);
}

static bool host_ints(const naru_plugin_infer *c, int i, const int64_t **v, int64_t *n) {
    return i >= 0 && in_ints(inferring(c), i, v, n);
}

static bool host_sizes(const naru_plugin_infer *c, int i, const int64_t **dims, int64_t *n) {
    const elem_t *e;
    if (i < 0 || !in_elems(inferring(c), i, &e, n)) return false;
    int64_t *out = arena_alloc(inferring(c)->arena, ((size_t)*n + 1) * sizeof *out);
    for (int64_t k = 0; out && k < *n; k++) out[k] = elem_to_dim(e[k]);
    *dims = out;
    return out != NULL;
}

static bool host_scalar(const naru_plugin_infer *c, int i, double *v) {
    return i >= 0 && in_scalar(inferring(c), i, v);
}

/* The element type that the signature gives output o: its only one, or what its variable is bound to. */
static naru_dtype bound_type(const infer_ctx *c, const sig *s, const sig_param *p) {
    uint64_t types = sig_types(s, p);
    for (int d = 1; d < NARU_DTYPES; d++)
        if (types == (uint64_t)1 << d) return (naru_dtype)d;
    for (int i = 0; p->var >= 0 && i < c->nin; i++) {
        const sig_param *q = sig_input(s, i);
        if (q && q->var == p->var && in_dtype(c, i)) return in_dtype(c, i);
    }
    return NARU_UNDEFINED;
}

static naru_status take_out(infer_ctx *c, int o, const sig_param *p, uint64_t types, const naru_plugin_type *t) {
    if (t->rank < -1 || t->rank > NARU_MAX_RANK)
        return op_fail(c, NARU_SHAPE, "infer gives output '%s' rank %d", p->name, t->rank);
    if (t->dtype != NARU_UNDEFINED && ((unsigned)t->dtype >= NARU_DTYPES || !(types >> t->dtype & 1)))
        return op_fail(c, NARU_TYPE, "infer gives output '%s' a type that its signature does not have", p->name);
    for (int i = 0; i < t->rank; i++)
        if (!sym_valid(c->syms, t->dims[i]))
            return op_fail(c, NARU_SHAPE, "infer gives output '%s' no dimension on axis %d", p->name, i);
    out_tensor(c, o, t->dtype, t->rank, t->dims);
    return NARU_OK;
}

naru_status plugin_infer(infer_ctx *c) {
    const plugin_op *op = op_of(c->node);
    sig s;
    naru_plugin_type *in = arena_alloc(c->arena, ((size_t)c->nin + 1) * sizeof *in);
    naru_plugin_type *out = arena_calloc(c->arena, (size_t)c->nout + 1, sizeof *out);
    if (!in || !out) return err_oom(c->err);
    plugin_in_types(c->nin, c->in, in);
    if (!sig_parse(op->desc.sig, &s)) return err_set(c->err, NARU_INTERNAL, "malformed signature");
    for (int i = 0; i < c->nout; i++) {
        const sig_param *p = sig_output(&s, i);
        out[i] =
            (naru_plugin_type){.given = c->node->out[i] != NULL, .rank = -1, .dtype = p ? bound_type(c, &s, p) : 0};
        if (op->p.infer || !c->nin) continue;
        out[i].rank = in[0].rank;
        memcpy(out[i].dims, in[0].dims, sizeof out[i].dims);
    }
    naru_error local = NARU_ERROR_INIT;
    infer_ctx mine = *c;
    mine.err = &local;
    const naru_plugin_infer pc = {&plugin_host, shown(c->node), op->p.user, c->nin, c->nout, in, out, &local, &mine};
    naru_status st = op->p.infer ? op->p.infer(&pc) : NARU_OK;
    for (int i = 0; st == NARU_OK && i < c->nout; i++) {
        const sig_param *p = sig_output(&s, i);
        if (p) st = take_out(&mine, i, p, sig_types(&s, p), &out[i]);
    }
    if (st == NARU_OK) return NARU_OK;
    st = failed(op, st, "infer", &local);
    return err_set(c->err, st, "%s", local.message);
}

/* ---- tensors as plugins see them ---- */
static void show(const naru_tensor *t, naru_plugin_tensor *out) {
    *out = (naru_plugin_tensor){0};
    if (t) *out = (naru_plugin_tensor){t->dtype, t->rank, t->dims, tensor_count(t), t->data};
}

/* ---- states ---- */
typedef struct constants {
    naru_plugin_tensor *shown;
    naru_tensor **copies; /* of those that are not aligned */
    int n;
} constants;

static naru_status open_constants(arena *a, int n, const fact *const *in, constants *k, naru_error *err) {
    *k = (constants){arena_calloc(a, (size_t)n + 1, sizeof *k->shown),
                     arena_calloc(a, (size_t)n + 1, sizeof *k->copies), n};
    if (!k->shown || !k->copies) {
        k->n = 0;
        return err_oom(err);
    }
    for (int i = 0; i < n; i++) {
        const naru_tensor *t = in[i] ? in[i]->constant : NULL;
        if (!t || !t->data) continue;
        if (!tensor_is_aligned(t) || !tensor_is_contiguous(t)) {
            TRY(tensor_clone(t, &k->copies[i], err));
            t = k->copies[i];
        }
        show(t, &k->shown[i]);
    }
    return NARU_OK;
}

static void close_constants(constants *k) {
    for (int i = 0; i < k->n; i++) tensor_unref(k->copies[i]);
}

naru_status plugin_state_make(const plugin_op *op, int tactic, const node *n, naru_plugin_query q, arena *a,
                              const fact *const *in, const void *data, size_t size, void **state, unsigned *consumed,
                              naru_error *err) {
    constants k;
    *state = NULL;
    if (!op->p.create) return NARU_OK;
    naru_error local = NARU_ERROR_INIT;
    naru_status st = open_constants(a, n->nin, in, &k, &local);
    if (st == NARU_OK) {
        naru_plugin_create c = {.q = q, .tactic = tactic, .constants = k.shown, .err = &local};
        st = data ? op->p.deserialize(&c, data, size) : op->p.create(&c);
        if (st == NARU_OK) *state = c.state;
        if (st == NARU_OK && consumed)
            for (int i = 0; i < n->nin && i < 32; i++)
                if (k.shown[i].data) *consumed |= c.consumed & 1u << i;
    }
    close_constants(&k);
    if (st == NARU_OK) return NARU_OK;
    st = failed(op, st, data ? "deserialize" : "create", &local);
    return err_set(err, st, "%s", local.message);
}

void plugin_state_free(const plugin_op *op, void *state) {
    if (state && op->p.destroy) op->p.destroy(&plugin_host, op->p.user, state);
}

/* ---- running ---- */
typedef struct running {
    const plugin_job *job;
    const naru_plugin_tactic *t;
    naru_plugin_run r;
    naru_plugin_tensor in[PLUGIN_MAX_ARITY], out[PLUGIN_MAX_ARITY];
    naru_error first; /* of the ranges */
    atomic_int status;
} running;

static naru_status begin(running *k, const plugin_job *j) {
    if (j->nin > PLUGIN_MAX_ARITY || j->nout > PLUGIN_MAX_ARITY)
        return err_set(j->err, NARU_LIMIT, "%s has more than %d inputs", j->op->title, PLUGIN_MAX_ARITY);
    k->job = j;
    k->t = &j->op->tactics[j->tactic];
    for (int i = 0; i < j->nin; i++) show(j->in[i], &k->in[i]);
    for (int i = 0; i < j->nout; i++) show(j->out[i], &k->out[i]);
    k->r = (naru_plugin_run){.host = &plugin_host,
                             .node = shown(j->node),
                             .user = j->op->p.user,
                             .state = j->state,
                             .nin = j->nin,
                             .nout = j->nout,
                             .in = k->in,
                             .out = k->out,
                             .workspace = j->workspace,
                             .workspace_size = j->workspace_size,
                             .threads = j->threads,
                             .err = &k->first,
                             .impl = k};
    k->first = (naru_error)NARU_ERROR_INIT;
    atomic_init(&k->status, NARU_OK);
    return NARU_OK;
}

size_t plugin_workspace(const plugin_job *j) {
    running k;
    if (!j->op->tactics[j->tactic].workspace || begin(&k, j) != NARU_OK) return 0;
    return k.t->workspace(&k.r);
}

static void host_parallel_for(const naru_plugin_run *r, int64_t n, int64_t grain, naru_plugin_range fn, void *arg) {
    const running *k = r->impl;
    if (n > 0) parallel_for(k->job->pool, n, grain < 1 ? 1 : grain, fn, arg);
}

static naru_status host_output(const naru_plugin_run *r, int o, int rank, const int64_t *dims) {
    running *k = r->impl;
    eval_ctx *e = k->job->eval;
    int64_t count;
    naru_tensor *t;
    if (o < 0 || o >= r->nout || rank < 0 || rank > NARU_MAX_RANK || !dims_count(rank, dims, &count))
        return err_set(r->err, NARU_INVALID_ARGUMENT, "output %d cannot have these dimensions", o);
    if (!e || k->out[o].data) return err_set(r->err, NARU_INVALID_ARGUMENT, "output %d has its dimensions already", o);
    if (!eval_wants(e, o)) return NARU_OK;
    naru_dtype d = k->out[o].dtype;
    TRY(eval_alloc(e, o, d, rank, dims, &t));
    if (t->data) memset(t->data, 0, tensor_bytes(t));
    show(t, &k->out[o]);
    return NARU_OK;
}

static void range(void *arg, int64_t begin_, int64_t end, int worker) {
    running *k = arg;
    if (atomic_load_explicit(&k->status, memory_order_relaxed) != NARU_OK) return;
    naru_error local = NARU_ERROR_INIT;
    naru_plugin_run r = k->r;
    r.worker = worker;
    r.err = &local;
    int none = NARU_OK;
    naru_status st = k->t->run_rows(&r, begin_, end);
    if (st == NARU_OK || !atomic_compare_exchange_strong(&k->status, &none, (int)st)) return;
    k->first = local; /* this thread alone: the first to fail */
}

naru_status plugin_run(const plugin_job *j) {
    running k;
    TRY(begin(&k, j));
    for (int i = 0; j->eval && i < j->nout; i++) /* the types of outputs that are still to be made */
        if (!j->out[i]) k.out[i].dtype = j->made[i];
    naru_status st = NARU_OK;
    if (k.t->run) {
        st = k.t->run(&k.r);
    } else {
        int64_t n = k.t->rows(&k.r);
        if (n > 0) parallel_for(j->pool, n, k.t->grain, range, &k);
        st = (naru_status)atomic_load(&k.status);
    }
    if (st == NARU_OK) return NARU_OK;
    st = failed(j->op, st, k.t->name, &k.first);
    return err_set(j->err, st, "%s", k.first.message);
}

const naru_plugin_host plugin_host = {.size = sizeof plugin_host,
                                      .abi = NARU_PLUGIN_ABI,
                                      .version = NARU_VERSION,
                                      .refuse = host_refuse,
                                      .alloc = host_alloc,
                                      .release = host_release,
                                      .attr_given = host_attr_given,
                                      .attr_int = host_attr_int,
                                      .attr_float = host_attr_float,
                                      .attr_string = host_attr_string,
                                      .attr_ints = host_attr_ints,
                                      .attr_floats = host_attr_floats,
                                      .node_name = host_node_name,
                                      .dim = host_dim,
                                      .broadcast = host_broadcast,
                                      .axis = host_axis,
                                      .ints = host_ints,
                                      .sizes = host_sizes,
                                      .scalar = host_scalar,
                                      .parallel_for = host_parallel_for,
                                      .output = host_output};
