/* SPDX-License-Identifier: MIT
 *
 * Making, freeing, sharing, comparing and hashing values. Freeing and sharing follow references with lists of their
 * own, never by recursion: a script may build a chain of any length. Text is in value_print.c, dicts in dict.c.
 */
#include "script/value.h"

#include "base/hash.h"
#include "script/unit.h"

enum { MAX_DEPTH = 500 }; /* how deep comparison and hashing look; deeper values differ */

/* ---- freeing: dead containers wait in a list through a field they no longer need ---- */
static void *link_field(sobj *o) {
    switch (o->tag) {
    case SV_LIST: return &((slist *)o)->elem;
    case SV_DICT: return &((sdict *)o)->key;
    case SV_TUPLE: return &((stuple *)o)->cls;
    default: return &((sobject *)o)->cls;
    }
}

static void free_tensor(sten *t) {
    storage_unref(t->t.storage);
    squant_unref(t->q);
    tensor_unref(t->lens);
    mem_free(t);
}

static void free_custom(scustom *c) {
    if (c->drop) c->drop(c->data);
    mem_free(c);
}

/* o has no references left: freed when it holds nothing, else put on the list. */
static void bury(sobj *o, sobj **dead) {
    for (;;) {
        sv inside = {.tag = SV_NONE};
        switch (o->tag) {
        case SV_LIST:
        case SV_DICT:
        case SV_TUPLE:
        case SV_OBJECT:
            memcpy(link_field(o), dead, sizeof *dead);
            *dead = o;
            return;
        case SV_ENUM: inside = ((senum *)o)->value; break;
        case SV_FUTURE: inside = ((sfuture *)o)->value; break;
        case SV_TENSOR: free_tensor((sten *)o); return;
        case SV_CUSTOM: free_custom((scustom *)o); return;
        default: break;
        }
        mem_free(o);
        if (!sv_heap(inside) || !inside.o) return;
        o = inside.o;
        if ((o->shared ? __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) : --o->refs) != 0) return;
    }
}

static void drop_into(sv v, sobj **dead) {
    if (!sv_heap(v) || !v.o) return;
    if ((v.o->shared ? __atomic_sub_fetch(&v.o->refs, 1, __ATOMIC_ACQ_REL) : --v.o->refs) == 0) bury(v.o, dead);
}

static void free_dict(sdict *d, sobj **dead) {
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        drop_into(d->entries[i].key, dead);
        drop_into(d->entries[i].value, dead);
    }
    mem_free(d->entries);
    mem_free(d->index);
    mem_free(d);
}

static void free_container(sobj *o, sobj **dead) {
    switch (o->tag) {
    case SV_LIST: {
        slist *l = (slist *)o;
        for (size_t i = 0; i < l->count; i++) drop_into(l->items[i], dead);
        mem_free(l->items);
        break;
    }
    case SV_TUPLE: {
        stuple *t = (stuple *)o;
        for (int i = 0; i < t->n; i++) drop_into(t->items[i], dead);
        break;
    }
    case SV_OBJECT: {
        sobject *x = (sobject *)o;
        for (int i = 0; i < x->n; i++) drop_into(x->slots[i], dead);
        mem_free(x->slots);
        break;
    }
    default: free_dict((sdict *)o, dead); return;
    }
    mem_free(o);
}

void sobj_free(sobj *o) {
    sobj *dead = NULL;
    bury(o, &dead);
    while (dead) {
        sobj *next = dead;
        memcpy(&dead, link_field(next), sizeof dead);
        free_container(next, &dead);
    }
}

/* ---- sharing ---- */
typedef ARRAY(sobj *) pile;

static bool mark(pile *todo, sv v) {
    if (!sv_heap(v) || !v.o || v.o->shared) return true;
    v.o->shared = 1;
    switch (v.tag) {
    case SV_LIST:
    case SV_DICT:
    case SV_TUPLE:
    case SV_OBJECT:
    case SV_ENUM:
    case SV_FUTURE: return ARRAY_PUSH(todo, v.o);
    default: return true;
    }
}

static bool mark_all(pile *todo, size_t n, const sv *items) {
    for (size_t i = 0; i < n; i++)
        if (!mark(todo, items[i])) return false;
    return true;
}

static bool mark_dict(pile *todo, const sdict *d) {
    for (size_t i = 0; i < d->used; i++) {
        const sdict_entry *e = &d->entries[i];
        if (e->live && (!mark(todo, e->key) || !mark(todo, e->value))) return false;
    }
    return true;
}

static bool mark_inside(pile *todo, sobj *o) {
    switch (o->tag) {
    case SV_LIST: return mark_all(todo, ((slist *)o)->count, ((slist *)o)->items);
    case SV_TUPLE: return mark_all(todo, (size_t)((stuple *)o)->n, ((stuple *)o)->items);
    case SV_OBJECT: return mark_all(todo, (size_t)((sobject *)o)->n, ((sobject *)o)->slots);
    case SV_DICT: return mark_dict(todo, (sdict *)o);
    case SV_ENUM: return mark(todo, ((senum *)o)->value);
    default: return mark(todo, ((sfuture *)o)->value);
    }
}

bool sv_share(sv v) {
    pile todo = {0};
    bool ok = mark(&todo, v);
    while (ok && todo.count) ok = mark_inside(&todo, todo.data[--todo.count]);
    ARRAY_FREE(&todo);
    return ok;
}

bool sv_join(const sobj *into, sv v) { return !into->shared || sv_share(v); }

/* ---- making ---- */
static void *make(sv_tag tag, size_t bytes) {
    sobj *o = mem_alloc(bytes);
    if (o) *o = (sobj){.refs = 1, .tag = (uint8_t)tag};
    return o;
}

static sv text(sv_tag tag, const char *s, size_t n) {
    size_t bytes;
    sstr *o = mem_add(sizeof(sstr) + 1, n, &bytes) ? make(tag, bytes) : NULL;
    if (!o) return sv_of(NULL);
    o->len = n;
    if (n && s) memcpy(o->data, s, n);
    o->data[n] = 0;
    return sv_of(o);
}

sv sv_str(const char *s, size_t n) { return text(SV_STR, s, n); }
sv sv_strz(const char *s) { return text(SV_STR, s, strlen(s)); }
bool device_is_named(const char *s) {
    static const char *const types[] = {"cpu",    "cuda", "ipu",  "xpu",  "mkldnn", "opengl",       "opencl",
                                        "ideep",  "hip",  "ve",   "fpga", "maia",   "xla",          "lazy",
                                        "vulkan", "mps",  "meta", "hpu",  "mtia",   "privateuseone"};
    size_t n = strcspn(s, ":"), digits = s[n] ? strspn(s + n + 1, "0123456789") : 0;
    bool index = s[n] == 0 || (digits > 0 && digits < 4 && s[n + 1 + digits] == 0);
    for (size_t i = 0; index && i < COUNT_OF(types); i++)
        if (strlen(types[i]) == n && memcmp(s, types[i], n) == 0) return true;
    return false;
}

sv sv_device(const char *s) { return text(SV_DEVICE, s, strlen(s)); }

sv sv_complex(double re, double im) {
    scomplex *o = make(SV_COMPLEX, sizeof *o);
    if (!o) return sv_of(NULL);
    o->re = re;
    o->im = im;
    return sv_of(o);
}

slist *slist_new(const stype *elem, size_t cap) {
    slist *l = make(SV_LIST, sizeof *l);
    if (!l) return NULL;
    *l = (slist){.head = l->head, .elem = elem};
    if (cap && !array_reserve((void **)&l->items, &l->cap, cap, sizeof(sv))) {
        mem_free(l);
        return NULL;
    }
    return l;
}

bool slist_push(slist *l, sv v) {
    if (sv_join(&l->head, v) &&
        (l->count < l->cap || array_reserve((void **)&l->items, &l->cap, l->count + 1, sizeof(sv)))) {
        l->items[l->count++] = v;
        return true;
    }
    sv_drop(v);
    return false;
}

stuple *stuple_new(int n, const sclass *cls) {
    stuple *t = make(SV_TUPLE, sizeof *t + (size_t)n * sizeof(sv));
    if (!t) return NULL;
    t->cls = cls;
    t->n = n;
    for (int i = 0; i < n; i++) t->items[i] = (sv){.tag = SV_UNINIT};
    return t;
}

sobject *sobject_new(const sclass *cls) {
    sobject *o = make(SV_OBJECT, sizeof *o);
    if (!o) return NULL;
    o->cls = cls;
    o->n = cls->nattrs;
    o->slots = mem_alloc((size_t)o->n * sizeof(sv));
    if (!o->slots) {
        mem_free(o);
        return NULL;
    }
    for (int i = 0; i < o->n; i++) o->slots[i] = (sv){.tag = SV_UNINIT};
    return o;
}

senum *senum_new(const sclass *cls, const char *name, sv value) {
    senum *e = make(SV_ENUM, sizeof *e);
    if (!e) {
        sv_drop(value);
        return NULL;
    }
    *e = (senum){.head = e->head, .cls = cls, .name = name, .value = value};
    return e;
}

sv senum_mention(const senum *m) {
    senum *e = senum_new(m->cls, m->name, sv_keep(m->value));
    return e ? sv_of(e) : (sv){.tag = SV_UNINIT};
}

sfuture *sfuture_new(sv value) {
    sfuture *f = make(SV_FUTURE, sizeof *f);
    if (f) f->value = value;
    else sv_drop(value);
    return f;
}

scustom *scustom_new(const char *cls, void *data, void (*drop)(void *data)) {
    scustom *c = make(SV_CUSTOM, sizeof *c);
    if (c) *c = (scustom){.head = c->head, .cls = cls, .data = data, .drop = drop};
    return c;
}

/* ---- tensors ---- */
sten *sten_view(storage *s, void *data, naru_dtype d, int rank, const int64_t *dims, const int64_t *strides) {
    sten *x = make(SV_TENSOR, sizeof *x);
    if (!x) return NULL;
    memset((char *)x + sizeof(sobj), 0, sizeof *x - sizeof(sobj));
    tensor_describe(&x->t, d, rank, dims);
    if (strides && rank) memcpy(x->t.strides, strides, (size_t)rank * sizeof *strides);
    x->t.data = data;
    x->t.storage = storage_ref(s);
    return x;
}

sten *sten_new(naru_dtype d, int rank, const int64_t *dims) {
    int64_t count;
    if (rank < 0 || rank > NARU_MAX_RANK || !dims_count(rank, dims, &count)) return NULL;
    size_t bytes = dtype_bytes(d, count);
    void *data = mem_alloc(bytes);
    storage *s = data ? storage_new(data, bytes, NULL, NULL) : NULL;
    if (!s) {
        mem_free(data);
        return NULL;
    }
    sten *x = sten_view(s, data, d, rank, dims, NULL);
    storage_unref(s);
    return x;
}

sten *sten_from(naru_tensor *t) {
    if (t->storage) return sten_view(t->storage, t->data, t->dtype, t->rank, t->dims, t->strides);
    naru_tensor *copy;
    if (tensor_clone(t, &copy, NULL) != NARU_OK) return NULL;
    sten *x = sten_view(copy->storage, copy->data, copy->dtype, copy->rank, copy->dims, copy->strides);
    tensor_unref(copy);
    return x;
}

naru_status sten_export(const sten *x, naru_tensor **out, naru_error *err) {
    const naru_tensor *t = &x->t;
    return tensor_new_view(t->storage, t->data, t->dtype, t->rank, t->dims, t->strides, out, err);
}

squant *squant_ref(squant *q) {
    if (q) __atomic_add_fetch(&q->refs, 1, __ATOMIC_RELAXED);
    return q;
}

void squant_unref(squant *q) {
    if (!q || __atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    tensor_unref(q->scales);
    tensor_unref(q->zero_points);
    mem_free(q);
}

/* ---- comparing ---- */
bool sv_is(sv a, sv b) {
    if (a.tag != b.tag) return false;
    switch (a.tag) {
    case SV_UNINIT:
    case SV_NONE: return true;
    case SV_BOOL: return a.b == b.b;
    case SV_INT: return a.i == b.i;
    case SV_FLOAT: return a.f == b.f;
    case SV_FUNCTION: return a.fn == b.fn;
    case SV_STR:
    case SV_DEVICE:
    case SV_COMPLEX: return sv_equal(a, b);
    default: return a.o == b.o;
    }
}

static bool equal(sv a, sv b, int depth);

static bool equal_runs(size_t n, const sv *a, const sv *b, int depth) {
    for (size_t i = 0; i < n; i++)
        if (!equal(a[i], b[i], depth)) return false;
    return true;
}

static bool equal_dicts(const sdict *a, const sdict *b, int depth) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->used; i++) {
        if (!a->entries[i].live) continue;
        const sv *v = sdict_find(b, a->entries[i].key);
        if (!v || !equal(a->entries[i].value, *v, depth)) return false;
    }
    return true;
}

static bool equal(sv a, sv b, int depth) {
    if (a.tag != b.tag || depth > MAX_DEPTH) return false;
    switch (a.tag) {
    case SV_COMPLEX: {
        const scomplex *x = (scomplex *)a.o, *y = (scomplex *)b.o;
        return x->re == y->re && x->im == y->im;
    }
    case SV_STR:
    case SV_DEVICE: {
        const sstr *x = (sstr *)a.o, *y = (sstr *)b.o;
        return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
    }
    case SV_LIST: {
        const slist *x = (slist *)a.o, *y = (slist *)b.o;
        return x->count == y->count && equal_runs(x->count, x->items, y->items, depth + 1);
    }
    case SV_TUPLE: {
        const stuple *x = (stuple *)a.o, *y = (stuple *)b.o;
        return x->n == y->n && equal_runs((size_t)x->n, x->items, y->items, depth + 1);
    }
    case SV_DICT: return a.o == b.o || equal_dicts((sdict *)a.o, (sdict *)b.o, depth + 1);
    case SV_ENUM: {
        const senum *x = (senum *)a.o, *y = (senum *)b.o;
        return x == y || (x->cls == y->cls && strcmp(x->name, y->name) == 0);
    }
    default: return sv_is(a, b);
    }
}

bool sv_equal(sv a, sv b) { return equal(a, b, 0); }

/* ---- hashing ---- */
static uint64_t mix(uint64_t tag, uint64_t x) { return hash_bytes(&x, sizeof x, tag); }

static uint64_t hash_double(uint64_t tag, double f) {
    f += 0.0; /* -0 is 0 */
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    return mix(tag, bits);
}

static uint64_t hash(sv v, int depth) {
    switch (v.tag) {
    case SV_BOOL: return mix(SV_BOOL, v.b);
    case SV_INT: return mix(SV_INT, (uint64_t)v.i);
    case SV_FLOAT: return hash_double(SV_FLOAT, v.f);
    case SV_COMPLEX: return hash_double(hash_double(SV_COMPLEX, ((scomplex *)v.o)->re), ((scomplex *)v.o)->im);
    case SV_STR:
    case SV_DEVICE: return hash_bytes(((sstr *)v.o)->data, ((sstr *)v.o)->len, v.tag);
    case SV_ENUM: return hash_bytes(((senum *)v.o)->name, strlen(((senum *)v.o)->name), SV_ENUM);
    case SV_TUPLE: {
        uint64_t h = SV_TUPLE;
        const stuple *t = (stuple *)v.o;
        for (int i = 0; i < t->n && depth < MAX_DEPTH; i++) h = mix(h, hash(t->items[i], depth + 1));
        return h;
    }
    case SV_NONE:
    case SV_UNINIT: return mix(v.tag, 0);
    case SV_FUNCTION: return mix(v.tag, (uintptr_t)v.fn);
    default: return mix(v.tag, (uintptr_t)v.o);
    }
}

uint64_t sv_hash(sv v) { return hash(v, 0); }

/* ---- types ---- */
static bool is_number(sv v) { return v.tag == SV_INT || v.tag == SV_FLOAT || v.tag == SV_COMPLEX || v.tag == SV_BOOL; }

static bool is_tuple(const stuple *t, const stype *want) {
    if (want->cls) return t->cls == want->cls || (t->cls && strcmp(t->cls->qualname, want->cls->qualname) == 0);
    if (t->n != want->n) return false;
    for (int i = 0; i < t->n; i++)
        if (!sv_isinstance(t->items[i], want->args[i])) return false;
    return true;
}

static bool is_class(sv v, const stype *want) {
    switch (v.tag) {
    case SV_OBJECT: {
        const sclass *c = ((sobject *)v.o)->cls;
        return c == want->cls || stype_subtype(c->type, want);
    }
    case SV_ENUM: return ((senum *)v.o)->cls == want->cls;
    case SV_CUSTOM: return want->cls && strcmp(((scustom *)v.o)->cls, want->cls->qualname) == 0;
    default: return false;
    }
}

static bool is_any_of(sv v, const stype *want) {
    for (int i = 0; i < want->n; i++)
        if (sv_isinstance(v, want->args[i])) return true;
    return false;
}

static bool is_symbolic_list(sv v) { return v.tag == SV_SYM && sv_sym_kind(v) == SV_LIST; } /* typed when compiled */

bool sv_isinstance(sv v, const stype *t) {
    switch (t->kind) {
    case ST_TENSOR: return v.tag == SV_TENSOR;
    case ST_INT: return v.tag == SV_INT || (v.tag == SV_SYM && sv_sym_kind(v) == SV_INT);
    case ST_FLOAT: return v.tag == SV_FLOAT || (v.tag == SV_SYM && sv_sym_kind(v) == SV_FLOAT);
    case ST_BOOL: return v.tag == SV_BOOL || (v.tag == SV_SYM && sv_sym_kind(v) == SV_BOOL);
    case ST_COMPLEX: return v.tag == SV_COMPLEX;
    case ST_STR: return v.tag == SV_STR;
    case ST_NONE: return v.tag == SV_NONE;
    case ST_NUMBER: return is_number(v) || (v.tag == SV_SYM && sv_sym_kind(v) != SV_LIST);
    case ST_ANY:
    case ST_VAR: return true;
    case ST_DEVICE: return v.tag == SV_DEVICE;
    case ST_GENERATOR: return v.tag == SV_GENERATOR;
    case ST_LIST: return v.tag == SV_LIST ? stype_equal(((slist *)v.o)->elem, t->args[0]) : is_symbolic_list(v);
    case ST_DICT:
        return v.tag == SV_DICT && stype_equal(((sdict *)v.o)->key, t->args[0]) &&
               stype_equal(((sdict *)v.o)->value, t->args[1]);
    case ST_TUPLE: return v.tag == SV_TUPLE && is_tuple((stuple *)v.o, t);
    case ST_OPTIONAL: return v.tag == SV_NONE || sv_isinstance(v, t->args[0]);
    case ST_UNION: return is_any_of(v, t);
    case ST_FUTURE: return v.tag == SV_FUTURE;
    case ST_CLASS: return is_class(v, t);
    case ST_FUNCTION: return v.tag == SV_FUNCTION;
    default: return false;
    }
}

const char *sv_tag_name(sv_tag t) {
    static const char *const names[] = {
        [SV_UNINIT] = "Uninitialized",
        [SV_NONE] = "None",
        [SV_BOOL] = "bool",
        [SV_INT] = "int",
        [SV_FLOAT] = "float",
        [SV_COMPLEX] = "complex",
        [SV_TENSOR] = "Tensor",
        [SV_STR] = "str",
        [SV_LIST] = "List",
        [SV_DICT] = "Dict",
        [SV_TUPLE] = "Tuple",
        [SV_OBJECT] = "Object",
        [SV_ENUM] = "Enum",
        [SV_FUTURE] = "Future",
        [SV_DEVICE] = "Device",
        [SV_GENERATOR] = "Generator",
        [SV_FUNCTION] = "Function",
        [SV_CUSTOM] = "Object",
        [SV_SYM] = "symbolic value",
    };
    return (size_t)t < COUNT_OF(names) && names[t] ? names[t] : "?";
}

/* ---- torch's ScalarType ---- */
static const struct {
    naru_dtype dtype;
    const char *name;
} scalar_types[] = {
    [0] = {NARU_UINT8, "uint8"},
    [1] = {NARU_INT8, "int8"},
    [2] = {NARU_INT16, "int16"},
    [3] = {NARU_INT32, "int32"},
    [4] = {NARU_INT64, "int64"},
    [5] = {NARU_FLOAT16, "float16"},
    [6] = {NARU_FLOAT, "float32"},
    [7] = {NARU_DOUBLE, "float64"},
    [8] = {NARU_UNDEFINED, "complex32"},
    [9] = {NARU_COMPLEX64, "complex64"},
    [10] = {NARU_COMPLEX128, "complex128"},
    [11] = {NARU_BOOL, "bool"},
    [12] = {NARU_INT8, "qint8"},
    [13] = {NARU_UINT8, "quint8"},
    [14] = {NARU_INT32, "qint32"},
    [15] = {NARU_BFLOAT16, "bfloat16"},
    [16] = {NARU_UINT4, "quint4x2"},
    [17] = {NARU_UINT2, "quint2x4"},
    [23] = {NARU_FLOAT8E5M2, "float8_e5m2"},
    [24] = {NARU_FLOAT8E4M3FN, "float8_e4m3fn"},
    [25] = {NARU_FLOAT8E5M2FNUZ, "float8_e5m2fnuz"},
    [26] = {NARU_FLOAT8E4M3FNUZ, "float8_e4m3fnuz"},
    [27] = {NARU_UINT16, "uint16"},
    [28] = {NARU_UINT32, "uint32"},
    [29] = {NARU_UINT64, "uint64"},
    [31] = {NARU_UINT2, "uint2"},
    [33] = {NARU_UINT4, "uint4"},
    [38] = {NARU_INT2, "int2"},
    [40] = {NARU_INT4, "int4"},
    [44] = {NARU_FLOAT8E8M0, "float8_e8m0fnu"},
    [45] = {NARU_FLOAT4E2M1, "float4_e2m1fn_x2"},
};

int torch_of_dtype(naru_dtype d) {
    for (int i = 0; i < (int)COUNT_OF(scalar_types); i++) {
        bool quantized = (i >= 12 && i <= 14) || i == 16 || i == 17;
        if (scalar_types[i].name && scalar_types[i].dtype == d && d && !quantized) return i;
    }
    return -1;
}

naru_dtype dtype_of_torch(int64_t n) {
    return n >= 0 && n < (int64_t)COUNT_OF(scalar_types) ? scalar_types[n].dtype : NARU_UNDEFINED;
}

const char *torch_dtype_name(int n) {
    return n >= 0 && n < (int)COUNT_OF(scalar_types) && scalar_types[n].name ? scalar_types[n].name : "undefined";
}
