/* SPDX-License-Identifier: MIT
 *
 * Quantizing models: from a float ONNX model, and samples to calibrate with, a model with QuantizeLinear and
 * DequantizeLinear around its layers (or in its dynamic or weight-only form), that any ONNX runtime runs; with what
 * each layer lost by it.
 */
#ifndef NARU_QUANTIZE_H
#define NARU_QUANTIZE_H

#include "naru/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum naru_calibrator {
    NARU_CALIBRATOR_ENTROPY, /* TensorRT's EntropyCalibration2 */
    NARU_CALIBRATOR_MINMAX,
    NARU_CALIBRATOR_PERCENTILE,
    NARU_CALIBRATOR_MSE
} naru_calibrator;

typedef enum naru_quantize_form {
    NARU_QUANTIZE_STATIC,  /* Q/DQ with calibrated ranges */
    NARU_QUANTIZE_DYNAMIC, /* int8 weights, activations quantized as they come: no samples needed */
    NARU_QUANTIZE_WEIGHTS  /* weights only, 8 or 4 bits: no samples needed */
} naru_quantize_form;

/* Batches of samples, by callback. `batch` fills in[0..nin), one value per model input in the model's order (a
 * reference each, for the library; NULL where an input has a default), or returns NARU_NOT_FOUND past the last batch
 * (in untouched then). The library goes through the batches several times; the results do not depend on their order. */
typedef struct naru_samples {
    size_t size;
    naru_status (*batch)(void *user, size_t index, size_t nin, naru_value **in, naru_error *err);
    void *user;
} naru_samples;

/* Samples from FILE.npz or a folder of .npy files: an array per input name (a single array of any name for a model with
 * one input), whose first axis counts samples. They are cut into batches of `batch` samples (0: 32), or of the model's
 * own fixed first dimension; integers are converted to the input's type. naru_samples_close frees what user points to.
 * Errors: IO, BAD_FILE, NOT_FOUND (an input has no array), SHAPE. */
NARU_API naru_status naru_samples_open(const char *path, const naru_model *model, int64_t batch, naru_samples *out,
                                       naru_error *err);
struct naru_network;
/* The same for a network of the builder. */
NARU_API naru_status naru_samples_open_network(const char *path, const struct naru_network *network, int64_t batch,
                                               naru_samples *out, naru_error *err);
NARU_API int64_t naru_samples_count(const naru_samples *samples); /* of samples_open's: how many samples there are */
NARU_API void naru_samples_close(naru_samples *samples);

typedef struct naru_quantize_options {
    size_t size;
    naru_quantize_form form;
    naru_calibrator calibrator;
    bool any_cache;             /* a cache made by another calibrator is taken too */
    double percentile;          /* 99.999 */
    naru_dtype activation;      /* NARU_UINT8 (asymmetric) or NARU_INT8 (symmetric) */
    bool per_channel;           /* weights by output channel */
    int weight_bits;            /* 8; weights only: 8 or 4 */
    int64_t block;              /* 4 bits: weights that share a scale */
    const char *cache;          /* TensorRT's calibration cache: read when it is there, else written; NULL: none */
    const char *const *exclude; /* nodes that stay float: names, output names or operator types */
    size_t nexclude;
    double target_sqnr;        /* dB of the worst model output; layers stay float until it is met; 0: none */
    const naru_tensor *labels; /* class of each sample; NULL: none. The first output's last axis is over classes */
    double max_loss;           /* points of accuracy that may be lost; layers stay float until then; < 0: any */
    bool report;               /* compare each layer with float (implied by the targets) */
    int threads;               /* 0: as many as the machine gives */
    bool inputs_only; /* static: Q and DQ only before layers with constant weights, as TensorRT wants them placed;
                       * what no layer reads stays float */
} naru_quantize_options;
#define NARU_QUANTIZE_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(naru_quantize_options), NARU_QUANTIZE_STATIC, NARU_CALIBRATOR_MINMAX, false, 99.999, NARU_UINT8, false, \
            8, 32, NULL, NULL, 0, 0, NULL, -1, false, 0, false                                                         \
    }

typedef struct naru_quantized naru_quantized; /* the result */

/* Quantizes. samples may be NULL where none are needed (dynamic, weights, a cache that is there) and no comparison is
 * asked for. The model is taken as it is written from opset 13 on, without functions, else converted first (4-bit
 * weights need opset 21).
 * Errors: INVALID_ARGUMENT, NOT_FOUND (exclude), BAD_FILE (cache), UNSUPPORTED (nothing to quantize), and what running
 * the model finds. A target that cannot be met is no error: look at the info. */
NARU_API naru_status naru_quantize(const naru_model *model, const naru_quantize_options *options,
                                   const naru_samples *samples, naru_quantized **out, naru_report *report,
                                   naru_error *err);
NARU_API void naru_quantized_destroy(naru_quantized **quantized);
/* The quantized model, to save or to run; lives as long as the result. */
NARU_API const naru_model *naru_quantized_model(const naru_quantized *quantized);

typedef struct naru_quantized_info {
    size_t size;
    size_t layers, kept;             /* layers that can be quantized; those of them that stay float */
    bool cache_read;                 /* ranges came from the cache */
    bool compared;                   /* the numbers below were measured */
    double sqnr;                     /* dB, worst model output; infinite when equal */
    double accuracy_float, accuracy; /* share of labels met; -1 without labels */
    bool met;                        /* the targets, true without any */
} naru_quantized_info;
NARU_API naru_status naru_quantized_get_info(const naru_quantized *quantized, naru_quantized_info *out);

typedef struct naru_quantized_layer {
    size_t size;
    const char *name; /* of the node, or of its output when it has none */
    const char *op;
    const char *output; /* the tensor compared */
    bool quantized;
    double sqnr;     /* dB against the float model; NaN when not measured */
    const char *why; /* it stays float; "" when quantized */
} naru_quantized_layer;
/* NARU_NOT_FOUND past the end. Strings live as long as the result. */
NARU_API naru_status naru_quantized_get_layer(const naru_quantized *quantized, size_t index, naru_quantized_layer *out);

#ifdef __cplusplus
}
#endif
#endif
