/* SPDX-License-Identifier: MIT
 *
 * The verifier of code: each operand by its format letter, then the nesting of statements, region by region.
 */
#include "script/opcodes.h"

#include "base/mem.h"

static const struct {
    const char *name, *format;
} table[] = {
#define OPCODE(name, format, meaning) {#name, format},
#include "script/opcodes.def"
#undef OPCODE
};

const char *insn_name(int op) { return op >= 0 && op < INSN_COUNT ? table[op].name : "?"; }
const char *insn_format(int op) { return op >= 0 && op < INSN_COUNT ? table[op].format : "----"; }

typedef struct checker {
    const sfunction *f;
    const code *c;
    int pc;
    naru_error *err;
} checker;

static naru_status wrong(const checker *k, const char *what) {
    const char *name = k->pc < k->c->ninsns ? insn_name(k->c->insns[k->pc].op) : "end";
    return err_set(k->err, NARU_INTERNAL, "%s: instruction %d (%s): %s", k->f->qualname ? k->f->qualname : "code",
                   k->pc, name, what);
}

static naru_status check_operand(const checker *k, char letter, int v) {
    switch (letter) {
    case 'R':
    case 'D': return v < k->c->nregs ? NARU_OK : wrong(k, "no such register");
    case 'K': return v < k->c->nconsts ? NARU_OK : wrong(k, "no such constant");
    case 'C': return v < k->c->ncalls ? NARU_OK : wrong(k, "no such call");
    case 'T': return v < k->c->ntypes && k->c->types[v] ? NARU_OK : wrong(k, "no such type");
    case 'J': return v < k->c->ninsns ? NARU_OK : wrong(k, "no such place");
    default: return NARU_OK;
    }
}

static naru_status check_run(const checker *k, int first, int n) {
    return first + n <= k->c->nregs ? NARU_OK : wrong(k, "registers out of bounds");
}

static naru_status check_call(const checker *k, const insn *i) {
    const scall *call = &k->c->calls[i->b];
    if (i->op != INSN_OP) {
        if (!call->fn && (!call->method || i->n == 0)) return wrong(k, "nothing to call");
        return call->fn && i->n > call->fn->nparams ? wrong(k, "too many arguments") : NARU_OK;
    }
    if (!call->op) return wrong(k, "no operator");
    const schema *s = call->op->schema;
    if (i->n > s->nparams && !s->vararg) return wrong(k, "too many arguments");
    return check_run(k, i->a, s->varret ? 1 : s->nreturns);
}

static naru_status check_type(const checker *k, const insn *i, stype_kind kind) {
    return k->c->types[i->b]->kind == kind ? NARU_OK : wrong(k, "a type of another kind");
}

static naru_status check_insn(const checker *k, const insn *i) {
    if (i->op >= INSN_COUNT) return wrong(k, "unknown");
    const char *format = table[i->op].format;
    TRY(check_operand(k, format[0], i->a));
    TRY(check_operand(k, format[1], i->b));
    TRY(check_operand(k, format[2], i->c));
    switch ((insn_op)i->op) {
    case INSN_OP:
    case INSN_CALL:
    case INSN_FORK: TRY(check_run(k, i->c, i->n)); return check_call(k, i);
    case INSN_TUPLE: TRY(check_run(k, i->c, i->n)); return check_type(k, i, ST_TUPLE);
    case INSN_LIST: TRY(check_run(k, i->c, i->n)); return check_type(k, i, ST_LIST);
    case INSN_DICT:
        TRY(check_run(k, i->c, i->n));
        if (i->n % 2) return wrong(k, "a key without a value");
        return check_type(k, i, ST_DICT);
    case INSN_NEW: return check_type(k, i, ST_CLASS);
    case INSN_UNPACK: return check_run(k, i->a, i->n);
    default: return NARU_OK;
    }
}

/* ---- nesting ---- */
typedef struct region {
    int start, end; /* instructions [start, end) */
} region;
typedef ARRAY(region) regions;

static bool leaves(const insn *i) { return i->op == INSN_RET || i->op == INSN_RAISE; }

static naru_status push(const checker *k, regions *r, int start, int end) {
    if (start == end) return NARU_OK;
    return ARRAY_PUSH(r, ((region){start, end})) ? NARU_OK : err_oom(k->err);
}

/* A statement at k->pc inside a region that ends at `end`: its parts become regions of their own; *next: behind it. */
static naru_status check_statement(const checker *k, const insn *i, int end, regions *r, int *next) {
    int pc = k->pc;
    const insn *all = k->c->insns;
    *next = pc + 1;
    switch ((insn_op)i->op) {
    case INSN_IF: {
        if (!(pc < i->b && i->b <= i->c && i->c <= end)) return wrong(k, "parts out of order");
        int then_end = i->b;
        if (i->b < i->c) {
            const insn *last = &all[i->b - 1];
            bool jumps = last->op == INSN_JMP && last->a == i->c && i->b - 1 > pc;
            if (!jumps && !leaves(last)) return wrong(k, "its first part runs into the second");
            if (jumps) then_end--;
        }
        *next = i->c;
        TRY(push(k, r, pc + 1, then_end));
        return push(k, r, i->b, i->c);
    }
    case INSN_FOR:
    case INSN_WHILE: {
        if (!(pc + 1 < i->c && i->c <= end)) return wrong(k, "body out of order");
        const insn *last = &all[i->c - 1];
        if (last->op != (i->op == INSN_FOR ? INSN_NEXT : INSN_AGAIN) || last->a != pc)
            return wrong(k, "body not ended");
        *next = i->c;
        return push(k, r, pc + 1, i->c - 1);
    }
    case INSN_JMP:
    case INSN_NEXT:
    case INSN_AGAIN: return wrong(k, "a jump outside of its statement");
    default: return NARU_OK;
    }
}

static naru_status check_region(checker *k, region g, regions *r) {
    for (int pc = g.start, next; pc < g.end; pc = next) {
        k->pc = pc;
        TRY(check_statement(k, &k->c->insns[pc], g.end, r, &next));
    }
    return NARU_OK;
}

static naru_status check_nesting(checker *k, regions *r) {
    TRY(push(k, r, 0, k->c->ninsns));
    while (r->count) TRY(check_region(k, r->data[--r->count], r));
    return NARU_OK;
}

naru_status code_verify(const sfunction *f, naru_error *err) {
    checker k = {f, &f->code, 0, err};
    if (k.c->ninsns <= 0 || k.c->ninsns > UINT16_MAX || k.c->nregs > UINT16_MAX + 1) return wrong(&k, "too large");
    if (f->nparams > k.c->nregs) return wrong(&k, "fewer registers than parameters");
    for (k.pc = 0; k.pc < k.c->ninsns; k.pc++) TRY(check_insn(&k, &k.c->insns[k.pc]));
    k.pc = k.c->ninsns - 1;
    if (!leaves(&k.c->insns[k.pc])) return wrong(&k, "the end is open");
    regions r = {0};
    naru_status st = check_nesting(&k, &r);
    ARRAY_FREE(&r);
    return st;
}
