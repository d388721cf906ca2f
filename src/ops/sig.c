/* SPDX-License-Identifier: MIT
 *
 * Parser of signature texts: "X:T, W:T, B:T? -> Y:T | T = float; I = int32 int64".
 */
#include "ops/sig.h"

#include <ctype.h>
#include <string.h>

#define BIT(d) ((uint64_t)1 << (d))
static const uint64_t k_signed = BIT(NARU_INT8) | BIT(NARU_INT16) | BIT(NARU_INT32) | BIT(NARU_INT64);
static const uint64_t k_unsigned = BIT(NARU_UINT8) | BIT(NARU_UINT16) | BIT(NARU_UINT32) | BIT(NARU_UINT64);
static const uint64_t k_float = BIT(NARU_FLOAT) | BIT(NARU_FLOAT16) | BIT(NARU_DOUBLE) | BIT(NARU_BFLOAT16);

static const uint64_t k_float8 =
    BIT(NARU_FLOAT8E4M3FN) | BIT(NARU_FLOAT8E4M3FNUZ) | BIT(NARU_FLOAT8E5M2) | BIT(NARU_FLOAT8E5M2FNUZ);

uint64_t sig_type_set(const char *word) {
    if (strcmp(word, "float") == 0) return k_float;
    if (strcmp(word, "int") == 0) return k_signed | k_unsigned;
    if (strcmp(word, "signed") == 0) return k_signed;
    if (strcmp(word, "unsigned") == 0) return k_unsigned;
    if (strcmp(word, "num") == 0) return k_signed | k_unsigned | k_float;
    if (strcmp(word, "float8") == 0) return k_float8;
    if (strcmp(word, "float6") == 0) return BIT(NARU_FLOAT6E2M3) | BIT(NARU_FLOAT6E3M2);
    if (strcmp(word, "small") == 0) return (BIT(NARU_DTYPES) - 1) & ~(BIT(NARU_FLOAT8E4M3FN) - 1);
    if (strcmp(word, "all") == 0 || strcmp(word, "any") == 0) return (BIT(NARU_DTYPES) - 1) & ~BIT(NARU_UNDEFINED);
    naru_dtype d = naru_dtype_parse(word);
    return d == NARU_UNDEFINED ? 0 : BIT(d);
}

static bool is_container(const char *word) {
    return strncmp(word, "seq", 3) == 0 || strncmp(word, "opt", 3) == 0 || strncmp(word, "map", 3) == 0 ||
           strcmp(word, "value") == 0;
}

static void skip(const char **p) {
    while (**p && isspace((unsigned char)**p)) ++*p;
}

static bool word_at(const char **p, char *out, size_t size) {
    skip(p);
    size_t n = 0;
    int depth = 0;
    for (; **p && (depth || isalnum((unsigned char)**p) || **p == '_' || **p == '('); ++*p) {
        depth += **p == '(';
        depth -= **p == ')';
        if (n + 1 >= size) return false;
        out[n++] = **p;
    }
    out[n] = 0;
    return n > 0;
}

/* Type words are resolved after the variables are known: kept by position. */
typedef struct pending {
    sig_param *p;
    char word[40];
} pending;

static bool parse_params(const char **p, sig_param *list, int *count, pending *todo, int *ntodo) {
    *count = 0;
    skip(p);
    while (**p && **p != '|' && strncmp(*p, "->", 2) != 0) {
        if (*count == SIG_MAX_PARAMS) return false;
        sig_param *x = &list[(*count)++];
        *x = (sig_param){.var = -1};
        if (!word_at(p, x->name, sizeof x->name)) return false;
        skip(p);
        if (**p != ':') return false;
        ++*p;
        todo[*ntodo].p = x;
        if (!word_at(p, todo[(*ntodo)++].word, sizeof todo->word)) return false;
        for (skip(p); **p == '?' || strncmp(*p, "...", 3) == 0; skip(p)) {
            if (**p == '?') {
                x->optional = true;
                ++*p;
            } else {
                x->variadic = true;
                *p += 3;
                if (**p == '*') x->hetero = true, ++*p;
            }
        }
        if (**p == ',') ++*p;
        skip(p);
    }
    return true;
}

static bool parse_vars(const char *p, sig *out) {
    for (skip(&p); *p; skip(&p)) {
        if (out->nvars == SIG_MAX_VARS || !word_at(&p, out->vars[out->nvars], sizeof out->vars[0])) return false;
        skip(&p);
        if (*p != '=') return false;
        p++;
        uint64_t types = 0;
        bool open = false;
        char word[40];
        for (skip(&p); *p && *p != ';'; skip(&p)) {
            if (!word_at(&p, word, sizeof word)) return false;
            uint64_t t = sig_type_set(word);
            if (!t && !is_container(word)) return false;
            open |= is_container(word);
            types |= t;
        }
        out->var_types[out->nvars++] = open ? 0 : types;
        if (*p == ';') p++;
    }
    return true;
}

static bool resolve(sig *s, const pending *todo, int n) {
    for (int i = 0; i < n; i++) {
        sig_param *p = todo[i].p;
        for (int v = 0; v < s->nvars; v++)
            if (strcmp(s->vars[v], todo[i].word) == 0) p->var = v;
        p->tensor = true;
        if (p->var >= 0) continue;
        p->types = sig_type_set(todo[i].word);
        p->tensor = p->types != 0;
        if (!p->types && !is_container(todo[i].word)) return false;
    }
    return true;
}

static void arity(const sig_param *list, int n, int *min, int *max) {
    *min = 0;
    *max = n;
    for (int i = 0; i < n; i++) {
        if (list[i].variadic) *max = -1;
        if (!list[i].optional) *min = i + 1;
    }
}

bool sig_parse(const char *text, sig *out) {
    *out = (sig){0};
    pending todo[2 * SIG_MAX_PARAMS];
    int ntodo = 0;
    const char *p = text;
    if (!parse_params(&p, out->in, &out->nin, todo, &ntodo) || strncmp(p, "->", 2) != 0) return false;
    p += 2;
    if (!parse_params(&p, out->out, &out->nout, todo, &ntodo)) return false;
    if (*p == '|' && !parse_vars(p + 1, out)) return false;
    arity(out->in, out->nin, &out->min_in, &out->max_in);
    arity(out->out, out->nout, &out->min_out, &out->max_out);
    return resolve(out, todo, ntodo);
}

static const sig_param *param(const sig_param *list, int n, int i) {
    if (i < n) return &list[i];
    return n && list[n - 1].variadic ? &list[n - 1] : NULL;
}
const sig_param *sig_input(const sig *s, int i) { return param(s->in, s->nin, i); }
const sig_param *sig_output(const sig *s, int i) { return param(s->out, s->nout, i); }
uint64_t sig_types(const sig *s, const sig_param *p) { return p->var >= 0 ? s->var_types[p->var] : p->types; }

/* "float16 float double": the set for a message; long sets are cut. */
static void print_set(uint64_t types, str *out) {
    int shown = 0;
    for (int d = 1; d < NARU_DTYPES; d++) {
        if (!(types & BIT(d))) continue;
        if (++shown > 6) {
            str_add(out, ", ...");
            return;
        }
        str_addf(out, shown > 1 ? ", %s" : "%s", naru_dtype_name((naru_dtype)d));
    }
}

static naru_status wrong_type(const sig_param *p, naru_dtype d, uint64_t allowed, naru_error *err) {
    str set = {0};
    print_set(allowed, &set);
    naru_status st = err_set(err, NARU_TYPE, "input '%s' is %s, needs %s", p->name, naru_dtype_name(d), str_text(&set));
    str_free(&set);
    return st;
}

/* The element types that the variables stand for in one node. */
typedef struct binding {
    naru_dtype dtype[SIG_MAX_VARS];
    const char *by[SIG_MAX_VARS];
} binding;

static naru_status check_kind(const sig_param *p, const type *t, uint64_t allowed, naru_error *err) {
    bool tensor = t->kind == TYPE_TENSOR || t->kind == TYPE_SPARSE;
    if (t->kind == TYPE_UNKNOWN || t->kind == TYPE_OPAQUE) return NARU_OK;
    if (allowed && !tensor) return err_set(err, NARU_TYPE, "input '%s' must be a tensor", p->name);
    if (p->var < 0 && !p->tensor && tensor) return err_set(err, NARU_TYPE, "input '%s' must not be a tensor", p->name);
    return NARU_OK;
}

static naru_status check_dtype(const sig_param *p, naru_dtype d, uint64_t allowed, binding *b, naru_error *err) {
    if (allowed && !(allowed & BIT(d))) return wrong_type(p, d, allowed, err);
    if (p->var < 0 || p->hetero || !allowed) return NARU_OK;
    if (b->dtype[p->var] && b->dtype[p->var] != d)
        return err_set(err, NARU_TYPE, "input '%s' is %s, but '%s' is %s; both must have one type", p->name,
                       naru_dtype_name(d), b->by[p->var], naru_dtype_name(b->dtype[p->var]));
    b->dtype[p->var] = d;
    b->by[p->var] = p->name;
    return NARU_OK;
}

naru_status sig_check_facts(const op_desc *op, int nin, const fact *const *in, naru_error *err) {
    sig s;
    binding b = {0};
    if (!sig_parse(op->sig, &s)) return err_set(err, NARU_INTERNAL, "%s: malformed signature", op->name);
    for (int i = 0; i < nin; i++) {
        const sig_param *p = sig_input(&s, i);
        if (p && !in[i] && !p->optional && !p->variadic)
            return err_set(err, NARU_TYPE, "%s: input '%s' is missing", op->name, p->name);
        if (!p || !in[i]) continue;
        const type *t = &in[i]->type;
        uint64_t allowed = sig_types(&s, p);
        TRY(check_kind(p, t, allowed, err));
        if (t->kind == TYPE_TENSOR && t->dtype != NARU_UNDEFINED) TRY(check_dtype(p, t->dtype, allowed, &b, err));
    }
    return NARU_OK;
}
