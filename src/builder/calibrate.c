/* SPDX-License-Identifier: MIT
 *
 * Collecting ranges (calibrate.h): two sweeps of the float model over the samples.
 */
#include "builder/calibrate.h"

naru_status calib_put(calib_table *t, const char *name, calib_range r, naru_error *err) {
    struct strmap_entry *e = strmap_find(&t->index, name);
    if (e) {
        t->entries.data[e->num].range = r;
        return NARU_OK;
    }
    if (!t->arena && !(t->arena = arena_new())) return err_oom(err);
    char *copy = arena_strdup(t->arena, name);
    if (!copy || !ARRAY_PUSH(&t->entries, ((calib_entry){copy, r}))) return err_oom(err);
    if (!(e = strmap_put(&t->index, copy, NULL))) return err_oom(err);
    e->num = (int64_t)t->entries.count - 1;
    return NARU_OK;
}

const calib_range *calib_find(const calib_table *t, const char *name) {
    struct strmap_entry *e = strmap_find(&t->index, name);
    return e ? &t->entries.data[e->num].range : NULL;
}

void calib_free(calib_table *t) {
    arena_free(t->arena);
    strmap_free(&t->index);
    ARRAY_FREE(&t->entries);
    *t = (calib_table){0};
}

static calib_range settle(const histogram *h, const calib_options *o) {
    switch (o->calibrator) {
    case NARU_CALIBRATOR_MINMAX: return calib_minmax(h);
    case NARU_CALIBRATOR_PERCENTILE: return calib_percentile(h, o->percentile);
    case NARU_CALIBRATOR_MSE: return calib_mse(h, o->asymmetric);
    default: return calib_entropy(h);
    }
}

/* Masks of attention hold infinities, or the most negative float in their place: eight bits cannot hold them and
 * anything else. */
static bool has_range(const histogram *h) { return !h->infinite && histogram_amax(h) < CALIB_LARGEST; }

static naru_status sweep(probe *p, const sample_source *s, histogram *h, const char *const *names, size_t n,
                         void (*take)(histogram *, const float *, int64_t), naru_error *err) {
    for (size_t index = 0;; index++) {
        bool more;
        TRY(probe_run(p, s, index, &more, err));
        if (!more && !index) return err_set(err, NARU_INVALID_ARGUMENT, "there are no samples to calibrate with");
        if (!more) return NARU_OK;
        for (size_t i = 0; i < n; i++) {
            const naru_tensor *t = probe_value(p, i);
            if (!t || t->dtype != NARU_FLOAT)
                return err_set(err, NARU_TYPE, "'%s' is no float tensor: it has no range", names[i]);
            take(&h[i], t->data, tensor_count(t));
        }
    }
}

static naru_status collect(probe *p, const char *const *names, size_t n, const sample_source *s, histogram *h,
                           const calib_options *o, calib_table *out, naru_error *err) {
    for (size_t i = 0; i < n; i++) histogram_init(&h[i]);
    TRY(sweep(p, s, h, names, n, histogram_extend, err));
    if (o->calibrator != NARU_CALIBRATOR_MINMAX) {
        for (size_t i = 0; i < n; i++) histogram_settle(&h[i]);
        TRY(sweep(p, s, h, names, n, histogram_count, err));
    }
    for (size_t i = 0; i < n; i++)
        if (has_range(&h[i])) TRY(calib_put(out, names[i], settle(&h[i], o), err));
    out->calibrator = o->calibrator;
    return NARU_OK;
}

naru_status calib_collect(const graph_source *source, const char *const *names, size_t n, const sample_source *samples,
                          const calib_options *o, calib_table *out, naru_error *err) {
    graph *g;
    probe *p;
    TRY(source->read(source->user, &g, err));
    TRY(probe_new(g, names, n, o->threads, &p, err));
    histogram *h = mem_calloc(n + 1, sizeof *h);
    naru_status st = h ? collect(p, names, n, samples, h, o, out, err) : err_oom(err);
    mem_free(h);
    probe_free(p);
    return st;
}
