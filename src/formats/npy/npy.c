/* SPDX-License-Identifier: MIT
 *
 * Elements of .npy files to tensors and back: byte order, Fortran order, text, types under a byte (one byte each here).
 */
#include "formats/npy/npy.h"

#include "base/file.h"
#include "tensor/dtype.h"

static naru_status truncated(naru_error *err) { return err_set(err, NARU_BAD_FILE, "npy: the file ends early"); }

/* ---- reading ---- */
static naru_status read_header(const npy_source *s, npy_header *h, uint64_t *payload, naru_error *err) {
    uint8_t head[12];
    if (s->size < 10 || !s->read(s->user, head, 10)) return truncated(err);
    if (memcmp(head, "\x93NUMPY", 6) != 0)
        return err_set(err, NARU_BAD_FILE, "npy: not a NumPy file (wrong first bytes)");
    if (head[6] < 1 || head[6] > 3)
        return err_set(err, NARU_UNSUPPORTED, "npy: format version %d is not known", head[6]);
    size_t prefix = head[6] == 1 ? 10 : 12, n = head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) {
        if (!s->read(s->user, head + 10, 2)) return truncated(err);
        n |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (n > NPY_HEADER_LIMIT) return err_set(err, NARU_LIMIT, "npy: a header of %zu bytes", n);
    if (n > s->size - prefix) return truncated(err);
    char *text = mem_alloc(n);
    if (!text) return err_oom(err);
    naru_status st = s->read(s->user, text, n) ? npy_header_parse(text, n, h, err) : truncated(err);
    mem_free(text);
    *payload = s->size - prefix - n;
    return st;
}

static void swap_bytes(uint8_t *p, size_t n, size_t size) {
    for (size_t i = 0; i + size <= n; i += size)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            uint8_t t = p[i + a];
            p[i + a] = p[i + b];
            p[i + b] = t;
        }
}

static naru_status read_plain(const npy_source *s, const npy_header *h, naru_tensor *t, naru_error *err) {
    size_t n = tensor_bytes(t), unit = dtype_is_complex(t->dtype) ? h->elem.size / 2 : h->elem.size;
    if (!s->read(s->user, t->data, n)) return truncated(err);
    if (h->elem.swap) swap_bytes(t->data, n, unit);
    if (t->dtype == NARU_BOOL)
        for (size_t i = 0; i < n; i++) ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
    return NARU_OK;
}

/* One byte per element in the file; packed in the tensor. The low bits of the byte are the element's code. */
static naru_status read_packed(const npy_source *s, naru_tensor *t, naru_error *err) {
    int bits = naru_dtype_bits(t->dtype);
    memset(t->data, 0, tensor_bytes(t));
    uint8_t *out = t->data, code;
    for (int64_t i = 0, n = tensor_count(t); i < n; i++) {
        if (!s->read(s->user, &code, 1)) return truncated(err);
        size_t at = (size_t)i * (size_t)bits;
        unsigned v = (code & ((1u << bits) - 1)) << at % 8;
        out[at / 8] |= (uint8_t)v;
        if (v >> 8) out[at / 8 + 1] |= (uint8_t)(v >> 8);
    }
    return NARU_OK;
}

/* UTF-8 of one code point; anything that is none becomes U+FFFD. */
static size_t utf8_put(uint32_t c, char out[4]) {
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63)), out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static void text_to_utf8(const uint8_t *raw, size_t chars, bool swap, str *out) {
    for (size_t i = 0; i < chars; i++) {
        const uint8_t *p = raw + 4 * i;
        uint32_t c = swap ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                          : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
        char utf[4];
        str_add_n(out, utf, utf8_put(c, utf));
    }
}

/* NumPy pads with NULs, so trailing ones do not belong to the text. */
static naru_status read_strings(const npy_source *s, const npy_header *h, naru_tensor *t, naru_error *err) {
    size_t size = h->elem.size, unit = h->elem.text ? 4 : 1;
    uint8_t *raw = mem_alloc(size);
    str utf = {0};
    naru_status st = raw ? NARU_OK : err_oom(err);
    for (int64_t i = 0, count = tensor_count(t); st == NARU_OK && i < count; i++) {
        if (!s->read(s->user, raw, size)) {
            st = truncated(err);
            break;
        }
        size_t n = size;
        while (n && raw[n - 1] == 0) n--;
        n = align_up(n, unit);
        utf.len = 0;
        if (h->elem.text) text_to_utf8(raw, n / 4, h->elem.swap, &utf);
        else str_add_n(&utf, (const char *)raw, n);
        st = utf.failed ? err_oom(err) : naru_tensor_set_string(t, i, utf.data, utf.len, err);
    }
    str_free(&utf);
    mem_free(raw);
    return st;
}

/* t holds the elements in Fortran order under reversed dims; *out gets them in C order. */
static naru_status from_fortran(naru_tensor *t, const npy_header *h, naru_tensor **out, naru_error *err) {
    naru_tensor *view;
    int64_t strides[NARU_MAX_RANK], stride = 1;
    for (int d = 0; d < h->rank; d++) {
        strides[d] = stride;
        stride *= i64_max(h->dims[d], 1);
    }
    TRY(tensor_new_view(t->storage, t->data, t->dtype, h->rank, h->dims, strides, &view, err));
    naru_status st = tensor_clone(view, out, err);
    tensor_unref(view);
    return st;
}

static naru_status read_elements(const npy_source *s, const npy_header *h, naru_tensor *t, naru_error *err) {
    if (t->dtype == NARU_STRING) return read_strings(s, h, t, err);
    return naru_dtype_bits(t->dtype) < 8 ? read_packed(s, t, err) : read_plain(s, h, t, err);
}

naru_status npy_read(const npy_source *s, naru_tensor **out, naru_error *err) {
    npy_header h;
    uint64_t payload = 0;
    int64_t count = 0, need;
    TRY(read_header(s, &h, &payload, err));
    dims_count(h.rank, h.dims, &count);
    if (!i64_mul(count, (int64_t)h.elem.size, &need) || (uint64_t)need > payload)
        return err_set(err, NARU_BAD_FILE,
                       "npy: the shape needs %lld elements of %zu bytes, the file has %llu bytes of data",
                       (long long)count, h.elem.size, (unsigned long long)payload);
    if (h.elem.size == 0 && count > 1 << 20)
        return err_set(err, NARU_LIMIT, "npy: %lld empty strings", (long long)count);
    bool reorder = h.fortran && h.rank > 1;
    if (reorder && naru_dtype_bits(h.elem.dtype) < 8 && h.elem.dtype != NARU_STRING)
        return err_set(err, NARU_UNSUPPORTED, "npy: Fortran order of %s is not read", naru_dtype_name(h.elem.dtype));
    naru_tensor *t;
    TRY(tensor_new(h.elem.dtype, h.rank, h.dims, &t, err));
    naru_status st = read_elements(s, &h, t, err);
    if (st == NARU_OK && !reorder) return *out = t, NARU_OK;
    if (st == NARU_OK) st = from_fortran(t, &h, out, err);
    tensor_unref(t);
    return st;
}

typedef struct memory {
    const uint8_t *p;
    size_t left;
} memory;

static bool read_memory(void *user, void *dst, size_t n) {
    memory *m = user;
    if (n > m->left) return false;
    if (n) memcpy(dst, m->p, n);
    m->p += n;
    m->left -= n;
    return true;
}

naru_status npy_read_memory(const void *data, size_t size, naru_tensor **out, naru_error *err) {
    memory m = {data, size};
    return npy_read(&(npy_source){read_memory, &m, size}, out, err);
}

naru_status npy_load(const char *path, naru_tensor **out, naru_error *err) {
    file_map *file;
    TRY(file_map_open(path, true, &file, err));
    naru_status st = npy_read_memory(file->data, file->size, out, err);
    file_map_unref(file);
    return err_context(err, st, "%s", path);
}

/* ---- writing ---- */
/* Decodes one code point of s[0..n); 0 bytes used: not UTF-8. */
static size_t utf8_get(const char *s, size_t n, uint32_t *out) {
    const uint8_t *p = (const uint8_t *)s;
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : (p[0] & 0xf0) == 0xe0       ? 3
                 : (p[0] & 0xf8) == 0xf0       ? 4
                                               : 0;
    if (!len || len > n) return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 63);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
    *out = c;
    return len;
}

/* Characters of a string, or -1 when it is not UTF-8. */
static int64_t utf8_length(const tensor_str *s) {
    int64_t n = 0;
    uint32_t c;
    for (size_t at = 0, used; at < s->len; at += used, n++)
        if (!(used = utf8_get(s->ptr + at, s->len - at, &c))) return -1;
    return n;
}

static npy_elem string_elem(const naru_tensor *t) {
    npy_elem e = {.dtype = NARU_STRING, .text = true};
    size_t chars = 1, longest = 1;
    for (int64_t i = 0, n = tensor_count(t); i < n; i++) {
        const tensor_str *s = &tensor_strings(t)[i];
        int64_t len = utf8_length(s);
        if (len < 0) e.text = false; /* bytes that are no text */
        else if ((size_t)len > chars) chars = (size_t)len;
        if (s->len > longest) longest = s->len;
    }
    e.size = e.text ? 4 * chars : longest;
    return e;
}

npy_elem npy_elem_of(const naru_tensor *t) {
    if (t->dtype == NARU_STRING) return string_elem(t);
    return (npy_elem){.dtype = t->dtype, .size = ((size_t)naru_dtype_bits(t->dtype) + 7) / 8};
}

static void print_string(const tensor_str *s, npy_elem e, str *out) {
    size_t start = out->len;
    uint32_t c;
    if (!e.text) str_add_n(out, s->ptr ? s->ptr : "", s->len);
    else
        for (size_t at = 0; at < s->len;
             at += utf8_get(s->ptr + at, s->len - at, &c), str_add_n(out, (const char *)&c, 4)) {}
    while (!out->failed && out->len - start < e.size) str_add_n(out, "", 1);
}

static void print_elements(const naru_tensor *t, npy_elem e, str *out) {
    int64_t count = tensor_count(t);
    int bits = naru_dtype_bits(t->dtype);
    if (t->dtype == NARU_STRING)
        for (int64_t i = 0; i < count; i++) print_string(&tensor_strings(t)[i], e, out);
    else if (bits >= 8) str_add_n(out, t->data, tensor_bytes(t));
    else
        for (int64_t i = 0; i < count; i++) {
            size_t at = (size_t)i * (size_t)bits;
            const uint8_t *p = (const uint8_t *)t->data + at / 8;
            unsigned v = (unsigned)p[0] >> at % 8;
            if (at % 8 + (size_t)bits > 8) v |= (unsigned)p[1] << (8 - at % 8);
            v &= (1u << bits) - 1;
            if (dtype_is_signed(t->dtype) && v >> (bits - 1)) v |= 0xffu << bits; /* NumPy reads an int8 */
            str_add_n(out, (const char[]){(char)v}, 1);
        }
}

naru_status npy_print(const naru_tensor *t, str *out, naru_error *err) {
    naru_tensor *flat;
    TRY(tensor_contiguous((naru_tensor *)t, &flat, err));
    npy_elem e = npy_elem_of(flat);
    npy_header_print(flat, e, out);
    print_elements(flat, e, out);
    tensor_unref(flat);
    return out->failed ? err_oom(err) : NARU_OK;
}

naru_status npy_save(const naru_tensor *t, const char *path, naru_error *err) {
    str file = {0};
    naru_status st = npy_print(t, &file, err);
    if (st == NARU_OK) st = file_write(path, file.data, file.len, err);
    str_free(&file);
    return st;
}
