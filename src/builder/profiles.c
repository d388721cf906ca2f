/* SPDX-License-Identifier: MIT
 *
 * The rules of profiles, and finding the profile for given shapes.
 */
#include "builder/profiles.h"

#include <math.h>
#include <stdio.h>

static const char *const bound_names[BOUNDS] = {"MIN", "OPT", "MAX"};

void shape_profile_clear(shape_profile *p) {
    for (size_t i = 0; i < p->inputs.count; i++) mem_free(p->inputs.data[i].name);
    ARRAY_FREE(&p->inputs);
}

naru_status shape_profile_copy(shape_profile *to, const shape_profile *from, naru_error *err) {
    *to = (shape_profile){0};
    if (!ARRAY_RESERVE(&to->inputs, from->inputs.count + 1)) return err_oom(err);
    for (size_t i = 0; i < from->inputs.count; i++) {
        profile_input x = from->inputs.data[i];
        if (!(x.name = mem_strdup(x.name))) {
            shape_profile_clear(to);
            return err_oom(err);
        }
        to->inputs.data[to->inputs.count++] = x;
    }
    return NARU_OK;
}

/* ---- stating ---- */
static profile_input *find(const shape_profile *p, const char *name) {
    for (size_t i = 0; i < p->inputs.count; i++)
        if (strcmp(p->inputs.data[i].name, name) == 0) return &p->inputs.data[i];
    return NULL;
}

static naru_status find_or_add(shape_profile *p, const char *name, profile_input **out, naru_error *err) {
    if ((*out = find(p, name))) return NARU_OK;
    profile_input x = {.name = mem_strdup(name)};
    if (!x.name || !ARRAY_PUSH(&p->inputs, x)) {
        mem_free(x.name);
        return err_oom(err);
    }
    *out = &p->inputs.data[p->inputs.count - 1];
    return NARU_OK;
}

static naru_status bad_order(const char *input, const char *what, int i, const int64_t *min, const int64_t *opt,
                             const int64_t *max, naru_error *err) {
    char text[200] = "";
    size_t at = 0;
    const int64_t *v[] = {min, opt, max};
    for (int b = 0; b < BOUNDS; b++)
        if (v[b])
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %lld", at ? ", " : "", bound_names[b],
                                   (long long)v[b][i]);
    return err_set(err, NARU_SHAPE, "input '%s': %s %d has %s; a profile must satisfy MIN <= OPT <= MAX", input, what,
                   i, text);
}

/* Order of whichever bounds are there. */
static naru_status check_order(const char *input, const char *what, int64_t n, const int64_t *min, const int64_t *opt,
                               const int64_t *max, naru_error *err) {
    for (int i = 0; i < n; i++) {
        bool bad =
            (min && opt && min[i] > opt[i]) || (opt && max && opt[i] > max[i]) || (min && max && min[i] > max[i]);
        if (bad) return bad_order(input, what, i, min, opt, max, err);
    }
    return NARU_OK;
}

static naru_status check_dims_order(const profile_input *x, naru_error *err) {
    int rank = -1;
    for (int b = 0; b < BOUNDS; b++) {
        if (!x->has_dims[b]) continue;
        if (rank >= 0 && x->rank[b] != rank)
            return err_set(err, NARU_SHAPE, "input '%s': %s has %d dimensions, another bound has %d", x->name,
                           bound_names[b], x->rank[b], rank);
        rank = x->rank[b];
    }
    return check_order(x->name, "axis", rank, x->has_dims[0] ? x->dims[0] : NULL, x->has_dims[1] ? x->dims[1] : NULL,
                       x->has_dims[2] ? x->dims[2] : NULL, err);
}

naru_status shape_profile_dims(shape_profile *p, const char *input, int which, int rank, const int64_t *dims,
                               naru_error *err) {
    if (which < 0 || which >= BOUNDS || rank < 0 || rank > NARU_MAX_RANK || (rank && !dims))
        return err_set(err, NARU_INVALID_ARGUMENT, "input '%s': a bound has 0 to %d dimensions", input, NARU_MAX_RANK);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return err_set(err, NARU_SHAPE, "input '%s': axis %d has %s %lld; sizes are at least 0", input, i,
                           bound_names[which], (long long)dims[i]);
    int64_t count;
    if (!dims_count(rank, dims, &count))
        return err_set(err, NARU_LIMIT, "input '%s': %s has more elements than can be counted", input,
                       bound_names[which]);
    profile_input *x;
    TRY(find_or_add(p, input, &x, err));
    x->has_dims[which] = true;
    x->rank[which] = rank;
    if (rank) memcpy(x->dims[which], dims, (size_t)rank * sizeof *dims);
    return NARU_OK;
}

naru_status shape_profile_values(shape_profile *p, const char *input, int which, size_t count, const int64_t *values,
                                 naru_error *err) {
    if (which < 0 || which >= BOUNDS || count > PROFILE_VALUES_MAX || (count && !values))
        return err_set(err, NARU_INVALID_ARGUMENT, "input '%s': a bound has at most %d values", input,
                       PROFILE_VALUES_MAX);
    profile_input *x;
    TRY(find_or_add(p, input, &x, err));
    x->has_values[which] = true;
    x->count[which] = count;
    if (count) memcpy(x->values[which], values, count * sizeof *values);
    return NARU_OK;
}

/* ---- settling ---- */
static bool is_fixed(const type *t) {
    if (t->kind != TYPE_TENSOR || !t->has_rank) return false;
    for (int d = 0; d < t->rank; d++)
        if (!dim_is_const(t->dims[d])) return false;
    return true;
}

static naru_status settle_fixed(const value *v, const type *t, const profile_input *x, profile_range *r,
                                naru_error *err) {
    int64_t count;
    if (!dims_count(t->rank, t->dims, &count))
        return err_set(err, NARU_LIMIT, "input '%s' has more elements than can be counted", v->name);
    r->rank = t->rank;
    for (int b = 0; b < BOUNDS; b++) {
        memcpy(r->dims[b], t->dims, (size_t)t->rank * sizeof(int64_t));
        if (!x || !x->has_dims[b]) continue;
        if (x->rank[b] != t->rank)
            return err_set(err, NARU_SHAPE, "input '%s' has %d dimensions, %s has %d", v->name, t->rank, bound_names[b],
                           x->rank[b]);
        for (int d = 0; d < t->rank; d++)
            if (x->dims[b][d] != t->dims[d])
                return err_set(err, NARU_SHAPE, "input '%s': axis %d is fixed at %lld, %s is %lld", v->name, d,
                               (long long)t->dims[d], bound_names[b], (long long)x->dims[b][d]);
    }
    return NARU_OK;
}

static naru_status settle_dynamic(const value *v, const type *t, const profile_input *x, profile_range *r,
                                  naru_error *err) {
    for (int b = 0; b < BOUNDS; b++)
        if (!x || !x->has_dims[b])
            return err_set(err, NARU_SHAPE, "input '%s' has no fixed shape, and the profile has no %s for it", v->name,
                           bound_names[b]);
    TRY(check_dims_order(x, err));
    if (t->has_rank && x->rank[0] != t->rank)
        return err_set(err, NARU_SHAPE, "input '%s' has %d dimensions, the profile has %d", v->name, t->rank,
                       x->rank[0]);
    r->rank = x->rank[0];
    memcpy(r->dims, x->dims, sizeof r->dims);
    for (int b = 0; b < BOUNDS; b++)
        for (int d = 0; t->has_rank && d < t->rank; d++)
            if (dim_is_const(t->dims[d]) && x->dims[b][d] != t->dims[d])
                return err_set(err, NARU_SHAPE, "input '%s': axis %d is fixed at %lld, %s is %lld", v->name, d,
                               (long long)t->dims[d], bound_names[b], (long long)x->dims[b][d]);
    return NARU_OK;
}

static naru_status settle_values(const value *v, const profile_input *x, profile_range *r, naru_error *err) {
    if (!x || (!x->has_values[0] && !x->has_values[1] && !x->has_values[2])) return NARU_OK;
    for (int b = 0; b < BOUNDS; b++) {
        if (!x->has_values[b])
            return err_set(err, NARU_SHAPE, "input '%s': the profile has values, but no %s", v->name, bound_names[b]);
        if (x->count[b] != x->count[0])
            return err_set(err, NARU_SHAPE, "input '%s': %s has %zu values, MIN has %zu", v->name, bound_names[b],
                           x->count[b], x->count[0]);
    }
    if (v->declared.dtype != NARU_INT64 && v->declared.dtype != NARU_INT32)
        return err_set(err, NARU_TYPE, "input '%s' is %s; only the content of int32 and int64 has a range", v->name,
                       naru_dtype_name(v->declared.dtype));
    TRY(check_order(v->name, "value", (int64_t)x->count[0], x->values[0], x->values[1], x->values[2], err));
    r->nvalues = (int)x->count[0];
    memcpy(r->values, x->values, sizeof r->values);
    return NARU_OK;
}

/* Axes that bear one name are one size. MIN and MAX of several inputs need not occur together, OPT must. */
static naru_status check_symbols(const graph *g, const profile_range *r, naru_error *err) {
    const block *b = g->main;
    for (int i = 0; i < b->nin; i++)
        for (int j = 0; j <= i; j++) {
            const type *x = &b->in[i]->declared, *y = &b->in[j]->declared;
            if (!x->has_rank || !y->has_rank || r[i].open || r[j].open) continue;
            for (int d = 0; d < x->rank; d++)
                for (int e = 0; e < y->rank; e++) {
                    const char *name = dim_is_const(x->dims[d]) ? NULL : sym_plain_name(g->syms, x->dims[d]);
                    if (!name || x->dims[d] != y->dims[e] || r[i].dims[BOUND_OPT][d] == r[j].dims[BOUND_OPT][e])
                        continue;
                    return err_set(err, NARU_SHAPE,
                                   "input '%s': axis %d ('%s') has OPT %lld, but '%s' axis %d, which bears the same "
                                   "name, has %lld",
                                   b->in[i]->name, d, name, (long long)r[i].dims[BOUND_OPT][d], b->in[j]->name, e,
                                   (long long)r[j].dims[BOUND_OPT][e]);
                }
        }
    return NARU_OK;
}

static naru_status known_inputs(const graph *g, const shape_profile *p, naru_error *err) {
    const block *b = g->main;
    for (size_t k = 0; p && k < p->inputs.count; k++) {
        const char *names[64] = {0}, *wanted = p->inputs.data[k].name;
        int n = 0;
        bool found = false;
        for (int i = 0; i < b->nin; i++) {
            found |= strcmp(b->in[i]->name, wanted) == 0;
            if (n < 64) names[n++] = b->in[i]->name;
        }
        if (found) continue;
        const char *near = str_nearest(wanted, names, (size_t)n);
        if (!near && n) near = names[0];
        return err_set(err, NARU_NOT_FOUND, "the network has no input '%s'%s%s%s", wanted, near ? "; it has '" : "",
                       near ? near : "", near ? "'" : "");
    }
    return NARU_OK;
}

static naru_status settle_all(const graph *g, const shape_profile *p, profile_range *out, naru_error *err) {
    const block *b = g->main;
    TRY(known_inputs(g, p, err));
    for (int i = 0; i < b->nin; i++) {
        const value *v = b->in[i];
        const profile_input *x = p ? find(p, v->name) : NULL;
        out[i] = (profile_range){0};
        if (is_fixed(&v->declared)) TRY(settle_fixed(v, &v->declared, x, &out[i], err));
        else if (v->declared.kind == TYPE_TENSOR && !(v->is_initializer && !x))
            TRY(settle_dynamic(v, &v->declared, x, &out[i], err));
        else out[i].open = true;
        TRY(settle_values(v, x, &out[i], err));
    }
    return check_symbols(g, out, err);
}

naru_status profile_settle(const graph *g, const shape_profile *p, int index, profile_range *out, naru_error *err) {
    naru_status st = settle_all(g, p, out, err);
    return st == NARU_OK || index < 0 ? st : err_context(err, st, "profile %d", index);
}

/* ---- choosing ---- */
typedef struct miss { /* the first thing of some shapes that a profile does not take */
    int input, axis;  /* input -1: nothing */
    bool rank, value;
    int64_t got, min, max;
    double far; /* how far all of it is from the profile */
} miss;

static double outside(int64_t v, int64_t min, int64_t max) {
    if (v < min) return log(((double)min + 1) / ((double)v > 0 ? (double)v + 1 : 1));
    return v > max ? log(((double)v + 1) / ((double)(max > 0 ? max : 0) + 1)) : 0;
}

static void measure(miss *m, int input, int axis, bool content, int64_t v, int64_t min, int64_t max) {
    if (v >= min && v <= max) return;
    if (m->input < 0)
        *m = (miss){.input = input, .axis = axis, .value = content, .got = v, .min = min, .max = max, .far = m->far};
    m->far += 1e-9 + outside(v, min, max);
}

static miss compare(const profile_set *s, int profile, const run_shape *shapes) {
    miss m = {.input = -1};
    for (int i = 0; i < s->ninputs; i++) {
        const profile_range *r = &s->ranges[(size_t)profile * (size_t)s->ninputs + (size_t)i];
        const run_shape *x = &shapes[i];
        if (r->open || x->rank < 0) continue;
        if (x->rank != r->rank) {
            if (m.input < 0) m = (miss){.input = i, .rank = true, .got = x->rank, .min = r->rank, .far = m.far};
            m.far += 100;
            continue;
        }
        for (int d = 0; d < r->rank; d++)
            measure(&m, i, d, false, x->dims[d], r->dims[BOUND_MIN][d], r->dims[BOUND_MAX][d]);
        for (int k = 0; x->values && k < r->nvalues && k < x->nvalues; k++)
            measure(&m, i, k, true, x->values[k], r->values[BOUND_MIN][k], r->values[BOUND_MAX][k]);
    }
    return m;
}

/* How far shapes that fit are from OPT. */
static double from_opt(const profile_set *s, int profile, const run_shape *shapes) {
    double far = 0;
    for (int i = 0; i < s->ninputs; i++) {
        const profile_range *r = &s->ranges[(size_t)profile * (size_t)s->ninputs + (size_t)i];
        if (r->open || shapes[i].rank < 0) continue;
        for (int d = 0; d < r->rank; d++)
            far += fabs(log(((double)shapes[i].dims[d] + 1) / ((double)r->dims[BOUND_OPT][d] + 1)));
    }
    return far;
}

static void range_text(int64_t min, int64_t max, char *buf, size_t size) {
    if (min == max) snprintf(buf, size, "%lld", (long long)min);
    else snprintf(buf, size, "%lld to %lld", (long long)min, (long long)max);
}

static naru_status refuse(const profile_set *s, const miss *m, int wanted, int nearest, const miss *near,
                          naru_error *err) {
    const char *name = s->graph->main->in[m->input]->name;
    char range[64], hint[160] = "";
    if (m->rank)
        return err_set(err, NARU_SHAPE, "input '%s' must have %lld dimensions, has %lld", name, (long long)m->min,
                       (long long)m->got);
    range_text(m->min, m->max, range, sizeof range);
    if (s->n == 1) snprintf(hint, sizeof hint, "the engine takes %s", range);
    else if (wanted < 0)
        snprintf(hint, sizeof hint, "no profile takes these shapes; the nearest, profile %d, takes %s", nearest, range);
    else {
        size_t n = (size_t)snprintf(hint, sizeof hint, "profile %d takes %s", wanted, range);
        if (nearest != wanted)
            snprintf(hint + n, sizeof hint - n, "; %s profile %d", near->input < 0 ? "it fits" : "the nearest is",
                     nearest);
        else snprintf(hint + n, sizeof hint - n, "; no profile is nearer");
    }
    return err_set(err, NARU_SHAPE, "input '%s': %s %d is %lld; %s", name, m->value ? "value" : "axis", m->axis,
                   (long long)m->got, hint);
}

naru_status profile_choose(const profile_set *s, const run_shape *shapes, int wanted, int *chosen, naru_error *err) {
    int best = -1, nearest = 0;
    double near_opt = 0;
    miss near = {0};
    for (int p = 0; p < s->n; p++) {
        miss m = compare(s, p, shapes);
        if (p == 0 || m.far < near.far) nearest = p, near = m;
        if (m.input >= 0 || (wanted >= 0 && p != wanted)) continue;
        double far = from_opt(s, p, shapes);
        if (best < 0 || far < near_opt) best = p, near_opt = far;
    }
    if (chosen) *chosen = best;
    if (best >= 0) return NARU_OK;
    miss m = wanted >= 0 ? compare(s, wanted, shapes) : near;
    return refuse(s, &m, wanted, nearest, &near, err);
}
