/* SPDX-License-Identifier: MIT
 *
 * A method of a module as an ONNX graph: recorded with its arguments known by type and shape only, cleaned up, lowered
 * to the opset asked for.
 */
#ifndef SCRIPT_EXPORT_H
#define SCRIPT_EXPORT_H

#include "script/module.h"

typedef struct export_input {
    const char *name;
    naru_dtype dtype;
    int rank;
    int64_t dims[NARU_MAX_RANK];        /* -1: dynamic, by its symbol */
    const char *symbols[NARU_MAX_RANK]; /* name of a dynamic axis; NULL: fixed, or a name is made */
} export_input;

typedef struct export_options {
    const char *method; /* NULL: forward */
    int64_t opset;
    const export_input *inputs; /* for the tensors and numbers of the arguments, lists and tuples flattened */
    int ninputs;
    const char *const *output_names;
    int noutputs;
    /* Symbols of output axes: named by the caller; NULL or rows {output, axis, symbol}. */
    const struct export_axis {
        const char *output;
        int axis;
        const char *symbol;
    } * output_axes;
    int noutput_axes;
    bool fold;     /* constant folding, Conv+BN */
    bool training; /* keep training behaviour */
} export_options;

/* The graph as written at that opset. Findings (what was in training mode, what stands in the way) go to report. */
naru_status module_export(module *m, const export_options *o, graph **out, naru_report *report, naru_error *err);

#endif
