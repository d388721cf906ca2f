/* SPDX-License-Identifier: MIT
 *
 * The stack machine of pickle. Every opcode makes at most one node and moves at least one byte on, so time and memory
 * are linear in the input; the memo may not be larger than the input either.
 */
#include "formats/torch/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/torch/pickle_check.h"

enum {
    COUNT_DEFAULT = 8 << 20,
    DEPTH_DEFAULT = 1000,
    UNFOLDED_DEFAULT = 64 << 20,
    PROTOCOL_MAX = 5,
    GLOBAL_BYTES_MAX = 4096, /* STACK_GLOBAL makes a long name from short opcodes: bounded, and so is their number */
    GLOBALS_MAX = 1 << 16,
};

typedef struct machine {
    const uint8_t *data;
    size_t size, at; /* at: the next byte */
    size_t op;       /* where the current opcode is */
    arena *arena;
    const pickle_options *opts;
    naru_error *err;
    ARRAY(pk *) stack; /* NULL: a mark */
    ARRAY(pk *) memo;  /* NULL: nothing there */
    size_t memoised;   /* entries in use */
    strmap known;      /* "module\nname" -> GLOBAL */
    ARRAY(pk *) globals;
    ARRAY(pk *) persids;
    size_t count; /* nodes */
} machine;

static naru_status fail(machine *m, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static naru_status fail(machine *m, naru_status code, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_at(m->err, code, (int64_t)m->op, "at byte %zu of the pickle: %s", m->op, text);
}

static naru_status oom(machine *m) { return err_oom(m->err); }

/* ---- input ---- */
static naru_status take(machine *m, uint64_t n, const uint8_t **out) {
    *out = NULL;
    if (n > m->size - m->at)
        return fail(m, NARU_BAD_FILE, "%llu bytes are needed, %zu are left", (unsigned long long)n, m->size - m->at);
    *out = m->data + m->at;
    m->at += n;
    return NARU_OK;
}

/* An unsigned number of n <= 8 bytes, low byte first. */
static naru_status take_number(machine *m, size_t n, uint64_t *out) {
    const uint8_t *p;
    *out = 0;
    TRY(take(m, n, &p));
    for (size_t i = n; i--;) *out = *out << 8 | p[i];
    return NARU_OK;
}

static naru_status take_line(machine *m, const char **text, size_t *n) {
    *text = NULL;
    *n = 0;
    const uint8_t *p = m->data + m->at, *end = memchr(p, '\n', m->size - m->at);
    if (!end) return fail(m, NARU_BAD_FILE, "a line without an end");
    *text = (const char *)p;
    *n = (size_t)(end - p);
    m->at += *n + 1;
    return NARU_OK;
}

/* ---- nodes and the stack ---- */
static naru_status push(machine *m, pk *p) { return ARRAY_PUSH(&m->stack, p) ? NARU_OK : oom(m); }

static naru_status make(machine *m, pk_kind kind, pk **out) {
    *out = NULL;
    size_t most = m->opts->max_count ? m->opts->max_count : COUNT_DEFAULT;
    if (m->count >= most) return fail(m, NARU_LIMIT, "more than %zu objects", most);
    pk *p = arena_calloc(m->arena, 1, sizeof *p);
    if (!p) return oom(m);
    p->kind = kind;
    p->id = (uint32_t)m->count++;
    p->offset = (uint32_t)m->op;
    *out = p;
    return push(m, p);
}

static naru_status top(machine *m, pk **out) {
    *out = NULL;
    if (m->stack.count == 0 || !m->stack.data[m->stack.count - 1])
        return fail(m, NARU_BAD_FILE, "an opcode finds no value on the stack");
    *out = m->stack.data[m->stack.count - 1];
    return NARU_OK;
}

static naru_status pop(machine *m, pk **out) {
    TRY(top(m, out));
    m->stack.count--;
    return NARU_OK;
}

/* Takes off everything above the last mark, and the mark; items stay readable until the next push. */
static naru_status pop_mark(machine *m, pk ***items, size_t *n) {
    size_t i = m->stack.count;
    *items = NULL;
    *n = 0;
    while (i > 0 && m->stack.data[i - 1]) i--;
    if (i == 0) return fail(m, NARU_BAD_FILE, "an opcode finds no mark on the stack");
    *items = m->stack.data + i;
    *n = m->stack.count - i;
    m->stack.count = i - 1;
    return NARU_OK;
}

/* Room for n more items or pairs of `size` bytes each behind *list. */
static naru_status reserve(machine *m, pk *p, void **list, size_t size, size_t n) {
    if (n <= p->cap - p->count) return NARU_OK;
    size_t want = p->count + n, cap = p->cap ? 2 * (size_t)p->cap : n; /* a whole list comes at once, mostly */
    if (cap < want) cap = want;
    void *grown = cap <= UINT32_MAX ? arena_alloc(m->arena, cap * size) : NULL;
    if (!grown) return oom(m);
    if (p->count) memcpy(grown, *list, p->count * size);
    *list = grown;
    p->cap = (uint32_t)cap;
    return NARU_OK;
}

static naru_status add_items(machine *m, pk *p, pk *const *items, size_t n) {
    bool call = p->kind == PK_REDUCE || p->kind == PK_OBJECT;
    if ((!call && p->kind != PK_LIST && p->kind != PK_SET) || p->has_pairs)
        return fail(m, NARU_BAD_FILE, "elements are added to %s", pk_kind_text(p));
    void *list = p->items;
    TRY(reserve(m, p, &list, sizeof *p->items, n));
    p->items = list;
    if (n) memcpy(p->items + p->count, items, n * sizeof *items);
    p->count += (uint32_t)n;
    return NARU_OK;
}

static naru_status add_pairs(machine *m, pk *p, pk *const *items, size_t n) {
    bool call = p->kind == PK_REDUCE || p->kind == PK_OBJECT;
    if ((!call && p->kind != PK_DICT) || (call && !p->has_pairs && p->count))
        return fail(m, NARU_BAD_FILE, "keys are set in %s", pk_kind_text(p));
    if (n % 2) return fail(m, NARU_BAD_FILE, "a key without a value");
    void *list = p->pairs;
    TRY(reserve(m, p, &list, sizeof *p->pairs, n / 2));
    p->pairs = list;
    p->has_pairs = call;
    for (size_t i = 0; i < n; i += 2) p->pairs[p->count++] = (pk_pair){items[i], items[i + 1]};
    return NARU_OK;
}

/* ---- values ---- */
static naru_status make_int(machine *m, int64_t v) {
    pk *p;
    TRY(make(m, PK_INT, &p));
    p->i = v;
    return NARU_OK;
}

static naru_status make_bool(machine *m, bool v) {
    pk *p;
    TRY(make(m, PK_BOOL, &p));
    p->i = v;
    return NARU_OK;
}

static naru_status op_int(machine *m, size_t bytes, bool sign) {
    uint64_t v;
    TRY(take_number(m, bytes, &v));
    return make_int(m, sign ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v);
}

static naru_status make_text(machine *m, pk_kind kind, uint64_t n) {
    const uint8_t *bytes;
    pk *p;
    TRY(take(m, n, &bytes));
    TRY(make(m, kind, &p));
    p->text.n = n;
    p->text.s = arena_strndup(m->arena, (const char *)bytes, n);
    return p->text.s ? NARU_OK : oom(m);
}

static naru_status op_text(machine *m, pk_kind kind, size_t length_bytes) {
    uint64_t n;
    TRY(take_number(m, length_bytes, &n));
    return make_text(m, kind, n);
}

/* LONG1, LONG4: two's complement, low byte first. */
static naru_status op_long(machine *m, size_t length_bytes) {
    uint64_t n;
    const uint8_t *b;
    TRY(take_number(m, length_bytes, &n));
    if (n > 8) return make_text(m, PK_BIGINT, n);
    TRY(take(m, n, &b));
    uint64_t v = n && b[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i--;) v = v << 8 | b[i];
    return make_int(m, (int64_t)v);
}

static naru_status op_float(machine *m) {
    const uint8_t *b;
    uint64_t bits = 0;
    pk *p;
    TRY(take(m, 8, &b));
    for (int i = 0; i < 8; i++) bits = bits << 8 | b[i];
    TRY(make(m, PK_FLOAT, &p));
    memcpy(&p->f, &bits, sizeof bits);
    return NARU_OK;
}

/* ---- containers ---- */
static naru_status make_tuple(machine *m, pk *const *items, size_t n) {
    pk *p, **copy = arena_dup(m->arena, items, n * sizeof *items); /* the push below writes over the stack */
    if (!copy) return oom(m);
    TRY(make(m, PK_TUPLE, &p));
    p->items = copy;
    p->count = p->cap = (uint32_t)n;
    return NARU_OK;
}

static naru_status op_tuple(machine *m, size_t n) {
    pk *items[3];
    for (size_t i = n; i--;) TRY(pop(m, &items[i]));
    return make_tuple(m, items, n);
}

static naru_status op_marked(machine *m, pk_kind kind) {
    pk **items, **copy, *p;
    size_t n;
    TRY(pop_mark(m, &items, &n));
    if (kind == PK_TUPLE) return make_tuple(m, items, n);
    if (!(copy = arena_dup(m->arena, items, n * sizeof *items))) return oom(m);
    TRY(make(m, kind, &p));
    return kind == PK_DICT ? add_pairs(m, p, copy, n) : add_items(m, p, copy, n);
}

/* APPENDS, ADDITEMS, SETITEMS: what is above the mark goes into what is below it. */
static naru_status op_extend(machine *m, bool pairs) {
    pk **items, *to;
    size_t n;
    TRY(pop_mark(m, &items, &n));
    TRY(top(m, &to));
    return pairs ? add_pairs(m, to, items, n) : add_items(m, to, items, n);
}

static naru_status op_append(machine *m) {
    pk *item, *to;
    TRY(pop(m, &item));
    TRY(top(m, &to));
    return add_items(m, to, &item, 1);
}

static naru_status op_setitem(machine *m) {
    pk *pair[2], *to;
    TRY(pop(m, &pair[1]));
    TRY(pop(m, &pair[0]));
    TRY(top(m, &to));
    return add_pairs(m, to, pair, 2);
}

/* ---- globals, calls, persistent ids ---- */
/* key: "module\nname", mn bytes of module. */
static naru_status new_global(machine *m, const char *key, size_t mn) {
    pk *p;
    if (m->globals.count >= GLOBALS_MAX) return fail(m, NARU_LIMIT, "more than %d different globals", GLOBALS_MAX);
    TRY(make(m, PK_GLOBAL, &p));
    const char *kept = arena_strdup(m->arena, key);
    p->global.module = arena_strndup(m->arena, key, mn);
    struct strmap_entry *e = kept && p->global.module ? strmap_put(&m->known, kept, NULL) : NULL;
    if (!e || !ARRAY_PUSH(&m->globals, p)) return oom(m);
    e->ptr = p;
    p->global.name = kept + mn + 1;
    if (m->opts->allow && !m->opts->allow(m->opts->user, p->global.module, p->global.name))
        return fail(m, NARU_UNSUPPORTED, "the global %s.%s is not among those that may be used", p->global.module,
                    p->global.name);
    return NARU_OK;
}

static naru_status push_global(machine *m, const char *module, size_t mn, const char *name, size_t nn) {
    char key[GLOBAL_BYTES_MAX + 2];
    if (mn > GLOBAL_BYTES_MAX || nn > GLOBAL_BYTES_MAX - mn)
        return fail(m, NARU_LIMIT, "a global whose name has %zu bytes", mn + nn);
    if (memchr(module, 0, mn) || memchr(name, 0, nn) || memchr(module, '\n', mn))
        return fail(m, NARU_BAD_FILE, "the name of a global has a control character inside");
    memcpy(key, module, mn);
    memcpy(key + mn + 1, name, nn);
    key[mn] = '\n';
    key[mn + 1 + nn] = 0;
    pk *known = strmap_get(&m->known, key);
    return known ? push(m, known) : new_global(m, key, mn);
}

static naru_status op_global(machine *m) {
    const char *module, *name;
    size_t mn, nn;
    TRY(take_line(m, &module, &mn));
    TRY(take_line(m, &name, &nn));
    return push_global(m, module, mn, name, nn);
}

static naru_status op_stack_global(machine *m) {
    pk *name = NULL, *module = NULL;
    TRY(pop(m, &name));
    TRY(pop(m, &module));
    if (name->kind != PK_STR || module->kind != PK_STR)
        return fail(m, NARU_BAD_FILE, "a global whose names are no strings");
    return push_global(m, module->text.s, module->text.n, name->text.s, name->text.n);
}

static naru_status op_call(machine *m, pk_kind kind) {
    pk *args, *callee, *p;
    TRY(pop(m, &args));
    TRY(pop(m, &callee));
    TRY(make(m, kind, &p));
    p->callee = callee;
    p->args = args;
    return NARU_OK;
}

static naru_status op_build(machine *m) {
    pk *state, *p;
    TRY(pop(m, &state));
    TRY(top(m, &p));
    if (p->kind != PK_REDUCE && p->kind != PK_OBJECT && p->kind != PK_DICT)
        return fail(m, NARU_BAD_FILE, "a state is given to %s", pk_kind_text(p));
    if (p->state) return fail(m, NARU_BAD_FILE, "a second state is given to one object");
    p->state = state;
    return NARU_OK;
}

static naru_status op_persid(machine *m) {
    pk *args, *p;
    TRY(pop(m, &args));
    TRY(make(m, PK_PERSID, &p));
    p->args = args;
    return ARRAY_PUSH(&m->persids, p) ? NARU_OK : oom(m);
}

/* ---- the memo ---- */
static naru_status memoise(machine *m, uint64_t index) {
    pk *p;
    TRY(top(m, &p));
    if (index >= m->size) return fail(m, NARU_BAD_FILE, "memo number %llu", (unsigned long long)index);
    if (index >= m->memo.count) {
        if (!ARRAY_RESERVE(&m->memo, index + 1)) return oom(m);
        memset(m->memo.data + m->memo.count, 0, (index + 1 - m->memo.count) * sizeof(pk *));
        m->memo.count = index + 1;
    }
    m->memoised += !m->memo.data[index];
    m->memo.data[index] = p;
    return NARU_OK;
}

static naru_status op_put(machine *m, size_t bytes) {
    uint64_t index;
    TRY(take_number(m, bytes, &index));
    return memoise(m, index);
}

static naru_status op_get(machine *m, size_t bytes) {
    uint64_t index;
    TRY(take_number(m, bytes, &index));
    if (index >= m->memo.count || !m->memo.data[index])
        return fail(m, NARU_BAD_FILE, "memo number %llu was not set before", (unsigned long long)index);
    return push(m, m->memo.data[index]);
}

/* ---- the rest ---- */
static naru_status op_proto(machine *m) {
    uint64_t v;
    TRY(take_number(m, 1, &v));
    if (v < 2 || v > PROTOCOL_MAX)
        return fail(m, NARU_UNSUPPORTED, "pickle protocol %llu (2 to %d are read)", (unsigned long long)v,
                    PROTOCOL_MAX);
    return NARU_OK;
}

static naru_status op_frame(machine *m) {
    uint64_t unused;
    return take_number(m, 8, &unused);
}

static naru_status op_drop(machine *m) { /* POP takes a mark too */
    if (m->stack.count == 0) return fail(m, NARU_BAD_FILE, "an opcode finds no value on the stack");
    m->stack.count--;
    return NARU_OK;
}

static naru_status op_drop_mark(machine *m) {
    pk **items;
    size_t n;
    return pop_mark(m, &items, &n);
}

static naru_status op_dup(machine *m) {
    pk *p;
    TRY(top(m, &p));
    return push(m, p);
}

static naru_status unknown(machine *m, uint8_t op) {
    if (op && strchr("FILSVgpioP", op))
        return fail(m, NARU_UNSUPPORTED, "opcode '%c' of the text protocol 0; save the file again with protocol 2", op);
    return fail(m, NARU_BAD_FILE, "unknown opcode 0x%02x", op);
}

static naru_status step(machine *m, uint8_t op) {
    pk *p;
    switch (op) {
    case 0x80: return op_proto(m);
    case 0x95: return op_frame(m);
    case '(': return push(m, NULL);
    case '0': return op_drop(m);
    case '1': return op_drop_mark(m);
    case '2': return op_dup(m);
    case 'N': return make(m, PK_NONE, &p);
    case 0x88: return make_bool(m, true);
    case 0x89: return make_bool(m, false);
    case 'K': return op_int(m, 1, false);
    case 'M': return op_int(m, 2, false);
    case 'J': return op_int(m, 4, true);
    case 0x8a: return op_long(m, 1);
    case 0x8b: return op_long(m, 4);
    case 'G': return op_float(m);
    case 'X': return op_text(m, PK_STR, 4);
    case 0x8c: return op_text(m, PK_STR, 1);
    case 0x8d: return op_text(m, PK_STR, 8);
    case 'T': return op_text(m, PK_STR, 4); /* str of Python 2 */
    case 'U': return op_text(m, PK_STR, 1);
    case 'B': return op_text(m, PK_BYTES, 4);
    case 'C': return op_text(m, PK_BYTES, 1);
    case 0x8e: return op_text(m, PK_BYTES, 8);
    case 0x96: return op_text(m, PK_BYTES, 8); /* bytearray */
    case ')': return op_tuple(m, 0);
    case 0x85: return op_tuple(m, 1);
    case 0x86: return op_tuple(m, 2);
    case 0x87: return op_tuple(m, 3);
    case 't': return op_marked(m, PK_TUPLE);
    case 'l': return op_marked(m, PK_LIST);
    case 'd': return op_marked(m, PK_DICT);
    case 0x91: return op_marked(m, PK_SET);
    case ']': return make(m, PK_LIST, &p);
    case '}': return make(m, PK_DICT, &p);
    case 0x8f: return make(m, PK_SET, &p);
    case 'a': return op_append(m);
    case 's': return op_setitem(m);
    case 'e': return op_extend(m, false);
    case 0x90: return op_extend(m, false);
    case 'u': return op_extend(m, true);
    case 'c': return op_global(m);
    case 0x93: return op_stack_global(m);
    case 'R': return op_call(m, PK_REDUCE);
    case 0x81: return op_call(m, PK_OBJECT);
    case 'b': return op_build(m);
    case 'Q': return op_persid(m);
    case 'q': return op_put(m, 1);
    case 'r': return op_put(m, 4);
    case 0x94: return memoise(m, m->memoised);
    case 'h': return op_get(m, 1);
    case 'j': return op_get(m, 4);
    default: return unknown(m, op);
    }
}

static naru_status run(machine *m) {
    if (m->size > UINT32_MAX) return fail(m, NARU_LIMIT, "a pickle of %zu bytes (at most 4 GiB)", m->size);
    if (m->size == 0 || m->data[0] != 0x80) return fail(m, NARU_BAD_FILE, "no pickle of protocol 2 or later");
    for (;;) {
        m->op = m->at;
        if (m->at == m->size) return fail(m, NARU_BAD_FILE, "it ends without STOP");
        uint8_t op = m->data[m->at++];
        if (op == '.') return NARU_OK;
        TRY(step(m, op));
    }
}

static naru_status deliver(machine *m, pickle *out) {
    *out = (pickle){.count = m->count,
                    .end = m->at,
                    .global_count = m->globals.count,
                    .persid_count = m->persids.count,
                    .globals = arena_dup(m->arena, m->globals.data, m->globals.count * sizeof(pk *)),
                    .persids = arena_dup(m->arena, m->persids.data, m->persids.count * sizeof(pk *))};
    TRY(pop(m, &out->root));
    if (!out->globals || !out->persids) return oom(m);
    size_t depth = m->opts->max_depth ? m->opts->max_depth : DEPTH_DEFAULT;
    size_t unfolded = m->opts->max_unfolded ? m->opts->max_unfolded : UNFOLDED_DEFAULT;
    return pickle_check(out->root, m->count, depth, unfolded, m->err);
}

naru_status pickle_parse(arena *a, const void *data, size_t size, const pickle_options *opts, pickle *out,
                         naru_error *err) {
    machine m = {
        .data = data, .size = size, .arena = a, .opts = opts ? opts : &(pickle_options){.max_count = 0}, .err = err};
    naru_status st = run(&m);
    if (st == NARU_OK) st = deliver(&m, out);
    ARRAY_FREE(&m.stack);
    ARRAY_FREE(&m.memo);
    ARRAY_FREE(&m.globals);
    ARRAY_FREE(&m.persids);
    strmap_free(&m.known);
    return st;
}
