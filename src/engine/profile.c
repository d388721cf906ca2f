/* SPDX-License-Identifier: MIT
 *
 * Chrome trace JSON: events are kept in memory as text and written once at the end.
 */
#include "engine/profile.h"

#include <pthread.h>
#include <time.h>

#include "base/str.h"

enum { MAX_EVENTS = 1000000 };

struct profile {
    pthread_mutex_t lock;
    char *path;
    str text;
    int events;
    int64_t origin;
};

int64_t profile_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

naru_status profile_new(const char *path, profile **out, naru_error *err) {
    profile *p = mem_calloc(1, sizeof *p);
    if (!p || !(p->path = mem_strdup(path))) {
        mem_free(p);
        return err_oom(err);
    }
    pthread_mutex_init(&p->lock, NULL);
    p->origin = profile_now();
    *out = p;
    return NARU_OK;
}

static void add_quoted(str *s, const char *text) {
    str_add(s, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') str_addf(s, "\\%c", *c);
        else if (*c < 0x20) str_addf(s, "\\u%04x", *c);
        else str_add_n(s, (const char *)c, 1);
    }
    str_add(s, "\"");
}

static void add_shapes(str *s, const context *c, const int *slots, int n) {
    str_add(s, "[");
    for (int i = 0, first = 1; i < n; i++) {
        const naru_value *v = slots[i] < 0 ? NULL : c->slots[slots[i]].ref;
        if (!v || v->kind != NARU_KIND_TENSOR) continue;
        str_addf(s, "%s{\"%s\":[", first ? "" : ",", naru_dtype_name(v->tensor->dtype));
        for (int d = 0; d < v->tensor->rank; d++) str_addf(s, "%s%lld", d ? "," : "", (long long)v->tensor->dims[d]);
        str_add(s, "]}");
        first = 0;
    }
    str_add(s, "]");
}

void profile_add(profile *p, const step *what, const context *c, int64_t begin, int64_t end) {
    pthread_mutex_lock(&p->lock);
    if (p->events < MAX_EVENTS) {
        str *s = &p->text;
        str_add(s, p->events++ ? ",\n" : "");
        str_add(s, "{\"cat\":\"");
        str_add(s, what ? "Node" : "Session");
        str_add(s, "\",\"pid\":1,\"ph\":\"X\",\"name\":");
        add_quoted(s, !what ? "model_run" : what->node->name[0] ? what->node->name : what->node->op_type);
        str_addf(s, ",\"tid\":%d,\"ts\":%lld.%03lld,\"dur\":%lld.%03lld,\"args\":{", (int)((uintptr_t)c >> 6 & 0xffff),
                 (long long)((begin - p->origin) / 1000), (long long)((begin - p->origin) % 1000),
                 (long long)((end - begin) / 1000), (long long)((end - begin) % 1000));
        if (what) {
            str_add(s, "\"op_name\":");
            add_quoted(s, what->node->op_type);
            str_addf(s, ",\"tactic\":\"%s\",\"input_type_shape\":", what->tactic ? what->tactic->name : "reference");
            add_shapes(s, c, what->in, what->nin);
            str_add(s, ",\"output_type_shape\":");
            add_shapes(s, c, what->out, what->nout);
        }
        str_add(s, "}}");
    }
    pthread_mutex_unlock(&p->lock);
}

naru_status profile_finish(profile *p, naru_error *err) {
    if (!p) return NARU_OK;
    str all = {0};
    str_add(&all, "[");
    str_add_n(&all, str_text(&p->text), p->text.len);
    str_add(&all, "]\n");
    naru_status st = all.failed || p->text.failed ? err_oom(err) : file_write(p->path, all.data, all.len, err);
    str_free(&all);
    str_free(&p->text);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->path);
    mem_free(p);
    return st;
}
