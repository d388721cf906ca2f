/* SPDX-License-Identifier: MIT
 *
 * Checkpoints: PyTorch's zip and legacy files of one network, which part is meant, whole modules, classes that are not
 * known, damaged files, and what checkpoint_save writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "formats/torch/checkpoint.h"

#define DATA NARU_TEST_DATA "/torch/"

static checkpoint *open_ok(const char *path, const char *select) {
    naru_error err = NARU_ERROR_INIT;
    checkpoint *c;
    if (checkpoint_open(path, select, &c, &err) != NARU_OK) fail_msg("%s", err.message);
    return c;
}

static void same_tensors(const checkpoint *a, const checkpoint *b) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const naru_tensor *x = a->entries[i].tensor.t, *y = b->entries[i].tensor.t;
        assert_string_equal(a->entries[i].name, b->entries[i].name);
        assert_int_equal(x->dtype, y->dtype);
        assert_true(tensor_same_dims(x, y));
        assert_memory_equal(x->data, y->data, tensor_bytes(x));
    }
}

/* The zip and the legacy file hold the same network. */
static void zip_and_legacy(void **state) {
    checkpoint *zip = open_ok(DATA "smallcnn_fp32.pth", NULL), *legacy = open_ok(DATA "smallcnn_legacy.pth", NULL);
    assert_false(zip->legacy);
    assert_true(legacy->legacy);
    assert_string_equal(zip->selected, "");
    assert_int_equal(zip->count, 14);
    same_tensors(zip, legacy);
    const torch_tensor *w = checkpoint_find(zip, "conv2.weight"), *n = checkpoint_find(zip, "bn1.num_batches_tracked");
    assert_non_null(w);
    assert_int_equal(w->t->rank, 4);
    assert_int_equal(w->t->dims[0], 64);
    assert_int_equal(n->t->dtype, NARU_INT64);
    assert_int_equal(n->t->rank, 0);
    assert_null(checkpoint_find(zip, "nothing"));
    checkpoint_free(zip);
    checkpoint_free(legacy);
}

static void saved_and_read(void **state) {
    naru_error err = NARU_ERROR_INIT;
    char path[] = "/tmp/naru-checkpoint-XXXXXX";
    int fd = mkstemp(path);
    checkpoint *from = open_ok(DATA "smallcnn_fp32.pth", NULL);
    const char *names[32];
    torch_tensor tensors[32];
    close(fd);
    for (size_t i = 0; i < from->count; i++) names[i] = from->entries[i].name, tensors[i] = from->entries[i].tensor;
    if (checkpoint_save(path, from->count, names, tensors, &err) != NARU_OK) fail_msg("%s", err.message);
    checkpoint *back = open_ok(path, NULL);
    same_tensors(from, back);
    /* The records are PyTorch's, in its order; only the pickle differs in what it memoises. */
    archive *a, *b;
    assert_int_equal(archive_open(path, true, &a, &err), NARU_OK);
    assert_int_equal(archive_open(DATA "smallcnn_fp32.pth", true, &b, &err), NARU_OK);
    assert_int_equal(archive_count(a), archive_count(b));
    for (size_t i = 0; i < archive_count(a); i++) assert_string_equal(archive_name(a, i), archive_name(b, i));
    archive_unref(a);
    archive_unref(b);
    checkpoint_free(from);
    checkpoint_free(back);
    unlink(path);
}

static void types_saved_and_read(void **state) {
    naru_error err = NARU_ERROR_INIT;
    char path[] = "/tmp/naru-checkpoint-XXXXXX";
    int fd = mkstemp(path);
    static const naru_dtype types[] = {NARU_UINT8,  NARU_BOOL,   NARU_BFLOAT16,     NARU_COMPLEX128,
                                       NARU_UINT32, NARU_UINT64, NARU_FLOAT8E4M3FN, NARU_FLOAT8E8M0};
    const char *names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    torch_tensor tensors[COUNT_OF(types)] = {{0}};
    int64_t five = 5;
    close(fd);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        assert_int_equal(tensor_new(types[i], 1, &five, &tensors[i].t, &err), NARU_OK);
        memset(tensors[i].t->data, (int)i, tensor_bytes(tensors[i].t));
    }
    assert_int_equal(checkpoint_save(path, COUNT_OF(types), names, tensors, &err), NARU_OK);
    checkpoint *back = open_ok(path, NULL);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const naru_tensor *t = back->entries[i].tensor.t;
        assert_int_equal(t->dtype, types[i]);
        assert_memory_equal(t->data, tensors[i].t->data, tensor_bytes(t));
        tensor_unref(tensors[i].t);
    }
    checkpoint_free(back);
    torch_tensor text = {0};
    assert_int_equal(tensor_new(NARU_STRING, 1, &five, &text.t, &err), NARU_OK);
    assert_int_equal(checkpoint_save(path, 1, names, &text, &err), NARU_UNSUPPORTED);
    assert_string_equal(err.message, "tensor 'a': PyTorch has no tensors of type string");
    tensor_unref(text.t);
    unlink(path);
}

/* ---- hand-made checkpoints ---- */
#define TENSOR                                                                                                         \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\2tQ"         \
    "K\0K\2\x85K\1\x85\x89)tR"
#define KEY1(k)  "X\1\0\0\0" k
#define KEY2(k)  "X\2\0\0\0" k
#define KEY3(k)  "X\3\0\0\0" k
#define KEY5(k)  "X\5\0\0\0" k
#define PKL(s)   "\x80\2" s ".", sizeof("\x80\2" s ".") - 1
#define MODEL(d) "X\5\0\0\0model" d

static naru_status open_pickle(const char *pkl, size_t n, const char *select, checkpoint **out, naru_error *err) {
    static const float two[2] = {1, 2};
    archive_writer *w;
    str file = {0};
    assert_int_equal(archive_writer_begin(NULL, NULL, &w, err), NARU_OK);
    assert_int_equal(archive_writer_add(w, "data.pkl", pkl, n, err), NARU_OK);
    assert_int_equal(archive_writer_add(w, "data/0", two, sizeof two, err), NARU_OK);
    assert_int_equal(archive_writer_add_version(w, 3, err), NARU_OK);
    assert_int_equal(archive_writer_end(w, true, &file, err), NARU_OK);
    naru_status st = checkpoint_open_memory(file.data, file.len, "m.pth", select, out, err);
    str_free(&file);
    return st;
}

static void finds(const char *pkl, size_t n, const char *select, const char *selected, const char *names) {
    naru_error err = NARU_ERROR_INIT;
    checkpoint *c;
    str all = {0};
    if (open_pickle(pkl, n, select, &c, &err) != NARU_OK) fail_msg("%s", err.message);
    for (size_t i = 0; i < c->count; i++) {
        str_addf(&all, "%s ", c->entries[i].name);
        assert_true(((float *)c->entries[i].tensor.t->data)[1] == 2);
    }
    assert_string_equal(c->selected, selected);
    assert_string_equal(str_text(&all), names);
    str_free(&all);
    checkpoint_free(c);
}

static void refuses(const char *pkl, size_t n, const char *select, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    checkpoint *c;
    size_t live = mem_live_count();
    naru_status st = open_pickle(pkl, n, select, &c, &err);
    if (st != want || !strstr(err.message, words) || !str_starts(err.message, "m.pth: "))
        fail_msg("wanted '%s': status %d, '%s'", words, st, err.message);
    assert_int_equal(mem_live_count(), live);
}

static void selection(void **state) {
    finds(PKL("}(" KEY1("a") TENSOR KEY1("b") TENSOR "u"), NULL, "", "a b ");
    finds(PKL("}(" KEY1("a") TENSOR KEY5("model") "}" KEY1("b") TENSOR "su"), NULL, "model", "b ");
    finds(PKL("}(" KEY1("a") TENSOR KEY5("model") "}" KEY1("b") TENSOR "su"), "", "", "a model.b ");
    finds(PKL("}(" KEY5("epoch") "K\3" KEY1("q") "}" KEY1("b") TENSOR "su"), NULL, "q", "b ");
    finds(PKL("}(" MODEL("}X\n\0\0\0state_dict}" KEY1("w") TENSOR "ss") "u"), NULL, "model.state_dict", "w ");
    finds(PKL("}(" KEY1("p") "}" KEY1("a") TENSOR "s" KEY1("q") "}" KEY1("b") TENSOR "su"), "q", "q", "b ");
    finds(PKL("}(" KEY3("p.q") "}" KEY1("a") TENSOR "su"), "p.q", "p.q", "a ");
    finds(PKL("}" KEY1("p") "}" KEY3("q.r") "}" KEY1("a") TENSOR "sss"), "p.q.r", "p.q.r", "a ");
    finds(PKL("](" TENSOR TENSOR "e"), NULL, "", "0 1 ");
    finds(PKL("](" TENSOR "}" KEY1("a") TENSOR "se"), "1", "1", "a ");
    finds(PKL("}(K\0" TENSOR "K\7" TENSOR KEY1("n") "NK\x09)u"), NULL, "", "0 7 ");
    finds(PKL(TENSOR), NULL, "", " ");
    finds(PKL("}" KEY1("o") "ccollections\nOrderedDict\n)R(" KEY1("a") TENSOR "u}X\x09\0\0\0_metadataNsbs"), NULL, "o",
          "a ");
    refuses(PKL("}(" KEY1("p") "}" KEY1("a") TENSOR "s" KEY1("q") "}" KEY1("b") TENSOR "su"), NULL, NARU_NOT_FOUND,
            "it is not clear which part of the checkpoint is meant; select one; the keys are 'p', 'q'");
    refuses(PKL("}" KEY1("p") "K\1s"), NULL, NARU_NOT_FOUND, "there are no tensors in a dictionary");
    refuses(PKL("N"), NULL, NARU_NOT_FOUND, "there are no tensors in None");
    refuses(PKL("}" KEY1("a") TENSOR "s"), "ema", NARU_NOT_FOUND, "nothing under 'ema'; the keys are 'a'");
}

/* What torch.save(model) pickles: objects of classes, their state with the three dictionaries. */
static void whole_modules(void **state) {
#define DICT(pairs) "ccollections\nOrderedDict\n)R(" pairs "u"
#define PARAM       "ctorch._utils\n_rebuild_parameter\n" TENSOR "\x88)\x87R"
#define MODULE(cls, p, b, m)                                                                                           \
    "c__main__\n" cls "\n)\x81}(X\x0b\0\0\0_parameters" DICT(p) "X\x08\0\0\0_buffers" DICT(                            \
        b) "X\x1b\0\0\0_non_persistent_buffers_setc_"                                                                  \
           "_builtin__\nset\n]" KEY1("t") "a\x85RX"                                                                    \
                                          "\x08\0\0"                                                                   \
                                          "\0_"                                                                        \
                                          "module"                                                                     \
                                          "s" DICT(m) "ub"
#define NET                                                                                                            \
    MODULE("Net", KEY1("w") PARAM KEY1("b") "N", KEY1("t") TENSOR KEY1("m") TENSOR,                                    \
           KEY2("fc") MODULE("Linear", KEY1("w") PARAM, "", ""))
    finds(PKL(NET), NULL, "", "w m fc.w ");
    finds(PKL("}(" MODEL(NET) KEY5("epoch") "K\1u"), NULL, "model", "w m fc.w ");
    finds(PKL(NET), "fc", "fc", "w ");
}

static void unknown_classes(void **state) {
    /* Beside the tensors: left out. In their place: named. */
    finds(
        PKL("}(" KEY1("a") TENSOR KEY1("x") "cargparse\nNamespace\n)\x81}X\2\0\0\0lrG?\xb9\x99\x99\x99\x99\x99\x9asbu"),
        NULL, "", "a ");
    refuses(PKL("}(" KEY1("a") TENSOR KEY1("x") "cmy.lib\nWeight\n" TENSOR "\x85Ru"), NULL, NARU_UNSUPPORTED,
            "'x' is a my.lib.Weight, which is not executed");
    refuses(PKL("}(" KEY1("a") TENSOR KEY1("x") "cmy.lib\nWeight\n)\x81}" KEY1("t") TENSOR "sbu"), NULL,
            NARU_UNSUPPORTED, "'x' is a my.lib.Weight");
    refuses(PKL("cos\nsystem\nX\2\0\0\0ls\x85R"), NULL, NARU_NOT_FOUND, "there are no tensors in a call");
}

static void other_files(void **state) {
    naru_error err = NARU_ERROR_INIT;
    checkpoint *c;
    assert_int_equal(checkpoint_open(DATA "tied.pt", NULL, &c, &err), NARU_UNSUPPORTED);
    assert_non_null(strstr(err.message, "it is a TorchScript archive, not a checkpoint"));
    assert_int_equal(checkpoint_open("/nowhere", NULL, &c, &err), NARU_IO);
    assert_int_equal(checkpoint_open_memory("\x80\2}.", 4, "m.pth", NULL, &c, &err), NARU_BAD_FILE);
    assert_string_equal(err.message, "m.pth: no checkpoint: a Python pickle");
    refuses(PKL("}" KEY1("a") "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000"
                              "X\3\0\0\0cpuK\3tQK\0K\2\x85K\1\x85\x89)tRs"),
            NULL, NARU_BAD_FILE, "tensor 'a': m.pth: record 'data/0': at byte");
}

/* ---- the legacy stream ---- */
#define MAGIC    "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define PREAMBLE MAGIC "\x80\2M\xe9\3.\x80\2}."
#define LEGACY(view)                                                                                                   \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0kX\6\0\0\0cuda:0K\4" view     \
    "tQK\0K\2\x85K\1\x85\x89)tR"
#define KEYS "\x80\2]X\1\0\0\0ka."
#define FOUR                                                                                                           \
    "\4\0\0\0\0\0\0\0"                                                                                                 \
    "\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40"
#define STREAM(s) s, sizeof(s) - 1

static void legacy_views(void **state) {
    naru_error err = NARU_ERROR_INIT;
    checkpoint *c;
    if (checkpoint_open_memory(
            STREAM(PREAMBLE "\x80\2}(X\1\0\0\0a" LEGACY("N") "X\1\0\0\0b" LEGACY("(X\1\0\0\0vK\2K\2t") "u." KEYS FOUR),
            "m.pth", NULL, &c, &err) != NARU_OK)
        fail_msg("%s", err.message);
    const naru_tensor *a = c->entries[0].tensor.t, *b = c->entries[1].tensor.t;
    assert_ptr_equal(a->storage, b->storage);
    assert_true(((float *)a->data)[1] == 1 && ((float *)b->data)[1] == 3);
    checkpoint_free(c);
    static const struct {
        const char *bytes;
        size_t n;
        const char *words;
    } cases[] = {
        {STREAM(MAGIC "\x80\2K\1."), "the protocol number is not 1001"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s." KEYS "\5" FOUR), "the file ends within storage 'k'"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s." KEYS "\1\0\0\0\0\0\0\0\0\0\0\0"), "has 4 bytes, but 16"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s." KEYS "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
         "ends within"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s.\x80\2]."), "storage 'k' is not in the file"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s.\x80\2]X\1\0\0\0za." FOUR), "is of no tensor"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("(X\1\0\0\0vK\3K\2t") "s." KEYS FOUR), "not within the storage"},
        {STREAM(PREAMBLE "\x80\2}X\1\0\0\0a" LEGACY("N") "s"), "the pickle of the object, at byte 25: at byte"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        naru_status st = checkpoint_open_memory(cases[i].bytes, cases[i].n, "m.pth", NULL, &c, &err);
        if (st == NARU_OK || !strstr(err.message, cases[i].words)) fail_msg("'%s': %s", cases[i].words, err.message);
    }
}

static void cut_and_changed(void **state) {
    static const char good[] =
        PREAMBLE "\x80\2}(X\1\0\0\0a" LEGACY("N") "X\1\0\0\0b" LEGACY("(X\1\0\0\0vK\2K\2t") "u." KEYS FOUR;
    checkpoint *c;
    for (size_t n = 0; n < sizeof good - 1; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, good, n);
        assert_int_not_equal(checkpoint_open_memory(exact, n, "m", NULL, &c, NULL), NARU_OK);
        free(exact);
    }
    char bytes[sizeof good];
    for (size_t i = 0; i < sizeof good - 1; i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bytes, good, sizeof good);
            bytes[i] ^= (char)(1 << bit);
            if (checkpoint_open_memory(bytes, sizeof good - 1, "m", NULL, &c, NULL) == NARU_OK) checkpoint_free(c);
        }
    file_map *map;
    assert_int_equal(file_map_open(DATA "smallcnn_legacy.pth", true, &map, NULL), NARU_OK);
    for (size_t n = 0; n < map->size; n += n < 4000 ? 1 : 997)
        assert_int_not_equal(checkpoint_open_memory(map->data, n, "m", NULL, &c, NULL), NARU_OK);
    file_map_unref(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zip_and_legacy), cmocka_unit_test(saved_and_read), cmocka_unit_test(types_saved_and_read),
        cmocka_unit_test(selection),      cmocka_unit_test(whole_modules),  cmocka_unit_test(unknown_classes),
        cmocka_unit_test(other_files),    cmocka_unit_test(legacy_views),   cmocka_unit_test(cut_and_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
