/* SPDX-License-Identifier: MIT
 *
 * Registers of finished code: variables that are never in use at the same time share one. A variable is in use from its
 * first to its last occurrence in the order of the code, and throughout each loop that it enters or leaves; code is
 * structured, so that this order covers every path. Temporaries stay as they are, behind the variables.
 */
#include "script/compile_in.h"

#include <stdlib.h>

typedef struct span {
    uint32_t start, end; /* UINT32_MAX: does not occur */
    uint32_t v;
} span;

typedef struct sharing {
    cc *C;
    uint32_t nparams, nvars;
    span *spans;    /* of variables */
    uint32_t *slot; /* where each goes */
} sharing;

static void occurs(sharing *S, uint32_t r, uint32_t at) {
    if (r >= S->nvars) return;
    span *s = &S->spans[r];
    if (s->start == UINT32_MAX) s->start = at;
    if (at < s->start) s->start = at;
    if (s->end == UINT32_MAX || at > s->end) s->end = at;
}

typedef void (*visit)(sharing *S, uint32_t *reg, uint32_t at);

static void each_register(sharing *S, uint32_t from, uint32_t to, visit fn) {
    for (uint32_t i = from; i < to; i++) {
        xinsn *x = &S->C->code.data[i];
        const char *f = insn_format(x->op);
        if (f[0] == 'R' || f[0] == 'D') fn(S, &x->a, i);
        if (f[1] == 'R' || f[1] == 'D') fn(S, &x->b, i);
        if (f[2] == 'R' || f[2] == 'D') fn(S, &x->c, i);
    }
}

static void see(sharing *S, uint32_t *r, uint32_t at) { occurs(S, *r, at); }

static bool is_loop(const xinsn *x) { return x->op == INSN_FOR || x->op == INSN_WHILE; }

/* Loops from the inside out: what is from outside is in use until the loop ends. */
static void extend_over_loops(sharing *S) {
    for (uint32_t top = (uint32_t)S->C->code.count; top-- > 0;) {
        const xinsn *x = &S->C->code.data[top];
        if (!is_loop(x)) continue;
        occurs(S, x->a, x->c - 1);
        if (x->op == INSN_FOR) occurs(S, x->b, x->c - 1);
        for (uint32_t i = top + 1; i < x->c; i++) {
            const xinsn *y = &S->C->code.data[i];
            const char *f = insn_format(y->op);
            const uint32_t fields[3] = {y->a, y->b, y->c};
            for (int k = 0; k < 3; k++) {
                if ((f[k] != 'R' && f[k] != 'D') || fields[k] >= S->nvars) continue;
                const span *s = &S->spans[fields[k]];
                if (s->start >= top && s->end < x->c) continue;
                occurs(S, fields[k], top);
                occurs(S, fields[k], x->c - 1);
            }
        }
    }
}

static int by_start(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return (x->v > y->v) - (x->v < y->v);
}

/* Slots in use, the one that ends first on top of a heap. */
typedef struct busy {
    uint32_t end, slot;
} busy;

static void sift_down(busy *h, uint32_t n) {
    for (uint32_t i = 0, k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && h[k + 1].end < h[k].end) k++;
        if (h[i].end <= h[k].end) return;
        busy t = h[i];
        h[i] = h[k];
        h[k] = t;
    }
}

static void sift_up(busy *h, uint32_t i) {
    for (; i > 0 && h[i].end < h[(i - 1) / 2].end; i = (i - 1) / 2) {
        busy t = h[i];
        h[i] = h[(i - 1) / 2];
        h[(i - 1) / 2] = t;
    }
}

static uint32_t assign(sharing *S, span *sorted, uint32_t n, busy *heap) { /* how many registers variables need */
    uint32_t count = 0, next = S->nparams;
    for (uint32_t i = 0; i < n; i++) {
        busy b = {sorted[i].end, next};
        if (count && heap[0].end < sorted[i].start) {
            b.slot = heap[0].slot;
            heap[0] = b;
            sift_down(heap, count);
        } else {
            next++;
            heap[count] = b;
            sift_up(heap, count++);
        }
        S->slot[sorted[i].v] = b.slot;
    }
    return next;
}

static void move_to_slot(sharing *S, uint32_t *r, uint32_t at) {
    *r = *r < S->nvars ? S->slot[*r] : *r - S->nvars + S->slot[S->nvars];
}

bool code_share_registers(cc *C) {
    sharing S = {.C = C, .nparams = (uint32_t)C->f->f.nparams, .nvars = (uint32_t)C->vars.count};
    S.spans = mem_alloc((S.nvars + 1) * sizeof(span));
    S.slot = mem_calloc(S.nvars + 1, sizeof(uint32_t));
    busy *heap = mem_alloc((S.nvars + 1) * sizeof(*heap));
    bool ok = S.spans && S.slot && heap;
    if (ok) {
        memset(S.spans, 0xff, (S.nvars + 1) * sizeof(span));
        for (uint32_t v = 0; v < S.nvars; v++) S.spans[v].v = v;
        each_register(&S, 0, (uint32_t)C->code.count, see);
        extend_over_loops(&S);
        uint32_t n = 0;
        for (uint32_t v = 0; v < S.nparams; v++) S.slot[v] = v;
        for (uint32_t v = S.nparams; v < S.nvars; v++)
            if (S.spans[v].start != UINT32_MAX) S.spans[n++] = S.spans[v];
        if (n) qsort(S.spans, n, sizeof(span), by_start);
        S.slot[S.nvars] = C->nslots = assign(&S, S.spans, n, heap);
        each_register(&S, 0, (uint32_t)C->code.count, move_to_slot);
    }
    mem_free(S.spans);
    mem_free(S.slot);
    mem_free(heap);
    return ok || coom(C);
}
