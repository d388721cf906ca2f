/* SPDX-License-Identifier: MIT
 *
 * TypeProto out; the numbers are those of type_read.c. A symbolic dimension is written as its expression's text.
 */
#include "formats/onnx/writer.h"

static void put_shape(str *s, const symtab *syms, const type *t) {
    str shape = {0};
    for (int i = 0; i < t->rank; i++) {
        str dim = {0}, text = {0};
        if (dim_is_const(t->dims[i])) wire_put_int(&dim, 1, t->dims[i]);
        else if (dim_is_known(t->dims[i])) {
            sym_print(syms, t->dims[i], &text);
            wire_put_text(&dim, 2, str_text(&text));
        }
        dim.failed |= text.failed;
        str_free(&text);
        wire_put_message(&shape, 1, &dim);
    }
    wire_put_message(s, 2, &shape);
}

static void put_nested(str *s, const symtab *syms, uint32_t number, const type *elem) {
    str inner = {0};
    if (elem) onnx_put_type(&inner, syms, elem);
    wire_put_message(s, number, &inner);
}

void onnx_put_type(str *s, const symtab *syms, const type *t) {
    str in = {0};
    switch (t->kind) {
    case TYPE_UNKNOWN: return;
    case TYPE_TENSOR:
    case TYPE_SPARSE:
        if (t->dtype) wire_put_int(&in, 1, t->dtype);
        if (t->has_rank) put_shape(&in, syms, t);
        wire_put_message(s, t->kind == TYPE_TENSOR ? 1 : 8, &in);
        return;
    case TYPE_SEQUENCE:
    case TYPE_OPTIONAL:
        put_nested(&in, syms, 1, t->elem);
        wire_put_message(s, t->kind == TYPE_SEQUENCE ? 4 : 9, &in);
        return;
    case TYPE_MAP:
        if (t->dtype) wire_put_int(&in, 1, t->dtype);
        put_nested(&in, syms, 2, t->elem);
        wire_put_message(s, 5, &in);
        return;
    case TYPE_OPAQUE:
        wire_put_text_opt(&in, 1, t->domain);
        wire_put_text_opt(&in, 2, t->name);
        wire_put_message(s, 7, &in);
    }
}
