/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target without a fuzzing engine: every file of the folders (or files) given is fed to
 * LLVMFuzzerTestOneInput whole, cut short at several lengths, and with single bytes changed, so that the seeds
 * are a test of bad input too. The bytes are in a heap block of exactly their size: an overrun is seen by ASan.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 16, CHANGES = 64, SEED_BYTES_MAX = 1 << 20 };

static size_t inputs;

static void feed(const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) exit(2);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
}

static void feed_variants(uint8_t *data, size_t size) {
    feed(data, size);
    for (size_t cut = 0; cut < CUTS; cut++) feed(data, size * cut / CUTS);
    uint64_t state = size * 0x9E3779B97F4A7C15u + 1;
    for (int k = 0; k < CHANGES && size > 0; k++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(state >> 33) % size;
        uint8_t before = data[at];
        data[at] ^= (uint8_t)(1 + (state >> 20) % 255);
        feed(data, size);
        data[at] = before;
    }
}

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(SEED_BYTES_MAX);
    if (!f || !data) {
        fprintf(stderr, "%s: cannot read\n", path);
        exit(2);
    }
    size_t size = fread(data, 1, SEED_BYTES_MAX, f);
    fclose(f);
    feed_variants(data, size);
    free(data);
    return 1;
}

static int replay(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) return replay_file(path);
    DIR *dir = opendir(path);
    int files = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        files += replay(child);
    }
    if (dir) closedir(dir);
    return files;
}

int main(int argc, char **argv) {
    int files = 0;
    for (int i = 1; i < argc; i++) files += replay(argv[i]);
    printf("%d seeds, %zu inputs\n", files, inputs);
    return files > 0 ? 0 : 1; /* a target without seeds is a mistake */
}
