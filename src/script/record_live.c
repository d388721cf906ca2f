/* SPDX-License-Identifier: MIT
 *
 * Liveness of registers: what the code behind an instruction still reads.
 */
#include <string.h>

#include "script/opcodes.h"
#include "script/record_flow.h"

struct live_sets { /* one per function: a row of bits before each instruction */
    const sfunction *fn;
    uint64_t *bits;
    int words;
    live_sets *next;
};

static void mark(uint64_t *row, int from, int n, bool on) {
    for (int i = from; i < from + n; i++) {
        if (on) row[i / 64] |= 1ull << (i % 64);
        else row[i / 64] &= ~(1ull << (i % 64));
    }
}

static int results_of(const code *c, const insn *i) {
    if (i->op != INSN_OP) return i->op == INSN_UNPACK ? i->n : 1;
    const sop *op = c->calls[i->b].op;
    return op && !op->schema->varret ? op->schema->nreturns : 1;
}

static int successors(const code *c, int pc, int out[2]) {
    const insn *i = &c->insns[pc];
    int n = 0;
    switch (i->op) {
    case INSN_RET:
    case INSN_RAISE: return 0;
    case INSN_JMP:
    case INSN_NEXT:
    case INSN_AGAIN: out[n++] = i->a; return n;
    case INSN_IF: out[n++] = i->b; break;
    case INSN_FOR:
    case INSN_WHILE: out[n++] = i->c; break;
    default: break;
    }
    if (pc + 1 < c->ninsns) out[n++] = pc + 1;
    return n;
}

/* row := (row - written) + read */
static void transfer(const code *c, const insn *i, uint64_t *row) {
    bool writes = i->op != INSN_SETATTR && i->op != INSN_IF && i->op != INSN_JMP && i->op != INSN_NEXT &&
                  i->op != INSN_WHILE && i->op != INSN_AGAIN && i->op != INSN_RET && i->op != INSN_RAISE;
    if (writes) mark(row, i->a, results_of(c, i), false);
    switch (i->op) {
    case INSN_OP:
    case INSN_CALL:
    case INSN_FORK:
    case INSN_TUPLE:
    case INSN_LIST:
    case INSN_DICT: mark(row, i->c, i->n, true); break;
    case INSN_MOVE:
    case INSN_TAKE:
    case INSN_ATTR:
    case INSN_UNPACK:
    case INSN_ITEM:
    case INSN_TSLICE:
    case INSN_ISINST:
    case INSN_CHECKED:
    case INSN_FOR: mark(row, i->b, 1, true); break;
    case INSN_NEXT: /* counts on from where its FOR has begun */
        mark(row, c->insns[i->a].a, 1, true);
        mark(row, c->insns[i->a].b, 1, true);
        break;
    case INSN_SETATTR:
        mark(row, i->a, 1, true);
        mark(row, i->c, 1, true);
        break;
    case INSN_RAISE: mark(row, i->b, 1, true); /* and a */ /* fall through */
    case INSN_IF:
    case INSN_WHILE:
    case INSN_RET: mark(row, i->a, 1, true); break;
    default: break;
    }
}

const live_sets *record_liveness(recording *r, const sfunction *f) {
    const code *c = &f->code;
    for (const live_sets *known = r->liveness; known; known = known->next)
        if (known->fn == f) return known;
    live_sets *l = arena_calloc(r->arena, 1, sizeof *l);
    if (!l) return NULL;
    l->words = (c->nregs + 63) / 64;
    l->bits = arena_calloc(r->arena, ((size_t)c->ninsns + 1) * (size_t)l->words, sizeof *l->bits);
    uint64_t *row = arena_alloc(r->arena, (size_t)l->words * sizeof *row);
    if (!l->bits || !row) return NULL;
    for (bool changed = true; changed;) {
        changed = false;
        for (int pc = c->ninsns - 1; pc >= 0; pc--) {
            int next[2], n = successors(c, pc, next);
            uint64_t *at = l->bits + (size_t)pc * (size_t)l->words;
            memset(row, 0, (size_t)l->words * sizeof *row);
            for (int i = 0; i < n; i++)
                for (int w = 0; w < l->words; w++) row[w] |= l->bits[(size_t)next[i] * (size_t)l->words + (size_t)w];
            transfer(c, &c->insns[pc], row);
            changed = changed || memcmp(at, row, (size_t)l->words * sizeof *row) != 0;
            memcpy(at, row, (size_t)l->words * sizeof *row);
        }
    }
    l->fn = f;
    l->next = r->liveness;
    return r->liveness = l;
}

bool record_is_live(const live_sets *l, int pc, int reg) {
    return l->bits[(size_t)pc * (size_t)l->words + (size_t)reg / 64] >> (reg % 64) & 1;
}
