/* SPDX-License-Identifier: MIT
 *
 * A module as archive again: code and constants as they were read, the object graph pickled anew with PyTorch's own
 * opcodes and type tags, storages shared as they are shared in memory.
 */
#include <string.h>

#include "script/custom.h"
#include "script/module.h"

typedef struct saver {
    module *m;
    pk_writer w;
    torch_storage_table *storages;
    int depth;
    naru_error *err;
} saver;

static naru_status put(saver *s, sv v);

static void put_type_call(saver *s, const char *fn) { pkw_global(&s->w, "torch.jit._pickle", fn); }

/* ---- tensors ---- */
static naru_status put_tensor(saver *s, sten *x) {
    torch_tensor t = {.scalar = torch_scalar_of_dtype(x->t.dtype), .requires_grad = false};
    TRY(sten_export(x, &t.t, s->err));
    if (x->q) {
        t.scalar = (torch_scalar)x->q->type;
        t.qscheme = x->q->scheme == 0   ? TORCH_PER_TENSOR
                    : x->q->scheme == 1 ? TORCH_PER_CHANNEL
                                        : TORCH_PER_CHANNEL_FLOAT_ZERO;
        t.scale = x->q->scale;
        t.zero_point = x->q->zero_point;
        t.axis = x->q->axis;
        t.scales = x->q->scales ? tensor_ref(x->q->scales) : NULL;
        t.zero_points = x->q->zero_points ? tensor_ref(x->q->zero_points) : NULL;
    }
    naru_status st = torch_tensor_pickle(&s->w, s->storages, &t, s->err);
    torch_tensor_clear(&t);
    return st;
}

/* ---- containers ---- */
static naru_status put_items(saver *s, const sv *items, size_t n) {
    pkw_op(&s->w, PKW_EMPTY_LIST);
    if (n == 0) return NARU_OK;
    pkw_op(&s->w, PKW_MARK);
    for (size_t i = 0; i < n; i++) TRY(put(s, items[i]));
    pkw_op(&s->w, PKW_APPENDS);
    return NARU_OK;
}

static void put_tag(saver *s, const char *open, const stype *a, const stype *b) {
    str t = {0};
    str_add(&t, open);
    stype_print(a, &t);
    if (b) {
        str_add(&t, ", ");
        stype_print(b, &t);
    }
    str_add(&t, "]");
    pkw_str(&s->w, str_text(&t), t.len);
    str_free(&t);
}

static naru_status put_list(saver *s, const slist *l) {
    static const struct {
        stype_kind kind;
        const char *fn;
    } plain[] = {{ST_INT, "build_intlist"},
                 {ST_FLOAT, "build_doublelist"},
                 {ST_BOOL, "build_boollist"},
                 {ST_TENSOR, "build_tensorlist"}};
    const char *fn = NULL;
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (l->elem->kind == plain[i].kind) fn = plain[i].fn;
    put_type_call(s, fn ? fn : "restore_type_tag");
    pkw_tuple_open(&s->w, fn ? 1 : 2);
    TRY(put_items(s, l->items, l->count));
    if (!fn) put_tag(s, "List[", l->elem, NULL);
    pkw_tuple_close(&s->w, fn ? 1 : 2);
    pkw_op(&s->w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status put_dict(saver *s, const sdict *d) {
    put_type_call(s, "restore_type_tag");
    pkw_tuple_open(&s->w, 2);
    pkw_op(&s->w, PKW_EMPTY_DICT);
    if (d->count) pkw_op(&s->w, PKW_MARK);
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        TRY(put(s, d->entries[i].key));
        TRY(put(s, d->entries[i].value));
    }
    if (d->count) pkw_op(&s->w, PKW_SETITEMS);
    put_tag(s, "Dict[", d->key, d->value);
    pkw_tuple_close(&s->w, 2);
    pkw_op(&s->w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status put_tuple(saver *s, const stuple *t) {
    pkw_tuple_open(&s->w, (size_t)t->n);
    for (int i = 0; i < t->n; i++) TRY(put(s, t->items[i]));
    pkw_tuple_close(&s->w, (size_t)t->n);
    return NARU_OK;
}

/* ---- objects ---- */
static naru_status state_of(saver *s, sobject *o, sfunction *getstate, sv *out) {
    vm machine;
    eager *e;
    TRY(eager_new(s->m->options.cpu, s->m->pool, 0, &e, s->err));
    naru_status st = vm_init(&machine, s->m->unit, e);
    if (st == NARU_OK) st = vm_call(&machine, getstate, 1, (sv[]){sv_of(o)}, out, s->err);
    vm_done(&machine);
    eager_free(e);
    return st;
}

static naru_status put_slots(saver *s, const sobject *o) {
    pkw_op(&s->w, PKW_EMPTY_DICT);
    pkw_op(&s->w, PKW_MARK);
    for (int i = 0; i < o->n && i < o->cls->nattrs; i++) {
        pkw_cstr(&s->w, o->cls->attrs[i].name);
        naru_status st = put(s, o->slots[i]);
        if (st != NARU_OK) return err_context(s->err, st, "%s.%s", o->cls->name, o->cls->attrs[i].name);
    }
    pkw_op(&s->w, PKW_SETITEMS);
    return NARU_OK;
}

static naru_status put_object(saver *s, sobject *o) {
    pkw_global_qualified(&s->w, o->cls->qualname);
    pkw_op(&s->w, PKW_EMPTY_TUPLE);
    pkw_op(&s->w, PKW_NEWOBJ);
    sfunction *getstate = sclass_method(o->cls, "__getstate__");
    if (getstate && sclass_method(o->cls, "__setstate__")) {
        sv state = sv_none();
        naru_status st = state_of(s, o, getstate, &state);
        if (st == NARU_OK) st = put(s, state);
        sv_drop(state);
        TRY(st);
    } else {
        TRY(put_slots(s, o));
    }
    pkw_op(&s->w, PKW_BUILD);
    return NARU_OK;
}

static naru_status put_custom(saver *s, const scustom *c) {
    sv state = sv_none();
    pkw_global_qualified(&s->w, c->cls);
    pkw_op(&s->w, PKW_EMPTY_TUPLE);
    pkw_op(&s->w, PKW_NEWOBJ);
    TRY(custom_get_state(c, &state, s->err));
    naru_status st = put(s, state);
    sv_drop(state);
    pkw_op(&s->w, PKW_BUILD);
    return st;
}

static naru_status put_enum(saver *s, const senum *e) {
    pkw_global_qualified(&s->w, e->cls->qualname);
    TRY(put(s, e->value)); /* bare: PyTorch's pickler writes no tuple here */
    pkw_op(&s->w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status put_complex(saver *s, const scomplex *c) {
    pkw_global(&s->w, "builtins", "complex");
    pkw_tuple_open(&s->w, 2);
    pkw_float(&s->w, c->re);
    pkw_float(&s->w, c->im);
    pkw_tuple_close(&s->w, 2);
    pkw_op(&s->w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status put_device(saver *s, const sstr *d) {
    pkw_global(&s->w, "torch", "device");
    pkw_tuple_open(&s->w, 1);
    pkw_str(&s->w, d->data, d->len);
    pkw_tuple_close(&s->w, 1);
    pkw_op(&s->w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status put_heap(saver *s, sv v) {
    switch (v.tag) {
    case SV_TENSOR: return put_tensor(s, (sten *)v.o);
    case SV_LIST: return put_list(s, sv_list(v));
    case SV_DICT: return put_dict(s, sv_dict(v));
    case SV_TUPLE: return put_tuple(s, sv_tuple(v));
    case SV_OBJECT: return put_object(s, sv_object(v));
    case SV_ENUM: return put_enum(s, (senum *)v.o);
    case SV_CUSTOM: return put_custom(s, (scustom *)v.o);
    case SV_COMPLEX: return put_complex(s, (scomplex *)v.o);
    case SV_DEVICE: return put_device(s, sv_string(v));
    default: return err_set(s->err, NARU_UNSUPPORTED, "a value of type %s cannot be saved", sv_tag_name(v.tag));
    }
}

static naru_status put(saver *s, sv v) {
    switch (v.tag) {
    case SV_UNINIT:
    case SV_NONE: pkw_op(&s->w, PKW_NONE); return NARU_OK;
    case SV_BOOL: pkw_bool(&s->w, v.b); return NARU_OK;
    case SV_INT: pkw_int(&s->w, v.i); return NARU_OK;
    case SV_FLOAT: pkw_float(&s->w, v.f); return NARU_OK;
    case SV_STR: pkw_str(&s->w, sv_string(v)->data, sv_string(v)->len); return NARU_OK;
    default: break;
    }
    bool shared = v.tag != SV_TUPLE && v.tag != SV_COMPLEX && v.tag != SV_DEVICE;
    if (shared && pkw_seen(&s->w, v.o)) return NARU_OK;
    if (++s->depth > 500) return err_set(s->err, NARU_LIMIT, "values nest too deep");
    naru_status st = put_heap(s, v);
    s->depth--;
    if (st == NARU_OK && shared) pkw_memo(&s->w, v.o);
    return st;
}

/* ---- records ---- */
static naru_status copy_record(saver *s, archive_writer *w, const char *name) {
    archive_bytes b;
    TRY(archive_view(s->m->archive, name, &b, s->err));
    return archive_writer_add(w, name, b.data, b.size, s->err);
}

static naru_status copy_folder(saver *s, archive_writer *w, const char *prefix) {
    archive *a = s->m->archive;
    for (size_t i = archive_next(a, prefix, 0); i < archive_count(a); i = archive_next(a, prefix, i + 1))
        TRY(copy_record(s, w, archive_name(a, i)));
    return NARU_OK;
}

static naru_status write_records(saver *s, archive_writer *w) {
    TRY(copy_folder(s, w, "extra/"));
    TRY(torch_storage_table_write(s->storages, w, "data/", s->err));
    TRY(archive_writer_add(w, "data.pkl", s->w.out.data, s->w.out.len, s->err));
    TRY(copy_folder(s, w, "code/"));
    TRY(copy_folder(s, w, "constants/"));
    TRY(copy_record(s, w, "constants.pkl"));
    TRY(archive_writer_add_version(w, s->m->version, s->err));
    TRY(archive_writer_add_byteorder(w, s->err));
    return archive_writer_add_id(w, s->err);
}

naru_status module_save(module *m, const char *path, naru_error *err) {
    saver s = {.m = m, .err = err};
    archive_writer *w = NULL;
    TRY(torch_storage_table_new("", &s.storages, err));
    naru_status st = pkw_begin(&s.w, err);
    pthread_rwlock_wrlock(&m->attributes);
    if (st == NARU_OK) st = put(&s, m->root);
    if (st == NARU_OK) st = pkw_end(&s.w, err);
    if (st == NARU_OK) st = archive_writer_begin(path, NULL, &w, err);
    if (st == NARU_OK) {
        st = write_records(&s, w);
        naru_status end = archive_writer_end(w, st == NARU_OK, NULL, st == NARU_OK ? err : NULL);
        if (st == NARU_OK) st = end;
    }
    pthread_rwlock_unlock(&m->attributes);
    pkw_free(&s.w);
    torch_storage_table_free(s.storages);
    return st;
}
