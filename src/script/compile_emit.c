/* SPDX-License-Identifier: MIT
 *
 * The compiler's bottom: errors, temporaries, constants, instructions, and packing them when a function is done.
 */
#include "script/compile_in.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- errors ---- */
bool cfail(cc *C, naru_status st, src_range at, const char *fmt, ...) {
    if (C->st != NARU_OK) return false;
    char text[800];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    C->st = at.src ? source_error(C->err, st, at, "%s", text) : err_set(C->err, st, "%s", text);
    return false;
}

bool cpass(cc *C, naru_status st) {
    if (st != NARU_OK && C->st == NARU_OK) C->st = st;
    return st == NARU_OK;
}

bool coom(cc *C) { return cpass(C, err_oom(C->err)); }

const char *ctext(cc *C, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const char *s = arena_strdup(C->arena, text);
    return s ? s : "";
}

const char *ctype(cc *C, const stype *t) {
    str s = {0};
    if (t) stype_print(t, &s);
    const char *text = arena_strdup(C->arena, str_text(&s));
    str_free(&s);
    return text ? text : "";
}

/* ---- registers ---- */
reg c_temps(cc *C, int n) {
    reg r = REG_TEMP | C->temps;
    C->temps += (uint32_t)n;
    if (C->temps > C->max_temps) C->max_temps = C->temps;
    if (C->temps > UINT16_MAX) cfail(C, NARU_LIMIT, C->at, "the function needs more than %d registers", UINT16_MAX);
    return r;
}

reg c_temp(cc *C) { return c_temps(C, 1); }

/* ---- instructions ---- */
uint32_t c_emit(cc *C, insn_op op, uint32_t a, uint32_t b, uint32_t c, uint32_t n) {
    xinsn x = {.op = (uint8_t)op, .n = n, .a = a, .b = b, .c = c, .pos = C->at.start, .mark = C->temps};
    if (C->st == NARU_OK && C->code.count >= 1u << 22) cfail(C, NARU_LIMIT, C->at, "the function is too long");
    if (C->st == NARU_OK && n > UINT8_MAX && op != INSN_TSLICE)
        cfail(C, NARU_LIMIT, C->at, "more than %d values in one place", UINT8_MAX);
    if (C->st == NARU_OK && !ARRAY_PUSH(&C->code, x)) coom(C);
    return C->code.count ? here(C) - 1 : 0;
}

/* ---- constants ---- */
static bool const_key(sv k, char *key, size_t n) { /* text that is equal for equal constants */
    switch (k.tag) {
    case SV_NONE: snprintf(key, n, "n"); return true;
    case SV_UNINIT: snprintf(key, n, "u"); return true;
    case SV_BOOL: snprintf(key, n, "b%d", k.b); return true;
    case SV_INT: snprintf(key, n, "i%lld", (long long)k.i); return true;
    case SV_FLOAT: {
        uint64_t bits;
        memcpy(&bits, &k.f, sizeof(bits));
        snprintf(key, n, "f%llx", (unsigned long long)bits);
        return true;
    }
    case SV_STR:
        if (sv_string(k)->len + 2 > n || strlen(sv_string(k)->data) != sv_string(k)->len) return false;
        snprintf(key, n, "s%s", sv_string(k)->data);
        return true;
    default:
        if (!sv_heap(k)) return false;
        snprintf(key, n, "o%p", (void *)k.o);
        return true;
    }
}

uint32_t c_const_at(cc *C, sv k) {
    char key[100];
    struct strmap_entry *e = NULL;
    if (C->st != NARU_OK) {
        sv_drop(k);
        return 0;
    }
    if (const_key(k, key, sizeof(key))) {
        bool fresh;
        e = strmap_find(&C->const_index, key);
        if (e) {
            sv_drop(k);
            return (uint32_t)e->num;
        }
        const char *kept = arena_strdup(C->arena, key);
        e = kept ? strmap_put(&C->const_index, kept, &fresh) : NULL;
        if (e) e->num = (int64_t)C->consts.count;
    }
    sv_share(k);
    if (C->consts.count > UINT16_MAX) cfail(C, NARU_LIMIT, C->at, "more than %d constants in a function", UINT16_MAX);
    if (C->st != NARU_OK || !ARRAY_PUSH(&C->consts, k)) {
        sv_drop(k);
        if (C->st == NARU_OK) coom(C);
        return 0;
    }
    return (uint32_t)C->consts.count - 1;
}

uint32_t c_type_at(cc *C, const stype *t) {
    if (!t) {
        coom(C);
        return 0;
    }
    size_t from = C->types.count > 64 ? C->types.count - 64 : 0;
    for (size_t i = C->types.count; i-- > from;)
        if (C->types.data[i] == t || stype_equal(C->types.data[i], t)) return (uint32_t)i;
    if (!ARRAY_PUSH(&C->types, t)) coom(C);
    else if (C->types.count > UINT16_MAX) cfail(C, NARU_LIMIT, C->at, "more than %d types in a function", UINT16_MAX);
    return (uint32_t)(C->types.count ? C->types.count - 1 : 0);
}

/* ---- values ---- */
val val_in(reg r, const stype *t) { return (val){.kind = VAL_REG, .r = r, .type = t}; }

val val_const(cc *C, sv k, const stype *t) {
    if (sv_heap(k)) {
        uint32_t i = c_const_at(C, k);
        k = i < C->consts.count ? C->consts.data[i] : sv_none();
    }
    return (val){.kind = VAL_CONST, .k = k, .type = t, .r = REG_ANY};
}

bool c_into(cc *C, val *v, reg dst) {
    if (v->kind == VAL_CONST) {
        c_emit(C, INSN_CONST, dst, c_const_at(C, sv_keep(v->k)), 0, 0);
    } else if (v->kind != VAL_REG) {
        return cfail(C, NARU_INTERNAL, C->at, "a value was expected here");
    } else if (v->r != dst) {
        c_emit(C, INSN_MOVE, dst, v->r, 0, 0);
    }
    v->kind = VAL_REG;
    v->r = dst;
    return C->st == NARU_OK;
}

bool c_in_reg(cc *C, val *v, reg dst) {
    if (v->kind == VAL_REG) return C->st == NARU_OK;
    return c_into(C, v, want(C, dst));
}

/* The class of an operator's named results ("values, indices"), made once. */
static const sclass *fields_class(cc *C, const schema *s) {
    str key = {0};
    for (int i = 0; i < s->nreturns; i++) {
        if (!s->return_names[i]) {
            str_free(&key);
            return NULL;
        }
        str_add(&key, s->return_names[i]);
        str_add(&key, ",");
    }
    sclass *c = strmap_get(&unit_of(C->u)->fields, str_text(&key));
    const char *kept = c ? NULL : arena_strdup(C->arena, str_text(&key));
    str_free(&key);
    if (c) return c;
    class_in *made = kept ? arena_calloc(C->arena, 1, sizeof(*made)) : NULL;
    sattr *attrs = kept ? arena_calloc(C->arena, (size_t)s->nreturns, sizeof(*attrs)) : NULL;
    struct strmap_entry *e = made && attrs ? strmap_put(&unit_of(C->u)->fields, kept, NULL) : NULL;
    if (!e) return NULL;
    for (int i = 0; i < s->nreturns; i++) attrs[i] = (sattr){.name = s->return_names[i], .type = s->returns[i]};
    made->c = (sclass){.unit = C->u, .qualname = s->name, .name = s->name, .kind = CLASS_TUPLE, .attrs = attrs};
    made->c.nattrs = s->nreturns;
    made->state = CLASS_READY;
    e->ptr = made;
    return &made->c;
}

static bool pack_multi(cc *C, val *v) {
    const stype *t = stype_tuple(C->arena, v->n, v->type->args, fields_class(C, v->schema));
    if (!t) return coom(C);
    c_emit(C, INSN_TUPLE, v->r, c_type_at(C, t), v->r, (uint32_t)v->n);
    *v = (val){.kind = VAL_REG, .r = v->r, .type = t, .taint = v->taint};
    return C->st == NARU_OK;
}

static bool pack_items_now(cc *C, val *v) {
    const stype **types = arena_alloc(C->arena, (size_t)(v->n + 1) * sizeof(*types));
    if (!types) return coom(C);
    reg base = c_temps(C, v->n ? v->n : 1);
    uint32_t taint = 0;
    for (int i = 0; i < v->n; i++) {
        val item = v->items[i];
        if (!c_as_value(C, &item, NULL) || !c_into(C, &item, base + (uint32_t)i)) return false;
        types[i] = item.type;
        taint = taint_join(C, taint, item.taint);
    }
    const stype *t = stype_tuple(C->arena, v->n, types, NULL);
    if (!t) return coom(C);
    c_emit(C, INSN_TUPLE, base, c_type_at(C, t), base, (uint32_t)v->n);
    *v = (val){.kind = VAL_REG, .r = base, .type = t, .taint = taint};
    return C->st == NARU_OK;
}

bool c_as_value(cc *C, val *v, const ast *at) {
    src_range where = at ? at->at : C->at;
    switch (v->kind) {
    case VAL_REG:
    case VAL_CONST: return C->st == NARU_OK;
    case VAL_MULTI: return pack_multi(C, v);
    case VAL_PACK: return pack_items_now(C, v);
    case VAL_FUNCTION: {
        stype *t = arena_calloc(C->arena, 1, sizeof(*t));
        if (!t) return coom(C);
        *t = (stype){.kind = ST_FUNCTION, .name = v->fn->qualname};
        *v = val_const(C, (sv){.tag = SV_FUNCTION, .fn = v->fn}, t);
        return C->st == NARU_OK;
    }
    case VAL_TYPE: return cfail(C, NARU_BAD_MODEL, where, "a type cannot be used as a value: %s", ctype(C, v->type));
    case VAL_METHOD: return cfail(C, NARU_BAD_MODEL, where, "method '%s' cannot be used as a value", v->name);
    case VAL_SPACE: return cfail(C, NARU_BAD_MODEL, where, "module '%s' cannot be used as a value", v->name);
    default:
        return cfail(C, NARU_BAD_MODEL, where, "a builtin cannot be used as a value%s%s", v->name ? ": " : "",
                     v->name ? v->name : "");
    }
}

/* ---- packing ---- */
typedef struct packer {
    bool ok;
} packer;

static uint16_t field(packer *p, char format, uint32_t v) {
    if (format == '-') v = 0;
    if (v > UINT16_MAX) p->ok = false;
    return (uint16_t)v;
}

static void copy_arrays(cc *C, code *k) {
    arena *a = C->arena;
    k->consts = arena_dup(a, C->consts.data, C->consts.count * sizeof(sv));
    k->calls = arena_dup(a, C->calls.data, C->calls.count * sizeof(scall));
    k->types = arena_dup(a, C->types.data, C->types.count * sizeof(*C->types.data));
    k->insns = arena_alloc(a, C->code.count * sizeof(insn));
    k->pos = arena_alloc(a, C->code.count * sizeof(uint32_t));
}

bool code_finish(cc *C) {
    if (!code_lifetimes(C) || !code_share_registers(C)) return false;
    code k = {.ninsns = (int)C->code.count, .nconsts = (int)C->consts.count};
    packer p = {true};
    k.ncalls = (int)C->calls.count;
    k.ntypes = (int)C->types.count;
    k.nregs = (int)(C->nslots + C->max_temps);
    copy_arrays(C, &k);
    if (!k.consts || !k.calls || !k.types || !k.insns || !k.pos) return coom(C);
    for (size_t i = 0; i < C->code.count; i++) {
        const xinsn *x = &C->code.data[i];
        const char *f = insn_format(x->op);
        k.insns[i] = (insn){x->op, (uint8_t)(f[3] == '-' ? 0 : x->n), field(&p, f[0], x->a), field(&p, f[1], x->b),
                            field(&p, f[2], x->c)};
        k.pos[i] = x->pos;
    }
    if (!p.ok || k.ninsns > UINT16_MAX || k.nregs > UINT16_MAX || C->calls.count > UINT16_MAX)
        return cfail(C, NARU_LIMIT, C->at, "the function is too large: %d instructions, %d registers", k.ninsns,
                     k.nregs);
    C->consts.count = 0; /* theirs now */
    C->f->f.code = k;
    return true;
}
