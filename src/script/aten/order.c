/* SPDX-License-Identifier: MIT
 *
 * Order: equality and "less" of any values, comparison of lists, sorting (stable merging; a comparison may fail or run
 * a script), and what folds a list into one value: sum, min, max, any, all.
 */
#include "script/aten/order.h"

#include "script/aten/number.h"

/* ---- two values ---- */
static bool tensors(lower *L, const op_desc *op, sv a, sv b) {
    sten *x = (sten *)a.o, *y = (sten *)b.o;
    promote2(L, &x, &y);
    sten *t = lower_op(L, op, NULL, 2, (sten *[]){x, y});
    sv n = t_numel(L, t);
    if (!lower_ok(L)) return false;
    if (n.tag == SV_INT && n.i != 1) {
        lower_raise(L, "RuntimeError", "Boolean value of Tensor with %s is ambiguous",
                    n.i ? "more than one value" : "no values");
        return false;
    }
    if (!eager_only(L)) return false;
    sv v = item(L, t);
    return v.tag == SV_BOOL ? v.b : v.tag == SV_INT && v.i != 0;
}

bool order_same(lower *L, sv a, sv b) {
    if (a.tag == SV_TENSOR && b.tag == SV_TENSOR) return tensors(L, &op_Equal, a, b);
    if ((a.tag == SV_SYM || b.tag == SV_SYM) && !sv_is(a, b)) return eager_only(L) && false;
    return sv_equal(a, b);
}

static bool not_sortable(lower *L, sv v) {
    str s = {0};
    const slist *l = sv_list(arg(L, 0));
    if (l && l->elem) stype_print(l->elem, &s);
    else str_add(&s, sv_tag_name(v.tag));
    lower_raise(L, "RuntimeError",
                "Only list of Tensors, ints, floats, bools, strs, a User Defined Class that defines the __lt__ compare "
                "method or Tuples of aforementioned types can be sorted, got list of %s",
                str_text(&s));
    str_free(&s);
    return false;
}

static void inner_type(const stype *t, str *s) { /* as PyTorch's messages write types */
    switch (t->kind) {
    case ST_LIST: inner_type(t->args[0], s), str_add(s, "[]"); break;
    case ST_OPTIONAL: inner_type(t->args[0], s), str_add(s, "?"); break;
    case ST_TUPLE:
        for (int i = 0; i < t->n; i++) str_add(s, i ? ", " : "("), inner_type(t->args[i], s);
        str_add(s, ")");
        break;
    case ST_DICT:
        str_add(s, "Dict("), inner_type(t->args[0], s), str_add(s, ", "), inner_type(t->args[1], s), str_add(s, ")");
        break;
    default: stype_print(t, s);
    }
}

static bool sortable(const stype *t) {
    if (t->kind == ST_TUPLE) {
        for (int i = 0; i < t->n; i++)
            if (!sortable(t->args[i])) return false;
        return true;
    }
    return t->kind != ST_LIST && t->kind != ST_DICT && t->kind != ST_OPTIONAL;
}

/* Tuples are refused for their type, whatever the list holds. */
static bool items_sortable(lower *L, const slist *l) {
    if (!l->elem || l->elem->kind != ST_TUPLE || sortable(l->elem)) return true;
    str s = {0};
    inner_type(l->elem, &s);
    lower_raise(
        L, "RuntimeError",
        "Contained elements in %s are not sortable. Only Int, Bool, Float, String, Tensor, a User Defined Class "
        "with __lt__ method defined or Tuples of aforementioned types can be sorted.",
        str_text(&s));
    str_free(&s);
    return false;
}

static bool objects_less(lower *L, sv a, sv b) {
    sfunction *f = sclass_method(sv_object(a)->cls, "__lt__");
    sv out;
    if (!f) return not_sortable(L, a);
    L->st = vm_call(L->vm, f, 2, (sv[]){a, b}, &out, L->err);
    if (!lower_ok(L)) return false;
    bool yes = out.tag == SV_BOOL && out.b;
    sv_drop(out);
    return yes;
}

static int text_order(sv a, sv b) {
    const sstr *s = sv_string(a), *t = sv_string(b);
    int c = memcmp(s->data, t->data, s->len < t->len ? s->len : t->len);
    return c ? c : (s->len > t->len) - (s->len < t->len);
}

static bool runs_less(lower *L, size_t n, const sv *a, size_t m, const sv *b) {
    for (size_t i = 0; i < n && i < m && lower_ok(L); i++) {
        if (order_less(L, a[i], b[i])) return true;
        if (order_less(L, b[i], a[i])) return false;
    }
    return n < m;
}

bool order_less(lower *L, sv a, sv b) {
    sv pair[2] = {a, b}, out;
    if (!lower_ok(L)) return false;
    if (fast_num_lt(pair, &out)) return out.b;
    if (a.tag != b.tag) return not_sortable(L, a);
    switch (a.tag) {
    case SV_STR: return text_order(a, b) < 0;
    case SV_TENSOR: return tensors(L, &op_Less, a, b);
    case SV_TUPLE:
        return runs_less(L, (size_t)sv_tuple(a)->n, sv_tuple(a)->items, (size_t)sv_tuple(b)->n, sv_tuple(b)->items);
    case SV_OBJECT: return objects_less(L, a, b);
    case SV_SYM: return eager_only(L) && false;
    default: return not_sortable(L, a);
    }
}

/* ---- whole lists ---- */
/* Equal lists with numbers that the graph knows: the conjunction of what is not known yet. */
static sv same_items(lower *L, sv all, sv a, sv b) {
    if (a.tag != SV_SYM && b.tag != SV_SYM) return order_same(L, a, b) ? all : sv_bool(false);
    sv one = s_apply(L, "eq", 2, (sv[]){a, b});
    return all.tag == SV_BOOL ? one : s_apply(L, "__and__", 2, (sv[]){all, one});
}
static sv lists_same(lower *L) {
    const slist *a = host_list(L, 0), *b = host_list(L, 1);
    if (!a || !b || a->count != b->count) return sv_bool(false);
    sv all = sv_bool(true);
    for (size_t i = 0; i < a->count && lower_ok(L); i++) {
        all = same_items(L, all, a->items[i], b->items[i]);
        if (all.tag == SV_BOOL && !all.b) break;
    }
    return all;
}
void aten_list_eq(lower *L) {
    sv v = lists_same(L);
    if (lower_ok(L)) ret_value(L, sv_keep(v));
}
void aten_list_ne(lower *L) {
    sv v = lists_same(L);
    if (!lower_ok(L)) return;
    if (v.tag == SV_BOOL) ret_bool(L, !v.b);
    else ret_value(L, sv_keep(s_apply(L, "__not__", 1, &v)));
}

static void pick_list(lower *L, bool smaller) {
    const slist *a = host_list(L, 0), *b = host_list(L, 1);
    if (!a || !b) return;
    bool first = smaller ? runs_less(L, a->count, a->items, b->count, b->items)
                         : runs_less(L, b->count, b->items, a->count, a->items);
    if (lower_ok(L)) ret_value(L, sv_keep(arg(L, first ? 0 : 1)));
}
void aten_list_min2(lower *L) { pick_list(L, true); }
void aten_list_max2(lower *L) { pick_list(L, false); }

/* ---- sorting ---- */
static void merge(lower *L, const sv *from, size_t a, size_t mid, size_t end, sv *to, bool reverse) {
    for (size_t i = a, j = mid, k = a; k < end; k++) {
        bool second = i == mid;
        if (!second && j < end) second = reverse ? order_less(L, from[i], from[j]) : order_less(L, from[j], from[i]);
        to[k] = from[second ? j++ : i++];
    }
}

/* n items in order; the two arrays change places for each width. */
static sv *merge_sort(lower *L, sv *items, size_t n, bool reverse) {
    sv *spare = mem_alloc(n * sizeof(sv));
    if (!spare) return host_oom(L), items;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t a = 0; a < n; a += 2 * width) {
            size_t mid = a + width < n ? a + width : n, end = a + 2 * width < n ? a + 2 * width : n;
            merge(L, items, a, mid, end, spare, reverse);
        }
        sv *swap = items;
        items = spare;
        spare = swap;
    }
    mem_free(spare);
    return items;
}

/* A copy is sorted and becomes the list: __lt__ is a script and may do anything to the list meanwhile. A failed
 * comparison leaves some order; no item is lost. */
static void sort(lower *L, slist *l, bool reverse) {
    size_t n = l->count;
    if (!items_sortable(L, l) || n < 2 || !lower_ok(L)) return;
    if (l->items[0].tag == SV_LIST || l->items[0].tag == SV_DICT) {
        not_sortable(L, l->items[0]);
        return;
    }
    sv *items = mem_alloc(n * sizeof(sv));
    if (!items) return host_oom(L);
    for (size_t i = 0; i < n; i++) items[i] = sv_keep(l->items[i]);
    items = merge_sort(L, items, n, reverse);
    sv *old = l->items;
    size_t old_count = l->count;
    l->items = items;
    l->count = l->cap = n;
    for (size_t i = 0; i < old_count; i++) sv_drop(old[i]);
    mem_free(old);
}
void aten_list_sort(lower *L) {
    slist *l = host_list(L, 0);
    bool reverse = arg_bool(L, 1);
    if (l) sort(L, l, reverse);
}
void aten_list_sorted(lower *L) {
    const slist *l = host_list(L, 0);
    if (!l) return;
    slist *out = slist_new(l->elem, l->count);
    for (size_t i = 0; out && i < l->count; i++) out->items[out->count++] = sv_keep(l->items[i]);
    if (!out) return host_oom(L);
    sort(L, out, false);
    ret_value(L, sv_of(out));
}

/* ---- folding ---- */
/* op(a, b), the call's. */
static sv fold(lower *L, const char *op, fast_fn f, sv a, sv b) {
    sv pair[2] = {a, b}, out;
    if (a.tag == SV_SYM || b.tag == SV_SYM) return s_apply(L, op, 2, pair);
    if (f(pair, &out)) return lower_own_value(L, out);
    lower_raise(L, "RuntimeError", "%s: a list of numbers is expected", op);
    return sv_int(0);
}
void aten_list_sum(lower *L) {
    const slist *l = host_list(L, 0);
    if (!l || !lower_ok(L)) return;
    bool real = strcmp(L->op->schema->overload, "float") == 0, wide = strcmp(L->op->schema->overload, "complex") == 0;
    sv acc = real ? sv_float(0) : wide ? lower_own_value(L, sv_complex(0, 0)) : sv_int(0);
    for (size_t i = 0; i < l->count && lower_ok(L); i++) acc = fold(L, "add", fast_num_add, acc, l->items[i]);
    if (acc.tag == SV_INT) acc.i = (int32_t)acc.i; /* as PyTorch's, which adds up in a C int */
    if (lower_ok(L)) ret_value(L, sv_keep(acc));
}

static void extreme(lower *L, const char *op, fast_fn f) {
    const slist *l = host_list(L, 0);
    if (!l) return;
    if (l->count == 0) return lower_raise(L, "RuntimeError", "%s() arg is an empty sequence", op);
    sv acc = l->items[0];
    for (size_t i = 1; i < l->count && lower_ok(L); i++) {
        bool bools = acc.tag == SV_BOOL && l->items[i].tag == SV_BOOL;
        acc = fold(L, op, f, l->items[i], acc); /* the first of equals, and of what compares with nothing */
        if (bools && acc.tag == SV_INT) acc = sv_bool(acc.i != 0);
    }
    if (lower_ok(L)) ret_value(L, sv_keep(acc));
}
void aten_list_min(lower *L) { extreme(L, "min", fast_num_min); }
void aten_list_max(lower *L) { extreme(L, "max", fast_num_max); }

static void quantify(lower *L, bool stop_at) {
    const slist *l = host_list(L, 0);
    bool found = false;
    for (size_t i = 0; l && i < l->count && !found && lower_ok(L); i++) {
        sv v = l->items[i], out;
        if (v.tag == SV_STR) found = (sv_string(v)->len > 0) == stop_at;
        else if (fast_to_bool(&v, &out)) found = out.b == stop_at;
        else if (eager_only(L)) lower_raise(L, "RuntimeError", "a list of numbers is expected");
    }
    ret_bool(L, found == stop_at);
}
void aten_list_any(lower *L) { quantify(L, true); }
void aten_list_all(lower *L) { quantify(L, false); }
