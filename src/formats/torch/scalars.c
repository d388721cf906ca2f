/* SPDX-License-Identifier: MIT
 *
 * PyTorch's element types by code, by name, by storage class, and as Naru's.
 */
#include "formats/torch/tensors.h"

static const struct scalar {
    torch_scalar code;
    naru_dtype dtype;
    const char *name, *python;
} table[] = {
#define TORCH_SCALAR(name, code, dtype, python) {TORCH_##name, dtype, #name, python},
#include "formats/torch/scalars.def"
#undef TORCH_SCALAR
};

/* Python's other names, and those of ScalarType that differ from the storage class. */
static const struct alias {
    const char *name;
    torch_scalar code;
} aliases[] = {
    {"half", TORCH_Half},
    {"float", TORCH_Float},
    {"double", TORCH_Double},
    {"short", TORCH_Short},
    {"int", TORCH_Int},
    {"long", TORCH_Long},
    {"chalf", TORCH_ComplexHalf},
    {"cfloat", TORCH_ComplexFloat},
    {"cdouble", TORCH_ComplexDouble},
};

static const struct scalar *find(torch_scalar s) {
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].code == s) return &table[i];
    return NULL;
}

naru_dtype torch_scalar_dtype(torch_scalar s) { return find(s) ? find(s)->dtype : NARU_UNDEFINED; }
const char *torch_scalar_name(torch_scalar s) { return find(s) ? find(s)->name : NULL; }
const char *torch_scalar_python(torch_scalar s) { return find(s) ? find(s)->python : NULL; }

torch_scalar torch_scalar_of_python(const char *name) {
    if (str_starts(name, "torch.")) name += strlen("torch.");
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (!strcmp(table[i].python, name)) return table[i].code;
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (!strcmp(aliases[i].name, name)) return aliases[i].code;
    return TORCH_SCALAR_NONE;
}

torch_scalar torch_scalar_of_storage(const char *name) {
    size_t n = strlen(name), suffix = strlen("Storage");
    if (!str_ends(name, "Storage")) return TORCH_SCALAR_NONE;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strlen(table[i].name) == n - suffix && !memcmp(table[i].name, name, n - suffix)) return table[i].code;
    return TORCH_SCALAR_NONE;
}

torch_scalar torch_scalar_of_dtype(naru_dtype dtype) {
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].dtype == dtype && !torch_scalar_quantized(table[i].code)) return table[i].code;
    return TORCH_SCALAR_NONE;
}

size_t torch_scalar_size(torch_scalar s) {
    if (s == TORCH_ComplexHalf) return 4;
    if (s == TORCH_QUInt4x2 || s == TORCH_QUInt2x4) return 1;
    return (size_t)naru_dtype_bits(torch_scalar_dtype(s)) / 8;
}

bool torch_scalar_quantized(torch_scalar s) {
    return s == TORCH_QInt8 || s == TORCH_QUInt8 || s == TORCH_QInt32 || s == TORCH_QUInt4x2 || s == TORCH_QUInt2x4;
}
