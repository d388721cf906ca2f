/* SPDX-License-Identifier: MIT
 *
 * One option parser for every subcommand: `--name value` and `--name=value`, operands anywhere, `--` ends options, `-o`
 * is --output where there is one. The options of sessions come from options.def and are checked by the library;
 * --plugins is an option of every command.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct library_option {
    const char *name, *type, *dflt, *unit, *help;
} library_option;

static const library_option library[] = {
#define NARU_OPTION(name, type, dflt, min, max, unit, help) {#name, #type, dflt, unit, help},
#include "naru/options.def"
#undef NARU_OPTION
};
enum { LIBRARY = sizeof library / sizeof library[0], MAX_NAMES = LIBRARY + 41 };

bool parse_int(const char *s, int64_t *out) {
    char *end;
    if (!*s || strspn(s, "0123456789+-") != strlen(s)) return false;
    errno = 0;
    *out = strtoll(s, &end, 10);
    return !*end && errno == 0;
}

static bool parse_real(const char *s, double *out) {
    char *end;
    if (!*s || strspn(s, "0123456789+-.eE") != strlen(s)) return false;
    *out = strtod(s, &end); /* the command never leaves the "C" locale */
    return !*end && *out >= 0;
}

bool parse_ints(const char *s, int64_t least, int_list *out) {
    char *copy = copy_text(s, strlen(s)), *at = copy, *item;
    bool ok = true;
    while (ok && (item = strsep(&at, ","))) {
        int64_t v;
        ok = parse_int(item, &v) && v >= least;
        if (!ok) break;
        out->items = regrow(out->items, (out->count + 1) * sizeof *out->items);
        out->items[out->count++] = v;
    }
    free(copy);
    return ok;
}

/* ---- plugins: of every command, loaded as they are read ---- */
static const char plugins_option[] = "plugins";

static int load_plugin(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    return naru_plugin_load(path, &err) == NARU_OK ? -1 : fail(&err);
}

/* ---- help ---- */
static void print_option(const char *name, const char *metavar, const char *help) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, metavar && *metavar ? " " : "", metavar ? metavar : "");
    if (strlen(left) > 26) printf("  %s\n  %-26s  %s\n", left, "", help);
    else printf("  %-26s  %s\n", left, help);
}

static bool own(const arg *args, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(args[i].name, name) == 0) return true;
    return false;
}

static const char *library_metavar(const library_option *o) {
    if (strcmp(o->type, "BOOL") == 0) return "0|1";
    if (strcmp(o->type, "INT") == 0) return "N";
    return strcmp(o->unit, "file") == 0 ? "FILE" : strcmp(o->unit, "level") == 0 ? "LEVEL" : "NAME";
}

static void print_help(const command *c, const arg *args, size_t n) {
    printf("usage: naru %s %s [options]\n\n%s\n", c->name, c->operands, c->summary);
    if (c->details) printf("\n%s\n", c->details);
    printf("\noptions:\n");
    for (size_t i = 0; i < n; i++) print_option(args[i].name, args[i].metavar, args[i].help);
    for (size_t i = 0; c->session && i < LIBRARY; i++)
        if (!own(args, n, library[i].name))
            print_option(library[i].name, library_metavar(&library[i]), library[i].help);
    print_option(plugins_option, "LIB", "load a plugin library: operators of your own (repeatable)");
    print_option("help", NULL, "this text");
}

/* ---- parsing ---- */
static int unknown_option(const command *c, const arg *args, size_t n, const char *name) {
    const char *names[MAX_NAMES];
    size_t count = 0;
    names[count++] = "help";
    names[count++] = plugins_option;
    for (size_t i = 0; i < n && count < MAX_NAMES; i++) names[count++] = args[i].name;
    for (size_t i = 0; c->session && i < LIBRARY && count < MAX_NAMES; i++) names[count++] = library[i].name;
    const char *near = nearest(name, names, count);
    if (near) return usage(c->name, "unknown option '--%s'; did you mean '--%s'?", name, near);
    return usage(c->name, "unknown option '--%s'", name);
}

static int set(const command *c, const arg *a, const char *value) {
    if (a->given) *a->given = true;
    switch (a->type) {
    case ARG_FLAG: *(bool *)a->target = true; break;
    case ARG_TEXT: *(const char **)a->target = value; break;
    case ARG_TEXTS: {
        text_list *l = a->target;
        l->items = regrow(l->items, (l->count + 1) * sizeof *l->items);
        l->items[l->count++] = value;
        break;
    }
    case ARG_INTS:
        if (!parse_ints(value, a->least, a->target))
            return usage(c->name, "--%s: '%s' is not a list of whole numbers >= %lld such as 1,2,4", a->name, value,
                         (long long)a->least);
        break;
    case ARG_INT:
        if (!parse_int(value, a->target) || *(int64_t *)a->target < a->least)
            return usage(c->name, "--%s: '%s' is not a whole number >= %lld", a->name, value, (long long)a->least);
        break;
    case ARG_REAL:
        if (!parse_real(value, a->target)) return usage(c->name, "--%s: '%s' is not a number >= 0", a->name, value);
        break;
    }
    return -1;
}

typedef struct cursor {
    int argc, at;
    char **argv;
} cursor;

/* The value of an option: after '=', else the next word. */
static const char *value_of(cursor *k, const char *after_equals) {
    if (after_equals) return after_equals;
    return k->at + 1 < k->argc ? k->argv[++k->at] : NULL;
}

static int set_library(const command *c, const char *name, const char *value, naru_options *options) {
    naru_error err = NARU_ERROR_INIT;
    if (!value) return usage(c->name, "--%s needs a value", name);
    if (naru_options_set(options, name, value, &err) == NARU_OK) return -1;
    return usage(c->name, "--%s: %s", name, err.message);
}

static int parse_option(const command *c, const arg *args, size_t n, naru_options *options, cursor *k) {
    const char *word = k->argv[k->at] + 2, *equals = strchr(word, '=');
    char name[64];
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(args[i].name, name) != 0) continue;
        if (args[i].type == ARG_FLAG && equals) return usage(c->name, "--%s takes no value", name);
        const char *value = args[i].type == ARG_FLAG ? "" : value_of(k, equals ? equals + 1 : NULL);
        return value ? set(c, &args[i], value) : usage(c->name, "--%s needs a value: %s", name, args[i].metavar);
    }
    if (strcmp(name, plugins_option) == 0) {
        const char *value = value_of(k, equals ? equals + 1 : NULL);
        return value ? load_plugin(value) : usage(c->name, "--%s needs a value: LIB", name);
    }
    for (size_t i = 0; c->session && i < LIBRARY; i++)
        if (strcmp(library[i].name, name) == 0)
            return set_library(c, name, value_of(k, equals ? equals + 1 : NULL), options);
    return unknown_option(c, args, n, name);
}

static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

int args_parse(const command *c, const arg *args, size_t n, naru_options *options, int argc, char **argv,
               const char **operands) {
    if (asks_help(argc, argv)) return print_help(c, args, n), CODE_OK;
    bool only_operands = false;
    int given = 0;
    for (cursor k = {argc, 0, argv}; k.at < argc; k.at++) {
        const char *word = argv[k.at];
        if (!only_operands && strcmp(word, "--") == 0) only_operands = true;
        else if (!only_operands && word[0] == '-' && word[1] == '-') {
            int code = parse_option(c, args, n, options, &k);
            if (code >= 0) return code;
        } else if (!only_operands && strcmp(word, "-o") == 0 && own(args, n, "output")) {
            static char output[] = "--output";
            k.argv[k.at] = output;
            int code = parse_option(c, args, n, options, &k);
            if (code >= 0) return code;
        } else if (!only_operands && word[0] == '-' && word[1]) return usage(c->name, "unknown option '%s'", word);
        else if (given < c->noperands) operands[given++] = word;
        else return usage(c->name, "unexpected '%s'; usage: naru %s %s", word, c->name, c->operands);
    }
    if (given < c->noperands) return usage(c->name, "too few operands; usage: naru %s %s", c->name, c->operands);
    return -1;
}
