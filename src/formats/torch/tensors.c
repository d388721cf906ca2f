/* SPDX-License-Identifier: MIT
 *
 * Tensors from the calls that PyTorch's pickles make them with: dense, quantized, wrapped. Sparse ones become dense in
 * sparse.c.
 */
#include "formats/torch/tensors.h"

#include "formats/torch/sparse.h"
#include "formats/torch/storages.h"

void torch_tensor_clear(torch_tensor *t) {
    tensor_unref(t->t);
    tensor_unref(t->scales);
    tensor_unref(t->zero_points);
    *t = (torch_tensor){.scalar = TORCH_SCALAR_NONE};
}

/* One call being read. */
typedef struct reading {
    torch_storages *storages;
    const char *folder;
    naru_error *err;
    int depth; /* of calls within calls */
} reading;

enum {
    CALL_DEPTH = 16,
    COPY_TIMES = 1024, /* how much larger than its storage a tensor may be that must be copied */
};

static naru_status bad(reading *r, const pk *at, const char *what) {
    return err_at(r->err, NARU_BAD_FILE, at->offset, "at byte %u of the pickle: %s", at->offset, what);
}

/* ---- dense views ---- */
typedef struct geometry {
    int rank;
    int64_t offset, dims[NARU_MAX_RANK], strides[NARU_MAX_RANK];
} geometry;

/* Reads a tuple of sizes that are not negative; torch.Size is one too. Its length or -1. */
static int read_sizes(const pk *p, int64_t *out) {
    if (pk_calls(p, "torch", "Size")) p = pk_item(p, 0);
    size_t n = pk_item_count(p);
    if (!p || (p->kind != PK_TUPLE && p->kind != PK_LIST) || n > NARU_MAX_RANK) return -1;
    for (size_t i = 0; i < n; i++)
        if (!pk_get_int(p->items[i], &out[i]) || out[i] < 0) return -1;
    return (int)n;
}

static naru_status read_geometry(reading *r, const pk *args, geometry *g) {
    const pk *size = pk_item(args, 2);
    g->rank = read_sizes(size, g->dims);
    if (g->rank < 0 && pk_item_count(size) > NARU_MAX_RANK)
        return err_at(r->err, NARU_LIMIT, args->offset, "at byte %u of the pickle: a tensor of rank %zu (at most %d)",
                      args->offset, pk_item_count(size), NARU_MAX_RANK);
    if (g->rank < 0) return bad(r, args, "a tensor's size is no tuple of sizes");
    if (read_sizes(pk_item(args, 3), g->strides) != g->rank)
        return bad(r, args, "a tensor's strides are not as many numbers as its size, none of them negative");
    if (!pk_get_int(pk_item(args, 1), &g->offset) || g->offset < 0)
        return bad(r, args, "a tensor's offset is no number, or negative");
    return NARU_OK;
}

/* The elements of storage that g reaches: one more than the largest index; false: absurd. */
static bool reach(const geometry *g, int64_t *out) {
    int64_t last = g->offset, step;
    for (int i = 0; i < g->rank; i++)
        if (!i64_mul(g->dims[i] - 1, g->strides[i], &step) || !i64_add(last, step, &last)) return false;
    return i64_add(last, 1, out);
}

static naru_status check_geometry(reading *r, const pk *args, const geometry *g, uint64_t elements) {
    int64_t count, need;
    if (!dims_count(g->rank, g->dims, &count)) return bad(r, args, "a tensor's size is absurdly large");
    if (count == 0) return NARU_OK;
    if (!reach(g, &need)) return bad(r, args, "a tensor's strides are absurdly large");
    if ((uint64_t)need > elements)
        return err_at(r->err, NARU_BAD_FILE, args->offset,
                      "at byte %u of the pickle: a tensor reaches to element %lld of a storage of %llu", args->offset,
                      (long long)need, (unsigned long long)elements);
    return NARU_OK;
}

static naru_status make_view(reading *r, const pk *args, const storage_part *part, torch_scalar scalar,
                             torch_tensor *out) {
    geometry g;
    size_t size = torch_scalar_size(scalar);
    naru_dtype dtype = torch_scalar_dtype(scalar);
    TRY(read_geometry(r, args, &g));
    if (dtype == NARU_UNDEFINED)
        return err_at(r->err, NARU_UNSUPPORTED, args->offset,
                      "at byte %u of the pickle: tensors of type torch.%s are not supported", args->offset,
                      torch_scalar_python(scalar) ? torch_scalar_python(scalar) : "?");
    TRY(check_geometry(r, args, &g, part->bytes / size));
    int64_t count;
    dims_count(g.rank, g.dims, &count);
    out->scalar = scalar;
    return tensor_new_view(part->storage, part->data + (count ? (size_t)g.offset * size : 0), dtype, g.rank, g.dims,
                           g.strides, &out->t, r->err);
}

/* ---- lazily conjugated and negated tensors ---- */
static void negate(naru_tensor *t, bool imaginary_only) {
    int64_t n = tensor_count(t);
    float *f = t->data;
    double *d = t->data;
    bool complex = t->dtype == NARU_COMPLEX64 || t->dtype == NARU_COMPLEX128;
    for (int64_t i = imaginary_only ? 1 : 0; i < (complex ? 2 * n : n); i += imaginary_only ? 2 : 1) {
        if (t->dtype == NARU_FLOAT || t->dtype == NARU_COMPLEX64) f[i] = -f[i];
        else d[i] = -d[i];
    }
}

/* What the bits mean is done to a copy: such a tensor shares nothing with its storage any more. */
static naru_status apply_math_bits(reading *r, const pk *bits, torch_tensor *t) {
    int64_t conj = 0, neg = 0;
    if (pk_calls(bits, "torch.jit._pickle", "restore_type_tag")) bits = pk_item(bits, 0);
    pk_get_int(pk_dict_get(bits, "conj"), &conj);
    pk_get_int(pk_dict_get(bits, "neg"), &neg);
    naru_dtype d = t->t->dtype;
    bool complex = d == NARU_COMPLEX64 || d == NARU_COMPLEX128;
    if (!conj && !neg) return NARU_OK;
    if ((conj && !complex) || (!complex && d != NARU_FLOAT && d != NARU_DOUBLE))
        return bad(r, bits, "a tensor of this type cannot be conjugated or negated");
    if (tensor_bytes(t->t) / COPY_TIMES > t->t->storage->nbytes)
        return bad(r, bits, "an expanded tensor is too large to be conjugated or negated");
    naru_tensor *copy;
    TRY(tensor_clone(t->t, &copy, r->err));
    if (conj) negate(copy, true);
    if (neg) negate(copy, false);
    tensor_unref(t->t);
    t->t = copy;
    return NARU_OK;
}

/* ---- the calls ---- */
static naru_status apply(reading *r, const pk *callee, const pk *args, torch_tensor *out);

static naru_status read_part(reading *r, const pk *args, size_t unit, storage_part *part) {
    const pk *id = pk_item(args, 0);
    if (!id || id->kind != PK_PERSID) return bad(r, args, "a tensor without a storage");
    return storages_get(r->storages, r->folder, id, unit, part, r->err);
}

static void read_requires_grad(const pk *flag, torch_tensor *out) {
    int64_t v;
    if (pk_get_int(flag, &v)) out->requires_grad = v != 0;
}

/* (storage, offset, size, stride, requires_grad, hooks [, math bits]); the oldest form ends after stride. */
static naru_status rebuild_v2(reading *r, const pk *args, torch_tensor *out) {
    storage_part part;
    TRY(read_part(r, args, 0, &part));
    if (part.scalar == TORCH_SCALAR_NONE) return bad(r, args, "a tensor of an untyped storage without a type");
    TRY(make_view(r, args, &part, part.scalar, out));
    read_requires_grad(pk_item(args, 4), out);
    return apply_math_bits(r, pk_item(args, 6), out);
}

/* (storage, offset, size, stride, requires_grad, hooks, dtype [, math bits]) */
static naru_status rebuild_v3(reading *r, const pk *args, torch_tensor *out) {
    storage_part part;
    const pk *type = pk_item(args, 6);
    if (!type || type->kind != PK_GLOBAL || strcmp(type->global.module, "torch") != 0)
        return bad(r, args, "a tensor without a type");
    torch_scalar scalar = torch_scalar_of_python(type->global.name);
    if (scalar == TORCH_SCALAR_NONE)
        return err_at(r->err, NARU_UNSUPPORTED, args->offset, "at byte %u of the pickle: unknown type torch.%s",
                      args->offset, type->global.name);
    size_t size = torch_scalar_size(scalar);
    TRY(read_part(r, args, size > 8 ? size / 2 : size, &part)); /* complex ones have a storage class: v2 */
    TRY(make_view(r, args, &part, scalar, out));
    read_requires_grad(pk_item(args, 4), out);
    return apply_math_bits(r, pk_item(args, 7), out);
}

/* A tensor among the parameters of another. */
static naru_status read_inner(reading *r, const pk *p, const pk *at, torch_tensor *out) {
    if (!p || p->kind != PK_REDUCE) return bad(r, at, "a tensor was expected among the arguments");
    return apply(r, p->callee, p->args, out);
}

static naru_status check_channels(reading *r, const pk *args, const torch_tensor *t) {
    bool floats = t->qscheme == TORCH_PER_CHANNEL_FLOAT_ZERO;
    const naru_tensor *of[] = {t->scales, t->zero_points};
    const naru_dtype want[] = {floats ? NARU_FLOAT : NARU_DOUBLE, floats ? NARU_FLOAT : NARU_INT64};
    if (t->axis < 0 || t->axis >= t->t->rank) return bad(r, args, "the channel axis of a quantized tensor is no axis");
    for (int i = 0; i < 2; i++)
        if (of[i]->rank != 1 || of[i]->dims[0] != t->t->dims[t->axis] || of[i]->dtype != want[i])
            return bad(r, args, "scales or zero points of a quantized tensor do not fit its channels");
    return NARU_OK;
}

static naru_status read_channels(reading *r, const pk *args, const pk *q, torch_tensor *out) {
    torch_tensor scales = {0}, zero_points = {0};
    int64_t axis;
    naru_status st = read_inner(r, pk_item(q, 1), args, &scales);
    if (st == NARU_OK) st = read_inner(r, pk_item(q, 2), args, &zero_points);
    out->scales = scales.t;
    out->zero_points = zero_points.t;
    tensor_unref(scales.scales), tensor_unref(scales.zero_points);
    tensor_unref(zero_points.scales), tensor_unref(zero_points.zero_points);
    if (st != NARU_OK) return st;
    if (!pk_get_int(pk_item(q, 3), &axis) || axis < 0 || axis >= NARU_MAX_RANK)
        return bad(r, args, "the channel axis of a quantized tensor is no axis");
    out->axis = (int)axis;
    return check_channels(r, args, out);
}

/* q: (scheme, scale, zero point) or (scheme, scales, zero points, axis) */
static naru_status read_quantization(reading *r, const pk *args, const pk *q, torch_tensor *out) {
    const pk *scheme = pk_item(q, 0);
    if (pk_is_global(scheme, "torch", "per_tensor_affine")) {
        out->qscheme = TORCH_PER_TENSOR;
        if (pk_get_float(pk_item(q, 1), &out->scale) && pk_get_int(pk_item(q, 2), &out->zero_point)) return NARU_OK;
        return bad(r, args, "a quantized tensor without scale and zero point");
    }
    if (pk_is_global(scheme, "torch", "per_channel_affine")) out->qscheme = TORCH_PER_CHANNEL;
    else if (pk_is_global(scheme, "torch", "per_channel_affine_float_qparams"))
        out->qscheme = TORCH_PER_CHANNEL_FLOAT_ZERO;
    else return bad(r, args, "a quantized tensor of an unknown scheme");
    return read_channels(r, args, q, out);
}

/* (storage, offset, size, stride, quantization, requires_grad, hooks) */
static naru_status rebuild_quantized(reading *r, const pk *args, torch_tensor *out) {
    storage_part part;
    TRY(read_part(r, args, 0, &part));
    if (!torch_scalar_quantized(part.scalar)) return bad(r, args, "a quantized tensor of a type that is not");
    TRY(make_view(r, args, &part, part.scalar, out));
    return read_quantization(r, args, pk_item(args, 4), out);
}

/* (tensor, requires_grad, hooks [, state]) */
static naru_status rebuild_parameter(reading *r, const pk *args, torch_tensor *out) {
    TRY(read_inner(r, pk_item(args, 0), args, out));
    out->is_param = true;
    read_requires_grad(pk_item(args, 1), out);
    return NARU_OK;
}

/* (function, type, arguments, attributes): a subclass of Tensor or a tensor with attributes, which are left out */
static naru_status rebuild_from_type(reading *r, const pk *args, torch_tensor *out) {
    const pk *fn = pk_item(args, 0), *type = pk_item(args, 1), *inner = pk_item(args, 2);
    if (!fn || !inner || inner->kind != PK_TUPLE) return bad(r, args, "a tensor subclass without its tensor");
    TRY(apply(r, fn, inner, out));
    out->is_param |= pk_is_global(type, "torch.nn.parameter", "Parameter");
    return NARU_OK;
}

static const pk *unwrap_layout(const pk *p) {
    return pk_calls(p, "torch.serialization", "_get_layout") ? pk_item(p, 0) : p;
}

/* The C++ form (1, size, requires_grad, indices, values, hooks), and Python's (layout, (indices, values, size ...)). */
static naru_status rebuild_sparse(reading *r, const pk *args, torch_tensor *out) {
    const pk *layout = unwrap_layout(pk_item(args, 0)), *inner = pk_item(args, 1), *size, *indices, *values;
    int64_t number = 0, dims[NARU_MAX_RANK];
    bool flat = pk_get_int(layout, &number);
    if (flat ? number != 1 : !pk_is_str(layout, "torch.sparse_coo") && !pk_is_global(layout, "torch", "sparse_coo"))
        return err_at(r->err, NARU_UNSUPPORTED, args->offset,
                      "at byte %u of the pickle: a sparse tensor in a layout other than COO; call .to_dense() before "
                      "saving it",
                      args->offset);
    size = flat ? inner : pk_item(inner, 2);
    indices = flat ? pk_item(args, 3) : pk_item(inner, 0);
    values = flat ? pk_item(args, 4) : pk_item(inner, 1);
    int rank = read_sizes(size, dims);
    if (rank < 0) return bad(r, args, "a sparse tensor's size is no tuple of sizes");
    torch_tensor i = {0}, v = {0};
    naru_status st = read_inner(r, indices, args, &i);
    if (st == NARU_OK) st = read_inner(r, values, args, &v);
    if (st == NARU_OK && v.qscheme != TORCH_NOT_QUANTIZED) st = bad(r, args, "a sparse tensor of quantized values");
    if (st == NARU_OK) st = sparse_densify(i.t, v.t, rank, dims, &out->t, r->err);
    out->scalar = v.scalar;
    if (flat) read_requires_grad(pk_item(args, 2), out);
    torch_tensor_clear(&i);
    torch_tensor_clear(&v);
    return st;
}

static const struct call {
    const char *module, *name;
    naru_status (*fn)(reading *r, const pk *args, torch_tensor *out); /* NULL: known and refused */
} calls[] = {
    {"torch._utils", "_rebuild_tensor_v2", rebuild_v2},
    {"torch._utils", "_rebuild_tensor", rebuild_v2},
    {"torch._utils", "_rebuild_tensor_v3", rebuild_v3},
    {"torch._utils", "_rebuild_qtensor", rebuild_quantized},
    {"torch._utils", "_rebuild_parameter", rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", rebuild_parameter},
    {"torch._utils", "_rebuild_sparse_tensor", rebuild_sparse},
    {"torch._tensor", "_rebuild_from_type_v2", rebuild_from_type},
    {"torch._tensor", "_rebuild_from_type", rebuild_from_type},
    {"torch.tensor", "_rebuild_from_type", rebuild_from_type},
    {"torch._utils", "_rebuild_sparse_csr_tensor", NULL},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", NULL},
    {"torch._utils", "_rebuild_nested_tensor", NULL},
    {"torch._utils", "_rebuild_wrapper_subclass", NULL},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", NULL},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", NULL},
    {"torch._utils", "_rebuild_xla_tensor", NULL},
};

static const struct call *find_call(const pk *callee) {
    if (!callee || callee->kind != PK_GLOBAL) return NULL;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        if (pk_is_global(callee, calls[i].module, calls[i].name)) return &calls[i];
    return NULL;
}

static naru_status apply(reading *r, const pk *callee, const pk *args, torch_tensor *out) {
    const struct call *c = find_call(callee);
    if (!c || !c->fn) {
        str name = {0};
        pk_add_name(&name, callee);
        naru_status st = err_at(r->err, NARU_UNSUPPORTED, args->offset,
                                "at byte %u of the pickle: %s does not make a tensor that can be read", args->offset,
                                str_text(&name));
        str_free(&name);
        return st;
    }
    if (++r->depth > CALL_DEPTH) return bad(r, args, "tensors wrapped in tensors too often");
    naru_status st = c->fn(r, args, out);
    r->depth--;
    return st;
}

bool torch_is_tensor(const pk *p) { return p && p->kind == PK_REDUCE && find_call(p->callee); }

naru_status torch_tensor_read(torch_storages *s, const char *folder, const pk *p, torch_tensor *out, naru_error *err) {
    reading r = {.storages = s, .folder = folder, .err = err};
    *out = (torch_tensor){.scalar = TORCH_SCALAR_NONE};
    if (!p || p->kind != PK_REDUCE)
        return err_set(err, NARU_BAD_FILE, "a tensor was expected, not %s", pk_kind_text(p));
    naru_status st = apply(&r, p->callee, p->args, out);
    if (st != NARU_OK) torch_tensor_clear(out);
    return st;
}

naru_status torch_read_pickle(archive *ar, const char *record, arena *a, const pickle_options *opts, pickle *out,
                              naru_error *err) {
    archive_bytes b;
    TRY(archive_read(ar, record, &b, err));
    naru_status st = pickle_parse(a, b.data, b.size, opts, out, err);
    return err_context(err, st, "%s: record '%s'", archive_path(ar), record);
}
