/* SPDX-License-Identifier: MIT
 *
 * Tensors made from parameters (kept.h): a bounded hash table that holds what they were made from.
 */
#include "script/kept.h"

#include <string.h>

#include "base/hash.h"
#include "script/eager.h"

enum { BUCKETS = 256, MAX_KEPT = 1024 };

typedef struct origin {
    sten *t; /* retained: its storage's address is not used again */
    unsigned version;
} origin;

typedef struct kept {
    struct kept *next;
    const char *tag;
    int n, nmade;
    origin from[KEPT_MAX_FROM];
    sten *made[KEPT_MAX_MADE];
} kept;

struct kept_list {
    size_t count;
    kept *buckets[BUCKETS];
};

static void drop(kept *k) {
    for (int i = 0; i < k->n; i++)
        if (k->from[i].t) sobj_release(&k->from[i].t->head);
    for (int i = 0; i < k->nmade; i++) sobj_release(&k->made[i]->head);
    mem_free(k);
}

static void clear(kept_list *l) {
    for (size_t i = 0; i < BUCKETS; i++)
        for (kept *k = l->buckets[i], *next; k; k = next) {
            next = k->next;
            drop(k);
        }
    memset(l, 0, sizeof *l);
}

void kept_free(kept_list *l) {
    if (!l) return;
    clear(l);
    mem_free(l);
}

static size_t bucket_of(const char *tag, int n, sten *const *from) {
    uint64_t h = hash_bytes(tag, strlen(tag), (uint64_t)n);
    for (int i = 0; i < n; i++) {
        const void *p = from[i] ? from[i]->t.data : NULL;
        h = hash_bytes(&p, sizeof p, h);
    }
    return h % BUCKETS;
}

static bool same_tensor(const sten *a, const sten *b) {
    size_t n = (size_t)a->t.rank * sizeof *a->t.dims;
    return a->t.storage == b->t.storage && a->t.data == b->t.data && a->t.dtype == b->t.dtype &&
           a->t.rank == b->t.rank && !memcmp(a->t.dims, b->t.dims, n) && !memcmp(a->t.strides, b->t.strides, n);
}

static bool made_from(const kept *k, const char *tag, int n, sten *const *from) {
    if (k->n != n || strcmp(k->tag, tag) != 0) return false;
    for (int i = 0; i < n; i++)
        if (!k->from[i].t != !from[i] || (from[i] && !same_tensor(k->from[i].t, from[i]))) return false;
    return true;
}

static bool fresh_still(const kept *k) {
    for (int i = 0; i < k->n; i++)
        if (k->from[i].t && storage_version(k->from[i].t->t.storage) != k->from[i].version) return false;
    return true;
}

static bool keeps(lower *L, int n, sten *const *from) {
    if (!lower_ok(L) || lower_recording(L) || n > KEPT_MAX_FROM) return false;
    for (int i = 0; i < n; i++)
        if (from[i] && !from[i]->param) return false;
    return true;
}

bool kept_find(lower *L, const char *tag, int n, sten *const *from, int nmade, sten **made) {
    kept_list *l = keeps(L, n, from) ? *eager_kept(L->vm->eager) : NULL;
    if (!l) return false;
    for (kept **at = &l->buckets[bucket_of(tag, n, from)]; *at; at = &(*at)->next) {
        kept *k = *at;
        if (!made_from(k, tag, n, from) || k->nmade != nmade) continue;
        if (!fresh_still(k)) {
            *at = k->next;
            l->count--;
            drop(k);
            return false;
        }
        for (int i = 0; i < nmade; i++) {
            sobj_retain(&k->made[i]->head);
            if (!(made[i] = lower_own(L, k->made[i]))) return false;
        }
        return true;
    }
    return false;
}

void kept_store(lower *L, const char *tag, int n, sten *const *from, int nmade, sten *const *made) {
    if (!keeps(L, n, from) || nmade > KEPT_MAX_MADE) return;
    kept_list **list = eager_kept(L->vm->eager);
    if (!*list && !(*list = mem_calloc(1, sizeof **list))) return; /* keeping is not needed to go on */
    if ((*list)->count >= MAX_KEPT) clear(*list);
    kept *k = mem_calloc(1, sizeof *k);
    if (!k) return;
    *k = (kept){.tag = tag, .n = n, .nmade = nmade};
    for (int i = 0; i < nmade; i++) {
        if (!made[i]) {
            mem_free(k);
            return;
        }
        k->made[i] = made[i];
    }
    for (int i = 0; i < nmade; i++) {
        made[i]->param = true;
        sobj_retain(&made[i]->head);
    }
    for (int i = 0; i < n; i++) {
        if (!from[i]) continue;
        k->from[i] = (origin){from[i], storage_version(from[i]->t.storage)};
        sobj_retain(&from[i]->head);
    }
    kept **at = &(*list)->buckets[bucket_of(tag, n, from)];
    k->next = *at;
    *at = k;
    (*list)->count++;
}
