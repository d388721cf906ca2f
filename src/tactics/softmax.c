/* SPDX-License-Identifier: MIT
 *
 * Softmax and LogSoftmax in FP32 along any axis (kernels/softmax): rows when the axis is the innermost, else columns.
 */
#include "kernels/softmax/softmax.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

typedef struct job {
    const k_softmax *k;
    float *y;
    const float *x;
    int64_t n, inner;
    bool log;
    float *workspace;
} job;

static void rows(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->rows(j->y + begin * j->n, j->n, j->x + begin * j->n, j->n, end - begin, j->n, j->log);
}

/* Columns [begin, end) of the flattened [outer, inner]. */
static void columns(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    float *ws = j->workspace + (int64_t)worker * 2 * K_SOFTMAX_COLUMNS;
    while (begin < end) {
        int64_t c = begin % j->inner, o = begin / j->inner * j->n * j->inner, n = i64_min(j->inner - c, end - begin);
        j->k->columns(j->y + o, j->x + o, j->n, j->inner, c, c + n, j->log, ws);
        begin += n;
    }
}

static const char *accepts(const tactic_query *q) { return q_dtype(q, 0) == NARU_FLOAT ? NULL : "takes float32"; }

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    return (size_t)threads * 2 * K_SOFTMAX_COLUMNS * sizeof(float);
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    if (tensor_count(x) == 0) return NARU_OK;
    const node *n = r->step->node;
    int axis = x->rank ? norm_axis(attr_int(n, "axis", -1), x->rank) : 0;
    job j = {.k = k_softmax_pick(r->step->cpu),
             .y = r->out[0]->data,
             .x = x->data,
             .n = x->rank ? x->dims[axis] : 1,
             .inner = dims_product(x->dims, axis + 1, x->rank),
             .log = n->op_type[0] == 'L',
             .workspace = r->workspace};
    int64_t outer = dims_product(x->dims, 0, axis);
    if (j.inner == 1) parallel_for(r->pool, outer, 1 + 8192 / j.n, rows, &j);
    else parallel_for(r->pool, outer * j.inner, 16 + 8192 / j.n, columns, &j);
    return NARU_OK;
}

const tactic tactic_softmax = {.name = "softmax",
                               .op = "Softmax",
                               .flags = TACTIC_INPLACE,
                               .accepts = accepts,
                               .workspace = workspace,
                               .run = run};
const tactic tactic_logsoftmax = {
    .name = "softmax", .op = "LogSoftmax", .accepts = accepts, .workspace = workspace, .run = run};
