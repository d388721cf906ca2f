/* SPDX-License-Identifier: MIT
 *
 * A loop being recorded (record_loop.c): its places, their leaves, the memory that it carries. Private to
 * record_loop*.c.
 */
#ifndef SCRIPT_RECORD_LOOP_IN_H
#define SCRIPT_RECORD_LOOP_IN_H

#include "script/record_flow.h"

enum { MAX_LEAVES = 256, MAX_BASES = 64 };

typedef struct leaf {
    bool carried, undefined;  /* undefined: before the loop, and of a form that cannot be carried */
    value *in, *out, *result; /* of the body; of the loop */
    type type;                /* of the carried value */
    sv_tag is;                /* SV_TENSOR, SV_LIST, or a number's */
    rec_base *last;           /* the memory that the round before left there */
    const stype *items;       /* of a list */
} leaf;

typedef struct place {
    int reg; /* of the top frame; -1: item `item` of box `box` (-1: a symbolic list's own value) */
    int box, item;
    const sobj *owner; /* the box's object */
    bool optional;     /* what it holds is None in some rounds */
    bool remade;       /* each round makes a new container there: what it holds is carried, not the container */
} place;

typedef struct carried_base {
    rec_base *b;
    value *in, *out;
    type type;
} carried_base;

typedef struct looper {
    recording *r;
    frame *f;
    const live_sets *live;
    int pc, body_to, end;
    bool counted; /* FOR */
    rec_state before, placed, after;
    ARRAY(place) places;
    ARRAY(place) remade; /* found so far: what these name stays when the loop is recorded anew */
    leaf leaves[MAX_LEAVES];
    int nleaves;
    carried_base bases[MAX_BASES];
    int nbases;
    const sobj *grows; /* a list of the state before that has to become symbolic, and what it is then like */
    const type *like;
    bool restart, again;
    naru_error *err;
} looper;

/* ---- places and what they hold (record_loop_place.c) ---- */
naru_status loop_places(looper *k); /* finds them, in the state before */
naru_status loop_leaves(looper *k); /* finds their leaves, in a fixed order */
/* What a state has at a place; a symbolic list's own value is no sv: UNINIT. */
sv loop_at(const place *p, const rec_state *s);
bool loop_leaf(sv v);
sv_tag loop_leaf_kind(sv v);
bool loop_container(sv v);
bool loop_opened(const place *p, sv v); /* its items are places' leaves, too */
int loop_items(sv v, const sv **items); /* of a list, tuple or object */
/* Two leaves: whether it is not None, and what it then is. */
bool loop_pair(const place *p, sv v);
void loop_split(recording *r, sv v, sv *has, sv *some); /* both kept */
/* Puts the leaves, carried ones as inputs of the body or results of the loop, into the machine. Registers that neither
 * the body nor what follows reads keep what they had. */
naru_status loop_put(looper *k, bool inside);

/* ---- after a round: which leaves change, what they become (record_loop_carry.c) ---- */
naru_status loop_compare(looper *k);       /* k->again, k->restart */
naru_status loop_compare_bases(looper *k); /* memory that the body writes */
value *loop_value(recording *r, sv v, const type *like, naru_error *err);

#endif
