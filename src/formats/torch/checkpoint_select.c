/* SPDX-License-Identifier: MIT
 *
 * Which part of a checkpoint is meant: by a path of keys, or the one that people mean when they say nothing.
 */
#include "formats/torch/checkpoint_walk.h"

enum { LISTED_KEYS = 12, SELECT_DEPTH = 16 };

/* Keys that training scripts put weights under, the likelier first. */
static const char *const known_keys[] = {
    "state_dict", "model_state_dict", "model_state", "model",          "module",    "network", "net",
    "weights",    "params",           "params_ema",  "ema_state_dict", "model_ema", "ema"};

const pk *checkpoint_module_state(const pk *p) {
    if (!p || (p->kind != PK_OBJECT && p->kind != PK_REDUCE) || !pk_is_dict(p->state)) return NULL;
    return pk_is_dict(pk_dict_get(p->state, "_parameters")) && pk_is_dict(pk_dict_get(p->state, "_modules")) ? p->state
                                                                                                             : NULL;
}

static bool has_tensors(const pk *p) {
    if (checkpoint_module_state(p)) return true;
    for (size_t i = 0; i < pk_dict_count(p); i++)
        if (torch_is_tensor(pk_dict_pair(p, i).value)) return true;
    return false;
}

static void add_keys(str *s, const pk *p) {
    size_t n = pk_dict_count(p), shown = 0;
    for (size_t i = 0; i < n && shown < LISTED_KEYS; i++) {
        const pk *key = pk_dict_pair(p, i).key;
        if (!key || key->kind != PK_STR) continue;
        str_addf(s, "%s'%s'", shown ? ", " : "", key->text.s);
        shown++;
    }
    if (shown < n) str_addf(s, "%s%zu more", shown ? " and " : "", n - shown);
}

static naru_status not_clear(const pk *p, const char *what, naru_error *err) {
    str keys = {0};
    add_keys(&keys, p);
    naru_status st = err_set(err, NARU_NOT_FOUND, "%s; the keys are %s", what, str_text(&keys));
    str_free(&keys);
    return st;
}

/* ---- by path ---- */
static const pk *list_item(const pk *p, const char *key) {
    int64_t i;
    bool list = p && (p->kind == PK_LIST || p->kind == PK_TUPLE);
    return list && str_parse_i64(key, &i) && i >= 0 ? pk_item(p, (size_t)i) : NULL;
}

static const pk *child(const pk *p, const char *key) {
    if (pk_is_dict(p)) return pk_dict_get(p, key);
    const pk *state = checkpoint_module_state(p);
    if (state) return pk_dict_get(pk_dict_get(state, "_modules"), key);
    return list_item(p, key);
}

/* Keys may have dots themselves: the longest key that is there goes first. path is scratch. */
static const pk *follow(const pk *p, char *path, int depth) {
    const pk *found = child(p, path);
    if (found || depth > SELECT_DEPTH) return found;
    for (char *dot = path + strlen(path); dot > path; dot--) {
        if (*dot != '.') continue;
        *dot = 0;
        const pk *next = child(p, path);
        found = next ? follow(next, dot + 1, depth + 1) : NULL;
        *dot = '.';
        if (found) return found;
    }
    return NULL;
}

static naru_status by_path(const pk *root, const char *select, arena *a, const pk **out, naru_error *err) {
    char *scratch = arena_strdup(a, select);
    if (!scratch) return err_oom(err);
    if ((*out = follow(root, scratch, 0))) return NARU_OK;
    str what = {0};
    str_addf(&what, "the checkpoint has nothing under '%s'", select);
    naru_status st = not_clear(root, str_text(&what), err);
    str_free(&what);
    return st;
}

/* ---- the obvious ---- */
static const char *known_key(const pk *p) {
    for (size_t i = 0; i < COUNT_OF(known_keys); i++) {
        const pk *v = pk_dict_get(p, known_keys[i]);
        if (has_tensors(v)) return known_keys[i];
        for (size_t k = 0; k < pk_dict_count(v); k++) /* one level more: {"model": {"state_dict": {...}}} */
            if (has_tensors(pk_dict_pair(v, k).value)) return known_keys[i];
    }
    return NULL;
}

/* The key of the only value with tensors; NULL: none, or several. */
static const char *only_key(const pk *p, size_t *candidates) {
    const char *found = NULL;
    *candidates = 0;
    for (size_t i = 0; i < pk_dict_count(p); i++) {
        pk_pair pair = pk_dict_pair(p, i);
        if (!pair.key || pair.key->kind != PK_STR || !has_tensors(pair.value)) continue;
        found = pair.key->text.s;
        ++*candidates;
    }
    return *candidates == 1 ? found : NULL;
}

static naru_status obvious(const pk *root, str *path, const pk **out, naru_error *err) {
    const pk *p = root;
    for (int depth = 0; depth < SELECT_DEPTH && pk_is_dict(p); depth++) {
        size_t candidates = 0;
        const char *key = known_key(p);
        if (!key && has_tensors(p)) break;
        if (!key) key = only_key(p, &candidates);
        if (!key && candidates > 1)
            return not_clear(p, "it is not clear which part of the checkpoint is meant; select one", err);
        if (!key) break; /* nested deeper, or nothing: the collector tells */
        str_addf(path, "%s%s", path->len ? "." : "", key);
        p = pk_dict_get(p, key);
    }
    *out = p;
    return NARU_OK;
}

naru_status checkpoint_select(const pk *root, const char *select, arena *a, const pk **out, const char **path,
                              naru_error *err) {
    if (select && !*select) return *out = root, *path = "", NARU_OK;
    if (select) {
        *path = arena_strdup(a, select);
        return *path ? by_path(root, select, a, out, err) : err_oom(err);
    }
    str text = {0};
    naru_status st = obvious(root, &text, out, err);
    *path = arena_strdup(a, str_text(&text));
    if (st == NARU_OK && (text.failed || !*path)) st = err_oom(err);
    str_free(&text);
    return st;
}
