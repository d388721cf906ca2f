/* SPDX-License-Identifier: MIT
 *
 * Symbolic dimensions as polynomials with integer coefficients in normal form: terms sorted by their monomial, a
 * monomial being a sorted list of atoms; an atom is a name or floor(polynomial / constant-or-polynomial). Every
 * polynomial is interned, so that equality is equality of numbers.
 */
#include "graph/sym.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { MAX_ATOMS = 6, MAX_TERMS = 24 }; /* larger expressions become DIM_UNKNOWN */

typedef struct atom {
    const char *name; /* plain symbol; NULL: a quotient */
    dim_t num, den;   /* floor(num / den) */
    int64_t typical;  /* of a plain symbol; DIM_UNKNOWN: no example */
} atom;

typedef struct term {
    int64_t coef;
    int natoms;
    int atoms[MAX_ATOMS]; /* indices into symtab.atoms, ascending; repeated for powers */
} term;

typedef struct poly {
    int nterms;
    term terms[]; /* sorted by atoms; the constant term (no atoms) first */
} poly;

struct symtab {
    arena *arena;
    atom *atoms;
    int natoms, cap_atoms;
    poly **polys; /* dim_t -(i + 1) */
    int npolys, cap_polys;
    int *index; /* open addressing over polys: i + 1 */
    int cap_index;
};

symtab *symtab_new(arena *a) {
    symtab *s = arena_calloc(a, 1, sizeof *s);
    if (s) s->arena = a;
    return s;
}

static bool grow(symtab *s, void **p, int *cap, int count, size_t elem) {
    if (count < *cap) return true;
    int more = *cap ? *cap * 2 : 16;
    void *q = arena_alloc(s->arena, (size_t)more * elem);
    if (!q) return false;
    if (count) memcpy(q, *p, (size_t)count * elem);
    *p = q;
    *cap = more;
    return true;
}

static size_t poly_size(int nterms) { return sizeof(poly) + (size_t)nterms * sizeof(term); }

static bool reindex(symtab *s) {
    int cap = s->cap_index ? s->cap_index * 2 : 64;
    int *index = arena_calloc(s->arena, (size_t)cap, sizeof *index);
    if (!index) return false;
    for (int i = 0; i < s->npolys; i++) {
        uint64_t at = hash_bytes(s->polys[i], poly_size(s->polys[i]->nterms), 0) & (uint64_t)(cap - 1);
        while (index[at]) at = (at + 1) & (uint64_t)(cap - 1);
        index[at] = i + 1;
    }
    s->index = index;
    s->cap_index = cap;
    return true;
}

/* The dim_t of p (normal form, unused atoms zeroed): a constant, or the interned polynomial. */
static dim_t intern(symtab *s, const poly *p) {
    if (p->nterms == 0) return 0;
    if (p->nterms == 1 && p->terms[0].natoms == 0) return p->terms[0].coef >= 0 ? p->terms[0].coef : DIM_UNKNOWN;
    if (s->npolys * 2 >= s->cap_index && !reindex(s)) return DIM_UNKNOWN;
    uint64_t mask = (uint64_t)s->cap_index - 1, at = hash_bytes(p, poly_size(p->nterms), 0) & mask;
    for (; s->index[at]; at = (at + 1) & mask) {
        const poly *q = s->polys[s->index[at] - 1];
        if (q->nterms == p->nterms && memcmp(q, p, poly_size(p->nterms)) == 0) return -(dim_t)s->index[at];
    }
    poly *copy = arena_dup(s->arena, p, poly_size(p->nterms));
    if (!copy || !grow(s, (void **)&s->polys, &s->cap_polys, s->npolys, sizeof *s->polys)) return DIM_UNKNOWN;
    s->polys[s->npolys++] = copy;
    s->index[at] = s->npolys;
    return -(dim_t)s->npolys;
}

bool sym_valid(const symtab *s, dim_t d) { return d >= 0 || d == DIM_UNKNOWN || (s && d >= -(dim_t)s->npolys); }

typedef union scratch {
    poly p;
    char room[sizeof(poly) + (MAX_TERMS + 1) * sizeof(term)];
} scratch;

static bool get(const symtab *s, dim_t d, scratch *out) {
    memset(out, 0, sizeof *out);
    if (d == DIM_UNKNOWN) return false;
    if (d >= 0) {
        out->p.nterms = d != 0;
        if (d) out->p.terms[0].coef = d;
        return true;
    }
    if (!s || -d > s->npolys) return false;
    memcpy(&out->p, s->polys[-d - 1], poly_size(s->polys[-d - 1]->nterms));
    return true;
}

static int compare_atoms(const term *a, const term *b) {
    if (a->natoms != b->natoms) return a->natoms - b->natoms;
    for (int i = 0; i < a->natoms; i++)
        if (a->atoms[i] != b->atoms[i]) return a->atoms[i] - b->atoms[i];
    return 0;
}

/* p += t, keeping the order. */
static bool add_term(poly *p, term t) {
    int i = 0;
    while (i < p->nterms && compare_atoms(&p->terms[i], &t) < 0) i++;
    if (i < p->nterms && compare_atoms(&p->terms[i], &t) == 0) {
        if (__builtin_add_overflow(p->terms[i].coef, t.coef, &p->terms[i].coef)) return false;
        if (p->terms[i].coef == 0) {
            memmove(&p->terms[i], &p->terms[i + 1], (size_t)(p->nterms - i - 1) * sizeof t);
            p->nterms--;
            memset(&p->terms[p->nterms], 0, sizeof t);
        }
        return true;
    }
    if (p->nterms == MAX_TERMS) return false;
    memmove(&p->terms[i + 1], &p->terms[i], (size_t)(p->nterms - i) * sizeof t);
    p->terms[i] = t;
    p->nterms++;
    return true;
}

dim_t sym_name(symtab *s, const char *name) {
    int k = 0;
    while (k < s->natoms && !(s->atoms[k].name && strcmp(s->atoms[k].name, name) == 0)) k++;
    if (k == s->natoms) {
        if (!grow(s, (void **)&s->atoms, &s->cap_atoms, s->natoms, sizeof *s->atoms)) return DIM_UNKNOWN;
        const char *copy = arena_strdup(s->arena, name);
        if (!copy) return DIM_UNKNOWN;
        s->atoms[s->natoms++] = (atom){.name = copy, .typical = DIM_UNKNOWN};
    }
    scratch x = {0};
    x.p.nterms = 1;
    x.p.terms[0] = (term){.coef = 1, .natoms = 1, .atoms = {k}};
    return intern(s, &x.p);
}

static dim_t add_scaled(symtab *s, dim_t a, dim_t b, int64_t scale) {
    scratch x, y;
    if (!get(s, a, &x) || !get(s, b, &y)) return DIM_UNKNOWN;
    for (int i = 0; i < y.p.nterms; i++) {
        term t = y.p.terms[i];
        if (__builtin_mul_overflow(t.coef, scale, &t.coef) || !add_term(&x.p, t)) return DIM_UNKNOWN;
    }
    return intern(s, &x.p);
}

dim_t sym_add(symtab *s, dim_t a, dim_t b) { return add_scaled(s, a, b, 1); }
dim_t sym_sub(symtab *s, dim_t a, dim_t b) { return a == b && dim_is_known(a) ? 0 : add_scaled(s, a, b, -1); }

static bool mul_terms(const term *a, const term *b, term *out) {
    *out = (term){.natoms = a->natoms + b->natoms};
    if (out->natoms > MAX_ATOMS || __builtin_mul_overflow(a->coef, b->coef, &out->coef)) return false;
    int i = 0, j = 0;
    for (int k = 0; k < out->natoms; k++)
        out->atoms[k] = j == b->natoms || (i < a->natoms && a->atoms[i] <= b->atoms[j]) ? a->atoms[i++] : b->atoms[j++];
    return true;
}

dim_t sym_mul(symtab *s, dim_t a, dim_t b) {
    scratch x, y, r = {0};
    if (a == 0 || b == 0) return dim_is_known(a) && dim_is_known(b) ? 0 : DIM_UNKNOWN;
    if (!get(s, a, &x) || !get(s, b, &y)) return DIM_UNKNOWN;
    for (int i = 0; i < x.p.nterms; i++)
        for (int j = 0; j < y.p.nterms; j++) {
            term t;
            if (!mul_terms(&x.p.terms[i], &y.p.terms[j], &t) || !add_term(&r.p, t)) return DIM_UNKNOWN;
        }
    return intern(s, &r.p);
}

/* a / b for a single-term b that divides every term of a; false otherwise. */
static bool divide_exactly(const poly *a, const term *b, poly *out) {
    for (int i = 0; i < a->nterms; i++) {
        term t = a->terms[i];
        if (b->coef == 0 || t.coef % b->coef != 0) return false;
        t.coef /= b->coef;
        for (int j = 0; j < b->natoms; j++) {
            int k = 0;
            while (k < t.natoms && t.atoms[k] != b->atoms[j]) k++;
            if (k == t.natoms) return false;
            memmove(&t.atoms[k], &t.atoms[k + 1], (size_t)(t.natoms - k - 1) * sizeof(int));
            t.atoms[--t.natoms] = 0;
        }
        if (!add_term(out, t)) return false;
    }
    return true;
}

dim_t sym_div(symtab *s, dim_t a, dim_t b) {
    if (!dim_is_known(a) || !dim_is_known(b) || b == 0) return DIM_UNKNOWN;
    if (a >= 0 && b > 0) return a / b;
    if (b == 1) return a;
    if (a == b) return 1;
    scratch x, y, r = {0};
    if (!get(s, a, &x) || !get(s, b, &y)) return DIM_UNKNOWN;
    if (y.p.nterms == 1 && divide_exactly(&x.p, &y.p.terms[0], &r.p)) return intern(s, &r.p);
    int k = 0;
    while (k < s->natoms && !(!s->atoms[k].name && s->atoms[k].num == a && s->atoms[k].den == b)) k++;
    if (k == s->natoms) {
        if (!grow(s, (void **)&s->atoms, &s->cap_atoms, s->natoms, sizeof *s->atoms)) return DIM_UNKNOWN;
        s->atoms[s->natoms++] = (atom){.num = a, .den = b};
    }
    memset(&r, 0, sizeof r);
    r.p.nterms = 1;
    r.p.terms[0] = (term){.coef = 1, .natoms = 1, .atoms = {k}};
    return intern(s, &r.p);
}

dim_t sym_max(symtab *s, dim_t a, dim_t b) {
    if (a == b) return a;
    return a >= 0 && b >= 0 ? (a > b ? a : b) : DIM_UNKNOWN;
}

/* The least value of an atom; -1: it may be negative. */
static int64_t least_of(const symtab *s, const atom *a, int64_t (*least)(const char *name)) {
    if (a->name) return least ? least(a->name) : 0;
    return sym_never_negative(s, a->num, least) && sym_never_negative(s, a->den, least) ? 0 : -1;
}

bool sym_never_negative(const symtab *s, dim_t d, int64_t (*least)(const char *name)) {
    if (d >= 0) return true;
    if (d == DIM_UNKNOWN || !s || -d > s->npolys) return false;
    const poly *p = s->polys[-d - 1];
    int64_t sum = 0;
    for (int i = 0; i < p->nterms; i++) {
        const term *t = &p->terms[i];
        int64_t part = t->coef;
        for (int k = 0; k < t->natoms; k++) {
            int64_t low = least_of(s, &s->atoms[t->atoms[k]], least);
            if (low < 0 || t->coef < 0) return false;
            part = low ? part : 0;
        }
        if (!i64_add(sum, part, &sum)) return false;
    }
    return sum >= 0;
}

static void print_atom(const symtab *s, const atom *a, str *out) {
    if (a->name) {
        str_add(out, a->name);
        return;
    }
    str_add(out, "floor(");
    bool many = a->num < 0 && s->polys[-a->num - 1]->nterms > 1;
    if (many) str_add(out, "(");
    sym_print(s, a->num, out);
    str_add(out, many ? ")/" : "/");
    many = a->den < 0;
    if (many) str_add(out, "(");
    sym_print(s, a->den, out);
    str_add(out, many ? "))" : ")");
}

static void print_term(const symtab *s, const term *t, bool first, str *out) {
    int64_t c = t->coef;
    if (c < 0) str_add(out, "-");
    else if (!first) str_add(out, "+");
    uint64_t m = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
    if (m != 1 || t->natoms == 0) str_addf(out, t->natoms ? "%llu*" : "%llu", (unsigned long long)m);
    for (int i = 0; i < t->natoms; i++) {
        if (i) str_add(out, "*");
        print_atom(s, &s->atoms[t->atoms[i]], out);
    }
}

void sym_print(const symtab *s, dim_t d, str *out) {
    if (d >= 0) str_addf(out, "%lld", (long long)d);
    else if (d == DIM_UNKNOWN || !s || -d > s->npolys) str_add(out, "?");
    else {
        const poly *p = s->polys[-d - 1];
        int from = p->terms[0].natoms == 0; /* names first, the constant last */
        for (int i = from; i < p->nterms; i++) print_term(s, &p->terms[i], i == from, out);
        if (from) print_term(s, &p->terms[0], false, out);
    }
}

const char *sym_plain_name(const symtab *s, dim_t d) {
    if (d >= 0 || d == DIM_UNKNOWN || !s || -d > s->npolys) return NULL;
    const poly *p = s->polys[-d - 1];
    return p->nterms == 1 && p->terms[0].coef == 1 && p->terms[0].natoms == 1 ? s->atoms[p->terms[0].atoms[0]].name
                                                                              : NULL;
}

void sym_set_typical(symtab *s, dim_t symbol, int64_t value) {
    if (sym_plain_name(s, symbol)) s->atoms[s->polys[-symbol - 1]->terms[0].atoms[0]].typical = value;
}

static dim_t typical_atom(const symtab *s, const atom *a) {
    if (a->name) return a->typical;
    dim_t num = sym_typical(s, a->num), den = sym_typical(s, a->den);
    return num == DIM_UNKNOWN || den <= 0 ? DIM_UNKNOWN : num / den;
}

dim_t sym_typical(const symtab *s, dim_t d) {
    if (d >= 0 || d == DIM_UNKNOWN || !s || -d > s->npolys) return d >= 0 ? d : DIM_UNKNOWN;
    const poly *p = s->polys[-d - 1];
    int64_t sum = 0;
    for (int i = 0; i < p->nterms; i++) {
        int64_t x = p->terms[i].coef;
        for (int k = 0; k < p->terms[i].natoms; k++) {
            dim_t y = typical_atom(s, &s->atoms[p->terms[i].atoms[k]]);
            if (y == DIM_UNKNOWN || __builtin_mul_overflow(x, y, &x)) return DIM_UNKNOWN;
        }
        if (__builtin_add_overflow(sum, x, &sum)) return DIM_UNKNOWN;
    }
    return sum >= 0 ? sum : DIM_UNKNOWN;
}
