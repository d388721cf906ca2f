/* SPDX-License-Identifier: MIT
 *
 * SplitMix64, uniform by the upper 53 bits, normal by Box and Muller.
 */
#include "ops/util_random.h"

#include "ops/util_choice.h"

#include <math.h>
#include <string.h>

uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t random_state(eval_ctx *c, int seed_attr) {
    if (node_has(c->node, seed_attr)) {
        const attr *a = &c->node->attrs[seed_attr];
        uint64_t s = (uint64_t)a->i;
        if (a->kind == ATTR_FLOAT) {
            uint32_t bits;
            memcpy(&bits, &a->f, 4);
            s = bits;
        }
        return s;
    }
    return random_bits(c->rng);
}

double random_uniform(uint64_t *state) { return (double)(random_bits(state) >> 11) * 0x1p-53; }

double random_normal(uint64_t *state) {
    double u = 1 - random_uniform(state), v = random_uniform(state);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

naru_status infer_random_shape(infer_ctx *c, int dtype_attr, int shape_attr) {
    int64_t n;
    const int64_t *d = node_ints(c->node, shape_attr, &n);
    if (n > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %lld exceeds %d", (long long)n, NARU_MAX_RANK);
    for (int64_t i = 0; i < n; i++)
        if (d[i] < 0) return op_fail(c, NARU_SHAPE, "shape[%lld] is %lld", (long long)i, (long long)d[i]);
    TRY(util_number_type(c, node_i(c->node, dtype_attr), false, "dtype"));
    out_tensor(c, 0, (naru_dtype)node_i(c->node, dtype_attr), (int)n, d);
    return NARU_OK;
}

naru_status infer_random_like(infer_ctx *c, int dtype_attr) {
    out_like(c, 0, 0);
    c->out[0].type.kind = TYPE_TENSOR;
    if (node_has(c->node, dtype_attr)) TRY(util_number_type(c, node_i(c->node, dtype_attr), true, "dtype"));
    else if (in_dtype(c, 0) != NARU_UNDEFINED) TRY(util_number_type(c, in_dtype(c, 0), true, "the input's type"));
    if (node_has(c->node, dtype_attr)) c->out[0].type.dtype = (naru_dtype)node_i(c->node, dtype_attr);
    return NARU_OK;
}
