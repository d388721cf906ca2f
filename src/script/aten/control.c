/* SPDX-License-Identifier: MIT
 *
 * Identity, optionals, loops' helpers, exceptions, futures, enums, devices, tuples by index, and the state of the
 * program that scripts ask for (gradients, autocasting, tracing: this is inference).
 */
#include <stdio.h>

#include "script/aten/number.h"

/* ---- identity and optionals ---- */
bool fast_is(const sv *a, sv *out) { return *out = sv_bool(sv_is(a[0], a[1])), true; }
bool fast_isnot(const sv *a, sv *out) { return *out = sv_bool(!sv_is(a[0], a[1])), true; }
static void identity(lower *L, bool same) { /* of symbolic numbers too: None is none of them */
    if (lower_ok(L)) ret_bool(L, sv_is(arg(L, 0), arg(L, 1)) == same);
}
void aten_is(lower *L) { identity(L, true); }
void aten_isnot(lower *L) { identity(L, false); }

void aten_same(lower *L) { ret_value(L, sv_keep(arg(L, 0))); }
void aten_unwrap(lower *L) {
    if (arg_none(L, 0)) lower_raise(L, "RuntimeError", "Unwrapping null optional");
    else ret_value(L, sv_keep(arg(L, 0)));
}
void aten_choose(lower *L) { ret_value(L, sv_keep(arg(L, arg_bool(L, 0) ? 1 : 2))); } /* prim::IfThenElse */
void aten_yes(lower *L) { ret_bool(L, true); }
void aten_no(lower *L) { ret_bool(L, false); }

/* ---- loops ---- */
bool fast_derive_index(const sv *a, sv *out) { /* index, start, step */
    if (a[0].tag != SV_INT || a[1].tag != SV_INT || a[2].tag != SV_INT) return false;
    return *out = sv_int((int64_t)((uint64_t)a[1].i + (uint64_t)a[0].i * (uint64_t)a[2].i)), true;
}
SIMPLE(derive_index)

bool fast_range_length(const sv *a, sv *out) {
    if (a[0].tag != SV_INT || a[1].tag != SV_INT || a[2].tag != SV_INT || a[2].i == 0) return false;
    bool up = a[2].i > 0;
    int64_t lo = up ? a[0].i : a[1].i, hi = up ? a[1].i : a[0].i;
    uint64_t step = up ? (uint64_t)a[2].i : 0 - (uint64_t)a[2].i, gap = (uint64_t)hi - (uint64_t)lo;
    uint64_t n = lo < hi ? (gap - 1) / step + 1 : 0;
    return *out = sv_int(n > INT64_MAX ? INT64_MAX : (int64_t)n), true;
}
void aten_range_length(lower *L) {
    sv step = arg(L, 2);
    if (step.tag == SV_INT && step.i == 0) lower_raise(L, "RuntimeError", "range() arg 3 must not be zero");
    else host_simple(L, fast_range_length);
}

/* ---- exceptions ---- */
void aten_raise(lower *L) {
    const sstr *text = sv_string(arg(L, 0)), *cls = sv_string(arg(L, 1));
    if (!lower_ok(L)) return;
    L->st = vm_raise_text(L->vm, L->err, cls ? cls->data : NULL, text ? text->data : "", text ? text->len : 0);
}
void aten_assert_scalar(lower *L) {
    sv v = arg_scalar(L, 0), ok;
    if (lower_ok(L) && v.tag != SV_SYM && fast_to_bool(&v, &ok) && !ok.b)
        lower_raise(L, "RuntimeError", "%s", arg_str(L, 1));
}

/* ---- futures ---- */
void aten_wait(lower *L) {
    sv v = arg(L, 0);
    ret_value(L, sv_keep(v.tag == SV_FUTURE ? ((sfuture *)v.o)->value : v));
}
void aten_ready(lower *L) { /* awaitable_nowait: a future holding the value */
    sfuture *f = lower_ok(L) ? sfuture_new(sv_keep(arg(L, 0))) : NULL;
    if (f) ret_value(L, sv_of(f));
    else if (lower_ok(L)) host_oom(L);
}

/* ---- enums ---- */
static const senum *enum_arg(lower *L, int i) {
    sv v = arg(L, i);
    if (v.tag == SV_ENUM) return (senum *)v.o;
    lower_raise(L, "RuntimeError", "%s: an Enum is expected, not %s", L->op->schema->name, sv_tag_name(v.tag));
    return NULL;
}
void aten_enum_name(lower *L) {
    const senum *e = enum_arg(L, 0);
    if (e) ret_value(L, sv_strz(e->name));
}
void aten_enum_value(lower *L) {
    const senum *e = enum_arg(L, 0);
    if (e) ret_value(L, sv_keep(e->value));
}
void aten_enum_eq(lower *L) { ret_bool(L, sv_equal(arg(L, 0), arg(L, 1))); }
void aten_enum_ne(lower *L) { ret_bool(L, !sv_equal(arg(L, 0), arg(L, 1))); }

/* ---- devices ---- */
static const char *const devices[] = {"cpu",    "cuda", "ipu",  "xpu",  "mkldnn", "opengl",       "opencl",
                                      "ideep",  "hip",  "ve",   "fpga", "maia",   "xla",          "lazy",
                                      "vulkan", "mps",  "meta", "hpu",  "mtia",   "privateuseone"};

static bool known_device(const char *s, size_t n) {
    for (size_t i = 0; i < COUNT_OF(devices); i++)
        if (strlen(devices[i]) == n && memcmp(devices[i], s, n) == 0) return true;
    return false;
}
static bool good_device(lower *L, const sstr *s, bool bare) {
    size_t n = strcspn(s->data, ":");
    const char *index = s->data + n;
    bool ok = strlen(s->data) == s->len, digits = index[0] == ':' && index[1] && strspn(index + 1, "0123456789") < 4;
    if (ok && known_device(s->data, n)) {
        if (!index[0] || (digits && !bare && index[1 + strspn(index + 1, "0123456789")] == 0)) return true;
        lower_raise(L, "RuntimeError", "Invalid device string: '%s'", s->data);
        return false;
    }
    str all = {0};
    for (size_t i = 0; i < COUNT_OF(devices); i++) str_addf(&all, "%s%s", i ? ", " : "", devices[i]);
    lower_raise(L, "RuntimeError", "Expected one of %s device type at start of device string: %s", str_text(&all),
                s->data);
    str_free(&all);
    return false;
}
void aten_device(lower *L) {
    const sstr *s = arg(L, 0).tag == SV_DEVICE ? sv_string(arg(L, 0)) : host_str(L, 0);
    if (s && good_device(L, s, false)) ret_value(L, sv_device(s->data));
}
void aten_device_index(lower *L) {
    const sstr *s = host_str(L, 0);
    char text[64];
    int64_t i = arg_int(L, 1);
    if (!s || !good_device(L, s, true)) return;
    if (i < 0 || i > 255) return lower_raise(L, "RuntimeError", "Device index must be between 0 and 255");
    snprintf(text, sizeof text, "%s:%d", s->data, (int)i);
    ret_value(L, sv_device(text));
}

static const sstr *device_arg(lower *L) {
    sv v = arg(L, 0);
    if (v.tag == SV_DEVICE) return (sstr *)v.o;
    lower_raise(L, "RuntimeError", "%s: a Device is expected, not %s", L->op->schema->name, sv_tag_name(v.tag));
    return NULL;
}
void aten_device_type(lower *L) {
    const sstr *s = device_arg(L);
    if (s) host_ret_str(L, s->data, strcspn(s->data, ":"));
}
void aten_device_number(lower *L) {
    const sstr *s = device_arg(L);
    const char *colon = s ? strchr(s->data, ':') : NULL;
    int64_t i;
    if (colon && str_parse_i64(colon + 1, &i)) ret_int(L, i);
    else ret_value(L, sv_none());
}

/* ---- tuples and containers of modules, by an index known at run time ---- */
void aten_tuple_index(lower *L) {
    const stuple *t = sv_tuple(arg(L, 0));
    int64_t i = arg_int(L, 1);
    if (!lower_ok(L)) return;
    if (t && host_index(&i, (size_t)t->n)) ret_value(L, sv_keep(t->items[i]));
    else lower_raise(L, "RuntimeError", "Tuple index out of range");
}

static void ret_slot(lower *L, const sobject *o, const char *name, const char *why) {
    int slot = sclass_attr(o->cls, name);
    if (slot >= 0 && slot < o->n) ret_value(L, sv_keep(o->slots[slot]));
    else lower_raise(L, "RuntimeError", "%s", why);
}
void aten_module_index(lower *L) {
    const sobject *o = sv_object(arg(L, 0));
    int64_t i = arg_int(L, 1);
    char name[24];
    if (!o || !lower_ok(L)) return lower_raise(L, "RuntimeError", "a ModuleList is expected");
    for (int64_t n = 0; i < 0 && i != INT64_MIN; n++) { /* from the end: count the numbered ones */
        snprintf(name, sizeof name, "%lld", (long long)n);
        if (sclass_attr(o->cls, name) >= 0) continue;
        i += n;
        break;
    }
    snprintf(name, sizeof name, "%lld", (long long)i);
    ret_slot(L, o, name, "list index out of range");
}
void aten_module_key(lower *L) {
    const sobject *o = sv_object(arg(L, 0));
    const char *key = arg_str(L, 1);
    str why = {0};
    str_addf(&why, "KeyError: %s", key);
    if (o) ret_slot(L, o, key, str_text(&why));
    else lower_raise(L, "RuntimeError", "a ModuleDict is expected");
    str_free(&why);
}

void aten_identity_number(lower *L) { /* prim::id */
    sv v = arg(L, 0);
    ret_int(L, sv_heap(v) ? (int64_t)(uintptr_t)v.o : 0);
}

void aten_hash(lower *L) {
    sv v = arg(L, 0);
    if (!host_known(L, v)) return;
    if (v.tag == SV_INT) return ret_int(L, v.i);
    if (sdict_hashable(v)) return ret_int(L, (int64_t)sv_hash(v));
    str s = {0};
    if (v.tag == SV_LIST && sv_list(v)->elem) {
        stype_print(sv_list(v)->elem, &s);
        lower_raise(L, "RuntimeError", "unhashable type: 'List[%s]'", str_text(&s));
    } else {
        lower_raise(L, "RuntimeError", "unhashable type: '%s'", sv_tag_name(v.tag));
    }
    str_free(&s);
}

/* ---- state of the program ---- */
void aten_set_grad(lower *L) { L->vm->no_grad = !arg_bool(L, 0); }
void aten_is_grad(lower *L) { ret_bool(L, !L->vm->no_grad); }

void aten_record_enter(lower *L) {
    scustom *c = lower_ok(L) ? scustom_new("__torch__.torch.classes.profiler._RecordFunction", NULL, NULL) : NULL;
    if (c) ret_value(L, sv_of(c));
    else if (lower_ok(L)) host_oom(L);
}
void aten_record_enter_old(lower *L) { ret_tensor(L, lit_int(L, 0)); }
