/* SPDX-License-Identifier: MIT
 *
 * The zip archive that PyTorch keeps its models in (.pt, .ptl, .pth, .pt2). Records are known by their name without the
 * top folder, whatever that folder is called. A stored record is a pointer into the mapped file, a deflated one is
 * inflated once and kept. The directory is checked when the archive is opened, a record when it is asked for; every
 * error names the file, the record and the byte. Reading: archive.c; the writer, which lays a file out as PyTorch does:
 * archive_write.c.
 *
 * An archive is not thread-safe; its reference count and the storages made from it are.
 */
#ifndef FORMATS_TORCH_ARCHIVE_H
#define FORMATS_TORCH_ARCHIVE_H

#include <stdbool.h>

#include "base/str.h"
#include "tensor/tensor.h"

/* What the first bytes of a file say it is. */
typedef enum torch_container {
    TORCH_OTHER,      /* nothing known here */
    TORCH_ZIP,        /* "PK": an archive, or an empty or a cut one */
    TORCH_LEGACY,     /* torch.save before 1.6: pickles one after another (checkpoint.h reads it) */
    TORCH_TAR,        /* torch.save of the 0.1 days */
    TORCH_PREVIEW,    /* "PYTORCH1" */
    TORCH_FLATBUFFER, /* "PTMF" at byte 4: a lite interpreter file of bytecode version 9 */
} torch_container;
torch_container torch_sniff(const void *data, size_t size);
/* A sentence for a person about bytes that are no zip: "a tar archive ...", "an HTML page", "empty". Static storage. */
const char *torch_container_text(const void *data, size_t size);

/* What an archive holds, told from its records. */
typedef enum archive_kind {
    ARCHIVE_UNKNOWN,
    ARCHIVE_SCRIPT,     /* TorchScript: constants.pkl, data.pkl, code/ */
    ARCHIVE_LITE,       /* the same plus bytecode.pkl (constants.pkl and code/ are usually there too) */
    ARCHIVE_CHECKPOINT, /* torch.save: data.pkl alone */
    ARCHIVE_EXPORT,     /* .pt2: archive_format, models/NAME.json */
    ARCHIVE_EXPORT_OLD, /* .pt2 before 2.8: serialized_exported_program.json */
    ARCHIVE_PACKAGE,    /* torch.package */
    ARCHIVE_JSON,       /* the 1.0 layout: model.json */
} archive_kind;

typedef struct archive archive;
typedef struct archive_bytes {
    const uint8_t *data; /* lives as long as the archive; not NUL-terminated */
    size_t size;
} archive_bytes;

enum { ARCHIVE_VERSION_MIN = 1, ARCHIVE_VERSION_MAX = 10 };

/* map: records are used in place (else the file is read). */
naru_status archive_open(const char *path, bool map, archive **out, naru_error *err);
/* The caller's bytes, which must outlive the archive but not the storages taken from it. `name` stands for the path. */
naru_status archive_open_memory(const void *data, size_t size, const char *name, archive **out, naru_error *err);
archive *archive_ref(archive *a);
void archive_unref(archive *a); /* accepts NULL */

const char *archive_path(const archive *a);   /* as given to open */
const char *archive_folder(const archive *a); /* the top folder, without "/" */
archive_kind archive_kind_of(const archive *a);
const char *archive_kind_text(archive_kind kind); /* "a TorchScript archive", "a checkpoint of torch.save", ... */

/* Records in the order of the directory. */
size_t archive_count(const archive *a);
const char *archive_name(const archive *a, size_t i);
bool archive_has(const archive *a, const char *name);
/* Index of the first record at or after `from` whose name begins with `prefix`; archive_count when there is none.
 * for (i = archive_next(a, "extra/", 0); i < archive_count(a); i = archive_next(a, "extra/", i + 1)) */
size_t archive_next(const archive *a, const char *prefix, size_t from);

/* A whole record, its checksum compared. NARU_NOT_FOUND: there is none of that name ("did you mean"). */
naru_status archive_read(archive *a, const char *name, archive_bytes *out, naru_error *err);
/* The same without reading the pages of a stored record: no checksum. For tensors. */
naru_status archive_view(archive *a, const char *name, archive_bytes *out, naru_error *err);
/* Size in bytes once inflated, without inflating. */
naru_status archive_size(archive *a, const char *name, size_t *out, naru_error *err);
/* Shared bytes of a record of at least `need` bytes. In place, over pages that may be written without changing the file
 * (a written page becomes private, the others stay shared), when the record is stored, the file mapped and the data
 * aligned to `align`; else a copy. The storage keeps the mapping alive, not the archive. */
naru_status archive_storage(archive *a, const char *name, size_t need, size_t align, storage **out, naru_error *err);
/* Reads every record and compares its checksum: the first fault is the error. */
naru_status archive_verify(archive *a, naru_error *err);

/* The file format's number, 1 to 10, from `.data/version` or `version`; outside: an error that says which PyTorch is
 * needed. */
naru_status archive_version(archive *a, int *out, naru_error *err);
/* Whether the numbers in storages have their high byte first (`byteorder` is "big"). Unknown text is an error. */
naru_status archive_big_endian(archive *a, bool *out, naru_error *err);

/* ---- writing ---- */
typedef struct archive_writer archive_writer;

/* To `path`, which appears whole at the end (NULL: to memory). folder NULL: the path's last name without its extension,
 * "archive" in memory. */
naru_status archive_writer_begin(const char *path, const char *folder, archive_writer **out, naru_error *err);
/* One record. Source text and debug tables over 200 bytes are deflated, the rest stored at a multiple of 64. Two
 * records of one name are an error. */
naru_status archive_writer_add(archive_writer *w, const char *name, const void *data, size_t size, naru_error *err);
/* The records that close a TorchScript archive: version, byteorder, .data/serialization_id. */
naru_status archive_writer_add_version(archive_writer *w, int version, naru_error *err);
naru_status archive_writer_add_byteorder(archive_writer *w, naru_error *err);
naru_status archive_writer_add_id(archive_writer *w, naru_error *err);
/* Directory and end. keep = false forgets everything. Frees w either way. memory: receives the bytes (str_free) of a
 * writer without a path, NULL for one with. */
naru_status archive_writer_end(archive_writer *w, bool keep, str *memory, naru_error *err);

#endif
