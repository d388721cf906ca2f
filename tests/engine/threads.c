/* SPDX-License-Identifier: MIT
 *
 * One session, many threads: concurrent runs at different shapes give what they give alone; and the pool's loops cover
 * their range once, nested and contended ones included.
 */
#include "engine_calls.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"

enum { RUNS = 6 };

typedef struct job {
    naru_session *s;
    recorded *r;
    bool ok;
} job;

static void *run_many(void *arg) {
    job *j = arg;
    j->ok = true;
    for (int i = 0; i < RUNS && j->ok; i++) {
        naru_value *out[MAX_PORTS] = {0};
        naru_error err = NARU_ERROR_INIT;
        j->ok = naru_session_run(j->s, j->r->nin, j->r->in_names, j->r->in, j->r->nout, j->r->out_names, out, &err) ==
                NARU_OK;
        for (size_t k = 0; k < j->r->nout; k++) {
            naru_comparison c = {.size = sizeof c};
            if (j->ok)
                j->ok = naru_tensor_compare(naru_value_tensor(out[k]), naru_value_tensor(j->r->want[k]), 1e-3, 2e-5, &c,
                                            &err) == NARU_OK &&
                        c.equal;
            naru_value_destroy(&out[k]);
        }
    }
    return NULL;
}

static void concurrent_runs(const char *name, const char *file) {
    naru_session *s = open_session(file, "2");
    recorded r[2];
    job jobs[4];
    pthread_t t[4];
    for (int k = 0; k < 2; k++) read_call(s, name, k, &r[k]);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (job){s, &r[i % 2], false};
        assert_int_equal(pthread_create(&t[i], NULL, run_many, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 4; i++) assert_true(jobs[i].ok);
    for (int k = 0; k < 2; k++) drop_call(&r[k]);
    naru_session_destroy(&s);
}

static void sessions_serve_threads(void **state) {
    concurrent_runs("encoder", "encoder_op17.onnx");
    concurrent_runs("mobile", "mobile_op17.onnx");
    concurrent_runs("router", "router_op17.onnx");
}

typedef struct cover {
    atomic_int seen[1000];
    pool *pool;
    atomic_int inner;
} cover;

static void one(void *arg, int64_t begin, int64_t end, int worker) {
    atomic_fetch_add((atomic_int *)arg, (int)(end - begin));
}

static void touch(void *arg, int64_t begin, int64_t end, int worker) {
    cover *c = arg;
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&c->seen[i], 1);
    parallel_for(c->pool, 10, 1, one, &c->inner); /* nested: runs inline */
}

static void loops_cover_once(void **state) {
    static cover c;
    naru_error err = NARU_ERROR_INIT;
    for (int threads = 1; threads <= 4; threads++) {
        assert_int_equal(pool_create(threads, 50, &c.pool, &err), NARU_OK);
        for (int round = 0; round < 50; round++) {
            memset(c.seen, 0, sizeof c.seen);
            parallel_for(c.pool, 1000, 7, touch, &c);
            for (int i = 0; i < 1000; i++) assert_int_equal(c.seen[i], 1);
        }
        pool_destroy(c.pool);
    }
    assert_true(c.inner % 10 == 0 && c.inner > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(loops_cover_once), cmocka_unit_test(sessions_serve_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
