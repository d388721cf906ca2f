/* SPDX-License-Identifier: MIT
 *
 * The builder: a model made into an engine (engine.h) for this machine. A network (network.h) is what to build, a
 * configuration how: ranges of input shapes (optimization profiles), what may be used, how long it may take. Objects of
 * this file belong to one thread at a time; the configuration takes copies or references of what it is given.
 */
#ifndef NARU_BUILDER_H
#define NARU_BUILDER_H

#include "naru/engine.h"
#include "naru/network.h"
#include "naru/quantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- optimization profiles: for every input without fixed shape a smallest, a typical and a largest shape ---- */
typedef struct naru_profile naru_profile;
NARU_API naru_status naru_profile_create(naru_profile **out, naru_error *err);
NARU_API void naru_profile_destroy(naru_profile **profile);
NARU_API naru_status naru_profile_set_dims(naru_profile *profile, const char *input, naru_select which, int rank,
                                           const int64_t *dims, naru_error *err);
/* For an input whose content decides shapes: integers, elementwise min <= opt <= max. */
NARU_API naru_status naru_profile_set_values(naru_profile *profile, const char *input, naru_select which, size_t count,
                                             const int64_t *values, naru_error *err);
/* Whether the network can be built with it: every input without fixed shape has all three; ranks are the input's;
 * 0 <= min <= opt <= max on every axis; fixed axes have their size; axes that bear one name have one opt. The message
 * names input, axis and values. Errors: NOT_FOUND (an input that the network lacks), SHAPE, INVALID_ARGUMENT. */
NARU_API naru_status naru_profile_check(const naru_profile *profile, const naru_network *network, naru_error *err);

/* ---- the timing cache: what was measured, by operator, attributes, shapes, types, CPU and kernel version ---- */
typedef struct naru_timing_cache naru_timing_cache;
NARU_API naru_status naru_timing_cache_create(naru_timing_cache **out, naru_error *err);
NARU_API void naru_timing_cache_destroy(naru_timing_cache **cache);
/* Adds the entries of a file to the cache; entries that are there already win. A file that does not exist is NOT_FOUND,
 * one that is no timing cache BAD_FILE. */
NARU_API naru_status naru_timing_cache_load(naru_timing_cache *cache, const char *path, naru_error *err);
/* Writes the cache: text, sorted, so that equal caches are equal files. */
NARU_API naru_status naru_timing_cache_save(const naru_timing_cache *cache, const char *path, naru_error *err);
NARU_API naru_status naru_timing_cache_merge(naru_timing_cache *cache, const naru_timing_cache *other, naru_error *err);
NARU_API size_t naru_timing_cache_count(const naru_timing_cache *cache);

/* ---- configuration ---- */
typedef enum naru_build_flag {
    NARU_BUILD_FP16, /* layers may be lowered to FP16: operands are rounded, sums kept in FP32; from level 1 on */
    NARU_BUILD_BF16, /* the same to BF16. What is lowered, and what is not and why, is told in the report */
    NARU_BUILD_INT8, /* by the network's Q/DQ nodes, or by calibration where it has none */
    NARU_BUILD_STRIP_WEIGHTS,     /* plans hold no weights: loading wants the model (naru_engine_load) */
    NARU_BUILD_NO_TIMING_CACHE,   /* measure everything again */
    NARU_BUILD_TIMING_CACHE_ONLY, /* measure nothing: what the cache lacks is an error (NOT_FOUND) */
    NARU_BUILD_REFIT,             /* with STRIP_WEIGHTS: plans take any model of the same structure at load (refit.h) */
    NARU_BUILD_FLAGS
} naru_build_flag;
typedef enum naru_memory_pool { NARU_POOL_WORKSPACE } naru_memory_pool; /* scratch of one layer */

/* A build tells how far it is. step_complete giving false cancels the build. parent: the phase around, or NULL. */
typedef struct naru_progress {
    size_t size;
    void (*phase_start)(void *user, const char *phase, const char *parent, int steps);
    bool (*step_complete)(void *user, const char *phase, int step);
    void (*phase_finish)(void *user, const char *phase);
    void *user;
} naru_progress;

typedef struct naru_builder_config naru_builder_config;
NARU_API naru_status naru_builder_config_create(naru_builder_config **out, naru_error *err);
NARU_API void naru_builder_config_destroy(naru_builder_config **config);
NARU_API naru_status naru_builder_config_set_flag(naru_builder_config *config, naru_build_flag flag, bool on,
                                                  naru_error *err);
NARU_API bool naru_builder_config_flag(const naru_builder_config *config, naru_build_flag flag);
/* Tactics that want more are not taken. No limit unless set. */
NARU_API naru_status naru_builder_config_set_memory_pool(naru_builder_config *config, naru_memory_pool pool,
                                                         uint64_t bytes, naru_error *err);
/* 0: the first tactic that works, in FP32 where no precision is asked of the layer; 1: the one that experience prefers,
 * lower precisions that are permitted before FP32 where the CPU has arithmetic for them (the network is run once to
 * measure their errors); 2: the candidates of experience are timed; 3 (default): every candidate is timed; 4, 5: as 3,
 * measuring longer. More than 5 is 5. */
NARU_API naru_status naru_builder_config_set_level(naru_builder_config *config, int level, naru_error *err);
/* Seconds after which nothing more is timed and experience decides the rest; 0: no limit. */
NARU_API naru_status naru_builder_config_set_time_limit(naru_builder_config *config, double seconds, naru_error *err);
/* Runs of one measurement, 1 to 1000; 0: as the level says. */
NARU_API naru_status naru_builder_config_set_timing_runs(naru_builder_config *config, int runs, naru_error *err);
/* The file of a plugin library (naru/plugin.h) goes into the engine's plans, for programs that have not loaded it; what
 * is in a plan is run only where the option plan_code is on. Read at once. Errors: of the file, LIMIT, OUT_OF_MEMORY. */
NARU_API naru_status naru_builder_config_add_plugin_library(naru_builder_config *config, const char *path,
                                                            naru_error *err);
/* "-conv.winograd,+conv.product": tactics or whole families ("conv") switched off and on, in order. The reference
 * evaluator cannot be switched off. Errors: NOT_FOUND (with the nearest), INVALID_ARGUMENT. */
NARU_API naru_status naru_builder_config_set_tactics(naru_builder_config *config, const char *list, naru_error *err);
/* The cache is read and written by builds and must live until the last of them is done; NULL: none. */
NARU_API naru_status naru_builder_config_set_timing_cache(naru_builder_config *config, naru_timing_cache *cache,
                                                          naru_error *err);
NARU_API naru_status naru_builder_config_set_progress(naru_builder_config *config, const naru_progress *progress,
                                                      naru_error *err);
/* threads, cpu, seed of options.def; copied. */
NARU_API naru_status naru_builder_config_set_options(naru_builder_config *config, const naru_options *options,
                                                     naru_error *err);
/* Copies the profile. *index (may be NULL): its number. Without any profile the network's inputs must have fixed
 * shapes.
 */
NARU_API naru_status naru_builder_config_add_profile(naru_builder_config *config, const naru_profile *profile,
                                                     int *index, naru_error *err);

/* ---- INT8 of networks without Q/DQ nodes: the ranges of their tensors ---- */
/* read_cache: gives TensorRT's calibration cache (naru_quantize_options.cache), which stays where it is until the build
 * is done, or NOT_FOUND. write_cache: takes what was calibrated on samples; it is not called for ranges that were read.
 * Both run on the thread that builds; any other error than NOT_FOUND ends the build. */
typedef struct naru_calibration {
    size_t size;
    naru_calibrator algorithm;
    bool any_cache;       /* a cache made by another algorithm is taken too */
    double percentile;    /* of NARU_CALIBRATOR_PERCENTILE; 0: 99.999 */
    naru_samples samples; /* batch NULL: none; not used when the cache is there */
    naru_status (*read_cache)(void *user, const void **data, size_t *size, naru_error *err); /* NULL: none */
    naru_status (*write_cache)(void *user, const void *data, size_t size, naru_error *err);  /* NULL: nowhere */
    void *user;
} naru_calibration;
/* Copied; what it points to must live until the last build is done. NULL: none. With NARU_BUILD_INT8 a build then
 * quantizes the network (per tensor, weights per channel) and its plan holds the quantized one. Where neither cache,
 * samples nor ranges are there the calibration is on random data, which the report warns of: times mean something then,
 * outputs do not. Tensors without range stay float, which the report tells. Build errors: BAD_FILE (cache), MISMATCH (a
 * cache of another network or algorithm), UNSUPPORTED (with STRIP_WEIGHTS), what running the network on the samples
 * finds. Errors: INVALID_ARGUMENT. */
NARU_API naru_status naru_builder_config_set_calibrator(naru_builder_config *config,
                                                        const naru_calibration *calibration, naru_error *err);
/* The range of one tensor, by its name in the network; it wins over calibration. min <= max, both finite; 0 is added to
 * the range where it lies outside. The build gives NOT_FOUND for a name that the network does not have. Errors:
 * INVALID_ARGUMENT, OUT_OF_MEMORY. */
NARU_API naru_status naru_builder_config_set_dynamic_range(naru_builder_config *config, const char *tensor, double min,
                                                           double max, naru_error *err);

/* ---- accuracy ---- */
/* The largest error that a lower precision may cause, > 0; 0 (default): any. A lowered layer's outputs are compared
 * with those of its FP32 tactic on the same inputs, which are the layer's own in an FP32 run of the network: on random
 * data at each profile's OPT, or on the samples set below. The error is ||lowered - FP32|| / ||FP32|| in Euclid's norm
 * (0.01: a signal to noise ratio of 40 dB), the largest over a layer's outputs and over all runs. Layers whose error is
 * larger, or could not be measured, stay in FP32 (note "kept-high" in the report). Errors add up: the network's outputs
 * are measured the same way in the end (outputs that are not floating point: the share of elements that differ), and
 * lowered layers go back to FP32, those of the largest error first, until the limit holds there too. Errors are
 * measured without a limit, too (inspector), and never kept in the timing cache. What gives infinities or NaN where
 * FP32 does not is never used. INT8 by calibration counts, too: layers go back to float, those that add most noise
 * first, until the outputs' error on the calibration samples (else on these, else on random data) is within the limit;
 * and the outputs of what is built are compared with those of the network before it was quantized: where they err by
 * more, all that is lowered besides is raised, and what is left is told as a warning (without a limit only where FP16
 * or BF16 are permitted). Q/DQ nodes of the network are obeyed whatever they cost. Errors: INVALID_ARGUMENT. */
NARU_API naru_status naru_builder_config_set_accuracy(naru_builder_config *config, double limit, naru_error *err);
/* Data to measure errors on: the first 8 batches. Must live until the last build is done; NULL: random data. */
NARU_API naru_status naru_builder_config_set_samples(naru_builder_config *config, const naru_samples *samples,
                                                     naru_error *err);

/* ---- precisions of layers ---- */
/* The highest first. */
typedef enum naru_precision {
    NARU_PRECISION_FP32,
    NARU_PRECISION_FP16,
    NARU_PRECISION_BF16,
    NARU_PRECISION_INT8, /* of layers that Q/DQ nodes or calibration quantize; it does not make them so */
    NARU_PRECISIONS
} naru_precision;
typedef enum naru_constraints {
    NARU_CONSTRAINTS_NONE,   /* what is asked of layers has no effect (a warning says so) */
    NARU_CONSTRAINTS_PREFER, /* what cannot be met is a warning "precision-not-met" */
    NARU_CONSTRAINTS_OBEY    /* (default) what cannot be met fails the build: UNSUPPORTED, with the layer and why */
} naru_constraints;
/* The precision of a node of the model, by its name, or that of its first output where it has none; or of all nodes
 * that a pattern with '*' and '?' matches. Permits that precision for them at every level. An exact name goes before a
 * pattern, later calls before earlier ones. Calibration quantizes no node of which another precision is asked. It is
 * checked after fusion: a layer that came from several nodes has the
 * highest precision asked of any of them. Nodes that only move values, views, and what is not floating point, round
 * nothing: they meet every precision; so do nodes that were folded away. A name or pattern that fits no node fails the
 * build: NOT_FOUND, with the nearest name. With an accuracy limit, obeying fails where the layer's error is larger. */
NARU_API naru_status naru_builder_config_set_layer_precision(naru_builder_config *config, const char *name,
                                                             naru_precision precision, naru_error *err);
/* The types of a node's outputs: one for all of them, or one each, up to 8. Layers hand on the types of the model: this
 * changes nothing, it only is checked, after fusion, as precisions are. */
NARU_API naru_status naru_builder_config_set_layer_output_types(naru_builder_config *config, const char *name,
                                                                const naru_dtype *types, size_t count, naru_error *err);
NARU_API naru_status naru_builder_config_set_constraints(naru_builder_config *config, naru_constraints constraints,
                                                         naru_error *err);

/* Builds. Notes and warnings (what could not be timed, what was lowered, what was not and why) and every unsupported
 * operator go to report (may be NULL). Errors: those of profiles and of naru_session_create, of precisions (above),
 * MISMATCH (the accuracy limit cannot hold with what must be lowered), CANCELLED. */
NARU_API naru_status naru_build(const naru_network *network, const naru_builder_config *config, naru_engine **out,
                                naru_report *report, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
