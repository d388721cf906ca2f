/* SPDX-License-Identifier: MIT
 *
 * What a region gives back, described as a tree when its recording ends: outputs of the engine, arguments, views of
 * them, constants, numbers, lists, tuples, dicts.
 */
#include "script/region_in.h"

int region_add_output(region_builder *b, value *v) {
    for (int i = 0; i < b->nouts; i++)
        if (b->outs[i] == v) return i;
    if (b->nouts == REGION_RESULTS) return -1;
    b->outs[b->nouts] = v;
    return b->nouts++;
}

static bool chain_known(const rec_tensor *x) {
    for (int i = 0; i < x->nchain; i++) {
        const view_step *s = &x->chain[i];
        if (s->a.tag == SV_SYM || s->b.tag == SV_SYM) return false;
        bool sizes = s->kind == VIEW_EXPAND || s->kind == VIEW_RESHAPE;
        for (int k = 0; sizes && k < s->rank; k++)
            if (s->sizes[k].tag == SV_SYM) return false;
    }
    return true;
}

static int count_base(const rec_base *base, sv v, int depth) { /* results over this memory */
    int n = 0;
    if (depth > 16) return 2;
    if (v.tag == SV_TENSOR) return ((sten *)v.o)->rec && ((sten *)v.o)->rec->base == base;
    if (v.tag == SV_LIST)
        for (size_t i = 0; i < sv_list(v)->count; i++) n += count_base(base, sv_list(v)->items[i], depth + 1);
    if (v.tag == SV_TUPLE)
        for (int i = 0; i < sv_tuple(v)->n; i++) n += count_base(base, sv_tuple(v)->items[i], depth + 1);
    if (v.tag == SV_DICT)
        for (size_t i = 0; i < sv_dict(v)->used; i++)
            if (sv_dict(v)->entries[i].live) n += count_base(base, sv_dict(v)->entries[i].value, depth + 1);
    return n;
}

static naru_status describe_const(region_builder *b, sv v, region_result *out) {
    if (sv_heap(v) && !v.o->shared) sv_share(v);
    *out = (region_result){.kind = RES_CONST, .value = v};
    if (!ARRAY_PUSH(&b->r->kept, v)) return err_oom(b->err);
    sv_keep(v);
    return NARU_OK;
}

static naru_status describe_tensor(region_builder *b, sv v, sv whole, region_result *out) {
    sten *t = (sten *)v.o;
    if (t->q || t->lens) return rec_obstacle(&b->rec, b->err, "a %s tensor is returned", t->q ? "quantized" : "nested");
    rec_tensor *x = t->rec;
    if (!x) return describe_const(b, v, out);
    rec_base *base = x->base;
    bool alone = base->input < 0 && !base->constant && count_base(base, whole, 0) == 1;
    if (!alone && !chain_known(x)) return rec_obstacle(&b->rec, b->err, "a view whose place is not known is returned");
    if (alone) {
        value *now = record_value(&b->rec, t, b->err);
        if (!now) return rec_no_value(b->err);
        *out = (region_result){.kind = RES_OUTPUT, .index = region_add_output(b, now)};
    } else if (base->input >= 0) {
        *out = (region_result){.kind = RES_ARG, .index = base->input};
    } else if (base->constant) {
        TRY(describe_const(b, sv_of(base->constant), out));
    } else {
        *out = (region_result){.kind = RES_OUTPUT, .index = region_add_output(b, base->v)};
    }
    if (out->index < 0) return err_set(b->err, NARU_LIMIT, "more than %d results", REGION_RESULTS);
    if (alone) return NARU_OK;
    out->nchain = x->nchain;
    out->chain = arena_dup(b->r->arena, x->chain, (size_t)x->nchain * sizeof *x->chain);
    return out->chain || !x->nchain ? NARU_OK : err_oom(b->err);
}

static naru_status describe(region_builder *b, sv v, sv whole, region_result *out, int depth);

static naru_status describe_items(region_builder *b, int n, const sv *items, sv whole, region_result *out, int depth) {
    out->n = n;
    out->items = arena_calloc(b->r->arena, (size_t)n + 1, sizeof *out->items);
    if (!out->items) return err_oom(b->err);
    for (int i = 0; i < n; i++) TRY(describe(b, items[i], whole, &out->items[i], depth + 1));
    return NARU_OK;
}

static naru_status describe_dict(region_builder *b, sv v, sv whole, region_result *out, int depth) {
    sdict *d = sv_dict(v), *keys = sdict_new(d->key, d->value);
    if (!keys || !ARRAY_PUSH(&b->r->kept, sv_of(keys))) return err_oom(b->err);
    *out = (region_result){.kind = RES_DICT, .value = sv_of(keys)};
    sv *items = arena_alloc(b->r->arena, (d->count + 1) * sizeof *items);
    int n = 0;
    for (size_t i = 0; items && i < d->used; i++)
        if (d->entries[i].live) {
            items[n++] = d->entries[i].value;
            if (!sdict_put(keys, sv_keep(d->entries[i].key), sv_none())) return err_oom(b->err);
        }
    if (!items) return err_oom(b->err);
    sv_share(sv_of(keys));
    return describe_items(b, n, items, whole, out, depth);
}

static naru_status describe(region_builder *b, sv v, sv whole, region_result *out, int depth) {
    if (depth > 16) return err_set(b->err, NARU_LIMIT, "results nest too deep");
    for (size_t i = 0; i < b->containers.count; i++)
        if (sv_heap(v) && v.o == b->containers.data[i])
            return rec_obstacle(&b->rec, b->err, "an argument list is returned");
    if ((v.tag == SV_LIST || v.tag == SV_DICT) && v.o->shared) return describe_const(b, v, out); /* the module's own */
    switch (v.tag) {
    case SV_TENSOR: return describe_tensor(b, v, whole, out);
    case SV_SYM: {
        value *x = record_scalar(&b->rec, v, b->err);
        if (!x) return rec_no_value(b->err);
        *out = (region_result){.kind = RES_SCALAR, .is = sv_sym_kind(v), .index = region_add_output(b, x)};
        return out->index < 0 ? err_set(b->err, NARU_LIMIT, "more than %d results", REGION_RESULTS) : NARU_OK;
    }
    case SV_LIST:
        *out = (region_result){.kind = RES_LIST, .elem = sv_list(v)->elem};
        return describe_items(b, (int)sv_list(v)->count, sv_list(v)->items, whole, out, depth);
    case SV_TUPLE:
        *out = (region_result){.kind = RES_TUPLE, .cls = sv_tuple(v)->cls};
        return describe_items(b, sv_tuple(v)->n, sv_tuple(v)->items, whole, out, depth);
    case SV_DICT: return describe_dict(b, v, whole, out, depth);
    case SV_OBJECT:
    case SV_CUSTOM:
    case SV_FUTURE:
    case SV_UNINIT:
        if (v.tag == SV_OBJECT && v.o->shared) return describe_const(b, v, out);
        return rec_obstacle(&b->rec, b->err, "%s is returned", sv_tag_name(v.tag));
    default: return describe_const(b, v, out);
    }
}

naru_status region_describe(region_builder *b, sv v, region_result *out) { return describe(b, v, v, out, 0); }
