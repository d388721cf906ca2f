/* SPDX-License-Identifier: MIT
 *
 * What If and Loop share while recording. A part of the code runs on the machine's own registers and containers;
 * before, a state is taken of all that the frames reach, and afterwards it is put back, so that containers keep their
 * identity and every alias sees what became of them. Memory of tensors goes along as the bases' versions.
 */
#ifndef SCRIPT_RECORD_FLOW_H
#define SCRIPT_RECORD_FLOW_H

#include "script/record.h"

/* ---- which registers are read later (record_live.c) ---- */
typedef struct live_sets live_sets;
const live_sets *record_liveness(recording *r, const sfunction *f); /* NULL: out of memory */
bool record_is_live(const live_sets *l, int pc, int reg);           /* before the instruction */

/* ---- state (record_state.c) ---- */
typedef struct rec_box { /* a list, dict, object or symbolic list; its content */
    sobj *o;
    int n;
    sv *items; /* kept; a dict's keys and values alternate */
    value *v;  /* of a symbolic list */
} rec_box;

typedef struct rec_regs {
    frame *f;
    sv *regs; /* kept */
} rec_regs;

typedef struct base_state {
    rec_base *b;
    value *v;
    unsigned version;
    bool written;
} base_state;

typedef struct rec_state {
    rec_regs *frames; /* the top one first */
    int nframes;
    ARRAY(rec_box) boxes;
    base_state *bases;
    int nbases;
} rec_state;

naru_status state_take(recording *r, rec_state *s, naru_error *err);
/* The same frames, boxes and bases as in `like`, as they are now. */
naru_status state_again(recording *r, const rec_state *like, rec_state *s, naru_error *err);
naru_status state_put(const rec_state *s, naru_error *err); /* all is as it was */
void state_drop(rec_state *s);
int state_box(const rec_state *s, const sobj *o);        /* -1: none */
naru_status box_fill(const rec_box *b, naru_error *err); /* writes the content into the object */
/* Every place of state s (registers and boxes) that holds `from` holds `to` from now on, in the machine too. */
naru_status state_replace(rec_state *s, const sobj *from, sv to, naru_error *err);

/* ---- memory that depends on data (record_alias.c) ---- */
void record_may_share(recording *r, sv merged, sv source); /* no tensors: nothing */
void record_kin(sv merged, rec_base *b);                   /* NULL: nothing */
/* Whether a write into b would have to be seen in memory of another base, or outside of the recording. */
bool record_write_is_seen(recording *r, rec_base *b);

/* ---- values ---- */
static inline sv_tag rec_kind(sv v) { return v.tag == SV_SYM ? ((ssym *)v.o)->is : v.tag; }
bool rec_is_number(sv v); /* int, float, bool, known or not */
bool rec_is_list(sv v);   /* a list whose items the graph knows */
bool rec_is_maybe(sv v);  /* None or a tensor or number, which the graph knows */
sv rec_maybe(value *has, value *some, sv_tag is);
sv rec_some(recording *r, sv maybe); /* what it is when it is not None */
/* A value that cannot be said, and why: using it is an obstacle. */
sv rec_poison(recording *r, const char *why);
/* A body's next output. A value from outside, a constant or an input is given by a node of the body. */
naru_status body_gives(recording *r, block *body, value *v, naru_error *err);
dim_t rec_new_dim(recording *r, char letter); /* a symbol of its own */
/* Provably, when sizes are at least 1; those that data decides (rec_new_dim) at least 0. */
bool rec_at_least_zero(const recording *r, dim_t d);
/* A value of that type which nobody reads: zeros. */
value *rec_dummy(recording *r, const type *t, naru_error *err);

/* ---- lists that the graph knows (record_list.c) ---- */
/* Whether items of this type can be a sequence or a vector. */
bool rec_list_fits(const stype *elem);
/* The list's items as one value; like: the type of such a value where the list is empty and says nothing, or NULL. */
value *rec_list_value(recording *r, sv list, const type *like, naru_error *err);
sv rec_list_sym(const stype *elem, value *v);
const type *rec_elem_join(recording *r, const type *a, const type *b); /* what holds for elements of both */
const stype *rec_list_elem(sv list);
/* Before an operator: one on such lists, or on values that may be None. True when it was done (or failed). */
bool record_list_op(lower *L);
bool record_maybe_op(lower *L);

#endif
