/* SPDX-License-Identifier: MIT
 *
 * naru_module_*: TorchScript modules behind the public handle. Values are in ivalue.c.
 */
#include "naru/script.h"

#include <string.h>

#include "api/export.h"
#include "api/ivalue.h"
#include "api/options.h"
#include "formats/onnx/onnx.h"
#include "script/coerce.h"
#include "script/compile.h"
#include "script/export.h"
#include "script/module.h"

typedef struct named_tensor {
    const char *name;
    sten *t; /* borrowed from the module */
    naru_tensor *shown;
    bool buffer;
    sobject *owner;
    int slot;
} named_tensor;

struct naru_module {
    module *m;
    arena *arena; /* names and signatures */
    pthread_mutex_t lock;
    char *traceback;
    ARRAY(named_tensor) tensors; /* parameters, then buffers; made when asked for */
    bool listed;
    atomic_int cancelled;
    char **signatures;
};

/* ---- loading ---- */
static naru_status options_of(const naru_options *o, module_options *out, naru_error *err) {
    *out = (module_options){.threads = (int)option_int(o, OPTION_threads),
                            .map = option_int(o, OPTION_map) != 0,
                            .regions = option_int(o, OPTION_regions) != 0,
                            .seed = (uint64_t)option_int(o, OPTION_seed)};
    return option_cpu(o, &out->cpu, err);
}

static naru_status wrap(module *m, naru_module **out, naru_error *err) {
    naru_module *n = mem_calloc(1, sizeof *n);
    if (n) n->arena = arena_new();
    if (!n || !n->arena) {
        mem_free(n);
        module_unref(m);
        return err_oom(err);
    }
    n->m = m;
    m->cancelled = &n->cancelled;
    pthread_mutex_init(&n->lock, NULL);
    *out = n;
    return NARU_OK;
}

naru_status naru_module_load(const char *path, const naru_options *options, naru_module **out, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_load: a required argument is NULL");
    module_options o;
    module *m;
    *out = NULL;
    TRY(options_of(options, &o, err));
    TRY(module_load(path, &o, &m, err));
    return wrap(m, out, err);
}

naru_status naru_module_load_memory(const void *data, size_t size, const naru_options *options, naru_module **out,
                                    naru_error *err) {
    if (!data || !out)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_load_memory: a required argument is NULL");
    module_options o;
    module *m;
    *out = NULL;
    TRY(options_of(options, &o, err));
    TRY(module_load_memory(data, size, "(memory)", &o, &m, err));
    return wrap(m, out, err);
}

static void forget_tensors(naru_module *n) {
    for (size_t i = 0; i < n->tensors.count; i++) tensor_unref(n->tensors.data[i].shown);
    ARRAY_FREE(&n->tensors);
    n->listed = false;
}

void naru_module_destroy(naru_module **module_) {
    if (!module_ || !*module_) return;
    naru_module *n = *module_;
    forget_tensors(n);
    n->m->cancelled = NULL;
    module_unref(n->m);
    arena_free(n->arena);
    mem_free(n->traceback);
    pthread_mutex_destroy(&n->lock);
    mem_free(n);
    *module_ = NULL;
}

/* ---- parameters ---- */
static naru_status list_tensors(naru_module *n, sobject *o, const char *path, bool buffers, int depth,
                                naru_error *err) {
    if (depth > 100) return err_set(err, NARU_LIMIT, "modules nest too deep");
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < o->n && i < o->cls->nattrs; i++) {
            const sattr *a = &o->cls->attrs[i];
            bool tensor = o->slots[i].tag == SV_TENSOR && (a->param ? !buffers : buffers && a->buffer);
            if (pass == 0 ? !tensor : o->slots[i].tag != SV_OBJECT) continue;
            str text = {0};
            str_addf(&text, "%s%s%s", path, *path ? "." : "", a->name);
            char *name = arena_strdup(n->arena, str_text(&text));
            str_free(&text);
            if (!name) return err_oom(err);
            if (pass == 1) {
                if (o->slots[i].o->shared) TRY(list_tensors(n, sv_object(o->slots[i]), name, buffers, depth + 1, err));
                continue;
            }
            named_tensor t = {.name = name, .t = sv_tensor(o->slots[i]), .buffer = buffers, .owner = o, .slot = i};
            TRY(sten_export(t.t, &t.shown, err));
            if (!ARRAY_PUSH(&n->tensors, t)) {
                tensor_unref(t.shown);
                return err_oom(err);
            }
        }
    return NARU_OK;
}

static naru_status ensure_listed(naru_module *n, naru_error *err) {
    naru_status st = NARU_OK;
    pthread_mutex_lock(&n->lock);
    if (!n->listed) {
        st = list_tensors(n, sv_object(n->m->root), "", false, 0, err);
        if (st == NARU_OK) st = list_tensors(n, sv_object(n->m->root), "", true, 0, err);
        if (st == NARU_OK) n->listed = true;
        else forget_tensors(n);
    }
    pthread_mutex_unlock(&n->lock);
    return st;
}

const char *naru_module_parameter(naru_module *n, size_t i, const naru_tensor **tensor, bool *buffer) {
    if (!n || ensure_listed(n, NULL) != NARU_OK || i >= n->tensors.count) return NULL;
    if (tensor) *tensor = n->tensors.data[i].shown;
    if (buffer) *buffer = n->tensors.data[i].buffer;
    return n->tensors.data[i].name;
}

static naru_status not_there(naru_module *n, const char *name, naru_error *err) {
    const char **names = mem_alloc((n->tensors.count + 1) * sizeof *names);
    if (!names) return err_oom(err);
    for (size_t i = 0; i < n->tensors.count; i++) names[i] = n->tensors.data[i].name;
    const char *near = str_nearest(name, names, n->tensors.count);
    naru_status st = near ? err_set(err, NARU_NOT_FOUND, "there is no parameter '%s'; did you mean '%s'?", name, near)
                          : err_set(err, NARU_NOT_FOUND, "there is no parameter or buffer '%s'", name);
    mem_free(names);
    return st;
}

/* Every attribute that shows the old tensor shows the new one: tied weights stay tied. */
static void replace(sobject *o, const sten *old, sten *now, int depth) {
    for (int i = 0; depth < 100 && i < o->n; i++) {
        if (o->slots[i].tag == SV_TENSOR && (sten *)o->slots[i].o == old) {
            sobj_retain(&now->head);
            sv_set(&o->slots[i], sv_of(now));
        } else if (o->slots[i].tag == SV_OBJECT && o->slots[i].o->shared) {
            replace(sv_object(o->slots[i]), old, now, depth + 1);
        }
    }
}

naru_status naru_module_set_parameter(naru_module *n, const char *name, naru_tensor *t, naru_error *err) {
    if (!n || !name || !t)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_set_parameter: a required argument is NULL");
    TRY(ensure_listed(n, err));
    for (size_t i = 0; i < n->tensors.count; i++) {
        if (strcmp(n->tensors.data[i].name, name) != 0) continue;
        naru_tensor *copy;
        TRY(tensor_clone(t, &copy, err));
        sten *now = sten_from(copy), *old = n->tensors.data[i].t;
        tensor_unref(copy);
        if (now && old->t.dtype == now->t.dtype && tensor_same_dims(&old->t, &now->t)) { /* every alias sees it */
            sten_copy(old, now);
            sobj_release(&now->head);
            return NARU_OK;
        }
        if (!now) return err_oom(err);
        now->param = true;
        sv_share(sv_of(now));
        sobj_retain(&old->head);
        replace(sv_object(n->m->root), old, now, 0);
        sobj_release(&old->head);
        sobj_release(&now->head);
        region_set_clear(n->m->region_set);
        pthread_mutex_lock(&n->lock);
        forget_tensors(n);
        pthread_mutex_unlock(&n->lock);
        return NARU_OK;
    }
    return not_there(n, name, err);
}

/* ---- attributes ---- */
static naru_status find_slot(naru_module *n, const char *path, sobject **owner, int *slot, naru_error *err) {
    sobject *o = sv_object(n->m->root);
    char part[256];
    for (const char *p = path;;) {
        size_t len = strcspn(p, ".");
        if (len == 0 || len >= sizeof part) return err_set(err, NARU_NOT_FOUND, "'%s' is no attribute's path", path);
        memcpy(part, p, len);
        part[len] = 0;
        int i = sclass_attr(o->cls, part);
        if (i < 0) return err_set(err, NARU_NOT_FOUND, "%s has no attribute '%s'", o->cls->name, part);
        if (!p[len]) {
            *owner = o;
            *slot = i;
            return NARU_OK;
        }
        if (o->slots[i].tag != SV_OBJECT)
            return err_set(err, NARU_NOT_FOUND, "'%.*s' is no module", (int)(p + len - path), path);
        o = sv_object(o->slots[i]);
        p += len + 1;
    }
}

naru_status naru_module_get_attribute(naru_module *n, const char *path, naru_ivalue **out, naru_error *err) {
    if (!n || !path || !out)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_get_attribute: a required argument is NULL");
    sobject *o;
    int slot;
    TRY(find_slot(n, path, &o, &slot, err));
    return ivalue_wrap(sv_keep(o->slots[slot]), n->m, out, err);
}

naru_status naru_module_set_attribute(naru_module *n, const char *path, naru_ivalue *v, naru_error *err) {
    if (!n || !path || !v)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_set_attribute: a required argument is NULL");
    sobject *o;
    int slot;
    sv now;
    TRY(find_slot(n, path, &o, &slot, err));
    TRY(sv_coerce(ivalue_sv(v), o->cls->attrs[slot].type, path, &now, err));
    if (now.tag == SV_TENSOR) ((sten *)now.o)->param = true;
    sv_share(now);
    sv_set(&o->slots[slot], now);
    region_set_clear(n->m->region_set);
    pthread_mutex_lock(&n->lock);
    forget_tensors(n);
    pthread_mutex_unlock(&n->lock);
    return NARU_OK;
}

static void set_training(sobject *o, bool training, int depth) {
    for (int i = 0; depth < 100 && i < o->n && i < o->cls->nattrs; i++) {
        if (o->slots[i].tag == SV_BOOL && strcmp(o->cls->attrs[i].name, "training") == 0) o->slots[i].b = training;
        if (o->slots[i].tag == SV_OBJECT && o->slots[i].o->shared)
            set_training(sv_object(o->slots[i]), training, depth + 1);
    }
}

naru_status naru_module_train(naru_module *n, bool training, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_train: the module is NULL");
    set_training(sv_object(n->m->root), training, 0);
    region_set_clear(n->m->region_set);
    return NARU_OK;
}

/* ---- looking ---- */
naru_status naru_module_get_info(naru_module *n, naru_module_info *out) {
    if (!n || !out) return NARU_INVALID_ARGUMENT;
    TRY(ensure_listed(n, NULL));
    const sobject *root = sv_object(n->m->root);
    size_t size = out->size;
    *out = (naru_module_info){.size = size,
                              .format = n->m->kind == ARCHIVE_LITE ? "TorchScript (lite)" : "TorchScript",
                              .version = n->m->version,
                              .class_name = root->cls->qualname,
                              .methods = (size_t)root->cls->nmethods,
                              .threads = pool_threads(n->m->pool),
                              .attributes = (size_t)root->cls->nattrs};
    int training = sclass_attr(root->cls, "training");
    out->training = training >= 0 && root->slots[training].tag == SV_BOOL && root->slots[training].b;
    for (size_t i = 0; i < n->tensors.count; i++) {
        const named_tensor *t = &n->tensors.data[i];
        out->parameters += !t->buffer;
        out->buffers += t->buffer;
        out->parameter_count += t->buffer ? 0 : tensor_count(t->shown);
        out->parameter_bytes += t->buffer ? 0 : (int64_t)tensor_bytes(t->shown);
    }
    return NARU_OK;
}

/* ---- checking ---- */
enum { NAMES_SHOWN = 4 };

typedef struct in_training { /* modules of one class */
    const char *cls;
    str names;
    int count;
} in_training;
typedef ARRAY(in_training) training_list;

static bool trains(const char *cls) {
    return strstr(cls, "BatchNorm") || strstr(cls, "InstanceNorm") || strstr(cls, "Dropout") || strstr(cls, "RReLU");
}

static bool note_training(training_list *list, const char *cls, const char *path) {
    size_t i = 0;
    while (i < list->count && strcmp(list->data[i].cls, cls) != 0) i++;
    if (i == list->count && !ARRAY_PUSH(list, (in_training){.cls = cls})) return false;
    in_training *k = &list->data[i];
    if (k->count++ < NAMES_SHOWN) str_addf(&k->names, "%s%s", k->count > 1 ? ", " : "", *path ? path : "itself");
    return true;
}

static bool find_training(const sobject *o, const char *path, int depth, training_list *out) {
    int at = sclass_attr(o->cls, "training");
    bool on = at >= 0 && o->slots[at].tag == SV_BOOL && o->slots[at].b;
    bool ok = !on || !trains(o->cls->name) || note_training(out, o->cls->name, path);
    for (int i = 0; ok && depth < 100 && i < o->n && i < o->cls->nattrs; i++) {
        if (o->slots[i].tag != SV_OBJECT) continue;
        str below = {0};
        str_addf(&below, "%s%s%s", path, *path ? "." : "", o->cls->attrs[i].name);
        ok = find_training(sv_object(o->slots[i]), str_text(&below), depth + 1, out);
        str_free(&below);
    }
    return ok;
}

static naru_status report_training(naru_module *n, naru_report *report, naru_error *err) {
    training_list list = {0};
    naru_status st = find_training(sv_object(n->m->root), "", 0, &list) ? NARU_OK : err_oom(err);
    for (size_t i = 0; i < list.count; i++) {
        in_training *k = &list.data[i];
        if (st == NARU_OK)
            st = report_add(report, NARU_SEVERITY_WARNING, "training-mode", k->cls, "call eval() before saving",
                            "%d module%s in training mode: %s%s", k->count, k->count == 1 ? " is" : "s are",
                            str_text(&k->names), k->count > NAMES_SHOWN ? ", ..." : "");
        str_free(&k->names);
    }
    ARRAY_FREE(&list);
    return st;
}

naru_status naru_module_check(naru_module *n, naru_report *report, naru_error *err) {
    if (!n || !report) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_check: a required argument is NULL");
    TRY(report_training(n, report, err));
    return unit_check(n->m->unit, report, err);
}

static char *signature_text(naru_module *n, sfunction *f) {
    str s = {0};
    str_addf(&s, "%s(", f->name);
    if (unit_sign(n->m->unit, f, NULL) != NARU_OK && !f->ret) str_add(&s, "?"); /* a body may be broken alone */
    else
        for (int i = 1; i < f->nparams; i++) {
            const sparam *p = &f->params[i];
            if (i > 1) str_add(&s, ", ");
            if (p->type) stype_print(p->type, &s);
            str_addf(&s, " %s", p->name);
            if (!p->has_default) continue;
            str_add(&s, "=");
            sv_print(p->dflt, &s);
        }
    str_add(&s, ")");
    if (f->ret) {
        str_add(&s, " -> ");
        stype_print(f->ret, &s);
    }
    char *kept = arena_strdup(n->arena, str_text(&s));
    str_free(&s);
    return kept;
}

const char *naru_module_method(naru_module *n, size_t i, const char **signature) {
    if (!n) return NULL;
    const sclass *c = sv_object(n->m->root)->cls;
    if (i >= (size_t)c->nmethods) return NULL;
    pthread_mutex_lock(&n->lock);
    if (!n->signatures) n->signatures = arena_calloc(n->arena, (size_t)c->nmethods + 1, sizeof *n->signatures);
    if (n->signatures && !n->signatures[i]) n->signatures[i] = signature_text(n, c->methods[i]);
    if (signature) *signature = n->signatures && n->signatures[i] ? n->signatures[i] : "";
    pthread_mutex_unlock(&n->lock);
    return c->methods[i]->name;
}

naru_status naru_module_argument(naru_module *n, const char *method, size_t i, const char **name, const char **type_,
                                 bool *has_default, naru_error *err) {
    if (!n || !method) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_argument: a required argument is NULL");
    sfunction *f;
    TRY(module_method(n->m, method, &f, err));
    TRY(unit_sign(n->m->unit, f, err));
    if (i + 1 >= (size_t)f->nparams) return NARU_NOT_FOUND;
    const sparam *p = &f->params[i + 1];
    if (name) *name = p->name;
    if (has_default) *has_default = p->has_default;
    if (!type_) return NARU_OK;
    str s = {0};
    stype_print(p->type, &s);
    pthread_mutex_lock(&n->lock);
    *type_ = arena_strdup(n->arena, str_text(&s));
    pthread_mutex_unlock(&n->lock);
    str_free(&s);
    return *type_ ? NARU_OK : err_oom(err);
}

/* ---- calls ---- */
enum { MAX_ARGS = 250 };

static int param_of(const sfunction *f, const char *name) {
    for (int i = 1; i < f->nparams; i++)
        if (f->params[i].name && strcmp(f->params[i].name, name) == 0) return i - 1;
    return -1;
}

/* Arguments by place: named ones go to theirs, gaps take defaults. */
static naru_status arrange(const sfunction *f, size_t count, const char *const *names, naru_ivalue *const *args,
                           sv *out, int *n, naru_error *err) {
    bool given[MAX_ARGS] = {false};
    *n = 0;
    if (f->nparams > MAX_ARGS || count >= (size_t)f->nparams + (f->nparams == 0))
        return err_set(err, NARU_TYPE, "%s() takes at most %d arguments, %zu are given", f->name, f->nparams - 1,
                       count);
    for (int i = 0; i < f->nparams; i++) out[i] = sv_none();
    for (size_t k = 0; k < count; k++) {
        int at = names && names[k] ? param_of(f, names[k]) : (int)k;
        if (at < 0) return err_set(err, NARU_NOT_FOUND, "%s() has no argument '%s'", f->name, names[k]);
        if (given[at])
            return err_set(err, NARU_INVALID_ARGUMENT, "argument '%s' is given twice", f->params[at + 1].name);
        if (!args[k]) return err_set(err, NARU_INVALID_ARGUMENT, "argument %zu is NULL", k);
        TRY(sv_coerce(ivalue_sv(args[k]), f->params[at + 1].type, f->params[at + 1].name, &out[at], err));
        given[at] = true;
        if (at + 1 > *n) *n = at + 1;
    }
    for (int i = 0; i + 1 < f->nparams; i++) {
        if (given[i]) continue;
        const sparam *p = &f->params[i + 1];
        if (p->has_default && i >= *n) continue;
        if (!p->has_default)
            return err_set(err, NARU_TYPE, "%s() is missing a value for argument '%s'", f->name, p->name);
        out[i] = sv_keep(p->dflt);
    }
    return NARU_OK;
}

static void keep_traceback(naru_module *n, const str *trace) {
    char *copy = mem_strdup(str_text(trace));
    pthread_mutex_lock(&n->lock);
    mem_free(n->traceback);
    n->traceback = copy;
    pthread_mutex_unlock(&n->lock);
}

naru_status naru_module_call_named(naru_module *n, const char *method, size_t count, const char *const *names,
                                   naru_ivalue *const *args, naru_ivalue **out, naru_error *err) {
    if (!n || !method || !out || (count && !args))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_call: a required argument is NULL");
    sfunction *f;
    sv values[MAX_ARGS], result = sv_none();
    int given = 0;
    *out = NULL;
    TRY(module_method(n->m, method, &f, err));
    TRY(unit_sign(n->m->unit, f, err));
    for (int i = 0; i < MAX_ARGS; i++) values[i] = sv_none();
    str trace = {0};
    naru_status st = arrange(f, count, names, args, values, &given, err);
    if (st == NARU_OK) st = module_call(n->m, method, given, values, &result, &trace, err);
    for (int i = 0; i < MAX_ARGS; i++) sv_drop(values[i]);
    if (st != NARU_OK) keep_traceback(n, &trace);
    str_free(&trace);
    return st == NARU_OK ? ivalue_wrap(result, n->m, out, err) : st;
}

naru_status naru_module_call(naru_module *n, const char *method, size_t count, naru_ivalue *const *args,
                             naru_ivalue **out, naru_error *err) {
    return naru_module_call_named(n, method, count, NULL, args, out, err);
}

naru_status naru_module_traceback(naru_module *n, char **text, naru_error *err) {
    if (!n || !text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_traceback: a required argument is NULL");
    pthread_mutex_lock(&n->lock);
    *text = mem_strdup(n->traceback ? n->traceback : "");
    pthread_mutex_unlock(&n->lock);
    return *text ? NARU_OK : err_oom(err);
}

void naru_module_cancel(naru_module *n, bool cancelled) {
    if (n) atomic_store(&n->cancelled, cancelled);
}

naru_status naru_module_save(naru_module *n, const char *path, naru_error *err) {
    if (!n || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_module_save: a required argument is NULL");
    return module_save(n->m, path, err);
}

/* ---- export ---- */
naru_status export_module(naru_module *n, const naru_export_options *o, graph **g, naru_report *report,
                          naru_error *err) {
    export_input *in = mem_calloc(o->ninputs + 1, sizeof *in);
    struct export_axis *axes = mem_calloc(o->noutput_axes + 1, sizeof *axes);
    if (!in || !axes) {
        mem_free(in);
        mem_free(axes);
        return err_oom(err);
    }
    for (size_t i = 0; i < o->ninputs; i++) {
        const naru_export_input *from = &o->inputs[i];
        in[i] = (export_input){.name = from->name, .dtype = from->dtype, .rank = from->rank};
        memcpy(in[i].dims, from->dims, sizeof in[i].dims);
        memcpy(in[i].symbols, from->symbols, sizeof in[i].symbols);
    }
    for (size_t i = 0; i < o->noutput_axes; i++)
        axes[i] = (struct export_axis){o->output_axes[i].output, o->output_axes[i].axis, o->output_axes[i].symbol};
    export_options x = {.method = o->method,
                        .opset = o->opset,
                        .inputs = in,
                        .ninputs = (int)o->ninputs,
                        .output_names = o->output_names,
                        .noutputs = (int)o->noutputs,
                        .output_axes = axes,
                        .noutput_axes = (int)o->noutput_axes,
                        .fold = !o->no_fold,
                        .training = o->training};
    naru_status st = module_export(n->m, &x, g, report, err);
    mem_free(in);
    mem_free(axes);
    return st;
}

naru_status naru_export(naru_module *n, const naru_export_options *options, const char *path, naru_report *report,
                        naru_error *err) {
    if (!n || !options || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_export: a required argument is NULL");
    graph *g;
    TRY(export_module(n, options, &g, report, err));
    naru_status st = onnx_save(g, path, false, err);
    graph_free(g);
    return st;
}
