/* SPDX-License-Identifier: MIT
 *
 * Arguments of a call as a region sees them: a key of all that a recording depends on, and the leaves that are its
 * inputs.
 */
#include "script/region_in.h"

#include <string.h>

static void put(region_args *k, const void *p, size_t n) {
    if (k->n + n > REGION_KEY) {
        k->bad = true;
        return;
    }
    memcpy(k->key + k->n, p, n);
    k->n += n;
}
static void put1(region_args *k, int c) {
    uint8_t b = (uint8_t)c;
    put(k, &b, 1);
}

static void add_leaf(region_args *k, sv v) {
    if (k->nleaves == REGION_LEAVES) k->bad = true;
    else k->leaf[k->nleaves++] = v;
}

static void scan_tensor(region_args *k, sten *t) {
    if (t->q || t->lens || t->rec || !t->t.storage || t->number) k->bad = true;
    put1(k, 'T');
    put1(k, t->t.dtype);
    put1(k, t->t.rank);
    if (k->mode == MODE_SIZES) put(k, t->t.dims, (size_t)t->t.rank * sizeof *t->t.dims);
    else
        for (int i = 0; i < t->t.rank; i++) put1(k, t->t.dims[i] < 2 ? (int)t->t.dims[i] : 2);
    k->ntensors++;
    add_leaf(k, sv_of(t));
}

static void scan(region_args *k, sv v, int depth) {
    if (depth > 16) k->bad = true;
    if (k->bad) return;
    switch (v.tag) {
    case SV_TENSOR: scan_tensor(k, (sten *)v.o); break;
    case SV_INT:
    case SV_FLOAT:
        put1(k, v.tag == SV_INT ? 'I' : 'F');
        k->nnumbers++;
        if (k->mode == MODE_OPEN) add_leaf(k, v);
        else put(k, &v.i, sizeof v.i);
        break;
    case SV_BOOL: put1(k, v.b ? '+' : '-'); break;
    case SV_NONE: put1(k, 'N'); break;
    case SV_STR:
    case SV_DEVICE:
        put1(k, 'S');
        put(k, sv_string(v)->data, sv_string(v)->len + 1);
        break;
    case SV_LIST:
        put1(k, '[');
        put(k, &sv_list(v)->count, sizeof(size_t));
        for (size_t i = 0; i < sv_list(v)->count; i++) scan(k, sv_list(v)->items[i], depth + 1);
        break;
    case SV_TUPLE:
        put1(k, '(');
        put(k, &sv_tuple(v)->n, sizeof(int));
        for (int i = 0; i < sv_tuple(v)->n; i++) scan(k, sv_tuple(v)->items[i], depth + 1);
        break;
    case SV_OBJECT: /* the module and its parts are what they are; others have a life of their own */
        if (!v.o->shared) k->bad = true;
        put1(k, 'O');
        put(k, &v.o, sizeof v.o);
        break;
    case SV_ENUM:
        put1(k, 'E');
        put(k, &v.o, sizeof v.o);
        put(k, &((senum *)v.o)->name, sizeof(char *)); /* another may have come to the same place */
        break;
    default: k->bad = true;
    }
}

void region_scan(region_args *k, int mode, int n, const sv *args) {
    k->n = 0;
    k->mode = mode;
    k->nleaves = k->ntensors = k->nnumbers = 0;
    k->bad = false;
    put1(k, mode);
    for (int i = 0; i < n; i++) scan(k, args[i], 0);
}
