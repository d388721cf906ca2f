/* SPDX-License-Identifier: MIT
 *
 * Elementwise chains in one pass over memory. A program is a list of instructions over slots; it runs tile by tile,
 * each slot holding one tile (K_PW_TILE bytes, in L1): first the views (inputs and outputs in memory), then registers.
 *
 *   slot:  0 .. nviews-1        views, described by k_pw_view
 *          nviews ..            registers, each written before it is read
 *
 * A view that is dense in the current tile is used in place, others are gathered into, or scattered from, a scratch
 * tile: so broadcasting (stride 0), row vectors, per-row scalars and strided views need no instructions of their own.
 * The caller has broadcast all views to one shape and collapsed its dims as far as strides allow.
 *
 * Aliasing: an output may be the same memory with the same strides as an input if no instruction after the one that
 * writes it reads that input. Any other overlap of an output is an error of the caller.
 * Nothing outside the views' elements is touched; any alignment to the element size is fine.
 */
#ifndef KERNELS_POINTWISE_H
#define KERNELS_POINTWISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

enum { K_PW_DIMS = 16, K_PW_SLOTS = 32, K_PW_TILE = 4096 };

typedef enum k_pw_op {
#define PW_OP(name, operands, from, to) K_PW_##name,
#include "kernels/pointwise/ops.def"
#undef PW_OP
    K_PW_OPS
} k_pw_op;

typedef struct k_pw_ins {
    uint8_t op;   /* k_pw_op */
    uint8_t d;    /* slot written */
    uint8_t s[3]; /* slots read */
    float p, q;   /* constants */
} k_pw_ins;

typedef struct k_pw_view {
    void *data;   /* element (0, ..., 0) */
    int32_t size; /* bytes of an element: 1, 2, 4, 8 */
    bool output;
    int64_t stride[K_PW_DIMS]; /* in elements, one per dim of the program */
} k_pw_view;

typedef struct k_pw_program {
    int rank; /* 1 .. K_PW_DIMS; the last dim is the inner one */
    int64_t dim[K_PW_DIMS];
    int nviews, nregs, nins; /* nviews + nregs <= K_PW_SLOTS */
    const k_pw_view *view;
    const k_pw_ins *ins;
} k_pw_program;

/* One instruction on n elements; d may equal a source exactly. */
typedef void k_pw_fn(void *d, const void *a, const void *b, const void *c, int64_t n, const k_pw_ins *ins);

typedef struct k_pointwise {
    k_pw_fn *fn[K_PW_OPS];
} k_pointwise;

/* Bytes of an element of the op's operands (the last two for where) and of its result; number of operands. */
int k_pw_src_size(k_pw_op op);
int k_pw_dst_size(k_pw_op op);
int k_pw_arity(k_pw_op op);
const char *k_pw_name(k_pw_op op);

/* Workspace of one thread, bytes; 64-byte aligned memory makes it fastest. */
int64_t k_pw_workspace(const k_pw_program *p);

/* Elements [begin, end) of the product of the dims, in row-major order. */
void k_pw_run(const k_pointwise *k, const k_pw_program *p, int64_t begin, int64_t end, void *workspace);

/* Drops dims of 1 and merges neighbours that every view walks as one; keeps at least one dim. */
void k_pw_collapse(k_pw_program *p, k_pw_view *views);

#define KERNEL(level, symbol) extern const k_pointwise symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/pointwise/pointwise.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_pointwise *k_pointwise_pick(cpu_level level);

#endif
