/* SPDX-License-Identifier: MIT
 *
 * Element conversion: every code of every narrow type there and back, rounding at and beside every midpoint, overflow,
 * NaN, packing, names, integer wrap-around, unaligned data.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tensor/dtype.h"
#include "tensor/minifloat.h"

static const naru_dtype narrow[] = {NARU_FLOAT16,        NARU_BFLOAT16,   NARU_FLOAT8E4M3FN,
                                    NARU_FLOAT8E4M3FNUZ, NARU_FLOAT8E5M2, NARU_FLOAT8E5M2FNUZ,
                                    NARU_FLOAT4E2M1,     NARU_FLOAT6E2M3, NARU_FLOAT6E3M2};

static unsigned code_of(naru_dtype d, double v, bool saturate) {
    uint32_t word = 0;
    dtype_write_f64(d, &word, 0, 1, &v, saturate);
    return word;
}
static double value_of(naru_dtype d, unsigned code) { return dtype_get_f64(d, &code, 0); }

static void names_are_onnx_names(void **state) {
    for (int d = 1; d < NARU_DTYPES; d++) assert_int_equal(naru_dtype_parse(naru_dtype_name((naru_dtype)d)), d);
    assert_string_equal(naru_dtype_name(NARU_FLOAT8E4M3FNUZ), "float8e4m3fnuz");
    assert_int_equal(naru_dtype_parse("float32"), NARU_FLOAT);
    assert_int_equal(naru_dtype_parse("half"), NARU_FLOAT16);
    assert_int_equal(naru_dtype_parse(""), NARU_UNDEFINED);
    assert_int_equal(naru_dtype_parse("float31"), NARU_UNDEFINED);
    assert_int_equal(naru_dtype_bits(NARU_FLOAT6E2M3), 6);
    assert_int_equal(naru_dtype_bits((naru_dtype)-1), 0);
    assert_string_equal(naru_dtype_name((naru_dtype)1000), "undefined");
}

/* Decoding a code and encoding the value gives the code; neighbours' midpoint goes to the even code, beside it to the
 * nearer. */
static void narrow_floats_round_to_nearest_even(void **state) {
    for (size_t k = 0; k < COUNT_OF(narrow); k++) {
        naru_dtype d = narrow[k];
        unsigned sign = 1u << (naru_dtype_bits(d) - 1);
        for (unsigned code = 0; code < sign; code++) {
            double v = value_of(d, code), next = value_of(d, code + 1);
            if (!isfinite(v)) continue;
            assert_int_equal(code_of(d, v, false), code);
            if (code) assert_int_equal(code_of(d, -v, false), code | sign);
            if (code + 1 >= sign || !isfinite(next)) continue;
            double middle = (v + next) / 2;
            assert_int_equal(code_of(d, middle, false), code + (code & 1));
            assert_int_equal(code_of(d, nextafter(middle, 0), false), code);
            assert_int_equal(code_of(d, nextafter(middle, INFINITY), false), code + 1);
            assert_int_equal(code_of(d, -nextafter(middle, INFINITY), false), (code + 1) | sign);
        }
    }
}

static void overflow_and_nan(void **state) {
    static const struct {
        naru_dtype d;
        double max;
        double over_unsaturated; /* what 1e30 becomes without saturation */
        double nan;
    } rows[] = {{NARU_FLOAT8E4M3FN, 448, NAN, NAN},      {NARU_FLOAT8E4M3FNUZ, 240, NAN, NAN},
                {NARU_FLOAT8E5M2, 57344, INFINITY, NAN}, {NARU_FLOAT8E5M2FNUZ, 57344, NAN, NAN},
                {NARU_FLOAT4E2M1, 6, 6, -0.0},           {NARU_FLOAT6E2M3, 7.5, 7.5, -0.0},
                {NARU_FLOAT6E3M2, 28, 28, -0.0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        naru_dtype d = rows[i].d;
        assert_true(value_of(d, code_of(d, 1e30, true)) == rows[i].max);
        assert_true(value_of(d, code_of(d, -INFINITY, true)) == -rows[i].max);
        double over = value_of(d, code_of(d, 1e30, false)), nan = value_of(d, code_of(d, NAN, true));
        assert_true(over == rows[i].over_unsaturated || (isnan(over) && isnan(rows[i].over_unsaturated)));
        assert_true(nan == rows[i].nan || (isnan(nan) && isnan(rows[i].nan)));
    }
    assert_true(value_of(NARU_FLOAT8E4M3FN, code_of(NARU_FLOAT8E4M3FN, 464, false)) == 448); /* judged after rounding */
    assert_true(isnan(value_of(NARU_FLOAT8E4M3FN, code_of(NARU_FLOAT8E4M3FN, 464.01, false))));
    assert_true(isinf(value_of(NARU_FLOAT8E5M2, code_of(NARU_FLOAT8E5M2, 61440, false))));
    assert_int_equal(code_of(NARU_FLOAT8E4M3FNUZ, -1e-9, false), 0); /* no -0 */
    assert_int_equal(half_from_double(65519.99), 0x7bff);
    assert_int_equal(half_from_double(65520), 0x7c00);
}

static void exponent_type(void **state) {
    assert_true(e8m0_decode(0) == 0x1p-127 && e8m0_decode(254) == 0x1p127 && isnan(e8m0_decode(255)));
    assert_int_equal(e8m0_encode(1, E8M0_UP, true), 127);
    assert_int_equal(e8m0_encode(1.01, E8M0_UP, true), 128);
    assert_int_equal(e8m0_encode(1.99, E8M0_DOWN, true), 127);
    assert_int_equal(e8m0_encode(1.5, E8M0_NEAREST, true), 128);
    assert_int_equal(e8m0_encode(1.49, E8M0_NEAREST, true), 127);
    assert_int_equal(e8m0_encode(0, E8M0_UP, true), 0);
    assert_int_equal(e8m0_encode(0, E8M0_NEAREST, false), 255);
    assert_int_equal(e8m0_encode(INFINITY, E8M0_UP, true), 254);
    assert_int_equal(e8m0_encode(1e300, E8M0_UP, false), 255);
}

/* The fast float pairs agree with the encoder from double on every code and on the floats around. */
static void fast_halves_agree(void **state) {
    for (unsigned h = 0; h < 0x10000; h++) {
        float f = half_to_float((uint16_t)h), b = bf16_to_float((uint16_t)h);
        if (!isnan(f)) {
            float up = nextafterf(f, INFINITY);
            assert_int_equal(half_from_float(f), h);
            assert_int_equal(half_from_float(up), half_from_double((double)up));
            assert_int_equal(half_from_float(f * 1.0004883f), half_from_double((double)(f * 1.0004883f)));
        } else assert_true(isnan(half_to_float(half_from_float(f))));
        if (!isnan(b)) {
            float up = nextafterf(b, INFINITY);
            assert_int_equal(bf16_from_float(b), h);
            assert_int_equal(bf16_from_float(up), bf16_from_double((double)up));
        } else assert_true(isnan(bf16_to_float(bf16_from_float(b))));
    }
}

static void packed_types_share_bytes(void **state) {
    static const naru_dtype types[] = {NARU_INT4,       NARU_UINT4,      NARU_INT2,      NARU_UINT2,
                                       NARU_FLOAT4E2M1, NARU_FLOAT6E2M3, NARU_FLOAT6E3M2};
    for (size_t k = 0; k < COUNT_OF(types); k++) {
        uint8_t bytes[16];
        memset(bytes, 0xff, sizeof bytes);
        double want[11];
        for (int i = 0; i < 11; i++) {
            want[i] = dtype_is_float(types[k]) ? (i % 5) * 0.5 : dtype_is_signed(types[k]) ? i % 3 - 1 : i % 3;
            dtype_set_f64(types[k], bytes, i, want[i]);
        }
        for (int i = 0; i < 11; i++) assert_true(dtype_get_f64(types[k], bytes, i) == want[i]);
        size_t used = (11 * (size_t)naru_dtype_bits(types[k]) + 7) / 8;
        for (size_t i = used; i < sizeof bytes; i++) assert_int_equal(bytes[i], 0xff);
    }
    uint8_t one[1] = {0};
    dtype_set_i64(NARU_UINT4, one, 0, 1), dtype_set_i64(NARU_UINT4, one, 1, 7);
    assert_int_equal(one[0], 0x71); /* low nibble first */
    uint8_t six[3] = {0};
    for (int i = 0; i < 4; i++) dtype_set_f64(NARU_FLOAT6E2M3, six, i, i == 3 ? 7.5 : 0.125);
    assert_memory_equal(six, ((uint8_t[]){0x41, 0x10, 0x7c}), 3); /* codes 1, 1, 1, 31 as one bit stream */
}

static void integers_wrap_and_truncate(void **state) {
    assert_int_equal((int8_t)code_of(NARU_INT8, 300, true), 44);
    assert_int_equal((int8_t)code_of(NARU_INT8, -1.9, true), -1);
    assert_int_equal(code_of(NARU_UINT8, -1, true), 255);
    assert_int_equal(code_of(NARU_INT32, NAN, true), 0);
    assert_int_equal(code_of(NARU_BOOL, NAN, true), 1);
    assert_int_equal(code_of(NARU_BOOL, 0.2, true), 1);
    uint64_t big = 0;
    dtype_set_f64(NARU_UINT64, &big, 0, 0x1p63 + 4096);
    assert_true(big == (UINT64_C(1) << 63) + 4096);
    assert_true(dtype_get_f64(NARU_UINT64, &big, 0) == 0x1p63 + 4096);
    float once;
    dtype_set_i64(NARU_FLOAT, &once, 0,
                  (INT64_C(1) << 54) + (INT64_C(1) << 30) + 1); /* through double it would tie down */
    assert_true(once == 0x1p54f + 0x1p31f);
    assert_true(dtype_int_min(NARU_INT64) == INT64_MIN && dtype_int_max(NARU_UINT64) == UINT64_MAX);
    assert_true(dtype_int_min(NARU_INT2) == -2 && dtype_int_max(NARU_INT2) == 1 && dtype_int_max(NARU_UINT4) == 15);
    assert_true(dtype_int_min(NARU_UINT8) == 0 && dtype_int_max(NARU_BOOL) == 1 &&
                dtype_int_max(NARU_INT32) == INT32_MAX);
}

static void bulk_reads_from_anywhere(void **state) {
    char file[8 * 40 + 1];
    for (int d = 1; d < NARU_DTYPES; d++) {
        if (d == NARU_STRING) continue;
        double in[17], out[17];
        int64_t whole[17];
        memset(file, 0, sizeof file);
        for (int i = 0; i < 17; i++) in[i] = i % 2;
        if (d == NARU_FLOAT8E8M0)
            for (int i = 0; i < 17; i++) in[i] = 1;
        dtype_write_f64((naru_dtype)d, file + 1, 0, 17, in, true); /* odd address */
        dtype_read_f64((naru_dtype)d, file + 1, 3, 14, out);
        dtype_read_i64((naru_dtype)d, file + 1, 3, 14, whole);
        for (int i = 0; i < 14; i++) assert_true(out[i] == in[i + 3] && whole[i] == (int64_t)in[i + 3]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_onnx_names),       cmocka_unit_test(narrow_floats_round_to_nearest_even),
        cmocka_unit_test(overflow_and_nan),           cmocka_unit_test(exponent_type),
        cmocka_unit_test(fast_halves_agree),          cmocka_unit_test(packed_types_share_bytes),
        cmocka_unit_test(integers_wrap_and_truncate), cmocka_unit_test(bulk_reads_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
