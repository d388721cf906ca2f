/* SPDX-License-Identifier: MIT
 *
 * Lifetimes: a walk backwards over the finished instructions of a function, statement by statement, finds where a
 * register is read for the last time. A MOVE from it becomes a TAKE; elsewhere a CLEAR lets go of what may be large.
 * Then results that are taken at once are computed where they are taken to.
 *
 * What is live at the end of a loop's body: what is live behind the loop, and what the body reads that is from outside.
 * Variables used nowhere but inside are not from outside (a name is assigned before it is read in every iteration), nor
 * are temporaries above the mark of the loop.
 */
#include "script/compile_in.h"

typedef struct notes { /* registers to clear, by place */
    ARRAY(uint32_t) regs;
    ARRAY(uint32_t) places; /* 2 i + 1: behind instruction i, before whatever jumps there; 2 i: before i, after that */
} notes;

typedef struct lifetimes {
    cc *C;
    xinsn *code;
    uint32_t n, nvars, nregs, words;
    uint64_t *live, *heap; /* heap: what may hold something large anywhere */
    uint8_t *read_large;   /* of each register that an instruction reads, there; from read_at on */
    uint32_t *read_at;
    uint32_t *first, *last, *next_write; /* occurrences of variables */
    uint32_t *region;                    /* of instructions: the statement they are in, for straight runs */
    uint32_t heavy;                      /* next instruction that takes long or branches */
    notes clears;
    bool failed;
} lifetimes;

static bool get(const uint64_t *set, uint32_t r) { return set[r / 64] >> (r % 64) & 1; }
static void put(uint64_t *set, uint32_t r, bool on) {
    if (on) set[r / 64] |= 1ull << (r % 64);
    else set[r / 64] &= ~(1ull << (r % 64));
}

/* ---- what instructions read and write ---- */
typedef struct uses {
    uint32_t read[4], nread;
    uint32_t run, nrun;     /* read too */
    uint32_t write, nwrite; /* a run */
} uses;

static uint32_t results(const lifetimes *L, const xinsn *x) {
    const schema *s = L->C->calls.data[x->b].op->schema;
    return s->varret ? 1 : (uint32_t)s->nreturns;
}

static uses uses_of(const lifetimes *L, const xinsn *x) {
    uses u = {.write = x->a, .nwrite = 1};
    switch ((insn_op)x->op) {
    case INSN_OP: u.nwrite = results(L, x); /* fall through */
    case INSN_CALL:
    case INSN_FORK:
    case INSN_TUPLE:
    case INSN_LIST:
    case INSN_DICT:
        u.run = x->c;
        u.nrun = x->n;
        break;
    case INSN_UNPACK: u.nwrite = x->n; /* fall through */
    case INSN_MOVE:
    case INSN_TAKE:
    case INSN_ATTR:
    case INSN_ITEM:
    case INSN_TSLICE:
    case INSN_ISINST:
    case INSN_CHECKED:
    case INSN_FOR: u.read[u.nread++] = x->b; break;
    case INSN_SETATTR:
        u.read[u.nread++] = x->a;
        u.read[u.nread++] = x->c;
        u.nwrite = 0;
        break;
    case INSN_RAISE: u.read[u.nread++] = x->b; /* fall through */
    case INSN_IF:
    case INSN_WHILE:
    case INSN_RET:
        u.read[u.nread++] = x->a;
        u.nwrite = 0;
        break;
    case INSN_JMP:
    case INSN_NEXT:
    case INSN_AGAIN: u.nwrite = 0; break;
    default: break;
    }
    return u;
}

static bool reads(const uses *u, uint32_t r) {
    for (uint32_t i = 0; i < u->nread; i++)
        if (u->read[i] == r) return true;
    return r - u->run < u->nrun;
}
static bool writes(const uses *u, uint32_t r) { return r - u->write < u->nwrite; }

/* ---- which registers may hold something large ---- */
static bool large(const stype *t) {
    switch (t->kind) {
    case ST_INT:
    case ST_FLOAT:
    case ST_BOOL:
    case ST_NONE:
    case ST_NUMBER:
    case ST_STR:
    case ST_DEVICE:
    case ST_COMPLEX:
    case ST_FUNCTION: return false;
    case ST_CLASS: return t->cls->kind != CLASS_ENUM && t->cls->kind != CLASS_MODULE;
    case ST_OPTIONAL: return large(t->args[0]);
    default: return true;
    }
}

static bool makes_large(const lifetimes *L, const xinsn *x, bool moved) {
    if (x->type) return large(x->type);
    switch ((insn_op)x->op) {
    case INSN_OP: {
        const schema *s = L->C->calls.data[x->b].op->schema;
        for (int i = 0; i < s->nreturns; i++)
            if (large(s->returns[i])) return true;
        return s->varret;
    }
    case INSN_CALL: {
        const sfunction *f = L->C->calls.data[x->b].fn;
        return !f || !f->ret || large(f->ret);
    }
    case INSN_MOVE:
    case INSN_TAKE: return moved;
    case INSN_CONST:
    case INSN_ATTR:
    case INSN_ISINST:
    case INSN_FOR:
    case INSN_CLEAR: return false;
    default: return true;
    }
}

/* Variables: whatever they are ever assigned. Temporaries: the definition before, in the order of the code. */
static void find_large(lifetimes *L, uint64_t *now) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < L->n; i++) {
        uses u = uses_of(L, &L->code[i]);
        L->read_at[i] = at;
        for (uint32_t k = 0; k < u.nread + u.nrun; k++) {
            uint32_t r = k < u.nread ? u.read[k] : u.run + k - u.nread;
            L->read_large[at++] = get(r < L->nvars ? L->heap : now, r);
        }
        bool is = makes_large(L, &L->code[i], u.nread && L->read_large[L->read_at[i]]);
        for (uint32_t k = 0; k < u.nwrite; k++) {
            put(now, u.write + k, is);
            if (is) put(L->heap, u.write + k, true);
        }
    }
}

static uint32_t count_reads(const lifetimes *L) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < L->n; i++) {
        uses u = uses_of(L, &L->code[i]);
        n += u.nread + u.nrun;
    }
    return n;
}

static bool learn_large(lifetimes *L) {
    const sfunction *f = &L->C->f->f;
    uint64_t *now = mem_calloc(L->words, sizeof(*now));
    L->read_large = mem_calloc(count_reads(L) + 1, 1);
    L->read_at = mem_calloc(L->n + 1, sizeof(uint32_t));
    bool ok = now && L->read_large && L->read_at;
    for (int i = 0; ok && i < f->nparams; i++) put(L->heap, (uint32_t)i, large(f->params[i].type));
    for (int round = 0; ok && round < 2; round++) find_large(L, now); /* loops: once more */
    mem_free(now);
    return ok;
}

/* ---- statements ---- */
static void note(lifetimes *L, uint32_t place, uint32_t r) {
    if (!ARRAY_PUSH(&L->clears.regs, r) || !ARRAY_PUSH(&L->clears.places, place)) L->failed = true;
}

static void note_difference(lifetimes *L, uint32_t place, const uint64_t *in, const uint64_t *out) {
    for (uint32_t w = 0; w < L->words; w++) {
        uint64_t d = in[w] & ~out[w] & L->heap[w];
        for (; d; d &= d - 1) note(L, place, w * 64 + (uint32_t)__builtin_ctzll(d));
    }
}

static uint64_t *copy_of(lifetimes *L, const uint64_t *set) {
    uint64_t *c = mem_alloc(L->words * sizeof(*c));
    if (!c) L->failed = true;
    else memcpy(c, set, L->words * sizeof(*c));
    return c;
}

static void walk(lifetimes *L, uint32_t from, uint32_t to, uint32_t region);

static bool is_heavy(const lifetimes *L, const xinsn *x) {
    return x->op == INSN_CALL || x->op == INSN_FORK || (x->op == INSN_OP && !L->C->calls.data[x->b].op->fast);
}

static void last_read(lifetimes *L, uint32_t i, uint32_t r, const uses *u, bool is_large) {
    xinsn *x = &L->code[i];
    if (get(L->live, r)) return;
    put(L->live, r, true);
    if (writes(u, r) || x->op == INSN_RET || x->op == INSN_RAISE || x->op == INSN_CALL || x->op == INSN_FORK) return;
    if (x->op == INSN_MOVE) x->op = INSN_TAKE;
    else if (is_large && L->next_write[r] >= L->heavy) note(L, 2 * i + 1, r);
}

static void simple(lifetimes *L, uint32_t i) {
    uses u = uses_of(L, &L->code[i]);
    const uint8_t *is_large = L->read_large + L->read_at[i];
    bool makes = makes_large(L, &L->code[i], u.nread && is_large[0]);
    for (uint32_t k = 0; k < u.nwrite; k++) {
        uint32_t w = u.write + k;
        if (!get(L->live, w) && makes && L->next_write[w] >= L->heavy) note(L, 2 * i + 1, w);
        put(L->live, w, false);
    }
    for (uint32_t k = 0; k < u.nread; k++) last_read(L, i, u.read[k], &u, is_large[k]);
    for (uint32_t k = 0; k < u.nrun; k++) last_read(L, i, u.run + k, &u, is_large[u.nread + k]);
    for (uint32_t k = 0; k < u.nwrite; k++) L->next_write[u.write + k] = i;
    if (is_heavy(L, &L->code[i])) L->heavy = i;
}

static bool is_loop(const xinsn *x) { return x->op == INSN_FOR || x->op == INSN_WHILE; }

static void branch(lifetimes *L, uint32_t i) {
    xinsn *x = &L->code[i];
    uint32_t then_end = x->b < x->c && L->code[x->b - 1].op == INSN_JMP ? x->b - 1 : x->b;
    uint64_t *other = copy_of(L, L->live);
    if (!other) return;
    L->heavy = x->c;
    if (x->b < x->c) walk(L, x->b, x->c, x->b);
    uint64_t *no = L->live;
    L->live = other;
    L->heavy = then_end;
    walk(L, i + 1, then_end, i);
    uint64_t *yes = L->live;
    note_difference(L, 2 * i + 1, no, yes);
    if (x->b < x->c && !is_loop(&L->code[x->b])) note_difference(L, 2 * x->b, yes, no);
    for (uint32_t w = 0; w < L->words; w++) no[w] |= yes[w];
    L->live = no;
    mem_free(yes);
    put(L->live, x->a, true);
    L->heavy = i;
}

static bool from_outside(const lifetimes *L, uint32_t r, uint32_t top) {
    const xinsn *x = &L->code[top];
    if (r >= L->nvars) return r - L->nvars < x->mark;
    return L->first[r] < top || L->last[r] >= x->c || r < (uint32_t)L->C->f->f.nparams;
}

static void loop_statement(lifetimes *L, uint32_t i) {
    const xinsn *x = &L->code[i];
    uint64_t *after = copy_of(L, L->live);
    if (!after) return;
    for (uint32_t k = i + 1; k < x->c; k++) {
        uses u = uses_of(L, &L->code[k]);
        for (uint32_t j = 0; j < u.nread; j++)
            if (from_outside(L, u.read[j], i)) put(L->live, u.read[j], true);
        for (uint32_t j = 0; j < u.nrun; j++)
            if (from_outside(L, u.run + j, i)) put(L->live, u.run + j, true);
    }
    put(L->live, x->a, true);
    if (x->op == INSN_FOR) put(L->live, x->b, true);
    note_difference(L, 2 * x->c, L->live, after);
    uint64_t *end = copy_of(L, L->live);
    L->heavy = x->c - 1;
    walk(L, i + 1, x->c - 1, i);
    for (uint32_t w = 0; end && w < L->words; w++) L->live[w] |= after[w] | end[w];
    mem_free(after);
    mem_free(end);
    if (x->op == INSN_FOR) put(L->live, x->a, false);
    L->heavy = i;
}

static void walk(lifetimes *L, uint32_t from, uint32_t to, uint32_t region) {
    ARRAY(uint32_t) starts = {0};
    for (uint32_t i = from; i < to && !L->failed;) {
        const xinsn *x = &L->code[i];
        if (!ARRAY_PUSH(&starts, i)) L->failed = true;
        L->region[i] = region;
        i = x->op == INSN_IF || is_loop(x) ? x->c : i + 1;
    }
    while (starts.count && !L->failed) {
        uint32_t i = starts.data[--starts.count];
        if (L->code[i].op == INSN_IF) branch(L, i);
        else if (is_loop(&L->code[i])) loop_statement(L, i);
        else simple(L, i);
    }
    ARRAY_FREE(&starts);
}

/* ---- results computed where they are taken to ---- */
static bool movable(const lifetimes *L, const xinsn *x) {
    switch ((insn_op)x->op) {
    case INSN_OP: return results(L, x) == 1;
    case INSN_CALL:
    case INSN_FORK:
    case INSN_ATTR:
    case INSN_TUPLE:
    case INSN_LIST:
    case INSN_DICT:
    case INSN_ITEM:
    case INSN_TSLICE:
    case INSN_NEW:
    case INSN_ISINST:
    case INSN_CHECKED: return true;
    default: return false;
    }
}

static bool retarget(lifetimes *L, uint32_t k) {
    enum { FAR = 40 };
    uint32_t to = L->code[k].a, from = L->code[k].b;
    for (uint32_t i = k; i-- > 0 && k - i < FAR;) {
        xinsn *x = &L->code[i];
        if (L->region[i] != L->region[k] || x->op == INSN_IF || is_loop(x)) return false;
        if (x->op == INSN_COUNT) continue;
        uses u = uses_of(L, x);
        if (writes(&u, from)) {
            if (!movable(L, x) || x->a != from || reads(&u, to))
                return false; /* what it reads may be cleared behind it */
            x->a = to;
            return true;
        }
        if (reads(&u, from) || reads(&u, to) || writes(&u, to)) return false;
    }
    return false;
}

static void shorten(lifetimes *L) { /* INSN_COUNT: no longer there */
    for (uint32_t k = 1; k < L->n; k++)
        if (L->code[k].op == INSN_TAKE && retarget(L, k)) L->code[k].op = INSN_COUNT;
}

/* ---- the new code ---- */
typedef struct rewriting {
    uint32_t *label, *at; /* where jumps to an instruction go; where it is */
    uint32_t *count;      /* clears before (2 i) and behind (2 i + 1) */
    ARRAY(xinsn) out;
} rewriting;

static void add_clears(lifetimes *L, rewriting *w, uint32_t place, const uint32_t *sorted, const uint32_t *start) {
    uint32_t i = place / 2 < L->n ? place / 2 : L->n - 1;
    for (uint32_t k = start[place]; k < start[place + 1]; k++) {
        xinsn x = {.op = INSN_CLEAR, .a = sorted[k], .pos = L->code[i].pos};
        if (!ARRAY_PUSH(&w->out, x)) L->failed = true;
    }
}

static void relabel(const lifetimes *L, rewriting *w) {
    for (size_t k = 0; k < w->out.count; k++) {
        xinsn *x = &w->out.data[k];
        switch ((insn_op)x->op) {
        case INSN_IF:
            x->b = w->label[x->b];
            x->c = w->label[x->c];
            break;
        case INSN_FOR:
        case INSN_WHILE: x->c = w->label[x->c]; break;
        case INSN_JMP: x->a = w->label[x->a]; break;
        case INSN_NEXT:
        case INSN_AGAIN: x->a = w->at[x->a]; break;
        default: break;
        }
    }
}

static void rewrite(lifetimes *L) {
    uint32_t places = 2 * (L->n + 1);
    uint32_t *start = mem_calloc(places + 2, sizeof(*start)),
             *sorted = mem_alloc((L->clears.regs.count + 1) * sizeof(*sorted));
    rewriting w = {.label = mem_alloc((L->n + 1) * sizeof(uint32_t)), .at = mem_alloc((L->n + 1) * sizeof(uint32_t))};
    if (!start || !sorted || !w.label || !w.at) L->failed = true;
    if (!L->failed) { /* counting sort by place */
        for (size_t k = 0; k < L->clears.places.count; k++) start[L->clears.places.data[k] + 2]++;
        for (uint32_t p = 2; p < places + 2; p++) start[p] += start[p - 1];
        for (size_t k = 0; k < L->clears.places.count; k++)
            sorted[start[L->clears.places.data[k] + 1]++] = L->clears.regs.data[k];
        for (uint32_t i = 0; i < L->n; i++) {
            w.label[i] = (uint32_t)w.out.count;
            add_clears(L, &w, 2 * i, sorted, start);
            w.at[i] = (uint32_t)w.out.count;
            if (L->code[i].op != INSN_COUNT && !ARRAY_PUSH(&w.out, L->code[i])) L->failed = true;
            add_clears(L, &w, 2 * i + 1, sorted, start);
        }
        w.label[L->n] = (uint32_t)w.out.count;
    }
    if (!L->failed) {
        relabel(L, &w);
        ARRAY_FREE(&L->C->code);
        L->C->code.data = w.out.data;
        L->C->code.count = w.out.count;
        L->C->code.cap = w.out.cap;
    } else {
        ARRAY_FREE(&w.out);
    }
    mem_free(start);
    mem_free(sorted);
    mem_free(w.label);
    mem_free(w.at);
}

/* ---- all ---- */
static void number_registers(lifetimes *L) { /* temporaries above variables, and back */
    for (uint32_t i = 0; i < L->n; i++) {
        xinsn *x = &L->code[i];
        const char *f = insn_format(x->op);
        uint32_t *fields[3] = {&x->a, &x->b, &x->c};
        for (int k = 0; k < 3; k++) {
            bool is_reg = f[k] == 'R' || f[k] == 'D';
            if (!is_reg) continue;
            if (*fields[k] & REG_TEMP) *fields[k] = L->nvars + (*fields[k] & ~REG_TEMP);
            else if (L->first[*fields[k]] == UINT32_MAX) L->first[*fields[k]] = i;
            if (*fields[k] < L->nvars) L->last[*fields[k]] = i;
        }
    }
}

bool code_lifetimes(cc *C) {
    lifetimes L = {.C = C, .code = C->code.data, .n = (uint32_t)C->code.count, .nvars = (uint32_t)C->vars.count};
    L.nregs = L.nvars + C->max_temps + 64; /* results of dead operators may lie above */
    L.words = (L.nregs + 63) / 64;
    L.live = mem_calloc(L.words, sizeof(uint64_t));
    L.heap = mem_calloc(L.words, sizeof(uint64_t));
    L.first = mem_alloc((L.nregs + 1) * sizeof(uint32_t));
    L.last = mem_calloc(L.nregs + 1, sizeof(uint32_t));
    L.next_write = mem_alloc((L.nregs + 1) * sizeof(uint32_t));
    L.region = mem_calloc(L.n + 1, sizeof(uint32_t));
    L.failed = !L.live || !L.heap || !L.first || !L.last || !L.next_write || !L.region;
    if (!L.failed) {
        memset(L.first, 0xff, (L.nregs + 1) * sizeof(uint32_t));
        memset(L.next_write, 0xff, (L.nregs + 1) * sizeof(uint32_t));
        number_registers(&L);
        L.failed = !learn_large(&L);
        L.heavy = L.n;
        if (!L.failed) walk(&L, 0, L.n, UINT32_MAX);
    }
    if (!L.failed) shorten(&L);
    if (!L.failed) rewrite(&L);
    mem_free(L.live);
    mem_free(L.heap);
    mem_free(L.first);
    mem_free(L.last);
    mem_free(L.next_write);
    mem_free(L.region);
    mem_free(L.read_large);
    mem_free(L.read_at);
    ARRAY_FREE(&L.clears.regs);
    ARRAY_FREE(&L.clears.places);
    return L.failed ? coom(C) : true;
}
