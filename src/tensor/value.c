/* SPDX-License-Identifier: MIT
 *
 * Values: a tensor, or a sequence, map or optional of values. Nesting is bounded by how they are built: readers limit
 * it.
 */
#include "tensor/tensor.h"

static naru_status value_new(naru_kind kind, naru_value **out, naru_error *err) {
    naru_value *v = mem_calloc(1, sizeof *v);
    if (!v) return err_oom(err);
    v->refs = 1;
    v->kind = kind;
    *out = v;
    return NARU_OK;
}

naru_status value_new_tensor(naru_tensor *t, naru_value **out, naru_error *err) {
    TRY(value_new(NARU_KIND_TENSOR, out, err));
    (*out)->tensor = tensor_ref(t);
    return NARU_OK;
}

naru_status value_new_sequence(naru_dtype elem, naru_value **out, naru_error *err) {
    TRY(value_new(NARU_KIND_SEQUENCE, out, err));
    (*out)->elem = elem;
    return NARU_OK;
}

naru_status value_push(naru_value *seq, naru_value *item, naru_error *err) {
    if (!array_reserve((void **)&seq->items, &seq->cap, seq->count + 1, sizeof *seq->items)) return err_oom(err);
    seq->items[seq->count++] = value_ref(item);
    if (seq->elem == NARU_UNDEFINED && item->kind == NARU_KIND_TENSOR) seq->elem = item->tensor->dtype;
    return NARU_OK;
}

naru_value *value_ref(naru_value *v) {
    atomic_fetch_add(&v->refs, 1);
    return v;
}

void value_unref(naru_value *v) {
    if (!v || atomic_load(&v->refs) == 0 || atomic_fetch_sub(&v->refs, 1) != 1) return;
    for (size_t i = 0; i < v->count; i++) value_unref(v->items[i]);
    mem_free(v->items);
    tensor_unref(v->tensor);
    mem_free(v);
}

/* ---- the exported half ---- */
static naru_status null_argument(const char *function, naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "%s: a required argument is NULL", function);
}

naru_status naru_value_from_tensor(naru_tensor *t, naru_value **out, naru_error *err) {
    if (!t || !out) return null_argument("naru_value_from_tensor", err);
    return value_new_tensor(t, out, err);
}

naru_status naru_value_from_list(naru_value *const *items, size_t count, naru_value **out, naru_error *err) {
    if (!out || (count && !items)) return null_argument("naru_value_from_list", err);
    naru_value *v = NULL;
    TRY(value_new_sequence(NARU_UNDEFINED, &v, err));
    for (size_t i = 0; i < count; i++) {
        naru_status st = items[i] ? value_push(v, items[i], err) : null_argument("naru_value_from_list", err);
        if (st != NARU_OK) {
            value_unref(v);
            return st;
        }
    }
    *out = v;
    return NARU_OK;
}

naru_status naru_value_from_map(naru_tensor *keys, naru_value *values, naru_value **out, naru_error *err) {
    if (!keys || !values || !out) return null_argument("naru_value_from_map", err);
    if (values->kind != NARU_KIND_SEQUENCE || keys->rank != 1 || (size_t)keys->dims[0] != values->count)
        return err_set(err, NARU_INVALID_ARGUMENT,
                       "a map needs a rank-1 tensor of keys and a sequence of as many values");
    naru_value *v = NULL;
    TRY(value_new(NARU_KIND_MAP, &v, err));
    for (size_t i = 0; i < values->count; i++) {
        naru_status st = value_push(v, values->items[i], err);
        if (st != NARU_OK) {
            value_unref(v);
            return st;
        }
    }
    v->tensor = tensor_ref(keys);
    *out = v;
    return NARU_OK;
}

naru_status naru_value_optional(naru_value *value, naru_value **out, naru_error *err) {
    if (!out) return null_argument("naru_value_optional", err);
    naru_value *v = NULL;
    TRY(value_new(NARU_KIND_OPTIONAL, &v, err));
    naru_status st = value ? value_push(v, value, err) : NARU_OK;
    if (st == NARU_OK) *out = v;
    else value_unref(v);
    return st;
}

naru_value *naru_value_retain(naru_value *v) { return v ? value_ref(v) : NULL; }
void naru_value_destroy(naru_value **v) {
    if (!v) return;
    value_unref(*v);
    *v = NULL;
}
naru_kind naru_value_kind(const naru_value *v) { return v->kind; }
naru_tensor *naru_value_tensor(const naru_value *v) { return v->kind == NARU_KIND_TENSOR ? v->tensor : NULL; }
size_t naru_value_count(const naru_value *v) { return v->count; }
naru_value *naru_value_item(const naru_value *v, size_t i) { return i < v->count ? v->items[i] : NULL; }
naru_tensor *naru_value_keys(const naru_value *v) { return v->kind == NARU_KIND_MAP ? v->tensor : NULL; }
