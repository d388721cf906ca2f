/* SPDX-License-Identifier: MIT
 *
 * Status codes, the error a caller may pass to learn more, and reports (growing lists of findings).
 * Convention of the whole API: a fallible function returns naru_status and takes `naru_error *err` last;
 * err may be NULL. On success err is left alone. Nothing is thread-local, nothing aborts or prints.
 */
#ifndef NARU_ERROR_H
#define NARU_ERROR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NARU_API __attribute__((visibility("default")))
#else
#define NARU_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum naru_status {
#define NARU_ERROR(name, number, text) NARU_##name = number,
#include "naru/errors.def"
#undef NARU_ERROR
} naru_status;

/* Filled by a failing call. Set `size` to sizeof(naru_error) before passing it (NARU_ERROR_INIT does). */
typedef struct naru_error {
    size_t size;
    naru_status code;
    int64_t offset;     /* byte offset in the file concerned, -1 where none */
    char message[1000]; /* one line, innermost cause last: "model.onnx: node 12 'conv1' (Conv): weight has 3 dims, needs
                           4" */
} naru_error;

#define NARU_ERROR_INIT                                                                                                \
    { sizeof(naru_error), NARU_OK, -1, "" }

/* The fixed English text of a status code. Static storage. Any thread. */
NARU_API const char *naru_status_text(naru_status code);

/* A list of findings: check, unsupported operators, obstacles. Handles are not thread-safe. */
typedef struct naru_report naru_report;
typedef enum naru_severity { NARU_SEVERITY_NOTE, NARU_SEVERITY_WARNING, NARU_SEVERITY_ERROR } naru_severity;

typedef struct naru_finding {
    size_t size;
    const char *code; /* stable identifier, e.g. "unsupported-operator" */
    naru_severity severity;
    const char *where;   /* "node 12 'conv1' (Conv)" */
    const char *message; /* what is wrong and what was expected */
    const char *hint;    /* what to do next; may be "" */
} naru_finding;

/* Owns: the caller destroys the report. Errors: OUT_OF_MEMORY. */
NARU_API naru_status naru_report_create(naru_report **out, naru_error *err);
/* Frees *report and nulls it; accepts NULL and pointer to NULL. */
NARU_API void naru_report_destroy(naru_report **report);
/* Number of findings at or above `min`. */
NARU_API size_t naru_report_count(const naru_report *report, naru_severity min);
/* The index-th finding in order of discovery; strings live until the report is destroyed. Returns NARU_NOT_FOUND past
 * the end. */
NARU_API naru_status naru_report_get(const naru_report *report, size_t index, naru_finding *out);

/* Realloc-shaped allocator: size 0 frees, ptr NULL allocates; must be callable from any thread; alignment as malloc. */
typedef struct naru_allocator {
    size_t size;
    void *(*realloc)(void *user, void *ptr, size_t old_size, size_t new_size);
    void *user;
} naru_allocator;

/* Replaces the process-wide allocator (NULL: the C library's). Call before any other function of Naru, from one thread.
 */
NARU_API naru_status naru_set_allocator(const naru_allocator *allocator, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
