/* SPDX-License-Identifier: MIT
 *
 * Regions (region.h): sets of them, and the way of a call: found, made, stale, left. Keys are in region_args.c,
 * recording in region_build.c, what comes back in region_result.c, running in region_run.c.
 */
#include "script/region_in.h"

#include <string.h>

#include "script/eager.h"

enum { MAX_TRIES = 12 };

/* ---- sets ---- */
region_set *region_set_new(cpu_level cpu, int threads) {
    region_set *s = mem_calloc(1, sizeof *s);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->cpu = cpu;
    s->threads = threads;
    return s;
}

void region_unref(region *r) {
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1) return;
    for (size_t i = 0; i < r->constants.count; i++) sobj_release(&r->constants.data[i].t->head);
    for (size_t i = 0; i < r->kept.count; i++) sv_drop(r->kept.data[i]);
    ARRAY_FREE(&r->constants);
    ARRAY_FREE(&r->kept);
    engine_free(r->engine);
    arena_free(r->arena);
    mem_free(r->key);
    mem_free(r);
}

static void drop_regions(region_fn *f) {
    for (region *r = f->regions, *next; r; r = next) {
        next = r->next;
        region_unref(r);
    }
    f->regions = NULL;
}

void region_set_clear(region_set *s) {
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < COUNT_OF(s->fns); i++)
        for (region_fn *f = s->fns[i]; f; f = f->next) {
            drop_regions(f);
            f->tries = 0;
            f->off = false;
        }
    pthread_mutex_unlock(&s->lock);
}

void region_set_free(region_set *s) {
    if (!s) return;
    for (size_t i = 0; i < COUNT_OF(s->fns); i++)
        for (region_fn *f = s->fns[i], *next; f; f = next) {
            next = f->next;
            drop_regions(f);
            mem_free(f);
        }
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

region_user *region_user_new(region_set *s) {
    region_user *u = mem_calloc(1, sizeof *u);
    if (u) u->set = s;
    return u;
}

void region_user_free(region_user *u) {
    if (!u) return;
    for (kept_context *k = u->contexts, *next; k; k = next) {
        next = k->next;
        context_free(k->c);
        region_unref(k->r);
        mem_free(k);
    }
    mem_free(u);
}

static region_fn *fn_of(region_set *s, const sfunction *fn) { /* under the lock */
    size_t b = (uintptr_t)fn / 64 % COUNT_OF(s->fns);
    for (region_fn *f = s->fns[b]; f; f = f->next)
        if (f->fn == fn) return f;
    region_fn *f = mem_calloc(1, sizeof *f);
    if (!f) return NULL;
    *f = (region_fn){.next = s->fns[b], .fn = fn};
    return s->fns[b] = f;
}

/* ---- calls ---- */
static bool overlap(const region_args *k) { /* two arguments of one memory */
    for (int i = 0; i < k->nleaves; i++)
        for (int j = 0; j < i; j++)
            if (k->leaf[i].tag == SV_TENSOR && k->leaf[j].tag == SV_TENSOR && sv_tensor(k->leaf[i])->t.storage &&
                sv_tensor(k->leaf[i])->t.storage == sv_tensor(k->leaf[j])->t.storage)
                return true;
    return false;
}

static bool stale(const region *r, const unit *u) {
    if (r->generation != atomic_load(&((unit *)u)->generation)) return true;
    for (size_t i = 0; i < r->constants.count; i++)
        if (storage_version(r->constants.data[i].t->t.storage) != r->constants.data[i].version) return true;
    return false;
}

/* A region for these arguments, referenced; NULL: none, and no more are to be tried when *off. */
static region *find(region_fn *f, region_args *k, int n, const sv *args) {
    for (int mode = f->mode; mode < MODES; mode++) {
        region_scan(k, mode, n, args);
        if (k->bad) return NULL;
        if (mode == MODE_OPEN && k->nnumbers == 0) continue;
        for (region **at = &f->regions; *at; at = &(*at)->next) {
            region *r = *at;
            if (r->key_size != k->n || memcmp(r->key, k->key, k->n) != 0) continue;
            if (stale(r, f->fn->unit)) {
                *at = r->next;
                region_unref(r);
                break;
            }
            atomic_fetch_add(&r->refs, 1);
            return r;
        }
    }
    return NULL;
}

static region *make(vm *m, region_user *u, sfunction *f, region_fn *rf, region_args *k, int n, const sv *args) {
    naru_error err = NARU_ERROR_INIT;
    region *r = NULL;
    u->building++;
    for (int mode = rf->mode; mode < MODES && !r; mode++) {
        region_scan(k, mode, n, args);
        if (mode == MODE_OPEN && k->nnumbers == 0) continue;
        naru_status st = region_build(m, u->set, f, n, args, k, &r, &err);
        if (st == NARU_SCRIPT || st == NARU_OUT_OF_MEMORY || st == NARU_CANCELLED)
            break; /* not for want of knowledge */
        if (st == NARU_OK) rf->mode = mode;
    }
    u->building--;
    rf->tries++;
    if (!r && rf->tries >= 3 && !rf->regions) rf->off = true;
    if (rf->tries >= MAX_TRIES) rf->off = rf->off || !r;
    if (!r) return NULL;
    r->next = rf->regions;
    rf->regions = r;
    atomic_fetch_add(&r->refs, 1);
    return r;
}

static bool call(vm *m, sfunction *f, int n, const sv *args, bool may_make, sv *out, naru_status *st, naru_error *err) {
    region_user *u = eager_regions(m->eager);
    if (!u || u->building || n > 200) return false;
    if (unit_compile(m->unit, f, NULL) != NARU_OK) return false; /* the call will say why */
    region_args *k = mem_alloc(sizeof *k);
    if (!k) return false;
    pthread_mutex_lock(&u->set->lock);
    region_fn *rf = fn_of(u->set, f);
    region *r = rf ? find(rf, k, n, args) : NULL;
    if (!r && may_make && rf && !rf->off && !k->bad && rf->tries < MAX_TRIES) r = make(m, u, f, rf, k, n, args);
    pthread_mutex_unlock(&u->set->lock);
    bool done = false;
    if (r && !(r->nwritten && overlap(k))) {
        naru_error local = NARU_ERROR_INIT;
        *st = region_run(m, u, eager_pool(m->eager), r, k, out, &local);
        done = *st == NARU_OK || *st == NARU_OUT_OF_MEMORY; /* else interpreted: for PyTorch's own exception */
        if (done && *st != NARU_OK && err) *err = local;
    }
    region_unref(r);
    mem_free(k);
    return done;
}

bool region_call(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err) {
    return call(m, f, n, args, true, out, st, err);
}

bool region_call_known(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err) {
    return call(m, f, n, args, false, out, st, err);
}
