/* SPDX-License-Identifier: MIT
 *
 * The unit: files parsed when first asked for, classes and functions found by qualified name. What is inside classes is
 * in compile_class.c. Classes are declared as shells first and filled from a queue, so that a chain of classes that
 * name one another does not nest.
 */
#include "script/compile_in.h"
#include "script/parse.h"

naru_status unit_new(unit_source_fn read, void *user, int version, unit **out, naru_error *err) {
    unit_in *u = mem_calloc(1, sizeof(*u));
    arena *a = arena_new();
    if (!u || !a) {
        mem_free(u);
        arena_free(a);
        return err_oom(err);
    }
    u->u = (unit){.arena = a, .source = read, .user = user, .version = version, .constants = sv_none(), .origin = ""};
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&u->u.lock, &attr);
    pthread_mutexattr_destroy(&attr);
    *out = &u->u;
    return NARU_OK;
}

static void drop_params(sfunction *f) {
    for (int i = 0; i < f->nparams; i++)
        if (f->params[i].has_default) sv_drop(f->params[i].dflt);
    for (int i = 0; i < f->code.nconsts; i++) sv_drop(f->code.consts[i]);
}

static void drop_class(sclass *c) {
    for (int i = 0; i < c->nattrs; i++) sv_drop(c->attrs[i].dflt);
    for (int i = 0; i < c->nconstants; i++) sv_drop(c->constants[i].value);
    for (int i = 0; i < c->nmembers; i++) sv_drop(sv_of(c->members[i]));
}

void unit_free(unit *u) {
    if (!u) return;
    unit_in *in = unit_of(u);
    for (size_t i = 0; i < u->classes.cap; i++)
        if (u->classes.entries[i].key) drop_class(u->classes.entries[i].ptr);
    for (size_t i = 0; i < in->functions.count; i++) drop_params(in->functions.data[i]);
    for (size_t i = 0; i < u->files.cap; i++)
        if (u->files.entries[i].key) strmap_free(&((src_file *)u->files.entries[i].ptr)->defs);
    strmap_free(&u->files);
    strmap_free(&u->classes);
    strmap_free(&u->functions);
    strmap_free(&in->fields);
    ARRAY_FREE(&in->pending);
    ARRAY_FREE(&in->functions);
    ARRAY_FREE(&in->queue);
    ARRAY_FREE(&in->compiled);
    sv_drop(u->constants);
    pthread_mutex_destroy(&u->lock);
    arena_free(u->arena);
    mem_free(in);
}

/* ---- files ---- */
static naru_status index_file(src_file *f, naru_error *err) {
    for (uint32_t i = 0; f->module && i < f->module->count; i++) {
        ast *n = f->module->kids[i];
        if (n->kind != AST_CLASS && n->kind != AST_FUNCTION) continue;
        struct strmap_entry *e = strmap_put(&f->defs, n->text, NULL);
        if (!e) return err_oom(err);
        e->ptr = n;
    }
    return NARU_OK;
}

static naru_status parse_file(unit *u, src_file *f, naru_error *err) {
    const char *text;
    size_t n;
    naru_error e = NARU_ERROR_INIT;
    naru_status st = u->source(u->user, f->path, &text, &n, &e);
    if (st == NARU_NOT_FOUND) return NARU_OK;
    if (st != NARU_OK) {
        if (err) *err = e;
        return st;
    }
    const char *name = arena_alloc(u->arena, strlen(f->path) + 6);
    if (!name) return err_oom(err);
    memcpy((char *)name, "code/", 5);
    strcpy((char *)name + 5, f->path);
    TRY(script_parse(u->arena, name, text, n, &f->module, err));
    return index_file(f, err);
}

naru_status unit_file(unit *u, const char *path, src_file **out, naru_error *err) {
    *out = strmap_get(&u->files, path);
    if (*out) return NARU_OK;
    src_file *f = arena_calloc(u->arena, 1, sizeof(*f));
    if (!f || !(f->path = arena_strdup(u->arena, path))) return err_oom(err);
    naru_status st = u->source ? parse_file(u, f, err) : NARU_OK;
    struct strmap_entry *e = st == NARU_OK ? strmap_put(&u->files, f->path, NULL) : NULL;
    if (!e) {
        strmap_free(&f->defs);
        return st != NARU_OK ? st : err_oom(err);
    }
    e->ptr = *out = f;
    return NARU_OK;
}

/* ---- names ---- */
static void join(str *s, const char *prefix, const char *name) {
    str_add(s, prefix);
    if (*prefix) str_add(s, ".");
    str_add(s, name);
}

static void add_path(str *s, const char *prefix) { /* "__torch__.a.b" -> "__torch__/a/b.py" */
    for (const char *p = prefix; *p; p++) str_add_n(s, *p == '.' ? "/" : p, 1);
    str_add(s, ".py");
}

sfunction *function_new(unit *u, const char *qualname, const char *name, const sclass *owner, const ast *def,
                        src_file *file) {
    fn_in *f = arena_calloc(u->arena, 1, sizeof(*f));
    if (!f || !qualname || !ARRAY_PUSH(&unit_of(u)->functions, &f->f)) return NULL;
    f->f = (sfunction){.unit = u, .qualname = qualname, .name = name, .owner = owner, .def = def};
    f->f.src = def ? def->at.src : NULL;
    f->file = file;
    return &f->f;
}

static naru_status class_new(unit *u, const char *qualname, const char *name, const ast *def, src_file *file,
                             class_in **out, naru_error *err) {
    class_in *c = arena_calloc(u->arena, 1, sizeof(*c));
    if (!c || !qualname) return err_oom(err);
    c->c = (sclass){.unit = u, .qualname = qualname, .name = name, .def = def, .src = def ? def->at.src : NULL};
    c->c.kind = def ? CLASS_PLAIN : CLASS_CUSTOM;
    c->file = file;
    c->type = (stype){.kind = ST_CLASS, .cls = &c->c};
    c->c.type = &c->type;
    struct strmap_entry *e = strmap_put(&u->classes, qualname, NULL);
    if (!e) return err_oom(err);
    e->ptr = *out = c;
    if (!def) c->state = CLASS_READY;
    else if (!ARRAY_PUSH(&unit_of(u)->pending, c)) return err_oom(err);
    return NARU_OK;
}

static naru_status define(unit *u, const char *qualname, const char *name, const ast *def, src_file *file, sclass **cls,
                          sfunction **fn, naru_error *err) {
    if (def->kind == AST_CLASS) {
        class_in *c;
        TRY(class_new(u, qualname, name, def, file, &c, err));
        *cls = &c->c;
        return NARU_OK;
    }
    *fn = function_new(u, qualname, name, NULL, def, file);
    struct strmap_entry *e = *fn ? strmap_put(&u->functions, qualname, NULL) : NULL;
    if (!e) return err_oom(err);
    e->ptr = *fn;
    return NARU_OK;
}

#define CUSTOM_PREFIX "__torch__.torch.classes."

static void fill_one(unit *u, class_in *c) {
    naru_error e = NARU_ERROR_INIT;
    if (c->state != CLASS_SHELL) return;
    c->code = class_fill(u, c, &e);
    if (c->code == NARU_OUT_OF_MEMORY) return; /* it may work the next time */
    c->state = c->code == NARU_OK ? CLASS_READY : CLASS_BROKEN;
    if (c->code != NARU_OK) c->failure = arena_strdup(u->arena, e.message);
}

/* Fills the shells; `wanted` failing is the caller's error, others keep theirs until they are asked for. */
static naru_status fill_pending(unit *u, class_in *wanted, naru_error *err) {
    unit_in *in = unit_of(u);
    if (in->filling || wanted->state == CLASS_READY) return NARU_OK;
    in->filling = true;
    fill_one(u, wanted);
    while (in->pending.count) fill_one(u, in->pending.data[--in->pending.count]);
    in->filling = false;
    if (wanted->state == CLASS_READY) return NARU_OK;
    if (wanted->state == CLASS_SHELL) return err_oom(err);
    return err_set(err, wanted->code, "%s", wanted->failure ? wanted->failure : "out of memory");
}

static naru_status lookup(unit *u, const char *prefix, const char *name, const char *qualname, const char *path,
                          sclass **cls, sfunction **fn, naru_error *err) {
    if ((*cls = strmap_get(&u->classes, qualname)) || (*fn = strmap_get(&u->functions, qualname))) return NARU_OK;
    if (str_starts(prefix, "__torch__.torch.classes.")) {
        class_in *c;
        const char *kept = arena_strdup(u->arena, qualname);
        if (!kept) return err_oom(err);
        TRY(class_new(u, kept, kept + strlen(prefix) + 1, NULL, NULL, &c, err));
        *cls = &c->c;
        return NARU_OK;
    }
    src_file *file;
    TRY(unit_file(u, path, &file, err));
    const ast *def = strmap_get(&file->defs, name);
    return def ? define(u, arena_strdup(u->arena, qualname), def->text, def, file, cls, fn, err) : NARU_OK;
}

naru_status unit_lookup(unit *u, const char *prefix, const char *name, sclass **cls, sfunction **fn, naru_error *err) {
    str qualname = {0}, path = {0};
    join(&qualname, prefix, name);
    add_path(&path, prefix);
    *cls = NULL;
    *fn = NULL;
    naru_status st = NARU_OUT_OF_MEMORY;
    if (!qualname.failed && !path.failed)
        st = lookup(u, prefix, name, str_text(&qualname), str_text(&path), cls, fn, err);
    else err_oom(err);
    str_free(&qualname);
    str_free(&path);
    if (st == NARU_OK && *cls) st = fill_pending(u, class_of(*cls), err);
    return st;
}

static naru_status lookup_whole(unit *u, const char *qualname, sclass **cls, sfunction **fn, naru_error *err) {
    const char *dot = strrchr(qualname, '.');
    char *prefix = arena_strndup(u->arena, qualname, dot ? (size_t)(dot - qualname) : 0);
    if (!prefix) return err_oom(err);
    return unit_lookup(u, prefix, dot ? dot + 1 : qualname, cls, fn, err);
}

naru_status unit_class(unit *u, const char *qualname, sclass **out, naru_error *err) {
    pthread_mutex_lock(&u->lock);
    sfunction *fn = NULL;
    *out = strmap_get(&u->classes, qualname);
    naru_status st = *out ? NARU_OK : lookup_whole(u, qualname, out, &fn, err);
    if (st == NARU_OK && !*out) st = err_set(err, NARU_NOT_FOUND, "Unknown type name '%s'", qualname);
    if (st == NARU_OK) st = fill_pending(u, class_of(*out), err);
    pthread_mutex_unlock(&u->lock);
    return st;
}

naru_status unit_function(unit *u, const char *qualname, sfunction **out, naru_error *err) {
    pthread_mutex_lock(&u->lock);
    sclass *cls = NULL;
    *out = strmap_get(&u->functions, qualname);
    naru_status st = *out ? NARU_OK : lookup_whole(u, qualname, &cls, out, err);
    if (st == NARU_OK && !*out) st = err_set(err, NARU_NOT_FOUND, "there is no function '%s'", qualname);
    pthread_mutex_unlock(&u->lock);
    return st;
}

naru_status unit_type(unit *u, const char *text, size_t n, const stype **out, naru_error *err) {
    pthread_mutex_lock(&u->lock);
    ast *e = NULL;
    naru_status st = script_parse_type(u->arena, "type", text, n, &e, err);
    if (st == NARU_OK) st = type_of_ast(u, e, out, err);
    pthread_mutex_unlock(&u->lock);
    return st;
}

/* ---- classes, read ---- */
int sclass_attr(const sclass *c, const char *name) {
    for (int i = 0; i < c->nattrs; i++)
        if (strcmp(c->attrs[i].name, name) == 0) return i;
    return -1;
}

sfunction *sclass_method(const sclass *c, const char *name) {
    for (int i = 0; i < c->nmethods; i++)
        if (strcmp(c->methods[i]->name, name) == 0) return c->methods[i];
    return NULL;
}

const struct sconstant *sclass_constant(const sclass *c, const char *name) {
    for (int i = 0; i < c->nconstants; i++)
        if (strcmp(c->constants[i].name, name) == 0) return &c->constants[i];
    return NULL;
}

/* ---- Python source ---- */
void unit_set_names(unit *u, unit_name_fn fn, void *user) {
    pthread_mutex_lock(&u->lock);
    unit_of(u)->names = fn;
    unit_of(u)->names_user = user;
    pthread_mutex_unlock(&u->lock);
}

static naru_status declare_module(unit *u, const char *qualname, const char *path, const ast *def, class_in **out,
                                  naru_error *err) {
    src_file *file;
    if (strmap_find(&u->classes, qualname)) return err_set(err, NARU_INVALID_ARGUMENT, "class '%s' exists", qualname);
    TRY(unit_file(u, path, &file, err));
    const char *kept = arena_strdup(u->arena, qualname), *dot = kept ? strrchr(kept, '.') : NULL;
    TRY(class_new(u, kept, dot ? dot + 1 : kept, def, file, out, err));
    (*out)->c.kind = CLASS_MODULE;
    return NARU_OK;
}

naru_status unit_module(unit *u, const char *qualname, const char *path, const ast *def, int nattrs, const sattr *attrs,
                        int nconstants, const struct sconstant *constants, sclass **out, naru_error *err) {
    class_in *c = NULL;
    pthread_mutex_lock(&u->lock);
    naru_status st = declare_module(u, qualname, path, def, &c, err);
    if (st == NARU_OK) {
        c->state = CLASS_READY; /* nothing is left to fill */
        c->c.attrs = arena_dup(u->arena, attrs, (size_t)nattrs * sizeof(*attrs));
        c->c.constants = arena_dup(u->arena, constants, (size_t)nconstants * sizeof(*constants));
        if (!c->c.attrs || !c->c.constants) st = err_oom(err);
        if (st == NARU_OK) st = class_methods(u, c, err);
        if (st != NARU_OK) c->state = CLASS_BROKEN;
    }
    if (st == NARU_OK) {
        c->c.nattrs = nattrs;
        c->c.nconstants = nconstants;
        *out = &c->c;
    }
    pthread_mutex_unlock(&u->lock);
    return st;
}
