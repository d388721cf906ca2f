/* SPDX-License-Identifier: MIT
 *
 * Talking to a person: errors, findings, sizes, and the exit code that each status means.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

int code_of(naru_status status) {
    switch (status) {
    case NARU_OK: return CODE_OK;
    case NARU_MISMATCH: return CODE_NO;
    case NARU_INVALID_ARGUMENT:
    case NARU_NOT_FOUND: return CODE_USAGE;
    case NARU_IO:
    case NARU_BAD_FILE:
    case NARU_BAD_MODEL:
    case NARU_TYPE:
    case NARU_SHAPE:
    case NARU_SCRIPT:
    case NARU_LIMIT: return CODE_BAD_FILE;
    case NARU_UNSUPPORTED: return CODE_UNSUPPORTED;
    default: return CODE_INTERNAL;
    }
}

int fail(const naru_error *err) {
    fprintf(stderr, "naru: %s\n", err->message[0] ? err->message : naru_status_text(err->code));
    return code_of(err->code);
}

int fail_at(const char *what, const char *name, const naru_error *err) {
    return fail_text(code_of(err->code), "%s '%s': %s", what, name, err->message);
}

int fail_text(int code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("naru: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return code;
}

int usage(const char *verb, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "naru%s%s: ", verb ? " " : "", verb ? verb : "");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nTry 'naru%s%s --help'.\n", verb ? " " : "", verb ? verb : "");
    va_end(ap);
    return CODE_USAGE;
}

void note(const char *fmt, ...) {
    if (!isatty(STDERR_FILENO)) return;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

void print_findings(const naru_report *report, naru_severity min) {
    static const char *const words[] = {"note", "warning", "error"};
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++) {
        if (f.severity < min) continue;
        fprintf(stderr, "%s [%s] %s%s%s%s%s\n", words[f.severity], f.code, f.where, *f.where ? ": " : "", f.message,
                *f.hint ? "; " : "", f.hint);
    }
}

const char *size_text(double bytes, char buf[32]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB"};
    int u = 0;
    while (bytes >= 1000 && u < 3) bytes /= 1000, u++;
    snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return buf;
}

static size_t distance(const char *a, const char *b) {
    size_t m = strlen(b), row[64];
    if (m >= 64 || strlen(a) >= 64) return SIZE_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *nearest(const char *name, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t limit = strlen(name) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(name, names[i]);
        if (d < limit && d < strlen(names[i])) best = names[i], limit = d;
    }
    return best;
}

double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void *regrow(void *p, size_t n) {
    p = realloc(p, n ? n : 1);
    if (!p) exit(fail_text(CODE_INTERNAL, "out of memory"));
    return p;
}

void *take(size_t n) { return memset(regrow(NULL, n), 0, n ? n : 1); }

char *copy_text(const char *s, size_t n) {
    char *p = take(n + 1);
    memcpy(p, s, n);
    return p;
}
