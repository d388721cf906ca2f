/* SPDX-License-Identifier: MIT
 *
 * Lowering (passes/lower.h) against the operators' own evaluation: every node case of the ONNX suite is lowered to
 * several opsets, written, read and lifted again, and must give what it gave before. lower.txt lists what is refused:
 * the opset, the reason, and in how many cases.
 *
 * usage: lower                    checks against the list
 *        lower --update           the same, and rewrites the list
 *        lower --case NAME [OPSET]    one case, with messages; its lowered text when an opset is given
 *        lower --write FOLDER     writes the lowered models, as FOLDER/CASE.OPSET.onnx, for other checkers
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/onnx/onnx.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "passes/lift.h"
#include "passes/lower.h"
#include "tensor/dtype.h"

enum { VALUES_MAX = 64, REASONS_MAX = 2000, SHOWN_MAX = 40 };
static const int64_t OPSETS[] = {13, 15, 17, 19, 21, 23, 28};
enum { OPSET_COUNT = sizeof OPSETS / sizeof OPSETS[0] };

typedef struct reason {
    char text[300]; /* "13 Gelu needs opset 20" */
    int cases;
    char example[120];
} reason;

static reason reasons[REASONS_MAX], listed[REASONS_MAX];
static int reason_count, listed_count, failures, lowered, refused;
static char suite_root[2048];
static const char *write_folder;
static bool verbose;

static void complain(const char *name, int64_t version, const char *what) {
    if (failures++ < SHOWN_MAX || verbose) printf("  %s at %lld: %s\n", name, (long long)version, what);
}

/* ---- reasons ---- */
static void count_reason(reason *list, int *count, const char *text, int cases, const char *example) {
    int i = 0;
    while (i < *count && strcmp(list[i].text, text) != 0) i++;
    if (i == REASONS_MAX) return;
    if (i == *count) {
        snprintf(list[i].text, sizeof list[i].text, "%s", text);
        snprintf(list[i].example, sizeof list[i].example, "%s", example);
        list[(*count)++].cases = 0;
    }
    list[i].cases += cases;
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const reason *)a)->text, ((const reason *)b)->text);
}

static void take_findings(const char *name, int64_t version, const naru_report *report, const naru_error *err) {
    naru_finding f = {.size = sizeof f};
    char text[300];
    size_t i = 0;
    for (; naru_report_get(report, i, &f) == NARU_OK; i++) {
        snprintf(text, sizeof text, "%lld %.280s", (long long)version, f.message);
        count_reason(reasons, &reason_count, text, 1, name);
        if (verbose) printf("  %s at %lld: %s: %s\n", name, (long long)version, f.where, f.message);
    }
    if (!i) complain(name, version, err->message);
}

static void list_path(char path[2200]) { snprintf(path, 2200, "%s/tests/onnx/lower.txt", NARU_SOURCE_DIR); }

static void read_list(void) {
    char path[2200], line[400];
    list_path(path);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        int cases = 0, at = 0;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || sscanf(line, "%d %n", &cases, &at) != 1) continue;
        count_reason(listed, &listed_count, line + at, cases, "");
    }
    if (f) fclose(f);
}

static void write_list(void) {
    char path[2200];
    list_path(path);
    FILE *f = fopen(path, "w");
    if (!f) return perror(path);
    fprintf(f, "# What cannot be lowered: cases, opset, reason. Written by build/tests/test_onnx_lower --update.\n");
    for (int i = 0; i < reason_count; i++) fprintf(f, "%d %s\n", reasons[i].cases, reasons[i].text);
    fclose(f);
}

static void compare_lists(void) {
    for (int i = 0, j = 0; i < reason_count || j < listed_count;) {
        int order = i == reason_count ? 1 : j == listed_count ? -1 : strcmp(reasons[i].text, listed[j].text);
        if (order < 0) complain(reasons[i].example, 0, reasons[i].text);
        else if (order > 0) complain("listed, but not refused any more", 0, listed[j].text);
        else if (reasons[i].cases != listed[j].cases) complain("refused in another number of cases", 0, listed[j].text);
        i += order <= 0;
        j += order >= 0;
    }
}

/* ---- running ---- */
typedef struct values {
    naru_value *at[VALUES_MAX];
    int count;
} values;

static void drop(values *v) {
    for (int i = 0; i < v->count; i++) value_unref(v->at[i]);
    v->count = 0;
}

static naru_kind kind_of(const value *v) {
    return v->declared.kind == TYPE_SEQUENCE   ? NARU_KIND_SEQUENCE
           : v->declared.kind == TYPE_OPTIONAL ? NARU_KIND_OPTIONAL
           : v->declared.kind == TYPE_MAP      ? NARU_KIND_MAP
                                               : NARU_KIND_TENSOR;
}

static bool load_inputs(const char *folder, const graph *g, values *in, naru_error *err) {
    in->count = g->main->nin;
    for (int i = 0; i < g->main->nin; i++) {
        char path[2600];
        in->at[i] = NULL;
        snprintf(path, sizeof path, "%s/input_%d.pb", folder, i);
        if (access(path, R_OK) != 0) continue;
        if (onnx_value_load(path, kind_of(g->main->in[i]), &in->at[i], err) != NARU_OK) return false;
    }
    return true;
}

/* An axis, a shape, pads: integer lists. The suite has them as inputs, exporters as constants: both are tried. */
static bool is_setting(const value *v) {
    const type *t = &v->declared;
    return t->kind == TYPE_TENSOR && t->has_rank && t->rank <= 1 && (t->dtype == NARU_INT64 || t->dtype == NARU_INT32);
}

static bool fix_settings(graph *g, values *in) {
    int kept = 0;
    for (int i = 0; i < g->main->nin; i++) {
        value *v = g->main->in[i];
        if (!in->at[i] || !is_setting(v)) {
            g->main->in[kept] = v;
            in->at[kept++] = in->at[i];
            continue;
        }
        v->is_input = false;
        v->constant = tensor_ref(in->at[i]->tensor);
        block_add_initializer(g->main, v);
        value_unref(in->at[i]);
    }
    bool some = kept < g->main->nin;
    g->main->nin = in->count = kept;
    return some;
}

static bool g_random;
static bool note_random(block *b, void *user) {
    for (node *n = b->first; n; n = n->next)
        if (n->op && (n->op->flags & OP_RANDOM)) g_random = true;
    return true;
}

/* Narrow floats are rounded after each operator of a composite, but once by the operator. */
static double tolerance(naru_dtype d) { return d == NARU_FLOAT16 ? 4e-3 : d == NARU_BFLOAT16 ? 0.04 : 2e-5; }

static bool agree(const naru_value *got, const naru_value *want, char *why, size_t size) {
    if (got->kind != want->kind) return snprintf(why, size, "another kind of value"), false;
    if (got->kind == NARU_KIND_TENSOR) {
        naru_comparison c = {.size = sizeof c};
        double tol = tolerance(want->tensor->dtype);
        if (g_random) return got->tensor->dtype == want->tensor->dtype && tensor_same_dims(got->tensor, want->tensor);
        naru_tensor_compare(got->tensor, want->tensor, tol, tol, &c, NULL);
        if (!c.equal) snprintf(why, size, "%s", c.message);
        return c.equal;
    }
    if (got->count != want->count) return snprintf(why, size, "another number of items"), false;
    for (size_t i = 0; i < got->count; i++)
        if (!agree(got->items[i], want->items[i], why, size)) return false;
    return true;
}

static bool evaluate(graph *g, const values *in, values *out, naru_error *err) {
    out->count = g->main->nout;
    return graph_evaluate(g, in->at, out->at, 1, err) == NARU_OK || (out->count = 0, false);
}

/* Lowers the lifted g; gives what the written form reads as, lifted. NULL: refused or complained. */
static graph *round_trip(const char *name, graph *g, int64_t version, naru_error *err, str *file) {
    naru_report *report = NULL;
    graph *back = NULL;
    if (naru_report_create(&report, err) != NARU_OK) return NULL;
    naru_status st = graph_lower(g, version, report, err);
    if (st != NARU_OK) {
        take_findings(name, version, report, err);
        refused += st == NARU_UNSUPPORTED;
    }
    naru_report_destroy(&report);
    if (st != NARU_OK) return NULL;
    st = graph_verify(g, err);
    if (st == NARU_OK) st = onnx_save_memory(g, file, err);
    if (st == NARU_OK && write_folder) {
        char path[2600];
        snprintf(path, sizeof path, "%s/%s.%lld.onnx", write_folder, name, (long long)version);
        st = onnx_save(g, path, false, err);
    }
    if (st == NARU_OK) st = onnx_load_memory(file->data, file->len, &back, err);
    if (st == NARU_OK && graph_opset(back, "") != version) st = err_set(err, NARU_INTERNAL, "another opset");
    if (st == NARU_OK) st = graph_lift(back, NULL, err);
    if (st == NARU_OK) st = graph_infer(back, NULL, NULL, err);
    if (st == NARU_OK) return back;
    complain(name, version, err->message);
    graph_free(back);
    return NULL;
}

/* AS_IS: the suite's model. FIXED: settings are constants. OPEN: the dims of all else are unknown, too. */
typedef enum variant { AS_IS, FIXED, OPEN, VARIANTS } variant;
static const char *const SUFFIX[] = {"", ".fixed", ".open"};

/* The inputs keep their rank only. */
static bool open_dims(graph *g) {
    bool some = false;
    for (int i = 0; i < g->main->nin; i++) {
        value *v = g->main->in[i];
        for (int d = 0; v->declared.kind == TYPE_TENSOR && v->declared.has_rank && d < v->declared.rank; d++) {
            v->declared.dims[d] = DIM_UNKNOWN;
            some = true;
        }
        v->raw_type = (bytes){NULL, 0};
    }
    for (int i = 0; i < g->main->nout; i++) { /* annotations that would not be true */
        type *t = &g->main->out[i]->declared;
        for (int d = 0; t->kind == TYPE_TENSOR && t->has_rank && d < t->rank; d++) t->dims[d] = DIM_UNKNOWN;
        g->main->out[i]->raw_type = (bytes){NULL, 0};
    }
    return some;
}

typedef struct test_case {
    const char *name;
    char folder[2300];
    variant how;
} test_case;

/* The lifted graph and its inputs. NULL: err. */
static graph *load(const test_case *k, values *in, bool *applies, naru_error *err) {
    char path[2400];
    graph *g = NULL;
    *applies = true;
    snprintf(path, sizeof path, "%s/model.onnx", k->folder);
    bool ok = onnx_load(path, false, &g, err) == NARU_OK && load_inputs(k->folder, g, in, err);
    if (ok && k->how != AS_IS) *applies = fix_settings(g, in);
    if (ok && k->how == OPEN) *applies = open_dims(g);
    if (ok && graph_lift(g, NULL, err) == NARU_OK) return g;
    graph_free(g);
    return NULL;
}

static void check_at(const test_case *k, const values *want, int64_t version) {
    naru_error err = NARU_ERROR_INIT;
    str file = {0};
    char why[400] = "", name[200];
    values in = {.count = 0};
    bool applies;
    snprintf(name, sizeof name, "%s%s", k->name, SUFFIX[k->how]);
    graph *g = load(k, &in, &applies, &err);
    if (!g) {
        complain(name, version, err.message);
        drop(&in);
        return;
    }
    graph *back = round_trip(name, g, version, &err, &file);
    values got = {.count = 0};
    if (back && verbose) {
        str text = {0};
        graph_print_full(back, 8, &text);
        fputs(str_text(&text), stdout);
        str_free(&text);
    }
    if (back && !evaluate(back, &in, &got, &err)) complain(name, version, err.message);
    for (int i = 0; i < got.count && i < want->count; i++)
        if (!agree(got.at[i], want->at[i], why, sizeof why)) complain(name, version, why);
    lowered += back != NULL;
    drop(&got);
    drop(&in);
    graph_free(back);
    graph_free(g);
    str_free(&file);
}

static void check_case(const char *name, variant how, const int64_t *versions, int count) {
    naru_error err = NARU_ERROR_INIT;
    values in = {.count = 0}, want = {.count = 0};
    test_case k = {.name = name, .how = how};
    bool applies;
    snprintf(k.folder, sizeof k.folder, "%s/node/%s", suite_root, name);
    g_random = false;
    graph *g = load(&k, &in, &applies, &err);
    bool ok = g && applies && evaluate(g, &in, &want, &err);
    if (g) graph_each_block(g, false, note_random, NULL);
    if (!ok && applies && verbose) printf("  %s: %s\n", name, err.message); /* the conformance test knows of it */
    for (int i = 0; ok && i < count; i++) check_at(&k, &want, versions[i]);
    drop(&in);
    drop(&want);
    graph_free(g);
}

static void check_variants(const char *name, const int64_t *versions, int count) {
    static const int64_t few[] = {13, 18};
    for (int v = 0; v < VARIANTS; v++) {
        bool short_list = v == OPEN && versions == OPSETS;
        check_case(name, (variant)v, short_list ? few : versions, short_list ? 2 : count);
    }
}

static bool find_suite(void) {
    char command[2200];
    snprintf(command, sizeof command, "%s/scripts/onnx-cases --dir", NARU_SOURCE_DIR);
    FILE *p = popen(command, "r");
    bool ok = p && fgets(suite_root, sizeof suite_root, p);
    if (p) pclose(p);
    suite_root[strcspn(suite_root, "\n")] = 0;
    return ok;
}

static void check_all(const char *filter) {
    char path[2200];
    snprintf(path, sizeof path, "%s/node", suite_root);
    DIR *dir = opendir(path);
    if (!dir) {
        printf("no suite at %s: run scripts/onnx-cases\n", suite_root);
        exit(77); /* skipped */
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.' && (!filter || strstr(e->d_name, filter)))
            check_variants(e->d_name, OPSETS, OPSET_COUNT);
    closedir(dir);
    qsort(reasons, (size_t)reason_count, sizeof reasons[0], by_text);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "", *operand = argc > 2 ? argv[2] : NULL;
    if (!find_suite()) return 2;
    if (strcmp(mode, "--case") == 0 && operand) {
        int64_t version = argc > 3 ? atoll(argv[3]) : 0;
        verbose = true;
        if (version) check_variants(operand, &version, 1);
        else check_all(operand);
        return failures != 0;
    }
    if (strcmp(mode, "--write") == 0) write_folder = operand;
    check_all(NULL);
    if (strcmp(mode, "--update") == 0) write_list();
    else if (!write_folder) {
        read_list();
        compare_lists();
    }
    printf("%d lowered, %d refused for %d reasons, %d failures\n", lowered, refused, reason_count, failures);
    return failures != 0;
}
