/* SPDX-License-Identifier: MIT
 *
 * What the machine of TorchScript costs: an eager operator on one element, a simple instruction, a call. One thread;
 * the least of many rounds. Build: cmake --build build --target bench_vm; run: build/bench_vm
 */
#include <stdio.h>
#include <time.h>

#include "script/module.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Source of the one file of a unit made here. */
static const char SOURCE[] = "def count(n: int) -> int:\n"
                             "  s = 0\n"
                             "  for i in range(n):\n"
                             "    s = torch.add(s, torch.mul(i, 3))\n"
                             "  return s\n"
                             "def one(x: int) -> int:\n"
                             "  return x\n"
                             "def calls(n: int) -> int:\n"
                             "  s = 0\n"
                             "  for i in range(n):\n"
                             "    s = __torch__.one(i, )\n"
                             "  return s\n"
                             "def tensors(x: Tensor, n: int) -> Tensor:\n"
                             "  y = x\n"
                             "  for i in range(n):\n"
                             "    y = torch.add(y, x)\n"
                             "  return y\n"
                             "def tanhs(x: Tensor, n: int) -> Tensor:\n"
                             "  y = x\n"
                             "  for i in range(n):\n"
                             "    y = torch.tanh(y)\n"
                             "  return y\n"
                             "def views(x: Tensor, n: int) -> Tensor:\n"
                             "  y = x\n"
                             "  for i in range(n):\n"
                             "    y = torch.select(x, 0, 0)\n"
                             "  return y\n";

static naru_status source_of(void *user, const char *path, const char **text, size_t *n, naru_error *err) {
    *text = SOURCE;
    *n = sizeof SOURCE - 1;
    return NARU_OK;
}

/* Nanoseconds of one of the loop's rounds. */
static double measure(unit *u, eager *e, const char *name, bool tensor, int64_t rounds) {
    naru_error err = NARU_ERROR_INIT;
    sfunction *f;
    double best = 1e9;
    if (unit_function(u, name, &f, &err) != NARU_OK) return printf("%s\n", err.message), 0;
    sten *x = sten_new(NARU_FLOAT, 1, (const int64_t[]){1});
    if (!x) return 0;
    *(float *)x->t.data = 0.5f;
    sv args[2] = {tensor ? sv_of(x) : sv_int(rounds), sv_int(rounds)};
    for (int k = 0; k < 30; k++) {
        vm m;
        sv out = sv_none();
        double start = now();
        if (vm_init(&m, u, e) != NARU_OK || vm_call(&m, f, tensor ? 2 : 1, args, &out, &err) != NARU_OK)
            return printf("%s\n", err.message), 0;
        double t = (now() - start) / (double)rounds;
        if (t < best) best = t;
        sv_drop(out);
        vm_done(&m);
    }
    sobj_release(&x->head);
    return best * 1e9;
}

int main(void) {
    naru_error err = NARU_ERROR_INIT;
    unit *u;
    eager *e;
    pool *p;
    if (pool_create(1, 0, &p, &err) != NARU_OK || unit_new(source_of, NULL, 10, &u, &err) != NARU_OK ||
        eager_new(cpu_best(), p, 0, &e, &err) != NARU_OK)
        return puts(err.message), 1;
    printf("loop with two integer operators   %7.1f ns\n", measure(u, e, "__torch__.count", false, 100000));
    printf("call of a function                %7.1f ns\n", measure(u, e, "__torch__.calls", false, 100000));
    printf("add of two one-element tensors    %7.1f ns\n", measure(u, e, "__torch__.tensors", true, 10000));
    printf("tanh of a one-element tensor      %7.1f ns\n", measure(u, e, "__torch__.tanhs", true, 10000));
    printf("select, a view                    %7.1f ns\n", measure(u, e, "__torch__.views", true, 10000));
    eager_free(e);
    unit_free(u);
    pool_destroy(p);
    return 0;
}
