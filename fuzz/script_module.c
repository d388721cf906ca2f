/* SPDX-License-Identifier: MIT
 *
 * A whole TorchScript archive: loaded, its methods called with small arguments of the types they declare, operator by
 * operator and by regions, under a budget of instructions and of memory. Checksums of the archive are set right first,
 * so that changed pickles and code are seen.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "naru/naru.h"
#include "script/module.h"

enum { MAX_ALLOCATION = 16 << 20, MAX_TEXT = 1 << 20, MAX_METHODS = 4, BUDGET = 20000, MAX_DEPTH = 6 };

/* ---- memory ---- */
static void *limited(void *user, void *p, size_t before, size_t n) {
    (void)user, (void)before;
    if (n == 0) return free(p), NULL;
    return n > MAX_ALLOCATION ? NULL : realloc(p, n);
}

static void limit_memory(void) {
    static bool done;
    naru_allocator a = {.size = sizeof a, .realloc = limited};
    if (!done) naru_set_allocator(&a, NULL);
    done = true;
}

/* ---- checksums ---- */
static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t checksum(const uint8_t *data, size_t stored, size_t size, bool deflated) {
    static uint8_t text[MAX_TEXT];
    if (!deflated) return (uint32_t)crc32(0, data, (uInt)stored);
    z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)stored, .next_out = text, .avail_out = MAX_TEXT};
    if (size > MAX_TEXT || inflateInit2(&z, -15) != Z_OK) return 0;
    inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (uint32_t)crc32(0, text, (uInt)z.total_out);
}

/* One entry of the central directory, at `at`. */
static void repair_entry(uint8_t *b, size_t n, size_t at) {
    size_t local = get32(b + at + 42), stored = get32(b + at + 20);
    if (local > n || n - local < 30 || get32(b + local) != 0x04034b50) return;
    size_t data = local + 30 + b[local + 26] + 256u * b[local + 27] + b[local + 28] + 256u * b[local + 29];
    if (data > n || stored > n - data) return;
    uint32_t crc = checksum(b + data, stored, get32(b + at + 24), b[at + 10] == 8);
    put32(b + at + 16, crc);
    if (get32(b + local + 14)) put32(b + local + 14, crc);
}

static void repair(uint8_t *b, size_t n) {
    for (size_t at = 0; at + 46 <= n; at++)
        if (b[at] == 'P' && get32(b + at) == 0x02014b50) repair_entry(b, n, at);
}

/* ---- arguments ---- */
static sv make_tensor(naru_dtype d) {
    sten *t = sten_new(d, 2, (int64_t[]){2, 3});
    for (int i = 0; t && d == NARU_FLOAT && i < 6; i++) ((float *)t->t.data)[i] = 0.25f * (float)i;
    return sv_of(t);
}

static sv make_arg(const stype *t, int depth);

static sv make_dict(const stype *t, int depth) {
    sdict *d = sdict_new(t->args[0], t->args[1]);
    sv key = make_arg(t->args[0], depth + 1), v = make_arg(t->args[1], depth + 1);
    if (!d || !sdict_put(d, key, v)) return sv_none();
    return sv_of(d);
}

static sv make_items(const stype *t, int depth) {
    bool list = t->kind == ST_LIST;
    slist *l = list ? slist_new(t->args[0], 2) : NULL;
    stuple *u = list ? NULL : stuple_new(t->n, t->cls);
    for (int i = 0; l && i < 2; i++) slist_push(l, make_arg(t->args[0], depth + 1));
    for (int i = 0; u && i < t->n; i++) u->items[i] = make_arg(t->args[i], depth + 1);
    return list ? sv_of(l) : sv_of(u);
}

static sv make_arg(const stype *t, int depth) {
    if (depth > MAX_DEPTH) return sv_none();
    switch (t->kind) {
    case ST_TENSOR: return make_tensor(NARU_FLOAT);
    case ST_INT: return sv_int(2);
    case ST_FLOAT: return sv_float(0.5);
    case ST_BOOL: return sv_bool(true);
    case ST_STR: return sv_str("a b", 3);
    case ST_OPTIONAL: return make_arg(t->args[0], depth + 1);
    case ST_UNION:
    case ST_LIST:
    case ST_TUPLE: return t->kind == ST_UNION ? make_arg(t->args[0], depth + 1) : make_items(t, depth);
    case ST_DICT: return make_dict(t, depth);
    default: return sv_none();
    }
}

/* ---- calls ---- */
static void call(module *m, sfunction *f) {
    sv args[16], out = sv_none();
    int n = 0;
    str trace = {0};
    if (unit_sign(m->unit, f, NULL) != NARU_OK || f->nparams < 1 || f->nparams > 16) return;
    for (; n + 1 < f->nparams; n++) args[n] = make_arg(f->params[n + 1].type, 0);
    bool whole = true;
    for (int i = 0; i < n; i++) whole = whole && args[i].tag != SV_UNINIT;
    naru_error err = NARU_ERROR_INIT;
    for (int again = 0; whole && again < 2; again++) { /* the second time by the region that the first made */
        if (module_call(m, f->name, n, args, &out, &trace, &err) == NARU_OK) {
            str text = {0};
            sv_print(out, &text);
            str_free(&text);
        }
        sv_drop(out);
        out = sv_none();
    }
    for (int i = 0; i < n; i++) sv_drop(args[i]);
    str_free(&trace);
}

static void load_and_call(const uint8_t *data, size_t size, bool regions) {
    module_options o = {.cpu = CPU_REF, .threads = 1, .regions = regions, .budget = BUDGET};
    module *m;
    naru_error err = NARU_ERROR_INIT;
    if (module_load_memory(data, size, "fuzz", &o, &m, &err) != NARU_OK) return;
    const sclass *c = sv_object(m->root)->cls;
    for (int i = 0; i < c->nmethods && i < MAX_METHODS; i++) call(m, c->methods[i]);
    module_unref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) return 0;
    memcpy(copy, data, size);
    limit_memory();
    repair(copy, size);
    load_and_call(copy, size, false);
    load_and_call(copy, size, true);
    free(copy);
    return 0;
}
