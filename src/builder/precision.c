/* SPDX-License-Identifier: MIT
 *
 * Precisions that a user asks of layers (precision.h).
 */
#include "builder/precision.h"

#include <stdio.h>

#include "builder/builder.h"
#include "tensor/dtype.h"

static const struct {
    const char *name;
    int tactics;
} precisions[NARU_PRECISIONS] = {{"FP32", TACTIC_F32}, {"FP16", TACTIC_FP16}, {"BF16", TACTIC_BF16}, {"INT8", -1}};

int precision_of_tactics(int p) { return p < 0 ? -1 : precisions[p].tactics; }
const char *precision_name(int p) { return precisions[p].name; }

/* ---- what a step computes in ---- */
static bool is_byte(const value *v) {
    naru_dtype d = v ? v->fact.type.dtype : NARU_UNDEFINED;
    return d == NARU_INT8 || d == NARU_UINT8;
}

static const char *type_word(naru_dtype d) {
    switch (d) {
    case NARU_FLOAT: return "FP32";
    case NARU_FLOAT16: return "FP16";
    case NARU_BFLOAT16: return "BF16";
    case NARU_DOUBLE: return "FP64";
    case NARU_INT8:
    case NARU_UINT8: return "INT8";
    case NARU_INT32: return "INT32";
    case NARU_INT64: return "INT64";
    case NARU_BOOL: return "BOOL";
    case NARU_UNDEFINED: return "";
    default: return naru_dtype_name(d);
    }
}

const char *precision_of_step(const step *s) {
    const node *n = s->node;
    if (s->tactic && s->tactic->precision != TACTIC_F32) return tactic_precision_name(s->tactic->precision);
    for (int i = 0; i < n->nout; i++)
        if (is_byte(n->out[i])) return "INT8";
    for (int i = 0; i < n->nin; i++)
        if (is_byte(n->in[i])) return "INT8";
    return type_word(n->nout && n->out[0] ? n->out[0]->fact.type.dtype : NARU_UNDEFINED);
}

/* Nothing is rounded in it: any precision holds. */
static bool only_moves(const node *n) {
    static const char *const names[] = {"Transpose", "Concat",   "Slice",        "Split",          "Gather",
                                        "Pad",       "Expand",   "Tile",         "GatherElements", "GatherND",
                                        "Identity",  "Constant", "DepthToSpace", "SpaceToDepth",   "ScatterElements",
                                        "ScatterND", "Reshape",  "Where"};
    if (n->op && (n->op->flags & OP_VIEW)) return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], n->op_type) == 0 && !*n->domain) return true;
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && (dtype_is_float(n->out[i]->fact.type.dtype) || is_byte(n->out[i]))) return false;
    return true;
}

/* ---- names ---- */
static const char *own_name(const node *n) {
    if (n->name && *n->name) return n->name;
    return n->nout && n->out[0] ? n->out[0]->name : n->op_type;
}

static bool is_pattern(const char *name) { return strpbrk(name, "*?") != NULL; }

/* `name` has n bytes. */
static bool matches(const char *pattern, const char *name, size_t n) {
    const char *star = NULL, *back = NULL, *end = name + n;
    while (name < end) {
        if (*pattern == '*') star = ++pattern, back = name;
        else if (*pattern && (*pattern == '?' || *pattern == *name)) pattern++, name++;
        else if (star) pattern = star, name = ++back;
        else return false;
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

static bool same(const char *a, const char *b, size_t n) { return strlen(a) == n && memcmp(a, b, n) == 0; }

/* Q and DQ that a quantizer put there bear the name of a tensor: no pattern means them. */
static bool is_made(const char *name, size_t n) {
    static const char *const ends[] = {"_QuantizeLinear", "_DequantizeLinear"};
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (n >= strlen(ends[i]) && memcmp(name + n - strlen(ends[i]), ends[i], strlen(ends[i])) == 0) return true;
    return false;
}

/* The rule for a node's name. types: a rule of output types. */
static const layer_rule *rule_for(const build_options *o, const char *name, size_t n, bool types) {
    const layer_rule *found = NULL;
    bool exact = false;
    for (int i = 0; i < o->nrules; i++) {
        const layer_rule *r = &o->rules[i];
        if ((r->precision < 0) != types) continue;
        bool is = same(r->name, name, n);
        if (!is && (exact || !is_pattern(r->name) || is_made(name, n) || !matches(r->name, name, n))) continue;
        found = r;
        exact = is;
    }
    return found;
}

/* Calls fn for each node of the model that n came from, until it gives false. */
static void each_origin(const node *n, bool (*fn)(void *user, const char *name, size_t len), void *user) {
    for (const char *p = n->origin ? n->origin : own_name(n); *p;) {
        size_t k = strcspn(p, "\n");
        if (!fn(user, p, k)) return;
        p += k;
        p += *p == '\n';
    }
}

typedef struct asking {
    const build_options *o;
    int precision;
    const layer_rule *types;
} asking;

static bool ask_precision(void *user, const char *name, size_t n) {
    asking *k = user;
    const layer_rule *r = rule_for(k->o, name, n, false);
    if (r && (k->precision < 0 || r->precision < k->precision)) k->precision = r->precision;
    return true;
}

int precision_asked(const build_options *o, const node *n) {
    asking k = {.o = o, .precision = NOT_ASKED};
    if (o->nrules && o->constraints != NARU_CONSTRAINTS_NONE) each_origin(n, ask_precision, &k);
    return k.precision;
}

/* ---- every rule names a node ---- */
typedef ARRAY(const char *) name_list;

static bool collect_names(block *b, void *user) {
    for (const node *n = b->first; n; n = n->next)
        if (!ARRAY_PUSH((name_list *)user, own_name(n))) return false;
    return true;
}

static naru_status check_rule(const layer_rule *r, const name_list *names, naru_error *err) {
    bool pattern = is_pattern(r->name);
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(r->name, names->data[i]) == 0 ||
            (pattern && matches(r->name, names->data[i], strlen(names->data[i]))))
            return NARU_OK;
    const char *near = str_nearest(r->name, names->data, names->count);
    return err_set(err, NARU_NOT_FOUND, "no node of the model %s '%s'%s%s%s", pattern ? "matches" : "has the name",
                   r->name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

naru_status precision_check_names(const built *b, const build_options *o, naru_error *err) {
    name_list names = {0};
    graph *g;
    if (!o->nrules) return NARU_OK;
    TRY(o->read(b->model->data, b->model->size, &g, err));
    naru_status st = graph_each_block(g, true, collect_names, &names) ? NARU_OK : err_oom(err);
    for (int i = 0; st == NARU_OK && i < o->nrules; i++) st = check_rule(&o->rules[i], &names, err);
    ARRAY_FREE(&names);
    graph_free(g);
    return st;
}

/* ---- every rule holds ---- */
typedef struct checker {
    const build_options *o;
    bool warn;
    naru_error *err;
} checker;

/* "conv1 + relu1" */
static const char *layer_text(const node *n, char buf[200]) {
    size_t at = 0;
    for (const char *p = n->origin && *n->origin ? n->origin : own_name(n); *p && at < 190; p++) {
        if (*p == '\n') at += (size_t)snprintf(buf + at, 200 - at, " + ");
        else buf[at++] = *p;
    }
    buf[at] = 0;
    return buf;
}

static naru_status unmet(checker *k, const node *n, const char *asked, const char *why) {
    char name[200];
    layer_text(n, name);
    if (!k->warn)
        return err_set(k->err, NARU_UNSUPPORTED, "layer '%s' cannot have %s, which was asked for: %s", name, asked,
                       why);
    naru_status st = report_add(k->o->report, NARU_SEVERITY_WARNING, "precision-not-met", name, "",
                                "%s was asked for; it runs otherwise: %s", asked, why);
    return st == NARU_OK ? st : err_oom(k->err);
}

/* Why none of the candidates of the precision asked for is taken. */
static void why_unmet(const node *n, const tuned *t, const char *has, char *buf, size_t size) {
    int want = precision_of_tactics(t->asked);
    snprintf(buf, size, "no tactic of %s computes in %s", n->op_type, precision_name(t->asked));
    if (t->asked == NARU_PRECISION_INT8)
        snprintf(buf, size, "neither Q/DQ nodes nor calibration quantize it; it runs in %s", has);
    else if (t->asked == NARU_PRECISION_FP32) snprintf(buf, size, "the model or its calibration makes it %s", has);
    for (int i = t->n; i-- > 0;) /* the first that speaks is the one that stays */
        if (want > 0 && (int)t->c[i].tactic->precision == want && t->c[i].why_not)
            snprintf(buf, size, "%s: %s", t->c[i].tactic->name, t->c[i].why_not);
}

static naru_status check_precision(checker *k, const step *s, const tuned *t) {
    char why[300];
    if (t->asked < 0 || only_moves(s->node)) return NARU_OK;
    int choice = tuned_choice(t);
    step chosen = *s;
    chosen.tactic = choice < 0 ? NULL : t->c[choice].tactic;
    const char *has = precision_of_step(&chosen);
    if (strcmp(has, precision_name(t->asked)) == 0) return NARU_OK;
    why_unmet(s->node, t, has, why, sizeof why);
    return unmet(k, s->node, precision_name(t->asked), why);
}

static bool ask_types(void *user, const char *name, size_t n) {
    asking *k = user;
    k->types = rule_for(k->o, name, n, true);
    return !k->types;
}

static naru_status check_types(checker *k, const step *s) {
    asking a = {.o = k->o};
    each_origin(s->node, ask_types, &a);
    for (int i = 0; a.types && i < s->node->nout; i++) {
        char why[300];
        if (!s->node->out[i] || i >= RULE_TYPES || (i >= a.types->ntypes && a.types->ntypes > 1)) continue;
        naru_dtype want = a.types->types[a.types->ntypes > 1 ? i : 0], has = s->node->out[i]->fact.type.dtype;
        if (has == want || !has) continue;
        snprintf(why, sizeof why, "its output '%.100s' is %s: layers hand on the types of the model",
                 s->node->out[i]->name, naru_dtype_name(has));
        return unmet(k, s->node, naru_dtype_name(want), why);
    }
    return NARU_OK;
}

naru_status precision_check_layers(const built *b, const engine *e, const tuned *steps, const build_options *o,
                                   bool warn, naru_error *err) {
    checker k = {o, warn, err};
    if (!o->nrules || o->constraints != (warn ? NARU_CONSTRAINTS_PREFER : NARU_CONSTRAINTS_OBEY)) return NARU_OK;
    for (int i = 0; i < b->nlayers; i++) {
        const step *s = engine_step(e, i);
        TRY(check_precision(&k, s, &steps[i]));
        TRY(check_types(&k, s));
    }
    return NARU_OK;
}

/* ---- the report ---- */
/* The first reason against lowering to p that any layer gave; NULL where one could have been. *tried: layers that have
 * such a tactic. */
static const char *reason_against(const built *b, const tuned *steps, tactic_precision p, int *tried) {
    const char *why = NULL;
    bool could = false;
    *tried = 0;
    for (int i = 0; i < b->nlayers; i++) {
        bool has = false;
        for (int j = 0; j < steps[i].n; j++) {
            const candidate *c = &steps[i].c[j];
            if (c->tactic->precision != p) continue;
            has = true;
            could |= !c->why_not;
            if (!why) why = c->why_not;
        }
        *tried += has;
    }
    return could ? NULL : why;
}

static naru_status tell_flag(const built *b, const tuned *steps, const build_options *o, tactic_precision p) {
    const char *name = tactic_precision_name(p);
    int lowered = 0, tried;
    for (int i = 0; i < b->nlayers; i++) lowered += b->layers[i].tactic && b->layers[i].tactic->precision == p;
    if (lowered)
        return report_add(o->report, NARU_SEVERITY_NOTE, "precision-lowered", "", "", "%d of %d layers run in %s",
                          lowered, b->nlayers, name);
    const char *why = reason_against(b, steps, p, &tried);
    if (!tried)
        return report_add(o->report, NARU_SEVERITY_NOTE, "precision-not-lowered", "", "",
                          "%s is permitted; no operator of this network has a tactic in it", name);
    return report_add(o->report, NARU_SEVERITY_NOTE, "precision-not-lowered", "", "",
                      "%s is permitted; of %d layers that have a tactic in it none uses it: %s", name, tried,
                      o->level == 0 ? "level 0 lowers nothing"
                      : why         ? why
                                    : "FP32 or another precision is faster");
}

/* What stays FP32 because of its error. */
static naru_status tell_kept(const built *b, const tuned *t, int i, const build_options *o) {
    if (!o->accuracy || (b->layers[i].tactic && b->layers[i].tactic->precision != TACTIC_F32)) return NARU_OK;
    for (int j = 0; j < t->n; j++) {
        const candidate *c = &t->c[j];
        if (c->tactic->precision != TACTIC_F32 && c->error > 0 && c->why_not)
            return report_add(o->report, NARU_SEVERITY_NOTE, "kept-high", b->layers[i].name, "",
                              "stays in FP32: %s, %s", c->tactic->name, c->why_not);
    }
    return NARU_OK;
}

static naru_status tell_outputs(const built *b, const build_options *o) {
    int lowered = 0;
    for (int i = 0; i < b->nlayers; i++) lowered += b->layers[i].tactic && b->layers[i].tactic->precision != TACTIC_F32;
    if (!lowered && b->error < 0) return NARU_OK;
    if (b->error < 0)
        return report_add(o->report, NARU_SEVERITY_WARNING, "outputs-not-compared", "", "",
                          "the outputs could not be compared with FP32's: the network could not be run while building");
    char limit[60] = "";
    if (o->accuracy) snprintf(limit, sizeof limit, "; the limit is %.3g", o->accuracy);
    bool above = o->accuracy > 0 && b->error > o->accuracy; /* of quantized layers */
    return report_add(o->report, above ? NARU_SEVERITY_WARNING : NARU_SEVERITY_NOTE, "outputs-error", "", "",
                      "the outputs differ from FP32's by %.3g (relative, on %s)%s", b->error,
                      o->samples ? "samples" : "random data", limit);
}

naru_status precision_tell(const built *b, const tuned *steps, const build_options *o) {
    if (o->nrules && o->constraints == NARU_CONSTRAINTS_NONE)
        TRY(report_add(o->report, NARU_SEVERITY_WARNING, "constraints-off", "", "",
                       "precisions and types of layers have no effect: constraints are off"));
    if (o->flags & BUILD_FP16) TRY(tell_flag(b, steps, o, TACTIC_FP16));
    if (o->flags & BUILD_BF16) TRY(tell_flag(b, steps, o, TACTIC_BF16));
    for (int i = 0; i < b->nlayers; i++) TRY(tell_kept(b, &steps[i], i, o));
    return tell_outputs(b, o);
}
