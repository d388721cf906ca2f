/* SPDX-License-Identifier: MIT
 *
 * Protocol buffer wire format over bytes in memory. Nothing is believed: every length is checked against the message
 * that holds it, and what runs past it is an error that gives the file offset. See onnx/reader.c for who uses it.
 */
#ifndef FORMATS_ONNX_WIRE_H
#define FORMATS_ONNX_WIRE_H

#include "base/error.h"
#include "base/str.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_GROUP = 3, WIRE_GROUP_END = 4, WIRE_FIXED32 = 5 };
enum { WIRE_DEPTH = 100 }; /* messages within messages, and groups */

typedef struct wire {
    const uint8_t *base; /* start of the file: offsets count from here */
    const uint8_t *p, *end;
} wire;

typedef struct wire_field {
    uint32_t number; /* 0: the message is over */
    int type;
    uint64_t v;          /* VARINT, FIXED64, FIXED32 */
    const uint8_t *data; /* BYTES */
    size_t len;
    const uint8_t *start; /* of the tag: [start, w->p) is the whole field */
} wire_field;

/* The next field; number 0 at the end. */
naru_status wire_next(wire *w, wire_field *f, naru_error *err);
/* f's content as a message. Errors: f is not a length-delimited field. */
naru_status wire_enter(const wire *w, const wire_field *f, wire *inner, naru_error *err);
/* f must be of that wire type. */
naru_status wire_want(const wire *w, const wire_field *f, int type, naru_error *err);
bool wire_varint(const uint8_t **p, const uint8_t *end, uint64_t *v);

/* Repeated numbers, packed or not: how many entries this occurrence holds (element wire type: VARINT, FIXED32,
 * FIXED64). */
naru_status wire_count(const wire *w, const wire_field *f, int type, int64_t *count, naru_error *err);
/* Walks the entries of one occurrence: p starts at wire_first; false at its end. Only after wire_count succeeded. */
const uint8_t *wire_first(const wire_field *f);
bool wire_entry(const wire_field *f, int type, const uint8_t **p, uint64_t *v);

/* ---- writing: appends to a str ---- */
void wire_put_varint(str *s, uint64_t v);
void wire_put_int(str *s, uint32_t number, int64_t v);
void wire_put_float(str *s, uint32_t number, float v);
void wire_put_bytes(str *s, uint32_t number, const void *data, size_t n);
void wire_put_text(str *s, uint32_t number, const char *text);     /* always, "" too */
void wire_put_text_opt(str *s, uint32_t number, const char *text); /* not when NULL or "" */
void wire_put_message(str *s, uint32_t number, str *inner);        /* and frees inner */

#endif
