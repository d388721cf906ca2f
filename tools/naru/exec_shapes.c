/* SPDX-License-Identifier: MIT
 *
 * "name:what,name:what": split at commas, then at the last ':'; names may be in single quotes, which keep commas and
 * colons, and may hold one '*'.
 */
#include <stdlib.h>
#include <string.h>

#include "exec.h"

void spec_free(spec_list *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].name);
        free(l->items[i].text);
    }
    free(l->items);
    *l = (spec_list){0};
}

/* The end of an item: a comma outside quotes. */
static const char *item_end(const char *p) {
    bool quoted = false;
    for (; *p && (quoted || *p != ','); p++) quoted ^= *p == '\'';
    return p;
}

/* A type behind the shape, which the inputs of a TorchScript module may want. */
static void take_type(spec_item *i) {
    naru_dtype d = naru_dtype_parse(i->text);
    char *colon = strrchr(i->name, ':');
    if (d == NARU_UNDEFINED || !colon) return;
    free(i->text);
    i->text = copy_text(colon + 1, strlen(colon + 1));
    i->dtype = d;
    *colon = 0;
}

static bool add_item(const char *option, const char *p, size_t n, spec_list *out) {
    const char *name = p, *colon = NULL;
    size_t len;
    if (n && *p == '\'') {
        const char *close = memchr(p + 1, '\'', n - 1);
        name = p + 1;
        len = close ? (size_t)(close - name) : 0;
        colon = close && close + 1 < p + n && close[1] == ':' ? close + 1 : NULL;
    } else {
        for (size_t i = 0; i < n; i++)
            if (p[i] == ':') colon = p + i;
        len = colon ? (size_t)(colon - name) : 0;
    }
    if (!colon || !len) return log_error("--%s: '%.*s' is not name:value", option, (int)n, p), false;
    const char *text = colon + 1;
    size_t rest = (size_t)(p + n - text);
    if (rest >= 2 && *text == '\'' && text[rest - 1] == '\'') text++, rest -= 2;
    out->items = regrow(out->items, (out->count + 1) * sizeof *out->items);
    out->items[out->count++] = (spec_item){copy_text(name, len), copy_text(text, rest), NARU_UNDEFINED, false};
    return true;
}

bool spec_pairs(const char *option, const char *text, spec_list *out) {
    for (const char *p = text; *p;) {
        const char *end = item_end(p);
        if (!add_item(option, p, (size_t)(end - p), out)) return false;
        p = end + (*end == ',');
    }
    if (!out->count) return log_error("--%s: nothing is given", option), false;
    return true;
}

bool spec_parse(const char *option, const char *text, spec_list *out) {
    if (!spec_pairs(option, text, out)) return false;
    for (size_t i = 0; i < out->count; i++) take_type(&out->items[i]);
    return true;
}

static bool matches(const char *pattern, const char *name) {
    const char *star = strchr(pattern, '*');
    if (!star) return false;
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), n = strlen(name);
    return n >= before + after && strncmp(pattern, name, before) == 0 && strcmp(name + n - after, star + 1) == 0;
}

spec_item *spec_find(const spec_list *l, const char *name) {
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].name, name) == 0) return l->items[i].used = true, &l->items[i];
    for (size_t i = 0; i < l->count; i++)
        if (matches(l->items[i].name, name)) return l->items[i].used = true, &l->items[i];
    return NULL;
}

bool spec_all_used(const char *option, const spec_list *l, const ports *in) {
    char hint[300];
    for (size_t i = 0; i < l->count; i++)
        if (!l->items[i].used && find_port(in, l->items[i].name))
            return log_error("--%s: '%s' is given twice", option, l->items[i].name), false;
        else if (!l->items[i].used)
            return log_error("--%s: cannot find input tensor '%s'%s", option, l->items[i].name,
                             port_hint(in, l->items[i].name, hint, sizeof hint)),
                   false;
    return true;
}

bool spec_dims(const char *option, const spec_item *item, shape *out) {
    const char *p = item->text;
    *out = (shape){.name = item->name, .dtype = item->dtype};
    if (!*p || strcmp(p, "scalar") == 0) return true;
    for (;;) {
        char *end;
        long long v = *p >= '0' && *p <= '9' ? strtoll(p, &end, 10) : -1;
        if (v < 0 || out->rank == NARU_MAX_RANK || end - p > 17 || (*end && *end != 'x'))
            return log_error("--%s: '%s' is not a shape such as 1x3x224x224", option, item->text), false;
        out->dims[out->rank++] = v;
        if (!*end) return true;
        p = end + 1;
    }
}
