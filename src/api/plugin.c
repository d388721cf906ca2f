/* SPDX-License-Identifier: MIT
 *
 * naru_plugin_*: registering plugins, of the program or of a shared library. All of a library's are made and checked
 * first; what is published cannot fail any more.
 */
#include "naru/plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/engine.h"
#include "api/ivalue.h"
#include "base/file.h"
#include "script/plugin.h"
#include "tactics/plugin.h"

enum { MAX_PLUGINS = 1000 }; /* of one library */

/* Registering takes turns; what is registered is found without the lock. A library may register while it is loaded. */
static pthread_mutex_t registering = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

typedef struct entry {
    plugin_op *op;
    plugin_tactics *tactics; /* NULL: of an operator of TorchScript only */
    sop_ticket schema;       /* op NULL: not of TorchScript */
    _Atomic(struct entry *) next;
} entry;
static _Atomic(entry *) registered; /* a chain that only grows */

static entry *next_of(entry *e) { return atomic_load_explicit(e ? &e->next : &registered, memory_order_acquire); }

static void publish(entry *e) {
    entry *last = NULL;
    for (entry *x; (x = next_of(last));) last = x;
    if (e->tactics) plugin_tactics_publish(e->tactics); /* before the operator that they are for */
    plugin_publish(e->op);
    if (e->schema.op) sop_publish(&e->schema);
    atomic_store_explicit(last ? &last->next : &registered, e, memory_order_release);
}

/* ---- one batch: all or none ---- */
typedef struct batch {
    entry **made;
    size_t n;
    naru_error *err;
} batch;

static naru_status taken(const batch *b, const plugin_op *op) {
    const op_desc *there = op_find(op->p.domain, op->p.name);
    for (size_t i = 0; !there && i < b->n; i++) {
        const plugin_op *x = b->made[i]->op;
        if (!x->p.script && strcmp(x->p.name, op->p.name) == 0 && strcmp(x->p.domain, op->p.domain) == 0)
            there = &x->desc;
    }
    if (!there) return NARU_OK;
    const char *by = !there->plugin            ? "an operator of Naru"
                     : *there->plugin->library ? "a plugin of "
                                               : "a plugin of the program";
    return err_set(b->err, NARU_INVALID_ARGUMENT, "plugin %s: the name is taken by %s%s", op->title, by,
                   there->plugin ? there->plugin->library : "");
}

/* Of one batch; what is registered already is sop_prepare's to find. */
static naru_status schema_taken(const batch *b, const plugin_op *op) {
    size_t n = strcspn(op->p.schema, "(");
    for (size_t i = 0; i < b->n; i++) {
        const char *other = b->made[i]->op->p.schema;
        if (other && strcspn(other, "(") == n && strncmp(other, op->p.schema, n) == 0)
            return err_set(b->err, NARU_INVALID_ARGUMENT, "plugin %s: the schema '%.*s' is there twice", op->title,
                           (int)n, other);
    }
    return NARU_OK;
}

static naru_status fill(batch *b, entry *e) {
    plugin_op *op = e->op;
    if (!op->p.script) {
        TRY(taken(b, op));
        if (!(e->tactics = plugin_tactics_make(op))) return err_oom(b->err);
    }
    if (!op->p.schema) return NARU_OK;
    TRY(schema_taken(b, op));
    TRY(plugin_check_schema(op, b->err));
    return sop_prepare(op->p.schema, op->p.script ? ivalue_call_operator : plugin_lower, op, &e->schema, b->err);
}

static naru_status make(batch *b, const naru_plugin *p, const char *library) {
    if (!p) return err_set(b->err, NARU_INVALID_ARGUMENT, "plugin %zu is NULL", b->n);
    plugin_op *op;
    TRY(plugin_make(p, library, &op, b->err));
    entry *e = arena_calloc(op->arena, 1, sizeof *e);
    naru_status st = e ? NARU_OK : err_oom(b->err);
    if (st == NARU_OK) {
        e->op = op;
        st = fill(b, e);
    }
    if (st == NARU_OK) b->made[b->n++] = e;
    else plugin_free(op);
    return st;
}

static void abandon(entry *e) {
    if (e->schema.op) sop_abandon(&e->schema);
    plugin_free(e->op);
}

static naru_status add(const naru_plugin *const *plugins, size_t n, const char *library, naru_error *err) {
    batch b = {mem_calloc(n + 1, sizeof *b.made), 0, err};
    if (!b.made) return err_oom(err);
    naru_status st = NARU_OK;
    while (st == NARU_OK && b.n < n) st = make(&b, plugins[b.n], library);
    for (size_t i = 0; i < b.n; i++) {
        if (st == NARU_OK) publish(b.made[i]);
        else abandon(b.made[i]);
    }
    mem_free(b.made);
    return st;
}

static naru_status add_alone(const naru_plugin *p, naru_error *err) {
    pthread_mutex_lock(&registering);
    naru_status st = add(&p, 1, "", err);
    pthread_mutex_unlock(&registering);
    return st;
}

naru_status naru_plugin_register(const naru_plugin *plugin, naru_error *err) {
    if (!plugin) return err_set(err, NARU_INVALID_ARGUMENT, "naru_plugin_register: the plugin is NULL");
    return add_alone(plugin, err);
}

naru_status naru_register_operator(const char *text, naru_operator fn, void *user, naru_error *err) {
    if (!text || !fn) return err_set(err, NARU_INVALID_ARGUMENT, "naru_register_operator: a required argument is NULL");
    const naru_plugin p = {
        .size = sizeof p, .abi = NARU_PLUGIN_ABI, .version = 1, .schema = text, .user = user, .script = fn};
    return add_alone(&p, err);
}

/* ---- libraries ---- */
static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The loader looks for a name without folder in the system's folders only. */
static naru_status open_library(const char *path, void **out, naru_error *err) {
    str near = {0};
    if (!strchr(path, '/') && file_exists(path)) str_addf(&near, "./%s", path);
    naru_status st = near.failed ? err_oom(err) : NARU_OK;
    if (st == NARU_OK && !(*out = dlopen(near.len ? near.data : path, RTLD_NOW | RTLD_LOCAL)))
        st = err_set(err, NARU_IO, "cannot load the plugin library: %s", dlerror());
    str_free(&near);
    return st;
}

static naru_status add_library(void *handle, const char *path, naru_error *err) {
    naru_plugin_entry_fn entry_of;
    *(void **)&entry_of = dlsym(handle, "naru_plugin_entry");
    if (!entry_of) return err_set(err, NARU_BAD_FILE, "%s is no plugin library: it exports no naru_plugin_entry", path);
    const naru_plugin_library *l = entry_of();
    if (!l) return err_set(err, NARU_BAD_FILE, "%s: naru_plugin_entry gives nothing", path);
    if (l->abi != NARU_PLUGIN_ABI)
        return err_set(err, NARU_UNSUPPORTED, "%s was compiled for plugin ABI %d, this Naru has %d", path, l->abi,
                       NARU_PLUGIN_ABI);
    if (l->size < sizeof *l || !l->count || l->count > MAX_PLUGINS || !l->plugins)
        return err_set(err, NARU_BAD_FILE, "%s: naru_plugin_entry lists no plugins", path);
    naru_status st = add(l->plugins, l->count, file_name(path), err);
    return st == NARU_OK || st == NARU_OUT_OF_MEMORY ? st : err_context(err, st, "%s", path);
}

typedef struct loaded { /* libraries whose plugins are registered */
    void *handle;
    struct loaded *next;
} loaded;
static loaded *libraries; /* guarded by `registering` */

static bool is_loaded(const void *handle) {
    for (const loaded *l = libraries; l; l = l->next)
        if (l->handle == handle) return true;
    return false;
}

static const entry *last_registered(void) {
    entry *last = NULL;
    for (entry *x; (x = next_of(last));) last = x;
    return last;
}

/* From file `from`; `path` is what its plugins and errors are told by. */
static naru_status load(const char *from, const char *path, naru_error *err) {
    const entry *before = last_registered();
    loaded *l = mem_calloc(1, sizeof *l);
    if (!l) return err_oom(err);
    naru_status st = open_library(from, &l->handle, err);
    bool done = st == NARU_OK && is_loaded(l->handle);
    if (st == NARU_OK && !done) st = add_library(l->handle, path, err);
    if (st == NARU_OK && !done) {
        l->next = libraries;
        libraries = l;
        return NARU_OK;
    }
    if (l->handle && last_registered() == before) dlclose(l->handle); /* what it registered itself stays */
    mem_free(l);
    return st;
}

static naru_status write_all(int fd, const char *data, size_t size, naru_error *err) {
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, data + done, size - done);
        if (n <= 0) return err_set(err, NARU_IO, "no memory file for a library: writing failed");
        done += (size_t)n;
    }
    return NARU_OK;
}

naru_status plugin_load_memory(const char *name, const void *data, size_t size, naru_error *err) {
    char path[64];
    int fd = memfd_create("naru-plugin", MFD_CLOEXEC);
    if (fd < 0) return err_set(err, NARU_IO, "this system has no memory files, which a library in a plan needs");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    naru_status st = write_all(fd, data, size, err);
    pthread_mutex_lock(&registering);
    if (st == NARU_OK) st = load(path, name, err);
    pthread_mutex_unlock(&registering);
    close(fd);
    return st;
}

naru_status naru_plugin_load(const char *path, naru_error *err) {
    if (!path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_plugin_load: the path is NULL");
    pthread_mutex_lock(&registering);
    naru_status st = load(path, path, err);
    pthread_mutex_unlock(&registering);
    return st;
}

const char *naru_plugin_name(size_t i, const char **library, int *version) {
    entry *e = next_of(NULL);
    for (; e && i > 0; i--) e = next_of(e);
    if (!e) return NULL;
    if (library) *library = e->op->library;
    if (version) *version = e->op->p.version;
    return e->op->title;
}
