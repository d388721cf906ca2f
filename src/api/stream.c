/* SPDX-License-Identifier: MIT
 *
 * naru_stream_*, naru_event_*: a thread per stream and a queue of what it is to do.
 */
#include <string.h>

#include "api/context.h"
#include "engine/profile.h"

struct naru_event {
    atomic_int refs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t asked, happened; /* records so far, and of those how many were reached */
    int64_t when;
};

typedef struct task {
    struct task *next;
    enum { TASK_RUN, TASK_RECORD, TASK_WAIT } kind;
    naru_context *context;
    naru_event *event;
    uint64_t ticket; /* of the record waited for */
} task;

struct naru_stream {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, empty;
    task *first, **end;
    bool busy, ending;
    naru_error failure; /* the first since the last synchronize; code OK: none */
};

/* ---- events ---- */
naru_status naru_event_create(naru_event **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_event_create: NULL argument");
    naru_event *e = *out = mem_calloc(1, sizeof *e);
    if (!e) return err_oom(err);
    e->refs = 1;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    return NARU_OK;
}

static void event_release(naru_event *e) {
    if (!e || atomic_fetch_sub(&e->refs, 1) != 1) return;
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
    mem_free(e);
}

void naru_event_destroy(naru_event **event) {
    if (!event) return;
    event_release(*event);
    *event = NULL;
}

static void event_await(naru_event *e, uint64_t ticket) {
    pthread_mutex_lock(&e->lock);
    while (e->happened < ticket) pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

naru_status naru_event_wait(naru_event *e) {
    if (!e) return NARU_INVALID_ARGUMENT;
    pthread_mutex_lock(&e->lock);
    uint64_t ticket = e->asked;
    pthread_mutex_unlock(&e->lock);
    event_await(e, ticket);
    return NARU_OK;
}

bool naru_event_happened(const naru_event *event) {
    naru_event *e = (naru_event *)event;
    if (!e) return false;
    pthread_mutex_lock(&e->lock);
    bool done = e->happened == e->asked;
    pthread_mutex_unlock(&e->lock);
    return done;
}

double naru_event_elapsed_ms(const naru_event *from, const naru_event *to) {
    if (!from || !to || !naru_event_happened(from) || !naru_event_happened(to) || !from->when || !to->when) return -1;
    return (double)(to->when - from->when) / 1e6;
}

/* ---- the thread ---- */
static void run_context(naru_stream *s, naru_context *c) {
    naru_error err = NARU_ERROR_INIT;
    naru_status st = naru_context_run(c, &err);
    if (st != NARU_OK) {
        pthread_mutex_lock(&s->lock);
        if (s->failure.code == NARU_OK) s->failure = err;
        s->failure.code = s->failure.code == NARU_OK ? st : s->failure.code;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&c->lock);
    if (--c->pending == 0) pthread_cond_broadcast(&c->idle);
    pthread_mutex_unlock(&c->lock);
}

static void run_task(naru_stream *s, task *t) {
    if (t->kind == TASK_RUN) run_context(s, t->context);
    else if (t->kind == TASK_WAIT) event_await(t->event, t->ticket);
    else {
        pthread_mutex_lock(&t->event->lock);
        t->event->happened++;
        t->event->when = profile_now();
        pthread_cond_broadcast(&t->event->changed);
        pthread_mutex_unlock(&t->event->lock);
    }
    event_release(t->event);
    mem_free(t);
}

static void *serve(void *arg) {
    naru_stream *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->first && !s->ending) pthread_cond_wait(&s->more, &s->lock);
        task *t = s->first;
        if (!t) break;
        if (!(s->first = t->next)) s->end = &s->first;
        s->busy = true;
        pthread_mutex_unlock(&s->lock);
        run_task(s, t);
        pthread_mutex_lock(&s->lock);
        s->busy = false;
        if (!s->first) pthread_cond_broadcast(&s->empty);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

naru_status naru_stream_create(naru_stream **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_stream_create: NULL argument");
    naru_stream *s = *out = mem_calloc(1, sizeof *s);
    if (!s) return err_oom(err);
    s->end = &s->first;
    s->failure = (naru_error)NARU_ERROR_INIT;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    pthread_cond_init(&s->empty, NULL);
    if (pthread_create(&s->thread, NULL, serve, s) == 0) return NARU_OK;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->more);
    pthread_cond_destroy(&s->empty);
    mem_free(s);
    *out = NULL;
    return err_set(err, NARU_OUT_OF_MEMORY, "no thread for the stream");
}

void naru_stream_destroy(naru_stream **stream) {
    if (!stream || !*stream) return;
    naru_stream *s = *stream;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->more);
    pthread_cond_destroy(&s->empty);
    mem_free(s);
    *stream = NULL;
}

static void push(naru_stream *s, task *t) {
    pthread_mutex_lock(&s->lock);
    *s->end = t;
    s->end = &t->next;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

naru_status naru_context_enqueue(naru_context *c, naru_stream *s, naru_error *err) {
    if (!c || !s) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_enqueue: NULL argument");
    task *t = mem_calloc(1, sizeof *t);
    if (!t) return err_oom(err);
    *t = (task){.kind = TASK_RUN, .context = c};
    pthread_mutex_lock(&c->lock);
    c->pending++;
    pthread_mutex_unlock(&c->lock);
    push(s, t);
    return NARU_OK;
}

naru_status naru_event_record(naru_event *e, naru_stream *s, naru_error *err) {
    if (!e || !s) return err_set(err, NARU_INVALID_ARGUMENT, "naru_event_record: NULL argument");
    task *t = mem_calloc(1, sizeof *t);
    if (!t) return err_oom(err);
    atomic_fetch_add(&e->refs, 1);
    *t = (task){.kind = TASK_RECORD, .event = e};
    pthread_mutex_lock(&e->lock);
    e->asked++;
    pthread_mutex_unlock(&e->lock);
    push(s, t);
    return NARU_OK;
}

naru_status naru_stream_wait_event(naru_stream *s, naru_event *e, naru_error *err) {
    if (!e || !s) return err_set(err, NARU_INVALID_ARGUMENT, "naru_stream_wait_event: NULL argument");
    task *t = mem_calloc(1, sizeof *t);
    if (!t) return err_oom(err);
    atomic_fetch_add(&e->refs, 1);
    pthread_mutex_lock(&e->lock);
    *t = (task){.kind = TASK_WAIT, .event = e, .ticket = e->asked};
    pthread_mutex_unlock(&e->lock);
    push(s, t);
    return NARU_OK;
}

naru_status naru_stream_synchronize(naru_stream *s, naru_error *err) {
    if (!s) return err_set(err, NARU_INVALID_ARGUMENT, "naru_stream_synchronize: NULL argument");
    pthread_mutex_lock(&s->lock);
    while (s->first || s->busy) pthread_cond_wait(&s->empty, &s->lock);
    naru_status st = s->failure.code;
    char message[sizeof s->failure.message];
    memcpy(message, s->failure.message, sizeof message);
    s->failure = (naru_error)NARU_ERROR_INIT;
    pthread_mutex_unlock(&s->lock);
    return st == NARU_OK ? st : err_set(err, st, "%s", message);
}
