/* SPDX-License-Identifier: MIT
 *
 * Einsum: a sum of products of elements addressed by labels, "ij,jk->ik". [ONNX Einsum-28]
 *
 * Each term labels its operand's axes with letters (case matters); "..." stands for the remaining axes, which broadcast
 * from the right. Labels absent from the output are summed. Without "->" the output holds "..." and then the labels
 * that occur once, in ASCII order. A label twice in a term takes the diagonal. Spaces are ignored. A dim of 1
 * broadcasts. Types: numeric (integers wrap). Versions: 12, 28 (bfloat16). Edge cases: a sum over nothing is 0.
 */
#include <ctype.h>

#include "ops/op.h"
#include "tensor/dtype.h"

enum { EQUATION };
static const attr_def attrs[] = {ATTR_REQ("equation", ATTR_STRING), {0}};

/* Labels: 0-51 letters in ASCII order, from DOTS on the axes of "...", counted from the right. */
enum { DOTS = 52, LABELS = DOTS + NARU_MAX_RANK };

typedef struct term {
    int n;
    short labels[2 * NARU_MAX_RANK];
    int dots; /* position of "...", -1: none */
} term;

typedef struct plan {
    term *in, out;
    int nin, dots; /* dots: axes that "..." stands for, the most over all operands */
} plan;

static int label_of(char ch) { return ch >= 'A' && ch <= 'Z' ? ch - 'A' : ch >= 'a' && ch <= 'z' ? 26 + ch - 'a' : -1; }

/* Reads one term; *p stops at ',', "->" or the end. */
static naru_status read_term(const char **p, term *t, naru_error *err) {
    *t = (term){.dots = -1};
    for (; **p && **p != ',' && **p != '-'; ++*p) {
        if (isspace((unsigned char)**p)) continue;
        if (strncmp(*p, "...", 3) == 0 && t->dots < 0) {
            t->dots = t->n;
            *p += 2;
            continue;
        }
        if (label_of(**p) < 0) return err_set(err, NARU_BAD_MODEL, "equation has '%c' where a label should be", **p);
        if (t->n == NARU_MAX_RANK) return err_set(err, NARU_LIMIT, "a term has more than %d labels", NARU_MAX_RANK);
        t->labels[t->n++] = (short)label_of(**p);
    }
    return NARU_OK;
}

/* The output's labels when the equation does not give them. */
static void implicit_output(plan *p) {
    int count[DOTS] = {0};
    for (int i = 0; i < p->nin; i++)
        for (int k = 0; k < p->in[i].n; k++) count[p->in[i].labels[k]]++;
    p->out = (term){.dots = 0};
    for (int l = 0; l < DOTS; l++)
        if (count[l] == 1 && p->out.n < NARU_MAX_RANK) p->out.labels[p->out.n++] = (short)l;
}

/* Puts `dots` labels where "..." stood. */
static void widen(term *t, int dots) {
    if (t->dots < 0) return;
    memmove(t->labels + t->dots + dots, t->labels + t->dots, (size_t)(t->n - t->dots) * sizeof *t->labels);
    for (int k = 0; k < dots; k++) t->labels[t->dots + k] = (short)(DOTS + dots - 1 - k);
    t->n += dots;
}

static naru_status widen_all(plan *p, const int *ranks, naru_error *err) {
    for (int i = 0; i < p->nin; i++) {
        int spare = ranks[i] - p->in[i].n;
        if (spare < 0 || (spare > 0 && p->in[i].dots < 0))
            return err_set(err, NARU_SHAPE, "term %d labels %d axes, input %d has rank %d", i, p->in[i].n, i, ranks[i]);
        widen(&p->in[i], spare);
        if (spare > p->dots) p->dots = spare;
    }
    if (p->out.dots < 0 && p->dots) return err_set(err, NARU_BAD_MODEL, "the output must name '...'");
    if (p->out.n + p->dots > NARU_MAX_RANK)
        return err_set(err, NARU_LIMIT, "the output's rank is over %d", NARU_MAX_RANK);
    widen(&p->out, p->dots);
    return NARU_OK;
}

static naru_status check_output(const plan *p, naru_error *err) {
    for (int k = 0; k < p->out.n; k++) {
        bool found = p->out.labels[k] >= DOTS;
        for (int i = 0; i < p->nin && !found; i++)
            for (int m = 0; m < p->in[i].n; m++) found = found || p->in[i].labels[m] == p->out.labels[k];
        if (!found) return err_set(err, NARU_BAD_MODEL, "an output label occurs in no input");
        for (int m = 0; m < k; m++)
            if (p->out.labels[m] == p->out.labels[k])
                return err_set(err, NARU_BAD_MODEL, "an output label occurs twice");
    }
    return NARU_OK;
}

static naru_status make_plan(arena *a, const char *eq, int nin, const int *ranks, plan *p, naru_error *err) {
    *p = (plan){.nin = nin, .in = arena_calloc(a, (size_t)nin + 1, sizeof *p->in)};
    if (!p->in) return err_oom(err);
    for (int i = 0;; i++) {
        if (i == nin) return err_set(err, NARU_BAD_MODEL, "equation has more terms than there are inputs (%d)", nin);
        TRY(read_term(&eq, &p->in[i], err));
        if (*eq == ',') eq++;
        else if (i + 1 < nin)
            return err_set(err, NARU_BAD_MODEL, "equation has %d terms, there are %d inputs", i + 1, nin);
        else break;
    }
    if (*eq) {
        if (strncmp(eq, "->", 2) != 0) return err_set(err, NARU_BAD_MODEL, "equation has '-' without '>'");
        eq += 2;
        TRY(read_term(&eq, &p->out, err));
        if (*eq) return err_set(err, NARU_BAD_MODEL, "equation goes on after the output");
        TRY(check_output(p, err));
    } else {
        implicit_output(p);
    }
    return widen_all(p, ranks, err);
}

static naru_status infer(infer_ctx *c) {
    int *ranks = arena_alloc(c->arena, ((size_t)c->nin + 1) * sizeof *ranks);
    if (!ranks) return err_oom(c->err);
    for (int i = 0; i < c->nin; i++) {
        if ((ranks[i] = in_rank(c, i)) >= 0) continue;
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
        return NARU_OK;
    }
    plan p;
    TRY(make_plan(c->arena, node_s(c->node, EQUATION), c->nin, ranks, &p, c->err));
    dim_t dims[LABELS], out[NARU_MAX_RANK];
    for (int l = 0; l < LABELS; l++) dims[l] = 1;
    for (int i = 0; i < c->nin; i++)
        for (int k = 0; k < p.in[i].n; k++) {
            dim_t *d = &dims[p.in[i].labels[k]];
            naru_status st = infer_broadcast(c, *d, in_dim(c, i, k), d);
            if (st != NARU_OK) return err_context(c->err, st, "input %d, axis %d", i, k);
        }
    for (int k = 0; k < p.out.n; k++) out[k] = dims[p.out.labels[k]];
    out_tensor(c, 0, in_dtype(c, 0), p.out.n, out);
    return NARU_OK;
}

/* ---- evaluation: one odometer over the output's labels and, inside it, the summed ones ---- */
typedef struct job {
    int nin, nloop, nout;       /* loops: the output's labels first */
    int64_t dims[LABELS];       /* by loop */
    int64_t (*strides)[LABELS]; /* by operand and loop */
    const double **f;
    const int64_t **i;
    int64_t *at; /* offset by operand */
} job;

static void move(job *j, int loop, int64_t by) {
    for (int i = 0; i < j->nin; i++) j->at[i] += by * j->strides[i][loop];
}

/* Advances loops [from, to); false when they wrap around. */
static bool advance(job *j, int64_t *idx, int from, int to) {
    for (int l = to - 1; l >= from; l--) {
        move(j, l, 1);
        if (++idx[l] < j->dims[l]) return true;
        move(j, l, -j->dims[l]);
        idx[l] = 0;
    }
    return false;
}

static void sum_one(job *j, int64_t *idx, double *f, int64_t *v) {
    *f = 0, *v = 0;
    do {
        double p = 1;
        uint64_t q = 1;
        for (int i = 0; i < j->nin; i++) {
            if (j->f) p *= j->f[i][j->at[i]];
            else q *= (uint64_t)j->i[i][j->at[i]];
        }
        *f += p;
        *v = (int64_t)((uint64_t)*v + q);
    } while (advance(j, idx, j->nout, j->nloop));
}

static void set_loops(eval_ctx *c, const plan *p, job *j) {
    int loop_of[LABELS];
    int64_t dims[LABELS];
    bool used[LABELS] = {false};
    for (int l = 0; l < LABELS; l++) loop_of[l] = -1, dims[l] = 1;
    for (int i = 0; i < p->nin; i++)
        for (int k = 0; k < p->in[i].n; k++) {
            used[p->in[i].labels[k]] = true;
            if (eval_in(c, i)->dims[k] != 1) dims[p->in[i].labels[k]] = eval_in(c, i)->dims[k];
        }
    for (int k = 0; k < p->out.n; k++) loop_of[p->out.labels[k]] = j->nloop++;
    j->nout = j->nloop;
    for (int l = 0; l < LABELS; l++)
        if (used[l] && loop_of[l] < 0) loop_of[l] = j->nloop++;
    for (int l = 0; l < LABELS; l++)
        if (loop_of[l] >= 0) j->dims[loop_of[l]] = dims[l];
    for (int i = 0; i < p->nin; i++) {
        int64_t s = 1;
        for (int k = p->in[i].n - 1; k >= 0; k--) {
            if (eval_in(c, i)->dims[k] != 1) j->strides[i][loop_of[p->in[i].labels[k]]] += s;
            s *= eval_in(c, i)->dims[k];
        }
    }
}

static naru_status read_operands(eval_ctx *c, job *j, bool ints) {
    const void **data = eval_scratch(c, (size_t)c->nin * sizeof *data + 1);
    if (!data) return NARU_OUT_OF_MEMORY;
    for (int i = 0; i < c->nin; i++)
        if (!(data[i] = ints ? (const void *)eval_i64(c, eval_in(c, i)) : eval_f64(c, eval_in(c, i))))
            return NARU_OUT_OF_MEMORY;
    if (ints) j->i = (const int64_t **)data;
    else j->f = (const double **)data;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    int *ranks = eval_scratch(c, ((size_t)c->nin + 1) * sizeof *ranks);
    job j = {.nin = c->nin};
    j.strides = arena_calloc(c->arena, (size_t)c->nin + 1, sizeof *j.strides);
    j.at = arena_calloc(c->arena, (size_t)c->nin + 1, sizeof *j.at);
    if (!ranks || !j.strides || !j.at) return err_oom(c->err);
    for (int i = 0; i < c->nin; i++) ranks[i] = eval_in(c, i)->rank;
    plan p;
    TRY(make_plan(c->arena, node_s(c->node, EQUATION), c->nin, ranks, &p, c->err));
    set_loops(c, &p, &j);
    TRY(read_operands(c, &j, dtype_is_int(y->dtype)));
    bool nothing = false;
    for (int l = j.nout; l < j.nloop; l++) nothing = nothing || j.dims[l] == 0;
    int64_t idx[LABELS] = {0}, n = tensor_count(y);
    for (int64_t o = 0; o < n; o++) {
        double f = 0;
        int64_t v = 0;
        if (!nothing) sum_one(&j, idx, &f, &v);
        if (j.f) dtype_set_f64(y->dtype, y->data, o, f);
        else dtype_set_i64(y->dtype, y->data, o, v);
        if (!nothing) advance(&j, idx, 0, j.nout);
    }
    return NARU_OK;
}

const op_desc op_Einsum = {
    .name = "Einsum",
    .versions = (const short[]){12, 28, 0},
    .sig = "Inputs:T... -> Output:T | T = num",
    .since = "T 28 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
