/* SPDX-License-Identifier: MIT
 *
 * safetensors: there and back, in place and writable, tables that lie, files cut short at every length.
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

#include "formats/safetensors/safetensors.h"

static naru_tensor *make(naru_dtype d, int64_t n, int fill) {
    naru_tensor *t;
    assert_int_equal(tensor_new(d, 1, &n, &t, NULL), NARU_OK);
    memset(t->data, fill, tensor_bytes(t));
    return t;
}

static void check_pair(const safetensors *s) {
    assert_int_equal(s->count, 3);
    assert_string_equal(s->entries[0].name, "f"); /* the widest first */
    assert_string_equal(s->entries[1].name, "h");
    assert_string_equal(s->entries[2].name, "b");
    naru_tensor *f = safetensors_find(s, "f"), *b = safetensors_find(s, "b");
    assert_int_equal(f->dtype, NARU_FLOAT);
    assert_int_equal(f->dims[0], 3);
    assert_int_equal(((uint8_t *)f->data)[11], 1);
    assert_int_equal(((uint8_t *)b->data)[2], 1);
    assert_null(safetensors_find(s, "x"));
    assert_int_equal(s->metadata_count, 1);
    assert_string_equal(s->metadata[0], "format");
    assert_string_equal(s->metadata[1], "pt");
}

static void there_and_back(void **state) {
    naru_error err = NARU_ERROR_INIT;
    char path[] = "/tmp/naru-safetensors-XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    naru_tensor *t[] = {make(NARU_BOOL, 3, 1), make(NARU_FLOAT, 3, 1), make(NARU_FLOAT16, 1, 2)};
    const char *names[] = {"b", "f", "h"}, *meta[] = {"format", "pt"};
    safetensors *s;
    str out = {0};
    assert_int_equal(safetensors_save(path, 3, names, t, 1, meta, &err), NARU_OK);
    if (safetensors_open(path, &s, &err) != NARU_OK) fail_msg("%s", err.message);
    check_pair(s);
    memset(safetensors_find(s, "f")->data, 9, 12); /* private: the file stays */
    safetensors_free(s);
    assert_int_equal(safetensors_print(3, names, t, 1, meta, &out, &err), NARU_OK);
    assert_int_equal(safetensors_open_memory(out.data, out.len, "m", &s, &err), NARU_OK);
    check_pair(s);
    naru_tensor *kept = tensor_ref(safetensors_find(s, "f"));
    safetensors_free(s);
    assert_int_equal(((uint8_t *)kept->data)[0], 1);
    tensor_unref(kept);
    assert_true(safetensors_sniff(out.data, out.len));
    assert_false(safetensors_sniff("PK\3\4........", 12));
    assert_int_equal(safetensors_open(path, &s, &err), NARU_OK);
    check_pair(s);
    safetensors_free(s);
    for (size_t n = 0; n < out.len; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, out.data, n);
        assert_int_equal(safetensors_open_memory(exact, n, "m", &s, &err), NARU_BAD_FILE);
        free(exact);
    }
    for (size_t i = 0; i < out.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            out.data[i] ^= (char)(1 << bit);
            if (safetensors_open_memory(out.data, out.len, "m", &s, NULL) == NARU_OK) safetensors_free(s);
            out.data[i] ^= (char)(1 << bit);
        }
    str_free(&out);
    for (int i = 0; i < 3; i++) tensor_unref(t[i]);
    unlink(path);
}

static void cannot_be_written(void **state) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t[] = {make(NARU_FLOAT, 1, 0), make(NARU_FLOAT, 1, 0)}, *text[] = {make(NARU_STRING, 1, 0)};
    const char *same[] = {"a", "a"}, *meta[] = {"__metadata__"}, *latin[] = {"\xe9"}, *bad_meta[] = {"k", "\xe9"};
    str out = {0};
    assert_int_equal(safetensors_print(2, same, t, 0, NULL, &out, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(safetensors_print(1, meta, t, 0, NULL, &out, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(safetensors_print(1, latin, t, 0, NULL, &out, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(safetensors_print(1, same, t, 1, bad_meta, &out, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(safetensors_print(1, same, text, 0, NULL, &out, &err), NARU_UNSUPPORTED);
    assert_int_equal(safetensors_save("/nowhere/m", 1, same, t, 0, NULL, &err), NARU_IO);
    str_free(&out);
    tensor_unref(t[0]), tensor_unref(t[1]), tensor_unref(text[0]);
}

static str file_of(const char *table, size_t data) {
    str s = {0};
    size_t n = strlen(table);
    str_add_n(&s, (char[]){(char)(n & 0xff), (char)(n >> 8), 0, 0, 0, 0, 0, 0}, 8);
    str_add(&s, table);
    for (; data; data--) str_add_n(&s, "", 1);
    return s;
}

static void refuses(const char *table, size_t data, naru_status want, const char *words) {
    naru_error err = NARU_ERROR_INIT;
    str f = file_of(table, data);
    safetensors *s;
    size_t live = mem_live_count();
    naru_status st = safetensors_open_memory(f.data, f.len, "m", &s, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("wanted '%s': status %d, '%s'", words, st, err.message);
    assert_int_equal(mem_live_count(), live);
    str_free(&f);
}

static void lies(void **state) {
#define ROW(name, dtype, shape, range)                                                                                 \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" range "}"
    refuses("[]", 0, NARU_BAD_FILE, "does not begin with");
    refuses("{", 0, NARU_BAD_FILE, "the table at byte");
    refuses("{\"a\":1}", 0, NARU_BAD_FILE, "tensor 'a': is described by no object");
    refuses("{\"a\":{}}", 0, NARU_BAD_FILE, "no dtype");
    refuses("{" ROW("a", "F99", "[]", "[0,4]") "}", 4, NARU_UNSUPPORTED, "type 'F99'");
    refuses("{" ROW("a", "F32", "3", "[0,4]") "}", 4, NARU_BAD_FILE, "no shape");
    refuses("{" ROW("a", "F32", "[-1]", "[0,4]") "}", 4, NARU_BAD_FILE, "no number");
    refuses("{" ROW("a", "F32", "[1.0]", "[0,4]") "}", 4, NARU_BAD_FILE, "no number");
    refuses("{" ROW("a", "F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, NARU_LIMIT, "rank 17");
    refuses("{" ROW("a", "F32", "[1]", "[4,0]") "}", 4, NARU_BAD_FILE, "no data_offsets");
    refuses("{" ROW("a", "F32", "[1]", "[0]") "}", 4, NARU_BAD_FILE, "no data_offsets");
    refuses("{" ROW("a", "F32", "[1]", "[-4,0]") "}", 4, NARU_BAD_FILE, "no data_offsets");
    refuses("{" ROW("a", "F32", "[2]", "[0,8]") "}", 4, NARU_BAD_FILE, "ends at byte 8 of 4");
    refuses("{" ROW("a", "F32", "[2]", "[0,4]") "}", 4, NARU_BAD_FILE, "2 elements of float do not take 4 bytes");
    refuses("{" ROW("a", "F32", "[4611686018427387904,4611686018427387904]", "[0,4]") "}", 4, NARU_BAD_FILE,
            "absurdly");
    refuses("{" ROW("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, NARU_BAD_FILE, "the table at byte");
    refuses("{" ROW("a", "F32", "[1]", "[0,4]") "," ROW("a", "F32", "[1]", "[4,8]") "}", 8, NARU_BAD_FILE, "duplicate");
    refuses("{" ROW("a", "F32", "[1]", "[0,4]") "," ROW("b", "F32", "[1]", "[2,6]") "}", 6, NARU_BAD_FILE,
            "tensor 'b': overlaps another");
    refuses("{" ROW("a", "F32", "[1]", "[0,4]") "," ROW("b", "F32", "[1]", "[8,12]") "}", 12, NARU_BAD_FILE,
            "does not follow");
    refuses("{" ROW("a", "F32", "[1]", "[0,4]") "}", 9, NARU_BAD_FILE, "5 bytes of data belong to no tensor");
    refuses("{\"__metadata__\":{\"a\":1}}", 0, NARU_BAD_FILE, "'a' is no string");
    refuses("{\"__metadata__\":[]}", 0, NARU_BAD_FILE, "no object");
    naru_error err = NARU_ERROR_INIT;
    safetensors *s;
    str f = file_of("{}  ", 0);
    assert_int_equal(safetensors_open_memory(f.data, f.len, "m", &s, &err), NARU_OK);
    assert_int_equal(s->count, 0);
    safetensors_free(s);
    memset(f.data, 0xff, 8);
    assert_int_equal(safetensors_open_memory(f.data, f.len, "m", &s, &err), NARU_BAD_FILE);
    str_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(cannot_be_written),
        cmocka_unit_test(lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
