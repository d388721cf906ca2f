/* SPDX-License-Identifier: MIT
 *
 * naru info of a plan: what built it, its inputs with their profiles, its outputs, its layers by operator and tactic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"
#include "module.h"

typedef struct tally {
    const char *op, *tactic, *precision;
    int64_t count;
} tally;

static int by_count(const void *a, const void *b) {
    const tally *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    int c = strcmp(x->op, y->op);
    if (!c) c = strcmp(x->tactic, y->tactic);
    return c ? c : strcmp(x->precision, y->precision);
}

static tally *count_layers(const naru_engine *e, size_t *n) {
    naru_engine_info info = {.size = sizeof info};
    naru_layer l = {.size = sizeof l};
    naru_engine_get_info(e, &info);
    tally *t = take((info.layers + 1) * sizeof *t);
    *n = 0;
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) {
        size_t k = 0;
        while (k < *n && (strcmp(t[k].op, l.op) != 0 || strcmp(t[k].tactic, l.tactic) != 0 ||
                          strcmp(t[k].precision, l.precision) != 0))
            k++;
        if (k == *n) t[(*n)++] = (tally){l.op, l.tactic, l.precision, 0};
        t[k].count++;
    }
    if (*n) qsort(t, *n, sizeof *t, by_count);
    return t;
}

/* "1x3x200x200 / 1x3x224x224 / 4x3x240x240" */
static void range_text(const naru_engine *e, int profile, const char *input, char *buf, size_t size) {
    size_t at = 0;
    *buf = 0;
    for (int b = 0; b < 3 && at < size; b++) {
        int rank = -1;
        int64_t d[NARU_MAX_RANK];
        naru_engine_profile_dims(e, profile, input, (naru_select)b, &rank, d, NULL);
        at += (size_t)snprintf(buf + at, size - at, "%s%s", b ? " / " : "", rank < 0 ? "any" : rank ? "" : "scalar");
        for (int k = 0; k < rank && at < size; k++)
            at += (size_t)snprintf(buf + at, size - at, "%s%lld", k ? "x" : "", (long long)d[k]);
    }
}

static json_t *plan_json(const naru_engine *e, const naru_engine_info *info) {
    json_t *inputs = json_array(), *outputs = json_array(), *layers = json_array();
    ports in = engine_inputs(e), out = engine_outputs(e);
    for (size_t i = 0; i < in.count; i++) {
        json_t *profiles = json_array();
        for (int p = 0; p < naru_engine_profiles(e); p++) {
            char text[600];
            range_text(e, p, in.items[i].name, text, sizeof text);
            json_array_append_new(profiles, json_string(text));
        }
        json_array_append_new(inputs, json_pack("{ss ss so}", "name", utf8(in.items[i].name), "type",
                                                utf8(in.items[i].type), "profiles", profiles));
    }
    for (size_t i = 0; i < out.count; i++)
        json_array_append_new(outputs,
                              json_pack("{ss ss}", "name", utf8(out.items[i].name), "type", utf8(out.items[i].type)));
    size_t n;
    tally *t = count_layers(e, &n);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(layers, json_pack("{ss ss ss sI}", "op", utf8(t[i].op), "tactic", utf8(t[i].tactic),
                                                "precision", t[i].precision, "count", (json_int_t)t[i].count));
    free(t), free(in.items), free(out.items);
    return json_pack("{ss ss ss si sb sI sI sI sI so so so}", "format", "plan", "version", info->version, "cpu",
                     info->cpu, "level", info->level, "rebuilt", info->rebuilt, "layers", (json_int_t)info->layers,
                     "weight_bytes", (json_int_t)info->weight_bytes, "workspace_bytes",
                     (json_int_t)info->workspace_bytes, "file_bytes", (json_int_t)info->plan_bytes, "inputs", inputs,
                     "outputs", outputs, "tactics", layers);
}

static void print_plan(const char *path, const naru_engine *e, const naru_engine_info *info) {
    char a[32], b[32], c[32], text[600];
    ports in = engine_inputs(e), out = engine_outputs(e);
    printf("%s: plan of Naru %s, CPU level %s, optimization level %d\n", path, info->version, info->cpu, info->level);
    printf("inputs:\n");
    for (size_t i = 0; i < in.count; i++) {
        printf("  %-21s %s\n", in.items[i].name, in.items[i].type);
        for (int p = 0; p < naru_engine_profiles(e); p++) {
            range_text(e, p, in.items[i].name, text, sizeof text);
            printf("    profile %-11d %s\n", p, text);
        }
    }
    printf("outputs:\n");
    for (size_t i = 0; i < out.count; i++) printf("  %-21s %s\n", out.items[i].name, out.items[i].type);
    printf("memory:     weights %s, activations at most %s, file %s\n", size_text((double)info->weight_bytes, a),
           size_text((double)info->workspace_bytes, b), size_text((double)info->plan_bytes, c));
    printf("layers:     %zu\n", info->layers);
    size_t n;
    tally *t = count_layers(e, &n);
    for (size_t i = 0; i < n; i++)
        printf("  %5lld  %-18s %-9s %s\n", (long long)t[i].count, t[i].op, t[i].precision, t[i].tactic);
    if (info->error >= 0) printf("error:      %.3g against FP32\n", info->error);
    free(t), free(in.items), free(out.items);
}

int info_plan(const char *path, bool json) {
    naru_error err = NARU_ERROR_INIT;
    naru_engine *e;
    naru_report *r = NULL;
    naru_report_create(&r, NULL);
    naru_status st = naru_engine_load(path, NULL, NULL, &e, r, &err);
    print_findings(r, NARU_SEVERITY_NOTE);
    naru_report_destroy(&r);
    if (st != NARU_OK) return fail(&err);
    naru_engine_info info = {.size = sizeof info};
    naru_engine_get_info(e, &info);
    if (json) print_json(plan_json(e, &info));
    else print_plan(path, e, &info);
    naru_engine_destroy(&e);
    return CODE_OK;
}
