/* SPDX-License-Identifier: MIT
 *
 * TypeProto: 1 tensor {1 elem_type, 2 shape}, 4 sequence {1 elem}, 5 map {1 key_type, 2 value}, 7 opaque {1 domain, 2
 * name}, 8 sparse tensor, 9 optional {1 elem}. TensorShapeProto: 1 dim {1 dim_value, 2 dim_param}.
 */
#include "formats/onnx/source.h"

static naru_status read_type(onnx_source *s, symtab *syms, wire w, type *out, int depth, naru_error *err);

static naru_status read_dim(onnx_source *s, symtab *syms, const wire *w, const wire_field *f, dim_t *out,
                            naru_error *err) {
    wire in;
    *out = DIM_UNKNOWN;
    TRY(wire_enter(w, f, &in, err));
    for (wire_field g;;) {
        TRY(wire_next(&in, &g, err));
        if (!g.number) return NARU_OK;
        if (g.number == 1) {
            TRY(wire_want(&in, &g, WIRE_VARINT, err));
            *out = (int64_t)g.v >= 0 ? (dim_t)g.v : DIM_UNKNOWN;
        } else if (g.number == 2) {
            const char *name;
            TRY(onnx_text(s, &in, &g, &name, err));
            *out = *name ? sym_name(syms, name) : DIM_UNKNOWN;
        }
    }
}

static naru_status read_shape(onnx_source *s, symtab *syms, const wire *w, const wire_field *f, type *out,
                              naru_error *err) {
    wire in;
    TRY(wire_enter(w, f, &in, err));
    out->has_rank = true;
    out->rank = 0;
    for (wire_field g;;) {
        TRY(wire_next(&in, &g, err));
        if (!g.number) return NARU_OK;
        if (g.number != 1) continue;
        if (out->rank == NARU_MAX_RANK)
            return err_set(err, NARU_LIMIT, "a type with more than %d dimensions", NARU_MAX_RANK);
        TRY(read_dim(s, syms, &in, &g, &out->dims[out->rank], err));
        out->rank++;
    }
}

static naru_status read_tensor(onnx_source *s, symtab *syms, wire w, type *out, naru_error *err) {
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 1) {
            TRY(wire_want(&w, &f, WIRE_VARINT, err));
            out->dtype = f.v < NARU_DTYPES ? (naru_dtype)f.v : NARU_UNDEFINED;
        } else if (f.number == 2) TRY(read_shape(s, syms, &w, &f, out, err));
    }
}

static naru_status read_opaque(onnx_source *s, wire w, type *out, naru_error *err) {
    out->domain = out->name = "";
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 1) TRY(onnx_text(s, &w, &f, &out->domain, err));
        if (f.number == 2) TRY(onnx_text(s, &w, &f, &out->name, err));
    }
}

/* sequence, optional: element in field 1; map: key type in field 1, value in field 2. */
static naru_status read_nested(onnx_source *s, symtab *syms, wire w, type *out, int depth, naru_error *err) {
    uint32_t elem_field = out->kind == TYPE_MAP ? 2 : 1;
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == elem_field) {
            wire in;
            type *elem = arena_calloc(s->arena, 1, sizeof *elem);
            if (!elem) return err_oom(err);
            TRY(wire_enter(&w, &f, &in, err));
            TRY(read_type(s, syms, in, elem, depth + 1, err));
            out->elem = elem;
        } else if (out->kind == TYPE_MAP && f.number == 1) {
            TRY(wire_want(&w, &f, WIRE_VARINT, err));
            out->dtype = f.v < NARU_DTYPES ? (naru_dtype)f.v : NARU_UNDEFINED;
        }
    }
}

static type_kind kind_of(uint32_t field) {
    switch (field) {
    case 1: return TYPE_TENSOR;
    case 4: return TYPE_SEQUENCE;
    case 5: return TYPE_MAP;
    case 7: return TYPE_OPAQUE;
    case 8: return TYPE_SPARSE;
    case 9: return TYPE_OPTIONAL;
    default: return TYPE_UNKNOWN;
    }
}

static naru_status read_type(onnx_source *s, symtab *syms, wire w, type *out, int depth, naru_error *err) {
    if (depth > 16) return err_set(err, NARU_LIMIT, "types are nested more than 16 deep");
    *out = (type){0};
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        type_kind kind = kind_of(f.number);
        wire in;
        if (kind == TYPE_UNKNOWN) continue;
        *out = (type){.kind = kind};
        TRY(wire_enter(&w, &f, &in, err));
        if (kind == TYPE_TENSOR || kind == TYPE_SPARSE) TRY(read_tensor(s, syms, in, out, err));
        else if (kind == TYPE_OPAQUE) TRY(read_opaque(s, in, out, err));
        else TRY(read_nested(s, syms, in, out, depth, err));
    }
}

naru_status onnx_read_type(onnx_source *s, symtab *syms, wire w, type *out, naru_error *err) {
    return read_type(s, syms, w, out, 0, err);
}
