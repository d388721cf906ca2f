/* SPDX-License-Identifier: MIT
 *
 * An action of the builder's objects with its n-th allocation failing, for every n. Include after a header that has
 * cmocka and naru/naru.h.
 */
#ifndef OOM_SWEEP_H
#define OOM_SWEEP_H

#include "failing.h"

/* Every n up to `dense`, then ever larger strides. */
static void sweep(const char *what, naru_status (*act)(naru_error *err), long dense) {
    long tried = 0, failed = 0;
    for (long n = 0;; n += n < dense ? 1 : 1 + n / dense * 3) {
        naru_error err = NARU_ERROR_INIT;
        long before = live;
        countdown = n;
        naru_status st = act(&err);
        long left = countdown;
        countdown = -1;
        if (live != before)
            fail_msg("%s: allocation %ld failing leaks %ld blocks (%s)", what, n, live - before, err.message);
        if (left >= 0) {
            if (st != NARU_OK) fail_msg("%s: %s", what, err.message);
            break;
        }
        if (st != NARU_OUT_OF_MEMORY && st != NARU_OK)
            fail_msg("%s: allocation %ld failing gives %s: %s", what, n, naru_status_text(st), err.message);
        failed += st != NARU_OK;
        tried++;
    }
    print_message("%s: %ld failures survived, %ld told\n", what, tried, failed);
    assert_true(tried > 5 && failed > tried / 2);
}

#endif
