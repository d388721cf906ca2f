/* SPDX-License-Identifier: MIT
 *
 * Code as text, one instruction a line, derived from the formats of opcodes.def.
 */
#include "script/opcodes.h"
#include "script/unit.h"

static void add_operand(const sfunction *f, char letter, unsigned v, str *out) {
    const code *k = &f->code;
    switch (letter) {
    case 'D':
    case 'R': str_addf(out, " r%u", v); break;
    case 'K':
        str_add(out, " ");
        if (v < (unsigned)k->nconsts && k->consts[v].tag == SV_STR) str_add(out, "\"");
        if (v < (unsigned)k->nconsts && k->consts[v].tag == SV_TENSOR) str_add(out, "Tensor");
        else if (v < (unsigned)k->nconsts) sv_print(k->consts[v], out);
        if (v < (unsigned)k->nconsts && k->consts[v].tag == SV_STR) str_add(out, "\"");
        break;
    case 'C':
        if (v >= (unsigned)k->ncalls) break;
        if (k->calls[v].op) {
            const schema *s = k->calls[v].op->schema;
            str_addf(out, " %s%s%s", s->name, *s->overload ? "." : "", s->overload);
        } else {
            str_addf(out, " %s", k->calls[v].fn ? k->calls[v].fn->qualname : k->calls[v].method);
        }
        break;
    case 'T':
        str_add(out, " ");
        if (v < (unsigned)k->ntypes) stype_print(k->types[v], out);
        break;
    case 'J': str_addf(out, " @%u", v); break;
    case 'S': str_addf(out, " .%u", v); break;
    case 'N': str_addf(out, " x%u", v); break;
    default: break;
    }
}

static void add_insn(const sfunction *f, int pc, int indent, str *out) {
    const insn *i = &f->code.insns[pc];
    const char *format = insn_format(i->op);
    str_addf(out, "%4d %*s%s", pc, indent * 2, "", insn_name(i->op));
    add_operand(f, format[0], i->a, out);
    add_operand(f, format[1], i->b, out);
    add_operand(f, format[2], i->c, out);
    add_operand(f, format[3], i->n, out);
    str_add(out, "\n");
}

static void add_signature(const sfunction *f, str *out) {
    str_addf(out, "%s(", f->qualname);
    for (int i = 0; i < f->nparams; i++) {
        str_addf(out, "%s%s: ", i ? ", " : "", f->params[i].name);
        stype_print(f->params[i].type, out);
    }
    str_add(out, ")");
    if (f->ret) {
        str_add(out, " -> ");
        stype_print(f->ret, out);
    }
    str_addf(out, "  # %d registers\n", f->code.nregs);
}

void code_print(const sfunction *f, str *out) {
    enum { DEEP = 40 };
    int ends[DEEP], depth = 0;
    add_signature(f, out);
    for (int pc = 0; pc < f->code.ninsns; pc++) {
        const insn *i = &f->code.insns[pc];
        while (depth > 0 && pc >= ends[depth - 1]) depth--;
        add_insn(f, pc, depth, out);
        if ((i->op == INSN_IF || i->op == INSN_FOR || i->op == INSN_WHILE) && depth < DEEP) ends[depth++] = i->c;
    }
}
