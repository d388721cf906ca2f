# SPDX-License-Identifier: MIT
# Attention and the fast paths of transformer layers; see make_ops.py.
sdpa = "aten::scaled_dot_product_attention"
q, k, v = R(2, 4, 3, 8), R(2, 4, 5, 8), R(2, 4, 5, 6)
case(sdpa, q, k, v)
case(sdpa, q, k, v, None, 0.0, True)
case(sdpa, q, k, v, R(3, 5), 0.0, False, 0.3, False)
case(sdpa, q, k, v, R(2, 1, 3, 5) > 0)
case(sdpa, q, k, v, torch.tensor([[True, False, True, True, False], [False] * 5, [True] * 5]))
case(sdpa, q, k, v, torch.tensor([[0.0, 1, 2, 3, 4], [-math.inf] * 5, [0.5] * 5]))
case(sdpa, q, k[:, :2], v[:, :2], None, 0.0, False, None, True)
case(sdpa, q, k[:, :1], v[:, :1])
case(sdpa, q, k[:, :2], v[:, :2])
case(sdpa, q[0], k[0], v[0], R(4, 3, 5))
case(sdpa, q[0, 0], k[0, 0], v[0, 0], None, 0.0, True)
case(sdpa, R(2, 2, 4, 3, 8), R(2, 2, 4, 5, 8), R(2, 2, 4, 5, 8))
case(sdpa, q.double(), k.double(), v.double())
case(sdpa, R(2, 3, 4, 8).transpose(1, 2), R(2, 5, 4, 8).transpose(1, 2), R(2, 5, 4, 8).transpose(1, 2))
case(sdpa, q, k[:1], v[:1])
case(sdpa, q, k, v, R(3, 5), 0.0, True)
case("aten::_scaled_dot_product_attention_math", q, k, v, None, 0.0, True, None, None, False)
case("aten::_scaled_dot_product_attention_math", q, k, v, R(3, 5) > -1, 0.0, False, None, 0.2, False)
case("aten::_scaled_dot_product_flash_attention_for_cpu", q, k, R(2, 4, 5, 8), 0.0, False, None, None)
case("aten::_scaled_dot_product_flash_attention_for_cpu", q, k, R(2, 4, 5, 8), 0.0, True, None, 0.5)
x, w = R(2, 5, 8), (R(24, 8) * 0.3, R(24), R(8, 8) * 0.3, R(8))
pad = torch.tensor([[False] * 5, [False, False, False, True, True]])
causal = torch.ones(5, 5).triu(1).bool()
for mask, kind in ((None, None), (pad, 1), (causal, 0), (pad[:, None, None].expand(2, 2, 5, 5) | causal, 2), (torch.zeros(5, 5).masked_fill(causal, -math.inf), 0)):
    for need, average in ((True, True), (True, False), (False, True)):
        case("aten::_native_multi_head_attention", x, x, x, 8, 2, *w, mask, need, average, kind)
    layer = (R(8), R(8), R(8), R(8), R(16, 8) * 0.3, R(16), R(8, 16) * 0.3, R(8))
    for gelu, first in ((True, False), (False, True)):
        case("aten::_transformer_encoder_layer_fwd", x, 8, 2, *w, gelu, first, 1e-5, *layer, mask, kind, atol=1e-5)
keep = ~pad
case("aten::_nested_tensor_from_mask_left_aligned", x, keep)
case("aten::_nested_tensor_from_mask_left_aligned", x, keep.flip(1))
case("aten::_nested_tensor_from_mask_left_aligned", x, torch.zeros(2, 5).bool())
case("aten::_nested_tensor_from_mask", x, keep.flip(1))
