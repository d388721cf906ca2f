/* SPDX-License-Identifier: MIT
 *
 * Memory of tensors (lower.h): writes, copies, and what operators that compute on the host read and make.
 */
#include "script/lower_in.h"

#include <string.h>

/* ---- memory ---- */
void write_to(lower *L, sten *dst, sten *src) {
    if (L->st != NARU_OK || !dst || !src) return;
    sv sizes[NARU_MAX_RANK];
    int rank = t_rank(L, dst), from = t_rank(L, src);
    for (int i = 0; i < rank; i++) sizes[i] = t_dim(L, dst, i);
    for (int extra = from - rank; extra > 0 && t_dim_is(L, src, 0, 1); extra--) src = view_select(L, src, 0, sv_int(0));
    src = view_expand(L, cast(L, src, dst->t.dtype), rank, sizes);
    if (src && dst->q && !src->q) lower_fail(L, NARU_UNSUPPORTED, "writing floats into a quantized tensor");
    if (L->st == NARU_OK) L->sink->write(L, dst, src);
}

sten *fresh(lower *L, sten *t) {
    if (L->st != NARU_OK || !t) return NULL;
    sten *out = L->sink->records ? EMIT(Identity, t) : host_new(L, t->t.dtype, t->t.rank, t->t.dims);
    if (out && !L->sink->records) L->sink->write(L, out, t);
    if (out && t->q) out->q = squant_ref(t->q);
    return out;
}

sten *contiguous(lower *L, sten *t) {
    if (L->st != NARU_OK || !t || L->sink->records || tensor_is_contiguous(&t->t)) return t;
    return fresh(L, t);
}

void set_tensor(lower *L, sten *dst, sten *src) {
    if (L->st == NARU_OK && dst && src) L->sink->set(L, dst, src);
}

/* ---- host ---- */
sten *host_new(lower *L, naru_dtype d, int rank, const int64_t *dims) {
    return L->st == NARU_OK ? lower_own(L, sten_new(d, rank, dims)) : NULL;
}
const int64_t *host_dims(const sten *t) {
    static const int64_t none[NARU_MAX_RANK];
    return t ? t->t.dims : none;
}
int64_t host_count(const sten *t) { return t ? tensor_count(&t->t) : 0; }
void *host_scratch(lower *L, size_t n) {
    void *p = L->st == NARU_OK ? arena_aligned(L->arena, n ? n : 1, 64) : NULL;
    if (!p) lower_oom(L);
    return p;
}
void *host_data(lower *L, sten *t) {
    t = contiguous(L, t);
    return t && L->st == NARU_OK ? t->t.data : NULL;
}

const double *host_f64(lower *L, sten *t) {
    sten *c = t ? cast(L, contiguous(L, t), NARU_DOUBLE) : NULL;
    return host_data(L, c);
}
const int64_t *host_i64(lower *L, sten *t) {
    sten *c = t ? cast(L, contiguous(L, t), NARU_INT64) : NULL;
    return host_data(L, c);
}

sten *host_from_f64(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v) {
    sten *t = host_new(L, NARU_DOUBLE, rank, dims);
    if (!t) return NULL;
    int64_t n = host_count(t);
    if (n) memcpy(t->t.data, v, (size_t)n * sizeof *v);
    return cast(L, t, d);
}
