/* SPDX-License-Identifier: MIT
 *
 * Pickling tensors as PyTorch's C++ pickler does, and the table of storages that become records.
 */
#include "formats/torch/tensors.h"

typedef struct stored {
    storage *storage; /* a reference */
    char key[40];
} stored;

struct torch_storage_table {
    char suffix[16];
    ARRAY(stored) items;
};

naru_status torch_storage_table_new(const char *key_suffix, torch_storage_table **out, naru_error *err) {
    torch_storage_table *t = mem_calloc(1, sizeof *t);
    if (!t) return err_oom(err);
    if (strlen(key_suffix) >= sizeof t->suffix)
        return mem_free(t), err_set(err, NARU_INVALID_ARGUMENT, "the suffix '%s' is too long", key_suffix);
    memcpy(t->suffix, key_suffix, strlen(key_suffix) + 1);
    *out = t;
    return NARU_OK;
}

void torch_storage_table_free(torch_storage_table *t) {
    if (!t) return;
    for (size_t i = 0; i < t->items.count; i++) storage_unref(t->items.data[i].storage);
    ARRAY_FREE(&t->items);
    mem_free(t);
}

static naru_status key_of(torch_storage_table *t, storage *s, const char **out, naru_error *err) {
    for (size_t i = t->items.count; i--;) /* from the end: neighbours share, mostly */
        if (t->items.data[i].storage == s) return *out = t->items.data[i].key, NARU_OK;
    if (!ARRAY_RESERVE(&t->items, t->items.count + 1)) return err_oom(err);
    stored *item = &t->items.data[t->items.count];
    item->storage = storage_ref(s);
    str key = {0};
    str_addf(&key, "%zu%s", t->items.count++, t->suffix);
    if (key.failed) return err_oom(err);
    memcpy(item->key, key.data, key.len + 1);
    str_free(&key);
    *out = item->key;
    return NARU_OK;
}

naru_status torch_storage_table_write(const torch_storage_table *t, archive_writer *w, const char *folder,
                                      naru_error *err) {
    for (size_t i = 0; i < t->items.count; i++) {
        str name = {0};
        const storage *s = t->items.data[i].storage;
        str_addf(&name, "%s%s", folder, t->items.data[i].key);
        naru_status st = name.failed ? err_oom(err) : archive_writer_add(w, name.data, s->data, s->nbytes, err);
        str_free(&name);
        if (st != NARU_OK) return st;
    }
    return NARU_OK;
}

/* ---- one tensor ---- */
/* A tensor that can be written as it is, or a copy: whole elements in a storage of its own. */
static naru_status writable_form(const naru_tensor *t, naru_tensor **out, naru_error *err) {
    size_t size = dtype_bytes(t->dtype, 1);
    const storage *s = t->storage;
    const uint8_t *data = t->data, *base = s ? s->data : NULL;
    bool inside = s && (tensor_count(t) == 0 || (data >= base && (size_t)(data - base) <= s->nbytes));
    if (t->refs && inside && s->nbytes % size == 0 && (tensor_count(t) == 0 || (size_t)(data - base) % size == 0))
        return *out = tensor_ref((naru_tensor *)t), NARU_OK;
    return tensor_clone(t, out, err);
}

static void write_persid(pk_writer *w, const naru_tensor *t, const char *module, const char *cls, const char *key,
                         int64_t count) {
    if (pkw_seen(w, t->storage)) return;
    pkw_op(w, PKW_MARK);
    pkw_cstr(w, "storage");
    pkw_global(w, module, cls);
    pkw_cstr(w, key);
    pkw_cstr(w, "cpu");
    pkw_int(w, count);
    pkw_op(w, PKW_TUPLE);
    pkw_op(w, PKW_BINPERSID);
    pkw_memo(w, t->storage);
}

static void write_sizes(pk_writer *w, int rank, const int64_t *sizes) {
    pkw_op(w, PKW_MARK);
    for (int i = 0; i < rank; i++) pkw_int(w, sizes[i]);
    pkw_op(w, PKW_TUPLE);
}

static void write_geometry(pk_writer *w, const naru_tensor *t) {
    size_t from = tensor_count(t) ? (size_t)((uint8_t *)t->data - (uint8_t *)t->storage->data) : 0;
    pkw_int(w, (int64_t)(from / dtype_bytes(t->dtype, 1)));
    write_sizes(w, t->rank, t->dims);
    write_sizes(w, t->rank, t->strides);
}

static void write_hooks(pk_writer *w) {
    pkw_global(w, "collections", "OrderedDict");
    pkw_op(w, PKW_EMPTY_TUPLE);
    pkw_op(w, PKW_REDUCE);
}

static naru_status write_plain(pk_writer *w, torch_storage_table *table, const naru_tensor *t, torch_scalar scalar,
                               naru_error *err) {
    const char *key;
    char cls[40];
    TRY(key_of(table, t->storage, &key, err));
    size_t n = strlen(torch_scalar_name(scalar));
    memcpy(cls, torch_scalar_name(scalar), n);
    memcpy(cls + n, "Storage", sizeof "Storage");
    write_persid(w, t, "torch", cls, key, (int64_t)(t->storage->nbytes / torch_scalar_size(scalar)));
    write_geometry(w, t);
    return NARU_OK;
}

static torch_scalar scalar_of(const torch_tensor *t) {
    bool quantized = t->qscheme != TORCH_NOT_QUANTIZED;
    naru_dtype d = t->t->dtype;
    if (torch_scalar_dtype(t->scalar) == d && torch_scalar_quantized(t->scalar) == quantized) return t->scalar;
    if (!quantized) return torch_scalar_of_dtype(d);
    return d == NARU_INT8    ? TORCH_QInt8
           : d == NARU_UINT8 ? TORCH_QUInt8
           : d == NARU_INT32 ? TORCH_QInt32
                             : TORCH_SCALAR_NONE;
}

static const char *scheme_name(torch_qscheme s) {
    return s == TORCH_PER_TENSOR    ? "per_tensor_affine"
           : s == TORCH_PER_CHANNEL ? "per_channel_affine"
                                    : "per_channel_affine_float_qparams";
}

static naru_status write_channel_tensor(pk_writer *w, torch_storage_table *table, naru_tensor *t, naru_error *err) {
    torch_tensor plain = {.t = t, .scalar = TORCH_SCALAR_NONE};
    return torch_tensor_pickle(w, table, &plain, err);
}

static naru_status write_quantization(pk_writer *w, torch_storage_table *table, const torch_tensor *t,
                                      naru_error *err) {
    pkw_op(w, PKW_MARK);
    pkw_global(w, "torch", scheme_name(t->qscheme));
    if (t->qscheme == TORCH_PER_TENSOR) {
        pkw_float(w, t->scale);
        pkw_int(w, t->zero_point);
    } else {
        TRY(write_channel_tensor(w, table, t->scales, err));
        TRY(write_channel_tensor(w, table, t->zero_points, err));
        pkw_int(w, t->axis);
    }
    pkw_op(w, PKW_TUPLE);
    return NARU_OK;
}

static naru_status write_v2(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err) {
    bool quantized = t->qscheme != TORCH_NOT_QUANTIZED;
    pkw_global(w, "torch._utils", quantized ? "_rebuild_qtensor" : "_rebuild_tensor_v2");
    pkw_op(w, PKW_MARK);
    TRY(write_plain(w, table, t->t, t->scalar, err));
    if (quantized) TRY(write_quantization(w, table, t, err));
    pkw_bool(w, t->requires_grad);
    write_hooks(w);
    pkw_op(w, PKW_TUPLE);
    pkw_op(w, PKW_REDUCE);
    return NARU_OK;
}

static naru_status write_v3(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err) {
    const char *key;
    pkw_global(w, "torch._utils", "_rebuild_tensor_v3");
    pkw_op(w, PKW_MARK);
    TRY(key_of(table, t->t->storage, &key, err));
    write_persid(w, t->t, "torch.storage", "UntypedStorage", key, (int64_t)t->t->storage->nbytes);
    write_geometry(w, t->t);
    pkw_bool(w, t->requires_grad);
    write_hooks(w);
    pkw_global(w, "torch", torch_scalar_python(t->scalar));
    pkw_op(w, PKW_TUPLE);
    pkw_op(w, PKW_REDUCE);
    return NARU_OK;
}

typedef naru_status (*form)(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err);

static naru_status write_as(form f, pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err) {
    torch_tensor own = *t;
    own.scalar = scalar_of(t);
    if (own.scalar == TORCH_SCALAR_NONE)
        return err_set(err, NARU_UNSUPPORTED, "PyTorch has no tensors of type %s", naru_dtype_name(t->t->dtype));
    TRY(writable_form(t->t, &own.t, err));
    naru_status st = f(w, table, &own, err);
    tensor_unref(own.t);
    return st;
}

naru_status torch_tensor_pickle(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err) {
    return write_as(write_v2, w, table, t, err);
}

naru_status torch_tensor_pickle_untyped(pk_writer *w, torch_storage_table *table, const torch_tensor *t,
                                        naru_error *err) {
    return write_as(write_v3, w, table, t, err);
}
