/* SPDX-License-Identifier: MIT
 *
 * str() and print(): PyTorch's text of values. Floats have 17 digits, whole ones end in a point; strings have no
 * quotes; tensors are matrices in columns with a common format, their leading dimensions one block each.
 */
#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "script/unit.h"
#include "tensor/dtype.h"

enum { MAX_DEPTH = 200, LINE = 80 };

static void print(sv v, str *s, int depth);

static void print_double(double f, str *s) {
    bool whole = (fpclassify(f) == FP_NORMAL || f == 0) && f >= -0x1p63 && f < 0x1p63 && f == (double)(int64_t)f;
    if (whole) str_addf(s, "%lld.", (long long)f);
    else str_addf(s, "%.17g", f);
}

static void print_complex(const scomplex *z, str *s) {
    print_double(z->re, s);
    if (z->im >= 0 || (isnan(z->im) && !signbit(z->im))) str_add(s, "+");
    print_double(z->im, s);
    str_add(s, "j");
}

static void print_run(size_t n, const sv *items, str *s, int depth) {
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (i) str_add(s, ", ");
        print(items[i], s, depth);
    }
}

static void print_tuple(const stuple *t, str *s, int depth) {
    str_add(s, "(");
    print_run((size_t)t->n, t->items, s, depth);
    str_add(s, t->n == 1 ? ",)" : ")");
}

static void print_dict(const sdict *d, str *s, int depth) {
    str_add(s, "{");
    bool first = true;
    for (size_t i = 0; i < d->used && !s->failed; i++) {
        if (!d->entries[i].live) continue;
        if (!first) str_add(s, ", ");
        first = false;
        print(d->entries[i].key, s, depth);
        str_add(s, ": ");
        print(d->entries[i].value, s, depth);
    }
    str_add(s, "}");
}

/* ---- tensors ---- */
typedef struct matrix_format {
    enum { WHOLE, FIXED, SCIENTIFIC } kind;
    int width;
    double scale;
} matrix_format;

static int exponent_of(double v) { return v == 0 ? 1 : (int)floor(log10(v)) + 1; }

/* One format for n numbers: by whether all are whole, and by their largest and smallest magnitude. */
static matrix_format format_of(const double *v, int64_t n) {
    bool whole = true, any = false;
    double least = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) continue;
        double x = fabs(v[i]);
        whole = whole && x == ceil(x);
        least = any ? fmin(least, x) : x;
        most = any ? fmax(most, x) : x;
        any = true;
    }
    int low = any ? exponent_of(least) : 0, high = any ? exponent_of(most) : 0;
    if (whole) return high > 9 ? (matrix_format){SCIENTIFIC, 11, 1} : (matrix_format){WHOLE, high + 1, 1};
    if (high - low > 4) return (matrix_format){SCIENTIFIC, abs(high) > 99 || abs(low) > 99 ? 12 : 11, 1};
    if (high > 5 || high < 0) return (matrix_format){FIXED, 7, pow(10, high - 1)};
    return (matrix_format){FIXED, high == 0 ? 7 : high + 6, 1};
}

static void print_cell(double v, matrix_format f, str *s) {
    static const char *const forms[] = {[WHOLE] = "%*.6g", [FIXED] = "%*.4f", [SCIENTIFIC] = "%*.4e"};
    str_addf(s, forms[f.kind], f.width, v / f.scale);
}

/* Shortest text; whole numbers below 1e16 without an exponent. */
static void print_shortest(double v, str *s) {
    if (fabs(v) < 1e16 && v == (double)(int64_t)v) str_addf(s, "%lld", (long long)v);
    else str_add_double(s, v);
}

static void print_scale(matrix_format f, str *s) {
    print_shortest(f.scale, s);
    str_add(s, " *\n");
}

static void print_matrix(const double *v, int64_t rows, int64_t cols, int indent, str *s) {
    matrix_format f = format_of(v, rows * cols);
    int64_t per_line = (LINE - indent) / (f.width + 1);
    const char *pad = indent ? " " : "";
    for (int64_t first = 0; first < cols && !s->failed; first += per_line) {
        int64_t last = i64_min(first + per_line, cols);
        if (per_line < cols) {
            if (first) str_add(s, "\n");
            str_addf(s, "Columns %lld to %lld%s", (long long)first + 1, (long long)last, pad);
        }
        if (f.scale != 1) {
            print_scale(f, s);
            str_add(s, pad);
        }
        for (int64_t r = 0; r < rows; r++) {
            if (r) str_add(s, f.scale != 1 ? " " : "");
            if (r) str_add(s, pad);
            for (int64_t c = first; c < last; c++) {
                print_cell(v[r * cols + c], f, s);
                str_add(s, c + 1 < last ? " " : "\n");
            }
        }
    }
}

/* Blocks of the two last dimensions; the first counter moves fastest. */
static void print_blocks(const double *v, const naru_tensor *t, str *s) {
    int lead = t->rank - 2;
    int64_t rows = t->dims[lead], cols = t->dims[lead + 1], at[NARU_MAX_RANK] = {0};
    for (bool more = true, first = true; more && !s->failed; first = false) {
        if (!first) str_add(s, "\n");
        int64_t block = 0;
        str_add(s, "(");
        for (int i = 0; i < lead; i++) {
            block = block * t->dims[i] + at[i];
            str_addf(s, "%lld,", (long long)at[i] + 1);
        }
        str_add(s, ".,.) = \n");
        print_matrix(v + block * rows * cols, rows, cols, 1, s);
        more = false;
        for (int i = 0; i < lead && !more; i++) {
            more = ++at[i] < t->dims[i];
            if (!more) at[i] = 0;
        }
    }
}

static void print_elements(const double *v, const naru_tensor *t, str *s) {
    int64_t n = tensor_count(t);
    if (t->rank == 0) {
        print_shortest(v[0], s);
        str_add(s, "\n");
    } else if (n > 0 && t->rank == 1) {
        matrix_format f = format_of(v, n);
        if (f.scale != 1) print_scale(f, s);
        for (int64_t i = 0; i < n && !s->failed; i++) {
            print_cell(v[i], f, s);
            str_add(s, "\n");
        }
    } else if (n > 0 && t->rank == 2) {
        print_matrix(v, t->dims[0], t->dims[1], 0, s);
    } else if (n > 0) {
        print_blocks(v, t, s);
    }
}

const char *sten_type_name(naru_dtype d) {
    switch (d) {
    case NARU_UINT8: return "Byte";
    case NARU_INT8: return "Char";
    case NARU_INT16: return "Short";
    case NARU_INT32: return "Int";
    case NARU_INT64: return "Long";
    case NARU_FLOAT16: return "Half";
    case NARU_FLOAT: return "Float";
    case NARU_DOUBLE: return "Double";
    case NARU_COMPLEX64: return "ComplexFloat";
    case NARU_COMPLEX128: return "ComplexDouble";
    case NARU_BOOL: return "Bool";
    case NARU_BFLOAT16: return "BFloat16";
    case NARU_UINT16: return "UInt16";
    case NARU_UINT32: return "UInt32";
    case NARU_UINT64: return "UInt64";
    case NARU_FLOAT8E5M2: return "Float8_e5m2";
    case NARU_FLOAT8E4M3FN: return "Float8_e4m3fn";
    case NARU_FLOAT8E5M2FNUZ: return "Float8_e5m2fnuz";
    case NARU_FLOAT8E4M3FNUZ: return "Float8_e4m3fnuz";
    case NARU_FLOAT8E8M0: return "Float8_e8m0fnu";
    default: return naru_dtype_name(d);
    }
}

static void dequantize(const squant *q, const naru_tensor *t, double *v) {
    int64_t n = tensor_count(t), inner = 1;
    if (q->scheme == 0) {
        for (int64_t i = 0; i < n; i++) v[i] = (v[i] - (double)q->zero_point) * q->scale;
        return;
    }
    for (int i = q->axis + 1; i < t->rank; i++) inner *= t->dims[i];
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i / inner % t->dims[q->axis];
        double zero = dtype_get_f64(q->zero_points->dtype, q->zero_points->data, c);
        double scale = dtype_get_f64(q->scales->dtype, q->scales->data, c);
        v[i] = (v[i] - zero) * scale;
    }
}

/* What is behind the elements: "[ CPUFloatType{2,3} ]". */
static void print_tail(const naru_tensor *t, const squant *q, str *s) {
    static const char *const qtypes[] = {[0] = "QInt8", [1] = "QUInt8", [2] = "QInt32"};
    if (q) str_addf(s, "[ QuantizedCPU%sType{", q->type >= 12 && q->type <= 14 ? qtypes[q->type - 12] : "QUInt4x2");
    else str_addf(s, "[ CPU%sType{", sten_type_name(t->dtype));
    for (int i = 0; i < t->rank; i++) str_addf(s, "%s%lld", i ? "," : "", (long long)t->dims[i]);
    str_add(s, "}");
}

static bool read_elements(const naru_tensor *t, const squant *q, double **out, str *s) {
    int64_t n = tensor_count(t);
    size_t bytes;
    naru_tensor *flat = NULL;
    *out = mem_mul((size_t)n, sizeof(double), &bytes) ? mem_alloc(bytes) : NULL;
    if (!*out || tensor_contiguous((naru_tensor *)t, &flat, NULL) != NARU_OK) {
        mem_free(*out);
        s->failed = true;
        return false;
    }
    if (n) dtype_read_f64(flat->dtype, flat->data, 0, n, *out);
    tensor_unref(flat);
    if (q && n) dequantize(q, t, *out);
    return true;
}

static void print_tensor(const naru_tensor *t, const squant *q, str *s) {
    double *v;
    if (!t->storage) { /* while recording: nothing to read */
        print_tail(t, q, s);
        str_add(s, " ]");
        return;
    }
    if (!read_elements(t, q, &v, s)) return;
    print_elements(v, t, s);
    mem_free(v);
    print_tail(t, q, s);
    if (q && q->scheme == 0) {
        str_add(s, ", qscheme: per_tensor_affine, scale: ");
        print_shortest(q->scale, s);
        str_addf(s, ", zero_point: %lld", (long long)q->zero_point);
    } else if (q) {
        str_addf(s, ", qscheme: per_channel_affine%s, scales: ", q->scheme == 4 ? "_float_qparams" : "");
        print_tensor(q->scales, NULL, s);
        str_add(s, ", zero_points: ");
        print_tensor(q->zero_points, NULL, s);
        str_addf(s, ", axis: %d", q->axis);
    }
    str_add(s, " ]");
}

/* ---- everything ---- */
static void print(sv v, str *s, int depth) {
    if (depth > MAX_DEPTH) {
        str_add(s, "...");
        return;
    }
    switch (v.tag) {
    case SV_UNINIT: str_add(s, "Uninitialized"); break;
    case SV_NONE: str_add(s, "None"); break;
    case SV_BOOL: str_add(s, v.b ? "True" : "False"); break;
    case SV_INT: str_addf(s, "%lld", (long long)v.i); break;
    case SV_FLOAT: print_double(v.f, s); break;
    case SV_COMPLEX: print_complex((scomplex *)v.o, s); break;
    case SV_TENSOR: print_tensor(&((sten *)v.o)->t, ((sten *)v.o)->q, s); break;
    case SV_STR:
    case SV_DEVICE: str_add_n(s, ((sstr *)v.o)->data, ((sstr *)v.o)->len); break;
    case SV_LIST:
        str_add(s, "[");
        print_run(((slist *)v.o)->count, ((slist *)v.o)->items, s, depth + 1);
        str_add(s, "]");
        break;
    case SV_DICT: print_dict((sdict *)v.o, s, depth + 1); break;
    case SV_TUPLE: print_tuple((stuple *)v.o, s, depth + 1); break;
    case SV_OBJECT: str_addf(s, "<%s object at %p>", ((sobject *)v.o)->cls->qualname, (void *)v.o); break;
    case SV_ENUM: str_addf(s, "Enum<%s.%s>", ((senum *)v.o)->cls->name, ((senum *)v.o)->name); break;
    case SV_CUSTOM: str_addf(s, "<%s object at %p>", ((scustom *)v.o)->cls, (void *)v.o); break;
    case SV_FUNCTION: str_addf(s, "<function %s>", v.fn ? v.fn->qualname : ""); break;
    default: str_addf(s, "%s", sv_tag_name(v.tag));
    }
}

void sv_print(sv v, str *s) { print(v, s, 0); }
