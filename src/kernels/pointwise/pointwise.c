/* SPDX-License-Identifier: MIT
 *
 * The tile loop of pointwise programs: cuts a range of elements into tiles, gathers and scatters the views that are not
 * dense in a tile, and calls one instruction after the other. No arithmetic here (ref.c and pointwise_tmpl.h).
 */
#include "kernels/pointwise/pointwise.h"

#include <assert.h>
#include <string.h>

enum {
    SIZE_f = 4,
    SIZE_d = 8,
    SIZE_i = 4,
    SIZE_l = 8,
    SIZE_s = 1,
    SIZE_u = 1,
    SIZE_h = 2,
    SIZE_b = 2,
    SIZE_m = 1,
    SIZE_1 = 1,
    SIZE_2 = 2,
    SIZE_4 = 4,
    SIZE_8 = 8
};

typedef struct op_info {
    const char *name;
    uint8_t arity, src, dst;
} op_info;

static const op_info info[K_PW_OPS] = {
#define PW_OP(name, operands, from, to) [K_PW_##name] = {#name, operands, SIZE_##from, SIZE_##to},
#include "kernels/pointwise/ops.def"
#undef PW_OP
};

int k_pw_src_size(k_pw_op op) { return info[op].src; }
int k_pw_dst_size(k_pw_op op) { return info[op].dst; }
int k_pw_arity(k_pw_op op) { return info[op].arity; }
const char *k_pw_name(k_pw_op op) { return info[op].name; }

/* A tile: `rows` rows of `cols` elements, starting at coordinates at[] of the program's dims. */
typedef struct tile {
    int64_t at[K_PW_DIMS];
    int64_t rows, cols;
} tile;

typedef struct slot_state {
    char *ptr;               /* where the slot's elements are in this tile */
    char *scratch;           /* its own memory, NULL for views that never need it */
    int64_t kept_at, kept_n; /* of a row vector: the first column and number of elements that scratch holds */
    int64_t kept_cols;
} slot_state;

int64_t k_pw_workspace(const k_pw_program *p) { return (int64_t)(p->nviews + p->nregs) * K_PW_TILE + 64; }

static void splat(char *d, const char *s, int64_t n, int size) {
    switch (size) {
    case 1: memset(d, *s, (size_t)n); break;
#define FILL(bytes, T)                                                                                                 \
    case bytes: {                                                                                                      \
        T v;                                                                                                           \
        memcpy(&v, s, sizeof v);                                                                                       \
        for (int64_t i = 0; i < n; i++) memcpy(d + i * bytes, &v, sizeof v);                                           \
        break;                                                                                                         \
    }
        FILL(2, uint16_t)
        FILL(4, uint32_t)
        FILL(8, uint64_t)
#undef FILL
    }
}

/* d[i * ds] = s[i * ss], strides in elements. */
static void copy_strided(char *d, int64_t ds, const char *s, int64_t ss, int64_t n, int size) {
    if (ds == 1 && ss == 1) {
        memcpy(d, s, (size_t)(n * size));
        return;
    }
    if (ds == 1 && ss == 0) {
        splat(d, s, n, size);
        return;
    }
    switch (size) {
#define COPY(bytes)                                                                                                    \
    case bytes:                                                                                                        \
        for (int64_t i = 0; i < n; i++) memcpy(d + i * ds * bytes, s + i * ss * bytes, bytes);                         \
        break;
        COPY(1)
        COPY(2)
        COPY(4)
        COPY(8)
#undef COPY
    }
}

static int64_t offset_of(const k_pw_program *p, const k_pw_view *v, const tile *t) {
    int64_t off = 0;
    for (int i = 0; i < p->rank; i++) off += t->at[i] * v->stride[i];
    return off * v->size;
}

static bool is_dense(const k_pw_program *p, const k_pw_view *v, const tile *t) {
    if (t->cols > 1 && v->stride[p->rank - 1] != 1) return false;
    return t->rows == 1 || v->stride[p->rank - 2] == p->dim[p->rank - 1];
}

/* The same for every row: all strides but the last are 0. */
static bool is_row_vector(const k_pw_program *p, const k_pw_view *v) {
    for (int i = 0; i + 1 < p->rank; i++)
        if (v->stride[i] != 0) return false;
    return true;
}

static void gather(const k_pw_program *p, const k_pw_view *v, const tile *t, slot_state *s) {
    int64_t n = t->rows * t->cols, inner = v->stride[p->rank - 1];
    bool row_vector = is_row_vector(p, v);
    if (row_vector && inner == 0 && s->kept_n >= n) return;
    if (row_vector && s->kept_n >= n && s->kept_at == t->at[p->rank - 1] && s->kept_cols == t->cols) return;
    const char *src = (const char *)v->data + offset_of(p, v, t);
    int64_t row_step = t->rows > 1 ? v->stride[p->rank - 2] * v->size : 0;
    for (int64_t r = 0; r < t->rows; r++)
        copy_strided(s->scratch + r * t->cols * v->size, 1, src + r * row_step, inner, t->cols, v->size);
    s->kept_at = t->at[p->rank - 1], s->kept_cols = t->cols;
    s->kept_n = row_vector ? n : 0;
}

static void scatter(const k_pw_program *p, const k_pw_view *v, const tile *t, const slot_state *s) {
    char *dst = (char *)v->data + offset_of(p, v, t);
    int64_t row_step = t->rows > 1 ? v->stride[p->rank - 2] * v->size : 0;
    for (int64_t r = 0; r < t->rows; r++)
        copy_strided(dst + r * row_step, v->stride[p->rank - 1], s->scratch + r * t->cols * v->size, 1, t->cols,
                     v->size);
}

static void run_tile(const k_pointwise *k, const k_pw_program *p, const tile *t, slot_state *slot) {
    bool dense[K_PW_SLOTS];
    for (int i = 0; i < p->nviews; i++) {
        const k_pw_view *v = &p->view[i];
        dense[i] = is_dense(p, v, t);
        if (dense[i]) slot[i].ptr = (char *)v->data + offset_of(p, v, t);
        else {
            slot[i].ptr = slot[i].scratch;
            if (!v->output) gather(p, v, t, &slot[i]);
        }
    }
    int64_t n = t->rows * t->cols;
    for (int i = 0; i < p->nins; i++) {
        const k_pw_ins *ins = &p->ins[i];
        k->fn[ins->op](slot[ins->d].ptr, slot[ins->s[0]].ptr, slot[ins->s[1]].ptr, slot[ins->s[2]].ptr, n, ins);
    }
    for (int i = 0; i < p->nviews; i++)
        if (p->view[i].output && !dense[i]) scatter(p, &p->view[i], t, &slot[i]);
}

/* Elements that fit in a slot: by the widest type that the program touches. */
static int64_t tile_elements(const k_pw_program *p) {
    int widest = 4;
    for (int i = 0; i < p->nviews; i++)
        if (p->view[i].size > widest) widest = p->view[i].size;
    for (int i = 0; i < p->nins; i++)
        if (info[p->ins[i].op].src > widest || info[p->ins[i].op].dst > widest) widest = 8;
    return K_PW_TILE / widest;
}

/* The tile at element `pos`, at most `max` elements, not past `end`: part of a row, or whole rows of one plane. */
static tile cut(const k_pw_program *p, int64_t pos, int64_t end, int64_t max) {
    tile t = {.rows = 1};
    int64_t rest = pos, inner = p->dim[p->rank - 1];
    for (int i = p->rank - 1; i >= 0; i--) t.at[i] = rest % p->dim[i], rest /= p->dim[i];
    int64_t left = end - pos < max ? end - pos : max, col = t.at[p->rank - 1];
    t.cols = inner - col < left ? inner - col : left;
    if (col == 0 && t.cols == inner && p->rank > 1) {
        int64_t plane = p->dim[p->rank - 2] - t.at[p->rank - 2];
        t.rows = left / inner < plane ? left / inner : plane;
    }
    return t;
}

void k_pw_run(const k_pointwise *k, const k_pw_program *p, int64_t begin, int64_t end, void *workspace) {
    assert(p->nviews + p->nregs <= K_PW_SLOTS && p->rank >= 1 && p->rank <= K_PW_DIMS);
    slot_state slot[K_PW_SLOTS];
    char *base = (char *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
    for (int i = 0; i < p->nviews + p->nregs; i++) {
        char *mine = base + (int64_t)i * K_PW_TILE;
        slot[i] = (slot_state){.ptr = mine, .scratch = mine};
    }
    int64_t max = tile_elements(p);
    for (int64_t pos = begin; pos < end;) {
        tile t = cut(p, pos, end, max);
        run_tile(k, p, &t, slot);
        pos += t.rows * t.cols;
    }
}

static bool mergeable(const k_pw_program *p, const k_pw_view *views, int i) {
    for (int v = 0; v < p->nviews; v++)
        if (views[v].stride[i] != views[v].stride[i + 1] * p->dim[i + 1]) return false;
    return true;
}

static void drop_dim(k_pw_program *p, k_pw_view *views, int i) {
    p->rank--;
    for (int j = i; j < p->rank; j++) {
        p->dim[j] = p->dim[j + 1];
        for (int v = 0; v < p->nviews; v++) views[v].stride[j] = views[v].stride[j + 1];
    }
}

void k_pw_collapse(k_pw_program *p, k_pw_view *views) {
    for (int i = p->rank - 1; i >= 0; i--)
        if (p->dim[i] == 1 && p->rank > 1) drop_dim(p, views, i);
    for (int i = p->rank - 2; i >= 0; i--)
        if (mergeable(p, views, i)) {
            p->dim[i + 1] *= p->dim[i];
            drop_dim(p, views, i);
        }
}
