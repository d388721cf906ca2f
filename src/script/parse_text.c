/* SPDX-License-Identifier: MIT
 *
 * Literals: numbers, strings and f-strings. A replacement field is parsed where it stands, by a lexer of its own over
 * that part of the source, so that ranges stay true.
 */
#include <string.h>

#include "script/parse_in.h"
#include "script/text.h"

/* ---- numbers ---- */

ast *syntax_complex(parser *p, uint32_t start, const ast *real, bool minus, const ast *imaginary) {
    ast *n = syntax_leaf(p, AST_COMPLEX, start, p->last_end);
    if (!n) return NULL;
    n->c.re = real->kind == AST_INT ? (double)real->i : real->f;
    n->c.im = minus ? -imaginary->c.im : imaginary->c.im;
    return n;
}

static ast *integer(parser *p, uint32_t start, token t, bool negative) {
    uint64_t v, most = (uint64_t)INT64_MAX + negative;
    if (!text_integer(p->lex.src->text + t.start, t.end - t.start, &v) || v > most)
        return syntax_unsupported(p, start, t.end, "Integral constant out of range");
    ast *n = syntax_leaf(p, AST_INT, start, t.end);
    if (n) n->i = negative ? (int64_t)(0 - v) : (int64_t)v;
    return n;
}

ast *syntax_number(parser *p, uint32_t start, bool negative) {
    token t = p->tok;
    syntax_advance(p);
    if (t.kind == T_INT) return integer(p, start, t, negative);
    double v;
    if (!text_float(p->lex.src->text + t.start, t.end - t.start, &v)) return syntax_oom(p);
    if (negative) v = -v;
    ast *n = syntax_leaf(p, t.kind == T_FLOAT ? AST_FLOAT : AST_COMPLEX, start, t.end);
    if (!n) return NULL;
    if (t.kind == T_FLOAT) n->f = v;
    else n->c.re = 0, n->c.im = v;
    return n;
}

/* ---- the parts of strings ---- */

/* Strings in the making: text gathered until a field ends it. The parts are pushed as kids. */
typedef struct {
    str text;
    uint32_t text_start, text_end;
    bool format;         /* one of the literals was an f-string */
    const char *refused; /* why the whole is UNSUPPORTED */
} strings;

static bool push_text(parser *p, strings *s) {
    if (s->text.failed) return syntax_oom(p);
    if (s->text.len == 0) return true;
    ast *n = syntax_leaf(p, AST_STR, s->text_start, s->text_end);
    if (!syntax_push(p, syntax_set_text(p, n, s->text.data, s->text.len))) return false;
    s->text.len = 0;
    return true;
}

/* Source bytes [start, end) into the text, escapes resolved. */
static bool add_text(parser *p, strings *s, uint32_t start, uint32_t end, bool raw) {
    size_t bad = 0;
    if (s->text.len == 0) s->text_start = start;
    s->text_end = end;
    text_escapes st = text_unescape(&s->text, p->lex.src->text + start, end - start, raw, &bad);
    if (st == TEXT_NAMED_ESCAPE) s->refused = "\\N{...} escapes aren't supported";
    if (st == TEXT_SURROGATE) s->refused = "surrogate escapes aren't supported";
    if (st != TEXT_BAD_ESCAPE) return true;
    return syntax_fail(p, NARU_BAD_FILE, start + (uint32_t)bad, start + (uint32_t)bad + 2,
                       "the escape is not complete");
}

static bool format_parts(parser *p, strings *s, uint32_t start, uint32_t end, bool raw);

/* The format after `:`, up to its `}`; pushes an FSTRING. */
static bool field_format(parser *p, uint32_t start, uint32_t end, bool raw) {
    size_t mark = p->kids.count;
    strings s = {.text_start = start};
    bool good = format_parts(p, &s, start, end, raw) && push_text(p, &s);
    str_free(&s.text);
    if (!good) return false;
    ast *n = syntax_node(p, AST_FSTRING, start, mark);
    if (n) n->at.end = end;
    return syntax_push(p, n);
}

/* `!r`: 0 none, -1 failed. */
static int conversion(parser *p) {
    if (!syntax_take(p, T_BANG)) return 0;
    token t = p->tok;
    char c = p->lex.src->text[t.start];
    if (t.kind == T_NAME && t.end - t.start == 1 && strchr("rsa", c)) return syntax_advance(p), c;
    syntax_unexpected(p, "a conversion r, s or a");
    return -1;
}

/* What stands inside the braces; *at becomes the byte after the `}`. */
static ast *field_parts(parser *p, strings *s, uint32_t *at, uint32_t end, bool raw) {
    uint32_t open = *at - 1;
    ast *value = syntax_tests(p);
    if (!value) return NULL;
    bool shown = syntax_take(p, T_SET); /* {x=} is x= and its value; repr unless something else is asked for */
    if (shown && !add_text(p, s, *at, p->tok.start, true)) return NULL;
    if (!push_text(p, s)) return NULL;
    size_t mark = p->kids.count;
    int how = conversion(p);
    if (how < 0 || !syntax_push(p, value)) return NULL;
    if (syntax_is(p, T_COLON)) {
        uint32_t start = p->tok.end, stop = lex_format_end(p->lex.src, start, end);
        if (!field_format(p, start, stop, raw)) return NULL;
        *at = stop + 1;
    } else {
        *at = p->tok.end;
        if (!syntax_is(p, T_CLOSE_CURLY)) return syntax_unexpected(p, "'}'");
        if (shown && !how) how = 'r';
        if (!syntax_push_missing(p)) return NULL;
    }
    ast *n = syntax_node(p, AST_FORMAT, open, mark);
    if (!n) return NULL;
    n->at.end = *at;
    n->i = how;
    return n;
}

/* Pushes text and the field after it; from the byte after `{` to the one after `}`. */
static bool field(parser *p, strings *s, uint32_t *at, uint32_t end, bool raw) {
    if (!syntax_enter(p)) return false;
    parse_saved saved = syntax_begin_part(p, *at, end, true);
    ast *n = field_parts(p, s, at, end, raw);
    syntax_end_part(p, &saved);
    p->depth--;
    return syntax_push(p, n);
}

static uint32_t past_text(const char *t, uint32_t at, uint32_t end, bool raw) {
    while (at < end && t[at] != '{' && t[at] != '}') {
        bool named = !raw && t[at] == '\\' && end - at > 2 && t[at + 1] == 'N' && t[at + 2] == '{';
        const char *close = named ? memchr(t + at, '}', end - at) : NULL;
        if (close) at = (uint32_t)(close - t) + 1;
        else at += t[at] == '\\' && at + 1 < end && t[at + 1] != '{' && t[at + 1] != '}' ? 2 : 1;
    }
    return at < end ? at : end;
}

static bool format_parts(parser *p, strings *s, uint32_t start, uint32_t end, bool raw) {
    const char *t = p->lex.src->text;
    while (start < end) {
        uint32_t stop = past_text(t, start, end, raw);
        bool twice = stop + 1 < end && t[stop] == t[stop + 1]; /* {{ and }} are braces */
        if (!add_text(p, s, start, stop + twice, raw)) return false;
        start = stop + (twice ? 2 : 1);
        if (twice || stop == end) continue;
        if (t[stop] == '}') return syntax_fail(p, NARU_BAD_FILE, stop, stop + 1, "a single '}' in an f-string");
        if (!field(p, s, &start, end, raw)) return false;
    }
    return true;
}

/* ---- literals ---- */

static bool literal(parser *p, strings *s, token t) {
    lex_literal l = lex_take_apart(p->lex.src, t.start, t.end);
    if (l.bytes) s->refused = "bytes literals aren't supported";
    if (l.bytes) return true;
    if (!l.format) return add_text(p, s, l.start, l.end, l.raw);
    s->format = true;
    return format_parts(p, s, l.start, l.end, l.raw);
}

static ast *finish_strings(parser *p, strings *s, uint32_t start, size_t mark) {
    if (s->text.failed) return syntax_oom(p);
    if (s->refused) {
        p->kids.count = mark;
        return syntax_unsupported(p, start, p->last_end, s->refused);
    }
    if (s->format) return push_text(p, s) ? syntax_node(p, AST_FSTRING, start, mark) : NULL;
    return syntax_set_text(p, syntax_leaf(p, AST_STR, start, p->last_end), str_text(&s->text), s->text.len);
}

ast *syntax_strings(parser *p) {
    strings s = {0};
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    bool good = true;
    while (good && syntax_is(p, T_STRING)) {
        token t = p->tok;
        syntax_advance(p);
        good = literal(p, &s, t);
    }
    ast *n = good ? finish_strings(p, &s, start, mark) : NULL;
    str_free(&s.text);
    return n;
}
