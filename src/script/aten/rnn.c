/* SPDX-License-Identifier: MIT
 *
 * Recurrent layers over whole sequences: lstm, gru, rnn_tanh, rnn_relu, plain and packed. Each layer is one LSTM, GRU
 * or RNN operator whose weights have their gates put in its order (PyTorch: LSTM i f g o, GRU r z n). A packed
 * sequence, whose batch shrinks as sequences end, is cut into stretches of equal batch; each runs by itself and hands
 * its states on. Layers with projections walk step by step.
 */
#include "script/aten/arith.h"
#include "script/aten/rnn.h"
#include "script/kept.h"

typedef struct cell {
    const char *name;
    const op_desc *op;
    int gates;
    int order[4];
    const char *activation; /* NULL: the operator's defaults */
} cell;

static const cell k_lstm = {"lstm", &op_LSTM, 4, {0, 3, 1, 2}, NULL};
static const cell k_gru = {"gru", &op_GRU, 3, {1, 0, 2}, NULL};
static const cell k_tanh = {"rnn", &op_RNN, 1, {0}, NULL};
static const cell k_relu = {"rnn", &op_RNN, 1, {0}, "Relu"};

typedef struct net {
    const cell *cell;
    sten *x;       /* [time, batch, features]; packed: [rows, features] */
    sten *h0, *c0; /* [layers * dirs, batch, hidden]; c0: LSTM only */
    sten **params;
    int per; /* parameters of one layer and direction */
    bool biases, projects, train;
    double dropout;
    int layers, dirs;
    sten *lens;           /* packed and recorded: x is padded to [time, batch, features], these are the lengths */
    const int64_t *sizes; /* packed: batch at each step, falling; NULL: not packed */
    int64_t steps;
} net;

typedef struct state {
    sten *h, *c;
} state;

/* ---- weights ---- */
typedef struct gates {
    sten *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;
} gates;

static gates gates_of(const net *n, int layer, int dir) {
    sten **p = n->params + (size_t)(layer * n->dirs + dir) * (size_t)n->per;
    return (gates){p[0], p[1], n->biases ? p[2] : NULL, n->biases ? p[3] : NULL, n->projects ? p[n->per - 1] : NULL};
}

static sten *in_order(lower *L, const cell *c, sten *w) {
    sten *part[4];
    if (c->gates == 1) return w;
    sv h = s_floordiv(L, t_dim(L, w, 0), sv_int(c->gates));
    for (int g = 0; g < c->gates; g++)
        part[g] = view_slice(L, w, 0, s_mul(L, h, sv_int(c->order[g])), s_mul(L, h, sv_int(c->order[g] + 1)), 1);
    return nn_concat(L, 0, c->gates, part);
}

/* W, R and B of the operator for `dirs` directions from `dir` on. */
static void prepare(lower *L, const net *n, int layer, int dir, int dirs, sten **made) {
    sten *from[KEPT_MAX_FROM] = {NULL}, *part[3][2];
    int k = 0, nmade = n->biases ? 3 : 2;
    for (int d = 0; d < dirs; d++) {
        gates g = gates_of(n, layer, dir + d);
        from[k++] = g.w_ih, from[k++] = g.w_hh, from[k++] = g.b_ih, from[k++] = g.b_hh;
    }
    made[2] = NULL;
    if (kept_find(L, n->cell->name, k, from, nmade, made)) return;
    for (int d = 0; d < dirs && lower_ok(L); d++) {
        gates g = gates_of(n, layer, dir + d);
        part[0][d] = view_unsqueeze(L, in_order(L, n->cell, g.w_ih), 0);
        part[1][d] = view_unsqueeze(L, in_order(L, n->cell, g.w_hh), 0);
        if (!n->biases) continue;
        sten *both[2] = {in_order(L, n->cell, g.b_ih), in_order(L, n->cell, g.b_hh)};
        part[2][d] = view_unsqueeze(L, nn_concat(L, 0, 2, both), 0);
    }
    for (int i = 0; i < nmade && lower_ok(L); i++) made[i] = contiguous(L, nn_concat(L, 0, dirs, part[i]));
    kept_store(L, n->cell->name, k, from, nmade, made);
}

/* ---- one layer over one stretch ---- */
static sten *layer_op(lower *L, const net *n, int layer, int dir, int dirs, sten *x, state *s) {
    sten *in[7] = {x}, *out[3] = {NULL, NULL, NULL};
    const cell *c = n->cell;
    bool lstm = c->op == &op_LSTM;
    prepare(L, n, layer, dir, dirs, in + 1);
    if (!lower_ok(L)) return NULL;
    in[4] = n->lens;
    in[5] = s->h, in[6] = s->c;
    sv hidden = t_dim(L, in[2], 2);
    const la none = {NULL, ATTR_NONE, 0, 0, NULL, NULL, 0};
    const la size = hidden.tag == SV_INT ? (la)AI("hidden_size", hidden.i) : none;
    const la act = c->activation ? (la)AR("activations", c->activation, dirs) : none;
    lower_opn(L, c->op,
              ATTRS(AS("direction", dirs == 2 ? "bidirectional"
                                    : dir     ? "reverse"
                                              : "forward"),
                    c->op == &op_GRU ? (la)AI("linear_before_reset", 1)
                    : act.name       ? act
                                     : size,
                    size),
              lstm ? 7 : 6, in, lstm ? 3 : 2, out);
    s->h = out[1], s->c = out[2];
    return out[0]; /* [time, dirs, batch, hidden] */
}

/* [time, dirs, batch, hidden] -> [time, batch, dirs * hidden] */
static sten *side_by_side(lower *L, sten *y, int dirs) {
    if (dirs == 1) return view_squeeze(L, y, 1, (int64_t[]){1});
    sv dims[3] = {t_dim(L, y, 0), t_dim(L, y, 2), s_mul(L, t_dim(L, y, 3), sv_int(dirs))};
    return nn_reshape(L, view_permute(L, y, (int64_t[]){0, 2, 1, 3}), 3, dims);
}

/* With projections and a time that is known later: one step, state h, c; user: the walker. */
typedef struct walker {
    const gates *g;
    sten *gx;
    sv steps;
    bool back;
} walker;

static void walk_step(lower *L, void *user, sten *i, sten **hc, sten **kept, sten **more) {
    const walker *w = user;
    sten *last = scalar_tensor(L, s_sub(L, w->steps, sv_int(1)), NARU_INT64);
    sten *x = EMITA(Gather, ATTRS(AI("axis", 0)), w->gx, w->back ? EMIT(Sub, last, i) : i);
    rnn_lstm_step(L, x, w->g->w_hh, w->g->b_hh, &hc[0], &hc[1]);
    *kept = hc[0] = nn_linear(L, hc[0], w->g->w_hr, NULL);
}

static sten *walk_later(lower *L, const gates *g, sten *gx, sv steps, int dir, state *s) {
    walker w = {g, gx, steps, dir != 0};
    sten *states[2] = {view_select(L, s->h, 0, sv_int(0)), view_select(L, s->c, 0, sv_int(0))}, *y = NULL;
    lower_repeat(L, steps, 2, states, walk_step, &w, &y);
    s->h = view_unsqueeze(L, states[0], 0), s->c = view_unsqueeze(L, states[1], 0);
    if (dir && y) { /* the last step came first */
        sten *minus = lit_ints(L, (int64_t[]){-1}, 1);
        y = EMIT(Slice, y, minus, lit_ints(L, (int64_t[]){INT64_MIN}, 1), lit_ints(L, (int64_t[]){0}, 1), minus);
    }
    return y;
}

/* With projections: x [time, batch, in]; states [1, batch, ...]. */
static sten *walk(lower *L, const net *n, int layer, int dir, sten *x, state *s) {
    gates g = gates_of(n, layer, dir);
    sv time = t_dim(L, x, 0);
    sten *gx = nn_linear(L, x, g.w_ih, g.b_ih);
    if (time.tag == SV_SYM) return walk_later(L, &g, gx, time, dir, s);
    int64_t steps = s_need(L, time);
    sten **y = host_scratch(L, ((size_t)steps + 1) * sizeof *y);
    sten *h = view_select(L, s->h, 0, sv_int(0)), *c = view_select(L, s->c, 0, sv_int(0));
    for (int64_t i = 0; i < steps && lower_ok(L); i++) {
        int64_t t = dir ? steps - 1 - i : i;
        rnn_lstm_step(L, view_select(L, gx, 0, sv_int(t)), g.w_hh, g.b_hh, &h, &c);
        h = nn_linear(L, h, g.w_hr, NULL);
        y[t] = view_unsqueeze(L, h, 0);
    }
    if (!lower_ok(L)) return NULL;
    s->h = view_unsqueeze(L, h, 0), s->c = view_unsqueeze(L, c, 0);
    return nn_concat(L, 0, (int)steps, y);
}

/* One direction: x [time, batch, in] -> [time, batch, hidden]. */
static sten *stretch(lower *L, const net *n, int layer, int dir, sten *x, state *s) {
    if (n->projects) return walk(L, n, layer, dir, x, s);
    return side_by_side(L, layer_op(L, n, layer, dir, 1, x, s), 1);
}

/* ---- packed ---- */
typedef struct piece {
    int64_t row, steps, batch; /* rows of the data from `row` on */
} piece;

static int cut(lower *L, const net *n, piece **out) {
    piece *p = host_scratch(L, ((size_t)n->steps + 1) * sizeof *p);
    int k = 0;
    int64_t row = 0;
    if (!p) return 0;
    for (int64_t t = 0; t < n->steps; row += n->sizes[t++]) {
        if (k && p[k - 1].batch == n->sizes[t]) p[k - 1].steps++;
        else p[k++] = (piece){row, 1, n->sizes[t]};
    }
    *out = p;
    return k;
}

static sten *rows_of(lower *L, sten *t, int64_t from, int64_t to) {
    return t ? view_slice(L, t, 1, sv_int(from), sv_int(to), 1) : NULL;
}

static state state_rows(lower *L, const state *s, int64_t from, int64_t to) {
    return (state){rows_of(L, s->h, from, to), rows_of(L, s->c, from, to)};
}

static state joined(lower *L, state a, state b) { /* along the batch */
    sten *h[2] = {a.h, b.h}, *c[2] = {a.c, b.c};
    return (state){nn_concat(L, 1, 2, h), a.c ? nn_concat(L, 1, 2, c) : NULL};
}

/* One direction over all pieces of data x [rows, in]; *s: initial, then final states of the whole batch. */
static sten *pieces(lower *L, const net *n, int layer, int dir, sten *x, state *s) {
    piece *p = NULL;
    int k = cut(L, n, &p);
    sten **y = host_scratch(L, ((size_t)k + 1) * sizeof *y);
    state first = *s, now = {NULL, NULL}, done = {NULL, NULL};
    sv in = t_dim(L, x, 1);
    for (int i = 0; i < k && lower_ok(L); i++) {
        int at = dir ? k - 1 - i : i;
        int64_t rows = p[at].steps * p[at].batch, before = i == 0 ? 0 : p[dir ? at + 1 : at - 1].batch;
        sten *part = view_slice(L, x, 0, sv_int(p[at].row), sv_int(p[at].row + rows), 1);
        part = nn_reshape(L, part, 3, (sv[]){sv_int(p[at].steps), sv_int(p[at].batch), in});
        if (i == 0) now = state_rows(L, &first, 0, p[at].batch);
        else if (dir) now = joined(L, now, state_rows(L, &first, before, p[at].batch)); /* sequences that join */
        else { /* sequences that ended, shortest last in the batch */
            state ended = state_rows(L, &now, p[at].batch, before);
            done = done.h ? joined(L, ended, done) : ended;
            now = state_rows(L, &now, 0, p[at].batch);
        }
        sten *r = stretch(L, n, layer, dir, part, &now);
        y[at] = nn_reshape(L, r, 2, (sv[]){sv_int(rows), t_dim(L, r, 2)});
    }
    *s = done.h ? joined(L, now, done) : now;
    return nn_concat(L, 0, k, y);
}

/* ---- layers ---- */
static sten *drop(lower *L, const net *n, sten *x, int layer) {
    sv out[1], args[3] = {sv_of(x), sv_float(n->dropout), sv_bool(true)};
    if (!n->train || n->dropout == 0 || layer + 1 == n->layers) return x;
    if (lower_ok(L)) lower_call(L, aten_dropout, 3, args, 1, out);
    return lower_ok(L) ? sv_tensor(out[0]) : NULL;
}

static sten *run_layer(lower *L, const net *n, int layer, sten *x, state *s) {
    int at = layer * n->dirs;
    state whole = {view_slice(L, n->h0, 0, sv_int(at), sv_int(at + n->dirs), 1),
                   n->c0 ? view_slice(L, n->c0, 0, sv_int(at), sv_int(at + n->dirs), 1) : NULL};
    if (!n->sizes && !n->projects) {
        *s = whole;
        return side_by_side(L, layer_op(L, n, layer, 0, n->dirs, x, s), n->dirs);
    }
    sten *y[2], *h[2], *c[2] = {NULL, NULL};
    for (int d = 0; d < n->dirs && lower_ok(L); d++) {
        state one = {view_slice(L, whole.h, 0, sv_int(d), sv_int(d + 1), 1),
                     n->c0 ? view_slice(L, whole.c, 0, sv_int(d), sv_int(d + 1), 1) : NULL};
        y[d] = n->sizes ? pieces(L, n, layer, d, x, &one) : stretch(L, n, layer, d, x, &one);
        h[d] = one.h, c[d] = one.c;
    }
    if (!lower_ok(L)) return NULL;
    *s = (state){nn_concat(L, 0, n->dirs, h), n->c0 ? nn_concat(L, 0, n->dirs, c) : NULL};
    return nn_concat(L, n->sizes ? 1 : 2, n->dirs, y);
}

static void run_net(lower *L, net *n, sten **y, state *last) {
    sten **h = host_scratch(L, (size_t)n->layers * sizeof *h), **c = host_scratch(L, (size_t)n->layers * sizeof *c);
    *y = n->x;
    for (int i = 0; i < n->layers && lower_ok(L); i++) {
        state s = {NULL, NULL};
        *y = drop(L, n, run_layer(L, n, i, *y, &s), i);
        h[i] = s.h, c[i] = s.c;
    }
    if (!lower_ok(L)) return;
    last->h = nn_concat(L, 0, n->layers, h);
    last->c = n->c0 ? nn_concat(L, 0, n->layers, c) : NULL;
}

/* ---- arguments ---- */
static void read_states(lower *L, net *n, int i) {
    sten **hx;
    if (n->cell->op != &op_LSTM) {
        n->h0 = arg_tensor(L, i);
        return;
    }
    int k = arg_tensors(L, i, &hx);
    if (!lower_ok(L)) return;
    if (k != 2) {
        lower_raise(L, "RuntimeError", "lstm expects two hidden states");
        return;
    }
    n->h0 = hx[0], n->c0 = hx[1];
}

/* params, has_biases, num_layers, dropout, train, bidirectional from `i` on. */
static void read_net(lower *L, net *n, int i) {
    int given = arg_tensors(L, i, &n->params);
    n->biases = arg_bool(L, i + 1);
    int64_t layers = arg_int(L, i + 2);
    n->dropout = arg_float(L, i + 3);
    n->train = arg_bool(L, i + 4);
    n->dirs = arg_bool(L, i + 5) ? 2 : 1;
    if (!lower_ok(L)) return;
    bool some = layers > 0 && layers < 1 << 16;
    int64_t all = some ? layers * n->dirs : 0;
    n->per = some ? (int)(given / all) : 0;
    int plain = n->biases ? 4 : 2;
    n->projects = n->cell->op == &op_LSTM && n->per == plain + 1;
    n->layers = (int)layers;
    if (n->per != plain + n->projects || (int64_t)n->per * all != given)
        lower_raise(L, "RuntimeError", "%s: %d parameters do not make %lld layers", n->cell->name, given,
                    (long long)layers);
    for (int k = 0; k < given && lower_ok(L); k++)
        if (!n->params[k]) lower_raise(L, "RuntimeError", "%s: a parameter is None", n->cell->name);
}

static sten *with_batch(lower *L, sten *t, bool single) { return t && single ? view_unsqueeze(L, t, 1) : t; }
static sten *without_batch(lower *L, sten *t, bool single) {
    return single ? view_squeeze(L, t, 1, (int64_t[]){1}) : t;
}

static void plain(lower *L, const cell *c) { /* (input, hx, params, ..., bidirectional, batch_first) */
    net n = {.cell = c, .x = arg_tensor(L, 0)};
    read_states(L, &n, 1);
    read_net(L, &n, 2);
    bool batch_first = arg_bool(L, 8), single = t_rank(L, n.x) == 2;
    if (!lower_ok(L)) return;
    if (t_rank(L, n.x) != 3 && !single) {
        lower_raise(L, "RuntimeError", "%s: Expected input to be 2D or 3D, got %dD instead", c->name, t_rank(L, n.x));
        return;
    }
    n.x = with_batch(L, n.x, single), n.h0 = with_batch(L, n.h0, single && t_rank(L, n.h0) == 2);
    if (n.c0) n.c0 = with_batch(L, n.c0, single && t_rank(L, n.c0) == 2);
    if (batch_first && !single) n.x = view_transpose(L, n.x, 0, 1);
    sten *y = NULL;
    state last = {NULL, NULL};
    run_net(L, &n, &y, &last);
    y = batch_first && !single ? view_transpose(L, y, 0, 1) : without_batch(L, y, single);
    ret_tensor(L, y);
    ret_tensor(L, without_batch(L, last.h, single));
    if (n.c0) ret_tensor(L, without_batch(L, last.c, single));
}

static void packed(lower *L, const cell *c) { /* (data, batch_sizes, hx, params, ..., bidirectional) */
    net n = {.cell = c, .x = arg_tensor(L, 0)};
    sten *sizes = arg_tensor(L, 1), *y = NULL;
    read_states(L, &n, 2);
    read_net(L, &n, 3);
    state last = {NULL, NULL};
    if (ar_for_export(L) && lower_ok(L)) {
        rnn_plane p = rnn_plane_of(L, sizes, t_dim(L, n.h0, 1));
        n.x = rnn_spread(L, &p, n.x, sv_float(0));
        n.lens = cast(L, p.lens, NARU_INT32);
        if (n.projects) lower_fail(L, NARU_UNSUPPORTED, "%s with projections of a packed sequence", c->name);
        run_net(L, &n, &y, &last);
        ret_tensor(L, rnn_rows(L, &p, y));
        ret_tensor(L, last.h);
        if (n.c0) ret_tensor(L, last.c);
        return;
    }
    if (!eager_only(L)) return;
    n.sizes = host_i64(L, sizes);
    n.steps = host_count(sizes);
    int64_t rows = 0, data = t_dim_int(L, n.x, 0);
    for (int64_t t = 0; n.sizes && t < n.steps && rows <= data; t++) {
        bool falls = n.sizes[t] > 0 && n.sizes[t] <= (t ? n.sizes[t - 1] : data);
        rows = falls ? rows + n.sizes[t] : data + 1;
    }
    if (lower_ok(L) && (rows != data || n.steps == 0 || t_rank(L, n.x) != 2))
        lower_raise(L, "RuntimeError", "%s: batch_sizes do not fit the packed data", c->name);
    run_net(L, &n, &y, &last);
    ret_tensor(L, y);
    ret_tensor(L, last.h);
    if (n.c0) ret_tensor(L, last.c);
}

void aten_lstm(lower *L) { plain(L, &k_lstm); }
void aten_lstm_packed(lower *L) { packed(L, &k_lstm); }
void aten_gru(lower *L) { plain(L, &k_gru); }
void aten_gru_packed(lower *L) { packed(L, &k_gru); }
void aten_rnn_tanh(lower *L) { plain(L, &k_tanh); }
void aten_rnn_tanh_packed(lower *L) { packed(L, &k_tanh); }
void aten_rnn_relu(lower *L) { plain(L, &k_relu); }
void aten_rnn_relu_packed(lower *L) { packed(L, &k_relu); }
