/* SPDX-License-Identifier: MIT
 *
 * Writing a state_dict as torch.save does since PyTorch 1.6.
 */
#include "formats/torch/checkpoint.h"

/* Types that Python's torch has no storage class for. */
static bool is_untyped(torch_scalar s) { return s >= TORCH_Float8_e5m2; }

static naru_status pickle_tensor(pk_writer *w, torch_storage_table *table, const torch_tensor *t, naru_error *err) {
    if (pkw_seen(w, t->t)) return NARU_OK;
    bool untyped = is_untyped(torch_scalar_of_dtype(t->t->dtype));
    if (untyped) TRY(torch_tensor_pickle_untyped(w, table, t, err));
    else TRY(torch_tensor_pickle(w, table, t, err));
    pkw_memo(w, t->t);
    return NARU_OK;
}

static naru_status pickle_dict(pk_writer *w, torch_storage_table *table, size_t count, const char *const *names,
                               const torch_tensor *tensors, naru_error *err) {
    pkw_global(w, "collections", "OrderedDict");
    pkw_op(w, PKW_EMPTY_TUPLE);
    pkw_op(w, PKW_REDUCE);
    pkw_op(w, PKW_MARK);
    for (size_t i = 0; i < count; i++) {
        pkw_cstr(w, names[i]);
        naru_status st = pickle_tensor(w, table, &tensors[i], err);
        if (st != NARU_OK) return err_context(err, st, "tensor '%s'", names[i]);
    }
    pkw_op(w, PKW_SETITEMS);
    return NARU_OK;
}

static naru_status write_records(archive_writer *w, const str *data, const torch_storage_table *table,
                                 naru_error *err) {
    TRY(archive_writer_add(w, "data.pkl", data->data, data->len, err));
    TRY(archive_writer_add(w, ".format_version", "1", 1, err));
    TRY(archive_writer_add(w, ".storage_alignment", "64", 2, err));
    TRY(archive_writer_add_byteorder(w, err));
    TRY(torch_storage_table_write(table, w, "data/", err));
    TRY(archive_writer_add_version(w, 3, err));
    return archive_writer_add_id(w, err);
}

static naru_status write_file(const char *path, const str *data, const torch_storage_table *table, naru_error *err) {
    archive_writer *w;
    TRY(archive_writer_begin(path, NULL, &w, err));
    naru_status st = write_records(w, data, table, err);
    naru_status ended = archive_writer_end(w, st == NARU_OK, NULL, err);
    return st != NARU_OK ? st : ended;
}

naru_status checkpoint_save(const char *path, size_t count, const char *const *names, const torch_tensor *tensors,
                            naru_error *err) {
    torch_storage_table *table;
    pk_writer w;
    TRY(torch_storage_table_new("", &table, err));
    naru_status st = pkw_begin(&w, err);
    if (st == NARU_OK) st = pickle_dict(&w, table, count, names, tensors, err);
    if (st == NARU_OK) st = pkw_end(&w, err);
    if (st == NARU_OK) st = write_file(path, &w.out, table, err);
    pkw_free(&w);
    torch_storage_table_free(table);
    return st;
}
