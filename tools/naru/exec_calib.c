/* SPDX-License-Identifier: MIT
 *
 * naru exec --int8: the calibration cache's file, the samples, the algorithm.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <strings.h>

#include "exec.h"

static bool failed(const naru_error *err) { return log_error("%s", err->message), false; }

/* ---- the algorithm ---- */
static const struct spelling {
    const char *name;
    naru_calibrator algorithm;
} spellings[] = {{"entropy", NARU_CALIBRATOR_ENTROPY},
                 {"entropy2", NARU_CALIBRATOR_ENTROPY},
                 {"entropy_2", NARU_CALIBRATOR_ENTROPY},
                 {"EntropyCalibration2", NARU_CALIBRATOR_ENTROPY},
                 {"minmax", NARU_CALIBRATOR_MINMAX},
                 {"min_max", NARU_CALIBRATOR_MINMAX},
                 {"MinMaxCalibration", NARU_CALIBRATOR_MINMAX},
                 {"percentile", NARU_CALIBRATOR_PERCENTILE},
                 {"mse", NARU_CALIBRATOR_MSE}};
enum { SPELLINGS = sizeof spellings / sizeof *spellings };

static bool read_algorithm(const char *text, naru_calibration *c) {
    size_t n = strcspn(text, ":");
    for (size_t i = 0; i < SPELLINGS; i++) {
        if (strlen(spellings[i].name) != n || strncasecmp(spellings[i].name, text, n) != 0) continue;
        c->algorithm = spellings[i].algorithm;
        if (!text[n]) return true;
        char *end;
        c->percentile = strtod(text + n + 1, &end);
        if (c->algorithm == NARU_CALIBRATOR_PERCENTILE && end != text + n + 1 && !*end && c->percentile > 0 &&
            c->percentile <= 100)
            return true;
    }
    return log_error("--calibAlgo: '%s' is none of entropy, minmax, percentile, percentile:99.9, mse", text), false;
}

/* ---- the cache ---- */
static naru_status told(naru_error *err, naru_status code, const char *path, const char *what) {
    err->code = code;
    snprintf(err->message, sizeof err->message, "%s: %s", path, what);
    return code;
}

static naru_status read_cache(void *user, const void **data, size_t *size, naru_error *err) {
    exec_calib *c = user;
    struct stat sb;
    if (stat(c->path, &sb) == 0 && !S_ISREG(sb.st_mode)) return told(err, NARU_IO, c->path, "not a regular file");
    FILE *f = fopen(c->path, "rb");
    if (!f && errno == ENOENT) {
        if (!c->samples.batch) log_warning("--calib: %s is not there, and no --calibData is given to make it", c->path);
        return NARU_NOT_FOUND;
    }
    if (!f) return told(err, NARU_IO, c->path, strerror(errno));
    size_t n = 0;
    free(c->text);
    c->text = take(1);
    for (size_t got = 1; got; n += got) {
        c->text = regrow(c->text, n + 4096);
        got = fread(c->text + n, 1, 4096, f);
    }
    bool bad = ferror(f);
    fclose(f);
    if (bad) return told(err, NARU_IO, c->path, "cannot be read");
    log_info("Calibration cache %s is read", c->path);
    *data = c->text;
    *size = n;
    return NARU_OK;
}

static naru_status write_cache(void *user, const void *data, size_t size, naru_error *err) {
    exec_calib *c = user;
    char why[WHY];
    if (!write_file(c->path, data, size, why)) {
        err->code = NARU_IO;
        snprintf(err->message, sizeof err->message, "%s", why);
        return NARU_IO;
    }
    log_info("Calibration cache %s is written", c->path);
    return NARU_OK;
}

/* ---- whole ---- */
void exec_calib_free(exec_calib *c) {
    naru_samples_close(&c->samples);
    naru_samples_close(&c->few);
    free(c->text);
}

bool exec_calibrate(const exec_args *a, const naru_network *n, naru_builder_config *c, exec_calib *k) {
    naru_error err = NARU_ERROR_INIT;
    const char *path = a->value[EXEC_calib], *data = a->value[EXEC_calibData], *algorithm = a->value[EXEC_calibAlgo];
    naru_calibration with = {.size = sizeof with, .any_cache = !algorithm};
    if (algorithm && !read_algorithm(algorithm, &with)) return false;
    if (!exec_samples(a, n, c, &k->few)) return false;
    if (!exec_wants_int8(a)) {
        if (given(a, EXEC_best))
            log_warning("--best: INT8 needs --calib or --calibData (or Q/DQ nodes in the model): left out");
        else if (path) log_warning("--calib is of --int8, which is not given: it is not used");
        return true;
    }
    if (data && naru_samples_open_network(data, n, 0, &k->samples, &err) != NARU_OK) return failed(&err);
    if (data) log_info("Calibration data: %lld samples", (long long)naru_samples_count(&k->samples));
    k->path = path;
    with.samples = k->samples;
    with.user = k;
    if (path) with.read_cache = read_cache, with.write_cache = write_cache;
    return naru_builder_config_set_calibrator(c, &with, &err) == NARU_OK || failed(&err);
}

/* --best takes INT8 only where it can know the ranges: by chance it would not be best. */
bool exec_wants_int8(const exec_args *a) {
    return given(a, EXEC_int8) || (given(a, EXEC_best) && (given(a, EXEC_calib) || given(a, EXEC_calibData)));
}
