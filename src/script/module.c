/* SPDX-License-Identifier: MIT
 *
 * Loading an archive and calling its methods (module.h). Reading pickles is in unpickle.c, writing in save.c.
 */
#include "script/module.h"

#include <stdio.h>
#include <string.h>

#include "base/knob.h"
#include "script/compile.h"

enum { LONGEST_SPIN_US = 1000 };

static naru_status code_of(void *user, const char *path, const char **text, size_t *n, naru_error *err) {
    module *m = user;
    char name[1024];
    if ((size_t)snprintf(name, sizeof name, "code/%s", path) >= sizeof name)
        return err_set(err, NARU_NOT_FOUND, "a path of %zu characters", strlen(path));
    archive_bytes b;
    TRY(archive_read(m->archive, name, &b, err));
    *text = (const char *)b.data;
    *n = b.size;
    return NARU_OK;
}

static naru_status read_constants(module *m, torch_storages *s, naru_error *err) {
    if (!archive_has(m->archive, "constants.pkl"))
        return err_set(err, NARU_BAD_FILE, "%s: failed locating file constants.pkl: it is %s", m->path,
                       archive_kind_text(archive_kind_of(m->archive)));
    TRY(module_unpickle(m, s, "constants.pkl", "constants/", &m->unit->constants, err));
    sv_share(m->unit->constants);
    if (m->unit->constants.tag != SV_TUPLE)
        return err_set(err, NARU_BAD_FILE, "%s: constants.pkl is no tuple", m->path);
    return NARU_OK;
}

static naru_status read_module(module *m, naru_error *err) {
    m->kind = archive_kind_of(m->archive);
    if (m->kind != ARCHIVE_SCRIPT && m->kind != ARCHIVE_LITE)
        return err_set(err, NARU_UNSUPPORTED, "%s: this is %s, not a TorchScript archive", m->path,
                       archive_kind_text(m->kind));
    TRY(archive_version(m->archive, &m->version, err));
    TRY(unit_new(code_of, m, m->version, &m->unit, err));
    m->unit->origin = m->path;
    torch_storages *s;
    TRY(torch_storages_new(m->archive, &s, err));
    naru_status st = read_constants(m, s, err);
    if (st == NARU_OK) st = module_unpickle(m, s, "data.pkl", "data/", &m->root, err);
    torch_storages_free(s);
    if (st == NARU_OK && m->root.tag != SV_OBJECT)
        st = err_set(err, NARU_BAD_FILE, "%s: data.pkl holds %s, not a module", m->path, sv_tag_name(m->root.tag));
    sv_share(m->root);
    return st;
}

static naru_status load(archive *a, const char *name, const module_options *o, module **out, naru_error *err) {
    module *m = mem_calloc(1, sizeof *m);
    *out = NULL;
    if (!m) {
        archive_unref(a);
        return err_oom(err);
    }
    *m = (module){
        .refs = 1, .archive = a, .path = mem_strdup(name), .arena = arena_new(), .options = *o, .root = sv_none()};
    pthread_mutex_init(&m->lock, NULL);
    pthread_rwlock_init(&m->attributes, NULL);
    naru_status st = m->path && m->arena ? NARU_OK : err_oom(err);
    if (st == NARU_OK) st = pool_create(o->threads, (int)knob_int(KNOB_SPIN_US, 0, LONGEST_SPIN_US), &m->pool, err);
    if (st == NARU_OK && o->regions && !(m->region_set = region_set_new(o->cpu, pool_threads(m->pool))))
        st = err_oom(err);
    if (st == NARU_OK) st = read_module(m, err);
    if (st != NARU_OK) {
        module_unref(m);
        return st;
    }
    *out = m;
    return NARU_OK;
}

naru_status module_load(const char *path, const module_options *o, module **out, naru_error *err) {
    archive *a;
    TRY(archive_open(path, o->map, &a, err));
    return load(a, path, o, out, err);
}

naru_status module_load_memory(const void *data, size_t size, const char *name, const module_options *o, module **out,
                               naru_error *err) {
    archive *a;
    TRY(archive_open_memory(data, size, name, &a, err));
    return load(a, name, o, out, err);
}

module *module_ref(module *m) {
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void module_unref(module *m) {
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
    for (int i = 0; i < m->nidle; i++) eager_free(m->idle[i]);
    region_set_free(m->region_set);
    sv_drop(m->root);
    if (m->unit) unit_free(m->unit);
    archive_unref(m->archive);
    pool_destroy(m->pool);
    arena_free(m->arena);
    mem_free(m->path);
    pthread_mutex_destroy(&m->lock);
    pthread_rwlock_destroy(&m->attributes);
    mem_free(m);
}

/* ---- calls ---- */
naru_status module_method(const module *m, const char *name, sfunction **out, naru_error *err) {
    const sclass *c = sv_object(m->root)->cls;
    if (strcmp(name, "forward") == 0 && (c->npre || c->nhooks)) return sclass_entry(m->unit, (sclass *)c, out, err);
    if ((*out = sclass_method(c, name))) return NARU_OK;
    const char *names[256];
    int n = 0;
    for (; n < c->nmethods && n < 256; n++) names[n] = c->methods[n]->name;
    const char *near = str_nearest(name, names, (size_t)n);
    if (near) return err_set(err, NARU_NOT_FOUND, "%s has no method '%s'; did you mean '%s'?", c->name, name, near);
    str all = {0};
    for (int i = 0; i < n; i++) str_addf(&all, "%s%s", i ? ", " : "", names[i]);
    naru_status st = err_set(err, NARU_NOT_FOUND, "%s has no method '%s'; it has: %s", c->name, name, str_text(&all));
    str_free(&all);
    return st;
}

static naru_status take_eager(module *m, eager **out, naru_error *err) {
    pthread_mutex_lock(&m->lock);
    *out = m->nidle ? m->idle[--m->nidle] : NULL;
    pthread_mutex_unlock(&m->lock);
    if (*out) return NARU_OK;
    TRY(eager_new(m->options.cpu, m->pool, m->options.seed, out, err));
    region_user *u = m->region_set ? region_user_new(m->region_set) : NULL;
    if (m->region_set && !u) {
        eager_free(*out);
        return err_oom(err);
    }
    eager_use_regions(*out, u);
    return NARU_OK;
}

static void give_eager(module *m, eager *e) {
    pthread_mutex_lock(&m->lock);
    bool kept = m->nidle < (int)COUNT_OF(m->idle);
    if (kept) m->idle[m->nidle++] = e;
    pthread_mutex_unlock(&m->lock);
    if (!kept) eager_free(e);
}

/* Calls share the module unless they may write its attributes; what records a region looks at them all. */
static naru_status call(module *m, vm *machine, sfunction *f, int n, const sv *args, sv *out, naru_error *err) {
    naru_status st;
    pthread_rwlock_rdlock(&m->attributes);
    bool done = region_call_known(machine, f, n, args, out, &st, err);
    pthread_rwlock_unlock(&m->attributes);
    if (done) return st;
    TRY(unit_compile(m->unit, f, err));
    pthread_rwlock_wrlock(&m->attributes);
    done = region_call(machine, f, n, args, out, &st, err);
    if (!done && f->writes_attrs) {
        st = vm_call(machine, f, n, args, out, err);
        done = true;
    }
    pthread_rwlock_unlock(&m->attributes);
    if (done) return st;
    pthread_rwlock_rdlock(&m->attributes);
    st = vm_call(machine, f, n, args, out, err);
    pthread_rwlock_unlock(&m->attributes);
    return st;
}

naru_status module_call(module *m, const char *method, int n, const sv *args, sv *out, str *trace, naru_error *err) {
    sfunction *f;
    eager *e;
    vm machine;
    *out = sv_none();
    TRY(module_method(m, method, &f, err));
    if (n > 250) return err_set(err, NARU_INVALID_ARGUMENT, "%d arguments", n);
    sv all[256];
    all[0] = m->root;
    memcpy(all + 1, args, (size_t)n * sizeof *args);
    TRY(take_eager(m, &e, err));
    naru_status st = vm_init(&machine, m->unit, e);
    if (m->options.budget) machine.budget = m->options.budget;
    machine.cancelled = m->cancelled;
    if (st == NARU_OK) st = call(m, &machine, f, n + 1, all, out, err);
    if (trace && st != NARU_OK) str_add(trace, str_text(&machine.trace));
    vm_done(&machine);
    give_eager(m, e);
    return st;
}
