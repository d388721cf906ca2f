/* SPDX-License-Identifier: MIT
 *
 * TorchScript archives made on the spot from a class's source text, for tests of what no recorded archive has.
 */
#ifndef TESTS_SCRIPT_ARCHIVE_H
#define TESTS_SCRIPT_ARCHIVE_H

#include <assert.h>
#include <string.h>

#include "formats/torch/archive.h"
#include "formats/torch/pickle.h"

typedef struct archive_int { /* an attribute: int, or `training` as bool */
    const char *name;
    int64_t value;
} archive_int;

/* An archive whose module is an object of class Net of `code` (the text of code/__torch__.py) with those attributes. */
static inline str script_archive(const char *code, size_t n, const archive_int *attrs) {
    pk_writer w;
    archive_writer *a = NULL;
    str out = {0};
    static const unsigned char empty_tuple[] = {0x80, 2, ')', '.'};
    bool ok = pkw_begin(&w, NULL) == NARU_OK;
    pkw_global(&w, "__torch__", "Net");
    pkw_op(&w, PKW_EMPTY_TUPLE);
    pkw_op(&w, PKW_NEWOBJ);
    pkw_op(&w, PKW_EMPTY_DICT);
    pkw_op(&w, PKW_MARK);
    for (size_t i = 0; i < n; i++) {
        pkw_cstr(&w, attrs[i].name);
        if (strcmp(attrs[i].name, "training") == 0) pkw_bool(&w, attrs[i].value != 0);
        else pkw_int(&w, attrs[i].value);
    }
    pkw_op(&w, PKW_SETITEMS);
    pkw_op(&w, PKW_BUILD);
    ok = ok && pkw_end(&w, NULL) == NARU_OK && archive_writer_begin(NULL, "net", &a, NULL) == NARU_OK &&
         archive_writer_add(a, "data.pkl", w.out.data, w.out.len, NULL) == NARU_OK &&
         archive_writer_add(a, "code/__torch__.py", code, strlen(code), NULL) == NARU_OK &&
         archive_writer_add(a, "constants.pkl", empty_tuple, sizeof empty_tuple, NULL) == NARU_OK &&
         archive_writer_add_version(a, 10, NULL) == NARU_OK && archive_writer_add_byteorder(a, NULL) == NARU_OK &&
         archive_writer_add_id(a, NULL) == NARU_OK && archive_writer_end(a, true, &out, NULL) == NARU_OK;
    pkw_free(&w);
    assert(ok);
    (void)ok;
    return out;
}

#endif
