/* SPDX-License-Identifier: MIT
 *
 * naru_ivalue_*: values of scripts behind the public handle; calls of registered operators that see such values.
 */
#include "api/ivalue.h"

#include <string.h>

struct naru_ivalue {
    atomic_int refs;
    sv v;
    module *owner; /* its unit holds the types that v names; NULL: made by the caller */
};

naru_status ivalue_wrap(sv v, module *owner, naru_ivalue **out, naru_error *err) {
    naru_ivalue *x = v.tag == SV_UNINIT ? NULL : mem_calloc(1, sizeof *x);
    if (!x) {
        sv_drop(v);
        *out = NULL;
        return err_oom(err);
    }
    x->refs = 1;
    x->v = v;
    x->owner = owner ? module_ref(owner) : NULL;
    *out = x;
    return NARU_OK;
}

sv ivalue_sv(const naru_ivalue *v) { return v->v; }

naru_ivalue *naru_ivalue_retain(naru_ivalue *v) {
    if (v) atomic_fetch_add(&v->refs, 1);
    return v;
}

void naru_ivalue_destroy(naru_ivalue **v) {
    if (!v || !*v) return;
    if (atomic_fetch_sub(&(*v)->refs, 1) == 1) {
        sv_drop((*v)->v);
        module_unref((*v)->owner);
        mem_free(*v);
    }
    *v = NULL;
}

/* ---- making ---- */
static naru_status make(sv v, naru_ivalue **out, naru_error *err) {
    if (out) return ivalue_wrap(v, NULL, out, err);
    sv_drop(v);
    return err_set(err, NARU_INVALID_ARGUMENT, "the place for the value is NULL");
}

naru_status naru_ivalue_none(naru_ivalue **out, naru_error *err) { return make(sv_none(), out, err); }
naru_status naru_ivalue_bool(bool v, naru_ivalue **out, naru_error *err) { return make(sv_bool(v), out, err); }
naru_status naru_ivalue_int(int64_t v, naru_ivalue **out, naru_error *err) { return make(sv_int(v), out, err); }
naru_status naru_ivalue_double(double v, naru_ivalue **out, naru_error *err) { return make(sv_float(v), out, err); }
naru_status naru_ivalue_complex(double re, double im, naru_ivalue **out, naru_error *err) {
    return make(sv_complex(re, im), out, err);
}
naru_status naru_ivalue_string(const char *text, size_t length, naru_ivalue **out, naru_error *err) {
    if (!text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_string: the text is NULL");
    return make(sv_str(text, length), out, err);
}
naru_status naru_ivalue_device(const char *text, naru_ivalue **out, naru_error *err) {
    if (!text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_device: the text is NULL");
    if (!device_is_named(text))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_device: '%.100s' is no device, such as cpu or cuda:0",
                       text);
    return make(sv_device(text), out, err);
}

naru_status naru_ivalue_tensor(naru_tensor *t, naru_ivalue **out, naru_error *err) {
    if (!t) return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_tensor: the tensor is NULL");
    if (t->dtype == NARU_STRING || naru_dtype_bits(t->dtype) % 8)
        return err_set(err, NARU_UNSUPPORTED, "TorchScript has no tensors of %s", naru_dtype_name(t->dtype));
    return make(sv_of(sten_from(t)), out, err);
}

naru_status naru_ivalue_quantized(naru_tensor *integers, int torch_dtype, double scale, int64_t zero_point,
                                  naru_ivalue **out, naru_error *err) {
    naru_dtype want = torch_dtype == 12 ? NARU_INT8 : torch_dtype == 13 ? NARU_UINT8 : NARU_INT32;
    if (!integers || torch_dtype < 12 || torch_dtype > 14 || integers->dtype != want)
        return err_set(err, NARU_INVALID_ARGUMENT, "a quantized tensor is int8 (12), uint8 (13) or int32 (14)");
    sten *t = sten_from(integers);
    squant *q = t ? mem_calloc(1, sizeof *q) : NULL;
    if (q) *q = (squant){.refs = 1, .type = torch_dtype, .scale = scale, .zero_point = zero_point};
    if (t) t->q = q;
    if (t && !q) {
        sobj_release(&t->head);
        t = NULL;
    }
    return make(sv_of(t), out, err);
}

naru_status naru_ivalue_list(naru_ivalue *const *items, size_t count, naru_ivalue **out, naru_error *err) {
    if (count && !items) return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_list: the items are NULL");
    slist *l = slist_new(&stype_any, count);
    for (size_t i = 0; l && i < count; i++)
        if (!slist_push(l, sv_keep(items[i]->v))) {
            sobj_release(&l->head);
            l = NULL;
        }
    return make(sv_of(l), out, err);
}

naru_status naru_ivalue_tuple(naru_ivalue *const *items, size_t count, naru_ivalue **out, naru_error *err) {
    if ((count && !items) || count > 10000)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_tuple: %zu items", count);
    stuple *t = stuple_new((int)count, NULL);
    for (size_t i = 0; t && i < count; i++) t->items[i] = sv_keep(items[i]->v);
    return make(sv_of(t), out, err);
}

naru_status naru_ivalue_dict(naru_ivalue *const *keys, naru_ivalue *const *values, size_t count, naru_ivalue **out,
                             naru_error *err) {
    if (count && (!keys || !values))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_dict: keys or values are NULL");
    sdict *d = sdict_new(&stype_any, &stype_any);
    for (size_t i = 0; d && i < count; i++)
        if (!sdict_put(d, sv_keep(keys[i]->v), sv_keep(values[i]->v))) {
            sobj_release(&d->head);
            d = NULL;
        }
    return make(sv_of(d), out, err);
}

/* ---- looking ---- */
naru_ikind naru_ivalue_kind(const naru_ivalue *v) {
    static const uint8_t kinds[] = {
        [SV_NONE] = NARU_I_NONE,    [SV_BOOL] = NARU_I_BOOL,       [SV_INT] = NARU_I_INT,
        [SV_FLOAT] = NARU_I_DOUBLE, [SV_COMPLEX] = NARU_I_COMPLEX, [SV_TENSOR] = NARU_I_TENSOR,
        [SV_STR] = NARU_I_STRING,   [SV_LIST] = NARU_I_LIST,       [SV_DICT] = NARU_I_DICT,
        [SV_TUPLE] = NARU_I_TUPLE,  [SV_OBJECT] = NARU_I_OBJECT,   [SV_ENUM] = NARU_I_ENUM,
        [SV_DEVICE] = NARU_I_DEVICE};
    if (!v || v->v.tag == SV_NONE) return NARU_I_NONE;
    naru_ikind k = v->v.tag < COUNT_OF(kinds) ? kinds[v->v.tag] : NARU_I_OTHER;
    return k == NARU_I_NONE ? NARU_I_OTHER : k;
}
const char *naru_ivalue_kind_name(const naru_ivalue *v) { return v ? sv_tag_name(v->v.tag) : "NULL"; }
int64_t naru_ivalue_to_int(const naru_ivalue *v) {
    return !v ? 0 : v->v.tag == SV_INT ? v->v.i : v->v.tag == SV_BOOL && v->v.b;
}
bool naru_ivalue_to_bool(const naru_ivalue *v) { return naru_ivalue_to_int(v) != 0; }
double naru_ivalue_to_double(const naru_ivalue *v) {
    if (v && v->v.tag == SV_FLOAT) return v->v.f;
    if (v && v->v.tag == SV_COMPLEX) return ((scomplex *)v->v.o)->re;
    return (double)naru_ivalue_to_int(v);
}
double naru_ivalue_imaginary(const naru_ivalue *v) {
    return v && v->v.tag == SV_COMPLEX ? ((scomplex *)v->v.o)->im : 0;
}

const char *naru_ivalue_to_string(const naru_ivalue *v, size_t *length) {
    const char *text = NULL;
    size_t n = 0;
    if (v && sv_string(v->v)) {
        text = sv_string(v->v)->data;
        n = sv_string(v->v)->len;
    } else if (v && v->v.tag == SV_ENUM) {
        text = ((senum *)v->v.o)->name;
        n = strlen(text);
    }
    if (length) *length = n;
    return text;
}

naru_tensor *naru_ivalue_to_tensor(const naru_ivalue *v) {
    naru_tensor *t = NULL;
    if (!v || v->v.tag != SV_TENSOR || sten_export((sten *)v->v.o, &t, NULL) != NARU_OK) return NULL;
    return t;
}

bool naru_ivalue_quantization(const naru_ivalue *v, int *torch_dtype, double *scale, int64_t *zero_point) {
    const squant *q = v && v->v.tag == SV_TENSOR ? ((sten *)v->v.o)->q : NULL;
    if (!q || q->scheme != 0) return false;
    if (torch_dtype) *torch_dtype = q->type;
    if (scale) *scale = q->scale;
    if (zero_point) *zero_point = q->zero_point;
    return true;
}

static const sdict_entry *entry(const sdict *d, size_t i) { /* the i-th that is there */
    for (size_t k = 0; k < d->used; k++)
        if (d->entries[k].live && i-- == 0) return &d->entries[k];
    return NULL;
}

size_t naru_ivalue_count(const naru_ivalue *v) {
    if (!v) return 0;
    switch (v->v.tag) {
    case SV_LIST: return sv_list(v->v)->count;
    case SV_TUPLE: return (size_t)sv_tuple(v->v)->n;
    case SV_DICT: return sv_dict(v->v)->count;
    case SV_OBJECT: return (size_t)sv_object(v->v)->n;
    case SV_ENUM: return 1;
    default: return 0;
    }
}

naru_ivalue *naru_ivalue_item(const naru_ivalue *v, size_t i) {
    naru_ivalue *out = NULL;
    if (i >= naru_ivalue_count(v)) return NULL;
    sv x = v->v.tag == SV_LIST     ? sv_list(v->v)->items[i]
           : v->v.tag == SV_TUPLE  ? sv_tuple(v->v)->items[i]
           : v->v.tag == SV_DICT   ? entry(sv_dict(v->v), i)->value
           : v->v.tag == SV_OBJECT ? sv_object(v->v)->slots[i]
                                   : ((senum *)v->v.o)->value;
    if (x.tag == SV_UNINIT) x = sv_none();
    return ivalue_wrap(sv_keep(x), v->owner, &out, NULL) == NARU_OK ? out : NULL;
}

naru_ivalue *naru_ivalue_key(const naru_ivalue *v, size_t i) {
    naru_ivalue *out = NULL;
    if (!v || v->v.tag != SV_DICT || i >= sv_dict(v->v)->count) return NULL;
    return ivalue_wrap(sv_keep(entry(sv_dict(v->v), i)->key), v->owner, &out, NULL) == NARU_OK ? out : NULL;
}

const char *naru_ivalue_name(const naru_ivalue *v, size_t i) {
    if (!v) return NULL;
    const sclass *c = v->v.tag == SV_OBJECT ? sv_object(v->v)->cls : v->v.tag == SV_TUPLE ? sv_tuple(v->v)->cls : NULL;
    return c && i < (size_t)c->nattrs ? c->attrs[i].name : NULL;
}

naru_status naru_ivalue_print(const naru_ivalue *v, char **text, naru_error *err) {
    if (!v || !text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_ivalue_print: a required argument is NULL");
    str s = {0};
    sv_print(v->v, &s);
    *text = s.failed ? NULL : mem_strdup(str_text(&s));
    str_free(&s);
    return *text ? NARU_OK : err_oom(err);
}

/* ---- operators on values ---- */
enum { MAX_ARGS = 64 };

void ivalue_call_operator(lower *L) {
    const plugin_op *op = L->op->user;
    const schema *s = L->op->schema;
    naru_ivalue args[MAX_ARGS], *pargs[MAX_ARGS], *results[MAX_ARGS] = {0};
    if (!eager_only(L)) return;
    if (s->nparams > MAX_ARGS || s->nreturns > MAX_ARGS)
        return lower_fail(L, NARU_LIMIT, "%s has too many arguments", s->name);
    for (int i = 0; i < s->nparams; i++) {
        args[i] = (naru_ivalue){.refs = 1 << 30, .v = arg(L, i)};
        pargs[i] = &args[i];
    }
    naru_status st = op->p.script(op->p.user, (size_t)s->nparams, pargs, (size_t)s->nreturns, results, L->err);
    if (st != NARU_OK && L->st == NARU_OK) L->st = st;
    for (int i = 0; i < s->nreturns; i++) {
        if (L->st == NARU_OK && !results[i]) lower_fail(L, NARU_INVALID_ARGUMENT, "%s gave no result %d", s->name, i);
        if (L->st == NARU_OK) ret_value(L, sv_keep(results[i]->v));
        naru_ivalue_destroy(&results[i]);
    }
}
