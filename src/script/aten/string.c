/* SPDX-License-Identifier: MIT
 *
 * Strings are bytes, as in PyTorch: lengths, indices and character classes know ASCII only. Searches take a start and
 * an end, which counts back from one behind the last byte when negative (-1: the end).
 */
#include <ctype.h>

#include "script/aten/host.h"

enum { LONGEST = INT32_MAX }; /* bytes of a string that an operator makes */

/* ---- comparison, concatenation ---- */
static bool texts(const sv *a, const sstr **s, const sstr **t) {
    *s = (sstr *)a[0].o;
    *t = (sstr *)a[1].o;
    return a[0].tag == a[1].tag && (a[0].tag == SV_STR || a[0].tag == SV_DEVICE);
}

static int order(const sstr *s, const sstr *t) {
    int c = memcmp(s->data, t->data, s->len < t->len ? s->len : t->len);
    return c ? c : (s->len > t->len) - (s->len < t->len);
}

#define COMPARE(name, op)                                                                                              \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        const sstr *s, *t;                                                                                             \
        return texts(a, &s, &t) && (*out = sv_bool(order(s, t) op 0), true);                                           \
    }                                                                                                                  \
    SIMPLE(name)
COMPARE(str_eq, ==)
COMPARE(str_ne, !=)
COMPARE(str_lt, <)
COMPARE(str_le, <=)
COMPARE(str_gt, >)
COMPARE(str_ge, >=)

bool fast_str_len(const sv *a, sv *out) {
    return a[0].tag == SV_STR && (*out = sv_int((int64_t)((sstr *)a[0].o)->len), true);
}
SIMPLE(str_len)

/* A string of n bytes still to be written; NULL: too long or out of memory, said. */
static char *make(lower *L, uint64_t n, sv *out) {
    if (!lower_ok(L)) return NULL;
    if (n > LONGEST) return lower_fail(L, NARU_LIMIT, "a string of %llu bytes", (unsigned long long)n), NULL;
    *out = sv_str(NULL, n);
    if (out->tag == SV_STR) return sv_string(*out)->data;
    host_oom(L);
    return NULL;
}

void aten_str_add(lower *L) {
    const sstr *s = host_str(L, 0), *t = host_str(L, 1);
    sv out;
    if (!s || !t) return;
    char *p = make(L, (uint64_t)s->len + t->len, &out);
    if (!p) return;
    memcpy(p, s->data, s->len);
    memcpy(p + s->len, t->data, t->len);
    ret_value(L, out);
}

void aten_str_join(lower *L) {
    const sstr *glue = host_str(L, 0);
    const slist *l = host_list(L, 1);
    uint64_t n = 0;
    sv out;
    if (!glue || !l) return;
    for (size_t i = 0; i < l->count; i++) {
        const sstr *s = sv_string(l->items[i]);
        if (!s) return lower_raise(L, "RuntimeError", "join(): a list of strings is expected");
        n += s->len + (i ? glue->len : 0);
    }
    char *p = make(L, n, &out);
    if (!p) return;
    for (size_t i = 0; i < l->count; i++) {
        const sstr *s = sv_string(l->items[i]);
        if (i) memcpy(p, glue->data, glue->len), p += glue->len;
        memcpy(p, s->data, s->len);
        p += s->len;
    }
    ret_value(L, out);
}

/* ---- pieces ---- */
static void char_at(lower *L) {
    const sstr *s = host_str(L, 0);
    int64_t i = arg_int(L, 1);
    if (!s || !lower_ok(L)) return;
    if (host_index(&i, s->len)) host_ret_str(L, s->data + i, 1);
    else lower_raise(L, "RuntimeError", "string index out of range");
}
void aten_str_getitem(lower *L) { char_at(L); }

void aten_str_slice(lower *L) {
    const sstr *s = host_str(L, 0);
    int64_t start, count, step;
    sv out;
    if (!s || !host_slice(L, s->len, &start, &count, &step)) return;
    char *p = make(L, (uint64_t)count, &out);
    if (!p) return;
    for (int64_t k = 0; k < count; k++) p[k] = s->data[start + k * step];
    ret_value(L, out);
}

/* A list of strings being made. */
static slist *strings(lower *L) {
    slist *l = lower_ok(L) ? slist_new(&stype_str, 4) : NULL;
    if (!l && lower_ok(L)) host_oom(L);
    return l;
}
static bool add_piece(lower *L, slist *l, const char *p, size_t n) { return l && host_push(L, l, sv_str(p, n)); }
static void ret_list(lower *L, slist *l) {
    if (l) ret_value(L, sv_of(l));
}

void aten_str_list(lower *L) { /* list("abc") */
    const sstr *s = host_str(L, 0);
    slist *l = s ? strings(L) : NULL;
    for (size_t i = 0; l && i < s->len && add_piece(L, l, s->data + i, 1); i++) {}
    ret_list(L, l);
}

/* ---- searching ---- */
typedef struct window {
    const char *text;
    size_t from, to;
} window;

/* First place of t in text[from, to), or -1. */
static int64_t find(window w, const sstr *t) {
    if (w.from > w.to || w.to - w.from < t->len) return -1;
    const char *p = memmem(w.text + w.from, w.to - w.from, t->data, t->len);
    return t->len == 0 ? (int64_t)w.from : p ? p - w.text : -1;
}

static int64_t find_last(window w, const sstr *t) {
    if (w.from > w.to || w.to - w.from < t->len) return -1;
    for (size_t at = w.to - t->len;; at--) {
        if (memcmp(w.text + at, t->data, t->len) == 0) return (int64_t)at;
        if (at == w.from) return -1;
    }
}

static bool search_args(lower *L, const sstr **s, const sstr **t, window *w) {
    *s = host_str(L, 0);
    *t = host_str(L, 1);
    if (!*s || !*t) return false;
    int64_t n = (int64_t)(*s)->len, a = arg_int(L, 2), b = arg_int(L, 3);
    if (a < 0) a = a < -n ? 0 : a + n;
    if (b < 0) b = b < -n - 1 ? 0 : b + n + 1;
    *w = (window){(*s)->data, (size_t)a, (size_t)i64_min(b, n)};
    return lower_ok(L);
}

static void search(lower *L, int64_t (*f)(window, const sstr *), bool must) {
    const sstr *s, *t;
    window w;
    if (!search_args(L, &s, &t, &w)) return;
    int64_t at = f(w, t);
    if (at < 0 && must) lower_raise(L, "RuntimeError", "ValueError: substring not found");
    else ret_int(L, at);
}
void aten_str_find(lower *L) { search(L, find, false); }
void aten_str_rfind(lower *L) { search(L, find_last, false); }
void aten_str_index(lower *L) { search(L, find, true); }
void aten_str_rindex(lower *L) { search(L, find_last, true); }

void aten_str_count(lower *L) {
    const sstr *s, *t;
    window w;
    int64_t n = 0;
    if (!search_args(L, &s, &t, &w)) return;
    if (t->len == 0) {
        n = w.from <= w.to ? (int64_t)(w.to - w.from) + 1 : 0;
    } else {
        for (int64_t at; (at = find(w, t)) >= 0; n++) w.from = (size_t)at + t->len;
    }
    ret_int(L, n);
}

void aten_str_startswith(lower *L) {
    const sstr *s, *t;
    window w;
    if (!search_args(L, &s, &t, &w)) return;
    bool room = w.from <= w.to && w.to - w.from >= t->len;
    ret_bool(L, room && memcmp(w.text + w.from, t->data, t->len) == 0);
}

void aten_str_endswith(lower *L) {
    const sstr *s, *t;
    window w;
    if (!search_args(L, &s, &t, &w)) return;
    bool room = w.from <= w.to && w.to - w.from >= t->len;
    ret_bool(L, room && memcmp(w.text + w.to - t->len, t->data, t->len) == 0);
}

void aten_str_replace(lower *L) {
    const sstr *s = host_str(L, 0), *from = host_str(L, 1), *to = host_str(L, 2);
    int64_t max = arg_int(L, 3);
    str out = {0};
    size_t at = 0;
    if (!s || !from || !to || !lower_ok(L)) return;
    for (int64_t n = 0; (max < 0 || n < max) && out.len <= LONGEST; n++) {
        int64_t hit = find((window){s->data, at, s->len}, from);
        if (hit < 0) break;
        str_add_n(&out, s->data + at, (size_t)hit - at);
        str_add_n(&out, to->data, to->len);
        at = (size_t)hit + from->len;
        if (from->len) continue;
        if (at == s->len) break; /* between all bytes, and at the end */
        str_add_n(&out, s->data + at++, 1);
        if (at == s->len && max >= 0 && n + 1 >= max) break;
    }
    str_add_n(&out, s->data + at, s->len - at);
    host_ret_text(L, &out);
}

/* ---- splitting ---- */
static void split_blanks(lower *L, const sstr *s) { /* PyTorch counts no splits here */
    slist *l = strings(L);
    for (size_t i = 0; l && i < s->len;) {
        size_t from = i;
        while (i < s->len && !isspace((unsigned char)s->data[i])) i++;
        if (i > from && !add_piece(L, l, s->data + from, i - from)) break;
        while (i < s->len && isspace((unsigned char)s->data[i])) i++;
    }
    ret_list(L, l);
}

void aten_str_split(lower *L) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    if (arg_none(L, 1)) return split_blanks(L, s);
    const sstr *sep = host_str(L, 1);
    int64_t max = arg_int(L, 2), at;
    if (!sep || !lower_ok(L)) return;
    if (sep->len == 0) return lower_raise(L, "RuntimeError", "ValueError: empty separator");
    slist *l = strings(L);
    window w = {s->data, 0, s->len};
    for (int64_t n = 0; l && (max < 0 || n < max) && (at = find(w, sep)) >= 0; n++) {
        if (!add_piece(L, l, s->data + w.from, (size_t)at - w.from)) break;
        w.from = (size_t)at + sep->len;
    }
    if (lower_ok(L)) add_piece(L, l, s->data + w.from, s->len - w.from);
    ret_list(L, l);
}

static void reverse(slist *l) {
    for (size_t i = 0, j = l->count; i + 1 < j; i++) {
        sv v = l->items[i];
        l->items[i] = l->items[--j];
        l->items[j] = v;
    }
}

void aten_str_rsplit(lower *L) {
    const sstr *s = host_str(L, 0), *sep = host_str(L, 1);
    int64_t max = arg_int(L, 2), at;
    if (!s || !sep || !lower_ok(L)) return;
    if (sep->len == 0) return lower_raise(L, "RuntimeError", "ValueError: empty separator");
    slist *l = strings(L);
    window w = {s->data, 0, s->len};
    for (int64_t n = 0; l && (max < 0 || n < max) && (at = find_last(w, sep)) >= 0; n++) {
        if (!add_piece(L, l, s->data + at + sep->len, w.to - (size_t)at - sep->len)) break;
        w.to = (size_t)at;
    }
    if (lower_ok(L)) add_piece(L, l, s->data, w.to);
    if (l) reverse(l);
    ret_list(L, l);
}

void aten_str_splitlines(lower *L) { /* each of these bytes ends a line, also the two of "\r\n" */
    const sstr *s = host_str(L, 0);
    bool keep = arg_bool(L, 1);
    slist *l = s ? strings(L) : NULL;
    for (size_t i = 0; l && i < s->len;) {
        size_t from = i;
        while (i < s->len && !memchr("\n\r\v\f\x1c\x1d\x1e", s->data[i], 7)) i++;
        size_t end = i;
        if (i < s->len) i++;
        if (!add_piece(L, l, s->data + from, (keep ? i : end) - from)) break;
    }
    ret_list(L, l);
}

static void three(lower *L, const char *p, size_t cut, size_t sep, size_t n) {
    host_ret_str(L, p, cut);
    host_ret_str(L, p + cut, sep);
    host_ret_str(L, p + cut + sep, n - cut - sep);
}
void aten_str_partition(lower *L) {
    const sstr *s = host_str(L, 0), *sep = host_str(L, 1);
    if (!s || !sep) return;
    int64_t at = find((window){s->data, 0, s->len}, sep);
    if (at < 0) three(L, s->data, s->len, 0, s->len);
    else three(L, s->data, (size_t)at, sep->len, s->len);
}
void aten_str_rpartition(lower *L) {
    const sstr *s = host_str(L, 0), *sep = host_str(L, 1);
    if (!s || !sep) return;
    int64_t at = find_last((window){s->data, 0, s->len}, sep);
    if (at < 0) three(L, s->data, 0, 0, s->len);
    else three(L, s->data, (size_t)at, sep->len, s->len);
}

/* ---- padding and stripping ---- */
static void strip(lower *L, bool left, bool right) {
    const sstr *s = host_str(L, 0), *set = host_str(L, 1);
    if (!s || !set) return;
    size_t from = 0, to = s->len;
    while (left && from < to && memchr(set->data, s->data[from], set->len)) from++;
    while (right && to > from && memchr(set->data, s->data[to - 1], set->len)) to--;
    host_ret_str(L, s->data + from, to - from);
}
void aten_str_strip(lower *L) { strip(L, true, true); }
void aten_str_lstrip(lower *L) { strip(L, true, false); }
void aten_str_rstrip(lower *L) { strip(L, false, true); }

static void pad(lower *L, const sstr *s, int64_t left, int64_t right, char fill) {
    sv out;
    left = i64_max(left, 0);
    right = i64_max(right, 0);
    char *p = left > LONGEST || right > LONGEST ? make(L, UINT64_MAX, &out)
                                                : make(L, s->len + (uint64_t)left + (uint64_t)right, &out);
    if (!p) return;
    memset(p, fill, (size_t)left);
    memcpy(p + left, s->data, s->len);
    memset(p + left + s->len, fill, (size_t)right);
    ret_value(L, out);
}

/* What is missing to the width, and the fill byte. */
static int64_t missing(lower *L, const sstr **s, char *fill) {
    *s = host_str(L, 0);
    const sstr *f = host_str(L, 2);
    int64_t width = arg_int(L, 1);
    if (!*s || !f) return 0;
    if (f->len != 1) lower_raise(L, "RuntimeError", "TypeError: The fill character must be exactly one character long");
    *fill = f->data[0];
    return width > (int64_t)(*s)->len ? width - (int64_t)(*s)->len : 0;
}
void aten_str_ljust(lower *L) {
    const sstr *s;
    char fill;
    int64_t n = missing(L, &s, &fill);
    if (lower_ok(L)) pad(L, s, 0, n, fill);
}
void aten_str_rjust(lower *L) {
    const sstr *s;
    char fill;
    int64_t n = missing(L, &s, &fill);
    if (lower_ok(L)) pad(L, s, n, 0, fill);
}
void aten_str_center(lower *L) {
    const sstr *s;
    char fill;
    int64_t n = missing(L, &s, &fill), left = n / 2 + (n & arg_int(L, 1) & 1);
    if (lower_ok(L)) pad(L, s, left, n - left, fill);
}
void aten_str_zfill(lower *L) { /* signs are not looked at */
    const sstr *s = host_str(L, 0);
    int64_t width = arg_int(L, 1);
    if (s && lower_ok(L)) pad(L, s, width > (int64_t)s->len ? width - (int64_t)s->len : 0, 0, '0');
}

void aten_str_expandtabs(lower *L) { /* columns count from the beginning of the string, not of the line */
    const sstr *s = host_str(L, 0);
    int64_t size = arg_int(L, 1);
    str out = {0};
    if (!s || !lower_ok(L)) return;
    if (size > LONGEST) return lower_fail(L, NARU_LIMIT, "a tab of %lld columns", (long long)size);
    for (size_t i = 0; i < s->len && out.len <= LONGEST; i++) {
        if (s->data[i] != '\t') str_add_n(&out, s->data + i, 1);
        else if (size > 0)
            for (int64_t n = size - (int64_t)out.len % size; n > 0; n--) str_add_n(&out, " ", 1);
    }
    host_ret_text(L, &out);
}

/* ---- letters ---- */
static void map(lower *L, int (*f)(int c, int before)) {
    const sstr *s = host_str(L, 0);
    sv out;
    char *p = s ? make(L, s->len, &out) : NULL;
    if (!p) return;
    for (size_t i = 0; i < s->len; i++)
        p[i] = (char)f((unsigned char)s->data[i], i ? (unsigned char)s->data[i - 1] : -1);
    ret_value(L, out);
}
static bool is_ascii(int c) { return c >= 0 && c < 128; }
static bool letter(int c) { return is_ascii(c) && isalpha(c); }
static bool upper(int c) { return is_ascii(c) && isupper(c); }
static bool lower_case(int c) { return is_ascii(c) && islower(c); }
static bool digit(int c) { return is_ascii(c) && isdigit(c); }
static bool blank(int c) { return is_ascii(c) && isspace(c); }
static bool word_char(int c) { return letter(c) || digit(c); }
static bool visible(int c) { return is_ascii(c) && isprint(c); }
static int up(int c, int before) { return lower_case(c) ? c - 32 : c; }
static int down(int c, int before) { return upper(c) ? c + 32 : c; }
static int swap(int c, int before) { return letter(c) ? c ^ 32 : c; }
static int first_up(int c, int before) { return before < 0 ? up(c, 0) : down(c, 0); }
static int words_up(int c, int before) { return letter(before) ? down(c, 0) : up(c, 0); }
void aten_str_upper(lower *L) { map(L, up); }
void aten_str_lower(lower *L) { map(L, down); }
void aten_str_swapcase(lower *L) { map(L, swap); }
void aten_str_capitalize(lower *L) { map(L, first_up); }
void aten_str_title(lower *L) { map(L, words_up); }

static void all_are(lower *L, bool (*f)(int), bool empty) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    bool yes = s->len > 0 || empty;
    for (size_t i = 0; i < s->len && yes; i++) yes = f((unsigned char)s->data[i]);
    ret_bool(L, yes);
}
void aten_str_isalpha(lower *L) { all_are(L, letter, false); }
void aten_str_isdigit(lower *L) { all_are(L, digit, false); }
void aten_str_isalnum(lower *L) { all_are(L, word_char, false); }
void aten_str_isspace(lower *L) { all_are(L, blank, false); }
void aten_str_isprintable(lower *L) { all_are(L, visible, true); }

static void one_case(lower *L, bool (*wanted)(int), bool (*other)(int)) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    bool found = false, wrong = false;
    for (size_t i = 0; i < s->len; i++) {
        found = found || wanted((unsigned char)s->data[i]);
        wrong = wrong || other((unsigned char)s->data[i]);
    }
    ret_bool(L, found && !wrong);
}
void aten_str_isupper(lower *L) { one_case(L, upper, lower_case); }
void aten_str_islower(lower *L) { one_case(L, lower_case, upper); }

void aten_str_istitle(lower *L) {
    const sstr *s = host_str(L, 0);
    bool found = false, yes = true, inside = false;
    if (!s) return;
    for (size_t i = 0; i < s->len; i++) {
        int c = (unsigned char)s->data[i];
        if (letter(c)) {
            yes = yes && upper(c) == !inside;
            found = true;
        }
        inside = letter(c);
    }
    ret_bool(L, found && yes);
}

/* PyTorch's notion: letters and digits, no underscore. */
void aten_str_isidentifier(lower *L) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    bool yes = s->len > 0 && !digit((unsigned char)s->data[0]);
    for (size_t i = 0; i < s->len && yes; i++) yes = word_char((unsigned char)s->data[i]);
    ret_bool(L, yes);
}

/* ---- characters and numbers ---- */
static int64_t code_point(const unsigned char *p, size_t n) { /* of a single character, or -1 */
    static const unsigned char lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0}, mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (n == 1) return p[0];
    if (n < 2 || n > 4 || (p[0] & (unsigned char)~mask[n]) != lead[n]) return -1;
    int64_t c = p[0] & mask[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) return -1;
        c = c << 6 | (p[i] & 0x3F);
    }
    return c;
}
void aten_str_ord(lower *L) { /* also of what chr gave: one character of several bytes */
    const sstr *s = host_str(L, 0);
    if (!s) return;
    int64_t c = code_point((const unsigned char *)s->data, s->len);
    if (c >= 0) ret_int(L, c);
    else lower_raise(L, "RuntimeError", "String for ord() must be 1 character, found %zu", s->len);
}

static size_t utf8(int64_t c, char out[4]) {
    if (c < 0x80) return out[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[n] | c);
    return n;
}
void aten_str_chr(lower *L) {
    char out[4];
    int64_t c = arg_int(L, 0);
    if (!lower_ok(L)) return;
    if (c < 0 || c >= 0x110000)
        lower_raise(L, "RuntimeError", "chr() arg not in range(0x110000), found %lld", (long long)c);
    else host_ret_str(L, out, utf8(c, out));
}

static void in_base(lower *L, int bits, const char *prefix) {
    char out[72], *p = out + sizeof out;
    int64_t v = arg_int(L, 0);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do *--p = "0123456789abcdef"[u & ((1u << bits) - 1)];
    while (u >>= bits);
    *--p = prefix[1];
    *--p = prefix[0];
    if (v < 0) *--p = '-';
    host_ret_str(L, p, (size_t)(out + sizeof out - p));
}
void aten_str_hex(lower *L) { in_base(L, 4, "0x"); }
void aten_str_oct(lower *L) { in_base(L, 3, "0o"); }
void aten_str_bin(lower *L) { in_base(L, 1, "0b"); }
