/* SPDX-License-Identifier: MIT
 *
 * Views (lower.h): arguments checked with PyTorch's messages and brought to normal form before the sink makes them.
 */
#include "script/lower.h"

#include <string.h>

#include "script/vm.h"

static sten *view(lower *L, sten *t, const view_step *v) {
    if (L->st != NARU_OK || !t) return NULL;
    sten *out = L->sink->view(L, t, v);
    if (out && t->q && !out->q) out->q = squant_ref(t->q);
    return out;
}

sten *view_alias(lower *L, sten *t) { return view(L, t, &(view_step){.kind = VIEW_ALIAS}); }

sten *view_select(lower *L, sten *t, int dim, sv index) {
    int rank = t_rank(L, t);
    if (L->st != NARU_OK) return NULL;
    if (rank == 0) return lower_raise(L, "IndexError", "select() cannot be applied to a 0-dim tensor."), NULL;
    sv size = t_dim(L, t, dim);
    if (index.tag == SV_INT && size.tag == SV_INT) {
        if (index.i < -size.i || index.i >= size.i) {
            lower_raise(L, "IndexError", "select(): index %lld out of range for tensor of size %lld at dimension %d",
                        (long long)index.i, (long long)size.i, dim);
            return NULL;
        }
        if (index.i < 0) index.i += size.i;
    }
    return view(L, t, &(view_step){.kind = VIEW_SELECT, .dim = dim, .a = index});
}

sten *view_slice(lower *L, sten *t, int dim, sv start, sv end, int64_t step) {
    int rank = t_rank(L, t);
    if (L->st != NARU_OK) return NULL;
    if (rank == 0) return lower_raise(L, "RuntimeError", "slice() cannot be applied to a 0-dim tensor."), NULL;
    if (step <= 0) return lower_raise(L, "RuntimeError", "slice step must be positive"), NULL;
    sv size = t_dim(L, t, dim);
    if (size.tag == SV_INT) {
        if (start.tag == SV_INT) {
            if (start.i < 0) start.i += size.i;
            start.i = i64_max(0, i64_min(start.i, size.i));
        }
        if (end.tag == SV_INT) {
            if (end.i < 0) end.i += size.i;
            end.i = i64_max(0, i64_min(end.i, size.i));
            if (start.tag == SV_INT) end.i = i64_max(end.i, start.i);
        }
    }
    return view(L, t, &(view_step){.kind = VIEW_SLICE, .dim = dim, .a = start, .b = end, .step = step});
}

sten *view_permute(lower *L, sten *t, const int64_t *perm) {
    int rank = t_rank(L, t);
    view_step v = {.kind = VIEW_PERMUTE, .rank = rank};
    bool same = true;
    for (int i = 0; i < rank; i++) {
        v.dims[i] = perm[i];
        same = same && perm[i] == i;
    }
    return same ? view_alias(L, t) : view(L, t, &v);
}

sten *view_transpose(lower *L, sten *t, int a, int b) {
    int64_t perm[NARU_MAX_RANK];
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) perm[i] = i == a ? b : i == b ? a : i;
    return view_permute(L, t, perm);
}

sten *view_unsqueeze(lower *L, sten *t, int dim) {
    if (t_rank(L, t) >= NARU_MAX_RANK)
        return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    return view(L, t, &(view_step){.kind = VIEW_UNSQUEEZE, .dim = dim});
}

sten *view_squeeze(lower *L, sten *t, int n, const int64_t *dims) {
    view_step v = {.kind = VIEW_SQUEEZE};
    int rank = t_rank(L, t);
    bool drop[NARU_MAX_RANK] = {false};
    for (int i = 0; i < n; i++)
        if (dims[i] < rank && t_dim_is(L, t, (int)dims[i], 1)) drop[dims[i]] = true;
    for (int i = 0; i < rank; i++)
        if (drop[i]) v.dims[v.rank++] = i;
    return v.rank ? view(L, t, &v) : view_alias(L, t);
}

sten *view_expand(lower *L, sten *t, int rank, const sv *sizes) {
    int old = t_rank(L, t);
    view_step v = {.kind = VIEW_EXPAND, .rank = rank};
    if (L->st != NARU_OK) return NULL;
    if (rank < old || rank > NARU_MAX_RANK) {
        lower_raise(L, "RuntimeError",
                    "expand: the number of sizes provided (%d) must be greater or equal to the number "
                    "of dimensions in the tensor (%d)",
                    rank, old);
        return NULL;
    }
    bool same = rank == old;
    for (int i = 0; i < rank; i++) {
        sv own_size = i >= rank - old ? t_dim(L, t, i - (rank - old)) : sv_int(1);
        v.sizes[i] = s_is(sizes[i], -1) ? own_size : sizes[i];
        if (s_is(sizes[i], -1) && i < rank - old)
            lower_raise(L, "RuntimeError", "expand: -1 is not allowed in a leading, non-existing dimension %d", i);
        if (own_size.tag == SV_INT && v.sizes[i].tag == SV_INT && own_size.i != v.sizes[i].i) {
            same = false;
            if (own_size.i != 1)
                lower_raise(
                    L, "RuntimeError",
                    "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                    "dimension %d.",
                    (long long)v.sizes[i].i, (long long)own_size.i, i);
        }
        if (own_size.tag == SV_SYM || v.sizes[i].tag == SV_SYM) same = same && s_is(sizes[i], -1);
    }
    return same ? view_alias(L, t) : view(L, t, &v);
}

static const char *sizes_text(lower *L, int rank, const sv *sizes) { /* "[2, -1]" */
    str s = {0};
    str_add(&s, "[");
    for (int i = 0; i < rank; i++) str_addf(&s, "%s%lld", i ? ", " : "", (long long)sizes[i].i);
    str_add(&s, "]");
    const char *text = arena_strdup(L->arena, str_text(&s));
    str_free(&s);
    return text ? text : "";
}

/* -1 becomes what is left, where it can be known. */
static void fill_minus_one(lower *L, sten *t, int rank, sv *sizes) {
    int at = -1;
    sv rest = sv_int(1);
    for (int i = 0; i < rank; i++) {
        if (!s_is(sizes[i], -1)) {
            if (sizes[i].tag == SV_INT && sizes[i].i < 0)
                lower_raise(L, "RuntimeError", "invalid shape dimension %lld", (long long)sizes[i].i);
            rest = s_mul(L, rest, sizes[i]);
        } else if (at >= 0) {
            lower_raise(L, "RuntimeError", "only one dimension can be inferred");
        } else {
            at = i;
        }
    }
    sv all = t_numel(L, t);
    bool known = all.tag == SV_INT && rest.tag == SV_INT;
    if (known && (at < 0 ? all.i != rest.i : rest.i == 0 ? all.i != 0 : all.i % rest.i != 0))
        lower_raise(L, "RuntimeError", "shape '%s' is invalid for input of size %lld", sizes_text(L, rank, sizes),
                    (long long)all.i);
    if (at < 0) return;
    if (known && rest.i == 0)
        lower_raise(
            L, "RuntimeError",
            "cannot reshape tensor of 0 elements into shape %s because the unspecified dimension size -1 can be "
            "any value and is ambiguous",
            sizes_text(L, rank, sizes));
    else if (known) sizes[at] = sv_int(all.i / rest.i);
}

sten *view_shape(lower *L, sten *t, int rank, const sv *sizes, bool must_view) {
    view_step v = {.kind = VIEW_RESHAPE, .rank = rank, .must_view = must_view};
    if (L->st != NARU_OK) return NULL;
    if (rank > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    for (int i = 0; i < rank; i++) v.sizes[i] = sizes[i];
    fill_minus_one(L, t, rank, v.sizes);
    return view(L, t, &v);
}

sten *view_diagonal(lower *L, sten *t, int64_t offset, int dim1, int dim2) {
    if (dim1 == dim2) return lower_raise(L, "RuntimeError", "diagonal dimensions cannot be identical"), NULL;
    return view(L, t, &(view_step){.kind = VIEW_DIAGONAL, .dim = dim1, .dim2 = dim2, .step = offset});
}

sten *view_unfold(lower *L, sten *t, int dim, int64_t size, int64_t step) {
    if (size < 0 || step <= 0) return lower_raise(L, "RuntimeError", "unfold: size >= 0 and step > 0 are needed"), NULL;
    return view(L, t, &(view_step){.kind = VIEW_UNFOLD, .dim = dim, .a = sv_int(size), .step = step});
}

sten *view_strided(lower *L, sten *t, int rank, const int64_t *dims, const int64_t *strides, int64_t offset) {
    view_step v = {.kind = VIEW_STRIDED, .rank = rank, .step = offset};
    if (rank > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    memcpy(v.dims, dims, (size_t)rank * sizeof *dims);
    memcpy(v.strides, strides, (size_t)rank * sizeof *strides);
    return view(L, t, &v);
}

sten *view_complex(lower *L, sten *t, bool to_complex) {
    return view(L, t, &(view_step){.kind = to_complex ? VIEW_AS_COMPLEX : VIEW_AS_REAL});
}
