/* SPDX-License-Identifier: MIT
 *
 * A build from end to end: read, lift, check profiles, passes; compile once with the constants kept to time tactics,
 * where there is something to choose; compile with the choice.
 */
#include "builder/builder.h"

#include <stdio.h>

#include "base/hash.h"
#include "builder/duel.h"
#include "builder/int8.h"
#include "builder/refit.h"
#include "builder/runs.h"
#include "builder/version.h"
#include "passes/lift.h"
#include "passes/pass.h"
#include "ops/plugin.h"

/* ---- the model's bytes ---- */
model_bytes *model_bytes_new(str *owned, const void *data, size_t size, file_map *map) {
    model_bytes *m = mem_calloc(1, sizeof *m);
    if (!m) {
        if (owned) str_free(owned);
        return NULL;
    }
    *m = (model_bytes){.refs = 1, .data = data, .size = size, .map = map ? file_map_ref(map) : NULL};
    if (owned && owned->len) {
        m->owned = *owned;
        m->data = owned->data;
        m->size = owned->len;
        *owned = (str){0};
    }
    if (m->data) m->hash = hash_bytes(m->data, m->size, 0);
    return m;
}

model_bytes *model_bytes_ref(model_bytes *m) {
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void model_bytes_unref(model_bytes *m) {
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
    str_free(&m->owned);
    file_map_unref(m->map);
    mem_free(m);
}

/* ---- progress ---- */
static void phase(const build_options *o, const char *name, const char *parent, int steps) {
    if (o->progress.start) o->progress.start(o->progress.user, name, parent, steps);
}
static void phase_end(const build_options *o, const char *name) {
    if (o->progress.finish) o->progress.finish(o->progress.user, name);
}
static naru_status phase_step(const build_options *o, const char *name, int at, naru_error *err) {
    if (!o->progress.step || o->progress.step(o->progress.user, name, at)) return NARU_OK;
    return err_set(err, NARU_CANCELLED, "the build was cancelled in phase '%s'", name);
}

static const char whole[] = "Building engine", packing[] = "Packing weights";

/* ---- the graph ---- */
static bool list_plugins(block *in, void *user) {
    built *b = user;
    for (const node *n = in->first; n; n = n->next) {
        const plugin_op *op = n->op ? n->op->plugin : NULL;
        int i = 0;
        while (op && i < b->nplugins &&
               (strcmp(b->plugins[i].name, n->op_type) || strcmp(b->plugins[i].domain, n->domain)))
            i++;
        if (!op || i < b->nplugins) continue;
        plan_plugin *more = arena_alloc(b->arena, ((size_t)b->nplugins + 1) * sizeof *more);
        if (!more) return false;
        if (i) memcpy(more, b->plugins, (size_t)i * sizeof *more);
        more[b->nplugins++] = (plan_plugin){op->desc.domain, op->desc.name, op->library, op->p.version};
        b->plugins = more;
    }
    return true;
}

naru_status build_graph(built *b, const build_options *o, graph **out, naru_error *err) {
    model_bytes *m = b->model;
    graph *g;
    TRY(o->read(m->data, m->size, &g, err));
    if (m->map && !g->file) g->file = file_map_ref(m->map); /* pages of packed constants are given back */
    pass_options po = {.optimize = true, .cpu = (int)o->cpu};
    naru_status st = graph_lift(g, o->report, err);
    if (st == NARU_OK && !graph_each_block(g, false, list_plugins, b)) st = err_oom(err);
    if (st == NARU_OK) st = passes_run(g, &po, err);
    if (st == NARU_OK) *out = g;
    else graph_free(g);
    return st;
}

naru_status build_profiles(built *b, const graph *g, const build_options *o, naru_error *err) {
    int n = o->nprofiles ? o->nprofiles : 1, nin = g->main->nin;
    b->profiles = (profile_set){g, n, nin, arena_calloc(b->arena, (size_t)n * (size_t)nin + 1, sizeof(profile_range))};
    if (!b->profiles.ranges) return err_oom(err);
    for (int i = 0; i < n; i++)
        TRY(profile_settle(g, o->nprofiles ? &o->profiles[i] : NULL, o->nprofiles > 1 ? i : -1,
                           b->profiles.ranges + (size_t)i * (size_t)nin, err));
    return NARU_OK;
}

/* ---- compiling ---- */
typedef struct choosing {
    const build_options *o;
    built *b;
    tuned *steps;
    bool ask;  /* first time: candidates are not known yet */
    bool high; /* FP32 by experience, to measure the others beside it */
    int variants;
    bool failed;
    engine *experience; /* of the first compilation, while it is still to be compared; NULL */
} choosing;

static const tactic *choose(void *user, const tactic_query *q, int index, int variant) {
    choosing *k = user;
    tuned *t = &k->steps[index];
    if (k->ask && tuned_ask(t, q, k->o, k->b->arena) != NARU_OK) k->failed = true;
    int i = k->high ? tuned_high(t) : k->variants > 1 ? tuned_choice_at(t, variant) : tuned_choice(t);
    return i < 0 ? NULL : t->c[i].tactic;
}

/* A set of tactics for each profile, where one choice is not good for all. */
static int count_variants(const choosing *k) {
    const built *b = k->b;
    for (int p = 0; !k->high && !k->ask && k->o->nprofiles > 1 && p < b->profiles.n; p++)
        for (int i = 0; i < b->nlayers; i++)
            if (tuned_choice_at(&k->steps[i], p) != tuned_choice(&k->steps[i])) return b->profiles.n;
    return 1;
}

static bool packed_one(void *user, int done, int all) {
    choosing *k = user;
    return !k->o->progress.step || k->o->progress.step(k->o->progress.user, packing, done);
}

static naru_status compile(choosing *k, graph *g, bool keep, engine **out, naru_error *err) {
    k->variants = count_variants(k);
    compile_options co = {.cpu = k->o->cpu,
                          .variants = k->variants,
                          .threads = pool_threads(k->o->pool),
                          .pool = k->o->pool,
                          .keep_constants = keep,
                          .zeroed = true,
                          .choose = choose,
                          .progress = keep ? NULL : packed_one,
                          .user = k};
    naru_status st = engine_compile_with(g, &co, out, err);
    k->ask = false;
    if (st == NARU_OK && k->failed) {
        engine_free(*out);
        *out = NULL;
        return err_oom(err);
    }
    return st;
}

static bool count_nodes(block *b, void *user) {
    *(int *)user += b->nnodes;
    return true;
}

/* Whether something is to be measured: times, workspace, what a lower precision costs. */
static bool nothing_to_measure(block *b, void *user) {
    const build_options *o = user;
    bool lower = (o->level >= 1 && (o->flags & (BUILD_FP16 | BUILD_BF16))) || o->nrules;
    for (const node *n = b->first; n; n = n->next) {
        int tactics = 0, lowered = 0;
        for (size_t i = 0; i < tactic_count(); i++) {
            const tactic *t = tactic_at(i);
            tactics += tactic_is_for(t, n);
            lowered += tactic_is_for(t, n) && t->precision != TACTIC_F32;
        }
        if (lower && lowered) return false; /* ends the walk */
        if ((tactics > 1 && o->level >= 2) || (tactics && o->workspace)) return false;
    }
    return true;
}

static bool used_elsewhere(const built *b, const step *s, const tactic *t) {
    for (int v = 1; s->variants && v < b->engine->variants; v++)
        if (s->variants[v]->tactic == t) return true;
    return false;
}

static const char *reason(const built *b, const step *s, const tuned *t, const candidate *c, const layer *l) {
    if (c->why_not) return c->why_not;
    int want = precision_of_tactics(t->asked);
    if (used_elsewhere(b, s, c->tactic)) return "slower in profile 0, taken in another";
    if (want >= 0 && l->tactic && (int)l->tactic->precision == want && (int)c->tactic->precision != want)
        return "another precision was asked for";
    return c->ms >= 0 ? "slower" : c->slow ? c->slow : "not preferred";
}

static naru_status keep_notes(built *b, const tuned *steps, naru_error *err) {
    b->layers = arena_calloc(b->arena, (size_t)b->nlayers + 1, sizeof *b->layers);
    if (!b->layers) return err_oom(err);
    for (int i = 0; i < b->nlayers; i++) {
        const tuned *t = &steps[i];
        layer *l = &b->layers[i];
        const step *s = engine_step(b->engine, i);
        *l = (layer){.tactic = s->tactic, .ms = -1, .error = -1};
        l->rejected = arena_calloc(b->arena, (size_t)t->n + 1, sizeof *l->rejected);
        if (!l->rejected) return err_oom(err);
        for (int j = 0; j < t->n; j++) {
            const candidate *c = &t->c[j];
            if (c->tactic == l->tactic) l->ms = c->ms, l->error = c->error;
            else l->rejected[l->nrejected++] = (rejection){c->tactic->name, reason(b, s, t, c, l), c->ms, c->error};
        }
    }
    return NARU_OK;
}

/* ---- names ---- */
static const char *own_name(const node *n) {
    if (n->name && *n->name) return n->name;
    return n->nout && n->out[0] ? n->out[0]->name : n->op_type;
}

/* "conv1 + bn1 + relu1"; "reformat for conv1" of what a pass put in front of it */
static const char *layer_name(const node *n, arena *a) {
    const char *from = n->origin && *n->origin ? n->origin : own_name(n);
    str s = {0};
    if (n->origin && !*n->origin) str_add(&s, "reformat for ");
    for (const char *p = from; *p;) {
        size_t k = strcspn(p, "\n");
        if (p != from) str_add(&s, " + ");
        str_add_n(&s, p, k);
        p += k;
        p += *p == '\n';
    }
    const char *out = s.failed ? NULL : arena_strdup(a, str_text(&s));
    str_free(&s);
    return out;
}

/* ---- memory ---- */
/* Input i of a profile's MAX. Content is known where the profile bounds it. */
static void describe_max(const built *b, int index, int i, naru_tensor *t, int64_t *content) {
    const profile_range *r = &b->profiles.ranges[(size_t)index * (size_t)b->profiles.ninputs + (size_t)i];
    const type *d = &b->engine->graph->main->in[i]->declared;
    tensor_describe(t, d->dtype, r->rank, r->dims[BOUND_MAX]);
    if (!r->nvalues || r->nvalues != tensor_count(t)) return;
    for (int k = 0; k < r->nvalues; k++) {
        if (d->dtype == NARU_INT64) content[k] = r->values[BOUND_MAX][k];
        else ((int32_t *)(void *)content)[k] = (int32_t)r->values[BOUND_MAX][k];
    }
    t->data = content;
}

static naru_status measure_profile(built *b, context *c, int index, size_t *need, naru_error *err) {
    int n = b->profiles.ninputs;
    arena *a = arena_new();
    naru_tensor *t = a ? arena_calloc(a, (size_t)n + 1, sizeof *t) : NULL;
    const naru_tensor **in = t ? arena_calloc(a, (size_t)n + 1, sizeof *in) : NULL;
    int64_t *content = in ? arena_calloc(a, (size_t)n * PROFILE_VALUES_MAX + 1, sizeof *content) : NULL;
    naru_status st = content ? NARU_OK : err_oom(err);
    for (int i = 0; st == NARU_OK && i < n; i++) {
        const profile_range *r = &b->profiles.ranges[(size_t)index * (size_t)n + (size_t)i];
        if (r->open) continue;
        describe_max(b, index, i, &t[i], content + (size_t)i * PROFILE_VALUES_MAX);
        in[i] = &t[i];
    }
    naru_error ignored = NARU_ERROR_INIT;
    c->variant = built_variant(b, index);
    if (st == NARU_OK) {
        st = context_measure(c, in, need, &ignored);
        if (st == NARU_OUT_OF_MEMORY) err_oom(err);
        else st = NARU_OK; /* MAX of all inputs together need not make sense */
    }
    arena_free(a);
    return st;
}

naru_status build_finish(built *b, const build_options *o, naru_error *err) {
    b->profiles.graph = b->engine->graph;
    for (int i = 0; i < b->nlayers; i++)
        if (!(b->layers[i].name = layer_name(engine_step(b->engine, i)->node, b->arena))) return err_oom(err);
    context *c;
    TRY(context_new(b->engine, o->pool, &c, err));
    naru_status st = NARU_OK;
    for (int p = 0; st == NARU_OK && p < b->profiles.n; p++) {
        size_t need = 0;
        st = measure_profile(b, c, p, &need, err);
        if (need > b->workspace) b->workspace = need;
    }
    context_free(c);
    return st;
}

/* ---- the outputs' error ---- */
static bool is_lowered(const engine *e, int i) {
    const tactic *t = engine_step(e, i)->tactic;
    return t && t->precision != TACTIC_F32;
}

static bool any_lowered(const built *b) {
    for (int i = 0; i < b->nlayers; i++)
        if (is_lowered(b->engine, i)) return true;
    return false;
}

/* Puts the lowered layer of the largest error back to FP32. */
static bool raise_worst(choosing *k) {
    int worst = -1;
    double most = 0;
    for (int i = 0; i < k->b->nlayers; i++) {
        const tuned *t = &k->steps[i];
        int at = tuned_choice(t);
        if (at < 0 || t->c[at].tactic->precision == TACTIC_F32 || tuned_high(t) < 0) continue;
        bool must = k->o->constraints == NARU_CONSTRAINTS_OBEY && t->asked >= 0;
        if (!must && (worst < 0 || t->c[at].error > most)) worst = i, most = t->c[at].error;
    }
    if (worst < 0) return false;
    tuned *t = &k->steps[worst];
    for (int j = 0; j < t->n; j++)
        if (!t->c[j].why_not && t->c[j].tactic->precision != TACTIC_F32)
            t->c[j].why_not = "raised, for the outputs' error was above the limit";
    return true;
}

/* Errors add up: while the outputs' is above the limit, the worst layers go back to FP32, twice as many each time. */
static naru_status compile_within(choosing *k, graph *g, const network_runs *runs, naru_error *err) {
    built *b = k->b;
    const build_options *o = k->o;
    for (int some = 1;; some *= 2) {
        phase(o, packing, whole, b->nlayers);
        naru_status st = compile(k, g, false, &b->engine, err);
        phase_end(o, packing);
        TRY(st);
        b->error = -1;
        if (!any_lowered(b) && !runs->original) return NARU_OK;
        TRY(runs_compare(runs, b, o, b->engine, &b->error, err));
        if (!o->accuracy || (b->error >= 0 && b->error <= o->accuracy)) return NARU_OK;
        int raised = 0;
        while (raised < some && raise_worst(k)) raised++;
        if (!raised && !any_lowered(b)) return NARU_OK; /* what Q/DQ nodes cost; precision_tell warns */
        if (!raised)
            return err_set(err, NARU_MISMATCH,
                           "the outputs' error of %.3g is above the limit of %.3g, and every layer that is left in a "
                           "lower precision has to be",
                           b->error, o->accuracy);
        engine_free(b->engine);
        b->engine = NULL;
        TRY(build_graph(b, o, &g, err));
    }
}

/* ---- whole ---- */
static naru_status build_timed(built *b, choosing *k, graph **g, network_runs *runs, naru_error *err) {
    engine *trial;
    graph *mine = *g;
    *g = NULL;
    k->high = true;
    TRY(compile(k, mine, true, &trial, err));
    k->high = false;
    b->profiles.graph = trial->graph;
    naru_status st = tune(b, trial, k->steps, k->o, runs, err);
    if (st == NARU_OK) st = precision_check_layers(b, trial, k->steps, k->o, false, err);
    if (st == NARU_OK && duel_wanted(b, k->steps, k->o)) k->experience = trial;
    else engine_free(trial);
    return st == NARU_OK ? build_graph(b, k->o, g, err) : st;
}

/* What is built: with INT8, the network's Q/DQ form; *original: what it was before, NULL where it is the same. */
static naru_status choose_network(built *b, const build_options *o, model_bytes **original, naru_error *err) {
    model_bytes *m, *before = b->model;
    TRY(int8_network(before, o, b->arena, &b->recipe, &m, err));
    b->model = m;
    *original = m != before ? before : NULL;
    if (m == before) model_bytes_unref(before);
    return NARU_OK;
}

/* What the network gives in FP32, before it was quantized. */
static naru_status run_original(built *b, const build_options *o, model_bytes *original, network_runs *runs,
                                naru_error *err) {
    graph *g;
    engine *e;
    model_bytes *now = b->model;
    b->model = original;
    naru_status st = build_graph(b, o, &g, err);
    b->model = now;
    if (st == NARU_OK) st = engine_compile(g, o->cpu, o->pool, &e, err);
    if (st != NARU_OK) return st;
    st = runs_original(runs, b, o, e, err);
    engine_free(e);
    return st;
}

/* The network with the measured tactics has to be faster than with experience's, else those are taken. */
static naru_status compile_faster(choosing *k, graph *g, const network_runs *runs, naru_error *err) {
    built *b = k->b;
    bool lost = false;
    TRY(compile_within(k, g, runs, err));
    if (k->experience) TRY(duel(b, k->experience, k->steps, k->o, runs->deadline, &lost, err));
    if (!lost) return NARU_OK;
    engine_free(b->engine);
    b->engine = NULL;
    TRY(build_graph(b, k->o, &g, err));
    return compile_within(k, g, runs, err);
}

static naru_status build_chosen(built *b, choosing *k, graph *g, const network_runs *runs, bool timed,
                                naru_error *err) {
    TRY(compile_faster(k, g, runs, err));
    if (!timed) TRY(precision_check_layers(b, b->engine, k->steps, k->o, false, err));
    TRY(precision_check_layers(b, b->engine, k->steps, k->o, true, err));
    TRY(keep_notes(b, k->steps, err));
    TRY(build_finish(b, k->o, err));
    return precision_tell(b, k->steps, k->o) == NARU_OK ? NARU_OK : err_oom(err);
}

static naru_status build_engine(built *b, const build_options *o, naru_error *err) {
    graph *g = NULL;
    network_runs runs = {0};
    model_bytes *original = NULL;
    if (!(o->flags & BUILD_ANEW)) TRY(precision_check_names(b, o, err));
    TRY(choose_network(b, o, &original, err));
    naru_status st = build_graph(b, o, &g, err);
    if (st == NARU_OK) st = phase_step(o, whole, 0, err);
    if (st == NARU_OK) st = build_profiles(b, g, o, err);
    bool compare = o->accuracy > 0 || (o->level >= 1 && (o->flags & (BUILD_FP16 | BUILD_BF16)));
    if (st == NARU_OK && original && compare) st = run_original(b, o, original, &runs, err);
    model_bytes_unref(original);
    if (st == NARU_OK) graph_each_block(g, false, count_nodes, &b->nlayers);
    choosing k = {o, b, arena_calloc(b->arena, (size_t)b->nlayers + 1, sizeof(tuned)), true, false, 1, false, NULL};
    if (st == NARU_OK && !k.steps) st = err_oom(err);
    bool timed = st == NARU_OK && !graph_each_block(g, false, nothing_to_measure, (void *)o);
    if (st == NARU_OK && timed) st = build_timed(b, &k, &g, &runs, err);
    if (st == NARU_OK) st = phase_step(o, whole, 1, err);
    if (st == NARU_OK) st = build_chosen(b, &k, g, &runs, timed, err);
    else graph_free(g);
    engine_free(k.experience);
    runs_free(&runs);
    return st;
}

static naru_status keep_rules(built *b, const build_options *o, naru_error *err) {
    b->constraints = o->constraints;
    b->rules = arena_calloc(b->arena, (size_t)o->nrules + 1, sizeof *b->rules);
    for (int i = 0; b->rules && i < o->nrules; i++) {
        b->rules[i] = o->rules[i];
        if (!(b->rules[i].name = arena_strdup(b->arena, o->rules[i].name))) return err_oom(err);
        b->nrules++;
    }
    return b->rules ? NARU_OK : err_oom(err);
}

naru_status built_carry(built *b, const plan_library *libraries, int n, naru_error *err) {
    plan_library *l = arena_calloc(b->arena, (size_t)n + 1, sizeof *l);
    if (!l) return err_oom(err);
    for (int i = 0; i < n; i++) {
        uint8_t *data = arena_alloc(b->arena, libraries[i].size + 1);
        l[i] = (plan_library){arena_strdup(b->arena, libraries[i].name), data, libraries[i].size};
        if (!data || !l[i].name) return err_oom(err);
        memcpy(data, libraries[i].data, libraries[i].size);
    }
    b->libraries = l;
    b->nlibraries = n;
    return NARU_OK;
}

naru_status build(model_bytes *m, const build_options *o, built **out, naru_error *err) {
    *out = NULL;
    built *b = mem_calloc(1, sizeof *b);
    if (!b) return err_oom(err);
    *b = (built){.arena = arena_new(),
                 .model = model_bytes_ref(m),
                 .level = o->level,
                 .flags = o->flags & (BUILD_FP16 | BUILD_BF16 | BUILD_INT8 | BUILD_STRIP | BUILD_REFIT),
                 .threads = pool_threads(o->pool),
                 .version = NARU_VERSION,
                 .accuracy = o->accuracy,
                 .error = -1};
    naru_status st = b->arena ? keep_rules(b, o, err) : err_oom(err);
    if (st == NARU_OK) st = built_carry(b, o->libraries, o->nlibraries, err);
    if (st == NARU_OK && plan_has_structure(b->flags)) st = refit_structure(m, o->read, &b->structure, err);
    if (st == NARU_OK) {
        phase(o, whole, NULL, 3);
        st = build_engine(b, o, err);
        if (st == NARU_OK) st = phase_step(o, whole, 2, err);
        phase_end(o, whole);
    }
    if (st == NARU_OK) *out = b;
    else built_free(b);
    return st;
}

built *built_ref(built *b) {
    atomic_fetch_add(&b->others, 1);
    return b;
}

void built_free(built *b) {
    if (!b || atomic_fetch_sub(&b->others, 1) > 0) return;
    engine_free(b->engine);
    model_bytes_unref(b->model);
    arena_free(b->arena);
    mem_free(b);
}
