/* SPDX-License-Identifier: MIT
 *
 * Quantizing graphs as written. quantize.c is the whole way from a model to its quantized form: what to quantize,
 * calibration, comparison with float, layers taken back until a target is met. The forms are functions over one graph:
 * quantize_static.c, quantize_dynamic.c, quantize_weights.c; quantize_tensor.c has the arithmetic on weights.
 */
#ifndef BUILDER_QUANTIZE_H
#define BUILDER_QUANTIZE_H

#include "builder/calibrate.h"

extern const char quant_for_target[]; /* quant_layer.why of a layer that was taken back for a target */

typedef struct quant_layer {
    const char *name, *op, *output; /* output: the value compared, by its name in the float model */
    const char *seen;               /* that value's name in the quantized model */
    const int *from;                /* layers that its inputs come from */
    int nfrom;
    int node; /* its place in the main block */
    bool quantized;
    const char *why; /* it stays float; "" */
    double sqnr;     /* dB; NaN: not measured */
} quant_layer;

typedef struct quant_result { /* zero-initialise; quant_result_free when done */
    graph *graph;             /* as written */
    arena *arena;
    ARRAY(quant_layer) layers;
    calib_table ranges;          /* static form; filled before the call: taken from a cache */
    const calib_table *fixed;    /* before the call: ranges that win over collected ones; NULL */
    bool symmetric;              /* before the call: use no more of a collected range than a cache would keep */
    ARRAY(const char *) missing; /* tensors that wanted a range and have none */
    bool only_given;             /* before the call: samples are for comparing, nothing is calibrated on them */
    double seconds;              /* before the call: for the search of layers to take back; 0: any */
    bool nothing;                /* the call failed because there is nothing to quantize */
    bool compared;
    double sqnr, accuracy_float, accuracy;
    bool met;
} quant_result;
void quant_result_free(quant_result *r);

/* o as the caller of naru_quantize gave it, checked; samples may be NULL where nothing needs them. source: as written,
 * opset >= 13 (4 bits: 21), no functions. */
naru_status quantize_model(const graph_source *source, const naru_quantize_options *o, const sample_source *samples,
                           quant_result *out, naru_error *err);

/* ---- one graph (the forms) ---- */
typedef struct qtensor { /* an activation to be quantized */
    value *v;
    struct qtensor *base; /* shares its scale; NULL: its own */
    bool narrow;          /* inputs_only: only the layers read it quantized, since its float form is computed anyway */
    calib_range range;
    value *scale, *zero;
    value *seen; /* after Q and DQ */
} qtensor;

typedef struct quantizer {
    graph *g;
    const naru_quantize_options *o;
    const strmap *floats;      /* names of the main block's float tensors */
    const calib_table *ranges; /* NULL: only ask which tensors need one */
    const char *const *why;    /* per node of the main block: why it stays float; NULL: it does not */
    int nnodes;
    arena *arena; /* of the result: names of layers */
    quant_result *result;
    strmap layers;  /* name of a layer's output -> its position */
    strmap tensors; /* name -> qtensor */
    ARRAY(qtensor *) order;
    strmap nodes; /* names of the graph's nodes */
    strmap made;  /* weights and dynamic inputs that were made, by key */
    naru_error *err;
} quantizer;

void quantizer_free(quantizer *q);
/* Numbers the main block's nodes in node->index. */
void quant_number(graph *g);
/* Each adds a layer to the result for every node that it knows and changes the graph (static with ranges NULL: only
 * collects q->order). */
naru_status quant_static(quantizer *q);
naru_status quant_dynamic(quantizer *q);
naru_status quant_weights(quantizer *q);
/* g as read becomes what the forms work on: opset `least` or more, no functions, batch normalizations folded into the
 * convolutions before them (what is left of them would stay float). */
naru_status quant_prepare(graph *g, int64_t least, naru_report *report, naru_error *err);
/* Ranges of values that cannot be negative begin at 0, also where a cache gave them symmetric. g as written. */
void quant_sharpen(const graph *g, calib_table *t);
/* Drops float weights that nobody uses any more. */
void quant_drop_unused(graph *g);

/* ---- shared by the forms (quantize_graph.c) ---- */
bool quant_is_float(const quantizer *q, const value *v);
/* The content of a float constant (initializer or Constant node); NULL: none. */
naru_tensor *quant_constant(const value *v);
int64_t quant_int_attr(const node *n, const char *name, int64_t fallback);
double quant_real_attr(const node *n, const char *name, double fallback);
/* Adds the layer; NULL: out of memory. */
quant_layer *quant_add_layer(quantizer *q, const node *n, const value *seen, const char *why);
value *quant_value(quantizer *q, const char *base, const char *suffix); /* named base + suffix, made unique */
value *quant_initializer(quantizer *q, const char *base, const char *suffix, naru_tensor *t);
/* A node of one output named base + suffix; `in` ends at the first NULL after nin. NULL: out of memory. */
node *quant_node(quantizer *q, node *before, const char *op, const char *base, const char *suffix, value *const *in,
                 int nin, int nout, int nattrs);
/* DequantizeLinear; axis < 0: per tensor. */
value *quant_dequantize(quantizer *q, node *before, const char *base, value *x, value *scale, value *zero, int axis,
                        int64_t span);

/* ---- arithmetic (quantize_tensor.c) ---- */
typedef struct quantized_tensor {
    naru_tensor *q, *scale, *zero; /* zero NULL where the form has none */
} quantized_tensor;
void quantized_tensor_free(quantized_tensor *t);
/* int8, symmetric, -127 to 127; a scale per index of `axis`, or one (axis < 0). */
naru_status quant_int8(const naru_tensor *w, int axis, quantized_tensor *out, naru_error *err);
/* int4, symmetric, -7 to 7, a scale for each `span` along axis. */
naru_status quant_int4(const naru_tensor *w, int axis, int64_t span, quantized_tensor *out, naru_error *err);
/* A constant that takes part as an activation: uint8 asymmetric or int8 symmetric, by its own range. */
naru_status quant_constant_input(const naru_tensor *t, naru_dtype dtype, quantized_tensor *out, naru_error *err);
bool quant_constant_fits(const naru_tensor *t); /* finite, and not as large as to mean infinity */
/* int32 bias at scale x * w; *fits false (and nothing made) where it leaves int32. */
naru_status quant_bias(const naru_tensor *b, float x, const naru_tensor *w, quantized_tensor *out, bool *fits,
                       naru_error *err);
/* Scale and zero point of a range. */
void quant_parameters(calib_range r, naru_dtype dtype, float *scale, int *zero);

#endif
