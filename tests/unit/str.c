/* SPDX-License-Identifier: MIT
 *
 * Text and files: numbers there and back in any locale, suggestions, whole writes, confinement to a folder.
 */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static void appends(void **state) {
    str s = {0};
    assert_string_equal(str_text(&s), "");
    str_add(&s, "a");
    str_addf(&s, "%d-%s", 7, "b");
    str_add_n(&s, "c\0d", 3);
    assert_int_equal(s.len, 7);
    assert_memory_equal(s.data, "a7-bc\0d", 8);
    str_free(&s);
    assert_null(s.data);
}

static void numbers_read_back(void **state) {
    static const double values[] = {0, -0.0, 1, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789012345678.0, -2.5e-7, 1e21};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        str s = {0};
        double back;
        str_add_double(&s, values[i]);
        assert_true(str_parse_double(str_text(&s), &back) && back == values[i]);
        str_free(&s);
        str_add_float(&s, (float)values[i]);
        assert_true(str_parse_double(str_text(&s), &back) && (float)back == (float)values[i]);
        str_free(&s);
    }
    str s = {0};
    str_add_double(&s, 0.1), str_add(&s, " "), str_add_float(&s, 0.1f), str_add(&s, " "), str_add_double(&s, NAN),
        str_add(&s, " ");
    str_add_float(&s, -INFINITY);
    assert_string_equal(str_text(&s), "0.1 0.1 nan -inf");
    str_free(&s);
}

static void locale_does_not_matter(void **state) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (setlocale(LC_ALL, names[i])) break; /* where none is installed the C locale stays: then this tests less */
    str s = {0};
    double v;
    str_add_double(&s, 1.5), str_addf(&s, " %.2f", 2.25);
    assert_string_equal(str_text(&s), "1.5 2.25");
    assert_true(str_parse_double("1.5", &v) && v == 1.5);
    assert_false(str_parse_double("1,5", &v));
    str_free(&s);
    setlocale(LC_ALL, "C");
}

static void parsing_takes_whole_texts(void **state) {
    int64_t n;
    double v;
    assert_true(str_parse_i64("-9223372036854775808", &n) && n == INT64_MIN);
    assert_true(str_parse_i64("9223372036854775807", &n) && n == INT64_MAX);
    assert_true(str_parse_i64("+5", &n) && n == 5);
    static const char *const bad_ints[] = {"",    "-",  "9223372036854775808", "-9223372036854775809", "5 ", " 5", "5x",
                                           "0x5", "1e3"};
    for (size_t i = 0; i < COUNT_OF(bad_ints); i++) assert_false(str_parse_i64(bad_ints[i], &n));
    assert_true(str_parse_double("-InF", &v) && v == -INFINITY);
    assert_true(str_parse_double("NaN", &v) && isnan(v));
    static const char *const bad[] = {"", " 1", "1 ", "0x1", "nan(1)", "1.5.5", "e5"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_false(str_parse_double(bad[i], &v));
}

static void suggestions(void **state) {
    static const char *const names[] = {"input", "output", "attention_mask"};
    assert_string_equal(str_nearest("imput", names, 3), "input");
    assert_string_equal(str_nearest("INPUT", names, 3), "input");
    assert_string_equal(str_nearest("atention_maks", names, 3), "attention_mask");
    assert_null(str_nearest("labels", names, 3));
    assert_null(str_nearest("x", names, 0));
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_true(str_starts("naru", "na") && !str_starts("n", "na") && str_ends("a.npz", ".npz") &&
                !str_ends("npz", ".npz"));
}

static char folder[64];
static const char *in_folder(const char *name) {
    static char paths[4][200];
    static int turn;
    char *p = paths[turn++ % 4];
    snprintf(p, 200, "%s/%s", folder, name);
    return p;
}

static void files_come_whole(void **state) {
    file_map *m;
    naru_error e = NARU_ERROR_INIT;
    for (int map = 0; map < 2; map++) {
        assert_int_equal(file_write(in_folder("f"), "first", 5, NULL), NARU_OK);
        assert_int_equal(file_map_open(in_folder("f"), map, &m, NULL), NARU_OK);
        assert_int_equal(file_write(in_folder("f"), "later", 5, NULL), NARU_OK);
        assert_int_equal(m->size, 5);
        file_map_forget(m, 0, 5);
        file_map *other = file_map_ref(m);
        file_map_unref(m);
        assert_memory_equal(other->data, "first", 5); /* a mapping too keeps the file it opened */
        file_map_unref(other);
    }
    assert_int_equal(file_write(in_folder("f"), "", 0, NULL), NARU_OK);
    assert_int_equal(file_map_open(in_folder("f"), true, &m, NULL), NARU_OK);
    assert_int_equal(m->size, 0);
    file_map_unref(m);
    assert_int_equal(file_map_open(in_folder("none"), true, &m, &e), NARU_IO);
    assert_non_null(strstr(e.message, "No such file"));
    assert_int_equal(file_map_open(folder, true, &m, &e), NARU_IO);
    assert_non_null(strstr(e.message, "a folder"));
    assert_int_equal(file_write(in_folder("none/f"), "x", 1, &e), NARU_IO);
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(file_map_open(in_folder("pipe"), true, &m, &e), NARU_IO); /* and does not hang */
    unlink(in_folder("pipe")), unlink(in_folder("f"));
}

static void beneath_a_folder_only(void **state) {
    file_map *m;
    naru_error e = NARU_ERROR_INIT;
    static const char *const bad[] = {"",     "/etc/hostname", "../x", "sub/../../x", "sub/..",
                                      "link", "away/w",        "sub",  "none",        "w/x"};
    assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
    assert_int_equal(file_write(in_folder("sub/w"), "abc", 3, NULL), NARU_OK);
    assert_int_equal(file_write(in_folder("w"), "abc", 3, NULL), NARU_OK);
    assert_int_equal(symlink("sub/w", in_folder("link")), 0);
    assert_int_equal(symlink("sub", in_folder("away")), 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (file_map_open_beneath(folder, bad[i], true, &m, &e) != NARU_IO) fail_msg("'%s' was opened", bad[i]);
    static const char *const good[] = {"sub/w", "./w", "sub//w"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (file_map_open_beneath(folder, good[i], i == 1, &m, &e) != NARU_OK) fail_msg("%s", e.message);
        assert_memory_equal(m->data, "abc", 3);
        file_map_unref(m);
    }
    unlink(in_folder("link")), unlink(in_folder("away")), unlink(in_folder("sub/w")), unlink(in_folder("w")),
        rmdir(in_folder("sub"));
}

static void folders_of_paths(void **state) {
    static const char *const rows[][2] = {{"a/b/c", "a/b"}, {"c", "."}, {"/c", "/"}, {"./c", "."}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *d = path_dir(rows[i][0]);
        assert_string_equal(d, rows[i][1]);
        mem_free(d);
    }
}

static int no_leak(void **state) { return mem_live_count() == 0 ? 0 : -1; }
static int make_folder(void **state) {
    snprintf(folder, sizeof folder, "/tmp/naru-str-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) { return rmdir(folder); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(appends, no_leak),
        cmocka_unit_test_teardown(numbers_read_back, no_leak),
        cmocka_unit_test_teardown(locale_does_not_matter, no_leak),
        cmocka_unit_test_teardown(parsing_takes_whole_texts, no_leak),
        cmocka_unit_test_teardown(suggestions, no_leak),
        cmocka_unit_test_teardown(files_come_whole, no_leak),
        cmocka_unit_test_teardown(beneath_a_folder_only, no_leak),
        cmocka_unit_test_teardown(folders_of_paths, no_leak),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
