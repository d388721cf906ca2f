/* SPDX-License-Identifier: MIT
 *
 * naru verify: runs a model and compares what comes out with a reference: recorded calls in an .npz, a folder of the
 * ONNX suite's form, or a second model. "Agrees" means that everything expected was compared and lies within the
 * tolerances. Reading the references is in reference.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "verify.h"

typedef struct tally {
    const verify_args *args;
    json_t *calls; /* NULL: text */
    size_t ncalls, compared, bad;
} tally;

/* ---- comparing values of any kind ---- */
typedef struct outcome {
    bool ok;
    naru_comparison worst; /* of the tensors met; message of the first that differs */
} outcome;

static void take_comparison(outcome *o, const naru_comparison *c, const char *where) {
    bool first_bad = o->ok && !c->equal, worse = o->ok && c->worst_abs > o->worst.worst_abs;
    if (first_bad || worse || !o->worst.message[0]) {
        o->worst = *c;
        if (*where)
            snprintf(o->worst.message, sizeof o->worst.message, "%s: %.*s", where,
                     (int)(sizeof o->worst.message - strlen(where) - 3), c->message);
    }
    o->ok = o->ok && c->equal;
}

static void differ(outcome *o, const char *where, const char *what) {
    naru_comparison c = {.size = sizeof c, .worst_index = -1};
    snprintf(c.message, sizeof c.message, "%.250s", what);
    take_comparison(o, &c, where);
}

static void compare_tensors(const verify_args *a, const naru_tensor *got, const naru_tensor *want, const char *where,
                            outcome *o) {
    naru_error err = NARU_ERROR_INIT;
    naru_comparison c = {.size = sizeof c};
    if (naru_tensor_compare(got, want, a->rtol, a->atol, &c, &err) != NARU_OK) differ(o, where, err.message);
    else take_comparison(o, &c, where);
}

static void compare_values(const verify_args *a, const naru_value *got, const naru_value *want, const char *where,
                           outcome *o) {
    static const char *const kinds[] = {"nothing", "a tensor", "a sequence", "a map", "an optional"};
    char text[200];
    naru_kind kind = naru_value_kind(want);
    if (naru_value_kind(got) != kind) {
        snprintf(text, sizeof text, "got %s, want %s", kinds[naru_value_kind(got)], kinds[kind]);
        differ(o, where, text);
        return;
    }
    if (kind == NARU_KIND_TENSOR) {
        compare_tensors(a, naru_value_tensor(got), naru_value_tensor(want), where, o);
        return;
    }
    if (naru_value_count(got) != naru_value_count(want)) {
        snprintf(text, sizeof text, "got %zu items, want %zu", naru_value_count(got), naru_value_count(want));
        differ(o, where, text);
        return;
    }
    if (kind == NARU_KIND_MAP) compare_tensors(a, naru_value_keys(got), naru_value_keys(want), "keys", o);
    for (size_t i = 0; i < naru_value_count(want); i++) {
        snprintf(text, sizeof text, "%.150s[%zu]", where, i);
        compare_values(a, naru_value_item(got, i), naru_value_item(want, i), text, o);
    }
    if (!o->worst.message[0]) snprintf(o->worst.message, sizeof o->worst.message, "both are empty");
}

/* ---- reporting ---- */
static void add_json(json_t *outputs, const char *name, const outcome *o) {
    const naru_comparison *c = &o->worst;
    json_array_append_new(outputs, json_pack("{ss sb ss so so sI sI sI}", "name", utf8(name), "ok", o->ok, "message",
                                             utf8(c->message), "worst_abs", json_number(c->worst_abs), "worst_rel",
                                             json_number(c->worst_rel), "worst_index", (json_int_t)c->worst_index,
                                             "differing", (json_int_t)c->differing, "count", (json_int_t)c->count));
}

static void tell(tally *t, json_t *outputs, const char *call, const char *name, const outcome *o) {
    t->compared++;
    t->bad += !o->ok;
    if (outputs) add_json(outputs, name, o);
    else printf("%s  %s  %s: %s\n", o->ok ? "ok       " : "DIFFERENT", call, name, o->worst.message);
}

/* An output that was expected and is not there. */
static void tell_missing(tally *t, json_t *outputs, const char *call, const char *name, const char *what) {
    outcome o = {.ok = false, .worst = {.worst_index = -1}};
    snprintf(o.worst.message, sizeof o.worst.message, "%s", what);
    tell(t, outputs, call, name, &o);
}

static void compare_call(tally *t, json_t *outputs, const char *call, const named_values *got,
                         const named_values *want) {
    for (size_t i = 0; i < want->count; i++) {
        const naru_value *v = values_find(got, want->names[i]);
        if (!v) {
            tell_missing(t, outputs, call, want->names[i], "the reference has this output, the model has not");
            continue;
        }
        outcome o = {.ok = true};
        compare_values(t->args, v, want->values[i], "", &o);
        tell(t, outputs, call, want->names[i], &o);
    }
}

/* Runs the model on a call. Only the outputs that both sides know are asked for. */
static naru_status run_call(naru_session *s, const reference_call *c, named_values *got, naru_error *err) {
    ports out = session_outputs(s);
    const char **names = take((c->out.count + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < c->out.count; i++)
        if (find_port(&out, c->out.names[i])) names[n++] = c->out.names[i];
    naru_status st = n || !c->out.count ? run_session(s, &c->in, n ? names : NULL, n, got, err) : NARU_OK;
    free(names);
    free(out.items);
    return st;
}

static void verify_call(tally *t, naru_session *s, const reference_call *c) {
    naru_error err = NARU_ERROR_INIT;
    named_values got = {0};
    json_t *outputs = t->calls ? json_array() : NULL;
    char label[64];
    snprintf(label, sizeof label, c->label[0] >= '0' && c->label[0] <= '9' ? "call %s" : "%s", c->label);
    t->ncalls++;
    naru_status st = *c->problem ? NARU_NOT_FOUND : run_call(s, c, &got, &err);
    const char *problem = *c->problem ? c->problem : err.message;
    if (st == NARU_OK) compare_call(t, outputs, label, &got, &c->out);
    else t->bad++;
    if (t->calls) {
        json_t *o = json_pack("{ss so}", "call", utf8(c->label), "outputs", outputs);
        if (st != NARU_OK) json_object_set_new(o, "error", json_string(utf8(problem)));
        json_array_append_new(t->calls, o);
    } else if (st != NARU_OK) printf("FAILED     %s: %s\n", label, problem);
    values_free(&got);
}

static int conclude(tally *t) {
    bool ok = t->bad == 0 && t->compared > 0;
    if (t->calls)
        print_json(json_pack("{sb sf sf sI sI sO}", "ok", ok, "rtol", t->args->rtol, "atol", t->args->atol, "compared",
                             (json_int_t)t->compared, "disagreeing", (json_int_t)t->bad, "calls", t->calls));
    else {
        printf("%s: %zu call%s, %zu output%s compared", ok ? "agrees" : "DISAGREES", t->ncalls,
               t->ncalls == 1 ? "" : "s", t->compared, t->compared == 1 ? "" : "s");
        if (t->bad) printf(", %zu wrong", t->bad);
        printf(" (rtol %g, atol %g)\n", t->args->rtol, t->args->atol);
    }
    json_decref(t->calls);
    return ok ? CODE_OK : CODE_NO;
}

static int verify(verify_args *a, naru_session *s) {
    reference *ref = NULL;
    int code = reference_open(a, s, &ref);
    tally t = {.args = a, .calls = code < 0 && a->json ? json_array() : NULL};
    reference_call c;
    while (code < 0 && (code = reference_next(ref, &c)) < 0 && c.label[0]) {
        note("%s ...\r", c.label);
        verify_call(&t, s, &c);
        call_free(&c);
    }
    reference_close(ref);
    if (code < 0) return conclude(&t);
    json_decref(t.calls);
    return code;
}

int cmd_verify(int argc, char **argv) {
    static const command c = {
        "verify",
        "MODEL REFERENCE",
        "Runs a model and compares its outputs with a reference: |got - want| <= atol + rtol |want|.",
        "REFERENCE is an .npz with recorded calls (arrays cK_in_INPUT and cK_out_OUTPUT, K = 0, 1, ...), a folder "
        "with\n"
        "input_K.pb and output_K.pb (or test_data_set_K folders of them; tolerance.txt is honoured), or a second "
        "model, run\n"
        "by the engine on the same random inputs. --evaluator and the like apply to MODEL only, so\n"
        "'naru verify M M --evaluator reference' compares the two evaluators.\n"
        "For a TorchScript module REFERENCE is an .npz of the same form, or a .json with recorded calls: they are made "
        "in "
        "order on\n"
        "one module, exceptions and changed arguments compared too (rtol 1e-4 by default).\n"
        "Exit code 0: everything expected was compared and agrees; 1: not.",
        2,
        true};
    verify_args a = {.rtol = 1e-3, .atol = 1e-5};
    const char *method = NULL;
    const arg args[] = {
        {"rtol", "R", "relative tolerance (1e-3)", ARG_REAL, &a.rtol, &a.rtol_given, 0},
        {"atol", "A", "absolute tolerance (1e-5)", ARG_REAL, &a.atol, &a.atol_given, 0},
        {"calls", "0,2", "only these recorded calls", ARG_INTS, &a.calls, NULL, 0},
        {"shape", "SPEC", "NAME=DIMS[:TYPE] of random inputs (repeatable)", ARG_TEXTS, &a.shape, NULL, 0},
        {"batch", "B", "size of the batch dimension of random inputs", ARG_INT, &a.batch, NULL, 1},
        {"seed", "N", "of random inputs", ARG_INT, &a.seed, NULL, 0},
        {"method", "NAME", "of a TorchScript module (the recording's, else forward)", ARG_TEXT, &method, NULL, 0},
        {"json", NULL, "one object: ok, calls, outputs with their worst differences", ARG_FLAG, &a.json, NULL, 0},
    };
    const char *operands[2];
    naru_session *s = NULL;
    naru_options *options = NULL;
    naru_options_create(&options, NULL);
    int code = args_parse(&c, args, sizeof args / sizeof args[0], options, argc, argv, operands);
    a.model = operands[0], a.reference = operands[1];
    bool is_module = code < 0 && is_module_file(a.model);
    if (is_module) code = verify_module(&a, method, options);
    if (code < 0) code = load_session(a.model, options, &s);
    if (code < 0) code = verify(&a, s);
    naru_session_destroy(&s);
    naru_options_destroy(&options);
    free(a.calls.items), free(a.shape.items);
    return code;
}
