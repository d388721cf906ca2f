/* SPDX-License-Identifier: MIT
 *
 * State of a recording's machine (record_flow.h): registers of all frames, the containers that they reach, and the
 * memory behind tensors. The module's own objects stay what they are and are left out.
 */
#include <string.h>

#include "script/record_flow.h"

enum { MAX_DEPTH = 60 };

/* ---- containers ---- */
static bool is_box(sv v) {
    bool container = v.tag == SV_LIST || v.tag == SV_DICT || v.tag == SV_OBJECT || rec_is_list(v);
    return container && !v.o->shared;
}

int state_box(const rec_state *s, const sobj *o) {
    for (size_t i = 0; i < s->boxes.count; i++)
        if (s->boxes.data[i].o == o) return (int)i;
    return -1;
}

static int content_count(const sobj *o) {
    switch (o->tag) {
    case SV_LIST: return (int)((const slist *)o)->count;
    case SV_DICT: return 2 * (int)((const sdict *)o)->count;
    case SV_OBJECT: return ((const sobject *)o)->n;
    default: return 0;
    }
}

static bool read_box(sobj *o, rec_box *b) {
    *b = (rec_box){.o = o, .n = content_count(o)};
    sobj_retain(o);
    if (o->tag == SV_SYM) {
        b->v = ((ssym *)o)->v;
        return true;
    }
    if (!(b->items = mem_alloc(((size_t)b->n + 1) * sizeof *b->items))) return b->n = 0, false;
    int k = 0;
    if (o->tag == SV_DICT) {
        const sdict *d = (sdict *)o;
        for (size_t i = 0; i < d->used; i++) {
            if (!d->entries[i].live) continue;
            b->items[k++] = sv_keep(d->entries[i].key);
            b->items[k++] = sv_keep(d->entries[i].value);
        }
    } else {
        const sv *from = o->tag == SV_LIST ? ((slist *)o)->items : ((sobject *)o)->slots;
        for (; k < b->n; k++) b->items[k] = sv_keep(from[k]);
    }
    return true;
}

static void drop_box(rec_box *b) {
    for (int i = 0; i < b->n; i++) sv_drop(b->items[i]);
    mem_free(b->items);
    sobj_release(b->o);
}

naru_status box_fill(const rec_box *b, naru_error *err) {
    switch (b->o->tag) {
    case SV_SYM: ((ssym *)b->o)->v = b->v; return NARU_OK;
    case SV_OBJECT:
        for (int i = 0; i < b->n; i++) sv_set(&((sobject *)b->o)->slots[i], sv_keep(b->items[i]));
        return NARU_OK;
    case SV_DICT: {
        sdict *d = (sdict *)b->o;
        sdict_clear(d);
        for (int i = 0; i + 1 < b->n; i += 2)
            if (!sdict_put(d, sv_keep(b->items[i]), sv_keep(b->items[i + 1]))) return err_oom(err);
        return NARU_OK;
    }
    default: {
        slist *l = (slist *)b->o;
        for (int i = 0; i < b->n; i++) sv_keep(b->items[i]);
        while (l->count) sv_drop(l->items[--l->count]);
        for (int i = 0; i < b->n; i++)
            if (!slist_push(l, b->items[i])) return err_oom(err);
        return NARU_OK;
    }
    }
}

/* ---- taking ---- */
static bool reach(rec_state *s, sv v, int depth) {
    if (!sv_heap(v) || depth > MAX_DEPTH) return true;
    if (v.tag == SV_TUPLE) {
        for (int i = 0; i < sv_tuple(v)->n; i++)
            if (!reach(s, sv_tuple(v)->items[i], depth + 1)) return false;
        return true;
    }
    if (v.tag == SV_FUTURE) return reach(s, ((sfuture *)v.o)->value, depth + 1);
    if (!is_box(v) || state_box(s, v.o) >= 0) return true;
    rec_box b;
    bool read = read_box(v.o, &b);
    if (!ARRAY_PUSH(&s->boxes, b)) {
        drop_box(&b);
        return false;
    }
    for (int i = 0; read && i < b.n; i++) read = reach(s, b.items[i], depth + 1);
    return read;
}

static bool read_frames(const frame *top, rec_state *s) {
    for (const frame *f = top; f; f = f->up) s->nframes++;
    if (!(s->frames = mem_calloc((size_t)s->nframes + 1, sizeof *s->frames))) return s->nframes = 0, false;
    int k = 0;
    for (frame *f = (frame *)top; f; f = f->up, k++) {
        int n = f->fn->code.nregs;
        s->frames[k].f = f;
        if (!(s->frames[k].regs = mem_alloc(((size_t)n + 1) * sizeof(sv)))) return false;
        for (int i = 0; i < n; i++) s->frames[k].regs[i] = sv_keep(f->regs[i]);
    }
    return true;
}

static bool read_bases(recording *r, rec_state *s) {
    int n = 0;
    for (rec_base *b = r->bases; b; b = b->next) n++;
    if (!(s->bases = mem_alloc(((size_t)n + 1) * sizeof *s->bases))) return false;
    for (rec_base *b = r->bases; b; b = b->next) s->bases[s->nbases++] = (base_state){b, b->v, b->version, b->written};
    return true;
}

static naru_status finish(rec_state *s, bool ok, naru_error *err) {
    if (ok) return NARU_OK;
    state_drop(s);
    return err_oom(err);
}

naru_status state_take(recording *r, rec_state *s, naru_error *err) {
    *s = (rec_state){0};
    bool ok = read_frames(r->machine->top, s) && read_bases(r, s);
    for (int k = 0; ok && k < s->nframes; k++)
        for (int i = 0; ok && i < s->frames[k].f->fn->code.nregs; i++) ok = reach(s, s->frames[k].regs[i], 0);
    return finish(s, ok, err);
}

naru_status state_again(recording *r, const rec_state *like, rec_state *s, naru_error *err) {
    *s = (rec_state){0};
    bool ok = read_frames(like->frames[0].f, s);
    if (ok && (s->bases = mem_alloc(((size_t)like->nbases + 1) * sizeof *s->bases))) {
        for (; s->nbases < like->nbases; s->nbases++) {
            rec_base *b = like->bases[s->nbases].b;
            s->bases[s->nbases] = (base_state){b, b->v, b->version, b->written};
        }
    } else {
        ok = false;
    }
    for (size_t i = 0; ok && i < like->boxes.count; i++) {
        rec_box b;
        ok = read_box(like->boxes.data[i].o, &b);
        if (ARRAY_PUSH(&s->boxes, b)) continue;
        drop_box(&b);
        ok = false;
    }
    return finish(s, ok, err);
}

naru_status state_put(const rec_state *s, naru_error *err) {
    for (int k = 0; k < s->nframes; k++)
        for (int i = 0; i < s->frames[k].f->fn->code.nregs; i++)
            sv_set(&s->frames[k].f->regs[i], sv_keep(s->frames[k].regs[i]));
    for (size_t i = 0; i < s->boxes.count; i++) TRY(box_fill(&s->boxes.data[i], err));
    for (int i = 0; i < s->nbases; i++) {
        s->bases[i].b->v = s->bases[i].v;
        s->bases[i].b->version = s->bases[i].version;
        s->bases[i].b->written = s->bases[i].written;
    }
    return NARU_OK;
}

void state_drop(rec_state *s) {
    for (int k = 0; k < s->nframes; k++) {
        for (int i = 0; s->frames[k].regs && i < s->frames[k].f->fn->code.nregs; i++) sv_drop(s->frames[k].regs[i]);
        mem_free(s->frames[k].regs);
    }
    for (size_t i = 0; i < s->boxes.count; i++) drop_box(&s->boxes.data[i]);
    mem_free(s->frames);
    mem_free(s->bases);
    ARRAY_FREE(&s->boxes);
    *s = (rec_state){0};
}

/* ---- replacing ---- */
static bool replace_in(sv *at, const sobj *from, sv to, int depth, bool *changed) {
    if (!sv_heap(*at) || depth > MAX_DEPTH) return true;
    if (at->o == from) {
        sv_set(at, sv_keep(to));
        return *changed = true;
    }
    if (at->tag != SV_TUPLE) return true;
    stuple *t = sv_tuple(*at);
    bool inside = false;
    stuple *copy = stuple_new(t->n, t->cls); /* tuples are values: whoever shares this one keeps it */
    for (int i = 0; copy && i < t->n; i++) {
        copy->items[i] = sv_keep(t->items[i]);
        if (!replace_in(&copy->items[i], from, to, depth + 1, &inside)) {
            sobj_release(&copy->head);
            return false;
        }
    }
    if (!copy) return false;
    if (inside) sv_set(at, sv_of(copy));
    else sobj_release(&copy->head);
    *changed = *changed || inside;
    return true;
}

naru_status state_replace(rec_state *s, const sobj *from, sv to, naru_error *err) {
    bool changed = false, ok = true;
    for (int k = 0; ok && k < s->nframes; k++)
        for (int i = 0; ok && i < s->frames[k].f->fn->code.nregs; i++)
            ok = replace_in(&s->frames[k].regs[i], from, to, 0, &changed);
    for (size_t i = 0; ok && i < s->boxes.count; i++)
        for (int j = 0; ok && j < s->boxes.data[i].n; j++)
            ok = replace_in(&s->boxes.data[i].items[j], from, to, 0, &changed);
    return ok ? state_put(s, err) : err_oom(err);
}
