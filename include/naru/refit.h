/* SPDX-License-Identifier: MIT
 *
 * Other weights for a built engine, by name: nothing is timed again, the tactics stay. The engine keeps its model, so
 * that weights that were folded into others (batch normalization into a convolution) come out right: the model is
 * simplified and packed anew.
 *
 * Which engines: all of them. One that was quantized while it was built (NARU_BUILD_INT8 without Q/DQ nodes) has the
 * quantized weights; naru_refitter_set_from_model takes a float model for it and quantizes that in the same way, by the
 * ranges and with the layers that the build settled on. With NARU_BUILD_REFIT a plan without weights (NARU_BUILD_STRIP_WEIGHTS) takes any model of the
 * same structure at load.
 *
 * Who sees the new weights: contexts that are made afterwards. Those made before go on with the weights that they began
 * with, and may be running meanwhile; their memory goes with the last of them. A refitter belongs to one thread at a
 * time; while it refits nothing else may be asked of the engine, and no context made from it.
 */
#ifndef NARU_REFIT_H
#define NARU_REFIT_H

#include "naru/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_refitter naru_refitter;

/* Owns: caller; the engine is kept. Errors: OUT_OF_MEMORY. */
NARU_API naru_status naru_refitter_create(naru_engine *engine, naru_refitter **out, naru_error *err);
NARU_API void naru_refitter_destroy(naru_refitter **refitter);

/* A weight: an initializer or Constant of the model, outside of bodies; not of type int64, bool or string, which are
 * sizes, indices and masks. Strings live as long as the refitter, until it refits. */
typedef struct naru_weight {
    size_t size;
    const char *name;
    naru_dtype dtype;
    int rank;
    int64_t dims[NARU_MAX_RANK];
    bool changed; /* other content was set since the last refit */
} naru_weight;
NARU_API size_t naru_refitter_weights(const naru_refitter *refitter);
/* Errors: NOT_FOUND (past the end). */
NARU_API naru_status naru_refitter_weight(const naru_refitter *refitter, size_t i, naru_weight *out);
NARU_API size_t naru_refitter_changed(const naru_refitter *refitter); /* how many are */
/* The content that the next refit gives, borrowed: as set, else as the engine has it. NULL: no such weight. */
NARU_API const naru_tensor *naru_refitter_tensor(const naru_refitter *refitter, const char *name);

/* The refitter keeps a reference; the content must not change until it has refitted. Weights that are not set stay as
 * they are. Errors: NOT_FOUND (name, with the nearest), TYPE, SHAPE. */
NARU_API naru_status naru_refitter_set(naru_refitter *refitter, const char *name, naru_tensor *tensor, naru_error *err);
/* Every weight, from a model that has them all under the same names; nothing is set when one does not fit. The model
 * must live until the refitter has refitted. Errors: NOT_FOUND (a weight that the model lacks), TYPE, SHAPE. */
NARU_API naru_status naru_refitter_set_from_model(naru_refitter *refitter, const naru_model *model, naru_error *err);

/* Gives the engine the weights. Nothing happens when none is changed. Where the new weights make another graph of the
 * model (one that a pass looks at: an exponent, say) tactics are chosen by experience, and report (may be NULL) has a
 * note "plan-rebuilt". After a failure the engine is as it was. Errors: OUT_OF_MEMORY, those of naru_build. */
NARU_API naru_status naru_refitter_refit(naru_refitter *refitter, naru_report *report, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
