/* SPDX-License-Identifier: MIT
 *
 * Log lines in trtexec's form: "[11/29/2026-10:00:00] [I] text"; warnings and errors go to standard error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "exec.h"

static void line(FILE *to, char kind, const char *fmt, va_list ap) {
    char when[40];
    struct tm tm;
    time_t now = time(NULL);
    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%m/%d/%Y-%H:%M:%S", &tm);
    if (to == stderr) fflush(stdout);
    fprintf(to, "[%s] [%c] ", when, kind);
    vfprintf(to, fmt, ap);
    fputc('\n', to);
}

#define LOG(name, to, kind)                                                                                            \
    void name(const char *fmt, ...) {                                                                                  \
        va_list ap;                                                                                                    \
        va_start(ap, fmt);                                                                                             \
        line(to, kind, fmt, ap);                                                                                       \
        va_end(ap);                                                                                                    \
    }
LOG(log_info, stdout, 'I')
LOG(log_warning, stderr, 'W')
LOG(log_error, stderr, 'E')
