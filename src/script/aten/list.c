/* SPDX-License-Identifier: MIT
 *
 * Lists: access, growing and shrinking, joining, searching. Order and sorting are in order.c. Items compare by value,
 * tensors by their one element.
 */
#include "script/aten/order.h"

/* ---- access ---- */
bool fast_list_len(const sv *a, sv *out) {
    return a[0].tag == SV_LIST && (*out = sv_int((int64_t)((slist *)a[0].o)->count), true);
}
SIMPLE(list_len)

bool fast_list_getitem(const sv *a, sv *out) {
    if (a[0].tag != SV_LIST || a[1].tag != SV_INT) return false;
    const slist *l = (slist *)a[0].o;
    int64_t i = a[1].i;
    return host_index(&i, l->count) && (*out = sv_keep(l->items[i]), true);
}

/* The place of item `at` (an argument), or NULL: said. */
static sv *item_at(lower *L, const slist *l, int at) {
    int64_t i = arg_int(L, at);
    if (!l || !lower_ok(L)) return NULL;
    if (host_index(&i, l->count)) return &l->items[i];
    lower_raise(L, "RuntimeError", "list index out of range");
    return NULL;
}
void aten_list_getitem(lower *L) {
    const sv *at = item_at(L, host_list(L, 0), 1);
    if (at) ret_value(L, sv_keep(*at));
}

bool fast_list_setitem(const sv *a, sv *out) {
    if (a[0].tag != SV_LIST || a[1].tag != SV_INT || a[0].o->shared) return false;
    slist *l = (slist *)a[0].o;
    int64_t i = a[1].i;
    if (!host_index(&i, l->count)) return false;
    sv_set(&l->items[i], sv_keep(a[2]));
    return *out = sv_keep(a[0]), true;
}
void aten_list_setitem(lower *L) {
    slist *l = host_list(L, 0);
    sv *at = item_at(L, l, 1), v = arg(L, 2);
    if (!at) return;
    if (!sv_join(&l->head, v)) return host_oom(L);
    sv_set(at, sv_keep(v));
    ret_value(L, sv_keep(arg(L, 0)));
}

/* ---- growing and shrinking ---- */
bool fast_list_append(const sv *a, sv *out) {
    if (a[0].tag != SV_LIST || a[0].o->shared) return false;
    slist *l = (slist *)a[0].o;
    if (l->count == l->cap) return false;
    l->items[l->count++] = sv_keep(a[1]);
    return *out = sv_keep(a[0]), true;
}
void aten_list_append(lower *L) {
    slist *l = host_list(L, 0);
    if (l && host_push(L, l, sv_keep(arg(L, 1)))) ret_value(L, sv_keep(arg(L, 0)));
}

static bool reserve(lower *L, slist *l, uint64_t more) {
    uint64_t n = l->count + more;
    if (n > INT32_MAX) return lower_fail(L, NARU_LIMIT, "a list of %llu items", (unsigned long long)n), false;
    if (array_reserve((void **)&l->items, &l->cap, (size_t)n, sizeof(sv))) return true;
    host_oom(L);
    return false;
}

/* Appends the first n items of `from` (maybe l itself). */
static bool append_all(lower *L, slist *l, const slist *from, size_t n) {
    if (!reserve(L, l, n)) return false;
    for (size_t i = 0; i < n; i++)
        if (!host_push(L, l, sv_keep(from->items[i]))) return false;
    return true;
}
void aten_list_extend(lower *L) {
    slist *l = host_list(L, 0), *from = host_list(L, 1);
    if (l && from) append_all(L, l, from, from->count);
}
void aten_list_iadd(lower *L) {
    slist *l = host_list(L, 0), *from = host_list(L, 1);
    if (l && from && append_all(L, l, from, from->count)) ret_value(L, sv_keep(arg(L, 0)));
}

void aten_list_insert(lower *L) {
    slist *l = host_list(L, 0);
    int64_t i = arg_int(L, 1);
    if (!l || !lower_ok(L)) return;
    int64_t n = (int64_t)l->count;
    i = i < 0 ? i64_max(i + n, 0) : i64_min(i, n);
    if (!host_push(L, l, sv_keep(arg(L, 2)))) return;
    sv v = l->items[n];
    memmove(&l->items[i + 1], &l->items[i], (size_t)(n - i) * sizeof(sv));
    l->items[i] = v;
}

static sv take_out(slist *l, sv *at) {
    sv v = *at;
    size_t i = (size_t)(at - l->items);
    l->count--;
    memmove(at, at + 1, (l->count - i) * sizeof(sv));
    return v;
}
void aten_list_pop(lower *L) {
    slist *l = host_list(L, 0);
    if (l && l->count == 0) return lower_raise(L, "RuntimeError", "pop from empty list");
    sv *at = item_at(L, l, 1);
    if (at) ret_value(L, take_out(l, at));
}
void aten_list_delete(lower *L) {
    slist *l = host_list(L, 0);
    sv *at = item_at(L, l, 1);
    if (at) sv_drop(take_out(l, at));
}
void aten_list_clear(lower *L) {
    slist *l = host_list(L, 0);
    while (l && l->count) sv_drop(l->items[--l->count]);
}
void aten_list_reverse(lower *L) {
    slist *l = host_list(L, 0);
    for (size_t i = 0, j = l ? l->count : 0; i + 1 < j; i++) {
        sv v = l->items[i];
        l->items[i] = l->items[--j];
        l->items[j] = v;
    }
}

/* ---- new lists ---- */
static slist *like(lower *L, const slist *l, uint64_t n) {
    if (!l || !lower_ok(L)) return NULL;
    if (n > INT32_MAX) return lower_fail(L, NARU_LIMIT, "a list of %llu items", (unsigned long long)n), NULL;
    slist *out = slist_new(l->elem, (size_t)n);
    if (!out) host_oom(L);
    return out;
}
void aten_list_copy(lower *L) {
    const slist *l = host_list(L, 0);
    slist *out = like(L, l, l ? l->count : 0);
    if (out && append_all(L, out, l, l->count)) ret_value(L, sv_of(out));
    else if (out) sv_drop(sv_of(out));
}
void aten_list_add(lower *L) {
    const slist *a = host_list(L, 0), *b = host_list(L, 1);
    slist *out = b ? like(L, a, a ? (uint64_t)a->count + b->count : 0) : NULL;
    if (out && append_all(L, out, a, a->count) && append_all(L, out, b, b->count)) ret_value(L, sv_of(out));
    else if (out) sv_drop(sv_of(out));
}

static void repeat_into(lower *L, slist *out, const slist *l, size_t n, int64_t times) {
    if (n && (uint64_t)i64_max(times, 0) > INT32_MAX / n) return lower_fail(L, NARU_LIMIT, "a list too long");
    for (int64_t k = 0; k < times && n && append_all(L, out, l, n); k++) {}
}
static void repeated(lower *L, int list, int count) {
    const slist *l = host_list(L, list);
    int64_t times = arg_int(L, count);
    slist *out = like(L, l, 0);
    if (!out) return;
    repeat_into(L, out, l, l->count, times);
    ret_value(L, sv_of(out));
}
void aten_list_mul(lower *L) { repeated(L, 0, 1); }
void aten_list_rmul(lower *L) { repeated(L, 1, 0); }
void aten_list_imul(lower *L) {
    slist *l = host_list(L, 0);
    int64_t times = arg_int(L, 1);
    if (!l || !lower_ok(L)) return;
    if (times <= 0) aten_list_clear(L);
    else repeat_into(L, l, l, l->count, times - 1);
    ret_value(L, sv_keep(arg(L, 0)));
}

void aten_list_slice(lower *L) {
    const slist *l = host_list(L, 0);
    int64_t start, count, step;
    if (!l || !host_slice(L, l->count, &start, &count, &step)) return;
    slist *out = like(L, l, (uint64_t)count);
    for (int64_t k = 0, at = start; out && k < count; k++, at += step) out->items[out->count++] = sv_keep(l->items[at]);
    if (out) ret_value(L, sv_of(out));
}

void aten_list_range(lower *L) { /* prim::rangelist */
    int64_t n = arg_int(L, 0);
    slist of_ints = {.elem = &stype_int};
    slist *out = like(L, &of_ints, (uint64_t)i64_max(n, 0));
    for (int64_t i = 0; out && i < n; i++) out->items[out->count++] = sv_int(i);
    if (out) ret_value(L, sv_of(out));
}

/* ---- searching ---- */
static int64_t place_of(lower *L, const slist *l, sv v) {
    for (size_t i = 0; l && i < l->count && lower_ok(L); i++)
        if (order_same(L, l->items[i], v)) return (int64_t)i;
    return -1;
}
void aten_list_contains(lower *L) {
    int64_t at = place_of(L, host_list(L, 0), arg(L, 1));
    ret_bool(L, at >= 0);
}
void aten_list_index(lower *L) {
    sv v = arg(L, 1);
    int64_t at = place_of(L, host_list(L, 0), v);
    if (at >= 0 || !lower_ok(L)) return ret_int(L, at);
    str s = {0};
    if (v.tag == SV_FLOAT) str_addf(&s, "%g", v.f);
    else if (v.tag == SV_BOOL) str_addf(&s, "%d", v.b);
    else sv_print(v, &s);
    lower_raise(L, "RuntimeError", "'%s' is not in list", str_text(&s));
    str_free(&s);
}
void aten_list_count(lower *L) {
    const slist *l = host_list(L, 0);
    int64_t n = 0;
    for (size_t i = 0; l && i < l->count && lower_ok(L); i++) n += order_same(L, l->items[i], arg(L, 1));
    ret_int(L, n);
}
void aten_list_remove(lower *L) {
    slist *l = host_list(L, 0);
    int64_t at = place_of(L, l, arg(L, 1));
    if (!lower_ok(L)) return;
    if (at < 0) lower_raise(L, "RuntimeError", "list.remove(x): x not in list");
    else sv_drop(take_out(l, &l->items[at]));
}
