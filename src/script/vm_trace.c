/* SPDX-License-Identifier: MIT
 *
 * How a failure of the machine is told: exceptions with their class, and the traceback in PyTorch's form, outermost
 * call first, each place marked in its line.
 */
#include <stdarg.h>
#include <stdio.h>

#include "script/vm.h"

static const char *last_part(const char *qualified) {
    const char *dot = strrchr(qualified, '.');
    return dot && dot[1] ? dot + 1 : qualified;
}

naru_status vm_raise_text(vm *m, naru_error *err, const char *exception, const char *text, size_t n) {
    if (!exception || !exception[0]) exception = "RuntimeError";
    snprintf(m->raised, sizeof m->raised, "%s", exception);
    str_free(&m->message);
    str_add_n(&m->message, text, n);
    return err_set(err, NARU_SCRIPT, "%s:%s%s", last_part(exception), n ? " " : "", str_text(&m->message));
}

naru_status vm_raise(vm *m, naru_error *err, const char *exception, const char *fmt, ...) {
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    return vm_raise_text(m, err, exception, text, len);
}

/* The widest node that begins at a byte, as far as its line goes. */
static void widen(const ast *n, src_range *at) {
    if (n->at.start == at->start && n->at.end > at->end) at->end = n->at.end;
    for (uint32_t i = 0; i < n->count; i++) {
        const ast *kid = n->kids[i];
        if (kid && kid->at.start <= at->start && at->start < kid->at.end) widen(kid, at);
    }
}

static src_range place_of(const frame *f) {
    const sfunction *fn = f->fn;
    src_range at = {.src = fn->src};
    if (!fn->src || !fn->code.pos || f->pc < 0 || f->pc >= fn->code.ninsns) return (src_range){0};
    at.start = fn->code.pos[f->pc];
    if (at.start >= fn->src->size) return (src_range){0};
    at.end = at.start + 1;
    if (fn->def) widen(fn->def, &at);
    const char *text = fn->src->text + at.start, *line_end = memchr(text, '\n', at.end - at.start);
    if (line_end) at.end = at.start + (uint32_t)(line_end - text);
    return at;
}

/* "  File "x.py", line 3, in forward", then the excerpt. */
static void tell_frame(const frame *f, str *s) {
    src_range at = place_of(f);
    if (!at.src) {
        str_addf(s, "  in %s\n", f->fn->qualname ? f->fn->qualname : f->fn->name);
        return;
    }
    str excerpt = {0};
    source_excerpt(&excerpt, at);
    const char *text = str_text(&excerpt);
    size_t head = strcspn(text, "\n");
    str_add_n(s, text, head);
    str_addf(s, ", in %s", f->fn->name);
    str_add(s, text + head);
    if (excerpt.len && text[excerpt.len - 1] != '\n') str_add(s, "\n");
    str_free(&excerpt);
}

static void tell_frames(const frame *top, str *s) {
    enum { SHOWN = 20 }; /* of the innermost, and of the outermost calls */
    int n = 0, i = 0;
    for (const frame *f = top; f; f = f->up) n++;
    for (int k = n - 1; k >= 0; k--, i++) {
        if (n > 2 * SHOWN && k == n - 1 - SHOWN) str_addf(s, "  ... %d calls\n", n - 2 * SHOWN);
        if (i >= SHOWN && k >= SHOWN) continue;
        const frame *f = top;
        for (int up = 0; up < k; up++) f = f->up;
        tell_frame(f, s);
    }
}

static void say_where(const frame *f, naru_status st, naru_error *err) {
    src_range at = place_of(f);
    uint32_t line, column;
    if (!at.src || st == NARU_CANCELLED || st == NARU_OUT_OF_MEMORY) return;
    source_position(at.src, at.start, &line, &column);
    err_context(err, st, "%s:%u, in %s", at.src->name, line, f->fn->name);
}

void vm_where(const vm *m, str *out) {
    src_range at = m->top ? place_of(m->top) : (src_range){0};
    uint32_t line, column;
    if (!at.src) return;
    source_position(at.src, at.start, &line, &column);
    str_addf(out, "%s:%u, in %s", at.src->name, line, m->top->fn->name);
}

void vm_trace(vm *m, naru_status st, naru_error *err) {
    if (m->trace.len) return; /* told by a machine inside this one */
    str *s = &m->trace;
    str_add(s, "The following operation failed in the TorchScript interpreter.\n"
               "Traceback of TorchScript, serialized code (most recent call last):\n");
    tell_frames(m->top, s);
    if (st == NARU_SCRIPT) str_addf(s, "%s: %s\n", m->raised, str_text(&m->message));
    else str_addf(s, "%s\n", err ? err->message : naru_status_text(st));
    if (st != NARU_SCRIPT && m->top) say_where(m->top, st, err);
}
