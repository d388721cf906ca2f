/* SPDX-License-Identifier: MIT
 *
 * The machine: hand-assembled code through the verifier (what it accepts and refuses), and functions of archive text
 * through calls, loops, exceptions with their tracebacks, and the limits: depth, budget, cancellation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing.h"
#include "script/eager.h"
#include "script/opcodes.h"
#include "script/vm.h"

/* ---- by hand ---- */
static sfunction assembled(insn *insns, int n, int nregs, int nparams) {
    static sparam params[4];
    return (sfunction){.qualname = "test",
                       .name = "test",
                       .state = FN_COMPILED,
                       .nparams = nparams,
                       .params = params,
                       .code = {.insns = insns, .ninsns = n, .nregs = nregs}};
}
#define CODE(...) (insn[]){__VA_ARGS__}, (int)(sizeof((insn[]){__VA_ARGS__}) / sizeof(insn))
#define I(op, ...)                                                                                                     \
    { INSN_##op, __VA_ARGS__ }
#define ABC(a, b, c)     0, (a), (b), (c)
#define NABC(n, a, b, c) (n), (a), (b), (c)

static void accepts(insn *insns, int n, int nregs) {
    sfunction f = assembled(insns, n, nregs, 0);
    naru_error err = NARU_ERROR_INIT;
    if (code_verify(&f, &err) != NARU_OK) fail_msg("%s", err.message);
}
static void refuses(insn *insns, int n, int nregs, const char *why) {
    sfunction f = assembled(insns, n, nregs, 0);
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(code_verify(&f, &err), NARU_INTERNAL);
    if (!strstr(err.message, why)) fail_msg("'%s', wanted '%s'", err.message, why);
}

static void the_verifier_accepts_nested_statements(void **state) {
    accepts(CODE(I(RET, ABC(0, 0, 0))), 1);
    accepts(CODE(I(IF, ABC(0, 3, 4)), I(MOVE, ABC(0, 1, 0)), I(JMP, ABC(4, 0, 0)), I(MOVE, ABC(1, 0, 0)),
                 I(RET, ABC(0, 0, 0))),
            2);
    accepts(CODE(I(IF, ABC(0, 2, 2)), I(MOVE, ABC(0, 1, 0)), I(RET, ABC(0, 0, 0))), 2);
    accepts(CODE(I(IF, ABC(0, 2, 3)), I(RET, ABC(0, 0, 0)), I(CLEAR, ABC(1, 0, 0)), I(RET, ABC(0, 0, 0))), 2);
    accepts(CODE(I(FOR, ABC(0, 1, 5)), I(WHILE, ABC(2, 0, 4)), I(CLEAR, ABC(0, 0, 0)), I(AGAIN, ABC(1, 0, 0)),
                 I(NEXT, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))),
            3);
}

static void the_verifier_refuses_what_could_go_wrong(void **state) {
    refuses(CODE(I(RET, ABC(1, 0, 0))), 1, "no such register");
    refuses(CODE(I(CONST, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))), 1, "no such constant");
    refuses(CODE(I(OP, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))), 1, "no such call");
    refuses(CODE(I(NEW, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))), 1, "no such type");
    refuses(CODE(I(MOVE, ABC(0, 0, 0))), 1, "the end is open");
    refuses(CODE(I(JMP, ABC(1, 0, 0)), I(RET, ABC(0, 0, 0))), 1, "outside of its statement");
    refuses(CODE(I(UNPACK, NABC(3, 0, 0, 0)), I(RET, ABC(0, 0, 0))), 2, "registers out of bounds");
    refuses(CODE(I(IF, ABC(0, 9, 9)), I(RET, ABC(0, 0, 0))), 1, "no such place");
    refuses(CODE(I(CLEAR, ABC(0, 0, 0)), I(IF, ABC(0, 1, 2)), I(RET, ABC(0, 0, 0))), 1, "parts out of order");
    refuses(CODE(I(IF, ABC(0, 2, 3)), I(CLEAR, ABC(0, 0, 0)), I(CLEAR, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))), 1,
            "runs into the second");
    refuses(CODE(I(FOR, ABC(0, 1, 2)), I(CLEAR, ABC(0, 0, 0)), I(RET, ABC(0, 0, 0))), 2, "body not ended");
    refuses(CODE(I(FOR, ABC(0, 1, 3)), I(WHILE, ABC(0, 0, 3)), I(AGAIN, ABC(1, 0, 0)), I(RET, ABC(0, 0, 0))), 2,
            "body not ended");
    refuses((insn[]){{200, 0, 0, 0, 0}, I(RET, ABC(0, 0, 0))}, 2, 1, "unknown");
}

static void registers_out_of_type_are_errors(void **state) {
    static const struct {
        insn i;
    } bad[] = {{I(ATTR, ABC(1, 0, 0))},
               {I(SETATTR, ABC(0, 0, 1))},
               {I(ITEM, ABC(1, 0, 0))},
               {I(TSLICE, NABC(1, 1, 0, 0))},
               {I(UNPACK, NABC(1, 1, 0, 0))}};
    for (size_t k = 0; k < COUNT_OF(bad); k++) {
        insn insns[] = {bad[k].i, I(RET, ABC(1, 0, 0))};
        sfunction f = assembled(insns, 2, 2, 1);
        naru_error err = NARU_ERROR_INIT;
        vm m;
        sv out, in = sv_int(3);
        f.params = &(sparam){.name = "x", .type = &stype_any};
        assert_int_equal(code_verify(&f, &err), NARU_OK);
        assert_int_equal(vm_init(&m, NULL, NULL), NARU_OK);
        assert_int_equal(vm_call(&m, &f, 1, &in, &out, &err), NARU_INTERNAL);
        vm_done(&m);
    }
}

/* ---- from text ---- */
typedef struct house {
    unit *u;
    pool *p;
    eager *e;
    vm m;
    naru_error err;
} house;

static naru_status source_of(void *user, const char *path, const char **text, size_t *n, naru_error *err) {
    if (strcmp(path, "__torch__.py") != 0) return err_set(err, NARU_NOT_FOUND, "%s", path);
    *text = user;
    *n = strlen(*text);
    return NARU_OK;
}

static house open_house(const char *text) {
    house h = {.err = NARU_ERROR_INIT};
    if (unit_new(source_of, (void *)text, 10, &h.u, &h.err) != NARU_OK) fail_msg("%s", h.err.message);
    assert_int_equal(pool_create(1, 0, &h.p, &h.err), NARU_OK);
    assert_int_equal(eager_new(cpu_best(), h.p, 1, &h.e, &h.err), NARU_OK);
    assert_int_equal(vm_init(&h.m, h.u, h.e), NARU_OK);
    return h;
}
static void close_house(house *h) {
    vm_done(&h->m);
    eager_free(h->e);
    pool_destroy(h->p);
    unit_free(h->u);
}

static naru_status call(house *h, const char *name, int n, const sv *args, sv *out) {
    char full[64];
    sfunction *f;
    snprintf(full, sizeof full, "__torch__.%s", name);
    if (unit_function(h->u, full, &f, &h->err) != NARU_OK) fail_msg("%s", h->err.message);
    naru_status st = vm_call(&h->m, f, n, args, out, &h->err);
    assert_null(h->m.top);
    assert_int_equal(h->m.depth, 0);
    if (st == NARU_OK && code_verify(f, &h->err) != NARU_OK) fail_msg("%s", h->err.message);
    return st;
}
static int64_t call_int(house *h, const char *name, int64_t x) {
    sv out, in = sv_int(x);
    if (call(h, name, 1, &in, &out) != NARU_OK) fail_msg("%s", h->err.message);
    assert_int_equal(out.tag, SV_INT);
    return out.i;
}

static const char program[] = "def sum_to(n: int) -> int:\n"
                              "  s = 0\n"
                              "  for i in range(n):\n"
                              "    s = torch.add(s, torch.remainder(torch.mul(i, 3), 7))\n"
                              "  return s\n"
                              "def deep(n: int) -> int:\n"
                              "  if torch.gt(n, 0):\n"
                              "    r = torch.add(__torch__.deep(torch.sub(n, 1), ), 1)\n"
                              "  else:\n"
                              "    r = 0\n"
                              "  return r\n"
                              "def forever(n: int) -> int:\n"
                              "  go = True\n"
                              "  while go:\n"
                              "    n = torch.add(n, 1)\n"
                              "  return n\n"
                              "def inner(n: int) -> int:\n"
                              "  if torch.eq(n, 1):\n"
                              "    ops.prim.RaiseException(\"no ones\", \"builtins.ValueError\")\n"
                              "  else:\n"
                              "    pass\n"
                              "  l = [n]\n"
                              "  return l[5]\n"
                              "def outer(n: int) -> int:\n"
                              "  return __torch__.inner(n, )\n"
                              "def defaults(a: int, b: int=5, c: float=0.5) -> float:\n"
                              "  return torch.mul(torch.add(a, b), c)\n"
                              "def nest(n: int) -> List[Any]:\n"
                              "  l = annotate(List[Any], [])\n"
                              "  for i in range(n):\n"
                              "    k = annotate(List[Any], [])\n"
                              "    _0 = torch.append(k, l)\n"
                              "    l = k\n"
                              "  return l\n"
                              "def two(l: List[int]) -> int:\n"
                              "  a, b, = l\n"
                              "  return torch.add(a, b)\n"
                              "class Item(Module):\n"
                              "  key : int\n"
                              "  name : str\n"
                              "  def __lt__(self: __torch__.Item,\n"
                              "    other: __torch__.Item) -> bool:\n"
                              "    return torch.lt(self.key, other.key)\n"
                              "def item(key: int) -> __torch__.Item:\n"
                              "  i = __torch__.Item.__new__(__torch__.Item)\n"
                              "  i.key = key\n"
                              "  i.name = torch.format(\"<{}>\", key)\n"
                              "  return i\n"
                              "def work(n: int) -> str:\n"
                              "  items = annotate(List[__torch__.Item], [])\n"
                              "  counts = annotate(Dict[str, List[int]], {})\n"
                              "  for i in range(n):\n"
                              "    k = torch.remainder(torch.mul(i, 7), 5)\n"
                              "    _0 = torch.append(items, __torch__.item(k, ))\n"
                              "    torch._set_item(counts, str(k), [k, i])\n"
                              "  torch.sort(items)\n"
                              "  names = annotate(List[str], [])\n"
                              "  for j in range(torch.len(items)):\n"
                              "    _1 = torch.append(names, items[j].name)\n"
                              "  pairs = torch.items(counts)\n"
                              "  print(\"made\", n, pairs)\n"
                              "  text = torch.add(torch.join(\",\", names), str(pairs))\n"
                              "  return torch.upper(torch.slice(text, None, None, -1))\n";

static void functions_run(void **state) {
    house h = open_house(program);
    int64_t want = 0;
    for (int64_t i = 0; i < 1000; i++) want += i * 3 % 7;
    assert_int_equal(call_int(&h, "sum_to", 1000), want);
    assert_int_equal(call_int(&h, "sum_to", 0), 0);
    assert_int_equal(call_int(&h, "sum_to", -5), 0);
    assert_int_equal(call_int(&h, "deep", 1500), 1500);
    close_house(&h);
}

static void defaults_and_wrong_arguments(void **state) {
    house h = open_house(program);
    sv out, args[4] = {sv_int(1), sv_int(2), sv_int(3), sv_int(4)};
    assert_int_equal(call(&h, "defaults", 1, args, &out), NARU_OK);
    assert_true(out.tag == SV_FLOAT && out.f == 3);
    assert_int_equal(call(&h, "defaults", 3, args, &out), NARU_OK); /* an int stands for the float */
    assert_true(out.tag == SV_FLOAT && out.f == 9);
    assert_int_equal(call(&h, "defaults", 0, args, &out), NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(h.err.message, "missing a value for argument 'a'"));
    assert_int_equal(call(&h, "defaults", 4, args, &out), NARU_INVALID_ARGUMENT);
    args[0] = sv_strz("x");
    assert_int_equal(call(&h, "defaults", 1, args, &out), NARU_TYPE);
    assert_non_null(strstr(h.err.message, "expected a value of type 'int' for argument 'a' but found str"));
    sv_drop(args[0]);
    close_house(&h);
}

static void exceptions_carry_their_traceback(void **state) {
    house h = open_house(program);
    sv out, one = sv_int(1), two = sv_int(2);
    assert_int_equal(call(&h, "outer", 1, &one, &out), NARU_SCRIPT);
    assert_string_equal(h.err.message, "ValueError: no ones");
    assert_string_equal(h.m.raised, "builtins.ValueError");
    const char *trace = str_text(&h.m.trace);
    assert_non_null(strstr(trace, "Traceback of TorchScript, serialized code (most recent call last):\n"));
    const char *first = strstr(trace, ", in outer\n"), *second = strstr(trace, ", in inner\n");
    assert_true(first && second && first < second);
    assert_non_null(strstr(trace, "line 19"));
    assert_non_null(strstr(trace, "<--- HERE"));
    assert_non_null(strstr(trace, "builtins.ValueError: no ones\n"));
    assert_int_equal(call(&h, "outer", 1, &two, &out), NARU_SCRIPT);
    assert_string_equal(h.err.message, "RuntimeError: list index out of range");
    assert_null(strstr(str_text(&h.m.trace), "no ones"));
    sv l = sv_of(slist_new(&stype_int, 0));
    slist_push(sv_list(l), sv_int(1));
    assert_int_equal(call(&h, "two", 1, &l, &out), NARU_SCRIPT);
    assert_string_equal(h.err.message, "RuntimeError: Expected 2 elements in a list but found 1");
    sv_drop(l);
    close_house(&h);
}

static void limits_hold(void **state) {
    house h = open_house(program);
    sv out, n = sv_int(100000), zero = sv_int(0);
    assert_int_equal(call(&h, "deep", 1, &n, &out), NARU_LIMIT);
    assert_non_null(strstr(h.err.message, "deep"));
    h.m.budget = 100000;
    assert_int_equal(call(&h, "forever", 1, &zero, &out), NARU_LIMIT);
    assert_non_null(strstr(h.err.message, "budget"));
    h.m.budget = UINT64_MAX;
    atomic_int stop = 1;
    h.m.cancelled = &stop;
    assert_int_equal(call(&h, "forever", 1, &zero, &out), NARU_CANCELLED);
    h.m.cancelled = NULL;
    close_house(&h);
}

static void a_list_nested_a_million_deep(void **state) {
    size_t before = mem_live_count();
    house h = open_house(program);
    sv out, n = sv_int(1000000);
    assert_int_equal(call(&h, "nest", 1, &n, &out), NARU_OK);
    sv_drop(out);
    close_house(&h);
    assert_true(mem_live_count() <= before + 8); /* tables that live as long as the process */
}

typedef struct paper {
    char text[400];
} paper;
static void write_down(void *user, const char *text, size_t n) {
    paper *p = user;
    snprintf(p->text, sizeof p->text, "%.*s", (int)n, text);
}

static void objects_sort_by_their_own_order_and_print_is_heard(void **state) {
    house h = open_house(program);
    paper p = {""};
    sv out, n = sv_int(4);
    h.m.print = write_down;
    h.m.print_user = &p;
    if (call(&h, "work", 1, &n, &out) != NARU_OK) fail_msg("%s", h.err.message);
    assert_string_equal(sv_string(out)->data, "])]3 ,1[ ,1( ,)]2 ,4[ ,4( ,)]1 ,2[ ,2( ,)]0 ,0[ ,0([>4<,>2<,>1<,>0<");
    assert_string_equal(p.text, "made 4 [(0, [0, 0]), (2, [2, 1]), (4, [4, 2]), (1, [1, 3])]\n");
    sv_drop(out);
    close_house(&h);
}

static void every_allocation_may_fail(void **state) {
    assert_int_equal(failing_start(), NARU_OK);
    house h = open_house(program);
    sv out = sv_none(), n = sv_int(4);
    sfunction *f;
    paper p;
    h.m.print = write_down;
    h.m.print_user = &p;
    assert_int_equal(call(&h, "work", 1, &n, &out), NARU_OK); /* compiled, tables made */
    sv_drop(out);
    assert_int_equal(unit_function(h.u, "__torch__.work", &f, &h.err), NARU_OK);
    int k = 0;
    for (naru_status st = NARU_OUT_OF_MEMORY; st != NARU_OK; k++) {
        vm_done(&h.m);
        assert_int_equal(vm_init(&h.m, h.u, h.e), NARU_OK);
        h.m.print = write_down;
        h.m.print_user = &p;
        long before = live;
        failing_at(k, true);
        st = vm_call(&h.m, f, 1, &n, &out, &h.err);
        failing_stop();
        if (st != NARU_OK && st != NARU_OUT_OF_MEMORY) fail_msg("allocation %d: %s", k, h.err.message);
        if (st == NARU_OK) sv_drop(out);
        vm_done(&h.m); /* what a machine keeps for its next call */
        assert_true(live <= before);
        assert_int_equal(vm_init(&h.m, h.u, h.e), NARU_OK);
        assert_true(k < 2000);
    }
    assert_true(k > 20);
    close_house(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_accepts_nested_statements),
        cmocka_unit_test(the_verifier_refuses_what_could_go_wrong),
        cmocka_unit_test(registers_out_of_type_are_errors),
        cmocka_unit_test(functions_run),
        cmocka_unit_test(defaults_and_wrong_arguments),
        cmocka_unit_test(exceptions_carry_their_traceback),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_list_nested_a_million_deep),
        cmocka_unit_test(objects_sort_by_their_own_order_and_print_is_heard),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
