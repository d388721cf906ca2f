/* SPDX-License-Identifier: MIT
 *
 * Calibration: the published entropy search on counted histograms, the worked numbers of TensorRT's caches, the other
 * algorithms on what can be computed by hand, the text cache, and independence of batches.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "builder/calibrate.h"

/* A peak at zero and a noisy tail, the same numbers everywhere. */
static void make_counts(uint64_t *out, int n, uint64_t peak, uint32_t tail, uint32_t seed) {
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = peak / (uint64_t)(1 + i * i / 64) + (seed >> 24) % tail;
    }
}

/* What the published Python (levels by numpy's linspace and digitize) finds for the same counts. */
static void entropy_agrees_with_the_published_search(void **state) {
    static const struct {
        int n;
        uint64_t peak;
        uint32_t tail, seed;
        int bins;
    } cases[] = {
        {2048, 1000000, 3, 1, 960}, {2048, 100000, 50, 7, 1790}, {1024, 30000, 2, 5, 960}, {512, 1000, 20, 9, 512}};
    uint64_t counts[HISTOGRAM_BINS];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        make_counts(counts, cases[i].n, cases[i].peak, cases[i].tail, cases[i].seed);
        assert_int_equal(calib_entropy_bins(counts, cases[i].n), cases[i].bins);
    }
}

static void entropy_of_degenerate_counts(void **state) {
    uint64_t counts[HISTOGRAM_BINS] = {0};
    assert_int_equal(calib_entropy_bins(counts, HISTOGRAM_BINS), HISTOGRAM_BINS); /* nothing */
    assert_int_equal(calib_entropy_bins(counts, 100), 100);
    counts[0] = 5; /* zeros only: the first bin counts as the second */
    assert_int_equal(calib_entropy_bins(counts, HISTOGRAM_BINS), HISTOGRAM_BINS);
}

/* A histogram over [0, amax] with `full` even bins; the last bin holds the maximum alone. */
static histogram even(double amax, int full) {
    static histogram h;
    histogram_init(&h);
    h.lo = 0;
    h.hi = amax;
    histogram_settle(&h);
    for (int i = 0; i < full; i++) h.pos[i] = 1000;
    h.pos[HISTOGRAM_BINS - 1] += full < HISTOGRAM_BINS;
    return h;
}

static void worked_numbers(void **state) {
    static const struct {
        double amax;
        int full;
        const char *line;
    } cases[] = {{1, 2048, "x: 3c010a14\n"}, {1, 2040, "x: 3c008912\n"}, {255, 2048, "x: 4000890a\n"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        histogram h = even(cases[i].amax, cases[i].full);
        calib_table t = {0};
        str s = {0};
        assert_int_equal(calib_put(&t, "x", calib_entropy(&h), NULL), NARU_OK);
        calib_print(&t, &s);
        assert_string_equal(s.data + strlen("TRT-8600-EntropyCalibration2\n"), cases[i].line);
        str_free(&s);
        calib_free(&t);
    }
}

static void by_hand(void **state) {
    static const float x[] = {-2, -1, 0, 0.5f, 1, 4, NAN, INFINITY};
    histogram h;
    histogram_init(&h);
    histogram_extend(&h, x, 8);
    histogram_settle(&h);
    histogram_count(&h, x, 8);
    calib_range r = calib_minmax(&h);
    assert_true(r.lo == -2 && r.hi == 4 && r.amax == 4 && h.infinite == 2);
    r = calib_percentile(&h, 100);
    assert_true(r.lo == -2 && r.hi == 4 && r.amax == 4);
    r = calib_percentile(&h, 60); /* 1.2 of 6 values may go at either end, 2.4 at the end of |x| */
    assert_true(fabs(r.lo + 1) < 0.01 && fabs(r.hi - 1) < 0.01 && fabs(r.amax - 1) < 0.01);
    histogram_init(&h);
    r = calib_entropy(&h);
    assert_true(r.lo == 0 && r.hi == 0 && r.amax == 0);
}

/* 100000 values within 1 and one of 3: clipping the one costs less than a coarser step for all. */
static void squared_error_clips_outliers(void **state) {
    histogram h = even(3, 682);
    calib_range s = calib_mse(&h, false), u = calib_mse(&h, true);
    assert_true(s.amax < 1.1 && s.amax > 0.9);
    assert_true(u.hi < 1.6 && u.hi > 0.9 && u.lo == 0);
}

static void order_of_batches_is_nothing(void **state) {
    enum { N = 6000 };
    static float x[N];
    uint32_t seed = 3;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((double)seed / 4294967296.0 - 0.3) * (i % 100 ? 1 : 5);
    }
    static histogram a, b;
    histogram_init(&a);
    histogram_init(&b);
    histogram_extend(&a, x, N);
    for (int i = N; i > 0; i -= 1000) histogram_extend(&b, x + i - 1000, 1000);
    histogram_settle(&a);
    histogram_settle(&b);
    histogram_count(&a, x, N);
    for (int i = N; i > 0; i -= 500) histogram_count(&b, x + i - 500, 500);
    assert_memory_equal(&a, &b, sizeof a);
}

static void cache_is_read(void **state) {
    static const char text[] =
        "TRT-7000-EntropyCalibration2\ndata: 3c008912\r\n(Unnamed Layer* 8) [Constant]_output: 3C88EDFC\n\n";
    calib_table t = {0};
    assert_int_equal(calib_parse(text, sizeof text - 1, &t, NULL), NARU_OK);
    assert_int_equal(t.entries.count, 2);
    assert_int_equal(t.calibrator, NARU_CALIBRATOR_ENTROPY);
    const calib_range *r = calib_find(&t, "data");
    assert_true(r && fabs(r->amax - 2040.5 / 2048) < 1e-7 && r->lo == -r->amax && r->hi == r->amax);
    assert_non_null(calib_find(&t, "(Unnamed Layer* 8) [Constant]_output"));
    str s = {0};
    calib_print(&t, &s);
    assert_string_equal(
        s.data, "TRT-8600-EntropyCalibration2\ndata: 3c008912\n(Unnamed Layer* 8) [Constant]_output: 3c88edfc\n");
    str_free(&s);
    calib_free(&t);
}

static void bad_caches_are_refused(void **state) {
    static const char *const bad[] = {"",
                                      "x",
                                      "TRT-",
                                      "TRT-8600",
                                      "TRT-8600-",
                                      "TRT-a-EntropyCalibration2",
                                      "TRT-8600-Magic",
                                      "TRT-8600-MinMaxCalibration\nx",
                                      "TRT-8600-MinMaxCalibration\nx: 3c0089",
                                      "TRT-8600-MinMaxCalibration\nx: 3c00891g",
                                      "TRT-8600-MinMaxCalibration\nx: 7f800000",
                                      "TRT-8600-MinMaxCalibration\nx: bc008912",
                                      "TRT-8600-MinMaxCalibration\n: 3c008912",
                                      "TRT-8600-MinMaxCalibration\nx: 3c00891200"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        calib_table t = {0};
        naru_error err = NARU_ERROR_INIT;
        naru_status st = calib_parse(bad[i], strlen(bad[i]), &t, &err);
        if (st != NARU_BAD_FILE && st != NARU_UNSUPPORTED) fail_msg("'%s' was taken", bad[i]);
        calib_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(entropy_agrees_with_the_published_search),
                                       cmocka_unit_test(entropy_of_degenerate_counts),
                                       cmocka_unit_test(worked_numbers),
                                       cmocka_unit_test(by_hand),
                                       cmocka_unit_test(squared_error_clips_outliers),
                                       cmocka_unit_test(order_of_batches_is_nothing),
                                       cmocka_unit_test(cache_is_read),
                                       cmocka_unit_test(bad_caches_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
