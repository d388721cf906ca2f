/* SPDX-License-Identifier: MIT
 *
 * UTF-8 and change of case (util_text.h).
 */
#include "ops/util_text.h"

uint32_t text_next(const char *s, size_t n, size_t *len) {
    const uint8_t *p = (const uint8_t *)s;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = p[0] < 0x80                   ? 1
                  : p[0] >= 0xf0 && p[0] < 0xf8 ? 4
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                  : p[0] >= 0xc0 && p[0] < 0xe0 ? 2
                                                : 0;
    *len = 1;
    if (need == 1) return p[0];
    if (!need || need > n) return 0x110000u + p[0];
    uint32_t cp = p[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0x110000u + p[0];
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least[need] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) return 0x110000u + p[0];
    *len = need;
    return cp;
}

/* Code points first..last whose lower case is `shift` above (stride 1), or that alternate upper, lower, ... (stride 2).
 */
typedef struct case_range {
    uint16_t first, last, stride;
    int16_t shift;
} case_range;

static const case_range k_cases[] = {
    {'A', 'Z', 1, 32},      {0xc0, 0xd6, 1, 32},    {0xd8, 0xde, 1, 32},     {0x100, 0x12e, 2, 1},
    {0x132, 0x136, 2, 1},   {0x139, 0x147, 2, 1},   {0x14a, 0x176, 2, 1},    {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1},   {0x1cd, 0x1db, 2, 1},   {0x1de, 0x1ee, 2, 1},    {0x1f8, 0x21e, 2, 1},
    {0x222, 0x232, 2, 1},   {0x370, 0x372, 2, 1},   {0x386, 0x386, 1, 38},   {0x388, 0x38a, 1, 37},
    {0x38c, 0x38c, 1, 64},  {0x38e, 0x38f, 1, 63},  {0x391, 0x3a1, 1, 32},   {0x3a3, 0x3ab, 1, 32},
    {0x3d8, 0x3ee, 2, 1},   {0x400, 0x40f, 1, 80},  {0x410, 0x42f, 1, 32},   {0x460, 0x480, 2, 1},
    {0x48a, 0x4be, 2, 1},   {0x4c1, 0x4cd, 2, 1},   {0x4d0, 0x52e, 2, 1},    {0x531, 0x556, 1, 48},
    {0x1e00, 0x1e94, 2, 1}, {0x1ea0, 0x1efe, 2, 1}, {0x2160, 0x216f, 1, 16}, {0xff21, 0xff3a, 1, 32},
};

uint32_t text_lower(uint32_t cp) {
    if (cp == 0x130) return 'i';
    for (size_t i = 0; i < COUNT_OF(k_cases); i++) {
        const case_range *r = &k_cases[i];
        if (cp >= r->first && cp <= r->last && (cp - r->first) % r->stride == 0)
            return (uint32_t)((int32_t)cp + r->shift);
    }
    return cp;
}

uint32_t text_upper(uint32_t cp) {
    if (cp == 0x131) return 'I';
    if (cp == 0x17f) return 'S';
    if (cp == 0xb5) return 0x39c;
    if (cp == 0x3c2) return 0x3a3;
    for (size_t i = 0; i < COUNT_OF(k_cases); i++) {
        const case_range *r = &k_cases[i];
        uint32_t up = (uint32_t)((int32_t)cp - r->shift);
        if (up >= r->first && up <= r->last && (up - r->first) % r->stride == 0) return up;
    }
    return cp;
}

void text_append(str *out, uint32_t cp) {
    char b[4];
    size_t n = 0;
    if (cp >= 0x110000) b[n++] = (char)(cp - 0x110000);
    else if (cp < 0x80) b[n++] = (char)cp;
    else {
        int more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        b[n++] = (char)(lead[more] | cp >> (6 * more));
        while (more-- > 0) b[n++] = (char)(0x80 | (cp >> (6 * more) & 0x3f));
    }
    str_add_n(out, b, n);
}

void text_map(str *out, const char *s, size_t n, uint32_t (*map)(uint32_t)) {
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp = text_next(s + i, n - i, &len);
        text_append(out, map(cp));
    }
}
