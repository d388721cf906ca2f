/* SPDX-License-Identifier: MIT
 *
 * Engines from plan files: the model is compiled again with the tactics that the plan names and the packed weights that
 * it holds, in place; where that does not fit this machine or this Naru, it is built anew from the model.
 */
#include "builder/plan_reader.h"

#include <stdio.h>

#include "builder/version.h"

/* ---- the engine ---- */
static const tactic *choose(void *user, const tactic_query *q, int index, int variant) {
    plan_reader *r = user;
    const char *name = index < r->nlayers ? r->tactics[index] : "";
    if (index < r->nlayers && r->others[index] && r->others[index][variant]) name = r->others[index][variant];
    if (index >= r->nlayers) r->misfit = true;
    if (!*name) return NULL;
    for (size_t i = 0; i < tactic_count(); i++) {
        const tactic *t = tactic_at(i);
        if (tactic_is_for(t, q->node) && strcmp(t->name, name) == 0 && !tactic_refuses(t, q)) return t;
    }
    r->misfit = true;
    return NULL;
}

static bool packed(void *user, size_t size, void **data) {
    plan_reader *r = user;
    bool fits = !r->misfit && r->next_weight < r->nweights && r->weight_bytes[r->next_weight] == size &&
                size <= r->weights.size - r->weight_at;
    if (!fits) {
        r->misfit = true;
        return false;
    }
    *data = (void *)(r->weights.data + r->weight_at);
    r->next_weight++;
    size_t room = align_up(size, MEM_ALIGN);
    r->weight_at = room > r->weights.size - r->weight_at ? r->weights.size : r->weight_at + room;
    return true;
}

static bool same_inputs(const plan_reader *r, const graph *g) {
    if (g->main->nin != r->ninputs) return false;
    for (int i = 0; i < r->ninputs; i++)
        if (strcmp(g->main->in[i]->name, r->input_names[i]) != 0) return false;
    return true;
}

static naru_status compile_plan(plan_reader *r, built *b, naru_error *err) {
    build_options o = *r->o;
    o.cpu = r->cpu;
    graph *g;
    TRY(build_graph(b, &o, &g, err));
    if (!same_inputs(r, g)) {
        r->misfit = true;
        graph_free(g);
        return err_set(err, NARU_BAD_FILE, "the profiles are not of this model");
    }
    compile_options co = {.cpu = r->cpu,
                          .variants = r->variants,
                          .threads = pool_threads(r->o->pool),
                          .pool = r->o->pool,
                          .zeroed = true,
                          .choose = choose,
                          .packed = packed,
                          .user = r};
    if (!r->weights.data) co.packed = NULL; /* stripped: pack again */
    TRY(engine_compile_with(g, &co, &b->engine, err));
    int steps = 0;
    for (int p = 0; p < b->engine->nprograms; p++) steps += b->engine->programs[p].nsteps;
    if (steps != r->nlayers || (r->weights.data && r->next_weight != r->nweights)) r->misfit = true;
    if (r->misfit) return err_set(err, NARU_BAD_FILE, "the tactics are not of this model");
    for (int i = 0; i < steps; i++) {
        r->layers[i].tactic = engine_step(b->engine, i)->tactic;
        b->layers[i] = r->layers[i];
    }
    return build_finish(b, &o, err);
}

static naru_status use_plan(plan_reader *r, model_bytes *m, built **out) {
    built *b = mem_calloc(1, sizeof *b);
    if (!b) return err_oom(r->err);
    *b = (built){.arena = r->arena,
                 .model = model_bytes_ref(m),
                 .profiles = {NULL, r->nprofiles, r->ninputs, r->ranges},
                 .layers = r->layers,
                 .nlayers = r->nlayers,
                 .level = r->level,
                 .flags = r->flags,
                 .threads = pool_threads(r->o->pool),
                 .structure = r->structure,
                 .version = r->version,
                 .plan_bytes = r->s->size,
                 .accuracy = r->accuracy,
                 .error = r->error,
                 .recipe = r->recipe,
                 .rules = r->rules,
                 .nrules = r->nrules,
                 .constraints = r->constraints};
    r->arena = NULL; /* now b's */
    naru_status st = built_carry(b, r->carried, r->ncarried, r->err);
    if (st == NARU_OK) st = compile_plan(r, b, r->err);
    if (st == NARU_OK) *out = b;
    else built_free(b);
    return st;
}

static const char *why_rebuild(const plan_reader *r, char buf[300]) {
    int version;
    const plan_plugin *p = plan_other_plugin(r, &version);
    if (!r->known_cpu) return "it was built for a CPU level that this Naru does not know";
    if (r->o->cpu != r->cpu && (r->s->cpu_asked || r->cpu > cpu_best()))
        snprintf(buf, 300, "it was built for CPU level %s, %s is in use", cpu_level_name(r->cpu),
                 cpu_level_name(r->o->cpu));
    else if (strcmp(r->kernels, NARU_KERNEL_VERSION) != 0)
        snprintf(buf, 300, "it was built by Naru %.60s with other kernels", r->version);
    else if (p)
        snprintf(buf, 300, "it was built with version %d of plugin %.100s::%.100s, %d is loaded", p->version, p->domain,
                 p->name, version);
    else return NULL;
    return buf;
}

/* ---- building anew ---- */
static naru_status add_profile(const plan_reader *r, int index, shape_profile *p) {
    for (int i = 0; i < r->ninputs; i++) {
        const profile_range *x = &r->ranges[(size_t)index * (size_t)r->ninputs + (size_t)i];
        for (int b = 0; b < BOUNDS && !x->open; b++) {
            TRY(shape_profile_dims(p, r->input_names[i], b, x->rank, x->dims[b], r->err));
            if (x->nvalues)
                TRY(shape_profile_values(p, r->input_names[i], b, (size_t)x->nvalues, x->values[b], r->err));
        }
    }
    return NARU_OK;
}

static naru_status rebuild(plan_reader *r, model_bytes *m, const char *why, built **out) {
    TRY(report_add(r->o->report, NARU_SEVERITY_NOTE, "plan-rebuilt", "", "build the plan anew to be rid of this",
                   "the plan does not fit: %s; the engine is built anew from the model %s, tactics by experience", why,
                   r->refitted ? "given" : "in it"));
    build_options o = *r->o;
    o.level = r->level ? 1 : 0;
    o.flags = r->flags | BUILD_ANEW;
    o.accuracy = r->accuracy;
    o.rules = r->rules;
    o.nrules = r->nrules;
    o.constraints = r->constraints; /* another CPU may lack what it must have here */
    if (o.constraints == NARU_CONSTRAINTS_OBEY) o.constraints = NARU_CONSTRAINTS_PREFER;
    o.nprofiles = r->nprofiles;
    o.report = NULL;
    o.libraries = r->carried;
    o.nlibraries = r->ncarried;
    shape_profile *p = mem_calloc((size_t)r->nprofiles, sizeof *p);
    naru_status st = p ? NARU_OK : err_oom(r->err);
    for (int i = 0; st == NARU_OK && i < r->nprofiles; i++) st = add_profile(r, i, &p[i]);
    o.profiles = p;
    if (st == NARU_OK) st = build(m, &o, out, r->err);
    for (int i = 0; p && i < r->nprofiles; i++) shape_profile_clear(&p[i]);
    mem_free(p);
    if (st == NARU_OK && r->recipe && !((*out)->recipe = int8_recipe_copy(r->recipe, (*out)->arena))) {
        built_free(*out);
        *out = NULL;
        st = err_oom(r->err);
    }
    if (st != NARU_OK) return st;
    (*out)->rebuilt = true;
    (*out)->plan_bytes = r->s->size;
    (*out)->level = r->level;
    (*out)->constraints = r->constraints;
    return NARU_OK;
}

/* Another model than the one that the plan was built from: the same with other weights, where it was built for that. */
static naru_status check_structure(plan_reader *r) {
    uint64_t hash;
    if (!plan_has_structure(r->flags))
        return err_set(r->err, NARU_MISMATCH, "the model is not the one that the plan was built from");
    TRY(refit_structure(r->s->model, r->o->read, &hash, r->err));
    r->refitted = true;
    if (hash == r->structure) return NARU_OK;
    return err_set(r->err, NARU_MISMATCH,
                   "the model is not the one that the plan was built from: more than its weights differs");
}

static naru_status find_model(plan_reader *r, model_bytes **out) {
    if (r->model.data) {
        *out = model_bytes_new(NULL, r->model.data, r->model.size, r->s->map);
        if (!*out) return err_oom(r->err);
        if ((*out)->hash == r->model_hash) return NARU_OK;
        model_bytes_unref(*out);
        return plan_damaged(r, 0, "the model is not the one it was built from");
    }
    if (!r->s->model)
        return err_set(r->err, NARU_NOT_FOUND,
                       "the plan was stripped of its weights; it wants the model it was built from");
    if (r->s->model->hash != (r->recipe ? r->recipe->hash : r->model_hash)) TRY(check_structure(r));
    if (!r->recipe) return *out = model_bytes_ref(r->s->model), NARU_OK;
    r->recipe->hash = r->s->model->hash;
    return int8_requantize(r->s->model, r->recipe, r->o, out, r->err);
}

static naru_status load(plan_reader *r, built **out) {
    char buf[300];
    model_bytes *m = NULL;
    TRY(plan_parse(r));
    TRY(plan_find_plugins(r));
    TRY(find_model(r, &m));
    const char *why = why_rebuild(r, buf);
    naru_status st = why ? NARU_OK : use_plan(r, m, out);
    bool misfit = !why && r->misfit && st != NARU_OK;
    if (misfit && r->refitted) {
        why = "the new weights make another graph of the model";
        st = plan_parse_again(r); /* the plan's own arena went with the engine that was not to be */
    } else if (misfit) st = plan_damaged(r, 0, "its tactics and weights are not those of its model");
    if (why && st == NARU_OK) st = rebuild(r, m, why, out);
    model_bytes_unref(m);
    return st;
}

naru_status plan_load(const plan_source *s, const build_options *o, built **out, naru_error *err) {
    *out = NULL;
    plan_reader r = {.s = s, .o = o, .err = err, .arena = arena_new()};
    naru_status st = r.arena ? load(&r, out) : err_oom(err);
    arena_free(r.arena);
    return st;
}
