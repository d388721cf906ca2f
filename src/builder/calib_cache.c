/* SPDX-License-Identifier: MIT
 *
 * TensorRT's calibration cache: a header line that names version and algorithm, then a scale per tensor as the eight
 * hex digits of its float. Names may hold colons and spaces: the last colon of a line ends them.
 */
#include <math.h>

#include "builder/calibrate.h"

static const char *const algorithms[] = {[NARU_CALIBRATOR_ENTROPY] = "EntropyCalibration2",
                                         [NARU_CALIBRATOR_MINMAX] = "MinMaxCalibration",
                                         [NARU_CALIBRATOR_PERCENTILE] = "LegacyCalibration",
                                         [NARU_CALIBRATOR_MSE] = "MseCalibration"};

static float scale_of(double bound) { return (float)(bound / 127.0); }
static double bound_of(float scale) { return 127.0 * (double)scale; }
double calib_kept(double bound) { return bound_of(scale_of(bound)); }

static naru_status parse_header(const char *line, size_t n, calib_table *out, naru_error *err) {
    size_t at = 4;
    if (n < 6 || memcmp(line, "TRT-", 4) != 0) goto bad;
    while (at < n && line[at] >= '0' && line[at] <= '9') at++;
    if (at == 4 || at == n || line[at++] != '-') goto bad;
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        if (strlen(algorithms[i]) != n - at || memcmp(line + at, algorithms[i], n - at) != 0) continue;
        out->calibrator = (naru_calibrator)i;
        return NARU_OK;
    }
    if (n - at == 18 && memcmp(line + at, "EntropyCalibration", 18) == 0) {
        out->calibrator = NARU_CALIBRATOR_ENTROPY;
        return NARU_OK;
    }
    return err_set(err, NARU_UNSUPPORTED, "line 1: the calibration algorithm '%.*s' is none that is known",
                   (int)i64_min((int64_t)(n - at), 60), line + at);
bad:
    return err_set(err, NARU_BAD_FILE, "line 1: no calibration cache: 'TRT-VERSION-ALGORITHM' is expected");
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_scale(const char *p, const char *end, float *out) {
    uint32_t bits = 0;
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    if (end - p != 8) return false;
    for (; p < end; p++) {
        int d = hex_digit(*p);
        if (d < 0) return false;
        bits = bits << 4 | (uint32_t)d;
    }
    memcpy(out, &bits, 4);
    return isfinite(*out) && *out >= 0;
}

static naru_status parse_line(const char *line, size_t n, int number, calib_table *out, naru_error *err) {
    size_t colon = n;
    while (colon > 0 && line[colon - 1] != ':') colon--;
    float scale;
    if (colon < 2 || memchr(line, 0, n) || !parse_scale(line + colon, line + n, &scale))
        return err_set(err, NARU_BAD_FILE, "line %d: 'NAME: 8 HEX DIGITS' of a scale is expected", number);
    str name = {0};
    str_add_n(&name, line, colon - 1);
    double bound = bound_of(scale);
    naru_status st = name.failed ? err_oom(err) : calib_put(out, name.data, (calib_range){-bound, bound, bound}, err);
    str_free(&name);
    return st;
}

naru_status calib_parse(const char *text, size_t size, calib_table *out, naru_error *err) {
    const char *p = text, *end = text + size;
    for (int number = 1; p < end; number++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        size_t n = (size_t)(stop - p);
        if (n && p[n - 1] == '\r') n--;
        if (number == 1) TRY(parse_header(p, n, out, err));
        else if (n) TRY(parse_line(p, n, number, out, err));
        p = stop + 1;
    }
    return size ? NARU_OK : err_set(err, NARU_BAD_FILE, "the calibration cache is empty");
}

void calib_print(const calib_table *t, str *out) {
    str_addf(out, "TRT-8600-%s\n", algorithms[t->calibrator]);
    for (size_t i = 0; i < t->entries.count; i++) {
        float scale = scale_of(t->entries.data[i].range.amax);
        uint32_t bits;
        memcpy(&bits, &scale, 4);
        str_addf(out, "%s: %08x\n", t->entries.data[i].name, (unsigned)bits);
    }
}
