# SPDX-License-Identifier: MIT
"""Numbers: arithmetic, comparison, conversion, the math module."""
nan, inf = math.nan, math.inf
record = case


def case(op, *args, **kw):  # where there is such an overload
    name, _, overload = op.split("::")[1].partition(".")
    if (overload or "default") in getattr(getattr(torch.ops, op.split("::")[0]), name).overloads():
        record(op, *args, **kw)


ints = [(7, 3), (-7, 3), (7, -3), (-7, -3), (0, 5), (6, 3), (2**62, 2**62), (-(2**63), -1), (5, 64), (1, 63)]
reals = [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (5.7, 0.3), (-5.7, 0.3), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0), (inf, 2.0), (nan, 1.0), (1.0, nan), (2.5, 2.5), (-0.0, 0.0), (1e300, 1e300)]
mixed = [(7, 2.5), (-7, 2.5), (3, 0.0), (2**53 + 1, 2.0**53)]
complexes = [(3 + 4j, 1 - 1j), (0.5j, 2 + 0j), (-1 + 0j, 0.25 + 1j)]


def fits(op, a, b):
    if op in ("remainder", "floordiv", "divmod", "__round_to_zero_floordiv") and isinstance(a, int) and isinstance(b, int):
        return b != 0 and not (a == -(2**63) and b == -1)
    return True


for op in "add sub mul div floordiv remainder fmod pow lt le gt ge eq ne mathremainder copysign atan2".split():
    for a, b in ints:
        if fits(op, a, b):
            case(f"aten::{op}.int", a, b)
    for a, b in reals:
        case(f"aten::{op}.float", a, b)
    for a, b in mixed:
        case(f"aten::{op}.int_float", a, b)
        case(f"aten::{op}.float_int", b, a)
for op in "add sub mul div pow eq ne".split():
    for a, b in complexes:
        case(f"aten::{op}.complex", a, b, rtol=1e-12, atol=1e-12)
for op in "add sub mul".split():
    case(f"aten::{op}.int_complex", 2, 1 + 2j)
    case(f"aten::{op}.complex_float", 1 + 2j, 0.5)
case("aten::pow.int", 0, -1)
case("aten::floordiv.int", 1, 0)
case("aten::divmod.int", 1, 0)
case("aten::divmod.float", 1.0, 0.0)
for a, b in ints[:6]:
    case("aten::divmod.int", a, b)
    case("aten::__round_to_zero_floordiv.int", a, b)
    case("aten::gcd.int", a, b)
    for op in "and or xor".split():
        case(f"aten::__{op}__.int", a, b)
for a, b in reals[:5]:
    case("aten::divmod.float", a, b)
for a, b in [(1, 3), (-1, 3), (1, 62), (-8, 1)]:
    case("aten::__lshift__.int", a, b)
    case("aten::__rshift__.int", a, b)
for a in (True, False):
    for b in (True, False):
        for op in ("__and__", "__or__", "__xor__", "eq", "ne"):
            case(f"aten::{op}.bool", a, b)
    case("aten::__not__", a)
    case("aten::Int.bool", a)
    case("aten::Float.bool", a)
for a, b in ints[:4] + [(5, 5)]:
    case("prim::min.int", a, b)
    case("prim::max.int", a, b)
for a, b in reals:
    case("prim::min.float", a, b)
    case("prim::max.float", a, b)
case("prim::min.int_float", 2, 1.5)
case("prim::max.float_int", 2.5, 3)
for v in (5, -5, 0):
    for op in "neg floor ceil round sqrt exp sin cos tanh fabs degrees radians expm1 erf erfc lgamma log log1p log10 angle asinh sinh cosh".split():
        case(f"aten::{op}.int", v)
    case("prim::abs.int", v)
    case("aten::Bool.int", v)
    case("aten::Float.int", v)
for v in (0.5, -0.5, 2.5, 3.5, -2.5, 0.0, -0.0, 100.25, 1e-9):
    for op in "neg floor ceil round sqrt exp sin cos tan tanh fabs degrees radians expm1 erf erfc lgamma gamma log log1p log10 angle asin acos atan asinh acosh atanh sinh cosh isnan isinf isfinite".split():
        case(f"aten::{op}.float", v, rtol=1e-13, atol=1e-300)
    case("prim::abs.float", v)
    case("aten::Bool.float", v)
    case("aten::Int.float", v)
    case("aten::modf", v)
    case("aten::frexp", v)
for v in (nan, inf, -inf):
    for op in "floor ceil round isnan isinf isfinite exp log sqrt".split():
        case(f"aten::{op}.float", v)
    case("aten::Int.float", v)
    case("aten::modf", v)
for v in (3 + 4j, -1 - 0.5j):
    for op in "neg sqrt exp log log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh angle isnan isinf isfinite".split():
        case(f"aten::{op}.complex", v, rtol=1e-12, atol=1e-12)
    case("prim::abs.complex", v)
case("aten::Complex.int_float", 3, 2.5)
case("aten::Complex.float_float", 3.5, -2.5)
case("aten::Complex.bool_bool", True, False)
case("aten::Complex.Scalar", 2.5)
case("aten::log.float_float", 8.0, 2.0)
case("aten::log.int_int", 8, 2)
case("aten::polar.float", 2.0, 0.5)
case("aten::ldexp", 0.75, 5)
for n in (0, 1, 5, 20):
    case("aten::factorial.int", n)
case("aten::factorial.int", -1)
for s in ("12", " 12", "-5", "12abc", "abc", "", "99999999999999999999", "0x10"):
    case("aten::Int.str", s)
for s in ("1.5", "inf", "nan", "abc", "1.5x", " 2", "1e400", "", "-1e-3"):
    case("aten::Float.str", s)
for op in ("add", "mul", "sub", "eq"):
    case(f"aten::{op}", 2, 3.5)
case("aten::__derive_index", 3, 10, -2)
for a in ((0, 5, 2), (5, 0, -2), (0, 5, -1), (0, 0, 1), (0, 5, 0), (0, 10, 3)):
    case("aten::__range_length", *a)
