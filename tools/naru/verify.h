/* SPDX-License-Identifier: MIT
 *
 * References of `naru verify`: each gives calls, one after the other.
 */
#ifndef NARU_VERIFY_H
#define NARU_VERIFY_H

#include "cli.h"

typedef struct verify_args {
    const char *model, *reference;
    double rtol, atol;
    bool rtol_given, atol_given, json;
    int_list calls;
    text_list shape;
    int64_t batch, seed;
} verify_args;

typedef struct reference_call {
    char label[48]; /* "" after the last call */
    named_values in, out;
    char problem[500]; /* why it cannot be run: an input that the model lacks; "" else */
} reference_call;

typedef struct reference reference;
/* -1 or an exit code. tolerance.txt of a folder sets tolerances that were not given. */
int reference_open(verify_args *a, const naru_session *s, reference **out);
int reference_next(reference *r, reference_call *out);
void reference_close(reference *r);
void call_free(reference_call *c);

#endif
