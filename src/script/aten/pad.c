/* SPDX-License-Identifier: MIT
 *
 * Padding: by a constant, by reflection, by the edge, around the circle. The list names the last axis first, two
 * numbers an axis; negative numbers cut.
 */
#include "script/aten/shape_util.h"

#include <string.h>

enum { REFLECT, REPLICATE, CIRCULAR, CONSTANT }; /* at::padding_mode */

typedef struct padding {
    sv before[NARU_MAX_RANK], after[NARU_MAX_RANK];
    int n; /* numbers given */
} padding;

static bool read_padding(lower *L, const sten *t, padding *p) {
    sv list = arg(L, 1), given[2 * NARU_MAX_RANK];
    const slist *l = sv_list(list);
    int rank = t_rank(L, t);
    p->n = l ? (int)i64_min((int64_t)l->count, INT32_MAX) : 0;
    bool general = strcmp(L->op->schema->name, "aten::pad") == 0; /* says it in other words */
    if (lower_ok(L) && p->n % 2 && general) lower_raise(L, "RuntimeError", "Padding length must be divisible by 2");
    if (lower_ok(L) && p->n > 2 * rank && general)
        lower_raise(L, "RuntimeError",
                    "Padding length should be less than or equal to two times the input dimension but got padding "
                    "length %d and input of dimension %d",
                    p->n, rank);
    if (lower_ok(L) && p->n % 2)
        lower_raise(L, "RuntimeError", "Length of pad must be even but instead it equals %d", p->n);
    if (lower_ok(L) && p->n > 2 * rank)
        lower_raise(L, "RuntimeError",
                    "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
                    "%dwhile the input has %ddimensions.",
                    p->n, rank);
    if (!lower_ok(L)) return false;
    for (int i = 0; i < p->n; i++) {
        given[i] = l->items[i].tag == SV_TENSOR ? item(L, sv_tensor(l->items[i])) : l->items[i];
        if (lower_ok(L) && given[i].tag != SV_INT && given[i].tag != SV_SYM)
            lower_raise(L, "RuntimeError", "pad must be a list of ints");
    }
    for (int i = 0; i < rank; i++) {
        int at = 2 * (rank - 1 - i);
        p->before[i] = at < p->n ? given[at] : sv_int(0);
        p->after[i] = at < p->n ? given[at + 1] : sv_int(0);
    }
    return lower_ok(L);
}

static bool negative(sv v) { return s_known(v) && v.i < 0; }

static void check_size(lower *L, sten *t, int axis, const padding *p) {
    sv n = t_dim(L, t, axis), a = p->before[axis], b = p->after[axis];
    int64_t all;
    if (!lower_ok(L) || !s_known(n) || !s_known(a) || !s_known(b)) return;
    if (i64_add(n.i, a.i, &all) && i64_add(all, b.i, &all) && all >= 0 && a.i > -INT64_MAX && b.i > -INT64_MAX) return;
    lower_raise(
        L, "RuntimeError",
        "The input size %lld, plus negative padding %lld and %lld, resulted in a negative output size, which is "
        "invalid. Check dimension %d of your input.",
        (long long)n.i, (long long)a.i, (long long)b.i, axis);
}

static void ret_constant(lower *L, sten *fill) {
    sten *t = arg_tensor(L, 0);
    padding p;
    if (!read_padding(L, t, &p)) return;
    for (int i = 0; i < t_rank(L, t); i++) check_size(L, t, i, &p);
    ret_tensor(L, p.n == 0 ? fresh(L, t) : pad_constant(L, t, p.before, p.after, fill));
}
void aten_constant_pad_nd(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_constant(L, scalar_tensor(L, arg_scalar(L, 2), t_dtype(L, t)));
}

/* ---- the other modes ---- */
static sten *cut(lower *L, sten *t, padding *p) { /* negative pads first */
    for (int i = 0; i < t_rank(L, t); i++) {
        sv from = sv_int(0), to = sv_int(INT64_MAX);
        if (!negative(p->before[i]) && !negative(p->after[i])) continue;
        check_size(L, t, i, p);
        if (!lower_ok(L)) return NULL;
        if (negative(p->before[i])) from = sv_int(-p->before[i].i), p->before[i] = sv_int(0);
        if (negative(p->after[i])) to = p->after[i], p->after[i] = sv_int(0);
        t = view_slice(L, t, i, from, to, 1);
    }
    return t;
}

static void check_reach(lower *L, sten *t, const padding *p, int mode) {
    for (int i = 0; lower_ok(L) && i < t_rank(L, t); i++) {
        sv n = t_dim(L, t, i), a = p->before[i], b = p->after[i];
        if (!s_known(n) || !s_known(a) || !s_known(b)) continue;
        if (mode == REFLECT && (a.i >= n.i || b.i >= n.i) && (a.i > 0 || b.i > 0)) {
            sv s[NARU_MAX_RANK];
            char text[200];
            sizes_text(sizes_of(L, t, s), s, text, sizeof text);
            lower_raise(L, "RuntimeError",
                        "Argument #4: Padding size should be less than the corresponding input dimension, but got: "
                        "padding (%lld, %lld) at dimension %d of input %s",
                        (long long)a.i, (long long)b.i, i, text);
        }
        if (mode == CIRCULAR && (a.i > n.i || b.i > n.i))
            lower_raise(L, "RuntimeError", "Padding value causes wrapping around more than once.");
    }
}

static sten *padded(lower *L, sten *t, int mode) {
    static const char *const names[] = {"reflect", "edge", "wrap"};
    padding p;
    sv pads[2 * NARU_MAX_RANK];
    if (!read_padding(L, t, &p)) return NULL;
    int rank = t_rank(L, t);
    if (mode == CIRCULAR) check_reach(L, t, &p, mode);
    t = cut(L, t, &p);
    if (mode == REFLECT) check_reach(L, t, &p, mode);
    for (int i = 0; i < rank; i++) pads[i] = p.before[i], pads[rank + i] = p.after[i];
    return moved(L, EMITA(Pad, ATTRS(AS("mode", names[mode])), t, ints_tensor(L, pads, 2 * rank)), t);
}

static void ret_padded(lower *L, int mode) {
    sten *t = arg_tensor(L, 0);
    const slist *l = sv_list(arg(L, 1));
    int rank = t_rank(L, t), n = l ? (int)l->count : 0;
    bool fits = (n == 2 && (rank == 2 || rank == 3)) || (n == 4 && (rank == 3 || rank == 4)) ||
                (n == 6 && (rank == 4 || rank == 5));
    if (lower_ok(L) && !fits)
        lower_raise(L, "NotImplementedError", "Padding size %d is not supported for %dD input tensor.", n, rank);
    ret_tensor(L, padded(L, t, mode));
}

void aten__pad_circular(lower *L) { ret_tensor(L, padded(L, arg_tensor(L, 0), CIRCULAR)); }
void aten_reflection_pad(lower *L) { ret_tensor(L, padded(L, arg_tensor(L, 0), REFLECT)); }
void aten_replication_pad(lower *L) { ret_tensor(L, padded(L, arg_tensor(L, 0), REPLICATE)); }

static void ret_by_mode(lower *L, int mode, const char *name) { /* value: argument 3 */
    sten *t = arg_tensor(L, 0);
    double v = arg_float_or(L, 3, 0);
    if (mode == CONSTANT) {
        ret_constant(L, scalar_tensor(L, sv_float(v), t_dtype(L, t)));
        return;
    }
    if (lower_ok(L) && v != 0)
        lower_raise(L, "RuntimeError", "Padding mode \"%s\" doesn't take in value argument", name);
    ret_padded(L, mode);
}

void aten_pad(lower *L) {
    static const char *const names[] = {"reflect", "replicate", "circular", "constant"};
    const char *mode = arg_str(L, 2);
    for (int i = 0; i < 4; i++)
        if (strcmp(mode, names[i]) == 0) {
            ret_by_mode(L, i, mode);
            return;
        }
    if (lower_ok(L)) lower_raise(L, "NotImplementedError", "Unrecognised padding mode %s", mode);
}

void aten__pad_enum(lower *L) {
    int64_t mode = arg_int(L, 2);
    if (lower_ok(L) && (mode < REFLECT || mode > CONSTANT))
        lower_raise(L, "NotImplementedError", "Unrecognised padding mode %lld", (long long)mode);
    if (lower_ok(L)) ret_by_mode(L, (int)mode, "of that number");
}

/* Sequences of different lengths as one tensor. */
void aten_pad_sequence(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    bool batch_first = arg_bool(L, 1), left = strcmp(arg_str(L, 3), "left") == 0;
    if (lower_ok(L) && n == 0) lower_raise(L, "RuntimeError", "received an empty list of sequences");
    if (!lower_ok(L)) return;
    naru_dtype d = t_dtype(L, t[0]);
    sten *fill = scalar_tensor(L, sv_float(arg_float(L, 2)), d);
    sv most = sv_int(0);
    for (int i = 0; i < n; i++) {
        if (lower_ok(L) && t_rank(L, t[i]) == 0)
            lower_raise(L, "RuntimeError", "received a sequence without dimensions");
        most = i ? s_max(L, most, t_dim(L, t[i], 0)) : t_dim(L, t[i], 0);
    }
    for (int i = 0; lower_ok(L) && i < n; i++) {
        sv before[NARU_MAX_RANK], after[NARU_MAX_RANK], missing = s_sub(L, most, t_dim(L, t[i], 0));
        for (int k = 0; k < t_rank(L, t[i]); k++) before[k] = after[k] = sv_int(0);
        *(left ? before : after) = missing;
        t[i] = pad_constant(L, cast(L, t[i], d), before, after, fill);
    }
    ret_tensor(L, stacked(L, n, t, batch_first ? 0 : 1));
}
