/* SPDX-License-Identifier: MIT
 *
 * NonMaxSuppression: per batch and class, boxes by falling score, each kept unless it overlaps a kept one by more than
 * iou_threshold. [ONNX NonMaxSuppression-11]
 *
 * Inputs: boxes [N, B, 4] (y1, x1, y2, x2 in any corner order, or with center_point_box x, y, width, height), scores
 * [N, C, B], max_output_boxes_per_class (absent or <= 0: nothing), iou_threshold (0), score_threshold (absent: no
 * filter; else a score must be greater). Output: selected_indices [K, 3] of (batch, class, box), ordered by batch,
 * class, falling score; equal scores by lower index. Types: float, int64. Versions: 10, 11. Edge cases: an empty box
 * overlaps nothing.
 */
#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { CENTER_POINT_BOX };
static const attr_def attrs[] = {ATTR_I("center_point_box", 0), {0}};

static naru_status infer(infer_ctx *c) {
    TRY(util_need_rank(c, 0, 3, "boxes"));
    TRY(util_need_rank(c, 1, 3, "scores"));
    if (in_rank(c, 0) == 3) TRY(util_same_dim(c, in_dim(c, 0, 2), 4, "the last dim of boxes"));
    if (in_rank(c, 0) == 3 && in_rank(c, 1) == 3) {
        TRY(util_same_dim(c, in_dim(c, 1, 0), in_dim(c, 0, 0), "the batch of scores"));
        TRY(util_same_dim(c, in_dim(c, 1, 2), in_dim(c, 0, 1), "the number of scores"));
    }
    out_tensor(c, 0, NARU_INT64, 2, (dim_t[]){DIM_UNKNOWN, 3});
    return NARU_OK;
}

typedef struct rect {
    float y0, x0, y1, x1;
} rect;

static float low(float a, float b) { return a < b ? a : b; }
static float high(float a, float b) { return a < b ? b : a; }

static rect read_rect(const float *b, bool center) {
    if (center) return (rect){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return (rect){low(b[0], b[2]), low(b[1], b[3]), high(b[0], b[2]), high(b[1], b[3])};
}

static bool overlap(const rect *a, const rect *b, float threshold) {
    float h = low(a->y1, b->y1) - high(a->y0, b->y0), w = low(a->x1, b->x1) - high(a->x0, b->x0);
    if (!(h > 0) || !(w > 0)) return false;
    float both = h * w, area_a = (a->y1 - a->y0) * (a->x1 - a->x0), area_b = (b->y1 - b->y0) * (b->x1 - b->x0);
    float all = area_a + area_b - both;
    return both > 0 && area_a > 0 && area_b > 0 && all > 0 && both / all > threshold;
}

typedef struct job {
    const float *boxes, *scores; /* of one batch and class */
    int64_t nboxes, limit;
    bool center, filtered;
    float iou, least;
    int64_t *order, *kept, *tmp;
} job;

/* Merge sort by falling score; equal scores keep their order. NaN counts as lowest. */
static bool not_after(const float *s, int64_t a, int64_t b) { return s[a] >= s[b] || s[b] != s[b]; }
static void merge_sort(const float *s, int64_t *v, int64_t *tmp, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t lo = 0; lo < n; lo += 2 * width) {
            int64_t mid = i64_min(lo + width, n), end = i64_min(lo + 2 * width, n), a = lo, b = mid;
            for (int64_t k = lo; k < end; k++)
                tmp[k] = a < mid && (b >= end || not_after(s, v[a], v[b])) ? v[a++] : v[b++];
        }
        memcpy(v, tmp, (size_t)n * sizeof *v);
    }
}

static int64_t select_boxes(job *j) {
    int64_t n = 0, kept = 0;
    for (int64_t i = 0; i < j->nboxes; i++)
        if (!j->filtered || j->scores[i] > j->least) j->order[n++] = i;
    merge_sort(j->scores, j->order, j->tmp, n);
    for (int64_t i = 0; i < n && kept < j->limit; i++) {
        rect box = read_rect(j->boxes + 4 * j->order[i], j->center);
        bool keep = true;
        for (int64_t k = 0; k < kept && keep; k++) {
            rect other = read_rect(j->boxes + 4 * j->kept[k], j->center);
            keep = !overlap(&box, &other, j->iou);
        }
        if (keep) j->kept[kept++] = j->order[i];
    }
    return kept;
}

static double scalar_or(const naru_tensor *t, double dflt) {
    return t && tensor_count(t) > 0 ? dtype_get_f64(t->dtype, t->data, 0) : dflt;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *boxes = eval_in(c, 0), *scores = eval_in(c, 1), *most = eval_in(c, 2), *least = eval_in(c, 4);
    int64_t batches = scores->dims[0], classes = scores->dims[1], nboxes = boxes->dims[1], total = 0;
    job j = {.nboxes = nboxes,
             .center = node_i(c->node, CENTER_POINT_BOX) == 1,
             .filtered = least && tensor_count(least) > 0};
    j.iou = (float)scalar_or(eval_in(c, 3), 0);
    j.least = (float)scalar_or(least, 0);
    j.limit = most && tensor_count(most) > 0 ? dtype_get_i64(most->dtype, most->data, 0) : 0;
    int64_t cap = batches * classes * i64_max(0, i64_min(j.limit, nboxes));
    int64_t *found = eval_scratch(c, (size_t)cap * 3 * sizeof *found),
            *space = eval_scratch(c, (size_t)nboxes * 3 * sizeof *space);
    if (!found || !space) return NARU_OUT_OF_MEMORY;
    j.order = space, j.kept = space + nboxes, j.tmp = space + 2 * nboxes;
    for (int64_t bc = 0; bc < batches * classes; bc++) {
        j.boxes = (const float *)boxes->data + bc / classes * nboxes * 4;
        j.scores = (const float *)scores->data + bc * nboxes;
        int64_t n = select_boxes(&j);
        for (int64_t i = 0; i < n; i++, total++) {
            found[total * 3] = bc / classes;
            found[total * 3 + 1] = bc % classes;
            found[total * 3 + 2] = j.kept[i];
        }
    }
    naru_tensor *out;
    TRY(eval_alloc(c, 0, NARU_INT64, 2, (int64_t[]){total, 3}, &out));
    if (out) memcpy(out->data, found, (size_t)total * 3 * sizeof *found);
    return NARU_OK;
}

const op_desc op_NonMaxSuppression = {
    .name = "NonMaxSuppression",
    .versions = (const short[]){10, 11, 0},
    .sig = "boxes:float32, scores:float32, max_output_boxes_per_class:int64?, iou_threshold:float32?, "
           "score_threshold:float32?"
           " -> selected_indices:int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
