/* SPDX-License-Identifier: MIT
 *
 * A part lies in its whole as blocks of neighbouring elements, one for each index before the axis along which it is
 * cut. It can live there when it is a single block, or when the axis is the last one (a block is a row: the part has a
 * pitch) and who writes and reads it takes a pitch. Besides, it must be made and die within the segment, by steps that
 * have memory of their own: not a view, not an output of the program.
 *
 * Joins come first, the largest result before the others, so that a value that several of them take is at home in the
 * one that holds them all; a smaller join whose parts then lie side by side already is a part itself (the blocks of a
 * DenseNet). Cuts follow in the order of steps.
 */
#include "engine/home.h"

typedef struct reader {
    int step, input, next; /* next: index + 1; 0 ends */
} reader;

typedef struct finder {
    const engine *e;
    const program *p;
    const fact *facts;
    home *homes;
    int variant, first, last;
    int *maker;     /* per slot: step + 1; 0: not of this segment */
    int *maker_out; /* which of its outputs */
    bool *dies;     /* per slot: within the segment */
    int *read;      /* per slot: its readers */
    reader *readers;
    const fact **in; /* of the step looked at */
    fact *out;
} finder;

static const step *step_at(const finder *f, int at) { return step_variant(&f->p->steps[at], f->variant); }
static const type *type_of(const finder *f, int slot) { return &f->facts[slot].type; }

static int64_t span(const type *t, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= t->dims[i];
    return n;
}

/* ---- who makes and reads what ---- */
static void note_step(finder *f, int at, int *n) {
    const step *s = step_at(f, at);
    for (int i = 0; i < s->nin; i++) {
        if (s->in[i] < 0) continue;
        f->readers[*n] = (reader){at, i, f->read[s->in[i]]};
        f->read[s->in[i]] = ++*n;
    }
    for (int o = 0; o < s->nout; o++)
        if (s->out[o] >= 0) f->maker[s->out[o]] = at + 1, f->maker_out[s->out[o]] = o;
    for (const int *d = f->p->dies[at]; *d >= 0; d++) f->dies[*d] = true;
}

static bool note_all(finder *f, arena *a) {
    size_t slots = (size_t)f->e->nslots + 1, reads = 1;
    for (int at = f->first; at < f->last; at++) reads += (size_t)step_at(f, at)->nin;
    f->maker = arena_calloc(a, slots, sizeof(int));
    f->maker_out = arena_calloc(a, slots, sizeof(int));
    f->dies = arena_calloc(a, slots, sizeof(bool));
    f->read = arena_calloc(a, slots, sizeof(int));
    f->readers = arena_alloc(a, reads * sizeof(reader));
    f->in = arena_alloc(a, ((size_t)f->e->max_arity + 1) * sizeof *f->in);
    f->out = arena_alloc(a, ((size_t)f->e->max_arity + 1) * sizeof *f->out);
    if (!f->maker || !f->maker_out || !f->dies || !f->read || !f->readers || !f->in || !f->out) return false;
    int n = 0;
    for (int at = f->first; at < f->last; at++) note_step(f, at, &n);
    return true;
}

/* ---- may it live there? ---- */
static bool owns_memory(const finder *f, int slot) {
    if (!f->maker[slot]) return false;
    const step *s = step_at(f, f->maker[slot] - 1);
    return s->tactic || !(s->node->op->flags & OP_VIEW);
}

static bool is_output(const finder *f, int slot) {
    for (int i = 0; i < f->p->nout; i++)
        if (f->p->out[i] == slot) return true;
    return false;
}

static bool takes_pitch(const step *s, int i) { return s->tactic && s->tactic->pitched && s->tactic->pitched(s, i); }

static bool readers_take_pitch(const finder *f, int slot) {
    for (int r = f->read[slot]; r; r = f->readers[r - 1].next)
        if (!takes_pitch(step_at(f, f->readers[r - 1].step), f->readers[r - 1].input)) return false;
    return true;
}

static bool maker_takes_pitch(const finder *f, int slot) {
    return f->maker_out[slot] == 0 && takes_pitch(step_at(f, f->maker[slot] - 1), -1);
}

/* The home of `part` at element `at` of `whole`, as far as shapes go. */
static bool place(const finder *f, int part, int whole, int64_t at, home *out) {
    const type *t = type_of(f, part), *w = type_of(f, whole);
    if (t->dtype != w->dtype || naru_dtype_bits(t->dtype) % 8 || t->rank != w->rank || t->rank == 0 || at < 0)
        return false;
    int axis = 0, last = t->rank - 1;
    while (axis < last && t->dims[axis] == w->dims[axis]) axis++;
    for (int i = axis + 1; i <= last; i++)
        if (t->dims[i] != w->dims[i]) return false;
    if (span(t, 0, t->rank) == 0 || at + span(t, axis, t->rank) > span(w, axis, w->rank)) return false;
    bool single = span(t, 0, axis) == 1;
    if (!single && axis < last) return false;
    const home *h = &f->homes[whole];
    int64_t row = w->dims[last];
    *out = (home){whole, at, row == t->dims[last] ? 0 : row};
    if (h->base >= 0) {
        out->base = h->base;
        out->at = h->at + (h->pitch ? at / row * h->pitch + at % row : at);
        if (h->pitch) out->pitch = h->pitch;
    }
    if (span(t, 0, last) == 1) out->pitch = 0; /* a single row */
    return true;
}

static bool is_free(const finder *f, int slot) {
    return f->homes[slot].base < 0 && f->dies[slot] && !is_output(f, slot);
}

static const fact *const *facts_of(finder *f, const step *s) {
    for (int i = 0; i < s->nin; i++) f->in[i] = s->in[i] < 0 ? NULL : &f->facts[s->in[i]];
    for (int o = 0; o < s->nout; o++) f->out[o] = s->out[o] < 0 ? (fact){0} : f->facts[s->out[o]];
    return f->in;
}

/* ---- joins ---- */
static bool entered_before(const step *s, int i) {
    for (int k = 0; k < i; k++)
        if (s->in[k] == s->in[i]) return true;
    return false;
}

/* All parts lie in one value already, side by side: so does the result. */
static bool join_is_part(finder *f, const step *s) {
    const fact *const *in = facts_of(f, s);
    int y = s->out[0], x = s->nin ? s->in[0] : -1;
    const type *t = type_of(f, y);
    if (x < 0 || f->homes[x].base < 0 || !is_free(f, y) || t->rank < 2) return false;
    home h = f->homes[x];
    int64_t before = 0;
    for (int i = 0; i < s->nin; i++) {
        const home *p = s->in[i] < 0 ? NULL : &f->homes[s->in[i]];
        if (!p || p->base != h.base || p->pitch != h.pitch || !h.pitch || p->at != h.at + before) return false;
        if (s->tactic->part(s, in, f->out, i) != before) return false;
        before += in[i]->type.dims[t->rank - 1];
    }
    if (before != t->dims[t->rank - 1] || !readers_take_pitch(f, y) || !takes_pitch(s, -1)) return false;
    f->homes[y] = h;
    return true;
}

static void join(finder *f, int at) {
    const step *s = step_at(f, at);
    if (s->out[0] < 0 || (f->homes[s->out[0]].base < 0 && is_output(f, s->out[0])) || join_is_part(f, s)) return;
    const fact *const *in = facts_of(f, s);
    for (int i = 0; i < s->nin; i++) {
        int x = s->in[i];
        home h;
        if (x < 0 || !is_free(f, x) || !owns_memory(f, x) || entered_before(s, i)) continue;
        if (!place(f, x, s->out[0], s->tactic->part(s, in, f->out, i), &h)) continue;
        if (h.pitch && !(maker_takes_pitch(f, x) && readers_take_pitch(f, x))) continue;
        f->homes[x] = h;
    }
}

/* The largest join not looked at yet; `done` marks them. */
static int next_join(const finder *f, bool *done) {
    int best = -1;
    int64_t most = -1;
    for (int at = f->first; at < f->last; at++) {
        const step *s = step_at(f, at);
        if (done[at - f->first] || !s->tactic || !(s->tactic->flags & TACTIC_JOINS) || s->out[0] < 0) continue;
        int64_t n = span(type_of(f, s->out[0]), 0, type_of(f, s->out[0])->rank);
        if (n > most) most = n, best = at;
    }
    if (best >= 0) done[best - f->first] = true;
    return best;
}

/* ---- cuts ---- */
static void cut(finder *f, int at) {
    const step *s = step_at(f, at);
    int x = s->nin ? s->in[0] : -1;
    if (x < 0 || !owns_memory(f, x) || is_output(f, x)) return;
    const fact *const *in = facts_of(f, s);
    for (int o = 0; o < s->nout; o++) {
        int y = s->out[o];
        home h;
        if (y < 0 || !is_free(f, y) || !place(f, y, x, s->tactic->part(s, in, f->out, o), &h)) continue;
        if (h.pitch && !readers_take_pitch(f, y)) continue;
        f->homes[y] = h;
    }
}

naru_status homes_find(const engine *e, const program *p, int variant, const fact *facts, int first, int last, arena *a,
                       home **out, naru_error *err) {
    finder f = {.e = e, .p = p, .facts = facts, .variant = variant, .first = first, .last = last};
    bool *done = arena_calloc(a, (size_t)(last - first) + 1, sizeof *done);
    f.homes = arena_alloc(a, ((size_t)e->nslots + 1) * sizeof *f.homes);
    if (!f.homes || !done) return err_oom(err);
    for (int i = 0; i < e->nslots; i++) f.homes[i] = (home){.base = -1};
    *out = f.homes;
    bool any = false;
    for (int at = first; at < last && !any; at++) {
        const step *s = step_at(&f, at);
        any = s->tactic && (s->tactic->flags & (TACTIC_JOINS | TACTIC_PARTS));
    }
    if (!any) return NARU_OK;
    if (!note_all(&f, a)) return err_oom(err);
    for (int at; (at = next_join(&f, done)) >= 0;) join(&f, at);
    for (int at = first; at < last; at++) {
        const step *s = step_at(&f, at);
        if (s->tactic && (s->tactic->flags & TACTIC_PARTS)) cut(&f, at);
    }
    return NARU_OK;
}
