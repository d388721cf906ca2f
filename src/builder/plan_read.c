/* SPDX-License-Identifier: MIT
 *
 * Reading plan files: every byte is checked before it is believed. The model is compiled again with the tactics that
 * the plan names and the packed weights that it holds, in place; where that does not fit this machine or this Naru, it
 * is built anew from the model.
 */
#include "builder/plan_file.h"

#include <stdio.h>

#include "base/hash.h"
#include "builder/int8.h"
#include "builder/refit.h"
#include "builder/version.h"
#include "ops/plugin.h"

enum { MAX_TEXT = 1 << 16, MAX_INPUTS = 1 << 16, MAX_LAYERS = 1 << 24 };

bool plan_begins(const void *data, size_t size) { return size >= 8 && memcmp(data, PLAN_MAGIC, 8) == 0; }

typedef struct part {
    const uint8_t *data; /* NULL: the plan has no such section */
    size_t size, at;
} part;

typedef struct plan_reader {
    const plan_source *s;
    const build_options *o;
    part index, model, weights, plugins, int8, libraries;
    naru_error *err;
    arena *arena;
    /* of the index */
    const char *version, *kernels;
    cpu_level cpu;
    bool known_cpu;
    int level, threads;
    unsigned flags;
    uint64_t workspace, model_hash, structure;
    double accuracy, error;
    naru_constraints constraints;
    layer_rule *rules;
    int nrules;
    int nprofiles, ninputs, nlayers;
    const char **input_names;
    profile_range *ranges;
    layer *layers;
    const char **tactics; /* by layer */
    const char ***others; /* by layer and set of tactics, where the sets differ; NULL entries: as the first */
    int variants;
    int8_recipe *recipe; /* NULL: the model is as it was given */
    plan_plugin *wanted;
    int nwanted;
    plan_library *carried; /* views the plan */
    int ncarried;
    uint64_t *weight_bytes;
    uint32_t nweights, next_weight;
    size_t weight_at;
    bool no_memory; /* a text could not be copied */
    bool misfit;    /* tactics or packed weights are not those of this Naru */
    bool refitted;  /* the model has other weights than the one that the plan was built from */
} plan_reader;

static naru_status damaged(plan_reader *r, size_t at, const char *what) {
    if (r->no_memory) return err_oom(r->err);
    return err_at(r->err, NARU_BAD_FILE, (int64_t)at, "the plan is damaged: %s", what);
}

/* ---- head and sections ---- */
static naru_status read_row(plan_reader *r, const uint8_t *row, size_t *end) {
    const uint8_t *data = r->s->data;
    uint64_t kind = plan_get(row, 4), at = plan_get(row + 8, 8), size = plan_get(row + 16, 8);
    part *p = kind == PLAN_INDEX       ? &r->index
              : kind == PLAN_MODEL     ? &r->model
              : kind == PLAN_WEIGHTS   ? &r->weights
              : kind == PLAN_PLUGINS   ? &r->plugins
              : kind == PLAN_INT8      ? &r->int8
              : kind == PLAN_LIBRARIES ? &r->libraries
                                       : NULL;
    if (!p || p->data || at != *end || size > r->s->size - at) return damaged(r, 0, "its sections are not in order");
    if (hash_bytes(data + at, size, 0) != plan_get(row + 24, 8))
        return damaged(r, at,
                       kind == PLAN_INDEX       ? "the index does not have its hash"
                       : kind == PLAN_MODEL     ? "the model does not have its hash"
                       : kind == PLAN_PLUGINS   ? "the list of plugins does not have its hash"
                       : kind == PLAN_INT8      ? "the ranges of INT8 do not have their hash"
                       : kind == PLAN_LIBRARIES ? "a plugin library in it does not have its hash"
                                                : "the packed weights do not have their hash");
    *p = (part){data + at, size, 0};
    *end = align_up(at + size, PLAN_PAGE);
    if (*end > r->s->size) return damaged(r, at, "a section ends outside the file");
    for (size_t i = at + size; i < *end; i++)
        if (data[i]) return damaged(r, i, "bytes between sections are not zero");
    return NARU_OK;
}

static naru_status read_head(plan_reader *r) {
    const uint8_t *data = r->s->data;
    uint8_t head[PLAN_PAGE];
    if (!plan_begins(data, r->s->size)) return err_set(r->err, NARU_BAD_FILE, "not a plan of Naru");
    if (r->s->size < PLAN_PAGE) return damaged(r, r->s->size, "it is cut short");
    uint64_t version = plan_get(data + 8, 4), n = plan_get(data + 12, 4);
    memcpy(head, data, PLAN_PAGE);
    memset(head + PLAN_HASH_AT, 0, 8);
    if (hash_bytes(head, PLAN_PAGE, 0) != plan_get(data + PLAN_HASH_AT, 8))
        return damaged(r, 0, "the head does not have its hash");
    if (version != PLAN_VERSION)
        return err_set(r->err, NARU_UNSUPPORTED, "the plan has format %llu, this Naru reads %d",
                       (unsigned long long)version, PLAN_VERSION);
    if (plan_get(data + 16, 8) != r->s->size)
        return damaged(r, 16, r->s->size < plan_get(data + 16, 8) ? "it is cut short" : "it goes on behind its end");
    if (n > PLAN_SECTIONS) return damaged(r, 12, "too many sections");
    size_t end = PLAN_PAGE;
    for (uint64_t i = 0; i < n; i++) TRY(read_row(r, data + PLAN_TABLE_AT + i * PLAN_ROW, &end));
    if (end != r->s->size || !r->index.data) return damaged(r, 0, "sections are missing");
    return NARU_OK;
}

/* ---- the index ---- */
static uint64_t get(plan_reader *r, int n) {
    part *p = &r->index;
    if (p->size - p->at < (size_t)n) {
        *p = (part){0}; /* seen by ok() */
        return 0;
    }
    uint64_t v = plan_get(p->data + p->at, n);
    p->at += (size_t)n;
    return v;
}

static bool ok(const plan_reader *r) { return r->index.data != NULL; }

static const char *get_text(plan_reader *r) {
    uint64_t n = get(r, 4);
    part *p = &r->index;
    if (!ok(r) || n > MAX_TEXT || n > p->size - p->at || memchr(p->data + p->at, 0, n)) {
        *p = (part){0};
        return "";
    }
    const char *t = arena_strndup(r->arena, (const char *)p->data + p->at, n);
    p->at += n;
    if (!t) {
        *p = (part){0};
        r->no_memory = true;
    }
    return t ? t : "";
}

static double get_ms(plan_reader *r) {
    uint64_t v = get(r, 8);
    return v == UINT64_MAX ? -1 : (double)v / 1e6;
}

/* False: no error at all. */
static bool get_error(plan_reader *r, double *e) {
    uint64_t v = get(r, 8);
    memcpy(e, &v, sizeof v);
    if (v == UINT64_MAX) *e = -1;
    return v == UINT64_MAX || *e >= 0;
}

/* A count of things that take at least `least` bytes each. */
static bool get_count(plan_reader *r, uint64_t max, size_t least, int *out) {
    uint64_t n = get(r, 4);
    *out = (int)n;
    return ok(r) && n <= max && n <= (r->index.size - r->index.at) / least + 1;
}

static bool get_rule(plan_reader *r, layer_rule *x) {
    x->name = get_text(r);
    x->precision = (int)get(r, 1) - 1;
    x->ntypes = (int)get(r, 1);
    if (!ok(r) || x->precision >= NARU_PRECISIONS || x->ntypes > RULE_TYPES) return false;
    for (int k = 0; k < x->ntypes; k++) x->types[k] = (naru_dtype)get(r, 1);
    return ok(r);
}

static naru_status get_rules(plan_reader *r) {
    bool sound = get_error(r, &r->accuracy) && get_error(r, &r->error) && r->accuracy >= 0;
    uint64_t mode = get(r, 1);
    if (!sound || mode > NARU_CONSTRAINTS_OBEY || !get_count(r, MAX_LAYERS, 6, &r->nrules))
        return damaged(r, 0, "its precisions make no sense");
    r->constraints = (naru_constraints)mode;
    if (!(r->rules = arena_calloc(r->arena, (size_t)r->nrules + 1, sizeof *r->rules))) return err_oom(r->err);
    for (int i = 0; i < r->nrules; i++)
        if (!get_rule(r, &r->rules[i])) return damaged(r, 0, "its precisions make no sense");
    return NARU_OK;
}

static bool get_range(plan_reader *r, profile_range *x) {
    *x = (profile_range){.open = get(r, 1) != 0, .rank = (int)get(r, 1), .nvalues = (int)get(r, 1)};
    if (!ok(r) || x->rank > NARU_MAX_RANK || x->nvalues > PROFILE_VALUES_MAX) return false;
    for (int b = 0; b < BOUNDS; b++) {
        for (int d = 0; d < x->rank; d++) x->dims[b][d] = (int64_t)get(r, 8);
        for (int v = 0; v < x->nvalues; v++) x->values[b][v] = (int64_t)get(r, 8);
    }
    for (int d = 0; d < x->rank; d++)
        if (x->dims[0][d] < 0 || x->dims[0][d] > x->dims[1][d] || x->dims[1][d] > x->dims[2][d]) return false;
    int64_t count;
    return ok(r) && dims_count(x->rank, x->dims[2], &count);
}

static naru_status get_profiles(plan_reader *r) {
    if (!get_count(r, PROFILES_MAX, 3, &r->nprofiles) || !get_count(r, MAX_INPUTS, 4, &r->ninputs) || !r->nprofiles)
        return damaged(r, 0, "its profiles make no sense");
    size_t n = (size_t)r->nprofiles * (size_t)r->ninputs;
    if (n > r->index.size - r->index.at) return damaged(r, 0, "its profiles make no sense");
    r->input_names = arena_calloc(r->arena, (size_t)r->ninputs + 1, sizeof *r->input_names);
    r->ranges = arena_calloc(r->arena, n + 1, sizeof *r->ranges);
    if (!r->input_names || !r->ranges) return err_oom(r->err);
    for (int i = 0; i < r->ninputs; i++) r->input_names[i] = get_text(r);
    for (size_t i = 0; i < n; i++)
        if (!get_range(r, &r->ranges[i])) return damaged(r, 0, "its profiles make no sense");
    return NARU_OK;
}

static naru_status get_layer(plan_reader *r, int i) {
    layer *l = &r->layers[i];
    r->tactics[i] = get_text(r);
    l->ms = get_ms(r);
    bool sound = get_error(r, &l->error);
    l->nrejected = (int)get(r, 2);
    if (!sound || !ok(r) || (size_t)l->nrejected > (r->index.size - r->index.at) / 24)
        return damaged(r, 0, "its layers make no sense");
    if (!(l->rejected = arena_calloc(r->arena, (size_t)l->nrejected + 1, sizeof *l->rejected))) return err_oom(r->err);
    for (int k = 0; k < l->nrejected; k++) {
        l->rejected[k].tactic = get_text(r);
        l->rejected[k].reason = get_text(r);
        l->rejected[k].ms = get_ms(r);
        if (!get_error(r, &l->rejected[k].error)) return damaged(r, 0, "its layers make no sense");
    }
    return ok(r) ? NARU_OK : damaged(r, 0, "its layers make no sense");
}

static naru_status get_variants(plan_reader *r) {
    if (!r->variants) r->variants = r->nprofiles;
    if (!(r->others = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->others))) return err_oom(r->err);
    for (int v = 1; v < r->variants; v++) {
        int n;
        if (!get_count(r, (uint64_t)r->nlayers, 8, &n)) return damaged(r, 0, "its tactics make no sense");
        for (int k = 0; k < n; k++) {
            uint64_t i = get(r, 4);
            const char *name = get_text(r);
            if (!ok(r) || i >= (uint64_t)r->nlayers) return damaged(r, 0, "its tactics make no sense");
            const char ***at = &r->others[i];
            if (!*at && !(*at = arena_calloc(r->arena, (size_t)r->variants, sizeof **at))) return err_oom(r->err);
            (*at)[v] = name;
        }
    }
    return NARU_OK;
}

static naru_status get_layers(plan_reader *r) {
    if (!get_count(r, MAX_LAYERS, 22, &r->nlayers)) return damaged(r, 0, "its layers make no sense");
    r->layers = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->layers);
    r->tactics = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->tactics);
    if (!r->layers || !r->tactics) return err_oom(r->err);
    for (int i = 0; i < r->nlayers; i++) TRY(get_layer(r, i));
    TRY(get_variants(r));
    int n;
    if (!get_count(r, MAX_LAYERS, 8, &n)) return damaged(r, 0, "its weights make no sense");
    r->nweights = (uint32_t)n;
    if (!(r->weight_bytes = arena_calloc(r->arena, (size_t)n + 1, sizeof *r->weight_bytes))) return err_oom(r->err);
    for (int i = 0; i < n; i++) r->weight_bytes[i] = get(r, 8);
    return ok(r) && r->index.at == r->index.size ? NARU_OK : damaged(r, 0, "its weights make no sense");
}

static naru_status read_index(plan_reader *r) {
    r->version = get_text(r);
    r->kernels = get_text(r);
    r->known_cpu = cpu_level_parse(get_text(r), &r->cpu);
    r->level = (int)get(r, 4);
    r->flags = (unsigned)get(r, 4);
    r->variants = r->flags & BUILD_VARIANTS ? 0 : 1; /* 0: as many as profiles */
    r->flags &= ~(unsigned)BUILD_VARIANTS;
    r->threads = (int)get(r, 4);
    r->workspace = get(r, 8);
    r->model_hash = get(r, 8);
    if (plan_has_structure(r->flags)) r->structure = get(r, 8);
    if (!ok(r) || r->level < 0 || r->level > 5) return damaged(r, 0, "its index makes no sense");
    TRY(get_rules(r));
    TRY(get_profiles(r));
    return get_layers(r);
}

/* ---- INT8 ---- */
static bool get_bound(plan_reader *r, double *v) {
    uint64_t bits = get(r, 8);
    memcpy(v, &bits, sizeof bits);
    return ok(r) && *v >= -CALIB_LARGEST && *v <= CALIB_LARGEST;
}

static naru_status get_recipe(plan_reader *r) {
    int8_recipe *x = arena_calloc(r->arena, 1, sizeof *x);
    if (!x) return err_oom(r->err);
    x->hash = get(r, 8);
    if (!get_count(r, MAX_LAYERS, 28, &x->nranges)) return damaged(r, 0, "its ranges make no sense");
    calib_entry *e = arena_calloc(r->arena, (size_t)x->nranges + 1, sizeof *e);
    if (!e) return err_oom(r->err);
    for (int i = 0; i < x->nranges; i++) {
        e[i].name = get_text(r);
        bool sound = get_bound(r, &e[i].range.lo) && get_bound(r, &e[i].range.hi) && get_bound(r, &e[i].range.amax);
        if (!sound || e[i].range.lo > 0 || e[i].range.hi < 0 || e[i].range.amax < 0)
            return damaged(r, 0, "its ranges make no sense");
    }
    if (!get_count(r, MAX_LAYERS, 4, &x->nkept)) return damaged(r, 0, "its ranges make no sense");
    if (!(x->kept = arena_calloc(r->arena, (size_t)x->nkept + 1, sizeof *x->kept))) return err_oom(r->err);
    for (int i = 0; i < x->nkept; i++) x->kept[i] = get_text(r);
    x->ranges = e;
    r->recipe = x;
    return ok(r) && r->index.at == r->index.size ? NARU_OK : damaged(r, 0, "its ranges make no sense");
}

/* Other sections are read as the index is. */
static naru_status read_recipe(plan_reader *r) {
    part index = r->index;
    if (!r->int8.data) return NARU_OK;
    r->index = r->int8;
    naru_status st = get_recipe(r);
    r->index = index;
    return st;
}

/* ---- plugins ---- */
static naru_status get_plugins(plan_reader *r) {
    if (!get_count(r, MAX_INPUTS, 16, &r->nwanted)) return damaged(r, 0, "its plugins make no sense");
    r->wanted = arena_calloc(r->arena, (size_t)r->nwanted + 1, sizeof *r->wanted);
    if (!r->wanted) return err_oom(r->err);
    for (int i = 0; i < r->nwanted; i++) {
        plan_plugin *p = &r->wanted[i];
        p->domain = get_text(r);
        p->name = get_text(r);
        p->library = get_text(r);
        p->version = (int)get(r, 4);
    }
    return ok(r) && r->index.at == r->index.size ? NARU_OK : damaged(r, 0, "its plugins make no sense");
}

static naru_status read_plugins(plan_reader *r) {
    part index = r->index;
    if (!r->plugins.data) return NARU_OK;
    r->index = r->plugins;
    naru_status st = get_plugins(r);
    r->index = index;
    return st;
}

static const plugin_op *there(const plan_plugin *p) {
    const op_desc *op = op_find(p->domain, p->name);
    return op ? op->plugin : NULL;
}

/* ---- plugin libraries that the plan carries ---- */
static naru_status get_libraries(plan_reader *r) {
    if (!get_count(r, MAX_INPUTS, 12, &r->ncarried)) return damaged(r, 0, "its plugin libraries make no sense");
    r->carried = arena_calloc(r->arena, (size_t)r->ncarried + 1, sizeof *r->carried);
    if (!r->carried) return err_oom(r->err);
    for (int i = 0; i < r->ncarried; i++) {
        part *p = &r->index;
        const char *name = get_text(r);
        uint64_t size = get(r, 8);
        if (!ok(r) || size > p->size - p->at) return damaged(r, 0, "its plugin libraries make no sense");
        r->carried[i] = (plan_library){name, p->data + p->at, size};
        p->at += size;
    }
    return r->index.at == r->index.size ? NARU_OK : damaged(r, 0, "its plugin libraries make no sense");
}

static naru_status read_libraries(plan_reader *r) {
    part index = r->index;
    if (!r->libraries.data) return NARU_OK;
    r->index = r->libraries;
    naru_status st = get_libraries(r);
    r->index = index;
    return st;
}

static const plan_library *carried(const plan_reader *r, const plan_plugin *p) {
    for (int i = 0; i < r->ncarried; i++)
        if (strcmp(r->carried[i].name, p->library) == 0) return &r->carried[i];
    return NULL;
}

/* Those of operators that are not there, where the caller allows it. */
static naru_status load_carried(plan_reader *r) {
    for (int i = 0; r->s->load_library && i < r->nwanted; i++) {
        const plan_library *l = there(&r->wanted[i]) ? NULL : carried(r, &r->wanted[i]);
        naru_status st = l ? r->s->load_library(l->name, l->data, l->size, r->err) : NARU_OK;
        if (st != NARU_OK) return err_context(r->err, st, "the plugin library %.200s in the plan", l->name);
        if (l)
            TRY(report_add(r->o->report, NARU_SEVERITY_NOTE, "plan-code", "", "",
                           "the plugin library %.200s is loaded from the plan", l->name) == NARU_OK
                    ? NARU_OK
                    : err_oom(r->err));
    }
    return NARU_OK;
}

static naru_status find_plugins(plan_reader *r) {
    TRY(load_carried(r));
    for (int i = 0; i < r->nwanted; i++) {
        const plan_plugin *p = &r->wanted[i];
        const char *domain = *p->domain ? p->domain : "ai.onnx";
        if (there(p)) continue;
        if (carried(r, p) && !r->s->load_library)
            return err_set(
                r->err, NARU_UNSUPPORTED,
                "the plan wants operator %.100s::%.100s of the plugin library %.200s (version %d), which is "
                "not loaded; the plan carries it; option plan_code (naru exec: --engineHostCodeAllowed) lets "
                "code from a plan run",
                domain, p->name, p->library, p->version);
        if (*p->library)
            return err_set(r->err, NARU_UNSUPPORTED,
                           "the plan wants operator %.100s::%.100s of the plugin library %.200s (version %d), which is "
                           "not loaded",
                           domain, p->name, p->library, p->version);
        return err_set(r->err, NARU_UNSUPPORTED,
                       "the plan wants operator %.100s::%.100s (version %d), a plugin that the program which built it "
                       "registered itself",
                       domain, p->name, p->version);
    }
    return NARU_OK;
}

static const plan_plugin *other_plugin(const plan_reader *r) {
    for (int i = 0; i < r->nwanted; i++)
        if (there(&r->wanted[i])->p.version != r->wanted[i].version) return &r->wanted[i];
    return NULL;
}

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
    const plan_plugin *p = other_plugin(r);
    if (!r->known_cpu) return "it was built for a CPU level that this Naru does not know";
    if (r->o->cpu != r->cpu && (r->s->cpu_asked || r->cpu > cpu_best()))
        snprintf(buf, 300, "it was built for CPU level %s, %s is in use", cpu_level_name(r->cpu),
                 cpu_level_name(r->o->cpu));
    else if (strcmp(r->kernels, NARU_KERNEL_VERSION) != 0)
        snprintf(buf, 300, "it was built by Naru %.60s with other kernels", r->version);
    else if (p)
        snprintf(buf, 300, "it was built with version %d of plugin %.100s::%.100s, %d is loaded", p->version, p->domain,
                 p->name, there(p)->p.version);
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
        return damaged(r, 0, "the model is not the one it was built from");
    }
    if (!r->s->model)
        return err_set(r->err, NARU_NOT_FOUND,
                       "the plan was stripped of its weights; it wants the model it was built from");
    if (r->s->model->hash != (r->recipe ? r->recipe->hash : r->model_hash)) TRY(check_structure(r));
    if (!r->recipe) return *out = model_bytes_ref(r->s->model), NARU_OK;
    r->recipe->hash = r->s->model->hash;
    return int8_requantize(r->s->model, r->recipe, r->o, out, r->err);
}

/* The plan's own arena went with the engine that was not to be. */
static naru_status read_again(plan_reader *r) {
    if (!r->arena && !(r->arena = arena_new())) return err_oom(r->err);
    r->index.at = r->int8.at = 0;
    r->libraries.at = 0;
    TRY(read_index(r));
    TRY(read_libraries(r));
    return read_recipe(r);
}

static naru_status load(plan_reader *r, built **out) {
    char buf[300];
    model_bytes *m = NULL;
    TRY(read_head(r));
    TRY(read_index(r));
    TRY(read_recipe(r));
    TRY(read_plugins(r));
    TRY(read_libraries(r));
    TRY(find_plugins(r));
    TRY(find_model(r, &m));
    const char *why = why_rebuild(r, buf);
    naru_status st = why ? NARU_OK : use_plan(r, m, out);
    bool misfit = !why && r->misfit && st != NARU_OK;
    if (misfit && r->refitted) {
        why = "the new weights make another graph of the model";
        st = read_again(r);
    } else if (misfit) st = damaged(r, 0, "its tactics and weights are not those of its model");
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
