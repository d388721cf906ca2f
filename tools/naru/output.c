/* SPDX-License-Identifier: MIT
 *
 * What the command writes: JSON, whose text is UTF-8 whatever names a model has, and files, which are whole or not
 * there.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* ---- UTF-8 ---- */
/* Bytes of the character at s; 0 where there is none: a stray or missing continuation, an overlong form, a surrogate,
 * more than U+10FFFF. */
static size_t character(const unsigned char *s) {
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    unsigned code = n > 1 ? s[0] & (0x7fu >> n) : s[0];
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

bool is_utf8(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = 1;
    for (; *s && n; s += n) n = character(s);
    return n > 0;
}

static struct kept {
    struct kept *next;
    char text[];
} * kept; /* until the program ends */

const char *utf8(const char *text) {
    if (!text || is_utf8(text)) return text;
    struct kept *k = take(sizeof *k + 3 * strlen(text) + 1);
    char *to = k->text;
    for (const char *s = text; *s;) {
        size_t n = character((const unsigned char *)s);
        memcpy(to, n ? s : "\xef\xbf\xbd", n ? n : 3); /* U+FFFD for a byte that is no part of a character */
        to += n ? n : 3;
        s += n ? n : 1;
    }
    k->next = kept;
    kept = k;
    return k->text;
}

/* ---- JSON ---- */
void print_json(json_t *root) {
    if (!root) exit(fail_text(CODE_INTERNAL, "the answer cannot be said as JSON"));
    if (json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0) putchar('\n');
    json_decref(root);
}

json_t *json_number(double v) { return isfinite(v) ? json_real(v) : json_null(); }

json_t *findings_json(const naru_report *report, naru_severity from, naru_severity to, bool hints) {
    json_t *array = json_array();
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++) {
        if (f.severity < from || f.severity > to) continue;
        json_t *o = json_pack("{ss ss ss}", "code", f.code, "where", utf8(f.where), "message", utf8(f.message));
        if (hints) json_object_set_new(o, "hint", json_string(utf8(f.hint)));
        json_array_append_new(array, o);
    }
    return array;
}

/* ---- files ---- */
static bool put(FILE *f, const void *data, size_t n) {
    bool ok = f && fwrite(data, 1, n, f) == n && fflush(f) == 0;
    int reason = errno;
    if (f && fclose(f) != 0 && ok) return false;
    errno = reason;
    return ok;
}

bool write_file(const char *path, const void *data, size_t n, char why[WHY]) {
    struct stat sb;
    bool straight = stat(path, &sb) == 0 && !S_ISREG(sb.st_mode); /* a device, a pipe */
    char *tmp = take(strlen(path) + 32);
    snprintf(tmp, strlen(path) + 32, straight ? "%s" : "%s.%ld.tmp", path, (long)getpid());
    FILE *f = fopen(tmp, "wb");
    bool ok = put(f, data, n) && (straight || rename(tmp, path) == 0);
    if (!ok) snprintf(why, WHY, "%.300s: %s", path, strerror(errno));
    if (!ok && f && !straight) unlink(tmp);
    free(tmp);
    return ok;
}

bool write_json(const char *path, json_t *root, size_t flags, char why[WHY]) {
    char *text = root ? json_dumps(root, flags) : NULL;
    bool ok = text && write_file(path, text, strlen(text), why);
    if (!text) snprintf(why, WHY, "%.300s: the content cannot be said as JSON", path);
    free(text);
    json_decref(root);
    return ok;
}
