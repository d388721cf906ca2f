/* SPDX-License-Identifier: MIT
 *
 * A region runs: a context of the user's, the leaves as its inputs, what it writes and gives back.
 */
#include "script/region_in.h"

#include "script/eager.h"

static context *context_of(region_user *u, region *r, pool *p) {
    for (kept_context *k = u->contexts; k; k = k->next)
        if (k->r == r) return k->c;
    kept_context *k = mem_calloc(1, sizeof *k);
    context *c = NULL;
    if (!k || context_new(r->engine, p, &c, NULL) != NARU_OK) {
        mem_free(k);
        return NULL;
    }
    *k = (kept_context){u->contexts, r, c};
    atomic_fetch_add(&r->refs, 1);
    u->contexts = k;
    return c;
}

typedef struct runner {
    lower L; /* for views and writes of the eager sink */
    region *r;
    const region_args *k;
    naru_value *outs[REGION_RESULTS];
    sten *made[REGION_RESULTS];
} runner;

static sten *output(runner *x, int i) {
    if (!x->made[i] && x->outs[i] && x->outs[i]->kind == NARU_KIND_TENSOR)
        x->made[i] = lower_own(&x->L, sten_from(x->outs[i]->tensor));
    return x->made[i];
}

static sv give_tensor(runner *x, const region_result *r) {
    sten *t = r->kind == RES_OUTPUT ? output(x, r->index)
                                    : (sten *)(r->kind == RES_ARG ? x->k->leaf[r->index].o : r->value.o);
    for (int i = 0; t && i < r->nchain; i++) t = eager_view_later(&x->L, t, &r->chain[i]);
    return t ? sv_keep(sv_of(t)) : (sv){.tag = SV_UNINIT};
}

static sv give(runner *x, const region_result *r);

static sv give_list(runner *x, const region_result *r) {
    slist *l = slist_new(r->elem, (size_t)r->n);
    for (int i = 0; l && i < r->n; i++) {
        sv v = give(x, &r->items[i]);
        if (v.tag == SV_UNINIT || !slist_push(l, v)) {
            sobj_release(&l->head);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(l);
}

static sv give_tuple(runner *x, const region_result *r) {
    stuple *t = stuple_new(r->n, r->cls);
    for (int i = 0; t && i < r->n; i++)
        if ((t->items[i] = give(x, &r->items[i])).tag == SV_UNINIT) {
            sobj_release(&t->head);
            return (sv){.tag = SV_UNINIT};
        }
    return sv_of(t);
}

static sv give_dict(runner *x, const region_result *r) {
    const sdict *keys = sv_dict(r->value);
    sdict *d = sdict_new(keys->key, keys->value);
    for (int i = 0; d && i < r->n; i++) {
        sv v = give(x, &r->items[i]);
        if (v.tag == SV_UNINIT || !sdict_put(d, sv_keep(keys->entries[i].key), v)) {
            sobj_release(&d->head);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(d);
}

static sv give(runner *x, const region_result *r) {
    switch (r->kind) {
    case RES_OUTPUT:
    case RES_ARG: return give_tensor(x, r);
    case RES_CONST: return r->nchain ? give_tensor(x, r) : sv_keep(r->value);
    case RES_LIST: return give_list(x, r);
    case RES_TUPLE: return give_tuple(x, r);
    case RES_DICT: return give_dict(x, r);
    case RES_SCALAR: {
        sten *t = output(x, r->index);
        if (!t || tensor_count(&t->t) != 1) return (sv){.tag = SV_UNINIT};
        sv v = x->L.sink->item(&x->L, t);
        if (r->is == SV_FLOAT && v.tag == SV_INT) v = sv_float((double)v.i);
        return v;
    }
    }
    return (sv){.tag = SV_UNINIT};
}

naru_status region_run(vm *m, region_user *u, pool *p, region *r, const region_args *k, sv *out, naru_error *err) {
    naru_tensor scalars[REGION_LEAVES];
    int64_t numbers[REGION_LEAVES];
    naru_value in[REGION_LEAVES], *pin[REGION_LEAVES];
    runner x = {.r = r, .k = k};
    x.L = (lower){.vm = m, .sink = &eager_sink, .err = err, .arena = m->arena, .temps = m->temps.count};
    context *c = context_of(u, r, p);
    if (c) {
        c->cancelled = m->cancelled;
        c->budget = m->budget == UINT64_MAX ? 0 : m->budget + 1;
    }
    naru_status st = c ? NARU_OK : err_oom(err);
    for (int i = 0; st == NARU_OK && i < k->nleaves; i++) {
        naru_tensor *t = &scalars[i];
        if (k->leaf[i].tag == SV_TENSOR) {
            sten *s = contiguous(&x.L, sv_tensor(k->leaf[i]));
            t = s ? &s->t : NULL;
            if (!t) st = NARU_OUT_OF_MEMORY;
        } else {
            *t = (naru_tensor){0};
            tensor_describe(t, k->leaf[i].tag == SV_FLOAT ? NARU_DOUBLE : NARU_INT64, 0, NULL);
            numbers[i] = k->leaf[i].i;
            t->data = &numbers[i];
        }
        in[i] = (naru_value){.kind = NARU_KIND_TENSOR, .tensor = t};
        pin[i] = &in[i];
    }
    if (st == NARU_OK) st = context_run(c, pin, x.outs, 0, err);
    for (int i = 0; st == NARU_OK && i < r->nwritten; i++) {
        sten *now = output(&x, r->written[i].output);
        if (now) write_to(&x.L, sv_tensor(k->leaf[r->written[i].leaf]), now);
        st = x.L.st;
    }
    if (st == NARU_OK) {
        *out = give(&x, &r->result);
        if (out->tag == SV_UNINIT) st = x.L.st != NARU_OK ? x.L.st : err_oom(err);
    }
    for (int i = 0; i < r->noutputs; i++) value_unref(x.outs[i]);
    while (m->temps.count > x.L.temps) sobj_release(m->temps.data[--m->temps.count]);
    return st;
}
