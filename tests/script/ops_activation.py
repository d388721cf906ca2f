# SPDX-License-Identifier: MIT
"""Activations, dropout, softmax."""
f16, bf16, f64 = torch.float16, torch.bfloat16, torch.float64
T = torch.tensor
nan, inf = math.nan, math.inf
edge = T([0.0, -0.0, 0.5, -0.5, 3.0, -3.0, 6.5, 21.0, -21.0, 100.0, -100.0, inf, -inf, nan])
half = dict(rtol=4e-3, atol=4e-3)
calls = {
    "relu": [()], "relu6": [()], "leaky_relu": [(), (0.2,), (-0.5,)], "elu": [(), (0.7,), (1.5, 2.0), (1.5, 2.0, 0.5)], "selu": [()], "celu": [(), (1.3,), (0.4,)],
    "gelu": [(), ("tanh",)], "silu": [()], "mish": [()], "log_sigmoid": [()], "softplus": [(), (2.0, 5.0), (1, 3), (0.5,)], "hardtanh": [(), (-0.5, 0.8)],
    "hardswish": [()], "hardsigmoid": [()], "hardshrink": [(), (0.3,)], "softshrink": [(), (0.2,)], "threshold": [(0.1, 20.0), (1, -1)], "rrelu": [(), (0.1, 0.5, False)],
}
for op, variants in calls.items():
    for v in variants:
        case(f"aten::{op}", edge if op != "gelu" else edge[:11], *v)  # PyTorch's gelu(inf) is nan on some CPUs
        case(f"aten::{op}", R(2, 3, dtype=f64) * 2, *v)
        case(f"aten::{op}", T(-0.7), *v)
        case(f"aten::{op}", R(2, 3, dtype=f16), *v, **half)
        case(f"aten::{op}", R(2, 3, dtype=bf16), *v, rtol=2e-2, atol=2e-2)
    case(f"aten::{op}", torch.empty(0, 3), *variants[0])
    if op not in ("log_sigmoid", "gelu", "softplus"):
        case(f"aten::{op}", T([-3, 0, 7]), *variants[0])
case("aten::relu", T([3, 0, 7], dtype=torch.uint8))
case("aten::relu", T([True, False]))
case("aten::gelu", R(3), "sigmoid")
case("aten::softshrink", R(3), -1.0)
case("aten::celu", R(3), 0.0)
case("aten::silu", torch.view_as_complex(R(3, 2)))
case("aten::prelu", R(2, 3, 4), T([0.1, 0.2, 0.3]))
case("aten::prelu", R(2, 3), T([0.1, 0.2, 0.3]))
case("aten::prelu", R(2, 3, 4), T([0.25]))
case("aten::prelu", R(4), T([0.25]))
case("aten::prelu", T(-1.0), T([0.25]))
case("aten::prelu", R(2, 3), T([0.25], dtype=f64))
case("aten::_prelu_kernel", R(2, 3), R(3))
for d in (-1, 0, 1):
    case("aten::glu", R(2, 4, 6), d)
case("aten::glu", R(2, 3))
case("aten::glu", R(2, 4, dtype=f64), 1)
case("aten::rrelu", edge[:3].abs() + 1, 0.1, 0.3, True)
case("aten::dropout", R(2, 3), 0.5, False)
case("aten::dropout", R(2, 3), 0.0, True)
case("aten::dropout", R(2, 3), 1.0, True)
case("aten::dropout", R(2, 3), 0.4, True, any_values=True)
case("aten::dropout", R(2, 3), 1.4, True)
case("aten::feature_dropout", R(2, 3, 2), 0.5, False)
case("aten::feature_dropout", R(2, 3, 2), 0.5, True, any_values=True)
case("aten::alpha_dropout", R(2, 3), 0.5, False)
case("aten::alpha_dropout", R(2, 3), 0.5, True, any_values=True)
case("aten::feature_alpha_dropout", R(2, 3, 2), 0.5, True, any_values=True)
case("aten::native_dropout", R(2, 3), 0.5, False)
case("aten::native_dropout", R(2, 3), 0.5, True, any_values=True)
case("aten::dropout_", R(2, 3), 0.5, False)
for op in ("softmax.int", "log_softmax.int"):
    for d in (0, 1, -1, 2):
        case(f"aten::{op}", R(2, 3, 4), d)
    case(f"aten::{op}", R(2, 3, dtype=f64), 1)
    case(f"aten::{op}", R(2, 3, dtype=f16), 1, **half)
    case(f"aten::{op}", R(2, 3, dtype=f16), 1, torch.float32)
    case(f"aten::{op}", T([1, 2, 3]), 0, torch.float32)
    case(f"aten::{op}", T([1, 2, 3]), 0)
    case(f"aten::{op}", R(2, 3), 0, torch.float64)
    case(f"aten::{op}", T(2.0), 0)
    case(f"aten::{op}", T(2.0), -1)
    case(f"aten::{op}", torch.empty(0, 3), 1)
    case(f"aten::{op}", R(2, 3), 2)
    case(f"aten::{op}", T([[1.0, -inf, 2.0], [-inf, -inf, -inf], [nan, 1.0, 2.0], [1e4, 1e4, -1e4]]), 1)
    case(f"aten::{op}", R(2, 5).t(), 0)
case("aten::_softmax", R(2, 3), 1, False)
case("aten::_log_softmax", R(2, 3), 0, False)
case("aten::special_softmax", R(2, 3), 1)
case("aten::special_log_softmax", R(2, 3), 1)
for op in ("relu_", "hardswish_", "silu_", "mish_", "elu_", "celu_", "selu_", "leaky_relu_", "hardtanh_", "hardsigmoid_", "relu6_"):
    case(f"aten::{op}", R(2, 3) * 3)
case("aten::threshold_", R(2, 3), 0.1, 5.0)
case("aten::rrelu_", R(2, 3), 0.1, 0.3, False)
mask = T([[True, False, False], [True, True, True]])
case("aten::_safe_softmax", T([[1.0, -inf, 2.0], [-inf, -inf, -inf]]), 1)
case("aten::_masked_softmax", R(2, 3), mask[:1].expand(2, 3).contiguous(), 1, 2)
case("aten::_add_relu.Tensor", R(2, 3), R(2, 3))
Q = torch.quantize_per_tensor(R(2, 3, 4) * 2, 0.05, 120, torch.quint8)
QS = torch.quantize_per_tensor(R(2, 3) * 2, 0.04, -5, torch.qint8)
for op in ("relu", "relu6", "leaky_relu", "hardtanh", "sigmoid", "tanh", "hardsigmoid", "mean"):
    case(f"aten::{op}", Q)
case("aten::sigmoid", QS)
case("aten::relu", QS)
case("aten::clamp", Q, -1.0, 1.5)
case("aten::leaky_relu", Q, 0.2)
case("aten::hardtanh", Q, -0.5, 0.5)
case("aten::mean.dim", Q, [1, 2], True)
case("aten::relu_", Q)
