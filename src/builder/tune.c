/* SPDX-License-Identifier: MIT
 *
 * Tactics of each step: who accepts, and how long they take. A measurement happens inside a run of the whole network at
 * a profile's OPT: before a step runs, its other tactics are prepared and run on the very data, into memory of their
 * own.
 */
#include "builder/builder.h"
#include "engine/profile.h"
#include "tensor/dtype.h"

/* A tactic that experience does not prefer must be this much faster. */
static const double close_call = 0.97;
enum { MOST_NS = 100000000, MOST_EVICT = 16 << 20 };

/* ---- candidates ---- */
naru_status tuned_ask(tuned *t, const tactic_query *q, const build_options *o, arena *a) {
    int n = 0;
    for (size_t i = 0; i < tactic_count(); i++) n += tactic_is_for(tactic_at(i), q->node);
    *t = (tuned){.c = arena_calloc(a, (size_t)n + 1, sizeof *t->c), .preferred = -1, .last = -1};
    if (!t->c) return NARU_OUT_OF_MEMORY;
    int slow = -1;
    for (size_t i = 0; i < tactic_count(); i++) {
        const tactic *x = tactic_at(i);
        if (!tactic_is_for(x, q->node)) continue;
        candidate *c = &t->c[t->n];
        *c = (candidate){x, NULL, -1};
        if (o->off && i < o->noff && o->off[i]) c->why_not = "switched off by the tactic sources";
        else if (!tactic_is_allowed(x, q)) c->why_not = "its precision is not permitted";
        else c->why_not = tactic_refuses(x, q);
        const char *advice = c->why_not || !x->slow || o->level == 0 ? NULL : x->slow(q);
        if (advice && slow < 0) slow = t->n;
        if (advice && o->level < 3) c->why_not = advice;
        if (!c->why_not && !advice && t->preferred < 0) t->preferred = t->n;
        t->n++;
    }
    if (t->preferred < 0 && slow >= 0) {
        t->preferred = slow;
        t->c[slow].why_not = NULL;
    }
    return NARU_OK;
}

static int choice(const tuned *t) {
    int best = t->preferred;
    if (best < 0 || t->c[best].ms < 0 || t->c[best].why_not) {
        for (int i = 0; i < t->n; i++) /* the preferred one turned out not to fit */
            if (!t->c[i].why_not && (best < 0 || t->c[best].why_not)) best = i;
        if (best < 0 || t->c[best].why_not) return -1;
        if (t->c[best].ms < 0) return best;
    }
    double limit = t->c[best].ms * (best == t->preferred ? close_call : 1);
    for (int i = 0; i < t->n; i++)
        if (!t->c[i].why_not && t->c[i].ms >= 0 && i != best && t->c[i].ms < limit) best = i, limit = t->c[i].ms;
    return best;
}

const tactic *tuned_choice(const tuned *t) {
    int i = choice(t);
    return i < 0 ? NULL : t->c[i].tactic;
}

/* ---- one tactic on a step's data ---- */
typedef struct trial {
    prepare_ctx c; /* first: weights() gets back from it */
    ARRAY(void *) weights;
} trial;

static void *trial_weights(prepare_ctx *c, size_t n) {
    trial *t = (trial *)c;
    void *p = mem_alloc(n);
    if (p && ARRAY_PUSH(&t->weights, p)) return p;
    mem_free(p);
    return NULL;
}

typedef struct tuner {
    const engine *e;
    const build_options *o;
    tuned *steps;
    int profile;
    int64_t deadline; /* 0: none */
    char *evict;
    size_t evict_size;
    int done, all; /* measurements, for progress */
    bool cancelled;
    int late; /* steps that were not timed for want of time */
    naru_error *err;
} tuner;

static void sweep_cache(void *arg, int64_t begin, int64_t end, int worker) {
    const tuner *k = arg;
    volatile char sink = 0;
    for (int64_t w = begin; w < end; w++)
        for (size_t i = 0; i < k->evict_size; i += 64) sink ^= k->evict[i];
}

static void touch(const naru_tensor *t) {
    volatile char sink = 0;
    if (!t || !t->data || t->dtype == NARU_STRING) return;
    for (size_t i = 0, n = tensor_bytes(t); i < n; i += 64) sink ^= ((const char *)t->data)[i];
}

/* In a network the weights come from memory and the inputs from the step before. */
static void set_caches(tuner *k, const run_ctx *r) {
    parallel_for(k->o->pool, pool_threads(k->o->pool), 1, sweep_cache, k);
    for (int i = 0; i < r->step->nin; i++)
        if (r->in[i] && tensor_bytes(r->in[i]) < MOST_EVICT / 8) touch(r->in[i]);
}

static int runs_of(const build_options *o) { return o->runs ? o->runs : o->level >= 5 ? 16 : o->level == 4 ? 8 : 4; }

static naru_status time_runs(tuner *k, const run_ctx *r, double *ms) {
    int64_t best = INT64_MAX, spent = 0;
    TRY(r->step->tactic->run(r)); /* pages of workspace and weights */
    for (int i = 0; i < runs_of(k->o) && (i < 2 || spent < MOST_NS); i++) {
        set_caches(k, r);
        int64_t begin = profile_now();
        TRY(r->step->tactic->run(r));
        int64_t t = profile_now() - begin;
        spent += t;
        if (t < best) best = t;
    }
    *ms = (double)best / 1e6;
    return NARU_OK;
}

static naru_status own_outputs(const run_ctx *from, naru_tensor **out, naru_tensor *mem, void **data, int n) {
    for (int i = 0; i < n; i++) {
        out[i] = NULL;
        if (!from->out[i]) continue;
        mem[i] = *from->out[i];
        if (!(data[i] = mem_alloc(tensor_bytes(&mem[i]) + MEM_ALIGN))) return NARU_OUT_OF_MEMORY;
        mem[i].data = data[i];
        out[i] = &mem[i];
    }
    return NARU_OK;
}

/* ms stays negative and *why_not tells, where the tactic cannot be had. */
static naru_status try_prepared(tuner *k, const run_ctx *r, const step *s, double *ms, const char **why_not) {
    enum { MOST_OUT = 8 };
    naru_tensor *out[MOST_OUT], mem[MOST_OUT];
    void *data[MOST_OUT] = {0};
    if (s->nout > MOST_OUT) return NARU_OK;
    run_ctx x = {.step = s, .in = r->in, .out = out, .pool = r->pool, .err = k->err};
    naru_status st = own_outputs(r, out, mem, data, s->nout);
    if (st == NARU_OK && s->tactic->workspace)
        x.workspace_size = s->tactic->workspace(s, r->in, (const naru_tensor *const *)out, pool_threads(r->pool));
    if (st == NARU_OK && k->o->workspace && x.workspace_size > k->o->workspace)
        *why_not = "wants more workspace than its pool has";
    else if (st == NARU_OK && k->o->level >= 2) {
        if (x.workspace_size && !(x.workspace = mem_alloc(x.workspace_size))) st = NARU_OUT_OF_MEMORY;
        if (st == NARU_OK) st = time_runs(k, &x, ms);
    }
    for (int i = 0; i < s->nout; i++) mem_free(data[i]);
    mem_free(x.workspace);
    return st;
}

static naru_status try_tactic(tuner *k, const run_ctx *r, candidate *c, double *ms) {
    const node *n = r->step->node;
    trial t = {.c = {.q = {n, k->e->cpu, k->e->threads, n->nin, n->nout, NULL, NULL, k->e->graph->syms, 0, NULL},
                     .arena = arena_new(),
                     .weights = trial_weights,
                     .err = k->err,
                     .engine = NULL}};
    step s = *r->step;
    s.tactic = c->tactic;
    s.state = NULL;
    const fact **in = mem_calloc((size_t)n->nin + 1, sizeof *in);
    fact *out = mem_calloc((size_t)n->nout + 1, sizeof *out);
    naru_status st = t.c.arena && in && out ? NARU_OK : NARU_OUT_OF_MEMORY;
    for (int i = 0; st == NARU_OK && i < n->nin; i++) in[i] = n->in[i] ? &n->in[i]->fact : NULL;
    for (int i = 0; st == NARU_OK && i < n->nout; i++)
        if (n->out[i]) out[i] = n->out[i]->fact;
    t.c.q.in = in, t.c.q.out = out;
    if (st == NARU_OK && c->tactic->prepare) st = c->tactic->prepare(&t.c, &s);
    if (st == NARU_OK) st = try_prepared(k, r, &s, ms, &c->why_not);
    step_release(&s);
    for (size_t i = 0; i < t.weights.count; i++) mem_free(t.weights.data[i]);
    ARRAY_FREE(&t.weights);
    arena_free(t.c.arena);
    mem_free(in);
    mem_free(out);
    return st == NARU_OUT_OF_MEMORY ? err_oom(k->err) : st;
}

/* ---- every candidate of a step ---- */
static naru_status measure(tuner *k, const run_ctx *r, candidate *c, const uint64_t key[2], const char *what,
                           bool late) {
    timing_cache *cache = k->o->cache;
    bool cached = cache && !(k->o->flags & BUILD_NO_CACHE);
    double ms = cached && !k->o->workspace ? timing_find(cache, key, c->tactic->name) : -1;
    if (ms < 0 && (k->o->flags & BUILD_CACHE_ONLY) && k->o->level >= 2)
        return err_set(k->err, NARU_NOT_FOUND, "the timing cache has no time of %s for %s", c->tactic->name, what);
    if (ms < 0 && late) return NARU_OK;
    if (ms < 0) {
        naru_status st = try_tactic(k, r, c, &ms);
        if (st != NARU_OK && st != NARU_OUT_OF_MEMORY && r->step->node->op->plugin)
            c->why_not = "failed when it was tried";
        else TRY(st);
    }
    if (ms < 0) return NARU_OK;
    if (cached) TRY(timing_add(cache, key, c->tactic->name, what, &ms, k->err));
    c->ms = (c->ms < 0 ? 0 : c->ms) + ms;
    return NARU_OK;
}

static int ready(const tuned *t) {
    int n = 0;
    for (int i = 0; i < t->n; i++) n += !t->c[i].why_not;
    return n;
}

static naru_status observe(void *user, context *c, const run_ctx *r) {
    tuner *k = user;
    int index = engine_step_index(k->e, r->step);
    tuned *t = index < 0 ? NULL : &k->steps[index];
    if (!t || t->last == k->profile || (ready(t) < 2 && !(ready(t) && k->o->workspace))) return NARU_OK;
    t->last = k->profile;
    uint64_t key[2];
    str what = {0};
    naru_status st = timing_key(r, k->e->cpu, k->e->threads, key, &what);
    bool late = k->deadline && profile_now() > k->deadline;
    for (int i = 0; st == NARU_OK && i < t->n; i++)
        if (!t->c[i].why_not) st = measure(k, r, &t->c[i], key, str_text(&what), late);
    for (int i = 0; late && i < t->n; i++) t->c[i].ms = -1; /* not of all profiles: experience decides */
    k->late += late;
    str_free(&what);
    if (st == NARU_OUT_OF_MEMORY) err_oom(k->err);
    if (st != NARU_OK || !k->o->progress.step) return st;
    if (k->done < k->all) k->done++;
    k->cancelled = !k->o->progress.step(k->o->progress.user, "Timing tactics", k->done - 1);
    return k->cancelled ? err_set(k->err, NARU_CANCELLED, "the build was cancelled while tactics were timed") : NARU_OK;
}

/* ---- a run at OPT ---- */
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

static naru_status run_profile(built *b, tuner *k, context *c, naru_error *err) {
    const block *m = k->e->graph->main;
    naru_value **v = mem_calloc((size_t)m->nin + (size_t)m->nout + 2, sizeof *v), **outs = v + m->nin + 1;
    uint64_t state = k->o->seed + 1;
    naru_status st = v ? NARU_OK : err_oom(err);
    bool possible = true;
    for (int i = 0; st == NARU_OK && i < m->nin; i++) {
        const profile_range *r = &b->profiles.ranges[(size_t)k->profile * (size_t)m->nin + (size_t)i];
        if (!r->open && m->in[i]->declared.dtype) st = profile_sample(r, &m->in[i]->declared, &state, &v[i], err);
        else possible &= m->in[i]->constant != NULL;
    }
    if (st == NARU_OK && possible) st = context_run(c, v, outs, k->o->seed, err);
    for (int i = 0; v && i < m->nin; i++) value_unref(v[i]);
    for (int i = 0; v && i < m->nout; i++) value_unref(outs[i]);
    mem_free(v);
    return st;
}

static bool fatal(const tuner *k, naru_status st) {
    return st == NARU_OUT_OF_MEMORY || st == NARU_CANCELLED ||
           (st == NARU_NOT_FOUND && (k->o->flags & BUILD_CACHE_ONLY));
}

static naru_status tune_profiles(built *b, tuner *k, context *c, naru_error *err) {
    for (k->profile = 0; k->profile < b->profiles.n; k->profile++) {
        naru_error mine = NARU_ERROR_INIT;
        k->err = &mine;
        naru_status st = run_profile(b, k, c, &mine);
        if (st == NARU_OK) continue;
        if (fatal(k, st)) return err_set(err, st, "%s", mine.message);
        for (int i = 0; i < b->nlayers; i++) /* sums over some profiles only decide nothing */
            for (int j = 0; j < k->steps[i].n; j++) k->steps[i].c[j].ms = -1;
        return report_add(k->o->report, NARU_SEVERITY_WARNING, "not-timed", "", "",
                          "profile %d could not be run on random data at OPT, tactics are chosen by experience: %s",
                          k->profile, mine.message);
    }
    if (!k->late) return NARU_OK;
    return report_add(k->o->report, NARU_SEVERITY_NOTE, "out-of-time", "", "",
                      "the time limit was reached: %d measurements were left out, experience decides there", k->late);
}

naru_status tune(built *b, const engine *e, tuned *steps, const build_options *o, naru_error *err) {
    tuner k = {.e = e, .o = o, .steps = steps, .err = err};
    for (int i = 0; i < b->nlayers; i++) k.all += ready(&steps[i]) > 1;
    k.all *= b->profiles.n;
    if (!k.all && !o->workspace) return NARU_OK;
    if (o->seconds > 0) k.deadline = profile_now() + (int64_t)(o->seconds * 1e9);
    k.evict_size = (size_t)cpu_cache_l2() * 2;
    if (k.evict_size > MOST_EVICT) k.evict_size = MOST_EVICT;
    if (!(k.evict = mem_calloc(1, k.evict_size + 1))) return err_oom(err);
    context *c;
    naru_status st = context_new(e, o->pool, &c, err);
    if (st == NARU_OK) {
        c->observe = observe;
        c->observer = &k;
        if (o->progress.start) o->progress.start(o->progress.user, "Timing tactics", "Building engine", k.all);
        st = tune_profiles(b, &k, c, err);
        if (o->progress.finish) o->progress.finish(o->progress.user, "Timing tactics");
        context_free(c);
    }
    mem_free(k.evict);
    return st;
}
