/* SPDX-License-Identifier: MIT
 *
 * Small things that all parts of the ONNX reader use: text, raw fields, mappings as storage.
 */
#include "formats/onnx/source.h"

static void release_map(void *m) { file_map_unref(m); }

storage *onnx_map_storage(file_map *m) {
    storage *s = storage_new((void *)m->data, m->size, release_map, m);
    if (!s) file_map_unref(m);
    return s;
}

void onnx_source_close(onnx_source *s) {
    for (size_t i = 0; i < s->externals.cap; i++)
        if (s->externals.entries[i].key) storage_unref(s->externals.entries[i].ptr);
    strmap_free(&s->externals);
    storage_unref(s->whole);
    s->whole = NULL;
}

naru_status onnx_text(onnx_source *s, const wire *w, const wire_field *f, const char **out, naru_error *err) {
    TRY(wire_want(w, f, WIRE_BYTES, err));
    if (f->len && memchr(f->data, 0, f->len)) {
        int64_t offset = f->start - w->base;
        return err_at(err, NARU_BAD_FILE, offset, "at byte %lld: text with a NUL inside", (long long)offset);
    }
    *out = arena_strndup(s->arena, (const char *)f->data, f->len);
    return *out ? NARU_OK : err_oom(err);
}

void onnx_keep(str *raw, const wire *w, const wire_field *f) {
    str_add_n(raw, (const char *)f->start, (size_t)(w->p - f->start));
}

naru_status onnx_kept(onnx_source *s, str *raw, bytes *out, naru_error *err) {
    bool failed = raw->failed;
    if (!failed && raw->len) {
        out->data = arena_strndup(s->arena, raw->data, raw->len);
        out->len = raw->len;
        failed = !out->data;
    }
    str_free(raw);
    return failed ? err_oom(err) : NARU_OK;
}

naru_status onnx_read_pair(onnx_source *s, const wire *w, const wire_field *f, const char **key, const char **text,
                           naru_error *err) {
    wire in;
    *key = *text = "";
    TRY(wire_enter(w, f, &in, err));
    for (wire_field g;;) {
        TRY(wire_next(&in, &g, err));
        if (!g.number) return NARU_OK;
        if (g.number == 1) TRY(onnx_text(s, &in, &g, key, err));
        if (g.number == 2) TRY(onnx_text(s, &in, &g, text, err));
    }
}
