/* SPDX-License-Identifier: MIT
 *
 * Names and sizes of the element types, and bulk conversion to and from double and int64. Data may have any alignment.
 * Types under a byte: low bits first; the 6-bit floats are one bit stream.
 */
#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

#include "tensor/minifloat.h"

typedef enum dtype_class {
    CLASS_NONE,
    CLASS_FLOAT,
    CLASS_INT,
    CLASS_UINT,
    CLASS_BOOL,
    CLASS_COMPLEX,
    CLASS_STRING
} dtype_class;

static const struct {
    const char *name, *alias, *alias2;
    short bits;
    dtype_class class;
} table[NARU_DTYPES] = {
    [NARU_UNDEFINED] = {"undefined", "", "", 0, CLASS_NONE},
    [NARU_FLOAT] = {"float", "float32", "f32", 32, CLASS_FLOAT},
    [NARU_UINT8] = {"uint8", "u8", "", 8, CLASS_UINT},
    [NARU_INT8] = {"int8", "i8", "", 8, CLASS_INT},
    [NARU_UINT16] = {"uint16", "u16", "", 16, CLASS_UINT},
    [NARU_INT16] = {"int16", "i16", "short", 16, CLASS_INT},
    [NARU_INT32] = {"int32", "i32", "int", 32, CLASS_INT},
    [NARU_INT64] = {"int64", "i64", "long", 64, CLASS_INT},
    [NARU_STRING] = {"string", "str", "", 0, CLASS_STRING},
    [NARU_BOOL] = {"bool", "", "", 8, CLASS_BOOL},
    [NARU_FLOAT16] = {"float16", "half", "f16", 16, CLASS_FLOAT},
    [NARU_DOUBLE] = {"double", "float64", "f64", 64, CLASS_FLOAT},
    [NARU_UINT32] = {"uint32", "u32", "", 32, CLASS_UINT},
    [NARU_UINT64] = {"uint64", "u64", "", 64, CLASS_UINT},
    [NARU_COMPLEX64] = {"complex64", "c64", "", 64, CLASS_COMPLEX},
    [NARU_COMPLEX128] = {"complex128", "c128", "", 128, CLASS_COMPLEX},
    [NARU_BFLOAT16] = {"bfloat16", "bf16", "", 16, CLASS_FLOAT},
    [NARU_FLOAT8E4M3FN] = {"float8e4m3fn", "f8e4m3fn", "", 8, CLASS_FLOAT},
    [NARU_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", "f8e4m3fnuz", "", 8, CLASS_FLOAT},
    [NARU_FLOAT8E5M2] = {"float8e5m2", "f8e5m2", "", 8, CLASS_FLOAT},
    [NARU_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", "f8e5m2fnuz", "", 8, CLASS_FLOAT},
    [NARU_UINT4] = {"uint4", "u4", "", 4, CLASS_UINT},
    [NARU_INT4] = {"int4", "i4", "", 4, CLASS_INT},
    [NARU_FLOAT4E2M1] = {"float4e2m1", "f4e2m1", "", 4, CLASS_FLOAT},
    [NARU_FLOAT8E8M0] = {"float8e8m0", "f8e8m0", "", 8, CLASS_FLOAT},
    [NARU_UINT2] = {"uint2", "u2", "", 2, CLASS_UINT},
    [NARU_INT2] = {"int2", "i2", "", 2, CLASS_INT},
    [NARU_FLOAT6E2M3] = {"float6e2m3", "f6e2m3", "", 6, CLASS_FLOAT},
    [NARU_FLOAT6E3M2] = {"float6e3m2", "f6e3m2", "", 6, CLASS_FLOAT},
};

static const minifloat formats[NARU_DTYPES] = {
    [NARU_FLOAT8E4M3FN] = {4, 3, 7, SPECIAL_FN},  [NARU_FLOAT8E4M3FNUZ] = {4, 3, 8, SPECIAL_FNUZ},
    [NARU_FLOAT8E5M2] = {5, 2, 15, SPECIAL_IEEE}, [NARU_FLOAT8E5M2FNUZ] = {5, 2, 16, SPECIAL_FNUZ},
    [NARU_FLOAT4E2M1] = {2, 1, 1, SPECIAL_NONE},  [NARU_FLOAT6E2M3] = {2, 3, 1, SPECIAL_NONE},
    [NARU_FLOAT6E3M2] = {3, 2, 3, SPECIAL_NONE},
};

static bool known(naru_dtype d) { return (unsigned)d < NARU_DTYPES; }
static dtype_class class_of(naru_dtype d) { return known(d) ? table[d].class : CLASS_NONE; }

const char *naru_dtype_name(naru_dtype d) { return table[known(d) ? d : NARU_UNDEFINED].name; }
int naru_dtype_bits(naru_dtype d) { return known(d) ? table[d].bits : 0; }

naru_dtype naru_dtype_parse(const char *name) {
    for (int d = 1; name && *name && d < NARU_DTYPES; d++)
        if (!strcmp(name, table[d].name) || !strcmp(name, table[d].alias) || !strcmp(name, table[d].alias2))
            return (naru_dtype)d;
    return NARU_UNDEFINED;
}

bool dtype_is_float(naru_dtype d) { return class_of(d) == CLASS_FLOAT; }
bool dtype_is_int(naru_dtype d) { return class_of(d) == CLASS_INT || class_of(d) == CLASS_UINT; }
bool dtype_is_signed(naru_dtype d) { return class_of(d) == CLASS_INT; }
bool dtype_is_complex(naru_dtype d) { return class_of(d) == CLASS_COMPLEX; }

int64_t dtype_int_min(naru_dtype d) { return dtype_is_signed(d) ? -(INT64_C(1) << (naru_dtype_bits(d) - 2)) * 2 : 0; }
uint64_t dtype_int_max(naru_dtype d) {
    if (d == NARU_BOOL) return 1;
    return UINT64_MAX >> (64 - naru_dtype_bits(d) + dtype_is_signed(d));
}

/* ---- types of 1, 2, 4 and 6 bits ---- */
static unsigned packed_get(const uint8_t *p, int bits, int64_t i) {
    int64_t at = i * bits;
    unsigned low = p[at >> 3] >> (at & 7), mask = (1u << bits) - 1;
    int have = 8 - (int)(at & 7);
    if (have < bits) low |= (unsigned)p[(at >> 3) + 1] << have;
    return low & mask;
}

static void packed_set(uint8_t *p, int bits, int64_t i, unsigned code) {
    int64_t at = i * bits;
    unsigned shift = (unsigned)(at & 7), mask = ((1u << bits) - 1) << shift, v = (code << shift) & mask;
    p[at >> 3] = (uint8_t)((p[at >> 3] & ~mask) | v);
    if (mask > 0xff) p[(at >> 3) + 1] = (uint8_t)((p[(at >> 3) + 1] & ~(mask >> 8)) | v >> 8);
}

static unsigned code_get(naru_dtype d, const void *data, int64_t i) {
    return table[d].bits == 8 ? ((const uint8_t *)data)[i] : packed_get(data, table[d].bits, i);
}
static void code_set(naru_dtype d, void *data, int64_t i, unsigned code) {
    if (table[d].bits == 8) ((uint8_t *)data)[i] = (uint8_t)code;
    else packed_set(data, table[d].bits, i, code);
}

static double small_decode(naru_dtype d, unsigned code) {
    return d == NARU_FLOAT8E8M0 ? e8m0_decode((uint8_t)code) : minifloat_decode(&formats[d], code);
}
static unsigned small_encode(naru_dtype d, double v, bool saturate) {
    return d == NARU_FLOAT8E8M0 ? e8m0_encode(v, E8M0_UP, saturate) : minifloat_encode(&formats[d], v, saturate);
}

static int64_t small_int(naru_dtype d, unsigned code) { /* sign extension of 4- and 2-bit codes */
    unsigned sign = 1u << (table[d].bits - 1);
    return dtype_is_signed(d) ? (int64_t)(code ^ sign) - (int64_t)sign : (int64_t)code;
}

/* Truncation; beyond int64 there is no answer: INT64_MIN as the machine gives, but NaN is 0. */
static int64_t trunc_i64(double v) {
    if (v >= -0x1p63 && v < 0x1p63) return (int64_t)v;
    return isnan(v) ? 0 : INT64_MIN;
}
static uint64_t trunc_u64(double v) { return v >= 0x1p63 && v < 0x1p64 ? (uint64_t)v : (uint64_t)trunc_i64(v); }

/* Loads and stores through memcpy: file data has any alignment; compilers make plain moves of it. */
#define READ(T, expr)                                                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        T x;                                                                                                           \
        memcpy(&x, p + i * (int64_t)sizeof(T), sizeof(T));                                                             \
        out[i] = expr;                                                                                                 \
    }                                                                                                                  \
    return
#define WRITE(T, expr)                                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        T x = (T)(expr);                                                                                               \
        memcpy(p + i * (int64_t)sizeof(T), &x, sizeof(T));                                                             \
    }                                                                                                                  \
    return
typedef struct {
    float re, im;
} c64;
typedef struct {
    double re, im;
} c128;

void dtype_read_f64(naru_dtype d, const void *data, int64_t start, int64_t n, double *out) {
    const uint8_t *p = (const uint8_t *)data + start * naru_dtype_bits(d) / 8; /* whole-byte types */
    switch (d) {
    case NARU_FLOAT: READ(float, (double)x);
    case NARU_DOUBLE: READ(double, x);
    case NARU_FLOAT16: READ(uint16_t, (double)half_to_float(x));
    case NARU_BFLOAT16: READ(uint16_t, (double)bf16_to_float(x));
    case NARU_UINT8: READ(uint8_t, (double)x);
    case NARU_INT8: READ(int8_t, (double)x);
    case NARU_UINT16: READ(uint16_t, (double)x);
    case NARU_INT16: READ(int16_t, (double)x);
    case NARU_UINT32: READ(uint32_t, (double)x);
    case NARU_INT32: READ(int32_t, (double)x);
    case NARU_UINT64: READ(uint64_t, (double)x);
    case NARU_INT64: READ(int64_t, (double)x);
    case NARU_BOOL: READ(uint8_t, x ? 1.0 : 0.0);
    case NARU_COMPLEX64: READ(c64, (double)x.re);
    case NARU_COMPLEX128: READ(c128, x.re);
    case NARU_UINT4:
    case NARU_INT4:
    case NARU_UINT2:
    case NARU_INT2:
        for (int64_t i = 0; i < n; i++) out[i] = (double)small_int(d, code_get(d, data, start + i));
        return;
    case NARU_STRING:
    case NARU_UNDEFINED:
    case NARU_DTYPES: memset(out, 0, (size_t)n * sizeof *out); return;
    default:
        for (int64_t i = 0; i < n; i++) out[i] = small_decode(d, code_get(d, data, start + i));
    }
}

void dtype_read_i64(naru_dtype d, const void *data, int64_t start, int64_t n, int64_t *out) {
    const uint8_t *p = (const uint8_t *)data + start * naru_dtype_bits(d) / 8;
    switch (d) {
    case NARU_INT64: READ(int64_t, x);
    case NARU_INT32: READ(int32_t, x);
    case NARU_UINT8: READ(uint8_t, x);
    case NARU_BOOL: READ(uint8_t, x != 0);
    case NARU_FLOAT: READ(float, trunc_i64((double)x));
    case NARU_DOUBLE: READ(double, trunc_i64(x));
    case NARU_INT8: READ(int8_t, x);
    case NARU_UINT16: READ(uint16_t, x);
    case NARU_INT16: READ(int16_t, x);
    case NARU_UINT32: READ(uint32_t, x);
    case NARU_UINT64: READ(uint64_t, (int64_t)x);
    case NARU_UINT4:
    case NARU_INT4:
    case NARU_UINT2:
    case NARU_INT2:
        for (int64_t i = 0; i < n; i++) out[i] = small_int(d, code_get(d, data, start + i));
        return;
    default:
        for (int64_t i = 0; i < n; i++) out[i] = trunc_i64(dtype_get_f64(d, data, start + i));
    }
}

void dtype_write_f64(naru_dtype d, void *data, int64_t start, int64_t n, const double *in, bool saturate) {
    uint8_t *p = (uint8_t *)data + start * naru_dtype_bits(d) / 8;
    switch (d) {
    case NARU_FLOAT: WRITE(float, in[i]);
    case NARU_DOUBLE: WRITE(double, in[i]);
    case NARU_FLOAT16: WRITE(uint16_t, half_from_double(in[i]));
    case NARU_BFLOAT16: WRITE(uint16_t, bf16_from_double(in[i]));
    case NARU_UINT8: WRITE(uint8_t, trunc_i64(in[i]));
    case NARU_INT8: WRITE(int8_t, trunc_i64(in[i]));
    case NARU_UINT16: WRITE(uint16_t, trunc_i64(in[i]));
    case NARU_INT16: WRITE(int16_t, trunc_i64(in[i]));
    case NARU_UINT32: WRITE(uint32_t, trunc_i64(in[i]));
    case NARU_INT32: WRITE(int32_t, trunc_i64(in[i]));
    case NARU_UINT64: WRITE(uint64_t, trunc_u64(in[i]));
    case NARU_INT64: WRITE(int64_t, trunc_i64(in[i]));
    case NARU_BOOL: WRITE(uint8_t, in[i] != 0);
    case NARU_COMPLEX64:
        for (int64_t i = 0; i < n; i++) memcpy(p + i * 8, &(c64){(float)in[i], 0}, sizeof(c64));
        return;
    case NARU_COMPLEX128:
        for (int64_t i = 0; i < n; i++) memcpy(p + i * 16, &(c128){in[i], 0}, sizeof(c128));
        return;
    case NARU_UINT4:
    case NARU_INT4:
    case NARU_UINT2:
    case NARU_INT2:
        for (int64_t i = 0; i < n; i++) code_set(d, data, start + i, (unsigned)trunc_i64(in[i]));
        return;
    case NARU_STRING:
    case NARU_UNDEFINED:
    case NARU_DTYPES: return;
    default:
        for (int64_t i = 0; i < n; i++) code_set(d, data, start + i, small_encode(d, in[i], saturate));
    }
}

void dtype_write_i64(naru_dtype d, void *data, int64_t start, int64_t n, const int64_t *in) {
    uint8_t *p = (uint8_t *)data + start * naru_dtype_bits(d) / 8;
    switch (d) {
    case NARU_INT64:
    case NARU_UINT64: WRITE(int64_t, in[i]);
    case NARU_INT32:
    case NARU_UINT32: WRITE(uint32_t, in[i]);
    case NARU_INT16:
    case NARU_UINT16: WRITE(uint16_t, in[i]);
    case NARU_INT8:
    case NARU_UINT8: WRITE(uint8_t, in[i]);
    case NARU_BOOL: WRITE(uint8_t, in[i] != 0);
    case NARU_FLOAT: WRITE(float, in[i]); /* directly: through double it would round twice */
    case NARU_UINT4:
    case NARU_INT4:
    case NARU_UINT2:
    case NARU_INT2:
        for (int64_t i = 0; i < n; i++) code_set(d, data, start + i, (unsigned)in[i]);
        return;
    default:
        for (int64_t i = 0; i < n; i++) {
            double v = (double)in[i]; /* rounds only beyond 2^53, where every narrower float type has long overflowed or
                                         bf16 keeps 8 bits: the sticky bit below keeps ties right */
            if (d == NARU_BFLOAT16 && (in[i] > INT64_C(1) << 53 || in[i] < -(INT64_C(1) << 53)))
                v = (double)((in[i] & ~INT64_C(0xfff)) | ((in[i] & 0xfff) ? 0x800 : 0));
            dtype_write_f64(d, data, start + i, 1, &v, true);
        }
    }
}

double dtype_get_f64(naru_dtype d, const void *data, int64_t i) {
    double v;
    dtype_read_f64(d, data, i, 1, &v);
    return v;
}
int64_t dtype_get_i64(naru_dtype d, const void *data, int64_t i) {
    int64_t v;
    dtype_read_i64(d, data, i, 1, &v);
    return v;
}
void dtype_set_f64(naru_dtype d, void *data, int64_t i, double v) { dtype_write_f64(d, data, i, 1, &v, true); }
void dtype_set_i64(naru_dtype d, void *data, int64_t i, int64_t v) { dtype_write_i64(d, data, i, 1, &v); }
