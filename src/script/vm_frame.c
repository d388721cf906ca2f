/* SPDX-License-Identifier: MIT
 *
 * Frames: a header and registers behind it, in blocks that are kept for the next call. A frame stays where it is.
 */
#include "script/vm_frame.h"

enum { BLOCK = 64 << 10 };
#define MAX_BYTES ((size_t)256 << 20) /* of all blocks */

struct vm_block {
    vm_block *prev, *next;
    size_t used, cap;
    _Alignas(16) char data[];
};

static size_t frame_size(const sfunction *f) { return sizeof(frame) + (size_t)f->code.nregs * sizeof(sv); }

static vm_block *new_block(vm *m, size_t size) {
    size_t cap = size > BLOCK ? size : BLOCK;
    if (m->block_bytes + cap > MAX_BYTES) return NULL;
    vm_block *b = mem_alloc(sizeof *b + cap);
    if (!b) return NULL;
    *b = (vm_block){.prev = m->block, .cap = cap};
    m->block_bytes += cap;
    return b;
}

static void free_after(vm *m, vm_block *b) {
    while (b) {
        vm_block *next = b->next;
        m->block_bytes -= b->cap;
        mem_free(b);
        b = next;
    }
}

/* The block that has room: the one in use, the one kept behind it, or a new one. */
static vm_block *room_for(vm *m, size_t size) {
    vm_block *b = m->block;
    if (b && b->cap - b->used >= size) return b;
    if (b && b->next && b->next->cap >= size) return m->block = b->next;
    if (b) {
        free_after(m, b->next);
        b->next = NULL;
    }
    vm_block *fresh = new_block(m, size);
    if (!fresh) return NULL;
    if (b) b->next = fresh;
    return m->block = fresh;
}

static naru_status out_of_room(vm *m, size_t size, naru_error *err) {
    if (m->block_bytes + size < MAX_BYTES) return err_oom(err);
    return err_set(err, NARU_LIMIT, "calls nest too deep");
}

static naru_status ready(vm *m, sfunction *f, naru_error *err) {
    if (__atomic_load_n(&f->state, __ATOMIC_ACQUIRE) != FN_COMPILED) TRY(unit_compile(f->unit, f, err));
    if (m->depth >= m->max_depth)
        return err_set(err, NARU_LIMIT, "calls nest more than %d deep in '%s'", m->max_depth, f->name);
    return NARU_OK;
}

static naru_status check_count(const sfunction *f, int n, naru_error *err) {
    if (n > f->nparams)
        return err_set(err, NARU_INVALID_ARGUMENT, "%s() takes at most %d arguments, %d are given", f->name, f->nparams,
                       n);
    for (int i = n; i < f->nparams; i++)
        if (!f->params[i].has_default)
            return err_set(err, NARU_INVALID_ARGUMENT, "%s() is missing a value for argument '%s'", f->name,
                           f->params[i].name);
    return NARU_OK;
}

static frame *place(vm *m, sfunction *f) {
    size_t size = frame_size(f);
    vm_block *b = room_for(m, size);
    if (!b) return NULL;
    frame *x = (frame *)(void *)(b->data + b->used);
    b->used += size;
    *x = (frame){.up = m->top, .fn = f, .regs = (sv *)(void *)(x + 1), .block = b};
    for (int i = 0; i < f->code.nregs; i++) x->regs[i] = (sv){.tag = SV_UNINIT};
    return x;
}

naru_status frame_push(vm *m, sfunction *f, int n, const sv *args, naru_error *err) {
    TRY(ready(m, f, err));
    if (n != f->nparams) TRY(check_count(f, n, err));
    frame *x = place(m, f);
    if (!x) return out_of_room(m, frame_size(f), err);
    for (int i = 0; i < n; i++) x->regs[i] = sv_keep(args[i]);
    for (int i = n; i < f->nparams; i++) x->regs[i] = sv_keep(f->params[i].dflt);
    m->top = x;
    m->depth++;
    return NARU_OK;
}

void frame_pop(vm *m) {
    frame *x = m->top;
    vm_block *b = x->block;
    for (int i = 0; i < x->fn->code.nregs; i++) sv_drop(x->regs[i]);
    b->used -= frame_size(x->fn);
    if (b->used == 0 && b->prev) m->block = b->prev;
    m->top = x->up;
    m->depth--;
}

void frames_free(vm *m) {
    while (m->top) frame_pop(m);
    vm_block *b = m->block;
    while (b && b->prev) b = b->prev;
    free_after(m, b);
    m->block = NULL;
}

/* ---- callers from outside ---- */
/* By tags only: what containers hold was checked where they were made. */
static bool fits(sv v, const stype *t) {
    switch (t->kind) {
    case ST_LIST: return v.tag == SV_LIST;
    case ST_DICT: return v.tag == SV_DICT;
    case ST_TUPLE: return v.tag == SV_TUPLE && sv_tuple(v)->n == t->n;
    case ST_OPTIONAL: return v.tag == SV_NONE || fits(v, t->args[0]);
    case ST_UNION:
        for (int i = 0; i < t->n; i++)
            if (fits(v, t->args[i])) return true;
        return false;
    default: return sv_isinstance(v, t);
    }
}

static bool wants_float(const stype *t) {
    return t->kind == ST_FLOAT || (t->kind == ST_OPTIONAL && t->args[0]->kind == ST_FLOAT);
}

static naru_status wrong_argument(const sfunction *f, const sparam *p, sv got, naru_error *err) {
    str want = {0};
    stype_print(p->type, &want);
    naru_status st = err_set(err, NARU_TYPE, "%s() expected a value of type '%s' for argument '%s' but found %s",
                             f->name, str_text(&want), p->name, sv_tag_name(got.tag));
    str_free(&want);
    return st;
}

naru_status frame_push_checked(vm *m, sfunction *f, int n, const sv *args, naru_error *err) {
    TRY(frame_push(m, f, n, args, err));
    for (int i = 0; i < n; i++) {
        const sparam *p = &f->params[i];
        sv *v = &m->top->regs[i];
        if (!p->type) continue;
        if (v->tag == SV_INT && wants_float(p->type)) *v = sv_float((double)v->i);
        if (fits(*v, p->type)) continue;
        naru_status st = wrong_argument(f, p, *v, err);
        frame_pop(m);
        return st;
    }
    return NARU_OK;
}
