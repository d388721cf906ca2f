/* SPDX-License-Identifier: MIT
 *
 * The timing cache and its file: a head line, then one line for each measurement.
 */
#include "builder/timing.h"

#include "base/file.h"
#include "base/hash.h"
#include "builder/version.h"
#include "ops/plugin.h"

static const char head[] = "naru-timing-cache 1\n";

static void entry_free(timing_entry *e) {
    mem_free(e->tactic);
    mem_free(e->what);
}

void timing_cache_clear(timing_cache *c) {
    for (size_t i = 0; i < c->entries.count; i++) entry_free(&c->entries.data[i]);
    ARRAY_FREE(&c->entries);
}

static int order(const timing_entry *e, const uint64_t key[2], const char *name) {
    for (int i = 0; i < 2; i++)
        if (e->key[i] != key[i]) return e->key[i] < key[i] ? -1 : 1;
    return strcmp(e->tactic, name);
}

/* The place of an entry; *found whether it is there. */
static size_t place(const timing_cache *c, const uint64_t key[2], const char *name, bool *found) {
    size_t lo = 0, hi = c->entries.count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (order(&c->entries.data[mid], key, name) < 0) lo = mid + 1;
        else hi = mid;
    }
    *found = lo < c->entries.count && order(&c->entries.data[lo], key, name) == 0;
    return lo;
}

double timing_find(const timing_cache *c, const uint64_t key[2], const char *name) {
    bool found;
    size_t i = place(c, key, name, &found);
    return found ? c->entries.data[i].ms : -1;
}

/* Nanoseconds, so that what is written reads back the same. */
static double rounded(double ms) { return (double)(int64_t)(ms * 1e6 + 0.5) / 1e6; }

naru_status timing_add(timing_cache *c, const uint64_t key[2], const char *name, const char *what, double *ms,
                       naru_error *err) {
    bool found;
    size_t at = place(c, key, name, &found);
    if (found) {
        *ms = c->entries.data[at].ms;
        return NARU_OK;
    }
    timing_entry e = {{key[0], key[1]}, mem_strdup(name), mem_strdup(what), *ms = rounded(*ms)};
    if (!e.tactic || !e.what || !ARRAY_RESERVE(&c->entries, c->entries.count + 1)) {
        entry_free(&e);
        return err_oom(err);
    }
    memmove(&c->entries.data[at + 1], &c->entries.data[at], (c->entries.count - at) * sizeof e);
    c->entries.data[at] = e;
    c->entries.count++;
    return NARU_OK;
}

naru_status timing_merge(timing_cache *c, const timing_cache *other, naru_error *err) {
    for (size_t i = 0; i < other->entries.count; i++) {
        const timing_entry *e = &other->entries.data[i];
        double ms = e->ms;
        TRY(timing_add(c, e->key, e->tactic, e->what, &ms, err));
    }
    return NARU_OK;
}

/* ---- the file ---- */
naru_status timing_write(const timing_cache *c, const char *path, naru_error *err) {
    str s = {0};
    str_add(&s, head);
    for (size_t i = 0; i < c->entries.count; i++) {
        const timing_entry *e = &c->entries.data[i];
        str_addf(&s, "%016llx%016llx %s ", (unsigned long long)e->key[0], (unsigned long long)e->key[1], e->tactic);
        str_add_double(&s, e->ms);
        str_addf(&s, " %s\n", e->what);
    }
    naru_status st = s.failed ? err_oom(err) : file_write(path, s.data, s.len, err);
    str_free(&s);
    return st;
}

static bool hex64(const char *s, uint64_t *out) {
    *out = 0;
    for (int i = 0; i < 16; i++) {
        int c = s[i], v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0) return false;
        *out = *out << 4 | (uint64_t)v;
    }
    return true;
}

/* KEY TACTIC MS WHAT; cuts the line up in place. */
static bool parse_line(char *line, timing_entry *e) {
    size_t n = strlen(line);
    if (n < 36 || !hex64(line, &e->key[0]) || !hex64(line + 16, &e->key[1]) || line[32] != ' ') return false;
    e->tactic = line + 33;
    char *ms = strchr(e->tactic, ' ');
    if (!ms || ms == e->tactic) return false;
    *ms++ = 0;
    char *what = strchr(ms, ' ');
    if (what) *what++ = 0;
    e->what = what ? what : ms + strlen(ms);
    return str_parse_double(ms, &e->ms) && e->ms >= 0 && e->ms < 1e9;
}

naru_status timing_read(timing_cache *c, const char *text, size_t size, naru_error *err) {
    size_t h = sizeof head - 1;
    if (size < h || memcmp(text, head, h) != 0) return err_set(err, NARU_BAD_FILE, "not a timing cache of Naru");
    for (size_t at = h, line = 2; at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end ? (size_t)(end - text) - at : size - at;
        char buf[2048];
        timing_entry e;
        if (n >= sizeof buf || memchr(text + at, 0, n))
            return err_at(err, NARU_BAD_FILE, (int64_t)at, "line %zu is no measurement", line);
        memcpy(buf, text + at, n);
        buf[n] = 0;
        if (n && !parse_line(buf, &e))
            return err_at(err, NARU_BAD_FILE, (int64_t)at, "line %zu is no measurement", line);
        if (n) TRY(timing_add(c, e.key, e.tactic, e.what, &e.ms, err));
        at += n + 1;
    }
    return NARU_OK;
}

/* ---- keys ---- */
static void add_tensor(str *s, const naru_tensor *t, bool constant) {
    if (!t) {
        str_add(s, " -");
        return;
    }
    str_addf(s, " %s%s[", constant ? "=" : "", naru_dtype_name(t->dtype));
    for (int d = 0; d < t->rank; d++) str_addf(s, "%s%lld", d ? "," : "", (long long)t->dims[d]);
    str_add(s, "]");
}

static void add_attr(str *s, const attr *a) {
    switch (a->kind) {
    case ATTR_INT: str_addf(s, " %s=%lld", a->name, (long long)a->i); break;
    case ATTR_FLOAT: str_addf(s, " %s=%.9g", a->name, (double)a->f); break;
    case ATTR_STRING: str_addf(s, " %s=%.60s", a->name, a->s.data ? a->s.data : ""); break;
    case ATTR_INTS:
        str_addf(s, " %s=", a->name);
        for (size_t i = 0; i < a->count; i++) str_addf(s, "%s%lld", i ? "," : "", (long long)a->ints[i]);
        break;
    case ATTR_FLOATS:
        str_addf(s, " %s=", a->name);
        for (size_t i = 0; i < a->count; i++) str_addf(s, "%s%.9g", i ? "," : "", (double)a->floats[i]);
        break;
    default: break;
    }
}

/* One line whatever is in the attributes. */
static void one_line(str *s) {
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->data[i] < 0x20) s->data[i] = '_';
}

/* Packed beforehand, or not. */
static bool is_constant(const node *n, int i) {
    return i < n->nin && n->in[i] && n->in[i]->constant && !n->in[i]->is_input;
}

naru_status timing_key(const run_ctx *r, cpu_level cpu, int threads, uint64_t key[2], str *what) {
    const node *n = r->step->node;
    str_addf(what, "%s%s%s", n->domain, *n->domain ? "::" : "", n->op_type);
    if (n->op->plugin) str_addf(what, "@%d", n->op->plugin->p.version);
    for (int i = 0; i < r->step->nin; i++) add_tensor(what, r->in[i], is_constant(n, i));
    str_add(what, " ->");
    for (int i = 0; i < r->step->nout; i++) add_tensor(what, r->out[i], false);
    for (int i = 0; i < n->nattrs; i++) add_attr(what, &n->attrs[i]);
    str_addf(what, " %s threads=%d", cpu_level_name(cpu), threads);
    if (what->len > 1500) what->len = 1500, what->data[1500] = 0;
    one_line(what);
    str all = {0};
    str_addf(&all, "%s|%s|%s", str_text(what), cpu_model_name(), NARU_KERNEL_VERSION);
    bool failed = all.failed || what->failed;
    for (int i = 0; i < 2 && !failed; i++) key[i] = hash_bytes(all.data, all.len, (uint64_t)i);
    str_free(&all);
    return failed ? NARU_OUT_OF_MEMORY : NARU_OK;
}
