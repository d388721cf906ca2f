/* SPDX-License-Identifier: MIT
 *
 * Modules on the command line (module.h), and `naru verify` for them: recorded calls in JSON, made in order on one
 * module, or arrays of an .npz.
 */
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool is_module_file(const char *path) {
    static const char *const endings[] = {".pt", ".ptl", ".pth", ".pt2", ".jit"};
    unsigned char b[4] = {0};
    struct stat sb;
    FILE *f = stat(path, &sb) == 0 && S_ISREG(sb.st_mode) ? fopen(path, "rb") : NULL; /* a pipe would keep us waiting */
    size_t n = f ? fread(b, 1, sizeof b, f) : 0, length = strlen(path);
    if (f) fclose(f);
    if (n == 4 && ((b[0] == 'P' && b[1] == 'K' && b[2] == 3 && b[3] == 4) || (b[0] == 0x80 && b[1] == 2))) return true;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (length > strlen(endings[i]) && strcmp(path + length - strlen(endings[i]), endings[i]) == 0) return true;
    return false;
}

int need_onnx(const char *path) {
    if (is_module_file(path))
        return fail_text(CODE_UNSUPPORTED, "%s: no ONNX model; 'naru export' writes one of a TorchScript module", path);
    if (naru_is_plan(path)) return fail_text(CODE_UNSUPPORTED, "%s: a plan, no ONNX model", path);
    return -1;
}

int load_module(const char *path, const naru_options *options, naru_module **out) {
    naru_error err = NARU_ERROR_INIT;
    return naru_module_load(path, options, out, &err) == NARU_OK ? -1 : fail(&err);
}

int fail_module(naru_module *m, const naru_error *err) {
    char *trace = NULL;
    if (err->code == NARU_SCRIPT && naru_module_traceback(m, &trace, NULL) == NARU_OK && *trace)
        fprintf(stderr, "%s\n", trace);
    naru_text_free(&trace);
    return fail(err);
}

/* ---- flattening ---- */
static void push(naru_value ***out, size_t *count, naru_tensor *t) {
    naru_value *v = NULL;
    if (t && naru_value_from_tensor(t, &v, NULL) == NARU_OK) {
        *out = regrow(*out, (*count + 1) * sizeof **out);
        (*out)[(*count)++] = v;
    }
    naru_tensor_destroy(&t);
}

static naru_tensor *number_tensor(const naru_ivalue *v) {
    naru_ikind k = naru_ivalue_kind(v);
    naru_dtype d = k == NARU_I_BOOL ? NARU_BOOL : k == NARU_I_INT ? NARU_INT64 : NARU_DOUBLE;
    naru_tensor *t = NULL;
    if (naru_tensor_create(d, 0, NULL, &t, NULL) != NARU_OK) return NULL;
    if (d == NARU_BOOL) *(bool *)naru_tensor_data(t) = naru_ivalue_to_bool(v);
    else if (d == NARU_INT64) *(int64_t *)naru_tensor_data(t) = naru_ivalue_to_int(v);
    else *(double *)naru_tensor_data(t) = naru_ivalue_to_double(v);
    return t;
}

void flatten_result(const naru_ivalue *v, naru_value ***out, size_t *count) {
    switch (naru_ivalue_kind(v)) {
    case NARU_I_TENSOR: push(out, count, naru_ivalue_to_tensor(v)); break;
    case NARU_I_BOOL:
    case NARU_I_INT:
    case NARU_I_DOUBLE: push(out, count, number_tensor(v)); break;
    case NARU_I_LIST:
    case NARU_I_TUPLE:
    case NARU_I_DICT:
        for (size_t i = 0; i < naru_ivalue_count(v); i++) {
            naru_ivalue *x = naru_ivalue_item(v, i);
            flatten_result(x, out, count);
            naru_ivalue_destroy(&x);
        }
        break;
    default: break;
    }
}

/* ---- verify ---- */
typedef struct checker {
    const verify_args *args;
    naru_module *m;
    const char *method;
    naru_npz *npz;
    json_t *told; /* NULL: text */
    size_t calls, bad;
    double worst;
} checker;

static void tell(checker *k, const char *call, bool ok, const char *text) {
    k->bad += !ok;
    if (k->told)
        json_array_append_new(k->told, json_pack("{ss sb ss}", "call", utf8(call), "ok", ok, "message", utf8(text)));
    else printf("%s  call %s: %s\n", ok ? "ok       " : "DIFFERENT", call, text);
}

/* Text behind an exception's name, without spaces at its end. */
static size_t behind_name(const char **text) {
    const char *colon = strchr(*text, ':');
    if (colon && strchr(*text, ' ') != *text && (colon[1] == ' ' || !colon[1]))
        *text = colon[1] ? colon + 2 : colon + 1;
    size_t n = strlen(*text);
    while (n && (*text)[n - 1] == ' ') n--;
    return n;
}

/* PyTorch's last line: what stands after the exception's name is compared, when there is something. Its versions differ
 * in what they put before it ("mm: "). */
static bool raised_as(const char *got, const char *want, char *why, size_t size) {
    const char *text = want, *ours = got;
    size_t n = behind_name(&text), m = behind_name(&ours);
    if (n == 0 || (m >= n && memcmp(ours + m - n, text, n) == 0)) {
        snprintf(why, size, "raises: %.300s", got);
        return true;
    }
    snprintf(why, size, "raised \"%.200s\", want \"%.200s\"", got, want);
    return false;
}

/* The same tensors in containers of its own: PyTorch calls with copies of lists and dicts, so that its recordings show
 * what became of the tensors in them, and not what the call did to the containers. NULL: out of memory. */
static naru_ivalue *as_recorded(naru_ivalue *v) {
    naru_ikind kind = naru_ivalue_kind(v);
    if (kind != NARU_I_LIST && kind != NARU_I_TUPLE && kind != NARU_I_DICT) return naru_ivalue_retain(v);
    size_t n = naru_ivalue_count(v);
    naru_ivalue **keys = take((2 * n + 1) * sizeof *keys), **items = keys + n, *out = NULL;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        naru_ivalue *x = naru_ivalue_item(v, i);
        keys[i] = kind == NARU_I_DICT ? naru_ivalue_key(v, i) : NULL;
        items[i] = x ? as_recorded(x) : NULL;
        ok = ok && items[i];
        naru_ivalue_destroy(&x);
    }
    if (ok && kind == NARU_I_DICT) naru_ivalue_dict(keys, items, n, &out, NULL);
    else if (ok) (kind == NARU_I_LIST ? naru_ivalue_list : naru_ivalue_tuple)(items, n, &out, NULL);
    for (size_t i = 0; i < 2 * n; i++) naru_ivalue_destroy(&keys[i]);
    free(keys);
    return out;
}

static bool args_after(checker *k, naru_ivalue *const *args, const json_t *after, char *why, size_t size) {
    char inner[400];
    for (size_t i = 0; i < json_array_size(after); i++)
        if (!ivalue_agrees(args[i], json_array_get(after, i), k->npz, k->args, &k->worst, inner, sizeof inner)) {
            snprintf(why, size, "argument %zu afterwards: %.300s", i, inner);
            return false;
        }
    return true;
}

static bool call_agrees(checker *k, const json_t *call, naru_ivalue *const *args, naru_ivalue *const *seen, size_t n,
                        char *why, size_t size) {
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *out = NULL;
    const char *method = json_string_value(json_object_get(call, "method"));
    const char *raises = json_string_value(json_object_get(call, "raises"));
    naru_status st = naru_module_call(k->m, k->method ? k->method : method, n, args, &out, &err);
    double before = k->worst;
    bool ok;
    if (st != NARU_OK) {
        ok = raises && (st == NARU_SCRIPT || st == NARU_SHAPE || st == NARU_TYPE) &&
             raised_as(err.message, raises, why, size);
        if (!raises) snprintf(why, size, "%.400s", err.message);
        else if (!ok && st != NARU_SCRIPT) snprintf(why, size, "failed: %.300s; want \"%.100s\"", err.message, raises);
    } else if (raises) {
        ok = false;
        snprintf(why, size, "returned, but PyTorch raises \"%.200s\"", raises);
    } else {
        k->worst = 0;
        ok = ivalue_agrees(out, json_object_get(call, "result"), k->npz, k->args, &k->worst, why, size) &&
             args_after(k, seen, json_object_get(call, "args_after"), why, size);
        if (ok) snprintf(why, size, "worst difference %.3g", k->worst);
        if (before > k->worst) k->worst = before;
    }
    naru_ivalue_destroy(&out);
    return ok;
}

static int check_json(checker *k, const json_t *root) {
    const json_t *calls = json_object_get(root, "calls");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i), *list = json_object_get(call, "args");
        size_t n = json_array_size(list), made = 0;
        naru_ivalue **args = take((2 * n + 1) * sizeof *args), **seen = args + n;
        naru_error err = NARU_ERROR_INIT;
        char why[600] = "", name[32];
        while (made < n && ivalue_from_json(json_array_get(list, made), k->npz, &args[made], &err) == NARU_OK) made++;
        bool ok = made == n;
        for (size_t a = 0; ok && a < n; a++) ok = (seen[a] = as_recorded(args[a])) != NULL;
        ok = ok && call_agrees(k, call, args, seen, n, why, sizeof why);
        snprintf(name, sizeof name, "%zu", i);
        tell(k, name, ok, made == n ? why : err.message);
        k->calls++;
        for (size_t a = 0; a < 2 * n; a++) naru_ivalue_destroy(&args[a]);
        free(args);
    }
    return -1;
}

/* cK_in_NAME: by name where the method has such an argument, else by position. */
static int check_npz_call(checker *k, int64_t call) {
    char prefix[40], why[1100];
    const char *names[64];
    naru_ivalue *args[64];
    size_t nin = 0, nout = 0, count = 0;
    naru_value **outs = NULL;
    naru_error err = NARU_ERROR_INIT;
    snprintf(prefix, sizeof prefix, "c%lld_in_", (long long)call);
    for (size_t i = 0; i < naru_npz_count(k->npz) && nin < 64; i++) {
        const char *key = naru_npz_key(k->npz, i);
        naru_tensor *t;
        if (strncmp(key, prefix, strlen(prefix)) != 0) continue;
        if (naru_npz_read(k->npz, key, &t, &err) != NARU_OK) return fail(&err);
        names[nin] = key + strlen(prefix);
        if (naru_ivalue_tensor(t, &args[nin], &err) == NARU_OK) nin++;
        naru_tensor_destroy(&t);
    }
    if (!nin) return CODE_NO;
    const char *method = k->method ? k->method : "forward";
    bool by_name = true;
    for (size_t i = 0; i < nin; i++) {
        bool found = false;
        const char *name;
        for (size_t a = 0; naru_module_argument(k->m, method, a, &name, NULL, NULL, NULL) == NARU_OK; a++)
            found = found || strcmp(name, names[i]) == 0;
        by_name = by_name && found;
    }
    naru_ivalue *result = NULL;
    naru_status st = naru_module_call_named(k->m, method, nin, by_name ? names : NULL, args, &result, &err);
    for (size_t i = 0; i < nin; i++) naru_ivalue_destroy(&args[i]);
    char label[300];
    snprintf(label, sizeof label, "%lld", (long long)call);
    k->calls++;
    if (st != NARU_OK) {
        tell(k, label, false, err.message);
        return -1;
    }
    flatten_result(result, &outs, &count);
    naru_ivalue_destroy(&result);
    snprintf(prefix, sizeof prefix, "c%lld_out_", (long long)call);
    for (size_t i = 0; i < naru_npz_count(k->npz); i++) {
        const char *key = naru_npz_key(k->npz, i);
        naru_tensor *want = NULL;
        if (strncmp(key, prefix, strlen(prefix)) != 0) continue;
        naru_comparison c = {.size = sizeof c};
        st = nout < count ? naru_npz_read(k->npz, key, &want, &err) : NARU_OK;
        if (st == NARU_OK && want)
            st = naru_tensor_compare(naru_value_tensor(outs[nout]), want, k->args->rtol, k->args->atol, &c, &err);
        snprintf(label, sizeof label, "%lld  %s", (long long)call, key + strlen(prefix));
        snprintf(why, sizeof why, "%s",
                 nout >= count   ? "the method returns fewer tensors"
                 : st == NARU_OK ? c.message
                                 : err.message);
        if (c.worst_abs > k->worst) k->worst = c.worst_abs;
        tell(k, label, nout < count && st == NARU_OK && c.equal, why);
        naru_tensor_destroy(&want);
        nout++;
    }
    for (size_t i = 0; i < count; i++) naru_value_destroy(&outs[i]);
    free(outs);
    return -1;
}

static int check_npz(checker *k) {
    for (int64_t call = 0;; call++) {
        bool wanted = k->args->calls.count == 0, any = false;
        char prefix[40];
        snprintf(prefix, sizeof prefix, "c%lld_in_", (long long)call);
        for (size_t i = 0; i < naru_npz_count(k->npz); i++)
            any = any || strncmp(naru_npz_key(k->npz, i), prefix, strlen(prefix)) == 0;
        if (!any) return -1;
        for (size_t i = 0; i < k->args->calls.count; i++) wanted = wanted || k->args->calls.items[i] == call;
        int code = wanted ? check_npz_call(k, call) : -1;
        if (code >= 0) return code;
    }
}

static int conclude(checker *k) {
    bool ok = k->bad == 0 && k->calls > 0;
    if (k->told)
        print_json(json_pack("{sb sI sI so sO}", "ok", ok, "calls_made", (json_int_t)k->calls, "disagreeing",
                             (json_int_t)k->bad, "worst_abs", json_number(k->worst), "calls", k->told));
    else
        printf("%s: %zu call%s, worst difference %.3g (rtol %g, atol %g)\n", ok ? "agrees" : "DISAGREES", k->calls,
               k->calls == 1 ? "" : "s", k->worst, k->args->rtol, k->args->atol);
    json_decref(k->told);
    return ok ? CODE_OK : CODE_NO;
}

static int check_reference(checker *k) {
    const char *ref = k->args->reference;
    size_t n = strlen(ref);
    naru_error err = NARU_ERROR_INIT;
    if (n > 4 && strcmp(ref + n - 4, ".npz") == 0) {
        if (naru_npz_open(ref, &k->npz, &err) != NARU_OK) return fail(&err);
        return check_npz(k);
    }
    json_error_t problem;
    json_t *root = json_load_file(ref, 0, &problem);
    if (!root && problem.line < 0) return fail_text(CODE_BAD_FILE, "%s", problem.text); /* it names the file */
    if (!root) return fail_text(CODE_BAD_FILE, "%s: line %d: %s", ref, problem.line, problem.text);
    const char *npz = json_string_value(json_object_get(root, "npz")), *slash = strrchr(ref, '/');
    int code = -1;
    if (npz) {
        size_t dir = slash ? (size_t)(slash - ref) + 1 : 0;
        char *path = take(dir + strlen(npz) + 1);
        memcpy(path, ref, dir);
        strcpy(path + dir, npz);
        if (naru_npz_open(path, &k->npz, &err) != NARU_OK) code = fail(&err);
        free(path);
    }
    if (code < 0 && !json_is_array(json_object_get(root, "calls")))
        code = fail_text(CODE_BAD_FILE, "%s: no array \"calls\"", ref);
    if (code < 0) code = check_json(k, root);
    json_decref(root);
    return code;
}

int verify_module(verify_args *a, const char *method, const naru_options *options) {
    checker k = {.args = a, .method = method};
    if (!a->rtol_given) a->rtol = 1e-4;
    if (!a->atol_given) a->atol = 1e-5;
    int code = load_module(a->model, options, &k.m);
    if (code < 0) k.told = a->json ? json_array() : NULL;
    if (code < 0) code = check_reference(&k);
    if (code < 0) code = conclude(&k);
    naru_npz_close(&k.npz);
    naru_module_destroy(&k.m);
    return code;
}
