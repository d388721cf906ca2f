/* SPDX-License-Identifier: MIT
 *
 * Where string literals end, prefixes and all.
 */
#include "script/lex_string.h"

#include <string.h>

enum { NESTED_MAX = 8 }; /* f-strings in f-strings, formats in formats */

typedef struct {
    const char *s;
    uint32_t end;
    const char *problem;
    int nested;
} scan;

static char at_of(const scan *c, uint32_t i) { return i < c->end ? c->s[i] : 0; }

static bool is_quote(char ch) { return ch == '"' || ch == '\''; }

static bool is_word(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || (ch & 0x80);
}

int lex_prefix(const source *src, uint32_t at, uint32_t end) {
    scan c = {src->text, end, NULL, 0};
    char p[3] = {0};
    int n = 0;
    while (n < 2 && !is_quote(at_of(&c, at + (uint32_t)n)) && at_of(&c, at + (uint32_t)n))
        p[n] = (char)(at_of(&c, at + (uint32_t)n) | 0x20), n++;
    if (!is_quote(at_of(&c, at + (uint32_t)n))) return -1;
    static const char *const known[] = {"", "r", "u", "b", "f", "br", "rb", "fr", "rf"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], p) == 0) return n;
    return -1;
}

static uint32_t quotes_at(const scan *c, uint32_t at) {
    return at_of(c, at + 1) == c->s[at] && at_of(c, at + 2) == c->s[at] ? 3 : 1;
}

static bool closes(const scan *c, uint32_t at, char quote, uint32_t quotes) {
    return at_of(c, at) == quote && (quotes == 1 || (at_of(c, at + 1) == quote && at_of(c, at + 2) == quote));
}

static uint32_t fail(scan *c, const char *problem) {
    if (!c->problem) c->problem = problem;
    return 0;
}

static uint32_t literal_end(scan *c, uint32_t at, uint32_t prefix);
static uint32_t field_end(scan *c, uint32_t at);

/* From after the `:` to after the `}`. */
static uint32_t format_end(scan *c, uint32_t at) {
    while (at < c->end) {
        char ch = c->s[at];
        if (ch == '}') return at + 1;
        if (ch == '{') {
            at = field_end(c, at + 1);
            if (!at) return 0;
        } else at++;
    }
    return fail(c, "a replacement field of an f-string is not closed");
}

/* A string inside a field, with the prefix found behind: one or two letters, unless they end a longer word. */
static uint32_t inner_literal(scan *c, uint32_t start, uint32_t at) {
    uint32_t from = at;
    while (from > start && at - from < 2 && is_word(c->s[from - 1])) from--;
    source src = {.text = c->s};
    int prefix = from > start && is_word(c->s[from - 1]) ? -1 : lex_prefix(&src, from, c->end);
    return prefix < 0 ? literal_end(c, at, 0) : literal_end(c, from, (uint32_t)prefix);
}

/* From after the `{` to after the `}`. */
static uint32_t field_end(scan *c, uint32_t at) {
    if (++c->nested > NESTED_MAX) return fail(c, "f-strings are nested too deep");
    uint32_t start = at, open = 0;
    while (at < c->end) {
        char ch = c->s[at];
        if (is_quote(ch)) {
            at = inner_literal(c, start, at);
            if (!at) return 0;
            continue;
        }
        if (ch == '(' || ch == '[' || ch == '{') open++;
        else if (open && (ch == ')' || ch == ']' || ch == '}')) open--;
        else if (ch == '}') return c->nested--, at + 1;
        else if (ch == ':' && !open) {
            at = format_end(c, at + 1);
            return c->nested--, at;
        } else if (ch == '#')
            while (at + 1 < c->end && c->s[at + 1] != '\n') at++;
        at++;
    }
    return fail(c, "a replacement field of an f-string is not closed");
}

static uint32_t past_escape(const scan *c, uint32_t at, bool raw, bool format) {
    char ch = at_of(c, at + 1);
    if (format && (ch == '{' || ch == '}')) return at + 1; /* the backslash stands for itself */
    if (format && !raw && ch == 'N' && at_of(c, at + 2) == '{') {
        const char *close = memchr(c->s + at, '}', c->end - at);
        return close ? (uint32_t)(close - c->s) + 1 : c->end;
    }
    if (ch == '\r' && at_of(c, at + 2) == '\n') return at + 3;
    return at + 2;
}

/* `at` is where the prefix starts. */
static uint32_t literal_end(scan *c, uint32_t at, uint32_t prefix) {
    bool raw = false, format = false;
    for (uint32_t i = 0; i < prefix; i++) {
        raw |= (c->s[at + i] | 0x20) == 'r';
        format |= (c->s[at + i] | 0x20) == 'f';
    }
    at += prefix;
    char quote = c->s[at];
    uint32_t quotes = quotes_at(c, at);
    at += quotes;
    while (at < c->end) {
        char ch = c->s[at];
        if (closes(c, at, quote, quotes)) return at + quotes;
        if (ch == '\n' && quotes == 1) break;
        if (ch == '\\') at = past_escape(c, at, raw, format);
        else if (format && ch == '{' && at_of(c, at + 1) != '{') {
            at = field_end(c, at + 1);
            if (!at) return 0;
        } else at += format && (ch == '{') ? 2 : 1;
    }
    return fail(c, "the string is not closed");
}

uint32_t lex_string_end(const source *src, uint32_t at, uint32_t end, const char **problem) {
    scan c = {src->text, end, NULL, 0};
    int prefix = lex_prefix(src, at, end);
    uint32_t stop = literal_end(&c, at, prefix < 0 ? 0 : (uint32_t)prefix);
    *problem = c.problem;
    return stop;
}

lex_literal lex_take_apart(const source *src, uint32_t start, uint32_t end) {
    lex_literal l = {0};
    while (!is_quote(src->text[start])) {
        char ch = (char)(src->text[start++] | 0x20);
        l.raw |= ch == 'r';
        l.bytes |= ch == 'b';
        l.format |= ch == 'f';
    }
    scan c = {src->text, end, NULL, 0};
    uint32_t quotes = end - start >= 6 ? quotes_at(&c, start) : 1;
    l.start = start + quotes;
    l.end = end - quotes;
    return l;
}

uint32_t lex_format_end(const source *src, uint32_t start, uint32_t end) {
    scan c = {src->text, end, NULL, 0};
    uint32_t stop = format_end(&c, start);
    return stop ? stop - 1 : end;
}
