# SPDX-License-Identifier: MIT
# Bags of embeddings; see make_ops.py.
w, i, o = R(6, 3), torch.tensor([1, 2, 4, 5, 4, 3]), torch.tensor([0, 2, 2, 5])
for mode in (0, 1, 2):
    case("aten::embedding_bag", w, i, o, False, mode)
    for pad in (None, 4, -2):
        case("aten::embedding_bag.padding_idx", w, i, o, False, mode, False, None, False, pad)
case("aten::embedding_bag", w, i, o, False, 0, False, R(6))
case("aten::embedding_bag", w, i, torch.tensor([0, 2, 6]), False, 0, False, None, True)
case("aten::embedding_bag", w.double(), i.int(), o.int())
case("aten::embedding_bag", w, i, torch.tensor([1, 2]))
