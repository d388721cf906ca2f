/* SPDX-License-Identifier: MIT
 *
 * Reading the text form: characters, words, numbers, types and tensors. Shared by parse.c and parse_value.c.
 */
#ifndef GRAPH_PARSE_LEX_H
#define GRAPH_PARSE_LEX_H

#include "graph/parse.h"

enum { PARSE_DEPTH = 64, PARSE_LIST = 1 << 20 };

typedef struct parser {
    const char *at, *end;
    const char *line_start;
    int line;
    graph *g;
    int depth;
    naru_error *err;
} parser;

naru_status parse_fail(parser *p, const char *expected);
void parse_space(parser *p);                  /* blanks and comments */
bool parse_is(parser *p, const char *text);   /* looks at what comes next, after blanks */
bool parse_take(parser *p, const char *text); /* and passes over it */
naru_status parse_need(parser *p, const char *text);
/* A bare or quoted name, in the arena. */
naru_status parse_name(parser *p, const char **out);
naru_status parse_string(parser *p, bytes *out); /* quoted */
naru_status parse_int(parser *p, int64_t *out);
naru_status parse_double(parser *p, double *out);
naru_status parse_type(parser *p, type *out);
naru_status parse_tensor(parser *p, naru_tensor **out); /* a reference for the caller */

#endif
