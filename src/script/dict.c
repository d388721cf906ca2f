/* SPDX-License-Identifier: MIT
 *
 * Dicts: entries in insertion order, found through a table of their numbers (open addressing, linear probing). Removed
 * entries stay as holes until the table grows; keys keep their first spelling. A failed put leaves the dict as it was.
 */
#include "script/value.h"

enum { EMPTY = 0, GONE = UINT32_MAX, FIRST = 8 };

sdict *sdict_new(const stype *key, const stype *value) {
    sdict *d = mem_alloc(sizeof *d);
    if (d) *d = (sdict){.head = {.refs = 1, .tag = SV_DICT}, .key = key, .value = value};
    return d;
}

bool sdict_hashable(sv key) {
    switch (key.tag) {
    case SV_UNINIT:
    case SV_LIST:
    case SV_DICT:
    case SV_SYM: return false;
    default: return true;
    }
}

/* The place in the index that names the entry of `key`, or NULL. */
static uint32_t *place_of(const sdict *d, sv key, uint64_t hash) {
    if (!d->nindex) return NULL;
    for (size_t i = hash & (d->nindex - 1);; i = (i + 1) & (d->nindex - 1)) {
        if (d->index[i] == EMPTY) return NULL;
        if (d->index[i] == GONE) continue;
        const sdict_entry *e = &d->entries[d->index[i] - 1];
        if (e->hash == hash && sv_equal(e->key, key)) return &d->index[i];
    }
}

sv *sdict_find(const sdict *d, sv key) {
    if (!d->count || !sdict_hashable(key)) return NULL;
    uint32_t *at = place_of(d, key, sv_hash(key));
    return at ? &d->entries[*at - 1].value : NULL;
}

static void put_index(uint32_t *index, size_t n, uint64_t hash, uint32_t entry) {
    size_t i = hash & (n - 1);
    while (index[i] != EMPTY) i = (i + 1) & (n - 1);
    index[i] = entry;
}

/* Room for one more entry: holes are squeezed out, the table is at most half full. */
static bool grow(sdict *d) {
    size_t cap = d->count < FIRST / 2 ? FIRST : d->count * 2, nindex = FIRST;
    while (nindex < cap * 2) nindex *= 2;
    if (cap >= GONE / 2) return false;
    sdict_entry *entries = mem_alloc(cap * sizeof *entries);
    uint32_t *index = entries ? mem_calloc(nindex, sizeof *index) : NULL;
    if (!index) {
        mem_free(entries);
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        entries[used++] = d->entries[i];
        put_index(index, nindex, d->entries[i].hash, (uint32_t)used);
    }
    mem_free(d->entries);
    mem_free(d->index);
    d->entries = entries;
    d->index = index;
    d->used = used;
    d->cap = cap;
    d->nindex = nindex;
    return true;
}

bool sdict_put(sdict *d, sv key, sv value) {
    if (!sdict_hashable(key) || !sv_join(&d->head, key) || !sv_join(&d->head, value)) goto fail;
    uint64_t hash = sv_hash(key);
    uint32_t *at = place_of(d, key, hash);
    if (at) {
        sv_set(&d->entries[*at - 1].value, value);
        sv_drop(key);
        return true;
    }
    if (d->used == d->cap && !grow(d)) goto fail;
    d->entries[d->used++] = (sdict_entry){.key = key, .value = value, .hash = hash, .live = true};
    d->count++;
    put_index(d->index, d->nindex, hash, (uint32_t)d->used);
    return true;
fail:
    sv_drop(key);
    sv_drop(value);
    return false;
}

bool sdict_remove(sdict *d, sv key, sv *out) {
    if (!d->count || !sdict_hashable(key)) return false;
    uint32_t *at = place_of(d, key, sv_hash(key));
    if (!at) return false;
    sdict_entry *e = &d->entries[*at - 1];
    sv gone = e->key, value = e->value;
    *at = GONE;
    e->live = false;
    d->count--;
    sv_drop(gone);
    if (out) *out = value;
    else sv_drop(value);
    return true;
}

void sdict_clear(sdict *d) {
    sdict_entry *entries = d->entries;
    size_t used = d->used;
    mem_free(d->index);
    d->entries = NULL;
    d->index = NULL;
    d->used = d->cap = d->count = d->nindex = 0;
    for (size_t i = 0; i < used; i++) {
        if (!entries[i].live) continue;
        sv_drop(entries[i].key);
        sv_drop(entries[i].value);
    }
    mem_free(entries);
}
