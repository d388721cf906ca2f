/* SPDX-License-Identifier: MIT
 *
 * .npz: a zip archive whose members are KEY.npy, through minizip. Sizes that the archive claims are checked against
 * what deflate can give, so a small file cannot ask for a large allocation.
 */
#include <errno.h>
#include <minizip/unzip.h>
#include <minizip/zip.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/npy/npy.h"

struct naru_npz {
    unzFile zip;
    char *path;
    ARRAY(char *) keys; /* without ".npy", in archive order */
};

enum { KEY_LIMIT = 1000, MEMBER_LIMIT = 1 << 20, DEFLATE_RATIO = 1040 /* deflate's bound is 1032 */ };

static naru_status add_key(naru_npz *z, naru_error *err) {
    char name[KEY_LIMIT + 8];
    unz_file_info64 info;
    if (unzGetCurrentFileInfo64(z->zip, &info, name, sizeof name, NULL, 0, NULL, 0) != UNZ_OK)
        return err_set(err, NARU_BAD_FILE, "the archive's directory is damaged");
    if (info.size_filename >= sizeof name)
        return err_set(err, NARU_LIMIT, "a member's name has %lu bytes", info.size_filename);
    if (!str_ends(name, ".npy")) return NARU_OK;
    name[strlen(name) - 4] = 0;
    char *key = mem_strdup(name);
    if (!key || !ARRAY_PUSH(&z->keys, key)) return mem_free(key), err_oom(err);
    return NARU_OK;
}

static naru_status list_keys(naru_npz *z, naru_error *err) {
    int n = 0;
    for (int at = unzGoToFirstFile(z->zip); at != UNZ_END_OF_LIST_OF_FILE; at = unzGoToNextFile(z->zip)) {
        if (at != UNZ_OK) return err_set(err, NARU_BAD_FILE, "the archive's directory is damaged");
        if (++n > MEMBER_LIMIT) return err_set(err, NARU_LIMIT, "more than %d members", MEMBER_LIMIT);
        TRY(add_key(z, err));
    }
    return NARU_OK;
}

naru_status naru_npz_open(const char *path, naru_npz **out, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_npz_open: a required argument is NULL");
    file_map *file; /* tells a missing or special file apart from a broken one, in the system's words */
    *out = NULL;
    TRY(file_map_open(path, true, &file, err));
    file_map_unref(file);
    naru_npz *z = mem_calloc(1, sizeof *z);
    if (!z || !(z->path = mem_strdup(path))) return mem_free(z), err_oom(err);
    z->zip = unzOpen64(path);
    naru_status st = z->zip ? list_keys(z, err) : err_set(err, NARU_BAD_FILE, "not a zip archive");
    if (st != NARU_OK) {
        naru_npz_close(&z);
        return err_context(err, st, "%s", path);
    }
    *out = z;
    return NARU_OK;
}

void naru_npz_close(naru_npz **npz) {
    if (!npz || !*npz) return;
    naru_npz *z = *npz;
    if (z->zip) unzClose(z->zip);
    for (size_t i = 0; i < z->keys.count; i++) mem_free(z->keys.data[i]);
    ARRAY_FREE(&z->keys);
    mem_free(z->path);
    mem_free(z);
    *npz = NULL;
}

size_t naru_npz_count(const naru_npz *npz) { return npz ? npz->keys.count : 0; }
const char *naru_npz_key(const naru_npz *npz, size_t index) {
    return npz && index < npz->keys.count ? npz->keys.data[index] : NULL;
}

static bool read_member(void *user, void *dst, size_t n) {
    for (char *p = dst; n;) {
        unsigned piece = n < 1u << 30 ? (unsigned)n : 1u << 30;
        int got = unzReadCurrentFile(user, p, piece);
        if (got <= 0) return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* Reads what is left, so that the checksum of the whole member is compared. */
static naru_status finish_member(unzFile zip, naru_status st, naru_error *err) {
    char rest[4096];
    int got = 1;
    while (st == NARU_OK && (got = unzReadCurrentFile(zip, rest, sizeof rest)) > 0) {}
    int closed = unzCloseCurrentFile(zip);
    if (st == NARU_OK && (got < 0 || closed != UNZ_OK))
        return err_set(err, NARU_BAD_FILE, closed == UNZ_CRCERROR ? "wrong checksum" : "damaged compressed data");
    return st;
}

static naru_status read_current(naru_npz *z, naru_tensor **out, naru_error *err) {
    unz_file_info64 info;
    if (unzGetCurrentFileInfo64(z->zip, &info, NULL, 0, NULL, 0, NULL, 0) != UNZ_OK ||
        unzOpenCurrentFile(z->zip) != UNZ_OK)
        return err_set(err, NARU_BAD_FILE, "cannot be opened (damaged, encrypted, or an unknown compression)");
    uint64_t most = info.compressed_size, size = info.uncompressed_size;
    if (info.compression_method != 0)
        most = most > UINT64_MAX / DEFLATE_RATIO - 1 ? UINT64_MAX : (most + 1) * DEFLATE_RATIO;
    naru_tensor *t = NULL;
    naru_status st = size > most
                         ? err_set(err, NARU_BAD_FILE, "claims %llu bytes, which %llu compressed bytes cannot hold",
                                   (unsigned long long)size, (unsigned long long)info.compressed_size)
                         : npy_read(&(npy_source){read_member, z->zip, size}, &t, err);
    st = finish_member(z->zip, st, err);
    if (st != NARU_OK) return tensor_unref(t), st;
    *out = t;
    return NARU_OK;
}

naru_status naru_npz_read(naru_npz *z, const char *key, naru_tensor **out, naru_error *err) {
    if (!z || !key || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_npz_read: a required argument is NULL");
    *out = NULL;
    str name = {0};
    str_addf(&name, "%s.npy", key);
    if (name.failed) return err_oom(err);
    bool there = unzLocateFile(z->zip, name.data, 1) == UNZ_OK;
    str_free(&name);
    if (there) {
        naru_status st = read_current(z, out, err);
        return err_context(err, st, "%s: array '%s'", z->path, key);
    }
    const char *near = str_nearest(key, (const char *const *)z->keys.data, z->keys.count);
    return near ? err_set(err, NARU_NOT_FOUND, "%s: has no array '%s'; did you mean '%s'?", z->path, key, near)
                : err_set(err, NARU_NOT_FOUND, "%s: has no array '%s'", z->path, key);
}

/* ---- writing ---- */
static naru_status write_member(zipFile zip, const char *key, const naru_tensor *t, bool compress, naru_error *err) {
    str name = {0}, file = {0};
    naru_status st = npy_print(t, &file, err);
    str_addf(&name, "%s.npy", key);
    if (st == NARU_OK && name.failed) st = err_oom(err);
    zip_fileinfo info = {.tmz_date = {.tm_year = 1980, .tm_mday = 1}}; /* the same arrays give the same file */
    if (st == NARU_OK) {
        int bad = zipOpenNewFileInZip64(zip, name.data, &info, NULL, 0, NULL, 0, NULL, compress ? Z_DEFLATED : 0,
                                        compress ? Z_DEFAULT_COMPRESSION : 0, file.len >= 0xffffffffu);
        for (size_t at = 0; !bad && at < file.len; at += 1u << 30)
            bad = zipWriteInFileInZip(zip, file.data + at,
                                      (unsigned)(file.len - at < 1u << 30 ? file.len - at : 1u << 30));
        if (bad || zipCloseFileInZip(zip) != ZIP_OK) st = err_set(err, NARU_IO, "array '%s' cannot be written", key);
    }
    str_free(&name);
    str_free(&file);
    return st;
}

static naru_status cannot_write(naru_error *err) { /* minizip leaves the system's reason */
    return err_set(err, NARU_IO, "%s", errno ? strerror(errno) : "cannot be written");
}

naru_status naru_npz_write(const char *path, size_t count, const char *const *keys, naru_tensor *const *tensors,
                           bool compress, naru_error *err) {
    if (!path || (count && (!keys || !tensors)))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_npz_write: a required argument is NULL");
    char *tmp;
    TRY(file_tmp_name(path, &tmp, err));
    errno = 0;
    zipFile zip = zipOpen64(tmp ? tmp : path, APPEND_STATUS_CREATE);
    naru_status st = zip ? NARU_OK : cannot_write(err);
    for (size_t i = 0; st == NARU_OK && i < count; i++) st = write_member(zip, keys[i], tensors[i], compress, err);
    if (zip && zipClose(zip, NULL) != ZIP_OK && st == NARU_OK) st = cannot_write(err);
    if (st == NARU_OK && tmp && rename(tmp, path) != 0) st = cannot_write(err);
    if (st != NARU_OK && zip && tmp) unlink(tmp);
    mem_free(tmp);
    return err_context(err, st, "%s", path);
}
