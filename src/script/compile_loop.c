/* SPDX-License-Identifier: MIT
 *
 * Loops: while, for over everything that can be iterated, comprehensions. A for loop without break counts with FOR;
 * with break it is a WHILE over its counter, with a flag `live` that break clears. continue and break clear `go`, which
 * guards what is left of the iteration. Tuples and containers of modules are unrolled.
 */
#include "script/compile_in.h"

/* ---- what is iterated over ---- */
typedef enum iter_kind { ITER_RANGE, ITER_INDEX, ITER_TENSOR, ITER_ITEMS, ITER_ZIP, ITER_ENUMERATE } iter_kind;

typedef struct iter {
    iter_kind kind;
    val source, start, step; /* INDEX, TENSOR: in a register; RANGE */
    bool simple;             /* RANGE(n) */
    const val *items;        /* ITEMS: known one by one */
    int n;                   /* ITEMS, ZIP: how many */
    struct iter *parts;      /* ZIP; ENUMERATE: one, start in `start` */
    val length;              /* unless ITEMS */
} iter;

static bool is_call_of(cc *C, const ast *n, const char *name) {
    if (n->kind != AST_CALL || n->kids[0]->kind != AST_NAME || strcmp(n->kids[0]->text, name) != 0) return false;
    var *x = var_find(C, name);
    return !x || x->now.state == VAR_UNDEFINED;
}

static bool int_arg(cc *C, const ast *n, val *out) {
    if (!c_value(C, n, NULL, REG_ANY, out) || !c_fits(C, out, &stype_int))
        return C->st == NARU_OK &&
               cfail(C, NARU_BAD_MODEL, n->at, "range() takes integers, not %s", ctype(C, out->type));
    if (out->kind == VAL_REG && !is_temp(out->r)) return c_into(C, out, c_temp(C)); /* the loop may assign it */
    return true;
}

static bool iter_range(cc *C, const ast *n, iter *it) {
    uint32_t count = n->count - 1;
    val v[3];
    if (count < 1 || count > 3)
        return cfail(C, NARU_BAD_MODEL, n->at, "range expected 1 to 3 arguments, got %u", count);
    for (uint32_t i = 0; i < count; i++)
        if (!int_arg(C, n->kids[i + 1], &v[i])) return false;
    it->kind = ITER_RANGE;
    it->simple = count == 1;
    it->start = count == 1 ? val_const(C, sv_int(0), &stype_int) : v[0];
    it->step = count == 3 ? v[2] : val_const(C, sv_int(1), &stype_int);
    if (count == 1) {
        it->length = v[0];
        return c_in_reg(C, &it->length, REG_ANY);
    }
    return c_emit_op(C, "aten::__range_length", 3, (val[]){v[0], v[1], it->step}, REG_ANY, &it->length) &&
           c_in_reg(C, &it->length, REG_ANY);
}

static bool iter_of(cc *C, const ast *n, iter *it, int depth);

static bool iter_zip(cc *C, const ast *n, iter *it, int depth) {
    it->kind = ITER_ZIP;
    it->n = (int)n->count - 1;
    it->parts = arena_calloc(C->arena, n->count, sizeof(*it->parts));
    if (!it->parts) return coom(C);
    if (!it->n) return cfail(C, NARU_BAD_MODEL, n->at, "zip expected at least 1 argument");
    int known = 0;
    for (int i = 0; i < it->n; i++) {
        if (!iter_of(C, n->kids[i + 1], &it->parts[i], depth)) return false;
        known += it->parts[i].kind == ITER_ITEMS;
    }
    if (known && known < it->n)
        return cfail(C, NARU_UNSUPPORTED, n->at, "zip cannot mix values of known and of unknown length");
    if (!known) {
        it->length = it->parts[0].length;
        for (int i = 1; i < it->n; i++)
            if (!c_emit_op(C, "prim::min", 2, (val[]){it->length, it->parts[i].length}, REG_ANY, &it->length))
                return false;
        return true;
    }
    int least = it->parts[0].n;
    for (int i = 1; i < it->n; i++) least = it->parts[i].n < least ? it->parts[i].n : least;
    val *items = arena_calloc(C->arena, (size_t)least + 1, sizeof(*items));
    if (!items) return coom(C);
    for (int i = 0; i < least; i++) {
        val *row = arena_calloc(C->arena, (size_t)it->n, sizeof(*row));
        if (!row) return coom(C);
        for (int k = 0; k < it->n; k++) row[k] = it->parts[k].items[i];
        items[i] = (val){.kind = VAL_PACK, .items = row, .n = it->n, .r = REG_ANY};
    }
    *it = (iter){.kind = ITER_ITEMS, .items = items, .n = least};
    return true;
}

static bool iter_enumerate(cc *C, const ast *n, iter *it, int depth) {
    iter *inner = arena_calloc(C->arena, 1, sizeof(*inner));
    if (!inner) return coom(C);
    if (n->count < 2 || n->count > 3) return cfail(C, NARU_BAD_MODEL, n->at, "enumerate expected 1 or 2 arguments");
    if (!iter_of(C, n->kids[1], inner, depth)) return false;
    it->start = val_const(C, sv_int(0), &stype_int);
    if (n->count == 3) {
        const ast *k = n->kids[2];
        if (!int_arg(C, k->kind == AST_KEYWORD ? k->kids[0] : k, &it->start)) return false;
    }
    if (inner->kind != ITER_ITEMS) {
        it->kind = ITER_ENUMERATE;
        it->parts = inner;
        it->length = inner->length;
        return true;
    }
    if (it->start.kind != VAL_CONST)
        return cfail(C, NARU_UNSUPPORTED, n->at, "enumerate over values known one by one needs a constant start");
    val *items = arena_calloc(C->arena, (size_t)inner->n + 1, sizeof(*items));
    for (int i = 0; items && i < inner->n; i++) {
        val *row = arena_calloc(C->arena, 2, sizeof(*row));
        if (!row) return coom(C);
        row[0] = val_const(C, sv_int(it->start.k.i + i), &stype_int);
        row[1] = inner->items[i];
        items[i] = (val){.kind = VAL_PACK, .items = row, .n = 2, .r = REG_ANY};
    }
    *it = (iter){.kind = ITER_ITEMS, .items = items, .n = inner->n};
    return items || coom(C);
}

/* Submodules of ModuleList, Sequential and ModuleDict (with `names` pairs), in order. */
static bool iter_modules(cc *C, val *obj, const ast *n, bool keys, bool values, iter *it) {
    const sclass *c = obj->type->cls;
    val *items = arena_calloc(C->arena, (size_t)c->nattrs + 1, sizeof(*items));
    int count = 0;
    if (!items) return coom(C);
    for (int i = 0; i < c->nattrs; i++) {
        const stype *t = c->attrs[i].type;
        if (t->kind != ST_CLASS || (t->cls->kind != CLASS_MODULE && t->cls->kind != CLASS_INTERFACE)) continue;
        val *pair = arena_calloc(C->arena, 2, sizeof(*pair));
        if (!pair) return coom(C);
        pair[0] = val_const(C, sv_strz(c->attrs[i].name), &stype_str);
        val o = *obj;
        if (values && !c_attribute(C, &o, n, c->attrs[i].name, c_temp(C), &pair[1])) return false;
        items[count++] = keys && values ? (val){.kind = VAL_PACK, .items = pair, .n = 2, .r = REG_ANY} : pair[values];
    }
    *it = (iter){.kind = ITER_ITEMS, .items = items, .n = count};
    return C->st == NARU_OK;
}

static bool iter_tuple(cc *C, val *v, iter *it) {
    int n = v->type->n;
    val *items = arena_calloc(C->arena, (size_t)n + 1, sizeof(*items));
    reg base = c_temps(C, n ? n : 1);
    if (!items) return coom(C);
    if (!c_in_reg(C, v, REG_ANY)) return false;
    c_emit(C, INSN_UNPACK, base, v->r, 0, (uint32_t)n);
    for (int i = 0; i < n; i++)
        items[i] = (val){.kind = VAL_REG,
                         .r = base + (uint32_t)i,
                         .type = v->type->args[i],
                         .taint = taint_of(v->taint, v->type->args[i])};
    *it = (iter){.kind = ITER_ITEMS, .items = items, .n = n};
    return C->st == NARU_OK;
}

static bool iter_enum(cc *C, const stype *t, iter *it) {
    val *items = arena_calloc(C->arena, (size_t)t->cls->nmembers + 1, sizeof(*items));
    for (int i = 0; items && i < t->cls->nmembers; i++) items[i] = val_const(C, sv_keep(sv_of(t->cls->members[i])), t);
    *it = (iter){.kind = ITER_ITEMS, .items = items, .n = t->cls->nmembers};
    return items || coom(C);
}

/* .items() / .keys() / .values() of a ModuleDict. */
static bool iter_module_dict(cc *C, const ast *n, iter *it, bool *done) {
    *done = false;
    if (n->kind != AST_CALL || n->count != 1 || n->kids[0]->kind != AST_ATTR) return true;
    const char *which = n->kids[0]->text;
    bool items = strcmp(which, "items") == 0, keys = strcmp(which, "keys") == 0, values = strcmp(which, "values") == 0;
    const ast *root = n->kids[0]->kids[0];
    while (root->kind == AST_ATTR) root = root->kids[0];
    if ((!items && !keys && !values) || root->kind != AST_NAME) return true;
    var *x = var_find(C, root->text);
    if (!x || x->now.state != VAR_VALUE || x->now.type->kind != ST_CLASS) return true;
    val obj;
    if (!c_value(C, n->kids[0]->kids[0], NULL, REG_ANY, &obj)) return false;
    if (obj.type->kind != ST_CLASS || obj.type->cls->kind != CLASS_MODULE || sclass_method(obj.type->cls, which))
        return true;
    *done = true;
    return iter_modules(C, &obj, n, items || keys, items || values, it);
}

static bool iter_value(cc *C, const ast *n, val *v, iter *it) {
    const stype *t = v->type;
    if (t->kind == ST_TUPLE) return iter_tuple(C, v, it);
    if (t->kind == ST_CLASS && t->cls->kind == CLASS_MODULE) return iter_modules(C, v, n, false, true, it);
    if (t->kind == ST_DICT && (!c_emit_op(C, "aten::keys", 1, v, REG_ANY, v))) return false;
    t = v->type;
    if (t->kind != ST_LIST && t->kind != ST_STR && t->kind != ST_TENSOR &&
        !(t->kind == ST_CLASS && sclass_method(t->cls, "__len__") && sclass_method(t->cls, "__getitem__")))
        return cfail(C, NARU_BAD_MODEL, n->at, "'%s' object is not iterable", ctype(C, t));
    it->kind = t->kind == ST_TENSOR ? ITER_TENSOR : ITER_INDEX;
    it->source = *v;
    if (v->kind != VAL_REG || !is_temp(v->r))
        if (!c_into(C, &it->source, c_temp(C))) return false;
    if (t->kind == ST_CLASS) return c_call_method(C, &it->source, "__len__", 0, NULL, n->at, REG_ANY, &it->length);
    return c_emit_op(C, "aten::len", 1, &it->source, REG_ANY, &it->length);
}

static bool iter_of(cc *C, const ast *n, iter *it, int depth) {
    *it = (iter){0};
    if (depth > 20) return cfail(C, NARU_LIMIT, n->at, "iterables nest too deep");
    if (is_call_of(C, n, "range")) return iter_range(C, n, it);
    if (is_call_of(C, n, "zip")) return iter_zip(C, n, it, depth + 1);
    if (is_call_of(C, n, "enumerate")) return iter_enumerate(C, n, it, depth + 1);
    bool done;
    if (!iter_module_dict(C, n, it, &done) || done) return C->st == NARU_OK;
    val v;
    if (!c_expr(C, n, NULL, REG_ANY, &v)) return false;
    if (v.kind == VAL_TYPE && v.type->kind == ST_CLASS && v.type->cls->kind == CLASS_ENUM)
        return iter_enum(C, v.type, it);
    if (v.kind == VAL_PACK) {
        *it = (iter){.kind = ITER_ITEMS, .items = v.items, .n = v.n};
        return true;
    }
    return c_as_value(C, &v, n) && iter_value(C, n, &v, it);
}

const stype *c_elem_type(cc *C, const stype *t) {
    const stype *e = t->n ? t->args[0] : NULL;
    if (t->kind != ST_TUPLE) return t->kind == ST_LIST ? e : NULL;
    for (int i = 1; i < t->n && e; i++) e = stype_unify(C->arena, e, t->args[i]);
    return e;
}

/* The item of iteration `i` (an int in a register). */
static bool item_at(cc *C, const iter *it, val *i, reg dst, val *out) {
    switch (it->kind) {
    case ITER_RANGE:
        if (it->simple) {
            *out = *i;
            return true;
        }
        return c_emit_op(C, "aten::__derive_index", 3, (val[]){*i, it->start, it->step}, dst, out);
    case ITER_TENSOR: {
        uint32_t taint = it->source.taint;
        if (!c_emit_op(C, "aten::select", 3, (val[]){it->source, val_const(C, sv_int(0), &stype_int), *i}, dst, out))
            return false;
        out->taint = taint;
        return true;
    }
    case ITER_INDEX:
        if (it->source.type->kind == ST_CLASS)
            return c_call_method(C, &it->source, "__getitem__", 1, i, C->at, dst, out);
        return c_emit_op(C, "aten::__getitem__", 2, (val[]){it->source, *i}, dst, out);
    default: break;
    }
    int n = it->kind == ITER_ZIP ? it->n : 2;
    val *row = arena_calloc(C->arena, (size_t)n, sizeof(*row));
    if (!row) return coom(C);
    if (it->kind == ITER_ZIP) {
        for (int k = 0; k < n; k++)
            if (!item_at(C, &it->parts[k], i, REG_ANY, &row[k])) return false;
    } else {
        bool zero = it->start.kind == VAL_CONST && it->start.k.i == 0;
        row[0] = *i;
        if (!zero && !c_emit_op(C, "aten::add", 2, (val[]){*i, it->start}, REG_ANY, &row[0])) return false;
        if (!item_at(C, it->parts, i, REG_ANY, &row[1])) return false;
    }
    *out = (val){.kind = VAL_PACK, .items = row, .n = n, .r = REG_ANY};
    return true;
}

/* ---- flags ---- */
static bool jumps_in(const ast *n, bool breaks_only) { /* break or continue of this loop */
    if (!n) return false;
    if (n->kind == AST_BREAK || (n->kind == AST_CONTINUE && !breaks_only)) return true;
    if (n->kind == AST_FOR || n->kind == AST_WHILE || n->kind == AST_FUNCTION) return false;
    if (n->kind != AST_BODY && n->kind != AST_IF && n->kind != AST_WITH) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (jumps_in(n->kids[i], breaks_only)) return true;
    return false;
}

static void loop_begin(cc *C, loop *l, const ast *body) {
    bool jumps = jumps_in(body, false), breaks = jumps_in(body, true);
    *l = (loop){.up = C->loop, .go = jumps ? c_temp(C) : REG_ANY, .live = breaks ? c_temp(C) : REG_ANY};
    if (breaks) c_emit(C, INSN_CONST, l->live, c_const_at(C, sv_bool(true)), 0, 0);
    C->loop = l;
}

static bool loop_body(cc *C, loop *l, const ast *body) {
    if (l->go != REG_ANY) c_emit(C, INSN_CONST, l->go, c_const_at(C, sv_bool(true)), 0, 0);
    l->jumps = false;
    l->scope = C->scope;
    return c_block(C, body);
}

static void loop_end(cc *C, loop *l) {
    C->loop = l->up;
    C->exits = FLOW_ON;
}

/* What is evaluated at the end of an iteration into `c`: `next` unless break was met. */
typedef bool (*next_fn)(cc *C, void *user, reg c);

static bool again(cc *C, const loop *l, reg c, next_fn next, void *user) {
    if (l->live == REG_ANY) return next(C, user, c);
    uint32_t mark = scope_open(C), branch = c_emit(C, INSN_IF, l->live, 0, 0, 0);
    bool ok = next(C, user, c);
    scope_close(C, mark, NULL);
    uint32_t jump = c_emit(C, INSN_JMP, 0, 0, 0, 0);
    if (!ok || C->st != NARU_OK) return false;
    C->code.data[branch].b = here(C);
    c_emit(C, INSN_CONST, c, c_const_at(C, sv_bool(false)), 0, 0);
    C->code.data[branch].c = C->code.data[jump].a = here(C);
    return C->st == NARU_OK;
}

/* ---- while ---- */
static bool next_condition(cc *C, void *user, reg c) {
    cond x;
    uint32_t keep = C->temps;
    if (!c_condition(C, user, c, &x)) return false;
    C->temps = keep;
    if (x.known >= 0) c_emit(C, INSN_CONST, c, c_const_at(C, sv_bool(x.known)), 0, 0);
    else if (x.r != c) c_emit(C, INSN_MOVE, c, x.r, 0, 0);
    return C->st == NARU_OK;
}

/* The condition is the bool variable itself when the body ends by setting it, as printed code does. */
static bool plain_flag(cc *C, const ast *n, reg *r) {
    if (n->kind != AST_NAME) return false;
    var *x = var_find(C, n->text);
    if (!x || x->now.state != VAR_VALUE || x->now.type->kind != ST_BOOL) return false;
    *r = (reg)(x - C->vars.data);
    return true;
}

bool stmt_while(cc *C, const ast *n) {
    reg c = REG_ANY;
    cond x = {.known = -1};
    bool flag = plain_flag(C, n->kids[0], &c);
    if (!flag) {
        c = c_temp(C);
        if (!c_condition(C, n->kids[0], c, &x)) return false;
        if (x.known == 0) return true;
        if (x.known > 0) c_emit(C, INSN_CONST, c, c_const_at(C, sv_bool(true)), 0, 0);
        else if (x.r != c) c_emit(C, INSN_MOVE, c, x.r, 0, 0);
    }
    loop l;
    loop_begin(C, &l, n->kids[1]);
    flag = flag && l.live == REG_ANY;
    if (l.live != REG_ANY && !is_temp(c)) { /* break ends the loop whatever the variable says */
        reg own = c_temp(C);
        c_emit(C, INSN_MOVE, own, c, 0, 0);
        c = own;
    }
    uint32_t top = c_emit(C, INSN_WHILE, c, 0, 0, 0), mark = scope_open(C), keep = C->temps;
    refine_apply(C, x.yes);
    bool ok = loop_body(C, &l, n->kids[1]);
    bool returned = C->exits == FLOW_RETURN;
    scope_close(C, mark, NULL);
    C->temps = keep;
    if (ok && !flag && !returned) ok = again(C, &l, c, next_condition, n->kids[0]);
    c_emit(C, INSN_AGAIN, top, 0, 0, 0);
    if (C->st == NARU_OK) C->code.data[top].c = here(C);
    loop_end(C, &l);
    if (ok && x.known == 1 && l.live == REG_ANY) C->exits = FLOW_RETURN; /* while True without break */
    return ok && C->st == NARU_OK;
}

/* ---- for ---- */
static bool unrolled(cc *C, const ast *n, const iter *it) {
    loop l = {.up = C->loop, .unrolled = true, .go = REG_ANY, .live = REG_ANY};
    l.scope = C->loop ? C->loop->scope : 0;
    C->loop = &l;
    bool ok = true;
    for (int i = 0; i < it->n && ok && C->exits == FLOW_ON; i++) {
        val v = it->items[i];
        uint32_t keep = C->temps;
        ok = c_assign_to(C, n->kids[0], &v, n->kids[1]->at) && c_block(C, n->kids[2]);
        C->temps = keep;
    }
    C->loop = l.up;
    return ok;
}

static bool assigned_in(const ast *n, const char *name) {
    if (!n) return false;
    if ((n->kind == AST_ASSIGN || n->kind == AST_AUG_ASSIGN || n->kind == AST_ANN_ASSIGN || n->kind == AST_FOR ||
         n->kind == AST_WITH_ITEM || n->kind == AST_DEL)) {
        uint32_t last = n->kind == AST_ASSIGN      ? n->count - 1
                        : n->kind == AST_DEL       ? n->count
                        : n->kind == AST_WITH_ITEM ? 2
                                                   : 1;
        for (uint32_t i = 0; i < last; i++) {
            const ast *t = n->kids[i];
            if (t && t->kind == AST_NAME && strcmp(t->text, name) == 0) return true;
            for (uint32_t k = 0; t && t->kind == AST_TUPLE && k < t->count; k++)
                if (t->kids[k]->kind != AST_NAME || strcmp(t->kids[k]->text, name) == 0) return true;
        }
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (n->kids[i] && n->kids[i]->height == 0 && assigned_in(n->kids[i], name)) return true;
    return false;
}

/* The counter may be the loop's variable itself when that is new and the body leaves it alone. */
static reg counter(cc *C, const ast *n, const iter *it) {
    const ast *t = n->kids[0];
    if (it->kind != ITER_RANGE || !it->simple || t->kind != AST_NAME) return c_temp(C);
    var *x = var_find(C, t->text);
    if ((x && x->now.state != VAR_UNDEFINED) || assigned_in(n->kids[2], t->text)) return c_temp(C);
    return (reg)var_of(C, t->text);
}

typedef struct counting {
    reg i;
    val length;
} counting;

static bool next_count(cc *C, void *user, reg c) {
    counting *k = user;
    val i = val_in(k->i, &stype_int), out;
    uint32_t keep = C->temps;
    bool ok = c_emit_op(C, "aten::add", 2, (val[]){i, val_const(C, sv_int(1), &stype_int)}, k->i, &out) &&
              c_emit_op(C, "aten::lt", 2, (val[]){i, k->length}, c, &out);
    C->temps = keep;
    return ok;
}

static bool for_item(cc *C, const ast *n, const iter *it, reg i) {
    val index = val_in(i, &stype_int), item;
    const ast *t = n->kids[0];
    reg dst = t->kind == AST_NAME && it->kind != ITER_RANGE ? (reg)var_of(C, t->text) : REG_ANY;
    return item_at(C, it, &index, dst, &item) && c_assign_to(C, t, &item, n->kids[1]->at);
}

static bool for_breaking(cc *C, const ast *n, const iter *it, loop *l) {
    counting k = {.i = c_temp(C), .length = it->length};
    reg c = c_temp(C);
    val first;
    c_emit(C, INSN_CONST, k.i, c_const_at(C, sv_int(0)), 0, 0);
    if (!c_emit_op(C, "aten::lt", 2, (val[]){val_in(k.i, &stype_int), k.length}, c, &first)) return false;
    uint32_t top = c_emit(C, INSN_WHILE, c, 0, 0, 0), mark = scope_open(C), keep = C->temps;
    bool ok = for_item(C, n, it, k.i) && loop_body(C, l, n->kids[2]);
    bool returned = C->exits == FLOW_RETURN;
    scope_close(C, mark, NULL);
    C->temps = keep;
    if (ok && !returned) ok = again(C, l, c, next_count, &k);
    c_emit(C, INSN_AGAIN, top, 0, 0, 0);
    if (C->st == NARU_OK) C->code.data[top].c = here(C);
    return ok;
}

static bool for_counting(cc *C, const ast *n, const iter *it, loop *l) {
    reg i = counter(C, n, it);
    uint32_t top = c_emit(C, INSN_FOR, i, it->length.r, 0, 0), mark = scope_open(C), keep = C->temps;
    bool ok = for_item(C, n, it, i) && loop_body(C, l, n->kids[2]);
    scope_close(C, mark, NULL);
    C->temps = keep;
    c_emit(C, INSN_NEXT, top, 0, 0, 0);
    if (C->st == NARU_OK) C->code.data[top].c = here(C);
    return ok;
}

bool stmt_for(cc *C, const ast *n) {
    iter it;
    if (!iter_of(C, n->kids[1], &it, 0)) return false;
    if (it.kind == ITER_ITEMS) return unrolled(C, n, &it);
    if (!c_in_reg(C, &it.length, REG_ANY)) return false;
    loop l;
    loop_begin(C, &l, n->kids[2]);
    bool ok = l.live != REG_ANY ? for_breaking(C, n, &it, &l) : for_counting(C, n, &it, &l);
    loop_end(C, &l);
    return ok && C->st == NARU_OK;
}

/* ---- comprehensions ---- */
/* Targets of a comprehension are variables of their own: their names are bound anew and given back afterwards. */
typedef struct shadowed {
    const char *name;
    int64_t num;
} shadowed;
typedef ARRAY(shadowed) shadows;

static void shadow(cc *C, const ast *target, shadows *old) {
    if (target->kind == AST_NAME) {
        struct strmap_entry *e = strmap_put(&C->var_index, target->text, NULL);
        if (!e || !ARRAY_PUSH(old, ((shadowed){target->text, e->num}))) coom(C);
        else e->num = 0;
    }
    for (uint32_t i = 0; i < target->count && C->st == NARU_OK; i++) shadow(C, target->kids[i], old);
}

static void unshadow(cc *C, shadows *old) {
    while (old->count) {
        shadowed s = old->data[--old->count];
        struct strmap_entry *e = strmap_find(&C->var_index, s.name);
        if (e && s.num) e->num = s.num;
    }
    ARRAY_FREE(old);
}

typedef struct making { /* the container of a comprehension */
    const ast *n;
    bool dict;
    reg r;
    uint32_t at; /* the instruction that made it */
    const stype *wanted, *type;
    uint32_t taint;
} making;

static bool put_type(cc *C, making *m, const stype *k, const stype *v) {
    const stype *t = m->dict ? stype_dict(C->arena, k, v) : stype_list(C->arena, v);
    if (!t) return coom(C);
    if (m->type && !stype_equal(m->type, t)) {
        const stype *u = stype_unify(C->arena, m->type->args[m->type->n - 1], v);
        if (!u) u = stype_union(C->arena, 2, (const stype *[]){m->type->args[m->type->n - 1], v});
        t = m->dict ? stype_dict(C->arena, k, u) : stype_list(C->arena, u);
    }
    m->type = t;
    C->code.data[m->at].b = c_type_at(C, t);
    return C->st == NARU_OK;
}

static bool put_item(cc *C, making *m) {
    val all[3] = {{0}}, none;
    const stype *w = m->wanted;
    if (m->dict && !c_value_in(C, m->n->kids[0], w ? w->args[0] : NULL, c_temp(C), &all[1])) return false;
    val *v = &all[1 + m->dict];
    const stype *hint = w ? w->args[m->dict] : NULL;
    if (!c_value_in(C, m->n->kids[m->dict], hint, c_temp(C), v)) return false;
    if (hint && c_fits(C, v, hint)) v->type = hint;
    if (!put_type(C, m, m->dict ? all[1].type : NULL, v->type)) return false;
    m->taint = taint_join(C, m->taint, taint_of(v->taint, v->type));
    all[0] = val_in(m->r, m->type);
    return c_emit_op(C, m->dict ? "aten::_set_item" : "aten::append", m->dict ? 3 : 2, all, REG_ANY, &none);
}

static bool make_counting(cc *C, making *m, const ast *clause, const iter *it) {
    val length = it->length, index = val_in(c_temp(C), &stype_int), item;
    if (!c_in_reg(C, &length, REG_ANY)) return false;
    uint32_t top = c_emit(C, INSN_FOR, index.r, length.r, 0, 0), keep = C->temps;
    bool ok =
        item_at(C, it, &index, REG_ANY, &item) && c_assign_to(C, clause->kids[0], &item, clause->at) && put_item(C, m);
    C->temps = keep;
    c_emit(C, INSN_NEXT, top, 0, 0, 0);
    if (C->st == NARU_OK) C->code.data[top].c = here(C);
    return ok;
}

static bool make_unrolled(cc *C, making *m, const ast *clause, const iter *it) {
    for (int i = 0; i < it->n; i++) {
        val v = it->items[i];
        uint32_t keep = C->temps;
        if (!c_assign_to(C, clause->kids[0], &v, clause->at) || !put_item(C, m)) return false;
        C->temps = keep;
    }
    return true;
}

static bool fill(cc *C, making *m, const ast *clause, const iter *it) {
    shadows old = {0};
    uint32_t mark = scope_open(C);
    shadow(C, clause->kids[0], &old);
    bool ok = C->st == NARU_OK &&
              (it->kind == ITER_ITEMS ? make_unrolled(C, m, clause, it) : make_counting(C, m, clause, it));
    scope_close(C, mark, NULL);
    unshadow(C, &old);
    return ok;
}

bool c_comprehension(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    making m = {.n = n, .dict = n->kind == AST_DICT_COMP, .r = c_temp(C)};
    const ast *clause = n->kids[1 + m.dict];
    const stype *w = hint && hint->kind == ST_OPTIONAL ? hint->args[0] : hint;
    if (w && w->kind == (m.dict ? ST_DICT : ST_LIST)) m.wanted = w;
    if (n->count > 2u + m.dict)
        return cfail(C, NARU_UNSUPPORTED, n->at, "List comprehensions with more than one for are not supported yet");
    if (clause->count > 2) return cfail(C, NARU_UNSUPPORTED, n->at, "Comprehension ifs are not supported yet");
    uint32_t keep = C->temps;
    iter it;
    if (!iter_of(C, clause->kids[1], &it, 0)) return false;
    reg none = c_temp(C);
    const stype *empty = m.wanted ? m.wanted
                         : m.dict ? stype_dict(C->arena, &stype_str, &stype_tensor)
                                  : stype_list(C->arena, &stype_tensor);
    m.at = c_emit(C, m.dict ? INSN_DICT : INSN_LIST, m.r, c_type_at(C, empty), none, 0);
    if (C->st != NARU_OK || !fill(C, &m, clause, &it)) return false;
    C->temps = keep;
    *out = (val){.kind = VAL_REG, .r = m.r, .type = m.type ? m.type : empty, .taint = m.taint};
    return dst == REG_ANY || c_into(C, out, dst);
}
