/* SPDX-License-Identifier: MIT
 *
 * Memory that is one or another, depending on data: what a condition or a loop of unknown length leaves in a variable
 * has a base of its own in the recording, but is one of several in PyTorch. As long as nobody writes it that makes no
 * difference. Bases that may be the same are kin; a write that a living kinsman would have to see is an obstacle.
 */
#include "script/record_flow.h"

enum { MAX_DEPTH = 50 };

static rec_base *elder(rec_base *b) {
    while (b->kin) b = b->kin;
    return b;
}

void record_kin(sv merged, rec_base *b) {
    if (!b || merged.tag != SV_TENSOR || !((sten *)merged.o)->rec) return;
    rec_base *a = elder(((sten *)merged.o)->rec->base), *old = elder(b);
    a->mixed = true;
    if (old == a) return;
    old->kin = a;
    a->outside = a->outside || old->outside;
}

void record_may_share(recording *r, sv merged, sv from_there) {
    if (merged.tag != SV_TENSOR || from_there.tag != SV_TENSOR || !((sten *)merged.o)->rec) return;
    rec_base *a = elder(((sten *)merged.o)->rec->base);
    rec_tensor *from = ((sten *)from_there.o)->rec;
    bool outside = !from || from->base->constant || (r->options.region && from->base->input >= 0);
    a->outside = a->outside || outside;
    a->mixed = true;
    if (from) record_kin(merged, from->base);
}

/* Whether v holds memory that is kin of b, but not b. */
static bool holds_kin(sv v, const rec_base *b, const rec_base *family, int depth) {
    if (!sv_heap(v) || depth > MAX_DEPTH) return depth > MAX_DEPTH;
    const sv *items = NULL;
    size_t n = 0;
    switch (v.tag) {
    case SV_TENSOR: {
        rec_tensor *t = ((sten *)v.o)->rec;
        return t && t->base != b && elder(t->base) == family;
    }
    case SV_LIST: items = sv_list(v)->items, n = sv_list(v)->count; break;
    case SV_TUPLE: items = sv_tuple(v)->items, n = (size_t)sv_tuple(v)->n; break;
    case SV_OBJECT: items = sv_object(v)->slots, n = v.o->shared ? 0 : (size_t)sv_object(v)->n; break;
    case SV_FUTURE: items = &((sfuture *)v.o)->value, n = 1; break;
    case SV_DICT:
        for (size_t i = 0; i < sv_dict(v)->used; i++)
            if (sv_dict(v)->entries[i].live && holds_kin(sv_dict(v)->entries[i].value, b, family, depth + 1))
                return true;
        return false;
    default: return false;
    }
    for (size_t i = 0; i < n; i++)
        if (holds_kin(items[i], b, family, depth + 1)) return true;
    return false;
}

bool record_write_is_seen(recording *r, rec_base *b) {
    const rec_base *family = elder(b);
    if (!family->mixed) return false;
    if (family->outside) return true;
    for (frame *f = r->machine->top; f; f = f->up) {
        const live_sets *live = record_liveness(r, f->fn);
        const code *c = &f->fn->code;
        for (int i = 0; i < c->nregs; i++) {
            bool read = !live || f->pc + 1 >= c->ninsns || record_is_live(live, f->pc + 1, i);
            if (read && holds_kin(f->regs[i], b, family, 0)) return true;
        }
    }
    return false;
}
