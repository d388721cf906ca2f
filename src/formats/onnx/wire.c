/* SPDX-License-Identifier: MIT
 *
 * Wire format: tag = number << 3 | type; varints are little-endian groups of 7 bits, ten bytes at most.
 */
#include "formats/onnx/wire.h"

#include <string.h>

static naru_status damaged(const wire *w, const uint8_t *at, const char *what, naru_error *err) {
    int64_t offset = at - w->base;
    return err_at(err, NARU_BAD_FILE, offset, "at byte %lld: %s", (long long)offset, what);
}

bool wire_varint(const uint8_t **p, const uint8_t *end, uint64_t *v) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && *p < end; shift += 7) {
        uint8_t b = *(*p)++;
        value |= (uint64_t)(b & 0x7f) << (shift < 64 ? shift : 63);
        if (b < 0x80) {
            *v = value;
            return true;
        }
    }
    return false;
}

static uint64_t little(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static naru_status read_field(wire *w, wire_field *f, int depth, naru_error *err);

/* A group (long out of use) is skipped whole, so that it can be kept as an unknown field. */
static naru_status skip_group(wire *w, const wire_field *open, int depth, naru_error *err) {
    if (depth >= WIRE_DEPTH) return damaged(w, open->start, "fields are nested too deeply", err);
    for (;;) {
        wire_field f;
        if (w->p == w->end) return damaged(w, w->p, "the file ends within a group", err);
        TRY(read_field(w, &f, depth + 1, err));
        if (f.type != WIRE_GROUP_END) continue;
        return f.number == open->number ? NARU_OK : damaged(w, f.start, "a group ends that was not begun", err);
    }
}

static naru_status read_field(wire *w, wire_field *f, int depth, naru_error *err) {
    *f = (wire_field){.start = w->p};
    uint64_t tag;
    if (!wire_varint(&w->p, w->end, &tag)) return damaged(w, f->start, "a field's tag is cut off", err);
    f->type = (int)(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return damaged(w, f->start, "no field has this number", err);
    f->number = (uint32_t)(tag >> 3);
    size_t left = (size_t)(w->end - w->p);
    switch (f->type) {
    case WIRE_VARINT:
        return wire_varint(&w->p, w->end, &f->v) ? NARU_OK : damaged(w, f->start, "a number is cut off", err);
    case WIRE_FIXED64:
    case WIRE_FIXED32: {
        int n = f->type == WIRE_FIXED64 ? 8 : 4;
        if (left < (size_t)n) return damaged(w, f->start, "a number is cut off", err);
        f->v = little(w->p, n);
        w->p += n;
        return NARU_OK;
    }
    case WIRE_BYTES: {
        uint64_t n;
        if (!wire_varint(&w->p, w->end, &n)) return damaged(w, f->start, "a length is cut off", err);
        if (n > (uint64_t)(w->end - w->p)) return damaged(w, f->start, "a field is longer than what holds it", err);
        f->data = w->p;
        f->len = (size_t)n;
        w->p += n;
        return NARU_OK;
    }
    case WIRE_GROUP: return skip_group(w, f, depth, err);
    case WIRE_GROUP_END: return NARU_OK;
    default: return damaged(w, f->start, "no wire type has this number", err);
    }
}

naru_status wire_next(wire *w, wire_field *f, naru_error *err) {
    if (w->p == w->end) {
        *f = (wire_field){0};
        return NARU_OK;
    }
    TRY(read_field(w, f, 0, err));
    return f->type == WIRE_GROUP_END ? damaged(w, f->start, "a group ends that was not begun", err) : NARU_OK;
}

naru_status wire_want(const wire *w, const wire_field *f, int type, naru_error *err) {
    if (f->type == type) return NARU_OK;
    int64_t offset = f->start - w->base;
    return err_at(err, NARU_BAD_FILE, offset, "at byte %lld: field %u has wire type %d, needs %d", (long long)offset,
                  f->number, f->type, type);
}

naru_status wire_enter(const wire *w, const wire_field *f, wire *inner, naru_error *err) {
    TRY(wire_want(w, f, WIRE_BYTES, err));
    *inner = (wire){w->base, f->data, f->data + f->len};
    return NARU_OK;
}

static int fixed_size(int type) { return type == WIRE_FIXED64 ? 8 : 4; }

naru_status wire_count(const wire *w, const wire_field *f, int type, int64_t *count, naru_error *err) {
    if (f->type == type) {
        *count = 1;
        return NARU_OK;
    }
    TRY(wire_want(w, f, WIRE_BYTES, err));
    if (type != WIRE_VARINT) {
        *count = (int64_t)(f->len / (size_t)fixed_size(type));
        return f->len % (size_t)fixed_size(type) ? damaged(w, f->start, "packed numbers are cut off", err) : NARU_OK;
    }
    *count = 0;
    for (const uint8_t *p = f->data, *end = f->data + f->len; p < end; ++*count) {
        uint64_t v;
        if (!wire_varint(&p, end, &v)) return damaged(w, f->start, "packed numbers are cut off", err);
    }
    return NARU_OK;
}

const uint8_t *wire_first(const wire_field *f) { return f->type == WIRE_BYTES ? f->data : f->start; }

bool wire_entry(const wire_field *f, int type, const uint8_t **p, uint64_t *v) {
    if (f->type != WIRE_BYTES) { /* one number, already decoded; p moves once */
        if (*p != f->start) return false;
        ++*p;
        *v = f->v;
        return true;
    }
    const uint8_t *end = f->data + f->len;
    if (*p >= end) return false;
    if (type == WIRE_VARINT) return wire_varint(p, end, v);
    *v = little(*p, fixed_size(type));
    *p += fixed_size(type);
    return true;
}

/* ---- writing ---- */
void wire_put_varint(str *s, uint64_t v) {
    char buf[10];
    size_t n = 0;
    do buf[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    while (v >>= 7);
    str_add_n(s, buf, n);
}

static void put_tag(str *s, uint32_t number, int type) { wire_put_varint(s, (uint64_t)number << 3 | (unsigned)type); }

void wire_put_int(str *s, uint32_t number, int64_t v) {
    put_tag(s, number, WIRE_VARINT);
    wire_put_varint(s, (uint64_t)v);
}

void wire_put_float(str *s, uint32_t number, float v) {
    put_tag(s, number, WIRE_FIXED32);
    str_add_n(s, (const char *)&v, sizeof v);
}

void wire_put_bytes(str *s, uint32_t number, const void *data, size_t n) {
    put_tag(s, number, WIRE_BYTES);
    wire_put_varint(s, n);
    str_add_n(s, data, n);
}

void wire_put_text(str *s, uint32_t number, const char *text) { wire_put_bytes(s, number, text, strlen(text)); }

void wire_put_text_opt(str *s, uint32_t number, const char *text) {
    if (text && *text) wire_put_text(s, number, text);
}

void wire_put_message(str *s, uint32_t number, str *inner) {
    wire_put_bytes(s, number, str_text(inner), inner->len);
    if (inner->failed) s->failed = true;
    str_free(inner);
}
