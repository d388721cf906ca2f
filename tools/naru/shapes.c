/* SPDX-License-Identifier: MIT
 *
 * One grammar of shapes: NAME=DIMS[:TYPE], where DIMS is 1x3x224x224 or `scalar`; NAME:DIMS[:TYPE] is accepted too.
 * Names may contain ':' and '=' themselves ("input:0=1x3"): the text is split from its right end. Then the shapes of a
 * model's inputs from what was given, --batch and the model's own declaration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static ports gather(const naru_session *s, size_t count,
                    naru_status (*get)(const naru_session *, size_t, naru_port *)) {
    ports p = {take((count + 1) * sizeof(naru_port)), count};
    for (size_t i = 0; i < count; i++) {
        p.items[i].size = sizeof(naru_port);
        get(s, i, &p.items[i]);
    }
    return p;
}

ports session_inputs(const naru_session *s) { return gather(s, naru_session_inputs(s), naru_session_input); }
ports session_outputs(const naru_session *s) { return gather(s, naru_session_outputs(s), naru_session_output); }

const naru_port *find_port(const ports *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].name, name) == 0) return &p->items[i];
    return NULL;
}

const char *port_hint(const ports *p, const char *name, char *buf, size_t size) {
    const char **names = take((p->count + 1) * sizeof *names);
    for (size_t i = 0; i < p->count; i++) names[i] = p->items[i].name;
    const char *near = nearest(name, names, p->count);
    if (near) snprintf(buf, size, "; did you mean '%s'?", near);
    else if (!p->count) snprintf(buf, size, "; it has none");
    else {
        size_t at = (size_t)snprintf(buf, size, "; it has ");
        for (size_t i = 0; i < p->count && at < size; i++)
            at += (size_t)snprintf(buf + at, size - at, "%s'%s'", i ? ", " : "", names[i]);
    }
    free(names);
    return buf;
}

/* ---- the grammar ---- */
static bool parse_dims(const char *s, shape *out) {
    out->rank = 0;
    if (strcmp(s, "scalar") == 0) return true;
    for (;;) {
        char *end;
        if (*s < '0' || *s > '9' || out->rank == NARU_MAX_RANK) return false;
        out->dims[out->rank++] = strtoll(s, &end, 10);
        if (!*end) return true;
        if (*end != 'x' || end - s > 15) return false;
        s = end + 1;
    }
}

/* `text` is "DIMS" or "DIMS:TYPE". */
static bool parse_rest(char *text, shape *out) {
    char *colon = strchr(text, ':');
    if (colon) {
        *colon = 0;
        out->dtype = naru_dtype_parse(colon + 1);
        if (out->dtype == NARU_UNDEFINED) return false;
    }
    return parse_dims(text, out);
}

/* Where the name ends: the last '=', else the ':' before DIMS (a last part that is a type is not DIMS). */
static char *name_end(char *text) {
    char *equals = strrchr(text, '='), *colon = strrchr(text, ':');
    if (equals || !colon) return equals;
    if (naru_dtype_parse(colon + 1) == NARU_UNDEFINED) return colon;
    *colon = 0;
    char *before = strrchr(text, ':');
    *colon = ':';
    return before;
}

static bool parse_one(char *text, shape *out) {
    char *end = name_end(text);
    if (!end || end == text) return false;
    *end = 0;
    *out = (shape){.name = copy_text(text, strlen(text))};
    return parse_rest(end + 1, out);
}

static bool add_spec(const char *spec, shapes *out, char why[400]) {
    char *copy = copy_text(spec, strlen(spec)), *at = copy, *item;
    bool ok = true;
    while (ok && (item = strsep(&at, ","))) {
        char whole[200];
        snprintf(whole, sizeof whole, "%s", item);
        out->items = regrow(out->items, (out->count + 1) * sizeof *out->items);
        out->items[out->count] = (shape){0};
        ok = parse_one(item, &out->items[out->count]);
        if (out->items[out->count].name) out->count++;
        if (!ok)
            snprintf(why, 400,
                     "'%s' is not a shape; write NAME=DIMS[:TYPE], as in x=1x3x224x224, ids=2x12:int64, n=scalar:int64",
                     whole);
    }
    free(copy);
    return ok;
}

static bool no_repeats(const shapes *s, char why[400]) {
    for (size_t i = 0; i < s->count; i++)
        if (find_shape(s, s->items[i].name) != &s->items[i])
            return snprintf(why, 400, "input '%s' is given two shapes", s->items[i].name), false;
    return true;
}

bool shapes_parse(const text_list *specs, shapes *out, char why[400]) {
    for (size_t i = 0; i < specs->count; i++)
        if (!add_spec(specs->items[i], out, why)) return false;
    return no_repeats(out, why);
}

void shapes_free(shapes *s) {
    for (size_t i = 0; i < s->count; i++) free((char *)s->items[i].name);
    free(s->items);
    *s = (shapes){0};
}

const shape *find_shape(const shapes *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].name, name) == 0) return &s->items[i];
    return NULL;
}

const char *dims_text(int rank, const int64_t *dims, char *buf, size_t size) {
    size_t at = (size_t)snprintf(buf, size, "[");
    for (int d = 0; d < rank && at < size; d++)
        at += (size_t)snprintf(buf + at, size - at, d ? ",%lld" : "%lld", (long long)dims[d]);
    if (at < size) snprintf(buf + at, size - at, "]");
    return buf;
}

/* ---- the shapes of a model's inputs ---- */
enum { NOT_SET = -1 };

static bool start_shape(const naru_port *p, const shape *given, shape *out, char why[400]) {
    *out = (shape){.name = p->name, .dtype = p->dtype, .rank = p->rank};
    if (given && given->dtype != NARU_UNDEFINED) {
        if (p->dtype != NARU_UNDEFINED && p->dtype != given->dtype)
            return snprintf(why, 400, "input '%s' is %s in the model, --shape says %s", p->name,
                            naru_dtype_name(p->dtype), naru_dtype_name(given->dtype)),
                   false;
        out->dtype = given->dtype;
    }
    if (given && p->rank >= 0 && p->rank != given->rank)
        return snprintf(why, 400, "input '%s' is %s in the model: %d dimensions, --shape gives %d", p->name, p->type,
                        p->rank, given->rank),
               false;
    if (given) out->rank = given->rank;
    if (out->rank < 0 || out->dtype == NARU_UNDEFINED)
        return snprintf(why, 400, "input '%s' is %s in the model; add --shape %s=DIMS%s", p->name, p->type, p->name,
                        out->dtype == NARU_UNDEFINED ? ":TYPE" : ""),
               false;
    for (int d = 0; d < out->rank; d++) {
        int64_t fixed = p->rank >= 0 ? p->dims[d] : NOT_SET;
        out->dims[d] = given ? given->dims[d] : fixed;
        if (given && fixed >= 0 && fixed != given->dims[d])
            return snprintf(why, 400, "input '%s': axis %d is %lld in the model, --shape gives %lld", p->name, d,
                            (long long)fixed, (long long)given->dims[d]),
                   false;
    }
    return true;
}

static const char *symbol(const naru_port *p, int d) { return p->rank > d ? p->symbols[d] : NULL; }

/* Every dimension that bears the symbol of the first input's axis 0, or, if it bears none, axis 0 of each input. */
static bool set_batch(const ports *in, int64_t batch, shape *out, char why[400]) {
    const char *name = in->count ? symbol(&in->items[0], 0) : NULL;
    for (size_t i = 0; i < in->count; i++) {
        const naru_port *p = &in->items[i];
        for (int d = 0; d < out[i].rank; d++) {
            bool is_batch = name ? symbol(p, d) && strcmp(symbol(p, d), name) == 0 : d == 0;
            if (!is_batch || p->optional) continue;
            if (p->rank > d && p->dims[d] >= 0 && p->dims[d] != batch)
                return snprintf(why, 400,
                                "input '%s': axis %d is %lld in the model, --batch asks for %lld; export the model "
                                "with a dynamic batch",
                                p->name, d, (long long)p->dims[d], (long long)batch),
                       false;
            out[i].dims[d] = batch;
        }
    }
    return true;
}

/* A symbol's size where some input has it already, else NOT_SET. Two different sizes are an error. */
static bool bound(const ports *in, const shape *out, const char *name, int64_t *size, char why[400]) {
    *size = NOT_SET;
    for (size_t i = 0; i < in->count; i++)
        for (int d = 0; d < out[i].rank; d++) {
            const char *s = symbol(&in->items[i], d);
            if (!s || strcmp(s, name) != 0 || out[i].dims[d] == NOT_SET) continue;
            if (*size != NOT_SET && *size != out[i].dims[d])
                return snprintf(
                           why, 400,
                           "dimension '%s' is %lld in one input and %lld in '%s' (axis %d); give both the same size",
                           name, (long long)*size, (long long)out[i].dims[d], out[i].name, d),
                       false;
            *size = out[i].dims[d];
        }
    return true;
}

/* Dimensions that neither the model nor the caller fixed: the symbol's size, 1 for a batch (axis 0), else a question.
 */
static bool fill_rest(const ports *in, shape *out, char why[400]) {
    for (size_t i = 0; i < in->count; i++)
        for (int d = 0; d < out[i].rank; d++) {
            const char *name = symbol(&in->items[i], d);
            int64_t size = NOT_SET;
            if (name && !bound(in, out, name, &size, why)) return false;
            if (out[i].dims[d] != NOT_SET) continue;
            if (size == NOT_SET && d == 0) size = 1;
            if (size == NOT_SET)
                return snprintf(why, 400,
                                "input '%s' is %s in the model: axis %d%s%s%s is not fixed; add --shape %s=DIMS",
                                in->items[i].name, in->items[i].type, d, name ? " ('" : "", name ? name : "",
                                name ? "')" : "", in->items[i].name),
                       false;
            out[i].dims[d] = size;
        }
    return true;
}

bool shapes_resolve(const ports *in, const shapes *given, int64_t batch, shape *out, char why[400]) {
    char hint[200];
    for (size_t i = 0; i < given->count; i++)
        if (!find_port(in, given->items[i].name))
            return snprintf(why, 400, "the model has no input '%s'%s", given->items[i].name,
                            port_hint(in, given->items[i].name, hint, sizeof hint)),
                   false;
    for (size_t i = 0; i < in->count; i++) {
        const naru_port *p = &in->items[i];
        const shape *g = find_shape(given, p->name);
        out[i] = (shape){.name = p->name};
        if (p->optional && !g) continue; /* its default will do */
        if (p->kind != NARU_KIND_TENSOR)
            return snprintf(why, 400, "input '%s' is %s: no random content for it; add --input %s=FILE.pb", p->name,
                            p->type, p->name),
                   false;
        if (!start_shape(p, g, &out[i], why)) return false;
    }
    return (batch == 0 || set_batch(in, batch, out, why)) && fill_rest(in, out, why);
}
