# SPDX-License-Identifier: MIT
# Resizing, grids; see make_ops.py.
import torch.nn.functional as F
x1, x2, x3 = R(2, 3, 7), R(1, 2, 5, 7), R(1, 2, 3, 4, 5)
for kind, dims, x in (("1d", 1, x1), ("2d", 2, x2), ("3d", 3, x3)):
    n = list(x.shape[2:])
    for name in (f"upsample_nearest{kind}", f"_upsample_nearest_exact{kind}"):
        for size in ([2 * v for v in n], [v + 3 for v in n], [max(1, v - 2) for v in n], n, [3 * v for v in n], [1] * dims):
            case("aten::" + name, x, size, *[None] * dims)
            case("aten::" + name + ".vec", x, size, None)
        for s in (2.0, 1.7, 0.6, 1 / 3.0 * 2):
            case("aten::" + name + ".vec", x, None, [s] * dims)
            case("aten::" + name, x, [int(v * s) for v in n], *[s] * dims)
    name = {1: "upsample_linear1d", 2: "upsample_bilinear2d", 3: "upsample_trilinear3d"}[dims]
    for name in [name] + ["upsample_bicubic2d"] * (dims == 2):
        for align in (False, True):
            for size in ([2 * v for v in n], [v + 3 for v in n], [max(1, v - 2) for v in n], n, [1] * dims):
                case("aten::" + name, x, size, align, *[None] * dims)
            for s in (2.0, 1.7, 0.6):
                case("aten::" + name + ".vec", x, None, align, [s] * dims)
case("aten::upsample_bilinear2d.vec", x2.double(), [6, 4], False, None)
case("aten::upsample_bilinear2d.vec", x2.half(), [6, 4], False, None, atol=2e-3)
case("aten::upsample_nearest2d.vec", I(255, 1, 1, 3, 4, dtype=torch.uint8), [6, 4], None)
case("aten::upsample_bicubic2d.vec", x2, None, False, [1.5, 0.6])
for name in ("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_lanczos2d_aa"):
    for align in (False, True):
        for size in ([2, 3], [9, 4], [5, 7], [1, 1], [11, 3]):
            case("aten::" + name, x2, size, align, None, None)
    case("aten::" + name + ".vec", x2, None, False, [0.45, 1.3])
    case("aten::" + name + ".vec", x2.double(), [3, 4], False, None)
case("aten::upsample_nearest2d.vec", x2, None, None)
case("aten::upsample_nearest2d", x1, [3, 3], None, None)
case("aten::upsample_bilinear2d", x2, [0, 3], False, None, None)
interp = "aten::__interpolate"
for mode, align in (("nearest", None), ("bilinear", False), ("bilinear", True), ("bicubic", None), ("area", None)):
    case(interp + ".size_list", x2, [3, 9], None, mode, align, None, False, via=lambda x, s, f, m, a, r, aa: F.interpolate(x, s, f, m, a, r, aa))
    case(interp, x2, None, 1.6, mode, align, None, False, via=lambda x, s, f, m, a, r, aa: F.interpolate(x, s, f, m, a, r, aa))
    case(interp + ".scale_list", x2, None, [1.6, 0.5], mode, align, True, False, via=lambda x, s, f, m, a, r, aa: F.interpolate(x, s, f, m, a, r, aa))
case(interp, x2, 6, None, "bilinear", False, None, True, via=lambda x, s, f, m, a, r, aa: F.interpolate(x, s, f, m, a, r, aa))
grid = R(1, 3, 4, 2) * 1.2
for mode in (0, 1, 2):
    for pad in (0, 1, 2):
        for align in (False, True):
            case("aten::grid_sampler", x2, grid, mode, pad, align)
case("aten::grid_sampler_2d", x2, grid, 0, 0, False)
case("aten::grid_sampler_3d", x3, R(1, 2, 2, 3, 3), 0, 0, False)
case("aten::grid_sampler_3d", x3, R(1, 2, 2, 3, 3), 1, 2, True)
theta = R(2, 2, 3)
for size in ([2, 1, 4, 5], [2, 3, 1, 6], [2, 1, 1, 1]):
    for align in (False, True):
        case("aten::affine_grid_generator", theta, size, align)
case("aten::affine_grid_generator", R(1, 3, 4), [1, 2, 2, 3, 4], False)
