/* SPDX-License-Identifier: MIT
 *
 * The machine that runs compiled functions: frames of registers, one flat switch over opcodes.def. A vm is one call in
 * progress (one thread); it borrows the module's pools. With a recording sink the same machine records: symbolic
 * conditions and trip counts go to the sink's hooks (record.h).
 */
#ifndef SCRIPT_VM_H
#define SCRIPT_VM_H

#include <stdatomic.h>

#include "script/lower.h"
#include "script/unit.h"

typedef struct vm vm;
typedef struct frame {
    struct frame *up;
    sfunction *fn;
    sv *regs; /* stay where they are while the frame lives */
    int pc;   /* of the instruction in progress */
    struct vm_block *block;
} frame;
typedef struct vm_block vm_block; /* frames and their registers lie in blocks that never move (vm.c) */

typedef struct view_step view_step;

/* What differs between computing and recording. */
typedef struct sink {
    const char *name; /* "eager", "record" */
    bool records;
    void (*op)(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout, sten **outs);
    sten *(*view)(lower *L, sten *t, const view_step *v);
    void (*write)(lower *L, sten *dst, sten *src); /* src: dst's dtype and dims already */
    void (*set)(lower *L, sten *dst, sten *src);
    sten *(*constant)(lower *L, naru_tensor *t); /* borrows t */
    sv (*item)(lower *L, sten *t);
    sv (*dim)(lower *L, sten *t, int i);
    int (*rank)(lower *L, const sten *t);
    sv (*apply)(lower *L, const char *op, int n, const sv *args); /* scalars, one of them SYM */
    sten *(*tensor_of)(lower *L, sv sym, naru_dtype d);           /* SYM -> 0-d tensor */
    bool (*need)(lower *L, sv sym, sv *known);                    /* false: obstacle noted */
    /* Rounds whose number only the graph knows (lower_repeat). */
    void (*repeat)(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all);
    /* VM hooks, recording only: a SYM condition at an IF, a SYM count or condition at FOR / WHILE. They run the parts
     * through vm_run_range and leave registers merged and *pc behind the statement. */
    naru_status (*branch)(vm *m, frame *f, int pc, naru_error *err);
    naru_status (*loop)(vm *m, frame *f, int pc, naru_error *err);
    naru_status (*attr_read)(vm *m, sobject *o, int slot, sv *v,
                             naru_error *err); /* may refuse or replace what was read */
    naru_status (*attr_write)(vm *m, sobject *o, int slot, sv v, naru_error *err); /* instead of writing; borrows v */
    /* Around an operator, NULL: nothing. before: true when it gave the results itself (an argument is the result of
     * what could not be recorded). after: the operator failed with UNSUPPORTED; true when it noted that and gave
     * results to go on with. */
    bool (*before)(lower *L, int nout);
    bool (*after)(lower *L, int nout);
    /* Before a call: true when the sink ran it itself (a compiled region) and set *out. */
    bool (*call)(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err);
} sink;

/* A step of a view chain: what a view does to its base, replayable. */
struct view_step {
    enum {
        VIEW_SELECT,
        VIEW_SLICE,
        VIEW_PERMUTE,
        VIEW_UNSQUEEZE,
        VIEW_SQUEEZE,
        VIEW_EXPAND,
        VIEW_RESHAPE,
        VIEW_DIAGONAL,
        VIEW_UNFOLD,
        VIEW_STRIDED,
        VIEW_ALIAS,
        VIEW_AS_COMPLEX,
        VIEW_AS_REAL
    } kind;
    int dim, dim2;                  /* SELECT, SLICE, UNSQUEEZE, UNFOLD; DIAGONAL: both */
    int rank;                       /* result rank: PERMUTE, EXPAND, RESHAPE, STRIDED; SQUEEZE: number of dims */
    sv a, b;                        /* SELECT: index; SLICE: start, end (normalised when known); UNFOLD: size */
    int64_t step;                   /* SLICE, UNFOLD; DIAGONAL: offset; STRIDED: storage offset in elements */
    sv sizes[NARU_MAX_RANK];        /* EXPAND (-1 resolved), RESHAPE (-1 resolved where known) */
    int64_t dims[NARU_MAX_RANK];    /* PERMUTE: perm; SQUEEZE: dims; STRIDED: dims */
    int64_t strides[NARU_MAX_RANK]; /* STRIDED */
    bool must_view;                 /* RESHAPE: RuntimeError instead of a copy */
};

struct eager; /* eager.h: pools, step cache, random state */
struct vm {
    unit *unit;
    struct eager *eager;
    const sink *sink;
    void *sink_user; /* the recording */
    frame *top;
    int depth, max_depth;        /* frames; vm_init sets a limit, change it before a call */
    uint64_t budget;             /* instructions left; UINT64_MAX: no limit */
    const atomic_int *cancelled; /* NULL: never */
    arena *arena;                /* scratch of operator calls */
    ARRAY(sobj *) temps;         /* of the operator calls in progress */
    vm_block *block;             /* frames; the one being filled */
    size_t block_bytes;          /* of all blocks */
    int nesting;                 /* machines running inside machines, through hooks of the sink */
    void (*print)(void *user, const char *text, size_t n); /* print(); NULL: stdout is not ours: dropped */
    void *print_user;
    bool no_grad;    /* what torch.set_grad_enabled last said; at first true, nothing is differentiated */
    char raised[96]; /* qualified class of the exception in flight, "" for none; message is in err */
    str message;     /* its text, whole */
    str trace;       /* the TorchScript traceback of it, or of another failure */
};

naru_status vm_init(vm *m, unit *u, struct eager *e);
void vm_done(vm *m);
/* Calls f with n arguments (borrowed), missing ones by default. *out: the caller's reference. On a script exception the
 * status is NARU_SCRIPT, err's message its text ("ValueError: ..."), m->trace the traceback. */
naru_status vm_call(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_error *err);
/* For recorders: runs instructions of the top frame from `from` on, until control leaves [from, to): f->pc says where
 * it went; or *returned when a RET was met (its value in *out; the frame stays). */
naru_status vm_run_range(vm *m, frame *f, int from, int to, bool *returned, sv *out, naru_error *err);
/* The same without an end: on until the function returns. */
naru_status vm_run_rest(vm *m, frame *f, int from, bool *returned, sv *out, naru_error *err);
/* One operator outside of any function (C API, tests). results: owned by the caller. */
naru_status vm_op(vm *m, const sop *op, int n, const sv *args, int nout, sv *out, naru_error *err);
/* Raises from C: fills m->raised and err, gives the status. */
naru_status vm_raise(vm *m, naru_error *err, const char *exception, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same with a ready text of n bytes; exception NULL: RuntimeError. Qualified names keep their last part in err. */
naru_status vm_raise_text(vm *m, naru_error *err, const char *exception, const char *text, size_t n);
/* Fills m->trace from the frames in progress, once for a failure (vm_trace.c). */
void vm_trace(vm *m, naru_status st, naru_error *err);
void vm_where(const vm *m, str *out); /* "code/__torch__/m.py:12, in forward" of the innermost frame */

#endif
