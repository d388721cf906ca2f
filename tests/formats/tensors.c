/* SPDX-License-Identifier: MIT
 *
 * Tensors from pickled calls: views, sharing, quantized, sparse, lazily conjugated, wrapped; and descriptions that
 * reach outside of their storage.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/torch/tensors.h"

/* ---- one archive in memory: a pickle and records ---- */
typedef struct fixture {
    str file;
    archive *archive;
    arena *arena;
    pickle pickle;
    torch_storages *storages;
} fixture;

typedef struct record {
    const char *name;
    const void *data;
    size_t size;
} record;

static const float twelve[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const record storages[] = {{"data/0", twelve, sizeof twelve}, {"byteorder", "little", 6}};

static void begin(fixture *f, const char *pkl, size_t n, const record *records, size_t count) {
    naru_error err = NARU_ERROR_INIT;
    archive_writer *w;
    *f = (fixture){.arena = arena_new()};
    assert_int_equal(archive_writer_begin(NULL, "m", &w, &err), NARU_OK);
    assert_int_equal(archive_writer_add(w, "data.pkl", pkl, n, &err), NARU_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(archive_writer_add(w, records[i].name, records[i].data, records[i].size, &err), NARU_OK);
    assert_int_equal(archive_writer_end(w, true, &f->file, &err), NARU_OK);
    assert_int_equal(archive_open_memory(f->file.data, f->file.len, "m.pt", &f->archive, &err), NARU_OK);
    if (torch_read_pickle(f->archive, "data.pkl", f->arena, NULL, &f->pickle, &err) != NARU_OK)
        fail_msg("%s", err.message);
    assert_int_equal(torch_storages_new(f->archive, &f->storages, &err), NARU_OK);
}

static void end(fixture *f) {
    torch_storages_free(f->storages);
    archive_unref(f->archive);
    arena_free(f->arena);
    str_free(&f->file);
}

/* ---- pickles in text ---- */
#define STORAGE(type, count) "(X\7\0\0\0storagectorch\n" type "Storage\nX\1\0\0\0000X\3\0\0\0cpu" count "tQ"
#define V2                   "ctorch._utils\n_rebuild_tensor_v2\n("
#define HOOKS                                                                                                          \
    "\x89"                                                                                                             \
    "ccollections\nOrderedDict\n)R"
#define PKL(s) "\x80\2" s ".", sizeof("\x80\2" s ".") - 1

static void read_ok(fixture *f, const pk *p, torch_tensor *t) {
    naru_error err = NARU_ERROR_INIT;
    if (torch_tensor_read(f->storages, "data/", p, t, &err) != NARU_OK) fail_msg("%s", err.message);
}

static void refuses(const char *pkl, size_t n, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    fixture f;
    torch_tensor t;
    size_t live = mem_live_count();
    begin(&f, pkl, n, storages, COUNT_OF(storages));
    naru_status st = torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("wanted '%s': status %d, '%s'", words, st, err.message);
    assert_null(t.t);
    end(&f);
    assert_int_equal(mem_live_count(), live);
}

static void dense(void **state) {
    fixture f;
    torch_tensor t;
    begin(&f, PKL(V2 STORAGE("Float", "K\x0c") "K\1K\2K\3\x86K\5K\1\x86" HOOKS "tR"), storages, 2);
    assert_true(torch_is_tensor(f.pickle.root));
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.scalar, TORCH_Float);
    assert_int_equal(t.t->dtype, NARU_FLOAT);
    assert_int_equal(t.t->rank, 2);
    assert_int_equal(t.t->dims[0], 2);
    assert_int_equal(t.t->dims[1], 3);
    assert_int_equal(t.t->strides[0], 5);
    assert_true(((float *)t.t->data)[0] == 1 && ((float *)t.t->data)[5] == 6);
    assert_false(t.requires_grad || t.is_param);
    assert_int_equal(t.qscheme, TORCH_NOT_QUANTIZED);
    end(&f); /* the tensor outlives archive and storages */
    assert_true(((float *)t.t->data)[0] == 1);
    torch_tensor_clear(&t);
    torch_tensor_clear(&t);
}

static void shapes(void **state) {
    fixture f;
    torch_tensor t;
    begin(&f, PKL(V2 STORAGE("Float", "K\x0c") "K\x0b))\x88)tR"), storages, 2); /* a scalar; hooks missing */
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.t->rank, 0);
    assert_true(*(float *)t.t->data == 11 && t.requires_grad);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f, PKL(V2 STORAGE("Float", "K\x0c") "K\2M\xe8\3\x85K\0\x85" HOOKS "tR"), storages, 2); /* expanded */
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.t->dims[0], 1000);
    assert_int_equal(t.t->strides[0], 0);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f, PKL(V2 STORAGE("Float", "K\0") "K\0K\0K\3\x86K\3K\1\x86" HOOKS "tR"), NULL, 0); /* no record at all */
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(tensor_count(t.t), 0);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f,
          PKL("ctorch._utils\n_rebuild_tensor\n(" STORAGE("Float", "K\x0c") "K\0ctorch\nSize\nK\4\x85\x85RK\1\x85tR"),
          storages, 2); /* the oldest call */
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.t->dims[0], 4);
    torch_tensor_clear(&t);
    end(&f);
}

static void shared_storage(void **state) {
    fixture f;
    torch_tensor a, b;
    begin(&f,
          PKL(V2 STORAGE("Float", "K\x0c") "q\1K\0K\x0c\x85K\1\x85" HOOKS "tRctorch._utils\n_rebuild_parameter\n(" V2
                                           "h\1K\4K\2\x85K\1\x85" HOOKS "tR\x88" HOOKS "tR\x86"),
          storages, 2);
    read_ok(&f, pk_item(f.pickle.root, 0), &a);
    read_ok(&f, pk_item(f.pickle.root, 1), &b);
    assert_ptr_equal(a.t->storage, b.t->storage);
    assert_ptr_equal((float *)a.t->data + 4, b.t->data);
    assert_true(b.is_param && b.requires_grad);
    ((float *)b.t->data)[0] = 100;
    assert_true(((float *)a.t->data)[4] == 100);
    torch_tensor_clear(&a);
    torch_tensor_clear(&b);
    end(&f);
}

static void all_types(void **state) {
    for (int code = 0; code < 64; code++) {
        const char *name = torch_scalar_name((torch_scalar)code), *python = torch_scalar_python((torch_scalar)code);
        if (!name) {
            assert_int_equal(torch_scalar_dtype((torch_scalar)code), NARU_UNDEFINED);
            continue;
        }
        char storage_name[60];
        snprintf(storage_name, sizeof storage_name, "%sStorage", name);
        assert_int_equal(torch_scalar_of_storage(storage_name), code);
        assert_int_equal(torch_scalar_of_python(python), code);
        assert_true(torch_scalar_size((torch_scalar)code) > 0);
        naru_dtype d = torch_scalar_dtype((torch_scalar)code);
        if (d != NARU_UNDEFINED && !torch_scalar_quantized((torch_scalar)code))
            assert_int_equal(torch_scalar_of_dtype(d), code);
    }
    assert_int_equal(torch_scalar_of_python("torch.long"), TORCH_Long);
    assert_int_equal(torch_scalar_of_python("half"), TORCH_Half);
    assert_int_equal(torch_scalar_of_python("quux"), TORCH_SCALAR_NONE);
    assert_int_equal(torch_scalar_of_storage("Float"), TORCH_SCALAR_NONE);
    assert_int_equal(torch_scalar_of_dtype(NARU_STRING), TORCH_SCALAR_NONE);
}

static void untyped(void **state) {
    static const uint16_t words[] = {7, 65535};
    const record r = {"data/0", words, sizeof words};
    fixture f;
    torch_tensor t;
    begin(&f,
          PKL("ctorch._utils\n_rebuild_tensor_v3\n((X\7\0\0\0storagectorch.storage\nUntypedStorage\n"
              "X\1\0\0\0000X\3\0\0\0cpuK\4tQK\0K\2\x85K\1\x85" HOOKS "ctorch\nuint16\ntR"),
          &r, 1);
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.scalar, TORCH_UInt16);
    assert_int_equal(((uint16_t *)t.t->data)[1], 65535);
    torch_tensor_clear(&t);
    end(&f);
}

static void big_endian(void **state) {
    static const uint8_t bytes[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0}; /* 1, 2 */
    const record r[] = {{"data/0", bytes, sizeof bytes}, {"byteorder", "big", 3}};
    fixture f;
    torch_tensor t;
    begin(&f, PKL(V2 STORAGE("Float", "K\2") "K\0K\2\x85K\1\x85" HOOKS "tR"), r, 2);
    read_ok(&f, f.pickle.root, &t);
    assert_true(((float *)t.t->data)[0] == 1 && ((float *)t.t->data)[1] == 2);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f, PKL(V2 STORAGE("ComplexFloat", "K\1") "K\0K\1\x85K\1\x85" HOOKS "tR"), r, 2);
    read_ok(&f, f.pickle.root, &t);
    assert_true(((float *)t.t->data)[0] == 1 && ((float *)t.t->data)[1] == 2);
    torch_tensor_clear(&t);
    end(&f);
}

static void quantized(void **state) {
    static const int8_t q[] = {-3, 0, 4, 9};
    static const double scales[] = {0.5, 0.25};
    static const int64_t zeros[] = {0, 3};
    const record r[] = {{"data/0", q, sizeof q}, {"data/1", scales, sizeof scales}, {"data/2", zeros, sizeof zeros}};
    fixture f;
    torch_tensor t;
    begin(&f,
          PKL("ctorch._utils\n_rebuild_qtensor\n(" STORAGE(
              "QInt8", "K\4") "K\0K\2K\2\x86K\2K\1\x86"
                              "(ctorch\nper_tensor_affine\nG?\xe0\0\0\0\0\0\0J\xfd\xff\xff\xfft" HOOKS "tR"),
          r, 3);
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.qscheme, TORCH_PER_TENSOR);
    assert_true(t.scale == 0.5 && t.zero_point == -3);
    assert_int_equal(t.scalar, TORCH_QInt8);
    assert_int_equal(t.t->dtype, NARU_INT8);
    assert_int_equal(((int8_t *)t.t->data)[3], 9);
    torch_tensor_clear(&t);
    end(&f);
#define OTHER(type, key) "(X\7\0\0\0storagectorch\n" type "Storage\nX\1\0\0\0" key "X\3\0\0\0cpuK\2tQ"
#define CHANNELS(axis, n)                                                                                              \
    "ctorch._utils\n_rebuild_qtensor\n(" STORAGE(                                                                      \
        "QInt8", "K\4") "K\0K\2K\2\x86K\2K\1\x86"                                                                      \
                        "(ctorch\nper_channel_affine\n" V2 OTHER(                                                      \
                            "Double", "1") "K\0" n "\x85K\1\x85" HOOKS                                                 \
                                           "tR" V2 OTHER("Long", "2") "K\0K\2\x85K\1\x85" HOOKS "tR" axis "t" HOOKS    \
                                                                      "tR"
    begin(&f, PKL(CHANNELS("K\1", "K\2")), r, 3);
    read_ok(&f, f.pickle.root, &t);
    assert_int_equal(t.qscheme, TORCH_PER_CHANNEL);
    assert_int_equal(t.axis, 1);
    assert_true(((double *)t.scales->data)[1] == 0.25 && ((int64_t *)t.zero_points->data)[1] == 3);
    torch_tensor_clear(&t);
    end(&f);
    naru_error err = NARU_ERROR_INIT;
    begin(&f, PKL(CHANNELS("K\2", "K\2")), r, 3);
    assert_int_equal(torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err), NARU_BAD_FILE);
    end(&f);
    begin(&f, PKL(CHANNELS("K\1", "K\1")), r, 3);
    assert_int_equal(torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err), NARU_BAD_FILE);
    assert_non_null(strstr(err.message, "do not fit its channels"));
    end(&f);
}

static void sparse(void **state) {
    static const int64_t index[] = {0, 1, 1, 2, 0, 0}; /* (0, 2), (1, 0), (1, 0) */
    static const float values[] = {5, 6, 7};
    const record r[] = {{"data/0", values, sizeof values}, {"data/1", index, sizeof index}};
    fixture f;
    torch_tensor t;
    static const float want[] = {0, 0, 5, 13, 0, 0};
#define INDICES "(X\7\0\0\0storagectorch\nLongStorage\nX\1\0\0\0001X\3\0\0\0cpuK\6tQK\0K\2K\3\x86K\3K\1\x86" HOOKS "tR"
#define VALUES  STORAGE("Float", "K\3") "K\0K\3\x85K\1\x85" HOOKS "tR"
    begin(&f,
          PKL("ctorch._utils\n_rebuild_sparse_tensor\n(K\1(K\2K\3t\x88" V2 INDICES V2 VALUES
              "ccollections\nOrderedDict\n)RtR"),
          r, 2); /* as C++ writes it */
    read_ok(&f, f.pickle.root, &t);
    assert_memory_equal(t.t->data, want, sizeof want);
    assert_true(t.requires_grad);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f,
          PKL("ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\nX\x10\0\0\0torch.sparse_coo"
              "\x85R(" V2 INDICES V2 VALUES "ctorch\nSize\n(K\2K\3t\x85R\x89ttR"),
          r, 2);
    read_ok(&f, f.pickle.root, &t);
    assert_memory_equal(t.t->data, want, sizeof want);
    torch_tensor_clear(&t);
    end(&f);
    naru_error err = NARU_ERROR_INIT;
    begin(&f, PKL("ctorch._utils\n_rebuild_sparse_tensor\n(K\1(K\1K\3t\x88" V2 INDICES V2 VALUES "NtR"), r, 2);
    assert_int_equal(torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err), NARU_BAD_FILE);
    assert_non_null(strstr(err.message, "out of range"));
    end(&f);
    begin(&f, PKL("ctorch._utils\n_rebuild_sparse_tensor\n(K\1(J\0\0\x10\0J\0\0\x10\0t\x88" V2 INDICES V2 VALUES "NtR"),
          r, 2);
    assert_int_equal(torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err), NARU_LIMIT);
    end(&f);
    begin(&f, PKL("ctorch._utils\n_rebuild_sparse_tensor\n(K\2(K\2K\3t\x88NNNtR"), r, 2);
    assert_int_equal(torch_tensor_read(f.storages, "data/", f.pickle.root, &t, &err), NARU_UNSUPPORTED);
    assert_non_null(strstr(err.message, "to_dense"));
    end(&f);
}

static void lazily_conjugated(void **state) {
    static const float z[] = {1, 2, 3, 4};
    const record r = {"data/0", z, sizeof z};
    static const float want[] = {1, -2, 3, -4}, negated[] = {-1, -2, -3, -4};
    fixture f;
    torch_tensor t;
    begin(&f,
          PKL(V2 STORAGE("ComplexFloat", "K\2") "K\0K\2\x85K\1\x85" HOOKS
                                                "ctorch.jit._pickle\nrestore_type_tag\n}X\4\0\0\0conj"
                                                "\x88sX\x0f\0\0\0Dict[str, bool]\x86RtR"),
          &r, 1);
    read_ok(&f, f.pickle.root, &t);
    assert_memory_equal(t.t->data, want, sizeof want);
    torch_tensor_clear(&t);
    end(&f);
    begin(&f, PKL(V2 STORAGE("Float", "K\4") "K\0K\4\x85K\1\x85" HOOKS "}X\3\0\0\0neg\x88stR"), &r, 1);
    read_ok(&f, f.pickle.root, &t);
    assert_memory_equal(t.t->data, negated, sizeof negated);
    torch_tensor_clear(&t);
    end(&f);
}

static void wrapped(void **state) {
    fixture f;
    torch_tensor t;
    begin(&f,
          PKL("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch.nn."
              "parameter\nParameter\n(" STORAGE("Float", "K\x0c") "K\0K\2\x85K\1\x85" HOOKS "t}tR"),
          storages, 2);
    read_ok(&f, f.pickle.root, &t);
    assert_true(t.is_param);
    torch_tensor_clear(&t);
    end(&f);
}

static void lies(void **state) {
#define VIEW(count, offset, size, stride)                                                                              \
    V2 STORAGE("Float", count)                                                                                         \
    offset size stride HOOKS "tR"
#define BIG   "\x8a\x08\0\0\0\0\0\0\0\x40"
#define MINUS "J\xff\xff\xff\xff"
    refuses(PKL(VIEW("K\x0d", "K\0", "K\1\x85", "K\1\x85")), NARU_BAD_FILE, "m.pt: record 'data/0': at byte");
    refuses(PKL(VIEW(BIG, "K\0", "K\1\x85", "K\1\x85")), NARU_BAD_FILE, "absurd count");
    refuses(PKL(VIEW(MINUS, "K\0", "K\1\x85", "K\1\x85")), NARU_BAD_FILE, "no count");
    refuses(PKL(VIEW("K\x0c", "K\0", "K\x0d\x85", "K\1\x85")), NARU_BAD_FILE,
            "reaches to element 13 of a storage of 12");
    refuses(PKL(VIEW("K\x0c", "K\x0c", "K\1\x85", "K\1\x85")), NARU_BAD_FILE, "reaches to element 13");
    refuses(PKL(VIEW("K\2", "K\1", "K\2\x85", "K\1\x85")), NARU_BAD_FILE, "reaches to element 3 of a storage of 2");
    refuses(PKL(VIEW("K\x0c", "K\0", "K\2\x85", BIG "\x85")), NARU_BAD_FILE, "reaches to element");
    refuses(PKL(VIEW("K\x0c", "K\0", "K\5\x85", BIG "\x85")), NARU_BAD_FILE, "strides are absurdly large");
    refuses(PKL(VIEW("K\x0c", BIG, "K\2\x85", BIG "\x85")), NARU_BAD_FILE, "strides are absurdly large");
    refuses(PKL(VIEW("K\x0c", MINUS, "K\2\x85", "K\1\x85")), NARU_BAD_FILE, "offset");
    refuses(PKL(VIEW("K\x0c", "K\1", "K\2\x85", MINUS "\x85")), NARU_BAD_FILE, "strides are not");
    refuses(PKL(VIEW("K\x0c", "K\1", MINUS "\x85", "K\1\x85")), NARU_BAD_FILE, "no tuple of sizes");
    refuses(PKL(VIEW("K\x0c", "K\1", "K\1\x85", "K\1K\1\x86")), NARU_BAD_FILE, "strides are not");
    refuses(PKL(VIEW("K\x0c", "K\1", "K\1", "K\1")), NARU_BAD_FILE, "no tuple of sizes");
    refuses(PKL(VIEW("K\x0c", "K\0", BIG BIG BIG "\x87", "K\0K\0K\0\x87")), NARU_BAD_FILE, "absurdly large");
    refuses(PKL(VIEW("K\x0c", "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1t", ")")), NARU_LIMIT,
            "rank 17");
    refuses(PKL(V2 "K\1K\0))" HOOKS "tR"), NARU_BAD_FILE, "without a storage");
    refuses(PKL(V2 "K\1Q"
                   "K\0))" HOOKS "tR"),
            NARU_BAD_FILE, "is not ('storage'");
    refuses(PKL(V2 STORAGE("Quux", "K\1") "K\0))" HOOKS "tR"), NARU_UNSUPPORTED, "torch.QuuxStorage");
    refuses(PKL(V2 STORAGE("ComplexHalf", "K\1") "K\0))" HOOKS "tR"), NARU_UNSUPPORTED, "torch.complex32");
    refuses(PKL(V2 "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0007X\3\0\0\0cpuK\1tQK\0))" HOOKS "tR"),
            NARU_NOT_FOUND, "no record 'data/7'");
    refuses(PKL("ctorch._utils\n_rebuild_parameter\n(K\1\x88NtR"), NARU_BAD_FILE, "a tensor was expected");
    refuses(PKL("ctorch._utils\n_rebuild_meta_tensor_no_storage\n)R"), NARU_UNSUPPORTED, "_rebuild_meta_tensor");
    refuses(PKL("cos\nsystem\nX\2\0\0\0ls\x85R"), NARU_UNSUPPORTED, "os.system does not make a tensor");
    refuses(PKL("K\1"), NARU_BAD_FILE, "a tensor was expected, not an int");
    refuses(PKL("ctorch._utils\n_rebuild_tensor_v2\nNR"), NARU_BAD_FILE, "without a storage");
    refuses(PKL("ctorch._utils\n_rebuild_qtensor\n(" STORAGE("Float", "K\1") "K\0))NNNtR"), NARU_BAD_FILE, "quantized");
}

/* ---- writing ---- */
static void there_and_back(void **state) {
    naru_error err = NARU_ERROR_INIT;
    const int64_t dims[] = {3, 4}, part[] = {2, 2}, strides[] = {4, 2};
    naru_tensor *whole, *view;
    torch_storage_table *table;
    pk_writer w;
    fixture f;
    assert_int_equal(tensor_new(NARU_FLOAT, 2, dims, &whole, &err), NARU_OK);
    memcpy(whole->data, twelve, sizeof twelve);
    assert_int_equal(
        tensor_new_view(whole->storage, (float *)whole->data + 1, NARU_FLOAT, 2, part, strides, &view, &err), NARU_OK);
    torch_tensor a = {.t = whole, .scalar = TORCH_Float, .requires_grad = true};
    torch_tensor b = {.t = view, .scalar = TORCH_SCALAR_NONE};
    torch_tensor c = {.t = whole, .scalar = TORCH_Float};
    assert_int_equal(torch_storage_table_new("", &table, &err), NARU_OK);
    assert_int_equal(pkw_begin(&w, &err), NARU_OK);
    assert_int_equal(torch_tensor_pickle(&w, table, &a, &err), NARU_OK);
    assert_int_equal(torch_tensor_pickle(&w, table, &b, &err), NARU_OK);
    assert_int_equal(torch_tensor_pickle_untyped(&w, table, &c, &err), NARU_OK);
    pkw_tuple_close(&w, 3);
    assert_int_equal(pkw_end(&w, &err), NARU_OK);
    archive_writer *aw;
    str file = {0};
    assert_int_equal(archive_writer_begin(NULL, NULL, &aw, &err), NARU_OK);
    assert_int_equal(torch_storage_table_write(table, aw, "data/", &err), NARU_OK);
    assert_int_equal(archive_writer_add(aw, "data.pkl", w.out.data, w.out.len, &err), NARU_OK);
    assert_int_equal(archive_writer_end(aw, true, &file, &err), NARU_OK);
    f = (fixture){.file = file, .arena = arena_new()};
    assert_int_equal(archive_open_memory(file.data, file.len, "m", &f.archive, &err), NARU_OK);
    assert_int_equal(torch_storages_new(f.archive, &f.storages, &err), NARU_OK);
    assert_int_equal(torch_read_pickle(f.archive, "data.pkl", f.arena, NULL, &f.pickle, &err), NARU_OK);
    torch_tensor x, y, z;
    read_ok(&f, pk_item(f.pickle.root, 0), &x);
    read_ok(&f, pk_item(f.pickle.root, 1), &y);
    read_ok(&f, pk_item(f.pickle.root, 2), &z);
    assert_memory_equal(x.t->data, twelve, sizeof twelve);
    assert_memory_equal(z.t->data, twelve, sizeof twelve);
    assert_true(x.requires_grad && !y.requires_grad);
    assert_ptr_equal(x.t->storage, y.t->storage);
    assert_int_equal(y.t->strides[1], 2);
    assert_true(((float *)y.t->data)[6] == 7);
    assert_false(archive_has(f.archive, "data/1"));
    torch_tensor_clear(&x), torch_tensor_clear(&y), torch_tensor_clear(&z);
    end(&f);
    pkw_free(&w);
    torch_storage_table_free(table);
    tensor_unref(whole);
    tensor_unref(view);
}

/* Every tensor node of a real pickle, read. */
static int read_below(torch_storages *s, const char *folder, const pk *p) {
    naru_error err = NARU_ERROR_INIT;
    torch_tensor t;
    int n = 0;
    if (!p) return 0;
    if (torch_is_tensor(p)) {
        if (torch_tensor_read(s, folder, p, &t, &err) != NARU_OK) fail_msg("%s", err.message);
        assert_true(t.t->storage->nbytes > 0);
        torch_tensor_clear(&t);
        return 1;
    }
    n += read_below(s, folder, p->args) + read_below(s, folder, p->state);
    if (p->kind == PK_DICT)
        for (uint32_t i = 0; i < p->count; i++) n += read_below(s, folder, p->pairs[i].value);
    if (p->kind == PK_TUPLE || p->kind == PK_LIST)
        for (uint32_t i = 0; i < p->count; i++) n += read_below(s, folder, p->items[i]);
    return n;
}

static void real_archives(void **state) {
    static const struct {
        const char *file, *record, *folder;
        int tensors;
    } want[] = {{"tied.pt", "data.pkl", "data/", 8},
                {"trace_dict.pt", "constants.pkl", "constants/", 1},
                {"smallcnn_mobile.ptl", "constants.pkl", "constants/", 6},
                {"smallcnn_mobile.ptl", "bytecode.pkl", "constants/", 6},
                {"enum.pt", "data.pkl", "data/", 0}};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        naru_error err = NARU_ERROR_INIT;
        char path[500];
        archive *ar;
        torch_storages *s;
        pickle p;
        arena *a = arena_new();
        snprintf(path, sizeof path, NARU_TEST_DATA "/torch/%s", want[i].file);
        assert_int_equal(archive_open(path, true, &ar, &err), NARU_OK);
        assert_int_equal(torch_storages_new(ar, &s, &err), NARU_OK);
        if (torch_read_pickle(ar, want[i].record, a, NULL, &p, &err) != NARU_OK) fail_msg("%s", err.message);
        assert_int_equal(read_below(s, want[i].folder, p.root), want[i].tensors);
        torch_storages_free(s);
        archive_unref(ar);
        arena_free(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),         cmocka_unit_test(shapes),  cmocka_unit_test(shared_storage),
        cmocka_unit_test(all_types),     cmocka_unit_test(untyped), cmocka_unit_test(big_endian),
        cmocka_unit_test(quantized),     cmocka_unit_test(sparse),  cmocka_unit_test(lazily_conjugated),
        cmocka_unit_test(wrapped),       cmocka_unit_test(lies),    cmocka_unit_test(there_and_back),
        cmocka_unit_test(real_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
