/* SPDX-License-Identifier: MIT
 *
 * PyTorch's zip archive: real files, the writer against PyTorch's own bytes, storages in place and written to, and
 * files that lie or are cut short at every length.
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
#include "formats/torch/archive.h"

#define DATA NARU_TEST_DATA "/torch/"

static archive *open_ok(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    archive *a;
    if (archive_open(path, true, &a, &err) != NARU_OK) fail_msg("%s", err.message);
    return a;
}

static void real_files(void **state) {
    static const struct {
        const char *file, *folder;
        archive_kind kind;
        size_t count;
    } want[] = {
        {"tied.pt", "module_tied", ARCHIVE_SCRIPT, 0},
        {"trace_dict.pt", "trace_dict", ARCHIVE_SCRIPT, 0},
        {"smallcnn_fp32.pth", "smallcnn_fp32", ARCHIVE_CHECKPOINT, 20},
        {"smallcnn_mobile.ptl", "smallcnn_mobile", ARCHIVE_LITE, 14},
    };
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        char path[500];
        naru_error err = NARU_ERROR_INIT;
        int version;
        bool big;
        snprintf(path, sizeof path, DATA "%s", want[i].file);
        archive *a = open_ok(path);
        assert_string_equal(archive_folder(a), want[i].folder);
        assert_string_equal(archive_path(a), path);
        assert_int_equal(archive_kind_of(a), want[i].kind);
        if (want[i].count) assert_int_equal(archive_count(a), want[i].count);
        assert_int_equal(archive_version(a, &version, &err), NARU_OK);
        assert_int_equal(version, 3);
        assert_int_equal(archive_big_endian(a, &big, &err), NARU_OK);
        assert_false(big);
        if (archive_verify(a, &err) != NARU_OK) fail_msg("%s", err.message);
        archive_unref(a);
    }
}

static void names_and_bytes(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive *a = open_ok(DATA "trace_dict.pt");
    archive_bytes b, again;
    size_t size, n = 0;
    for (size_t i = archive_next(a, "code/", 0); i < archive_count(a); i = archive_next(a, "code/", i + 1)) n++;
    assert_true(n >= 2);
    assert_true(archive_has(a, "constants/0"));
    assert_int_equal(archive_read(a, "code/__torch__/script_suite.py", &b, &err), NARU_OK);
    assert_true(b.size > 200 && str_starts((const char *)b.data, "class "));
    assert_int_equal(archive_view(a, "code/__torch__/script_suite.py", &again, &err), NARU_OK);
    assert_ptr_equal(b.data, again.data); /* inflated once */
    assert_int_equal(archive_size(a, "code/__torch__/script_suite.py", &size, &err), NARU_OK);
    assert_int_equal(size, b.size);
    assert_int_equal(archive_read(a, "constants.pk", &b, &err), NARU_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'constants.pkl'?"));
    assert_int_equal(archive_read(a, "", &b, &err), NARU_NOT_FOUND);
    archive_unref(a);
}

/* A page of a mapped storage can be written; the file and other openings of it do not change. */
static void storages_are_private(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive *a = open_ok(DATA "smallcnn_fp32.pth"), *other = open_ok(DATA "smallcnn_fp32.pth");
    archive_bytes b;
    storage *s, *mine, *wide;
    assert_int_equal(archive_view(a, "data/6", &b, &err), NARU_OK);
    assert_int_equal(archive_storage(a, "data/6", 73728, 4, &s, &err), NARU_OK);
    assert_ptr_equal(s->data, b.data); /* in place */
    assert_int_equal((uintptr_t)s->data % 64, 0);
    assert_int_equal(archive_storage(other, "data/6", 73728, 4, &mine, &err), NARU_OK);
    assert_memory_equal(s->data, mine->data, 73728);
    archive_unref(a); /* the storage keeps what it needs */
    memset(mine->data, 0x5a, mine->nbytes);
    assert_memory_not_equal(s->data, mine->data, 73728);
    archive_unref(other);
    other = open_ok(DATA "smallcnn_fp32.pth");
    assert_int_equal(archive_storage(other, "data/6", 16, 4, &wide, &err), NARU_OK);
    assert_int_equal(wide->nbytes, 16);
    assert_memory_equal(s->data, wide->data, 16);
    storage_unref(s);
    storage_unref(mine);
    storage_unref(wide);
    assert_int_equal(archive_storage(other, "data/6", 73729, 4, &s, &err), NARU_BAD_FILE);
    assert_non_null(strstr(err.message, "smallcnn_fp32.pth: record 'data/6': at byte"));
    assert_non_null(strstr(err.message, "has 73728 bytes, but its tensors need 73729"));
    assert_int_equal(archive_storage(other, "data/99", 0, 4, &s, &err), NARU_OK); /* empty: need not be there */
    storage_unref(s);
    assert_int_equal(archive_storage(other, "data/99", 1, 4, &s, &err), NARU_NOT_FOUND);
    archive_unref(other);
}

/* ---- the writer ---- */
static void add_all(archive_writer *w, archive *from) {
    naru_error err = NARU_ERROR_INIT;
    for (size_t i = 0; i < archive_count(from); i++) {
        archive_bytes b;
        assert_int_equal(archive_read(from, archive_name(from, i), &b, &err), NARU_OK);
        assert_int_equal(archive_writer_add(w, archive_name(from, i), b.data, b.size, &err), NARU_OK);
    }
}

/* The same records give PyTorch's own bytes, where nothing is deflated. */
static void writes_what_torch_writes(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive *from = open_ok(DATA "smallcnn_fp32.pth");
    archive_writer *w;
    file_map *file;
    str out = {0};
    assert_int_equal(archive_writer_begin(NULL, "smallcnn_fp32", &w, &err), NARU_OK);
    add_all(w, from);
    assert_int_equal(archive_writer_end(w, true, &out, &err), NARU_OK);
    assert_int_equal(file_map_open(DATA "smallcnn_fp32.pth", true, &file, &err), NARU_OK);
    assert_int_equal(out.len, file->size);
    assert_memory_equal(out.data, file->data, file->size);
    file_map_unref(file);
    str_free(&out);
    archive_unref(from);
}

static void same_records(archive *a, archive *b) {
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(archive_count(a), archive_count(b));
    for (size_t i = 0; i < archive_count(a); i++) {
        archive_bytes x, y;
        assert_string_equal(archive_name(a, i), archive_name(b, i));
        assert_int_equal(archive_read(a, archive_name(a, i), &x, &err), NARU_OK);
        assert_int_equal(archive_read(b, archive_name(a, i), &y, &err), NARU_OK);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
    }
}

static void deflated_there_and_back(void **state) {
    naru_error err = NARU_ERROR_INIT;
    char path[] = "/tmp/naru-archive-XXXXXX", *dot;
    int fd = mkstemp(path);
    archive *from = open_ok(DATA "tied.pt"), *back;
    archive_writer *w;
    file_map *file, *original;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(archive_writer_begin(path, NULL, &w, &err), NARU_OK);
    add_all(w, from);
    assert_int_equal(archive_writer_end(w, true, NULL, &err), NARU_OK);
    back = open_ok(path);
    same_records(from, back);
    dot = strrchr(path, '/');
    assert_string_equal(archive_folder(back), dot + 1);
    assert_int_equal(archive_verify(back, &err), NARU_OK);
    assert_int_equal(file_map_open(path, true, &file, &err), NARU_OK);
    assert_int_equal(file_map_open(DATA "tied.pt", true, &original, &err), NARU_OK);
    assert_true(file->size < original->size * 11 / 10);
    file_map_unref(file);
    file_map_unref(original);
    archive_unref(from);
    archive_unref(back);
    assert_int_equal(archive_writer_begin(path, NULL, &w, &err), NARU_OK); /* given up: the old file stays */
    assert_int_equal(archive_writer_add(w, "x", "y", 1, &err), NARU_OK);
    assert_int_equal(archive_writer_end(w, false, NULL, &err), NARU_OK);
    back = open_ok(path);
    assert_false(archive_has(back, "x"));
    archive_unref(back);
    unlink(path);
}

/* ---- small archives to break ---- */
typedef struct record {
    const char *name, *data;
} record;

static str make(const char *folder, size_t n, const record *records) {
    naru_error err = NARU_ERROR_INIT;
    archive_writer *w;
    str out = {0};
    assert_int_equal(archive_writer_begin(NULL, folder, &w, &err), NARU_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(archive_writer_add(w, records[i].name, records[i].data, strlen(records[i].data), &err),
                         NARU_OK);
    assert_int_equal(archive_writer_end(w, true, &out, &err), NARU_OK);
    return out;
}

static const record plain[] = {{"data.pkl", "\x80\x02)."},
                               {"code/a.py",
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
                               {"empty", ""},
                               {"version", "3\n"}};

static void writer_details(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive_writer *w;
    str s = make("m", COUNT_OF(plain), plain);
    assert_memory_equal(s.data, "PK\3\4\0\0\x08\x08\0\0", 10);
    assert_memory_equal(s.data + 64, "\x80\x02).", 4); /* aligned */
    str_free(&s);
    assert_int_equal(archive_writer_begin(NULL, NULL, &w, &err), NARU_OK);
    assert_int_equal(archive_writer_add(w, "a", "x", 1, &err), NARU_OK);
    assert_int_equal(archive_writer_add(w, "a", "x", 1, &err), NARU_INVALID_ARGUMENT);
    assert_string_equal(err.message, "archive: record 'a': is already in the archive");
    assert_int_equal(archive_writer_add_version(w, 6, &err), NARU_OK);
    assert_int_equal(archive_writer_add_byteorder(w, &err), NARU_OK);
    assert_int_equal(archive_writer_add_id(w, &err), NARU_OK);
    assert_int_equal(archive_writer_end(w, true, &s, &err), NARU_OK);
    archive *a;
    archive_bytes b;
    int version;
    assert_int_equal(archive_open_memory(s.data, s.len, "m", &a, &err), NARU_OK);
    assert_int_equal(archive_version(a, &version, &err), NARU_OK);
    assert_int_equal(version, 6);
    assert_true(archive_has(a, ".data/version"));
    assert_int_equal(archive_read(a, ".data/serialization_id", &b, &err), NARU_OK);
    assert_int_equal(b.size, 40);
    archive_unref(a);
    str_free(&s);
    assert_int_equal(archive_writer_begin("/nowhere/at/all.pt", NULL, &w, &err), NARU_IO);
}

static naru_status read_everything(const void *data, size_t size, naru_error *err) {
    archive *a;
    TRY(archive_open_memory(data, size, "m.pt", &a, err));
    naru_status st = NARU_OK;
    for (size_t i = 0; st == NARU_OK && i < archive_count(a); i++) {
        archive_bytes b;
        st = archive_read(a, archive_name(a, i), &b, err);
        if (st == NARU_OK && b.size && b.data[b.size - 1] == 7) assert_non_null(b.data); /* touch the end */
    }
    if (st == NARU_OK) st = archive_verify(a, err);
    archive_unref(a);
    return st;
}

static void cut_everywhere(void **state) {
    str s = make("m", COUNT_OF(plain), plain);
    for (size_t n = 0; n < s.len; n++) {
        naru_error err = NARU_ERROR_INIT;
        char *exact = malloc(n ? n : 1);
        memcpy(exact, s.data, n);
        naru_status st = read_everything(exact, n, &err);
        free(exact);
        if (st != NARU_BAD_FILE || !str_starts(err.message, "m.pt: "))
            fail_msg("cut at %zu: %d %s", n, st, err.message);
    }
    str_free(&s);
}

static void changed_everywhere(void **state) {
    str s = make("m", COUNT_OF(plain), plain);
    size_t quiet = 0;
    for (size_t i = 0; i < s.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            naru_error err = NARU_ERROR_INIT;
            s.data[i] ^= (char)(1 << bit);
            quiet += read_everything(s.data, s.len, &err) == NARU_OK;
            s.data[i] ^= (char)(1 << bit);
        }
    assert_true(quiet < s.len * 8 * 3 / 4); /* padding, times, attributes, descriptors: nobody reads them */
    str_free(&s);
}

/* The place of the nth signature. */
static size_t find_mark(const str *s, const char *mark, int nth) {
    for (size_t i = 0; i + 4 <= s->len; i++)
        if (!memcmp(s->data + i, mark, 4) && nth-- == 0) return i;
    fail_msg("no mark");
    return 0;
}

static void refuses(str s, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    naru_status st = read_everything(s.data, s.len, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("wanted '%s': %d '%s'", words, st, err.message);
    str_free(&s);
}

static void patch(str *s, size_t at, const char *bytes, size_t n) { memcpy(s->data + at, bytes, n); }

static void lies(void **state) {
    str s = make("m", COUNT_OF(plain), plain);
    size_t central = find_mark(&s, "PK\1\2", 0), code = find_mark(&s, "PK\1\2", 1), end = find_mark(&s, "PK\6\6", 0);
    str_free(&s);
#define BROKEN(at, bytes, n, st, words)                                                                                \
    s = make("m", COUNT_OF(plain), plain), patch(&s, at, bytes, n), refuses(s, st, words)
    BROKEN(64, "\x81", 1, NARU_BAD_FILE, "record 'data.pkl': at byte 64: wrong checksum");
    BROKEN(central + 20, "\5", 1, NARU_BAD_FILE, "a stored record of 5 bytes claims to be 4");
    BROKEN(central + 24, "\xff\xff\xff\x7f", 4, NARU_BAD_FILE, "a stored record of 4 bytes claims to be 2147483647");
    BROKEN(central + 20, "\xff\xff\0\0\xff\xff\0", 7, NARU_BAD_FILE, "does not fit in the file beside the others");
    BROKEN(central + 42, "\1", 1, NARU_BAD_FILE, "no zip record begins here");
    BROKEN(central + 42, "\xff\xff\xff\x7f", 4, NARU_BAD_FILE, "no zip record begins here");
    BROKEN(central + 10, "\x0c", 1, NARU_UNSUPPORTED, "compression method 12");
    BROKEN(central + 8, "\x09", 1, NARU_UNSUPPORTED, "the record is encrypted");
    BROKEN(central + 46, "n", 1, NARU_BAD_FILE, "another name");
    BROKEN(central + 49, "\0", 1, NARU_BAD_FILE, "NUL inside");
    BROKEN(central + 28, "\xff\xff", 2, NARU_BAD_FILE, "an entry runs over its end");
    BROKEN(code, "XX", 2, NARU_BAD_FILE, "an entry was expected here");
    BROKEN(code + 24, "\xff\xff\xff\x7f", 4, NARU_BAD_FILE, "compressed bytes cannot hold");
    BROKEN(code + 24, "\xe2", 1, NARU_BAD_FILE, "the compressed data is damaged");
    BROKEN(code + 16, "\0\0\0\0", 4, NARU_BAD_FILE, "wrong checksum");
    BROKEN(end + 32, "\xff\xff\xff", 3, NARU_BAD_FILE, "cannot hold the 16777215 entries");
    BROKEN(end + 48, "\xff\xff\xff", 3, NARU_BAD_FILE, "does not lie before its end record");
    BROKEN(28, "\xff\xff", 2, NARU_BAD_FILE, "run over the end");
}

/* More records than the 16 bits of zip's old end record can count. */
static void many_records(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive_writer *w;
    archive *a;
    archive_bytes b;
    str out = {0};
    char name[16];
    assert_int_equal(archive_writer_begin(NULL, NULL, &w, &err), NARU_OK);
    for (int i = 0; i < 70000; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(archive_writer_add(w, name, name, strlen(name), &err), NARU_OK);
    }
    assert_int_equal(archive_writer_end(w, true, &out, &err), NARU_OK);
    assert_int_equal(archive_open_memory(out.data, out.len, "m", &a, &err), NARU_OK);
    assert_int_equal(archive_count(a), 70000);
    assert_int_equal(archive_read(a, "69999", &b, &err), NARU_OK);
    assert_memory_equal(b.data, "69999", 5);
    archive_unref(a);
    str_free(&out);
}

static void folders(void **state) {
    naru_error err = NARU_ERROR_INIT;
    archive *a;
    archive_bytes b;
    str s = make("m", COUNT_OF(plain), plain);
    /* Of two records of one name the later counts, as in PyTorch. */
    str two = make("m", 2, (record[]){{"a1", "first"}, {"a2", "second"}});
    for (size_t i = 0; i + 4 <= two.len; i++)
        if (!memcmp(two.data + i, "m/a2", 4)) two.data[i + 3] = '1';
    assert_int_equal(archive_open_memory(two.data, two.len, "m", &a, &err), NARU_OK);
    assert_int_equal(archive_count(a), 1);
    assert_int_equal(archive_read(a, "a1", &b, &err), NARU_OK);
    assert_int_equal(b.size, 6);
    archive_unref(a);
    /* No folder at all. */
    for (size_t i = 0; i + 3 <= s.len; i++)
        if (!memcmp(s.data + i, "m/d", 3) || !memcmp(s.data + i, "m/v", 3)) s.data[i + 1] = '_';
    assert_int_equal(archive_open_memory(s.data, s.len, "m.pt", &a, &err), NARU_BAD_FILE);
    assert_non_null(strstr(err.message, "is in no folder"));
    str_free(&s);
    str_free(&two);
}

static void versions(void **state) {
    static const struct {
        const char *text;
        int number;
        const char *words;
    } cases[] = {{"3\n", 3, NULL},
                 {"10", 10, NULL},
                 {"  7\r\n", 7, NULL},
                 {"5 and more", 5, NULL},
                 {"0xA", 0, "the oldest"},
                 {"11", 0, "newer PyTorch"},
                 {"x", 0, "does not begin with a number"},
                 {"99999999999999999999999", 0, "newer PyTorch"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        naru_error err = NARU_ERROR_INIT;
        str s = make("m", 1, (record[]){{"version", cases[i].text}});
        archive *a;
        int v = 0;
        assert_int_equal(archive_open_memory(s.data, s.len, "m.pt", &a, &err), NARU_OK);
        naru_status st = archive_version(a, &v, &err);
        assert_int_equal(v, cases[i].number);
        assert_true(cases[i].words ? st != NARU_OK && strstr(err.message, cases[i].words) : st == NARU_OK);
        archive_unref(a);
        str_free(&s);
    }
}

static void byte_orders(void **state) {
    static const char *const texts[] = {"little", "big", "big\n", "middle"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        naru_error err = NARU_ERROR_INIT;
        str s = make("m", 1, (record[]){{"byteorder", texts[i]}});
        archive *a;
        bool big;
        assert_int_equal(archive_open_memory(s.data, s.len, "m.pt", &a, &err), NARU_OK);
        naru_status st = archive_big_endian(a, &big, &err);
        assert_int_equal(st, i == 3 ? NARU_BAD_FILE : NARU_OK);
        if (st == NARU_OK) assert_int_equal(big, i == 1 || i == 2);
        archive_unref(a);
        str_free(&s);
    }
}

static void other_files(void **state) {
    static const struct {
        const char *bytes;
        size_t n;
        torch_container is;
        const char *words;
    } cases[] = {
        {"", 0, TORCH_OTHER, "empty"},
        {"PYTORCH1", 8, TORCH_PREVIEW, "preview"},
        {"\0\0\0\0PTMF", 8, TORCH_FLATBUFFER, "flatbuffer"},
        {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, TORCH_LEGACY, "1.6"},
        {"version https://git-lfs.github.com/spec/v1", 42, TORCH_OTHER, "Git LFS"},
        {"<!DOCTYPE html>", 15, TORCH_OTHER, "HTML"},
        {"\x80\x02}.", 4, TORCH_OTHER, "Python pickle"},
        {"\x08\x07\x12\x07pytorch", 11, TORCH_OTHER, "unknown"},
        {"PK", 2, TORCH_OTHER, "unknown"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        naru_error err = NARU_ERROR_INIT;
        archive *a;
        assert_int_equal(torch_sniff(cases[i].bytes, cases[i].n), cases[i].is);
        assert_int_equal(archive_open_memory(cases[i].bytes, cases[i].n, "m.pt", &a, &err), NARU_BAD_FILE);
        if (!strstr(err.message, cases[i].words)) fail_msg("%s", err.message);
    }
    char tar[512] = {0};
    memcpy(tar + 257, "ustar", 5);
    assert_int_equal(torch_sniff(tar, sizeof tar), TORCH_TAR);
    naru_error err = NARU_ERROR_INIT;
    archive *a;
    assert_int_equal(archive_open("/nowhere.pt", true, &a, &err), NARU_IO);
    assert_int_equal(archive_open("/tmp", true, &a, &err), NARU_IO);
}

/* What Python's zipfile writes: no 64-bit end, sizes in the local header; here with a comment behind. */
static void other_writers(void **state) {
    static const uint8_t zip[] =
        "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\x85\x11\x4a\x0d\x0b\0\0\0\x0b\0\0\0\x05\0\0\0"
        "m/abchello world"
        "PK\1\2\x14\3\x14\0\0\0\0\0\0\0\x21\0\x85\x11\x4a\x0d\x0b\0\0\0\x0b\0\0\0\x05\0\0\0\0\0"
        "\0\0\0\0\0\0\x80\1\0\0\0\0m/abc"
        "PK\5\6\0\0\0\0\1\0\1\0\x33\0\0\0\x2e\0\0\0\7\0comment";
    naru_error err = NARU_ERROR_INIT;
    archive *a;
    archive_bytes b;
    if (archive_open_memory(zip, sizeof zip - 1, "m", &a, &err) != NARU_OK) fail_msg("%s", err.message);
    if (archive_read(a, "abc", &b, &err) != NARU_OK) fail_msg("%s", err.message);
    assert_memory_equal(b.data, "hello world", 11);
    archive_unref(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_files),
        cmocka_unit_test(names_and_bytes),
        cmocka_unit_test(storages_are_private),
        cmocka_unit_test(writes_what_torch_writes),
        cmocka_unit_test(deflated_there_and_back),
        cmocka_unit_test(writer_details),
        cmocka_unit_test(cut_everywhere),
        cmocka_unit_test(changed_everywhere),
        cmocka_unit_test(lies),
        cmocka_unit_test(many_records),
        cmocka_unit_test(folders),
        cmocka_unit_test(versions),
        cmocka_unit_test(byte_orders),
        cmocka_unit_test(other_files),
        cmocka_unit_test(other_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
