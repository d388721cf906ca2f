/* SPDX-License-Identifier: MIT
 *
 * Networks: what an engine is built from. One comes from an ONNX model, from a TorchScript module, or is made here op
 * by op: inputs, constants and layers are added, outputs marked, and the result builds as a parsed network does
 * (builder.h). Layers are ONNX's operators at their newest definitions (naru_network_add); the functions below it spell
 * TensorRT's layers out of them. Types and shapes are inferred as each layer is added; what does not fit is refused
 * there, the message names the layer, and the network stays as it was.
 *
 * Handles of tensors, layers and bodies are borrowed: they belong to their network and live as long. A network belongs
 * to one thread at a time. Errors common to all that add: INVALID_ARGUMENT (NULL, a handle of another network, a name
 * that is taken, a network that is as parsed), OUT_OF_MEMORY.
 */
#ifndef NARU_NETWORK_H
#define NARU_NETWORK_H

#include "naru/script.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_network naru_network;
typedef struct naru_network_tensor naru_network_tensor; /* an input, a constant, or what a layer gives */
typedef struct naru_network_layer naru_network_layer;
typedef struct naru_network_body naru_network_body; /* a branch of If, the body of Loop or Scan */

/* ---- whole networks ---- */
/* Takes a copy of the model, its weights included: the model may go. Errors: OUT_OF_MEMORY, LIMIT. */
NARU_API naru_status naru_network_create(const naru_model *model, naru_network **out, naru_error *err);
/* A method of a TorchScript module, recorded as naru_export records it. */
NARU_API naru_status naru_network_from_module(naru_module *module, const naru_export_options *options,
                                              naru_network **out, naru_report *report, naru_error *err);
/* A network with nothing in it yet. Owns: caller. */
NARU_API naru_status naru_network_create_empty(naru_network **out, naru_error *err);
/* Makes a network from a model or module one that can be added to, brought to the newest opset: functions are inlined,
 * Constant nodes become constants. Handles given before are no longer valid. Nothing happens to one that is so already.
 * Everything that cannot be said in the newest opset goes to report (may be NULL). Errors: UNSUPPORTED, BAD_MODEL,
 * TYPE, SHAPE, OUT_OF_MEMORY; then the network is as it was. */
NARU_API naru_status naru_network_extend(naru_network *network, naru_report *report, naru_error *err);
/* Writes it as an ONNX model, what was made here at the newest opset. Errors: INVALID_ARGUMENT (no output is marked, a
 * body is open), IO. */
NARU_API naru_status naru_network_save(const naru_network *network, const char *path, naru_error *err);
NARU_API void naru_network_destroy(naru_network **network);

NARU_API size_t naru_network_inputs(const naru_network *network);
NARU_API size_t naru_network_outputs(const naru_network *network);
/* Strings live until the network changes. Errors: NOT_FOUND (past the end), OUT_OF_MEMORY. */
NARU_API naru_status naru_network_input(const naru_network *network, size_t i, naru_port *out);
NARU_API naru_status naru_network_output(const naru_network *network, size_t i, naru_port *out);

/* ---- what goes in ---- */
/* dims: `rank` sizes, -1 where a size is known only at run time; rank -1: not even the rank is known. symbols (may be
 * NULL): `rank` names of sizes, NULL where there is none; axes that bear one name have one size. Inside a body: the
 * body's next parameter. */
NARU_API naru_status naru_network_add_input(naru_network *network, const char *name, naru_dtype dtype, int rank,
                                            const int64_t *dims, const char *const *symbols, naru_network_tensor **out,
                                            naru_error *err);
/* The network keeps a reference to the tensor and never copies it: over the caller's memory (naru_tensor_wrap) the
 * weights are borrowed. Its content must not change until the network has gone. name NULL: one is made. */
NARU_API naru_status naru_network_add_constant(naru_network *network, const char *name, naru_tensor *tensor,
                                               naru_network_tensor **out, naru_error *err);
/* The same from plain memory, copied: as many elements of dtype (no strings) as dims say. */
NARU_API naru_status naru_network_add_weights(naru_network *network, const char *name, naru_dtype dtype, int rank,
                                              const int64_t *dims, const void *data, naru_network_tensor **out,
                                              naru_error *err);

/* ---- layers: the general form ---- */
typedef enum naru_attribute_kind { /* numbers are ONNX's AttributeProto.AttributeType */
                                   NARU_ATTRIBUTE_FLOAT = 1,
                                   NARU_ATTRIBUTE_INT = 2,
                                   NARU_ATTRIBUTE_STRING = 3,
                                   NARU_ATTRIBUTE_TENSOR = 4,
                                   NARU_ATTRIBUTE_BODY = 5,
                                   NARU_ATTRIBUTE_FLOATS = 6,
                                   NARU_ATTRIBUTE_INTS = 7,
                                   NARU_ATTRIBUTE_STRINGS = 8
} naru_attribute_kind;
/* Everything it points to is copied, but for tensors, which are referenced. Made by the functions that follow. */
typedef struct naru_attribute {
    size_t size; /* sizeof(naru_attribute), the same in all of an array */
    const char *name;
    naru_attribute_kind kind;
    int64_t i;
    float f;
    const char *s;
    naru_tensor *tensor;
    naru_network_body *body;
    size_t count; /* of the plural kinds */
    const int64_t *ints;
    const float *floats;
    const char *const *strings;
} naru_attribute;

static inline naru_attribute naru_attribute_of(const char *name, naru_attribute_kind kind) {
    naru_attribute a = {sizeof(naru_attribute), name, kind, 0, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL};
    return a;
}
static inline naru_attribute naru_attribute_int(const char *name, int64_t i) {
    naru_attribute a = naru_attribute_of(name, NARU_ATTRIBUTE_INT);
    a.i = i;
    return a;
}
static inline naru_attribute naru_attribute_float(const char *name, float f) {
    naru_attribute a = naru_attribute_of(name, NARU_ATTRIBUTE_FLOAT);
    a.f = f;
    return a;
}
static inline naru_attribute naru_attribute_string(const char *name, const char *s) {
    naru_attribute a = naru_attribute_of(name, NARU_ATTRIBUTE_STRING);
    a.s = s;
    return a;
}
static inline naru_attribute naru_attribute_ints(const char *name, size_t count, const int64_t *ints) {
    naru_attribute a = naru_attribute_of(name, NARU_ATTRIBUTE_INTS);
    a.count = count;
    a.ints = ints;
    return a;
}
static inline naru_attribute naru_attribute_body(const char *name, naru_network_body *body) {
    naru_attribute a = naru_attribute_of(name, NARU_ATTRIBUTE_BODY);
    a.body = body;
    return a;
}

/* Adds an operator: op and domain (NULL, "" or "ai.onnx": ONNX's own) as in ONNX, `naru list ops` has them all. name
 * NULL: one is made ("Conv_3"). inputs: NULL where an optional one is omitted. outputs: `noutputs` tensors, named after
 * the layer ("Conv_3_output_0"). Errors: UNSUPPORTED (no such operator, with the nearest; one that the newest opset no
 * longer has), BAD_MODEL (inputs, attributes), TYPE, SHAPE. */
NARU_API naru_status naru_network_add(naru_network *network, const char *op, const char *domain, const char *name,
                                      size_t ninputs, naru_network_tensor *const *inputs, size_t nattributes,
                                      const naru_attribute *attributes, size_t noutputs, naru_network_tensor **outputs,
                                      naru_error *err);

/* ---- bodies of If, Loop and Scan ---- */
/* What is added until the matching end goes into the body: inputs are its parameters, tensors from outside may be read.
 * Bodies nest. */
NARU_API naru_status naru_network_begin_body(naru_network *network, naru_network_body **out, naru_error *err);
/* The body gives these; then it is the attribute of one layer (naru_attribute_body), added where the body began. */
NARU_API naru_status naru_network_end_body(naru_network *network, naru_network_body *body, size_t noutputs,
                                           naru_network_tensor *const *outputs, naru_error *err);

/* ---- what comes out, names ---- */
/* Outputs come in the order of marking. Not inside a body. */
NARU_API naru_status naru_network_mark_output(naru_network *network, naru_network_tensor *tensor, naru_error *err);
/* Errors: NOT_FOUND (it is no output). */
NARU_API naru_status naru_network_unmark_output(naru_network *network, naru_network_tensor *tensor, naru_error *err);
/* Tensors have names of their own, layers too. */
NARU_API naru_status naru_network_tensor_set_name(naru_network *network, naru_network_tensor *tensor, const char *name,
                                                  naru_error *err);
NARU_API naru_status naru_network_layer_set_name(naru_network *network, naru_network_layer *layer, const char *name,
                                                 naru_error *err);

/* ---- questions ---- */
typedef struct naru_network_layer_info {
    size_t size;
    const char *name; /* "" when it has none */
    const char *op, *domain;
    size_t inputs, outputs;
} naru_network_layer_info;
NARU_API size_t naru_network_layers(const naru_network *network);                          /* outside of bodies */
NARU_API naru_network_layer *naru_network_layer_at(const naru_network *network, size_t i); /* NULL past the end */
NARU_API naru_status naru_network_layer_get(const naru_network_layer *layer, naru_network_layer_info *out);
/* NULL: omitted, or past the end. */
NARU_API naru_network_tensor *naru_network_layer_input(const naru_network_layer *layer, size_t i);
NARU_API naru_network_tensor *naru_network_layer_output(const naru_network_layer *layer, size_t i);
/* Of any tensor of the network outside of bodies; NULL: there is none of that name. */
NARU_API naru_network_tensor *naru_network_find_tensor(const naru_network *network, const char *name);
/* Name, type and shape as far as they are known. Strings live until the network changes. */
NARU_API naru_status naru_network_tensor_get(const naru_network *network, const naru_network_tensor *tensor,
                                             naru_port *out);
/* Content of a constant, borrowed; NULL: it is none. */
NARU_API const naru_tensor *naru_network_tensor_constant(const naru_network_tensor *tensor);
NARU_API naru_network_layer *
naru_network_tensor_layer(const naru_network_tensor *tensor); /* that gives it; NULL: none */

/* ---- layers as TensorRT has them: thin, each is one operator or a few, the last of which has the name ---- */
/* Windows of convolution and pooling over `rank` spatial axes. 0 in stride and dilation means 1. Pooling: all of
 * kernel; convolutions have it from their weights. */
enum { NARU_WINDOW_MAX = 3 };
typedef struct naru_window {
    size_t size;
    int rank; /* 1 to 3 */
    int64_t kernel[NARU_WINDOW_MAX], stride[NARU_WINDOW_MAX], dilation[NARU_WINDOW_MAX];
    int64_t pad_begin[NARU_WINDOW_MAX], pad_end[NARU_WINDOW_MAX];
    bool ceil;       /* pooling: a last window that is not whole counts */
    bool count_pads; /* average pooling: padding counts as zeros */
} naru_window;

/* x [N,C,...], kernel [M,C/groups,...], bias [M] or NULL -> [N,M,...]. window NULL: stride 1, no padding. */
NARU_API naru_status naru_network_add_convolution(naru_network *network, const char *name, naru_network_tensor *x,
                                                  naru_network_tensor *kernel, naru_network_tensor *bias,
                                                  const naru_window *window, int64_t groups, naru_network_tensor **out,
                                                  naru_error *err);
/* The same transposed: kernel [C,M/groups,...]. */
NARU_API naru_status naru_network_add_deconvolution(naru_network *network, const char *name, naru_network_tensor *x,
                                                    naru_network_tensor *kernel, naru_network_tensor *bias,
                                                    const naru_window *window, int64_t groups,
                                                    naru_network_tensor **out, naru_error *err);
/* x [N,...] taken as [N,K], kernel [M,K], bias [M] or NULL -> [N,M]. */
NARU_API naru_status naru_network_add_fully_connected(naru_network *network, const char *name, naru_network_tensor *x,
                                                      naru_network_tensor *kernel, naru_network_tensor *bias,
                                                      naru_network_tensor **out, naru_error *err);
/* Products of the last two axes, leading axes broadcast; an operand that is transposed has them swapped (rank >= 2). */
NARU_API naru_status naru_network_add_matmul(naru_network *network, const char *name, naru_network_tensor *a,
                                             bool transpose_a, naru_network_tensor *b, bool transpose_b,
                                             naru_network_tensor **out, naru_error *err);

typedef enum naru_activation {
    NARU_RELU,
    NARU_SIGMOID,
    NARU_TANH,
    NARU_LEAKY_RELU, /* alpha below zero */
    NARU_ELU,        /* alpha */
    NARU_SELU,       /* alpha, beta = gamma */
    NARU_SOFTSIGN,
    NARU_SOFTPLUS,         /* alpha * log(exp(beta * x) + 1) */
    NARU_CLIP,             /* to [alpha, beta] */
    NARU_HARD_SIGMOID,     /* alpha * x + beta, clipped to [0, 1] */
    NARU_SCALED_TANH,      /* alpha * tanh(beta * x) */
    NARU_THRESHOLDED_RELU, /* x above alpha, else 0 */
    NARU_GELU_ERF,
    NARU_GELU_TANH,
    NARU_SWISH, /* x * sigmoid(alpha * x) */
    NARU_HARD_SWISH,
    NARU_ACTIVATIONS
} naru_activation;
/* alpha and beta count where the list names them. */
NARU_API naru_status naru_network_add_activation(naru_network *network, const char *name, naru_activation kind,
                                                 naru_network_tensor *x, float alpha, float beta,
                                                 naru_network_tensor **out, naru_error *err);

typedef enum naru_unary {
    NARU_EXP,
    NARU_LOG,
    NARU_SQRT,
    NARU_RECIP,
    NARU_ABS,
    NARU_NEG,
    NARU_SIN,
    NARU_COS,
    NARU_TAN,
    NARU_SINH,
    NARU_COSH,
    NARU_ASIN,
    NARU_ACOS,
    NARU_ATAN,
    NARU_ASINH,
    NARU_ACOSH,
    NARU_ATANH,
    NARU_CEIL,
    NARU_FLOOR,
    NARU_ERF,
    NARU_NOT,
    NARU_SIGN,
    NARU_ROUND, /* half to even */
    NARU_ISINF,
    NARU_ISNAN,
    NARU_UNARIES
} naru_unary;
NARU_API naru_status naru_network_add_unary(naru_network *network, const char *name, naru_unary kind,
                                            naru_network_tensor *x, naru_network_tensor **out, naru_error *err);

typedef enum naru_pooling { NARU_POOL_MAX, NARU_POOL_AVERAGE, NARU_POOLINGS } naru_pooling;
NARU_API naru_status naru_network_add_pooling(naru_network *network, const char *name, naru_pooling kind,
                                              naru_network_tensor *x, const naru_window *window,
                                              naru_network_tensor **out, naru_error *err);

typedef enum naru_elementwise {
    NARU_SUM,
    NARU_PROD,
    NARU_MAXIMUM,
    NARU_MINIMUM,
    NARU_SUB,
    NARU_DIV, /* of integers: toward zero */
    NARU_POW,
    NARU_FLOOR_DIV,
    NARU_AND,
    NARU_OR,
    NARU_XOR,
    NARU_EQUAL,
    NARU_GREATER,
    NARU_LESS,
    NARU_ELEMENTWISES
} naru_elementwise;
/* Broadcast by ONNX's rules: axes are matched from the last. NARU_FLOOR_DIV: floating-point operands. */
NARU_API naru_status naru_network_add_elementwise(naru_network *network, const char *name, naru_elementwise kind,
                                                  naru_network_tensor *a, naru_network_tensor *b,
                                                  naru_network_tensor **out, naru_error *err);

/* (x * scale + shift) ^ power, each constant NULL where it does nothing. axis >= 0: the constants have one number for
 * each index of that axis (1: channels); -1: they are broadcast as they are. */
NARU_API naru_status naru_network_add_scale(naru_network *network, const char *name, naru_network_tensor *x, int axis,
                                            naru_tensor *shift, naru_tensor *scale, naru_tensor *power,
                                            naru_network_tensor **out, naru_error *err);
/* Axes may be negative, counted from the end. */
NARU_API naru_status naru_network_add_softmax(naru_network *network, const char *name, naru_network_tensor *x, int axis,
                                              naru_network_tensor **out, naru_error *err);
NARU_API naru_status naru_network_add_concat(naru_network *network, const char *name, size_t count,
                                             naru_network_tensor *const *x, int axis, naru_network_tensor **out,
                                             naru_error *err);
/* Transpose by `before` (as many axes as x has; NULL: none), reshape to `dims` (rank -1: none; 0 keeps a size, one -1
 * is what remains), transpose by `after` (as many axes as then; NULL: none). */
NARU_API naru_status naru_network_add_shuffle(naru_network *network, const char *name, naru_network_tensor *x,
                                              const int *before, int rank, const int64_t *dims, const int *after,
                                              naru_network_tensor **out, naru_error *err);

typedef enum naru_reduction {
    NARU_REDUCE_SUM,
    NARU_REDUCE_PROD,
    NARU_REDUCE_MAX,
    NARU_REDUCE_MIN,
    NARU_REDUCE_MEAN,
    NARU_REDUCTIONS
} naru_reduction;
/* count 0: over all axes. */
NARU_API naru_status naru_network_add_reduce(naru_network *network, const char *name, naru_reduction kind,
                                             naru_network_tensor *x, size_t count, const int64_t *axes, bool keep_dims,
                                             naru_network_tensor **out, naru_error *err);
NARU_API naru_status naru_network_add_identity(naru_network *network, const char *name, naru_network_tensor *x,
                                               naru_network_tensor **out, naru_error *err);
NARU_API naru_status naru_network_add_cast(naru_network *network, const char *name, naru_network_tensor *x,
                                           naru_dtype dtype, naru_network_tensor **out, naru_error *err);
/* scale: one number, or one for each index of `axis`. zero NULL: 0. dtype: what is quantized to (int8, uint8, ...);
 * with zero given it is zero's type. */
NARU_API naru_status naru_network_add_quantize(naru_network *network, const char *name, naru_network_tensor *x,
                                               naru_network_tensor *scale, naru_network_tensor *zero, int axis,
                                               naru_dtype dtype, naru_network_tensor **out, naru_error *err);
NARU_API naru_status naru_network_add_dequantize(naru_network *network, const char *name, naru_network_tensor *x,
                                                 naru_network_tensor *scale, naru_network_tensor *zero, int axis,
                                                 naru_network_tensor **out, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
