/* SPDX-License-Identifier: MIT
 *
 * k_<family>_pick(): the first kernel of a family's list that a CPU level allows.
 */
#include "kernels/attention/attention.h"
#include "kernels/copy/copy.h"
#include "kernels/dwconv/dwconv.h"
#include "kernels/gemm/gemm.h"
#include "kernels/norm/norm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/pool/pool.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resize/resize.h"
#include "kernels/rnn/rnn.h"
#include "kernels/softmax/softmax.h"
#include "kernels/winograd/winograd.h"

#include <stddef.h>

#define PICK(family)                                                                                                   \
    const k_##family *k_##family##_pick(cpu_level level) {                                                             \
        for (size_t i = 0; i + 1 < sizeof family##_list / sizeof *family##_list; i++)                                  \
            if (family##_list[i].level <= level) return family##_list[i].kernel;                                       \
        return &k_##family##_ref;                                                                                      \
    }
#define LIST(family)                                                                                                   \
    static const struct {                                                                                              \
        cpu_level level;                                                                                               \
        const k_##family *kernel;                                                                                      \
    } family##_list[]
#undef KERNEL
#define KERNEL(level, symbol) {level, &symbol},
#define PORTABLE(symbol)

LIST(attention) = {
#include "kernels/attention/attention.def"
};
PICK(attention)

LIST(copy) = {
#include "kernels/copy/copy.def"
};
PICK(copy)

LIST(dwconv) = {
#include "kernels/dwconv/dwconv.def"
};
PICK(dwconv)

LIST(gemm) = {
#include "kernels/gemm/gemm.def"
};
PICK(gemm)

LIST(norm) = {
#include "kernels/norm/norm.def"
};
PICK(norm)

LIST(pointwise) = {
#include "kernels/pointwise/pointwise.def"
};
PICK(pointwise)

LIST(pool) = {
#include "kernels/pool/pool.def"
};
PICK(pool)

LIST(reduce) = {
#include "kernels/reduce/reduce.def"
};
PICK(reduce)

LIST(resize) = {
#include "kernels/resize/resize.def"
};
PICK(resize)

LIST(rnn) = {
#include "kernels/rnn/rnn.def"
};
PICK(rnn)

LIST(softmax) = {
#include "kernels/softmax/softmax.def"
};
PICK(softmax)

LIST(qgemm) = {
#include "kernels/qgemm/qgemm.def"
};
PICK(qgemm)

LIST(winograd) = {
#include "kernels/winograd/winograd.def"
};
PICK(winograd)
