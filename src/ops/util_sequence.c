/* SPDX-License-Identifier: MIT
 *
 * Positions in sequences, and what is known of their elements.
 */
#include "ops/util_sequence.h"

#include "tensor/dtype.h"

naru_status sequence_position(eval_ctx *c, const naru_tensor *t, int64_t n, int64_t max, int64_t *out) {
    if (!t || tensor_count(t) != 1) return eval_fail(c, NARU_SHAPE, "position must be a scalar");
    int64_t p = dtype_get_i64(t->dtype, t->data, 0);
    *out = p < 0 ? p + n : p;
    if (*out >= 0 && *out <= max) return NARU_OK;
    return eval_fail(c, NARU_INVALID_ARGUMENT, "position %lld is outside a sequence of %lld", (long long)p,
                     (long long)n);
}

const type *sequence_element(infer_ctx *c, const type *a, const type *b) {
    if (!a || !b || a->kind != TYPE_TENSOR || b->kind != TYPE_TENSOR || a->dtype != b->dtype) return NULL;
    type *t = arena_alloc(c->arena, sizeof *t);
    if (!t) return NULL;
    *t = (type){.kind = TYPE_TENSOR, .dtype = a->dtype};
    if (!a->has_rank || !b->has_rank || a->rank != b->rank) return t;
    t->has_rank = true;
    t->rank = a->rank;
    for (int i = 0; i < t->rank; i++) t->dims[i] = a->dims[i] == b->dims[i] ? a->dims[i] : DIM_UNKNOWN;
    return t;
}

void out_sequence(infer_ctx *c, int o, const type *elem) {
    c->out[o].type = (type){.kind = TYPE_SEQUENCE, .elem = elem};
}
