/* SPDX-License-Identifier: MIT
 *
 * A model of 3 GiB of weights in external data: loading, looking and checking must not read them. The data file is
 * sparse on disk; what is measured is the resident memory of this process.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "naru/model.h"
#include "pb.h"

enum { TENSORS = 3 };
static const int64_t elements = INT64_C(1) << 28; /* of float: 1 GiB each */
static char folder[] = "/tmp/naru-large-XXXXXX", model_path[64], data_path[64];

static int64_t resident_bytes(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*s %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void put_pair(str *t, const char *key, const char *text) {
    str p = {0};
    wire_put_text(&p, 1, key);
    wire_put_text(&p, 2, text);
    wire_put_message(t, 13, &p);
}

static void put_weights(str *g, int k) {
    str t = {0};
    char text[32];
    wire_put_int(&t, 1, elements / 4);
    wire_put_int(&t, 1, 4);
    wire_put_int(&t, 2, NARU_FLOAT);
    snprintf(text, sizeof text, "w%d", k);
    wire_put_text(&t, 8, text);
    put_pair(&t, "location", "weights.bin");
    snprintf(text, sizeof text, "%lld", (long long)k * elements * 4);
    put_pair(&t, "offset", text);
    snprintf(text, sizeof text, "%lld", (long long)elements * 4);
    put_pair(&t, "length", text);
    wire_put_int(&t, 14, 1);
    wire_put_message(g, 5, &t);
}

/* y = x + w0 + w1 + w2, as far as anybody would run it. */
static int make_files(void **state) {
    if (!mkdtemp(folder)) return -1;
    snprintf(model_path, sizeof model_path, "%s/m.onnx", folder);
    snprintf(data_path, sizeof data_path, "%s/weights.bin", folder);
    int fd = open(data_path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, TENSORS * elements * 4) != 0) return -1;
    close(fd);
    str g = {0};
    for (int k = 0; k < TENSORS; k++) {
        char in[8], w[8], out[8];
        snprintf(in, sizeof in, k ? "s%d" : "x", k), snprintf(w, sizeof w, "w%d", k);
        snprintf(out, sizeof out, k + 1 < TENSORS ? "s%d" : "y", k + 1);
        pb_node(&g, "Add", in, w, out);
        put_weights(&g, k);
    }
    wire_put_text(&g, 2, "large");
    pb_port(&g, 11, "x", 4);
    pb_port(&g, 12, "y", 4);
    str m = pb_model(&g, 8, 17);
    int rc = file_write(model_path, m.data, m.len, NULL) == NARU_OK ? 0 : -1;
    str_free(&m);
    return rc;
}

static int remove_files(void **state) {
    unlink(model_path);
    unlink(data_path);
    return rmdir(folder);
}

static void test_weights_stay_on_disk(void **state) {
    naru_model *m;
    naru_error e = NARU_ERROR_INIT;
    naru_report *report;
    naru_model_info info = {.size = sizeof info};
    int64_t before = resident_bytes();
    if (naru_model_load(model_path, NULL, &m, &e) != NARU_OK) fail_msg("%s", e.message);
    assert_int_equal(naru_model_get_info(m, &info), NARU_OK);
    assert_int_equal(info.weight_bytes, TENSORS * elements * 4);
    assert_int_equal(info.parameters, TENSORS * elements);
    assert_int_equal(naru_report_create(&report, NULL), NARU_OK);
    assert_int_equal(naru_model_check(m, report, NULL), NARU_OK);
    int64_t grown = resident_bytes() - before;
    if (grown > 32 << 20) fail_msg("loading and checking took %lld bytes of memory", (long long)grown);
    naru_report_destroy(&report);
    naru_model_destroy(&m);
    assert_int_equal(mem_live_count(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weights_stay_on_disk)};
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
