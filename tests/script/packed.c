/* SPDX-License-Identifier: MIT
 *
 * Packed parameters: states of every form are read, what is malformed is refused, the state comes back as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/custom.h"

#define LINEAR "__torch__.torch.classes.quantized.LinearPackedParamsBase"
#define CONV   "__torch__.torch.classes.quantized.Conv2dPackedParamsBase"
#define EMBED  "__torch__.torch.classes.quantized.EmbeddingPackedParamsBase"
#define CELL   "__torch__.torch.classes.rnn.CellParamsBase"
#define CLAMP  "__torch__.torch.classes.xnnpack.Conv2dOpContext"

static sv ints(naru_dtype d, int rank, const int64_t *dims) {
    sten *t = sten_new(d, rank, dims);
    assert_non_null(t);
    memset(t->t.data, 1, tensor_bytes(&t->t));
    return sv_of(t);
}

static sv quantized(int rank, const int64_t *dims, int type, int scheme, int axis, int64_t channels) {
    sv v = ints(type == 12 ? NARU_INT8 : NARU_UINT8, rank, dims);
    squant *q = mem_calloc(1, sizeof *q);
    *q = (squant){.refs = 1, .scheme = scheme, .type = type, .scale = 0.1, .axis = axis};
    naru_error err = NARU_ERROR_INIT;
    if (scheme) {
        assert_int_equal(tensor_new(NARU_DOUBLE, 1, &channels, &q->scales, &err), NARU_OK);
        assert_int_equal(tensor_new(scheme == 1 ? NARU_INT64 : NARU_DOUBLE, 1, &channels, &q->zero_points, &err),
                         NARU_OK);
        memset(q->scales->data, 0, tensor_bytes(q->scales));
        memset(q->zero_points->data, 0, tensor_bytes(q->zero_points));
    }
    ((sten *)v.o)->q = q;
    return v;
}

static sv tuple(int n, ...) {
    va_list ap;
    stuple *t = stuple_new(n, NULL);
    va_start(ap, n);
    for (int i = 0; i < n; i++) t->items[i] = va_arg(ap, sv);
    va_end(ap);
    return sv_of(t);
}

static sv list(int n, ...) {
    va_list ap;
    slist *l = slist_new(&stype_any, (size_t)n);
    va_start(ap, n);
    for (int i = 0; i < n; i++) slist_push(l, va_arg(ap, sv));
    va_end(ap);
    return sv_of(l);
}

static sv numbers(int n, ...) { /* int16[n] */
    va_list ap;
    sten *t = sten_new(NARU_INT16, 1, (int64_t[]){n});
    va_start(ap, n);
    for (int i = 0; i < n; i++) ((int16_t *)t->t.data)[i] = (int16_t)va_arg(ap, int);
    va_end(ap);
    return sv_of(t);
}

static void accepted(const char *cls, sv state) {
    naru_error err = NARU_ERROR_INIT;
    sv out, back;
    if (custom_from_state(cls, state, &out, &err) != NARU_OK) fail_msg("%s", err.message);
    assert_int_equal(out.tag, SV_CUSTOM);
    assert_int_equal(custom_get_state((scustom *)out.o, &back, &err), NARU_OK);
    assert_true(sv_is(back, state));
    sv_drop(back);
    sv_drop(out);
    sv_drop(state);
}

static void refused(const char *cls, sv state) {
    naru_error err = NARU_ERROR_INIT;
    sv out;
    naru_status st = custom_from_state(cls, state, &out, &err);
    assert_true(st == NARU_BAD_FILE || st == NARU_UNSUPPORTED);
    assert_true(err.message[0]);
    sv_drop(state);
}

#define DIMS(...)                                                                                                      \
    (int64_t[]) { __VA_ARGS__ }
static sv weight2(void) { return quantized(2, DIMS(3, 4), 12, 0, 0, 0); }
static sv weight4(void) { return quantized(4, DIMS(6, 2, 3, 2), 12, 1, 0, 6); }
static sv floats(int rank, const int64_t *dims) { return ints(NARU_FLOAT, rank, dims); }

static void linear_states(void **state) {
    accepted(LINEAR, tuple(2, weight2(), sv_none()));
    accepted(LINEAR, tuple(2, weight2(), floats(1, DIMS(3))));
    accepted(LINEAR, tuple(2, quantized(2, DIMS(3, 4), 12, 1, 0, 3), sv_none()));
    accepted(LINEAR, tuple(2, floats(2, DIMS(3, 4)), sv_none()));
    refused(LINEAR, sv_none());
    refused(LINEAR, tuple(1, weight2()));
    refused(LINEAR, tuple(2, sv_int(3), sv_none()));
    refused(LINEAR, tuple(2, weight2(), floats(1, DIMS(4))));
    refused(LINEAR, tuple(2, weight2(), floats(2, DIMS(3, 1))));
    refused(LINEAR, tuple(2, quantized(2, DIMS(3, 4), 12, 1, 1, 4), sv_none()));
    refused(LINEAR, tuple(2, quantized(2, DIMS(3, 4), 12, 1, 0, 2), sv_none()));
    refused(LINEAR, tuple(2, quantized(2, DIMS(3, 4), 13, 0, 0, 0), sv_none()));
    refused(LINEAR, tuple(2, quantized(3, DIMS(3, 4, 1), 12, 0, 0, 0), sv_none()));
    refused(LINEAR, tuple(2, quantized(2, DIMS(0, 4), 12, 0, 0, 0), sv_none()));
    refused("__torch__.torch.classes.quantized.Other", tuple(2, weight2(), sv_none()));
}

static void conv_states(void **state) {
    sv good = numbers(11, 2, 1, 1, 0, 0, 1, 1, 0, 0, 2, 0);
    accepted(CONV, tuple(3, sv_strz("2"), list(2, sv_keep(good), weight4()), list(1, sv_none())));
    accepted(CONV, tuple(3, sv_strz("2"), list(2, sv_keep(good), weight4()), list(1, floats(1, DIMS(6)))));
    accepted(CONV, tuple(3, sv_int(3),
                         list(11, sv_int(2), sv_int(1), sv_int(1), sv_int(0), sv_int(0), sv_int(1), sv_int(1),
                              sv_int(0), sv_int(0), sv_int(2), sv_int(0)),
                         list(3, sv_none(), weight4(), sv_none())));
    accepted(CONV, tuple(6, weight4(), sv_none(), list(2, numbers(1, 1), numbers(1, 2)),
                         list(2, numbers(1, 0), numbers(1, 0)), list(2, numbers(1, 1), numbers(1, 1)), numbers(1, 2)));
    refused(CONV, tuple(3, sv_strz("4"), list(2, sv_keep(good), weight4()), list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(1, sv_keep(good)), list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, sv_none(), weight4()), list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(4, 2, 1, 1, 0), weight4()), list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(11, 9, 1, 1, 0, 0, 1, 1, 0, 0, 2, 0), weight4()),
                        list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(11, 2, 0, 1, 0, 0, 1, 1, 0, 0, 2, 0), weight4()),
                        list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(11, 2, 1, 1, -1, 0, 1, 1, 0, 0, 2, 0), weight4()),
                        list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(11, 2, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0), weight4()),
                        list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(11, 2, 1, 1, 0, 0, 1, 1, 0, 0, 4, 0), weight4()),
                        list(1, sv_none())));
    refused(CONV, tuple(3, sv_strz("2"), list(2, numbers(7, 1, 1, 0, 1, 0, 2, 0), weight4()), list(1, sv_none())));
    sv_drop(good);
}

static void other_states(void **state) {
    naru_error err = NARU_ERROR_INIT;
    sv a, b, linear = tuple(2, weight2(), sv_none());
    assert_int_equal(custom_from_state(LINEAR, linear, &a, &err), NARU_OK);
    assert_int_equal(custom_from_state(LINEAR, linear, &b, &err), NARU_OK);
    sv_drop(linear);
    accepted(CELL, tuple(5, sv_strz("quantized_dynamic"), list(0), list(0), list(1, sv_int(1)),
                         list(2, sv_keep(a), sv_keep(b))));
    refused(CELL,
            tuple(5, sv_strz("quantized"), list(0), list(0), list(1, sv_int(1)), list(2, sv_keep(a), sv_keep(b))));
    refused(CELL, tuple(5, sv_strz("quantized_fp16"), list(0), list(0), list(0), list(1, a)));
    sv_drop(b);
    accepted(EMBED, tuple(4, sv_int(1), list(1, quantized(2, DIMS(5, 4), 13, 4, 0, 5)), list(0), list(1, sv_int(8))));
    refused(EMBED, tuple(4, sv_int(1), list(0), list(0), list(1, sv_int(8))));
    refused(EMBED, tuple(4, sv_int(1), list(1, weight2()), list(0), list(1, sv_int(8))));
    refused(EMBED, tuple(4, sv_int(1), list(1, quantized(2, DIMS(5, 4), 13, 4, 0, 5)), list(0), list(1, sv_int(2))));
    accepted(CLAMP, tuple(8, floats(4, DIMS(4, 2, 3, 3)), sv_none(), list(2, sv_int(1), sv_int(1)), list(1, sv_int(1)),
                          list(2, sv_int(1), sv_int(1)), sv_int(2), sv_float(0), sv_none()));
    refused(CLAMP, tuple(8, floats(3, DIMS(4, 2, 3)), sv_none(), list(2, sv_int(1), sv_int(1)), list(1, sv_int(1)),
                         list(2, sv_int(1), sv_int(1)), sv_int(2), sv_float(0), sv_none()));
    refused(CLAMP, tuple(2, floats(4, DIMS(4, 2, 3, 3)), sv_none()));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(linear_states), cmocka_unit_test(conv_states),
                                       cmocka_unit_test(other_states)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
