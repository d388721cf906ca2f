/* SPDX-License-Identifier: MIT
 *
 * Literals: numbers and escapes.
 */
#include "script/text.h"

#include <string.h>

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    int low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : 99;
}

bool text_integer(const char *s, size_t n, uint64_t *out) {
    unsigned base = 10;
    size_t i = 0;
    if (n > 2 && s[0] == '0' && digit(s[1]) != 0 && s[1] != '_') {
        char c = (char)(s[1] | 0x20);
        base = c == 'x' ? 16 : c == 'o' ? 8 : 2;
        i = 2;
    }
    uint64_t v = 0;
    for (; i < n; i++) {
        if (s[i] == '_') continue;
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (unsigned)digit(s[i]), &v)) return false;
    }
    *out = v;
    return true;
}

bool text_float(const char *s, size_t n, double *out) {
    str plain = {0};
    for (size_t i = 0; i < n; i++)
        if (s[i] != '_' && (s[i] | 0x20) != 'j') str_add_n(&plain, s + i, 1);
    bool good = !plain.failed && str_parse_double(str_text(&plain), out);
    str_free(&plain);
    return good;
}

size_t text_utf8(const char *s, size_t n) {
    const unsigned char *u = (const unsigned char *)s;
    for (size_t i = 0; i < n;) {
        unsigned char c = u[i];
        size_t len = c < 0x80                ? 1
                     : c >= 0xC2 && c < 0xE0 ? 2
                     : c >= 0xE0 && c < 0xF0 ? 3
                     : c >= 0xF0 && c < 0xF5 ? 4
                                             : 0;
        if (!len || len > n - i) return i;
        for (size_t k = 1; k < len; k++)
            if ((u[i + k] & 0xC0) != 0x80) return i;
        if ((c == 0xE0 && u[i + 1] < 0xA0) || (c == 0xED && u[i + 1] > 0x9F)) return i; /* overlong; surrogate */
        if ((c == 0xF0 && u[i + 1] < 0x90) || (c == 0xF4 && u[i + 1] > 0x8F)) return i; /* overlong; past 10FFFF */
        i += len;
    }
    return n;
}

void text_add_point(str *out, uint32_t p) {
    char b[4];
    if (p < 0x80) b[0] = (char)p, str_add_n(out, b, 1);
    else if (p < 0x800) {
        b[0] = (char)(0xC0 | p >> 6), b[1] = (char)(0x80 | (p & 0x3F));
        str_add_n(out, b, 2);
    } else if (p < 0x10000) {
        b[0] = (char)(0xE0 | p >> 12), b[1] = (char)(0x80 | (p >> 6 & 0x3F)), b[2] = (char)(0x80 | (p & 0x3F));
        str_add_n(out, b, 3);
    } else {
        b[0] = (char)(0xF0 | p >> 18), b[1] = (char)(0x80 | (p >> 12 & 0x3F));
        b[2] = (char)(0x80 | (p >> 6 & 0x3F)), b[3] = (char)(0x80 | (p & 0x3F));
        str_add_n(out, b, 4);
    }
}

/* Up to `most` digits of a base from *i on. */
static uint32_t read_digits(const char *s, size_t n, size_t *i, int base, int most, int *seen) {
    uint32_t v = 0;
    for (*seen = 0; *i < n && *seen < most && digit(s[*i]) < base; ++*seen, ++*i)
        v = v * (uint32_t)base + (uint32_t)digit(s[*i]);
    return v;
}

/* The value of a one-letter escape, -1: it is none. */
static int letter_escape(char c) {
    static const char names[] = "abfnrtv\\'\"", values[] = "\a\b\f\n\r\t\v\\'\"";
    const char *p = c ? strchr(names, c) : NULL;
    return p ? values[p - names] : -1;
}

static text_escapes coded_escape(str *out, const char *s, size_t n, size_t *i) {
    char c = s[*i];
    int seen, want = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (want) ++*i;
    uint32_t v = read_digits(s, n, i, want ? 16 : 8, want ? want : 3, &seen);
    if ((want && seen < want) || v > 0x10FFFF) return TEXT_BAD_ESCAPE;
    if (v >= 0xD800 && v <= 0xDFFF) return TEXT_SURROGATE;
    text_add_point(out, v);
    return TEXT_FINE;
}

/* s[*i] is what follows the backslash. */
static text_escapes escape(str *out, const char *s, size_t n, size_t *i) {
    char c = s[*i];
    if (c == 'N') return TEXT_NAMED_ESCAPE;
    if (c == 'x' || c == 'u' || c == 'U' || (c >= '0' && c <= '7')) return coded_escape(out, s, n, i);
    if (c == '\n' || c == '\r') { /* the line is joined to the next */
        *i += c == '\r' && *i + 1 < n && s[*i + 1] == '\n' ? 2 : 1;
        return TEXT_FINE;
    }
    int value = letter_escape(c);
    if (value < 0) {
        str_add(out, "\\"); /* an escape of no meaning stands for itself */
        return TEXT_FINE;
    }
    char byte = (char)value;
    str_add_n(out, &byte, 1);
    ++*i;
    return TEXT_FINE;
}

text_escapes text_unescape(str *out, const char *s, size_t n, bool raw, size_t *bad) {
    for (size_t i = 0; i < n;) {
        size_t plain = i;
        while (plain < n && s[plain] != '\r' && (raw || s[plain] != '\\')) plain++;
        str_add_n(out, s + i, plain - i);
        i = plain;
        if (i == n) break;
        if (s[i] == '\r') {
            str_add(out, "\n");
            i += i + 1 < n && s[i + 1] == '\n' ? 2 : 1;
        } else if (i + 1 == n) str_add(out, "\\"), i++;
        else {
            *bad = i++;
            text_escapes st = escape(out, s, n, &i);
            if (st != TEXT_FINE) return st;
        }
    }
    return TEXT_FINE;
}
