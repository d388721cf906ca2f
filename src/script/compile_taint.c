/* SPDX-License-Identifier: MIT
 *
 * Which functions change the state of a module, so that calls which do not may run at the same time. Each value that
 * may share memory with an attribute or a parameter carries the number of a node saying with what; mutations, calls and
 * results are noted while compiling and settled over all functions compiled together.
 */
#include "script/compile_in.h"

typedef struct taint_node { /* CALL: the result of fn with arguments a; else the union of a and b */
    sfunction *fn;
    uint32_t a, b;
    uint8_t bits; /* as far as known */
} taint_node;

typedef struct taints {
    arena *arena;
    uint32_t count, cap;
    taint_node *nodes; /* 0 nothing, 1 attributes, 2 parameters */
    uint32_t mutated, returned;
    uint32_t ncalls, cap_calls;
    uint32_t *calls; /* nodes */
} taints;

static bool grow(arena *a, void **data, uint32_t *cap, uint32_t count, size_t elem) {
    if (count < *cap) return true;
    uint32_t n = *cap ? *cap * 2 : 16;
    void *p = arena_alloc(a, n * elem);
    if (!p) return false;
    if (count) memcpy(p, *data, count * elem);
    *data = p;
    *cap = n;
    return true;
}

static uint32_t add(cc *C, taint_node n) {
    taints *t = C->taints;
    if (!grow(t->arena, (void **)&t->nodes, &t->cap, t->count, sizeof(n))) {
        coom(C);
        return 0;
    }
    t->nodes[t->count] = n;
    return t->count++;
}

bool taints_new(cc *C) {
    C->taints = arena_calloc(C->arena, 1, sizeof(*C->taints));
    if (!C->taints) return coom(C);
    C->taints->arena = C->arena;
    add(C, (taint_node){0});
    add(C, (taint_node){.bits = TAINT_ATTR});
    add(C, (taint_node){.bits = TAINT_PARAM});
    return C->st == NARU_OK;
}

uint32_t taint_join(cc *C, uint32_t a, uint32_t b) {
    if (a == b || !b) return a;
    return a ? add(C, (taint_node){.a = a, .b = b}) : b;
}

uint32_t taint_call(cc *C, sfunction *fn, uint32_t given) {
    taints *t = C->taints;
    uint32_t n = add(C, (taint_node){.fn = fn, .a = given, .bits = fn ? 0 : TAINT_ATTR});
    if (!grow(t->arena, (void **)&t->calls, &t->cap_calls, t->ncalls, sizeof(n))) coom(C);
    else t->calls[t->ncalls++] = n;
    return n;
}

void taint_mutated(cc *C, uint32_t t) { C->taints->mutated = taint_join(C, C->taints->mutated, t); }
void taint_returned(cc *C, uint32_t t) { C->taints->returned = taint_join(C, C->taints->returned, t); }

static bool settle(fn_in *f) { /* one round; true: something changed */
    taints *t = f->taints;
    uint8_t mutates = f->mutates, gives_back = f->gives_back;
    for (uint32_t i = 3; i < t->count; i++) { /* nodes refer to earlier ones only */
        taint_node *n = &t->nodes[i];
        if (!n->fn) n->bits |= t->nodes[n->a].bits | t->nodes[n->b].bits;
        else
            n->bits |= (fn_of(n->fn)->gives_back & TAINT_ATTR) |
                       (fn_of(n->fn)->gives_back & TAINT_PARAM ? t->nodes[n->a].bits : 0);
    }
    mutates |= t->nodes[t->mutated].bits;
    gives_back |= t->nodes[t->returned].bits;
    for (uint32_t i = 0; i < t->ncalls; i++) {
        const taint_node *n = &t->nodes[t->calls[i]];
        if (!n->fn) mutates |= TAINT_ATTR; /* an interface: anything may be behind it */
        else
            mutates |=
                (fn_of(n->fn)->mutates & TAINT_ATTR) | (fn_of(n->fn)->mutates & TAINT_PARAM ? t->nodes[n->a].bits : 0);
    }
    bool news = mutates != f->mutates || gives_back != f->gives_back;
    f->mutates = mutates;
    f->gives_back = gives_back;
    return news;
}

void taints_settle(unit *u, sfunction *const *fns, size_t n) {
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = n; i-- > 0;)
            if (fn_of(fns[i])->taints && settle(fn_of(fns[i]))) again = true;
    }
    for (size_t i = 0; i < n; i++) fns[i]->writes_attrs = (fn_of(fns[i])->mutates & TAINT_ATTR) != 0;
}
