/* SPDX-License-Identifier: MIT
 *
 * Fork-join pool. A loop is published as a ticket number; a worker that sees a new ticket counts itself in, checks that
 * the loop is still open, takes pieces until none is left and counts itself out. Each thread begins with a share of its
 * own, the same part of every loop, so that it finds in its cache what it wrote in the loop before; then it takes what
 * is left of the others'. The caller works too, closes the loop and waits (spinning) only for workers that are inside:
 * one that is late, parked or without a CPU costs nothing. Workers park on a condition variable after spin_us without a
 * ticket.
 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct loop {
    pool_fn fn;
    void *arg;
    int64_t n, piece;
} loop;

/* The pieces of one thread that nobody has taken yet. */
typedef struct share {
    _Alignas(64) atomic_int_fast64_t next; /* index */
    int64_t end;
} share;

struct pool {
    int threads; /* the caller included */
    int spin_us;
    pthread_t *workers;
    int started;
    pthread_mutex_t owner; /* held by the thread whose loop is running */
    pthread_mutex_t park;
    pthread_cond_t wake;
    int parked; /* under park */
    bool quit;  /* under park */
    loop job;
    share *shares;                   /* by thread */
    _Alignas(64) atomic_uint ticket; /* a new value: a loop is there */
    _Alignas(64) atomic_bool open;   /* the current loop may be joined */
    atomic_int inside;               /* workers that may be touching the job */
    atomic_int next_id;
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Quota of cgroup v2 in whole CPUs, rounded up; 0 when there is none. */
static int cgroup_cpus(void) {
    char text[64];
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return 0;
    long long quota = 0, period = 0;
    bool have = fgets(text, sizeof text, f) && sscanf(text, "%lld %lld", &quota, &period) == 2;
    fclose(f);
    return have && quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

int pool_cpus(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = cgroup_cpus();
    if (quota > 0 && quota < n) n = quota;
    return n < 1 ? 1 : n;
}

static void work(pool *p, int id) {
    loop job = p->job;
    for (int i = 0; i < p->threads; i++) {
        share *s = &p->shares[(id + i) % p->threads];
        for (;;) {
            if (atomic_load_explicit(&s->next, memory_order_relaxed) >= s->end) break;
            int64_t begin = atomic_fetch_add_explicit(&s->next, job.piece, memory_order_relaxed);
            if (begin >= s->end) break;
            job.fn(job.arg, begin, i64_min(begin + job.piece, s->end), id);
        }
    }
}

/* Waits for a ticket other than `seen`; false: the pool is closing. */
static bool await_ticket(pool *p, unsigned seen) {
    int64_t since = now_us();
    for (int spins = 0;; spins++) {
        if (atomic_load_explicit(&p->ticket, memory_order_acquire) != seen) return true;
        relax();
        if (spins % 256 == 255 && now_us() - since > p->spin_us) break;
    }
    pthread_mutex_lock(&p->park);
    p->parked++;
    while (atomic_load(&p->ticket) == seen && !p->quit) pthread_cond_wait(&p->wake, &p->park);
    p->parked--;
    bool quit = p->quit;
    pthread_mutex_unlock(&p->park);
    return !quit;
}

static void *worker_main(void *arg) {
    pool *p = arg;
    int id = atomic_fetch_add(&p->next_id, 1);
    for (unsigned seen = 0; await_ticket(p, seen);) {
        seen = atomic_load_explicit(&p->ticket, memory_order_acquire);
        atomic_fetch_add(&p->inside, 1); /* sequentially consistent with the caller's close-then-look */
        if (atomic_load(&p->open)) work(p, id);
        atomic_fetch_sub_explicit(&p->inside, 1, memory_order_release);
    }
    return NULL;
}

static int64_t first_of(const pool *p, int64_t pieces, int thread) {
    return (pieces * thread + p->threads - 1) / p->threads * p->job.piece;
}

/* Shares of the pieces, as even as can be; the caller, who is never late, has no fewer than the others. */
static void deal(pool *p) {
    int64_t pieces = (p->job.n + p->job.piece - 1) / p->job.piece;
    for (int i = 0; i < p->threads; i++) {
        atomic_store_explicit(&p->shares[i].next, first_of(p, pieces, i), memory_order_relaxed);
        p->shares[i].end = i64_min(first_of(p, pieces, i + 1), p->job.n);
    }
}

static void publish(pool *p) {
    atomic_store(&p->open, true);
    atomic_fetch_add(&p->ticket, 1); /* sequentially consistent: pairs with the check under `park` */
    pthread_mutex_lock(&p->park);
    if (p->parked) pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->park);
}

void parallel_for(pool *p, int64_t n, int64_t grain, pool_fn fn, void *arg) {
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (!p || p->started == 0 || n <= grain || pthread_mutex_trylock(&p->owner) != 0) {
        fn(arg, 0, n, 0);
        return;
    }
    int64_t pieces = i64_min((n + grain - 1) / grain, (int64_t)p->threads * 4); /* a few pieces each: evens out noise */
    p->job = (loop){fn, arg, n, (n + pieces - 1) / pieces};
    deal(p);
    publish(p);
    work(p, 0);
    atomic_store(&p->open, false);
    for (int spins = 0; atomic_load(&p->inside) != 0; spins++) {
        relax();
        if (spins % 4096 == 4095) sched_yield(); /* a worker may have lost its CPU */
    }
    pthread_mutex_unlock(&p->owner);
}

int pool_threads(const pool *p) { return p ? p->started + 1 : 1; }

naru_status pool_create(int threads, int spin_us, pool **out, naru_error *err) {
    *out = NULL;
    pool *p = mem_calloc(1, sizeof *p);
    if (!p) return err_oom(err);
    p->threads = threads > 0 ? threads : pool_cpus();
    p->spin_us = spin_us;
    atomic_store(&p->next_id, 1);
    pthread_mutex_init(&p->owner, NULL);
    pthread_mutex_init(&p->park, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->workers = mem_calloc((size_t)p->threads, sizeof *p->workers);
    p->shares = mem_calloc((size_t)p->threads, sizeof *p->shares);
    if (!p->workers || !p->shares) {
        pool_destroy(p);
        return err_oom(err);
    }
    for (int i = 0; i < p->threads - 1; i++) {
        if (pthread_create(&p->workers[i], NULL, worker_main, p) != 0) break; /* fewer threads serve as well */
        p->started++;
    }
    p->threads = p->started + 1;
    *out = p;
    return NARU_OK;
}

void pool_destroy(pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->park);
    p->quit = true;
    atomic_fetch_add(&p->ticket, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->park);
    for (int i = 0; i < p->started; i++) pthread_join(p->workers[i], NULL);
    pthread_mutex_destroy(&p->owner);
    pthread_mutex_destroy(&p->park);
    pthread_cond_destroy(&p->wake);
    mem_free(p->workers);
    mem_free(p->shares);
    mem_free(p);
}
