/* SPDX-License-Identifier: MIT
 *
 * What an engine consists of, as text: a line for each layer, or JSON in the form of TensorRT's engine inspector, with
 * the model's nodes that a layer came from and the tactics that it does not use, each with its reason.
 */
#include <stdio.h>

#include "builder/builder.h"

const char *layer_tactic_name(const built *b, int i) {
    const step *s = engine_step(b->engine, i);
    if (s->tactic) return s->tactic->name;
    return s->node->op && (s->node->op->flags & OP_VIEW) ? "none" : "reference";
}

/* ---- JSON text ---- */
static void quoted(str *s, const char *text) {
    str_add(s, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') str_addf(s, "\\%c", *c);
        else if (*c < 0x20) str_addf(s, "\\u%04x", *c);
        else str_add_n(s, (const char *)c, 1);
    }
    str_add(s, "\"");
}

static void field(str *s, const char *name, const char *text) {
    str_addf(s, "\"%s\": ", name);
    quoted(s, text);
}

/* TensorRT's spelling of a type. */
static const char *type_word(naru_dtype d) {
    switch (d) {
    case NARU_FLOAT: return "FP32";
    case NARU_FLOAT16: return "FP16";
    case NARU_BFLOAT16: return "BF16";
    case NARU_DOUBLE: return "FP64";
    case NARU_INT8: return "Int8";
    case NARU_UINT8: return "UInt8";
    case NARU_INT32: return "Int32";
    case NARU_INT64: return "Int64";
    case NARU_BOOL: return "Bool";
    default: return naru_dtype_name(d);
    }
}

static void dims_json(str *s, const type *t) {
    str_add(s, "[");
    for (int d = 0; t->has_rank && d < t->rank; d++)
        str_addf(s, "%s%lld", d ? "," : "", dim_is_const(t->dims[d]) ? (long long)t->dims[d] : -1LL);
    str_add(s, "]");
}

static void tensor_json(str *s, const value *v) {
    const type *t = v->fact.type.kind == TYPE_TENSOR ? &v->fact.type : &v->declared;
    str_add(s, "{");
    field(s, "Name", v->name);
    str_add(s, ", \"Location\": \"Host\", \"Dimensions\": ");
    dims_json(s, t);
    str_addf(s, ", \"Format/Datatype\": \"Row major linear %s\"}", type_word(t->dtype));
}

/* Constants are weights, not inputs. */
static void tensors_json(str *s, const char *name, value *const *v, int n) {
    str_addf(s, "\"%s\": [", name);
    bool first = true;
    for (int i = 0; i < n; i++) {
        if (!v[i] || (!v[i]->producer && !v[i]->is_input)) continue;
        if (!first) str_add(s, ", ");
        first = false;
        tensor_json(s, v[i]);
    }
    str_add(s, "]");
}

/* ---- layers ---- */
static void origin_json(str *s, const node *n) {
    str_add(s, "\"Origin\": [");
    const char *p = n->origin ? n->origin : n->name && *n->name ? n->name : n->nout && n->out[0] ? n->out[0]->name : "";
    for (bool first = true; *p; first = false) {
        char name[512];
        size_t k = strcspn(p, "\n");
        snprintf(name, sizeof name, "%.*s", (int)(k < sizeof name ? k : sizeof name - 1), p);
        if (!first) str_add(s, ", ");
        quoted(s, name);
        p += k;
        p += *p == '\n';
    }
    str_add(s, "]");
}

/* The same as TensorRT's tools look for it: "[ONNX Layer: conv1]", record separators between. */
static void metadata_json(str *s, const node *n) {
    str m = {0};
    const char *p = n->origin ? n->origin : n->name && *n->name ? n->name : "";
    for (bool first = true; *p; first = false) {
        size_t k = strcspn(p, "\n");
        str_addf(&m, "%s[ONNX Layer: %.*s]", first ? "" : "\x1e", (int)k, p);
        p += k;
        p += *p == '\n';
    }
    s->failed |= m.failed;
    str_add(s, ", ");
    field(s, "Metadata", m.failed ? "" : str_text(&m));
    str_free(&m);
}

static void ms_json(str *s, const char *name, double ms) {
    if (ms < 0) return;
    str_addf(s, ", \"%s\": ", name);
    str_add_double(s, ms);
}

/* JSON has no infinity; the reason tells. */
static void error_json(str *s, const char *name, double e) {
    if (e <= 1e300) ms_json(s, name, e);
}

static void rejected_json(str *s, const layer *l) {
    str_add(s, ", \"Rejected\": [");
    for (int i = 0; i < l->nrejected; i++) {
        str_add(s, i ? ", {" : "{");
        field(s, "Tactic", l->rejected[i].tactic);
        str_add(s, ", ");
        field(s, "Reason", l->rejected[i].reason);
        ms_json(s, "TimeMs", l->rejected[i].ms);
        error_json(s, "Error", l->rejected[i].error);
        str_add(s, "}");
    }
    str_add(s, "]");
}

static void type_of_layer(str *s, const node *n) {
    str_addf(s, "%s%s%s", n->domain, *n->domain ? "::" : "", n->op_type);
}

/* Sets of tactics of other profiles, where they differ from the first's. */
static void variants_json(str *s, const built *b, const step *x) {
    bool first = true;
    for (int v = 1; x->variants && v < b->engine->variants; v++) {
        const tactic *t = x->variants[v]->tactic;
        if (t == x->tactic) continue;
        str_addf(s, "%s{\"Profile\": %d, ", first ? ", \"OtherProfiles\": [" : ", ", v);
        field(s, "TacticName", t ? t->name : "reference");
        str_add(s, "}");
        first = false;
    }
    if (!first) str_add(s, "]");
}

static void layer_json(str *s, const built *b, int i) {
    const node *n = engine_step(b->engine, i)->node;
    const layer *l = &b->layers[i];
    const char *name = layer_tactic_name(b, i);
    str_add(s, "  {");
    field(s, "Name", l->name);
    str_add(s, ", \"LayerType\": \"");
    type_of_layer(s, n);
    str_add(s, "\", ");
    tensors_json(s, "Inputs", n->in, n->nin);
    str_add(s, ", ");
    tensors_json(s, "Outputs", n->out, n->nout);
    str_add(s, ", \"ParameterType\": \"");
    type_of_layer(s, n);
    str_add(s, "\", ");
    field(s, "TacticName", name);
    str_addf(s, ", \"TacticValue\": \"0x%016llx\", \"StreamId\": 0",
             (unsigned long long)hash_bytes(name, strlen(name), 0));
    ms_json(s, "TimeMs", l->ms);
    metadata_json(s, n);
    str_add(s, ", ");
    field(s, "Precision", precision_of_step(engine_step(b->engine, i)));
    error_json(s, "Error", l->error);
    str_add(s, ", ");
    origin_json(s, n);
    variants_json(s, b, engine_step(b->engine, i));
    rejected_json(s, l);
    str_add(s, "}");
}

/* ---- inputs and outputs ---- */
static void bound_json(str *s, const char *name, const profile_range *r, int b) {
    str_addf(s, "\"%s\": [", name);
    for (int d = 0; !r->open && d < r->rank; d++) str_addf(s, "%s%lld", d ? "," : "", (long long)r->dims[b][d]);
    str_add(s, "]");
}

static void io_json(str *s, const built *b, const value *v, int input) {
    str_add(s, "  {");
    field(s, "Name", v->name);
    str_addf(s, ", \"IOMode\": \"%s\", \"DataType\": \"%s\", \"Dimensions\": ", input >= 0 ? "INPUT" : "OUTPUT",
             type_word(v->declared.dtype ? v->declared.dtype : v->fact.type.dtype));
    dims_json(s, v->declared.has_rank ? &v->declared : &v->fact.type);
    str_add(s, ", \"Location\": \"Host\"");
    if (input >= 0) {
        str_add(s, ", \"ProfileInfo\": [");
        for (int p = 0; p < b->profiles.n; p++) {
            const profile_range *r = &b->profiles.ranges[(size_t)p * (size_t)b->profiles.ninputs + (size_t)input];
            str_add(s, p ? ", {" : "{");
            bound_json(s, "MinShape", r, BOUND_MIN);
            str_add(s, ", ");
            bound_json(s, "OptShape", r, BOUND_OPT);
            str_add(s, ", ");
            bound_json(s, "MaxShape", r, BOUND_MAX);
            str_add(s, "}");
        }
        str_add(s, "]");
    }
    str_add(s, "}");
}

naru_status built_json(const built *b, str *s, naru_error *err) {
    const block *m = b->engine->graph->main;
    str_add(s, "{\"Layers\": [\n");
    for (int i = 0; i < b->nlayers; i++) {
        layer_json(s, b, i);
        str_add(s, i + 1 < b->nlayers ? ",\n" : "\n");
    }
    str_add(s, "], \"Bindings\": [");
    for (int i = 0; i < m->nin + m->nout; i++) {
        if (i) str_add(s, ", ");
        quoted(s, i < m->nin ? m->in[i]->name : m->out[i - m->nin]->name);
    }
    str_add(s, "], \"I/O Tensors\": [\n");
    for (int i = 0; i < m->nin + m->nout; i++) {
        io_json(s, b, i < m->nin ? m->in[i] : m->out[i - m->nin], i < m->nin ? i : -1);
        str_add(s, i + 1 < m->nin + m->nout ? ",\n" : "\n");
    }
    str_add(s, "]");
    error_json(s, "Error", b->error);
    if (b->accuracy > 0) error_json(s, "ErrorLimit", b->accuracy);
    str_add(s, "}\n");
    return s->failed ? err_oom(err) : NARU_OK;
}

/* Layer(Type): name, Tactic: tactic, in (Type[dims]) -> out (Type[dims]) */
static void tensor_line(str *s, const built *b, const value *v, bool first) {
    str_addf(s, "%s%s (", first ? "" : ", ", v->name);
    type_print(b->engine->graph, v->fact.type.kind == TYPE_UNKNOWN ? &v->declared : &v->fact.type, s);
    str_add(s, ")");
}

naru_status built_lines(const built *b, str *s, naru_error *err) {
    for (int i = 0; i < b->nlayers; i++) {
        const node *n = engine_step(b->engine, i)->node;
        str_add(s, "Layer(");
        type_of_layer(s, n);
        str_addf(s, "): %s, Tactic: %s, Precision: %s, ", b->layers[i].name, layer_tactic_name(b, i),
                 precision_of_step(engine_step(b->engine, i)));
        if (b->layers[i].error >= 0) str_addf(s, "Error: %.3g, ", b->layers[i].error);
        bool first = true;
        for (int k = 0; k < n->nin; k++) {
            if (!n->in[k] || (!n->in[k]->producer && !n->in[k]->is_input)) continue;
            tensor_line(s, b, n->in[k], first);
            first = false;
        }
        str_add(s, " -> ");
        for (int k = 0; k < n->nout; k++)
            if (n->out[k]) tensor_line(s, b, n->out[k], k == 0);
        str_add(s, "\n");
    }
    return s->failed ? err_oom(err) : NARU_OK;
}
