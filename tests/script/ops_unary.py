# SPDX-License-Identifier: MIT
"""Functions of one tensor."""
f16, bf16, f64 = torch.float16, torch.bfloat16, torch.float64
i8, u8, i32, b1 = torch.int8, torch.uint8, torch.int32, torch.bool
T = torch.tensor
nan, inf = math.nan, math.inf
edge = T([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.7, -3.7, inf, -inf, nan])
Z = torch.view_as_complex(R(4, 2))

half = dict(rtol=4e-3, atol=4e-3)
bhalf = dict(rtol=2e-2, atol=2e-2)
floats = "exp log sqrt rsqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc erfinv sigmoid exp2 expm1 log1p log2 log10 sinc reciprocal lgamma digamma deg2rad rad2deg"
for op in floats.split():
    case(f"aten::{op}", edge)
    case(f"aten::{op}", R(2, 3, dtype=f64))
    case(f"aten::{op}", T([0, 1, 2]))
    case(f"aten::{op}", T([True, False]))
    case(f"aten::{op}", T(0.3))
    case(f"aten::{op}", torch.empty(0, 2))
    case(f"aten::{op}", torch.rand(3, generator=torch.Generator().manual_seed(1)).to(f16), **half)
    case(f"aten::{op}", torch.rand(3, generator=torch.Generator().manual_seed(2)).to(bf16), **bhalf)
for op in "exp log sqrt rsqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid exp2 expm1 log1p log2 log10 reciprocal neg abs sgn square isnan isinf isfinite isreal".split():
    case(f"aten::{op}", Z)
for op in "abs neg sign sgn square floor ceil round trunc frac fix isnan isinf isfinite isposinf isneginf isreal signbit nan_to_num positive".split():
    case(f"aten::{op}", edge)
    case(f"aten::{op}", R(2, 3).t())
    case(f"aten::{op}", edge.to(f16))
    case(f"aten::{op}", edge.to(f64))
    if op not in ("frac",):
        case(f"aten::{op}", T([-3, 0, 5]))
        case(f"aten::{op}", T([-3, 0, 5], dtype=i8))
        case(f"aten::{op}", T([3, 0, 5], dtype=u8))
    if op not in ("neg", "positive", "floor", "ceil", "round", "trunc", "frac", "fix", "abs"):
        case(f"aten::{op}", T([True, False]))
case("aten::neg", T([True, False]))
for op in "negative absolute arcsin arccos arctan arcsinh arctanh special_erf special_erfc special_erfinv special_exp2 special_expm1 special_log1p special_sinc special_expit special_gammaln special_psi special_digamma".split():
    case(f"aten::{op}", T([0.25, 0.75]))
case("aten::arccosh", T([1.25, 2.0]))
wide = T([-30.0, -8.0, -3.3, -1.0, -0.2, 0.0, 1e-3, 0.7, 1.0, 2.5, 7.0, 12.0, 28.0])
for op in "special_erfcx special_ndtr special_ndtri special_log_ndtr special_entr i0 special_i0 special_i0e special_i1 special_i1e special_bessel_j0 special_bessel_j1 lgamma digamma erfinv".split():
    case(f"aten::{op}", wide if op not in ("erfinv", "special_ndtri") else torch.linspace(-0.999, 0.999, 11))
    case(f"aten::{op}", T([0.3, 1.7], dtype=f64) / (2 if op in ("erfinv", "special_ndtri") else 1))
    case(f"aten::{op}", T([1, 2]))
case("aten::erfinv", T([0.999999, -0.9999999, 0.5, 1e-9], dtype=f64), rtol=1e-10)
case("aten::special_ndtri", T([1e-10, 0.02, 0.5, 0.9, 1 - 1e-9], dtype=f64), rtol=1e-8)
case("aten::lgamma", T([0.5, 3.0, 100.5, -2.5], dtype=f64), rtol=1e-12)
case("aten::digamma", T([0.5, 3.0, 100.5, -2.5, 1.4616], dtype=f64), rtol=1e-10)
for n in (0, 1, 2, 3):
    case("aten::polygamma", n, T([0.5, 1.0, 3.5, 10.0]))
case("aten::special_polygamma", 1, T([0.5], dtype=f64), rtol=1e-8)  # PyTorch stops at 1e-9
case("aten::mvlgamma", T([3.0, 4.5]), 3)
case("aten::special_multigammaln", T([3.0, 4.5]), 2)
for op in ("igamma", "igammac", "special_gammainc", "special_gammaincc"):
    case(f"aten::{op}", T([0.5, 1.0, 4.0, 10.0, 3.0]), T([0.2, 2.0, 3.0, 20.0, 0.0]))
case("aten::special_zeta", T([2.0, 3.5, 1.5]), T([1.0, 0.5, 3.0]))
case("aten::special_zeta.other_scalar", T([2.0, 3.0]), 1.5)
case("aten::special_zeta.self_scalar", 2.0, T([2.0, 3.0]))
for d in (0, 1, 2, -1, -2):
    case("aten::round.decimals", T([1.25, -2.345, 123.456, 0.5]), d)
case("aten::special_round", T([1.25, -2.345, 123.456, 2.5]), 1)
case("aten::special_round", T([1.25, -2.345, 2.5]))
case("aten::round.decimals", T([12, 35]), 0)
case("aten::logit", T([0.1, 0.5, 0.9, 0.0, 1.0]))
case("aten::logit", T([0.1, 0.5, 0.9, 0.0, 1.0]), 0.2)
case("aten::special_logit", T([0.1, 0.9], dtype=f64), 1e-3)
case("aten::nan_to_num", edge, 1.0, 2.0, -3.0)
case("aten::nan_to_num", edge, None, 2.0)
for x in (T(0.0), T(2), T([1.5]), T([True]), T([[0]])):
    case("aten::is_nonzero", x)
case("aten::is_nonzero", T([1, 2]))
case("aten::is_nonzero", torch.empty(0))
for op in ("exp_", "sigmoid_", "neg_", "abs_", "round_", "tanh_", "reciprocal_", "square_"):
    case(f"aten::{op}", R(2, 3))
case("aten::nan_to_num_", edge)
case("aten::frexp.Tensor", T([0.0, 1.0, -3.7, 1e-20, inf]))
case("aten::special_bessel_y0", T([0.5, 2.0, 10.0]))
case("aten::special_bessel_y1", T([0.5, 2.0, 10.0]))
case("aten::special_spherical_bessel_j0", T([0.0, 0.5, 2.0, 10.0]))
case("aten::special_modified_bessel_i0", T([0.5, -2.0, 10.0]))
case("aten::special_modified_bessel_i1", T([0.5, -2.0, 10.0]))
for p in ("chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l",
          "legendre_polynomial_p", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w"):
    case(f"aten::special_{p}", T([-0.7, 0.1, 0.5, 0.9])[:, None], T([0.0, 1.0, 2.0, 3.0, 5.0]), rtol=1e-4, atol=1e-5)
    case(f"aten::special_{p}.n_scalar", T([-0.7, 0.1], dtype=f64), 4)
many = torch.arange(1, 1031) / 64  # long enough for the way of several kernels
for op in ("log2", "log10"):
    case(f"aten::{op}", many)
for op in ("log1p", "expm1"):
    case(f"aten::{op}", (many - 8) / 1024)
