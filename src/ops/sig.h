/* SPDX-License-Identifier: MIT
 *
 * Reading an operator's signature text (op_desc.sig): parameters, arity, type sets.
 */
#ifndef OPS_SIG_H
#define OPS_SIG_H

#include "ops/op.h"

enum { SIG_MAX_PARAMS = 24, SIG_MAX_VARS = 8 };

typedef struct sig_param {
    char name[40];
    bool optional, variadic, hetero;
    int var;        /* index of its type variable; -1: types is its own set */
    uint64_t types; /* bit d: dtype d allowed; meaningful when var < 0 */
    bool tensor;    /* tensors of `types`; false with `types` 0: sequences, optionals, maps: not checked */
} sig_param;

typedef struct sig {
    sig_param in[SIG_MAX_PARAMS], out[SIG_MAX_PARAMS];
    int nin, nout;
    int min_in, max_in, min_out, max_out; /* max -1: any number */
    char vars[SIG_MAX_VARS][12];
    uint64_t var_types[SIG_MAX_VARS]; /* 0: not only tensors, unchecked */
    int nvars;
} sig;

/* The set that a word of a signature stands for; 0: none. Besides the shorthands of op_desc.sig: float8 (the four with
 * mantissa), float6, small (all that came after bfloat16). */
uint64_t sig_type_set(const char *word);
/* False when the text is malformed (a bug in the op's file; a unit test parses them all). */
bool sig_parse(const char *text, sig *out);
/* The parameter that input (or output) i is bound to; NULL past the end of a non-variadic signature. */
const sig_param *sig_input(const sig *s, int i);
const sig_param *sig_output(const sig *s, int i);
/* dtypes allowed for the parameter; 0: anything. */
uint64_t sig_types(const sig *s, const sig_param *p);
/* What is known of the inputs' types (tensor or sequence, element type) fits the operator's signature and each other.
 * in: nin facts, NULL where omitted. Errors: TYPE. Kernels and eval rely on it: it runs at load, and again at run time
 * where types were not known then. */
naru_status sig_check_facts(const op_desc *op, int nin, const fact *const *in, naru_error *err);

#endif
