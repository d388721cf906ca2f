/* SPDX-License-Identifier: MIT
 *
 * Tactics of each step: who accepts, how long they take, and what a lower precision costs in accuracy. A measurement
 * happens inside a run of the whole network in FP32: before a step runs, its other tactics are prepared and run on the
 * very data, into memory of their own.
 */
#include <math.h>
#include <stdio.h>

#include "builder/builder.h"
#include "builder/runs.h"
#include "engine/profile.h"

/* A tactic that experience does not prefer must be this much faster. */
static const double clear_gain = 0.85; /* for one profile only */
static const double close_call = 0.97;
enum { MOST_NS = 100000000, MOST_EVICT = 16 << 20 };

/* ---- candidates ---- */
static unsigned permitted(const build_options *o) {
    unsigned lower = 0;
    if (o->level >= 1 && (o->flags & BUILD_FP16)) lower |= 1u << TACTIC_FP16;
    if (o->level >= 1 && (o->flags & BUILD_BF16)) lower |= 1u << TACTIC_BF16;
    return lower;
}

/* What a layer may be lowered to where `asked` was asked for: nothing else, unless it is only preferred. */
static unsigned permitted_to(const build_options *o, int asked) {
    int want = precision_of_tactics(asked);
    if (want == TACTIC_F32) return 0;
    unsigned rest = want < 0 || o->constraints != NARU_CONSTRAINTS_OBEY ? permitted(o) : 0;
    return want < 0 ? rest : rest | 1u << want;
}

static const char *against(const tactic *x, size_t index, const tactic_query *q, const build_options *o, int asked) {
    if (o->off && index < o->noff && o->off[index]) return "switched off by the tactic sources";
    if (!tactic_is_allowed(x, q))
        return asked >= 0 ? "another precision was asked for" : "its precision is not permitted";
    return tactic_refuses(x, q);
}

/* Below level 3 what experience does not prefer is left out, where something is left. */
static void leave_out_slow(tuned *t) {
    int want = precision_of_tactics(t->asked);
    for (int p = 0; p < TACTIC_PRECISIONS; p++) {
        int first = -1, fast = 0;
        for (int i = 0; i < t->n; i++) {
            const candidate *c = &t->c[i];
            if (c->why_not || (int)c->tactic->precision != p) continue;
            if (!c->slow) fast++;
            else if (first < 0) first = i;
        }
        bool needed = !fast && (p == TACTIC_F32 || p == want);
        for (int i = 0; i < t->n; i++)
            if (!t->c[i].why_not && t->c[i].slow && (int)t->c[i].tactic->precision == p && !(needed && i == first))
                t->c[i].why_not = t->c[i].slow;
    }
}

naru_status tuned_ask(tuned *t, const tactic_query *q, const build_options *o, arena *a) {
    int n = 0;
    for (size_t i = 0; i < tactic_count(); i++) n += tactic_is_for(tactic_at(i), q->node);
    *t = (tuned){.c = arena_calloc(a, (size_t)n + 1, sizeof *t->c), .asked = precision_asked(o, q->node), .last = -1};
    if (!t->c) return NARU_OUT_OF_MEMORY;
    tactic_query mine = *q;
    mine.lower = permitted_to(o, t->asked);
    for (size_t i = 0; i < tactic_count(); i++) {
        const tactic *x = tactic_at(i);
        if (!tactic_is_for(x, q->node)) continue;
        candidate *c = &t->c[t->n++];
        *c = (candidate){.tactic = x, .why_not = against(x, i, &mine, o, t->asked), .ms = -1, .error = -1};
        if (!(c->at = arena_calloc(a, (size_t)o->nprofiles + 1, sizeof *c->at))) return NARU_OUT_OF_MEMORY;
        if (!c->why_not && x->slow && o->level > 0) c->slow = x->slow(&mine);
    }
    if (o->level < 3) leave_out_slow(t);
    return NARU_OK;
}

/* Experience: what is permitted of lower precision is faster, unless its tactic says otherwise. */
static int rank_of(const candidate *c) {
    bool lowered = c->tactic->precision != TACTIC_F32;
    return c->slow ? 2 + lowered : !lowered;
}

static int preferred(const tuned *t, int precision) {
    int best = -1;
    for (int i = 0; i < t->n; i++) {
        const candidate *c = &t->c[i];
        if (c->why_not || (precision >= 0 && (int)c->tactic->precision != precision)) continue;
        if (best < 0 || rank_of(c) < rank_of(&t->c[best])) best = i;
    }
    return best;
}

int tuned_high(const tuned *t) { return preferred(t, TACTIC_F32); }

bool tuned_may_lower(const tuned *t) {
    for (int i = 0; i < t->n; i++)
        if (!t->c[i].why_not && t->c[i].tactic->precision != TACTIC_F32) return true;
    return false;
}

int tuned_choice(const tuned *t) {
    int precision = precision_of_tactics(t->asked), first = preferred(t, precision);
    if (first < 0) first = preferred(t, precision = -1);
    if (first < 0 || t->c[first].ms < 0) return first;
    int best = first;
    double limit = t->c[first].ms * close_call;
    for (int i = 0; i < t->n; i++) {
        const candidate *c = &t->c[i];
        if (c->why_not || (precision >= 0 && (int)c->tactic->precision != precision) || c->ms < 0) continue;
        if (i != first && c->ms < limit) best = i, limit = c->ms;
    }
    return best;
}

int tuned_choice_at(const tuned *t, int index) {
    int common = tuned_choice(t), best = common;
    if (common < 0 || t->c[common].ms < 0) return common;
    double limit = t->c[common].at[index] * clear_gain;
    for (int i = 0; i < t->n; i++) {
        const candidate *c = &t->c[i];
        if (c->why_not || c->tactic->precision != t->c[common].tactic->precision || c->ms < 0) continue;
        if (i != common && c->at[index] < limit) best = i, limit = c->at[index];
    }
    return best;
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
    bool timing, errors; /* what this run measures */
    int mark;            /* of the run; a profile's number where it is below `profiles` */
    int profiles;
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
    (void)sink;
}

static void touch(const naru_tensor *t) {
    volatile char sink = 0;
    if (!t || !t->data || t->dtype == NARU_STRING) return;
    for (size_t i = 0, n = tensor_bytes(t); i < n; i += 64) sink ^= ((const char *)t->data)[i];
    (void)sink;
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

enum { MOST_OUT = 8 };
typedef struct outputs { /* like a step's, in memory of their own */
    naru_tensor *out[MOST_OUT], mem[MOST_OUT];
    int n;
} outputs;

static naru_status outputs_new(outputs *o, const run_ctx *from) {
    *o = (outputs){.n = from->step->nout};
    for (int i = 0; i < o->n; i++) {
        if (!from->out[i]) continue;
        o->mem[i] = *from->out[i];
        if (!(o->mem[i].data = mem_alloc(tensor_bytes(&o->mem[i]) + MEM_ALIGN))) return NARU_OUT_OF_MEMORY;
        o->out[i] = &o->mem[i];
    }
    return NARU_OK;
}

static void outputs_free(outputs *o) {
    for (int i = 0; i < o->n; i++)
        if (o->out[i]) mem_free(o->mem[i].data);
}

static double outputs_error(const outputs *got, const outputs *want) {
    double worst = 0;
    for (int i = 0; i < got->n; i++) {
        double e = got->out[i] ? tensor_error(got->out[i], want->out[i]) : 0;
        if (e > worst) worst = e;
    }
    return worst;
}

/* What is wanted of a tactic: its time, its error against `want`; where NULL, it is not measured. */
typedef struct wanted {
    double *ms, *error;
    const outputs *want;
} wanted;

/* *why_not tells, where the tactic cannot be had. */
static naru_status try_prepared(tuner *k, const run_ctx *r, const step *s, const wanted *w, const char **why_not) {
    outputs o;
    run_ctx x = {.step = s, .in = r->in, .out = o.out, .pool = r->pool, .err = k->err};
    run_ctx like = x;
    like.out = r->out;
    naru_status st = outputs_new(&o, &like);
    if (st == NARU_OK && s->tactic->workspace)
        x.workspace_size = s->tactic->workspace(s, r->in, (const naru_tensor *const *)o.out, pool_threads(r->pool));
    if (st == NARU_OK && k->o->workspace && x.workspace_size > k->o->workspace)
        *why_not = "wants more workspace than its pool has";
    else if (st == NARU_OK && (w->ms || w->error)) {
        if (x.workspace_size && !(x.workspace = mem_alloc(x.workspace_size))) st = NARU_OUT_OF_MEMORY;
        if (st == NARU_OK) st = s->tactic->run(&x); /* touches pages of workspace and weights, too */
        if (st == NARU_OK && w->error) *w->error = outputs_error(&o, w->want);
        if (st == NARU_OK && w->ms) st = time_runs(k, &x, w->ms);
    }
    outputs_free(&o);
    mem_free(x.workspace);
    return st;
}

static naru_status try_tactic(tuner *k, const run_ctx *r, candidate *c, const wanted *w) {
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
    if (st == NARU_OK) st = try_prepared(k, r, &s, w, &c->why_not);
    step_release(&s);
    for (size_t i = 0; i < t.weights.count; i++) mem_free(t.weights.data[i]);
    ARRAY_FREE(&t.weights);
    arena_free(t.c.arena);
    mem_free(in);
    mem_free(out);
    return st == NARU_OUT_OF_MEMORY ? err_oom(k->err) : st;
}

/* ---- every candidate of a step ---- */
typedef struct measuring {
    uint64_t key[2];
    str what;
    bool late;
    const outputs *want; /* FP32's; NULL: errors are not measured */
} measuring;

static naru_status measure(tuner *k, const run_ctx *r, candidate *c, const measuring *m) {
    timing_cache *cache = k->o->cache;
    bool cached = cache && !(k->o->flags & BUILD_NO_CACHE), compare = m->want && c->tactic->precision != TACTIC_F32;
    const char *what = str_text(&m->what);
    double ms = k->timing && cached && !k->o->workspace ? timing_find(cache, m->key, c->tactic->name) : -1, error = -1;
    if (k->timing && ms < 0 && (k->o->flags & BUILD_CACHE_ONLY) && k->o->level >= 2)
        return err_set(k->err, NARU_NOT_FOUND, "the timing cache has no time of %s for %s", c->tactic->name, what);
    bool look = k->timing && ms < 0 && !m->late;
    wanted w = {look && k->o->level >= 2 ? &ms : NULL, compare ? &error : NULL, m->want};
    naru_status st = look || compare ? try_tactic(k, r, c, &w) : NARU_OK;
    if (st != NARU_OK && st != NARU_OUT_OF_MEMORY && r->step->node->op->plugin) c->why_not = "failed when it was tried";
    else TRY(st);
    if (error > c->error) c->error = error;
    if (ms < 0) return NARU_OK;
    if (cached) TRY(timing_add(cache, m->key, c->tactic->name, what, &ms, k->err));
    c->ms = (c->ms < 0 ? 0 : c->ms) + ms;
    if (k->mark < k->profiles) c->at[k->mark] = ms;
    return NARU_OK;
}

static int ready(const tuned *t) {
    int n = 0;
    for (int i = 0; i < t->n; i++) n += !t->c[i].why_not;
    return n;
}

static bool interesting(const tuner *k, const tuned *t) {
    int n = ready(t);
    return (k->timing && (n > 1 || (n && k->o->workspace))) || (k->errors && tuned_may_lower(t));
}

/* The step's own tactic is an FP32 one. */
static naru_status run_high(const run_ctx *r, outputs *o) {
    TRY(outputs_new(o, r));
    run_ctx x = *r;
    x.out = o->out;
    return r->step->tactic->run(&x);
}

static naru_status measure_all(tuner *k, const run_ctx *r, tuned *t, measuring *m) {
    outputs high = {.n = 0};
    naru_status st = NARU_OK;
    if (k->errors && tuned_may_lower(t)) {
        st = run_high(r, &high);
        m->want = &high;
    }
    for (int i = 0; st == NARU_OK && i < t->n; i++)
        if (!t->c[i].why_not && (k->timing || t->c[i].tactic->precision != TACTIC_F32)) st = measure(k, r, &t->c[i], m);
    outputs_free(&high);
    return st;
}

static naru_status observe(void *user, context *c, const run_ctx *r) {
    tuner *k = user;
    int index = engine_step_index(k->e, r->step);
    tuned *t = index < 0 ? NULL : &k->steps[index];
    if (!t || t->last == k->mark || r->step->nout > MOST_OUT || !interesting(k, t)) return NARU_OK;
    t->last = k->mark;
    measuring m = {.late = k->deadline && profile_now() > k->deadline};
    naru_status st = timing_key(r, k->e->cpu, k->e->threads, m.key, &m.what);
    if (st == NARU_OK) st = measure_all(k, r, t, &m);
    for (int i = 0; m.late && i < t->n; i++) t->c[i].ms = -1; /* not of all profiles: experience decides */
    k->late += m.late && k->timing;
    str_free(&m.what);
    if (st == NARU_OUT_OF_MEMORY) err_oom(k->err);
    if (st != NARU_OK || !k->o->progress.step || !k->timing) return st;
    if (k->done < k->all) k->done++;
    k->cancelled = !k->o->progress.step(k->o->progress.user, "Timing tactics", k->done - 1);
    return k->cancelled ? err_set(k->err, NARU_CANCELLED, "the build was cancelled while tactics were timed") : NARU_OK;
}

/* ---- runs ---- */
static bool fatal(const tuner *k, naru_status st) {
    return st == NARU_OUT_OF_MEMORY || st == NARU_CANCELLED ||
           (st == NARU_NOT_FOUND && (k->o->flags & BUILD_CACHE_ONLY));
}

static naru_status tune_profiles(built *b, tuner *k, context *c, network_runs *runs, naru_error *err) {
    bool keep = k->errors && !k->o->samples && !runs->original, ran;
    for (int p = 0; p < b->profiles.n; p++) {
        naru_error mine = NARU_ERROR_INIT;
        k->err = &mine;
        k->mark = p;
        naru_status st = runs_run(runs, b, k->o, c, false, p, keep, &ran, &mine);
        if (st == NARU_OK) {
            runs->incomplete |= keep && !ran;
            continue;
        }
        runs->incomplete |= keep;
        if (fatal(k, st)) return err_set(err, st, "%s", mine.message);
        for (int i = 0; i < b->nlayers; i++) /* sums over some profiles only decide nothing */
            for (int j = 0; j < k->steps[i].n; j++)
                k->steps[i].c[j].ms = k->timing ? -1 : k->steps[i].c[j].ms, k->steps[i].c[j].error = -1;
        return report_add(k->o->report, NARU_SEVERITY_WARNING, "not-timed", "", "",
                          "profile %d could not be run on random data at OPT, tactics are chosen by experience: %s", p,
                          mine.message);
    }
    if (!k->late) return NARU_OK;
    return report_add(k->o->report, NARU_SEVERITY_NOTE, "out-of-time", "", "",
                      "the time limit was reached: %d measurements were left out, experience decides there", k->late);
}

static naru_status tune_samples(built *b, tuner *k, context *c, network_runs *runs, naru_error *err) {
    bool ran = true;
    k->err = err;
    for (int i = 0; i < RUN_BATCHES && ran; i++) {
        k->mark = b->profiles.n + i;
        naru_status st = runs_run(runs, b, k->o, c, true, i, !runs->original, &ran, err);
        if (st != NARU_OK) return err_context(err, st, "batch %d of the samples", i);
    }
    return NARU_OK;
}

/* Times and errors; `lower`: some step may be lowered. */
static naru_status tune_runs(built *b, tuner *k, bool lower, network_runs *runs, naru_error *err) {
    context *c;
    TRY(context_new(k->e, k->o->pool, &c, err));
    c->observe = observe;
    c->observer = k;
    const build_progress *p = &k->o->progress;
    if (p->start) p->start(p->user, "Timing tactics", "Building engine", k->all);
    k->timing = k->o->level >= 2 || k->o->workspace;
    k->errors = lower && !k->o->samples;
    naru_status st = k->timing || k->errors ? tune_profiles(b, k, c, runs, err) : NARU_OK;
    k->timing = false;
    k->errors = lower;
    if (st == NARU_OK && lower && k->o->samples) st = tune_samples(b, k, c, runs, err);
    if (p->finish) p->finish(p->user, "Timing tactics");
    context_free(c);
    return st;
}

/* ---- the limit ---- */
static const char *against_error(const candidate *c, double limit, arena *a) {
    char text[120];
    if (c->error > 0 && !isfinite(c->error)) return "gives values that are not finite where FP32's are";
    if (!limit || (c->error >= 0 && c->error <= limit)) return NULL;
    if (c->error < 0) return "its error could not be measured";
    snprintf(text, sizeof text, "its error of %.3g is above the limit of %.3g", c->error, limit);
    const char *kept = arena_strdup(a, text);
    return kept ? kept : "its error is above the limit";
}

static void limit_errors(built *b, tuned *steps, const build_options *o) {
    for (int i = 0; i < b->nlayers; i++)
        for (int j = 0; j < steps[i].n; j++) {
            candidate *c = &steps[i].c[j];
            if (!c->why_not && c->tactic->precision != TACTIC_F32) c->why_not = against_error(c, o->accuracy, b->arena);
        }
}

naru_status tune(built *b, const engine *e, tuned *steps, const build_options *o, network_runs *runs, naru_error *err) {
    tuner k = {.e = e, .o = o, .steps = steps, .profiles = o->nprofiles, .err = err};
    bool lower = false;
    for (int i = 0; i < b->nlayers; i++) {
        k.all += ready(&steps[i]) > 1;
        lower |= tuned_may_lower(&steps[i]);
    }
    k.all *= b->profiles.n;
    if (!k.all && !o->workspace && !lower) return NARU_OK;
    if (o->seconds > 0) k.deadline = runs->deadline = profile_now() + (int64_t)(o->seconds * 1e9);
    k.evict_size = (size_t)cpu_cache_l2() * 2;
    if (k.evict_size > MOST_EVICT) k.evict_size = MOST_EVICT;
    if (!(k.evict = mem_calloc(1, k.evict_size + 1))) return err_oom(err);
    naru_status st = tune_runs(b, &k, lower, runs, err);
    mem_free(k.evict);
    limit_errors(b, steps, o);
    return st;
}
