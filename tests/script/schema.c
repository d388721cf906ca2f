/* SPDX-License-Identifier: MIT
 *
 * Every operator's schema text parses, and is found by its name: a row that did not would be missing without a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "script/schema.h"

static void test_rows(void **state) {
    arena *a = arena_new();
    size_t rows = 0;
    for (const char *text; (text = sop_text(rows)); rows++) {
        char name[100];
        naru_error err = NARU_ERROR_INIT;
        schema parsed;
        if (schema_parse(a, text, &parsed, &err) != NARU_OK) fail_msg("'%s': %s", text, err.message);
        schema_drop(&parsed);
        size_t n = strcspn(text, ".(");
        assert_true(n < sizeof name);
        memcpy(name, text, n), name[n] = 0;
        if (!sop_find(name)) fail_msg("'%s' is not found", name);
    }
    assert_true(rows > 1000);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
