/* SPDX-License-Identifier: MIT
 *
 * The words of kernels/tiles.h against scalar C, each with tiles of all four quarters of the file: a program that
 * includes this is the test of one implementation. Sums of BF16 are of small integers, exact in any order; their
 * rounding is tests/kernels/gemm16.c's. TILES_LEVEL is what the CPU needs.
 */
#include "kcheck.h"
#include "kernels/tiles.h"
#include "tensor/dtype.h"

enum { WORDS = 16 * 16 };

static void fill(void *p, size_t n) {
    for (unsigned char *b = p; n-- > 0;) *b++ = (unsigned char)kc_next();
}

#define MOVE(t)                                                                                                        \
    static void move_##t(const void *from, int64_t fs, void *to, int64_t ts, void *zeros) {                            \
        TILES;                                                                                                         \
        TILE_LOAD(t, from, fs);                                                                                        \
        TILE_STORE(t, to, ts);                                                                                         \
        TILE_ZERO(t);                                                                                                  \
        TILE_STORE(t, zeros, 64);                                                                                      \
    }
MOVE(0)
MOVE(1)
MOVE(2)
MOVE(3)
MOVE(4)
MOVE(5)
MOVE(6)
MOVE(7)

#define DOT(name, word, c, a, b)                                                                                       \
    static void name(uint32_t *sums, const uint32_t *x, const uint32_t *y) {                                           \
        TILES;                                                                                                         \
        TILE_LOAD(c, sums, 64);                                                                                        \
        TILE_LOAD(a, x, 64);                                                                                           \
        TILE_LOAD(b, y, 64);                                                                                           \
        word(c, a, b);                                                                                                 \
        TILE_STORE(c, sums, 64);                                                                                       \
    }
DOT(u8s8_046, TILE_DOT_U8S8, 0, 4, 6)
DOT(u8s8_157, TILE_DOT_U8S8, 1, 5, 7)
DOT(u8s8_320, TILE_DOT_U8S8, 3, 2, 0)
DOT(bf16_046, TILE_DOT_BF16, 0, 4, 6)
DOT(bf16_257, TILE_DOT_BF16, 2, 5, 7)
DOT(bf16_310, TILE_DOT_BF16, 3, 1, 0)

static void test_moves(void **state) {
    static void (*const moves[8])(const void *, int64_t, void *, int64_t, void *) = {move_0, move_1, move_2, move_3,
                                                                                     move_4, move_5, move_6, move_7};
    for (int t = 0; t < 8; t++) {
        const int64_t fs = t == 3 ? 0 : 64 + 4 * kc_int(0, 60), ts = 64 + 4 * kc_int(0, 9);
        kc_buf from = kc_alloc(15 * fs + 64, 1), to = kc_alloc(15 * ts + 64, 1), zeros = kc_alloc(1024, 1);
        fill(from.data, from.bytes), fill(zeros.data, zeros.bytes);
        TILES_BEGIN;
        moves[t](from.data, fs, to.data, ts, zeros.data);
        TILES_END;
        for (int r = 0; r < 16; r++) assert_memory_equal(to.data + r * ts, from.data + r * fs, 64);
        for (int r = 0; r < 15; r++) /* between the rows nothing is written */
            for (int64_t i = 64; i < ts; i++) assert_int_equal(to.data[r * ts + i], 0xA5);
        for (int i = 0; i < 1024; i++) assert_int_equal(zeros.data[i], 0);
        kc_free(&from), kc_free(&to), kc_free(&zeros);
    }
}

static void test_u8s8(void **state) {
    static void (*const dots[])(uint32_t *, const uint32_t *, const uint32_t *) = {u8s8_046, u8s8_157, u8s8_320};
    for (int round = 0; round < 30; round++) {
        uint32_t sums[WORDS], want[WORDS], x[WORDS], y[WORDS];
        fill(sums, sizeof sums), fill(x, sizeof x), fill(y, sizeof y);
        if (round % 3 == 0) memset(x, 255, sizeof x), memset(y, 128, sizeof y); /* 64 products of 255 and -128 */
        for (int i = 0; i < WORDS; i++) {
            want[i] = sums[i];
            for (int k = 0; k < 64; k++) {
                const uint8_t u = ((const uint8_t *)&x[i / 16 * 16])[k];
                const int8_t s = ((const int8_t *)&y[k / 4 * 16 + i % 16])[k % 4];
                want[i] += (uint32_t)(u * s);
            }
        }
        TILES_BEGIN;
        dots[round % 3](sums, x, y);
        TILES_END;
        assert_memory_equal(sums, want, sizeof sums);
    }
}

static void test_bf16(void **state) {
    static void (*const dots[])(uint32_t *, const uint32_t *, const uint32_t *) = {bf16_046, bf16_257, bf16_310};
    for (int round = 0; round < 30; round++) {
        float sums[WORDS], want[WORDS];
        uint16_t x[2 * WORDS], y[2 * WORDS];
        for (int i = 0; i < 2 * WORDS; i++)
            x[i] = bf16_from_float((float)kc_int(-100, 100)), y[i] = bf16_from_float((float)kc_int(-100, 100));
        for (int i = 0; i < WORDS; i++) {
            want[i] = sums[i] = (float)kc_int(-1000, 1000);
            for (int k = 0; k < 32; k++)
                want[i] += bf16_to_float(x[i / 16 * 32 + k]) * bf16_to_float(y[(k / 2 * 16 + i % 16) * 2 + k % 2]);
        }
        uint32_t words[3][WORDS];
        memcpy(words[0], sums, sizeof sums), memcpy(words[1], x, sizeof x), memcpy(words[2], y, sizeof y);
        TILES_BEGIN;
        dots[round % 3](words[0], words[1], words[2]);
        TILES_END;
        assert_memory_equal(words[0], want, sizeof want);
    }
}

int main(void) {
    if (cpu_best() < TILES_LEVEL) return printf("not run: this CPU has no AMX tiles\n"), 77;
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves), cmocka_unit_test(test_u8s8),
                                       cmocka_unit_test(test_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
