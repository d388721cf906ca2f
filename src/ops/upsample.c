/* SPDX-License-Identifier: MIT
 *
 * Upsample: Resize with asymmetric coordinates, rounded down; lifting replaces it by Resize. [ONNX Upsample-10,
 * deprecated]
 *
 * Shapes: out = floor(in scale). Types: any. Versions: 1 (width_scale, height_scale), 7 (attribute scales), 9 (input
 * scales), 10 (deprecated in favour of Resize).
 */
#include "ops/op.h"

static const attr_def attrs[] = {ATTR_S("mode", "nearest"), {0}};

/* Makes input 1 from a list of scales. */
static naru_status set_scales(lift_ctx *c, node *n, const float *scales, int64_t count) {
    naru_tensor *t;
    TRY(tensor_new(NARU_FLOAT, 1, &count, &t, c->err));
    memcpy(t->data, scales, (size_t)count * sizeof *scales);
    value *v = graph_constant_new(c->graph, c->block, NULL, t);
    tensor_unref(t);
    if (!v || !node_set_nin(n, 2)) return err_oom(c->err);
    n->in[1] = v;
    return NARU_OK;
}

/* The scales were attributes: a list, or before opset 7 two numbers for the axes 2 and 3. "bilinear" was the name of
 * linear. */
static naru_status up9(lift_ctx *c, node *n) {
    attr *list = node_attr(n, "scales"), *w = node_attr(n, "width_scale"), *h = node_attr(n, "height_scale"),
         *mode = node_attr(n, "mode");
    if (mode && mode->kind == ATTR_STRING && strcmp(mode->s.data, "bilinear") == 0) mode->s = (bytes){"linear", 6};
    if (list && list->kind == ATTR_FLOATS) {
        TRY(set_scales(c, n, list->floats, (int64_t)list->count));
        list->kind = ATTR_NONE;
        return NARU_OK;
    }
    if (!w || !h || w->kind != ATTR_FLOAT || h->kind != ATTR_FLOAT)
        return err_set(c->err, NARU_BAD_MODEL, "attribute 'scales' is missing");
    TRY(set_scales(c, n, (float[]){1, 1, h->f, w->f}, 4));
    w->kind = h->kind = ATTR_NONE;
    return NARU_OK;
}

/* From here on it is Resize-10. */
static naru_status up10(lift_ctx *c, node *n) {
    n->op_type = "Resize";
    return NARU_OK;
}

const op_desc op_Upsample = {
    .name = "Upsample",
    .versions = (const short[]){1, 7, 9, 10, 0},
    .deprecated = 10,
    .sig = "X:T, scales:float32 -> Y:T | T = all",
    .since = "T never small bfloat16",
    .attrs = attrs,
    .adapters = (const adapter[]){{9, up9}, {10, up10}, {0}},
};
