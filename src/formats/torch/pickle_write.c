/* SPDX-License-Identifier: MIT
 *
 * Writing pickles with the opcodes of PyTorch's C++ pickler. Running out of memory is remembered in out.failed and told
 * once, by pkw_end.
 */
#include <string.h>

#include "base/mem.h"
#include "formats/torch/pickle.h"

naru_status pkw_begin(pk_writer *w, naru_error *err) {
    *w = (pk_writer){.arena = arena_new()};
    if (!w->arena) return err_oom(err);
    str_add_n(&w->out, "\x80\x02", 2);
    return NARU_OK;
}

naru_status pkw_end(pk_writer *w, naru_error *err) {
    pkw_op(w, PKW_STOP);
    return w->out.failed ? err_oom(err) : NARU_OK;
}

void pkw_free(pk_writer *w) {
    str_free(&w->out);
    strmap_free(&w->strings);
    mem_free(w->objects);
    arena_free(w->arena);
    *w = (pk_writer){.memos = 0};
}

static void add_op(pk_writer *w, int op) { str_add_n(&w->out, (char[]){(char)op}, 1); }

/* Low byte first. */
static void add_number(pk_writer *w, uint64_t v, size_t bytes) {
    char b[8];
    for (size_t i = 0; i < bytes; i++) b[i] = (char)(v >> 8 * i);
    str_add_n(&w->out, b, bytes);
}

void pkw_op(pk_writer *w, pkw_opcode op) { add_op(w, op); }
void pkw_bool(pk_writer *w, bool v) { add_op(w, v ? PKW_TRUE : PKW_FALSE); }

void pkw_int(pk_writer *w, int64_t v) {
    if (v >= 0 && v <= UINT8_MAX) add_op(w, 'K'), add_number(w, (uint64_t)v, 1);
    else if (v >= 0 && v <= UINT16_MAX) add_op(w, 'M'), add_number(w, (uint64_t)v, 2);
    else if (v >= INT32_MIN && v <= INT32_MAX) add_op(w, 'J'), add_number(w, (uint64_t)v, 4);
    else add_op(w, 0x8a), add_op(w, 8), add_number(w, (uint64_t)v, 8);
}

void pkw_float(pk_writer *w, double v) {
    uint64_t bits;
    char b[8];
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++) b[i] = (char)(bits >> (56 - 8 * i));
    add_op(w, 'G');
    str_add_n(&w->out, b, 8);
}

/* ---- the memo ---- */
static void add_get(pk_writer *w, uint32_t memo) {
    bool small = memo <= UINT8_MAX;
    add_op(w, small ? 'h' : 'j');
    add_number(w, memo, small ? 1 : 4);
}

static uint32_t add_put(pk_writer *w) {
    uint32_t memo = w->memos++;
    bool small = memo <= UINT8_MAX;
    add_op(w, small ? 'q' : 'r');
    add_number(w, memo, small ? 1 : 4);
    return memo;
}

/* Whether this text was written before (then a BINGET is); else the slot for its memo, NULL when memory is out. The key
 * is the opcode and the text, so that a string and a global of the same text differ. */
static bool seen_text(pk_writer *w, char op, const char *s, size_t n, struct strmap_entry **slot) {
    char *key = arena_alloc(w->arena, n + 2);
    bool fresh = false;
    *slot = NULL;
    if (key) {
        key[0] = op;
        memcpy(key + 1, s, n);
        key[n + 1] = 0;
        *slot = strmap_put(&w->strings, key, &fresh);
    }
    w->out.failed |= !*slot;
    if (*slot && !fresh) add_get(w, (uint32_t)(*slot)->num);
    return *slot && !fresh;
}

static void add_unicode(pk_writer *w, const char *s, size_t n) {
    add_op(w, 'X');
    add_number(w, n, 4);
    str_add_n(&w->out, s, n);
}

void pkw_str(pk_writer *w, const char *s, size_t n) {
    struct strmap_entry *slot = NULL;
    w->out.failed |= n > UINT32_MAX;
    bool plain = n == 0 || !memchr(s, 0, n); /* the map's keys end at a NUL: text with one inside is not memoised */
    if (plain && seen_text(w, 'X', s, n, &slot)) return;
    add_unicode(w, s, n);
    if (slot) slot->num = add_put(w);
    else add_put(w);
}

void pkw_cstr(pk_writer *w, const char *s) { pkw_str(w, s, strlen(s)); }

static void global(pk_writer *w, const char *module, size_t mn, const char *name) {
    struct strmap_entry *slot;
    str text = {0};
    str_add_n(&text, module, mn);
    str_add(&text, "\n");
    str_add(&text, name);
    str_add(&text, "\n");
    w->out.failed |= text.failed;
    if (!text.failed && !seen_text(w, 'c', text.data, text.len, &slot)) {
        add_op(w, 'c');
        str_add_n(&w->out, text.data, text.len);
        if (slot) slot->num = add_put(w);
    }
    str_free(&text);
}

void pkw_global(pk_writer *w, const char *module, const char *name) { global(w, module, strlen(module), name); }

void pkw_global_qualified(pk_writer *w, const char *qualified) {
    const char *dot = strrchr(qualified, '.');
    global(w, qualified, dot ? (size_t)(dot - qualified) : 0, dot ? dot + 1 : qualified);
}

/* ---- tuples, identities ---- */
void pkw_tuple_open(pk_writer *w, size_t n) {
    if (n > 3) add_op(w, PKW_MARK);
}

void pkw_tuple_close(pk_writer *w, size_t n) {
    static const int ops[] = {PKW_EMPTY_TUPLE, PKW_TUPLE1, PKW_TUPLE2, PKW_TUPLE3};
    add_op(w, n > 3 ? PKW_TUPLE : ops[n]);
}

static struct pkw_object *object_slot(struct pkw_object *objects, size_t cap, const void *identity) {
    size_t i = hash_bytes(&identity, sizeof identity, 0) & (cap - 1);
    while (objects[i].identity && objects[i].identity != identity) i = (i + 1) & (cap - 1);
    return &objects[i];
}

static bool grow_objects(pk_writer *w) {
    size_t cap = w->object_cap ? 2 * w->object_cap : 64;
    struct pkw_object *grown = mem_calloc(cap, sizeof *grown);
    if (!grown) return false;
    for (size_t i = 0; i < w->object_cap; i++)
        if (w->objects[i].identity) *object_slot(grown, cap, w->objects[i].identity) = w->objects[i];
    mem_free(w->objects);
    w->objects = grown;
    w->object_cap = cap;
    return true;
}

bool pkw_seen(pk_writer *w, const void *identity) {
    if (!w->object_cap) return false;
    const struct pkw_object *o = object_slot(w->objects, w->object_cap, identity);
    if (o->identity) add_get(w, o->memo);
    return o->identity != NULL;
}

void pkw_memo(pk_writer *w, const void *identity) {
    if ((w->object_count + 1) * 4 > w->object_cap * 3 && !grow_objects(w)) {
        w->out.failed = true;
        return;
    }
    struct pkw_object *o = object_slot(w->objects, w->object_cap, identity);
    w->object_count += !o->identity;
    *o = (struct pkw_object){identity, add_put(w)};
}
