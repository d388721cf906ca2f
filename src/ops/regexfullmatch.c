/* SPDX-License-Identifier: MIT
 *
 * RegexFullMatch: y = whether the whole of the string x matches `pattern`. [ONNX RegexFullMatch-20]
 *
 * x: strings, UTF-8; y: bool, same dims. The pattern has RE2's syntax (util_regex.h: no Unicode properties); a
 * malformed one fails when the model is loaded. Versions: 20. Edge cases: bytes that are not UTF-8 match nothing.
 */
#include "ops/op.h"
#include "ops/util_regex.h"

enum { PATTERN };
static const attr_def attrs[] = {ATTR_S("pattern", ""), {0}};

static naru_status compile(arena *a, const node *n, regex **out, naru_error *err) {
    bool has = node_has(n, PATTERN);
    return regex_compile(a, has ? n->attrs[PATTERN].s.data : "", has ? n->attrs[PATTERN].s.len : 0, out, err);
}

static naru_status infer(infer_ctx *c) {
    regex *r;
    TRY(compile(c->arena, c->node, &r, c->err));
    out_like(c, 0, 0);
    c->out[0].type.kind = TYPE_TENSOR;
    c->out[0].type.dtype = NARU_BOOL;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    regex *r;
    if (!y) return NARU_OK;
    TRY(compile(c->arena, c->node, &r, c->err));
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        size_t len;
        const char *s = naru_tensor_string(x, i, &len);
        ((bool *)y->data)[i] = regex_full_match(r, s, len);
    }
    return NARU_OK;
}

const op_desc op_RegexFullMatch = {
    .name = "RegexFullMatch",
    .versions = (const short[]){20, 0},
    .sig = "X:string -> Y:bool",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
