/* SPDX-License-Identifier: MIT
 *
 * Split: cuts x along `axis` into pieces of the given sizes, or into num_outputs equal ones (the last smaller). [ONNX
 * Split-18]
 *
 * Types: any. Versions: 1, 2 (attribute split), 11, 13 (input split), 18 (num_outputs; without it and without split, as
 * many as there are outputs). Sizes may be 0 and must add up to the dim.
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

enum { AXIS, NUM_OUTPUTS };

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), axis;
    if (rank < 0) {
        for (int o = 0; o < c->nout; o++) out_tensor(c, o, in_dtype(c, 0), -1, NULL);
        return NARU_OK;
    }
    TRY(infer_axis(c, node_i(c->node, AXIS), rank, &axis));
    dim_t d[NARU_MAX_RANK], size = in_dim(c, 0, axis);
    for (int i = 0; i < rank; i++) d[i] = in_dim(c, 0, i);
    const elem_t *e = NULL;
    int64_t ne = 0, parts = node_has(c->node, NUM_OUTPUTS) ? node_i(c->node, NUM_OUTPUTS) : c->nout, sum = 0;
    bool sizes = in_given(c, 1);
    if (!sizes && parts < 1) return op_fail(c, NARU_SHAPE, "num_outputs is %lld", (long long)parts);
    if (sizes && in_elems(c, 1, &e, &ne) && ne < c->nout)
        return op_fail(c, NARU_SHAPE, "%lld sizes for %d outputs", (long long)ne, c->nout);
    bool all_const = e && dim_is_const(size);
    for (int64_t i = 0; i < ne; i++) {
        if (e[i].kind == ELEM_CONST && e[i].v < 0)
            return op_fail(c, NARU_SHAPE, "size %lld is negative", (long long)e[i].v);
        all_const &= e[i].kind == ELEM_CONST;
        if (all_const && !i64_add(sum, e[i].v, &sum)) return op_fail(c, NARU_SHAPE, "sizes overflow");
    }
    if (all_const && sum != size)
        return op_fail(c, NARU_SHAPE, "sizes add up to %lld, axis %d has %lld", (long long)sum, axis, (long long)size);
    if (!sizes && c->nout > parts) return op_fail(c, NARU_SHAPE, "%d outputs of %lld parts", c->nout, (long long)parts);
    for (int o = 0; o < c->nout; o++) {
        if (sizes) d[axis] = e ? elem_to_dim(e[o]) : DIM_UNKNOWN;
        else if (dim_is_const(size)) {
            int64_t chunk = (size + parts - 1) / parts;
            d[axis] = i64_max(0, i64_min(chunk, size - chunk * o));
        } else {
            d[axis] = parts == 1 ? size : DIM_UNKNOWN;
        }
        out_tensor(c, o, in_dtype(c, 0), rank, d);
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *split = eval_in(c, 1);
    int64_t axis = node_i(c->node, AXIS), outer = 1, inner = 1, at = 0;
    if (axis < 0) axis += x->rank;
    for (int i = 0; i < axis; i++) outer *= x->dims[i];
    for (int i = (int)axis + 1; i < x->rank; i++) inner *= x->dims[i];
    int64_t d = x->dims[axis], parts = node_has(c->node, NUM_OUTPUTS) ? node_i(c->node, NUM_OUTPUTS) : c->nout,
            chunk = (d + parts - 1) / parts;
    const int64_t *sizes = split ? eval_i64(c, split) : NULL;
    for (int o = 0; o < c->nout; o++) {
        int64_t size = sizes ? sizes[o] : i64_max(0, i64_min(chunk, d - at));
        naru_tensor *y = eval_out(c, o);
        for (int64_t k = 0; y && size && k < outer; k++)
            if (!move_elems(y, k * size * inner, x, (k * d + at) * inner, size * inner)) return err_oom(c->err);
        at += size;
    }
    return NARU_OK;
}

static naru_status split_to_input(lift_ctx *c, node *n) { return attr_ints_to_input(c, n, "split", 1); }

static const attr_def attrs[] = {ATTR_I("axis", 0), ATTR_OPT("num_outputs", ATTR_INT), {0}};
static const adapter adapters[] = {{13, split_to_input}, {0}};

/* Without sizes the number of parts is said, since 18. */
static naru_status newest(lower_ctx *c, node *n) {
    attr *parts = &n->attrs[NUM_OUTPUTS];
    if (lw_in(n, 1)) parts->kind = ATTR_NONE;
    else if (parts->kind == ATTR_NONE) *parts = (attr){.name = parts->name, .kind = ATTR_INT, .i = n->nout};
    return NARU_OK;
}

static bool more_outputs(lower_ctx *c, node *n, int count) {
    value **out = arena_calloc(c->graph->arena, (size_t)count + 1, sizeof *out);
    if (!out) return false;
    memcpy(out, n->out, (size_t)n->nout * sizeof *out);
    n->out = out;
    n->nout = count;
    for (int i = 0; i < count; i++) { /* outputs that are not wanted need names too */
        if (out[i]) continue;
        value *v = graph_value_new(c->graph, c->block, NULL);
        if (!v) return false;
        node_set_out(n, i, v);
        v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = lw_dtype(n->in[0])};
    }
    return true;
}

/* Before 18 absent sizes meant equal ones: the last part may be smaller now. */
static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    int64_t parts = node_has(n, NUM_OUTPUTS) ? node_i(n, NUM_OUTPUTS) : 0, axis = node_i(n, AXIS);
    n->attrs[NUM_OUTPUTS].kind = ATTR_NONE;
    if (!parts || lw_in(n, 1)) return NARU_OK;
    if (parts > n->nout && (parts > INT16_MAX || !more_outputs(c, n, (int)parts))) return err_oom(c->err);
    dim_t dim = lw_dim(x, (int)axis);
    if (dim_is_const(dim) && dim % parts == 0) return NARU_OK;
    value *size = lw_size(c, x, (int)axis);
    value *chunk = LW(c, "Div", LW(c, "Add", size, LW_INTS(c, parts - 1)), LW_INTS(c, parts));
    value *start = LW(c, "Mul", lw_range(c, lw_int(c, parts)), chunk);
    value *sizes = LW(c, "Max", LW(c, "Min", LW(c, "Sub", size, start), chunk), LW_INTS(c, 0));
    if (!sizes || !node_set_nin(n, 2)) return c->status ? c->status : err_oom(c->err);
    n->in[1] = sizes;
    return NARU_OK;
}

const op_desc op_Split = {
    .name = "Split",
    .versions = (const short[]){1, 2, 11, 13, 18, 0},
    .sig = "input:T, split:int64? -> outputs:T... | T = all",
    .since = "T never small; num_outputs 18",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
    .down = (const down_adapter[]){{DOWN_ALWAYS, newest}, {18, down18}, {0}},
};
