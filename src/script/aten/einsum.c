/* SPDX-License-Identifier: MIT
 *
 * einsum. While recording it is one Einsum; at once it is taken apart: diagonals and sums of single operands are
 * views and reductions, two operands become one batched matrix product over the labels that both have.
 */
#include "script/aten/nn.h"

enum { LETTERS = 52, LABELS = LETTERS + NARU_MAX_RANK };

typedef struct term { /* labels of an operand's axes: letters 0..51, then the axes of "..." counted from the right */
    int n;
    int label[NARU_MAX_RANK];
    bool dots;
} term;

typedef struct operand {
    sten *t;
    term is;
} operand;

typedef struct sum {
    int n; /* operands */
    operand *in;
    term out;
    int64_t size[LABELS];
    int uses[LABELS];
    int dots; /* most axes that "..." stands for */
} sum;

static int letter(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }

/* One term's letters; the place of "..." is kept as label -1. */
static const char *read_term(lower *L, const char *s, term *out) {
    *out = (term){0};
    for (; *s && *s != ',' && *s != '-'; s++) {
        if (*s == ' ') continue;
        bool dots = s[0] == '.' && s[1] == '.' && s[2] == '.';
        int id = dots ? -1 : letter(*s);
        if ((id < 0 && !dots) || (dots && out->dots) || out->n == NARU_MAX_RANK) {
            lower_raise(L, "RuntimeError",
                        "einsum(): invalid subscript given at '%.20s', subscripts must be in [a-zA-Z]", s);
            return s;
        }
        if (dots) out->dots = true, s += 2;
        out->label[out->n++] = id;
    }
    return s;
}

/* Replaces the mark of "..." by labels for `count` axes; the last is LETTERS. */
static void spread(lower *L, term *t, int count) {
    term r = {.dots = t->dots};
    for (int i = 0; i < t->n && lower_ok(L); i++) {
        int k = t->label[i] < 0 ? count : 1;
        if (r.n + k > NARU_MAX_RANK) {
            lower_fail(L, NARU_UNSUPPORTED, "einsum: more than %d dims", NARU_MAX_RANK);
            return;
        }
        for (int j = 0; j < k; j++) r.label[r.n++] = t->label[i] < 0 ? LETTERS + count - 1 - j : t->label[i];
    }
    *t = r;
}

static int place(const term *t, int label) {
    for (int i = 0; i < t->n; i++)
        if (t->label[i] == label) return i;
    return -1;
}

static void read_operand(lower *L, sum *s, int i) {
    operand *o = &s->in[i];
    int rank = t_rank(L, o->t), axes = rank - (o->is.n - o->is.dots);
    if (!lower_ok(L)) return;
    if (axes < 0 || (axes > 0 && !o->is.dots)) {
        lower_raise(L, "RuntimeError",
                    "einsum(): the number of subscripts in the equation (%d) %s the number of dimensions (%d) for "
                    "operand %d%s",
                    o->is.n - o->is.dots, axes < 0 ? "is more than" : "does not match", rank, i,
                    axes < 0 ? "" : " and no ellipsis was given");
        return;
    }
    spread(L, &o->is, axes);
    if (axes > s->dots) s->dots = axes;
    for (int d = 0; d < rank && lower_ok(L); d++) {
        int label = o->is.label[d];
        int64_t n = t_dim_int(L, o->t, d);
        if (s->uses[label]++ == 0 || s->size[label] == 1) s->size[label] = n;
        else if (n != 1 && n != s->size[label])
            lower_raise(L, "RuntimeError",
                        "einsum(): subscript %c has size %lld for operand %d which does not broadcast with previously "
                        "seen size %lld",
                        label < 26        ? 'A' + label
                        : label < LETTERS ? 'a' + label - 26
                                          : '.',
                        (long long)n, i, (long long)s->size[label]);
    }
}

/* "..." first, then the letters used once, in order. */
static void implicit_out(lower *L, sum *s) {
    s->out = (term){.n = 1, .label = {-1}, .dots = true};
    for (int i = 0; i < LETTERS; i++)
        if (s->uses[i] == 1 && s->out.n < NARU_MAX_RANK) s->out.label[s->out.n++] = i;
    spread(L, &s->out, s->dots);
}

static void read_equation(lower *L, const char *eq, sum *s) {
    const char *at = eq;
    for (int i = 0; i < s->n && lower_ok(L); i++) {
        at = read_term(L, at, &s->in[i].is);
        if (!lower_ok(L)) return;
        if (i + 1 < s->n && *at++ != ',') {
            lower_raise(L, "RuntimeError", "einsum(): more operands were provided than specified in the equation");
            return;
        }
    }
    if (*at == ',') {
        lower_raise(L, "RuntimeError", "einsum(): fewer operands were provided than specified in the equation");
        return;
    }
    for (int i = 0; i < s->n && lower_ok(L); i++) read_operand(L, s, i);
    if (!lower_ok(L)) return;
    if (!*at) {
        implicit_out(L, s);
        return;
    }
    if (at[1] != '>' || *read_term(L, at + 2, &s->out)) {
        lower_raise(L, "RuntimeError", "einsum(): invalid equation '%.60s'", eq);
        return;
    }
    spread(L, &s->out, s->dots);
    for (int i = 0; i < s->out.n && lower_ok(L); i++)
        if (s->uses[s->out.label[i]] == 0)
            lower_raise(L, "RuntimeError",
                        "einsum(): output subscript %c does not appear in the equation for any input operand",
                        s->out.label[i] < 26 ? 'A' + s->out.label[i] : 'a' + s->out.label[i] - 26);
}

/* ---- one operand ---- */
static void drop_axis(term *t, int at) {
    t->n--;
    for (int i = at; i < t->n; i++) t->label[i] = t->label[i + 1];
}

/* A label twice takes the diagonal, which becomes the last axis. */
static void take_diagonals(lower *L, operand *o) {
    for (int i = 0; i < o->is.n && lower_ok(L); i++)
        for (int j = i + 1; j < o->is.n; j++) {
            if (o->is.label[i] != o->is.label[j]) continue;
            int label = o->is.label[i];
            o->t = view_diagonal(L, o->t, 0, i, j);
            drop_axis(&o->is, j);
            drop_axis(&o->is, i);
            o->is.label[o->is.n++] = label;
            i = -1;
            break;
        }
}

/* Sums the axes that neither the result nor another operand (from `first` on, and `other`) has. */
static void sum_lonely(lower *L, const sum *s, operand *o, const operand *other, int first) {
    int64_t axes[NARU_MAX_RANK];
    int n = 0;
    term left = {0};
    for (int i = 0; i < o->is.n; i++) {
        int label = o->is.label[i];
        bool used = place(&s->out, label) >= 0 || (other && place(&other->is, label) >= 0);
        for (int k = first; k < s->n && !used; k++) used = place(&s->in[k].is, label) >= 0;
        if (used) left.label[left.n++] = label;
        else axes[n++] = i;
    }
    if (n == 0) return;
    o->t = nn_reduce(L, &op_ReduceSum, o->t, n, axes, false);
    o->is = left;
}

/* ---- two operands ---- */
typedef struct split {
    int n;
    int label[NARU_MAX_RANK];
    int64_t dim[NARU_MAX_RANK], size;
} split;

static void split_add(split *g, int label, int64_t size) {
    if (g->n == NARU_MAX_RANK) return;
    g->dim[g->n] = size;
    g->label[g->n++] = label;
    g->size *= size;
}

/* Axes of size 1 that broadcast against a larger one of the other operand go away. */
static void drop_ones(lower *L, operand *o, const operand *other, const sum *s) {
    for (int i = 0; i < o->is.n && lower_ok(L); i++)
        if (place(&other->is, o->is.label[i]) >= 0 && s->size[o->is.label[i]] != 1 && t_dim_int(L, o->t, i) == 1) {
            o->t = view_squeeze(L, o->t, 1, (int64_t[]){i});
            drop_axis(&o->is, i--);
        }
}

static sten *arranged(lower *L, const operand *o, const split *a, const split *b, const split *c) {
    const split *order[3] = {a, b, c};
    int64_t perm[NARU_MAX_RANK];
    int n = 0;
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < order[g]->n && n < o->is.n; i++) perm[n++] = place(&o->is, order[g]->label[i]);
    sten *t = view_permute(L, o->t, perm);
    return nn_reshape(L, t, 3, (sv[]){sv_int(a->size), sv_int(b->size), sv_int(c->size)});
}

/* a becomes the product of a and b, summed over what is not needed behind operand `next`. */
static void contract(lower *L, const sum *s, operand *a, operand *b, int next) {
    drop_ones(L, a, b, s);
    drop_ones(L, b, a, s);
    sum_lonely(L, s, a, b, next);
    sum_lonely(L, s, b, a, next);
    split batch = {.size = 1}, left = batch, mid = batch, right = batch;
    for (int i = 0; i < a->is.n; i++) {
        int label = a->is.label[i];
        int64_t n = t_dim_int(L, a->t, i);
        bool needed = place(&s->out, label) >= 0;
        for (int k = next; k < s->n && !needed; k++) needed = place(&s->in[k].is, label) >= 0;
        split_add(place(&b->is, label) < 0 ? &left : needed ? &batch : &mid, label, n);
    }
    for (int i = 0; i < b->is.n; i++)
        if (place(&a->is, b->is.label[i]) < 0) split_add(&right, b->is.label[i], t_dim_int(L, b->t, i));
    if (!lower_ok(L)) return;
    if (batch.n + left.n + right.n > NARU_MAX_RANK) {
        lower_fail(L, NARU_UNSUPPORTED, "einsum: more than %d dims", NARU_MAX_RANK);
        return;
    }
    sten *x = arranged(L, a, &batch, &left, &mid), *y = arranged(L, b, &batch, &mid, &right);
    sten *r = nn_matmul(L, x, y);
    sv dims[NARU_MAX_RANK];
    a->is = (term){0};
    const split *order[3] = {&batch, &left, &right};
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < order[g]->n; i++) {
            dims[a->is.n] = sv_int(order[g]->dim[i]);
            a->is.label[a->is.n++] = order[g]->label[i];
        }
    a->t = nn_reshape(L, r, a->is.n, dims);
}

static sten *ordered(lower *L, const sum *s, const operand *o) {
    int64_t perm[NARU_MAX_RANK];
    if (!lower_ok(L)) return NULL;
    for (int i = 0; i < s->out.n; i++) perm[i] = place(&o->is, s->out.label[i]);
    return view_permute(L, o->t, perm);
}

void aten_einsum(lower *L) {
    sten **t;
    const char *eq = arg_str(L, 0);
    int n = arg_tensors(L, 1, &t);
    if (!lower_ok(L)) return;
    if (n == 0) {
        lower_raise(L, "RuntimeError", "einsum(): must provide at least one operand");
        return;
    }
    if (lower_recording(L)) {
        ret_tensor(L, lower_op(L, &op_Einsum, ATTRS(AS("equation", eq)), n, t));
        return;
    }
    sum s = {.n = n, .in = host_scratch(L, (size_t)n * sizeof *s.in)};
    if (!s.in) return;
    for (int i = 0; i < n; i++) s.in[i].t = t[i];
    read_equation(L, eq, &s);
    for (int i = 0; i < n && lower_ok(L); i++) take_diagonals(L, &s.in[i]);
    operand acc = s.in[0];
    for (int i = 1; i < n && lower_ok(L); i++) contract(L, &s, &acc, &s.in[i], i + 1);
    sum_lonely(L, &s, &acc, NULL, n);
    ret_tensor(L, ordered(L, &s, &acc));
}
