/* SPDX-License-Identifier: MIT
 *
 * Sources: the line table, positions, excerpts. What is shown comes from hostile files: control bytes are replaced and
 * long lines are shown as a window around the place.
 */
#include "script/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "script/text.h"

enum { CONTEXT_LINES = 2, SHOWN_BEFORE = 60, SHOWN_AFTER = 100, NEAR_BYTES = 80 };

static bool fill_lines(arena *a, source *s) {
    uint32_t count = 1;
    for (const char *p = s->text; (p = memchr(p, '\n', s->size - (size_t)(p - s->text))); p++) count++;
    uint32_t *lines = arena_alloc(a, count * sizeof *lines);
    if (!lines) return false;
    lines[0] = 0;
    for (uint32_t i = 1, at = 0; i < count; i++) {
        at = (uint32_t)((const char *)memchr(s->text + at, '\n', s->size - at) - s->text) + 1;
        lines[i] = at;
    }
    s->lines = lines;
    s->line_count = count;
    return true;
}

naru_status source_new(arena *a, const char *name, const char *text, size_t n, source **out, naru_error *err) {
    if (n > SOURCE_MAX_BYTES)
        return err_set(err, NARU_LIMIT, "%s: the text has %zu bytes, more than %u", name, n, SOURCE_MAX_BYTES);
    source *s = arena_calloc(a, 1, sizeof *s);
    if (!s) return err_oom(err);
    s->name = arena_strdup(a, name);
    char *copy = arena_alloc(a, n + 1);
    if (!s->name || !copy) return err_oom(err);
    if (n) memcpy(copy, text, n);
    copy[n] = 0;
    s->text = copy;
    s->size = (uint32_t)n;
    if (!fill_lines(a, s)) return err_oom(err);
    *out = s;
    return NARU_OK;
}

/* The index of the line that holds the byte. */
static uint32_t line_of(const source *src, uint32_t offset) {
    uint32_t low = 0, high = src->line_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (src->lines[middle] <= offset) low = middle;
        else high = middle;
    }
    return low;
}

static bool continues(char c) { return ((unsigned char)c & 0xC0) == 0x80; } /* inside a UTF-8 sequence */

void source_position(const source *src, uint32_t offset, uint32_t *line, uint32_t *column) {
    if (offset > src->size) offset = src->size;
    uint32_t index = line_of(src, offset), points = 0;
    for (uint32_t i = src->lines[index]; i < offset; i++) points += !continues(src->text[i]);
    *line = index + 1;
    *column = points + 1;
}

typedef struct {
    uint32_t start, end;
} span;

static span line_span(const source *src, uint32_t index) {
    span l = {src->lines[index], index + 1 < src->line_count ? src->lines[index + 1] - 1 : src->size};
    if (l.end > l.start && src->text[l.end - 1] == '\r') l.end--;
    return l;
}

/* The part of a line that is shown, around `at`. */
static span window(const source *src, span line, uint32_t at) {
    span w = line;
    if (at > line.start + SHOWN_BEFORE) w.start = line.end - line.start > SHOWN_AFTER ? at - SHOWN_BEFORE : line.start;
    if (w.end > w.start + SHOWN_BEFORE + SHOWN_AFTER) w.end = w.start + SHOWN_BEFORE + SHOWN_AFTER;
    while (w.start > line.start && continues(src->text[w.start])) w.start--;
    while (w.end > w.start && w.end < line.end && continues(src->text[w.end])) w.end--;
    return w;
}

static void add_clean(str *s, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        char shown = c == '\t' || (c >= 0x20 && c != 0x7f) ? (char)c : '?';
        str_add_n(s, &shown, 1);
    }
}

static void add_line(str *s, const source *src, span w) {
    str_add(s, "    ");
    add_clean(s, src->text + w.start, w.end - w.start);
    str_add(s, "\n");
}

/* Tabs are repeated, so that the mark stands under its text whatever a tab's width. */
static void add_mark(str *s, const source *src, span w, src_range at) {
    str_add(s, "    ");
    uint32_t start = at.start > w.end ? w.end : at.start, end = at.end > w.end ? w.end : at.end;
    for (uint32_t i = w.start; i < start; i++)
        if (!continues(src->text[i])) str_add(s, src->text[i] == '\t' ? "\t" : " ");
    for (uint32_t i = start; i < end || i == start; i++)
        if (i == start || !continues(src->text[i])) str_add(s, "~");
    str_add(s, " <--- HERE\n");
}

void source_excerpt(str *s, src_range at) {
    if (!at.src) return;
    if (at.start > at.src->size) at.start = at.src->size;
    uint32_t here = line_of(at.src, at.start), first = here > CONTEXT_LINES ? here - CONTEXT_LINES : 0;
    str_add(s, "  File \"");
    add_clean(s, at.src->name, strlen(at.src->name));
    str_addf(s, "\", line %u\n", here + 1);
    for (uint32_t i = first; i < here; i++) {
        span line = line_span(at.src, i);
        add_line(s, at.src, window(at.src, line, line.start));
    }
    span w = window(at.src, line_span(at.src, here), at.start);
    add_line(s, at.src, w);
    add_mark(s, at.src, w, at);
}

/* What stands at a byte and after it, up to the end of its line. */
static void near(const source *src, uint32_t start, char *out, size_t room) {
    span line = line_span(src, line_of(src, start));
    if (start >= line.end) start = line.start; /* the end of a line says nothing: show all of it */
    while (start < line.end && (src->text[start] == ' ' || src->text[start] == '\t')) start++;
    uint32_t n = line.end - start;
    if (n >= room) {
        n = (uint32_t)room - 1;
        while (n > 0 && continues(src->text[start + n])) n--;
    }
    n = (uint32_t)text_utf8(src->text + start, n);
    memcpy(out, src->text + start, n);
    out[n] = 0;
}

naru_status source_error(naru_error *err, naru_status code, src_range at, const char *fmt, ...) {
    char message[600], text[NEAR_BYTES] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (!at.src) return err_set(err, code, "%s", message);
    if (at.start > at.src->size) at.start = at.src->size;
    uint32_t line, column;
    source_position(at.src, at.start, &line, &column);
    near(at.src, at.start, text, sizeof text);
    return err_at(err, code, at.start, "%s:%u:%u: %s%s%s", at.src->name, line, column, message, *text ? ", at: " : "",
                  text);
}
