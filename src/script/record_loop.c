/* SPDX-License-Identifier: MIT
 *
 * Loops whose length the graph decides. The body runs from the state before the loop; what it leaves changed is
 * carried: in the next round it begins as an input of the body, until the types of all carried values hold still. A
 * place is a register or an item of a container; the tensors and numbers in it are its leaves (record_loop_place.c,
 * record_loop_carry.c). Lists that grow become symbolic before the loop, and the loop is recorded anew.
 */
#include "script/opcodes.h"
#include "script/record_loop_in.h"

enum { MAX_ROUNDS = 8, MAX_RESTARTS = 64 };

/* ---- a round ---- */
static value *body_input(looper *k, const type *t) {
    recording *r = k->r;
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!v || !block_add_input(r->at, v)) return NULL;
    v->block = r->at;
    v->fact = (fact){.type = *t};
    v->declared = *t;
    v->has_declared = true;
    return v;
}

static naru_status start_round(looper *k, value **iter) {
    type scalar = {.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true}, flag = scalar;
    flag.dtype = NARU_BOOL;
    *iter = body_input(k, &scalar);
    if (!*iter || !body_input(k, &flag)) return err_oom(k->err);
    for (int i = 0; i < k->nleaves; i++)
        if (k->leaves[i].carried && !(k->leaves[i].in = body_input(k, &k->leaves[i].type))) return err_oom(k->err);
    for (int i = 0; i < k->nbases; i++) {
        if (!(k->bases[i].in = body_input(k, &k->bases[i].type))) return err_oom(k->err);
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++k->r->serial;
    }
    TRY(loop_put(k, true));
    return state_again(k->r, &k->before, &k->placed, k->err);
}

static naru_status run_body(looper *k, value *iter) {
    recording *r = k->r;
    const insn *head = &k->f->fn->code.insns[k->pc];
    const frame *outer = r->looping;
    bool returned = false;
    sv out = sv_none();
    if (k->counted) {
        sv i = rec_sym(SV_INT, (elem_t){ELEM_UNKNOWN, 0}, iter);
        if (i.tag == SV_UNINIT) return err_oom(k->err);
        sv_set(&k->f->regs[head->a], i);
    }
    r->looping = k->f;
    naru_status st = NARU_OK;
    k->f->pc = k->pc + 1;
    if (k->pc + 1 < k->body_to) st = vm_run_range(r->machine, k->f, k->pc + 1, k->body_to, &returned, &out, k->err);
    r->looping = outer;
    sv_drop(out);
    if (st == NARU_OK && (returned || k->f->pc != k->body_to))
        st = rec_obstacle(r, k->err, "a return or break inside a loop whose length depends on data");
    if (st == NARU_SCRIPT) st = rec_obstacle(r, k->err, "an exception inside a loop whose length depends on data");
    return st;
}

/* cond_out: the body's condition. */
static naru_status play_round(looper *k, block *body, value **cond_out) {
    value *iter;
    k->again = k->restart = false;
    TRY(start_round(k, &iter));
    TRY(run_body(k, iter));
    const insn *head = &k->f->fn->code.insns[k->pc];
    *cond_out = k->counted ? body->in[1] : record_scalar(k->r, k->f->regs[head->a], k->err);
    if (!*cond_out) return rec_no_value(k->err);
    TRY(state_again(k->r, &k->before, &k->after, k->err));
    TRY(loop_compare(k));
    return k->restart ? NARU_OK : loop_compare_bases(k);
}

/* ---- the Loop ---- */
static naru_status add_carried(looper *k, node *l, block *body, int at, value *in, value *out, const type *t,
                               value **result) {
    recording *r = k->r;
    value *v = graph_value_new(r->g, r->at, NULL);
    if (!in || !v) return rec_no_value(k->err);
    l->in[at + 2] = in;
    v->block = r->at;
    v->fact.type = *t;
    node_set_out(l, at, v);
    *result = v;
    return body_gives(r, body, out, k->err);
}

/* The carried leaves' values before the loop, by number. */
static naru_status first_values(looper *k, const place *p, sv v, value **first, int *at) {
    if (p->reg < 0 && p->item < 0) {
        first[(*at)++] = k->before.boxes.data[p->box].v;
        return NARU_OK;
    }
    if (loop_pair(p, v)) {
        sv both[2];
        loop_split(k->r, v, &both[0], &both[1]);
        naru_status st = NARU_OK;
        for (int i = 0; i < 2 && st == NARU_OK; i++, ++*at) {
            const leaf *l = &k->leaves[*at];
            if (!l->carried) continue;
            first[*at] = both[i].tag == SV_UNINIT ? rec_dummy(k->r, &l->type, k->err)
                                                  : loop_value(k->r, both[i], &l->type, k->err);
            if (!first[*at]) st = rec_no_value(k->err);
        }
        sv_drop(both[0]);
        sv_drop(both[1]);
        return st;
    }
    if (loop_leaf(v)) {
        const leaf *l = &k->leaves[*at];
        if (l->carried)
            first[*at] = v.tag == SV_UNINIT ? rec_dummy(k->r, &l->type, k->err) : loop_value(k->r, v, &l->type, k->err);
        if (l->carried && !first[*at]) return rec_no_value(k->err);
        ++*at;
        return NARU_OK;
    }
    if (!loop_opened(p, v)) return NARU_OK;
    const sv *items;
    int n = loop_items(v, &items);
    for (int i = 0; i < n; i++) TRY(first_values(k, p, items[i], first, at));
    for (size_t i = 0; v.tag == SV_DICT && i < sv_dict(v)->used; i++)
        if (sv_dict(v)->entries[i].live) TRY(first_values(k, p, sv_dict(v)->entries[i].value, first, at));
    return NARU_OK;
}

static naru_status make_loop(looper *k, block *body, value *count, value *cond, value *cond_out) {
    recording *r = k->r;
    int n = k->nbases, at = 0, number = 0;
    for (int i = 0; i < k->nleaves; i++) n += k->leaves[i].carried;
    value **first = arena_calloc(r->arena, (size_t)k->nleaves + 1, sizeof *first);
    if (!first) return err_oom(k->err);
    for (size_t i = 0; i < k->places.count; i++)
        TRY(first_values(k, &k->places.data[i], loop_at(&k->places.data[i], &k->before), first, &number));
    node *l = graph_node_new(r->g, r->at, NULL, "Loop", "", n + 2, n, 1);
    if (!l) return err_oom(k->err);
    l->op = &op_Loop;
    l->table = op_Loop.attrs;
    l->attrs[0] = (attr){.name = "body", .kind = ATTR_GRAPH, .block = body};
    body->owner = l;
    l->in[0] = count;
    l->in[1] = cond;
    TRY(body_gives(r, body, cond_out, k->err));
    for (int i = 0; i < k->nleaves; i++) {
        leaf *x = &k->leaves[i];
        if (x->carried) TRY(add_carried(k, l, body, at++, first[i], x->out, &x->type, &x->result));
    }
    for (int i = 0; i < k->nbases; i++) {
        carried_base *b = &k->bases[i];
        TRY(add_carried(k, l, body, at++, b->b->v, b->out, &b->type, &b->in));
    }
    return NARU_OK;
}

static naru_status leave(looper *k) {
    TRY(loop_put(k, false));
    for (int i = 0; i < k->nbases; i++) {
        k->bases[i].b->v = k->bases[i].in;
        k->bases[i].b->version = ++k->r->serial;
        k->bases[i].b->written = true;
    }
    k->f->pc = k->end;
    return NARU_OK;
}

/* ---- whole ---- */
static naru_status prepare(looper *k) {
    k->nbases = 0;
    TRY(state_take(k->r, &k->before, k->err));
    TRY(loop_places(k));
    return loop_leaves(k);
}

/* The list k->grows becomes symbolic, and all begins anew. */
static naru_status convert(looper *k) {
    if (!k->grows) return NARU_OK;
    sv list = {.tag = SV_LIST, .o = (sobj *)k->grows};
    value *v = rec_list_value(k->r, list, k->like, k->err);
    if (!v) return rec_no_value(k->err);
    sv sym = rec_list_sym(sv_list(list)->elem, v);
    if (sym.tag != SV_SYM) return err_oom(k->err);
    naru_status st = state_replace(&k->before, k->grows, sym, k->err);
    sv_drop(sym);
    k->grows = NULL;
    return st;
}

static naru_status play(looper *k, value *count, value *cond) {
    recording *r = k->r;
    block *outer = r->at;
    for (int round = 0, restarts = 0; round < MAX_ROUNDS && restarts < MAX_RESTARTS; round++) {
        value *cond_out = NULL;
        block *body = r->at = graph_block_new(r->g, outer);
        if (!body) return r->at = outer, err_oom(k->err);
        body->name = "body";
        naru_status st = play_round(k, body, &cond_out);
        r->at = outer;
        naru_status put = state_put(&k->before, k->err);
        state_drop(&k->placed);
        state_drop(&k->after);
        TRY(st);
        TRY(put);
        if (k->restart) {
            TRY(convert(k));
            state_drop(&k->before);
            TRY(prepare(k));
            round = -1;
            restarts++;
        } else if (!k->again) {
            TRY(make_loop(k, body, count, cond, cond_out));
            return leave(k);
        }
    }
    return rec_obstacle(r, k->err, "a loop whose shapes do not settle");
}

naru_status record_loop(vm *m, frame *f, int pc, naru_error *err) {
    recording *r = m->sink_user;
    const insn *head = &f->fn->code.insns[pc];
    looper *k = mem_calloc(1, sizeof *k);
    if (!k) return err_oom(err);
    *k = (looper){.r = r,
                  .f = f,
                  .live = record_liveness(r, f->fn),
                  .pc = pc,
                  .body_to = head->c - 1,
                  .end = head->c,
                  .counted = head->op == INSN_FOR,
                  .err = err};
    value *count = k->counted ? record_scalar(r, f->regs[head->b], err) : NULL;
    value *cond = k->counted ? NULL : record_scalar(r, f->regs[head->a], err);
    naru_status st = !k->live ? err_oom(err) : count || cond ? prepare(k) : rec_no_value(err);
    if (st == NARU_OK) st = play(k, count, cond);
    state_drop(&k->before);
    ARRAY_FREE(&k->places);
    ARRAY_FREE(&k->remade);
    mem_free(k);
    return st;
}
