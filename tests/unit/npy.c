/* SPDX-License-Identifier: MIT
 *
 * .npy and .npz: headers good and hostile, every element type there and back, byte and Fortran order, truncation at
 * every byte, archives that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "formats/npy/npy.h"
#include "tensor/dtype.h"

/* A file of format 1.0 with this dictionary and data. */
static naru_status parse(const char *dict, const void *data, size_t n, naru_tensor **out, naru_error *err) {
    str file = {0};
    size_t len = strlen(dict);
    str_add_n(&file, "\x93NUMPY\x01\x00", 8);
    str_add_n(&file, (char[]){(char)(len & 0xff), (char)(len >> 8)}, 2);
    str_add(&file, dict);
    str_add_n(&file, data, n);
    naru_status st = npy_read_memory(file.data, file.len, out, err);
    str_free(&file);
    return st;
}

static void refuses(const char *dict, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    static const uint8_t data[64];
    naru_status st = parse(dict, data, sizeof data, &t, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("%s: status %d, message '%s'", dict, st, err.message);
    assert_null(t);
}

static void hostile_headers(void **state) {
    refuses("", NARU_BAD_FILE, "not a dictionary");
    refuses("{", NARU_BAD_FILE, "not a dictionary");
    refuses("[1, 2]", NARU_BAD_FILE, "not a dictionary");
    refuses("{}", NARU_BAD_FILE, "is missing");
    refuses("{'descr': '<f4', 'fortran_order': False}", NARU_BAD_FILE, "is missing");
    refuses("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", NARU_BAD_FILE, "neither True nor False");
    refuses("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", NARU_BAD_FILE,
            "repeated key 'descr'");
    refuses("{'descr': '<f4', 'extra': 1, 'fortran_order': False, 'shape': ()}", NARU_BAD_FILE, "key 'extra'");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", NARU_BAD_FILE, "no size");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", NARU_BAD_FILE, "not a tuple");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", NARU_BAD_FILE, "not a tuple");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (17,)}", NARU_BAD_FILE, "17 elements of 4 bytes");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", NARU_BAD_FILE, "no size");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}", NARU_LIMIT, "absurdly");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}", NARU_LIMIT,
            "more than 16");
    refuses("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "Python objects");
    refuses("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "structured");
    refuses("{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "'<f3' is not known");
    refuses("{'descr': '', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "not known");
    refuses("{'descr': '<', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "not known");
    refuses("{'descr': 'string', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "not known");
    refuses("{'descr': '|V1', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "does not say which");
    refuses("{'descr': '<U99999999999', 'fortran_order': False, 'shape': (1,)}", NARU_UNSUPPORTED, "not known");
    refuses("{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000,)}", NARU_LIMIT, "empty strings");
}

static void not_numpy(void **state) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    assert_int_equal(npy_read_memory("PK\3\4 something else", 20, &t, &err), NARU_BAD_FILE);
    assert_non_null(strstr(err.message, "not a NumPy file"));
    assert_int_equal(npy_read_memory("\x93NUMPY\x09\x00\x02\x00{}", 12, &t, &err), NARU_UNSUPPORTED);
    assert_int_equal(npy_read_memory("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14, &t, &err), NARU_LIMIT);
    assert_int_equal(npy_read_memory("", 0, &t, &err), NARU_BAD_FILE);
}

static void orders_of_bytes_and_axes(void **state) {
    naru_tensor *t;
    const uint8_t big[] = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
    assert_int_equal(parse("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", big, sizeof big, &t, NULL),
                     NARU_OK);
    assert_int_equal(t->dtype, NARU_INT16);
    static const double rows[] = {1, 3, 5, 2, 4, 6};
    for (int i = 0; i < 6; i++) assert_true(naru_tensor_get(t, i) == rows[i]);
    naru_tensor_destroy(&t);
    assert_int_equal(
        parse("{'shape': (), 'fortran_order': False, 'descr': '>c8'}", "\x3f\x80\0\0\xc0\0\0\0", 8, &t, NULL), NARU_OK);
    assert_true(((float *)t->data)[0] == 1 && ((float *)t->data)[1] == -2);
    naru_tensor_destroy(&t);
    assert_int_equal(parse("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", "\0\7", 2, &t, NULL), NARU_OK);
    assert_int_equal(((uint8_t *)t->data)[1], 1); /* a bool is 0 or 1 afterwards */
    naru_tensor_destroy(&t);
}

static void text(void **state) {
    naru_tensor *t;
    const uint8_t ucs[] = {'h', 0, 0, 0, 0x80, 0xb0, 0, 0, 0, 0,    0, 0,  /* "h나" spelled as U+B080 */
                           0,   0, 1, 0, 'x',  0,    0, 0, 0, 0xd8, 0, 0}; /* U+10000, 'x', a lone surrogate */
    assert_int_equal(parse("{'descr': '<U3', 'fortran_order': False, 'shape': (2,)}", ucs, sizeof ucs, &t, NULL),
                     NARU_OK);
    assert_string_equal(naru_tensor_string(t, 0, NULL), "h\xeb\x82\x80");
    assert_string_equal(naru_tensor_string(t, 1, NULL), "\xf0\x90\x80\x80x\xef\xbf\xbd");
    naru_tensor_destroy(&t);
    assert_int_equal(parse("{'descr': '|S3', 'fortran_order': True, 'shape': (2, 1)}", "ab\0abc", 6, &t, NULL),
                     NARU_OK);
    assert_string_equal(naru_tensor_string(t, 0, NULL), "ab");
    assert_string_equal(naru_tensor_string(t, 1, NULL), "abc");
    naru_tensor_destroy(&t);
}

/* Every code of small types, odd bit patterns of the others. */
static naru_tensor *sample(naru_dtype d) {
    naru_tensor *t;
    int64_t dims[] = {3, 7};
    assert_int_equal(naru_tensor_create(d, 2, dims, &t, NULL), NARU_OK);
    uint8_t *p = t->data;
    for (size_t i = 0; i < naru_tensor_nbytes(t); i++) p[i] = d == NARU_BOOL ? i & 1 : (uint8_t)(i * 37 + 11);
    int spare = (int)(naru_tensor_nbytes(t) * 8) - 21 * naru_dtype_bits(d);
    if (naru_dtype_bits(d) < 8 && spare) p[naru_tensor_nbytes(t) - 1] &= (uint8_t)(0xff >> spare);
    if (d == NARU_STRING)
        for (int i = 0; i < 21; i++)
            naru_tensor_set_string(t, i, "b\xc3\xa4nd" + i % 4 * (i % 4 != 2), i % 4 ? 2 : 0, NULL);
    return t;
}

static void same_bits(const naru_tensor *a, const naru_tensor *b) {
    assert_int_equal(a->dtype, b->dtype);
    assert_true(tensor_same_dims(a, b));
    if (a->dtype != NARU_STRING) assert_memory_equal(a->data, b->data, tensor_bytes(a));
    naru_comparison c = {.size = sizeof c};
    assert_int_equal(naru_tensor_compare(a, b, 0, 0, &c, NULL), NARU_OK);
    assert_true(c.equal);
}

static void every_type_there_and_back(void **state) {
    for (int d = 1; d < NARU_DTYPES; d++) {
        naru_tensor *t = sample((naru_dtype)d), *back = NULL;
        str file = {0};
        naru_error err = NARU_ERROR_INIT;
        assert_int_equal(npy_print(t, &file, NULL), NARU_OK);
        assert_int_equal((file.data[8] + 10) % 64, 0); /* data begins aligned */
        if (npy_read_memory(file.data, file.len, &back, &err) != NARU_OK)
            fail_msg("%s: %s", naru_dtype_name(d), err.message);
        same_bits(t, back);
        naru_tensor_destroy(&back);
        for (size_t n = 0; n < file.len; n++) /* cut anywhere: an error, nothing leaked */
            assert_int_not_equal(npy_read_memory(file.data, n, &back, NULL), NARU_OK);
        str_free(&file);
        naru_tensor_destroy(&t);
    }
}

static void bytes_that_are_no_text_stay(void **state) {
    naru_tensor *t, *back;
    assert_int_equal(naru_tensor_create(NARU_STRING, 0, NULL, &t, NULL), NARU_OK);
    naru_tensor_set_string(t, 0,
                           "\xff\xfe"
                           "a",
                           3, NULL);
    str file = {0};
    assert_int_equal(npy_print(t, &file, NULL), NARU_OK);
    assert_non_null(strstr(file.data + 10, "'|S3'"));
    assert_int_equal(npy_read_memory(file.data, file.len, &back, NULL), NARU_OK);
    same_bits(t, back);
    str_free(&file);
    naru_tensor_destroy(&t);
    naru_tensor_destroy(&back);
}

/* ---- archives ---- */
static char folder[] = "/tmp/naru_npz_XXXXXX";

static char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void archive(bool compress) {
    naru_tensor *a = sample(NARU_FLOAT), *b = sample(NARU_STRING), *t = NULL;
    naru_error err = NARU_ERROR_INIT;
    char *path = in_folder("a.npz");
    assert_int_equal(
        naru_npz_write(path, 2, (const char *[]){"first", "second"}, (naru_tensor *[]){a, b}, compress, &err), NARU_OK);
    naru_npz *z;
    assert_int_equal(naru_npz_open(path, &z, &err), NARU_OK);
    assert_int_equal(naru_npz_count(z), 2);
    assert_string_equal(naru_npz_key(z, 1), "second");
    assert_null(naru_npz_key(z, 2));
    assert_int_equal(naru_npz_read(z, "second", &t, &err), NARU_OK);
    same_bits(b, t);
    naru_tensor_destroy(&t);
    assert_int_equal(naru_npz_read(z, "first", &t, &err), NARU_OK);
    same_bits(a, t);
    naru_tensor_destroy(&t);
    assert_int_equal(naru_npz_read(z, "frist", &t, &err), NARU_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'first'?"));
    naru_npz_close(&z);
    naru_tensor_destroy(&a);
    naru_tensor_destroy(&b);
}

static void archives_stored_and_deflated(void **state) {
    archive(false);
    archive(true);
}

/* Any byte of an archive changed, or the archive cut: reading fails or gives something, and never crashes or leaks. */
static void damaged_archives(void **state) {
    naru_tensor *a = sample(NARU_INT64), *t;
    char *path = in_folder("b.npz");
    assert_int_equal(naru_npz_write(path, 1, (const char *[]){"x"}, &a, true, NULL), NARU_OK);
    naru_tensor_destroy(&a);
    file_map *m;
    assert_int_equal(file_map_open(path, false, &m, NULL), NARU_OK);
    uint8_t *bytes = malloc(m->size);
    int failed = 0;
    for (size_t i = 0; i < m->size; i++) {
        memcpy(bytes, m->data, m->size);
        bytes[i] ^= 0xff;
        naru_npz *z = NULL;
        naru_error err = NARU_ERROR_INIT;
        file_write(in_folder("c.npz"), bytes, i % 3 ? m->size : i, NULL);
        if (naru_npz_open(in_folder("c.npz"), &z, &err) != NARU_OK || naru_npz_read(z, "x", &t, &err) != NARU_OK) {
            failed++;
            assert_non_null(strstr(err.message, "c.npz"));
        } else naru_tensor_destroy(&t);
        naru_npz_close(&z);
    }
    assert_true(failed > (int)m->size / 3); /* checksums do their work */
    free(bytes);
    file_map_unref(m);
}

static void unusual_files(void **state) {
    naru_npz *z = NULL;
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(naru_npz_open(in_folder("none.npz"), &z, &err), NARU_IO);
    assert_int_equal(naru_npz_open(folder, &z, &err), NARU_IO);
    file_write(in_folder("text.npz"), "hello", 5, NULL);
    assert_int_equal(naru_npz_open(in_folder("text.npz"), &z, &err), NARU_BAD_FILE);
    naru_tensor *t = NULL;
    assert_int_equal(npy_load(in_folder("none.npy"), &t, &err), NARU_IO);
    assert_int_equal(naru_npz_write("/nowhere/x.npz", 0, NULL, NULL, false, &err), NARU_IO);
    /* a device is written to, never replaced by a file */
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){100000}, &t, &err), NARU_OK);
    assert_int_equal(naru_npz_write("/dev/full", 1, (const char *[]){"x"}, &t, false, &err), NARU_IO);
    struct stat sb;
    assert_true(stat("/dev/full", &sb) == 0 && S_ISCHR(sb.st_mode));
    naru_tensor_destroy(&t);
}

static void recorded_by_numpy(void **state) {
    naru_npz *z;
    naru_tensor *t;
    assert_int_equal(naru_npz_open(NARU_TEST_DATA "/smallcnn/calls.npz", &z, NULL), NARU_OK);
    assert_true(naru_npz_count(z) > 0);
    for (size_t i = 0; i < naru_npz_count(z); i++) {
        assert_int_equal(naru_npz_read(z, naru_npz_key(z, i), &t, NULL), NARU_OK);
        assert_true(naru_tensor_count(t) > 0);
        naru_tensor_destroy(&t);
    }
    naru_npz_close(&z);
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }
static int remove_folder(void **state) {
    for (const char *const *f = (const char *const[]){"a.npz", "b.npz", "c.npz", "text.npz", NULL}; *f; f++)
        unlink(in_folder(*f));
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(not_numpy),
        cmocka_unit_test(orders_of_bytes_and_axes),
        cmocka_unit_test(text),
        cmocka_unit_test(every_type_there_and_back),
        cmocka_unit_test(bytes_that_are_no_text_stay),
        cmocka_unit_test(archives_stored_and_deflated),
        cmocka_unit_test(damaged_archives),
        cmocka_unit_test(unusual_files),
        cmocka_unit_test(recorded_by_numpy),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
