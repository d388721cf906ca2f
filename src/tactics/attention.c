/* SPDX-License-Identifier: MIT
 *
 * Attention in FP32 (kernels/attention): each head's blocks of queries are independent pieces of work. Operands of rank
 * 3 (heads folded) are read in place by strides. A past goes before the keys and values into present_key and
 * present_value, or into the workspace where those are not wanted; a boolean or short mask becomes a whole additive one
 * there.
 */
#include "kernels/attention/attention.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, NONPAD };

static bool wants(const tactic_query *q, int o) { return o < q->node->nout && q->node->out[o]; }

static const char *accepts(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && i != MASK && i != NONPAD && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    if (q_given(q, MASK) && q_dtype(q, MASK) != NARU_FLOAT && q_dtype(q, MASK) != NARU_BOOL)
        return "mask is neither float32 nor bool";
    if (q_given(q, NONPAD)) return "nonpad_kv_seqlen is given";
    if (attr_float(q->node, "softcap", 0) > 0) return "softcap";
    if (attr_int(q->node, "left_window_size", -1) >= 0 || attr_int(q->node, "right_window_size", -1) >= 0)
        return "windows";
    if (wants(q, 3)) return "qk_matmul_output is wanted";
    return q_rank(q, Q) < 3 ? "rank of Q is unknown" : NULL;
}

/* What the shapes say; strides in floats between batches, heads and rows. */
typedef struct operand {
    int64_t batch, head, row;
} operand;
typedef struct shape {
    int64_t batch, qheads, kheads, queries, past, fresh, total, size, vsize;
    operand q, k, v, y;
    bool whole_mask;                  /* the mask must be rebuilt in the workspace */
    int64_t mask_floats, past_floats; /* of the workspace */
} shape;

/* pitch: from row to row of the last axis, which is a head's size or, folded, all heads'. */
static operand operand_of(bool folded, int64_t heads, int64_t length, int64_t size, int64_t pitch) {
    return folded ? (operand){length * pitch, size, pitch} : (operand){heads * length * pitch, length * pitch, pitch};
}

static shape shape_of(const step *s, const naru_tensor *const *in, const naru_tensor *const *out) {
    const naru_tensor *q = in[Q], *k = in[K], *v = in[V], *mask = s->nin > MASK ? in[MASK] : NULL;
    const naru_tensor *past = s->nin > PAST_KEY ? in[PAST_KEY] : NULL;
    bool folded = q->rank == 3;
    shape h = {.batch = q->dims[0]};
    h.qheads = folded ? attr_int(s->node, "q_num_heads", 1) : q->dims[1];
    h.kheads = folded ? attr_int(s->node, "kv_num_heads", 1) : k->dims[1];
    h.queries = q->dims[folded ? 1 : 2], h.fresh = k->dims[folded ? 1 : 2];
    h.size = folded ? q->dims[2] / h.qheads : q->dims[3], h.vsize = folded ? v->dims[2] / h.kheads : v->dims[3];
    h.past = past ? past->dims[2] : 0, h.total = h.past + h.fresh;
    h.q = operand_of(folded, h.qheads, h.queries, h.size, tensor_pitch(q));
    h.k = operand_of(folded, h.kheads, h.fresh, h.size, tensor_pitch(k));
    h.v = operand_of(folded, h.kheads, h.fresh, h.vsize, tensor_pitch(v));
    if (out[0]) h.y = operand_of(folded, h.qheads, h.queries, h.vsize, tensor_pitch(out[0]));
    if (mask) {
        h.whole_mask = mask->dtype == NARU_BOOL || mask->dims[mask->rank - 1] != h.total;
        if (h.whole_mask) h.mask_floats = dims_product(mask->dims, 0, mask->rank - 1) * h.total;
    }
    if (past && !(s->nout > 1 && out[1])) h.past_floats += h.batch * h.kheads * h.total * h.size;
    if (past && !(s->nout > 2 && out[2])) h.past_floats += h.batch * h.kheads * h.total * h.vsize;
    return h;
}

static size_t per_thread(const shape *h) {
    k_attention_args a = {.d = h->size, .dv = h->vsize};
    return align_up((size_t)k_attention_workspace(&a), 64);
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    shape h = shape_of(s, in, out);
    return per_thread(&h) * (size_t)threads + align_up((size_t)h.mask_floats * 4, 64) + (size_t)h.past_floats * 4;
}

/* ---- the past ---- */
typedef struct join_job {
    float *d;
    const float *past, *fresh;
    operand from;
    int64_t kheads, npast, nfresh, size;
} join_job;

/* Heads [begin, end) of the flattened [B, H]: past rows, then fresh ones. */
static void join(void *arg, int64_t begin, int64_t end, int worker) {
    const join_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        float *d = j->d + i * (j->npast + j->nfresh) * j->size;
        const float *s = j->fresh + i / j->kheads * j->from.batch + i % j->kheads * j->from.head;
        if (j->npast) memcpy(d, j->past + i * j->npast * j->size, (size_t)(j->npast * j->size) * 4);
        for (int64_t t = 0; t < j->nfresh; t++)
            memcpy(d + (j->npast + t) * j->size, s + t * j->from.row, (size_t)j->size * 4);
    }
}

/* K or V with the past before it: into output o, or *spare when that is not wanted but a past is. Else as given. */
static const float *joined(const run_ctx *r, const shape *h, int in, int past, int o, int64_t size, operand *at,
                           float **spare) {
    float *d = o < r->step->nout && r->out[o] ? r->out[o]->data : NULL;
    if (!d && h->past == 0) return r->in[in]->data;
    if (!d) d = *spare, *spare += h->batch * h->kheads * h->total * size;
    join_job j = {d, h->past ? r->in[past]->data : NULL, r->in[in]->data, *at, h->kheads, h->past, h->fresh, size};
    parallel_for(r->pool, h->batch * h->kheads, 1 + 16384 / (h->total * size + 1), join, &j);
    *at = operand_of(false, h->kheads, h->total, size, size);
    return d;
}

/* ---- the mask ---- */
typedef struct mask_view {
    const float *data;
    int64_t batch, head, row;
} mask_view;

static void rebuild(const naru_tensor *m, int64_t total, float *d) {
    int64_t have = m->dims[m->rank - 1], rows = dims_product(m->dims, 0, m->rank - 1), n = i64_min(have, total);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < n; k++)
            d[i * total + k] = m->dtype != NARU_BOOL                      ? ((const float *)m->data)[i * have + k]
                               : ((const uint8_t *)m->data)[i * have + k] ? 0.0f
                                                                          : -INFINITY;
        for (int64_t k = n; k < total; k++) d[i * total + k] = -INFINITY;
    }
}

static mask_view view_mask(const naru_tensor *m, const float *data, int64_t total) {
    mask_view v = {.data = data};
    int64_t stride = total, *to[3] = {&v.row, &v.head, &v.batch};
    for (int d = m->rank - 2, i = 0; d >= 0 && i < 3; d--, i++) {
        *to[i] = m->dims[d] == 1 ? 0 : stride;
        stride *= m->dims[d];
    }
    return v;
}

/* ---- running ---- */
typedef struct job {
    const k_attention *k;
    k_attention_args a; /* of the first head */
    shape h;
    mask_view mask;
    int64_t blocks; /* of queries in a head */
    char *workspace;
    size_t each;
} job;

static void heads(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    for (int64_t u = begin; u < end; u++) {
        int64_t part = u % j->blocks, qh = u / j->blocks % j->h.qheads, b = u / j->blocks / j->h.qheads;
        int64_t kh = qh / (j->h.qheads / j->h.kheads);
        k_attention_args a = j->a;
        a.q += b * j->h.q.batch + qh * j->h.q.head, a.o += b * j->h.y.batch + qh * j->h.y.head;
        a.k += b * j->h.k.batch + kh * j->h.k.head, a.v += b * j->h.v.batch + kh * j->h.v.head;
        if (a.mask) a.mask += b * j->mask.batch + qh * j->mask.head;
        j->k->run(&a, part * K_ATT_QUERIES, i64_min((part + 1) * K_ATT_QUERIES, a.sq),
                  j->workspace + j->each * (size_t)worker);
    }
}

static naru_status run(const run_ctx *r) {
    const node *n = r->step->node;
    job j = {.k = k_attention_pick(r->step->cpu), .h = shape_of(r->step, r->in, (const naru_tensor *const *)r->out)};
    shape *h = &j.h;
    j.each = per_thread(h), j.workspace = r->workspace;
    float *whole = (float *)(void *)(j.workspace + j.each * (size_t)pool_threads(r->pool));
    float *spare = (float *)(void *)((char *)whole + align_up((size_t)h->mask_floats * 4, 64));
    const float *k = joined(r, h, K, PAST_KEY, 1, h->size, &h->k, &spare);
    const float *v = joined(r, h, V, PAST_VALUE, 2, h->vsize, &h->v, &spare);
    if (!r->out[0] || tensor_count(r->out[0]) == 0) return NARU_OK;
    const naru_tensor *mask = r->step->nin > MASK ? r->in[MASK] : NULL;
    if (mask) {
        if (h->whole_mask) rebuild(mask, h->total, whole);
        j.mask = view_mask(mask, h->whole_mask ? whole : mask->data, h->total);
    }
    j.a = (k_attention_args){.o = r->out[0]->data,
                             .q = r->in[Q]->data,
                             .k = k,
                             .v = v,
                             .mask = j.mask.data,
                             .sq = h->queries,
                             .sk = h->total,
                             .d = h->size,
                             .dv = h->vsize,
                             .ldq = h->q.row,
                             .ldk = h->k.row,
                             .ldv = h->v.row,
                             .ldo = h->y.row,
                             .ldm = j.mask.row,
                             .causal = attr_int(n, "is_causal", 0) != 0,
                             .offset = h->past,
                             .scale = attr_float(n, "scale", 1.0f / sqrtf((float)h->size))};
    j.blocks = (h->queries + K_ATT_QUERIES - 1) / K_ATT_QUERIES;
    parallel_for(r->pool, h->batch * h->qheads * j.blocks, 1, heads, &j);
    return NARU_OK;
}

static bool pitched(const step *s, int i) { return i <= V; }

const tactic tactic_attention = {.name = "attention.fused",
                                 .op = "Attention",
                                 .accepts = accepts,
                                 .workspace = workspace,
                                 .run = run,
                                 .pitched = pitched};
