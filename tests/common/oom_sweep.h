/* SPDX-License-Identifier: MIT
 *
 * An action with its n-th allocation failing, for every n: OUT_OF_MEMORY or a success without it, and nothing left.
 * Include after a header that has cmocka and naru/naru.h.
 */
#ifndef OOM_SWEEP_H
#define OOM_SWEEP_H

#include "failing.h"

typedef naru_status (*sweep_action)(const void *user, naru_error *err);
typedef struct sweep_rules {
    long dense;    /* every n up to it, then ever larger strides: late failures resemble each other; 0: every n */
    long at_least; /* failures, else the action does not do what it should */
    bool stays;    /* memory stays out, else one allocation fails */
} sweep_rules;

/* One failure. False: the action did not get that far. */
static bool sweep_one(const char *what, sweep_action act, const void *user, long n, bool stays, long *failed) {
    naru_error err = NARU_ERROR_INIT;
    long before = live;
    failing_at(n, stays);
    naru_status st = act(user, &err);
    bool reached = failing_stop() < 0;
    if (live != before)
        fail_msg("%s: allocation %ld failing leaks %ld blocks (%s)", what, n, live - before, err.message);
    if (st != NARU_OK && (!reached || st != NARU_OUT_OF_MEMORY))
        fail_msg("%s: allocation %ld failing gives %s: %s", what, n, naru_status_text(st), err.message);
    *failed += st != NARU_OK;
    return reached;
}

static void sweep_with(const char *what, sweep_action act, const void *user, sweep_rules r) {
    long tried = 0, failed = 0, dense = r.dense ? r.dense : INT32_MAX;
    failing_stop();
    if (failing_start() != NARU_OK) fail_msg("%s: no allocator", what);
    for (long n = 0; sweep_one(what, act, user, n, r.stays, &failed); n += n < dense ? 1 : 1 + n * 4 / dense) tried++;
    print_message("%s: %ld failures survived, %ld told\n", what, tried, failed);
    assert_true(tried > r.at_least && failed > tried / 8); /* a call may do without some */
}

/* An action of no argument. */
typedef naru_status (*plain_action)(naru_error *err);
static inline naru_status plain_act(const void *user, naru_error *err) { return (*(const plain_action *)user)(err); }
static inline void sweep_plain(const char *what, plain_action act, long dense) {
    sweep_with(what, plain_act, &act, (sweep_rules){dense, 5, false});
}

#endif
