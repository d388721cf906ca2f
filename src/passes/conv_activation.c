/* SPDX-License-Identifier: MIT
 *
 * conv_activation: an activation behind a product (Conv, MatMul; plain or fused) becomes its epilogue. Only float32,
 * only where the product has no other reader and no activation yet. After conv_bn, conv_add and the passes that
 * recognise activations (gelu, swish).
 */
#include <math.h>

#include "passes/fuse.h"

bool pass_conv_activation(rewriter *r, node *n);

typedef struct epilogue {
    const char *name;
    float params[2];
    int nparams;
} epilogue;

static float attr_f(const node *n, const char *name, float dflt) {
    const attr *a = node_attr(n, name);
    return a ? a->f : dflt;
}

static bool clip_bounds(const node *n, epilogue *e) {
    double lo = -INFINITY, hi = INFINITY;
    if (node_in(n, 1) && !value_scalar(n->in[1], &lo)) return false;
    if (node_in(n, 2) && !value_scalar(n->in[2], &hi)) return false;
    *e = (epilogue){"Clip", {(float)lo, (float)hi}, 2};
    return lo <= hi;
}

static bool read_activation(const node *n, epilogue *e) {
    static const char *const plain[] = {"Relu", "Sigmoid", "Tanh", "HardSwish"};
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (node_is(n, plain[i])) return *e = (epilogue){.name = plain[i]}, true;
    if (node_is(n, "Clip")) return clip_bounds(n, e);
    if (node_is(n, "LeakyRelu")) return *e = (epilogue){"LeakyRelu", {attr_f(n, "alpha", 0.01f)}, 1}, true;
    if (node_is(n, "HardSigmoid"))
        return *e = (epilogue){"HardSigmoid", {attr_f(n, "alpha", 0.2f), attr_f(n, "beta", 0.5f)}, 2}, true;
    if (node_is(n, "Swish") && attr_f(n, "alpha", 1) == 1) return *e = (epilogue){.name = "Swish"}, true;
    if (node_is(n, "Gelu")) {
        const attr *a = node_attr(n, "approximate");
        *e = (epilogue){.name = a && strcmp(a->s.data, "tanh") == 0 ? "GeluTanh" : "Gelu"};
        return true;
    }
    return false;
}

bool pass_conv_activation(rewriter *r, node *n) {
    epilogue e;
    node *p = n->nin ? fuse_product(r, n->in[0]) : NULL;
    if (!p || !fuse_is_plain(p) || !read_activation(n, &e)) return false;
    value *y = fuse_start(r, p);
    if (!y) return true; /* out of memory: reported when applied */
    rw_string(r, y, "activation", e.name);
    if (e.nparams) rw_floats(r, y, "activation_params", e.params, (size_t)e.nparams);
    return rw_replace(r, n->out[0], y);
}
