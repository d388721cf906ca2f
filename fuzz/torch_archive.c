/* SPDX-License-Identifier: MIT
 *
 * PyTorch's files on arbitrary bytes: the zip directory, every record, every pickle with the tensors in it, checkpoints
 * of both forms. What a checkpoint gives must survive its last byte being read.
 */
#include "formats/torch/checkpoint.h"

static const pickle_options small = {.max_unfolded = 1 << 16};
static volatile uint8_t sink;

static void touch(const torch_tensor *t) {
    const naru_tensor *x = t->t;
    int64_t last = 0;
    if (tensor_count(x) == 0) return;
    for (int i = 0; i < x->rank; i++) last += (x->dims[i] - 1) * x->strides[i];
    sink = ((const uint8_t *)x->data)[(size_t)(last + 1) * dtype_bytes(x->dtype, 1) - 1];
}

static void read_tensors(torch_storages *s, const char *folder, const pk *p) {
    torch_tensor t;
    if (!p) return;
    if (torch_is_tensor(p) && torch_tensor_read(s, folder, p, &t, NULL) == NARU_OK) {
        touch(&t);
        torch_tensor_clear(&t);
    }
    read_tensors(s, folder, p->callee);
    read_tensors(s, folder, p->args);
    read_tensors(s, folder, p->state);
    for (size_t i = 0; i < pk_item_count(p); i++) read_tensors(s, folder, pk_item(p, i));
    for (size_t i = 0; i < pk_dict_count(p); i++) read_tensors(s, folder, pk_dict_pair(p, i).value);
}

static void read_pickles(archive *a) {
    torch_storages *s;
    if (torch_storages_new(a, &s, NULL) != NARU_OK) return;
    for (size_t i = 0; i < archive_count(a); i++) {
        pickle p;
        archive_bytes b = {0};
        arena *scratch = str_ends(archive_name(a, i), "pkl") ? arena_new() : NULL;
        /* archive_view: a checksum would keep changed pickles from ever being parsed */
        if (scratch && archive_view(a, archive_name(a, i), &b, NULL) == NARU_OK &&
            pickle_parse(scratch, b.data, b.size, &small, &p, NULL) == NARU_OK) {
            read_tensors(s, "data/", p.root);
            read_tensors(s, "constants/", p.root);
        }
        arena_free(scratch);
    }
    torch_storages_free(s);
}

static void read_archive(const uint8_t *data, size_t size) {
    archive *a;
    archive_bytes b;
    int version;
    if (archive_open_memory(data, size, "fuzz", &a, NULL) != NARU_OK) return;
    archive_version(a, &version, NULL);
    sink = (uint8_t)archive_kind_of(a);
    for (size_t i = 0; i < archive_count(a); i++)
        if (archive_view(a, archive_name(a, i), &b, NULL) == NARU_OK && b.size) sink = b.data[b.size - 1];
    archive_verify(a, NULL);
    read_pickles(a);
    archive_unref(a);
}

static void read_pickle(const uint8_t *data, size_t size) {
    pickle p;
    torch_storages *s;
    arena *scratch = arena_new();
    if (scratch && pickle_parse(scratch, data, size, &small, &p, NULL) == NARU_OK &&
        torch_storages_new(NULL, &s, NULL) == NARU_OK) {
        read_tensors(s, "", p.root);
        torch_storages_free(s);
    }
    arena_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    checkpoint *c;
    read_archive(data, size);
    read_pickle(data, size);
    if (checkpoint_open_memory(data, size, "fuzz", NULL, &c, NULL) != NARU_OK) return 0;
    for (size_t i = 0; i < c->count; i++) touch(&c->entries[i].tensor);
    checkpoint_free(c);
    return 0;
}
