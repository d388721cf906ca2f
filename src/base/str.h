/* SPDX-License-Identifier: MIT
 *
 * Text: a growing buffer, locale-independent numbers, nearest names for "did you mean".
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; str_free when done. After an allocation failure `failed` stays set and appends do nothing. */
typedef struct str {
    char *data; /* NUL-terminated once anything was appended; NULL before */
    size_t len, cap;
    bool failed;
} str;

void str_add(str *s, const char *text);
void str_add_n(str *s, const char *bytes, size_t n);
void str_addf(str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_add_double(str *s, double v); /* shortest text that reads back the same; "nan", "inf", "-inf" */
void str_add_float(str *s, float v);
const char *str_text(const str *s); /* "" when empty */
void str_free(str *s);

bool str_parse_i64(const char *s, int64_t *out);   /* whole string, decimal, optional sign */
bool str_parse_double(const char *s, double *out); /* whole string; inf, nan, any case; never the locale's comma */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
size_t str_distance(const char *a, const char *b); /* Levenshtein, bounded work */
/* The candidate nearest to `name` if it is near enough to suggest, else NULL. */
const char *str_nearest(const char *name, const char *const *candidates, size_t count);

#endif
