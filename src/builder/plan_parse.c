/* SPDX-License-Identifier: MIT
 *
 * The bytes of a plan file, each checked before it is believed: head, table of sections, index, ranges of INT8,
 * plugins, plugin libraries. plan_file.h describes them.
 */
#include <stdio.h>

#include "base/hash.h"
#include "builder/plan_reader.h"

enum { MAX_TEXT = 1 << 16, MAX_INPUTS = 1 << 16, MAX_LAYERS = 1 << 24 };

bool plan_begins(const void *data, size_t size) { return size >= 8 && memcmp(data, PLAN_MAGIC, 8) == 0; }

naru_status plan_damaged(plan_reader *r, size_t at, const char *what) {
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
    if (!p || p->data || at != *end || size > r->s->size - at)
        return plan_damaged(r, 0, "its sections are not in order");
    if (hash_bytes(data + at, size, 0) != plan_get(row + 24, 8))
        return plan_damaged(r, at,
                            kind == PLAN_INDEX       ? "the index does not have its hash"
                            : kind == PLAN_MODEL     ? "the model does not have its hash"
                            : kind == PLAN_PLUGINS   ? "the list of plugins does not have its hash"
                            : kind == PLAN_INT8      ? "the ranges of INT8 do not have their hash"
                            : kind == PLAN_LIBRARIES ? "a plugin library in it does not have its hash"
                                                     : "the packed weights do not have their hash");
    *p = (part){data + at, size, 0};
    *end = align_up(at + size, PLAN_PAGE);
    if (*end > r->s->size) return plan_damaged(r, at, "a section ends outside the file");
    for (size_t i = at + size; i < *end; i++)
        if (data[i]) return plan_damaged(r, i, "bytes between sections are not zero");
    return NARU_OK;
}

static naru_status read_head(plan_reader *r) {
    const uint8_t *data = r->s->data;
    uint8_t head[PLAN_PAGE];
    if (!plan_begins(data, r->s->size)) return err_set(r->err, NARU_BAD_FILE, "not a plan of Naru");
    if (r->s->size < PLAN_PAGE) return plan_damaged(r, r->s->size, "it is cut short");
    uint64_t version = plan_get(data + 8, 4), n = plan_get(data + 12, 4);
    memcpy(head, data, PLAN_PAGE);
    memset(head + PLAN_HASH_AT, 0, 8);
    if (hash_bytes(head, PLAN_PAGE, 0) != plan_get(data + PLAN_HASH_AT, 8))
        return plan_damaged(r, 0, "the head does not have its hash");
    if (version < PLAN_OLDEST || version > PLAN_VERSION)
        return err_set(r->err, NARU_UNSUPPORTED, "the plan has format %llu, this Naru reads %d to %d",
                       (unsigned long long)version, PLAN_OLDEST, PLAN_VERSION);
    if (plan_get(data + 16, 8) != r->s->size)
        return plan_damaged(r, 16,
                            r->s->size < plan_get(data + 16, 8) ? "it is cut short" : "it goes on behind its end");
    if (n > PLAN_SECTIONS) return plan_damaged(r, 12, "too many sections");
    size_t end = PLAN_PAGE;
    for (uint64_t i = 0; i < n; i++) TRY(read_row(r, data + PLAN_TABLE_AT + i * PLAN_ROW, &end));
    if (end != r->s->size || !r->index.data) return plan_damaged(r, 0, "sections are missing");
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
        return plan_damaged(r, 0, "its precisions make no sense");
    r->constraints = (naru_constraints)mode;
    if (!(r->rules = arena_calloc(r->arena, (size_t)r->nrules + 1, sizeof *r->rules))) return err_oom(r->err);
    for (int i = 0; i < r->nrules; i++)
        if (!get_rule(r, &r->rules[i])) return plan_damaged(r, 0, "its precisions make no sense");
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
        return plan_damaged(r, 0, "its profiles make no sense");
    size_t n = (size_t)r->nprofiles * (size_t)r->ninputs;
    if (n > r->index.size - r->index.at) return plan_damaged(r, 0, "its profiles make no sense");
    r->input_names = arena_calloc(r->arena, (size_t)r->ninputs + 1, sizeof *r->input_names);
    r->ranges = arena_calloc(r->arena, n + 1, sizeof *r->ranges);
    if (!r->input_names || !r->ranges) return err_oom(r->err);
    for (int i = 0; i < r->ninputs; i++) r->input_names[i] = get_text(r);
    for (size_t i = 0; i < n; i++)
        if (!get_range(r, &r->ranges[i])) return plan_damaged(r, 0, "its profiles make no sense");
    return NARU_OK;
}

static naru_status get_layer(plan_reader *r, int i) {
    layer *l = &r->layers[i];
    r->tactics[i] = get_text(r);
    l->ms = get_ms(r);
    bool sound = get_error(r, &l->error);
    l->nrejected = (int)get(r, 2);
    if (!sound || !ok(r) || (size_t)l->nrejected > (r->index.size - r->index.at) / 24)
        return plan_damaged(r, 0, "its layers make no sense");
    if (!(l->rejected = arena_calloc(r->arena, (size_t)l->nrejected + 1, sizeof *l->rejected))) return err_oom(r->err);
    for (int k = 0; k < l->nrejected; k++) {
        l->rejected[k].tactic = get_text(r);
        l->rejected[k].reason = get_text(r);
        l->rejected[k].ms = get_ms(r);
        if (!get_error(r, &l->rejected[k].error)) return plan_damaged(r, 0, "its layers make no sense");
    }
    return ok(r) ? NARU_OK : plan_damaged(r, 0, "its layers make no sense");
}

static naru_status get_variants(plan_reader *r) {
    if (!r->variants) r->variants = r->nprofiles;
    if (!(r->others = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->others))) return err_oom(r->err);
    for (int v = 1; v < r->variants; v++) {
        int n;
        if (!get_count(r, (uint64_t)r->nlayers, 8, &n)) return plan_damaged(r, 0, "its tactics make no sense");
        for (int k = 0; k < n; k++) {
            uint64_t i = get(r, 4);
            const char *name = get_text(r);
            if (!ok(r) || i >= (uint64_t)r->nlayers) return plan_damaged(r, 0, "its tactics make no sense");
            const char ***at = &r->others[i];
            if (!*at && !(*at = arena_calloc(r->arena, (size_t)r->variants, sizeof **at))) return err_oom(r->err);
            (*at)[v] = name;
        }
    }
    return NARU_OK;
}

static naru_status get_layers(plan_reader *r) {
    if (!get_count(r, MAX_LAYERS, 22, &r->nlayers)) return plan_damaged(r, 0, "its layers make no sense");
    r->layers = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->layers);
    r->tactics = arena_calloc(r->arena, (size_t)r->nlayers + 1, sizeof *r->tactics);
    if (!r->layers || !r->tactics) return err_oom(r->err);
    for (int i = 0; i < r->nlayers; i++) TRY(get_layer(r, i));
    TRY(get_variants(r));
    int n;
    if (!get_count(r, MAX_LAYERS, 8, &n)) return plan_damaged(r, 0, "its weights make no sense");
    r->nweights = (uint32_t)n;
    if (!(r->weight_bytes = arena_calloc(r->arena, (size_t)n + 1, sizeof *r->weight_bytes))) return err_oom(r->err);
    for (int i = 0; i < n; i++) r->weight_bytes[i] = get(r, 8);
    return ok(r) && r->index.at == r->index.size ? NARU_OK : plan_damaged(r, 0, "its weights make no sense");
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
    if (!ok(r) || r->level < 0 || r->level > 5) return plan_damaged(r, 0, "its index makes no sense");
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
    if (!get_count(r, MAX_LAYERS, 28, &x->nranges)) return plan_damaged(r, 0, "its ranges make no sense");
    calib_entry *e = arena_calloc(r->arena, (size_t)x->nranges + 1, sizeof *e);
    if (!e) return err_oom(r->err);
    for (int i = 0; i < x->nranges; i++) {
        e[i].name = get_text(r);
        bool sound = get_bound(r, &e[i].range.lo) && get_bound(r, &e[i].range.hi) && get_bound(r, &e[i].range.amax);
        if (!sound || e[i].range.lo > 0 || e[i].range.hi < 0 || e[i].range.amax < 0)
            return plan_damaged(r, 0, "its ranges make no sense");
    }
    if (!get_count(r, MAX_LAYERS, 4, &x->nkept)) return plan_damaged(r, 0, "its ranges make no sense");
    if (!(x->kept = arena_calloc(r->arena, (size_t)x->nkept + 1, sizeof *x->kept))) return err_oom(r->err);
    for (int i = 0; i < x->nkept; i++) x->kept[i] = get_text(r);
    x->ranges = e;
    r->recipe = x;
    return ok(r) && r->index.at == r->index.size ? NARU_OK : plan_damaged(r, 0, "its ranges make no sense");
}

/* ---- plugins ---- */
static naru_status get_plugins(plan_reader *r) {
    if (!get_count(r, MAX_INPUTS, 16, &r->nwanted)) return plan_damaged(r, 0, "its plugins make no sense");
    r->wanted = arena_calloc(r->arena, (size_t)r->nwanted + 1, sizeof *r->wanted);
    if (!r->wanted) return err_oom(r->err);
    for (int i = 0; i < r->nwanted; i++) {
        plan_plugin *p = &r->wanted[i];
        p->domain = get_text(r);
        p->name = get_text(r);
        p->library = get_text(r);
        p->version = (int)get(r, 4);
    }
    return ok(r) && r->index.at == r->index.size ? NARU_OK : plan_damaged(r, 0, "its plugins make no sense");
}

/* ---- plugin libraries that the plan carries ---- */
static naru_status get_libraries(plan_reader *r) {
    if (!get_count(r, MAX_INPUTS, 12, &r->ncarried)) return plan_damaged(r, 0, "its plugin libraries make no sense");
    r->carried = arena_calloc(r->arena, (size_t)r->ncarried + 1, sizeof *r->carried);
    if (!r->carried) return err_oom(r->err);
    for (int i = 0; i < r->ncarried; i++) {
        part *p = &r->index;
        const char *name = get_text(r);
        uint64_t size = get(r, 8);
        if (!ok(r) || size > p->size - p->at) return plan_damaged(r, 0, "its plugin libraries make no sense");
        r->carried[i] = (plan_library){name, p->data + p->at, size};
        p->at += size;
    }
    return r->index.at == r->index.size ? NARU_OK : plan_damaged(r, 0, "its plugin libraries make no sense");
}

/* ---- the whole ---- */
/* Other sections are read as the index is. */
static naru_status read_section(plan_reader *r, const part *section, naru_status (*get_it)(plan_reader *r)) {
    part index = r->index;
    if (!section->data) return NARU_OK;
    r->index = *section;
    naru_status st = get_it(r);
    r->index = index;
    return st;
}

naru_status plan_parse(plan_reader *r) {
    TRY(read_head(r));
    TRY(read_index(r));
    TRY(read_section(r, &r->int8, get_recipe));
    TRY(read_section(r, &r->plugins, get_plugins));
    return read_section(r, &r->libraries, get_libraries);
}

naru_status plan_parse_again(plan_reader *r) {
    if (!r->arena && !(r->arena = arena_new())) return err_oom(r->err);
    r->index.at = 0;
    TRY(read_index(r));
    TRY(read_section(r, &r->libraries, get_libraries));
    return read_section(r, &r->int8, get_recipe);
}
