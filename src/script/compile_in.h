/* SPDX-License-Identifier: MIT
 *
 * Inside the compiler. One `cc` compiles one function: it walks the tree once, gives every expression a static type and
 * emits instructions. Registers of variables are fixed (one per name), temporaries are a stack above them; wide
 * instructions (xinsn) are packed into insn at the end. Errors are sticky: after the first one nothing is emitted and
 * functions return false.
 *
 * compile_emit.c instructions and constants · compile_env.c variables, scopes, merging · compile_types.c type
 * expressions · compile_stmt.c, compile_loop.c, compile_assign.c statements · compile_cond.c conditions and refinement
 * · compile_expr.c expressions · compile_index.c subscripts · compile_call.c calls · compile_match.c overloads ·
 * compile_builtin.c special functions · compile_attr.c attributes · compile_class.c classes and signatures
 */
#ifndef SCRIPT_COMPILE_IN_H
#define SCRIPT_COMPILE_IN_H

#include <string.h>

#include "base/mem.h"
#include "script/compile.h"
#include "script/opcodes.h"

/* ---- the unit behind unit.h ---- */
typedef struct src_file { /* a parsed file; NULL module: there is none */
    const char *path;
    ast *module;
    strmap defs; /* name -> ast of class or function at top level */
} src_file;

typedef struct class_in {
    sclass c;   /* first */
    stype type; /* of instances: c.type; NamedTuples become tuples when filled */
    src_file *file;
    int state; /* CLASS_SHELL ... */
    naru_status code;
    const char *failure;
    sfunction *entry; /* hooks around forward */
} class_in;
enum { CLASS_SHELL, CLASS_READY, CLASS_BROKEN };

typedef struct fn_in {
    sfunction f; /* first */
    src_file *file;
    bool is_static, property, wrapper, compiling, nested; /* wrapper: the entry of a hooked module */
    bool done;                                            /* compiled, not yet published */
    naru_status code;
    struct taints *taints;       /* what it mutates and calls */
    uint8_t mutates, gives_back; /* TAINT_ATTR, TAINT_PARAM */
} fn_in;

typedef struct unit_in {
    unit u; /* first */
    ARRAY(class_in *) pending;
    bool filling;
    ARRAY(sfunction *) functions;       /* all there are */
    ARRAY(sfunction *) queue, compiled; /* of the compilation in progress */
    int depth;
    int nesting;        /* levels of recursion, over all functions being compiled */
    unit_name_fn names; /* NULL: none */
    void *names_user;
    strmap fields; /* named results of operators: "values,indices" -> sclass */
} unit_in;

#define MAX_NESTING 2000 /* blocks and expressions, over the functions whose result types are being inferred */

static inline unit_in *unit_of(unit *u) { return (unit_in *)u; }
static inline fn_in *fn_of(const sfunction *f) { return (fn_in *)f; }
static inline class_in *class_of(const sclass *c) { return (class_in *)c; }
naru_status unit_file(unit *u, const char *path, src_file **out, naru_error *err); /* *out->module NULL: no such file */
/* What `prefix.name` is: a class or function of a file, or neither (both NULL). */
naru_status unit_lookup(unit *u, const char *prefix, const char *name, sclass **cls, sfunction **fn, naru_error *err);
naru_status unit_sign(unit *u, sfunction *f,
                      naru_error *err); /* parameters, and the result type where it is annotated */
sfunction *function_new(unit *u, const char *qualname, const char *name, const sclass *owner, const ast *def,
                        src_file *file);
naru_status class_fill(unit *u, class_in *c, naru_error *err);
naru_status class_methods(unit *u, class_in *c, naru_error *err); /* those of c->c.def alone */
/* Constants known without running: literals, tuples and lists of them, CONSTANTS.cN, devices, enum members. */
naru_status const_value(unit *u, const ast *e, const stype *want, sv *out, naru_error *err);
const stype *type_of_value(unit *u, sv v); /* NULL: out of memory */
/* Type expressions. */
naru_status type_of_ast(unit *u, const ast *e, const stype **out, naru_error *err);
bool dotted_name(const ast *e, str *out); /* NAME and ATTR chains as text */

/* ---- values while compiling ---- */
typedef uint32_t reg;
#define REG_TEMP 0x80000000u
#define REG_ANY  0xffffffffu

typedef enum val_kind {
    VAL_REG,      /* in register r */
    VAL_CONST,    /* k, not yet in a register */
    VAL_MULTI,    /* results of an operator in registers r ... */
    VAL_PACK,     /* items[n]: known one by one (zip, enumerate, containers of modules) */
    VAL_TYPE,     /* a type, to be called or compared with */
    VAL_FUNCTION, /* fn */
    VAL_METHOD,   /* method `name` (fn when known statically) of r */
    VAL_BUILTIN,  /* operator `name`, with self in r unless REG_ANY */
    VAL_SPACE,    /* namespace `name`: "torch", "ops.prim", "__torch__.a.b" */
    VAL_SPECIAL,  /* a function that the compiler knows */
    VAL_CAST,     /* x.float(): r or k, name of the type */
    VAL_NESTED    /* def inside a function: node */
} val_kind;

typedef struct cc cc;
typedef struct val val;
typedef bool (*special_fn)(cc *C, const ast *call, const stype *hint, reg dst, val *out);
struct val {
    val_kind kind;
    const stype *type;
    reg r;
    sv k;
    const char *name;
    sfunction *fn;
    special_fn special;
    const schema *schema; /* MULTI */
    const val *items;     /* PACK */
    const ast *node;      /* NESTED */
    int n;
    uint32_t empty; /* 1 + instruction of an empty list or dict display without annotation */
    uint32_t taint; /* what it may share memory with: compile_taint.c */
};

typedef enum var_state { VAR_UNDEFINED, VAR_VALUE, VAR_BOUND } var_state;
typedef struct var_now { /* what holds of a variable at this point of the program */
    var_state state;
    const stype *type;
    const stype *wide; /* before it was refined; NULL: it was not */
    const val *bound;  /* BOUND: functions, types, namespaces */
    const char *why;   /* UNDEFINED: what to say */
    bool assigned;     /* by a statement, not only refined */
    int scope;         /* where this was set */
    uint32_t undo;     /* its entry of the trail, valid when scope is the current one */
    uint32_t taint;
} var_now;
typedef struct var {
    const char *name;
    var_now now;
} var;
typedef struct undo {
    uint32_t v;
    var_now old;
} undo;
/* How control leaves a block. */
enum { FLOW_ON, FLOW_JUMP, FLOW_RETURN };
typedef struct change {
    uint32_t v;
    var_now now;
} change;
typedef struct flow { /* a branch after it was compiled */
    ARRAY(change) changes;
    int exits;
} flow;

typedef struct refine {
    uint32_t v;
    const stype *type;
    struct refine *next;
} refine;
typedef struct cond {
    int known; /* -1, else its value */
    reg r;
    refine *yes, *no; /* what holds where it is true, false */
} cond;

typedef struct loop {
    struct loop *up;
    bool unrolled;
    bool jumps;   /* some path of this iteration may have met break or continue: the rest is guarded by `go` */
    reg go, live; /* flags; REG_ANY: no break or continue in this loop */
    int scope;    /* of its body */
} loop;

typedef struct xinsn {
    uint8_t op;
    uint32_t n, a, b, c;
    uint32_t pos;
    const stype *type; /* OP, ITEM: of the one result, where it is known */
    uint32_t mark;     /* FOR, WHILE: temporaries from here on belong to the body */
} xinsn;

struct cc {
    unit *u;
    fn_in *f;
    arena *arena; /* the unit's */
    naru_error *err;
    naru_status st;
    ARRAY(xinsn) code;
    ARRAY(sv) consts;
    ARRAY(scall) calls;
    ARRAY(const stype *) types;
    strmap const_index;
    ARRAY(var) vars;
    strmap var_index; /* name -> number + 1 */
    ARRAY(undo) trail;
    int scope;
    uint32_t temps, max_temps;
    uint32_t nslots; /* registers of variables, in the end */
    src_range at;    /* of what is being compiled */
    int exits;       /* FLOW_ON unless what follows is not reached */
    loop *loop;
    const stype *ret; /* NULL: not known yet */
    bool ret_declared;
    ARRAY(reg) withs; /* objects whose __exit__ runs when the block is left */
    ARRAY(const stype *) with_types;
    struct taints *taints;
};

/* ---- compile_taint.c: which functions change the module ---- */
enum { TAINT_ATTR = 1, TAINT_PARAM = 2 }; /* also the numbers of their nodes; 0: nothing */
uint32_t taint_join(cc *C, uint32_t a, uint32_t b);
uint32_t taint_call(cc *C, sfunction *fn, uint32_t args); /* of the result; notes the call */
void taint_mutated(cc *C, uint32_t t);
void taint_returned(cc *C, uint32_t t);
bool taints_new(cc *C);
void taints_settle(unit *u, sfunction *const *fns, size_t n);    /* writes_attrs of functions compiled together */
static inline uint32_t taint_of(uint32_t t, const stype *type) { /* values that cannot change carry none */
    return type->kind == ST_INT || type->kind == ST_FLOAT || type->kind == ST_BOOL || type->kind == ST_STR ? 0 : t;
}

/* ---- compile_emit.c ---- */
bool cfail(cc *C, naru_status code, src_range at, const char *fmt, ...) PRINTF_LIKE(4, 5); /* false, always */
bool cpass(cc *C, naru_status st);                                                         /* st == OK */
bool coom(cc *C);
const char *ctext(cc *C, const char *fmt, ...) PRINTF_LIKE(2, 3); /* in the arena; "" when memory is out */
const char *ctype(cc *C, const stype *t);                         /* printed, in the arena */
uint32_t c_emit(cc *C, insn_op op, uint32_t a, uint32_t b, uint32_t c, uint32_t n); /* its number */
static inline uint32_t here(const cc *C) { return (uint32_t)C->code.count; }
uint32_t c_const_at(cc *C, sv k); /* takes over k */
uint32_t c_type_at(cc *C, const stype *t);
reg c_temp(cc *C);         /* one more temporary */
reg c_temps(cc *C, int n); /* a run of them */
static inline reg next_temp(const cc *C) { return REG_TEMP | C->temps; }
static inline bool is_temp(reg r) { return r != REG_ANY && (r & REG_TEMP); }
bool c_into(cc *C, val *v, reg dst);   /* moves v into dst: afterwards it is VAL_REG there */
bool c_in_reg(cc *C, val *v, reg dst); /* v into dst (REG_ANY: a temporary) unless it is in a register already */
bool c_as_value(cc *C, val *v,
                const ast *at); /* MULTI, PACK and functions become values; spaces and types are errors */
static inline reg want(cc *C, reg dst) { return dst == REG_ANY ? c_temp(C) : dst; }
val val_in(reg r, const stype *t);
val val_const(cc *C, sv k, const stype *t);                                             /* takes over k */
bool c_emit_op(cc *C, const char *name, int nargs, const val *args, reg dst, val *out); /* resolves; args anywhere */
bool c_emit_sop(cc *C, const sop *op, reg base, int nargs, reg dst, int nout, val *out, const stype *const *types);
bool c_emit_call(cc *C, sfunction *fn, const char *method, reg base, int nargs, reg dst);
bool code_lifetimes(cc *C);       /* compile_live.c: registers are plain numbers afterwards */
bool code_share_registers(cc *C); /* compile_regs.c */
bool code_finish(cc *C);          /* packs everything into f->code */

bool compile_entry(cc *C); /* compile.c: hooks around forward */

/* ---- compile_env.c ---- */
uint32_t var_of(cc *C, const char *name); /* made when absent */
var *var_find(cc *C, const char *name);   /* NULL */
void var_set(cc *C, uint32_t v, var_now now);
bool var_assign(cc *C, uint32_t v, const stype *t, uint32_t taint, src_range at); /* checks against the outer type */
void var_bind(cc *C, uint32_t v, const val *bound);
uint32_t scope_open(cc *C);
void scope_close(cc *C, uint32_t mark, flow *out); /* undoes what changed since; out NULL: forgotten */
bool scope_merge(cc *C, flow *yes, flow *no);      /* into the current scope; frees both */
void refine_apply(cc *C, const refine *r);
refine *refine_add(cc *C, refine *list, uint32_t v, const stype *t);

/* ---- statements ---- */
bool c_block(cc *C, const ast *body);
bool c_statement(cc *C, const ast *n);
bool stmt_for(cc *C, const ast *n);
bool stmt_while(cc *C, const ast *n);
bool stmt_with(cc *C, const ast *n);
bool stmt_assign(cc *C, const ast *n);
bool stmt_ann_assign(cc *C, const ast *n);
bool stmt_aug_assign(cc *C, const ast *n);
bool stmt_del(cc *C, const ast *n);
bool c_assign_to(cc *C, const ast *target, val *v, src_range at); /* the value is somewhere; at: of the value */
bool c_comprehension(cc *C, const ast *n, const stype *hint, reg dst, val *out);
bool c_leave_withs(cc *C, size_t down_to);

/* ---- expressions ---- */
bool c_expr(cc *C, const ast *n, const stype *hint, reg dst, val *out);     /* anything */
bool c_value(cc *C, const ast *n, const stype *hint, reg dst, val *out);    /* REG or CONST */
bool c_value_in(cc *C, const ast *n, const stype *hint, reg dst, val *out); /* in dst, REG */
bool c_condition(cc *C, const ast *n, reg dst, cond *out);
bool c_cond_value(cc *C, const ast *n, reg dst, val *out); /* as a bool value */
bool c_to_bool(cc *C, val *v, reg dst, const ast *at);
bool c_fits(cc *C, val *v,
            const stype *want); /* subtype, or converted (empty displays, tuples to lists, tensors ...) */
bool c_attribute(cc *C, val *obj, const ast *n, const char *name, reg dst, val *out);
int submodules(const sclass *c); /* how many */
bool class_init(cc *C, const sclass *c, src_range at);
bool c_has_attribute(cc *C, const val *obj, const char *name);
bool c_find_name(cc *C, const ast *n, const char *name, val *out);
bool c_subscript(cc *C, const ast *n, const stype *hint, reg dst, val *out);
bool subscript_store(cc *C, const ast *target, val *v);
bool subscript_update(cc *C, const ast *n, val *obj, const char *op, val *v); /* x[i] op= v of tensors */
bool c_binary(cc *C, ast_op op, val *a, val *b, reg dst, val *out);
bool c_unpack(cc *C, val *v, int n, reg base, const stype **types); /* n registers from base */
bool pack_items(cc *C, const val *v, const val **items, int *n);
const stype *c_elem_type(cc *C, const stype *t); /* of what iterating over a t gives; NULL */

/* ---- calls ---- */
typedef struct argv { /* arguments of a call, evaluated */
    const char *name; /* keyword */
    val v;            /* VAL_REG */
} argv;
typedef struct call_args {
    ARRAY(argv) list; /* positional ones first */
    int npos;
    reg base; /* positional ones are consecutive from here */
} call_args;
bool c_call(cc *C, const ast *n, const stype *hint, reg dst, val *out);
bool c_call_value(cc *C, val *callee, call_args *a, src_range at, reg dst, val *out);
bool c_call_op(cc *C, const char *name, call_args *a, src_range at, reg dst, val *out);
bool c_call_method(cc *C, const val *self, const char *name, int n, const val *given, src_range at, reg dst, val *out);
bool compile_callee(cc *C, sfunction *fn, src_range at); /* now, its errors are ours */
bool c_call_function(cc *C, sfunction *fn, call_args *a, src_range at, reg dst, val *out);
bool callable_object(cc *C, val *callee, val *method); /* x(...) where x has __call__ or forward */
bool c_args_eval(cc *C, const ast *n, const val *self, const sfunction *fn, call_args *out);
const sop *operator_find(cc *C, const char *name); /* the overloads; NULL: none */

/* ---- compile_match.c ---- */
typedef struct matched {
    const sop *op;
    int nargs;   /* parameters given, up to the last one */
    int *source; /* per parameter: index of the argument; -1: default; -2: from `first` on as a list */
    int first;
    const stype **returns;
} matched;
bool match_exact(cc *C, const sop *overloads, const call_args *a, matched *out); /* without conversions; one overload
                                                                                  alone always converts */
bool match_converted(cc *C, const sop *overloads, const call_args *a, matched *out, str *why); /* false: none fits */
bool c_arg_fits(cc *C, const val *v, const stype *formal, bool convert); /* without type variables */

/* ---- builtins ---- */
special_fn special_find(const char *name);
bool torch_constant(const char *dotted, int64_t *out); /* "float32" -> 6, "strided" -> 0, "contiguous_format" -> 0 */

#endif
