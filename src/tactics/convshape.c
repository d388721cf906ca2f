/* SPDX-License-Identifier: MIT
 *
 * Sizes of convolutions from a node and its tensors' dims; copies between image layouts (kernels/copy).
 */
#include <string.h>

#include "kernels/copy/copy.h"
#include "tactics/conv.h"
#include "tactics/util.h"

static int64_t pad_before(const node *n, int axis, int64_t in, int64_t out, int64_t k, int64_t s, int64_t d) {
    const char *mode = attr_str(n, "auto_pad", "NOTSET");
    if (strcmp(mode, "NOTSET") == 0) return attr_int_at(n, "pads", (size_t)axis, 0);
    if (strcmp(mode, "VALID") == 0) return 0;
    int64_t total = i64_max((out - 1) * s + (k - 1) * d + 1 - in, 0);
    return strcmp(mode, "SAME_LOWER") == 0 ? (total + 1) / 2 : total / 2;
}

conv_shape conv_shape_of(const node *n, const int64_t *x, const int64_t *w, const int64_t *y, int rank, bool last) {
    conv_shape s = {.axes = rank - 2,
                    .last = last,
                    .n = x[0],
                    .c = x[last ? rank - 1 : 1],
                    .m = w[0],
                    .group = attr_int(n, "group", 1),
                    .in_pixels = 1,
                    .out_pixels = 1,
                    .taps = 1};
    k_conv_geom *v = &s.v;
    v->ld = s.c, v->channels = w[1];
    for (int d = 0; d < K_CONV_DIMS; d++) {
        int a = d - (K_CONV_DIMS - s.axes);
        v->in[d] = v->out[d] = v->kernel[d] = v->stride[d] = v->dilation[d] = 1, v->pad[d] = 0;
        if (a < 0) continue;
        v->in[d] = x[a + (last ? 1 : 2)], v->out[d] = y[a + (last ? 1 : 2)], v->kernel[d] = w[a + 2];
        v->stride[d] = attr_int_at(n, "strides", (size_t)a, 1),
        v->dilation[d] = attr_int_at(n, "dilations", (size_t)a, 1);
        v->pad[d] = pad_before(n, a, v->in[d], v->out[d], v->kernel[d], v->stride[d], v->dilation[d]);
        s.in_pixels *= v->in[d], s.out_pixels *= v->out[d], s.taps *= v->kernel[d];
    }
    return s;
}

image_layout layout_first(int64_t c, const int64_t *d) {
    return (image_layout){c * d[0] * d[1] * d[2], d[0] * d[1] * d[2], {d[1] * d[2], d[2], 1}};
}
image_layout layout_last(int64_t c, const int64_t *d) {
    return (image_layout){c * d[0] * d[1] * d[2], 1, {c * d[1] * d[2], c * d[2], c}};
}

typedef struct copy_job {
    const k_copy *k;
    k_copy_plan plan;
    float *d;
    const float *s;
} copy_job;

static void units(void *arg, int64_t begin, int64_t end, int worker) {
    const copy_job *j = arg;
    k_copy_run(j->k, &j->plan, j->d, j->s, begin, end);
}

void layout_copy(const run_ctx *r, float *dst, image_layout to, const float *src, image_layout from, int64_t n,
                 int64_t c, const int64_t *d) {
    copy_job j = {.k = k_copy_pick(r->step->cpu), .d = dst, .s = src};
    const int64_t dims[5] = {n, c, d[0], d[1], d[2]};
    const int64_t ds[5] = {to.image, to.channel, to.axis[0], to.axis[1], to.axis[2]};
    const int64_t ss[5] = {from.image, from.channel, from.axis[0], from.axis[1], from.axis[2]};
    k_copy_prepare(&j.plan, 5, dims, ds, ss, sizeof(float));
    if (j.plan.units) parallel_for(r->pool, j.plan.units, 2, units, &j);
}
