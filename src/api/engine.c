/* SPDX-License-Identifier: MIT
 *
 * naru_engine_*: engines, built or loaded, and what there is to ask of them.
 */
#include "api/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/model.h"
#include "api/options.h"
#include "base/knob.h"
#include "formats/onnx/onnx.h"

enum { LONGEST_SPIN_US = 1000 };

naru_status options_pool(const naru_options *o, pool **out, naru_error *err) {
    return pool_create((int)option_int(o, OPTION_threads), (int)knob_int(KNOB_SPIN_US, 0, LONGEST_SPIN_US), out, err);
}

naru_status port_texts(const graph *g, arena *a, char ***in, char ***out, naru_error *err) {
    const block *b = g->main;
    *in = arena_calloc(a, (size_t)b->nin + 1, sizeof(char *));
    *out = arena_calloc(a, (size_t)b->nout + 1, sizeof(char *));
    if (!*in || !*out) return err_oom(err);
    for (int i = 0; i < b->nin; i++)
        if (!((*in)[i] = type_text(g, &b->in[i]->declared, a))) return err_oom(err);
    for (int i = 0; i < b->nout; i++)
        if (!((*out)[i] = type_text(g, &b->out[i]->declared, a))) return err_oom(err);
    return NARU_OK;
}

naru_status bytes_of_graph(const graph *g, model_bytes **out, naru_error *err) {
    str text = {0};
    naru_status st = onnx_save_memory(g, &text, err);
    if (st != NARU_OK) {
        str_free(&text);
        return st;
    }
    *out = model_bytes_new(&text, NULL, 0, NULL);
    return *out ? NARU_OK : err_oom(err);
}

naru_status engine_handle(built *b, pool *p, uint64_t seed, naru_engine **out, naru_error *err) {
    naru_engine *e = mem_calloc(1, sizeof *e);
    if (!e) {
        built_free(b);
        pool_destroy(p);
        return err_oom(err);
    }
    *e = (naru_engine){.refs = 1, .b = b, .pool = p, .arena = arena_new(), .seed = seed};
    naru_status st =
        e->arena ? port_texts(b->engine->graph, e->arena, &e->input_types, &e->output_types, err) : err_oom(err);
    if (st == NARU_OK) *out = e;
    else engine_release(e);
    return st;
}

naru_engine *engine_retain(naru_engine *e) {
    atomic_fetch_add(&e->refs, 1);
    return e;
}

void engine_release(naru_engine *e) {
    if (!e || atomic_fetch_sub(&e->refs, 1) != 1) return;
    built_free(e->b);
    pool_destroy(e->pool);
    arena_free(e->arena);
    mem_free(e);
}

void naru_engine_destroy(naru_engine **e) {
    if (!e || !*e) return;
    engine_release(*e);
    *e = NULL;
}

/* ---- plan files ---- */
static naru_status load(plan_source *s, const naru_model *model, const naru_options *options, naru_engine **out,
                        naru_report *report, naru_error *err) {
    build_options o = {.seed = (uint64_t)option_int(options, OPTION_seed),
                       .read = onnx_load_memory,
                       .write = onnx_save_memory,
                       .report = report};
    built *b = NULL;
    s->cpu_asked = *option_text(options, OPTION_cpu) || *knob_text(KNOB_CPU);
    TRY(option_cpu(options, &o.cpu, err));
    TRY(options_pool(options, &o.pool, err));
    s->load_library = option_int(options, OPTION_plan_code) ? plugin_load_memory : NULL;
    naru_status st = model ? bytes_of_graph(model->graph, &s->model, err) : NARU_OK;
    if (st == NARU_OK) st = plan_load(s, &o, &b, err);
    model_bytes_unref(s->model);
    if (st == NARU_OK) return engine_handle(b, o.pool, o.seed, out, err);
    pool_destroy(o.pool);
    return st;
}

naru_status naru_engine_load(const char *path, const naru_model *model, const naru_options *options, naru_engine **out,
                             naru_report *report, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_load: NULL argument");
    *out = NULL;
    file_map *m;
    TRY(file_map_open(path, option_int(options, OPTION_map) != 0, &m, err));
    plan_source s = {.data = m->data, .size = m->size, .map = m};
    naru_status st = load(&s, model, options, out, report, err);
    file_map_unref(m);
    return st == NARU_OK ? st : err_context(err, st, "%s", path);
}

naru_status naru_engine_load_memory(const void *data, size_t size, const naru_model *model, const naru_options *options,
                                    naru_engine **out, naru_report *report, naru_error *err) {
    if ((!data && size) || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_load_memory: NULL argument");
    *out = NULL;
    plan_source s = {.data = data, .size = size};
    return load(&s, model, options, out, report, err);
}

bool naru_is_plan(const char *path) {
    char head[8];
    struct stat sb;
    FILE *f = path && stat(path, &sb) == 0 && S_ISREG(sb.st_mode) ? fopen(path, "rb") : NULL; /* no waiting for pipes */
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f) fclose(f);
    return plan_begins(head, n);
}

naru_status naru_engine_serialize(const naru_engine *e, void **data, size_t *size, naru_error *err) {
    if (!e || !data || !size) return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_serialize: NULL argument");
    str s = {0};
    *data = NULL;
    naru_status st = plan_write(e->b, &s, err);
    if (st != NARU_OK) {
        str_free(&s);
        return st;
    }
    *data = s.data;
    *size = s.len;
    return NARU_OK;
}

void naru_engine_data_free(void **data) {
    if (!data) return;
    mem_free(*data);
    *data = NULL;
}

naru_status naru_engine_save(const naru_engine *e, const char *path, naru_error *err) {
    if (!e || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_save: NULL argument");
    str s = {0};
    naru_status st = plan_write(e->b, &s, err);
    if (st == NARU_OK) st = file_write(path, s.data, s.len, err);
    str_free(&s);
    return st;
}

/* ---- questions ---- */
static const block *block_of(const naru_engine *e) { return e->b->engine->graph->main; }

size_t naru_engine_inputs(const naru_engine *e) { return e ? (size_t)block_of(e)->nin : 0; }
size_t naru_engine_outputs(const naru_engine *e) { return e ? (size_t)block_of(e)->nout : 0; }

naru_status naru_engine_input(const naru_engine *e, size_t i, naru_port *out) {
    if (!e || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_engine_inputs(e)) return NARU_NOT_FOUND;
    port_fill(e->b->engine->graph, block_of(e)->in[i], e->input_types[i], out);
    return NARU_OK;
}

naru_status naru_engine_output(const naru_engine *e, size_t i, naru_port *out) {
    if (!e || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_engine_outputs(e)) return NARU_NOT_FOUND;
    port_fill(e->b->engine->graph, block_of(e)->out[i], e->output_types[i], out);
    return NARU_OK;
}

int naru_engine_profiles(const naru_engine *e) { return e ? e->b->profiles.n : 0; }

naru_status naru_engine_profile_dims(const naru_engine *e, int index, const char *input, naru_select which, int *rank,
                                     int64_t dims[NARU_MAX_RANK], naru_error *err) {
    if (!e || !input || !rank || !dims || (unsigned)which >= BOUNDS)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_profile_dims: bad argument");
    const profile_set *s = &e->b->profiles;
    if (index < 0 || index >= s->n)
        return err_set(err, NARU_NOT_FOUND, "there is no profile %d; the engine has %d", index, s->n);
    for (int i = 0; i < s->ninputs; i++) {
        if (strcmp(block_of(e)->in[i]->name, input) != 0) continue;
        const profile_range *r = &s->ranges[(size_t)index * (size_t)s->ninputs + (size_t)i];
        *rank = r->open ? -1 : r->rank;
        memcpy(dims, r->dims[which], sizeof r->dims[which]);
        return NARU_OK;
    }
    return err_set(err, NARU_NOT_FOUND, "the engine has no input '%s'", input);
}

naru_status naru_engine_get_info(const naru_engine *e, naru_engine_info *out) {
    if (!e || !out) return NARU_INVALID_ARGUMENT;
    const built *b = e->b;
    *out = (naru_engine_info){.size = sizeof *out,
                              .layers = (size_t)b->nlayers,
                              .weight_bytes = (int64_t)b->engine->weight_bytes,
                              .workspace_bytes = (int64_t)b->workspace,
                              .plan_bytes = (int64_t)b->plan_bytes,
                              .threads = pool_threads(e->pool),
                              .level = b->level,
                              .cpu = cpu_level_name(b->engine->cpu),
                              .version = b->version,
                              .rebuilt = b->rebuilt,
                              .error = b->error,
                              .accuracy = b->accuracy};
    return NARU_OK;
}

naru_status naru_engine_layer(const naru_engine *e, size_t i, naru_layer *out) {
    if (!e || !out) return NARU_INVALID_ARGUMENT;
    if (i >= (size_t)e->b->nlayers) return NARU_NOT_FOUND;
    *out = (naru_layer){.size = sizeof *out,
                        .name = e->b->layers[i].name,
                        .op = engine_step(e->b->engine, (int)i)->node->op_type,
                        .tactic = layer_tactic_name(e->b, (int)i),
                        .time_ms = e->b->layers[i].ms,
                        .precision = precision_of_step(engine_step(e->b->engine, (int)i)),
                        .error = e->b->layers[i].error};
    return NARU_OK;
}

naru_status naru_engine_inspect(const naru_engine *e, naru_inspect form, char **text, naru_error *err) {
    if (!e || !text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_engine_inspect: NULL argument");
    str s = {0};
    *text = NULL;
    naru_status st = form == NARU_INSPECT_JSON ? built_json(e->b, &s, err) : built_lines(e->b, &s, err);
    if (st == NARU_OK && !s.data) str_add(&s, "");
    if (st == NARU_OK && !(*text = mem_strdup(str_text(&s)))) st = err_oom(err);
    str_free(&s);
    return st;
}

/* ---- shapes of values ---- */
naru_status engine_fits(const naru_engine *e, naru_value *const *in, int *variant, naru_error *err) {
    const profile_set *s = &e->b->profiles;
    enum { FEW = 16 };
    run_shape few[FEW] = {0}, *shapes = s->ninputs <= FEW ? few : mem_alloc((size_t)s->ninputs * sizeof *shapes);
    if (!shapes) return err_oom(err);
    for (int i = 0; i < s->ninputs; i++) {
        const naru_tensor *t = in[i] && in[i]->kind == NARU_KIND_TENSOR ? in[i]->tensor : NULL;
        shapes[i] = (run_shape){.rank = t ? t->rank : -1, .dims = t ? t->dims : NULL};
    }
    int chosen = -1;
    naru_status st = profile_choose(s, shapes, -1, &chosen, err);
    *variant = built_variant(e->b, chosen);
    if (shapes != few) mem_free(shapes);
    return st;
}
