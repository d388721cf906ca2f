/* SPDX-License-Identifier: MIT
 *
 * naru: dispatch to the subcommands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

typedef struct entry {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} entry;

static const entry commands[] = {
    {"info", "inputs, outputs, opsets, parameters, memory, operators of a model", cmd_info},
    {"check", "every error in a model, with a code and a place", cmd_check},
    {"run", "run a model on files or random inputs", cmd_run},
    {"verify", "compare a model with recorded outputs or with another model", cmd_verify},
    {"bench", "latency by batch and threads, load time, memory", cmd_bench},
    {"exec", "build, load and measure an engine, with trtexec's command line", cmd_exec},
    {"export", "a TorchScript module as an ONNX model", cmd_export},
    {"convert-version", "an ONNX model at another opset", cmd_convert_version},
    {"quantize", "an ONNX model in 8 or 4 bits, calibrated on samples", cmd_quantize},
    {"list", "what this build has: ops, kernels, passes, knobs, options", cmd_list},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int help(FILE *to) {
    fprintf(to, "usage: naru COMMAND ... [options]\n\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nnaru COMMAND --help tells more. Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 bad input file,\n"
                "4 unsupported, 5 internal error.\n");
    return to == stdout ? CODE_OK : CODE_USAGE;
}

static int unknown(const char *name) {
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *near = nearest(name, names, COMMANDS);
    if (near) return usage(NULL, "unknown command '%s'; did you mean '%s'?", name, near);
    return usage(NULL, "unknown command '%s'", name);
}

static bool called(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, name) == 0;
}

/* A stream that came closed must not become a file that is opened next. What stands in for it refuses as one would
 * that is closed. */
static void keep_streams(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0) break;
}

static int dispatch(int argc, char **argv) {
    if (argc > 0 && (called(argv[0], "naruexec") || called(argv[0], "trtexec"))) return cmd_exec(argc - 1, argv + 1);
    if (argc < 2) return help(stderr);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) return help(stdout);
    if (strcmp(name, "--version") == 0) return printf("naru %s\n", naru_version()), CODE_OK;
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return commands[i].run(argc - 2, argv + 2);
    return unknown(name);
}

int main(int argc, char **argv) {
    keep_streams();
    int code = dispatch(argc, argv);
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    return fail_text(CODE_BAD_FILE, "standard output: %s", errno ? strerror(errno) : "cannot write");
}
