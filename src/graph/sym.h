/* SPDX-License-Identifier: MIT
 *
 * Dimensions: a dim_t is a constant (>= 0), DIM_UNKNOWN, or a reference (< 0) to a symbolic expression in a symtab:
 * polynomials over names ("batch") and over floor-quotients, kept in normal form and hash-consed, so that equal
 * expressions have equal dim_t. Arithmetic that overflows or meets DIM_UNKNOWN gives DIM_UNKNOWN.
 */
#ifndef GRAPH_SYM_H
#define GRAPH_SYM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

typedef int64_t dim_t;
#define DIM_UNKNOWN INT64_MIN

typedef struct symtab symtab; /* lives in an arena; not thread-safe */

symtab *symtab_new(arena *a);                /* NULL: out of memory */
dim_t sym_name(symtab *s, const char *name); /* the symbol of that name */
dim_t sym_add(symtab *s, dim_t a, dim_t b);
dim_t sym_sub(symtab *s, dim_t a, dim_t b);
dim_t sym_mul(symtab *s, dim_t a, dim_t b);
dim_t sym_div(symtab *s, dim_t a, dim_t b); /* floor(a / b); exact when b divides a; b = 0: unknown */
dim_t sym_max(symtab *s, dim_t a, dim_t b); /* constants only or equal; else unknown */
bool sym_valid(const symtab *s, dim_t d);   /* one that s gave, a constant or DIM_UNKNOWN */
/* Whether d >= 0 follows from the least value (0 or 1) of each name; least NULL: 0. False: not known. */
bool sym_never_negative(const symtab *s, dim_t d, int64_t (*least)(const char *name));
static inline bool dim_is_const(dim_t d) { return d >= 0; }
static inline bool dim_is_known(dim_t d) { return d != DIM_UNKNOWN; }
/* Integer elements of shape arithmetic may be negative constants; they travel as "element" values: see elem_t below. */
void sym_print(const symtab *s, dim_t d, str *out); /* "batch", "2*height+1", "floor(width/2)", "?" */
/* The name if d is a plain symbol, else NULL. */
const char *sym_plain_name(const symtab *s, dim_t d);

/* An example of a plain symbol's value (>= 0), for choices that cost only time. */
void sym_set_typical(symtab *s, dim_t symbol, int64_t value);
/* What d is at the examples of its symbols; DIM_UNKNOWN where one has none. A constant is itself. */
dim_t sym_typical(const symtab *s, dim_t d);

/* An element of an integer tensor whose content is (partly) known at load: a constant of any sign, a dimension
 * expression, or unknown. */
typedef struct elem_t {
    enum { ELEM_UNKNOWN, ELEM_CONST, ELEM_DIM } kind;
    int64_t v; /* CONST: the number; DIM: a symbolic dim_t (< 0, not unknown) */
} elem_t;
static inline elem_t elem_const(int64_t v) { return (elem_t){ELEM_CONST, v}; }
static inline elem_t elem_of_dim(dim_t d) {
    return d >= 0 ? (elem_t){ELEM_CONST, d} : d == DIM_UNKNOWN ? (elem_t){ELEM_UNKNOWN, 0} : (elem_t){ELEM_DIM, d};
}
static inline dim_t elem_to_dim(elem_t e) { /* negative constants: unknown */
    return e.kind == ELEM_UNKNOWN || (e.kind == ELEM_CONST && e.v < 0) ? DIM_UNKNOWN : e.v;
}

#endif
