/* SPDX-License-Identifier: MIT
 *
 * Regular expressions of RegexFullMatch and the change of case they share with StringNormalizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "ops/util_regex.h"
#include "ops/util_text.h"

typedef struct check {
    const char *pattern, *text;
    bool matches;
} check;

static const check k_checks[] = {
    {"", "", true},
    {"", "a", false},
    {"a|b|cd|", "cd", true},
    {"a|b|cd|", "", true},
    {"a|b|cd|", "c", false},
    {"(a|ab)(c|bcd)", "abcd", true}, /* needs the second alternative */
    {"a*b+c?", "aaabbc", true},
    {"a*b+c?", "aaac", false},
    {"(a*)*", "aaaa", true}, /* loops over nothing */
    {"(a*)+b", "aaaab", true},
    {"a{2,3}", "a", false},
    {"a{2,3}", "aaa", true},
    {"a{2,3}", "aaaa", false},
    {"a{2,}?", "aaaaa", true},
    {"a{,3}", "a{,3}", true}, /* not a repetition */
    {"(ab){2}", "abab", true},
    {"[a-c]+[^a-c]", "abcd", true},
    {"[]a]+", "]a]", true},
    {"[^]a]", "b", true},
    {"[a-]+", "a-a", true},
    {"[\\d.]+", "3.14", true},
    {"[^\\D]+", "314", true},
    {"\\D\\S\\W", "ab-", true},
    {"[[:alpha:]]+[[:^digit:]]", "ab-", true},
    {"[[:^ascii:]]", "\xc3\xa9", true},
    {"[[:^cntrl:]]", "\x01", false},
    {".", "\xe2\x82\xac", true}, /* one code point */
    {".", "\n", false},
    {"(?s).", "\n", true},
    {"(?s:.).", "\n\n", false},
    {".", "\xff", false}, /* not UTF-8 */
    {"(?i)stra\xc3\x9f"
     "e \xc3\x84",
     "STRA\xc3\x9f"
     "E \xc3\xa4",
     true},
    {"(?i:a)b", "Ab", true},
    {"(?i:a)b", "AB", false},
    {"(?i)a(?-i)b", "AB", false},
    {"(?i)[a-c]+", "aBC", true},
    {"(?P<x>a)(?<y>b)(?:c)", "abc", true},
    {"^a$", "a", true},
    {"a\\n^b", "a\nb", false},
    {"(?m)a$\\n^b", "a\nb", true},
    {"a\\b-\\bb\\Bc", "a-bc", true},
    {"a\\bb", "ab", false},
    {"\\Aa\\z", "a", true},
    {"\\x41\\x{20ac}\\101\\t\\.\\0",
     "A\xe2\x82\xac"
     "A\t.",
     false}, /* the last one is U+0000 */
    {"\\x41\\x{20ac}\\101\\t\\.",
     "A\xe2\x82\xac"
     "A\t.",
     true},
    {"\\Qa.b*\\E+", "a.b**", false}, /* \E ends the text; + repeats all of it here */
    {"a.*b.*c", "a  b  b  c", true},
};

static void test_matches(void **state) {
    arena *a = arena_new();
    for (size_t i = 0; i < COUNT_OF(k_checks); i++) {
        naru_error err = NARU_ERROR_INIT;
        regex *r = NULL;
        const check *c = &k_checks[i];
        if (regex_compile(a, c->pattern, strlen(c->pattern), &r, &err) != NARU_OK)
            fail_msg("%s: %s", c->pattern, err.message);
        if (regex_full_match(r, c->text, strlen(c->text)) != c->matches) fail_msg("'%s' on '%s'", c->pattern, c->text);
        if (regex_full_match(r, c->text, strlen(c->text)) != c->matches)
            fail_msg("'%s' on '%s' again", c->pattern, c->text);
    }
    arena_free(a);
}

static void test_refused(void **state) {
    static const struct {
        const char *pattern;
        naru_status status;
    } k[] = {
        {"(", NARU_BAD_MODEL},
        {")", NARU_BAD_MODEL},
        {"[a", NARU_BAD_MODEL},
        {"a**", NARU_BAD_MODEL},
        {"*a", NARU_BAD_MODEL},
        {"a{3,2}", NARU_BAD_MODEL},
        {"a{1001}", NARU_BAD_MODEL},
        {"[b-a]", NARU_BAD_MODEL},
        {"\\", NARU_BAD_MODEL},
        {"\\y", NARU_BAD_MODEL},
        {"(a)\\1", NARU_BAD_MODEL},
        {"(?=a)", NARU_BAD_MODEL},
        {"(?<>a)", NARU_BAD_MODEL},
        {"\\x{110000}", NARU_BAD_MODEL},
        {"[[:none:]]", NARU_BAD_MODEL},
        {"\xff", NARU_BAD_MODEL},
        {"\\pL", NARU_UNSUPPORTED},
        {"((a{1000}){1000}){1000}", NARU_LIMIT},
        {"(((){1000}){1000}){1000}", NARU_LIMIT},
    };
    arena *a = arena_new();
    for (size_t i = 0; i < COUNT_OF(k); i++) {
        naru_error err = NARU_ERROR_INIT;
        regex *r;
        naru_status st = regex_compile(a, k[i].pattern, strlen(k[i].pattern), &r, &err);
        if (st != k[i].status) fail_msg("'%s' gives %d: %s", k[i].pattern, (int)st, st == NARU_OK ? "" : err.message);
    }
    char deep[1000];
    memset(deep, '(', sizeof deep);
    regex *r;
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(regex_compile(a, deep, sizeof deep, &r, &err), NARU_LIMIT);
    arena_free(a);
}

/* Backtracking would need 2^60 steps. */
static void test_linear_time(void **state) {
    arena *a = arena_new();
    naru_error err = NARU_ERROR_INIT;
    regex *r;
    char text[61];
    memset(text, 'a', sizeof text);
    assert_int_equal(regex_compile(a, "(a|a)*b", 7, &r, &err), NARU_OK);
    assert_false(regex_full_match(r, text, sizeof text));
    arena_free(a);
}

static void test_case(void **state) {
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        uint32_t up = text_upper(cp), low = text_lower(cp);
        assert_true(up == cp || text_lower(up) == cp || cp == 0x131 || cp == 0x17f || cp == 0xb5 || cp == 0x3c2);
        assert_true(low == cp || text_upper(low) == cp || cp == 0x130);
    }
    str s = {0};
    text_map(&s, "\xc5\xbc\xd0\xb6\xff\xcf\x89z\xf0\x9f\x98\x80", 12, text_upper);
    assert_string_equal(str_text(&s), "\xc5\xbb\xd0\x96\xff\xce\xa9Z\xf0\x9f\x98\x80");
    str_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_linear_time), cmocka_unit_test(test_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
