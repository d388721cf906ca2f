# SPDX-License-Identifier: MIT
"""Sums, means, products, variances, extremes, truth, norms, scans."""
f16, bf16, f64 = torch.float16, torch.bfloat16, torch.float64
i8, u8, i32, i64 = torch.int8, torch.uint8, torch.int32, torch.int64
T = torch.tensor
nan, inf = math.nan, math.inf
X = R(2, 3, 4)
N = T([[1.0, nan, 3.0], [4.0, 5.0, -inf]])
J = T([[1, -2, 3], [4, 5, -6]])
M = T([[True, False, True], [True, True, True]])
E0 = torch.empty(0, 3)
Z = torch.view_as_complex(R(2, 3, 2))
half = dict(rtol=4e-3, atol=4e-3)

for op in ("sum", "mean", "prod"):
    for x in (X, N, J, M, E0, T(2.5), T(3), R(3, 4).t(), R(3, dtype=f64)):
        case(f"aten::{op}", x)
    case(f"aten::{op}", R(3, 5, dtype=f16), **half)
    case(f"aten::{op}", R(3, 5, dtype=bf16), rtol=2e-2, atol=2e-2)
    case(f"aten::{op}", J, f64)
    case(f"aten::{op}", J, torch.float32)
    case(f"aten::{op}", X, f16, **half)
    case(f"aten::{op}", M, i32)
    case(f"aten::{op}", Z)
for op in ("sum.dim_IntList", "mean.dim"):
    for d in ([1], [0, 2], [-1], [0, 1, 2], [], None):
        for keep in (False, True):
            case(f"aten::{op}", X, d, keep)
    case(f"aten::{op}", J.float(), 1)
    case(f"aten::{op}", T(2.0), [0])
    case(f"aten::{op}", T(2.0), [-1], True)
    case(f"aten::{op}", E0, [0])
    case(f"aten::{op}", E0, [1], True)
    case(f"aten::{op}", X, [0, 0])
    case(f"aten::{op}", X, [3])
    case(f"aten::{op}", J, [0], False, f64)
    case(f"aten::{op}", M, [0], False, torch.float32)
    case(f"aten::{op}", Z, [1], True)
    case(f"aten::{op}", Z, [])
case("aten::sum.dim_IntList", J, [1])
case("aten::sum.dim_IntList", M, [1], True)
case("aten::sum.dim_IntList", T([200, 100], dtype=u8), [0])
for d in (0, 1, -1):
    case("aten::prod.dim_int", X, d)
    case("aten::prod.dim_int", J, d % 2, True)
case("aten::prod.dim_int", E0, 0)
case("aten::prod.dim_int", T(3.0), 0)
case("aten::prod.dim_int", J, 0, False, f64)
case("aten::prod.dim_int", Z, 0)
case("aten::nansum", N)
case("aten::nansum", N, [1], True)
case("aten::nansum", J)
case("aten::nansum", N, None, False, f64)
case("aten::nanmean", N)
case("aten::nanmean", N[:, :2], [1], True)
case("aten::nanmean", N[:, :2], [0])
case("aten::nanmean", T([nan]))

for op in ("var", "std", "var_mean", "std_mean"):
    for x in (X, R(1), T(2.0), R(5, dtype=f64), R(3, 4).t(), Z, torch.empty(0)):
        case(f"aten::{op}", x)
        case(f"aten::{op}", x, False)
    for d in ([1], [0, 2], None, []):
        case(f"aten::{op}.dim", X, d, True, False)
        case(f"aten::{op}.dim", X, d, False, True)
        for c in (0, 1, 2, 1.5, None):
            case(f"aten::{op}.correction", X, d, c, False)
    case(f"aten::{op}.correction", X, [0], 3, True)
    case(f"aten::{op}.correction", X)
    case(f"aten::{op}", R(4, 5, dtype=f16), **half)
    case(f"aten::{op}", J)
    case(f"aten::{op}.dim", E0, [0])
    case(f"aten::{op}.dim", N, [1])

for op in ("max", "min", "amax", "amin", "argmax", "argmin", "aminmax", "_aminmax"):
    for x in (X, N, J, T(2.5), T(3), R(3, 4).t(), R(3, dtype=f64), R(3, 5, dtype=f16), R(3, dtype=bf16), J.to(i8), T([3, 200, 7], dtype=u8), T([nan, 1.0, nan], dtype=f64)):
        case(f"aten::{op}", x)
    if not op.startswith("arg"):
        case(f"aten::{op}", M)
    case(f"aten::{op}", torch.empty(0))
for op in ("max.dim", "min.dim", "argmax", "argmin"):
    for x in (X, N[:, :, None], J[:, :, None].contiguous(), R(2, 3, 2, dtype=f64), R(2, 3, 2, dtype=f16), J.to(u8)[:, :, None].contiguous(), T([[[nan], [1.0], [nan]]], dtype=f64)):
        for d in (0, 1, -1):
            case(f"aten::{op}", x, d)
        case(f"aten::{op}", x, 1, True)
    case(f"aten::{op}", T([2.0, 5.0, 5.0, 2.0]), 0)
    case(f"aten::{op}", T([2, 5, 5, 2]), 0)
    case(f"aten::{op}", T(4.0), 0)
    case(f"aten::{op}", T(4), -1, True)
    case(f"aten::{op}", E0, 1)
    case(f"aten::{op}", E0, 0)
    case(f"aten::{op}", X, 3)
    case(f"aten::{op}", T([[-inf, -inf], [inf, inf]]), 1)
case("aten::max.dim", M, 0)
case("aten::min.dim", M, 1, True)
case("aten::argmax", X, None, True)
case("aten::argmin", J, None, True)
for op in ("amax", "amin"):
    for d in ([], [0], [1, 2], [-1], 1):
        case(f"aten::{op}", X, d, False)
        case(f"aten::{op}", X, d, True)
    case(f"aten::{op}", J, [1])
    case(f"aten::{op}", M, [0])
    case(f"aten::{op}", N, [1])
    case(f"aten::{op}", E0, [0])
    case(f"aten::{op}", E0, [1])
    case(f"aten::{op}", T(3.0), [0])
case("aten::aminmax", X, 1, True)
case("aten::aminmax", J, 0)
case("aten::_aminmax.dim", X, 1)
for op in ("any", "all"):
    for x in (M, J, N, X > 0, E0, T(0.0), T(True), T([0, 0], dtype=u8), T([0, 3], dtype=u8), Z):
        case(f"aten::{op}", x)
    for d in (0, 1, -1):
        case(f"aten::{op}.dim", M, d)
        case(f"aten::{op}.dim", J, d, True)
    case(f"aten::{op}.dim", E0, 0)
    case(f"aten::{op}.dim", T([[0, 2]], dtype=u8), 1)
    case(f"aten::{op}.dim", T(True), 0)
    for d in ([0], [0, 1], [-1], [], None):
        case(f"aten::{op}.dims", M, d)
        case(f"aten::{op}.dims", J, d, True)
case("aten::count_nonzero", X > 0)
case("aten::count_nonzero", T([0.0, nan, -0.0, 2.0]))
case("aten::count_nonzero", J, 1)
case("aten::count_nonzero.dim_IntList", X, [0, 2])
for d in ([1], [0, 2], [-1], [0, 1, 2]):
    case("aten::logsumexp", X, d, False)
    case("aten::logsumexp", X, d, True)
case("aten::logsumexp", T([[-inf, -inf], [inf, 1.0], [nan, 1.0], [1000.0, 1000.0]]), [1])
case("aten::logsumexp", J, [1])
case("aten::logsumexp", T(2.0), [0])
case("aten::logsumexp", R(3, dtype=f64), [0])
case("aten::special_logsumexp", X, [1])

# norms
for p in (2, 1, 0, inf, -inf, 3, 0.5, 2.0, -1):
    case("aten::norm.Scalar", X, p)
    case("aten::norm.ScalarOpt_dim", X, p, [1], True)
    case("aten::linalg_vector_norm", X, p, [0, 2])
    case("aten::linalg_vector_norm", X, p, None, True)
    case("aten::linalg_vector_norm", R(4, dtype=f64), p)
    case("aten::linalg_vector_norm", torch.empty(0), p)
    case("aten::linalg_norm", R(5), p)
    case("aten::dist", R(2, 3), R(3), p)
case("aten::norm.Scalar", Z)
case("aten::norm.Scalar", J)
case("aten::norm.ScalarOpt_dim", X, None, [1])
case("aten::norm.ScalarOpt_dim_dtype", J, 2, [1], False, f64)
case("aten::norm.ScalarOpt_dtype", J, None, torch.float32)
case("aten::linalg_vector_norm", T(-2.0))
case("aten::linalg_vector_norm", J, 2, [1], False, f64)
case("aten::linalg_vector_norm", R(3, dtype=f16), 2, **half)
case("aten::frobenius_norm.dim", X, [1, 2])
case("aten::linalg_norm", X)
case("aten::linalg_norm", X, None, [1])
case("aten::linalg_norm", X, None, [0, 1], True)
case("aten::linalg_norm", X, 3)
for p in (1, -1, 2, -2, inf, -inf):
    case("aten::linalg_norm", R(3, 4), p)
    case("aten::linalg_norm", X, p, [0, 2], True)
    case("aten::linalg_matrix_norm", X, p)
    case("aten::linalg_matrix_norm", X, p, [2, 0], True)
    case("aten::linalg_matrix_norm", R(2, 5, 2, dtype=f64), p, [0, 1])
for p in ("fro", "nuc"):
    case("aten::linalg_norm.ord_str", R(3, 4), p)
    case("aten::linalg_norm.ord_str", X, p, [0, 2])
    case("aten::linalg_matrix_norm.str_ord", X, p, [-2, -1], True)
case("aten::linalg_matrix_norm", X, 5)
case("aten::nuclear_norm", R(3, 4))
case("aten::nuclear_norm.dim", X, [0, 1], True)
case("aten::renorm", R(3, 4), 2, 0, 1.0)
case("aten::renorm", R(2, 3, 4), 1, 1, 2.0)
case("aten::renorm", R(2, 3), 3.0, -1, 0.5)

# scans
for op in ("cumsum", "cumprod"):
    for x in (X, J[:, :, None].contiguous(), M[:, :, None].contiguous(), N[:, :, None], R(2, 3, 2, dtype=f64)):
        for d in (0, 1, -1):
            case(f"aten::{op}", x, d)
    case(f"aten::{op}", R(6, dtype=f16), 0, **half)
    case(f"aten::{op}", J, 1, f64)
    case(f"aten::{op}", X, 1, f64)
    case(f"aten::{op}", T(2.0), 0)
    case(f"aten::{op}", E0, 0)
    case(f"aten::{op}", J.to(i8), 1)
    case(f"aten::{op}", R(3, 4).t(), 0)
    case(f"aten::{op}", X, 4)
    case(f"aten::{op}_", R(2, 3), 1)
for op in ("cummax", "cummin"):
    for x in (X, J, N, T([1.0, 3.0, 3.0, 2.0, 3.0]), T([3, 1, 1, 2]), T([1.0, nan, 5.0, nan, 2.0]), T(2.0), R(3, dtype=f16), T([2 ** 63 - 1, 1, 2 ** 63 - 1])):
        case(f"aten::{op}", x, -1)
    case(f"aten::{op}", X, 1)
    case(f"aten::{op}", E0, 0)
case("aten::logcumsumexp", X, 1)
case("aten::logcumsumexp", T([-inf, 1.0, inf, 2.0, nan, 0.0]), 0)
case("aten::_logcumsumexp", R(3, dtype=f64), 0)
