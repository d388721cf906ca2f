# SPDX-License-Identifier: MIT
# Random tensors: types and sizes only; what they are distributed like is looked at in random.c. Run by make_ops.py.
m = R(3, 4)
p = torch.rand(3, 4)


def of(d=None):
    return (d, None, None, None)


def any_case(*a):
    case(*a, any_values=True)


for f in ("rand", "randn"):
    any_case(f"aten::{f}", [2, 3], *of())
    any_case(f"aten::{f}", [], *of(torch.float64))
    any_case(f"aten::{f}", [2], *of(torch.complex64))
    any_case(f"aten::{f}", [2], *of(torch.float16))
    any_case(f"aten::{f}.generator", [2], None, *of())
    any_case(f"aten::{f}_like", m, *of(), None)
    any_case(f"aten::{f}_like", m, *of(torch.float64), None)
any_case("aten::randint", 5, [2, 3], *of(torch.int64))
any_case("aten::randint.low", -5, 5, [2], *of(torch.float32))
any_case("aten::randint_like", m, 5, *of(), None)
any_case("aten::randint_like.low_dtype", m, 5, 9, *of(torch.int32), None)
case("aten::randint.low", 5, 5, [2], *of(torch.int64))
any_case("aten::randperm", 5, *of(torch.int64))
any_case("aten::randperm", 0, *of(torch.int64))
any_case("aten::randperm", 5, *of(torch.int32))
any_case("aten::bernoulli", p, None)
any_case("aten::bernoulli.p", m, 0.3, None)
any_case("aten::bernoulli_.float", I(9, 3), 0.3, None)
case("aten::bernoulli.p", m, 0.0, None)
case("aten::bernoulli.p", m, 1.0, None)
case("aten::bernoulli_.Tensor", R(2), torch.tensor([0.0, 1.0]), None)
any_case("aten::multinomial", p, 2, False, None)
any_case("aten::multinomial", p[0], 9, True, None)
case("aten::multinomial", torch.tensor([0.0, 1.0, 0.0]), 1, False, None)
case("aten::multinomial", torch.tensor([[0.0, 1.0, 0.0]]), 3, True, None)
case("aten::multinomial", p, 9, False, None)
case("aten::multinomial", p, 0, False, None)
case("aten::multinomial", -p, 1, False, None)
case("aten::multinomial", p * 0, 1, False, None)
any_case("aten::normal.Tensor_float", m, 2.0, None)
any_case("aten::normal.float_Tensor", 0.0, p, None)
any_case("aten::normal.Tensor_Tensor", m, p[0], None)
any_case("aten::normal.float_float", 0.0, 1.0, [2, 3], None, *of())
case("aten::normal.Tensor_float", m, 0.0, None)
any_case("aten::normal_", m, 1.0, 2.0, None)
any_case("aten::normal_functional", m, 1.0, 2.0, None)
for f, a in (("uniform", (0.0, 2.0)), ("exponential", (2.0,)), ("cauchy", (0.0, 1.0)), ("log_normal", (0.0, 1.0)), ("geometric", (0.3,))):
    any_case(f"aten::{f}", m, *a, None)
    any_case(f"aten::{f}_", m, *a, None)
for t in (m, I(9, 3), I(9, 3, dtype=torch.uint8)):
    any_case("aten::random", t, None)
    any_case("aten::random.to", t, 9, None)
    any_case("aten::random_.from", t, 2, 9, None)
any_case("aten::poisson", p * 50, None)
any_case("aten::binomial", p.ceil() * 9, p, None)
any_case("aten::_standard_gamma", p, None)
any_case("aten::_sample_dirichlet", p, None)
case("aten::poisson", p * 0, None)
