/* SPDX-License-Identifier: MIT
 *
 * Whole networks in alternating runs (duel.h).
 */
#include "builder/duel.h"

#include <stdlib.h>

#include "base/hash.h"
#include "builder/runs.h"
#include "builder/version.h"
#include "engine/profile.h"

static const double faster = 0.99; /* of experience's time: what is worth leaving it for */
enum { MOST_ROUNDS = 128, LEAST_NS = 20000000, MOST_NS = 1000000000, VERDICT = 4 };

enum { EXPERIENCE, CHOSEN, SIDES };
static const char *const side_names[SIDES] = {"experience", "measured"};

static bool chosen_at(const tuned *t, const built *b, int p) {
    return b->profiles.n > 1 ? tuned_choice_at(t, p) != tuned_high(t) : tuned_choice(t) != tuned_high(t);
}

static bool differs(const tuned *t, const built *b) {
    for (int p = 0; tuned_high(t) >= 0 && p < b->profiles.n; p++)
        if (chosen_at(t, b, p)) return true;
    return false;
}

bool duel_wanted(const built *b, const tuned *steps, const build_options *o) {
    if (o->level < 3 || o->nrules || o->workspace || (o->flags & (BUILD_FP16 | BUILD_BF16))) return false;
    for (int i = 0; i < b->nlayers; i++)
        if (differs(&steps[i], b)) return true;
    return false;
}

static void give_up(const built *b, tuned *steps) {
    for (int i = 0; i < b->nlayers; i++) {
        tuned *t = &steps[i];
        if (!differs(t, b)) continue;
        const candidate *high = &t->c[tuned_high(t)];
        for (int j = 0; j < t->n; j++) {
            candidate *c = &t->c[j];
            if (c->why_not || c == high || c->ms < 0) continue;
            bool less = c->ms < high->ms;
            for (int p = 0; p < b->profiles.n; p++) less |= c->at[p] < high->at[p];
            if (less) c->why_not = "faster alone, but the whole network was not";
        }
    }
}

/* ---- the timing cache ---- */
/* Of the model, the profiles, both sets of tactics and all else that their times depend on. */
static naru_status key_of(const built *b, const engine *experience, const build_options *o, uint64_t key[2],
                          str *what) {
    str all = {0};
    str_addf(what, "network of %d layers, %d profiles %s threads=%d", b->nlayers, b->profiles.n, cpu_level_name(o->cpu),
             pool_threads(o->pool));
    str_addf(&all, "%s|%s|%s|%016llx", str_text(what), cpu_model_name(), NARU_KERNEL_VERSION,
             (unsigned long long)b->model->hash);
    for (int i = 0; i < b->profiles.n * b->profiles.ninputs; i++) {
        const profile_range *r = &b->profiles.ranges[i];
        str_add(&all, "|");
        for (int d = 0; d < r->rank; d++) str_addf(&all, "%lld,", (long long)r->dims[BOUND_OPT][d]);
        for (int v = 0; v < r->nvalues; v++) str_addf(&all, "=%lld,", (long long)r->values[BOUND_OPT][v]);
    }
    for (int i = 0; i < b->nlayers; i++) {
        const step *s = engine_step(b->engine, i), *high = engine_step(experience, i);
        str_addf(&all, "|%s", high->tactic ? high->tactic->name : "");
        for (int v = 0; v < b->engine->variants; v++) {
            const tactic *t = step_variant(s, v)->tactic;
            str_addf(&all, ":%s", t ? t->name : "");
        }
    }
    bool failed = all.failed || what->failed;
    for (int i = 0; i < 2 && !failed; i++) key[i] = hash_bytes(all.data, all.len, (uint64_t)i);
    str_free(&all);
    return failed ? NARU_OUT_OF_MEMORY : NARU_OK;
}

/* ---- runs ---- */
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static int least_rounds(const build_options *o) { return o->level >= 5 ? 32 : o->level == 4 ? 16 : 8; }

/* Rounds of one run of each, in changing order; adds the medians to ms. *enough false: no verdict. */
static naru_status time_profile(const built *b, const build_options *o, context *c[SIDES], int p, int64_t deadline,
                                double ms[SIDES], bool *enough, naru_error *err) {
    double times[SIDES][MOST_ROUNDS];
    int64_t begin = profile_now(), spent = 0;
    int n = 0;
    c[CHOSEN]->variant = built_variant(b, p);
    for (int round = -1; round < MOST_ROUNDS; round++) { /* the first is not counted: memory is planned in it */
        if (deadline && profile_now() > deadline) break;
        if (n >= VERDICT && spent > MOST_NS) break;
        if (n >= least_rounds(o) && spent > LEAST_NS) break;
        for (int k = 0; k < SIDES; k++) {
            int side = (round & 1) ? SIDES - 1 - k : k;
            double one;
            TRY(runs_time(b, o, c[side], p, &one, err));
            if (round >= 0) times[side][round] = one;
        }
        n = round + 1;
        spent = profile_now() - begin;
    }
    *enough = n >= VERDICT;
    for (int side = 0; side < SIDES && *enough; side++) ms[side] += median(times[side], n);
    return NARU_OK;
}

static naru_status time_both(const built *b, const engine *experience, const build_options *o, int64_t deadline,
                             double ms[SIDES], bool *enough, naru_error *err) {
    context *c[SIDES] = {0};
    naru_error mine = NARU_ERROR_INIT;
    naru_status st = context_new(experience, o->pool, &c[EXPERIENCE], &mine);
    if (st == NARU_OK) st = context_new(b->engine, o->pool, &c[CHOSEN], &mine);
    *enough = true;
    for (int p = 0; st == NARU_OK && *enough && p < b->profiles.n; p++)
        st = time_profile(b, o, c, p, deadline, ms, enough, &mine);
    for (int side = 0; side < SIDES; side++)
        if (c[side]) context_free(c[side]);
    if (st == NARU_OUT_OF_MEMORY) return err_oom(err);
    *enough &= st == NARU_OK;
    return NARU_OK;
}

static naru_status times(const built *b, const engine *experience, const build_options *o, int64_t deadline,
                         const uint64_t key[2], const char *what, double ms[SIDES], bool *enough, naru_error *err) {
    bool cached = o->cache && !(o->flags & BUILD_NO_CACHE);
    *enough = true;
    for (int side = 0; side < SIDES; side++) {
        ms[side] = cached ? timing_find(o->cache, key, side_names[side]) : -1;
        *enough &= ms[side] >= 0;
    }
    if (*enough || (o->flags & BUILD_CACHE_ONLY)) return NARU_OK;
    ms[EXPERIENCE] = ms[CHOSEN] = 0;
    TRY(time_both(b, experience, o, deadline, ms, enough, err));
    for (int side = 0; side < SIDES && *enough && cached; side++)
        TRY(timing_add(o->cache, key, side_names[side], what, &ms[side], err));
    return NARU_OK;
}

naru_status duel(const built *b, const engine *experience, tuned *steps, const build_options *o, int64_t deadline,
                 bool *lost, naru_error *err) {
    uint64_t key[2];
    str what = {0};
    double ms[SIDES];
    bool enough = false;
    *lost = false;
    naru_status st = key_of(b, experience, o, key, &what);
    if (st == NARU_OK) st = times(b, experience, o, deadline, key, str_text(&what), ms, &enough, err);
    else err_oom(err);
    str_free(&what);
    *lost = st == NARU_OK && enough && ms[CHOSEN] >= ms[EXPERIENCE] * faster;
    if (*lost) give_up(b, steps);
    return st;
}
