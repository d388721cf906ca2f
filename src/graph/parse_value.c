/* SPDX-License-Identifier: MIT
 *
 * Words, numbers, types, dims and tensors of the text form (parse.h has the grammar).
 */
#include <ctype.h>

#include "graph/parse_lex.h"
#include "tensor/dtype.h"

naru_status parse_fail(parser *p, const char *expected) {
    char near[24] = "the end";
    if (p->at < p->end) {
        int n = 0;
        near[n++] = '\'';
        for (const char *c = p->at; c < p->end && n < 18 && *c != '\n'; c++)
            near[n++] = isprint((unsigned char)*c) ? *c : '?';
        near[n++] = '\'';
        near[n] = 0;
    }
    return err_set(p->err, NARU_BAD_MODEL, "line %d: expected %s, found %s", p->line, expected, near);
}

void parse_space(parser *p) {
    while (p->at < p->end && (isspace((unsigned char)*p->at) || *p->at == '#')) {
        if (*p->at == '#')
            while (p->at + 1 < p->end && p->at[1] != '\n') p->at++;
        p->line += *p->at == '\n';
        p->at++;
    }
}

bool parse_is(parser *p, const char *text) {
    parse_space(p);
    size_t n = strlen(text);
    return (size_t)(p->end - p->at) >= n && memcmp(p->at, text, n) == 0;
}
bool parse_take(parser *p, const char *text) {
    if (!parse_is(p, text)) return false;
    p->at += strlen(text);
    return true;
}
naru_status parse_need(parser *p, const char *text) {
    char what[40] = "'";
    if (parse_take(p, text)) return NARU_OK;
    strncat(what, text, 30);
    strcat(what, "'");
    return parse_fail(p, what);
}

static bool word_char(const parser *p, const char *c) {
    if (*c == ':') /* part of a name, unless "::" of a domain or ": " of a declaration follows */
        return c + 1 < p->end &&
               (isalnum((unsigned char)c[1]) || c[1] == '_' ||
                (c[1] == ':' && c + 2 < p->end && (isalnum((unsigned char)c[2]) || c[2] == '_') && c[-1] != ' '));
    return isalnum((unsigned char)*c) || strchr("_./-", *c);
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

naru_status parse_string(parser *p, bytes *out) {
    if (!parse_is(p, "\"")) return parse_fail(p, "a string");
    size_t room = 1;
    for (const char *c = p->at + 1; c < p->end && *c != '"'; c++, room++)
        if (*c == '\\' && c + 1 < p->end) c++;
    char *s = arena_alloc(p->g->arena, room);
    size_t n = 0;
    if (!s) return err_oom(p->err);
    for (p->at++; p->at < p->end && *p->at != '"'; p->at++) {
        char c = *p->at;
        p->line += c == '\n';
        if (c == '\\') {
            if (p->end - p->at < 2) break;
            c = *++p->at;
            if (c == 'x') {
                int hi = p->end - p->at > 2 ? hex(p->at[1]) : -1, lo = hi < 0 ? -1 : hex(p->at[2]);
                if (lo < 0) return parse_fail(p, "two hexadecimal digits");
                c = (char)(hi * 16 + lo);
                p->at += 2;
            } else if (c != '"' && c != '\\') {
                return parse_fail(p, "one of \\\" \\\\ \\xNN");
            }
        }
        s[n++] = c;
    }
    if (p->at >= p->end) return parse_fail(p, "the end of a string");
    p->at++;
    s[n] = 0;
    *out = (bytes){s, n};
    return NARU_OK;
}

naru_status parse_name(parser *p, const char **out) {
    bytes s;
    parse_space(p);
    if (parse_is(p, "\"")) {
        TRY(parse_string(p, &s));
        if (strlen(s.data) != s.len) return parse_fail(p, "a name without NUL");
        *out = s.data;
        return NARU_OK;
    }
    const char *start = p->at;
    while (p->at < p->end && word_char(p, p->at)) p->at++;
    if (p->at == start) return parse_fail(p, "a name");
    *out = arena_strndup(p->g->arena, start, (size_t)(p->at - start));
    return *out ? NARU_OK : err_oom(p->err);
}

static naru_status number_text(parser *p, char *buf, size_t size) {
    parse_space(p);
    size_t n = 0;
    while (p->at < p->end && n + 1 < size && (isalnum((unsigned char)*p->at) || strchr("+-.", *p->at)))
        buf[n++] = *p->at++;
    buf[n] = 0;
    return n ? NARU_OK : parse_fail(p, "a number");
}

naru_status parse_int(parser *p, int64_t *out) {
    char buf[64];
    const char *start = p->at;
    TRY(number_text(p, buf, sizeof buf));
    if (str_parse_i64(buf, out)) return NARU_OK;
    p->at = start;
    return parse_fail(p, "a whole number");
}

naru_status parse_double(parser *p, double *out) {
    char buf[64];
    const char *start = p->at;
    TRY(number_text(p, buf, sizeof buf));
    if (str_parse_double(buf, out)) return NARU_OK;
    p->at = start;
    return parse_fail(p, "a number");
}

/* ---- dims ---- */
static bool dim_sum(parser *p, dim_t *out, int depth);

static bool dim_atom(parser *p, dim_t *out, int depth) {
    symtab *s = p->g->syms;
    dim_t a, b;
    if (depth > 32) return false;
    if (parse_take(p, "floor(")) {
        if (!dim_sum(p, &a, depth + 1) || !parse_take(p, "/") || !dim_sum(p, &b, depth + 1) || !parse_take(p, ")"))
            return false;
        *out = sym_div(s, a, b);
        return true;
    }
    if (parse_take(p, "(")) return dim_sum(p, out, depth + 1) && parse_take(p, ")");
    bytes quoted;
    if (parse_is(p, "\"")) {
        if (parse_string(p, &quoted) != NARU_OK || strlen(quoted.data) != quoted.len) return false;
        *out = sym_name(s, quoted.data);
        return true;
    }
    char word[128];
    size_t n = 0;
    while (p->at < p->end && n + 1 < sizeof word && (isalnum((unsigned char)*p->at) || strchr("_.:", *p->at)))
        word[n++] = *p->at++;
    word[n] = 0;
    int64_t v;
    if (!n) return false;
    *out = str_parse_i64(word, &v) ? v : sym_name(s, word);
    return true;
}

static bool dim_product(parser *p, dim_t *out, int depth) {
    dim_t more;
    if (!dim_atom(p, out, depth)) return false;
    while (parse_take(p, "*")) {
        if (!dim_atom(p, &more, depth)) return false;
        *out = sym_mul(p->g->syms, *out, more);
    }
    return true;
}

static bool dim_sum(parser *p, dim_t *out, int depth) {
    dim_t more;
    if (!dim_product(p, out, depth)) return false;
    for (;;) {
        bool minus = parse_is(p, "-");
        if (!parse_take(p, "+") && !parse_take(p, "-")) return true;
        if (!dim_product(p, &more, depth)) return false;
        *out = minus ? sym_sub(p->g->syms, *out, more) : sym_add(p->g->syms, *out, more);
    }
}

static naru_status parse_dim(parser *p, dim_t *out) {
    if (parse_take(p, "?")) {
        *out = DIM_UNKNOWN;
        return NARU_OK;
    }
    parse_space(p);
    const char *start = p->at;
    if (dim_sum(p, out, 0) && (parse_is(p, ",") || parse_is(p, "]"))) return NARU_OK;
    for (p->at = start; p->at < p->end && !strchr(",]\n", *p->at); p->at++) {} /* a name of odd characters */
    char *name = arena_strndup(p->g->arena, start, (size_t)(p->at - start));
    if (!name) return err_oom(p->err);
    if (!*name) return parse_fail(p, "a dimension");
    *out = sym_name(p->g->syms, name);
    return NARU_OK;
}

/* ---- types ---- */
static naru_status dtype_word(parser *p, naru_dtype *out) {
    const char *name;
    *out = NARU_UNDEFINED;
    if (parse_take(p, "?")) return NARU_OK;
    const char *start = p->at;
    TRY(parse_name(p, &name));
    if ((*out = naru_dtype_parse(name)) != NARU_UNDEFINED) return NARU_OK;
    p->at = start;
    return parse_fail(p, "an element type");
}

static naru_status nested_type(parser *p, type *out, type_kind kind) {
    type *elem = arena_calloc(p->g->arena, 1, sizeof *elem);
    if (!elem) return err_oom(p->err);
    if (++p->depth > PARSE_DEPTH) return err_set(p->err, NARU_LIMIT, "line %d: types are nested too deeply", p->line);
    TRY(parse_type(p, elem));
    p->depth--;
    out->kind = kind;
    out->elem = elem->kind == TYPE_UNKNOWN ? NULL : elem;
    return parse_need(p, ")");
}

naru_status parse_type(parser *p, type *out) {
    *out = (type){0};
    if (parse_take(p, "seq(")) return nested_type(p, out, TYPE_SEQUENCE);
    if (parse_take(p, "optional(")) return nested_type(p, out, TYPE_OPTIONAL);
    if (parse_take(p, "map(")) {
        TRY(dtype_word(p, &out->dtype));
        TRY(parse_need(p, ","));
        return nested_type(p, out, TYPE_MAP);
    }
    out->kind = parse_take(p, "sparse ") ? TYPE_SPARSE : TYPE_TENSOR;
    TRY(dtype_word(p, &out->dtype));
    if (!parse_is(p, "[")) {
        if (out->dtype != NARU_UNDEFINED) return parse_fail(p, "'['");
        out->kind = TYPE_UNKNOWN;
        return NARU_OK;
    }
    TRY(parse_need(p, "["));
    if (parse_take(p, "...")) return parse_need(p, "]");
    out->has_rank = true;
    while (!parse_take(p, "]")) {
        if (out->rank == NARU_MAX_RANK)
            return err_set(p->err, NARU_LIMIT, "line %d: rank exceeds %d", p->line, NARU_MAX_RANK);
        if (out->rank) TRY(parse_need(p, ","));
        TRY(parse_dim(p, &out->dims[out->rank++]));
    }
    return NARU_OK;
}

/* ---- tensors ---- */
static naru_status parse_element(parser *p, naru_tensor *t, int64_t i) {
    bytes s;
    double re, im;
    int64_t v;
    if (t->dtype == NARU_STRING) {
        TRY(parse_string(p, &s));
        return naru_tensor_set_string(t, i, s.data, s.len, p->err);
    }
    if (dtype_is_complex(t->dtype)) {
        TRY(parse_double(p, &re));
        TRY(parse_double(p, &im));
        if (t->dtype == NARU_COMPLEX128) ((double *)t->data)[2 * i] = re, ((double *)t->data)[2 * i + 1] = im;
        else ((float *)t->data)[2 * i] = (float)re, ((float *)t->data)[2 * i + 1] = (float)im;
        return NARU_OK;
    }
    if (dtype_is_float(t->dtype)) {
        TRY(parse_double(p, &re));
        dtype_set_f64(t->dtype, t->data, i, re);
        return NARU_OK;
    }
    if (t->dtype == NARU_UINT64) { /* beyond int64 too */
        parse_space(p);
        uint64_t u = 0;
        const char *start = p->at;
        while (p->at < p->end && isdigit((unsigned char)*p->at)) {
            if (__builtin_mul_overflow(u, 10, &u) || __builtin_add_overflow(u, (uint64_t)(*p->at - '0'), &u))
                return parse_fail(p, "a 64-bit number");
            p->at++;
        }
        if (p->at == start) return parse_fail(p, "a whole number");
        memcpy((char *)t->data + i * 8, &u, 8);
        return NARU_OK;
    }
    TRY(parse_int(p, &v));
    dtype_set_i64(t->dtype, t->data, i, v);
    return NARU_OK;
}

naru_status parse_tensor(parser *p, naru_tensor **out) {
    type t;
    int64_t count;
    TRY(parse_type(p, &t));
    if (t.kind != TYPE_TENSOR || !t.has_rank || t.dtype == NARU_UNDEFINED) return parse_fail(p, "a tensor's type");
    for (int i = 0; i < t.rank; i++)
        if (!dim_is_const(t.dims[i])) return parse_fail(p, "dims that are numbers");
    TRY(parse_need(p, "{"));
    if (!dims_count(t.rank, t.dims, &count) || count > p->end - p->at)
        return parse_fail(p, "as many elements as the dims say");
    TRY(tensor_new(t.dtype, t.rank, t.dims, out, p->err));
    if (t.dtype != NARU_STRING) memset((*out)->data, 0, tensor_bytes(*out));
    naru_status st = NARU_OK;
    for (int64_t i = 0; st == NARU_OK && i < count; i++) {
        if (i) st = parse_need(p, ",");
        if (st == NARU_OK) st = parse_element(p, *out, i);
    }
    if (st == NARU_OK) st = parse_need(p, "}");
    if (st != NARU_OK) {
        tensor_unref(*out);
        *out = NULL;
    }
    return st;
}
