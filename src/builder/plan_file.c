/* SPDX-License-Identifier: MIT
 *
 * Writing plan files (plan_file.h has the layout). Nothing that varies from build to build is in them: no dates, no
 * paths, no addresses.
 */
#include "builder/plan_file.h"

#include "base/hash.h"
#include "builder/int8.h"
#include "builder/version.h"

static void put(str *s, uint64_t v, int n) {
    uint8_t b[8];
    plan_put(b, v, n);
    str_add_n(s, (const char *)b, (size_t)n);
}

static void put_text(str *s, const char *t) {
    put(s, strlen(t), 4);
    str_add_n(s, t, strlen(t));
}

static void put_ms(str *s, double ms) { /* nanoseconds; none: all ones */
    put(s, ms < 0 ? UINT64_MAX : (uint64_t)(ms * 1e6 + 0.5), 8);
}

/* An error: the bits of a double; none: all ones. */
static void put_error(str *s, double e) {
    uint64_t bits = UINT64_MAX;
    if (e >= 0) memcpy(&bits, &e, sizeof bits);
    put(s, bits, 8);
}

static void put_rules(str *s, const built *b) {
    put_error(s, b->accuracy);
    put_error(s, b->error);
    put(s, (uint64_t)b->constraints, 1);
    put(s, (uint64_t)b->nrules, 4);
    for (int i = 0; i < b->nrules; i++) {
        const layer_rule *r = &b->rules[i];
        put_text(s, r->name);
        put(s, (uint64_t)(r->precision + 1), 1);
        put(s, (uint64_t)r->ntypes, 1);
        for (int k = 0; k < r->ntypes; k++) put(s, (uint64_t)r->types[k], 1);
    }
}

static void put_profiles(str *s, const built *b) {
    put(s, (uint64_t)b->profiles.n, 4);
    put(s, (uint64_t)b->profiles.ninputs, 4);
    for (int i = 0; i < b->profiles.ninputs; i++) put_text(s, b->engine->graph->main->in[i]->name);
    for (int i = 0; i < b->profiles.n * b->profiles.ninputs; i++) {
        const profile_range *r = &b->profiles.ranges[i];
        put(s, r->open, 1);
        put(s, (uint64_t)r->rank, 1);
        put(s, (uint64_t)r->nvalues, 1);
        for (int k = 0; k < BOUNDS; k++) {
            for (int d = 0; d < r->rank; d++) put(s, (uint64_t)r->dims[k][d], 8);
            for (int v = 0; v < r->nvalues; v++) put(s, (uint64_t)r->values[k][v], 8);
        }
    }
}

static void put_layers(str *s, const built *b) {
    put(s, (uint64_t)b->nlayers, 4);
    for (int i = 0; i < b->nlayers; i++) {
        const layer *l = &b->layers[i];
        put_text(s, l->tactic ? l->tactic->name : "");
        put_ms(s, l->ms);
        put_error(s, l->error);
        put(s, (uint64_t)l->nrejected, 2);
        for (int k = 0; k < l->nrejected; k++) {
            put_text(s, l->rejected[k].tactic);
            put_text(s, l->rejected[k].reason);
            put_ms(s, l->rejected[k].ms);
            put_error(s, l->rejected[k].error);
        }
    }
}

/* Of the sets of tactics behind the first: the layers that differ from it. */
static void put_variants(str *s, const built *b) {
    for (int v = 1; v < b->engine->variants; v++) {
        uint64_t n = 0;
        for (int i = 0; i < b->nlayers; i++) {
            const step *x = engine_step(b->engine, i);
            n += step_variant(x, v)->tactic != x->tactic;
        }
        put(s, n, 4);
        for (int i = 0; i < b->nlayers; i++) {
            const step *x = engine_step(b->engine, i);
            const tactic *t = step_variant(x, v)->tactic;
            if (t == x->tactic) continue;
            put(s, (uint64_t)i, 4);
            put_text(s, t ? t->name : "");
        }
    }
}

static void put_index(str *s, const built *b) {
    put_text(s, b->version);
    put_text(s, NARU_KERNEL_VERSION);
    put_text(s, cpu_level_name(b->engine->cpu));
    put(s, (uint64_t)b->level, 4);
    put(s, b->flags | (b->engine->variants > 1 ? BUILD_VARIANTS : 0), 4);
    put(s, (uint64_t)b->threads, 4);
    put(s, b->workspace, 8);
    put(s, b->model->hash, 8);
    if (plan_has_structure(b->flags)) put(s, b->structure, 8);
    put_rules(s, b);
    put_profiles(s, b);
    put_layers(s, b);
    put_variants(s, b);
    put(s, b->engine->weights.count, 4);
    for (size_t i = 0; i < b->engine->weights.count; i++) put(s, b->engine->weights.data[i].bytes, 8);
}

static void put_weights(str *s, const built *b) {
    static const char zeros[MEM_ALIGN];
    for (size_t i = 0; i < b->engine->weights.count; i++) {
        const engine_weight *w = &b->engine->weights.data[i];
        str_add_n(s, w->data, w->bytes);
        str_add_n(s, zeros, align_up(w->bytes, MEM_ALIGN) - w->bytes);
    }
}

static void put_double(str *s, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(s, bits, 8);
}

static void put_recipe(str *s, const int8_recipe *r) {
    put(s, r->hash, 8);
    put(s, (uint64_t)r->nranges, 4);
    for (int i = 0; i < r->nranges; i++) {
        const calib_range *x = &r->ranges[i].range;
        put_text(s, r->ranges[i].name);
        put_double(s, x->lo);
        put_double(s, x->hi);
        put_double(s, x->amax);
    }
    put(s, (uint64_t)r->nkept, 4);
    for (int i = 0; i < r->nkept; i++) put_text(s, r->kept[i]);
}

static void put_plugins(str *s, const built *b) {
    put(s, (uint64_t)b->nplugins, 4);
    for (int i = 0; i < b->nplugins; i++) {
        put_text(s, b->plugins[i].domain);
        put_text(s, b->plugins[i].name);
        put_text(s, b->plugins[i].library);
        put(s, (uint64_t)b->plugins[i].version, 4);
    }
}

static void put_libraries(str *s, const built *b) {
    put(s, (uint64_t)b->nlibraries, 4);
    for (int i = 0; i < b->nlibraries; i++) {
        put_text(s, b->libraries[i].name);
        put(s, b->libraries[i].size, 8);
        str_add_n(s, (const char *)b->libraries[i].data, b->libraries[i].size);
    }
}

static void pad(str *s) {
    static const char zeros[PLAN_PAGE];
    str_add_n(s, zeros, align_up(s->len, PLAN_PAGE) - s->len);
}

typedef struct section {
    int kind;
    size_t at, size;
} section;

static void end_section(str *s, section *x, int kind, size_t at) {
    *x = (section){kind, at, s->len - at};
    pad(s);
}

static void put_head(str *s, const section *x, int n) {
    uint8_t *head = (uint8_t *)s->data;
    memcpy(head, PLAN_MAGIC, 8);
    plan_put(head + 8, PLAN_VERSION, 4);
    plan_put(head + 12, (uint64_t)n, 4);
    plan_put(head + 16, s->len, 8);
    for (int i = 0; i < n; i++) {
        uint8_t *row = head + PLAN_TABLE_AT + i * PLAN_ROW;
        plan_put(row, (uint64_t)x[i].kind, 4);
        plan_put(row + 8, x[i].at, 8);
        plan_put(row + 16, x[i].size, 8);
        plan_put(row + 24, hash_bytes(s->data + x[i].at, x[i].size, 0), 8);
    }
    plan_put(head + PLAN_HASH_AT, hash_bytes(head, PLAN_PAGE, 0), 8);
}

naru_status plan_write(const built *b, str *out, naru_error *err) {
    section x[PLAN_SECTIONS];
    int n = 0;
    static const char zeros[PLAN_PAGE];
    str_add_n(out, zeros, PLAN_PAGE);
    size_t at = out->len;
    put_index(out, b);
    end_section(out, &x[n++], PLAN_INDEX, at);
    if (!(b->flags & BUILD_STRIP)) {
        at = out->len;
        str_add_n(out, b->model->data, b->model->size);
        end_section(out, &x[n++], PLAN_MODEL, at);
        at = out->len;
        put_weights(out, b);
        end_section(out, &x[n++], PLAN_WEIGHTS, at);
    }
    if (b->recipe) {
        at = out->len;
        put_recipe(out, b->recipe);
        end_section(out, &x[n++], PLAN_INT8, at);
    }
    if (b->nplugins) {
        at = out->len;
        put_plugins(out, b);
        end_section(out, &x[n++], PLAN_PLUGINS, at);
    }
    if (b->nlibraries) {
        at = out->len;
        put_libraries(out, b);
        end_section(out, &x[n++], PLAN_LIBRARIES, at);
    }
    if (out->failed) return err_oom(err);
    put_head(out, x, n);
    return NARU_OK;
}
