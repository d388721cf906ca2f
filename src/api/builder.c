/* SPDX-License-Identifier: MIT
 *
 * naru_profile_*, naru_timing_cache_*, naru_builder_config_*, naru_build.
 */
#include <stdio.h>
#include <string.h>

#include "api/calibrator.h"
#include "api/network.h"
#include "api/options.h"
#include "base/file.h"
#include "formats/onnx/onnx.h"

/* ---- profiles ---- */
naru_status naru_profile_create(naru_profile **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_profile_create: NULL argument");
    return (*out = mem_calloc(1, sizeof **out)) ? NARU_OK : err_oom(err);
}

void naru_profile_destroy(naru_profile **p) {
    if (!p || !*p) return;
    shape_profile_clear(&(*p)->p);
    mem_free(*p);
    *p = NULL;
}

naru_status naru_profile_set_dims(naru_profile *p, const char *input, naru_select which, int rank, const int64_t *dims,
                                  naru_error *err) {
    if (!p || !input) return err_set(err, NARU_INVALID_ARGUMENT, "naru_profile_set_dims: NULL argument");
    return shape_profile_dims(&p->p, input, (int)which, rank, dims, err);
}

naru_status naru_profile_set_values(naru_profile *p, const char *input, naru_select which, size_t count,
                                    const int64_t *values, naru_error *err) {
    if (!p || !input) return err_set(err, NARU_INVALID_ARGUMENT, "naru_profile_set_values: NULL argument");
    return shape_profile_values(&p->p, input, (int)which, count, values, err);
}

naru_status naru_profile_check(const naru_profile *p, const naru_network *n, naru_error *err) {
    if (!p || !n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_profile_check: NULL argument");
    profile_range *r = mem_calloc((size_t)n->graph->main->nin + 1, sizeof *r);
    if (!r) return err_oom(err);
    naru_status st = profile_settle(n->graph, &p->p, -1, r, err);
    mem_free(r);
    return st;
}

/* ---- timing caches ---- */
naru_status naru_timing_cache_create(naru_timing_cache **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_timing_cache_create: NULL argument");
    return (*out = mem_calloc(1, sizeof **out)) ? NARU_OK : err_oom(err);
}

void naru_timing_cache_destroy(naru_timing_cache **c) {
    if (!c || !*c) return;
    timing_cache_clear(&(*c)->c);
    mem_free(*c);
    *c = NULL;
}

naru_status naru_timing_cache_load(naru_timing_cache *c, const char *path, naru_error *err) {
    if (!c || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_timing_cache_load: NULL argument");
    file_map *m;
    if (!file_exists(path)) return err_set(err, NARU_NOT_FOUND, "%s: there is no such file", path);
    TRY(file_map_open(path, false, &m, err));
    naru_status st = timing_read(&c->c, (const char *)m->data, m->size, err);
    file_map_unref(m);
    return st == NARU_OK ? st : err_context(err, st, "%s", path);
}

naru_status naru_timing_cache_save(const naru_timing_cache *c, const char *path, naru_error *err) {
    if (!c || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_timing_cache_save: NULL argument");
    return timing_write(&c->c, path, err);
}

naru_status naru_timing_cache_merge(naru_timing_cache *c, const naru_timing_cache *other, naru_error *err) {
    if (!c || !other) return err_set(err, NARU_INVALID_ARGUMENT, "naru_timing_cache_merge: NULL argument");
    return timing_merge(&c->c, &other->c, err);
}

size_t naru_timing_cache_count(const naru_timing_cache *c) { return c ? c->c.entries.count : 0; }

static void drop_libraries(naru_builder_config *c);

/* ---- configuration ---- */
struct naru_builder_config {
    unsigned flags;
    uint64_t workspace;
    int level, runs;
    double seconds;
    bool *off; /* by tactic, noff of them; NULL: none */
    size_t noff;
    naru_timing_cache *cache;
    naru_progress progress;
    naru_options *options;
    ARRAY(shape_profile) profiles;
    int8_config int8;
    double accuracy;
    const naru_samples *samples;
    naru_constraints constraints;
    ARRAY(layer_rule) rules;
    ARRAY(plan_library) libraries;
};

int8_config *config_int8(naru_builder_config *c) { return &c->int8; }

naru_status naru_builder_config_create(naru_builder_config **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_builder_config_create: NULL argument");
    if (!(*out = mem_calloc(1, sizeof **out))) return err_oom(err);
    (*out)->level = 3;
    (*out)->constraints = NARU_CONSTRAINTS_OBEY;
    return NARU_OK;
}

void naru_builder_config_destroy(naru_builder_config **config) {
    if (!config || !*config) return;
    naru_builder_config *c = *config;
    for (size_t i = 0; i < c->profiles.count; i++) shape_profile_clear(&c->profiles.data[i]);
    ARRAY_FREE(&c->profiles);
    for (size_t i = 0; i < c->rules.count; i++) mem_free((char *)c->rules.data[i].name);
    ARRAY_FREE(&c->rules);
    drop_libraries(c);
    naru_options_destroy(&c->options);
    int8_config_clear(&c->int8);
    mem_free(c->off);
    mem_free(c);
    *config = NULL;
}

static naru_status null_config(naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "naru_builder_config: NULL argument");
}

naru_status naru_builder_config_set_flag(naru_builder_config *c, naru_build_flag flag, bool on, naru_error *err) {
    if (!c) return null_config(err);
    if ((unsigned)flag >= NARU_BUILD_FLAGS)
        return err_set(err, NARU_INVALID_ARGUMENT, "%d is no build flag", (int)flag);
    c->flags = on ? c->flags | 1u << flag : c->flags & ~(1u << flag);
    return NARU_OK;
}

bool naru_builder_config_flag(const naru_builder_config *c, naru_build_flag flag) {
    return c && (unsigned)flag < NARU_BUILD_FLAGS && (c->flags >> flag & 1);
}

naru_status naru_builder_config_set_memory_pool(naru_builder_config *c, naru_memory_pool which, uint64_t bytes_limit,
                                                naru_error *err) {
    if (!c) return null_config(err);
    if (which != NARU_POOL_WORKSPACE) return err_set(err, NARU_INVALID_ARGUMENT, "%d is no memory pool", (int)which);
    c->workspace = bytes_limit;
    return NARU_OK;
}

naru_status naru_builder_config_set_level(naru_builder_config *c, int level, naru_error *err) {
    if (!c) return null_config(err);
    if (level < 0) return err_set(err, NARU_INVALID_ARGUMENT, "optimization level %d; levels are 0 to 5", level);
    c->level = level > 5 ? 5 : level;
    return NARU_OK;
}

naru_status naru_builder_config_set_time_limit(naru_builder_config *c, double seconds, naru_error *err) {
    if (!c) return null_config(err);
    if (!(seconds >= 0) || seconds > 1e9)
        return err_set(err, NARU_INVALID_ARGUMENT, "the time limit is %g seconds", seconds);
    c->seconds = seconds;
    return NARU_OK;
}

naru_status naru_builder_config_set_timing_runs(naru_builder_config *c, int runs, naru_error *err) {
    if (!c) return null_config(err);
    if (runs < 0 || runs > 1000)
        return err_set(err, NARU_INVALID_ARGUMENT, "%d timing runs; 1 to 1000 are possible", runs);
    c->runs = runs;
    return NARU_OK;
}

/* "conv.winograd" or its family "conv". */
static bool names_tactic(const char *name, size_t n, const char *full) {
    return strncmp(full, name, n) == 0 && (!full[n] || full[n] == '.');
}

static naru_status switch_tactics(bool *off, size_t noff, const char *item, size_t n, naru_error *err) {
    if (n < 2 || (*item != '+' && *item != '-'))
        return err_set(err, NARU_INVALID_ARGUMENT, "'%.*s' wants a sign: +NAME or -NAME", (int)n, item);
    bool found = false;
    for (size_t i = 0; i < noff; i++)
        if (names_tactic(item + 1, n - 1, tactic_at(i)->name)) {
            off[i] = *item == '-';
            found = true;
        }
    if (found) return NARU_OK;
    const char *names[256];
    char wanted[128];
    size_t count = 0;
    for (size_t i = 0; i < noff && count < 256; i++) names[count++] = tactic_at(i)->name;
    snprintf(wanted, sizeof wanted, "%.*s", (int)(n - 1), item + 1);
    const char *near = str_nearest(wanted, names, count);
    return err_set(err, NARU_NOT_FOUND, "there is no tactic '%s'%s%s%s", wanted, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
}

naru_status naru_builder_config_set_tactics(naru_builder_config *c, const char *list, naru_error *err) {
    if (!c || !list) return null_config(err);
    size_t noff = tactic_count();
    bool *off = mem_calloc(noff + 1, sizeof *off);
    if (!off) return err_oom(err);
    naru_status st = NARU_OK;
    for (const char *p = list; st == NARU_OK && *p;) {
        size_t n = strcspn(p, ",");
        st = switch_tactics(off, noff, p, n, err);
        p += n;
        p += *p == ',';
    }
    if (st != NARU_OK) {
        mem_free(off);
        return st;
    }
    mem_free(c->off);
    c->off = off;
    c->noff = noff;
    return NARU_OK;
}

naru_status naru_builder_config_set_timing_cache(naru_builder_config *c, naru_timing_cache *cache, naru_error *err) {
    if (!c) return null_config(err);
    c->cache = cache;
    return NARU_OK;
}

naru_status naru_builder_config_set_progress(naru_builder_config *c, const naru_progress *progress, naru_error *err) {
    if (!c) return null_config(err);
    c->progress = progress ? *progress : (naru_progress){0};
    return NARU_OK;
}

naru_status naru_builder_config_set_options(naru_builder_config *c, const naru_options *options, naru_error *err) {
    if (!c) return null_config(err);
    naru_options *copy = NULL;
    if (options) TRY(options_copy(options, &copy, err));
    naru_options_destroy(&c->options);
    c->options = copy;
    return NARU_OK;
}

naru_status naru_builder_config_add_profile(naru_builder_config *c, const naru_profile *p, int *index,
                                            naru_error *err) {
    if (!c || !p) return null_config(err);
    if (c->profiles.count >= PROFILES_MAX)
        return err_set(err, NARU_LIMIT, "an engine has at most %d profiles", PROFILES_MAX);
    shape_profile copy;
    TRY(shape_profile_copy(&copy, &p->p, err));
    if (!ARRAY_PUSH(&c->profiles, copy)) {
        shape_profile_clear(&copy);
        return err_oom(err);
    }
    if (index) *index = (int)c->profiles.count - 1;
    return NARU_OK;
}

/* ---- plugin libraries ---- */
naru_status naru_builder_config_add_plugin_library(naru_builder_config *c, const char *path, naru_error *err) {
    enum { MOST = 256 };
    if (!c || !path) return null_config(err);
    if (c->libraries.count >= MOST) return err_set(err, NARU_LIMIT, "a plan carries at most %d libraries", MOST);
    file_map *m;
    TRY(file_map_open(path, false, &m, err));
    const char *slash = strrchr(path, '/');
    char *name = mem_strdup(slash ? slash + 1 : path);
    uint8_t *data = mem_alloc(m->size + 1);
    if (data) memcpy(data, m->data, m->size);
    bool ok = name && data && ARRAY_PUSH(&c->libraries, ((plan_library){name, data, m->size}));
    file_map_unref(m);
    if (ok) return NARU_OK;
    mem_free(name);
    mem_free(data);
    return err_oom(err);
}

static void drop_libraries(naru_builder_config *c) {
    for (size_t i = 0; i < c->libraries.count; i++) {
        mem_free((char *)c->libraries.data[i].name);
        mem_free((uint8_t *)c->libraries.data[i].data);
    }
    ARRAY_FREE(&c->libraries);
}

/* ---- precisions ---- */
naru_status naru_builder_config_set_accuracy(naru_builder_config *c, double limit, naru_error *err) {
    if (!c) return null_config(err);
    if (!(limit >= 0 && limit <= 1e9))
        return err_set(err, NARU_INVALID_ARGUMENT, "the largest error is %g; it is a number above 0", limit);
    c->accuracy = limit;
    return NARU_OK;
}

naru_status naru_builder_config_set_samples(naru_builder_config *c, const naru_samples *samples, naru_error *err) {
    if (!c) return null_config(err);
    if (samples && !samples->batch)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_builder_config_set_samples: no callback");
    c->samples = samples;
    return NARU_OK;
}

naru_status naru_builder_config_set_constraints(naru_builder_config *c, naru_constraints k, naru_error *err) {
    if (!c) return null_config(err);
    if ((unsigned)k > NARU_CONSTRAINTS_OBEY)
        return err_set(err, NARU_INVALID_ARGUMENT, "%d is no way to take constraints", (int)k);
    c->constraints = k;
    return NARU_OK;
}

static naru_status add_rule(naru_builder_config *c, const char *name, layer_rule r, naru_error *err) {
    char *copy = mem_strdup(name);
    r.name = copy;
    if (copy && ARRAY_PUSH(&c->rules, r)) return NARU_OK;
    mem_free(copy);
    return err_oom(err);
}

naru_status naru_builder_config_set_layer_precision(naru_builder_config *c, const char *name, naru_precision p,
                                                    naru_error *err) {
    if (!c || !name) return null_config(err);
    if ((unsigned)p >= NARU_PRECISIONS) return err_set(err, NARU_INVALID_ARGUMENT, "%d is no precision", (int)p);
    return add_rule(c, name, (layer_rule){.precision = (int)p}, err);
}

naru_status naru_builder_config_set_layer_output_types(naru_builder_config *c, const char *name,
                                                       const naru_dtype *types, size_t count, naru_error *err) {
    if (!c || !name || !types) return null_config(err);
    if (count < 1 || count > RULE_TYPES)
        return err_set(err, NARU_INVALID_ARGUMENT, "%zu types of outputs; 1 to %d are possible", count, RULE_TYPES);
    layer_rule r = {.precision = NOT_ASKED, .ntypes = (int)count};
    memcpy(r.types, types, count * sizeof *types);
    return add_rule(c, name, r, err);
}

/* ---- building ---- */
static unsigned flags_of(const naru_builder_config *c) {
    static const unsigned map[NARU_BUILD_FLAGS] = {BUILD_FP16,     BUILD_BF16,       BUILD_INT8, BUILD_STRIP,
                                                   BUILD_NO_CACHE, BUILD_CACHE_ONLY, BUILD_REFIT};
    unsigned flags = 0;
    for (unsigned i = 0; i < NARU_BUILD_FLAGS; i++)
        if (c->flags >> i & 1) flags |= map[i];
    return flags;
}

naru_status naru_build(const naru_network *n, const naru_builder_config *c, naru_engine **out, naru_report *report,
                       naru_error *err) {
    if (!n || !c || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_build: NULL argument");
    *out = NULL;
    int8_options int8 = int8_config_options(&c->int8);
    sample_source samples = c->samples ? (sample_source){c->samples->batch, c->samples->user} : (sample_source){0};
    build_options o = {
        .level = c->level,
        .flags = flags_of(c),
        .workspace = c->workspace,
        .seconds = c->seconds,
        .runs = c->runs,
        .off = c->off,
        .noff = c->noff,
        .cache = c->cache && c->level ? &c->cache->c : NULL,
        .progress = {c->progress.phase_start, c->progress.step_complete, c->progress.phase_finish, c->progress.user},
        .profiles = c->profiles.data,
        .nprofiles = (int)c->profiles.count,
        .seed = (uint64_t)option_int(c->options, OPTION_seed),
        .accuracy = c->accuracy,
        .samples = c->samples ? &samples : NULL,
        .rules = c->rules.data,
        .nrules = (int)c->rules.count,
        .constraints = c->constraints,
        .libraries = c->libraries.data,
        .nlibraries = (int)c->libraries.count,
        .read = onnx_load_memory,
        .write = onnx_save_memory,
        .int8 = &int8,
        .report = report};
    TRY(option_cpu(c->options, &o.cpu, err));
    TRY(options_pool(c->options, &o.pool, err));
    built *b = NULL;
    model_bytes *m = NULL;
    naru_status st = network_bytes(n, &m, err);
    if (st == NARU_OK) st = build(m, &o, &b, err);
    model_bytes_unref(m);
    if (st == NARU_OK) return engine_handle(b, o.pool, o.seed, out, err);
    pool_destroy(o.pool);
    return st;
}
