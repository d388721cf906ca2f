/* SPDX-License-Identifier: MIT
 *
 * Errors and reports: formatting into the caller's struct, context added while unwinding.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Names come from hostile files: no line breaks, no terminal escapes. */
static char *one_line(char *text) {
    for (char *p = text; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    return text;
}

static naru_status err_fill(naru_error *err, naru_status code, int64_t offset, const char *fmt, va_list ap) {
    if (!err) return code;
    err->code = code;
    err->offset = offset;
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    one_line(err->message);
    return code;
}

naru_status err_set(naru_error *err, naru_status code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, code, -1, fmt, ap);
    va_end(ap);
    return code;
}

naru_status err_at(naru_error *err, naru_status code, int64_t offset, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, code, offset, fmt, ap);
    va_end(ap);
    return code;
}

naru_status err_context(naru_error *err, naru_status code, const char *fmt, ...) {
    if (!err || code == NARU_OK) return code;
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    int64_t offset = err->offset;
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, code, offset, fmt, ap);
    va_end(ap);
    size_t n = strlen(err->message), room = sizeof err->message - n, len = strlen(inner);
    if (len + 3 <= room) snprintf(err->message + n, room, ": %s", inner);
    else if (room > 8)
        snprintf(err->message + n, room, ": ... %s", inner + len - (room - 7)); /* the innermost cause stays */
    return code;
}

naru_status err_oom(naru_error *err) { return err_set(err, NARU_OUT_OF_MEMORY, "out of memory"); }

struct naru_report {
    ARRAY(naru_finding) findings;
};

size_t report_size(const naru_report *report) { return report ? report->findings.count : 0; }

void report_truncate(naru_report *report, size_t n) {
    while (report && n < report->findings.count) {
        naru_finding *f = &report->findings.data[--report->findings.count];
        mem_free((void *)f->code), mem_free((void *)f->where), mem_free((void *)f->message), mem_free((void *)f->hint);
    }
}

naru_status report_add(naru_report *report, naru_severity severity, const char *code, const char *where,
                       const char *hint, const char *fmt, ...) {
    if (!report) return NARU_OK;
    char message[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    naru_finding f = {sizeof f,
                      mem_strdup(code),
                      severity,
                      one_line(mem_strdup(where ? where : "")),
                      mem_strdup(one_line(message)),
                      mem_strdup(hint ? hint : "")};
    if (f.code && f.where && f.message && f.hint && ARRAY_PUSH(&report->findings, f)) return NARU_OK;
    mem_free((void *)f.code), mem_free((void *)f.where), mem_free((void *)f.message), mem_free((void *)f.hint);
    return NARU_OUT_OF_MEMORY;
}

/* The exported half; src/api/ would only forward. */
const char *naru_status_text(naru_status code) {
    switch (code) {
#define NARU_ERROR(name, number, text)                                                                                 \
    case NARU_##name:                                                                                                  \
        return text;
#include "naru/errors.def"
#undef NARU_ERROR
    }
    return "unknown status";
}

naru_status naru_report_create(naru_report **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_report_create: out is NULL");
    *out = mem_calloc(1, sizeof **out);
    return *out ? NARU_OK : err_oom(err);
}

void naru_report_destroy(naru_report **report) {
    if (!report || !*report) return;
    for (size_t i = 0; i < (*report)->findings.count; i++) {
        naru_finding *f = &(*report)->findings.data[i];
        mem_free((void *)f->code), mem_free((void *)f->where), mem_free((void *)f->message), mem_free((void *)f->hint);
    }
    ARRAY_FREE(&(*report)->findings);
    mem_free(*report);
    *report = NULL;
}

size_t naru_report_count(const naru_report *report, naru_severity min) {
    size_t n = 0;
    for (size_t i = 0; report && i < report->findings.count; i++) n += report->findings.data[i].severity >= min;
    return n;
}

naru_status naru_report_get(const naru_report *report, size_t index, naru_finding *out) {
    if (!report || !out) return NARU_INVALID_ARGUMENT;
    if (index >= report->findings.count) return NARU_NOT_FOUND;
    *out = report->findings.data[index];
    return NARU_OK;
}

naru_status naru_set_allocator(const naru_allocator *allocator, naru_error *err) {
    if (allocator && (allocator->size < sizeof *allocator || !allocator->realloc))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_set_allocator: size or realloc not set");
    mem_set_hook(allocator);
    return NARU_OK;
}
