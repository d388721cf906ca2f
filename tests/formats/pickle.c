/* SPDX-License-Identifier: MIT
 *
 * Pickles as inert data: what Python's and PyTorch's picklers write, sharing kept, the writer against PyTorch's bytes,
 * and input that means harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/torch/archive.h"
#include "formats/torch/pickle.h"

#define BYTES(s) s, sizeof(s) - 1

static pickle parse(arena *a, const char *bytes, size_t n) {
    naru_error err = NARU_ERROR_INIT;
    pickle p;
    if (pickle_parse(a, bytes, n, NULL, &p, &err) != NARU_OK) fail_msg("%s", err.message);
    return p;
}

static void refuses_with(const char *bytes, size_t n, const pickle_options *opts, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    arena *a = arena_new();
    pickle p;
    char *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    naru_status st = pickle_parse(a, exact, n, opts, &p, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("wanted '%s': status %d, '%s'", words, st, err.message);
    free(exact);
    arena_free(a);
}

static void refuses(const char *bytes, size_t n, naru_status want, const char *words) {
    refuses_with(bytes, n, NULL, want, words);
}

/* {'a': [1, 2.5, None, True, -7, 2**40, 2**80, (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], 's': {1}, 'f': frozenset([2]),
 *  'b': b'xyz', 'od': OrderedDict([('k', 1)]), 'u': 'é'} by Python 3.11 */
static const char proto2[] =
    "\x80\x02}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0N\x88J\xf9\xff\xff\xff\x8a\6\0\0\0\0\0\1\x8a\x0b\0\0\0\0\0\0\0\0"
    "\0\0\1K\1\x85q\3K\1K\2\x86q\4K\1K\2K\3\x87q\5(K\1K\2K\3K\4tq\6eX\1\0\0\0sq\7c__builtin__\nset\nq\x8]q\tK\1a\x85q\n"
    "Rq\x0bX\1\0\0\0fq\x0c"
    "c__builtin__\nfrozenset\nq\r]q\x0eK\2a\x85q\x0fRq\x10X\1\0\0\0bq\x11"
    "c_codecs\nencode\nq\x12X\3\0\0\0xyzq\x13X\6\0\0\0latin1q\x14\x86q\x15Rq\x16X\2\0\0\0odq\x17"
    "ccollections\nOrderedDict\nq\x18)Rq\x19X\1\0\0\0kq\x1aK\1sX\1\0\0\0uq\x1bX\2\0\0\0\xc3\xa9q\x1cu.";
static const char proto4[] =
    "\x80\x04\x95\xa4\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1G@\4\0\0\0\0\0\0N\x88J\xf9\xff\xff\xff\x8a\6\0\0\0\0\0\1"
    "\x8a\x0b\0\0\0\0\0\0\0\0\0\0\1K\1\x85\x94K\1K\2\x86\x94K\1K\2K\3\x87\x94(K\1K\2K\3K\4t\x94"
    "e\x8c\1s\x94\x8f\x94(K\1\x90\x8c\1f\x94(K\2\x91\x94\x8c\1b\x94"
    "C\3xyz\x94\x8c\2od\x94\x8c\x0b"
    "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\1k\x94K\1s\x8c\1u\x94\x8c\2\xc3\xa9\x94u.";

static void check_list(const pk *l) {
    static const int64_t ints[] = {1, 0, 0, 1, -7, 1ll << 40};
    int64_t i;
    double f;
    assert_int_equal(pk_item_count(l), 11);
    for (size_t k = 0; k < COUNT_OF(ints); k++)
        if (k != 1 && k != 2) assert_true(pk_get_int(pk_item(l, k), &i) && i == ints[k]);
    assert_true(pk_get_float(pk_item(l, 1), &f) && f == 2.5);
    assert_true(pk_get_float(pk_item(l, 4), &f) && f == -7);
    assert_false(pk_get_int(pk_item(l, 1), &i));
    assert_int_equal(pk_item(l, 2)->kind, PK_NONE);
    assert_int_equal(pk_item(l, 6)->kind, PK_BIGINT);
    assert_int_equal(pk_item(l, 6)->text.n, 11);
    for (size_t k = 7; k < 11; k++) {
        assert_int_equal(pk_item(l, k)->kind, PK_TUPLE);
        assert_int_equal(pk_item_count(pk_item(l, k)), k - 6);
    }
    assert_null(pk_item(l, 11));
}

static void python_pickles(void **state) {
    for (int four = 0; four < 2; four++) {
        arena *a = arena_new();
        pickle p = four ? parse(a, BYTES(proto4)) : parse(a, BYTES(proto2));
        assert_int_equal(p.end, four ? sizeof proto4 - 1 : sizeof proto2 - 1);
        assert_true(pk_is_dict(p.root));
        assert_int_equal(pk_dict_count(p.root), 6);
        check_list(pk_dict_get(p.root, "a"));
        const pk *set = pk_dict_get(p.root, "s"), *od = pk_dict_get(p.root, "od"), *k = pk_dict_get(od, "k");
        assert_true(four ? set->kind == PK_SET && pk_item_count(set) == 1 : pk_calls(set, "__builtin__", "set"));
        assert_true(pk_calls(od, "collections", "OrderedDict"));
        assert_true(pk_is_dict(od) && k && k->i == 1);
        assert_true(pk_is_str(pk_dict_get(p.root, "u"), "\xc3\xa9"));
        const pk *bytes = pk_dict_get(p.root, "b");
        assert_true(four ? bytes->kind == PK_BYTES && bytes->text.n == 3 : pk_calls(bytes, "_codecs", "encode"));
        assert_null(pk_dict_get(p.root, "x"));
        assert_int_equal(p.global_count, four ? 1 : 4);
        arena_free(a);
    }
}

static void sharing(void **state) {
    arena *a = arena_new();
    /* l = []; [l, l, (l,)]; the list gets an element after it was shared */
    pickle p = parse(a, BYTES("\x80\2(]q\0h\0K\5ah\0\x85l."));
    assert_int_equal(p.root->kind, PK_LIST);
    assert_int_equal(p.root->count, 3);
    assert_ptr_equal(p.root->items[0], p.root->items[1]);
    assert_ptr_equal(p.root->items[0], p.root->items[2]->items[0]);
    assert_int_equal(p.root->items[0]->count, 1);
    assert_int_equal(p.root->items[0]->id, p.root->items[1]->id);
    assert_true(p.root->id < p.count);
    /* DUP, POP, POP_MARK, an element at a time */
    p = parse(a, BYTES("\x80\2]K\1aK\2aK\3aK\4aK\0000(K\1K\0021."));
    assert_int_equal(p.root->count, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(p.root->items[i]->i, i + 1);
    p = parse(a, BYTES("\x80\2K\0072\x86."));
    assert_ptr_equal(p.root->items[0], p.root->items[1]);
    arena_free(a);
}

static void calls(void **state) {
    arena *a = arena_new();
    str name = {0};
    pickle p = parse(a, BYTES("\x80\2c__torch__.m\nNet\n)\x81}(X\1\0\0\0wK\1ub."));
    assert_int_equal(p.root->kind, PK_OBJECT);
    assert_true(pk_is_global(p.root->callee, "__torch__.m", "Net") &&
                pk_is_global(p.root->callee, "__torch__.m", NULL));
    assert_int_equal(p.root->args->kind, PK_TUPLE);
    assert_int_equal(pk_dict_get(p.root->state, "w")->i, 1);
    pk_add_name(&name, p.root);
    assert_string_equal(name.data, "__torch__.m.Net");
    str_free(&name);
    p = parse(a, BYTES("\x80\2c__torch__\nColor\nK\2R.")); /* TorchScript's enums */
    assert_true(pk_calls(p.root, "__torch__", "Color") && p.root->args->i == 2 && pk_item_count(p.root) == 0);
    p = parse(a, BYTES("\x80\2(X\1\0\0\0aK\1tQ."));
    assert_int_equal(p.root->kind, PK_PERSID);
    assert_int_equal(p.persid_count, 1);
    assert_true(pk_is_str(p.root->args->items[0], "a"));
    p = parse(a, BYTES("\x80\2ccollections\ndeque\n)R(K\1K\2e.")); /* a subclass of list */
    assert_int_equal(p.root->count, 2);
    assert_false(p.root->has_pairs);
    p = parse(a, BYTES("\x80\2ccollections\nOrderedDict\n](]X\1\0\0\0kaK\3ae\x85R.")); /* Python 2 */
    assert_int_equal(pk_dict_count(p.root), 1);
    assert_int_equal(pk_dict_get(p.root, "k")->i, 3);
    p = parse(a, BYTES("\x80\2}(X\1\0\0\0kK\1X\1\0\0\0kK\2u."));
    assert_int_equal(pk_dict_get(p.root, "k")->i, 2); /* the later */
    p = parse(a, BYTES("\x80\2N.\x80\2K\7."));
    assert_int_equal(p.end, 4);
    arena_free(a);
}

static void accepts_nothing_as_nothing(void **state) {
    int64_t i;
    double f;
    assert_string_equal(pk_kind_text(NULL), "nothing");
    assert_false(pk_is_str(NULL, "") || pk_is_global(NULL, "", NULL) || pk_calls(NULL, "", NULL) || pk_is_dict(NULL));
    assert_false(pk_get_int(NULL, &i) || pk_get_float(NULL, &f));
    assert_null(pk_item(NULL, 0));
    assert_null(pk_dict_get(NULL, "x"));
    assert_int_equal(pk_item_count(NULL) + pk_dict_count(NULL), 0);
}

static void damaged(void **state) {
    refuses(BYTES(""), NARU_BAD_FILE, "no pickle");
    refuses(BYTES("N."), NARU_BAD_FILE, "no pickle of protocol 2");
    refuses(BYTES("\x80\1N."), NARU_UNSUPPORTED, "pickle protocol 1");
    refuses(BYTES("\x80\6N."), NARU_UNSUPPORTED, "pickle protocol 6");
    refuses(BYTES("\x80"), NARU_BAD_FILE, "1 bytes are needed, 0 are left");
    refuses(BYTES("\x80\2N"), NARU_BAD_FILE, "at byte 3 of the pickle: it ends without STOP");
    refuses(BYTES("\x80\2."), NARU_BAD_FILE, "at byte 2 of the pickle: an opcode finds no value");
    refuses(BYTES("\x80\2(."), NARU_BAD_FILE, "finds no value");
    refuses(BYTES("\x80\2t."), NARU_BAD_FILE, "finds no mark");
    refuses(BYTES("\x80\2N\xff."), NARU_BAD_FILE, "at byte 3 of the pickle: unknown opcode 0xff");
    refuses(BYTES("\x80\2\x82\1."), NARU_BAD_FILE, "unknown opcode 0x82"); /* extension registry */
    refuses(BYTES("\x80\2I1\n."), NARU_UNSUPPORTED, "opcode 'I' of the text protocol 0");
    refuses(BYTES("\x80\2(i"), NARU_UNSUPPORTED, "opcode 'i'");
    refuses(BYTES("\x80\2X\xff\xff\xff\xffhello."), NARU_BAD_FILE, "4294967295 bytes are needed, 6 are left");
    refuses(BYTES("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), NARU_BAD_FILE, "bytes are needed");
    refuses(BYTES("\x80\2T\xff\xff\xff\xff."), NARU_BAD_FILE, "bytes are needed");
    refuses(BYTES("\x80\2\x8b\xff\xff\xff\x7f."), NARU_BAD_FILE, "bytes are needed");
    refuses(BYTES("\x80\2cmodule"), NARU_BAD_FILE, "a line without an end");
    refuses(BYTES("\x80\2cmod\0ule\nx\n."), NARU_BAD_FILE, "control character");
    refuses(BYTES("\x80\4\x8c\1aK\1\x93."), NARU_BAD_FILE, "no strings");
    refuses(BYTES("\x80\2h\5."), NARU_BAD_FILE, "memo number 5 was not set");
    refuses(BYTES("\x80\2j\5\0\0\x80."), NARU_BAD_FILE, "memo number 2147483653 was not set");
    refuses(BYTES("\x80\2Nr\xff\xff\xff\xff."), NARU_BAD_FILE, "memo number 4294967295");
    refuses(BYTES("\x80\2N(K\1e."), NARU_BAD_FILE, "elements are added to None");
    refuses(BYTES("\x80\2)K\1a."), NARU_BAD_FILE, "elements are added to a tuple");
    refuses(BYTES("\x80\2](K\1K\1u."), NARU_BAD_FILE, "keys are set in a list");
    refuses(BYTES("\x80\2}(K\1u."), NARU_BAD_FILE, "a key without a value");
    refuses(BYTES("\x80\2(K\1d."), NARU_BAD_FILE, "a key without a value");
    refuses(BYTES("\x80\2]Nb."), NARU_BAD_FILE, "a state is given to a list");
    refuses(BYTES("\x80\2}NbNb."), NARU_BAD_FILE, "a second state");
    refuses(BYTES("\x80\2cm\nc\n)RK\1aK\1K\1s."), NARU_BAD_FILE, "keys are set in a call");
    refuses(BYTES("\x80\2cm\nc\n)RK\1K\1sK\1a."), NARU_BAD_FILE, "elements are added to a call");
}

static void harmful(void **state) {
    refuses(BYTES("\x80\2]q\0h\0a."), NARU_BAD_FILE, "at byte 2 of the pickle: a list contains itself");
    refuses(BYTES("\x80\2}q\0K\1h\0s."), NARU_BAD_FILE, "a dictionary contains itself");
    refuses(BYTES("\x80\2]q\0(h\0ta."), NARU_BAD_FILE, "contains itself");
    refuses(BYTES("\x80\2cm\nc\n)Rq\0h\0b."), NARU_BAD_FILE, "a call contains itself");
    /* A thousand lists within lists, and one less. */
    str deep = {0};
    str_add_n(&deep, "\x80\2", 2);
    for (int i = 0; i < 1001; i++) str_add(&deep, "]");
    for (int i = 0; i < 1000; i++) str_add(&deep, "a");
    str_add(&deep, ".");
    refuses(deep.data, deep.len, NARU_LIMIT, "deeper than 1000");
    arena *a = arena_new();
    deep.data[deep.len - 2] = '.';
    parse(a, deep.data, deep.len - 1);
    arena_free(a);
    str_free(&deep);
}

static void bombs(void **state) {
    /* Each list holds the one before ten times: 10^k elements when unfolded. */
    str s = {0};
    str_add_n(&s, "\x80\2N", 3);
    for (int i = 0; i < 12; i++) {
        str_addf(&s, "q%c]", i + 1);
        str_add(&s, "(");
        for (int k = 0; k < 10; k++) str_addf(&s, "h%c", i + 1);
        str_add(&s, "e");
    }
    str_add(&s, ".");
    refuses(s.data, s.len, NARU_LIMIT, "unfold to more than");
    str_free(&s);
    refuses_with(BYTES("\x80\2]NNNNN."), &(pickle_options){.max_count = 5}, NARU_LIMIT, "more than 5 objects");
    refuses_with(BYTES("\x80\2]]]]aaa."), &(pickle_options){.max_depth = 3}, NARU_LIMIT, "deeper than 3");
    refuses_with(BYTES("\x80\2N2\x86q\0h\0\x86."), &(pickle_options){.max_unfolded = 6}, NARU_LIMIT, "more than 6");
    /* A long name made from short opcodes. */
    str_add_n(&s, "\x80\4X\0\x20\0\0", 7);
    for (int i = 0; i < 0x2000; i++) str_add(&s, "x");
    str_add_n(&s, "q\0h\0\x93.", 6);
    refuses(s.data, s.len, NARU_LIMIT, "a global whose name has 16384 bytes");
    str_free(&s);
}

static bool only_collections(void *user, const char *module, const char *name) {
    ++*(int *)user;
    return !strcmp(module, "collections");
}

static void allow_list(void **state) {
    int asked = 0;
    pickle_options opts = {.allow = only_collections, .user = &asked};
    refuses_with(BYTES("\x80\2ccollections\nOrderedDict\n)Rcos\nsystem\n(X\2\0\0\0lstR."), &opts, NARU_UNSUPPORTED,
                 "at byte 29 of the pickle: the global os.system is not among");
    assert_int_equal(asked, 2);
    arena *a = arena_new();
    pickle p = parse(a, BYTES("\x80\2cos\nsystem\nX\2\0\0\0ls\x85R."));
    assert_true(pk_calls(p.root, "os", "system")); /* a node, nothing more */
    arena_free(a);
}

static void cut_and_changed(void **state) {
    char bytes[sizeof proto4];
    for (int four = 0; four < 2; four++) {
        const char *from = four ? proto4 : proto2;
        size_t n = four ? sizeof proto4 - 1 : sizeof proto2 - 1;
        for (size_t cut = 0; cut < n; cut++) {
            naru_error err = NARU_ERROR_INIT;
            arena *a = arena_new();
            pickle p;
            char *exact = malloc(cut ? cut : 1);
            memcpy(exact, from, cut);
            assert_int_not_equal(pickle_parse(a, exact, cut, NULL, &p, &err), NARU_OK);
            free(exact);
            arena_free(a);
        }
    }
    for (size_t i = 0; i < sizeof proto4 - 1; i++)
        for (int v = 0; v < 256; v++) {
            arena *a = arena_new();
            pickle p;
            memcpy(bytes, proto4, sizeof proto4);
            bytes[i] = (char)v;
            if (pickle_parse(a, bytes, sizeof bytes - 1, NULL, &p, NULL) == NARU_OK) assert_non_null(p.root);
            arena_free(a);
        }
}

/* ---- the writer ---- */
static void writes_values(void **state) {
    naru_error err = NARU_ERROR_INIT;
    pk_writer w;
    int list;
    assert_int_equal(pkw_begin(&w, &err), NARU_OK);
    pkw_op(&w, PKW_MARK);
    static const int64_t ints[] = {0, 255, 256, 65535, 65536, -1, INT32_MAX, INT32_MIN, 1ll << 31, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(ints); i++) pkw_int(&w, ints[i]);
    pkw_float(&w, -0.1);
    pkw_bool(&w, true);
    pkw_op(&w, PKW_NONE);
    pkw_cstr(&w, "text");
    pkw_cstr(&w, "text");
    pkw_str(&w, "a\0b", 3);
    pkw_global_qualified(&w, "__torch__.a.B");
    pkw_global(&w, "__torch__.a", "B");
    assert_false(pkw_seen(&w, &list));
    pkw_op(&w, PKW_EMPTY_LIST);
    pkw_memo(&w, &list);
    assert_true(pkw_seen(&w, &list));
    for (size_t n = 0; n < 5; n++) {
        pkw_tuple_open(&w, n);
        for (size_t i = 0; i < n; i++) pkw_int(&w, (int64_t)i);
        pkw_tuple_close(&w, n);
    }
    pkw_op(&w, PKW_TUPLE);
    assert_int_equal(pkw_end(&w, &err), NARU_OK);
    arena *a = arena_new();
    pickle p = parse(a, w.out.data, w.out.len);
    double f;
    for (size_t i = 0; i < COUNT_OF(ints); i++) assert_int_equal(pk_item(p.root, i)->i, ints[i]);
    assert_true(pk_get_float(pk_item(p.root, 10), &f) && f == -0.1);
    assert_true(pk_is_str(pk_item(p.root, 13), "text") && pk_item(p.root, 13) == pk_item(p.root, 14));
    assert_int_equal(pk_item(p.root, 15)->text.n, 3);
    assert_true(pk_is_global(pk_item(p.root, 16), "__torch__.a", "B") && pk_item(p.root, 16) == pk_item(p.root, 17));
    assert_ptr_equal(pk_item(p.root, 18), pk_item(p.root, 19));
    for (size_t n = 0; n < 5; n++) assert_int_equal(pk_item_count(pk_item(p.root, 20 + n)), n);
    arena_free(a);
    pkw_free(&w);
}

/* More than 256 memo numbers and enough objects to grow the table. */
static void writes_many(void **state) {
    naru_error err = NARU_ERROR_INIT;
    pk_writer w;
    static const char ids[1000];
    assert_int_equal(pkw_begin(&w, &err), NARU_OK);
    pkw_op(&w, PKW_MARK);
    for (int i = 0; i < 1000; i++) pkw_int(&w, i), pkw_op(&w, PKW_TUPLE1), pkw_memo(&w, &ids[i]);
    for (int i = 0; i < 1000; i++) assert_true(pkw_seen(&w, &ids[i]));
    pkw_op(&w, PKW_TUPLE);
    assert_int_equal(pkw_end(&w, &err), NARU_OK);
    arena *a = arena_new();
    pickle p = parse(a, w.out.data, w.out.len);
    for (size_t i = 0; i < 1000; i++) assert_ptr_equal(pk_item(p.root, i), pk_item(p.root, i + 1000));
    arena_free(a);
    pkw_free(&w);
}

/* Writes a node as PyTorch's pickler does: the dictionary of an object is not memoised, the object is. */
static void write_node(pk_writer *w, const pk *p) {
    bool memo = p->kind == PK_OBJECT || p->kind == PK_PERSID || (p->kind == PK_REDUCE && pk_item_count(p));
    if (memo && pkw_seen(w, p)) return;
    switch (p->kind) {
    case PK_NONE: pkw_op(w, PKW_NONE); break;
    case PK_BOOL: pkw_bool(w, p->i); break;
    case PK_INT: pkw_int(w, p->i); break;
    case PK_FLOAT: pkw_float(w, p->f); break;
    case PK_STR: pkw_str(w, p->text.s, p->text.n); break;
    case PK_GLOBAL: pkw_global(w, p->global.module, p->global.name); break;
    case PK_TUPLE:
        if (p->count) pkw_op(w, PKW_MARK);
        for (uint32_t i = 0; i < p->count; i++) write_node(w, p->items[i]);
        pkw_op(w, p->count ? PKW_TUPLE : PKW_EMPTY_TUPLE);
        break;
    case PK_DICT:
        pkw_op(w, PKW_EMPTY_DICT);
        pkw_op(w, PKW_MARK);
        for (uint32_t i = 0; i < p->count; i++) write_node(w, p->pairs[i].key), write_node(w, p->pairs[i].value);
        pkw_op(w, PKW_SETITEMS);
        break;
    case PK_OBJECT:
    case PK_REDUCE:
        write_node(w, p->callee);
        write_node(w, p->args);
        pkw_op(w, p->kind == PK_OBJECT ? PKW_NEWOBJ : PKW_REDUCE);
        if (p->state) write_node(w, p->state), pkw_op(w, PKW_BUILD);
        break;
    case PK_PERSID: write_node(w, p->args), pkw_op(w, PKW_BINPERSID); break;
    default: fail();
    }
    if (memo) pkw_memo(w, p);
}

static void writes_what_torch_writes(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive *ar;
    archive_bytes b;
    pk_writer w;
    arena *a = arena_new();
    assert_int_equal(archive_open(NARU_TEST_DATA "/torch/tied.pt", true, &ar, &err), NARU_OK);
    assert_int_equal(archive_read(ar, "data.pkl", &b, &err), NARU_OK);
    pickle p = parse(a, (const char *)b.data, b.size);
    assert_int_equal(pkw_begin(&w, &err), NARU_OK);
    write_node(&w, p.root);
    assert_int_equal(pkw_end(&w, &err), NARU_OK);
    assert_int_equal(w.out.len, b.size);
    assert_memory_equal(w.out.data, b.data, b.size);
    pkw_free(&w);
    archive_unref(ar);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_pickles),  cmocka_unit_test(sharing),
        cmocka_unit_test(calls),           cmocka_unit_test(accepts_nothing_as_nothing),
        cmocka_unit_test(damaged),         cmocka_unit_test(harmful),
        cmocka_unit_test(bombs),           cmocka_unit_test(allow_list),
        cmocka_unit_test(cut_and_changed), cmocka_unit_test(writes_values),
        cmocka_unit_test(writes_many),     cmocka_unit_test(writes_what_torch_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
