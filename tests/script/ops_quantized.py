# SPDX-License-Identifier: MIT
# Quantized tensors, layers, packed parameters; see make_ops.py.
Q = torch.ops.quantized
u8, s8, s32 = torch.quint8, torch.qint8, torch.qint32
qt = lambda x, s=0.05, z=120, d=u8: torch.quantize_per_tensor(x, s, z, d)
x = R(3, 4)
for d, z in ((u8, 120), (s8, -3), (s32, 0), (s32, 5)):
    case("aten::quantize_per_tensor", x, 0.05, z, d)
    case("aten::quantize_per_tensor.tensor_qparams", x, torch.tensor(0.05), torch.tensor(z), d)
    for op in ("dequantize.self", "int_repr", "q_scale", "q_zero_point"):
        case("aten::" + op, qt(x, 0.05, z, d))
case("aten::quantize_per_tensor", torch.tensor([-1e9, 0.025, 0.075, 1e9, -0.025]), 0.05, 10, u8)
case("aten::quantize_per_tensor.tensors", [x, x * 2], torch.tensor([0.1, 0.2]), torch.tensor([0, 5]), u8)
scales, zeros = torch.tensor([0.1, 0.2, 0.05]), torch.tensor([0, 3, -2])
case("aten::quantize_per_channel", x, scales, zeros, 0, s8)
case("aten::quantize_per_channel", R(2, 3, 2), scales, zeros + 100, 1, u8)
case("aten::quantize_per_channel", x, scales, torch.tensor([3.5, 7.25, 1.0]), 0, u8)
pc = torch.quantize_per_channel(x, scales, zeros, 0, s8)
for op in ("dequantize.self", "int_repr", "q_per_channel_axis", "q_per_channel_scales", "q_per_channel_zero_points"):
    case("aten::" + op, pc)
case("aten::dequantize.self", x)
for d, reduced in ((u8, True), (u8, False), (s8, False)):
    for scale in (1.0, 100.0, 1e-7):
        case("aten::quantize_per_tensor_dynamic", x * scale, d, reduced)
case("aten::quantize_per_tensor_dynamic", x.abs(), u8, True)
case("aten::quantize_per_tensor_dynamic", torch.zeros(3), u8, False)
case("aten::_make_per_tensor_quantized_tensor", I(200, 3, 2, dtype=torch.uint8), 0.1, 7)
case("aten::_make_per_channel_quantized_tensor", I(100, 3, 2, dtype=torch.int8), scales, zeros, 0)
case("aten::fake_quantize_per_tensor_affine", x, 0.05, 3, -8, 7)
case("aten::fake_quantize_per_tensor_affine", x, 0.1, 100, 0, 255)
case("aten::fake_quantize_per_tensor_affine.tensor_qparams", x, torch.tensor([0.05]), torch.tensor([3]), -128, 127)
case("aten::fake_quantize_per_channel_affine", x, scales, zeros.int(), 0, -8, 7)

w, b = R(5, 4), R(5)
wt = torch.quantize_per_tensor(w, 0.02, 1, s8)
wc = torch.quantize_per_channel(w, R(5).abs() * 0.02 + 0.005, torch.zeros(5).long(), 0, s8)
for weight in (wt, wc):
    for bias in (b, None):
        case("quantized::linear_prepack", weight, bias)
        p = Q.linear_prepack(weight, bias)
        case("quantized::linear_unpack", p)
        for xx in (x, R(2, 3, 4)):
            case("quantized::linear", qt(xx), p, 0.07, 110)
            case("quantized::linear_relu", qt(xx), p, 0.07, 20)
            for reduced in (False, True):
                case("quantized::linear_dynamic", xx, p, reduced)
                case("quantized::linear_relu_dynamic", xx, p, reduced)
case("quantized::linear", qt(R(2, 3)), p, 0.07, 110)
h = Q.linear_prepack_fp16(w, b)
case("quantized::linear_prepack_fp16", w, b)
case("quantized::linear_dynamic_fp16", x, h, atol=1e-5)
case("quantized::linear_relu_dynamic_fp16", x, h, atol=1e-5)
case("quantized::linear_unpack_fp16", h)

cw = R(6, 2, 3, 2)
for weight in (torch.quantize_per_tensor(cw, 0.02, 0, s8), torch.quantize_per_channel(cw, R(6).abs() * 0.02 + 0.005, torch.zeros(6).long(), 0, s8)):
    for bias in (R(6), None):
        args = (weight, bias, [2, 1], [1, 0], [1, 2], 2)
        case("quantized::conv2d_prepack", *args)
        p = Q.conv2d_prepack(*args)
        case("quantized::conv2d.new", qt(R(2, 4, 7, 6)), p, 0.1, 100)
        case("quantized::conv2d_relu.new", qt(R(1, 4, 7, 6)), p, 0.1, 30)
        case("quantized::conv2d_dynamic", R(1, 4, 7, 6), p, True, any_values=True)  # this machine's kernels saturate 16-bit sums
for op in ("unpack", "stride", "padding", "dilation", "output_padding", "groups", "transpose"):
    case("quantized::conv2d_" + op, p)
w1 = torch.quantize_per_tensor(R(6, 2, 3), 0.02, 0, s8)
p = Q.conv1d_prepack(w1, R(6), [2], [1], [1], 2)
case("quantized::conv1d_prepack", w1, R(6), [2], [1], [1], 2)
case("quantized::conv1d", qt(R(2, 4, 9)), p, 0.1, 100)
case("quantized::conv1d_relu", qt(R(2, 4, 9)), p, 0.1, 0)
case("quantized::conv1d_unpack", p)
w3 = torch.quantize_per_tensor(R(4, 2, 2, 3, 2), 0.02, 0, s8)
p = Q.conv3d_prepack(w3, R(4), [1, 2, 1], [1, 0, 0], [1, 1, 1], 1)
case("quantized::conv3d_prepack", w3, R(4), [1, 2, 1], [1, 0, 0], [1, 1, 1], 1)
case("quantized::conv3d.new", qt(R(1, 2, 4, 5, 4)), p, 0.1, 100)
wd = torch.quantize_per_tensor(R(4, 3, 3, 2), 0.02, 0, s8)
p = Q.conv_transpose2d_prepack(wd, R(6), [2, 1], [1, 0], [1, 0], [1, 1], 2)
case("quantized::conv_transpose2d_prepack", wd, R(6), [2, 1], [1, 0], [1, 0], [1, 1], 2)
case("quantized::conv_transpose2d", qt(R(1, 4, 4, 3)), p, 0.1, 100)

qa, qb = qt(R(3, 4)), qt(R(3, 4), 0.03, 100)
for op in ("add", "add_relu", "mul", "mul_relu"):
    case("quantized::" + op, qa, qb, 0.08, 90)
    case("quantized::" + op, qa, qb, 0.08, 0)
for c in (0.5, -0.5, 3.0, 20.0, -20.0, 0.0):
    for op in ("add_scalar", "mul_scalar", "add_scalar_relu", "mul_scalar_relu"):
        case("quantized::" + op, qa, c)
case("quantized::add.Scalar", qa, 0.5)
case("quantized::matmul", qt(R(2, 3, 4)), qt(R(2, 4, 3), 0.03, 100), 0.1, 120)
case("quantized::cat", [qa, qb], 0, 0.0613, 100)
case("quantized::cat", [qa, qb], -1, None, None)
case("quantized::cat_relu", [qa, qb], 1, 0.0613, 10)
im = qt(R(2, 3, 4, 4))
case("quantized::batch_norm2d", im, R(3), R(3), R(3), R(3).abs() + 0.5, 1e-5, 0.1, 100)
case("quantized::batch_norm2d_relu", im, R(3), R(3), R(3), R(3).abs() + 0.5, 1e-5, 0.1, 0)
case("quantized::layer_norm", qa, [4], R(4), R(4), 1e-5, 0.05, 100)
case("quantized::group_norm", im, 3, R(3), R(3), 1e-5, 0.05, 100)
case("quantized::instance_norm", im, R(3), R(3), 1e-5, 0.05, 100)
case("quantized::hardswish", qa, 0.04, 60)
case("quantized::sigmoid", qa, 1 / 256, 0)
case("quantized::leaky_relu", qa, 0.1, False, 0.04, 60)
case("quantized::elu", qa, 0.04, 60, 1.0, 1.0, 1.0)
case("quantized::relu6", qa)
case("quantized::softmax", qa, 1, 1 / 256, 0)
case("quantized::clamp", qa, -0.5, 0.7)
case("aten::relu", qa)
case("aten::max_pool2d", im, [2, 2])
case("aten::adaptive_avg_pool2d", im, [1, 1])
case("aten::adaptive_avg_pool2d", im, [2, 2])
case("aten::avg_pool2d", im, [2, 2])
case("aten::upsample_nearest2d.vec", im, None, [2.0, 2.0])
case("aten::upsample_bilinear2d.vec", im, [8, 8], False, None)
case("aten::flatten.using_ints", im, 1, -1)
case("aten::view", im, [2, -1])

import torch.ao.quantization as AQ
import torch.nn as nn
torch.manual_seed(12)
for kind, op in ((nn.LSTM, "quantized_lstm"), (nn.GRU, "quantized_gru")):
    for dtype in (s8, torch.float16):
        for kw in (dict(), dict(num_layers=2, bidirectional=True, batch_first=True)):
            m = kind(5, 4, **kw)
            qm = AQ.quantize_dynamic(nn.Sequential(m), {kind}, dtype=dtype)[0]
            cells = [v.param for v in qm._all_weight_values]
            n, d, bf = m.num_layers, 2 if m.bidirectional else 1, m.batch_first
            xx = R(2, 3, 5) if bf else R(3, 2, 5)
            hx = [R(n * d, 2, 4), R(n * d, 2, 4)] if kind is nn.LSTM else R(n * d, 2, 4)
            more = (dtype, True) if kind is nn.LSTM else ()
            case(f"aten::{op}.input", xx, hx, cells, True, n, 0.0, False, m.bidirectional, bf, *more, atol=1e-5)
            data, sizes = torch.ops.aten._pack_padded_sequence(R(4, 2, 5), torch.tensor([4, 2]), False)
            case(f"aten::{op}.data", data, sizes, hx, cells, True, n, 0.0, False, m.bidirectional, *more, atol=1e-5)
wi, wh = (torch.quantize_per_tensor(R(16, k), 0.02, 0, s8) for k in (5, 4))
bi, bh = R(16), R(16)
pi, ph = Q.linear_prepack(wi, bi), Q.linear_prepack(wh, bh)
case("quantized::quantized_lstm_cell_dynamic", R(2, 5), [R(2, 4), R(2, 4)], pi, ph, bi, bh, atol=1e-5)
case("quantized::make_quantized_cell_params_dynamic", pi, ph, bi, bh, True)
wi, wh = (torch.quantize_per_tensor(R(12, k), 0.02, 0, s8) for k in (5, 4))
bi, bh = R(12), R(12)
pi, ph = Q.linear_prepack(wi, bi), Q.linear_prepack(wh, bh)
case("quantized::quantized_gru_cell_dynamic", R(2, 5), R(2, 4), pi, ph, bi, bh, atol=1e-5)
wi, wh = (torch.quantize_per_tensor(R(4, k), 0.02, 0, s8) for k in (5, 4))
bi, bh = R(4), R(4)
pi, ph = Q.linear_prepack(wi, bi), Q.linear_prepack(wh, bh)
case("quantized::quantized_rnn_tanh_cell_dynamic", R(2, 5), R(2, 4), pi, ph, bi, bh, atol=1e-5)
case("quantized::quantized_rnn_relu_cell_dynamic", R(2, 5), R(2, 4), pi, ph, bi, bh, atol=1e-5)

table = R(6, 4)
for d, top in ((u8, 255), (torch.quint4x2, 15)):
    lo, hi = table.min(1).values, table.max(1).values
    scale = (hi - lo) / top
    packed = Q.embedding_bag_prepack(torch.quantize_per_channel(table, scale, -lo / scale, 0, d))
    bits = "byte" if d is u8 else "4bit"
    keep = packed.__getstate__()
    case(f"quantized::embedding_{bits}", packed, torch.tensor([1, 5, 0]), False, atol=1e-5)
    case(f"quantized::embedding_bag_{bits}", packed, torch.tensor([1, 5, 0, 2]), torch.tensor([0, 3]), False, 0, False, None, None, False, atol=1e-5)
    case(f"quantized::embedding_bag_{bits}", packed, torch.tensor([1, 5, 0, 2]), torch.tensor([0, 3]), False, 0, False, R(4), None, False, atol=1e-5)
case("quantized::embedding_bag_byte_prepack", table)
rows = Q.embedding_bag_byte_prepack(table)
case("quantized::embedding_bag_byte_unpack", rows, atol=1e-5)
case("quantized::embedding_bag_byte_rowwise_offsets", rows, torch.tensor([1, 5, 0, 2]), torch.tensor([0, 3]), False, 0, False, None, None, False, atol=1e-5)
