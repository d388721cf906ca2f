/* SPDX-License-Identifier: MIT
 *
 * Files: reference-counted read-only mappings (or read copies), atomic writes, safe opening inside a folder.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "naru/error.h"

typedef struct file_map {
    const uint8_t *data;
    size_t size;
    void *impl;
} file_map; /* handle: create with file_map_open; shared by reference count */

/* Maps (map = true) or reads the file. Regular files only. The error names the path and the system's reason. */
naru_status file_map_open(const char *path, bool map, file_map **out, naru_error *err);
/* Opens `name` beneath folder `dir` for external data: relative, no "..", no symbolic link, regular file. */
naru_status file_map_open_beneath(const char *dir, const char *name, bool map, file_map **out, naru_error *err);
bool file_exists(const char *path);
file_map *file_map_ref(file_map *m);
void file_map_unref(file_map *m); /* accepts NULL */
/* Makes the bytes writable by this process alone: a page written to becomes a private copy, the file never changes.
 * file_map_forget would bring the file's bytes back: not to be mixed with writes. */
naru_status file_map_writable(file_map *m, naru_error *err);
/* The kernel may drop the pages of [offset, offset+size) until they are read again. */
void file_map_forget(const file_map *m, size_t offset, size_t size);

/* Writes all of data to path.tmp, fsync-free, then renames: readers see the old file or the whole new one. */
naru_status file_write(const char *path, const void *data, size_t size, naru_error *err);
/* The same in pieces. close: all bytes are with the system, nothing more can be put (of several files that belong
 * together close each before the first end). end: closes, renames when `keep`, else forgets what was written; frees w
 * either way. */
typedef struct file_writer file_writer;
naru_status file_writer_begin(const char *path, file_writer **out, naru_error *err);
naru_status file_writer_put(file_writer *w, const void *data, size_t size, naru_error *err);
size_t file_writer_size(const file_writer *w); /* bytes so far */
naru_status file_writer_close(file_writer *w, naru_error *err);
naru_status file_writer_end(file_writer *w, bool keep, naru_error *err);
/* Where a new content of path is written before it is renamed: mem_alloc'd in *tmp; NULL: to path itself, which is a
 * device, a pipe or the like. */
naru_status file_tmp_name(const char *path, char **tmp, naru_error *err);
/* Folder part of a path ("." when none); mem_alloc'd, NULL when out of memory. */
char *path_dir(const char *path);

#endif
