/* SPDX-License-Identifier: MIT
 *
 * Names from outside the function and attributes: namespaces (torch, ops, math, __torch__ ...), attributes and methods
 * of objects, what tensors, devices and enums answer.
 */
#include "script/compile_in.h"

#include <math.h>

/* ---- namespaces ---- */
static bool is_space(const char *dotted) {
    static const char *const spaces[] = {
        "torch.nn",       "torch.nn.functional", "torch.nn.utils", "torch.nn.utils.rnn", "torch.jit",
        "torch.linalg",   "torch.fft",           "torch.special",  "torch.autograd",     "torch.autograd.profiler",
        "torch.cuda",     "torch.cuda.amp",      "torch.amp",      "torch._C",           "torch._C._nn",
        "torch.ops",      "torch.utils",         "torch.compiler", "torch.onnx",         "torch.functional",
        "torch.backends", "torch.distributed",   "torch.overrides"};
    for (size_t i = 0; i < COUNT_OF(spaces); i++)
        if (strcmp(spaces[i], dotted) == 0) return true;
    return false;
}

static val space(cc *C, const char *name) { return (val){.kind = VAL_SPACE, .name = name, .r = REG_ANY}; }
static val builtin(const char *name) { return (val){.kind = VAL_BUILTIN, .name = name, .r = REG_ANY}; }

static bool in_torch(cc *C, const char *dotted, val *out) {
    static const struct {
        const char *prefix, *op;
    } families[] = {{"torch.linalg.", "linalg_"}, {"torch.fft.", "fft_"}, {"torch.special.", "special_"},
                    {"torch.nn.functional.", ""}, {"torch._C._nn.", ""},  {"torch.functional.", ""}};
    int64_t number;
    special_fn special = special_find(dotted);
    if (strcmp(dotted, "torch.jit.wait") == 0 || strcmp(dotted, "torch.jit._wait") == 0) *out = builtin("aten::wait");
    else if (special) *out = (val){.kind = VAL_SPECIAL, .special = special, .name = dotted, .r = REG_ANY};
    else if (is_space(dotted)) *out = space(C, dotted);
    else if (strcmp(dotted, "torch.Tensor") == 0) *out = (val){.kind = VAL_TYPE, .type = &stype_tensor, .r = REG_ANY};
    else if (torch_constant(dotted + 6, &number)) *out = val_const(C, sv_int(number), &stype_int);
    else {
        const char *op = ctext(C, "aten::%s", dotted + 6);
        for (size_t i = 0; i < COUNT_OF(families); i++)
            if (str_starts(dotted, families[i].prefix))
                op = ctext(C, "aten::%s%s", families[i].op, dotted + strlen(families[i].prefix));
        *out = builtin(op);
    }
    return C->st == NARU_OK;
}

static bool in_math(cc *C, const ast *n, const char *name, val *out) {
    static const struct {
        const char *name;
        double v;
    } numbers[] = {{"pi", 3.14159265358979323846},
                   {"e", 2.71828182845904523536},
                   {"tau", 6.28318530717958647692},
                   {"inf", INFINITY},
                   {"nan", NAN}};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (strcmp(numbers[i].name, name) == 0) {
            *out = val_const(C, sv_float(numbers[i].v), &stype_float);
            return true;
        }
    *out = builtin(ctext(C, "aten::%s", name));
    return operator_find(C, out->name) ||
           cfail(C, NARU_UNSUPPORTED, n->at, "Python builtin math.%s is currently not supported in Torchscript", name);
}

static bool constant_of_archive(cc *C, const ast *n, const char *name, val *out) {
    int64_t i = -1;
    stuple *t = sv_tuple(C->u->constants);
    if (name[0] != 'c' || !str_parse_i64(name + 1, &i) || !t || i < 0 || i >= t->n)
        return cfail(C, NARU_BAD_MODEL, n->at, "there is no constant CONSTANTS.%s: the archive has %d", name,
                     t ? t->n : 0);
    const stype *type = type_of_value(C->u, t->items[i]);
    if (!type) return coom(C);
    *out = val_const(C, sv_keep(t->items[i]), type);
    out->taint = TAINT_ATTR;
    return C->st == NARU_OK;
}

static void class_or_function(sclass *cls, sfunction *fn, val *out) {
    *out = (val){.kind = fn ? VAL_FUNCTION : VAL_TYPE, .fn = fn, .r = REG_ANY};
    if (cls) out->type = cls->kind == CLASS_TUPLE ? class_of(cls)->c.type : cls->type;
}

static bool in_unit(cc *C, const ast *n, const char *prefix, const char *name, val *out) {
    sclass *cls;
    sfunction *fn;
    if (!cpass(C, unit_lookup(C->u, prefix, name, &cls, &fn, C->err))) return false;
    if (cls || fn) class_or_function(cls, fn, out);
    else *out = space(C, ctext(C, "%s.%s", prefix, name));
    return true;
}

static bool space_attr(cc *C, const val *obj, const ast *n, const char *name, val *out) {
    const char *s = obj->name;
    if (strcmp(s, "math") == 0) return in_math(C, n, name, out);
    if (strcmp(s, "CONSTANTS") == 0) return constant_of_archive(C, n, name, out);
    if (strcmp(s, "ops") == 0 || strcmp(s, "torch.ops") == 0) {
        *out = space(C, ctext(C, "ops.%s", name));
        return true;
    }
    if (str_starts(s, "ops.")) {
        special_fn special_ = special_find(ctext(C, "%s.%s", s, name));
        if (special_) *out = (val){.kind = VAL_SPECIAL, .special = special_, .name = name, .r = REG_ANY};
        else *out = builtin(ctext(C, "%s::%s", s + 4, name));
        return true;
    }
    if (str_starts(s, "torch")) return in_torch(C, ctext(C, "%s.%s", s, name), out);
    if (str_starts(s, "__torch__")) return in_unit(C, n, s, name, out);
    const char *dotted = ctext(C, "%s.%s", s, name);
    special_fn special = special_find(dotted);
    if (!special) return cfail(C, NARU_BAD_MODEL, n->at, "module '%s' has no attribute '%s'", s, name);
    *out = (val){.kind = VAL_SPECIAL, .special = special, .name = dotted, .r = REG_ANY};
    return true;
}

/* ---- free names ---- */
/* `import torch.nn.functional as F`, `from math import sqrt` at the top of the file. */
static const char *imported(cc *C, const char *name) {
    const ast *module = C->f->file ? C->f->file->module : NULL;
    for (uint32_t i = 0; module && i < module->count; i++) {
        const ast *n = module->kids[i];
        for (uint32_t k = 0; n->kind == AST_IMPORT && k < n->count; k++) {
            const ast *a = n->kids[k], *as = a->count ? a->kids[0] : NULL;
            const char *bound = as ? as->text : a->text;
            if (strcmp(bound, name) == 0) return n->text ? ctext(C, "%s.%s", n->text, a->text) : a->text;
        }
    }
    return NULL;
}

static bool from_dotted(cc *C, const ast *n, const char *dotted, val *out) {
    char *path = arena_strdup(C->arena, dotted), *rest = path;
    if (!path) return coom(C);
    char *part = strsep(&rest, ".");
    *out = space(C, part);
    while (rest) {
        val inner = *out;
        part = strsep(&rest, ".");
        if (!c_attribute(C, &inner, n, part, REG_ANY, out)) return false;
    }
    return true;
}

static bool in_file(cc *C, const char *name, val *out) { /* functions and classes beside this one */
    src_file *f = C->f->file;
    *out = (val){.r = REG_ANY};
    if (!f || !strmap_find(&f->defs, name)) return true;
    char *prefix = arena_strndup(C->arena, f->path, strlen(f->path) - 3);
    if (!prefix) return coom(C);
    for (char *p = prefix; *p; p++)
        if (*p == '/') *p = '.';
    sclass *cls;
    sfunction *fn;
    if (!cpass(C, unit_lookup(C->u, prefix, name, &cls, &fn, C->err))) return false;
    if (cls || fn) class_or_function(cls, fn, out);
    return true;
}

static bool from_owner(cc *C, const ast *n, const char *name, val *out, bool *done) {
    const unit_in *u = unit_of(C->u);
    unit_name x = {.kind = NAME_UNKNOWN};
    *done = false;
    if (!u->names) return true;
    if (!cpass(C, u->names(u->names_user, &C->f->f, name, &x, C->err))) return false;
    *done = x.kind != NAME_UNKNOWN;
    switch (x.kind) {
    case NAME_VALUE: *out = val_const(C, x.value, x.type); break;
    case NAME_FUNCTION:
    case NAME_CLASS: class_or_function(x.cls, x.fn, out); break;
    case NAME_SPACE: return from_dotted(C, n, x.dotted, out);
    default: break;
    }
    return C->st == NARU_OK;
}

/* A Python global that is no constant of the language. */
static bool is_global(const cc *C, const char *name) {
    const ast *module = C->f->file ? C->f->file->module : NULL;
    for (uint32_t i = 0; module && i < module->count; i++) {
        const ast *n = module->kids[i];
        if (n->kind == AST_ASSIGN || n->kind == AST_ANN_ASSIGN)
            if (n->kids[0]->kind == AST_NAME && strcmp(n->kids[0]->text, name) == 0) return true;
    }
    return false;
}

bool c_find_name(cc *C, const ast *n, const char *name, val *out) {
    bool done;
    if (!from_owner(C, n, name, out, &done) || done) return C->st == NARU_OK;
    static const char *const spaces[] = {"torch", "ops", "CONSTANTS", "__torch__", "math", "warnings"};
    for (size_t i = 0; i < COUNT_OF(spaces); i++)
        if (strcmp(spaces[i], name) == 0) {
            *out = space(C, spaces[i]);
            return true;
        }
    static const struct {
        const char *name;
        double v;
        bool imaginary;
    } numbers[] = {{"inf", INFINITY, false}, {"nan", NAN, false}, {"infj", INFINITY, true}, {"nanj", NAN, true}};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (strcmp(numbers[i].name, name) == 0) {
            if (numbers[i].imaginary) *out = val_const(C, sv_complex(0, numbers[i].v), &stype_complex);
            else *out = val_const(C, sv_float(numbers[i].v), &stype_float);
            return C->st == NARU_OK;
        }
    if (!in_file(C, name, out) || out->kind == VAL_FUNCTION || out->kind == VAL_TYPE) return C->st == NARU_OK;
    const char *dotted = imported(C, name);
    if (dotted && strcmp(dotted, name) != 0) return from_dotted(C, n, dotted, out);
    special_fn special = special_find(name);
    if (special) {
        *out = (val){.kind = VAL_SPECIAL, .special = special, .name = name, .r = REG_ANY};
        return true;
    }
    static const struct {
        const char *name, *op;
    } ops[] = {{"min", "prim::min"},       {"max", "prim::max"},  {"abs", "prim::abs"},     {"all", "aten::all"},
               {"any", "aten::any"},       {"sum", "aten::sum"},  {"round", "aten::round"}, {"sorted", "aten::sorted"},
               {"divmod", "aten::divmod"}, {"pow", "aten::pow"},  {"ord", "aten::ord"},     {"chr", "aten::chr"},
               {"hex", "aten::hex"},       {"oct", "aten::oct"},  {"bin", "aten::bin"},     {"hash", "aten::hash"},
               {"id", "prim::id"},         {"wait", "aten::wait"}};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (strcmp(ops[i].name, name) == 0) {
            *out = builtin(ops[i].op);
            return true;
        }
    if (is_global(C, name))
        return cfail(C, NARU_BAD_MODEL, n->at,
                     "python value '%s' cannot be used as a value. Perhaps it is a closed over global variable? If so, "
                     "please consider passing it in as an argument or use a local variable instead.",
                     name);
    return cfail(C, NARU_BAD_MODEL, n->at, "undefined value %s", name);
}

/* ---- objects ---- */
static bool read_slot(cc *C, val *obj, int slot, reg dst, val *out) {
    const stype *t = obj->type->cls->attrs[slot].type;
    if (!c_in_reg(C, obj, REG_ANY)) return false;
    reg r = dst != REG_ANY ? dst : is_temp(obj->r) ? obj->r : c_temp(C);
    c_emit(C, INSN_ATTR, r, obj->r, (uint32_t)slot, 0);
    uint32_t taint = obj->type->cls->kind == CLASS_MODULE ? TAINT_ATTR : obj->taint;
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_of(taint, t)};
    return C->st == NARU_OK;
}

/* The attributes of a plain class are known once its __init__ is compiled. */
bool class_init(cc *C, const sclass *c, src_range at) {
    sfunction *init = c->kind == CLASS_PLAIN ? sclass_method(c, "__init__") : NULL;
    if (!init || fn_of(init)->compiling || fn_of(init)->done || init->state == FN_COMPILED) return true;
    return compile_callee(C, init, at);
}

static bool class_attr(cc *C, val *obj, const ast *n, const char *name, reg dst, val *out) {
    const sclass *c = obj->type->cls;
    int slot = sclass_attr(c, name);
    if (slot < 0 && !sclass_method(c, name) && !class_init(C, c, n->at)) return false;
    slot = sclass_attr(c, name);
    if (slot >= 0 && c->kind != CLASS_ENUM) return read_slot(C, obj, slot, dst, out);
    const struct sconstant *k = sclass_constant(c, name);
    if (k) {
        *out = val_const(C, sv_keep(k->value), k->type);
        return C->st == NARU_OK;
    }
    sfunction *fn = sclass_method(c, name);
    if (fn && fn_of(fn)->property) return c_call_method(C, obj, name, 0, NULL, n->at, dst, out);
    if (fn) {
        *out = (val){.kind = VAL_METHOD, .fn = fn, .r = obj->r, .type = obj->type, .k = obj->k, .taint = obj->taint};
        out->name = name;
        out->n = obj->kind == VAL_CONST;
        return true;
    }
    if (c->kind == CLASS_MODULE)
        return cfail(C, NARU_BAD_MODEL, n->at, "Module '%s' has no attribute '%s'", c->name, name);
    return cfail(C, NARU_BAD_MODEL, n->at, "'%s' object has no attribute or method '%s'", c->qualname, name);
}

static bool class_member(cc *C, const val *cls, const ast *n, const char *name, val *out) { /* C.name */
    const stype *t = cls->type;
    const sclass *c = t->cls;
    if (c && strcmp(name, "__new__") == 0) {
        *out = *cls;
        out->name = "__new__";
        return true;
    }
    for (int i = 0; c && i < c->nmembers; i++)
        if (strcmp(c->members[i]->name, name) == 0) {
            sv mention = senum_mention(c->members[i]);
            if (mention.tag == SV_UNINIT) return coom(C);
            *out = val_const(C, mention, t);
            return C->st == NARU_OK;
        }
    sfunction *fn = c ? sclass_method(c, name) : NULL;
    if (fn) {
        *out = (val){.kind = VAL_FUNCTION, .fn = fn, .r = REG_ANY};
        return true;
    }
    return cfail(C, NARU_BAD_MODEL, n->at, "type %s has no attribute '%s'", ctype(C, t), name);
}

/* ---- tensors and other values ---- */
static const char *property_op(const stype *t, const char *name) {
    static const struct {
        stype_kind kind;
        const char *name, *op;
    } table[] = {{ST_TENSOR, "dtype", "prim::dtype"},
                 {ST_TENSOR, "device", "prim::device"},
                 {ST_TENSOR, "grad", "prim::grad"},
                 {ST_TENSOR, "data", "prim::data"},
                 {ST_TENSOR, "shape", "aten::size"},
                 {ST_TENSOR, "is_cuda", "prim::is_cuda"},
                 {ST_TENSOR, "is_cpu", "prim::is_cpu"},
                 {ST_TENSOR, "is_xla", "prim::is_xla"},
                 {ST_TENSOR, "is_xpu", "prim::is_xpu"},
                 {ST_TENSOR, "is_sparse", "prim::is_sparse"},
                 {ST_TENSOR, "is_mkldnn", "prim::is_mkldnn"},
                 {ST_TENSOR, "is_mps", "prim::is_mps"},
                 {ST_TENSOR, "is_quantized", "prim::is_quantized"},
                 {ST_TENSOR, "is_vulkan", "prim::is_vulkan"},
                 {ST_TENSOR, "is_meta", "prim::is_meta"},
                 {ST_TENSOR, "is_leaf", "aten::is_leaf"},
                 {ST_TENSOR, "is_nested", "prim::is_nested"},
                 {ST_TENSOR, "requires_grad", "prim::requires_grad"},
                 {ST_TENSOR, "layout", "prim::layout"},
                 {ST_TENSOR, "T", "aten::numpy_T"},
                 {ST_TENSOR, "H", "aten::matrix_H"},
                 {ST_TENSOR, "mT", "aten::mT"},
                 {ST_TENSOR, "mH", "aten::mH"},
                 {ST_TENSOR, "ndim", "aten::dim"},
                 {ST_TENSOR, "real", "aten::real"},
                 {ST_TENSOR, "imag", "aten::imag"},
                 {ST_TENSOR, "name", "prim::name"},
                 {ST_TENSOR, "itemsize", "prim::itemsize"},
                 {ST_TENSOR, "nbytes", "prim::nbytes"},
                 {ST_DEVICE, "type", "prim::type"},
                 {ST_DEVICE, "index", "prim::index"}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].kind == t->kind && strcmp(table[i].name, name) == 0) return table[i].op;
    return NULL;
}

static const char *tensor_cast(const char *name) { /* x.float(): the name of the type */
    static const char *const casts[] = {"byte",  "char",   "short",  "int",     "long", "half",
                                        "float", "double", "cfloat", "cdouble", "bool", "bfloat16"};
    static const char *const types[] = {"uint8",   "int8",    "int16",     "int32",      "int64", "float16",
                                        "float32", "float64", "complex64", "complex128", "bool",  "bfloat16"};
    for (size_t i = 0; i < COUNT_OF(casts); i++)
        if (strcmp(casts[i], name) == 0) return types[i];
    return NULL;
}

static bool tuple_field(cc *C, val *obj, int i, reg dst, val *out) {
    const stype *t = obj->type->args[i];
    if (!c_in_reg(C, obj, REG_ANY)) return false;
    reg r = dst != REG_ANY ? dst : is_temp(obj->r) ? obj->r : c_temp(C);
    c_emit(C, INSN_ITEM, r, obj->r, (uint32_t)i, 0);
    if (C->st == NARU_OK) C->code.data[here(C) - 1].type = obj->type->args[i];
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_of(obj->taint, t)};
    return C->st == NARU_OK;
}

static bool enum_attr(cc *C, val *obj, const char *name, reg dst, val *out, bool *done) {
    bool is_value = strcmp(name, "value") == 0;
    *done = is_value || strcmp(name, "name") == 0;
    if (!*done) return true;
    const sclass *c = obj->type->cls;
    if (!c_emit_op(C, is_value ? "prim::EnumValue" : "prim::EnumName", 1, obj, dst, out)) return false;
    if (is_value && c->nmembers) out->type = type_of_value(C->u, c->members[0]->value);
    return out->type || coom(C);
}

static bool value_attr(cc *C, val *obj, const ast *n, const char *name, reg dst, val *out) {
    const stype *t = obj->type;
    bool done = false;
    if (t->kind == ST_CLASS && t->cls->kind == CLASS_ENUM && (!enum_attr(C, obj, name, dst, out, &done) || done))
        return C->st == NARU_OK;
    if (t->kind == ST_CLASS) return class_attr(C, obj, n, name, dst, out);
    if (t->kind == ST_TUPLE && t->cls) {
        int i = sclass_attr(t->cls, name);
        if (i >= 0) return tuple_field(C, obj, i, dst, out);
        sfunction *fn = sclass_method(t->cls, name);
        if (!fn) return cfail(C, NARU_BAD_MODEL, n->at, "%s has no field '%s'", t->cls->name, name);
    }
    if (t->kind == ST_OPTIONAL || t->kind == ST_NONE || t->kind == ST_ANY)
        return cfail(C, NARU_BAD_MODEL, n->at, "'%s' object has no attribute or method '%s'.%s", ctype(C, t), name,
                     t->kind == ST_OPTIONAL ? " Did you forget to unwrap the Optional?" : "");
    const char *op = property_op(t, name);
    if (op) return c_emit_op(C, op, 1, obj, dst, out);
    if (t->kind == ST_TENSOR && tensor_cast(name)) {
        *out = *obj;
        out->kind = VAL_CAST;
        out->name = tensor_cast(name);
        return true;
    }
    *out = (val){.kind = VAL_BUILTIN,
                 .name = ctext(C, "aten::%s", name),
                 .r = obj->r,
                 .k = obj->k,
                 .type = t,
                 .taint = obj->taint};
    out->n = obj->kind == VAL_CONST;
    return C->st == NARU_OK;
}

bool c_attribute(cc *C, val *obj, const ast *n, const char *name, reg dst, val *out) {
    switch (obj->kind) {
    case VAL_SPACE: return space_attr(C, obj, n, name, out);
    case VAL_TYPE: return class_member(C, obj, n, name, out);
    case VAL_SPECIAL: return cfail(C, NARU_BAD_MODEL, n->at, "'%s' has no attribute '%s'", obj->name, name);
    default: return c_as_value(C, obj, n) && value_attr(C, obj, n, name, dst, out);
    }
}

bool c_has_attribute(cc *C, const val *obj, const char *name) {
    const stype *t = obj->type;
    if (!t) return false;
    if (t->kind == ST_CLASS)
        return sclass_attr(t->cls, name) >= 0 || sclass_constant(t->cls, name) || sclass_method(t->cls, name);
    if (t->kind == ST_TUPLE && t->cls) return sclass_attr(t->cls, name) >= 0;
    return property_op(t, name) || operator_find(C, ctext(C, "aten::%s", name));
}
