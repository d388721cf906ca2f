# SPDX-License-Identifier: MIT
# Fourier transforms; see make_ops.py.
C = lambda *s: torch.complex(R(*s), R(*s))
norms = (None, "ortho", "forward", "backward")
for n in (None, 5, 12):
    for norm in norms[:3] if n == 5 else norms[:1]:
        for name, x in (("fft", C(3, 8)), ("ifft", C(3, 8)), ("fft", R(3, 8)), ("ifft", R(3, 8)), ("rfft", R(3, 8)), ("irfft", C(3, 5)), ("hfft", C(3, 5)), ("ihfft", R(3, 8))):
            case("aten::fft_" + name, x, n, -1, norm, atol=1e-5)
case("aten::fft_fft", R(4, 3, 2), None, 0, None)
case("aten::fft_rfft", R(4, 3, 2), 6, 1, None)
case("aten::fft_rfft", I(9, 7), None, 0, None)
case("aten::fft_fft", torch.complex(R(37).double(), R(37).double()), None, 0, None)
case("aten::fft_fft", C(101), None, 0, None, atol=1e-4)
case("aten::fft_rfft", R(1, 77), None, 1, None, atol=1e-4)
case("aten::fft_irfft", R(3, 5), None, -1, None)
case("aten::fft_fft", R(3), 0, -1, None)
case("aten::fft_fft", R(3), None, 1, None)
case("aten::fft_rfft", C(3), None, 0, None)
case("aten::fft_fft", R(3), None, 0, "other")
for norm in norms:
    for name, x in (("fft2", R(2, 4, 6)), ("ifft2", C(2, 4, 6)), ("rfft2", R(2, 4, 6)), ("irfft2", C(2, 4, 4)), ("hfft2", C(2, 4, 4)), ("ihfft2", R(2, 4, 6))):
        case("aten::fft_" + name, x, None, [-2, -1], norm, atol=1e-5)
case("aten::fft_fft2", R(2, 4, 6), [3, 8], [0, 2], None, atol=1e-5)
case("aten::fft_fftn", R(2, 4, 3), None, None, None, atol=1e-5)
case("aten::fft_ifftn", C(2, 4, 3), [2, 2], None, "ortho", atol=1e-5)
case("aten::fft_rfftn", R(2, 4, 3), [-1, 5], [0, 1], None, atol=1e-5)
case("aten::fft_irfftn", C(2, 4, 3), None, None, None, atol=1e-5)
case("aten::fft_hfftn", C(2, 4, 3), None, [0, 2], "forward", atol=1e-5)
case("aten::fft_ihfftn", R(2, 4, 3), None, [0, 2], "ortho", atol=1e-5)
for n in (0, 1, 2):
    case("aten::_fft_c2c", C(2, 4, 3), [0, 1], n, True, atol=1e-5)
    case("aten::_fft_c2c", C(2, 4, 3), [1], n, False, atol=1e-5)
    case("aten::_fft_r2c", R(2, 4, 3), [0, 1], n, True, atol=1e-5)
    case("aten::_fft_r2c", R(2, 4, 3), [2], n, False, atol=1e-5)
    case("aten::_fft_c2r", C(2, 4, 3), [0, 1], n, 6, atol=1e-5)
for x in (R(5), R(2, 6), C(4, 3)):
    case("aten::fft_fftshift", x, None)
    case("aten::fft_ifftshift", x, [-1])
case("aten::fft_fftfreq", 5, 1.0, None, None, None, None)
case("aten::fft_fftfreq", 4, 0.5, torch.float64, None, None, None)
case("aten::fft_rfftfreq", 5, 0.1, None, None, None, None)
w, x = torch.hann_window(8), R(2, 32)
for args in ((8, 4, None, w), (8, None, None, None), (8, 3, 6, torch.hamming_window(6)), (10, 5, 8, w)):
    for center, mode in ((True, "reflect"), (False, "reflect"), (True, "constant")):
        case("aten::stft.center", x, *args, center, mode, False, None, True, None, atol=1e-5)
    case("aten::stft", x[0], *args, True, False, True, None, atol=1e-5)
case("aten::stft.center", x, 8, 4, None, w, True, "reflect", False, True, False, None, atol=1e-5)
case("aten::stft", C(2, 20), 8, 4, None, w, False, None, True, None, atol=1e-5)
for args, kw in (((8, 4, None, w), {}), ((8, 2, 8, w), {}), ((9, 3, 7, torch.hamming_window(7)), {})):
    s = torch.stft(x, *args, return_complex=True)
    for norm in (False, True):
        case("aten::istft", s, *args, True, norm, None, None, False, atol=1e-5)
    case("aten::istft", s[0], *args, True, False, None, 20, False, atol=1e-5)
    if args[0] == 8:
        case("aten::istft", s[0], *args, True, False, None, 34, False, atol=1e-5)
case("aten::istft", torch.stft(x, 8, 4, window=torch.ones(8), center=False, return_complex=True), 8, 4, None, torch.ones(8), False, False, True, None, False, atol=1e-5)
case("aten::istft", torch.stft(x, 8, 4, onesided=False, return_complex=True, window=w), 8, 4, None, w, True, False, False, None, False, atol=1e-5)
z = C(2, 3)
for op in ("real", "imag", "conj", "_conj", "conj_physical", "angle"):
    case("aten::" + op, z)
case("aten::real", R(2))
case("aten::imag", R(2))
case("aten::conj", R(2))
case("aten::angle", torch.tensor([1.0, -2.0, 0.0, -0.0, float("nan")]))
case("aten::angle", I(5, 3) - 2)
