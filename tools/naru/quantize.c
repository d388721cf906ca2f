/* SPDX-License-Identifier: MIT
 *
 * naru quantize: an ONNX model with int8 arithmetic, from samples; what each layer lost by it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

typedef struct quantize_args {
    const char *path, *output, *data, *calibrator, *activation, *labels;
    text_list exclude;
    int64_t weight_only, batch, threads;
    bool dynamic, json, external, weights_given, loss_given;
    naru_quantize_options o;
} quantize_args;

static const char *const calibrators[] = {"entropy", "minmax", "percentile", "mse"};
enum { CALIBRATORS = sizeof calibrators / sizeof calibrators[0] };

/* ---- telling ---- */
static const char *db_text(double v, char buf[32]) {
    if (isnan(v)) snprintf(buf, 32, "-");
    else if (isinf(v)) snprintf(buf, 32, "exact");
    else snprintf(buf, 32, "%.1f dB", v);
    return buf;
}

static void tell_layers(const naru_quantized *q) {
    naru_quantized_layer l = {.size = sizeof l};
    char db[32];
    printf("%-10s  %-18s  %s\n", "SQNR", "operator", "layer");
    for (size_t i = 0; naru_quantized_get_layer(q, i, &l) == NARU_OK; i++)
        printf("%-10s  %-18s  %s%s%s%s\n", db_text(l.sqnr, db), l.op, l.name, l.quantized ? "" : "  (float: ", l.why,
               l.quantized ? "" : ")");
}

static void tell(const quantize_args *a, const naru_quantized *q) {
    naru_quantized_info info = {.size = sizeof info};
    char db[32];
    naru_quantized_get_info(q, &info);
    if (a->o.report) tell_layers(q);
    printf("%s: %zu of %zu layers quantized", a->output, info.layers - info.kept, info.layers);
    if (info.cache_read) printf(", ranges from %s", a->o.cache);
    if (info.compared) printf(", SQNR %s", db_text(info.sqnr, db));
    if (info.accuracy >= 0) printf(", accuracy %.2f%% (float: %.2f%%)", 100 * info.accuracy, 100 * info.accuracy_float);
    printf("\n");
    if (!info.met) printf("the target is not met\n");
}

static json_t *layers_json(const naru_quantized *q) {
    json_t *list = json_array();
    naru_quantized_layer l = {.size = sizeof l};
    for (size_t i = 0; naru_quantized_get_layer(q, i, &l) == NARU_OK; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:s, s:o}", "name", utf8(l.name), "op", utf8(l.op),
                                              "output", utf8(l.output), "quantized", l.quantized, "why", utf8(l.why),
                                              "sqnr", json_number(l.sqnr)));
    return list;
}

static void tell_json(const quantize_args *a, const naru_quantized *q) {
    naru_quantized_info info = {.size = sizeof info};
    naru_quantized_get_info(q, &info);
    json_t *root = json_pack("{s:s, s:I, s:I, s:b, s:b, s:o}", "output", utf8(a->output), "layers",
                             (json_int_t)info.layers, "kept", (json_int_t)info.kept, "cache_read", info.cache_read,
                             "met", info.met, "sqnr", info.compared ? json_number(info.sqnr) : json_null());
    if (info.accuracy >= 0) {
        json_object_set_new(root, "accuracy", json_number(info.accuracy));
        json_object_set_new(root, "accuracy_float", json_number(info.accuracy_float));
    }
    json_object_set_new(root, "by_layer", layers_json(q));
    print_json(root);
}

/* ---- doing ---- */
static int quantize(quantize_args *a) {
    naru_error err = NARU_ERROR_INIT;
    naru_model *m = NULL;
    naru_quantized *q = NULL;
    naru_report *report = NULL;
    naru_tensor *labels = NULL;
    naru_samples samples = {.size = sizeof samples};
    naru_quantized_info info = {.size = sizeof info};
    naru_status st = naru_report_create(&report, &err);
    if (st == NARU_OK) st = naru_model_load(a->path, NULL, &m, &err);
    if (st == NARU_OK && a->data) st = naru_samples_open(a->data, m, a->batch, &samples, &err);
    if (st == NARU_OK && a->labels) st = naru_tensor_load(a->labels, &labels, &err);
    a->o.labels = labels;
    a->o.exclude = a->exclude.items;
    a->o.nexclude = a->exclude.count;
    if (st == NARU_OK) st = naru_quantize(m, &a->o, a->data ? &samples : NULL, &q, report, &err);
    print_findings(report, NARU_SEVERITY_WARNING);
    if (st == NARU_OK) st = naru_model_save(naru_quantized_model(q), a->output, a->external, &err);
    if (st == NARU_OK) (a->json ? tell_json : tell)(a, q);
    naru_quantized_get_info(q, &info);
    int code = st != NARU_OK ? fail(&err) : info.met ? CODE_OK : CODE_NO;
    naru_quantized_destroy(&q);
    naru_samples_close(&samples);
    naru_tensor_destroy(&labels);
    naru_model_destroy(&m);
    naru_report_destroy(&report);
    return code;
}

/* ---- the command line ---- */
static int read_choices(quantize_args *a) {
    static const char verb[] = "quantize";
    a->o.any_cache = !a->calibrator;
    if (a->calibrator) {
        int k = 0;
        while (k < CALIBRATORS && strcmp(calibrators[k], a->calibrator) != 0) k++;
        if (k == CALIBRATORS)
            return usage(verb, "--calibrator is entropy, minmax, percentile or mse, not '%s'", a->calibrator);
        a->o.calibrator = (naru_calibrator)k;
    }
    if (a->activation) {
        bool s8 = strcmp(a->activation, "s8") == 0;
        if (!s8 && strcmp(a->activation, "u8") != 0)
            return usage(verb, "--activation is u8 or s8, not '%s'", a->activation);
        a->o.activation = s8 ? NARU_INT8 : NARU_UINT8;
    }
    if (a->dynamic && a->weights_given) return usage(verb, "--dynamic and --weight-only are two forms; which one?");
    if (a->dynamic) a->o.form = NARU_QUANTIZE_DYNAMIC;
    if (a->weights_given) {
        if (a->weight_only != 4 && a->weight_only != 8) return usage(verb, "--weight-only is 4 or 8");
        a->o.form = NARU_QUANTIZE_WEIGHTS;
        a->o.weight_bits = (int)a->weight_only;
    }
    return -1;
}

static int check(quantize_args *a) {
    static const char verb[] = "quantize";
    if (!a->output) return usage(verb, "--output is missing");
    int code = need_onnx(a->path);
    if (code < 0) code = read_choices(a);
    if (code >= 0) return code;
    bool compares = a->o.report || a->o.target_sqnr > 0 || a->labels;
    if (a->loss_given && !a->labels) return usage(verb, "--max-loss needs --labels");
    if (!a->data && a->o.form == NARU_QUANTIZE_STATIC && !a->o.cache)
        return usage(verb, "--calib-data or --calib is missing; --dynamic and --weight-only need neither");
    if (!a->data && compares) return usage(verb, "comparing with the float model needs --calib-data");
    if (!(a->o.percentile > 0 && a->o.percentile <= 100)) return usage(verb, "--percentile lies above 0 and up to 100");
    a->o.threads = (int)a->threads;
    return -1;
}

int cmd_quantize(int argc, char **argv) {
    static const command c = {
        "quantize",
        "MODEL.onnx --calib-data FILE.npz|DIR --output OUT.onnx",
        "Writes an ONNX model that computes in 8 bits: QuantizeLinear and DequantizeLinear around its layers.",
        "The samples are an array per input (in FILE.npz, or DIR/INPUT.npy), whose first axis counts them. --calib "
        "reads\n"
        "TensorRT's calibration cache when the file is there, else writes it. With a target, the layers that cost "
        "most\n"
        "stay float until it is met; exit code 1 when it cannot be.",
        1,
        false};
    quantize_args a = {.o = NARU_QUANTIZE_OPTIONS_INIT};
    const arg args[] = {
        {"output", "FILE", "the file to write; -o FILE is the same", ARG_TEXT, &a.output, NULL, 0},
        {"calib-data", "FILE|DIR", "samples: .npz, or a folder of .npy files", ARG_TEXT, &a.data, NULL, 0},
        {"calib", "FILE", "calibration cache, read or written", ARG_TEXT, &a.o.cache, NULL, 0},
        {"calibrator", "NAME", "minmax (default), entropy, percentile, mse", ARG_TEXT, &a.calibrator, NULL, 0},
        {"percentile", "P", "of --calibrator percentile (99.999)", ARG_REAL, &a.o.percentile, NULL, 0},
        {"activation", "TYPE", "u8, asymmetric (default), or s8, symmetric", ARG_TEXT, &a.activation, NULL, 0},
        {"per-channel", NULL, "weights by output channel", ARG_FLAG, &a.o.per_channel, NULL, 0},
        {"inputs-only", NULL, "Q and DQ only before layers with constant weights, as TensorRT wants them", ARG_FLAG,
         &a.o.inputs_only, NULL, 0},
        {"exclude", "NAME", "a node, output or operator type that stays float; repeatable", ARG_TEXTS, &a.exclude, NULL,
         0},
        {"dynamic", NULL, "int8 weights, activations quantized as they come", ARG_FLAG, &a.dynamic, NULL, 0},
        {"weight-only", "BITS", "only weights, in 8 or 4 bits", ARG_INT, &a.weight_only, &a.weights_given, 1},
        {"block", "N", "4 bits: weights that share a scale (32)", ARG_INT, &a.o.block, NULL, 1},
        {"target-sqnr", "DB", "signal to noise that the outputs must keep", ARG_REAL, &a.o.target_sqnr, NULL, 0},
        {"labels", "FILE", "class of each sample: .npy or FILE.npz:KEY", ARG_TEXT, &a.labels, NULL, 0},
        {"max-loss", "POINTS", "accuracy that may be lost, in percent points", ARG_REAL, &a.o.max_loss, &a.loss_given,
         0},
        {"batch", "N", "samples in a batch (32)", ARG_INT, &a.batch, NULL, 1},
        {"threads", "N", "threads (all)", ARG_INT, &a.threads, NULL, 1},
        {"external", NULL, "weights of 1 KiB and more go to FILE.data", ARG_FLAG, &a.external, NULL, 0},
        {"report", NULL, "compare each layer with the float model", ARG_FLAG, &a.o.report, NULL, 0},
        {"json", NULL, "the same as JSON", ARG_FLAG, &a.json, NULL, 0}};
    int code = args_parse(&c, args, sizeof args / sizeof args[0], NULL, argc, argv, &a.path);
    if (code >= 0) return code;
    code = check(&a);
    if (code < 0) code = quantize(&a);
    free(a.exclude.items);
    return code;
}
