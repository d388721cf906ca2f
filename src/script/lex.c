/* SPDX-License-Identifier: MIT
 *
 * The lexer: blanks and lines, names, numbers, symbols. Strings end in lex_string.c.
 */
#include "script/lex.h"

#include <string.h>

#include "base/mem.h"
#include "script/lex_string.h"

typedef struct {
    const char *text;
    size_t len;
    token_kind kind;
} spelling;

static const spelling keywords[] = {
#define KEYWORD(id, text) {text, sizeof text - 1, T_##id},
#include "script/tokens.def"
};
static const spelling symbols[] = {
#define SYMBOL(id, text) {text, sizeof text - 1, T_##id},
#include "script/tokens.def"
};

const char *lex_text(token_kind kind) {
    static const char *const texts[] = {
#define TOKEN(id, text) text,
#include "script/tokens.def"
    };
    return texts[kind];
}

bool lex_is_spelled(token_kind kind) { return kind >= T_FALSE; }

void lex_file(lexer *lx, const source *src, lex_indent *indents) {
    *lx = (lexer){.src = src, .end = src->size, .indents = indents, .line_start = true};
    indents[0] = (lex_indent){0, 0};
    if (src->size >= 3 && memcmp(src->text, "\xEF\xBB\xBF", 3) == 0) lx->at = 3;
}

void lex_part(lexer *lx, const source *src, uint32_t start, uint32_t end) {
    *lx = (lexer){.src = src, .at = start, .end = end};
}

static char peek(const lexer *lx, uint32_t ahead) {
    return lx->at + ahead < lx->end ? lx->src->text[lx->at + ahead] : 0;
}

static bool ended(const lexer *lx) { return lx->at >= lx->end; }

static token_kind problem(lexer *lx, const char *text) {
    lx->problem = text;
    return T_ERROR;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80); }
static bool is_name(char c) { return is_name_start(c) || is_digit(c); }

/* ---- blanks, comments, lines ---- */

/* Remembers the text of `# type: T` in t, unless there is one already; `# type: ignore` is for checkers. */
static void keep_type(const lexer *lx, uint32_t start, uint32_t end, token *t) {
    const char *s = lx->src->text;
    uint32_t i = start + 1;
    while (i < end && (s[i] == ' ' || s[i] == '\t')) i++;
    if (end - i < 5 || memcmp(s + i, "type:", 5) != 0) return;
    i += 5;
    while (i < end && (s[i] == ' ' || s[i] == '\t')) i++;
    if (i == end || (end - i >= 6 && memcmp(s + i, "ignore", 6) == 0) || t->type_end) return;
    t->type_start = i;
    t->type_end = end;
}

static void skip_comment(lexer *lx, token *t) {
    const char *s = lx->src->text + lx->at, *stop = memchr(s, '\n', lx->end - lx->at);
    uint32_t end = stop ? (uint32_t)(stop - lx->src->text) : lx->end;
    keep_type(lx, lx->at, end, t);
    lx->at = end;
}

/* The bytes of the line end here; 0: there is none. */
static uint32_t line_end(const lexer *lx) {
    if (peek(lx, 0) == '\n') return 1;
    return peek(lx, 0) == '\r' ? (peek(lx, 1) == '\n' ? 2 : 1) : 0;
}

/* Up to the next token; false: a backslash that joins nothing. */
static bool skip_blanks(lexer *lx, token *t) {
    bool lines = !lx->indents || lx->brackets;
    while (!ended(lx)) {
        char c = peek(lx, 0);
        if (c == ' ' || c == '\t' || c == '\f') lx->at++;
        else if (c == '#') skip_comment(lx, t);
        else if (lines && line_end(lx)) lx->at += line_end(lx);
        else if (c == '\\') {
            lx->at++;
            if (!line_end(lx)) return false;
            lx->at += line_end(lx);
        } else break;
    }
    return true;
}

static lex_indent measure(lexer *lx) {
    lex_indent in = {0, 0};
    for (;; lx->at++) {
        char c = peek(lx, 0);
        if (c == ' ') in.column++, in.strict++;
        else if (c == '\t') in.column = (in.column / 8 + 1) * 8, in.strict++;
        else if (c == '\f') in = (lex_indent){0, 0};
        else return in;
    }
}

static token_kind indent_error(lexer *lx) { return problem(lx, "tabs and spaces are mixed in the indentation"); }

static token_kind dedent(lexer *lx, lex_indent in) {
    while (lx->indents[lx->depth].column > in.column) lx->depth--, lx->dedents++;
    if (lx->indents[lx->depth].column != in.column)
        return problem(lx, "the line is indented less than its block and more than the block around it");
    if (lx->indents[lx->depth].strict != in.strict) return indent_error(lx);
    lx->dedents--;
    return T_DEDENT;
}

/* At the start of a line: passes empty ones; T_NONE_YET when the line goes on in the same block. */
static token_kind start_line(lexer *lx, token *t) {
    lex_indent in;
    for (;;) {
        in = measure(lx);
        if (peek(lx, 0) == '#') skip_comment(lx, t);
        if (!line_end(lx)) break;
        lx->at += line_end(lx);
    }
    lx->line_start = false;
    if (ended(lx)) return T_NONE_YET;
    lex_indent top = lx->indents[lx->depth];
    if (in.column < top.column) return dedent(lx, in);
    if (in.column == top.column) return in.strict == top.strict ? T_NONE_YET : indent_error(lx);
    if (in.strict <= top.strict) return indent_error(lx);
    if (lx->depth == AST_MAX_BLOCKS) return problem(lx, "blocks are nested too deep");
    lx->indents[++lx->depth] = in;
    return T_INDENT;
}

static token_kind end_of_text(lexer *lx) {
    if (!lx->indents || lx->brackets) return T_END;
    bool fresh = lx->last == T_NEWLINE || lx->last == T_DEDENT || lx->last == T_INDENT || lx->last == T_NONE_YET;
    if (!fresh) return T_NEWLINE;
    if (lx->depth == 0) return T_END;
    lx->depth--;
    return T_DEDENT;
}

/* ---- names ---- */

/* Blanks and punctuation of other scripts are no letters; all other code points are taken for letters. */
static bool bad_letter(uint32_t c) {
    return c < 0xAA || (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x3003) || c == 0xFEFF || c == 0xFFFD;
}

static bool skip_letter(lexer *lx) {
    unsigned char c = (unsigned char)peek(lx, 0);
    if (c < 0x80) return lx->at++, true;
    uint32_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2, point = c & (0x7Fu >> n); /* the text is valid UTF-8 */
    for (uint32_t i = 1; i < n; i++) point = point << 6 | ((unsigned char)peek(lx, i) & 0x3F);
    lx->at += n;
    return !bad_letter(point);
}

static token_kind keyword(const char *s, size_t n) {
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (keywords[i].text[0] == s[0] && keywords[i].len == n && memcmp(keywords[i].text, s, n) == 0)
            return keywords[i].kind;
    return T_NAME;
}

static token_kind name(lexer *lx) {
    uint32_t start = lx->at;
    while (is_name(peek(lx, 0)))
        if (!skip_letter(lx)) return problem(lx, "a character that no name can have");
    return keyword(lx->src->text + start, lx->at - start);
}

/* ---- numbers ---- */

static bool digit_of(char c, int base) {
    int v = is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;
    return v < base;
}

/* digit ("_"? digit)*; false: none, or a `_` at the end. */
static bool digits(lexer *lx, int base) {
    uint32_t start = lx->at;
    while (digit_of(peek(lx, 0), base) || (peek(lx, 0) == '_' && digit_of(peek(lx, 1), base))) lx->at++;
    return lx->at > start && peek(lx, 0) != '_';
}

static int radix(const lexer *lx) {
    if (peek(lx, 0) != '0') return 10;
    char c = (char)(peek(lx, 1) | 0x20);
    return c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
}

static bool exponent(const lexer *lx) {
    return (peek(lx, 0) | 0x20) == 'e' &&
           (is_digit(peek(lx, 1)) || ((peek(lx, 1) == '+' || peek(lx, 1) == '-') && is_digit(peek(lx, 2))));
}

static bool decimal(lexer *lx, token_kind *kind) {
    *kind = T_INT;
    uint32_t start = lx->at;
    if (peek(lx, 0) != '.' && !digits(lx, 10)) return false;
    bool zeros = lx->src->text[start] == '0' && strspn(lx->src->text + start, "0_") < lx->at - start;
    if (peek(lx, 0) == '.') {
        *kind = T_FLOAT;
        lx->at++;
        if (is_digit(peek(lx, 0)) && !digits(lx, 10)) return false;
    }
    if (exponent(lx)) {
        *kind = T_FLOAT;
        lx->at += is_digit(peek(lx, 1)) ? 1 : 2;
        if (!digits(lx, 10)) return false;
    }
    if ((peek(lx, 0) | 0x20) == 'j') {
        *kind = T_IMAGINARY;
        lx->at++;
    }
    return !(zeros && *kind == T_INT); /* 012 was octal once */
}

/* `1if x else y` is Python: after a number, only these may follow without a blank. */
static bool may_follow(const lexer *lx) {
    if (!is_name(peek(lx, 0))) return true;
    uint32_t n = 0;
    while (is_name(peek(lx, n))) n++;
    switch (keyword(lx->src->text + lx->at, n)) {
    case T_AND:
    case T_ELSE:
    case T_FOR:
    case T_IF:
    case T_IN:
    case T_IS:
    case T_NOT:
    case T_OR: return true;
    default: return false;
    }
}

static token_kind number(lexer *lx) {
    token_kind kind = T_INT;
    int base = radix(lx);
    bool good;
    if (base == 10) good = decimal(lx, &kind);
    else {
        lx->at += peek(lx, 2) == '_' ? 3 : 2;
        good = digits(lx, base);
    }
    return good && may_follow(lx) ? kind : problem(lx, "the number is not well written");
}

/* ---- all ---- */

static token_kind symbol(lexer *lx) {
    const char *s = lx->src->text + lx->at;
    uint32_t room = lx->end - lx->at;
    for (size_t i = 0; i < COUNT_OF(symbols); i++) {
        if (symbols[i].text[0] != s[0] || symbols[i].len > room || memcmp(symbols[i].text, s, symbols[i].len) != 0)
            continue;
        token_kind kind = symbols[i].kind;
        if (kind == T_BANG && !lx->field) break;
        if (kind == T_WALRUS && lx->field && !lx->brackets) continue;
        bool outside = lx->field && !lx->brackets;
        if (kind == T_OPEN || kind == T_OPEN_SQUARE || kind == T_OPEN_CURLY) lx->brackets++;
        if ((kind == T_CLOSE || kind == T_CLOSE_SQUARE || kind == T_CLOSE_CURLY) && lx->brackets) lx->brackets--;
        lx->at += (uint32_t)symbols[i].len;
        if (outside && (kind == T_COLON || kind == T_CLOSE_CURLY)) lx->end = lx->at; /* what follows is text */
        return kind;
    }
    lx->at++;
    return problem(lx, "a character that has no meaning here");
}

static token_kind string(lexer *lx) {
    uint32_t end = lex_string_end(lx->src, lx->at, lx->end, &lx->problem);
    if (!end) return T_ERROR;
    lx->at = end;
    return T_STRING;
}

static token_kind scan_token(lexer *lx) {
    if (ended(lx)) return end_of_text(lx);
    if (line_end(lx)) {
        lx->at += line_end(lx);
        lx->line_start = true;
        return T_NEWLINE;
    }
    char c = peek(lx, 0);
    if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1)))) return number(lx);
    if (lex_prefix(lx->src, lx->at, lx->end) >= 0) return string(lx);
    return is_name_start(c) ? name(lx) : symbol(lx);
}

token lex_next(lexer *lx) {
    token t = {0};
    if (lx->dedents) {
        lx->dedents--;
        t.kind = T_DEDENT;
    } else if (lx->line_start && lx->indents) t.kind = start_line(lx, &t);
    if (t.kind == T_NONE_YET) {
        bool joined = skip_blanks(lx, &t);
        t.start = lx->at;
        t.kind = joined ? scan_token(lx) : problem(lx, "a backslash joins lines only at the end of one");
    } else t.start = lx->at;
    t.end = lx->at;
    lx->last = t.kind;
    return t;
}
