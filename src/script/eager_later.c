/* SPDX-License-Identifier: MIT
 *
 * Views that a recording could describe only in part, made once the tensor is there: what regions give back as views of
 * their arguments.
 */
#include "script/eager.h"

/* A recorded view of an argument may leave to the run what depended on sizes: places counted from the end, ends past
 * it, one size of a reshape. False: there is no such view. */
static bool settle(const sten *t, view_step *v) {
    int64_t n = v->kind == VIEW_SELECT || v->kind == VIEW_SLICE ? t->t.dims[v->dim] : 0;
    if (v->kind == VIEW_SELECT) {
        if (v->a.i < 0) v->a.i += n;
        return v->a.i >= 0 && v->a.i < n;
    }
    if (v->kind == VIEW_SLICE) {
        v->a.i = i64_min(i64_max(v->a.i < 0 ? v->a.i + n : v->a.i, 0), n);
        v->b.i = i64_min(i64_max(v->b.i < 0 ? v->b.i + n : v->b.i, 0), n);
    }
    if (v->kind != VIEW_RESHAPE) return true;
    int64_t sizes[NARU_MAX_RANK] = {0}, rest, all = tensor_count(&t->t);
    int at = -1;
    for (int i = 0; i < v->rank; i++) {
        sizes[i] = v->sizes[i].i;
        if (sizes[i] == -1) sizes[at = i] = 1;
    }
    if (!dims_count(v->rank, sizes, &rest) || (at < 0 ? rest != all : rest == 0 || all % rest != 0)) return false;
    if (at >= 0) v->sizes[at] = sv_int(all / rest);
    return true;
}

sten *eager_view_later(lower *L, sten *t, const view_step *v) {
    view_step now = *v;
    if (settle(t, &now)) return L->sink->view(L, t, &now);
    lower_fail(L, NARU_INVALID_ARGUMENT, "a recorded view does not fit the tensor");
    return NULL;
}
