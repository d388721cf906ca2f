/* SPDX-License-Identifier: MIT
 *
 * QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear between FP32 and 8 bits (kernels/qgemm), per tensor or per
 * axis. The integer products are in qproduct.c.
 */
#include "kernels/qgemm/qgemm.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

typedef struct job {
    const k_qgemm *k;
    const naru_tensor *x, *y, *scale, *zero;
    int64_t axis, inner; /* scale of element i: i / inner % axis; axis = 1: one scale */
} job;

static bool is_byte(naru_dtype d) { return d == NARU_INT8 || d == NARU_UINT8; }

/* Elements [begin, end) in runs of one scale. */
static void convert(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    while (begin < end) {
        int64_t c = begin / j->inner % j->axis,
                n = j->axis == 1 ? end - begin : i64_min(end - begin, j->inner - begin % j->inner);
        float scale = ((const float *)j->scale->data)[c];
        int32_t zp = j->zero ? (int32_t)dtype_get_i64(j->zero->dtype, j->zero->data, c) : 0;
        if (j->x->dtype == NARU_FLOAT)
            j->k->quantize((char *)j->y->data + begin, (const float *)j->x->data + begin, n, scale, zp,
                           j->y->dtype == NARU_INT8);
        else
            j->k->dequantize((float *)j->y->data + begin, (const char *)j->x->data + begin, n, scale, zp,
                             j->x->dtype == NARU_INT8);
        begin += n;
    }
}

static const char *accepts(const tactic_query *q) {
    naru_dtype x = q_dtype(q, 0), y = q->out[0].type.dtype;
    if (!(x == NARU_FLOAT && is_byte(y)) && !(is_byte(x) && y == NARU_FLOAT)) return "takes float32 and 8-bit integers";
    if (q_dtype(q, 1) != NARU_FLOAT || q_rank(q, 1) > 1 || q_rank(q, 1) < 0)
        return "scale is not float32 of rank 0 or 1";
    return attr_int(q->node, "block_size", 0) ? "blocks" : NULL;
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    job j = {.k = k_qgemm_pick(r->step->cpu),
             .x = x,
             .y = r->out[0],
             .scale = r->in[1],
             .zero = r->step->nin > 2 ? r->in[2] : NULL,
             .axis = 1,
             .inner = 1};
    int64_t n = tensor_count(j.scale);
    if (n != 1) {
        int axis = norm_axis(attr_int(r->step->node, "axis", 1), x->rank);
        if (axis < 0 || axis >= x->rank || x->dims[axis] != n)
            return err_set(r->err, NARU_SHAPE, "%lld scales do not fit axis %d", (long long)n, axis);
        j.axis = n, j.inner = dims_product(x->dims, axis + 1, x->rank);
    }
    if (tensor_count(x)) parallel_for(r->pool, tensor_count(x), 32768, convert, &j);
    return NARU_OK;
}

/* ---- DynamicQuantizeLinear: the range always has 0 in it ---- */
static const char *accepts_dynamic(const tactic_query *q) {
    return q_dtype(q, 0) == NARU_FLOAT ? NULL : "takes float32";
}

static naru_status run_dynamic(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    const k_qgemm *k = k_qgemm_pick(r->step->cpu);
    float lo, hi;
    k->range(x->data, tensor_count(x), &lo, &hi);
    lo = lo < 0 ? lo : 0, hi = hi > 0 ? hi : 0;
    float scale = hi == lo ? 1.0f : (hi - lo) / 255.0f;
    float zero = rintf(-lo / scale);
    uint8_t zp = (uint8_t)(zero < 0 ? 0 : zero > 255 ? 255 : zero);
    if (r->out[1]) *(float *)r->out[1]->data = scale;
    if (r->out[2]) *(uint8_t *)r->out[2]->data = zp;
    naru_tensor scale_t = {.dtype = NARU_FLOAT, .data = &scale}, zero_t = {.dtype = NARU_UINT8, .data = &zp};
    job j = {.k = k, .x = x, .y = r->out[0], .scale = &scale_t, .zero = &zero_t, .axis = 1, .inner = 1};
    if (r->out[0] && tensor_count(x)) parallel_for(r->pool, tensor_count(x), 32768, convert, &j);
    return NARU_OK;
}

const tactic tactic_quantizelinear = {.name = "quantize", .op = "QuantizeLinear", .accepts = accepts, .run = run};
const tactic tactic_dequantizelinear = {.name = "quantize", .op = "DequantizeLinear", .accepts = accepts, .run = run};
const tactic tactic_dynamicquantizelinear = {
    .name = "quantize", .op = "DynamicQuantizeLinear", .accepts = accepts_dynamic, .run = run_dynamic};
