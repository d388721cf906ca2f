/* SPDX-License-Identifier: MIT
 *
 * Recurrent layers whose weights are packed: each product is a dynamic quantized (or float16) linear layer. The input's
 * product is made for the whole sequence at once, the state's at each step.
 */
#include "script/aten/quant.h"
#include "script/aten/rnn.h"

typedef struct net {
    bool lstm;
    sten *x; /* [time, batch, in]; packed: [rows, in] */
    sten *h0, *c0;
    const scustom *const *cells;
    int layers, dirs;
    double dropout;
    bool train;
    const int64_t *sizes; /* packed: batch at each step */
    int64_t steps;
} net;

typedef struct state {
    sten *h, *c;
} state;

static sten *product(lower *L, sten *x, const packed *cell, bool of_state) {
    const packed *p = cell ? packed_of(L, of_state ? cell->hh : cell->ih) : NULL;
    return p ? quant_linear_dynamic(L, x, p, cell->reduced) : NULL;
}

static void step(lower *L, const net *n, const packed *cell, sten *gx, state *s) {
    sten *gh = product(L, s->h, cell, true);
    if (n->lstm) rnn_lstm_combine(L, EMIT(Add, gx, gh), &s->h, &s->c);
    else s->h = rnn_gru_combine(L, gx, gh, s->h);
}

static state rows(lower *L, const state *s, int64_t from, int64_t to) {
    return (state){view_slice(L, s->h, 0, sv_int(from), sv_int(to), 1),
                   s->c ? view_slice(L, s->c, 0, sv_int(from), sv_int(to), 1) : NULL};
}

static state joined(lower *L, state a, state b) {
    sten *h[2] = {a.h, b.h}, *c[2] = {a.c, b.c};
    return (state){nn_concat(L, 0, 2, h), a.c ? nn_concat(L, 0, 2, c) : NULL};
}

/* One direction over a whole batch: x [time, batch, in]; s [batch, hidden]. */
static sten *walk(lower *L, const net *n, const packed *cell, bool back, sten *x, state *s) {
    int64_t steps = t_dim_int(L, x, 0);
    sten *gx = product(L, x, cell, false), **y = lower_ok(L) ? host_scratch(L, ((size_t)steps + 1) * sizeof *y) : NULL;
    for (int64_t i = 0; y && i < steps && lower_ok(L); i++) {
        int64_t t = back ? steps - 1 - i : i;
        step(L, n, cell, view_select(L, gx, 0, sv_int(t)), s);
        y[t] = view_unsqueeze(L, s->h, 0);
    }
    return lower_ok(L) && y ? nn_concat(L, 0, (int)steps, y) : NULL;
}

/* The same over packed rows, whose batch shrinks. */
static sten *walk_packed(lower *L, const net *n, const packed *cell, bool back, sten *x, state *s) {
    sten *gx = product(L, x, cell, false), **y = host_scratch(L, ((size_t)n->steps + 1) * sizeof *y);
    state first = *s, now = {NULL, NULL}, done = {NULL, NULL};
    int64_t row = back ? t_dim_int(L, x, 0) : 0, before = 0;
    for (int64_t i = 0; y && i < n->steps && lower_ok(L); i++) {
        int64_t t = back ? n->steps - 1 - i : i, batch = n->sizes[t];
        if (back) row -= batch;
        if (i == 0) now = rows(L, &first, 0, batch);
        else if (back && batch > before) now = joined(L, now, rows(L, &first, before, batch));
        else if (!back && batch < before) {
            state ended = rows(L, &now, batch, before);
            done = done.h ? joined(L, ended, done) : ended;
            now = rows(L, &now, 0, batch);
        }
        step(L, n, cell, view_slice(L, gx, 0, sv_int(row), sv_int(row + batch), 1), &now);
        y[t] = now.h;
        if (!back) row += batch;
        before = batch;
    }
    if (!lower_ok(L) || !y) return NULL;
    *s = done.h ? joined(L, now, done) : now;
    return nn_concat(L, 0, (int)n->steps, y);
}

static sten *drop(lower *L, const net *n, sten *x, int layer) {
    sv out[1], args[3] = {sv_of(x), sv_float(n->dropout), sv_bool(true)};
    if (!n->train || n->dropout == 0 || layer + 1 == n->layers || !lower_ok(L)) return x;
    lower_call(L, aten_dropout, 3, args, 1, out);
    return lower_ok(L) ? sv_tensor(out[0]) : NULL;
}

static void run_net(lower *L, const net *n, sten **out, state *last) {
    int count = n->layers * n->dirs;
    sten **h = host_scratch(L, (size_t)count * sizeof *h), **c = host_scratch(L, (size_t)count * sizeof *c), *y = n->x;
    for (int i = 0; i < n->layers && lower_ok(L); i++) {
        sten *part[2];
        for (int d = 0; d < n->dirs && lower_ok(L); d++) {
            int at = i * n->dirs + d;
            state s = {view_select(L, n->h0, 0, sv_int(at)), n->c0 ? view_select(L, n->c0, 0, sv_int(at)) : NULL};
            const packed *cell = packed_of(L, n->cells[at]);
            part[d] = n->sizes ? walk_packed(L, n, cell, d, y, &s) : walk(L, n, cell, d, y, &s);
            if (!lower_ok(L)) return;
            h[at] = view_unsqueeze(L, s.h, 0);
            c[at] = s.c ? view_unsqueeze(L, s.c, 0) : NULL;
        }
        if (lower_ok(L)) y = drop(L, n, nn_concat(L, n->sizes ? 1 : 2, n->dirs, part), i);
    }
    if (!lower_ok(L)) return;
    *out = y;
    last->h = nn_concat(L, 0, count, h);
    last->c = n->c0 ? nn_concat(L, 0, count, c) : NULL;
}

/* ---- arguments ---- */
static void read_states(lower *L, net *n, int i) {
    sten **hx;
    if (!n->lstm) {
        n->h0 = arg_tensor(L, i);
        return;
    }
    int k = arg_tensors(L, i, &hx);
    if (lower_ok(L) && k != 2) lower_raise(L, "RuntimeError", "quantized_lstm expects two hidden states");
    if (lower_ok(L)) n->h0 = hx[0], n->c0 = hx[1];
}

/* params, has_biases, num_layers, dropout, train, bidirectional from `i` on. */
static void read_net(lower *L, net *n, int i) {
    const slist *l = sv_list(arg(L, i));
    int64_t layers = arg_int(L, i + 2);
    n->dropout = arg_float(L, i + 3);
    n->train = arg_bool(L, i + 4);
    n->dirs = arg_bool(L, i + 5) ? 2 : 1;
    if (!lower_ok(L)) return;
    if (!l || layers < 1 || layers > 1 << 12 || (int64_t)l->count != layers * n->dirs) {
        lower_raise(L, "RuntimeError", "quantized rnn: the parameters do not make %lld layers", (long long)layers);
        return;
    }
    const scustom **cells = host_scratch(L, l->count * sizeof *cells);
    for (size_t k = 0; cells && k < l->count && lower_ok(L); k++) {
        cells[k] = l->items[k].tag == SV_CUSTOM ? (scustom *)l->items[k].o : NULL;
        const packed *p = cells[k] ? packed_of(L, cells[k]) : NULL;
        if (!p || p->kind != PACKED_CELL)
            lower_raise(L, "RuntimeError", "quantized rnn: a parameter is no packed cell");
    }
    n->cells = cells;
    n->layers = (int)layers;
}

static void finish(lower *L, const net *n, bool swap) {
    sten *y = NULL;
    state last = {NULL, NULL};
    if (lower_ok(L)) run_net(L, n, &y, &last);
    ret_tensor(L, swap ? view_transpose(L, y, 0, 1) : y);
    ret_tensor(L, last.h);
    if (n->lstm) ret_tensor(L, last.c);
}

static void plain(lower *L, bool lstm) { /* (input, hx, params, ..., bidirectional, batch_first, ...) */
    net n = {.lstm = lstm, .x = arg_tensor(L, 0)};
    read_states(L, &n, 1);
    read_net(L, &n, 2);
    bool batch_first = arg_bool(L, 8);
    if (lower_ok(L) && t_rank(L, n.x) != 3)
        lower_raise(L, "RuntimeError", "quantized rnn: input must have 3 dimensions");
    if (batch_first) n.x = view_transpose(L, n.x, 0, 1);
    finish(L, &n, batch_first);
}

static void packed_form(lower *L, bool lstm) { /* (data, batch_sizes, hx, params, ...) */
    net n = {.lstm = lstm, .x = arg_tensor(L, 0)};
    sten *sizes = arg_tensor(L, 1);
    read_states(L, &n, 2);
    read_net(L, &n, 3);
    if (!eager_only(L)) return;
    n.sizes = host_i64(L, sizes);
    n.steps = host_count(sizes);
    int64_t sum = 0, data = t_dim_int(L, n.x, 0);
    for (int64_t t = 0; n.sizes && t < n.steps && sum <= data; t++)
        sum = n.sizes[t] > 0 && n.sizes[t] <= (t ? n.sizes[t - 1] : data) ? sum + n.sizes[t] : data + 1;
    if (lower_ok(L) && (sum != data || n.steps == 0 || t_rank(L, n.x) != 2))
        lower_raise(L, "RuntimeError", "quantized rnn: batch_sizes do not fit the packed data");
    finish(L, &n, false);
}

void aten_quantized_lstm(lower *L) { plain(L, true); }
void aten_quantized_lstm_packed(lower *L) { packed_form(L, true); }
void aten_quantized_gru(lower *L) { plain(L, false); }
void aten_quantized_gru_packed(lower *L) { packed_form(L, false); }

/* ---- cells: (input, hx, w_ih, w_hh, b_ih, b_hh); the biases are packed, too ---- */
static void cell_products(lower *L, sten *h, sten **gx, sten **gh) {
    *gx = quant_linear_dynamic(L, arg_tensor(L, 0), arg_packed(L, 2, PACKED_LINEAR), true);
    *gh = quant_linear_dynamic(L, h, arg_packed(L, 3, PACKED_LINEAR), true);
}

void aten_quantized_lstm_cell(lower *L) {
    sten **hx, *gx, *gh;
    int n = arg_tensors(L, 1, &hx);
    if (lower_ok(L) && n != 2) lower_raise(L, "RuntimeError", "quantized_lstm_cell expects two hidden states");
    if (!lower_ok(L)) return;
    sten *h = hx[0], *c = hx[1];
    cell_products(L, h, &gx, &gh);
    rnn_lstm_combine(L, EMIT(Add, gx, gh), &h, &c);
    ret_tensor(L, h);
    ret_tensor(L, c);
}

void aten_quantized_gru_cell(lower *L) {
    sten *h = arg_tensor(L, 1), *gx, *gh;
    cell_products(L, h, &gx, &gh);
    ret_tensor(L, rnn_gru_combine(L, gx, gh, h));
}

static sten *simple(lower *L) {
    sten *gx, *gh;
    cell_products(L, arg_tensor(L, 1), &gx, &gh);
    return EMIT(Add, gx, gh);
}
void aten_quantized_rnn_relu_cell(lower *L) { ret_tensor(L, EMIT(Relu, simple(L))); }
void aten_quantized_rnn_tanh_cell(lower *L) { ret_tensor(L, EMIT(Tanh, simple(L))); }

/* ---- packing: ("quantized_dynamic", [b_ih, b_hh], [], [reduce_range], [w_ih, w_hh]) ---- */
static slist *list_of(const stype *elem, int n, const sv *items) {
    slist *l = slist_new(elem, (size_t)n);
    for (int i = 0; l && i < n; i++)
        if (!slist_push(l, sv_keep(items[i]))) {
            sobj_release(&l->head);
            return NULL;
        }
    return l;
}

static void make_cell(lower *L, const char *qtype, int biases, bool reduced) {
    sv b[2] = {arg(L, 2), arg(L, 3)}, w[2] = {arg(L, 0), arg(L, 1)}, flag = sv_int(reduced);
    stuple *t = lower_ok(L) ? stuple_new(5, NULL) : NULL;
    if (t) {
        t->items[0] = sv_strz(qtype);
        t->items[1] = sv_of(list_of(&stype_tensor, biases, b));
        t->items[2] = sv_of(list_of(&stype_float, 0, NULL));
        t->items[3] = sv_of(list_of(&stype_int, biases ? 1 : 0, &flag));
        t->items[4] = sv_of(list_of(&stype_any, 2, w));
    }
    for (int i = 0; t && i < 5; i++)
        if (t->items[i].tag == SV_UNINIT) {
            sobj_release(&t->head);
            t = NULL;
        }
    ret_packed(L, PACKED_CELL, sv_of(t));
}

void aten_make_cell_dynamic(lower *L) { make_cell(L, "quantized_dynamic", 2, arg_bool(L, 4)); }
void aten_make_cell_half(lower *L) { make_cell(L, "quantized_fp16", 0, false); }
