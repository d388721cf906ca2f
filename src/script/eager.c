/* SPDX-License-Identifier: MIT
 *
 * The eager sink (eager.h): operators as cached steps, views as strides, writes into storages, random numbers.
 */
#include "script/eager.h"

#include <math.h>
#include <string.h>

#include "script/kept.h"
#include "script/region.h"
#include "script/steps.h"
#include "tensor/dtype.h"

struct eager {
    pool *pool;
    step_cache *steps;
    arena *arena; /* of the operator that runs */
    symtab *syms;
    char *workspace;
    size_t workspace_size;
    uint64_t rng;
    kept_list *kept;
    region_user *regions;
};

naru_status eager_new(cpu_level cpu, pool *p, uint64_t seed, eager **out, naru_error *err) {
    eager *e = mem_calloc(1, sizeof *e);
    if (!e) return err_oom(err);
    *e = (eager){.pool = p, .steps = step_cache_new(cpu, pool_threads(p)), .arena = arena_new()};
    eager_seed(e, seed);
    if (!e->steps || !e->arena) {
        eager_free(e);
        return err_oom(err);
    }
    *out = e;
    return NARU_OK;
}

void eager_free(eager *e) {
    if (!e) return;
    kept_free(e->kept);
    region_user_free(e->regions);
    step_cache_free(e->steps);
    arena_free(e->arena);
    mem_free(e->workspace);
    mem_free(e);
}

kept_list **eager_kept(eager *e) { return &e->kept; }
void eager_seed(eager *e, uint64_t seed) { e->rng = seed * 0x9E3779B97F4A7C15u + 0x853C49E6748FEA9Bu; }

void eager_use_regions(eager *e, region_user *u) { e->regions = u; }
region_user *eager_regions(const eager *e) { return e->regions; }
pool *eager_pool(const eager *e) { return e->pool; }

/* ---- random numbers: splitmix64 ---- */
static uint64_t next_random(eager *e) {
    uint64_t z = e->rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
double host_random(lower *L) { return (double)(next_random(L->vm->eager) >> 11) * 0x1p-53; }
double host_normal(lower *L) { /* Box and Muller */
    double u = 1 - host_random(L), v = host_random(L);
    return sqrt(-2 * log(u)) * cos(6.283185307179586476925 * v);
}

/* ---- operators ---- */
enum { MAX_ARITY = 64, SMALL_CONTENT = 32 };

static naru_status grow_workspace(eager *e, size_t n, naru_error *err) {
    if (n <= e->workspace_size) return NARU_OK;
    mem_free(e->workspace);
    e->workspace_size = 0;
    if (!(e->workspace = mem_alloc(n))) return err_oom(err);
    e->workspace_size = n;
    return NARU_OK;
}

typedef struct call {
    eager *e;
    cached_step *s;
    int nin, nout;
    sten **in, **outs;
    fact *facts; /* of outputs */
    naru_error *err;
} call;

static naru_status infer_outputs(call *k) {
    const node *n = &k->s->node;
    fact *facts = arena_calloc(k->e->arena, (size_t)k->nin + (size_t)k->nout + 1, sizeof *facts);
    const fact **pin = arena_alloc(k->e->arena, ((size_t)k->nin + 1) * sizeof *pin);
    if (!k->e->syms) k->e->syms = symtab_new(k->e->arena);
    if (!facts || !pin || !k->e->syms) return err_oom(k->err);
    for (int i = 0; i < k->nin; i++) {
        pin[i] = k->in[i] ? &facts[i] : NULL;
        if (!k->in[i]) continue;
        const naru_tensor *t = &k->in[i]->t;
        fact *f = &facts[i];
        f->constant = t;
        f->type.kind = TYPE_TENSOR;
        f->type.dtype = t->dtype;
        f->type.has_rank = true;
        f->type.rank = t->rank;
        memcpy(f->type.dims, t->dims, (size_t)t->rank * sizeof *t->dims);
    }
    k->facts = facts + k->nin;
    infer_ctx ic = {.node = n,
                    .syms = k->e->syms,
                    .arena = k->e->arena,
                    .nin = k->nin,
                    .nout = k->nout,
                    .in = pin,
                    .out = k->facts,
                    .err = k->err};
    return n->op->infer ? n->op->infer(&ic) : NARU_OK;
}

static bool complete(const fact *f) {
    if (f->type.kind != TYPE_TENSOR || f->type.dtype == NARU_UNDEFINED || !f->type.has_rank) return false;
    for (int i = 0; i < f->type.rank; i++)
        if (f->type.dims[i] < 0) return false;
    return true;
}

static naru_status run_tactic(call *k, lower *L) {
    const naru_tensor *in[MAX_ARITY];
    naru_tensor *out[MAX_ARITY];
    for (int i = 0; i < k->nin; i++) in[i] = k->in[i] ? &k->in[i]->t : NULL;
    for (int i = 0; i < k->nout; i++) {
        k->outs[i] = lower_own(L, sten_new(k->facts[i].type.dtype, k->facts[i].type.rank, k->facts[i].type.dims));
        if (!k->outs[i]) return NARU_OUT_OF_MEMORY;
        out[i] = &k->outs[i]->t;
    }
    const step *s = &k->s->step;
    size_t size = s->tactic->workspace
                      ? s->tactic->workspace(s, in, (const naru_tensor *const *)out, pool_threads(k->e->pool))
                      : 0;
    TRY(grow_workspace(k->e, size, k->err));
    run_ctx r = {s, in, out, size ? k->e->workspace : NULL, size, k->e->pool, k->err};
    return s->tactic->run(&r);
}

/* The reference evaluator of the operator: sizes may be known only afterwards. */
static naru_status run_eval(call *k, lower *L) {
    naru_value in[MAX_ARITY], *pin[MAX_ARITY], *pout[MAX_ARITY];
    bool wanted[MAX_ARITY];
    naru_status st = NARU_OK;
    for (int i = 0; i < k->nin; i++) {
        in[i] = (naru_value){.kind = NARU_KIND_TENSOR, .tensor = k->in[i] ? &k->in[i]->t : NULL};
        pin[i] = k->in[i] ? &in[i] : NULL;
    }
    eval_ctx c = {.node = &k->s->node,
                  .arena = k->e->arena,
                  .nin = k->nin,
                  .nout = k->nout,
                  .in = pin,
                  .out = pout,
                  .out_wanted = wanted,
                  .err = k->err,
                  .rng = &k->e->rng};
    for (int i = 0; i < k->nout; i++) {
        pout[i] = NULL;
        wanted[i] = true;
    }
    naru_tensor *t;
    for (int i = 0; st == NARU_OK && i < k->nout; i++)
        if (complete(&k->facts[i]))
            st = eval_alloc(&c, i, k->facts[i].type.dtype, k->facts[i].type.rank, k->facts[i].type.dims, &t);
    if (st == NARU_OK) st = k->s->node.op->eval(&c);
    for (int i = 0; i < k->nout; i++) {
        if (st == NARU_OK && pout[i] && pout[i]->kind == NARU_KIND_TENSOR)
            k->outs[i] = lower_own(L, sten_from(pout[i]->tensor));
        value_unref(pout[i]);
    }
    return st;
}

static bool decides(const sten *t) { /* integers that may be a shape, axes, pads: their content is part of the key */
    return t->t.rank <= 1 && (t->t.dtype == NARU_INT64 || t->fixed) && tensor_count(&t->t) <= SMALL_CONTENT &&
           !t->param;
}

static void eager_op(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout, sten **outs) {
    eager *e = L->vm->eager;
    sten *args[MAX_ARITY];
    bool constant[MAX_ARITY];
    if (nin > MAX_ARITY || nout > MAX_ARITY) { /* long lists of tensors: in pieces, by who calls */
        lower_fail(L, NARU_LIMIT, "%s has more than %d inputs", op->name, MAX_ARITY);
        return;
    }
    for (int i = 0; i < nin; i++) {
        args[i] = in[i] ? contiguous(L, in[i]) : NULL;
        constant[i] = args[i] && (args[i]->param || (i > 0 && decides(args[i])));
    }
    if (L->st != NARU_OK) return;
    call k = {.e = e, .nin = nin, .nout = nout, .in = args, .outs = outs, .err = L->err};
    naru_status st = step_cache_get(e->steps, op, attrs, nin, args, constant, nout, &k.s, L->err);
    if (st == NARU_OK) st = infer_outputs(&k);
    bool planned = st == NARU_OK && k.s->step.tactic;
    for (int i = 0; planned && i < nout; i++) planned = complete(&k.facts[i]);
    if (st == NARU_OK) st = planned ? run_tactic(&k, L) : run_eval(&k, L);
    arena_reset(e->arena);
    e->syms = NULL;
    if (L->st == NARU_OK) L->st = st;
}

/* ---- views ---- */
typedef struct shape {
    int rank;
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK], offset; /* elements */
} shape;

static void drop_dim(shape *s, int d) {
    s->rank--;
    memmove(&s->dims[d], &s->dims[d + 1], (size_t)(s->rank - d) * sizeof *s->dims);
    memmove(&s->strides[d], &s->strides[d + 1], (size_t)(s->rank - d) * sizeof *s->strides);
}

static void insert_dim(shape *s, int d, int64_t dim, int64_t stride) {
    memmove(&s->dims[d + 1], &s->dims[d], (size_t)(s->rank - d) * sizeof *s->dims);
    memmove(&s->strides[d + 1], &s->strides[d], (size_t)(s->rank - d) * sizeof *s->strides);
    s->dims[d] = dim;
    s->strides[d] = stride;
    s->rank++;
}

static void permute(shape *s, const view_step *v) {
    shape old = *s;
    for (int i = 0; i < s->rank; i++) {
        s->dims[i] = old.dims[v->dims[i]];
        s->strides[i] = old.strides[v->dims[i]];
    }
}

static void expand(shape *s, const view_step *v) {
    shape old = *s;
    int lead = v->rank - old.rank;
    s->rank = v->rank;
    for (int i = 0; i < v->rank; i++) {
        bool kept = i >= lead && old.dims[i - lead] == v->sizes[i].i;
        s->dims[i] = v->sizes[i].i;
        s->strides[i] = kept ? old.strides[i - lead] : 0;
    }
}

/* A factor too large to multiply belongs to a single element, or to none: its stride means nothing. */
static int64_t paced(int64_t stride, int64_t by) {
    int64_t wide;
    return i64_mul(stride, by, &wide) ? wide : stride;
}

/* Strides under which the old memory order reads as the new dims; false: a copy is needed. Groups of old dimensions
 * that are contiguous among themselves are cut anew. */
static bool reshape(shape *s, const view_step *v) {
    shape old = *s;
    int n = 0;
    for (int i = 0; i < old.rank; i++) { /* without ones */
        if (old.dims[i] == 1) continue;
        old.dims[n] = old.dims[i];
        old.strides[n++] = old.strides[i];
    }
    int64_t count = 1;
    for (int i = 0; i < n; i++) count *= old.dims[i];
    s->rank = v->rank;
    for (int i = 0; i < v->rank; i++) s->dims[i] = v->sizes[i].i;
    if (count == 0) {
        int64_t stride = 1;
        for (int i = v->rank - 1; i >= 0; i--) {
            s->strides[i] = stride;
            stride = paced(stride, i64_max(s->dims[i], 1));
        }
        return true;
    }
    int at = n - 1, k = v->rank - 1;
    while (k >= 0) {
        int64_t group = 1, want = 1, stride = at >= 0 ? old.strides[at] : 1;
        if (at >= 0) {
            group = old.dims[at];
            while (at > 0 && old.strides[at - 1] == old.strides[at] * old.dims[at]) group *= old.dims[--at];
        }
        while (k >= 0 && (want < group || s->dims[k] == 1)) {
            s->strides[k] = stride;
            stride *= s->dims[k];
            want *= s->dims[k--];
            if (want == group && (k < 0 || s->dims[k] != 1)) break;
        }
        if (want != group) return false;
        at--;
        if (k >= 0 && at < 0 && s->dims[k] != 1) return false;
    }
    return at < 0;
}

static bool diagonal(shape *s, const view_step *v) {
    int64_t a = s->dims[v->dim], b = s->dims[v->dim2], off = v->step;
    int64_t n = off >= 0 ? i64_min(a, b - off) : i64_min(a + off, b);
    n = i64_max(n, 0);
    if (n > 0) s->offset += off >= 0 ? off * s->strides[v->dim2] : -off * s->strides[v->dim];
    int64_t stride = s->strides[v->dim] + s->strides[v->dim2];
    int hi = v->dim > v->dim2 ? v->dim : v->dim2, lo = v->dim > v->dim2 ? v->dim2 : v->dim;
    drop_dim(s, hi);
    drop_dim(s, lo);
    insert_dim(s, s->rank, n, stride);
    return true;
}

static bool unfold(lower *L, shape *s, const view_step *v) {
    int64_t size = s->rank ? s->dims[v->dim] : 1;
    if (v->a.i > size) {
        lower_raise(L, "RuntimeError", "maximum size for tensor at dimension %d is %lld but size is %lld", v->dim,
                    (long long)size, (long long)v->a.i);
        return false;
    }
    int64_t stride = s->rank ? s->strides[v->dim] : 1;
    if (s->rank) {
        s->dims[v->dim] = (size - v->a.i) / v->step + 1;
        s->strides[v->dim] = paced(stride, v->step);
    }
    insert_dim(s, s->rank, v->a.i, stride);
    return true;
}

static bool strided(lower *L, const sten *t, shape *s, const view_step *v) {
    int64_t last = v->step, count = 1;
    bool fits = v->step >= 0;
    s->rank = v->rank;
    for (int i = 0; fits && i < v->rank; i++) {
        int64_t reach;
        s->dims[i] = v->dims[i];
        s->strides[i] = v->strides[i];
        fits = v->dims[i] >= 0 && v->strides[i] >= 0 &&
               i64_mul(v->dims[i] ? v->dims[i] - 1 : 0, v->strides[i], &reach) && i64_add(last, reach, &last);
        count *= v->dims[i] ? 1 : 0;
    }
    int64_t bits = naru_dtype_bits(t->t.dtype), have = t->t.storage ? (int64_t)t->t.storage->nbytes * 8 / bits : 0;
    if (!fits || (count && last >= have)) {
        lower_raise(L, "RuntimeError",
                    "setStorage: sizes, strides and storage offset %lld are out of bounds for storage "
                    "of %lld elements",
                    (long long)v->step, (long long)have);
        return false;
    }
    s->offset = v->step - ((char *)t->t.data - (char *)t->t.storage->data) * 8 / bits;
    return true;
}

static sten *as_complex(lower *L, sten *t, bool to_complex) {
    shape s = {.rank = t->t.rank};
    memcpy(s.dims, t->t.dims, sizeof s.dims);
    memcpy(s.strides, t->t.strides, sizeof s.strides);
    naru_dtype d = t->t.dtype;
    if (to_complex) {
        bool fits = s.rank > 0 && s.dims[s.rank - 1] == 2 && (d == NARU_FLOAT || d == NARU_DOUBLE);
        if (!fits) return lower_raise(L, "RuntimeError", "Tensor must have a last dimension of size 2"), NULL;
        for (int i = 0; i + 1 < s.rank; i++) fits = fits && s.strides[i] % 2 == 0;
        if (!fits || s.strides[s.rank - 1] != 1) return as_complex(L, fresh(L, t), true);
        s.rank--;
        for (int i = 0; i < s.rank; i++) s.strides[i] /= 2;
        d = d == NARU_FLOAT ? NARU_COMPLEX64 : NARU_COMPLEX128;
    } else {
        if (!dtype_is_complex(d))
            return lower_raise(L, "RuntimeError", "view_as_real is only supported for complex tensors"), NULL;
        for (int i = 0; i < s.rank; i++) s.strides[i] *= 2;
        insert_dim(&s, s.rank, 2, 1);
        d = d == NARU_COMPLEX64 ? NARU_FLOAT : NARU_DOUBLE;
    }
    return lower_own(L, sten_view(t->t.storage, t->t.data, d, s.rank, s.dims, s.strides));
}

static sten *reshaped_copy(lower *L, sten *t, const view_step *v) {
    if (v->must_view) {
        lower_raise(L, "RuntimeError",
                    "view size is not compatible with input tensor's size and stride (at least one "
                    "dimension spans across two contiguous subspaces). Use .reshape(...) instead.");
        return NULL;
    }
    sten *copy = fresh(L, t);
    return copy ? L->sink->view(L, copy, v) : NULL;
}

static sten *too_many(lower *L) {
    lower_fail(L, NARU_OUT_OF_MEMORY, "a view of more elements than can be counted");
    return NULL;
}

static sten *eager_view(lower *L, sten *t, const view_step *v) {
    int64_t wanted[NARU_MAX_RANK], count;
    shape s = {.rank = t->t.rank};
    memcpy(s.dims, t->t.dims, (size_t)s.rank * sizeof *s.dims);
    memcpy(s.strides, t->t.strides, (size_t)s.rank * sizeof *s.strides);
    switch (v->kind) {
    case VIEW_SELECT:
        s.offset = v->a.i * s.strides[v->dim];
        drop_dim(&s, v->dim);
        break;
    case VIEW_SLICE:
        s.offset = v->a.i * s.strides[v->dim];
        s.dims[v->dim] = v->b.i > v->a.i ? (v->b.i - v->a.i - 1) / v->step + 1 : 0;
        s.strides[v->dim] = paced(s.strides[v->dim], v->step);
        break;
    case VIEW_PERMUTE: permute(&s, v); break;
    case VIEW_UNSQUEEZE: {
        int64_t stride = v->dim < s.rank ? s.dims[v->dim] * s.strides[v->dim] : 1;
        insert_dim(&s, v->dim, 1, stride);
        break;
    }
    case VIEW_SQUEEZE:
        for (int i = v->rank - 1; i >= 0; i--) drop_dim(&s, (int)v->dims[i]);
        break;
    case VIEW_EXPAND: expand(&s, v); break;
    case VIEW_RESHAPE:
        for (int i = 0; i < v->rank; i++) wanted[i] = v->sizes[i].i;
        if (!dims_count(v->rank, wanted, &count)) return too_many(L);
        if (!reshape(&s, v)) return reshaped_copy(L, t, v);
        break;
    case VIEW_DIAGONAL: diagonal(&s, v); break;
    case VIEW_UNFOLD:
        if (!unfold(L, &s, v)) return NULL;
        break;
    case VIEW_STRIDED:
        if (!strided(L, t, &s, v)) return NULL;
        break;
    case VIEW_AS_COMPLEX: return as_complex(L, t, true);
    case VIEW_AS_REAL: return as_complex(L, t, false);
    case VIEW_ALIAS: break;
    }
    if (!dims_count(s.rank, s.dims, &count)) return too_many(L);
    char *data = (char *)t->t.data + s.offset * naru_dtype_bits(t->t.dtype) / 8;
    sten *out = lower_own(L, sten_view(t->t.storage, data, t->t.dtype, s.rank, s.dims, s.strides));
    if (out) out->param = t->param;
    return out;
}

/* ---- writes ---- */
static void copy_rows(char *d, const char *s, int64_t n, int64_t ds, int64_t ss, size_t size) {
    if (ds == 1 && ss == 1) {
        memcpy(d, s, (size_t)n * size);
        return;
    }
    ds *= (int64_t)size, ss *= (int64_t)size;
    switch (size) { /* the compiler makes one move of each */
    case 1:
        for (int64_t i = 0; i < n; i++) d[i * ds] = s[i * ss];
        break;
    case 2:
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds, s + i * ss, 2);
        break;
    case 4:
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds, s + i * ss, 4);
        break;
    case 8:
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds, s + i * ss, 8);
        break;
    default:
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds, s + i * ss, size);
    }
}

static void copy_strided(naru_tensor *d, const naru_tensor *s) { /* same dims and type, no overlap */
    size_t size = (size_t)naru_dtype_bits(d->dtype) / 8;
    int64_t at[NARU_MAX_RANK] = {0}, rows = 1;
    int last = d->rank - 1;
    if (tensor_count(d) == 0) return;
    if (tensor_is_contiguous(d) && tensor_is_contiguous(s)) {
        memcpy(d->data, s->data, tensor_bytes(d));
        return;
    }
    for (int i = 0; i < last; i++) rows *= d->dims[i];
    char *dp = d->data;
    const char *sp = s->data;
    for (int64_t r = 0; r < rows; r++) {
        if (last >= 0) copy_rows(dp, sp, d->dims[last], d->strides[last], s->strides[last], size);
        else memcpy(dp, sp, size);
        for (int i = last - 1; i >= 0; i--) { /* next row */
            dp += d->strides[i] * (int64_t)size;
            sp += s->strides[i] * (int64_t)size;
            if (++at[i] < d->dims[i]) break;
            dp -= d->strides[i] * d->dims[i] * (int64_t)size;
            sp -= s->strides[i] * d->dims[i] * (int64_t)size;
            at[i] = 0;
        }
    }
}

void sten_copy(sten *to, const sten *from) {
    storage_written(to->t.storage);
    copy_strided(&to->t, &from->t);
}

static void eager_write(lower *L, sten *dst, sten *src) {
    for (int i = 0; i < dst->t.rank; i++)
        if (dst->t.dims[i] > 1 && dst->t.strides[i] == 0) {
            lower_raise(L, "RuntimeError",
                        "unsupported operation: more than one element of the written-to tensor refers "
                        "to a single memory location. Please clone() the tensor before performing the operation.");
            return;
        }
    if (src->t.storage == dst->t.storage) {
        bool same = src->t.data == dst->t.data &&
                    !memcmp(src->t.strides, dst->t.strides, (size_t)dst->t.rank * sizeof *dst->t.strides);
        if (same) return;
        if (!(src = fresh(L, src))) return;
    }
    storage_written(dst->t.storage);
    copy_strided(&dst->t, &src->t);
}

static void eager_set(lower *L, sten *dst, sten *src) {
    storage *old = dst->t.storage;
    dst->t.dtype = src->t.dtype;
    dst->t.rank = src->t.rank;
    memcpy(dst->t.dims, src->t.dims, sizeof dst->t.dims);
    memcpy(dst->t.strides, src->t.strides, sizeof dst->t.strides);
    dst->t.data = src->t.data;
    dst->t.storage = storage_ref(src->t.storage);
    storage_unref(old);
}

/* ---- constants and items ---- */
static sten *eager_constant(lower *L, naru_tensor *t) { return lower_own(L, sten_from(t)); }

static sv eager_item(lower *L, sten *t) {
    if (tensor_count(&t->t) != 1) {
        lower_raise(L, "RuntimeError", "a Tensor with %lld elements cannot be converted to Scalar",
                    (long long)tensor_count(&t->t));
        return sv_none();
    }
    if (t->q) {
        double v = dtype_get_f64(t->t.dtype, t->t.data, 0);
        return sv_float((v - (double)t->q->zero_point) * t->q->scale);
    }
    switch (t->t.dtype) {
    case NARU_BOOL: return sv_bool(*(bool *)t->t.data);
    case NARU_COMPLEX64: return sv_complex(((float *)t->t.data)[0], ((float *)t->t.data)[1]);
    case NARU_COMPLEX128: return sv_complex(((double *)t->t.data)[0], ((double *)t->t.data)[1]);
    default:
        return dtype_is_float(t->t.dtype) ? sv_float(dtype_get_f64(t->t.dtype, t->t.data, 0))
                                          : sv_int(dtype_get_i64(t->t.dtype, t->t.data, 0));
    }
}

const sink eager_sink = {
    .name = "eager",
    .op = eager_op,
    .view = eager_view,
    .write = eager_write,
    .set = eager_set,
    .constant = eager_constant,
    .item = eager_item,
    .call = region_call,
};
