/* SPDX-License-Identifier: MIT
 *
 * naru_quantize: options checked, the cache file, the quantized graph as a model.
 */
#include "builder/quantize.h"

#include <unistd.h>

#include "api/model.h"
#include "base/file.h"
#include "formats/onnx/onnx.h"

struct naru_quantized {
    quant_result result;
    str file; /* what model views */
    naru_model *model;
    bool cache_read;
};

static naru_status check_options(const naru_quantize_options *o, naru_error *err) {
    if (o->form > NARU_QUANTIZE_WEIGHTS || o->calibrator > NARU_CALIBRATOR_MSE)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_quantize: unknown form or calibrator");
    if (o->activation != NARU_UINT8 && o->activation != NARU_INT8)
        return err_set(err, NARU_INVALID_ARGUMENT, "activations are uint8 or int8, not %s",
                       naru_dtype_name(o->activation));
    if (o->weight_bits != 8 && !(o->weight_bits == 4 && o->form == NARU_QUANTIZE_WEIGHTS))
        return err_set(err, NARU_INVALID_ARGUMENT, "weights have 8 bits, alone also 4, not %d", o->weight_bits);
    if (o->weight_bits == 4 && (o->block < 1 || o->block > 1 << 20))
        return err_set(err, NARU_INVALID_ARGUMENT, "the block of 4-bit weights is at least 1, not %lld",
                       (long long)o->block);
    if (!(o->percentile > 0 && o->percentile <= 100))
        return err_set(err, NARU_INVALID_ARGUMENT, "the percentile lies above 0 and up to 100, not %g", o->percentile);
    if (o->labels && o->labels->dtype == NARU_STRING)
        return err_set(err, NARU_INVALID_ARGUMENT, "labels are class numbers, not text");
    return NARU_OK;
}

/* ---- the cache ---- */
static naru_status read_cache(const naru_quantize_options *o, naru_quantized *q, bool samples, naru_report *report,
                              naru_error *err) {
    if (!o->cache || o->form != NARU_QUANTIZE_STATIC || access(o->cache, F_OK) != 0) return NARU_OK;
    file_map *m;
    TRY(file_map_open(o->cache, false, &m, err));
    calib_table *t = &q->result.ranges;
    naru_status st = calib_parse((const char *)m->data, m->size, t, err);
    file_map_unref(m);
    if (st != NARU_OK) return err_context(err, st, "%s", o->cache);
    q->cache_read = t->entries.count > 0;
    if (o->any_cache || t->calibrator == o->calibrator) return NARU_OK;
    if (!samples)
        return err_set(err, NARU_INVALID_ARGUMENT, "%s was made by another calibrator, and there are no samples",
                       o->cache);
    TRY(report_add(report, NARU_SEVERITY_WARNING, "cache-rejected", o->cache, "the ranges are collected again",
                   "the calibration cache was made by another calibrator"));
    calib_free(t);
    q->cache_read = false;
    return NARU_OK;
}

static naru_status write_cache(const naru_quantize_options *o, const naru_quantized *q, naru_error *err) {
    if (!o->cache || o->form != NARU_QUANTIZE_STATIC || q->cache_read) return NARU_OK;
    str s = {0};
    calib_print(&q->result.ranges, &s);
    naru_status st = s.failed ? err_oom(err) : file_write(o->cache, s.data, s.len, err);
    str_free(&s);
    return st;
}

/* ---- the call ---- */
typedef struct prepared {
    const naru_model *model;
    int64_t least; /* opset that the form needs */
    naru_report *report;
} prepared;

static naru_status read_prepared(void *user, graph **out, naru_error *err) {
    prepared *p = user;
    TRY(model_read(p->model, out, err));
    naru_status st = quant_prepare(*out, p->least, p->report, err);
    p->report = NULL; /* it is read many times, and told once */
    if (st == NARU_OK) return NARU_OK;
    graph_free(*out);
    *out = NULL;
    return st;
}

static naru_status quantize(const naru_model *m, const naru_quantize_options *o, const naru_samples *samples,
                            naru_quantized *q, naru_report *report, naru_error *err) {
    int64_t least = o->form == NARU_QUANTIZE_WEIGHTS && o->weight_bits == 4 ? 21 : 13;
    prepared p = {m, least, report};
    graph_source source = {read_prepared, &p};
    sample_source data = {samples ? samples->batch : NULL, samples ? samples->user : NULL};
    TRY(read_cache(o, q, samples, report, err));
    TRY(quantize_model(&source, o, samples ? &data : NULL, &q->result, err));
    TRY(write_cache(o, q, err));
    q->result.graph->producer_name = "naru";
    q->result.graph->producer_version = NARU_VERSION;
    TRY(onnx_save_memory(q->result.graph, &q->file, err));
    return naru_model_load_memory(q->file.data, q->file.len, &q->model, err);
}

naru_status naru_quantize(const naru_model *model, const naru_quantize_options *options, const naru_samples *samples,
                          naru_quantized **out, naru_report *report, naru_error *err) {
    static const naru_quantize_options defaults = NARU_QUANTIZE_OPTIONS_INIT;
    const naru_quantize_options *o = options ? options : &defaults;
    if (!model || !out || (samples && !samples->batch))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_quantize: NULL argument");
    *out = NULL;
    TRY(check_options(o, err));
    naru_quantized *q = mem_calloc(1, sizeof *q);
    naru_status st = q ? quantize(model, o, samples, q, report, err) : err_oom(err);
    if (st == NARU_OK) *out = q;
    else naru_quantized_destroy(&q);
    return st == NARU_OK || !model->path ? st : err_context(err, st, "%s", model->path);
}

void naru_quantized_destroy(naru_quantized **quantized) {
    if (!quantized || !*quantized) return;
    naru_quantized *q = *quantized;
    naru_model_destroy(&q->model);
    quant_result_free(&q->result);
    str_free(&q->file);
    mem_free(q);
    *quantized = NULL;
}

const naru_model *naru_quantized_model(const naru_quantized *q) { return q ? q->model : NULL; }

naru_status naru_quantized_get_info(const naru_quantized *q, naru_quantized_info *out) {
    if (!q || !out) return NARU_INVALID_ARGUMENT;
    const quant_result *r = &q->result;
    *out = (naru_quantized_info){.size = sizeof *out,
                                 .layers = r->layers.count,
                                 .cache_read = q->cache_read,
                                 .compared = r->compared,
                                 .sqnr = r->sqnr,
                                 .accuracy_float = r->accuracy_float,
                                 .accuracy = r->accuracy,
                                 .met = r->met};
    for (size_t i = 0; i < r->layers.count; i++) out->kept += !r->layers.data[i].quantized;
    return NARU_OK;
}

naru_status naru_quantized_get_layer(const naru_quantized *q, size_t index, naru_quantized_layer *out) {
    if (!q || !out) return NARU_INVALID_ARGUMENT;
    if (index >= q->result.layers.count) return NARU_NOT_FOUND;
    const quant_layer *l = &q->result.layers.data[index];
    *out = (naru_quantized_layer){sizeof *out, l->name, l->op, l->output, l->quantized, l->sqnr, l->why};
    return NARU_OK;
}
