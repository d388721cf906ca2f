/* SPDX-License-Identifier: MIT
 *
 * Packed parameters: torchbind objects of quantized and of prepacked (mobile) operators, from the states that archives
 * hold. A state is kept as it came, so that it can be saved again; beside it lies what the operators compute with:
 * contiguous integers, transposed where a product wants them so, scales and zero points as tensors.
 */
#include <math.h>

#include "script/aten/quant.h"
#include "tensor/dtype.h"

typedef struct kind_name {
    const char *cls;
    packed_kind kind;
} kind_name;

static const kind_name k_kinds[] = {{"__torch__.torch.classes.quantized.LinearPackedParamsBase", PACKED_LINEAR},
                                    {"__torch__.torch.classes.quantized.LinearPackedParamsBase", PACKED_HALF},
                                    {"__torch__.torch.classes.quantized.Conv2dPackedParamsBase", PACKED_CONV2},
                                    {"__torch__.torch.classes.quantized.Conv3dPackedParamsBase", PACKED_CONV3},
                                    {"__torch__.torch.classes.quantized.EmbeddingPackedParamsBase", PACKED_EMBEDDING},
                                    {"__torch__.torch.classes.rnn.CellParamsBase", PACKED_CELL},
                                    {"__torch__.torch.classes.xnnpack.LinearOpContext", PACKED_CLAMP_LINEAR},
                                    {"__torch__.torch.classes.xnnpack.Conv2dOpContext", PACKED_CLAMP_CONV},
                                    {"__torch__.torch.classes.xnnpack.TransposeConv2dOpContext", PACKED_CLAMP_DECONV}};

static const char *class_of(packed_kind k) {
    for (size_t i = 0; i < COUNT_OF(k_kinds); i++)
        if (k_kinds[i].kind == k) return k_kinds[i].cls;
    return "";
}

static void drop_tensor(sten *t) {
    if (t) sobj_release(&t->head);
}

static void packed_drop(void *data) {
    packed *p = data;
    sv_drop(p->state);
    drop_tensor(p->w);
    drop_tensor(p->scale);
    drop_tensor(p->zero);
    mem_free(p);
}

/* ---- reading a state ---- */
typedef struct reading {
    packed *p;
    const char *cls;
    naru_error *err;
} reading;

static naru_status bad(const reading *r, const char *what) {
    return err_set(r->err, NARU_BAD_FILE, "state of %s: %s", r->cls, what);
}

static int items_of(sv v, const sv **items) {
    const slist *l = sv_list(v);
    const stuple *t = sv_tuple(v);
    *items = l ? l->items : t ? t->items : NULL;
    return l ? (int)i64_min((int64_t)l->count, INT32_MAX) : t ? t->n : -1;
}

/* Integers of a list, or of a list of tensors of one element (version 1). */
static naru_status read_ints(const reading *r, sv v, int n, int64_t *out) {
    const sv *items;
    int have = items_of(v, &items);
    if (have != n && have != 1) return bad(r, "a list of another length is expected");
    for (int i = 0; i < n; i++) {
        sv x = items[have == 1 ? 0 : i];
        const sten *t = sv_tensor(x);
        if (x.tag == SV_INT) out[i] = x.i;
        else if (t && tensor_count(&t->t) == 1) out[i] = dtype_get_i64(t->t.dtype, t->t.data, 0);
        else return bad(r, "an integer is expected");
    }
    return NARU_OK;
}

static naru_status take_tensors(reading *r, sv weight, sv bias) {
    r->p->weight = sv_tensor(weight);
    r->p->bias = sv_tensor(bias);
    if (!r->p->weight || !tensor_count(&r->p->weight->t)) return bad(r, "the weight is missing");
    if (r->p->bias && r->p->bias->t.rank != 1) return bad(r, "the bias is no vector");
    if (r->p->bias && r->p->bias->t.dtype != NARU_FLOAT) return bad(r, "the bias is not float32");
    return NARU_OK;
}

/* k, stride x k, padding x k, dilation x k, output padding x k, groups, transposed */
static naru_status take_window(reading *r, const int64_t *v, int n) {
    packed *p = r->p;
    int k = n > 0 ? (int)i64_max(0, i64_min(v[0], 4)) : 0;
    if (k < 1 || k > 3 || n < 4 * k + 3) return bad(r, "the numbers of the convolution are incomplete");
    p->axes = k;
    for (int i = 0; i < k; i++) {
        p->stride[i] = v[1 + i], p->padding[i] = v[1 + k + i];
        p->dilation[i] = v[1 + 2 * k + i], p->output_padding[i] = v[1 + 3 * k + i];
    }
    p->groups = v[1 + 4 * k];
    p->transposed = v[2 + 4 * k] != 0;
    return NARU_OK;
}

enum { MAX_WINDOW = 16 };

static naru_status read_window_tensor(reading *r, const sten *t) {
    int64_t v[MAX_WINDOW];
    int n = (int)i64_min(tensor_count(&t->t), MAX_WINDOW);
    if (!tensor_is_contiguous(&t->t)) return bad(r, "the numbers of the convolution are not contiguous");
    for (int i = 0; i < n; i++) v[i] = dtype_get_i64(t->t.dtype, t->t.data, i);
    return take_window(r, v, n);
}

/* The first form: (weight, bias, [stride], [padding], [dilation], groups), numbers as tensors. */
static naru_status read_conv1(reading *r, int n, const sv *v) {
    packed *p = r->p;
    if (n < 6) return bad(r, "six entries are expected");
    TRY(take_tensors(r, v[0], v[1]));
    p->axes = p->weight->t.rank - 2;
    if (p->axes < 1 || p->axes > 3) return bad(r, "the weight has another rank");
    TRY(read_ints(r, v[2], p->axes, p->stride));
    TRY(read_ints(r, v[3], p->axes, p->padding));
    TRY(read_ints(r, v[4], p->axes, p->dilation));
    const sten *groups = sv_tensor(v[5]);
    if (v[5].tag != SV_INT && (!groups || tensor_count(&groups->t) != 1)) return bad(r, "groups is no number");
    p->groups = groups ? dtype_get_i64(groups->t.dtype, groups->t.data, 0) : v[5].i;
    return NARU_OK;
}

/* ("2", [numbers, weight], [bias]), (3, [numbers], [None, weight, bias]) */
static naru_status read_conv(reading *r, sv state) {
    const sv *v, *a, *b;
    int n = items_of(state, &v), na, nb;
    if (n < 3) return bad(r, "a tuple is expected");
    if (v[0].tag == SV_TENSOR) return read_conv1(r, n, v);
    na = items_of(v[1], &a), nb = items_of(v[2], &b);
    bool old = v[0].tag == SV_STR;
    if (old ? strcmp(sv_string(v[0])->data, "2") != 0 : v[0].tag != SV_INT || v[0].i != 3)
        return bad(r, "a version that is not known");
    if (old) {
        if (na < 2 || nb < 1 || !sv_tensor(a[0])) return bad(r, "tensors are missing");
        TRY(read_window_tensor(r, sv_tensor(a[0])));
        return take_tensors(r, a[1], b[0]);
    }
    int64_t numbers[MAX_WINDOW];
    if (na < 0 || na > MAX_WINDOW || nb < 3) return bad(r, "tensors are missing");
    TRY(read_ints(r, v[1], na, numbers));
    TRY(take_window(r, numbers, na));
    return take_tensors(r, b[1], b[2]);
}

static naru_status check_window(reading *r) {
    const packed *p = r->p;
    const naru_tensor *w = &p->weight->t;
    if (w->rank != p->axes + 2) return bad(r, "the weight has another rank");
    for (int i = 0; i < p->axes; i++) {
        bool fits = p->stride[i] > 0 && p->stride[i] <= INT32_MAX && p->dilation[i] > 0 &&
                    p->dilation[i] <= INT32_MAX && p->padding[i] >= 0 && p->padding[i] <= INT32_MAX &&
                    p->output_padding[i] >= 0 && p->output_padding[i] <= INT32_MAX;
        if (!fits) return bad(r, "a number of the convolution is out of range");
    }
    if (p->groups <= 0 || w->dims[0] % p->groups) return bad(r, "groups do not divide the weight");
    int64_t out = p->transposed ? w->dims[1] * p->groups : w->dims[0];
    return !p->bias || p->bias->t.dims[0] == out ? NARU_OK : bad(r, "the bias has another length");
}

static naru_status read_linear(reading *r, sv state) {
    const sv *v;
    int n = items_of(state, &v);
    if (n != 2) return bad(r, "(weight, bias) is expected");
    TRY(take_tensors(r, v[0], v[1]));
    if (r->p->weight->t.rank != 2) return bad(r, "the weight is no matrix");
    if (r->p->bias && r->p->bias->t.dims[0] != r->p->weight->t.dims[0]) return bad(r, "the bias has another length");
    if (!r->p->weight->q) r->p->kind = PACKED_HALF;
    return NARU_OK;
}

static naru_status read_embedding(reading *r, sv state) { /* (version, [weight], [], [bits]) */
    const sv *v, *tensors, *ints;
    if (items_of(state, &v) != 4 || items_of(v[1], &tensors) < 1 || items_of(v[3], &ints) < 1 || ints[0].tag != SV_INT)
        return bad(r, "(version, [weight], [], [bits]) is expected");
    TRY(take_tensors(r, tensors[0], sv_none()));
    r->p->bits = (int)i64_max(0, i64_min(ints[0].i, 64));
    const squant *q = r->p->weight->q;
    if ((r->p->bits != 8 && r->p->bits != 4) || !q || q->scheme == 0 || q->axis != 0 || r->p->weight->t.rank != 2)
        return bad(r, "a matrix of 8 or 4 bits, quantized by rows, is expected");
    return NARU_OK;
}

static naru_status read_cell(reading *r, sv state) { /* (type, [tensors], [doubles], [ints], [packed]) */
    const sv *v, *ints, *objects;
    if (items_of(state, &v) != 5 || v[0].tag != SV_STR) return bad(r, "a tuple of five is expected");
    int nints = items_of(v[3], &ints), n = items_of(v[4], &objects);
    const char *qtype = sv_string(v[0])->data;
    bool dynamic = strcmp(qtype, "quantized_dynamic") == 0;
    if (!dynamic && strcmp(qtype, "quantized_fp16") != 0)
        return err_set(r->err, NARU_UNSUPPORTED, "state of %s: cells of type '%.40s'", r->cls, qtype);
    if (n != 2 || objects[0].tag != SV_CUSTOM || objects[1].tag != SV_CUSTOM)
        return bad(r, "two packed weights expected");
    r->p->ih = (scustom *)objects[0].o, r->p->hh = (scustom *)objects[1].o;
    r->p->reduced = dynamic && nints > 0 && ints[0].tag == SV_INT && ints[0].i != 0;
    for (int i = 0; i < 2; i++)
        if (strcmp(((scustom *)objects[i].o)->cls, class_of(PACKED_LINEAR)) != 0)
            return bad(r, "packed weights of a linear layer are expected");
    return NARU_OK;
}

static double bound(sv v, double none) { return v.tag == SV_FLOAT ? v.f : v.tag == SV_INT ? (double)v.i : none; }

static naru_status read_clamped(reading *r, sv state) { /* weight, bias, [numbers ...], low, high */
    const sv *v;
    packed *p = r->p;
    int n = items_of(state, &v),
        want = p->kind == PACKED_CLAMP_LINEAR ? 4
               : p->kind == PACKED_CLAMP_CONV ? 8
                                              : 9,
        at = 2;
    if (n != want) return bad(r, "a tuple of another length is expected");
    TRY(take_tensors(r, v[0], v[1]));
    if (p->weight->t.dtype != NARU_FLOAT) return bad(r, "the weight is not float32");
    p->low = bound(v[n - 2], -INFINITY), p->high = bound(v[n - 1], INFINITY);
    if (p->kind == PACKED_CLAMP_LINEAR) return p->weight->t.rank == 2 ? NARU_OK : bad(r, "the weight is no matrix");
    p->axes = 2;
    p->transposed = p->kind == PACKED_CLAMP_DECONV;
    TRY(read_ints(r, v[at++], 2, p->stride));
    TRY(read_ints(r, v[at++], 2, p->padding));
    if (p->transposed) TRY(read_ints(r, v[at++], 2, p->output_padding));
    TRY(read_ints(r, v[at++], 2, p->dilation));
    if (v[at].tag != SV_INT) return bad(r, "groups is no number");
    p->groups = v[at].i;
    return check_window(r);
}

/* ---- preparing ---- */
static sten *constant_new(naru_dtype d, int rank, const int64_t *dims) {
    sten *t = sten_new(d, rank, dims);
    if (t) t->param = true;
    return t;
}

static naru_tensor *plain(const sten *t, naru_error *err) { /* contiguous; NULL with the error set */
    naru_tensor *view, *whole = NULL;
    if (sten_export(t, &view, err) != NARU_OK) return NULL;
    (void)tensor_contiguous(view, &whole, err);
    tensor_unref(view);
    return whole;
}

static double scale_at(const squant *q, int64_t i) {
    return q->scheme ? dtype_get_f64(q->scales->dtype, q->scales->data, i) : q->scale;
}
static double zero_at(const squant *q, int64_t i) {
    return q->scheme ? dtype_get_f64(q->zero_points->dtype, q->zero_points->data, i) : (double)q->zero_point;
}

static naru_status check_channels(reading *r, int64_t n) {
    const squant *q = r->p->weight->q;
    if (!q) return bad(r, "the weight is not quantized");
    if (q->type != 12) return bad(r, "the weight is not qint8");
    if (q->scheme == 0) return NARU_OK;
    if (q->scheme != 1 || q->axis != (r->p->transposed ? 1 : 0) || !q->scales || !q->zero_points ||
        tensor_count(q->scales) != n || tensor_count(q->zero_points) != n || !tensor_is_contiguous(q->scales) ||
        !tensor_is_contiguous(q->zero_points))
        return bad(r, "the weight is quantized along another axis");
    return NARU_OK;
}

static naru_status prepare_scales(reading *r, int64_t n) {
    const squant *q = r->p->weight->q;
    int rank = q->scheme ? 1 : 0;
    sten *s = r->p->scale = constant_new(NARU_FLOAT, rank, &n), *z = r->p->zero = constant_new(NARU_INT8, rank, &n);
    if (!s || !z) return err_oom(r->err);
    for (int64_t i = 0; i < (rank ? n : 1); i++) {
        ((float *)s->t.data)[i] = (float)scale_at(q, i);
        ((int8_t *)z->t.data)[i] = (int8_t)zero_at(q, i);
    }
    return NARU_OK;
}

static naru_status prepare_linear(reading *r) {
    packed *p = r->p;
    int64_t out = p->weight->t.dims[0], in = p->weight->t.dims[1];
    TRY(check_channels(r, out));
    TRY(prepare_scales(r, out));
    naru_tensor *w = plain(p->weight, r->err);
    if (!w) return NARU_OUT_OF_MEMORY;
    p->w = constant_new(NARU_INT8, 2, (int64_t[]){in, out});
    for (int64_t i = 0; p->w && i < out; i++)
        for (int64_t j = 0; j < in; j++) ((int8_t *)p->w->t.data)[j * out + i] = ((const int8_t *)w->data)[i * in + j];
    tensor_unref(w);
    return p->w ? NARU_OK : err_oom(r->err);
}

static naru_status prepare_half(reading *r) {
    packed *p = r->p;
    naru_tensor *w = plain(p->weight, r->err);
    if (!w) return NARU_OUT_OF_MEMORY;
    p->w = constant_new(NARU_FLOAT, 2, w->dims);
    for (int64_t i = 0, n = tensor_count(w); p->w && i < n; i++) { /* as fbgemm stores it: float16, cut to its range */
        double v = fmin(fmax(dtype_get_f64(w->dtype, w->data, i), -65504), 65504);
        ((float *)p->w->t.data)[i] = half_to_float(half_from_double(v));
    }
    tensor_unref(w);
    return p->w ? NARU_OK : err_oom(r->err);
}

static naru_status prepare_conv(reading *r) {
    packed *p = r->p;
    TRY(check_window(r));
    const naru_tensor *t = &p->weight->t;
    int64_t out = p->transposed ? t->dims[1] : t->dims[0];
    TRY(check_channels(r, out));
    TRY(prepare_scales(r, out));
    naru_tensor *w = plain(p->weight, r->err);
    if (!w) return NARU_OUT_OF_MEMORY;
    int64_t n = tensor_count(w), inner = 1;
    for (int i = 2; i < t->rank; i++) inner *= t->dims[i];
    p->w = constant_new(p->transposed ? NARU_FLOAT : NARU_INT8, t->rank, t->dims);
    if (p->w && !p->transposed) memcpy(p->w->t.data, w->data, (size_t)n);
    for (int64_t i = 0; p->w && p->transposed && i < n; i++) {
        int64_t c = i / inner % out;
        double v = ((const int8_t *)w->data)[i] - zero_at(p->weight->q, c);
        ((float *)p->w->t.data)[i] = (float)(v * scale_at(p->weight->q, c));
    }
    tensor_unref(w);
    return p->w ? NARU_OK : err_oom(r->err);
}

static naru_status read_state(reading *r, sv state) {
    switch (r->p->kind) {
    case PACKED_LINEAR:
    case PACKED_HALF:
        TRY(read_linear(r, state));
        return r->p->kind == PACKED_HALF ? prepare_half(r) : prepare_linear(r);
    case PACKED_CONV2:
    case PACKED_CONV3: TRY(read_conv(r, state)); return prepare_conv(r);
    case PACKED_EMBEDDING: return read_embedding(r, state);
    case PACKED_CELL: return read_cell(r, state);
    default: return read_clamped(r, state);
    }
}

/* state is taken over. */
static naru_status make(packed_kind kind, sv state, sv *out, naru_error *err) {
    packed *p = mem_calloc(1, sizeof *p);
    reading r = {p, class_of(kind), err};
    if (!p) {
        sv_drop(state);
        return err_oom(err);
    }
    p->kind = kind;
    p->state = state;
    naru_status st = sv_share(state) ? read_state(&r, state) : err_oom(err);
    sten *made[3] = {p->w, p->scale, p->zero};
    for (int i = 0; i < 3; i++)
        if (made[i]) made[i]->head.shared = 1;
    scustom *c = st == NARU_OK ? scustom_new(r.cls, p, packed_drop) : NULL;
    if (!c) {
        packed_drop(p);
        return st == NARU_OK ? err_oom(err) : st;
    }
    *out = sv_of(c);
    return NARU_OK;
}

/* ---- custom.h ---- */
naru_status custom_from_state(const char *cls, sv state, sv *out, naru_error *err) {
    for (size_t i = 0; i < COUNT_OF(k_kinds); i++)
        if (strcmp(k_kinds[i].cls, cls) == 0) return make(k_kinds[i].kind, sv_keep(state), out, err);
    return err_set(err, NARU_UNSUPPORTED, "an object of %.200s", cls);
}

naru_status custom_get_state(const scustom *c, sv *out, naru_error *err) {
    if (c->drop != packed_drop) return err_set(err, NARU_UNSUPPORTED, "an object of %.200s", c->cls);
    *out = sv_keep(((const packed *)c->data)->state);
    return NARU_OK;
}

/* ---- for operators ---- */
const packed *packed_of(lower *L, const scustom *c) { return lower_ok(L) && c->drop == packed_drop ? c->data : NULL; }

const packed *arg_packed(lower *L, int i, packed_kind kind) {
    sv v = arg(L, i);
    const packed *p = v.tag == SV_CUSTOM ? packed_of(L, (scustom *)v.o) : NULL;
    if (p && (p->kind == kind || (kind == PACKED_LINEAR && p->kind == PACKED_HALF))) return p;
    lower_raise(L, "RuntimeError", "%s: packed parameters of %s are expected", L->op->schema->name, class_of(kind));
    return NULL;
}

void ret_packed(lower *L, packed_kind kind, sv state) {
    sv out;
    if (state.tag == SV_UNINIT) lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
    if (!lower_ok(L)) {
        sv_drop(state);
        return;
    }
    L->st = make(kind, state, &out, L->err);
    if (lower_ok(L)) ret_value(L, out);
}
