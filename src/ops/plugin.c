/* SPDX-License-Identifier: MIT
 *
 * Making operators of plugins: every field is checked and copied before anything is registered.
 */
#include "ops/plugin.h"

#include <stdio.h>
#include <string.h>

#include "ops/sig.h"

static naru_status bad(naru_error *err, const char *what) { return err_set(err, NARU_INVALID_ARGUMENT, "%s", what); }

/* ---- the version ---- */
static naru_status copy_struct(void *to, size_t size, const void *from, naru_error *err) {
    size_t given;
    memcpy(&given, from, sizeof given); /* `size` is the first field of each */
    if (given < sizeof given || given > 1 << 16) return bad(err, "its size is not set");
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    return NARU_OK;
}

static naru_status check_abi(const naru_plugin *p, naru_error *err) {
    if (p->abi != NARU_PLUGIN_ABI)
        return err_set(err, NARU_UNSUPPORTED, "it was compiled for plugin ABI %d, this Naru has %d", p->abi,
                       NARU_PLUGIN_ABI);
    return NARU_OK;
}

/* ---- names ---- */
static bool is_name(const char *s, bool dots) {
    if (!s || !*s || strlen(s) > 200) return false;
    for (; *s; s++) {
        bool word = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || *s == '_';
        if (!word && !(dots && (*s == '.' || *s == '-'))) return false;
    }
    return true;
}

static naru_status check_names(const naru_plugin *p, naru_error *err) {
    if (!is_name(p->name, false)) return bad(err, "its name is not made of letters, digits and '_'");
    if (!p->domain || (*p->domain && !is_name(p->domain, true)))
        return bad(err, "its domain is not made of letters, digits, '.', '-' and '_'");
    if (strcmp(p->domain, "naru") == 0) return bad(err, "the domain 'naru' is Naru's own");
    if (p->since < 1 || p->since > 30000) return bad(err, "'since' is no version of a domain");
    if (p->version < 1) return bad(err, "its version is not at least 1");
    return NARU_OK;
}

/* ---- the signature ---- */
static naru_status check_params(const sig *s, const sig_param *list, int n, bool outputs, naru_error *err) {
    for (int i = 0; i < n; i++) {
        const sig_param *x = &list[i];
        uint64_t types = sig_types(s, x);
        if (!x->tensor || !types)
            return err_set(err, NARU_INVALID_ARGUMENT, "signature: '%s' is not a tensor", x->name);
        if (types >> NARU_STRING & 1)
            return err_set(err, NARU_INVALID_ARGUMENT, "signature: '%s': plugins take no strings", x->name);
        if (x->variadic && (outputs || i != n - 1))
            return err_set(err, NARU_INVALID_ARGUMENT, "signature: '%s': only the last input can be repeated", x->name);
    }
    return NARU_OK;
}

static naru_status check_signature(const char *text, naru_error *err) {
    sig s;
    if (!text || strlen(text) > 1000 || !sig_parse(text, &s)) return bad(err, "its signature is malformed");
    if (!s.nin || !s.nout) return bad(err, "its signature wants at least one input and one output");
    TRY(check_params(&s, s.in, s.nin, false, err));
    return check_params(&s, s.out, s.nout, true, err);
}

/* ---- copying ---- */
typedef struct maker {
    plugin_op *op;
    naru_error *err;
} maker;

static naru_status keep(maker *k, const char **s) { /* NULL stays NULL */
    if (*s && !(*s = arena_strdup(k->op->arena, *s))) return err_oom(k->err);
    return NARU_OK;
}

static naru_status keep_attr(maker *k, const naru_plugin_attr *from, naru_plugin_attr *to, attr_def *def) {
    static const attr_kind kinds[] = {ATTR_FLOAT, ATTR_INT, ATTR_STRING, ATTR_FLOATS, ATTR_INTS};
    size_t at = 0;
    while (at < COUNT_OF(kinds) && (int)kinds[at] != (int)from->kind) at++;
    if (at == COUNT_OF(kinds) || !is_name(from->name, false))
        return err_set(k->err, NARU_INVALID_ARGUMENT, "attribute '%.80s' has no proper name or kind", from->name);
    *to = *from;
    TRY(keep(k, &to->name));
    TRY(keep(k, &to->s));
    const void *list = from->kind == NARU_ATTR_INTS ? (const void *)from->ints : from->floats;
    bool many = from->kind == NARU_ATTR_INTS || from->kind == NARU_ATTR_FLOATS;
    size_t each = from->kind == NARU_ATTR_INTS ? sizeof(int64_t) : sizeof(float);
    if (many && from->count) {
        if (!list || from->count > 1 << 20) return bad(k->err, "the default of an attribute is not there");
        if (!(list = arena_dup(k->op->arena, list, from->count * each))) return err_oom(k->err);
    }
    to->ints = from->kind == NARU_ATTR_INTS ? list : NULL;
    to->floats = from->kind == NARU_ATTR_FLOATS ? list : NULL;
    to->count = many ? from->count : 0;
    *def = (attr_def){.name = to->name, .kind = kinds[at], .required = to->required, .optional = !to->required};
    return NARU_OK;
}

static naru_status keep_attrs(maker *k) {
    plugin_op *op = k->op;
    const naru_plugin_attr *from = op->p.attrs;
    size_t n = 0;
    while (from && from[n].name && n < 1000) n++;
    naru_plugin_attr *to = arena_calloc(op->arena, n + 1, sizeof *to);
    attr_def *defs = arena_calloc(op->arena, n + 1, sizeof *defs);
    if (!to || !defs) return err_oom(k->err);
    for (size_t i = 0; i < n; i++) {
        TRY(keep_attr(k, &from[i], &to[i], &defs[i]));
        for (size_t j = 0; j < i; j++)
            if (strcmp(to[i].name, to[j].name) == 0)
                return err_set(k->err, NARU_INVALID_ARGUMENT, "attribute '%s' is listed twice", to[i].name);
    }
    op->p.attrs = to;
    op->desc.attrs = n ? defs : NULL;
    return NARU_OK;
}

static naru_status keep_tactics(maker *k) {
    plugin_op *op = k->op;
    const naru_plugin_tactic *const *from = op->p.tactics;
    for (; from && from[op->ntactics]; op->ntactics++) {
        if (op->ntactics == PLUGIN_MAX_TACTICS) return bad(k->err, "it has too many tactics");
        naru_plugin_tactic *t = &op->tactics[op->ntactics];
        TRY(copy_struct(t, sizeof *t, from[op->ntactics], k->err));
        if (!is_name(t->name, true)) return bad(k->err, "a tactic has no proper name");
        if (!t->run == !t->run_rows || !t->rows != !t->run_rows)
            return err_set(k->err, NARU_INVALID_ARGUMENT, "tactic '%s' needs either run, or rows and run_rows",
                           t->name);
        if (t->grain < 1) t->grain = 1;
        TRY(keep(k, &t->name));
        for (int i = 0; i < op->ntactics; i++)
            if (strcmp(op->tactics[i].name, t->name) == 0)
                return err_set(k->err, NARU_INVALID_ARGUMENT, "tactic '%s' is listed twice", t->name);
    }
    op->p.tactics = NULL;
    return op->ntactics ? NARU_OK : bad(k->err, "it has no tactic");
}

static naru_status check_state(const naru_plugin *p, naru_error *err) {
    if (!p->serialize != !p->deserialize) return bad(err, "serialize and deserialize: both or neither");
    if (p->serialize && !p->create) return bad(err, "serialize without create");
    return NARU_OK;
}

static naru_status fill_operator(maker *k) {
    plugin_op *op = k->op;
    naru_plugin *p = &op->p;
    TRY(check_names(p, k->err));
    TRY(check_signature(p->signature, k->err));
    TRY(check_state(p, k->err));
    TRY(keep(k, &p->signature));
    TRY(keep_attrs(k));
    TRY(keep_tactics(k));
    op->versions[0] = (short)p->since;
    op->desc = (op_desc){.name = p->name,
                         .domain = p->domain,
                         .versions = op->versions,
                         .sig = p->signature,
                         .attrs = op->desc.attrs,
                         .flags = p->flags & NARU_PLUGIN_IMPURE ? OP_RANDOM : 0,
                         .infer = plugin_infer,
                         .eval = plugin_eval,
                         .plugin = op};
    op->link.op = &op->desc;
    return NARU_OK;
}

static naru_status fill_script(maker *k) {
    const naru_plugin *p = &k->op->p;
    if (p->signature || p->tactics || p->infer || p->create) return bad(k->err, "it has both `script` and a signature");
    return p->schema ? NARU_OK : bad(k->err, "it has no schema");
}

/* "my.ops::Scale", or the schema up to its parameters */
static const char *title_of(plugin_op *op) {
    const naru_plugin *p = &op->p;
    if (p->script) return arena_strndup(op->arena, p->schema ? p->schema : "", p->schema ? strcspn(p->schema, "(") : 0);
    str s = {0};
    str_addf(&s, "%.200s::%.200s", p->domain && *p->domain ? p->domain : "ai.onnx", p->name ? p->name : "?");
    const char *t = s.failed ? NULL : arena_strdup(op->arena, str_text(&s));
    str_free(&s);
    return t;
}

static naru_status fill(maker *k, const naru_plugin *from, const char *library) {
    plugin_op *op = k->op;
    naru_plugin *p = &op->p;
    TRY(copy_struct(p, sizeof *p, from, k->err));
    TRY(check_abi(p, k->err)); /* the fields behind mean something else in another */
    TRY(keep(k, &p->name));
    TRY(keep(k, &p->domain));
    TRY(keep(k, &p->schema));
    if (p->domain && strcmp(p->domain, "ai.onnx") == 0) p->domain = "";
    op->title = title_of(op);
    op->library = library;
    TRY(keep(k, &op->library));
    if (!op->title) return err_oom(k->err);
    return p->script ? fill_script(k) : fill_operator(k);
}

naru_status plugin_make(const naru_plugin *p, const char *library, plugin_op **out, naru_error *err) {
    *out = NULL;
    plugin_op *op = mem_calloc(1, sizeof *op);
    if (!op) return err_oom(err);
    op->arena = arena_new();
    maker k = {op, err};
    naru_status st = op->arena ? fill(&k, p, library) : err_oom(err);
    if (st == NARU_OK) {
        *out = op;
        return NARU_OK;
    }
    if (st != NARU_OUT_OF_MEMORY) err_context(err, st, "plugin %s", op->title && *op->title ? op->title : "?");
    plugin_free(op);
    return st;
}

void plugin_free(plugin_op *op) {
    if (!op) return;
    arena_free(op->arena);
    mem_free(op);
}

void plugin_publish(plugin_op *op) {
    if (!op->p.script) op_register(&op->link);
}
