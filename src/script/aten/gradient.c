/* SPDX-License-Identifier: MIT
 *
 * torch.gradient: central differences inside, one-sided ones at both ends (of second order when edge_order is 2). The
 * places of samples are evenly spaced by a number, or given by one tensor for each dimension.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"

typedef struct spacing {
    double even;
    sten *places; /* NULL: even */
} spacing;

static sten *piece(lower *L, sten *x, int dim, int64_t from, int64_t to) { /* to <= 0: from the end */
    sv end = to > 0 ? sv_int(to) : s_add(L, t_dim(L, x, dim), sv_int(to));
    sv start = from >= 0 ? sv_int(from) : s_add(L, t_dim(L, x, dim), sv_int(from));
    return view_slice(L, x, dim, start, end, 1);
}

/* Distances between neighbours, ready to be multiplied along dim. */
static sten *steps(lower *L, const spacing *s, sten *x, int dim) {
    int rank = t_rank(L, x);
    int64_t dims[NARU_MAX_RANK];
    naru_dtype d = t_dtype(L, x);
    sten *h;
    if (s->places) {
        sten *p = cast(L, s->places, d);
        h = EMIT(Sub, piece(L, p, 0, 1, 0), piece(L, p, 0, 0, -1));
    } else {
        sv n = s_sub(L, t_dim(L, x, dim), sv_int(1));
        h = view_expand(L, lit(L, d, s->even), 1, &n);
    }
    for (int i = 0; i < rank - dim; i++) dims[i] = i ? 1 : -1;
    return ar_reshape(L, h, rank - dim, dims);
}

#define MUL(a, b) EMIT(Mul, a, b)
#define ADD(a, b) EMIT(Add, a, b)
#define SUB(a, b) EMIT(Sub, a, b)
#define DIV(a, b) EMIT(Div, a, b)

/* With steps a before and b behind: (a^2 f+ + (b^2 - a^2) f - b^2 f-) / (a b (a + b)) */
static sten *inside(lower *L, sten *x, sten *h, int dim) {
    sten *a = piece(L, h, 0, 0, -1), *b = piece(L, h, 0, 1, 0);
    sten *before = piece(L, x, dim, 0, -2), *at = piece(L, x, dim, 1, -1), *behind = piece(L, x, dim, 2, 0);
    sten *aa = MUL(a, a), *bb = MUL(b, b);
    sten *sum = SUB(ADD(MUL(aa, behind), MUL(SUB(bb, aa), at)), MUL(bb, before));
    return DIV(sum, MUL(MUL(a, b), ADD(a, b)));
}

/* One end: differences of the two (or three) samples there. `last` mirrors. */
static sten *edge(lower *L, sten *x, sten *h, int dim, int64_t order, bool last) {
    sten *a = last ? piece(L, h, 0, -1, 0) : piece(L, h, 0, 0, 1);
    sten *x0 = last ? piece(L, x, dim, -1, 0) : piece(L, x, dim, 0, 1);
    sten *x1 = last ? piece(L, x, dim, -2, -1) : piece(L, x, dim, 1, 2);
    sten *first = DIV(SUB(x1, x0), a);
    if (order == 1) return last ? EMIT(Neg, first) : first;
    sten *b = last ? piece(L, h, 0, -2, -1) : piece(L, h, 0, 1, 2);
    sten *x2 = last ? piece(L, x, dim, -3, -2) : piece(L, x, dim, 2, 3);
    sten *second = DIV(SUB(DIV(SUB(x2, x1), b), first), ADD(a, b));
    sten *g = SUB(first, MUL(second, a));
    return last ? EMIT(Neg, g) : g;
}

static sten *along(lower *L, sten *x, int dim, const spacing *s, int64_t order) {
    sv n = t_dim(L, x, dim);
    if (n.tag == SV_INT && n.i < order + 1)
        lower_raise(L, "RuntimeError", "torch.gradient expected each dimension size to be at least edge_order+1");
    sten *h = steps(L, s, x, dim);
    sten *parts[] = {edge(L, x, h, dim, order, false), inside(L, x, h, dim), edge(L, x, h, dim, order, true)};
    if (n.tag == SV_INT && n.i == 2) return EMITA(Concat, ATTRS(AI("axis", dim)), parts[0], parts[2]);
    return lower_op(L, &op_Concat, ATTRS(AI("axis", dim)), 3, parts);
}

/* Arguments by their places; -1: not there. Spacings: a number, a list of numbers or a list of tensors. */
static void gradient(lower *L, int spacing_arg, int dim_arg, int order_arg) {
    sten *x = to_float(L, arg_tensor(L, 0)), *out[NARU_MAX_RANK];
    int rank = t_rank(L, x), n = 0;
    int64_t dims[NARU_MAX_RANK], order = arg_int(L, order_arg);
    if (!arg_none(L, dim_arg)) n = arg_axes(L, dim_arg, rank, dims);
    else
        for (; n < rank; n++) dims[n] = n;
    sv given = spacing_arg < 0 ? sv_none() : arg(L, spacing_arg);
    const slist *list = sv_list(given);
    if (order != 1 && order != 2)
        lower_raise(L, "RuntimeError", "torch.gradient only supports edge_order=1 and edge_order=2.");
    if (list && (int64_t)list->count != n)
        lower_raise(L, "RuntimeError",
                    "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
                    "equal to the number of dimensions");
    for (int i = 0; i < n && lower_ok(L); i++) {
        sv v = list ? list->items[i] : given;
        spacing s = {1, sv_tensor(v)};
        if (v.tag == SV_FLOAT) s.even = v.f;
        if (v.tag == SV_INT) s.even = (double)v.i;
        out[i] = along(L, x, (int)dims[i], &s, order);
    }
    ret_tensors(L, n, out);
}

void aten_gradient(lower *L) { gradient(L, 1, 2, 3); }
void aten_gradient_plain(lower *L) { gradient(L, -1, 1, 2); }
