/* SPDX-License-Identifier: MIT
 *
 * How internal code fails: `return err_set(err, NARU_SHAPE, "weight has %d dims, needs 4", n)`, and how a caller
 * adds where it was: `return err_context(err, st, "node %d '%s' (%s)", ...)`. TRY forwards a failing status.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "naru/error.h"

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Fills err (when not NULL) and returns code. */
naru_status err_set(naru_error *err, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with the byte offset in the file. */
naru_status err_at(naru_error *err, naru_status code, int64_t offset, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Puts "fmt: " before the message already there; returns code unchanged. */
naru_status err_context(naru_error *err, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
naru_status err_oom(naru_error *err);

#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        naru_status try_status_ = (expr);                                                                              \
        if (try_status_ != NARU_OK) return try_status_;                                                                \
    } while (0)

size_t report_size(const naru_report *report);
void report_truncate(naru_report *report, size_t n); /* takes back all findings but the first n */
/* Appends a finding; report may be NULL (nothing happens). Returns OUT_OF_MEMORY or OK. */
naru_status report_add(naru_report *report, naru_severity severity, const char *code, const char *where,
                       const char *hint, const char *fmt, ...) PRINTF_LIKE(6, 7);

#endif
