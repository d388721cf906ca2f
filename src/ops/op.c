/* SPDX-License-Identifier: MIT
 *
 * The operator list: lookup by domain and name through a hash index that is built once; behind it the operators that
 * were registered at run time, a chain that only grows.
 */
#include "ops/op.h"

#include <pthread.h>
#include <string.h>

#define OP(symbol) extern const op_desc op_##symbol;
#include "ops/ops.def"
#undef OP

static const op_desc *const k_ops[] = {
#define OP(symbol) &op_##symbol,
#include "ops/ops.def"
#undef OP
};

enum { INDEX_SIZE = 2048 };
static unsigned short g_index[INDEX_SIZE]; /* position in k_ops plus one; 0: empty. Written once. */
static pthread_once_t g_once = PTHREAD_ONCE_INIT;
_Static_assert(COUNT_OF(k_ops) < INDEX_SIZE / 2, "grow INDEX_SIZE");

static const char *domain_of(const op_desc *op) { return op->domain ? op->domain : ""; }

static size_t hash_of(const char *domain, const char *name) {
    uint64_t h = 1469598103934665603u; /* FNV-1a: names are short */
    for (const char *p = name; *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    for (const char *p = domain; *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    return (h ^ h >> 29) % INDEX_SIZE;
}

static void build_index(void) {
    for (size_t i = 0; i < COUNT_OF(k_ops); i++) {
        size_t at = hash_of(domain_of(k_ops[i]), k_ops[i]->name);
        while (g_index[at]) at = (at + 1) % INDEX_SIZE;
        g_index[at] = (unsigned short)(i + 1);
    }
}

/* ---- registered at run time ---- */
static _Atomic(op_link *) g_registered;

static const op_link *first_registered(void) { return atomic_load_explicit(&g_registered, memory_order_acquire); }
static const op_link *next_registered(const op_link *l) {
    return atomic_load_explicit(&((op_link *)l)->next, memory_order_acquire);
}

void op_register(op_link *l) {
    _Atomic(op_link *) *end = &g_registered;
    for (op_link *x; (x = atomic_load_explicit(end, memory_order_acquire));) end = &x->next;
    atomic_store_explicit(end, l, memory_order_release);
}

/* ---- lookup ---- */
const op_desc *op_find(const char *domain, const char *name) {
    pthread_once(&g_once, build_index);
    if (strcmp(domain, "ai.onnx") == 0) domain = "";
    for (size_t at = hash_of(domain, name); g_index[at]; at = (at + 1) % INDEX_SIZE) {
        const op_desc *op = k_ops[g_index[at] - 1];
        if (strcmp(op->name, name) == 0 && strcmp(domain_of(op), domain) == 0) return op;
    }
    for (const op_link *l = first_registered(); l; l = next_registered(l))
        if (strcmp(l->op->name, name) == 0 && strcmp(domain_of(l->op), domain) == 0) return l->op;
    return NULL;
}

size_t op_count(void) {
    size_t n = COUNT_OF(k_ops);
    for (const op_link *l = first_registered(); l; l = next_registered(l)) n++;
    return n;
}

const op_desc *op_at(size_t i) {
    if (i < COUNT_OF(k_ops)) return k_ops[i];
    const op_link *l = first_registered();
    for (i -= COUNT_OF(k_ops); i > 0; i--) l = next_registered(l);
    return l->op;
}

int op_version_at(const op_desc *op, int64_t version) {
    int best = 0;
    for (const short *v = op->versions; *v; v++)
        if (*v <= version) best = *v;
    return best;
}
