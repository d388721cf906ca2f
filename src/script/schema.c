/* SPDX-License-Identifier: MIT
 *
 * Schema texts and the list of operators. The list is indexed by name once; the schemas of a name are parsed when it is
 * first asked for, and stay. In-place and out forms that have no line of their own are derived from the plain form.
 */
#include "script/schema.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "script/aten/aten.h"
#include "script/lower.h"
#include "script/unit.h"

/* ---- one schema ---- */
typedef struct reader {
    arena *arena;
    const char *text, *p;
    naru_error *err;
    bool no_memory; /* a word could not be copied */
} reader;

static naru_status bad(const reader *r, const char *what) {
    if (r->no_memory) return err_oom(r->err);
    return err_set(r->err, NARU_BAD_MODEL, "schema '%s': %s at character %d", r->text, what, (int)(r->p - r->text));
}
static void blanks(reader *r) {
    while (*r->p == ' ' || *r->p == '\n') r->p++;
}
static bool eat(reader *r, const char *s) {
    blanks(r);
    size_t n = strlen(s);
    if (strncmp(r->p, s, n) != 0) return false;
    r->p += n;
    return true;
}
static const char *word(reader *r, const char *more) { /* NULL: none or out of memory */
    blanks(r);
    const char *from = r->p;
    while (isalnum((unsigned char)*r->p) || *r->p == '_' || (*r->p && strchr(more, *r->p))) r->p++;
    if (r->p == from) return NULL;
    const char *w = arena_strndup(r->arena, from, (size_t)(r->p - from));
    r->no_memory |= !w;
    return w;
}

static const stype *simple_type(const char *w) {
    static const struct {
        const char *name;
        const stype *type;
    } table[] = {{"Tensor", &stype_tensor},
                 {"int", &stype_int},
                 {"SymInt", &stype_int},
                 {"ScalarType", &stype_int},
                 {"dtype", &stype_int},
                 {"Layout", &stype_int},
                 {"MemoryFormat", &stype_int},
                 {"float", &stype_float},
                 {"complex", &stype_complex},
                 {"bool", &stype_bool},
                 {"SymBool", &stype_bool},
                 {"SymFloat", &stype_float},
                 {"str", &stype_str},
                 {"NoneType", &stype_none},
                 {"Scalar", &stype_number},
                 {"number", &stype_number},
                 {"Any", &stype_any},
                 {"Device", &stype_device},
                 {"Generator", &stype_generator},
                 {"Stream", &stype_stream},
                 {"Storage", &stype_storage},
                 {"QScheme", &stype_int}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, w) == 0) return table[i].type;
    return NULL;
}

/* "__torch__.torch.classes.ns.Name": a class of no unit; classes compare by qualified name. */
static const stype *custom_class_type(arena *a, const char *name) {
    sclass *c = arena_calloc(a, 1, sizeof *c);
    if (!c) return NULL;
    const char *dot = strrchr(name, '.');
    *c = (sclass){.qualname = name, .name = dot ? dot + 1 : name, .kind = CLASS_CUSTOM};
    return c->type = stype_class(a, c);
}

static naru_status read_type(reader *r, const stype **out, int *fixed, bool *mutated, int depth);

static void alias_note(reader *r, bool *mutated) { /* (a!), (a), (a -> *), (a|b) directly behind a type */
    if (*r->p != '(') return;
    const char *end = strchr(r->p, ')');
    if (!end) return;
    for (const char *q = r->p; q < end; q++)
        if (*q == '!') *mutated = true;
    r->p = end + 1;
}

static naru_status read_group(reader *r, const char *close, const stype **args, int max, int *n, int depth) {
    *n = 0;
    if (eat(r, close)) return NARU_OK;
    do {
        if (*n >= max) return bad(r, "too many types");
        int fixed;
        bool mutated = false;
        TRY(read_type(r, &args[*n], &fixed, &mutated, depth + 1));
        ++*n;
        while (isalnum((unsigned char)*(blanks(r), r->p))) (void)word(r, ""); /* "Tensor values" inside a tuple */
    } while (eat(r, ","));
    return eat(r, close) ? NARU_OK : bad(r, "')' missing");
}

static naru_status named_type(reader *r, const stype **out, int depth) {
    const char *w = word(r, ".");
    const stype *args[16];
    int n;
    if (!w) return bad(r, "a type is missing");
    if ((*out = simple_type(w))) return NARU_OK;
    if (strcmp(w, "Dict") == 0 && eat(r, "(")) {
        TRY(read_group(r, ")", args, 2, &n, depth));
        if (n != 2) return bad(r, "Dict has two types");
        *out = stype_dict(r->arena, args[0], args[1]);
    } else if ((strcmp(w, "Future") == 0 || strcmp(w, "RRef") == 0 || strcmp(w, "Await") == 0) && eat(r, "(")) {
        TRY(read_group(r, ")", args, 1, &n, depth));
        *out = n == 1 ? stype_future(r->arena, args[0]) : NULL;
        if (n != 1) return bad(r, "one type expected");
    } else if (strncmp(w, "__torch__.", 10) == 0) {
        *out = custom_class_type(r->arena, w);
    } else {
        stype *t = arena_calloc(r->arena, 1, sizeof *t);
        if (t) *t = (stype){.kind = ST_VAR, .name = w};
        *out = t;
    }
    return *out ? NARU_OK : err_oom(r->err);
}

static naru_status read_type(reader *r, const stype **out, int *fixed, bool *mutated, int depth) {
    if (depth > 8) return bad(r, "types nest too deep");
    *fixed = 0;
    if (eat(r, "(")) {
        const stype *args[16];
        int n;
        TRY(read_group(r, ")", args, 16, &n, depth));
        if (!(*out = stype_tuple(r->arena, n, args, NULL))) return err_oom(r->err);
    } else {
        TRY(named_type(r, out, depth));
    }
    for (;;) {
        alias_note(r, mutated);
        if (*r->p == '[') {
            r->p++;
            *fixed = (int)strtol(r->p, (char **)&r->p, 10);
            if (*r->p++ != ']') return bad(r, "']' missing");
            *out = stype_list(r->arena, *out);
        } else if (*r->p == '?') {
            r->p++;
            *out = stype_optional(r->arena, *out);
        } else {
            return NARU_OK;
        }
        if (!*out) return err_oom(r->err);
    }
}

/* ---- defaults ---- */
static naru_status read_string(reader *r, sv *out) {
    str s = {0};
    char quote = *r->p++;
    while (*r->p && *r->p != quote) {
        char c = *r->p++;
        if (c == '\\' && *r->p) {
            static const char from[] = "ntrfv0", to[] = "\n\t\r\f\v";
            const char *at = strchr(from, *r->p);
            c = at ? to[at - from] : *r->p;
            r->p++;
        }
        str_add_n(&s, &c, 1);
    }
    if (*r->p == quote) r->p++;
    *out = sv_str(str_text(&s), s.len);
    bool ok = !s.failed && out->tag == SV_STR;
    str_free(&s);
    return ok ? NARU_OK : err_oom(r->err);
}

static naru_status read_number(reader *r, sv *out) {
    char text[40];
    size_t n = 0;
    while (n + 1 < sizeof text && (isalnum((unsigned char)*r->p) || strchr("+-.", *r->p)) && *r->p) text[n++] = *r->p++;
    text[n] = 0;
    int64_t i;
    double f;
    if (str_parse_i64(text, &i)) *out = sv_int(i);
    else if (n && text[n - 1] == '.' && (text[n - 1] = 0, str_parse_i64(text, &i))) *out = sv_float((double)i);
    else if (str_parse_double(text, &f)) *out = sv_float(f);
    else return bad(r, "a default value is expected");
    return NARU_OK;
}

static naru_status read_default(reader *r, const stype *wanted, sv *out) {
    static const struct {
        const char *word;
        sv value;
    } words[] = {{"None", {.tag = SV_NONE}},
                 {"True", {.tag = SV_BOOL, .b = true}},
                 {"False", {.tag = SV_BOOL, .b = false}},
                 {"contiguous_format", {.tag = SV_INT, .i = 0}},
                 {"Mean", {.tag = SV_INT, .i = 1}},
                 {"long", {.tag = SV_INT, .i = 4}},
                 {"float", {.tag = SV_INT, .i = 6}}};
    blanks(r);
    if (*r->p == '"' || *r->p == '\'') return read_string(r, out);
    if (*r->p == '[') {
        r->p++;
        const stype *t = wanted->kind == ST_OPTIONAL ? wanted->args[0] : wanted;
        slist *l = slist_new(t->kind == ST_LIST ? t->args[0] : &stype_int, 4);
        if (!l) return err_oom(r->err);
        *out = sv_of(l);
        while (!eat(r, "]")) {
            sv v;
            TRY(read_default(r, &stype_int, &v));
            if (!slist_push(l, v)) return err_oom(r->err);
            eat(r, ",");
        }
        return NARU_OK;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i].word);
        if (strncmp(r->p, words[i].word, n) == 0 && !isalnum((unsigned char)r->p[n]) && r->p[n] != '_') {
            r->p += n;
            *out = words[i].value;
            return NARU_OK;
        }
    }
    TRY(read_number(r, out));
    if (wanted->kind == ST_FLOAT && out->tag == SV_INT) *out = sv_float((double)out->i);
    return NARU_OK;
}

/* ---- whole ---- */
static naru_status read_params(reader *r, schema *s, sparam *params, int max) {
    bool kwonly = false;
    while (!eat(r, ")")) {
        if (eat(r, "...")) {
            s->vararg = true;
        } else if (*r->p == '*') {
            r->p++;
            kwonly = true;
        } else {
            if (s->nparams >= max) return bad(r, "too many parameters");
            sparam *p = &params[s->nparams++];
            *p = (sparam){.kwonly = kwonly};
            TRY(read_type(r, &p->type, &p->fixed, &p->mutated, 0));
            if (!(p->name = word(r, ""))) return bad(r, "a parameter's name is missing");
            if ((p->has_default = eat(r, "="))) TRY(read_default(r, p->type, &p->dflt));
            sv_share(p->dflt);
        }
        eat(r, ",");
    }
    return NARU_OK;
}

static naru_status read_return(reader *r, const stype **out, const char **name) {
    int fixed;
    bool mutated = false;
    TRY(read_type(r, out, &fixed, &mutated, 0));
    *name = isalpha((unsigned char)*(blanks(r), r->p)) ? word(r, "") : NULL;
    return NARU_OK;
}

static naru_status read_returns(reader *r, schema *s, const stype **types, const char **names, int max) {
    if (eat(r, "...")) {
        s->varret = true;
        return NARU_OK;
    }
    if (!eat(r, "(")) {
        s->nreturns = 1;
        TRY(read_return(r, &types[0], &names[0]));
        return NARU_OK;
    }
    while (!eat(r, ")")) {
        if (eat(r, "...")) {
            s->varret = true;
        } else {
            if (s->nreturns >= max) return bad(r, "too many results");
            TRY(read_return(r, &types[s->nreturns], &names[s->nreturns]));
            s->nreturns++;
        }
        eat(r, ",");
        if (!*r->p) return bad(r, "')' missing");
    }
    /* "-> ((str, t)[])" is one result; "-> (Tensor)" too */
    return NARU_OK;
}

enum { MAX_PARAMS = 64 };

static naru_status read_schema(reader *r, schema *out, sparam *params) {
    const stype *types[MAX_PARAMS];
    const char *names[MAX_PARAMS];
    out->name = word(r, ":");
    if (!out->name || !strstr(out->name, "::")) return bad(r, "'namespace::name' expected");
    if (*r->p == '.') {
        r->p++;
        if (!(out->overload = word(r, ""))) return bad(r, "the overload's name is missing");
    }
    if (!eat(r, "(")) return bad(r, "'(' expected");
    TRY(read_params(r, out, params, MAX_PARAMS));
    if (!eat(r, "->")) return bad(r, "'->' expected");
    TRY(read_returns(r, out, types, names, MAX_PARAMS));
    blanks(r);
    if (*r->p) return bad(r, "end expected");
    out->params = arena_dup(r->arena, params, (size_t)out->nparams * sizeof *params);
    out->returns = arena_dup(r->arena, types, (size_t)out->nreturns * sizeof *types);
    out->return_names = arena_dup(r->arena, names, (size_t)out->nreturns * sizeof *names);
    return out->params && out->returns && out->return_names ? NARU_OK : err_oom(r->err);
}

naru_status schema_parse(arena *a, const char *text, schema *out, naru_error *err) {
    reader r = {.arena = a, .text = text, .p = text, .err = err};
    sparam params[MAX_PARAMS];
    *out = (schema){.text = text, .overload = ""};
    naru_status st = read_schema(&r, out, params);
    if (st != NARU_OK) {
        out->params = params;
        schema_drop(out);
        *out = (schema){.text = text, .overload = ""};
    }
    return st;
}

void schema_drop(const schema *s) {
    for (int i = 0; i < s->nparams; i++)
        if (s->params[i].has_default) sv_drop(s->params[i].dflt);
}

/* ---- the list ---- */
static const struct row {
    const char *text;
    lower_fn fn;
    fast_fn fast;
} rows[] = {
#define ATEN(text, function)   {text, aten_##function, NULL},
#define ATEN_F(text, function) {text, aten_##function, fast_##function},
#include "script/aten/aten.def"
#undef ATEN
#undef ATEN_F
    {NULL, NULL, NULL}};
#define ROWS (COUNT_OF(rows) - 1)

const char *sop_text(size_t i) { return i < ROWS ? rows[i].text : NULL; }

typedef struct entry {  /* of a name */
    struct entry *next; /* same bucket */
    const char *name;
    size_t len;
    int first;          /* row, -1: none (derived or custom) */
    _Atomic(sop *) ops; /* parsed; NULL: not yet */
    bool missing;       /* asked for in vain: no derived form either */
} entry;

enum { BUCKETS = 4096 };
static entry entries[ROWS + 1];
static int next_row[ROWS + 1], nentries;
static _Atomic(entry *) buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;
static arena *memory; /* of schemas: theirs for the life of the process */

static size_t bucket_of(const char *name, size_t n) { return hash_bytes(name, n, 0) % BUCKETS; }

static entry *entry_find(const char *name, size_t n) {
    for (entry *e = atomic_load_explicit(&buckets[bucket_of(name, n)], memory_order_acquire); e; e = e->next)
        if (e->len == n && memcmp(e->name, name, n) == 0) return e;
    return NULL;
}

static void entry_link(entry *e) {
    size_t b = bucket_of(e->name, e->len);
    e->next = atomic_load_explicit(&buckets[b], memory_order_relaxed);
    atomic_store_explicit(&buckets[b], e, memory_order_release);
}

static void index_rows(void) {
    static int last[ROWS + 1];
    for (int i = 0; i < (int)ROWS; i++) {
        size_t n = strcspn(rows[i].text, ".(");
        entry *e = entry_find(rows[i].text, n);
        next_row[i] = -1;
        if (e) {
            next_row[last[e - entries]] = i;
        } else {
            e = &entries[nentries++];
            *e = (entry){.name = rows[i].text, .len = n, .first = i};
            entry_link(e);
        }
        last[e - entries] = i;
    }
}

/* Derived forms share their parameters: an out form with a row of its name, an in-place form with one parsed for it. */
__attribute__((destructor)) static void forget_schemas(void) {
    for (int b = 0; b < BUCKETS; b++)
        for (entry *e = atomic_load(&buckets[b]); e; e = e->next)
            for (const sop *o = atomic_load(&e->ops); o; o = o->next) {
                if (o->fn == lower_in_place) schema_drop(((const sop *)o->user)->schema);
                else if (o->fn != lower_out_form) schema_drop(o->schema);
            }
    arena_free(memory);
}

static sop *parse_op(const char *text, lower_fn fn, void *user, naru_error *err) {
    if (!memory && !(memory = arena_new())) return NULL;
    sop *o = arena_calloc(memory, 1, sizeof *o);
    schema *s = arena_calloc(memory, 1, sizeof *s);
    if (!o || !s || schema_parse(memory, text, s, err) != NARU_OK) return NULL;
    *o = (sop){.schema = s, .fn = fn, .user = user};
    return o;
}

static sop *parse_rows(int first) {
    sop *head = NULL, **at = &head;
    for (int i = first; i >= 0; i = next_row[i]) {
        sop *o = parse_op(rows[i].text, rows[i].fn, NULL, NULL);
        if (!o) continue; /* memory is short; that every row parses is tested (tests/script/schema.c) */
        o->fast = rows[i].fast;
        o->nfast = o->schema->nparams;
        *at = o;
        at = (sop **)&o->next;
    }
    return head;
}

/* ---- derived forms ---- */
static sop *derive(const sop *plain, const char *name, bool out_form) {
    const schema *s = plain->schema;
    if (s->nparams == 0 || s->nreturns < 1 || s->returns[0]->kind != ST_TENSOR) return NULL;
    if (!out_form && (s->params[0].type->kind != ST_TENSOR || s->nreturns != 1)) return NULL;
    if (out_form && s->nreturns != 1) return NULL;
    sop *o = arena_calloc(memory, 1, sizeof *o);
    schema *d = arena_alloc(memory, sizeof *d);
    sparam *p = arena_calloc(memory, (size_t)s->nparams + 1, sizeof *p);
    if (!o || !d || !p) return NULL;
    *d = *s;
    memcpy(p, s->params, (size_t)s->nparams * sizeof *p);
    d->params = p;
    d->name = name;
    if (out_form) {
        p[d->nparams++] = (sparam){.name = "out", .type = &stype_tensor, .kwonly = true, .mutated = true};
    } else {
        p[0].mutated = true;
    }
    *o = (sop){.schema = d, .fn = out_form ? lower_out_form : lower_in_place, .user = (void *)plain};
    return o;
}

static sop *append(sop *head, sop *tail) {
    if (!head) return tail;
    sop *at = head;
    while (at->next) at = (sop *)at->next;
    __atomic_store_n(&at->next, tail, __ATOMIC_RELEASE); /* lookups go on */
    return head;
}

static bool has_overload(const sop *head, const char *overload) {
    for (; head; head = head->next)
        if (strcmp(head->schema->overload, overload) == 0) return true;
    return false;
}

/* All overloads of a name: in-place forms of the name less its underscore, its rows, then out forms. A row stands
 * before the derived form of the same overload. */
static sop *make_ops(const char *name, size_t n, int first) {
    char *kept = arena_strndup(memory, name, n);
    sop *head = first >= 0 ? parse_rows(first) : NULL, *derived = NULL;
    if (!kept) return head;
    for (const sop *o = head; o; o = o->next) derived = append(derived, derive(o, kept, true));
    head = append(head, derived);
    if (n < 2 || name[n - 1] != '_') return head;
    const entry *plain = entry_find(name, n - 1);
    derived = NULL;
    for (const sop *o = plain && plain->first >= 0 ? parse_rows(plain->first) : NULL; o; o = o->next)
        if (!has_overload(head, o->schema->overload)) derived = append(derived, derive(o, kept, false));
    return append(derived, head);
}

static const sop *entry_ops(entry *e) {
    sop *ops = atomic_load_explicit(&e->ops, memory_order_acquire);
    if (ops || e->missing) return ops;
    pthread_mutex_lock(&parsing);
    ops = atomic_load_explicit(&e->ops, memory_order_acquire);
    if (!ops && (memory || (memory = arena_new()))) {
        ops = make_ops(e->name, e->len, e->first);
        atomic_store_explicit(&e->ops, ops, memory_order_release);
    }
    pthread_mutex_unlock(&parsing);
    return ops;
}

/* A name without rows: an entry of its own once it has derived forms. */
static const sop *derived_ops(const char *name, size_t n) {
    if (n < 2 || name[n - 1] != '_' || !entry_find(name, n - 1)) return NULL;
    pthread_mutex_lock(&parsing);
    entry *e = entry_find(name, n);
    if (!e && (memory || (memory = arena_new())) && (e = arena_calloc(memory, 1, sizeof *e))) {
        sop *ops = make_ops(name, n, -1);
        *e = (entry){.name = arena_strndup(memory, name, n), .len = n, .first = -1, .missing = !ops};
        atomic_init(&e->ops, ops);
        if (e->name) entry_link(e);
    }
    pthread_mutex_unlock(&parsing);
    return e ? atomic_load_explicit(&e->ops, memory_order_acquire) : NULL;
}

const sop *sop_find(const char *name) {
    pthread_once(&once, index_rows);
    size_t n = strlen(name);
    entry *e = entry_find(name, n);
    return e ? entry_ops(e) : derived_ops(name, n);
}

/* ---- registering ---- */
static bool same_overload(const sop *list, const sop *o) {
    for (; list; list = list->next)
        if (strcmp(list->schema->overload, o->schema->overload) == 0) return true;
    return false;
}

static naru_status prepare(const char *text, lower_fn fn, void *user, sop_ticket *out, naru_error *err) {
    size_t n = strcspn(text, ".(");
    const entry *e = entry_find(text, n);
    if (e && e->first >= 0) return err_set(err, NARU_INVALID_ARGUMENT, "operator '%.*s' is built in", (int)n, text);
    if (!memory && !(memory = arena_new())) return err_oom(err);
    naru_error local = NARU_ERROR_INIT;
    char *kept = arena_strdup(memory, text);
    entry *fresh = arena_calloc(memory, 1, sizeof *fresh);
    if (!kept || !fresh) return err_oom(err);
    sop *o = parse_op(kept, fn, user, &local);
    if (!o) return local.code ? err_set(err, local.code, "%s", local.message) : err_oom(err);
    if (e && same_overload(atomic_load(&e->ops), o)) {
        schema_drop(o->schema);
        return err_set(err, NARU_INVALID_ARGUMENT, "operator '%s' is registered already", text);
    }
    *fresh = (entry){.name = o->schema->name, .len = n, .first = -1};
    atomic_init(&fresh->ops, o);
    *out = (sop_ticket){o, fresh};
    return NARU_OK;
}

naru_status sop_prepare(const char *text, lower_fn fn, void *user, sop_ticket *out, naru_error *err) {
    pthread_once(&once, index_rows);
    pthread_mutex_lock(&parsing);
    naru_status st = prepare(text, fn, user, out, err);
    pthread_mutex_unlock(&parsing);
    return st;
}

void sop_publish(const sop_ticket *t) {
    entry *fresh = t->place;
    pthread_mutex_lock(&parsing);
    entry *e = entry_find(fresh->name, fresh->len);
    sop *head = e ? atomic_load(&e->ops) : NULL;
    if (head) append(head, t->op);
    else if (e) atomic_store_explicit(&e->ops, t->op, memory_order_release);
    else entry_link(fresh);
    pthread_mutex_unlock(&parsing);
}

void sop_abandon(const sop_ticket *t) { schema_drop(t->op->schema); }
