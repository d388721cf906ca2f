/* SPDX-License-Identifier: MIT
 *
 * Memory as scripts see it: which operators share it, and that a write through any name is seen by all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/eager.h"

static vm machine;
static eager *numbers;
static pool *threads;

static int begin(void **state) {
    naru_error err = NARU_ERROR_INIT;
    if (pool_create(1, 0, &threads, &err) != NARU_OK) return 1;
    if (eager_new(cpu_best(), threads, 1, &numbers, &err) != NARU_OK) return 1;
    return vm_init(&machine, NULL, numbers) != NARU_OK;
}

static int end(void **state) {
    vm_done(&machine);
    eager_free(numbers);
    pool_destroy(threads);
    return 0;
}

/* ---- calling ---- */
static const sop *find(const char *full) {
    char name[100];
    const char *dot = strchr(full, '.');
    size_t n = dot ? (size_t)(dot - full) : strlen(full);
    memcpy(name, full, n);
    name[n] = 0;
    const sop *op = sop_find(name);
    while (op && strcmp(op->schema->overload, dot ? dot + 1 : "") != 0) op = op->next;
    if (!op) fail_msg("no operator %s", full);
    return op;
}

/* Arguments are dropped; the result is the caller's. */
static sv call_n(const char *full, int n, sv *args) {
    naru_error err = NARU_ERROR_INIT;
    const sop *op = find(full);
    sv out = sv_none();
    naru_status st = vm_op(&machine, op, n, args, op->schema->nreturns, &out, &err);
    if (st != NARU_OK) fail_msg("%s: %s", full, err.message);
    for (int i = 0; i < n; i++) sv_drop(args[i]);
    return out;
}
#define COUNT(...)      (int)(sizeof((sv[]){__VA_ARGS__}) / sizeof(sv))
#define CALL(name, ...) call_n(name, COUNT(__VA_ARGS__), (sv[]){__VA_ARGS__})
#define VIEW(name, ...) (sten *)CALL(name, __VA_ARGS__).o
#define DO(name, ...)   sv_drop(CALL(name, __VA_ARGS__))
#define T(t)            sv_keep(sv_of(t))
#define I(i)            sv_int(i)
#define F(f)            sv_float(f)
#define NONE            sv_none()
#define L(...)          list(sizeof((int64_t[]){__VA_ARGS__}) / 8, (int64_t[]){__VA_ARGS__})
#define DROP(t)         sobj_release(&(t)->head)

static sv list(size_t n, const int64_t *v) {
    slist *l = slist_new(&stype_int, n);
    for (size_t i = 0; i < n; i++) slist_push(l, sv_int(v[i]));
    return sv_of(l);
}

static sten *counting(int64_t rows, int64_t cols) { /* 0, 1, 2, ... */
    sten *t = sten_new(NARU_FLOAT, 2, (int64_t[]){rows, cols});
    for (int64_t i = 0; i < rows * cols; i++) ((float *)t->t.data)[i] = (float)i;
    return t;
}

static float at(const sten *t, int64_t i, int64_t j) {
    return ((float *)t->t.data)[i * t->t.strides[0] + (t->t.rank > 1 ? j * t->t.strides[1] : 0)];
}

static bool shares(const sten *a, const sten *b) { return a->t.storage == b->t.storage; }

/* ---- tests ---- */
static void views_share_and_copies_do_not(void **state) {
    sten *x = counting(3, 4), *xt = VIEW("aten::t", T(x));
    static const struct {
        const char *op;
        int n;
        sv args[4];
        bool shared;
    } calls[] = {{"aten::select.int", 2, {{SV_INT, {.i = 0}}, {SV_INT, {.i = 1}}}, true},
                 {"aten::slice.Tensor", 1, {{SV_INT, {.i = 1}}}, true},
                 {"aten::narrow", 3, {{SV_INT, {.i = 0}}, {SV_INT, {.i = 1}}, {SV_INT, {.i = 2}}}, true},
                 {"aten::transpose.int", 2, {{SV_INT, {.i = 0}}, {SV_INT, {.i = 1}}}, true},
                 {"aten::unsqueeze", 1, {{SV_INT, {.i = 0}}}, true},
                 {"aten::squeeze", 0, {{.tag = SV_NONE}}, true},
                 {"aten::flatten.using_ints", 0, {{.tag = SV_NONE}}, true},
                 {"aten::ravel", 0, {{.tag = SV_NONE}}, true},
                 {"aten::diagonal", 0, {{.tag = SV_NONE}}, true},
                 {"aten::unfold", 3, {{SV_INT, {.i = 1}}, {SV_INT, {.i = 2}}, {SV_INT, {.i = 1}}}, true},
                 {"aten::detach", 0, {{.tag = SV_NONE}}, true},
                 {"aten::alias", 0, {{.tag = SV_NONE}}, true},
                 {"aten::contiguous", 0, {{.tag = SV_NONE}}, true},
                 {"aten::to.dtype", 1, {{SV_INT, {.i = 6}}}, true},
                 {"aten::cpu", 0, {{.tag = SV_NONE}}, true},
                 {"aten::clone", 0, {{.tag = SV_NONE}}, false},
                 {"aten::to.dtype", 1, {{SV_INT, {.i = 7}}}, false},
                 {"aten::to.dtype", 3, {{SV_INT, {.i = 6}}, {SV_BOOL, {.b = false}}, {SV_BOOL, {.b = true}}}, false},
                 {"aten::select_copy.int", 2, {{SV_INT, {.i = 0}}, {SV_INT, {.i = 1}}}, false},
                 {"aten::diag", 0, {{.tag = SV_NONE}}, false},
                 {"aten::tril", 0, {{.tag = SV_NONE}}, false},
                 {"aten::_to_copy", 0, {{.tag = SV_NONE}}, false}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        sv args[5] = {T(x)};
        memcpy(args + 1, calls[i].args, (size_t)calls[i].n * sizeof *args);
        sten *y = (sten *)call_n(calls[i].op, calls[i].n + 1, args).o;
        if (shares(x, y) != calls[i].shared)
            fail_msg("%s %s memory", calls[i].op, calls[i].shared ? "must share" : "must not share");
        DROP(y);
    }
    sten *whole = VIEW("aten::contiguous", T(x)), *flat = VIEW("aten::reshape", T(xt), L(-1));
    sten *same = VIEW("aten::reshape", T(xt), L(4, 3, 1)), *packed = VIEW("aten::contiguous", T(xt));
    assert_ptr_equal(whole, x); /* itself */
    assert_false(shares(flat, x));
    assert_true(shares(same, x));
    assert_false(shares(packed, x));
    DROP(whole), DROP(flat), DROP(same), DROP(packed), DROP(xt), DROP(x);
}

static void writes_are_seen_by_base_and_siblings(void **state) {
    sten *x = counting(3, 4), *row = VIEW("aten::select.int", T(x), I(0), I(1)),
         *flat = VIEW("aten::view", T(x), L(-1));
    sten *col = VIEW("aten::select.int", T(x), I(1), I(2)), *t = VIEW("aten::t", T(x));
    DO("aten::fill_.Scalar", T(row), F(-1));
    assert_float_equal(at(x, 1, 3), -1, 0);
    assert_float_equal(at(flat, 4, 0), -1, 0);
    assert_float_equal(at(col, 1, 0), -1, 0);
    assert_float_equal(at(t, 2, 1), -1, 0);
    DO("aten::zero_", T(col));
    assert_float_equal(at(row, 2, 0), 0, 0);
    assert_float_equal(at(row, 1, 0), -1, 0);
    DO("aten::copy_", T(t), T(t)); /* itself: nothing happens */
    assert_float_equal(at(x, 2, 3), 11, 0);
    DROP(row), DROP(flat), DROP(col), DROP(t), DROP(x);
}

static void slices_of_slices(void **state) {
    sten *x = counting(6, 6), *a = VIEW("aten::slice.Tensor", T(x), I(0), I(1), I(6), I(2)); /* rows 1 3 5 */
    sten *b = VIEW("aten::slice.Tensor", T(a), I(1), I(2), NONE, I(3));                      /* columns 2 5 */
    sten *c = VIEW("aten::slice.Tensor", T(b), I(0), I(-1), NONE, I(1));                     /* row 5 */
    DO("aten::fill_.Scalar", T(c), F(100));
    assert_float_equal(at(x, 5, 2), 100, 0);
    assert_float_equal(at(x, 5, 5), 100, 0);
    assert_float_equal(at(x, 5, 3), 33, 0);
    assert_float_equal(at(x, 3, 2), 20, 0);
    DO("aten::copy_", T(b), T(c)); /* one row over all rows, from the same memory */
    assert_float_equal(at(x, 1, 5), 100, 0);
    assert_float_equal(at(x, 2, 5), 17, 0);
    DROP(a), DROP(b), DROP(c), DROP(x);
}

static void overlapping_copies_read_first(void **state) {
    sten *x = sten_new(NARU_FLOAT, 1, (int64_t[]){6});
    for (int i = 0; i < 6; i++) ((float *)x->t.data)[i] = (float)i;
    sten *to = VIEW("aten::slice.Tensor", T(x), I(0), I(1), NONE, I(1));
    sten *from = VIEW("aten::slice.Tensor", T(x), I(0), I(0), I(-1), I(1));
    DO("aten::copy_", T(to), T(from));
    for (int i = 1; i < 6; i++) assert_float_equal(at(x, i, 0), i - 1, 0);
    DROP(to), DROP(from), DROP(x);
    sten *m = counting(3, 3), *mt = VIEW("aten::t", T(m));
    DO("aten::copy_", T(m), T(mt));
    assert_float_equal(at(m, 0, 1), 3, 0);
    assert_float_equal(at(m, 1, 0), 1, 0);
    DROP(m), DROP(mt);
}

static void expanded_tensors_are_not_written(void **state) {
    sten *x = counting(3, 1), *e = VIEW("aten::expand", T(x), L(3, 4));
    naru_error err = NARU_ERROR_INIT;
    sv args[] = {sv_of(e), F(5)}, out = sv_none();
    assert_true(shares(x, e));
    assert_int_equal(e->t.strides[1], 0);
    assert_int_not_equal(vm_op(&machine, find("aten::fill_.Scalar"), 2, args, 1, &out, &err), NARU_OK);
    assert_non_null(strstr(err.message, "single memory location"));
    DO("aten::fill_.Scalar", T(x), F(7)); /* but it sees what its base becomes */
    assert_float_equal(at(e, 2, 3), 7, 0);
    DROP(e), DROP(x);
}

static void pieces_are_views(void **state) {
    sten *x = counting(4, 4);
    sv parts = CALL("aten::chunk", T(x), I(2), I(1));
    sten *left = (sten *)sv_list(parts)->items[0].o, *right = (sten *)sv_list(parts)->items[1].o;
    DO("aten::copy_", T(right), T(left));
    assert_float_equal(at(x, 3, 2), 12, 0);
    assert_float_equal(at(x, 3, 3), 13, 0);
    sv rows = CALL("aten::unbind.int", T(x), I(0));
    DO("aten::zero_", T((sten *)sv_list(rows)->items[2].o));
    assert_float_equal(at(left, 2, 1), 0, 0);
    sv cut = CALL("aten::split_with_sizes", T(x), L(1, 3), I(0));
    DO("aten::fill_.Scalar", T((sten *)sv_list(cut)->items[1].o), I(9));
    assert_float_equal(at(x, 0, 0), 0, 0);
    assert_float_equal(at(right, 1, 0), 9, 0);
    sv_drop(parts), sv_drop(rows), sv_drop(cut);
    DROP(x);
}

static void indexing_copies_and_writing_at_indices_does_not(void **state) {
    sten *x = counting(3, 4), *i = sten_new(NARU_INT64, 1, (int64_t[]){2}), *seven = sten_new(NARU_FLOAT, 0, NULL);
    ((int64_t *)i->t.data)[0] = 0, ((int64_t *)i->t.data)[1] = 2;
    *(float *)seven->t.data = 7;
    slist *index = slist_new(&stype_tensor, 1);
    slist_push(index, T(i));
    sten *picked = VIEW("aten::index.Tensor", T(x), sv_keep(sv_of(index)));
    assert_false(shares(picked, x));
    sten *col = VIEW("aten::select.int", T(x), I(1), I(3));
    DO("aten::index_put_", T(x), sv_keep(sv_of(index)), T(seven));
    assert_float_equal(at(col, 0, 0), 7, 0);
    assert_float_equal(at(col, 1, 0), 7, 0); /* it was 7 */
    assert_float_equal(at(picked, 0, 0), 0, 0);
    DO("aten::index_fill_.int_Scalar", T(col), I(0), T(i), F(-2));
    assert_float_equal(at(x, 2, 3), -2, 0);
    sobj_release(&index->head);
    DROP(i), DROP(seven), DROP(picked), DROP(col), DROP(x);
}

static void tensors_become_others(void **state) {
    sten *x = counting(2, 3), *y = VIEW("aten::view", T(x), L(6));
    DO("aten::t_", T(x));
    assert_int_equal(x->t.dims[0], 3);
    assert_true(shares(x, y));
    DO("aten::unsqueeze_", T(x), I(0));
    assert_int_equal(x->t.rank, 3);
    DO("aten::squeeze_", T(x));
    assert_float_equal(at(x, 2, 1), 5, 0);
    sten *small = counting(1, 2);
    DO("aten::set_.source_Tensor", T(small), T(y));
    assert_true(shares(small, x));
    assert_int_equal(small->t.rank, 1);
    assert_true(CALL("aten::is_set_to", T(small), T(y)).b);
    assert_false(CALL("aten::is_set_to", T(x), T(y)).b);
    DO("aten::resize_", T(y), L(2, 2));
    assert_true(shares(y, x)); /* it fits */
    DO("aten::resize_", T(y), L(5, 5));
    assert_false(shares(y, x));
    assert_float_equal(at(y, 0, 4), 4, 0); /* what there was is kept */
    DROP(small), DROP(x), DROP(y);
}

static void complex_views(void **state) {
    sten *x = counting(3, 2), *c = VIEW("aten::view_as_complex", T(x)), *r = VIEW("aten::view_as_real", T(c));
    assert_true(shares(x, c) && shares(x, r));
    assert_int_equal(c->t.dtype, NARU_COMPLEX64);
    DO("aten::fill_.Scalar", T(r), F(3));
    assert_float_equal(at(x, 2, 1), 3, 0);
    DROP(x), DROP(c), DROP(r);
}

static void odd_strides(void **state) {
    sten *x = counting(3, 4), *s = VIEW("aten::as_strided", T(x), L(2, 2), L(5, 2), I(1));
    assert_float_equal(at(s, 1, 1), 8, 0);
    DO("aten::zero_", T(s));
    assert_float_equal(at(x, 2, 0), 0, 0);
    assert_float_equal(at(x, 1, 0), 4, 0);
    naru_error err = NARU_ERROR_INIT;
    sv args[] = {sv_of(x), L(100), L(1)}, out = sv_none();
    assert_int_not_equal(vm_op(&machine, find("aten::as_strided"), 3, args, 1, &out, &err), NARU_OK);
    sv_drop(args[1]), sv_drop(args[2]);
    sten *image = sten_new(NARU_FLOAT, 4, (int64_t[]){2, 3, 4, 5});
    memset(image->t.data, 0, tensor_bytes(&image->t));
    sten *last = VIEW("aten::contiguous", T(image), I(2)), *again = VIEW("aten::contiguous", T(last), I(2));
    assert_int_equal(last->t.strides[1], 1);
    assert_false(shares(last, image));
    assert_ptr_equal(again, last);
    assert_true(CALL("aten::is_contiguous.memory_format", T(last), I(2)).b);
    assert_false(CALL("aten::is_contiguous", T(last)).b);
    DROP(x), DROP(s), DROP(image), DROP(last), DROP(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_share_and_copies_do_not),
        cmocka_unit_test(writes_are_seen_by_base_and_siblings),
        cmocka_unit_test(slices_of_slices),
        cmocka_unit_test(overlapping_copies_read_first),
        cmocka_unit_test(expanded_tensors_are_not_written),
        cmocka_unit_test(pieces_are_views),
        cmocka_unit_test(indexing_copies_and_writing_at_indices_does_not),
        cmocka_unit_test(tensors_become_others),
        cmocka_unit_test(complex_views),
        cmocka_unit_test(odd_strides),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
