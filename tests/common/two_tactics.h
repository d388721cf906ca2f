/* SPDX-License-Identifier: MIT
 *
 * SmallCNN for two sizes of pictures, and a timing cache written by hand by which a layer takes one tactic for the one
 * size and another for the other.
 */
#ifndef TESTS_TWO_TACTICS_H
#define TESTS_TWO_TACTICS_H

#include <unistd.h>

#include "build_calls.h"

enum { SMALL = 28, LARGE = 64 };

static bool slightly; /* by 10 percent only */

/* Winograd is fast where pictures are small, the product where they are large. */
static inline double time_of(const char *tactic, const char *what) {
    int n, h;
    const char *dims = strstr(what, "float[");
    if (!dims || sscanf(dims, "float[%d,%d", &n, &h) != 2) return 1;
    bool small = h <= SMALL;
    return strcmp(tactic, "conv.winograd") == 0  ? (slightly ? (small ? 46 : 49)
                                                    : small  ? 1
                                                             : 100)
           : strcmp(tactic, "conv.product") == 0 ? (slightly && !small ? 45 : 50)
                                                 : 500;
}

static inline int rewrite(const char *path) {
    char line[4000], tactic[100], key[100], other[] = "/tmp/naru_variants_XXXXXX";
    FILE *from = fopen(path, "r"), *to = fdopen(mkstemp(other), "w");
    int lines = 0;
    assert_true(from && to);
    for (; fgets(line, sizeof line, from); lines++) {
        int at = 0;
        if (lines && sscanf(line, "%99s %99s %*f %n", key, tactic, &at) == 2 && at)
            fprintf(to, "%s %s %g %s", key, tactic, time_of(tactic, line + at), line + at);
        else fputs(line, to);
    }
    fclose(from);
    fclose(to);
    assert_int_equal(rename(other, path), 0);
    return lines - 1;
}

static inline naru_engine *build_with(naru_timing_cache *cache, bool measure, int lo, int hi) {
    static const int64_t sizes[2] = {SMALL, LARGE};
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_engine *e;
    for (int i = lo; i <= hi; i++) add_size_profile(c, sizes[i], sizes[i], sizes[i]);
    OK(naru_builder_config_set_timing_runs(c, 1, &err));
    OK(naru_builder_config_set_timing_cache(c, cache, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_TIMING_CACHE_ONLY, !measure, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return e;
}

static inline naru_timing_cache *decided(void) {
    char path[] = "/tmp/naru_variants_XXXXXX";
    naru_timing_cache *k;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    OK(naru_timing_cache_create(&k, &err));
    naru_engine *e = build_with(k, true, 0, 1);
    OK(naru_timing_cache_save(k, path, &err));
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
    assert_true(rewrite(path) > 2);
    OK(naru_timing_cache_create(&k, &err));
    OK(naru_timing_cache_load(k, path, &err));
    unlink(path);
    return k;
}

#endif
