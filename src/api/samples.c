/* SPDX-License-Identifier: MIT
 *
 * naru_samples_*: calibration data from FILE.npz or a folder of .npy files, cut into batches.
 */
#include <dirent.h>

#include "api/network.h"
#include "api/model.h"
#include "base/str.h"
#include "naru/quantize.h"

enum { DEFAULT_BATCH = 32 };

typedef struct sample_set {
    naru_tensor **arrays; /* per input; NULL: it has a default */
    size_t nin;
    int64_t count, batch;
    bool whole; /* only full batches fit the model */
} sample_set;

static naru_status next_batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    const sample_set *s = user;
    if (nin != s->nin) return err_set(err, NARU_INVALID_ARGUMENT, "the samples are of another model");
    if (index >= (size_t)(s->count / s->batch) + (s->count % s->batch && !s->whole)) return NARU_NOT_FOUND;
    int64_t first = (int64_t)index * s->batch, n = i64_min(s->batch, s->count - first);
    for (size_t i = 0; i < nin; i++) {
        naru_tensor *t = s->arrays[i], *part;
        if (!t) continue;
        int64_t dims[NARU_MAX_RANK];
        memcpy(dims, t->dims, sizeof dims);
        dims[0] = n;
        size_t each = tensor_bytes(t) / (size_t)s->count;
        TRY(tensor_new_view(t->storage, (char *)t->data + (size_t)first * each, t->dtype, t->rank, dims, NULL, &part,
                            err));
        naru_status st = value_new_tensor(part, &in[i], err);
        tensor_unref(part);
        TRY(st);
    }
    return NARU_OK;
}

/* ---- finding the arrays ---- */
static bool is_required(const value *v) { return !v->is_initializer; }

static int required_inputs(const block *b) {
    int n = 0;
    for (int i = 0; i < b->nin; i++) n += is_required(b->in[i]);
    return n;
}

static naru_status missing(const char *path, const value *v, naru_error *err) {
    return err_set(err, NARU_NOT_FOUND, "%s: no array for input '%s'", path, v->name);
}

static naru_status from_npz(sample_set *s, const char *path, const block *b, naru_error *err) {
    naru_npz *z;
    TRY(naru_npz_open(path, &z, err));
    naru_status st = NARU_OK;
    bool only = required_inputs(b) == 1 && naru_npz_count(z) == 1;
    for (int i = 0; i < b->nin && st == NARU_OK; i++) {
        const char *key = only && is_required(b->in[i]) ? naru_npz_key(z, 0) : NULL;
        for (size_t k = 0; k < naru_npz_count(z); k++)
            if (strcmp(naru_npz_key(z, k), b->in[i]->name) == 0) key = naru_npz_key(z, k);
        if (key) st = naru_npz_read(z, key, &s->arrays[i], err);
        else if (is_required(b->in[i])) st = missing(path, b->in[i], err);
    }
    naru_npz_close(&z);
    return st;
}

/* The file of that input: NAME.npy, with what a file name cannot hold replaced. Empty: none. */
static void find_file(DIR *d, const char *path, const char *name, bool only, str *out) {
    str want = {0};
    str_addf(&want, "%s.npy", name);
    for (char *p = want.data; p && *p; p++)
        if (*p == '/') *p = '_';
    int files = 0;
    rewinddir(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!str_ends(e->d_name, ".npy")) continue;
        bool exact = strcmp(e->d_name, str_text(&want)) == 0;
        files++;
        if (!exact && !(only && files == 1)) continue;
        out->len = 0;
        str_addf(out, "%s/%s", path, e->d_name);
        if (exact) files = 1;
        if (exact) break;
    }
    if (files != 1) out->len = 0;
    out->failed |= want.failed;
    str_free(&want);
}

static naru_status from_folder(sample_set *s, DIR *d, const char *path, const block *b, naru_error *err) {
    bool only = required_inputs(b) == 1;
    for (int i = 0; i < b->nin; i++) {
        str file = {0};
        find_file(d, path, b->in[i]->name, only && is_required(b->in[i]), &file);
        naru_status st = file.failed             ? err_oom(err)
                         : file.len              ? naru_tensor_load(file.data, &s->arrays[i], err)
                         : is_required(b->in[i]) ? missing(path, b->in[i], err)
                                                 : NARU_OK;
        str_free(&file);
        TRY(st);
    }
    return NARU_OK;
}

/* ---- fitting them to the model ---- */
static naru_status fit_array(sample_set *s, size_t i, const value *v, naru_error *err) {
    naru_tensor *t = s->arrays[i], *cast;
    const type *d = &v->declared;
    if (d->dtype && t->dtype != d->dtype) {
        if (t->dtype == NARU_STRING || d->dtype == NARU_STRING)
            return err_set(err, NARU_TYPE, "input '%s' is %s, its array %s", v->name, naru_dtype_name(d->dtype),
                           naru_dtype_name(t->dtype));
        TRY(naru_tensor_cast(t, d->dtype, &cast, err));
    } else TRY(tensor_contiguous(t, &cast, err));
    tensor_unref(t);
    s->arrays[i] = t = cast;
    if (t->rank < 1 || (d->has_rank && d->rank != t->rank))
        return err_set(err, NARU_SHAPE, "input '%s' has %d dimensions, its array %d: the first counts samples", v->name,
                       d->rank, t->rank);
    if (s->count >= 0 && s->count != t->dims[0])
        return err_set(err, NARU_SHAPE, "the array of input '%s' has %lld samples, another has %lld", v->name,
                       (long long)t->dims[0], (long long)s->count);
    s->count = t->dims[0];
    if (!d->has_rank || !dim_is_const(d->dims[0])) return NARU_OK;
    s->batch = d->dims[0];
    s->whole = true;
    if (s->batch < 1 || s->count < s->batch)
        return err_set(err, NARU_SHAPE, "input '%s' takes %lld samples at once, its array has %lld", v->name,
                       (long long)s->batch, (long long)s->count);
    return NARU_OK;
}

static naru_status fill(sample_set *s, const char *path, const block *b, naru_error *err) {
    s->nin = (size_t)b->nin;
    if (!(s->arrays = mem_calloc(s->nin + 1, sizeof *s->arrays))) return err_oom(err);
    DIR *d = opendir(path);
    naru_status st = d ? from_folder(s, d, path, b, err) : from_npz(s, path, b, err);
    if (d) closedir(d);
    TRY(st);
    for (size_t i = 0; i < s->nin; i++) {
        if (!s->arrays[i]) continue;
        st = fit_array(s, i, b->in[i], err);
        if (st != NARU_OK) return err_context(err, st, "%s", path);
    }
    return s->count > 0 ? NARU_OK : err_set(err, NARU_INVALID_ARGUMENT, "%s: no samples", path);
}

static void free_set(sample_set *s) {
    for (size_t i = 0; s->arrays && i < s->nin; i++) tensor_unref(s->arrays[i]);
    mem_free(s->arrays);
    mem_free(s);
}

static naru_status open_block(const char *path, const block *b, int64_t batch, naru_samples *out, naru_error *err) {
    *out = (naru_samples){.size = sizeof *out};
    sample_set *s = mem_calloc(1, sizeof *s);
    if (!s) return err_oom(err);
    s->count = -1;
    s->batch = batch ? batch : DEFAULT_BATCH;
    naru_status st = fill(s, path, b, err);
    if (st != NARU_OK) return free_set(s), st;
    out->batch = next_batch;
    out->user = s;
    return NARU_OK;
}

naru_status naru_samples_open(const char *path, const naru_model *model, int64_t batch, naru_samples *out,
                              naru_error *err) {
    if (!path || !model || !out || batch < 0)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_samples_open: a required argument is NULL or negative");
    return open_block(path, model->graph->main, batch, out, err);
}

naru_status naru_samples_open_network(const char *path, const naru_network *network, int64_t batch, naru_samples *out,
                                      naru_error *err) {
    if (!path || !network || !out || batch < 0)
        return err_set(err, NARU_INVALID_ARGUMENT,
                       "naru_samples_open_network: a required argument is NULL or negative");
    return open_block(path, network->graph->main, batch, out, err);
}

int64_t naru_samples_count(const naru_samples *s) {
    return s && s->batch == next_batch ? ((const sample_set *)s->user)->count : 0;
}

void naru_samples_close(naru_samples *s) {
    if (!s || s->batch != next_batch) return;
    free_set(s->user);
    s->batch = NULL;
    s->user = NULL;
}
