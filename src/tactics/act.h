/* SPDX-License-Identifier: MIT
 *
 * The activation that a fused node names: attributes `activation` (the operator's name) and `activation_params` (its
 * one or two numbers), as the epilogue of kernels/gemm takes it.
 */
#ifndef TACTICS_ACT_H
#define TACTICS_ACT_H

#include <math.h>
#include <string.h>

#include "kernels/gemm/gemm.h"
#include "tactics/util.h"

typedef struct act {
    k_act kind;
    float p, q;
} act;

static inline float act_param(const node *n, size_t i, float dflt) {
    const attr *a = node_attr(n, "activation_params");
    return a && a->kind == ATTR_FLOATS && i < a->count ? a->floats[i] : dflt;
}

/* No attribute: none. */
static inline act act_of(const node *n) {
    const char *name = attr_str(n, "activation", "");
    static const struct {
        const char *name;
        k_act kind;
        float p, q;
    } known[] = {{"Relu", K_ACT_CLIP, 0, INFINITY},    {"Clip", K_ACT_CLIP, -INFINITY, INFINITY},
                 {"LeakyRelu", K_ACT_LEAKY, 0.01f, 0}, {"Sigmoid", K_ACT_SIGMOID, 0, 0},
                 {"Tanh", K_ACT_TANH, 0, 0},           {"HardSigmoid", K_ACT_HARDSIGMOID, 0.2f, 0.5f},
                 {"HardSwish", K_ACT_HARDSWISH, 0, 0}, {"Swish", K_ACT_SILU, 0, 0},
                 {"Gelu", K_ACT_GELU, 0, 0},           {"GeluTanh", K_ACT_GELU_TANH, 0, 0}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        bool params = known[i].kind != K_ACT_CLIP || name[0] == 'C';
        return (act){known[i].kind, params ? act_param(n, 0, known[i].p) : known[i].p,
                     params ? act_param(n, 1, known[i].q) : known[i].q};
    }
    return (act){K_ACT_NONE, 0, 0};
}

#endif
