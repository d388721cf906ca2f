/* SPDX-License-Identifier: MIT
 *
 * String attributes that name one of a few choices. util_choice is for inference, which validates; choice_of is for
 * evaluation, which runs after it.
 */
#ifndef OPS_UTIL_CHOICE_H
#define OPS_UTIL_CHOICE_H

#include "ops/op.h"

#include "tensor/dtype.h"

/* Index of s in names (NULL ends them), or -1. */
static inline int choice_of(const char *s, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(s, names[i]) == 0) return i;
    return -1;
}

/* Attribute k's text, or its default. */
static inline const char *choice_text(const node *n, int k) {
    return node_has(n, k) ? n->attrs[k].s.data : n->op->attrs[k].s ? n->op->attrs[k].s : "";
}

/* The choice that attribute k of the node makes; an error names the attribute. */
static inline naru_status util_choice(infer_ctx *c, int k, const char *const *names, int *out) {
    *out = choice_of(choice_text(c->node, k), names);
    if (*out >= 0) return NARU_OK;
    return op_fail(c, NARU_BAD_MODEL, "attribute '%s' has no meaning '%.40s'", c->node->op->attrs[k].name,
                   choice_text(c->node, k));
}

/* Fails unless d, of the attribute named, is a type of real numbers, or bool where that may be. */
static inline naru_status util_number_type(infer_ctx *c, int64_t d, bool may_be_bool, const char *what) {
    if (d == NARU_BOOL && may_be_bool) return NARU_OK;
    if (d > 0 && d < NARU_DTYPES && (dtype_is_float((naru_dtype)d) || dtype_is_int((naru_dtype)d))) return NARU_OK;
    return op_fail(c, NARU_TYPE, "%s is %lld, no type of numbers", what, (long long)d);
}

/* Fails when a dim is known to differ from what it must be. */
static inline naru_status util_same_dim(infer_ctx *c, dim_t got, dim_t want, const char *what) {
    if (!dim_is_const(got) || !dim_is_const(want) || got == want) return NARU_OK;
    return op_fail(c, NARU_SHAPE, "%s is %lld, needs %lld", what, (long long)got, (long long)want);
}

/* Fails when input i has a known rank other than `rank`. */
static inline naru_status util_need_rank(infer_ctx *c, int i, int rank, const char *what) {
    int got = in_rank(c, i);
    return got < 0 || got == rank ? NARU_OK : op_fail(c, NARU_SHAPE, "%s has rank %d, needs %d", what, got, rank);
}

#endif
