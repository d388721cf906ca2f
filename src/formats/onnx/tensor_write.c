/* SPDX-License-Identifier: MIT
 *
 * TensorProto and SparseTensorProto out: raw_data (strings: string_data), or external_data when asked for.
 */
#include "formats/onnx/writer.h"

#include <stdio.h>

enum { EXTERNAL_MIN = 1024, EXTERNAL_ALIGN = 4096 };

void onnx_put_raw(str *s, bytes raw) {
    if (raw.len) str_add_n(s, raw.data, raw.len);
}

static void put_pair(str *s, uint32_t number, const char *key, const char *text) {
    str pair = {0};
    wire_put_text(&pair, 1, key);
    wire_put_text(&pair, 2, text);
    wire_put_message(s, number, &pair);
}

static void write_external(onnx_external *e, const void *data, size_t n) {
    if (e->status == NARU_OK) e->status = file_writer_put(e->file, data, n, e->err);
}

static void put_external(str *s, const naru_tensor *t, onnx_external *e) {
    static const char zeros[EXTERNAL_ALIGN];
    char number[24];
    size_t at = file_writer_size(e->file);
    write_external(e, zeros, align_up(at, EXTERNAL_ALIGN) - at);
    put_pair(s, 13, "location", e->location);
    snprintf(number, sizeof number, "%zu", align_up(at, EXTERNAL_ALIGN));
    put_pair(s, 13, "offset", number);
    snprintf(number, sizeof number, "%zu", tensor_bytes(t));
    put_pair(s, 13, "length", number);
    wire_put_int(s, 14, 1);
    write_external(e, t->data, tensor_bytes(t));
}

static void put_content(str *s, const naru_tensor *t, onnx_external *external) {
    if (t->dtype == NARU_STRING) {
        for (int64_t i = 0; i < tensor_count(t); i++)
            wire_put_bytes(s, 6, tensor_strings(t)[i].ptr, tensor_strings(t)[i].len);
    } else if (external && tensor_bytes(t) >= EXTERNAL_MIN) put_external(s, t, external);
    else wire_put_bytes(s, 9, t->data, tensor_bytes(t));
}

void onnx_put_tensor(str *s, const naru_tensor *t, const char *name, onnx_external *external) {
    for (int i = 0; i < t->rank; i++) wire_put_int(s, 1, t->dims[i]);
    wire_put_int(s, 2, t->dtype);
    wire_put_text_opt(s, 8, name);
    if (tensor_is_contiguous(t)) {
        put_content(s, t, external);
        return;
    }
    naru_tensor *dense;
    if (tensor_clone(t, &dense, NULL) != NARU_OK) {
        s->failed = true;
        return;
    }
    put_content(s, dense, external);
    tensor_unref(dense);
}

static bool is_zero(const char *p, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (p[i]) return false;
    return true;
}

/* Values: the elements with any bit set, in order; indices linear. */
void onnx_put_sparse(str *s, const naru_tensor *t, const char *name) {
    size_t size = dtype_bytes(t->dtype, 1);
    str data = {0}, at = {0}, values = {0}, indices = {0};
    int64_t n = 0;
    for (int64_t i = 0; i < tensor_count(t); i++) {
        const char *p = (const char *)t->data + (size_t)i * size;
        if (is_zero(p, size)) continue;
        str_add_n(&data, p, size);
        str_add_n(&at, (const char *)&i, sizeof i);
        n++;
    }
    wire_put_int(&values, 1, n);
    wire_put_int(&values, 2, t->dtype);
    wire_put_text_opt(&values, 8, name);
    wire_put_bytes(&values, 9, str_text(&data), data.len);
    wire_put_int(&indices, 1, n);
    wire_put_int(&indices, 2, NARU_INT64);
    wire_put_bytes(&indices, 9, str_text(&at), at.len);
    if (data.failed || at.failed) s->failed = true;
    str_free(&data);
    str_free(&at);
    wire_put_message(s, 1, &values);
    wire_put_message(s, 2, &indices);
    for (int i = 0; i < t->rank; i++) wire_put_int(s, 3, t->dims[i]);
}
