/* SPDX-License-Identifier: MIT
 *
 * Tensors of a checkpoint with their dotted names: dictionaries, lists, and whole modules as their state_dict would be.
 */
#include "formats/torch/checkpoint_walk.h"

enum { NAME_LIMIT = 4096, TENSOR_LIMIT = 1 << 20 };

typedef struct collector {
    checkpoint *out;
    torch_storages *storages;
    const char *folder;
    str name; /* of what is being looked at */
    size_t cap;
    naru_error *err;
} collector;

static naru_status collect(collector *c, const pk *p);

static naru_status add_tensor(collector *c, const pk *p) {
    checkpoint *out = c->out;
    void *entries = out->entries;
    if (out->count == TENSOR_LIMIT) return err_set(c->err, NARU_LIMIT, "more than %d tensors", TENSOR_LIMIT);
    if (!array_reserve(&entries, &c->cap, out->count + 1, sizeof *out->entries)) return err_oom(c->err);
    out->entries = entries;
    checkpoint_entry *e = &out->entries[out->count];
    if (!(e->name = arena_strdup(out->arena, str_text(&c->name)))) return err_oom(c->err);
    naru_status st = torch_tensor_read(c->storages, c->folder, p, &e->tensor, c->err);
    if (st != NARU_OK) return err_context(c->err, st, "tensor '%s'", e->name);
    out->count++;
    return NARU_OK;
}

/* p under one more part of the name. */
static naru_status collect_as(collector *c, const char *key, const pk *p) {
    size_t before = c->name.len;
    if (before + strlen(key) > NAME_LIMIT)
        return err_set(c->err, NARU_LIMIT, "a tensor's name has more than %d bytes", NAME_LIMIT);
    if (before) str_add(&c->name, ".");
    str_add(&c->name, key);
    naru_status st = c->name.failed ? err_oom(c->err) : collect(c, p);
    if (!c->name.failed) c->name.data[c->name.len = before] = 0;
    return st;
}

static naru_status collect_numbered(collector *c, int64_t i, const pk *p) {
    str key = {0};
    str_addf(&key, "%lld", (long long)i);
    naru_status st = key.failed ? err_oom(c->err) : collect_as(c, key.data, p);
    str_free(&key);
    return st;
}

static naru_status collect_dict(collector *c, const pk *p) {
    for (size_t i = 0; i < pk_dict_count(p); i++) {
        pk_pair pair = pk_dict_pair(p, i);
        if (!pair.key || !pair.value) continue;
        if (pair.key->kind == PK_STR) TRY(collect_as(c, pair.key->text.s, pair.value));
        else if (pair.key->kind == PK_INT) TRY(collect_numbered(c, pair.key->i, pair.value));
    }
    return NARU_OK;
}

static naru_status collect_list(collector *c, const pk *p) {
    for (size_t i = 0; i < p->count; i++) TRY(collect_numbered(c, (int64_t)i, p->items[i]));
    return NARU_OK;
}

/* ---- whole modules ---- */
static bool is_in_set(const pk *set, const pk *key) {
    if (set && set->kind == PK_REDUCE) set = pk_item(set, 0); /* set([...]) of Python's protocol 2 */
    for (size_t i = 0; i < pk_item_count(set); i++)
        if (pk_is_str(pk_item(set, i), key->text.s)) return true;
    return false;
}

/* Parameters, persistent buffers, then the children, as state_dict() goes. */
static naru_status collect_module(collector *c, const pk *state) {
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"};
    const pk *transient = pk_dict_get(state, "_non_persistent_buffers_set");
    for (size_t part = 0; part < COUNT_OF(parts); part++) {
        const pk *dict = pk_dict_get(state, parts[part]);
        for (size_t i = 0; i < pk_dict_count(dict); i++) {
            pk_pair pair = pk_dict_pair(dict, i);
            if (!pair.key || pair.key->kind != PK_STR || !pair.value) continue;
            if (part == 1 && is_in_set(transient, pair.key)) continue;
            TRY(collect_as(c, pair.key->text.s, pair.value));
        }
    }
    return NARU_OK;
}

/* ---- classes that are not known ---- */
static bool holds_tensor(const pk *p) {
    if (!p) return false;
    if (p->kind == PK_PERSID || torch_is_tensor(p)) return true;
    bool lists = p->kind == PK_LIST || p->kind == PK_TUPLE || p->kind == PK_SET;
    bool calls = p->kind == PK_REDUCE || p->kind == PK_OBJECT;
    if (p->kind != PK_DICT && !lists && !calls) return false;
    if (holds_tensor(p->args) || holds_tensor(p->state)) return true;
    for (uint32_t i = 0; i < p->count; i++) {
        bool pairs = p->kind == PK_DICT || p->has_pairs;
        if (holds_tensor(pairs ? p->pairs[i].value : p->items[i])) return true;
    }
    return false;
}

static naru_status refuse_class(collector *c, const pk *p) {
    str name = {0};
    pk_add_name(&name, p);
    naru_status st =
        err_at(c->err, NARU_UNSUPPORTED, p->offset,
               "'%s' is a %s, which is not executed; it holds tensors that cannot be read without it. Save "
               "the model's state_dict() instead",
               str_text(&c->name), str_text(&name));
    str_free(&name);
    return st;
}

static naru_status collect(collector *c, const pk *p) {
    if (torch_is_tensor(p)) return add_tensor(c, p);
    if (pk_is_dict(p)) return collect_dict(c, p);
    if (p->kind == PK_LIST || p->kind == PK_TUPLE) return collect_list(c, p);
    const pk *state = checkpoint_module_state(p);
    if (state) return collect_module(c, state);
    bool call = p->kind == PK_REDUCE || p->kind == PK_OBJECT;
    return call && holds_tensor(p) ? refuse_class(c, p) : NARU_OK;
}

naru_status checkpoint_collect(checkpoint *out, torch_storages *s, const char *folder, const pk *p, naru_error *err) {
    collector c = {.out = out, .storages = s, .folder = folder, .err = err};
    naru_status st = collect(&c, p);
    str_free(&c.name);
    if (st == NARU_OK && out->count == 0)
        return err_set(err, NARU_NOT_FOUND, "there are no tensors in %s", pk_kind_text(p));
    return st;
}
