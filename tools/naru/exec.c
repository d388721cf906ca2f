/* SPDX-License-Identifier: MIT
 *
 * naru exec, also by the name of naruexec: what trtexec is to TensorRT. Exit code 0 for PASSED, 1 for FAILED.
 */
#include <stdio.h>
#include <string.h>

#include "exec.h"

static void banner(const char *what, int argc, char **argv) {
    printf("&&&& %s Naru.exec [Naru v%s] # naru exec", what, naru_version());
    for (int i = 0; i < argc; i++) printf(" %s", argv[i]);
    printf("\n");
    fflush(stdout);
}

static void echo_options(const exec_args *a) {
    log_info("=== Model Options ===");
    log_info("Format: %s", given(a, EXEC_loadEngine) ? "*" : "ONNX");
    log_info("Model: %s", given(a, EXEC_loadEngine) ? "" : a->value[EXEC_onnx]);
    log_info("=== Build Options ===");
    log_info("builderOptimizationLevel: %lld", (long long)a->level);
    log_info("Precision: FP32%s%s%s", given(a, EXEC_fp16) || given(a, EXEC_best) ? "+FP16" : "",
             given(a, EXEC_bf16) || given(a, EXEC_best) ? "+BF16" : "", exec_wants_int8(a) ? "+INT8" : "");
    if (given(a, EXEC_accuracy)) log_info("Accuracy: errors up to %g", a->accuracy);
    log_info("Save engine: %s", given(a, EXEC_saveEngine) ? a->value[EXEC_saveEngine] : "");
    log_info("Load engine: %s", given(a, EXEC_loadEngine) ? a->value[EXEC_loadEngine] : "");
    for (int i = 0; i < a->nprofiles; i++)
        for (int b = 0; b < 3; b++)
            if (a->profiles[i].bound[b])
                log_info("Profile %d %s: %s", i, b == 0 ? "min" : b == 1 ? "opt" : "max", a->profiles[i].bound[b]);
    log_info("=== Inference Options ===");
    log_info("Iterations: %lld", (long long)a->iterations);
    log_info("Duration: %gs (+ %gms warm up)", a->duration, a->warm_up);
    log_info("Inference Streams: %lld", (long long)a->streams);
}

static void echo_device(const naru_engine *e) {
    naru_engine_info info = {.size = sizeof info};
    naru_engine_get_info(e, &info);
    log_info("=== Device Information ===");
    log_info("Selected Device: CPU, level %s, %d thread%s", info.cpu, info.threads, info.threads == 1 ? "" : "s");
    log_info("Engine: %zu layers, weights %.6g MiB, activations at most %.6g MiB", info.layers,
             (double)info.weight_bytes / 1048576, (double)info.workspace_bytes / 1048576);
}

static bool infer(const exec_args *a, naru_engine *e) {
    exec_run r = {.args = a, .engine = e};
    bool profiled = given(a, EXEC_dumpProfile) || given(a, EXEC_exportProfile);
    bool ok = exec_prepare(&r) && exec_measure(&r);
    if (ok) report_performance(&r);
    if (ok) ok = report_outputs(&r);
    if (ok && given(a, EXEC_exportTimes)) ok = export_times(&r);
    if (ok && profiled) ok = exec_profile(&r);
    if (ok && given(a, EXEC_dumpProfile)) report_profile(&r);
    if (ok && given(a, EXEC_exportProfile)) ok = export_profile(&r);
    exec_run_free(&r);
    return ok;
}

static bool plan_version(const naru_engine *e) {
    naru_engine_info info = {.size = sizeof info};
    naru_engine_get_info(e, &info);
    log_info("The plan was built by Naru %s", info.version);
    return true;
}

static bool run_all(const exec_args *a) {
    echo_options(a);
    naru_engine *e = exec_engine(a);
    if (!e) return false;
    echo_device(e);
    bool ok = exec_refit(a, e) && report_layers(a, e);
    if (ok && given(a, EXEC_dumpOptimizationProfile)) report_profiles(e);
    if (given(a, EXEC_getPlanVersionOnly)) ok = ok && plan_version(e);
    else if (given(a, EXEC_timeDeserialize)) log_info("Stopped after measuring the load");
    else if (given(a, EXEC_skipInference)) log_info("Skipped inference phase since --skipInference is added.");
    else ok = ok && infer(a, e);
    naru_engine_destroy(&e);
    return ok;
}

int cmd_exec(int argc, char **argv) {
    exec_args a = {0};
    bool done, ok;
    banner("RUNNING", argc, argv);
    naru_options_create(&a.options, NULL);
    ok = exec_parse(argc, argv, &a, &done);
    if (ok && !done) ok = run_all(&a);
    naru_options_destroy(&a.options);
    if (!given(&a, EXEC_help)) banner(ok ? "PASSED" : "FAILED", argc, argv);
    return ok ? CODE_OK : CODE_NO;
}
