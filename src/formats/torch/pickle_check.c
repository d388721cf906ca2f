/* SPDX-License-Identifier: MIT
 *
 * Bounds of a parsed pickle, by one depth-first walk without recursion that visits every node once.
 */
#include "formats/torch/pickle_check.h"

#include "base/mem.h"

enum { FIXED_CHILDREN = 3, IN_PROGRESS = UINT32_MAX };

typedef struct frame {
    const pk *node;
    size_t next;       /* child to look at */
    uint32_t height;   /* of the highest child so far */
    uint64_t unfolded; /* nodes of the children so far */
} frame;

typedef struct walk {
    frame *frames; /* depth + 1 of them */
    size_t used, depth, limit;
    uint32_t *height;   /* by id; 0: not seen */
    uint64_t *unfolded; /* by id */
    naru_error *err;
} walk;

static bool has_pairs(const pk *p) { return p->kind == PK_DICT || p->has_pairs; }

static size_t child_count(const pk *p) {
    switch (p->kind) {
    case PK_LIST:
    case PK_TUPLE:
    case PK_SET:
    case PK_DICT:
    case PK_REDUCE:
    case PK_OBJECT:
    case PK_PERSID: return FIXED_CHILDREN + (size_t)p->count * (has_pairs(p) ? 2 : 1);
    default: return 0;
    }
}

/* NULL where there is none. */
static const pk *child(const pk *p, size_t i) {
    if (i == 0) return p->callee;
    if (i == 1) return p->args;
    if (i == 2) return p->state;
    i -= FIXED_CHILDREN;
    if (!has_pairs(p)) return p->items[i];
    return i % 2 ? p->pairs[i / 2].value : p->pairs[i / 2].key;
}

static naru_status fail(walk *w, const pk *p, const char *what, size_t limit) {
    return err_at(w->err, NARU_LIMIT, p->offset, "at byte %u of the pickle: %s %zu", p->offset, what, limit);
}

static naru_status enter(walk *w, const pk *p) {
    if (w->used == w->depth) return fail(w, p, "objects within objects, deeper than", w->depth);
    w->height[p->id] = IN_PROGRESS;
    w->frames[w->used++] = (frame){.node = p};
    return NARU_OK;
}

/* A finished child's measures go into its parent's. */
static naru_status count_child(walk *w, frame *f, const pk *c) {
    uint32_t h = w->height[c->id];
    if (h > f->height) f->height = h;
    f->unfolded += w->unfolded[c->id];
    if (f->unfolded >= w->limit) return fail(w, f->node, "shared objects unfold to more than", w->limit);
    if (f->height >= w->depth) return fail(w, f->node, "objects within objects, deeper than", w->depth);
    return NARU_OK;
}

static naru_status advance(walk *w) {
    frame *f = &w->frames[w->used - 1];
    if (f->next == child_count(f->node)) {
        w->height[f->node->id] = f->height + 1;
        w->unfolded[f->node->id] = f->unfolded + 1;
        w->used--;
        return w->used ? count_child(w, &w->frames[w->used - 1], f->node) : NARU_OK;
    }
    const pk *c = child(f->node, f->next++);
    if (!c) return NARU_OK;
    if (w->height[c->id] == IN_PROGRESS)
        return err_at(w->err, NARU_BAD_FILE, c->offset, "at byte %u of the pickle: %s contains itself", c->offset,
                      pk_kind_text(c));
    return w->height[c->id] ? count_child(w, f, c) : enter(w, c);
}

static naru_status run(walk *w, const pk *root) {
    TRY(enter(w, root));
    while (w->used) TRY(advance(w));
    return NARU_OK;
}

naru_status pickle_check(const pk *root, size_t count, size_t depth, size_t unfolded, naru_error *err) {
    walk w = {.depth = depth, .limit = unfolded, .err = err};
    w.frames = mem_calloc(depth + 1, sizeof *w.frames);
    w.height = mem_calloc(count, sizeof *w.height);
    w.unfolded = mem_calloc(count, sizeof *w.unfolded);
    naru_status st = w.frames && w.height && w.unfolded ? run(&w, root) : err_oom(err);
    mem_free(w.frames);
    mem_free(w.height);
    mem_free(w.unfolded);
    return st;
}
