/* SPDX-License-Identifier: MIT
 *
 * Files over POSIX: mappings shared by reference count, opening beneath a folder without following links, writes
 * that appear whole.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct {
    file_map pub;
    atomic_int refs;
    bool mapped; /* else: data is mem_alloc'd */
} map_impl;

static naru_status read_all(int fd, uint8_t *to, size_t n, const char *path, naru_error *err) {
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, to + done, n - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set(err, NARU_IO, "%s: %s", path, strerror(errno));
        if (got == 0) return err_set(err, NARU_IO, "%s: the file became shorter while it was read", path);
        done += (size_t)got;
    }
    return NARU_OK;
}

static naru_status fill(map_impl *m, int fd, size_t size, bool map, const char *path, naru_error *err) {
    m->pub.size = size;
    m->mapped = map && size > 0;
    if (m->mapped) {
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (p == MAP_FAILED) return err_set(err, NARU_IO, "%s: cannot map: %s", path, strerror(errno));
        m->pub.data = p;
        return NARU_OK;
    }
    uint8_t *p = mem_alloc(size);
    if (!p) return err_oom(err);
    naru_status st = read_all(fd, p, size, path, err);
    if (st != NARU_OK) mem_free(p);
    else m->pub.data = p;
    return st;
}

/* Takes fd: always closed. */
static naru_status map_fd(int fd, bool map, bool single_link, const char *path, file_map **out, naru_error *err) {
    struct stat sb;
    naru_status st = NARU_OK;
    map_impl *m = NULL;
    if (fstat(fd, &sb) != 0) st = err_set(err, NARU_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(sb.st_mode))
        st = err_set(err, NARU_IO, "%s: %s, not a regular file", path,
                     S_ISDIR(sb.st_mode) ? "a folder" : "a special file");
    else if (single_link && sb.st_nlink != 1)
        st = err_set(err, NARU_IO, "%s: has %ld hard links; external data must be a file of its own", path,
                     (long)sb.st_nlink);
    else if (!(m = mem_calloc(1, sizeof *m))) st = err_oom(err);
    else st = fill(m, fd, (size_t)sb.st_size, map, path, err);
    close(fd);
    if (st != NARU_OK) {
        mem_free(m);
        return st;
    }
    m->refs = 1;
    m->pub.impl = m;
    *out = &m->pub;
    return NARU_OK;
}

naru_status file_map_open(const char *path, bool map, file_map **out, naru_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return err_set(err, NARU_IO, "%s: %s", path, strerror(errno));
    return map_fd(fd, map, false, path, out, err);
}

/* One step of the walk: opens component [at, at+n) of dirfd, never through a symbolic link. Closes dirfd. */
static int open_step(int dirfd, const char *at, size_t n, bool last) {
    char part[256];
    int fd = -1;
    if (n >= sizeof part) errno = ENAMETOOLONG;
    else {
        memcpy(part, at, n);
        part[n] = 0;
        fd = openat(dirfd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY));
    }
    int keep = errno;
    close(dirfd);
    errno = keep;
    return fd;
}

naru_status file_map_open_beneath(const char *dir, const char *name, bool map, file_map **out, naru_error *err) {
    if (!*name || *name == '/')
        return err_set(err, NARU_IO, "'%s' is not a relative path: external data must lie beneath the model's folder",
                       name);
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return err_set(err, NARU_IO, "%s: %s", dir, strerror(errno));
    for (const char *p = name;;) {
        size_t n = strcspn(p, "/");
        bool last = p[n] == 0;
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            close(fd);
            return err_set(err, NARU_IO, "'%s' contains '..': external data must lie beneath the model's folder", name);
        }
        if (n > 0 && !(n == 1 && *p == '.')) fd = open_step(fd, p, n, last);
        if (fd < 0)
            return err_set(err, NARU_IO, "'%s' in %s: %s", name, dir,
                           errno == ELOOP || errno == ENOTDIR
                               ? "a symbolic link or not a folder on the way; links are not followed"
                               : strerror(errno));
        if (last) break;
        p += n + 1;
    }
    return map_fd(fd, map, true, name, out, err);
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

file_map *file_map_ref(file_map *m) {
    atomic_fetch_add(&((map_impl *)m->impl)->refs, 1);
    return m;
}

void file_map_unref(file_map *m) {
    if (!m) return;
    map_impl *i = m->impl;
    if (atomic_fetch_sub(&i->refs, 1) != 1) return;
    if (i->mapped) munmap((void *)m->data, m->size);
    else mem_free((void *)m->data);
    mem_free(i);
}

naru_status file_map_writable(file_map *m, naru_error *err) {
    if (!((map_impl *)m->impl)->mapped || mprotect((void *)m->data, m->size, PROT_READ | PROT_WRITE) == 0)
        return NARU_OK;
    return err_set(err, NARU_IO, "the mapped file cannot be made writable in memory: %s", strerror(errno));
}

void file_map_forget(const file_map *m, size_t offset, size_t size) {
    size_t page = 4096, from = align_up(offset, page), to = (offset + size) / page * page;
    if (((map_impl *)m->impl)->mapped && to > from) madvise((void *)(m->data + from), to - from, MADV_DONTNEED);
}

static naru_status write_fd(int fd, const char *path, const uint8_t *data, size_t size, naru_error *err) {
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, data + done, size - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return err_set(err, NARU_IO, "%s: %s", path, strerror(errno));
        done += (size_t)put;
    }
    return NARU_OK;
}

struct file_writer {
    int fd;
    char *path, *tmp; /* tmp NULL: writes straight to path (/dev/stdout and the like) */
    size_t size;
};

static void writer_free(file_writer *w) {
    if (w->fd >= 0) close(w->fd);
    if (w->tmp) unlink(w->tmp); /* gone already when it was renamed */
    mem_free(w->tmp);
    mem_free(w->path);
    mem_free(w);
}

naru_status file_tmp_name(const char *path, char **tmp, naru_error *err) {
    struct stat sb;
    *tmp = NULL;
    if (stat(path, &sb) == 0 && !S_ISREG(sb.st_mode)) return NARU_OK;
    size_t n = strlen(path) + 32;
    if (!(*tmp = mem_alloc(n))) return err_oom(err);
    snprintf(*tmp, n, "%s.%ld.tmp", path, (long)getpid());
    return NARU_OK;
}

naru_status file_writer_begin(const char *path, file_writer **out, naru_error *err) {
    file_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_oom(err);
    w->fd = -1;
    naru_status st = (w->path = mem_strdup(path)) ? file_tmp_name(path, &w->tmp, err) : err_oom(err);
    if (st != NARU_OK) {
        writer_free(w);
        return st;
    }
    w->fd = open(w->tmp ? w->tmp : path, O_WRONLY | O_CLOEXEC | (w->tmp ? O_CREAT | O_TRUNC | O_NOFOLLOW : 0), 0666);
    if (w->fd >= 0) return *out = w, NARU_OK;
    st = err_set(err, NARU_IO, "%s: %s", path, strerror(errno));
    writer_free(w);
    return st;
}

naru_status file_writer_put(file_writer *w, const void *data, size_t size, naru_error *err) {
    w->size += size;
    return write_fd(w->fd, w->path, data, size, err);
}

size_t file_writer_size(const file_writer *w) { return w->size; }

naru_status file_writer_close(file_writer *w, naru_error *err) {
    int closed = w->fd < 0 ? 0 : close(w->fd);
    w->fd = -1;
    return closed == 0 ? NARU_OK : err_set(err, NARU_IO, "%s: %s", w->path, strerror(errno));
}

naru_status file_writer_end(file_writer *w, bool keep, naru_error *err) {
    naru_status st = keep ? file_writer_close(w, err) : NARU_OK;
    if (keep && st == NARU_OK && w->tmp && rename(w->tmp, w->path) != 0)
        st = err_set(err, NARU_IO, "%s: %s", w->path, strerror(errno));
    writer_free(w);
    return st;
}

naru_status file_write(const char *path, const void *data, size_t size, naru_error *err) {
    file_writer *w;
    TRY(file_writer_begin(path, &w, err));
    naru_status st = file_writer_put(w, data, size, err);
    naru_status ended = file_writer_end(w, st == NARU_OK, err);
    return st != NARU_OK ? st : ended;
}

char *path_dir(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return mem_strdup(".");
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    char *dir = mem_alloc(n + 1);
    if (!dir) return NULL;
    memcpy(dir, path, n);
    dir[n] = 0;
    return dir;
}
