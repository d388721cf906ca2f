/* SPDX-License-Identifier: MIT
 *
 * Reading op_desc.since (since.h).
 */
#include "ops/since.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int since_dtype(naru_dtype d) {
    switch (d) {
    case NARU_FLOAT8E4M3FN:
    case NARU_FLOAT8E4M3FNUZ:
    case NARU_FLOAT8E5M2:
    case NARU_FLOAT8E5M2FNUZ: return 19;
    case NARU_UINT4:
    case NARU_INT4: return 21;
    case NARU_FLOAT4E2M1: return 23;
    case NARU_FLOAT8E8M0: return 24;
    case NARU_UINT2:
    case NARU_INT2: return 25;
    case NARU_FLOAT6E2M3:
    case NARU_FLOAT6E3M2: return 28;
    default: return 1;
    }
}

/* The next word before ';' or the end; false at the row's end. */
static bool word(const char **p, char *out, size_t size) {
    size_t n = 0;
    while (isspace((unsigned char)**p)) ++*p;
    for (; **p && **p != ';' && !isspace((unsigned char)**p); ++*p)
        if (n + 1 < size) out[n++] = **p;
    out[n] = 0;
    return n > 0;
}

static bool names_type(const char *text, const type *t) {
    if (t->kind == TYPE_SEQUENCE) return strcmp(text, "seq") == 0;
    if (t->kind == TYPE_OPTIONAL) return strcmp(text, "opt") == 0;
    return t->kind == TYPE_TENSOR && sig_type_set(text) >> t->dtype & 1;
}

/* The row's opset when its key is `key` and, for types, one of its words names t; else 1. */
static int row(const char **p, const char *key, const type *t) {
    char text[48];
    bool mine = word(p, text, sizeof text) && strcmp(text, key) == 0;
    int since = word(p, text, sizeof text) && strcmp(text, "never") != 0 ? atoi(text) : SINCE_NEVER;
    bool typed = false, named = false;
    while (word(p, text, sizeof text)) {
        typed = true;
        named = named || (t && names_type(text, t));
    }
    if (**p == ';') ++*p;
    return mine && (t ? named : !typed) ? since : 1;
}

static int latest(const char *rows, const char *key, const type *t) {
    int since = 1;
    for (const char *p = rows ? rows : ""; *p;) {
        int r = row(&p, key, t);
        if (r > since) since = r;
    }
    return since;
}

static int since_element(const type *t) {
    for (; t && t->kind != TYPE_TENSOR; t = t->elem) {}
    return t ? since_dtype(t->dtype) : 1;
}

int since_type(const op_desc *op, const sig *s, const sig_param *p, const type *t) {
    int own = latest(op->since, p->var >= 0 ? s->vars[p->var] : p->name, t), element = since_element(t);
    return own > element ? own : element;
}

int since_name(const op_desc *op, const char *name) { return latest(op->since, name, NULL); }
