/* SPDX-License-Identifier: MIT
 *
 * Text: the growing buffer, number text that never depends on the locale, edit distance for suggestions.
 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool grow(str *s, size_t extra) {
    size_t want;
    if (s->failed || !mem_add(s->len + 1, extra, &want) || !array_reserve((void **)&s->data, &s->cap, want, 1)) {
        s->failed = true;
        return false;
    }
    return true;
}

void str_add_n(str *s, const char *bytes, size_t n) {
    if (!grow(s, n)) return;
    if (n) memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = 0;
}

void str_add(str *s, const char *text) { str_add_n(s, text, strlen(text)); }

/* glibc hands out a static object for "C": no allocation, nothing to free; elsewhere freelocale takes it back. */
typedef struct {
    locale_t c, before;
} c_numbers;
static c_numbers enter_c(void) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return (c_numbers){c, c ? uselocale(c) : (locale_t)0};
}
static void leave_c(c_numbers n) {
    if (!n.c) return;
    uselocale(n.before);
    freelocale(n.c);
}

void str_addf(str *s, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    c_numbers loc = enter_c();
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && grow(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    leave_c(loc);
    va_end(again);
    va_end(ap);
}

static bool add_special(str *s, double v) {
    if (!isnan(v) && !isinf(v)) return false;
    str_add(s, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    return true;
}

/* %.*g drops trailing zeros, so the first precision that reads back gives the shortest text. */
void str_add_double(str *s, double v) {
    if (add_special(s, v)) return;
    char buf[40];
    c_numbers loc = enter_c();
    for (int p = 15; p <= 17; p++) {
        snprintf(buf, sizeof buf, "%.*g", p, v);
        if (strtod(buf, NULL) == v) break;
    }
    leave_c(loc);
    str_add(s, buf);
}

void str_add_float(str *s, float v) {
    if (add_special(s, v)) return;
    char buf[40];
    c_numbers loc = enter_c();
    for (int p = 6; p <= 9; p++) {
        snprintf(buf, sizeof buf, "%.*g", p, (double)v);
        if (strtof(buf, NULL) == v) break;
    }
    leave_c(loc);
    str_add(s, buf);
}

const char *str_text(const str *s) { return s->data ? s->data : ""; }

void str_free(str *s) {
    mem_free(s->data);
    *s = (str){0};
}

bool str_parse_i64(const char *s, int64_t *out) {
    bool negative = *s == '-';
    if (*s == '-' || *s == '+') s++;
    if (!*s) return false;
    int64_t v = 0; /* kept negative: INT64_MIN has no positive twin */
    for (; *s; s++) {
        if (*s < '0' || *s > '9') return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *s - '0', &v)) return false;
    }
    if (!negative && v == INT64_MIN) return false;
    *out = negative ? v : -v;
    return true;
}

bool str_parse_double(const char *s, double *out) {
    if (!*s || isspace((unsigned char)*s) || strpbrk(s, "xX(")) return false; /* no hexadecimal, no nan(...) */
    char *end;
    c_numbers loc = enter_c();
    double v = strtod(s, &end);
    leave_c(loc);
    if (*end) return false;
    *out = v;
    return true;
}

bool str_starts(const char *s, const char *prefix) { return strncmp(s, prefix, strlen(prefix)) == 0; }

bool str_ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

enum { DISTANCE_MAX = 128 }; /* longer names are compared by their first 128 bytes */

static size_t min3(size_t a, size_t b, size_t c) { return a < b ? (a < c ? a : c) : (b < c ? b : c); }

size_t str_distance(const char *a, const char *b) {
    size_t n = strnlen(a, DISTANCE_MAX), m = strnlen(b, DISTANCE_MAX), row[DISTANCE_MAX + 1];
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = min3(row[j] + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *str_nearest(const char *name, const char *const *candidates, size_t count) {
    const char *best = NULL;
    size_t limit = strlen(name) / 3 + 1, best_distance = limit + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = str_distance(name, candidates[i]);
        if (d < best_distance) best = candidates[i], best_distance = d;
    }
    return best;
}
