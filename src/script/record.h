/* SPDX-License-Identifier: MIT
 *
 * Recording: the machine runs a function on values that are known only in part, and its operators become nodes of a
 * lifted graph. Used for export to ONNX, for compiling straight code into engine regions (region.h), and for tracing.
 *
 * A recorded tensor names a base (what owns memory in PyTorch: a version counter and the graph value that is its
 * present content) and a chain of views from it. A write replays the chain backwards into the base; every alias
 * re-reads itself from the base when it is next used. A symbolic number (SV_SYM) is an element: an expression of
 * dimensions where that is known, and a graph value. Conditions and counts that are symbolic become If and Loop: each
 * body runs on its own copy of the registers, and what differs afterwards and is still wanted becomes an output.
 *
 * What cannot be recorded is an obstacle: the recording fails with UNSUPPORTED and says what and where.
 */
#ifndef SCRIPT_RECORD_H
#define SCRIPT_RECORD_H

#include "script/vm.h"

typedef struct recording recording;

/* Memory behind recorded tensors. */
typedef struct rec_base {
    int refs;
    unsigned version;      /* grows with every write */
    value *v;              /* present content */
    int input;             /* index of the argument leaf whose memory this is; -1 */
    bool written;          /* since it was made */
    bool lost;             /* stands for the result of what could not be recorded */
    bool copied;           /* a list that the graph knows holds its content: writing it would not be seen there */
    block *made;           /* where the recording was when it was made */
    sten *constant;        /* the tensor it was made from (parameters, literals); NULL */
    struct rec_base *kin;  /* may be the same memory, depending on data (record_alias.c); NULL: eldest of its kin */
    bool mixed, outside;   /* of the eldest: has kin; some of them is seen by who called */
    struct rec_base *next; /* all bases of the recording */
} rec_base;

typedef struct rec_tensor {
    rec_base *base;
    int nchain;
    view_step *chain; /* from the base to this tensor */
    unsigned version; /* of the base when v was made */
    value *v;
} rec_tensor;

typedef struct ssym { /* SV_SYM */
    sobj head;
    sv_tag is;   /* SV_INT, SV_FLOAT, SV_BOOL; SV_STR: a string tensor; SV_LIST: a list; SV_NONE: None, or something;
                  * SV_UNINIT: cannot be said */
    elem_t elem; /* ints: what is known */
    value *v;    /* rank 0: int64, double or bool; NULL: made from `of` when wanted */
    bool lost;   /* of what could not be recorded */
    value *of;   /* the size of axis `axis` of this value */
    int axis;
    const stype *items; /* of a list: v is a vector of numbers or a sequence of tensors */
    const char *why;    /* it cannot be said */
    value *some;        /* what it is where v says that it is not None; some_is: SV_TENSOR or a number's tag */
    sv_tag some_is;
} ssym;

typedef struct record_options {
    bool region; /* for running here and now: effects that a graph cannot have are obstacles */
    int unroll;  /* loops of known count up to this are unrolled; 0: 256 */
    const char *(*name_of)(void *user, const sten *t); /* a parameter's name, for its initializer; may be NULL */
    void *user;
    naru_report
        *report; /* where obstacles go, so that the recording goes on to find the next ones; NULL: stop at the first */
} record_options;

struct recording {
    graph *g;
    block *at; /* nodes go to its end */
    vm *machine;
    record_options options;
    rec_base *bases;
    ARRAY(rec_base *) constants; /* those made from module tensors: found by what they show */
    arena *arena;
    unsigned serial; /* versions and symbols given out */
    int obstacles;   /* reported */
    struct live_sets *liveness;
    const frame *looping; /* whose loop of unknown length is being recorded, innermost */
};

extern const sink record_sink;

/* A recording into g, whose main block receives the nodes. m's sink becomes the recording one. */
naru_status recording_begin(recording *r, graph *g, vm *m, const record_options *o, naru_error *err);
void recording_end(recording *r); /* the graph stays */

/* A main input: a tensor whose type is v->fact. leaf: its index among arguments. Owned by the caller. */
sten *record_input(recording *r, value *v, int leaf);
/* A main input that stands for a number. */
sv record_input_scalar(recording *r, value *v, sv_tag is, elem_t elem);
/* The present graph value of a tensor (constants become initializers). NULL: failed, err is set. */
value *record_value(recording *r, sten *t, naru_error *err);
/* The memory of a tensor of the module; NULL: failed. */
rec_base *record_constant_base(recording *r, sten *t, naru_error *err);
/* A number or string as rank-0 value; a list that the graph knows. */
value *record_scalar(recording *r, sv v, naru_error *err);

/* ---- shared by record*.c ---- */
value *rec_emit(recording *r, const op_desc *op, const la *attrs, int nin, value *const *in, naru_error *err);
naru_status rec_emit_n(recording *r, const op_desc *op, const la *attrs, int nin, value *const *in, int nout,
                       value **out, naru_error *err);
value *rec_constant(recording *r, naru_tensor *t, naru_error *err); /* takes over t */
value *rec_ints(recording *r, const int64_t *v, int n, naru_error *err);
value *rec_int(recording *r, int64_t v, naru_error *err); /* rank 0 */
sten *rec_tensor_new(recording *r, value *v);             /* over a base of its own */
sv rec_sym(sv_tag is, elem_t elem, value *v);
bool rec_visible(const recording *r, const value *v); /* defined in the present block or one around it */
naru_status rec_obstacle(recording *r, naru_error *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
sv record_apply(lower *L, const char *op, int n, const sv *args); /* record_scalar.c */
bool record_need(lower *L, sv sym, sv *known);
naru_status record_branch(vm *m, frame *f, int pc, naru_error *err); /* record_flow.c */
naru_status record_loop(vm *m, frame *f, int pc, naru_error *err);
void record_repeat(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all);
sten *record_view(lower *L, sten *t, const view_step *v); /* record_view.c */
void record_write(lower *L, sten *dst, sten *src);
/* The same view of the same memory; *known false: that cannot be said. */
bool record_same_view(const sten *a, const sten *b, bool *known);
value *rec_view_value(recording *r, value *v, const view_step *s, naru_error *err);

/* Why a call that gave no value failed. */
static inline naru_status rec_no_value(const naru_error *err) {
    return err && err->code ? err->code : NARU_UNSUPPORTED;
}

#endif
