/* SPDX-License-Identifier: MIT
 *
 * Shared parts of the operators on host values.
 */
#include "script/aten/host.h"

static const char *bare_name(const lower *L) {
    const char *colon = strrchr(L->op->schema->name, ':');
    return colon ? colon + 1 : L->op->schema->name;
}

void host_oom(lower *L) { lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory"); }

bool host_try(lower *L, fast_fn f) {
    sv a[HOST_ARGS];
    int n = L->op->schema->nparams;
    bool symbolic = false;
    if (!lower_ok(L)) return false;
    if (n > HOST_ARGS) return lower_fail(L, NARU_INTERNAL, "%s has too many parameters", L->op->schema->name), false;
    for (int i = 0; i < n; i++) {
        a[i] = arg(L, i);
        symbolic = symbolic || a[i].tag == SV_SYM;
    }
    if (symbolic) {
        sv r = s_apply(L, bare_name(L), n, a);
        ret_value(L, sv_keep(r));
        return lower_ok(L);
    }
    sv r;
    if (!f(a, &r)) return false;
    ret_value(L, r);
    return true;
}

void host_simple(lower *L, fast_fn f) {
    if (host_try(L, f) || !lower_ok(L)) return;
    str s = {0};
    for (int i = 0; i < L->op->schema->nparams; i++) str_addf(&s, "%s%s", i ? ", " : "", sv_tag_name(arg(L, i).tag));
    lower_raise(L, "RuntimeError", "%s: not for values of types (%s)", L->op->schema->name, str_text(&s));
    str_free(&s);
}

static void *wrong(lower *L, int i, const char *want) {
    lower_raise(L, "RuntimeError", "%s: argument %d must be of type %s, not %s", L->op->schema->name, i + 1, want,
                sv_tag_name(arg(L, i).tag));
    return NULL;
}

sstr *host_str(lower *L, int i) {
    sv v = arg(L, i);
    return v.tag == SV_STR ? (sstr *)v.o : wrong(L, i, "str");
}

slist *host_list(lower *L, int i) {
    slist *l = sv_list(arg(L, i));
    return l ? l : wrong(L, i, "List");
}

sdict *host_dict(lower *L, int i) {
    sdict *d = sv_dict(arg(L, i));
    return d ? d : wrong(L, i, "Dict");
}

static bool any_unknown(sv v, int depth) {
    if (depth > 20) return false;
    switch (v.tag) {
    case SV_SYM:
    case SV_TENSOR: return true;
    case SV_LIST:
        for (size_t i = 0; i < sv_list(v)->count; i++)
            if (any_unknown(sv_list(v)->items[i], depth + 1)) return true;
        return false;
    case SV_TUPLE:
        for (int i = 0; i < sv_tuple(v)->n; i++)
            if (any_unknown(sv_tuple(v)->items[i], depth + 1)) return true;
        return false;
    case SV_DICT:
        for (size_t i = 0; i < sv_dict(v)->used; i++)
            if (sv_dict(v)->entries[i].live && any_unknown(sv_dict(v)->entries[i].value, depth + 1)) return true;
        return false;
    default: return false;
    }
}

bool host_known(lower *L, sv v) {
    if (!lower_ok(L)) return false;
    return !lower_recording(L) || !any_unknown(v, 0) || eager_only(L);
}

void host_ret_str(lower *L, const char *s, size_t n) {
    if (lower_ok(L)) ret_value(L, sv_str(s, n));
}

void host_ret_text(lower *L, str *s) {
    if (s->failed) host_oom(L);
    else host_ret_str(L, str_text(s), s->len);
    str_free(s);
}

bool host_push(lower *L, slist *l, sv v) {
    if (v.tag != SV_UNINIT && slist_push(l, v)) return true;
    host_oom(L);
    return false;
}

bool host_slice(lower *L, size_t n, int64_t *start, int64_t *count, int64_t *step) {
    int64_t size = (int64_t)n, s = arg_int_or(L, 3, 1), least = s < 0 ? -1 : 0, most = s < 0 ? size - 1 : size;
    if (lower_ok(L) && s == 0) lower_raise(L, "RuntimeError", "List slice should have non-zero step");
    int64_t a = arg_int_or(L, 1, s < 0 ? INT64_MAX : 0), b = arg_int_or(L, 2, s < 0 ? INT64_MIN : INT64_MAX);
    if (!lower_ok(L)) return false;
    if (a < 0) a = a < -size ? least : a + size;
    if (b < 0) b = b < -size ? least : b + size;
    a = i64_max(least, i64_min(a, most));
    b = i64_max(least, i64_min(b, most));
    int64_t gap = s > 0 ? b - a : a - b; /* at most size: no overflow */
    uint64_t stride = s > 0 ? (uint64_t)s : 0 - (uint64_t)s;
    *start = a;
    *count = gap > 0 ? (int64_t)(((uint64_t)gap - 1) / stride) + 1 : 0;
    *step = s;
    return true;
}
