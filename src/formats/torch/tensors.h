/* SPDX-License-Identifier: MIT
 *
 * Tensors of PyTorch's pickles: calls of torch._utils._rebuild_* over storages named by persistent ids. Tensors of one
 * storage share one `storage` here, in place in the mapped file where that is possible, writable without changing it
 * (see archive_storage). Offsets, sizes and strides are checked against the storage, the storage against its record.
 *
 * One torch_storages serves all pickles of a file, so that constants.pkl and bytecode.pkl share what they share:
 *
 *     torch_storages *s;
 *     TRY(torch_storages_new(ar, &s, err));
 *     TRY(torch_read_pickle(ar, "data.pkl", arena, NULL, &p, err));
 *     ... at a node n with torch_is_tensor(n): TRY(torch_tensor_read(s, "data/", n, &t, err)); ...
 * torch_tensor_clear(&t)
 *
 * Folders: "data/" for data.pkl, "constants/" for constants.pkl and bytecode.pkl (whose keys are "<n>.storage").
 * The same node read twice gives two naru_tensors over one storage: who needs one tensor keeps a table by pk.id.
 */
#ifndef FORMATS_TORCH_TENSORS_H
#define FORMATS_TORCH_TENSORS_H

#include "formats/torch/archive.h"
#include "formats/torch/pickle.h"

typedef enum torch_scalar {
    TORCH_SCALAR_NONE = -1,
#define TORCH_SCALAR(name, code, dtype, python) TORCH_##name = code,
#include "formats/torch/scalars.def"
#undef TORCH_SCALAR
} torch_scalar;

naru_dtype torch_scalar_dtype(torch_scalar s);   /* NARU_UNDEFINED: not supported, or no such code */
const char *torch_scalar_name(torch_scalar s);   /* "Float"; NULL: no such code */
const char *torch_scalar_python(torch_scalar s); /* "float32"; NULL: no such code */
torch_scalar
torch_scalar_of_python(const char *name); /* also "half", "float", "long" and the like, "torch." optional */
torch_scalar torch_scalar_of_storage(const char *name); /* "FloatStorage" */
torch_scalar torch_scalar_of_dtype(naru_dtype dtype);   /* the plain type, never a quantized one */
size_t torch_scalar_size(torch_scalar s);               /* bytes of an element; 0: no such code */
bool torch_scalar_quantized(torch_scalar s);

typedef enum torch_qscheme {
    TORCH_NOT_QUANTIZED,
    TORCH_PER_TENSOR,             /* torch.per_tensor_affine: scale, zero_point */
    TORCH_PER_CHANNEL,            /* torch.per_channel_affine: scales (double), zero_points (int64), axis */
    TORCH_PER_CHANNEL_FLOAT_ZERO, /* torch.per_channel_affine_float_qparams: scales, zero_points (float), axis */
} torch_qscheme;

/* Zero-initialise; torch_tensor_clear when done. */
typedef struct torch_tensor {
    naru_tensor *t; /* quantized: the integers; any strides */
    torch_scalar scalar;
    bool is_param, requires_grad;
    torch_qscheme qscheme;
    double scale;
    int64_t zero_point;
    naru_tensor *scales, *zero_points;
    int axis;
} torch_tensor;
void torch_tensor_clear(torch_tensor *t);

typedef struct torch_storages torch_storages;
/* Over an archive (a reference is taken); NULL: only storages given by torch_storages_put. */
naru_status torch_storages_new(archive *a, torch_storages **out, naru_error *err);
void torch_storages_free(torch_storages *s); /* accepts NULL; tensors made stay valid */
/* A storage that is no record, found before one (legacy checkpoints). Takes its own reference. Keys are with folder. */
naru_status torch_storages_put(torch_storages *s, const char *folder, const char *key, storage *st, naru_error *err);

/* What a persistent id says: ('storage', torch.FloatStorage, "0", "cpu", 16 [, view]). */
typedef struct torch_persid {
    torch_scalar scalar; /* TORCH_SCALAR_NONE for UntypedStorage: count is in bytes */
    const char *key, *location;
    int64_t count;
    const pk *view; /* legacy: None or (key, offset, count); NULL when absent */
} torch_persid;
naru_status torch_persid_parse(const pk *p, torch_persid *out, naru_error *err);

/* A call that makes a tensor, through any wrapper (parameter, subclass). */
bool torch_is_tensor(const pk *p);
naru_status torch_tensor_read(torch_storages *s, const char *folder, const pk *p, torch_tensor *out, naru_error *err);

/* Reads and parses a record; the error names file and record. Strings and nodes are copies in the arena. */
naru_status torch_read_pickle(archive *ar, const char *record, arena *a, const pickle_options *opts, pickle *out,
                              naru_error *err);

/* ---- writing ---- */
/* Gives storages their keys "0", "1", ... in order of first use and remembers them for the records. */
typedef struct torch_storage_table torch_storage_table;
naru_status torch_storage_table_new(const char *key_suffix, torch_storage_table **out,
                                    naru_error *err); /* "" or ".storage" */
void torch_storage_table_free(torch_storage_table *t);
/* Pickles t as PyTorch does: _rebuild_tensor_v2 or _rebuild_qtensor over its storage. Not memoised: see pkw_seen. */
naru_status torch_tensor_pickle(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err);
/* The same as Python writes types without a storage class of their own: _rebuild_tensor_v3 over UntypedStorage. */
naru_status torch_tensor_pickle_untyped(pk_writer *w, torch_storage_table *table, const torch_tensor *t,
                                        naru_error *err);
/* Adds the records FOLDER<key>. */
naru_status torch_storage_table_write(const torch_storage_table *t, archive_writer *w, const char *folder,
                                      naru_error *err);

#endif
