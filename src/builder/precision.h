/* SPDX-License-Identifier: MIT
 *
 * Precisions that a user asks of layers, by the names of the model's nodes: which a layer after fusion must have, and
 * whether it got it.
 */
#ifndef BUILDER_PRECISION_H
#define BUILDER_PRECISION_H

#include "base/mem.h"
#include "engine/engine.h"
#include "naru/builder.h"

typedef struct built built;
typedef struct build_options build_options;
typedef struct tuned tuned;

enum { RULE_TYPES = 8, NOT_ASKED = -1 };

typedef struct layer_rule {
    const char *name; /* of a node; or a pattern with '*' and '?' */
    int precision;    /* naru_precision; NOT_ASKED: a rule of types */
    naru_dtype types[RULE_TYPES];
    int ntypes;
} layer_rule;

/* What is asked of n, in any of the nodes that it came from: the highest; an exact name goes before a pattern, the
 * later rule before the earlier. NOT_ASKED: nothing, or constraints are off. */
int precision_asked(const build_options *o, const node *n);
/* The tactics' precision; -1: none (INT8). */
int precision_of_tactics(int precision);
const char *precision_name(int precision); /* "FP32", "BF16", ..., "INT8" */
/* What a step computes in: its tactic's precision, or the type that the model gives its values. */
const char *precision_of_step(const step *s);

/* Every rule names a node of the model as written. NOT_FOUND, with the nearest name. */
naru_status precision_check_names(const built *b, const build_options *o, naru_error *err);
/* Every rule holds in the layers of e as `steps` would choose; else an error (obey) or, when `warn`, a warning for each
 * layer (prefer). */
naru_status precision_check_layers(const built *b, const engine *e, const tuned *steps, const build_options *o,
                                   bool warn, naru_error *err);
/* What was lowered, what was not and why, the error of the outputs. */
naru_status precision_tell(const built *b, const tuned *steps, const build_options *o);

#endif
