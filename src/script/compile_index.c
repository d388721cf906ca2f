/* SPDX-License-Identifier: MIT
 *
 * Subscripts: items and slices of lists, strings, dicts and tuples; indexing of tensors as select, slice, unsqueeze and
 * index; stores into all of them.
 */
#include "script/compile_in.h"

static val int_const(cc *C, int64_t i) { return val_const(C, sv_int(i), &stype_int); }
static val none_const(cc *C) { return val_const(C, sv_none(), &stype_none); }

static bool opt_value(cc *C, const ast *n, val *out) { /* a missing bound is None */
    if (n) return c_value(C, n, NULL, REG_ANY, out);
    *out = none_const(C);
    return true;
}

/* start, stop, step of a slice node */
static bool slice_parts(cc *C, const ast *n, val *parts) {
    if (!opt_value(C, n->kids[0], &parts[0]) || !opt_value(C, n->kids[1], &parts[1])) return false;
    if (n->kids[2]) return c_value(C, n->kids[2], NULL, REG_ANY, &parts[2]);
    parts[2] = int_const(C, 1);
    return true;
}

/* ---- tensors ---- */
typedef struct indexing {
    val view;      /* what ints, slices and None left */
    val *tensors;  /* per dimension of view: a tensor, or kind VAL_TYPE for none */
    int ntensors;  /* entries of tensors */
    bool advanced; /* there is at least one */
} indexing;

static bool consumes(const ast *n) { return n->kind != AST_NONE && n->kind != AST_ELLIPSIS; }

static bool put_tensor(cc *C, indexing *x, int dim, val *v) {
    if (dim < 0)
        return cfail(C, NARU_UNSUPPORTED, C->at, "Ellipses followed by tensor indexing is currently not supported");
    while (x->ntensors <= dim) x->tensors[x->ntensors++] = (val){.kind = VAL_TYPE};
    x->tensors[dim] = *v;
    x->advanced = true;
    return true;
}

/* The view lives in a register of its own from the first operation on. */
static bool view_op(cc *C, indexing *x, const char *op, int n, const val *rest) {
    val all[5] = {x->view};
    uint32_t taint = x->view.taint;
    for (int i = 0; i < n; i++) all[i + 1] = rest[i];
    if (!c_emit_op(C, op, n + 1, all, is_temp(x->view.r) ? x->view.r : REG_ANY, &x->view)) return false;
    x->view.taint = taint;
    return true;
}

static bool index_one(cc *C, indexing *x, const ast *n, int *dim) {
    val v, rest[4];
    int at = *dim;
    if (n->kind == AST_SLICE) {
        rest[0] = int_const(C, at);
        if (!slice_parts(C, n, rest + 1) || !view_op(C, x, "aten::slice", 4, rest)) return false;
        ++*dim;
        return true;
    }
    if (!c_value(C, n, NULL, REG_ANY, &v)) return false;
    switch (v.type->kind) {
    case ST_INT:
        rest[0] = int_const(C, at);
        rest[1] = v;
        return view_op(C, x, "aten::select", 2, rest);
    case ST_NONE:
        rest[0] = int_const(C, at);
        ++*dim;
        return view_op(C, x, "aten::unsqueeze", 1, rest);
    case ST_LIST:
    case ST_TUPLE:
        if (!c_emit_op(C, "aten::tensor", 1, &v, REG_ANY, &v)) return false;
        /* fall through */
    case ST_TENSOR:
        if (!c_in_reg(C, &v, REG_ANY) || !put_tensor(C, x, at, &v)) return false;
        ++*dim;
        return true;
    case ST_OPTIONAL:
        if (v.type->args[0]->kind == ST_TENSOR) {
            if (!c_in_reg(C, &v, REG_ANY) || !put_tensor(C, x, at, &v)) return false;
            ++*dim;
            return true;
        }
        /* fall through */
    default:
        return cfail(C, NARU_BAD_MODEL, n->at,
                     "Unsupported operation: indexing tensor with unsupported index type '%s'. Only ints, slices, "
                     "lists and tensors are supported",
                     ctype(C, v.type));
    }
}

static bool index_tensor(cc *C, const ast *n, val *obj, indexing *x) {
    *x = (indexing){.view = *obj};
    x->tensors = arena_calloc(C->arena, n->count + 1, sizeof(val));
    if (!x->tensors) return coom(C);
    int dim = 0, left = 0;
    for (uint32_t i = 1; i < n->count; i++) left += consumes(n->kids[i]);
    bool ellipsis = false;
    for (uint32_t i = 1; i < n->count; i++) {
        const ast *k = n->kids[i];
        if (k->kind == AST_ELLIPSIS) {
            if (ellipsis) return cfail(C, NARU_BAD_MODEL, k->at, "An index can only have one ellipsis");
            ellipsis = true;
            dim = -left;
            if (left == 0) dim = 0;
            continue;
        }
        left -= consumes(k);
        if (ellipsis && k->kind == AST_NONE) { /* behind it: counted from the end */
            val at = int_const(C, -left - 1);
            if (!view_op(C, x, "aten::unsqueeze", 1, &at)) return false;
            continue;
        }
        if (ellipsis) dim = -left - 1;
        if (!index_one(C, x, k, &dim)) return false;
    }
    return C->st == NARU_OK;
}

static bool index_list(cc *C, indexing *x, val *out) { /* List[Optional[Tensor]] */
    reg base = c_temps(C, x->ntensors);
    const stype *t = stype_list(C->arena, stype_optional(C->arena, &stype_tensor));
    for (int i = 0; i < x->ntensors; i++) {
        val v = x->tensors[i].kind == VAL_TYPE ? none_const(C) : x->tensors[i];
        if (!c_into(C, &v, base + (uint32_t)i)) return false;
    }
    c_emit(C, INSN_LIST, base, c_type_at(C, t), base, (uint32_t)x->ntensors);
    *out = val_in(base, t);
    return C->st == NARU_OK;
}

static bool tensor_item(cc *C, const ast *n, val *obj, reg dst, val *out) {
    indexing x;
    if (!index_tensor(C, n, obj, &x)) return false;
    if (!x.advanced) {
        *out = x.view;
        if (n->count == 1 || x.view.r == obj->r) return c_emit_op(C, "aten::alias", 1, obj, dst, out);
        return true;
    }
    val both[2] = {x.view};
    return index_list(C, &x, &both[1]) && c_emit_op(C, "aten::index", 2, both, dst, out);
}

/* ---- tuples ---- */
static bool const_int(const val *v, int64_t *out) {
    if (v->kind != VAL_CONST || v->k.tag != SV_INT) return false;
    *out = v->k.i;
    return true;
}

static bool tuple_dynamic(cc *C, val *obj, val *index, reg dst, val *out) { /* all of one type */
    const stype *e = obj->type->n ? obj->type->args[0] : NULL;
    for (int i = 1; e && i < obj->type->n; i++)
        if (!stype_equal(e, obj->type->args[i])) e = NULL;
    const stype *t = e ? stype_list(C->arena, e) : NULL;
    if (!t || !c_fits(C, obj, t))
        return cfail(C, NARU_BAD_MODEL, C->at,
                     "Cannot index into a tuple with a non-integer literal because we cannot resolve the output type");
    return c_emit_op(C, "aten::__getitem__", 2, (val[]){*obj, *index}, dst, out);
}

static bool tuple_index(cc *C, const ast *n, val *obj, reg dst, val *out) {
    val v;
    int64_t i;
    int count = obj->type->n;
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &v)) return false;
    if (v.type->kind != ST_INT) return cfail(C, NARU_BAD_MODEL, n->at, "tuple index must be an integer");
    if (!const_int(&v, &i)) return tuple_dynamic(C, obj, &v, dst, out);
    if (i < -count || i >= count)
        return cfail(C, NARU_BAD_MODEL, n->at, "Tuple index out of range. Tuple is length %d and index is %lld", count,
                     (long long)i);
    if (i < 0) i += count;
    if (!c_in_reg(C, obj, REG_ANY)) return false;
    reg r = want(C, dst);
    c_emit(C, INSN_ITEM, r, obj->r, (uint32_t)i, 0);
    if (C->st == NARU_OK) C->code.data[here(C) - 1].type = obj->type->args[i];
    const stype *t = obj->type->args[i];
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_of(obj->taint, t)};
    return C->st == NARU_OK;
}

static int64_t clamp_index(int64_t i, int64_t n, int64_t low, int64_t high) {
    if (i < 0) i += n;
    return i < low ? low : i > high ? high : i;
}

/* Python's slice of n items: first index and count. */
static int64_t slice_count(int64_t n, const val *parts, int64_t step, int64_t *first) {
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1, start, stop;
    start = const_int(&parts[0], &start) ? clamp_index(start, n, low, high) : step > 0 ? low : high;
    stop = const_int(&parts[1], &stop) ? clamp_index(stop, n, low, high) : step > 0 ? high : low;
    *first = start;
    if (step > 0) return stop > start ? (stop - start - 1) / step + 1 : 0;
    return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

static bool tuple_slice(cc *C, const ast *n, val *obj, reg dst, val *out) {
    val parts[3];
    int64_t step, first;
    if (!slice_parts(C, n->kids[1], parts) || !c_in_reg(C, obj, REG_ANY)) return false;
    for (int i = 0; i < 3; i++)
        if (parts[i].kind != VAL_CONST)
            return cfail(C, NARU_BAD_MODEL, n->at, "tuple slices must have constant bounds");
    if (!const_int(&parts[2], &step) || step == 0) return cfail(C, NARU_BAD_MODEL, n->at, "slice step cannot be zero");
    int64_t count = slice_count(obj->type->n, parts, step, &first);
    const stype **types = arena_alloc(C->arena, (size_t)(count + 1) * sizeof(*types));
    if (!types) return coom(C);
    for (int64_t i = 0; i < count; i++) types[i] = obj->type->args[first + i * step];
    const stype *t = stype_tuple(C->arena, (int)count, types, NULL);
    reg r = want(C, dst), run = c_temps(C, count ? (int)count : 1);
    if (step == 1 && first + count <= UINT8_MAX) {
        c_emit(C, INSN_TSLICE, r, obj->r, (uint32_t)first, (uint32_t)(first + count));
    } else {
        for (int64_t i = 0; i < count; i++)
            c_emit(C, INSN_ITEM, run + (uint32_t)i, obj->r, (uint32_t)(first + i * step), 0);
        c_emit(C, INSN_TUPLE, r, c_type_at(C, t), run, (uint32_t)count);
    }
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = obj->taint};
    return t ? C->st == NARU_OK : coom(C);
}

/* ---- all ---- */
int submodules(const sclass *c) {
    int n = 0;
    for (int i = 0; i < c->nattrs; i++) {
        const stype *t = c->attrs[i].type;
        n += t->kind == ST_CLASS && (t->cls->kind == CLASS_MODULE || t->cls->kind == CLASS_INTERFACE);
    }
    return n;
}

static bool module_item(cc *C, const ast *n, val *obj, const stype *hint, reg dst,
                        val *out) { /* ModuleList[1], ModuleDict["a"] */
    val v;
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &v)) return false;
    if (v.kind == VAL_CONST && v.k.tag == SV_STR) return c_attribute(C, obj, n, sv_string(v.k)->data, dst, out);
    int64_t i;
    if (v.kind != VAL_CONST && hint && hint->kind == ST_CLASS && hint->cls->kind == CLASS_INTERFACE) {
        if (!c_emit_op(C, "prim::ModuleContainerIndex", 2, (val[]){*obj, v}, dst, out)) return false;
        out->type = hint; /* every item implements it */
        return true;
    }
    if (!const_int(&v, &i))
        return cfail(C, NARU_BAD_MODEL, n->at,
                     "Expected integer literal for index. ModuleList/Sequential indexing is only supported with "
                     "integer literals");
    int count = submodules(obj->type->cls);
    return c_attribute(C, obj, n, ctext(C, "%lld", (long long)(i < 0 ? i + count : i)), dst, out);
}

static bool pack_item(cc *C, const ast *n, const val *obj, val *out) {
    val v;
    int64_t i;
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &v)) return false;
    if (!const_int(&v, &i)) return cfail(C, NARU_BAD_MODEL, n->at, "Expected integer literal for index");
    if (i < 0) i += obj->n;
    if (i < 0 || i >= obj->n) return cfail(C, NARU_BAD_MODEL, n->at, "index out of range");
    *out = obj->items[i];
    return true;
}

static bool of_value(cc *C, const ast *n, val *obj, const stype *hint, reg dst, val *out) {
    const stype *t = obj->type;
    if (t->kind == ST_TENSOR) return tensor_item(C, n, obj, dst, out);
    if (t->kind == ST_CLASS && t->cls->kind == CLASS_MODULE && !sclass_method(t->cls, "__getitem__"))
        return module_item(C, n, obj, hint, dst, out);
    if (n->count != 2)
        return cfail(C, NARU_BAD_MODEL, n->at, "Only a single index is supported for values of type %s", ctype(C, t));
    const ast *index = n->kids[1];
    val all[4] = {*obj};
    if (t->kind == ST_TUPLE)
        return index->kind == AST_SLICE ? tuple_slice(C, n, obj, dst, out) : tuple_index(C, n, obj, dst, out);
    if (index->kind == AST_SLICE && (t->kind == ST_LIST || t->kind == ST_STR))
        return slice_parts(C, index, all + 1) && c_emit_op(C, "aten::slice", 4, all, dst, out);
    if (t->kind != ST_LIST && t->kind != ST_STR && t->kind != ST_DICT && t->kind != ST_CLASS)
        return cfail(C, NARU_BAD_MODEL, n->at, "'%s' object is not subscriptable", ctype(C, t));
    if (!c_value(C, index, NULL, REG_ANY, &all[1])) return false;
    if (t->kind == ST_CLASS) return c_call_method(C, obj, "__getitem__", 1, &all[1], n->at, dst, out);
    all[0] = *obj;
    if (t->kind == ST_DICT && !c_fits(C, &all[1], t->args[0]))
        return C->st == NARU_OK && cfail(C, NARU_BAD_MODEL, n->at, "Expected key type '%s' but found '%s'",
                                         ctype(C, t->args[0]), ctype(C, all[1].type));
    return c_emit_op(C, "aten::__getitem__", 2, all, dst, out);
}

bool c_subscript(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val obj;
    if (!c_expr(C, n->kids[0], NULL, REG_ANY, &obj)) return false;
    if (obj.kind == VAL_PACK && n->count == 2 && n->kids[1]->kind != AST_SLICE) return pack_item(C, n, &obj, out);
    return c_as_value(C, &obj, n->kids[0]) && of_value(C, n, &obj, hint, dst, out);
}

/* ---- stores ---- */
static bool as_tensor(cc *C, val *v, const val *like) { /* a number of the type and device of like */
    if (v->type->kind == ST_TENSOR) return true;
    call_args a = {.npos = 1, .base = c_temps(C, 3)};
    val dtype, device;
    bool ok = c_into(C, v, a.base) && c_emit_op(C, "prim::dtype", 1, like, a.base + 1, &dtype) &&
              c_emit_op(C, "prim::device", 1, like, a.base + 2, &device);
    ok = ok && ARRAY_PUSH(&a.list, ((argv){NULL, *v})) && ARRAY_PUSH(&a.list, ((argv){"dtype", dtype})) &&
         ARRAY_PUSH(&a.list, ((argv){"device", device}));
    ok = ok && c_call_op(C, "aten::tensor", &a, C->at, REG_ANY, v);
    ARRAY_FREE(&a.list);
    return ok;
}

static bool tensor_store(cc *C, const ast *n, val *obj, val *v) {
    indexing x;
    val none;
    if (!index_tensor(C, n, obj, &x) || !c_in_reg(C, &x.view, REG_ANY) || !as_tensor(C, v, &x.view)) return false;
    if (!x.advanced) return c_emit_op(C, "aten::copy_", 2, (val[]){x.view, *v}, REG_ANY, &none);
    val all[3] = {x.view};
    if (!index_list(C, &x, &all[1])) return false;
    all[2] = *v;
    return c_emit_op(C, "aten::index_put_", 3, all, REG_ANY, &none);
}

bool subscript_store(cc *C, const ast *n, val *v) {
    val obj, all[3], none;
    if (!c_value(C, n->kids[0], NULL, REG_ANY, &obj)) return false;
    if (obj.type->kind == ST_TENSOR) return tensor_store(C, n, &obj, v);
    if (n->count != 2 || n->kids[1]->kind == AST_SLICE)
        return cfail(C, NARU_UNSUPPORTED, n->at,
                     "Sliced expression not yet supported for subscripted assignment. File a bug if you want this");
    if (obj.type->kind != ST_LIST && obj.type->kind != ST_DICT && obj.type->kind != ST_CLASS)
        return cfail(C, NARU_BAD_MODEL, n->at, "'%s' object does not support item assignment", ctype(C, obj.type));
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &all[1])) return false;
    all[0] = obj;
    all[2] = *v;
    if (obj.type->kind == ST_CLASS) return c_call_method(C, &obj, "__setitem__", 2, &all[1], n->at, REG_ANY, &none);
    const stype *elem = obj.type->args[obj.type->n - 1];
    if (!c_fits(C, &all[2], elem))
        return C->st == NARU_OK &&
               cfail(C, NARU_BAD_MODEL, n->at, "Expected a value of type '%s' for assignment into '%s' but found '%s'",
                     ctype(C, elem), ctype(C, obj.type), ctype(C, v->type));
    return c_emit_op(C, "aten::_set_item", 3, all, REG_ANY, &none);
}

/* x[i] += v: the operation `op` in place on the view, or on a copy that is put back. */
bool subscript_update(cc *C, const ast *n, val *obj, const char *op, val *v) {
    indexing x;
    val none, got, all[3];
    if (!index_tensor(C, n, obj, &x) || !c_in_reg(C, &x.view, REG_ANY)) return false;
    if (!x.advanced) return c_emit_op(C, op, 2, (val[]){x.view, *v}, REG_ANY, &none);
    all[0] = x.view;
    if (!index_list(C, &x, &all[1]) || !c_emit_op(C, "aten::index", 2, all, REG_ANY, &got)) return false;
    got.taint = 0;
    if (!c_emit_op(C, op, 2, (val[]){got, *v}, REG_ANY, &got)) return false;
    all[2] = got;
    return c_emit_op(C, "aten::index_put_", 3, all, REG_ANY, &none);
}
