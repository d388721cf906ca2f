/* SPDX-License-Identifier: MIT
 *
 * Runs of the whole network during a build (runs.h).
 */
#include "builder/runs.h"

#include <math.h>

#include "builder/probe.h"
#include "engine/profile.h"
#include "tensor/dtype.h"

void runs_free(network_runs *r) {
    for (size_t i = 0; i < r->kept.count; i++) {
        for (int k = 0; k < r->nout; k++) value_unref(r->kept.data[i].out[k]);
        mem_free(r->kept.data[i].out);
    }
    ARRAY_FREE(&r->kept);
    *r = (network_runs){0};
}

/* ---- the error of a tensor ---- */
enum { ERROR_MOST = 1000000000 }; /* relative to nothing */

static double real_error(const naru_tensor *got, const naru_tensor *want) {
    double noise = 0, signal = 0;
    bool floats = want->dtype == NARU_FLOAT;
    for (int64_t i = 0, n = tensor_count(want); i < n; i++) {
        double g = floats ? (double)((const float *)got->data)[i] : dtype_get_f64(got->dtype, got->data, i);
        double w = floats ? (double)((const float *)want->data)[i] : dtype_get_f64(want->dtype, want->data, i);
        if (g == w || (isnan(g) && isnan(w))) {
            if (isfinite(w)) signal += w * w;
            continue;
        }
        if (!isfinite(g) || !isfinite(w)) return INFINITY;
        noise += (g - w) * (g - w);
        signal += w * w;
    }
    if (noise == 0) return 0;
    double e = sqrt(noise / signal); /* signal 0: infinite */
    return e < ERROR_MOST ? e : ERROR_MOST;
}

double tensor_error(const naru_tensor *got, const naru_tensor *want) {
    if (got->dtype != want->dtype || !tensor_same_dims(got, want)) return INFINITY;
    if (dtype_is_float(want->dtype)) return real_error(got, want);
    if (want->dtype == NARU_STRING) return 0;
    size_t each = (size_t)naru_dtype_bits(want->dtype) / 8;
    int64_t n = tensor_count(want), differ = 0;
    for (int64_t i = 0; i < n; i++)
        differ += each ? memcmp((const char *)got->data + (size_t)i * each, (const char *)want->data + (size_t)i * each,
                                each) != 0
                       : dtype_get_f64(got->dtype, got->data, i) != dtype_get_f64(want->dtype, want->data, i);
    return n ? (double)differ / (double)n : 0;
}

/* ---- inputs ---- */
static double draw(naru_dtype d, uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *state >> 33;
    bool real = d == NARU_FLOAT || d == NARU_DOUBLE || d == NARU_FLOAT16 || d == NARU_BFLOAT16;
    return real ? (double)bits * 0x1p-30 - 1 : (double)(bits & 1);
}

naru_status profile_sample(const profile_range *r, const type *d, uint64_t *state, naru_value **out, naru_error *err) {
    naru_tensor *t;
    TRY(tensor_new(d->dtype, r->rank, r->dims[BOUND_OPT], &t, err));
    int64_t n = tensor_count(t);
    bool valued = r->nvalues && r->nvalues == n;
    for (int64_t i = 0; i < n && d->dtype != NARU_STRING; i++)
        dtype_set_f64(d->dtype, t->data, i, valued ? (double)r->values[BOUND_OPT][i] : draw(d->dtype, state));
    naru_status st = value_new_tensor(t, out, err);
    tensor_unref(t);
    return st;
}

static naru_status random_inputs(const built *b, const build_options *o, const block *m, int index, naru_value **v,
                                 bool *there, naru_error *err) {
    uint64_t state = o->seed + 1;
    for (int i = 0; i < m->nin; i++) {
        const profile_range *r = &b->profiles.ranges[(size_t)index * (size_t)m->nin + (size_t)i];
        if (!r->open && m->in[i]->declared.dtype) TRY(profile_sample(r, &m->in[i]->declared, &state, &v[i], err));
        else *there &= m->in[i]->constant != NULL;
    }
    return NARU_OK;
}

static naru_status sample_inputs(const build_options *o, const block *m, int index, naru_value **v, bool *there,
                                 naru_error *err) {
    naru_status st = o->samples->batch(o->samples->user, (size_t)index, (size_t)m->nin, v, err);
    *there = st == NARU_OK;
    if (st == NARU_OK) st = probe_check_inputs(m, v, err);
    if (st == NARU_NOT_FOUND && index == 0) return err_set(err, NARU_NOT_FOUND, "the samples have no batch");
    return st == NARU_NOT_FOUND ? NARU_OK : st;
}

/* ---- runs ---- */
static void drop(naru_value **v, int n) {
    for (int i = 0; v && i < n; i++) value_unref(v[i]);
    mem_free(v);
}

/* ms: of the run alone; NULL */
static naru_status run_once(const built *b, const build_options *o, context *c, bool samples, int index, bool *ran,
                            naru_value **outs, double *ms, naru_error *err) {
    const block *m = c->engine->graph->main;
    naru_value **v = mem_calloc((size_t)m->nin + 1, sizeof *v);
    *ran = true;
    naru_status st = !v        ? err_oom(err)
                     : samples ? sample_inputs(o, m, index, v, ran, err)
                               : random_inputs(b, o, m, index, v, ran, err);
    int64_t begin = profile_now();
    if (st == NARU_OK && *ran) st = context_run(c, v, outs, o->seed, err);
    if (ms) *ms = (double)(profile_now() - begin) / 1e6;
    drop(v, v ? m->nin : 0);
    return st;
}

naru_status runs_run(network_runs *r, const built *b, const build_options *o, context *c, bool samples, int index,
                     bool keep, bool *ran, naru_error *err) {
    r->nout = c->engine->graph->main->nout;
    *ran = false;
    network_run n = {samples, index, mem_calloc((size_t)r->nout + 1, sizeof *n.out)};
    naru_status st = n.out ? run_once(b, o, c, samples, index, ran, n.out, NULL, err) : err_oom(err);
    if (st == NARU_OK && keep && *ran) {
        if (ARRAY_PUSH(&r->kept, n)) return NARU_OK;
        st = err_oom(err);
    }
    drop(n.out, r->nout);
    return st;
}

naru_status runs_time(const built *b, const build_options *o, context *c, int index, double *ms, naru_error *err) {
    int nout = c->engine->graph->main->nout;
    naru_value **outs = mem_calloc((size_t)nout + 1, sizeof *outs);
    bool ran = false;
    naru_status st = outs ? run_once(b, o, c, false, index, &ran, outs, ms, err) : err_oom(err);
    drop(outs, nout);
    if (st == NARU_OK && !ran) return err_set(err, NARU_NOT_FOUND, "an input has no shape to run with");
    return st;
}

naru_status runs_original(network_runs *r, const built *b, const build_options *o, const engine *e, naru_error *err) {
    context *c;
    TRY(context_new(e, o->pool, &c, err));
    naru_status st = NARU_OK;
    bool ran = true;
    r->original = true;
    for (int i = 0; st == NARU_OK && ran && i < (o->samples ? RUN_BATCHES : b->profiles.n); i++) {
        naru_error mine = NARU_ERROR_INIT;
        st = runs_run(r, b, o, c, o->samples != NULL, i, true, &ran, &mine);
        if (st != NARU_OK && st != NARU_OUT_OF_MEMORY && !o->samples) st = NARU_OK, ran = false;
        if (!ran && !o->samples) r->incomplete = true;
        if (st != NARU_OK) err_set(err, st, "%s", mine.message);
    }
    context_free(c);
    return st;
}

static double worst_output(naru_value *const *got, naru_value *const *want, int n) {
    double worst = 0;
    for (int i = 0; i < n; i++) {
        if (!want[i] || !got[i] || want[i]->kind != NARU_KIND_TENSOR) continue;
        double e = got[i]->kind == NARU_KIND_TENSOR ? tensor_error(got[i]->tensor, want[i]->tensor) : INFINITY;
        if (e > worst) worst = e;
    }
    return worst;
}

naru_status runs_compare(const network_runs *r, const built *b, const build_options *o, const engine *e, double *error,
                         naru_error *err) {
    context *c;
    *error = -1;
    if (r->incomplete || !r->kept.count) return NARU_OK;
    TRY(context_new(e, o->pool, &c, err));
    naru_status st = NARU_OK;
    for (size_t i = 0; st == NARU_OK && i < r->kept.count; i++) {
        const network_run *n = &r->kept.data[i];
        naru_value **got = mem_calloc((size_t)r->nout + 1, sizeof *got);
        bool ran;
        c->variant = n->samples ? 0 : built_variant(b, n->index);
        st = got ? run_once(b, o, c, n->samples, n->index, &ran, got, NULL, err) : err_oom(err);
        double x = st == NARU_OK ? worst_output(got, n->out, r->nout) : 0;
        if (x > *error) *error = x;
        drop(got, r->nout);
    }
    context_free(c);
    return st;
}
