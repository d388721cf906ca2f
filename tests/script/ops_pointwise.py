# SPDX-License-Identifier: MIT
"""Arithmetic of two and three tensors, every overload; types promote, shapes broadcast."""
f16, bf16, f32, f64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
i8, u8, i16, i32, i64, b1 = torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool
c64 = torch.complex64
T = torch.tensor
nan, inf = math.nan, math.inf
special = T([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, inf, -inf, nan])
grid = (special[:, None], special[None, :])
ints = T([-7, -3, -1, 1, 2, 5])
iden = T([3, -2, 1, -4, 7, 2])
A, B = R(2, 3, 4), R(3, 1)

# promotion: category by category, dimensioned against 0-d against numbers
for op in ("add", "mul", "sub"):
    for a in (T([1, 2, 3]), T([1, 2, 3], dtype=u8), T([0.5, 1.5], dtype=f16)[:1], T([1.5, 2.5]), T([1.5], dtype=f64), T(3), T(2.5), T(2.5, dtype=f64)):
        for b in (T([2, 3, 4], dtype=i32), T([0.25]), T(7), T(1.25, dtype=f64), T([4.0], dtype=bf16)):
            case(f"aten::{op}.Tensor", a, b)
        case(f"aten::{op}.Scalar", a, 2)
        case(f"aten::{op}.Scalar", a, 1.5)
case("aten::add.Tensor", T([True, False]), T([True, True]))
case("aten::mul.Tensor", T([True, False]), T([True, True]))
case("aten::add.Tensor", T([True, False]), T([1, 2]))
case("aten::add.Scalar", T([True, False]), 1)
case("aten::add.Scalar", T([True, False]), True)
case("aten::sub.Tensor", T([True, False]), T([True, True]))
case("aten::sub.Tensor", T([True, False]), T([1, 2]))
case("aten::add.Tensor", A, B, 3)
case("aten::add.Tensor", A, B, 0.5)
case("aten::add.Tensor", ints, iden, 3)
case("aten::add.Tensor", ints, iden, 0.5)
case("aten::add.Tensor", ints, R(6), 0.5)
case("aten::add.Scalar", A, 2, 3)
case("aten::sub.Tensor", A, B, 2)
case("aten::sub.Scalar", A, 2.5, 2)
case("aten::rsub.Tensor", A, B, 2)
case("aten::rsub.Scalar", A, 2.5, 2)
case("aten::rsub.Scalar", ints, 2)
case("aten::add.Tensor", R(2, 3), R(4))
case("aten::add.Tensor", torch.empty(0, 3), R(3))
case("aten::add.Tensor", torch.empty(0), R(1))
case("aten::add.Tensor", R(2, 3).t(), R(2))
case("aten::subtract.Tensor", A, B)
case("aten::multiply.Scalar", A, 3)
case("aten::mul.Tensor", T([200], dtype=u8), T([2], dtype=u8))
case("aten::mul.Tensor", T([2 ** 62]), T([4]))
Z, W = torch.view_as_complex(R(3, 2)), torch.view_as_complex(R(3, 2))
for op in ("add", "sub", "mul", "div"):
    case(f"aten::{op}.Tensor", Z, W)
    case(f"aten::{op}.Tensor", Z, R(3))
    case(f"aten::{op}.Tensor", Z, T(2.5, dtype=f64))
    case(f"aten::{op}.Scalar", Z, 2)
    case(f"aten::{op}.Scalar", R(3), 1 + 2j)
case("aten::add.Tensor", Z, W, 2)
case("aten::pow.Tensor_Scalar", Z, 2)
case("aten::pow.Tensor_Tensor", Z, W)

# division
for op in ("div.Tensor", "true_divide.Tensor", "floor_divide", "remainder.Tensor", "fmod.Tensor"):
    case(f"aten::{op}", ints, iden)
    case(f"aten::{op}", R(4), R(4))
    case(f"aten::{op}", *grid)
    case(f"aten::{op}", ints, R(6))
    case(f"aten::{op}", ints.to(i8), iden.to(i32))
    case(f"aten::{op}", R(4, dtype=f64), R(4, dtype=f64))
    case(f"aten::{op}", T([7, 200, 3], dtype=u8), T([2, 7, 5], dtype=u8))
    case(f"aten::{op}", R(4, dtype=f16), R(4, dtype=f16), rtol=2e-3, atol=2e-3)
for op in ("floor_divide", "remainder.Tensor", "fmod.Tensor"):
    case(f"aten::{op}", T([1, 2]), T([1, 0]))
for op in ("div.Scalar", "floor_divide.Scalar", "remainder.Scalar", "fmod.Scalar"):
    case(f"aten::{op}", ints, 3)
    case(f"aten::{op}", ints, -3)
    case(f"aten::{op}", ints, 0.7)
    case(f"aten::{op}", R(5) * 3, 0.7)
    case(f"aten::{op}", R(5) * 3, -2)
case("aten::floor_divide.Scalar", T([1.0, 0.5, 0.3]), 0.1)
case("aten::remainder.Scalar_Tensor", 7, T([2, -3, 5]))
case("aten::remainder.Scalar_Tensor", 7.5, T([2.0, -3.0, 5.0]))
for mode in (None, "trunc", "floor"):
    case("aten::div.Tensor_mode", ints, iden, mode)
    case("aten::div.Tensor_mode", R(5) * 4, R(5), mode)
    case("aten::div.Tensor_mode", *grid, mode)
    case("aten::div.Scalar_mode", ints, 2, mode)
    case("aten::div.Scalar_mode", ints, -2.5, mode)
    case("aten::divide.Tensor_mode", T([7], dtype=u8), T([2], dtype=u8), mode)
case("aten::div.Tensor_mode", ints, iden, "round")
case("aten::div.Tensor", T([True, False]), T([True, True]))

# powers
for a, b in ((R(5).abs(), R(5)), (T([2.0, -2.0, 0.0, -0.5]), T([3.0, 2.0, 0.0, -1.0])), (ints, T([0, 1, 2, 3, 4, 5])), (T([2, 3]), R(2)),
             (T([0.5, 2.0]), T([2, -1])), (T([1, -1, 2, -2]), T([-1, -1, -1, -2])), (T(2), T([1.5, 0.5])), (T([2, 3], dtype=i8), T([7, 2], dtype=i8))):
    case("aten::pow.Tensor_Tensor", a, b)
    case("aten::float_power.Tensor_Tensor", a, b)
for e in (0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.5, 2.0, 4):
    case("aten::pow.Tensor_Scalar", R(5).abs() + 0.1, e)
case("aten::pow.Tensor_Scalar", R(4), 3)
case("aten::pow.Tensor_Scalar", ints, 2)
case("aten::pow.Tensor_Scalar", ints, 3)
case("aten::pow.Tensor_Scalar", ints, 0.5)
case("aten::pow.Tensor_Scalar", ints, -1)
case("aten::pow.Tensor_Scalar", T([True, False]), 2)
case("aten::pow.Scalar", 2, T([1, 2, 3]))
case("aten::pow.Scalar", 2.0, R(3))
case("aten::pow.Scalar", 2, R(3, dtype=f64))
case("aten::float_power.Tensor_Scalar", R(3).abs(), 2.0)
case("aten::float_power.Tensor_Scalar", ints, 2)
case("aten::float_power.Scalar", 2, R(3))

# functions of two floats
for op in ("atan2", "arctan2", "hypot", "logaddexp", "logaddexp2", "maximum", "minimum", "fmax", "fmin", "copysign.Tensor", "nextafter", "xlogy.Tensor", "special_xlogy", "special_xlog1py", "heaviside"):
    case(f"aten::{op}", R(2, 3), R(3))
    case(f"aten::{op}", *grid, eager=op in ("atan2", "arctan2", "hypot"))
    if op not in ("hypot", "logaddexp", "logaddexp2"):
        case(f"aten::{op}", R(3, dtype=f64), R(3, dtype=f64))
for op in ("maximum", "minimum", "fmax", "fmin"):
    case(f"aten::{op}", ints, iden)
    case(f"aten::{op}", ints.to(u8), iden.to(i32))
    case(f"aten::{op}", T([True, False, False]), T([True, True, False]))
    case(f"aten::{op}", R(3, dtype=f16), R(3, dtype=f16))
    case(f"aten::{op}", ints, T(1.5))
case("aten::max.other", R(2, 3), R(3))
case("aten::min.other", ints, iden)
case("aten::atan2", ints, iden)
case("aten::atan2", T([1.0, -1.0]), T(2.0, dtype=f64))
case("aten::xlogy.Scalar_Other", T([0.0, 1.0, 2.0]), 3)
case("aten::xlogy.Scalar_Self", 2.0, T([0.5, 1.0, nan]))
case("aten::xlogy.Tensor", ints, iden.abs())
case("aten::copysign.Scalar", T([1.0, -2.0]), -0.0)
case("aten::copysign.Tensor", ints, R(6))
case("aten::nextafter", T([1.0, -1.0, 0.0, 0.0], dtype=bf16), T([2.0, 2.0, -1.0, 0.0], dtype=bf16), rtol=0, atol=0)
case("aten::nextafter", T([1.0, -1.0, 0.0, 1.0]), T([2.0, 2.0, -1.0, 1.0]), rtol=0, atol=0)
case("aten::heaviside", ints, iden)
case("aten::ldexp.Tensor", R(3), T([1, 2, -3]))

# mixes
for w in (0.3, 0.7, 1, 0.0, -2.0):
    case("aten::lerp.Scalar", R(2, 3), R(3), w)
case("aten::lerp.Tensor", R(2, 3), R(3), T([0.2, 0.8, 1.0]))
case("aten::lerp.Scalar", R(3, dtype=f64), R(3, dtype=f64), 0.3)
case("aten::lerp.Scalar", R(3), R(3, dtype=f64), 0.3)
case("aten::addcmul", R(2, 3), R(3), R(2, 1), 0.5)
case("aten::addcmul", R(2, 3), R(3), R(2, 1))
case("aten::addcmul", ints, iden, ints, 2)
case("aten::addcmul", R(3, dtype=f16), R(3, dtype=f16), R(3, dtype=f16), 2, rtol=2e-3, atol=2e-3)
case("aten::addcdiv", R(2, 3), R(3), R(2, 1) + 3, 0.5)
case("aten::addcdiv", ints, iden, ints)
case("aten::addcdiv", R(6), iden, R(6))

# in place: the result keeps self's memory and type
case("aten::add_.Tensor", R(2, 3), R(3))
case("aten::add_.Tensor", R(2, 3).t(), R(2))
case("aten::mul_.Scalar", R(3), 2)
case("aten::div_.Tensor", R(3), T([2, 4, 8]))
case("aten::sub_.Scalar", ints, 2)
case("aten::floor_divide_.Scalar", ints, 2)
case("aten::remainder_.Scalar", R(3), 0.5)
case("aten::pow_.Scalar", R(3).abs(), 0.5)
case("aten::lerp_.Scalar", R(3), R(3), 0.1)
case("aten::addcmul_", R(3), R(3), R(3), 2)
case("aten::floor_divide.Scalar", T([0.25, 1.5, 2.0, 0.9]), 0.3)  # by 0.3 as float32
case("aten::remainder.Scalar", T([0.25, 1.5, 2.0, 0.9], dtype=f64), 0.3)
case("aten::remainder.Tensor", T([1e9, -3e8, 5e-39, 7.0, -0.5]), T([3.0, 0.7, 1e-40, -2.5, inf]))
case("aten::floor_divide", T([1e9, -3e8, 7.0, -7.0, 0.3, -0.3]), T([3.0, 0.7, -2.5, 2.5, 2.0, 2.0]))
