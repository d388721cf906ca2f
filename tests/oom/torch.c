/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for n = 1, 2, ... while PyTorch's and safetensors files are read and written: each time
 * OUT_OF_MEMORY, and nothing left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "formats/safetensors/safetensors.h"
#include "formats/torch/checkpoint.h"
#include "oom_sweep.h"

static void sweep(sweep_action act, const char *path, long at_least) {
    sweep_with(path, act, path, (sweep_rules){0, at_least, true});
}

/* Reads every record and writes them all again. */
static naru_status copy_records(archive *from, archive_writer *to, naru_error *err) {
    for (size_t i = 0; i < archive_count(from); i++) {
        archive_bytes b;
        TRY(archive_read(from, archive_name(from, i), &b, err));
        TRY(archive_writer_add(to, archive_name(from, i), b.data, b.size, err));
    }
    return NARU_OK;
}

static naru_status copy_archive(const void *path, naru_error *err) {
    archive *a;
    archive_writer *w;
    str out = {0};
    TRY(archive_open(path, true, &a, err));
    naru_status st = archive_verify(a, err);
    if (st == NARU_OK && (st = archive_writer_begin(NULL, NULL, &w, err)) == NARU_OK) {
        st = copy_records(a, w, err);
        naru_status ended = archive_writer_end(w, st == NARU_OK, &out, err);
        if (st == NARU_OK) st = ended;
    }
    str_free(&out);
    archive_unref(a);
    return st;
}

static naru_status copy_checkpoint(const void *path, naru_error *err) {
    static const char to[] = "/tmp/naru-oom-checkpoint.pth";
    checkpoint *c;
    const char *names[32];
    torch_tensor tensors[32];
    TRY(checkpoint_open(path, NULL, &c, err));
    for (size_t i = 0; i < c->count; i++) names[i] = c->entries[i].name, tensors[i] = c->entries[i].tensor;
    naru_status st = checkpoint_save(to, c->count, names, tensors, err);
    checkpoint_free(c);
    unlink(to);
    return st;
}

static naru_status copy_safetensors(const void *path, naru_error *err) {
    safetensors *s;
    const char *names[8];
    naru_tensor *tensors[8];
    str out = {0};
    TRY(safetensors_open(path, &s, err));
    for (size_t i = 0; i < s->count; i++) names[i] = s->entries[i].name, tensors[i] = s->entries[i].tensor;
    naru_status st = safetensors_print(s->count, names, tensors, s->metadata_count, s->metadata, &out, err);
    str_free(&out);
    safetensors_free(s);
    return st;
}

static void archives(void **state) { sweep(copy_archive, NARU_TEST_DATA "/torch/tied.pt", 30); }
static void checkpoints(void **state) {
    sweep(copy_checkpoint, NARU_TEST_DATA "/torch/smallcnn_fp32.pth", 100);
    sweep(copy_checkpoint, NARU_TEST_DATA "/torch/smallcnn_legacy.pth", 100);
}
static void tables(void **state) {
    sweep(copy_safetensors, NARU_SOURCE_DIR "/fuzz/seeds/safetensors/three.safetensors", 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(archives), cmocka_unit_test(checkpoints),
                                       cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
