/* SPDX-License-Identifier: MIT
 *
 * Variables while compiling. What holds of a variable at a point (its type, whether it is defined) changes by statement
 * and by branch: every change inside a scope is on the trail, so that a branch can be undone and two branches merged.
 */
#include "script/compile_in.h"

#include <stdlib.h>

var *var_find(cc *C, const char *name) {
    struct strmap_entry *e = strmap_find(&C->var_index, name);
    return e ? &C->vars.data[e->num - 1] : NULL;
}

uint32_t var_of(cc *C, const char *name) {
    struct strmap_entry *e = strmap_put(&C->var_index, name, NULL);
    if (!e) {
        coom(C);
        return 0;
    }
    if (!e->num) {
        if (!ARRAY_PUSH(&C->vars, ((var){.name = name}))) {
            coom(C);
            return 0;
        }
        e->num = (int64_t)C->vars.count;
        if (C->vars.count > UINT16_MAX) cfail(C, NARU_LIMIT, C->at, "more than %d variables", UINT16_MAX);
    }
    return (uint32_t)e->num - 1;
}

void var_set(cc *C, uint32_t v, var_now now) {
    if (C->st != NARU_OK) return;
    var *x = &C->vars.data[v];
    if (C->scope > 0 && x->now.scope != C->scope) {
        if (!ARRAY_PUSH(&C->trail, ((undo){v, x->now}))) {
            coom(C);
            return;
        }
        now.undo = (uint32_t)C->trail.count - 1;
    } else {
        now.undo = x->now.undo;
    }
    now.scope = C->scope;
    x->now = now;
}

/* What the variable was outside the current scope. */
static const var_now *outer(cc *C, uint32_t v) {
    if (C->scope == 0) return NULL;
    const var_now *now = &C->vars.data[v].now;
    const var_now *before = now->scope == C->scope ? &C->trail.data[now->undo].old : now;
    return before->state == VAR_VALUE ? before : NULL;
}

bool var_assign(cc *C, uint32_t v, const stype *t, uint32_t taint, src_range at) {
    if (C->st != NARU_OK) return false;
    const var_now *before = outer(C, v);
    const stype *most = before ? before->type : NULL;
    int loop_scope = C->loop ? C->loop->scope : 0;
    if (before && before->wide && before->scope >= loop_scope) most = before->wide; /* refined in this iteration */
    if (most && !stype_subtype(t, most))
        return cfail(C, NARU_BAD_MODEL, at,
                     "Variable '%s' previously had type %s but is now being assigned to a value of type %s",
                     C->vars.data[v].name, ctype(C, before->type), ctype(C, t));
    var_set(C, v, (var_now){.state = VAR_VALUE, .type = t, .taint = taint, .assigned = true});
    return C->st == NARU_OK;
}

void var_bind(cc *C, uint32_t v, const val *bound) {
    val *kept = arena_dup(C->arena, bound, sizeof(*bound));
    if (!kept) coom(C);
    var_set(C, v, (var_now){.state = VAR_BOUND, .bound = kept, .assigned = true});
}

/* ---- scopes ---- */
uint32_t scope_open(cc *C) {
    C->scope++;
    return (uint32_t)C->trail.count;
}

void scope_close(cc *C, uint32_t mark, flow *out) {
    if (out) *out = (flow){.exits = C->exits};
    while (C->trail.count > mark) {
        undo *u = &C->trail.data[--C->trail.count];
        if (out && C->st == NARU_OK && !ARRAY_PUSH(&out->changes, ((change){u->v, C->vars.data[u->v].now}))) coom(C);
        C->vars.data[u->v].now = u->old;
    }
    C->scope--;
}

static void merge_types(cc *C, uint32_t v, const var_now *a, const var_now *b, bool assigned) {
    const var_now *old = &C->vars.data[v].now;
    const char *name = C->vars.data[v].name;
    const stype *t = stype_unify(C->arena, a->type, b->type);
    if (!assigned && old->state == VAR_VALUE) return; /* only refined: as before */
    if (old->state == VAR_VALUE && (!t || !stype_subtype(t, old->type)) && stype_subtype(a->type, old->type) &&
        stype_subtype(b->type, old->type))
        t = old->type;
    if (!t) {
        const char *why =
            ctext(C, "Type mismatch: %s is set to type %s in the true branch and type %s in the false branch", name,
                  ctype(C, a->type), ctype(C, b->type));
        var_set(C, v, (var_now){.state = VAR_UNDEFINED, .why = why, .assigned = true});
        return;
    }
    var_set(C, v,
            (var_now){.state = VAR_VALUE, .type = t, .taint = taint_join(C, a->taint, b->taint), .assigned = assigned});
}

static void merge_one(cc *C, uint32_t v, const var_now *a, const var_now *b) {
    bool assigned = a->assigned || b->assigned;
    if (a->state == VAR_VALUE && b->state == VAR_VALUE) {
        merge_types(C, v, a, b, assigned);
    } else if (a->state == VAR_BOUND && b->state == VAR_BOUND && a->bound == b->bound) {
        var_set(C, v, *a);
    } else if (a->state != VAR_UNDEFINED || b->state != VAR_UNDEFINED) {
        const char *why = ctext(C, "%s is not defined in the %s branch", C->vars.data[v].name,
                                a->state == VAR_UNDEFINED ? "true" : "false");
        var_set(C, v, (var_now){.state = VAR_UNDEFINED, .why = why, .assigned = true});
    }
}

static void adopt(cc *C, const flow *f) {
    for (size_t i = 0; i < f->changes.count; i++) var_set(C, f->changes.data[i].v, f->changes.data[i].now);
}

static int compare_changes(const void *a, const void *b) {
    uint32_t x = ((const change *)a)->v, y = ((const change *)b)->v;
    return (x > y) - (x < y);
}

static void merge_both(cc *C, flow *yes, flow *no) {
    if (yes->changes.count) qsort(yes->changes.data, yes->changes.count, sizeof(change), compare_changes);
    if (no->changes.count) qsort(no->changes.data, no->changes.count, sizeof(change), compare_changes);
    size_t i = 0, j = 0;
    while (C->st == NARU_OK && (i < yes->changes.count || j < no->changes.count)) {
        const change *a = i < yes->changes.count ? &yes->changes.data[i] : NULL;
        const change *b = j < no->changes.count ? &no->changes.data[j] : NULL;
        uint32_t v = !a || (b && b->v < a->v) ? b->v : a->v;
        var_now before = C->vars.data[v].now;
        before.assigned = false;
        bool has_a = a && a->v == v, has_b = b && b->v == v;
        merge_one(C, v, has_a ? &a->now : &before, has_b ? &b->now : &before);
        i += has_a;
        j += has_b;
    }
}

bool scope_merge(cc *C, flow *yes, flow *no) {
    if (yes->exits && no->exits) C->exits = yes->exits == FLOW_JUMP || no->exits == FLOW_JUMP ? FLOW_JUMP : FLOW_RETURN;
    else if (yes->exits) adopt(C, no);
    else if (no->exits) adopt(C, yes);
    else merge_both(C, yes, no);
    ARRAY_FREE(&yes->changes);
    ARRAY_FREE(&no->changes);
    return C->st == NARU_OK;
}

/* ---- refinement ---- */
refine *refine_add(cc *C, refine *list, uint32_t v, const stype *t) {
    refine *r = arena_alloc(C->arena, sizeof(*r));
    if (!r || !t) {
        coom(C);
        return list;
    }
    *r = (refine){v, t, list};
    return r;
}

void refine_apply(cc *C, const refine *r) {
    for (; r && C->st == NARU_OK; r = r->next) {
        var_now now = C->vars.data[r->v].now;
        if (now.state != VAR_VALUE) continue;
        if (!now.wide) now.wide = now.type;
        now.type = r->type;
        now.assigned = C->scope > 0 && now.scope == C->scope && now.assigned;
        var_set(C, r->v, now);
    }
}
