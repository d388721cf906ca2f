/* SPDX-License-Identifier: MIT
 *
 * What a file is and what an archive holds: first bytes, records that tell the kinds apart, version and byte order.
 */
#include "formats/torch/archive.h"

#include <string.h>

/* ---- first bytes ---- */
static bool begins(const uint8_t *p, size_t size, size_t at, const char *bytes, size_t n) {
    return size >= at + n && memcmp(p + at, bytes, n) == 0;
}

static bool is_legacy(const uint8_t *p, size_t size) { /* a protocol 2 to 5 pickle of the magic number */
    static const char magic[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    for (size_t at = 2; at <= 11; at += 9) /* protocol 4 puts a frame of 9 bytes between */
        if (begins(p, size, at, magic, 12)) return p[0] == 0x80;
    return false;
}

torch_container torch_sniff(const void *data, size_t size) {
    const uint8_t *p = data;
    if (begins(p, size, 0, "PK\3\4", 4) || begins(p, size, 0, "PK\5\6", 4)) return TORCH_ZIP;
    if (begins(p, size, 0, "PYTORCH1", 8)) return TORCH_PREVIEW;
    if (is_legacy(p, size)) return TORCH_LEGACY;
    if (begins(p, size, 4, "PTMF", 4)) return TORCH_FLATBUFFER;
    if (begins(p, size, 257, "ustar", 5) || begins(p, size, 0, "sys_info", 8)) return TORCH_TAR;
    return TORCH_OTHER;
}

const char *torch_container_text(const void *data, size_t size) {
    const uint8_t *p = data;
    switch (torch_sniff(data, size)) {
    case TORCH_ZIP: return "a zip archive";
    case TORCH_LEGACY: return "a checkpoint of torch.save before PyTorch 1.6 (not a zip archive)";
    case TORCH_TAR: return "a tar archive, as torch.save wrote in PyTorch 0.1; load and save it again with PyTorch";
    case TORCH_PREVIEW: return "a model of a preview release of PyTorch 1.0; save it again with a newer PyTorch";
    case TORCH_FLATBUFFER: return "a flatbuffer file of PyTorch's lite interpreter";
    case TORCH_OTHER: break;
    }
    if (size == 0) return "the file is empty";
    if (begins(p, size, 0, "version https://git-lfs", 23))
        return "a Git LFS pointer, not the file itself (git lfs pull fetches it)";
    if (begins(p, size, 0, "<!DOCTYPE", 9) || begins(p, size, 0, "<!doctype", 9) || begins(p, size, 0, "<html", 5))
        return "an HTML page, probably an error message of a download";
    if (begins(p, size, 0, "\x1f\x8b", 2)) return "a gzip file; unpack it first";
    if (begins(p, size, 0, "\x89HDF", 4)) return "an HDF5 file";
    if (begins(p, size, 0, "GGUF", 4)) return "a GGUF file";
    if (size >= 2 && p[0] == 0x80 && p[1] <= 5) return "a Python pickle";
    return "its first bytes are unknown";
}

/* ---- kinds ---- */
static bool any(const archive *a, const char *prefix) { return archive_next(a, prefix, 0) < archive_count(a); }

archive_kind archive_kind_of(const archive *a) {
    if (archive_has(a, ".data/extern_modules") || any(a, ".data/ts_code/")) return ARCHIVE_PACKAGE;
    if (archive_has(a, "bytecode.pkl")) return ARCHIVE_LITE;
    if (archive_has(a, "constants.pkl") || (archive_has(a, "data.pkl") && any(a, "code/"))) return ARCHIVE_SCRIPT;
    if (archive_has(a, "archive_format") || any(a, "models/")) return ARCHIVE_EXPORT;
    if (archive_has(a, "serialized_exported_program.json")) return ARCHIVE_EXPORT_OLD;
    if (archive_has(a, "model.json")) return ARCHIVE_JSON;
    return archive_has(a, "data.pkl") ? ARCHIVE_CHECKPOINT : ARCHIVE_UNKNOWN;
}

const char *archive_kind_text(archive_kind kind) {
    switch (kind) {
    case ARCHIVE_SCRIPT: return "a TorchScript archive";
    case ARCHIVE_LITE: return "an archive for the lite interpreter";
    case ARCHIVE_CHECKPOINT: return "a checkpoint of torch.save";
    case ARCHIVE_EXPORT: return "a .pt2 archive of torch.export";
    case ARCHIVE_EXPORT_OLD: return "a .pt2 archive of torch.export before PyTorch 2.8";
    case ARCHIVE_PACKAGE: return "a torch.package archive";
    case ARCHIVE_JSON: return "a TorchScript archive in the layout of PyTorch 1.0 (model.json)";
    case ARCHIVE_UNKNOWN: break;
    }
    return "a zip archive without PyTorch's records";
}

/* ---- version, byte order ---- */
static bool leading_number(archive_bytes b, int64_t *out) {
    size_t i = 0, digits = 0;
    int64_t n = 0;
    while (i < b.size && b.data[i] == ' ') i++;
    for (; i < b.size && b.data[i] >= '0' && b.data[i] <= '9'; i++, digits++)
        if (n < 1000000) n = n * 10 + (b.data[i] - '0');
    *out = n;
    return digits > 0;
}

naru_status archive_version(archive *a, int *out, naru_error *err) {
    const char *name = archive_has(a, ".data/version") ? ".data/version" : "version";
    archive_bytes b;
    int64_t n;
    if (!archive_has(a, name))
        return err_set(err, NARU_BAD_FILE, "%s: has neither a record '.data/version' nor 'version'", archive_path(a));
    TRY(archive_read(a, name, &b, err));
    if (!leading_number(b, &n))
        return err_set(err, NARU_BAD_FILE, "%s: record '%s': does not begin with a number", archive_path(a), name);
    if (n < ARCHIVE_VERSION_MIN)
        return err_set(err, NARU_UNSUPPORTED, "%s: has file format version %lld; the oldest that can be read is %d",
                       archive_path(a), (long long)n, ARCHIVE_VERSION_MIN);
    if (n > ARCHIVE_VERSION_MAX)
        return err_set(err, NARU_UNSUPPORTED,
                       "%s: has file format version %lld; the newest that can be read is %d. It was written by a newer "
                       "PyTorch, or is damaged",
                       archive_path(a), (long long)n, ARCHIVE_VERSION_MAX);
    *out = (int)n;
    return NARU_OK;
}

naru_status archive_big_endian(archive *a, bool *out, naru_error *err) {
    archive_bytes b;
    *out = false;
    if (!archive_has(a, "byteorder")) return NARU_OK;
    TRY(archive_read(a, "byteorder", &b, err));
    while (b.size && (b.data[b.size - 1] == '\n' || b.data[b.size - 1] == '\r')) b.size--;
    *out = b.size == 3 && !memcmp(b.data, "big", 3);
    if (*out || (b.size == 6 && !memcmp(b.data, "little", 6))) return NARU_OK;
    return err_set(err, NARU_BAD_FILE, "%s: record 'byteorder': says '%.*s', neither little nor big", archive_path(a),
                   (int)(b.size < 40 ? b.size : 40), b.data);
}
