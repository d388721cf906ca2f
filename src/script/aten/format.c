/* SPDX-License-Identifier: MIT
 *
 * Text of values: str(), "{}".format(...), "%d" % ..., print. Fields are plain: no widths, no conversions.
 */
#include "script/aten/number.h"

void aten_text_str(lower *L) {
    str s = {0};
    sv v = arg(L, 0);
    if (!host_known(L, v)) return;
    if (v.tag == SV_STR) return ret_value(L, sv_keep(v));
    sv_print(v, &s);
    host_ret_text(L, &s);
}

/* What "{}" stands for, in turn; other braces are text. */
void aten_text_format(lower *L) {
    const sstr *f = host_str(L, 0);
    str s = {0};
    int next = 1;
    if (!f) return;
    const char *p = f->data, *end = p + f->len, *hit;
    while ((hit = memmem(p, (size_t)(end - p), "{}", 2)) && lower_ok(L)) {
        str_add_n(&s, p, (size_t)(hit - p));
        p = hit + 2;
        if (next >= L->nargs) lower_raise(L, "RuntimeError", "Too few arguments for format string: %s", f->data);
        else if (host_known(L, arg(L, next))) sv_print(arg(L, next++), &s);
    }
    str_add_n(&s, p, (size_t)(end - p));
    host_ret_text(L, &s);
}

/* PyTorch's own names of values, in its messages. */
static const char *inner_name(sv v) {
    switch (v.tag) {
    case SV_NONE: return "None";
    case SV_BOOL: return "Bool";
    case SV_INT: return "Int";
    case SV_FLOAT: return "Double";
    case SV_COMPLEX: return "ComplexDouble";
    case SV_STR: return "String";
    case SV_LIST: return "GenericList";
    case SV_DICT: return "GenericDict";
    default: return sv_tag_name(v.tag);
    }
}

/* %d of a float is 32 bits wide, and %e and %f round to float, in PyTorch. */
static int64_t whole_part(double f) { return f > -0x1p31 - 1 && f < 0x1p31 ? (int64_t)f : INT32_MIN; }

static void percent_number(lower *L, char key, sv v, str *s) {
    double x;
    if (!num_real(v, &x)) {
        lower_raise(L, "RuntimeError", "%%%c requires a number for formatting, but got %s", key, inner_name(v));
        return;
    }
    double shown = (double)(float)x;
    switch (key) {
    case 'e': str_addf(s, "%e", shown); break;
    case 'E': str_addf(s, "%E", shown); break;
    case 'f':
    case 'F': str_addf(s, key == 'F' ? "%F" : "%f", shown); break;
    default: str_addf(s, "%lld", (long long)(v.tag == SV_FLOAT ? whole_part(v.f) : v.tag == SV_INT ? v.i : v.b));
    }
}

static void percent_char(lower *L, sv v, str *s) {
    if (v.tag == SV_INT) {
        char c = (char)v.i;
        str_add_n(s, &c, 1);
    } else if (v.tag == SV_STR && sv_string(v)->len == 1) {
        str_add_n(s, sv_string(v)->data, 1);
    } else {
        lower_raise(L, "RuntimeError", "%%c requires an int or char for formatting, but got %s", inner_name(v));
    }
}

static void percent_field(lower *L, char key, sv v, str *s) {
    if (!host_known(L, v)) return;
    switch (key) {
    case 'd':
    case 'i':
    case 'e':
    case 'E':
    case 'f':
    case 'F': percent_number(L, key, v, s); break;
    case 'c': percent_char(L, v, s); break;
    case 's': sv_print(v, s); break;
    default: lower_raise(L, "RuntimeError", "The specifier %%%c is not supported in TorchScript format strings", key);
    }
}

void aten_text_percent(lower *L) {
    const sstr *f = host_str(L, 0);
    str s = {0};
    int n = L->nargs - 1, next = 0;
    const sv *items = L->args + 1;
    if (!f) return;
    if (n == 1 && items[0].tag == SV_TUPLE) { /* "..." % (a, b) */
        n = sv_tuple(items[0])->n;
        items = sv_tuple(items[0])->items;
    }
    for (size_t i = 0; i < f->len && lower_ok(L); i++) {
        if (f->data[i] != '%') {
            str_add_n(&s, f->data + i, 1);
        } else if (++i >= f->len) {
            lower_raise(L, "RuntimeError", "Incomplete format specifier");
        } else if (f->data[i] == '%') {
            str_add_n(&s, "%", 1);
        } else if (next >= n) {
            lower_raise(L, "RuntimeError", "Too few arguments for format string");
        } else {
            percent_field(L, f->data[i], items[next++], &s);
        }
    }
    if (lower_ok(L) && next < n) lower_raise(L, "RuntimeError", "Too many arguments for format string");
    host_ret_text(L, &s);
}

/* print(): words with blanks between, to whoever listens. A recording is silent. */
void aten_text_print(lower *L) {
    str s = {0};
    if (!L->vm->print || lower_recording(L)) return;
    for (int i = 0; i < L->nargs; i++) {
        if (i) str_add(&s, " ");
        sv_print(arg(L, i), &s);
    }
    str_add(&s, "\n");
    if (s.failed) host_oom(L);
    else L->vm->print(L->vm->print_user, s.data, s.len);
    str_free(&s);
}

void aten_text_print_plain(lower *L) { /* aten::_print(str s) */
    const sstr *s = host_str(L, 0);
    if (s && L->vm->print && !lower_recording(L)) L->vm->print(L->vm->print_user, s->data, s->len);
}
