/* SPDX-License-Identifier: MIT
 *
 * Tensors and values from and to files: which format is which ending's.
 */
#include "base/file.h"
#include "formats/npy/npy.h"
#include "formats/onnx/onnx.h"

static naru_status load_npz_key(const char *path, const char *colon, naru_tensor **out, naru_error *err) {
    char *file = mem_strdup(path);
    if (!file) return err_oom(err);
    file[colon - path] = 0;
    naru_npz *z;
    naru_status st = naru_npz_open(file, &z, err);
    mem_free(file);
    if (st != NARU_OK) return st;
    st = naru_npz_read(z, colon + 1, out, err);
    naru_npz_close(&z);
    return st;
}

naru_status naru_tensor_load(const char *path, naru_tensor **out, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_load: a required argument is NULL");
    const char *npz = strstr(path, ".npz:");
    if (npz) return load_npz_key(path, npz + 4, out, err);
    if (str_ends(path, ".npy")) return npy_load(path, out, err);
    if (str_ends(path, ".pb")) return onnx_tensor_load(path, out, err);
    if (str_ends(path, ".npz")) return err_set(err, NARU_UNSUPPORTED, "%s: which array? write %s:KEY", path, path);
    return err_set(err, NARU_UNSUPPORTED, "%s: not .npy, .pb or FILE.npz:KEY; raw files need a type and dimensions",
                   path);
}

naru_status naru_tensor_load_raw(const char *path, naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out,
                                 naru_error *err) {
    if (!path || !out || (rank > 0 && !dims))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_load_raw: a required argument is NULL");
    if (dtype == NARU_STRING)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_load_raw: strings have no raw form");
    file_map *m;
    TRY(file_map_open(path, true, &m, err));
    naru_tensor *view = NULL;
    naru_status st = tensor_new_view(NULL, (void *)m->data, dtype, rank, dims, NULL, &view, err);
    if (st == NARU_OK && tensor_bytes(view) != m->size)
        st = err_set(err, NARU_BAD_FILE, "%s: %zu bytes, the dimensions need %zu", path, m->size, tensor_bytes(view));
    if (st == NARU_OK) st = tensor_clone(view, out, err);
    tensor_unref(view);
    file_map_unref(m);
    return st;
}

static naru_status save_raw(const naru_tensor *t, const char *path, naru_error *err) {
    if (t->dtype == NARU_STRING)
        return err_set(err, NARU_UNSUPPORTED, "%s: strings have no raw form; use .npy or .pb", path);
    if (tensor_is_contiguous(t)) return file_write(path, t->data, tensor_bytes(t), err);
    naru_tensor *dense;
    TRY(tensor_clone(t, &dense, err));
    naru_status st = file_write(path, dense->data, tensor_bytes(dense), err);
    tensor_unref(dense);
    return st;
}

naru_status naru_tensor_save(const naru_tensor *t, const char *path, naru_error *err) {
    if (!t || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_save: a required argument is NULL");
    if (str_ends(path, ".npy")) return npy_save(t, path, err);
    if (str_ends(path, ".pb")) return onnx_tensor_save(t, "", path, err);
    return save_raw(t, path, err);
}

naru_status naru_value_load(const char *path, naru_kind kind, naru_value **out, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_value_load: a required argument is NULL");
    return onnx_value_load(path, kind, out, err);
}

naru_status naru_value_save(const naru_value *v, const char *path, naru_error *err) {
    if (!v || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_value_save: a required argument is NULL");
    if (v->kind == NARU_KIND_TENSOR) return naru_tensor_save(v->tensor, path, err);
    if (!str_ends(path, ".pb"))
        return err_set(err, NARU_UNSUPPORTED, "%s: sequences, maps and optionals are written as .pb", path);
    return onnx_value_save(v, "", path, err);
}
