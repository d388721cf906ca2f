/* SPDX-License-Identifier: MIT
 *
 * What is derived from opcodes.def: the numbers of instructions, their names and formats, and the verifier. The machine
 * checks tags and slots at run time; registers, constants, jumps and the nesting of statements it takes as verified.
 */
#ifndef SCRIPT_OPCODES_H
#define SCRIPT_OPCODES_H

#include "script/unit.h"

typedef enum insn_op {
#define OPCODE(name, format, meaning) INSN_##name,
#include "script/opcodes.def"
#undef OPCODE
    INSN_COUNT
} insn_op;

const char *insn_name(int op);   /* "MOVE" */
const char *insn_format(int op); /* "DR--" */

/* Everything of f's code: operands within bounds, types of the right kind, parts of statements properly nested and
 * ended as opcodes.def says, nothing runs off the end. Errors: INTERNAL naming function and instruction. */
naru_status code_verify(const sfunction *f, naru_error *err);

#endif
