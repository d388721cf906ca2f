/* SPDX-License-Identifier: MIT
 *
 * naru exec's command line: `--name=value` as trtexec wants it, and `--name value`. What each name does is in exec.def.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec.h"

typedef enum { FLAG, TEXT, LIST, PLUGIN, ALIAS, GPU, GPU_TEXT, OLD, OLD_TEXT, REFUSE, REFUSE_TEXT } kind;
static const struct row {
    const char *name;
    kind kind;
    const char *help;
} rows[] = {
#define EXEC(name, kind, help) {#name, kind, help},
#include "exec.def"
#undef EXEC
};

static bool takes_value(kind k) {
    return k == TEXT || k == LIST || k == PLUGIN || k == GPU_TEXT || k == OLD_TEXT || k == REFUSE_TEXT;
}

static int find(const char *name, size_t n) {
    for (int i = 0; i < EXEC_OPTIONS; i++)
        if (strncmp(rows[i].name, name, n) == 0 && !rows[i].name[n]) return i;
    return -1;
}

static bool unknown(const char *word, const char *name) {
    const char *names[EXEC_OPTIONS];
    for (int i = 0; i < EXEC_OPTIONS; i++) names[i] = rows[i].name;
    const char *near = nearest(name, names, EXEC_OPTIONS);
    if (near) log_error("Unknown option: %s; did you mean --%s?", word, near);
    else log_error("Unknown option: %s", word);
    return false;
}

static void print_help(void) {
    printf("usage: naru exec --onnx=MODEL [options]\n       naru exec --loadEngine=PLAN [options]\n\n"
           "Builds an engine, or loads one, and measures it, with trtexec's options, report and files.\n"
           "--name value works as --name=value does.\n\noptions:\n");
    for (int i = 0; i < EXEC_OPTIONS; i++)
        if (rows[i].kind < ALIAS) {
            char left[64];
            snprintf(left, sizeof left, "--%s%s", rows[i].name, rows[i].kind == FLAG ? "" : "=...");
            printf("  %-32s %s\n", left, rows[i].help);
        }
    printf("\naccepted for scripts that give them:\n");
    for (int i = 0; i < EXEC_OPTIONS; i++) {
        if (rows[i].kind == ALIAS) printf("  --%-30s the same as --%s\n", rows[i].name, rows[i].help);
        else if (rows[i].kind > ALIAS && rows[i].kind < REFUSE) printf("  --%-30s %s\n", rows[i].name, rows[i].help);
    }
}

/* ---- one option ---- */
/* Shapes belong to the profile named before them, else to the only one. */
static bool add_shapes(exec_args *a, int option, const char *value) {
    int bound = option == EXEC_minShapes ? 0 : option == EXEC_optShapes ? 1 : 2;
    if (!a->nprofiles) a->nprofiles = 1;
    const char **at = &a->profiles[a->nprofiles - 1].bound[bound];
    if (*at) {
        log_error("--%s is given twice%s", rows[option].name,
                  given(a, EXEC_profile) ? " for one profile"
                                         : "; several profiles want --profile=N before their shapes");
        return false;
    }
    *at = value;
    return true;
}

static bool add_profile(exec_args *a, const char *value) {
    int64_t n;
    bool first = !given(a, EXEC_profile);
    if (!parse_int(value, &n) || n < 0) return log_error("--profile: '%s' is not a profile's number", value), false;
    if (first && a->nprofiles)
        return log_error("shapes stand before the first --profile; put them after theirs"), false;
    if (n != a->nprofiles)
        return log_error("--profile=%lld: profiles are numbered 0, 1, ... in order; the next is %d", (long long)n,
                         a->nprofiles),
               false;
    if (a->nprofiles == EXEC_MAX_PROFILES) return log_error("more than %d profiles", EXEC_MAX_PROFILES), false;
    a->nprofiles++;
    a->value[EXEC_profile] = value;
    return true;
}

static bool set_flag(exec_args *a, int option, const char *value) {
    static const char *const yes[] = {"", "1", "true", "on", "yes"}, *const no[] = {"0", "false", "off", "no"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strcmp(value, yes[i]) == 0) return a->value[option] = "", true;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (strcmp(value, no[i]) == 0) return a->value[option] = NULL, true;
    return log_error("--%s: '%s' is neither true nor false", rows[option].name, value), false;
}

static bool load(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    if (naru_plugin_load(path, &err) != NARU_OK) return log_error("%s", err.message), false;
    log_info("Loaded plugin library: %s", path);
    return true;
}

static bool carry(exec_args *a, const char *path) {
    if (a->nlibraries == EXEC_MAX_LIBRARIES) return log_error("more than %d libraries", EXEC_MAX_LIBRARIES), false;
    a->libraries[a->nlibraries++] = path;
    return true;
}

static bool set(exec_args *a, int option, const char *value) {
    const struct row *r = &rows[option];
    switch (r->kind) {
    case ALIAS:
        log_info("--%s is the old name of --%s", r->name, r->help);
        return set(a, find(r->help, strlen(r->help)), value ? value : "");
    case GPU:
    case GPU_TEXT:
    case OLD:
    case OLD_TEXT: log_info("--%s: %s", r->name, r->help); return true;
    case REFUSE:
    case REFUSE_TEXT: log_error("--%s: %s", r->name, r->help); return false;
    case FLAG: return set_flag(a, option, value);
    case PLUGIN: return load(value) && (option != EXEC_setPluginsToSerialize || carry(a, value));
    case LIST: return option == EXEC_profile ? add_profile(a, value) : add_shapes(a, option, value);
    case TEXT: break;
    }
    if (a->value[option]) return log_error("--%s is given twice", r->name), false;
    a->value[option] = value;
    return true;
}

static bool parse_word(exec_args *a, int argc, char **argv, int *at) {
    char *word = argv[*at];
    if (strcmp(word, "-h") == 0) return set(a, EXEC_help, "");
    if (strncmp(word, "--", 2) != 0) return unknown(word, word);
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    int i = find(name, n);
    char plain[80];
    snprintf(plain, sizeof plain, "%.*s", (int)n, name);
    if (i < 0) return unknown(word, plain);
    int target = rows[i].kind == ALIAS ? find(rows[i].help, strlen(rows[i].help)) : i;
    const char *value = equals ? equals + 1 : NULL;
    if (!value && takes_value(rows[target].kind)) {
        if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0) value = argv[++*at];
        else return log_error("--%s needs a value: %s", plain, rows[target].help), false;
    }
    return set(a, i, value ? value : "");
}

/* ---- numbers ---- */
static bool whole(const exec_args *a, exec_option o, int64_t least, int64_t *out) {
    if (!given(a, o)) return true;
    if (parse_int(a->value[o], out) && *out >= least) return true;
    return log_error("--%s: '%s' is not a whole number >= %lld", rows[o].name, a->value[o], (long long)least), false;
}

/* Each is a thread with memory of its own. */
static bool few_streams(const exec_args *a) {
    enum { MOST = 1024 };
    if (a->streams <= MOST) return true;
    return log_error("--infStreams: %lld is more than %d", (long long)a->streams, MOST), false;
}

static bool number(const exec_args *a, exec_option o, double least, double *out) {
    if (!given(a, o)) return true;
    char *end;
    double v = strtod(a->value[o], &end);
    if (*a->value[o] && !*end && v >= least && v <= 1e12) return *out = v, true;
    return log_error("--%s: '%s' is not a number >= %g", rows[o].name, a->value[o], least), false;
}

/* "1.5G"; without a suffix in `unit` bytes. */
static bool parse_size(const char *text, double unit, uint64_t *out) {
    char *end;
    double v = strtod(text, &end);
    if (end == text || !(v >= 0)) return false;
    switch (*end) {
    case 0: break;
    case 'B':
    case 'b': unit = 1; break;
    case 'K':
    case 'k': unit = 1024.0; break;
    case 'M':
    case 'm': unit = 1048576.0; break;
    case 'G':
    case 'g': unit = 1073741824.0; break;
    default: return false;
    }
    if (*end) end++;
    if (unit > 1 && (strcasecmp(end, "ib") == 0 || strcasecmp(end, "b") == 0)) end += strlen(end);
    if (*end || v * unit > 9e18) return false;
    *out = (uint64_t)(v * unit);
    return true;
}

static bool pools(exec_args *a) {
    static const char *const others[] = {"dlaSRAM", "dlaLocalDRAM", "dlaGlobalDRAM", "tacticSharedMem"};
    if (given(a, EXEC_workspace) && !parse_size(a->value[EXEC_workspace], 1048576.0, &a->workspace))
        return log_error("--workspace: '%s' is not a size", a->value[EXEC_workspace]), false;
    if (given(a, EXEC_workspace)) log_info("--workspace is the old form of --memPoolSize=workspace:SIZE");
    if (!given(a, EXEC_memPoolSize)) return true;
    spec_list l = {0};
    bool ok = spec_parse("memPoolSize", a->value[EXEC_memPoolSize], &l);
    for (size_t i = 0; ok && i < l.count; i++) {
        uint64_t bytes = 0;
        bool other = false;
        for (size_t k = 0; k < 4; k++) other |= strcmp(others[k], l.items[i].name) == 0;
        if (!other && strcmp(l.items[i].name, "workspace") != 0)
            ok = false, log_error("--memPoolSize: there is no pool '%s'; pools are workspace, dlaSRAM, dlaLocalDRAM, "
                                  "dlaGlobalDRAM, tacticSharedMem",
                                  l.items[i].name);
        else if (!parse_size(l.items[i].text, 1048576.0, &bytes))
            ok = false, log_error("--memPoolSize: '%s' is not a size", l.items[i].text);
        else if (other) log_info("--memPoolSize: the pool %s is a GPU's", l.items[i].name);
        else a->workspace = bytes;
    }
    spec_free(&l);
    return ok;
}

static bool percentiles(exec_args *a) {
    const char *text = given(a, EXEC_percentile) ? a->value[EXEC_percentile] : "90,95,99";
    for (const char *p = text; *p;) {
        char *end;
        double v = strtod(p, &end);
        if (end == p || (*end && *end != ',') || !(v >= 0 && v <= 100) || a->npercentiles == EXEC_MAX_PERCENTILES)
            return log_error("--percentile: '%s' is not a list of numbers from 0 to 100", text), false;
        a->percentiles[a->npercentiles++] = v;
        p = end + (*end == ',');
    }
    return true;
}

static bool numbers(exec_args *a) {
    a->iterations = 10, a->duration = 3, a->warm_up = 200, a->streams = 1, a->avg_runs = 10, a->level = 3;
    a->use_profile = -1;
    return whole(a, EXEC_iterations, 0, &a->iterations) && number(a, EXEC_duration, -1, &a->duration) &&
           number(a, EXEC_warmUp, 0, &a->warm_up) && number(a, EXEC_sleepTime, 0, &a->sleep) &&
           number(a, EXEC_idleTime, 0, &a->idle) && whole(a, EXEC_infStreams, 1, &a->streams) && few_streams(a) &&
           whole(a, EXEC_avgRuns, 1, &a->avg_runs) && whole(a, EXEC_builderOptimizationLevel, 0, &a->level) &&
           number(a, EXEC_maxBuildTime, 0, &a->build_time) && number(a, EXEC_accuracy, 0, &a->accuracy) &&
           whole(a, EXEC_avgTiming, 1, &a->avg_timing) && whole(a, EXEC_useProfile, 0, &a->use_profile) &&
           whole(a, EXEC_maxBatch, 1, &a->batch) && whole(a, EXEC_batch, 1, &a->batch) &&
           whole(a, EXEC_seed, 0, &a->seed) && pools(a) && percentiles(a);
}

static bool library_option(exec_args *a, exec_option o, const char *name) {
    naru_error err = NARU_ERROR_INIT;
    if (!given(a, o) || naru_options_set(a->options, name, a->value[o], &err) == NARU_OK) return true;
    return log_error("--%s: %s", rows[o].name, err.message), false;
}

static bool agree(const exec_args *a) {
    if (given(a, EXEC_saveEngine) && given(a, EXEC_loadEngine))
        return log_error("--saveEngine and --loadEngine cannot be given together"), false;
    if (!given(a, EXEC_onnx) && !given(a, EXEC_loadEngine))
        return log_error("Model missing or format not recognized: give --onnx=MODEL or --loadEngine=PLAN"), false;
    if (given(a, EXEC_onnx) && given(a, EXEC_loadEngine)) log_info("--onnx is not read: --loadEngine gives the engine");
    return true;
}

bool exec_parse(int argc, char **argv, exec_args *a, bool *done) {
    bool ok = true;
    *done = argc == 0;
    for (int i = 0; i < argc; i++) ok &= parse_word(a, argc, argv, &i);
    if (given(a, EXEC_help)) *done = true;
    if (*done) return print_help(), true;
    if (given(a, EXEC_engineHostCodeAllowed)) naru_options_set(a->options, "plan_code", "1", NULL);
    return ok && library_option(a, EXEC_cpuThreads, "threads") && library_option(a, EXEC_cpu, "cpu") && numbers(a) &&
           agree(a);
}
