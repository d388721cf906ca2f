/* SPDX-License-Identifier: MIT
 *
 * A piece of program text with its name and line table, ranges in it, and how a range is shown to a person: position,
 * excerpt with the place underlined, one-line error. Everything of the language points back here.
 */
#ifndef SCRIPT_SOURCE_H
#define SCRIPT_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define SOURCE_MAX_BYTES (16u << 20) /* larger texts are refused */

typedef struct source {
    const char *name; /* "code/__torch__/net.py" */
    const char *text; /* NUL-terminated copy; may hold NUL bytes too */
    uint32_t size;
    const uint32_t *lines; /* where each line starts; lines[0] = 0 */
    uint32_t line_count;   /* at least 1 */
} source;

/* Bytes [start, end) of src; src NULL: unknown place. */
typedef struct src_range {
    const source *src;
    uint32_t start, end;
} src_range;

/* Copies name and text into the arena. Errors: LIMIT for a text over SOURCE_MAX_BYTES, OUT_OF_MEMORY. */
naru_status source_new(arena *a, const char *name, const char *text, size_t n, source **out, naru_error *err);

/* Line and column of a byte, both from 1; the column counts code points. */
void source_position(const source *src, uint32_t offset, uint32_t *line, uint32_t *column);

/*   File "code/net.py", line 4
 *     def forward(self, x):
 *         return y
 *                ~ <--- HERE
 */
void source_excerpt(str *s, src_range at);

/* Fills err with "net.py:4:12: MESSAGE, at: return y" (one line; offset is that of the range) and returns code. */
naru_status source_error(naru_error *err, naru_status code, src_range at, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
