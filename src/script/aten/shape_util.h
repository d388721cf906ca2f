/* SPDX-License-Identifier: MIT
 *
 * What the operators on shapes, views, indices and new tensors share: sizes as maybe symbolic ints, broadcasting of
 * them, filled tensors, arguments by name.
 */
#ifndef SCRIPT_ATEN_SHAPE_UTIL_H
#define SCRIPT_ATEN_SHAPE_UTIL_H

#include "script/aten/aten.h"

/* Place of the parameter of that name in the schema in use, or -1: overloads of one function differ in order. */
int arg_at(const lower *L, const char *name);
/* Its value, none when there is no such parameter. */
sv arg_named(const lower *L, const char *name);
naru_dtype dtype_named(lower *L, naru_dtype none); /* of the parameter "dtype" */

static inline bool s_known(sv v) { return v.tag == SV_INT; }
bool sizes_known(int n, const sv *s);
int sizes_of(lower *L, const sten *t, sv *out); /* all dims; the rank */
sv sizes_product(lower *L, int from, int to, const sv *s);
void sizes_text(int n, const sv *s, char *out, size_t cap); /* "[2, 3, ?]" for messages */
/* Broadcast shape of n tensors; rank. RuntimeError where they cannot be. */
int broadcast_sizes(lower *L, int n, sten *const *t, sv *out);
int broadcast_two(lower *L, int na, const sv *a, int nb, const sv *b, sv *out);
/* dims of a known shape; false (the call failed) when something is symbolic while it must not be, or negative. */
bool sizes_need(lower *L, int n, const sv *s, int64_t *out);
bool same_sizes(lower *L, const sten *a, const sten *b); /* unknown dims count as equal */

sten *filled(lower *L, naru_dtype d, int n, const sv *sizes, sv v);
sten *filled_like(lower *L, sten *t, naru_dtype d, double v);
sten *reshaped(lower *L, sten *t, int n, const sv *sizes);
sten *flat(lower *L, sten *t); /* one axis; a view where that can be */
/* x[i + 1] of t's sizes with one axis replaced */
void sizes_with(lower *L, const sten *t, int dim, sv n, sv *out);

/* `out` holds elements of `from` in other places: it is quantized in the same way. */
sten *moved(lower *L, sten *out, const sten *from);
/* After a step that failed: an index that an axis of `size` has not becomes PyTorch's exception, which speaks of
 * dimension `named`; IN_SELF: of none. */
enum { IN_SELF = -1 };
void explain_index(lower *L, sten *index, sv size, int named);
sten *gather_axis(lower *L, sten *t, sten *index, int axis); /* the index's dims replace the axis */
sten *concat(lower *L, int n, sten *const *t, int axis);
sten *pad_constant(lower *L, sten *t, const sv *before, const sv *after, sten *fill); /* one pair per axis */
sten *stacked(lower *L, int n, sten *const *t, int dim);
sten *tiled(lower *L, sten *t, int n, const sv *repeats);

/* self[.., index[i], ..] = source[.., i, ..] in place, slice by slice; false: not tried (many, or recording). */
bool write_slices(lower *L, sten *self, int axis, sten *index, sten *source);

sten **pieces_new(lower *L, int64_t n); /* room for n tensors, NULL when the call failed */
void become(lower *L, sten *t);         /* in-place form of a view: argument 0 becomes it and is returned */
naru_dtype promote_dtypes(naru_dtype a, naru_dtype b); /* torch.promote_types; UNDEFINED: not supported */
int64_t storage_offset_of(const sten *t);              /* in elements */
sten *constant_f64(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v); /* create.c: rounded */
/* memory.c. Memory formats by PyTorch's numbers: 0 contiguous, 1 as it is, 2 and 3 channels last. */
sten *in_format(lower *L, sten *t, int format, bool copy); /* t itself when it is so and no copy is asked for */
bool is_in_format(lower *L, sten *t, int format);

#endif
