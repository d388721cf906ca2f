/* SPDX-License-Identifier: MIT
 *
 * CPUID, XGETBV and, for AMX, the kernel's permission plus one tile operation run under a SIGILL guard: virtual
 * machines hide the tile palette leaves (0x1D) of CPUs whose tiles work, and announce tiles that fault.
 * Everything is read once (pthread_once) and never changes.
 */
#include "base/cpu.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    cpu_level best;
    bool amd;
    long l1, l2, l3;
    char model[52];
} cpu_info;

static cpu_info g_cpu;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static const char *const level_names[CPU_LEVELS] = {"ref",        "avx2",       "avx512", "avx512vnni",
                                                    "avx512bf16", "avx512fp16", "amx"};

#if defined(__x86_64__)
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>

enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xe6, XCR0_AMX = 0x60000, ARCH_REQ_XCOMP_PERM_ = 0x1023, XFEATURE_XTILEDATA = 18 };

static unsigned xcr0(void) {
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

/* The probe runs in its own thread with SIGILL unblocked; the jump buffer is that thread's. */
static _Thread_local sigjmp_buf *probe_jump;
static void probe_fault(int sig) {
    if (probe_jump) siglongjmp(*probe_jump, 1);
    signal(sig, SIG_DFL);
}

/* ldtilecfg with palette 1, tilezero tmm0, tilerelease: raw bytes, so that this file needs no ISA flags. */
static bool amx_tile_works(void) {
    struct {
        unsigned char palette, start_row, reserved[14];
        unsigned short colsb[16];
        unsigned char rows[16];
    } config __attribute__((aligned(64)));
    memset(&config, 0, sizeof(config));
    config.palette = 1;
    config.colsb[0] = 64;
    config.rows[0] = 16;
    struct sigaction act, old;
    memset(&act, 0, sizeof(act));
    act.sa_handler = probe_fault;
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGILL, &act, &old) != 0) return false;
    sigjmp_buf jump;
    volatile bool works = false;
    if (sigsetjmp(jump, 1) == 0) {
        probe_jump = &jump;
        __asm__ volatile(".byte 0xc4,0xe2,0x78,0x49,0x00\n\t" /* ldtilecfg [rax] */
                         ".byte 0xc4,0xe2,0x7b,0x49,0xc0\n\t" /* tilezero tmm0 */
                         ".byte 0xc4,0xe2,0x78,0x49,0xc0\n\t" /* tilerelease */
                         :
                         : "a"(&config)
                         : "memory");
        works = true;
    }
    probe_jump = NULL;
    sigaction(SIGILL, &old, NULL);
    return works;
}

static bool amx_usable(unsigned edx7) {
    const unsigned amx_bits = 1u << 22 | 1u << 24 | 1u << 25; /* AMX_BF16, AMX_TILE, AMX_INT8 */
    if ((edx7 & amx_bits) != amx_bits || (xcr0() & XCR0_AMX) != XCR0_AMX) return false;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XFEATURE_XTILEDATA) != 0) return false;
    return amx_tile_works();
}

static bool has(unsigned reg, int bit) { return reg >> bit & 1; }

static cpu_level find_level(void) {
    unsigned a, b, c, d, b7, c7, d7;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return CPU_REF;
    bool fma = has(c, 12), osxsave = has(c, 27), avx = has(c, 28), f16c = has(c, 29);
    if (!fma || !osxsave || !avx || !f16c || (xcr0() & XCR0_AVX) != XCR0_AVX) return CPU_REF;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return CPU_REF;
    if (!has(b7, 5) || !has(b7, 8)) return CPU_REF;                                        /* AVX2, BMI2 */
    bool avx512 = has(b7, 16) && has(b7, 17) && has(b7, 28) && has(b7, 30) && has(b7, 31); /* F DQ CD BW VL */
    if (!avx512 || (xcr0() & XCR0_AVX512) != XCR0_AVX512) return CPU_AVX2;
    if (!has(c7, 11)) return CPU_AVX512;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !has(a, 5)) return CPU_AVX512VNNI;
    if (!has(d7, 23)) return CPU_AVX512BF16;
    return amx_usable(d7) ? CPU_AMX : CPU_AVX512FP16;
}

static bool find_amd(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && c == 0x444d4163; /* "cAMD", the end of "AuthenticAMD" */
}

static void find_model(char out[52]) {
    unsigned regs[12];
    memset(out, 0, 52);
    if (__get_cpuid_max(0x80000000u, NULL) < 0x80000004u) return;
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002u + i, &regs[4 * i], &regs[4 * i + 1], &regs[4 * i + 2], &regs[4 * i + 3]);
    char text[49] = {0};
    memcpy(text, regs, 48);
    const char *start = text;
    while (*start == ' ') start++;
    size_t n = strlen(start);
    while (n && start[n - 1] == ' ') n--;
    memcpy(out, start, n);
}
#else
static cpu_level find_level(void) { return CPU_REF; }
static bool find_amd(void) { return false; }
static void find_model(char out[52]) { out[0] = 0; }
#endif

static long cache_size(int name, long otherwise) {
    long n = sysconf(name);
    return n > 0 ? n : otherwise;
}

static void find_caches(cpu_info *info) {
    info->l1 = cache_size(_SC_LEVEL1_DCACHE_SIZE, 32 * 1024);
    info->l2 = cache_size(_SC_LEVEL2_CACHE_SIZE, 512 * 1024);
    info->l3 = cache_size(_SC_LEVEL3_CACHE_SIZE, 8 * 1024 * 1024);
}

static void detect(void) {
    g_cpu.best = find_level();
    g_cpu.amd = find_amd();
    find_model(g_cpu.model);
    find_caches(&g_cpu);
}

static const cpu_info *info(void) {
    pthread_once(&g_once, detect);
    return &g_cpu;
}

cpu_level cpu_best(void) { return info()->best; }
bool cpu_dot_bf16_is_fast(void) { return info()->amd; }
const char *cpu_model_name(void) { return info()->model; }
long cpu_cache_l1(void) { return info()->l1; }
long cpu_cache_l2(void) { return info()->l2; }
long cpu_cache_l3(void) { return info()->l3; }

const char *cpu_level_name(cpu_level level) { return (unsigned)level < CPU_LEVELS ? level_names[level] : "unknown"; }

bool cpu_level_parse(const char *name, cpu_level *out) {
    for (int i = 0; i < CPU_LEVELS; i++)
        if (strcmp(name, level_names[i]) == 0) return *out = (cpu_level)i, true;
    return false;
}
