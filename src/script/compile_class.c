/* SPDX-License-Identifier: MIT
 *
 * Classes and signatures: attributes in slot order, constants, methods, enum members, NamedTuple fields; parameters
 * with defaults; values known without running.
 */
#include "script/compile_in.h"

#include <math.h>
#include <stdio.h>

/* ---- constants ---- */
static naru_status not_constant(const ast *e, naru_error *err) {
    return source_error(err, NARU_BAD_MODEL, e->at, "only constants are supported here");
}

static const stype *bare(const stype *t) { return t && t->kind == ST_OPTIONAL ? t->args[0] : t; }

static naru_status const_sequence(unit *u, const ast *e, const stype *wanted, sv *out, naru_error *err) {
    bool list = e->kind == AST_LIST;
    const stype *w = bare(wanted), *elem = list && w && w->kind == ST_LIST ? w->args[0] : NULL;
    slist *l = list ? slist_new(elem ? elem : &stype_tensor, e->count) : NULL;
    stuple *t = list ? NULL : stuple_new((int)e->count, w && w->kind == ST_TUPLE ? w->cls : NULL);
    if (!l && !t) return err_oom(err);
    *out = list ? sv_of(l) : sv_of(t);
    for (uint32_t i = 0; i < e->count; i++) {
        sv v;
        const stype *want_i = list ? elem : w && w->kind == ST_TUPLE && w->n == (int)e->count ? w->args[i] : NULL;
        naru_status st = const_value(u, e->kids[i], want_i, &v, err);
        if (st == NARU_OK && list && i == 0 && !elem) l->elem = type_of_value(u, v);
        if (st == NARU_OK && list && !slist_push(l, v)) st = err_oom(err);
        if (st == NARU_OK && !list) t->items[i] = v;
        if (st != NARU_OK) {
            sv_drop(*out);
            return st;
        }
    }
    return NARU_OK;
}

static naru_status const_member(unit *u, const ast *e, const char *dotted, sv *out, naru_error *err) {
    int64_t i;
    if (str_starts(dotted, "torch.") && torch_constant(dotted + 6, &i)) {
        *out = sv_int(i);
        return NARU_OK;
    }
    if (str_starts(dotted, "CONSTANTS.c") && str_parse_i64(dotted + 11, &i)) {
        stuple *t = sv_tuple(u->constants);
        if (!t || i < 0 || i >= t->n)
            return source_error(err, NARU_BAD_MODEL, e->at, "there is no constant %s", dotted);
        *out = sv_keep(t->items[i]);
        return NARU_OK;
    }
    const stype *t = NULL;
    if (e->kind != AST_ATTR || type_of_ast(u, e->kids[0], &t, NULL) != NARU_OK || !t->cls) return not_constant(e, err);
    for (int k = 0; k < t->cls->nmembers; k++)
        if (strcmp(t->cls->members[k]->name, e->text) == 0) {
            *out = senum_mention(t->cls->members[k]);
            return out->tag == SV_UNINIT ? err_oom(err) : NARU_OK;
        }
    return not_constant(e, err);
}

static naru_status const_named(unit *u, const ast *e, sv *out, naru_error *err) {
    str s = {0};
    naru_status st = NARU_OK;
    bool named = dotted_name(e, &s);
    const char *name = str_text(&s);
    double sign = 1;
    if (e->kind == AST_UNARY && e->op == AST_OP_NEG && e->kids[0]->kind == AST_NAME) {
        sign = -1;
        named = dotted_name(e->kids[0], &s);
        name = str_text(&s);
    }
    if (!named) st = not_constant(e, err);
    else if (strcmp(name, "inf") == 0 || strcmp(name, "math.inf") == 0) *out = sv_float(sign * INFINITY);
    else if (strcmp(name, "nan") == 0 || strcmp(name, "math.nan") == 0) *out = sv_float(NAN);
    else if (sign < 0) st = not_constant(e, err);
    else st = const_member(u, e, name, out, err);
    str_free(&s);
    return st;
}

static naru_status const_device(const ast *e, sv *out, naru_error *err) {
    str s = {0};
    bool device = dotted_name(e->kids[0], &s) && strcmp(str_text(&s), "torch.device") == 0;
    str_free(&s);
    if (!device || e->count != 2 || e->kids[1]->kind != AST_STR) return not_constant(e, err);
    *out = sv_device(e->kids[1]->text);
    return out->tag == SV_UNINIT ? err_oom(err) : NARU_OK;
}

naru_status const_value(unit *u, const ast *e, const stype *wanted, sv *out, naru_error *err) {
    *out = sv_none();
    switch (e->kind) {
    case AST_INT: *out = bare(wanted) && bare(wanted)->kind == ST_FLOAT ? sv_float((double)e->i) : sv_int(e->i); break;
    case AST_FLOAT: *out = sv_float(e->f); break;
    case AST_BOOL: *out = sv_bool(e->i != 0); break;
    case AST_NONE: break;
    case AST_STR: *out = sv_str(e->text, e->len); break;
    case AST_COMPLEX: *out = sv_complex(e->c.re, e->c.im); break;
    case AST_LIST:
    case AST_TUPLE: TRY(const_sequence(u, e, wanted, out, err)); break;
    case AST_CALL: return const_device(e, out, err);
    default: return const_named(u, e, out, err);
    }
    if (out->tag == SV_UNINIT) return err_oom(err);
    sv_share(*out);
    return NARU_OK;
}

const stype *type_of_value(unit *u, sv v) {
    switch (v.tag) {
    case SV_BOOL: return &stype_bool;
    case SV_INT: return &stype_int;
    case SV_FLOAT: return &stype_float;
    case SV_COMPLEX: return &stype_complex;
    case SV_TENSOR: return &stype_tensor;
    case SV_STR: return &stype_str;
    case SV_DEVICE: return &stype_device;
    case SV_GENERATOR: return &stype_generator;
    case SV_NONE: return &stype_none;
    case SV_LIST: return stype_list(u->arena, sv_list(v)->elem);
    case SV_DICT: return stype_dict(u->arena, sv_dict(v)->key, sv_dict(v)->value);
    case SV_OBJECT: return sv_object(v)->cls->type;
    case SV_ENUM: return ((senum *)v.o)->cls->type;
    case SV_CUSTOM: {
        sclass *c;
        return unit_class(u, ((scustom *)v.o)->cls, &c, NULL) == NARU_OK ? c->type : NULL;
    }
    case SV_TUPLE: {
        stuple *t = sv_tuple(v);
        if (t->cls) return t->cls->type;
        const stype **items = arena_alloc(u->arena, (size_t)(t->n + 1) * sizeof(*items));
        for (int i = 0; items && i < t->n; i++) items[i] = type_of_value(u, t->items[i]);
        return items ? stype_tuple(u->arena, t->n, items, NULL) : NULL;
    }
    default: return &stype_any;
    }
}

/* ---- class bodies ---- */
typedef struct filler {
    unit *u;
    class_in *c;
    naru_error *err;
    ARRAY(sattr) attrs;
    ARRAY(struct sconstant) constants;
    ARRAY(sfunction *) methods;
    ARRAY(senum *) members;
    const ast *params, *buffers;
} filler;

static naru_status names_list(filler *f, const ast *list, int *n, const char ***out) {
    *out = arena_alloc(f->u->arena, (list->count + 1) * sizeof(**out));
    if (!*out) return err_oom(f->err);
    *n = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->kids[i]->kind != AST_STR) return not_constant(list->kids[i], f->err);
        (*out)[(*n)++] = list->kids[i]->text;
    }
    return NARU_OK;
}

/* Old quantized modules declare tensors where they hold packed parameters. */
static const char *packed_class(const char *qualname) {
    static const struct {
        const char *cls, *packed;
    } table[] = {{"__torch__.torch.nn.quantized.modules.linear.LinearPackedParams", "Linear"},
                 {"__torch__.torch.nn.quantized.modules.linear.Linear", "Linear"},
                 {"__torch__.torch.nn.quantized.dynamic.modules.linear.Linear", "Linear"},
                 {"__torch__.torch.nn.quantized.modules.conv.Conv2d", "Conv2d"},
                 {"__torch__.torch.nn.intrinsic.quantized.modules.conv_relu.ConvReLU2d", "Conv2d"},
                 {"__torch__.torch.nn.quantized.modules.conv.Conv3d", "Conv3d"},
                 {"__torch__.torch.nn.intrinsic.quantized.modules.conv_relu.ConvReLU3d", "Conv3d"}};
    str s = {0};
    const char *found = NULL;
    for (const char *p = qualname; *p;) { /* without the mangling */
        size_t n = strcspn(p, ".");
        if (!str_starts(p, "___torch_mangle_")) {
            if (s.len) str_add(&s, ".");
            str_add_n(&s, p, n);
        }
        p += n + (p[n] == '.');
    }
    for (size_t i = 0; i < COUNT_OF(table) && !found; i++)
        if (strcmp(str_text(&s), table[i].cls) == 0) found = table[i].packed;
    str_free(&s);
    return found;
}

static naru_status add_attr(filler *f, const char *name, const ast *annotation, const ast *dflt) {
    sattr a = {.name = name, .dflt = {.tag = SV_UNINIT}};
    TRY(type_of_ast(f->u, annotation, &a.type, f->err));
    const char *packed =
        strcmp(name, "_packed_params") == 0 && a.type->kind == ST_TENSOR ? packed_class(f->c->c.qualname) : NULL;
    if (packed) {
        char text[100];
        sclass *c;
        snprintf(text, sizeof(text), "__torch__.torch.classes.quantized.%sPackedParamsBase", packed);
        TRY(unit_class(f->u, text, &c, f->err));
        a.type = c->type;
    }
    for (size_t i = 0; i < f->attrs.count; i++)
        if (strcmp(f->attrs.data[i].name, name) == 0) return NARU_OK;
    if (f->attrs.count >= UINT16_MAX)
        return source_error(f->err, NARU_LIMIT, annotation->at, "more than %d attributes", UINT16_MAX);
    if (dflt) TRY(const_value(f->u, dflt, a.type, &a.dflt, f->err));
    return ARRAY_PUSH(&f->attrs, a) ? NARU_OK : err_oom(f->err);
}

static bool is_final(const ast *annotation) {
    if (annotation->kind != AST_SUBSCRIPT || annotation->count != 2) return false;
    const ast *n = annotation->kids[0];
    return strcmp(n->kind == AST_NAME || n->kind == AST_ATTR ? n->text : "", "Final") == 0;
}

static naru_status add_constant(filler *f, const ast *n) {
    struct sconstant k = {.name = n->kids[0]->text};
    TRY(type_of_ast(f->u, n->kids[1]->kids[1], &k.type, f->err));
    TRY(const_value(f->u, n->kids[2], k.type, &k.value, f->err));
    if (ARRAY_PUSH(&f->constants, k)) return NARU_OK;
    sv_drop(k.value);
    return err_oom(f->err);
}

static naru_status annotated(filler *f, const ast *n) {
    const ast *target = n->kids[0];
    if (target->kind != AST_NAME) return source_error(f->err, NARU_BAD_MODEL, n->at, "unexpected statement in a class");
    if (is_final(n->kids[1]) && n->kids[2]) return add_constant(f, n);
    return add_attr(f, target->text, n->kids[1], n->kids[2]);
}

static naru_status add_member(filler *f, const ast *n) {
    senum *m = mem_calloc(1, sizeof(*m));
    if (!m) return err_oom(f->err);
    *m = (senum){.head = {.refs = 1, .tag = SV_ENUM, .shared = 1}, .cls = &f->c->c, .name = n->kids[0]->text};
    m->value = sv_none();
    naru_status st = const_value(f->u, n->kids[n->count - 1], NULL, &m->value, f->err);
    if (st == NARU_OK && !ARRAY_PUSH(&f->members, m)) st = err_oom(f->err);
    if (st != NARU_OK) sv_drop(sv_of(m));
    return st;
}

static naru_status assigned(filler *f, const ast *n) {
    const ast *target = n->kids[0], *v = n->kids[n->count - 1];
    sclass *c = &f->c->c;
    bool by_name = target->kind == AST_SUBSCRIPT && target->count == 2 && target->kids[0]->kind == AST_NAME &&
                   strcmp(target->kids[0]->text, "__annotations__") == 0 && target->kids[1]->kind == AST_STR;
    if (by_name && is_final(v)) return source_error(f->err, NARU_BAD_MODEL, n->at, "a constant needs a value");
    if (by_name) return add_attr(f, target->kids[1]->text, v, NULL);
    if (target->kind != AST_NAME) return source_error(f->err, NARU_BAD_MODEL, n->at, "unexpected statement in a class");
    if (c->kind == CLASS_ENUM) return add_member(f, n);
    if (v->kind != AST_LIST)
        return source_error(f->err, NARU_BAD_MODEL, n->at,
                            "'%s' is defined as a class attribute which currently is not supported", target->text);
    if (strcmp(target->text, "__parameters__") == 0) f->params = v;
    else if (strcmp(target->text, "__buffers__") == 0) f->buffers = v;
    else if (strcmp(target->text, "__forward_pre_hooks__") == 0) return names_list(f, v, &c->npre, &c->pre);
    else if (strcmp(target->text, "__forward_hooks__") == 0) return names_list(f, v, &c->nhooks, &c->hooks);
    return NARU_OK;
}

static bool decorated(const ast *def, const char *name) {
    const ast *d = def->kids[3];
    for (uint32_t i = 0; d && i < d->count; i++)
        if ((d->kids[i]->kind == AST_NAME || d->kids[i]->kind == AST_ATTR) && strcmp(d->kids[i]->text, name) == 0)
            return true;
    return false;
}

static naru_status add_method(filler *f, const ast *def) {
    const sclass *c = &f->c->c;
    size_t n = strlen(c->qualname) + strlen(def->text) + 2;
    char *qualname = arena_alloc(f->u->arena, n);
    if (!qualname) return err_oom(f->err);
    snprintf(qualname, n, "%s.%s", c->qualname, def->text);
    if (decorated(def, "setter")) return NARU_OK; /* properties can be read only */
    sfunction *m = function_new(f->u, qualname, def->text, c, def, f->c->file);
    if (!m || !ARRAY_PUSH(&f->methods, m)) return err_oom(f->err);
    fn_of(m)->is_static = decorated(def, "staticmethod");
    fn_of(m)->property = decorated(def, "property");
    return NARU_OK;
}

static naru_status fill_body(filler *f, const ast *body) {
    for (uint32_t i = 0; i < body->count; i++) {
        const ast *n = body->kids[i];
        switch (n->kind) {
        case AST_ANN_ASSIGN: TRY(annotated(f, n)); break;
        case AST_ASSIGN: TRY(assigned(f, n)); break;
        case AST_FUNCTION: TRY(add_method(f, n)); break;
        case AST_PASS:
        case AST_EXPR: break; /* docstrings */
        case AST_UNSUPPORTED: return source_error(f->err, NARU_UNSUPPORTED, n->at, "%s", n->text);
        default: return source_error(f->err, NARU_BAD_MODEL, n->at, "unexpected statement in a class");
        }
    }
    return NARU_OK;
}

static naru_status kind_of(filler *f) {
    static const struct {
        const char *base;
        sclass_kind kind;
    } bases[] = {{"Module", CLASS_MODULE},       {"NamedTuple", CLASS_TUPLE},
                 {"Interface", CLASS_INTERFACE}, {"ModuleInterface", CLASS_INTERFACE},
                 {"Enum", CLASS_ENUM},           {"IntEnum", CLASS_ENUM},
                 {"object", CLASS_PLAIN}};
    const ast *base = f->c->c.def->kids[0], *decorators = f->c->c.def->kids[2];
    f->c->c.kind = CLASS_PLAIN;
    for (uint32_t i = 0; decorators && i < decorators->count; i++)
        if (decorators->kids[i]->kind == AST_ATTR && strcmp(decorators->kids[i]->text, "interface") == 0) {
            f->c->c.kind = CLASS_INTERFACE;
            return NARU_OK;
        }
    if (!base || !base->count) return NARU_OK;
    const ast *b = base->kids[0];
    const char *name = b->kind == AST_NAME || b->kind == AST_ATTR ? b->text : "";
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        if (strcmp(bases[i].base, name) == 0) {
            f->c->c.kind = bases[i].kind;
            return NARU_OK;
        }
    return source_error(f->err, NARU_UNSUPPORTED, b->at, "TorchScript classes does not support inheritance yet");
}

static void mark_attrs(filler *f, const ast *list, bool params) {
    for (uint32_t i = 0; list && i < list->count; i++)
        for (size_t k = 0; k < f->attrs.count; k++)
            if (list->kids[i]->kind == AST_STR && strcmp(f->attrs.data[k].name, list->kids[i]->text) == 0) {
                if (params) f->attrs.data[k].param = true;
                else f->attrs.data[k].buffer = true;
            }
}

static naru_status keep(filler *f) {
    sclass *c = &f->c->c;
    arena *a = f->u->arena;
    c->attrs = arena_dup(a, f->attrs.data, f->attrs.count * sizeof(sattr));
    c->constants = arena_dup(a, f->constants.data, f->constants.count * sizeof(struct sconstant));
    c->methods = arena_dup(a, f->methods.data, f->methods.count * sizeof(sfunction *));
    c->members = arena_dup(a, f->members.data, f->members.count * sizeof(senum *));
    if (!c->attrs || !c->constants || !c->methods || !c->members) return err_oom(f->err);
    c->nattrs = (int)f->attrs.count;
    c->nconstants = (int)f->constants.count;
    c->nmethods = (int)f->methods.count;
    c->nmembers = (int)f->members.count;
    f->attrs.count = f->constants.count = f->members.count = 0; /* theirs now */
    if (c->kind != CLASS_TUPLE) return NARU_OK;
    const stype **items = arena_alloc(a, (size_t)(c->nattrs + 1) * sizeof(*items));
    if (!items) return err_oom(f->err);
    for (int i = 0; i < c->nattrs; i++) items[i] = c->attrs[i].type;
    f->c->type = (stype){.kind = ST_TUPLE, .n = c->nattrs, .args = items, .cls = c};
    return NARU_OK;
}

naru_status class_fill(unit *u, class_in *c, naru_error *err) {
    filler f = {.u = u, .c = c, .err = err};
    naru_status st = kind_of(&f);
    if (st == NARU_OK) st = fill_body(&f, c->c.def->kids[1]);
    if (st == NARU_OK) {
        mark_attrs(&f, f.params, true);
        mark_attrs(&f, f.buffers, false);
        st = keep(&f);
    }
    for (size_t i = 0; i < f.attrs.count; i++) sv_drop(f.attrs.data[i].dflt);
    for (size_t i = 0; i < f.constants.count; i++) sv_drop(f.constants.data[i].value);
    for (size_t i = 0; i < f.members.count; i++) sv_drop(sv_of(f.members.data[i]));
    ARRAY_FREE(&f.attrs);
    ARRAY_FREE(&f.constants);
    ARRAY_FREE(&f.methods);
    ARRAY_FREE(&f.members);
    return st;
}

naru_status class_methods(unit *u, class_in *c, naru_error *err) {
    filler f = {.u = u, .c = c, .err = err};
    const ast *body = c->c.def->kids[1];
    naru_status st = NARU_OK;
    for (uint32_t i = 0; i < body->count && st == NARU_OK; i++)
        if (body->kids[i]->kind == AST_FUNCTION) st = add_method(&f, body->kids[i]);
    c->c.methods = arena_dup(u->arena, f.methods.data, f.methods.count * sizeof(sfunction *));
    if (st == NARU_OK && !c->c.methods) st = err_oom(err);
    if (st == NARU_OK) c->c.nmethods = (int)f.methods.count;
    ARRAY_FREE(&f.methods);
    return st;
}

/* ---- signatures ---- */
static naru_status sign_param(unit *u, sfunction *f, const ast *p, int i, sparam *out, naru_error *err) {
    bool self = i == 0 && f->owner && !fn_of(f)->is_static;
    *out =
        (sparam){.name = p->text, .kwonly = (p->flags & AST_KEYWORD_ONLY) != 0}; /* calls look at refused ones, too */
    if (p->flags & (AST_STAR | AST_STAR_STAR) || (p->flags & AST_KEYWORD_ONLY && p->kids[1]))
        return source_error(
            err, NARU_UNSUPPORTED, p->at,
            "Compiled functions can't take variable number of arguments or use keyword-only arguments with defaults");
    if (self && !p->kids[0]) out->type = f->owner->type;
    else if (p->kids[0]) TRY(type_of_ast(u, p->kids[0], &out->type, err));
    else out->type = &stype_tensor;
    if (!p->kids[1]) return NARU_OK;
    TRY(const_value(u, p->kids[1], out->type, &out->dflt, err));
    out->has_default = true;
    const stype *t = type_of_value(u, out->dflt);
    if (!t) return err_oom(err);
    if (stype_subtype(t, out->type) || out->dflt.tag == SV_LIST || out->dflt.tag == SV_TUPLE) return NARU_OK;
    str s = {0};
    stype_print(out->type, &s);
    naru_status st =
        source_error(err, NARU_BAD_MODEL, p->at, "Expected a default value of type %s%s on parameter \"%s\"",
                     str_text(&s), p->kids[0] ? "" : " (inferred)", p->text);
    str_free(&s);
    return st;
}

static naru_status sign_now(unit *u, sfunction *f, naru_error *err) {
    const ast *params = f->def->kids[0];
    sparam *out = arena_calloc(u->arena, params->count + 1, sizeof(*out));
    if (!out) return err_oom(err);
    f->params = out;
    for (uint32_t i = 0; i < params->count; i++) {
        f->nparams = (int)i + 1;
        TRY(sign_param(u, f, params->kids[i], (int)i, &out[i], err));
    }
    if (f->def->kids[1]) TRY(type_of_ast(u, f->def->kids[1], &f->ret, err));
    else if (f->owner && f->owner->kind == CLASS_INTERFACE) f->ret = &stype_none;
    return NARU_OK;
}

static naru_status sign_locked(unit *u, sfunction *f, naru_error *err) {
    fn_in *in = fn_of(f);
    if (f->state == FN_FAILED) return err_set(err, in->code, "%s", f->failure);
    if (f->state != FN_DECLARED) return NARU_OK;
    naru_error e = NARU_ERROR_INIT;
    naru_status st = sign_now(u, f, &e);
    if (st == NARU_OK) {
        __atomic_store_n(&f->state, FN_SIGNED, __ATOMIC_RELEASE);
        return NARU_OK;
    }
    if (st == NARU_OUT_OF_MEMORY) { /* it may work the next time */
        for (int i = 0; i < f->nparams; i++) sv_drop(f->params[i].dflt);
        f->nparams = 0;
        return err_oom(err);
    }
    in->code = st;
    f->failure = arena_strdup(u->arena, e.message);
    if (!f->failure) f->failure = "out of memory";
    __atomic_store_n(&f->state, FN_FAILED, __ATOMIC_RELEASE);
    return err_set(err, st, "%s", f->failure);
}

naru_status unit_sign(unit *u, sfunction *f, naru_error *err) {
    int state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);
    if (state == FN_SIGNED || state == FN_COMPILED) return NARU_OK;
    pthread_mutex_lock(&u->lock);
    naru_status st = sign_locked(u, f, err);
    pthread_mutex_unlock(&u->lock);
    return st;
}
