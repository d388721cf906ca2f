# SPDX-License-Identifier: MIT
# What older files mean; see make_ops.py. PyTorch's upgraders, as it runs them, are written out here.
up = "naru_upgrade::"
old = lambda a, b: a.div(b) if a.is_floating_point() or isinstance(b, float) or (isinstance(b, torch.Tensor) and b.is_floating_point()) else a.div(b, rounding_mode="trunc")
i, f = torch.tensor([7, -7, 9]), R(3)
for a, b in ((i, torch.tensor([2, 2, -4])), (i, f), (f, i)):
    case(up + "div_0_3.Tensor", a, b, via=old)
for a, b in ((i, 2), (i, 2.0), (f, 2)):
    case(up + "div_0_3.Scalar", a, b, via=old)
case(up + "div__0_3.Tensor", i, torch.tensor([2, 2, -4]), via=lambda a, b: a.copy_(old(a, b)))
case(up + "div__0_3.Scalar", f, 4, via=lambda a, b: a.copy_(old(a, b)))
case(up + "div_0_3.int", 7, 2, via=lambda a, b: a / b)
case(up + "div_0_3.float", 7.0, 2.0, via=lambda a, b: a / b)
none = (None, None, None, None)
case(up + "full_0_4", [2, 2], 3, *none, via=lambda s, v, *_: torch.full(s, float(v)))
case(up + "full_0_4", [2], 3, 4, None, None, None, via=lambda s, v, *_: torch.full(s, v, dtype=torch.int64))
case(up + "linspace_0_7", 0, 1, None, *none, via=lambda a, b, *_: torch.linspace(a, b, 100))
case(up + "linspace_0_7", 0.0, 1, 5, *none, via=lambda a, b, n, *_: torch.linspace(a, b, n))
case(up + "logspace_0_8", 0, 1, None, 2.0, *none, via=lambda a, b, n, base, *_: torch.logspace(a, b, 100, base))
