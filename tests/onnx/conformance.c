/* SPDX-License-Identifier: MIT
 *
 * The ONNX conformance suite (written as files by scripts/onnx-cases) through the public API: every case on the
 * reference evaluator and on the engine at every CPU level of this machine. tests/onnx/SUITE.txt lists the cases that
 * must pass, excluded.txt the others with a reason each; every case stands in exactly one of them. Cases run in worker
 * processes, so that a crash is the result of one case and not the end of the run.
 *
 * usage: conformance                       checks against the lists; NARU_TEST_ALL=1 adds the slow cases
 *        conformance --report [TEXT]       prints failures grouped by message; cases whose name contains TEXT
 *        conformance --update              the same, and rewrites the lists
 *        conformance --case SUITE/NAME     runs one case in this process, on each configuration
 */
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "naru/session.h"
#include "base/cpu.h"

enum { CASES_MAX = 4096, CONFIGS_MAX = 8, WORKERS_MAX = 16, VALUES_MAX = 64, SECONDS_PER_CASE = 600, SHOWN_MAX = 40 };

static const char *const SUITES[] = {"node", "simple", "pytorch-converted", "pytorch-operator", "light"};
enum { SUITE_COUNT = sizeof SUITES / sizeof SUITES[0] };

typedef struct config {
    char name[32];
    bool reference;
    cpu_level level;
} config;

typedef enum outcome { NOT_RUN, PASSED, REFUSED, FAILED, CRASHED } outcome;
static const char *const OUTCOMES[] = {"not run", "passed", "refused", "failed", "crashed"};

typedef struct result {
    outcome outcome;
    char message[400];
} result;

typedef struct test_case {
    char name[200]; /* SUITE/CASE */
    bool listed, excluded, slow;
    char reason[300];
} test_case;

/* Shared between the parent and its workers. */
typedef struct board {
    atomic_int next;                 /* next job: config * case_count + case */
    atomic_int current[WORKERS_MAX]; /* the job each worker is on, -1 between jobs */
    result results[CONFIGS_MAX][CASES_MAX];
} board;

static char suite_root[2048];
static test_case cases[CASES_MAX];
static int case_count;
static config configs[CONFIGS_MAX];
static int config_count;
static board *shared;

/* ---- one case ---- */

static outcome fail_with(result *r, const naru_error *err) {
    snprintf(r->message, sizeof r->message, "%.390s", err->message[0] ? err->message : naru_status_text(err->code));
    return r->outcome = err->code == NARU_UNSUPPORTED ? REFUSED : FAILED;
}

/* Absolute and relative tolerance as the suite's own runner: bfloat16 at least two units in the last place. */
static bool tensors_agree(naru_tensor *got, naru_tensor *want, double rtol, double atol, result *r) {
    naru_comparison c = {.size = sizeof c};
    naru_error err = NARU_ERROR_INIT;
    if (naru_tensor_dtype(want) == NARU_BFLOAT16 && rtol < 0x1p-6) rtol = 0x1p-6;
    if (naru_tensor_compare(got, want, rtol, atol, &c, &err) != NARU_OK) {
        fail_with(r, &err);
        return false;
    }
    if (!c.equal) snprintf(r->message, sizeof r->message, "%s", c.message);
    return c.equal;
}

static bool values_agree(naru_value *got, naru_value *want, double rtol, double atol, result *r) {
    if (!got || naru_value_kind(got) != naru_value_kind(want)) {
        snprintf(r->message, sizeof r->message, "wrong kind of value");
        return false;
    }
    if (naru_value_kind(want) == NARU_KIND_TENSOR)
        return tensors_agree(naru_value_tensor(got), naru_value_tensor(want), rtol, atol, r);
    if (naru_value_count(got) != naru_value_count(want)) {
        snprintf(r->message, sizeof r->message, "wrong number of items");
        return false;
    }
    if (naru_value_kind(want) == NARU_KIND_MAP &&
        !tensors_agree(naru_value_keys(got), naru_value_keys(want), rtol, atol, r))
        return false;
    for (size_t i = 0; i < naru_value_count(want); i++)
        if (!values_agree(naru_value_item(got, i), naru_value_item(want, i), rtol, atol, r)) return false;
    return true;
}

static void read_tolerance(const char *folder, double *rtol, double *atol) {
    char path[3000];
    snprintf(path, sizeof path, "%s/tolerance.txt", folder);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%lf %lf", rtol, atol) != 2) *rtol = *atol = 0;
    if (f) fclose(f);
}

typedef struct values {
    naru_value *at[VALUES_MAX];
    size_t count;
} values;

static void values_destroy(values *v) {
    for (size_t i = 0; i < v->count; i++) naru_value_destroy(&v->at[i]);
    v->count = 0;
}

/* Loads KIND_K.pb for each port that has one. Absent files end the list: inputs with defaults come last. */
static bool load_values(const char *folder, const char *kind, const naru_session *s, values *v, const char **names,
                        result *r) {
    bool input = strcmp(kind, "input") == 0;
    size_t count = input ? naru_session_inputs(s) : naru_session_outputs(s);
    for (size_t k = 0; k < count && k < VALUES_MAX; k++) {
        char path[3000];
        naru_port port = {.size = sizeof port};
        naru_error err = NARU_ERROR_INIT;
        snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, kind, k);
        if (access(path, R_OK) != 0) break;
        naru_status st = input ? naru_session_input(s, k, &port) : naru_session_output(s, k, &port);
        if (st == NARU_OK) st = naru_value_load(path, port.kind, &v->at[k], &err);
        if (st != NARU_OK) return fail_with(r, &err), false;
        names[k] = port.name;
        v->count = k + 1;
    }
    return true;
}

static bool open_session(const char *folder, const config *c, naru_session **s, result *r) {
    char path[3000];
    naru_error err = NARU_ERROR_INIT;
    naru_options *options = NULL;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    naru_status st = naru_options_create(&options, &err);
    if (st == NARU_OK) st = naru_options_set(options, "evaluator", c->reference ? "reference" : "engine", &err);
    if (st == NARU_OK) st = naru_options_set(options, "cpu", cpu_level_name(c->level), &err);
    if (st == NARU_OK) st = naru_options_set(options, "threads", "2", &err);
    if (st == NARU_OK) st = naru_session_load(path, options, s, NULL, &err);
    naru_options_destroy(&options);
    if (st != NARU_OK) fail_with(r, &err);
    return st == NARU_OK;
}

static bool run_and_compare(const char *folder, naru_session *s, result *r) {
    values in = {.count = 0}, want = {.count = 0}, got = {.count = 0};
    const char *in_names[VALUES_MAX], *out_names[VALUES_MAX];
    naru_error err = NARU_ERROR_INIT;
    double rtol, atol;
    bool ok =
        load_values(folder, "input", s, &in, in_names, r) && load_values(folder, "output", s, &want, out_names, r);
    if (ok && want.count != naru_session_outputs(s)) {
        snprintf(r->message, sizeof r->message, "wrong number of outputs");
        ok = false;
    }
    if (ok && naru_session_run(s, in.count, in_names, in.at, want.count, out_names, got.at, &err) != NARU_OK) {
        fail_with(r, &err);
        ok = false;
    }
    if (ok) got.count = want.count;
    read_tolerance(folder, &rtol, &atol);
    for (size_t k = 0; ok && k < want.count; k++) ok = values_agree(got.at[k], want.at[k], rtol, atol, r);
    values_destroy(&in);
    values_destroy(&want);
    values_destroy(&got);
    return ok;
}

static void run_case(const char *name, const config *c, result *r) {
    char folder[2500];
    naru_session *s = NULL;
    snprintf(folder, sizeof folder, "%s/%s", suite_root, name);
    if (!open_session(folder, c, &s, r)) return;
    r->outcome = run_and_compare(folder, s, r) ? PASSED : FAILED;
    naru_session_destroy(&s);
}

/* ---- the cases and their lists ---- */

static int compare_cases(const void *a, const void *b) {
    return strcmp(((const test_case *)a)->name, ((const test_case *)b)->name);
}

static bool find_cases(const char *filter) {
    for (int s = 0; s < SUITE_COUNT; s++) {
        char path[2200];
        snprintf(path, sizeof path, "%s/%s", suite_root, SUITES[s]);
        DIR *dir = opendir(path);
        if (!dir) return false;
        for (struct dirent *e; (e = readdir(dir));) {
            if (e->d_name[0] == '.' || (filter && !strstr(e->d_name, filter)) || case_count == CASES_MAX) continue;
            snprintf(cases[case_count].name, sizeof cases[0].name, "%s/%.150s", SUITES[s], e->d_name);
            cases[case_count++].slow = strcmp(SUITES[s], "light") == 0;
        }
        closedir(dir);
    }
    qsort(cases, (size_t)case_count, sizeof cases[0], compare_cases);
    return true;
}

static test_case *find_case(const char *name) {
    test_case key;
    snprintf(key.name, sizeof key.name, "%.199s", name);
    return bsearch(&key, cases, (size_t)case_count, sizeof cases[0], compare_cases);
}

static int complaints;

static void complain(const char *name, const char *what, const char *detail) {
    if (complaints++ < SHOWN_MAX) printf("  %s: %s%s%s\n", name, what, detail[0] ? ": " : "", detail);
}

/* Reads "CASE" or "CASE reason" lines; `prefix` is put before each name. */
static void read_list(const char *file, const char *prefix, bool excluded) {
    char path[2200], line[600];
    snprintf(path, sizeof path, "%s/tests/onnx/%s.txt", NARU_SOURCE_DIR, file);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0] || line[0] == '#') continue;
        char *reason = line + strcspn(line, " ");
        if (*reason) *reason++ = 0;
        char name[700];
        snprintf(name, sizeof name, "%s%.590s", prefix, line);
        test_case *c = find_case(name);
        if (!c) complain(name, "is listed, but the suite has no such case", "");
        else if (c->listed || c->excluded) complain(name, "is listed twice", "");
        else if (excluded && !*reason) complain(name, "is excluded without a reason", "");
        if (!c) continue;
        *(excluded ? &c->excluded : &c->listed) = true;
        snprintf(c->reason, sizeof c->reason, "%s", reason);
    }
    if (f) fclose(f);
}

static void read_lists(void) {
    for (int s = 0; s < SUITE_COUNT; s++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s/", SUITES[s]);
        read_list(SUITES[s], prefix, false);
    }
    read_list("excluded", "", true);
}

/* ---- workers ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static bool is_large(const char *name) {
    return strstr(name, "vgg") || strstr(name, "alexnet") || strstr(name, "zfnet");
}
static bool is_small(const char *name) { return strstr(name, "squeezenet") || strstr(name, "shufflenet"); }

/* Light networks outside the whole matrix: plain loops run only the small ones (2 to 40 GFLOP take minutes there), the
 * reference evaluator none, sanitizers all but the largest at the best level (in the matrix too: plain loops under
 * them take an hour). */
static bool skipped(int job) {
    const test_case *c = &cases[job % case_count];
    const config *k = &configs[job / case_count];
    if (!c->slow || (getenv("NARU_TEST_ALL") && !SANITIZED)) return false;
    if (k->reference) return true;
    if (k->level == CPU_REF) return SANITIZED || !is_small(c->name);
    return SANITIZED && (k->level != cpu_best() || is_large(c->name));
}

static result *result_of(int job) { return &shared->results[job / case_count][job % case_count]; }

static void work(int slot) {
    for (;;) {
        int job = atomic_fetch_add(&shared->next, 1);
        if (job >= case_count * config_count) _exit(0);
        if (skipped(job)) continue;
        atomic_store(&shared->current[slot], job);
        alarm(SECONDS_PER_CASE);
        run_case(cases[job % case_count].name, &configs[job / case_count], result_of(job));
        atomic_store(&shared->current[slot], -1);
    }
}

static pid_t start_worker(int slot) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0) return pid;
    work(slot);
    return 0;
}

static void record_crash(int slot, int status) {
    int job = atomic_exchange(&shared->current[slot], -1);
    if (job < 0) return;
    result *r = result_of(job);
    r->outcome = CRASHED;
    if (!WIFSIGNALED(status))
        snprintf(r->message, sizeof r->message, "exited with %d (sanitizer report above)", WEXITSTATUS(status));
    else if (WTERMSIG(status) == SIGALRM) snprintf(r->message, sizeof r->message, "took over %d s", SECONDS_PER_CASE);
    else snprintf(r->message, sizeof r->message, "killed by signal %d", WTERMSIG(status));
}

static void run_all(void) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int workers = cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : (int)cpus;
    pid_t pids[WORKERS_MAX];
    for (int s = 0; s < workers; s++) {
        atomic_store(&shared->current[s], -1);
        pids[s] = start_worker(s);
    }
    for (int alive = workers; alive > 0;) {
        int status;
        pid_t pid = wait(&status);
        for (int s = 0; s < workers; s++) {
            if (pids[s] != pid) continue;
            bool finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            if (!finished) record_crash(s, status);
            pids[s] = finished ? 0 : start_worker(s);
            alive -= finished;
        }
    }
}

/* ---- verdicts ---- */

static bool passes_everywhere(int c) {
    for (int k = 0; k < config_count; k++)
        if (shared->results[k][c].outcome != PASSED && !skipped(k * case_count + c)) return false;
    return true;
}

static const result *first_problem(int c) {
    for (int k = 0; k < config_count; k++)
        if (shared->results[k][c].outcome > PASSED) return &shared->results[k][c];
    return NULL;
}

static void print_counts(void) {
    printf("%-18s %6s", "suite", "cases");
    for (int k = 0; k < config_count; k++) printf(" %20s", configs[k].name);
    printf("\n");
    for (int s = 0; s < SUITE_COUNT; s++) {
        size_t len = strlen(SUITES[s]);
        int total = 0, passed[CONFIGS_MAX] = {0};
        for (int c = 0; c < case_count; c++) {
            if (strncmp(cases[c].name, SUITES[s], len) != 0 || cases[c].name[len] != '/') continue;
            total++;
            for (int k = 0; k < config_count; k++) passed[k] += shared->results[k][c].outcome == PASSED;
        }
        printf("%-18s %6d", SUITES[s], total);
        for (int k = 0; k < config_count; k++) printf(" %20d", passed[k]);
        printf("\n");
    }
}

static void check_case(int c) {
    for (int k = 0; k < config_count; k++) {
        const result *r = &shared->results[k][c];
        char what[100];
        snprintf(what, sizeof what, "%.40s on %.40s", OUTCOMES[r->outcome], configs[k].name);
        if (r->outcome == CRASHED || (cases[c].listed && r->outcome > PASSED))
            complain(cases[c].name, what, r->message);
    }
    if (!cases[c].listed && !cases[c].excluded) complain(cases[c].name, "is in no list", "");
    if (cases[c].excluded && passes_everywhere(c))
        complain(cases[c].name, "is excluded, but passes: run scripts/update-node-list", "");
}

/* ---- the report for developers ---- */

typedef struct problem {
    char key[200]; /* the message without names and numbers, so that like failures stand together */
    int config, index;
} problem;

static problem problems[CASES_MAX * CONFIGS_MAX];
static int problem_count;

/* The message without the file's path. */
static const char *short_message(const result *r) {
    const char *m = strstr(r->message, "model.onnx: ");
    return m ? m + strlen("model.onnx: ") : r->message;
}

static void make_key(const result *r, char key[200]) {
    const char *m = short_message(r);
    size_t n = (size_t)snprintf(key, 200, "%s: ", OUTCOMES[r->outcome]);
    for (bool quoted = false; *m && n < 199; m++) {
        if (*m == '\'') quoted = !quoted;
        if (quoted || (isdigit((unsigned char)*m) && n > 0 && key[n - 1] == '#')) continue;
        key[n++] = isdigit((unsigned char)*m) ? '#' : *m;
    }
    key[n] = 0;
}

static int compare_problems(const void *a, const void *b) {
    const problem *p = a, *q = b;
    int order = strcmp(p->key, q->key);
    return order ? order : p->config != q->config ? p->config - q->config : p->index - q->index;
}

static int group_end(int start) {
    int end = start;
    while (end < problem_count && strcmp(problems[end].key, problems[start].key) == 0) end++;
    return end;
}

static void print_group(int start, int end) {
    const result *r = &shared->results[problems[start].config][problems[start].index];
    printf("%5d x %s: %.200s\n", end - start, OUTCOMES[r->outcome], short_message(r));
    printf("       ");
    for (int i = start, shown = 0; i < end && shown < 6; i++, shown++)
        printf(" %s(%s)", cases[problems[i].index].name, configs[problems[i].config].name);
    printf("\n");
}

/* Groups of one kind, most frequent first. */
static void print_groups(outcome kind) {
    for (int size = problem_count; size > 0; size--)
        for (int i = 0; i < problem_count; i = group_end(i))
            if (group_end(i) - i == size && shared->results[problems[i].config][problems[i].index].outcome == kind)
                print_group(i, group_end(i));
}

static void print_problems(void) {
    for (int k = 0; k < config_count; k++)
        for (int c = 0; c < case_count; c++) {
            if (shared->results[k][c].outcome <= PASSED) continue;
            problem *p = &problems[problem_count++];
            p->config = k;
            p->index = c;
            make_key(&shared->results[k][c], p->key);
        }
    qsort(problems, (size_t)problem_count, sizeof problems[0], compare_problems);
    print_groups(REFUSED);
    print_groups(FAILED);
    print_groups(CRASHED);
}

/* ---- rewriting the lists ---- */

static FILE *open_list(const char *name, const char *head) {
    char path[2200];
    snprintf(path, sizeof path, "%s/tests/onnx/%s.txt", NARU_SOURCE_DIR, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(2);
    }
    fprintf(f, "# %s\n", head);
    return f;
}

static void write_suite_list(const char *suite) {
    size_t len = strlen(suite);
    FILE *f = open_list(suite, "Cases that must pass. Written by scripts/update-node-list.");
    for (int c = 0; c < case_count; c++)
        if (strncmp(cases[c].name, suite, len) == 0 && cases[c].name[len] == '/' && passes_everywhere(c))
            fprintf(f, "%s\n", cases[c].name + len + 1);
    fclose(f);
}

/* A reason written by hand is kept: it begins with a capital letter, messages do not. */
static void write_excluded(void) {
    FILE *f = open_list("excluded", "Cases that do not pass, with the reason. Written by scripts/update-node-list, "
                                    "which keeps reasons that begin with a capital.");
    for (int c = 0; c < case_count; c++) {
        if (passes_everywhere(c)) continue;
        const result *r = first_problem(c);
        const char *m = r ? short_message(r) : "never run";
        fprintf(f, "%s %s\n", cases[c].name, isupper((unsigned char)cases[c].reason[0]) ? cases[c].reason : m);
    }
    fclose(f);
}

/* ---- */

static void add_config(bool reference, cpu_level level) {
    config *c = &configs[config_count++];
    c->reference = reference;
    c->level = level;
    if (reference) snprintf(c->name, sizeof c->name, "reference");
    else snprintf(c->name, sizeof c->name, "engine/%s", cpu_level_name(level));
}

static int run_one(const char *name) {
    int bad = 0;
    for (int k = 0; k < config_count; k++) {
        result r = {NOT_RUN, ""};
        run_case(name, &configs[k], &r);
        printf("%-20s %s %s\n", configs[k].name, OUTCOMES[r.outcome], r.message);
        bad += r.outcome != PASSED;
    }
    return bad != 0;
}

static bool find_suite(void) {
    char command[2200];
    snprintf(command, sizeof command, "%s/scripts/onnx-cases --dir", NARU_SOURCE_DIR);
    FILE *p = popen(command, "r");
    bool ok = p && fgets(suite_root, sizeof suite_root, p);
    if (p) pclose(p);
    suite_root[strcspn(suite_root, "\n")] = 0;
    return ok;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    const char *filter = argc > 2 ? argv[2] : NULL;
    bool report = !strcmp(mode, "--report"), update = !strcmp(mode, "--update");
    add_config(true, CPU_REF);
    for (int l = 0; l <= (int)cpu_best(); l++) /* sanitizers take ten times as long: the plainest and the best */
        if (!SANITIZED || l == CPU_REF || l == (int)cpu_best() || getenv("NARU_TEST_ALL"))
            add_config(false, (cpu_level)l);
    if (!find_suite()) return 2;
    if (!strcmp(mode, "--case") && filter) return run_one(filter);
    if (!find_cases(report ? filter : NULL)) {
        printf("no suite at %s: run scripts/onnx-cases\n", suite_root);
        return 77; /* skipped */
    }
    if (!report) read_lists();
    if (update) complaints = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;

    run_all();
    if (report || update) print_problems();
    print_counts();
    if (update) {
        for (int s = 0; s < SUITE_COUNT; s++) write_suite_list(SUITES[s]);
        write_excluded();
    }
    if (report || update) return 0;
    for (int c = 0; c < case_count; c++) check_case(c);
    if (complaints) printf("FAIL: %d complaints\n", complaints);
    return complaints != 0;
}
