/* SPDX-License-Identifier: MIT
 *
 * From the pickles of an archive to values: objects of the unit's classes, containers with their element types, tensors
 * over shared storages, enum members, torchbind objects. What is one object in the file is one object here.
 */
#include <string.h>

#include "script/custom.h"
#include "script/module.h"

typedef struct reader {
    module *m;
    torch_storages *storages;
    const char *folder;
    sv *made; /* by pk.id; references */
    naru_error *err;
} reader;

static naru_status read(reader *r, const pk *p, const stype *wanted, sv *out);

static naru_status bad(const reader *r, const pk *p, const char *what) {
    return err_set(r->err, NARU_BAD_FILE, "byte %u: %s", (unsigned)p->offset, what);
}

static naru_status qualified(const pk *global, str *out, naru_error *err) {
    pk_add_name(out, global);
    return out->failed ? err_oom(err) : NARU_OK;
}

/* ---- containers ---- */
static const stype *elem_of(const stype *t, int i) {
    if (t && t->kind == ST_OPTIONAL) t = t->args[0];
    return t && (t->kind == ST_LIST || t->kind == ST_DICT) && i < t->n ? t->args[i] : NULL;
}

static naru_status read_list(reader *r, const pk *p, const stype *elem, sv *out) {
    slist *l = slist_new(elem ? elem : &stype_any, p->count);
    if (!l) return err_oom(r->err);
    *out = sv_of(l);
    for (uint32_t i = 0; i < p->count; i++) {
        sv v;
        TRY(read(r, p->items[i], elem, &v));
        if (!slist_push(l, v)) return err_oom(r->err);
    }
    return NARU_OK;
}

static naru_status read_dict(reader *r, const pk *p, const stype *key, const stype *content, sv *out) {
    sdict *d = sdict_new(key ? key : &stype_str, content ? content : &stype_any);
    if (!d) return err_oom(r->err);
    *out = sv_of(d);
    for (size_t i = 0; i < pk_dict_count(p); i++) {
        pk_pair pair = pk_dict_pair(p, i);
        sv k, v;
        TRY(read(r, pair.key, key, &k));
        naru_status st = read(r, pair.value, content, &v);
        if (st != NARU_OK) {
            sv_drop(k);
            return st;
        }
        if (!sdict_put(d, k, v)) return err_oom(r->err);
    }
    return NARU_OK;
}

static naru_status read_tuple(reader *r, const pk *p, const stype *t, sv *out) {
    if (t && t->kind == ST_OPTIONAL) t = t->args[0];
    bool typed = t && t->kind == ST_TUPLE && t->n == (int)p->count;
    stuple *u = stuple_new((int)p->count, typed ? t->cls : NULL);
    if (!u) return err_oom(r->err);
    *out = sv_of(u);
    for (uint32_t i = 0; i < p->count; i++) TRY(read(r, p->items[i], typed ? t->args[i] : NULL, &u->items[i]));
    return NARU_OK;
}

/* ---- calls ---- */
static naru_status tagged(reader *r, const pk *p, sv *out) { /* restore_type_tag(container, "List[str]") */
    const pk *text = pk_item(p, 1);
    const stype *t;
    if (!pk_item(p, 0) || !text || text->kind != PK_STR)
        return bad(r, p, "restore_type_tag wants a container and a type");
    TRY(unit_type(r->m->unit, text->text.s, text->text.n, &t, r->err));
    return read(r, pk_item(p, 0), t, out);
}

static naru_status built_list(reader *r, const pk *p, sv *out) {
    static const struct {
        const char *name;
        const stype *elem;
    } kinds[] = {{"build_intlist", &stype_int},
                 {"build_doublelist", &stype_float},
                 {"build_boollist", &stype_bool},
                 {"build_tensorlist", &stype_tensor}};
    const pk *items = pk_item(p, 0);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(p->callee->global.name, kinds[i].name) == 0 && items && items->kind == PK_LIST)
            return read_list(r, items, kinds[i].elem, out);
    return bad(r, p, "a call of torch.jit._pickle that is not known");
}

static naru_status read_tensor(reader *r, const pk *p, sv *out) {
    torch_tensor t = {0};
    naru_status st = torch_tensor_read(r->storages, r->folder, p, &t, r->err);
    sten *x = st == NARU_OK ? sten_from(t.t) : NULL;
    if (st == NARU_OK && !x) st = err_oom(r->err);
    if (st == NARU_OK) {
        x->param = true;
        *out = sv_of(x);
        if (t.qscheme != TORCH_NOT_QUANTIZED) {
            squant *q = mem_calloc(1, sizeof *q);
            if (!q) st = err_oom(r->err);
            else
                *q = (squant){.refs = 1,
                              .scheme = t.qscheme == TORCH_PER_TENSOR    ? 0
                                        : t.qscheme == TORCH_PER_CHANNEL ? 1
                                                                         : 4,
                              .type = t.scalar,
                              .scale = t.scale,
                              .zero_point = t.zero_point,
                              .axis = t.axis,
                              .scales = t.scales ? tensor_ref(t.scales) : NULL,
                              .zero_points = t.zero_points ? tensor_ref(t.zero_points) : NULL};
            x->q = q;
        }
    }
    torch_tensor_clear(&t);
    return st;
}

static naru_status enum_member(reader *r, const pk *p, const sclass *c, sv *out) {
    sv v;
    const pk *bare =
        p->args && p->args->kind == PK_TUPLE ? pk_item(p, 0) : p->args; /* PyTorch calls with a bare value */
    TRY(read(r, bare, NULL, &v));
    for (int i = 0; i < c->nmembers; i++)
        if (sv_equal(c->members[i]->value, v)) {
            sv_drop(v);
            *out = senum_mention(c->members[i]);
            return out->tag == SV_UNINIT ? err_oom(r->err) : NARU_OK;
        }
    sv_drop(v);
    return err_set(r->err, NARU_BAD_FILE, "byte %u: no member of %s has that value", (unsigned)p->offset, c->qualname);
}

static naru_status named_call(reader *r, const pk *p, sv *out) { /* an enum member by value */
    str name = {0};
    sclass *c = NULL;
    naru_status st = qualified(p->callee, &name, r->err);
    if (st == NARU_OK) st = unit_class(r->m->unit, str_text(&name), &c, r->err);
    if (st == NARU_OK)
        st = c->kind == CLASS_ENUM && p->args ? enum_member(r, p, c, out) : bad(r, p, "a call that makes no value");
    str_free(&name);
    return st;
}

static naru_status read_call(reader *r, const pk *p, const stype *wanted, sv *out) {
    const pk *f = p->callee;
    if (torch_is_tensor(p)) return read_tensor(r, p, out);
    if (pk_is_global(f, "torch.jit._pickle", "restore_type_tag")) return tagged(r, p, out);
    if (pk_is_global(f, "torch.jit._pickle", NULL)) return built_list(r, p, out);
    if (pk_is_dict(p)) return read_dict(r, p, elem_of(wanted, 0), elem_of(wanted, 1), out);
    if (pk_is_global(f, "collections", "OrderedDict")) {
        *out = sv_none();
        return NARU_OK;
    }
    if (pk_is_global(f, "builtins", "complex")) {
        double re, im;
        if (!pk_get_float(pk_item(p, 0), &re) || !pk_get_float(pk_item(p, 1), &im)) return bad(r, p, "complex(?)");
        *out = sv_complex(re, im);
        return out->tag == SV_UNINIT ? err_oom(r->err) : NARU_OK;
    }
    if (pk_is_global(f, "torch", "device")) {
        const pk *d = pk_item(p, 0);
        if (!d || d->kind != PK_STR) return bad(r, p, "torch.device(?)");
        *out = sv_device(d->text.s);
        return out->tag == SV_UNINIT ? err_oom(r->err) : NARU_OK;
    }
    if (f && f->kind == PK_GLOBAL && strncmp(f->global.module, "__torch__", 9) == 0) return named_call(r, p, out);
    str name = {0};
    pk_add_name(&name, f);
    naru_status st =
        err_set(r->err, NARU_UNSUPPORTED, "byte %u: a value made by %s", (unsigned)p->offset, str_text(&name));
    str_free(&name);
    return st;
}

/* ---- objects ---- */
static naru_status set_state(reader *r, sobject *o, sfunction *setstate, sv state) {
    vm machine;
    eager *e;
    TRY(eager_new(r->m->options.cpu, r->m->pool, 0, &e, r->err));
    naru_status st = vm_init(&machine, r->m->unit, e);
    sv out = sv_none();
    if (st == NARU_OK) st = vm_call(&machine, setstate, 2, (sv[]){sv_of(o), state}, &out, r->err);
    sv_drop(out);
    vm_done(&machine);
    eager_free(e);
    for (int i = 0; st == NARU_OK && i < o->n; i++) { /* what may be None is None when it was not set */
        stype_kind k = o->cls->attrs[i].type->kind;
        if (o->slots[i].tag != SV_UNINIT) continue;
        if (k == ST_OPTIONAL || k == ST_NONE || k == ST_UNION || k == ST_ANY) o->slots[i] = sv_none();
        else
            st = err_set(r->err, NARU_BAD_FILE, "%s: '%s' was left uninitialized after '__setstate__'",
                         o->cls->qualname, o->cls->attrs[i].name);
    }
    return st;
}

static naru_status fill_slots(reader *r, const pk *state, sobject *o) {
    const sclass *c = o->cls;
    for (int i = 0; i < c->nattrs; i++) {
        const pk *v = pk_dict_get(state, c->attrs[i].name);
        if (!v)
            return err_set(r->err, NARU_BAD_FILE, "an object of %s has no attribute '%s'", c->qualname,
                           c->attrs[i].name);
        naru_status st = read(r, v, c->attrs[i].type, &o->slots[i]);
        if (st != NARU_OK) return err_context(r->err, st, "%s.%s", c->name, c->attrs[i].name);
        if (c->attrs[i].type->kind == ST_FLOAT && o->slots[i].tag == SV_INT)
            o->slots[i] = sv_float((double)o->slots[i].i);
        if (o->slots[i].tag != SV_NONE && !sv_isinstance(o->slots[i], c->attrs[i].type)) {
            str t = {0};
            stype_print(c->attrs[i].type, &t);
            st = err_set(r->err, NARU_BAD_FILE, "%s.%s is declared %s but holds %s", c->qualname, c->attrs[i].name,
                         str_text(&t), sv_tag_name(o->slots[i].tag));
            str_free(&t);
            return st;
        }
    }
    return NARU_OK;
}

static naru_status read_object(reader *r, const pk *p, sv *out) {
    str name = {0};
    sclass *c = NULL;
    naru_status st = qualified(p->callee, &name, r->err);
    if (st == NARU_OK && strncmp(str_text(&name), "__torch__.torch.classes.", 24) == 0) {
        sv state = sv_none();
        if (p->state) st = read(r, p->state, NULL, &state);
        if (st == NARU_OK) st = custom_from_state(str_text(&name), state, out, r->err);
        sv_drop(state);
        str_free(&name);
        return st;
    }
    if (st == NARU_OK) st = unit_class(r->m->unit, str_text(&name), &c, r->err);
    str_free(&name);
    TRY(st);
    sobject *o = sobject_new(c);
    if (!o) return err_oom(r->err);
    *out = sv_of(o);
    r->made[p->id] = sv_keep(*out); /* before its state, which may name it */
    sfunction *setstate = sclass_method(c, "__setstate__");
    if (setstate && p->state) {
        sv state;
        TRY(read(r, p->state, NULL, &state));
        st = set_state(r, o, setstate, state);
        sv_drop(state);
        return st;
    }
    if (p->state && !pk_is_dict(p->state)) return bad(r, p, "the state of an object is no dict");
    return fill_slots(r, p->state, o);
}

/* ---- any node ---- */
static naru_status read_new(reader *r, const pk *p, const stype *wanted, sv *out) {
    switch (p->kind) {
    case PK_NONE: *out = sv_none(); return NARU_OK;
    case PK_BOOL: *out = sv_bool(p->i != 0); return NARU_OK;
    case PK_INT: *out = sv_int(p->i); return NARU_OK;
    case PK_FLOAT: *out = sv_float(p->f); return NARU_OK;
    case PK_STR: *out = sv_str(p->text.s, p->text.n); return out->tag == SV_UNINIT ? err_oom(r->err) : NARU_OK;
    case PK_LIST: return read_list(r, p, elem_of(wanted, 0), out);
    case PK_TUPLE: return read_tuple(r, p, wanted, out);
    case PK_DICT: return read_dict(r, p, elem_of(wanted, 0), elem_of(wanted, 1), out);
    case PK_REDUCE: return read_call(r, p, wanted, out);
    case PK_OBJECT: return read_object(r, p, out);
    default: return bad(r, p, "a value that TorchScript does not have");
    }
}

static naru_status read(reader *r, const pk *p, const stype *wanted, sv *out) {
    *out = sv_none();
    if (!p) return err_set(r->err, NARU_BAD_FILE, "a value is missing");
    if (sv_heap(r->made[p->id])) {
        *out = sv_keep(r->made[p->id]);
        return NARU_OK;
    }
    naru_status st = read_new(r, p, wanted, out);
    if (st != NARU_OK) {
        sv_drop(*out);
        *out = sv_none();
    } else if (sv_heap(*out) && !sv_heap(r->made[p->id])) {
        r->made[p->id] = sv_keep(*out);
    }
    return st;
}

naru_status module_unpickle(module *m, torch_storages *s, const char *record, const char *folder, sv *out,
                            naru_error *err) {
    arena *a = arena_new();
    pickle p;
    *out = sv_none();
    if (!a) return err_oom(err);
    naru_status st = torch_read_pickle(m->archive, record, a, NULL, &p, err);
    reader r = {m, s, folder, NULL, err};
    if (st == NARU_OK && !(r.made = mem_calloc(p.count + 1, sizeof *r.made))) st = err_oom(err);
    for (size_t i = 0; st == NARU_OK && i < p.count; i++) r.made[i] = sv_none();
    if (st == NARU_OK) {
        st = read(&r, p.root, NULL, out);
        for (size_t i = 0; i < p.count; i++) sv_drop(r.made[i]);
        if (st != NARU_OK) err_context(err, st, "%s: %s", archive_path(m->archive), record);
    }
    mem_free(r.made);
    arena_free(a);
    return st;
}
