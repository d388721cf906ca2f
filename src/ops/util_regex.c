/* SPDX-License-Identifier: MIT
 *
 * Regular expressions (util_regex.h): the pattern becomes a tree, the tree a program of sets, splits and assertions,
 * and the program's states advance together over the text.
 */
#include "ops/util_regex.h"

#include <string.h>

#include "ops/util_text.h"

enum { MAX_DEPTH = 200, MAX_REPEAT = 1000, MAX_PROGRAM = 100000, MAX_CODE_POINT = 0x10ffff };
enum { FOLD = 1, MULTILINE = 2, DOT_ALL = 4, UNGREEDY = 8 };

typedef struct range {
    uint32_t first, last;
} range;
typedef struct set {
    range *ranges;
    int n, cap;
    bool negated, fold;
} set;

typedef enum tree_kind { T_EMPTY, T_SET, T_ASSERT, T_CAT, T_ALT, T_REPEAT } tree_kind;
typedef enum assertion { AT_BEGIN, AT_END, AT_LINE_BEGIN, AT_LINE_END, AT_WORD_EDGE, AT_NO_WORD_EDGE } assertion;
typedef struct tree {
    tree_kind kind;
    set *set;
    assertion at;
    int min, max; /* max -1: any number */
    struct tree *child, *last, *next;
} tree;

typedef enum code { C_SET, C_ASSERT, C_SPLIT, C_JUMP, C_MATCH } code;
typedef struct inst {
    code op;
    set *set;
    assertion at;
    int x, y;
} inst;

typedef struct threads {
    int *pcs, *mark;
    int n, generation;
} threads;
struct regex {
    inst *program;
    int n;
    threads now, then;
    int *stack;
};

typedef struct parser {
    arena *arena;
    const char *p, *end;
    unsigned flags;
    int depth;
    naru_error *err;
} parser;

/* ---- sets ---- */
static naru_status add_range(parser *p, set *s, uint32_t first, uint32_t last) {
    if (s->n == s->cap) {
        int cap = s->cap ? 2 * s->cap : 4;
        range *r = arena_alloc(p->arena, (size_t)cap * sizeof *r);
        if (!r) return err_oom(p->err);
        if (s->n) memcpy(r, s->ranges, (size_t)s->n * sizeof *r);
        s->ranges = r;
        s->cap = cap;
    }
    s->ranges[s->n++] = (range){first, last};
    return NARU_OK;
}

/* `text`: pairs of characters, ascending; all of them, or all code points but them (U+0000 counts as U+0001). */
static naru_status add_pairs(parser *p, set *s, const char *text, bool complement) {
    uint32_t at = *text == 1 ? 1 : 0;
    for (; *text; text += 2) {
        uint32_t first = (uint8_t)text[0], last = (uint8_t)text[1];
        if (!complement) TRY(add_range(p, s, first, last));
        else if (first > at) TRY(add_range(p, s, at, first - 1));
        at = last + 1;
    }
    return complement ? add_range(p, s, at, MAX_CODE_POINT) : NARU_OK;
}

static const char *pairs_of_escape(char c) {
    switch (c | 0x20) {
    case 'd': return "09";
    case 's': return "\t\n\f\r  ";
    case 'w': return "09AZ__az";
    default: return NULL;
    }
}

static bool in_ranges(const set *s, uint32_t cp) {
    for (int i = 0; i < s->n; i++)
        if (cp >= s->ranges[i].first && cp <= s->ranges[i].last) return true;
    return false;
}

static bool in_set(const set *s, uint32_t cp) {
    if (cp > MAX_CODE_POINT) return false;
    bool hit = in_ranges(s, cp);
    if (!hit && s->fold) hit = in_ranges(s, text_lower(cp)) || in_ranges(s, text_upper(cp));
    return hit != s->negated;
}

/* ---- parsing ---- */
static naru_status bad(parser *p, const char *what) {
    return err_set(p->err, NARU_BAD_MODEL, "regular expression: %s", what);
}

static tree *tree_new(parser *p, tree_kind kind) {
    tree *t = arena_calloc(p->arena, 1, sizeof *t);
    if (t) t->kind = kind;
    else err_oom(p->err);
    return t;
}

static naru_status set_new(parser *p, tree **out) {
    tree *t = tree_new(p, T_SET);
    if (!t || !(t->set = arena_calloc(p->arena, 1, sizeof *t->set))) return err_oom(p->err);
    t->set->fold = p->flags & FOLD;
    *out = t;
    return NARU_OK;
}

static void append(tree *list, tree *t) {
    if (list->last) list->last->next = t;
    else list->child = t;
    list->last = t;
}

static naru_status literal(parser *p, uint32_t cp, tree **out) {
    TRY(set_new(p, out));
    return add_range(p, (*out)->set, cp, cp);
}

static naru_status assert_new(parser *p, assertion at, tree **out) {
    if (!(*out = tree_new(p, T_ASSERT))) return NARU_OUT_OF_MEMORY;
    (*out)->at = at;
    return NARU_OK;
}

static naru_status next_cp(parser *p, uint32_t *cp) {
    size_t len;
    if (p->p == p->end) return bad(p, "ends too early");
    *cp = text_next(p->p, (size_t)(p->end - p->p), &len);
    p->p += len;
    return *cp > MAX_CODE_POINT ? bad(p, "is not UTF-8") : NARU_OK;
}

static bool take(parser *p, const char *text) {
    size_t n = strlen(text);
    if ((size_t)(p->end - p->p) < n || memcmp(p->p, text, n) != 0) return false;
    p->p += n;
    return true;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* At most `most` digits of the base. */
static int digits(parser *p, int base, int most, uint32_t *v) {
    int n = 0;
    for (*v = 0; n < most && p->p < p->end && digit_of(*p->p) < base; n++)
        *v = *v * (uint32_t)base + (uint32_t)digit_of(*p->p++);
    return n;
}

static naru_status hex_escape(parser *p, uint32_t *cp) {
    bool braces = take(p, "{");
    int n = digits(p, 16, braces ? 6 : 2, cp);
    if (n == 0 || (!braces && n != 2) || (braces && !take(p, "}")) || *cp > MAX_CODE_POINT)
        return bad(p, "bad \\x escape");
    return NARU_OK;
}

/* After a backslash, a single code point. */
static naru_status escaped_char(parser *p, uint32_t *cp) {
    static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    uint32_t c;
    TRY(next_cp(p, &c));
    const char *k = c < 0x80 && c ? strchr(names, (int)c) : NULL;
    if (k) return *cp = (uint8_t)values[k - names], NARU_OK;
    if (c == 'x') return hex_escape(p, cp);
    if (c == '0' || (c >= '1' && c <= '7' && p->p < p->end && digit_of(*p->p) < 8)) {
        p->p--;
        digits(p, 8, 3, cp);
        return NARU_OK;
    }
    if (c == 'p' || c == 'P' || c == 'C')
        return err_set(p->err, NARU_UNSUPPORTED, "regular expression: \\%c is not supported", (char)c);
    bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
    if (word) return bad(p, "unknown escape");
    *cp = c;
    return NARU_OK;
}

static naru_status class_name(parser *p, set *s, bool *found) {
    enum { CNTRL, ASCII };
    static const char *const names[][2] = {{"cntrl", "\x01\x1f\x7f\x7f"},
                                           {"ascii", "\x01\x7f"},
                                           {"alnum", "09AZaz"},
                                           {"alpha", "AZaz"},
                                           {"blank", "\t\t  "},
                                           {"digit", "09"},
                                           {"graph", "!~"},
                                           {"lower", "az"},
                                           {"print", " ~"},
                                           {"punct", "!/:@[`{~"},
                                           {"space", "\t\r  "},
                                           {"upper", "AZ"},
                                           {"word", "09AZ__az"},
                                           {"xdigit", "09AFaf"}};
    const char *start = p->p;
    *found = take(p, "[:");
    if (!*found) return NARU_OK;
    bool complement = take(p, "^");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *at = p->p;
        if (!take(p, names[i][0]) || !take(p, ":]")) {
            p->p = at;
            continue;
        }
        if (!complement && (i == CNTRL || i == ASCII)) TRY(add_range(p, s, 0, 0)); /* does not fit in the pairs */
        return add_pairs(p, s, names[i][1], complement);
    }
    p->p = start;
    return bad(p, "unknown character class name");
}

static naru_status class_end(parser *p, uint32_t *cp) {
    TRY(next_cp(p, cp));
    return *cp == '\\' ? escaped_char(p, cp) : NARU_OK;
}

static naru_status class_item(parser *p, set *s) {
    bool found;
    TRY(class_name(p, s, &found));
    if (found) return NARU_OK;
    if (p->end - p->p >= 2 && p->p[0] == '\\' && pairs_of_escape(p->p[1])) {
        char c = p->p[1];
        p->p += 2;
        return add_pairs(p, s, pairs_of_escape(c), c < 'a');
    }
    uint32_t first, last;
    TRY(class_end(p, &first));
    last = first;
    if (p->end - p->p >= 2 && p->p[0] == '-' && p->p[1] != ']') {
        p->p++;
        TRY(class_end(p, &last));
    }
    if (last < first) return bad(p, "a character range is reversed");
    return add_range(p, s, first, last);
}

static naru_status parse_class(parser *p, tree **out) {
    TRY(set_new(p, out));
    (*out)->set->negated = take(p, "^");
    for (bool first = true; first || !take(p, "]"); first = false) {
        if (p->p == p->end) return bad(p, "missing ]");
        TRY(class_item(p, (*out)->set));
    }
    return NARU_OK;
}

static naru_status parse_quoted(parser *p, tree **out) {
    if (!(*out = tree_new(p, T_CAT))) return NARU_OUT_OF_MEMORY;
    while (p->p < p->end && !take(p, "\\E")) {
        uint32_t cp;
        tree *t;
        TRY(next_cp(p, &cp));
        TRY(literal(p, cp, &t));
        append(*out, t);
    }
    return NARU_OK;
}

static naru_status parse_escape(parser *p, tree **out) {
    static const char letters[] = "AzbB";
    static const assertion at[] = {AT_BEGIN, AT_END, AT_WORD_EDGE, AT_NO_WORD_EDGE};
    if (p->p == p->end) return bad(p, "ends with a backslash");
    char c = *p->p;
    const char *k = c ? strchr(letters, c) : NULL;
    if (k) return p->p++, assert_new(p, at[k - letters], out);
    if (c == 'Q') return p->p++, parse_quoted(p, out);
    if (pairs_of_escape(c)) {
        p->p++;
        TRY(set_new(p, out));
        return add_pairs(p, (*out)->set, pairs_of_escape(c), c < 'a');
    }
    uint32_t cp;
    TRY(escaped_char(p, &cp));
    return literal(p, cp, out);
}

static naru_status parse_alternatives(parser *p, tree **out);

static naru_status group_name(parser *p) {
    const char *start = p->p;
    while (p->p < p->end && strchr("_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *p->p) && *p->p)
        p->p++;
    return p->p > start && take(p, ">") ? NARU_OK : bad(p, "bad group name");
}

/* (?flags) leaves *group false: no group follows. */
static naru_status group_flags(parser *p, bool *group) {
    static const char letters[] = "imsU";
    bool clear = false, any = false;
    for (; p->p < p->end; p->p++) {
        const char *k = *p->p ? strchr(letters, *p->p) : NULL;
        if (k) {
            unsigned bit = 1u << (k - letters);
            p->flags = clear ? p->flags & ~bit : p->flags | bit;
            any = true;
        } else if (*p->p == '-' && !clear) {
            clear = true;
            any = false;
        } else {
            break;
        }
    }
    if (clear && !any) return bad(p, "unknown group flags");
    *group = take(p, ":");
    return *group || take(p, ")") ? NARU_OK : bad(p, "unknown group flags");
}

static naru_status parse_group(parser *p, tree **out) {
    unsigned flags = p->flags;
    bool group = true;
    if (p->depth >= MAX_DEPTH)
        return err_set(p->err, NARU_LIMIT, "regular expression: more than %d groups deep", MAX_DEPTH);
    if (take(p, "?P<") || take(p, "?<")) TRY(group_name(p));
    else if (take(p, "?")) TRY(group_flags(p, &group));
    if (!group) return (*out = tree_new(p, T_EMPTY)) ? NARU_OK : NARU_OUT_OF_MEMORY; /* until the group around ends */
    p->depth++;
    TRY(parse_alternatives(p, out));
    p->depth--;
    p->flags = flags;
    return take(p, ")") ? NARU_OK : bad(p, "missing )");
}

static naru_status parse_dot(parser *p, tree **out) {
    TRY(set_new(p, out));
    (*out)->set->negated = true;
    return p->flags & DOT_ALL ? NARU_OK : add_range(p, (*out)->set, '\n', '\n');
}

static naru_status parse_atom(parser *p, tree **out) {
    uint32_t cp;
    TRY(next_cp(p, &cp));
    switch (cp) {
    case '(': return parse_group(p, out);
    case '[': return parse_class(p, out);
    case '.': return parse_dot(p, out);
    case '\\': return parse_escape(p, out);
    case '^': return assert_new(p, p->flags & MULTILINE ? AT_LINE_BEGIN : AT_BEGIN, out);
    case '$': return assert_new(p, p->flags & MULTILINE ? AT_LINE_END : AT_END, out);
    case '*':
    case '+':
    case '?': return bad(p, "nothing to repeat");
    default: return literal(p, cp, out);
    }
}

/* {n}, {n,}, {n,m}; text that is none of them is literal. */
static bool parse_counts(parser *p, uint32_t *min, uint32_t *max) {
    const char *start = p->p;
    bool ok = take(p, "{") && digits(p, 10, 6, min) > 0;
    *max = *min;
    if (ok && take(p, ",") && digits(p, 10, 6, max) == 0) *max = UINT32_MAX;
    if (ok && take(p, "}")) return true;
    p->p = start;
    return false;
}

static bool parse_repeat(parser *p, uint32_t *min, uint32_t *max) {
    *min = 0, *max = UINT32_MAX;
    if (take(p, "*")) return true;
    if (take(p, "+")) return *min = 1, true;
    if (take(p, "?")) return *max = 1, true;
    return parse_counts(p, min, max);
}

static naru_status parse_piece(parser *p, tree **out) {
    uint32_t min, max;
    TRY(parse_atom(p, out));
    if (!parse_repeat(p, &min, &max)) return NARU_OK;
    take(p, "?"); /* reluctant: the same full matches */
    if (max < min) return bad(p, "repetition counts are reversed");
    if (min > MAX_REPEAT || (max != UINT32_MAX && max > MAX_REPEAT)) return bad(p, "more than 1000 repetitions");
    tree *t = tree_new(p, T_REPEAT);
    if (!t) return NARU_OUT_OF_MEMORY;
    t->min = (int)min, t->max = max == UINT32_MAX ? -1 : (int)max;
    append(t, *out);
    *out = t;
    return parse_repeat(p, &min, &max) ? bad(p, "a repetition is repeated") : NARU_OK;
}

static naru_status parse_sequence(parser *p, tree **out) {
    if (!(*out = tree_new(p, T_CAT))) return NARU_OUT_OF_MEMORY;
    while (p->p < p->end && *p->p != '|' && *p->p != ')') {
        tree *t;
        TRY(parse_piece(p, &t));
        append(*out, t);
    }
    return NARU_OK;
}

static naru_status parse_alternatives(parser *p, tree **out) {
    if (!(*out = tree_new(p, T_ALT))) return NARU_OUT_OF_MEMORY;
    do {
        tree *t;
        TRY(parse_sequence(p, &t));
        append(*out, t);
    } while (take(p, "|"));
    return NARU_OK;
}

/* ---- compiling: emit(NULL program) only counts ---- */
typedef struct emitter {
    inst *program;
    int n;
    int steps; /* trees visited: repetitions of nothing cost no instructions */
} emitter;

static int put(emitter *e, inst i) {
    if (e->program) e->program[e->n] = i;
    return e->n++;
}
static void point(emitter *e, int at, bool second, int to) {
    if (!e->program) return;
    if (second) e->program[at].y = to;
    else e->program[at].x = to;
}

static bool emit(emitter *e, const tree *t);

static bool emit_alternatives(emitter *e, const tree *t) {
    if (!t->next) return emit(e, t);
    int split = put(e, (inst){.op = C_SPLIT});
    point(e, split, false, e->n);
    if (!emit(e, t)) return false;
    int jump = put(e, (inst){.op = C_JUMP});
    point(e, split, true, e->n);
    for (t = t->next; t->next; t = t->next) { /* every alternative jumps to the next one's end, and so on to the last */
        split = put(e, (inst){.op = C_SPLIT});
        point(e, split, false, e->n);
        if (!emit(e, t)) return false;
        int over = put(e, (inst){.op = C_JUMP});
        point(e, jump, false, over);
        jump = over;
        point(e, split, true, e->n);
    }
    if (!emit(e, t)) return false;
    point(e, jump, false, e->n);
    return true;
}

static bool emit_repeat(emitter *e, const tree *t) {
    for (int i = 0; i < t->min; i++)
        if (!emit(e, t->child)) return false;
    if (t->max < 0) {
        int split = put(e, (inst){.op = C_SPLIT});
        point(e, split, false, e->n);
        if (!emit(e, t->child)) return false;
        put(e, (inst){.op = C_JUMP, .x = split});
        point(e, split, true, e->n);
    }
    for (int i = t->min; i < t->max; i++) { /* x? x? ... : skipping one and taking a later one matches the same texts */
        int split = put(e, (inst){.op = C_SPLIT});
        point(e, split, false, e->n);
        if (!emit(e, t->child)) return false;
        point(e, split, true, e->n);
    }
    return true;
}

static bool emit(emitter *e, const tree *t) {
    if (++e->steps > MAX_PROGRAM || e->n > MAX_PROGRAM) return false;
    switch (t->kind) {
    case T_EMPTY: return true;
    case T_SET: return put(e, (inst){.op = C_SET, .set = t->set}), true;
    case T_ASSERT: return put(e, (inst){.op = C_ASSERT, .at = t->at}), true;
    case T_REPEAT: return emit_repeat(e, t);
    case T_ALT: return emit_alternatives(e, t->child);
    case T_CAT: break;
    }
    for (const tree *k = t->child; k; k = k->next)
        if (!emit(e, k)) return false;
    return true;
}

static naru_status make_room(parser *p, regex *r) {
    size_t n = (size_t)r->n;
    int **parts[] = {&r->now.pcs, &r->now.mark, &r->then.pcs, &r->then.mark};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!(*parts[i] = arena_calloc(p->arena, n, sizeof(int)))) return err_oom(p->err);
    r->stack = arena_alloc(p->arena, (2 * n + 2) * sizeof(int));
    r->program = arena_alloc(p->arena, n * sizeof(inst));
    return r->stack && r->program ? NARU_OK : err_oom(p->err);
}

naru_status regex_compile(arena *a, const char *pattern, size_t n, regex **out, naru_error *err) {
    parser p = {.arena = a, .p = pattern, .end = pattern + n, .err = err};
    tree *t;
    TRY(parse_alternatives(&p, &t));
    if (p.p < p.end) return bad(&p, "unexpected )");
    emitter count = {0};
    if (!emit(&count, t)) return err_set(err, NARU_LIMIT, "regular expression: too large");
    regex *r = *out = arena_calloc(a, 1, sizeof *r);
    if (!r) return err_oom(err);
    r->n = count.n + 1;
    TRY(make_room(&p, r));
    emitter e = {.program = r->program};
    emit(&e, t);
    put(&e, (inst){.op = C_MATCH});
    return NARU_OK;
}

/* ---- matching ---- */
enum { NOTHING = 0x7fffffff }; /* the code point before the text and after it */

static bool is_word(uint32_t cp) {
    return cp == '_' || (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z');
}

static bool holds(assertion at, uint32_t before, uint32_t after) {
    switch (at) {
    case AT_BEGIN: return before == NOTHING;
    case AT_END: return after == NOTHING;
    case AT_LINE_BEGIN: return before == NOTHING || before == '\n';
    case AT_LINE_END: return after == NOTHING || after == '\n';
    case AT_WORD_EDGE: return is_word(before) != is_word(after);
    default: return is_word(before) == is_word(after);
    }
}

/* Adds pc and what it reaches without reading to the threads. */
static void follow(regex *r, threads *t, int pc, uint32_t before, uint32_t after) {
    int depth = 0;
    r->stack[depth++] = pc;
    while (depth) {
        pc = r->stack[--depth];
        if (t->mark[pc] == t->generation) continue;
        t->mark[pc] = t->generation;
        const inst *i = &r->program[pc];
        if (i->op == C_JUMP || i->op == C_SPLIT) r->stack[depth++] = i->x;
        if (i->op == C_SPLIT) r->stack[depth++] = i->y;
        if (i->op == C_ASSERT && holds(i->at, before, after)) r->stack[depth++] = pc + 1;
        if (i->op == C_SET || i->op == C_MATCH) t->pcs[t->n++] = pc;
    }
}

static void restart(regex *r, threads *t) {
    t->n = 0;
    if (++t->generation < INT32_MAX) return;
    memset(t->mark, 0, (size_t)r->n * sizeof *t->mark);
    t->generation = 1;
}

static uint32_t peek(const char *s, size_t n, size_t *len) {
    *len = 0;
    return n ? text_next(s, n, len) : NOTHING;
}

bool regex_full_match(regex *r, const char *s, size_t n) {
    threads *now = &r->now, *then = &r->then;
    size_t len, next_len;
    uint32_t cp = peek(s, n, &len);
    restart(r, now);
    follow(r, now, 0, NOTHING, cp);
    for (; n && now->n; s += len, n -= len, len = next_len) {
        uint32_t next = peek(s + len, n - len, &next_len);
        restart(r, then);
        for (int i = 0; i < now->n; i++) {
            const inst *k = &r->program[now->pcs[i]];
            if (k->op == C_SET && in_set(k->set, cp)) follow(r, then, now->pcs[i] + 1, cp, next);
        }
        threads *swap = now;
        now = then, then = swap;
        cp = next;
    }
    for (int i = 0; n == 0 && i < now->n; i++)
        if (r->program[now->pcs[i]].op == C_MATCH) return true;
    return false;
}
