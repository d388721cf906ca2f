/* SPDX-License-Identifier: MIT
 *
 * How an operator of TorchScript is written: as calls into a sink. The eager sink (eager.c) computes at once; the
 * recording sink (record.c) appends nodes to a graph. An operator is one function `void aten_<name>(lower *L)` and one
 * line in aten/aten.def; it reads its arguments, calls operators of Naru (EMIT, EMITA), views, scalar arithmetic, and
 * returns. It branches only on what it asks for (t_rank, arg_int, s_need, ...): the eager sink always answers, the
 * recording sink answers from what it knows or records an obstacle and fails the call.
 *
 * Errors are sticky: after the first failure every call returns NULL or zero quickly and does nothing, so operators
 * need no checks, but must not dereference a NULL tensor themselves (use the t_ functions) nor loop forever.
 * Tensors and values made along the way belong to the call (freed behind it); ret_* keeps what is returned.
 *
 * What cannot be said in graph operators is computed on the host between eager_only() and ret: such an operator does
 * not export.
 */
#ifndef SCRIPT_LOWER_H
#define SCRIPT_LOWER_H

#include "ops/op.h"
#include "script/schema.h"
#include "tensor/dtype.h"

struct sink;
struct vm;

struct lower {
    struct vm *vm;
    const struct sink *sink;
    const sop *op;
    const sv *args;
    int nargs; /* given; the rest are the schema's defaults */
    sv *out;   /* results; as many as the schema returns */
    int nout;
    naru_status st; /* sticky */
    naru_error *err;
    arena *arena; /* scratch of this call */
    size_t temps; /* where this call's temporaries begin in the machine's list */
};

/* ---- failing and owning ---- */
sten *lower_own(lower *L, sten *t); /* a new tensor becomes the call's; NULL: out of memory */
sv lower_own_value(lower *L, sv v); /* likewise */
void lower_fail(lower *L, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A Python exception with PyTorch's text: "RuntimeError", "IndexError", ... */
void lower_raise(lower *L, const char *exception, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool lower_ok(const lower *L) { return L->st == NARU_OK; }
/* From here on the operator looks at data: while recording this is an obstacle (false; return then). */
bool eager_only(lower *L);
bool lower_recording(const lower *L); /* rarely needed */

/* ---- arguments ---- */
sv arg(const lower *L, int i); /* given or default; borrowed */
static inline bool arg_none(const lower *L, int i) { return arg(L, i).tag == SV_NONE; }
sten *arg_tensor(lower *L, int i);                 /* a number becomes a 0-d tensor marked `number` */
sten *arg_tensor_opt(lower *L, int i);             /* NULL for None */
int arg_tensors(lower *L, int i, sten ***out);     /* a list (or tuple) of tensors; entries NULL for None */
int64_t arg_int(lower *L, int i);                  /* must be known; a one-element tensor will do */
int64_t arg_int_or(lower *L, int i, int64_t none); /* int? */
double arg_float(lower *L, int i);                 /* int, float, bool, one-element tensor */
double arg_float_or(lower *L, int i, double none);
bool arg_bool(lower *L, int i);
bool arg_bool_or(lower *L, int i, bool none);
const char *arg_str(lower *L, int i);                   /* "" for None */
sv arg_scalar(lower *L, int i);                         /* Scalar: INT, FLOAT, BOOL, COMPLEX or SYM; 0-d tensors read */
naru_dtype arg_dtype(lower *L, int i, naru_dtype none); /* ScalarType? */
sv arg_sint(lower *L, int i);                           /* int that may be symbolic: INT or SYM */
sv arg_sint_or(lower *L, int i, int64_t none);
/* Lists of ints, an int standing for a list of one. Known ones; at most NARU_MAX_RANK unless the arena form. */
int arg_ints(lower *L, int i, int64_t *out);          /* count */
int arg_ints_n(lower *L, int i, int n, int64_t *out); /* exactly n: one given is repeated (int[2]) */
int arg_sints(lower *L, int i, sv *out);              /* maybe symbolic, count */
int arg_axis(lower *L, int i, int rank); /* in [-rank, rank) -> [0, rank); IndexError; rank 0 takes 0, -1 */
int arg_axes(lower *L, int i, int rank, int64_t *out); /* sorted? no: as given, normalised, repeats refused; None: 0 */

/* ---- results ---- */
void ret_tensor(lower *L, sten *t); /* the next result; keeps t */
void ret_value(lower *L, sv v);     /* takes over v */
static inline void ret_int(lower *L, int64_t i) { ret_value(L, sv_int(i)); }
static inline void ret_float(lower *L, double f) { ret_value(L, sv_float(f)); }
static inline void ret_bool(lower *L, bool b) { ret_value(L, sv_bool(b)); }
void ret_tensors(lower *L, int n, sten *const *t); /* one result: List[Tensor] */
void ret_ints(lower *L, int n, const sv *v);       /* one result: List[int] */

/* ---- what a tensor is ---- */
naru_dtype t_dtype(lower *L, const sten *t);
int t_rank(lower *L, const sten *t);
sv t_dim(lower *L, const sten *t, int i);                 /* INT or SYM; i < 0 from the end */
int64_t t_dim_int(lower *L, const sten *t, int i);        /* must be known */
bool t_dim_is(lower *L, const sten *t, int i, int64_t n); /* known to be n (recording: not known counts as no) */
sv t_numel(lower *L, const sten *t);
/* dtype_is_float, dtype_is_int (not bool), dtype_is_complex: tensor/dtype.h */

/* ---- operators of Naru ---- */
#define OP(symbol) extern const op_desc op_##symbol; /* all of ops.def */
#include "ops/ops.def"
#undef OP
typedef struct la { /* an attribute, by name */
    const char *name;
    attr_kind kind;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints; /* FLOATS: they are floats */
    size_t n;            /* INTS, FLOATS: how many; STRINGS: how often s is repeated */
} la;
#define AI(name, v)                                                                                                    \
    { (name), ATTR_INT, (v), 0, NULL, NULL, 0 }
#define AF(name, v)                                                                                                    \
    { (name), ATTR_FLOAT, 0, (v), NULL, NULL, 0 }
#define AS(name, v)                                                                                                    \
    { (name), ATTR_STRING, 0, 0, (v), NULL, 0 }
#define AV(name, v, n_)                                                                                                \
    { (name), ATTR_INTS, 0, 0, NULL, (v), (size_t)(n_) }
#define AR(name, v, n_)                                                                                                \
    { (name), ATTR_STRINGS, 0, 0, (v), NULL, (size_t)(n_) }
#define ATTRS(...)                                                                                                     \
    (const la[]) {                                                                                                     \
        __VA_ARGS__, { NULL, ATTR_NONE, 0, 0, NULL, NULL, 0 }                                                          \
    }
/* Runs or records one operator; in entries may be NULL (omitted). One result. */
sten *lower_op(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in);
/* The same with several results: outs[0..nout) are filled; wanted only where outs is read later: pass all. */
void lower_opn(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout, sten **outs);
#define LOWER_IN_(...)                                                                                                 \
    (int)(sizeof((sten *[]){__VA_ARGS__}) / sizeof(sten *)), (sten *[]) { __VA_ARGS__ }
/* EMIT(Add, a, b); EMITA(Softmax, ATTRS(AI("axis", d)), x) */
#define EMIT(Name, ...)         lower_op(L, &op_##Name, NULL, LOWER_IN_(__VA_ARGS__))
#define EMITA(Name, attrs, ...) lower_op(L, &op_##Name, attrs, LOWER_IN_(__VA_ARGS__))

/* ---- constants and scalars ---- */
sten *lit(lower *L, naru_dtype d, double v);       /* 0-d */
sten *lit_int(lower *L, int64_t v);                /* 0-d int64 */
sten *lit_ints(lower *L, const int64_t *v, int n); /* int64[n] */
sten *lit_tensor(lower *L, naru_tensor *t);        /* takes over t (NULL: out of memory) */
sten *ints_tensor(lower *L, const sv *v, int n);   /* int64[n] of maybe symbolic ints */
sten *scalar_tensor(lower *L, sv v, naru_dtype d); /* 0-d of type d; NARU_UNDEFINED: as torch.tensor(v) */
sv item(lower *L, sten *t);                        /* the one element: INT, FLOAT, BOOL, COMPLEX or SYM */
sv s_add(lower *L, sv a, sv b);                    /* ints, maybe symbolic */
sv s_sub(lower *L, sv a, sv b);
sv s_mul(lower *L, sv a, sv b);
sv s_floordiv(lower *L, sv a, sv b);
sv s_min(lower *L, sv a, sv b);
sv s_max(lower *L, sv a, sv b);
int64_t s_need(lower *L, sv a); /* must be known */
bool s_is(sv a, int64_t n);     /* known to be n */
/* Scalar operators of scripts (aten::add.int, aten::eq.float_int, aten::sqrt.int, ...) on SYM values go here: `op` is
 * the name without namespace. Only called when an argument is SYM. */
sv s_apply(lower *L, const char *op, int n, const sv *args);

/* ---- types of results ---- */
sten *cast(lower *L, sten *t, naru_dtype d); /* t itself when it has that type */
/* torch.result_type by categories: dimensioned tensors decide, 0-d tensors and numbers only raise the category. */
naru_dtype promote(lower *L, int n, sten *const *t);
void promote2(lower *L, sten **a, sten **b); /* casts both to their common type */
sten *to_float(lower *L, sten *t);           /* integers and bools become float32 */

/* ---- views: share memory; a later write through any name is seen by all ---- */
sten *view_select(lower *L, sten *t, int dim, sv index);                      /* index may be negative */
sten *view_slice(lower *L, sten *t, int dim, sv start, sv end, int64_t step); /* clamped as Python's; step > 0 */
sten *view_permute(lower *L, sten *t, const int64_t *perm);                   /* rank entries */
sten *view_transpose(lower *L, sten *t, int a, int b);
sten *view_unsqueeze(lower *L, sten *t, int dim);                               /* dim in [0, rank] */
sten *view_squeeze(lower *L, sten *t, int n, const int64_t *dims);              /* those of size 1 among dims */
sten *view_expand(lower *L, sten *t, int rank, const sv *sizes);                /* -1 keeps */
sten *view_shape(lower *L, sten *t, int rank, const sv *sizes, bool must_view); /* one -1; copies unless must_view */
sten *view_diagonal(lower *L, sten *t, int64_t offset, int dim1, int dim2);
sten *view_unfold(lower *L, sten *t, int dim, int64_t size, int64_t step);
sten *view_strided(lower *L, sten *t, int rank, const int64_t *dims, const int64_t *strides, int64_t offset);
sten *view_alias(lower *L, sten *t);
sten *view_complex(lower *L, sten *t, bool to_complex); /* view_as_complex / view_as_real */

/* ---- memory ---- */
void write_to(lower *L, sten *dst, sten *src);   /* dst[...] = src: cast to dst's type, broadcast; all aliases see it */
sten *fresh(lower *L, sten *t);                  /* a copy that shares nothing (clone) */
sten *contiguous(lower *L, sten *t);             /* t when it is, else a copy */
void set_tensor(lower *L, sten *dst, sten *src); /* dst becomes an alias of src (t_, squeeze_, set_, resize_, data=) */

/* ---- loops ---- */
/* One round: takes state[0..n), leaves the next in its place (of the same types); *kept: what is kept of the round, if
 * the caller wants it; *more: bool, whether to go on (left alone: yes). i: int64, 0-d. */
typedef void (*repeat_fn)(lower *L, void *user, sten *i, sten **state, sten **kept, sten **more);
/* `count` rounds, known or not; None: until *more says no. all: what was kept, stacked along a new first axis (NULL:
 * nothing is kept; it must be known that count > 0 when this runs eagerly). */
void lower_repeat(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all);

/* ---- host computing, behind eager_only ---- */
sten *host_new(lower *L, naru_dtype d, int rank, const int64_t *dims); /* contiguous, uninitialised */
void *host_data(lower *L, sten *t);        /* data of a contiguous tensor; elements of t_dtype */
const double *host_f64(lower *L, sten *t); /* all elements row-major, any numeric type; in scratch */
const int64_t *host_i64(lower *L, sten *t);
const int64_t *host_dims(const sten *t);
int64_t host_count(const sten *t);
void *host_scratch(lower *L, size_t bytes);
sten *host_from_f64(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v); /* rounds */
double host_random(lower *L);                                                                /* uniform in [0, 1) */
double host_normal(lower *L);

/* ---- running (vm.c, tests) and the derived forms (schema.c) ---- */
/* Whether op, with these arguments, changes a list or dict that is the module's. */
bool lower_writes_shared(int n, const sv *args, const sop *op);
naru_status lower_run(struct vm *m, const sop *op, int n, const sv *args, int nout, sv *out, naru_error *err);
void lower_in_place(lower *L); /* op->user is the plain form: computed, then written into argument 0 */
void lower_out_form(lower *L); /* likewise into `out` */

/* ---- calling another operator of the list from inside one ---- */
/* Runs "aten::name.overload"'s function with these arguments; results to out (owned by the call, borrowed here). */
void lower_call(lower *L, lower_fn fn, int nargs, const sv *args, int nout, sv *out);

#endif
