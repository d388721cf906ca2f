/* SPDX-License-Identifier: MIT
 *
 * A loaded TorchScript archive: its unit of code, its object graph, and what calls need (a thread pool, eager states).
 * Code is immutable and shared; attributes are mutable, so calls of methods that may write them take turns.
 */
#ifndef SCRIPT_MODULE_H
#define SCRIPT_MODULE_H

#include "formats/torch/tensors.h"
#include "script/eager.h"
#include "script/region.h"

typedef struct module_options {
    cpu_level cpu;
    int threads;  /* 0: all this process may use */
    bool map;     /* records in place */
    bool regions; /* compile straight tensor code (region.h) */
    uint64_t seed;
    uint64_t budget; /* instructions per call; 0: no limit */
} module_options;

typedef struct module {
    atomic_int refs;
    char *path;
    archive *archive;
    archive_kind kind;
    int version;
    unit *unit;
    arena *arena;
    sv root; /* the top object, shared */
    pool *pool;
    module_options options;
    const atomic_int *cancelled; /* set by another thread to stop calls; NULL: nobody can */
    pthread_mutex_t lock;        /* of the idle list */
    pthread_rwlock_t attributes; /* calls that only read them share it; those that may write take turns */
    region_set *region_set;      /* NULL: everything is interpreted */
    eager *idle[16];
    int nidle;
} module;

naru_status module_load(const char *path, const module_options *o, module **out, naru_error *err);
naru_status module_load_memory(const void *data, size_t size, const char *name, const module_options *o, module **out,
                               naru_error *err);
module *module_ref(module *m);
void module_unref(module *m); /* accepts NULL */

/* The method of that name of the top object; forward's hooks included. NOT_FOUND with the nearest name. */
naru_status module_method(const module *m, const char *name, sfunction **out, naru_error *err);
/* Calls it: args without self, borrowed; *out is the caller's. trace (may be NULL, str_free): TorchScript's traceback.
 */
naru_status module_call(module *m, const char *method, int n, const sv *args, sv *out, str *trace, naru_error *err);

/* Unpickling (unpickle.c): values of a record of the archive; folder: where its tensors' storages are. */
naru_status module_unpickle(module *m, torch_storages *s, const char *record, const char *folder, sv *out,
                            naru_error *err);
/* Writes the module as an archive that PyTorch loads (save.c). */
naru_status module_save(module *m, const char *path, naru_error *err);

#endif
