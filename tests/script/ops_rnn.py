# SPDX-License-Identifier: MIT
# Recurrent layers, cells, packed sequences; see make_ops.py.
import torch.nn as nn
torch.manual_seed(11)


def weights(m):
    return [p.detach() for p in m._flat_weights]


def layer(kind, x, *, lens=None, **kw):
    m = kind(x.size(-1), 4, **kw)
    d, n = 2 if m.bidirectional else 1, m.num_layers
    h = kw.get("proj_size", 4)
    batch = 1 if x.dim() == 2 else x.size(0 if m.batch_first else 1)
    shape = (n * d,) if x.dim() == 2 else (n * d, batch)
    h0, c0 = R(*shape, h), R(*shape, 4)
    hx = [h0, c0] if kind is nn.LSTM else h0
    name = {nn.LSTM: "lstm", nn.GRU: "gru", nn.RNN: "rnn_" + getattr(m, "nonlinearity", "tanh")}[kind]
    if lens is None:
        case(f"aten::{name}.input", x, hx, weights(m), m.bias, n, 0.0, False, m.bidirectional, m.batch_first)
    else:
        data, sizes = torch.ops.aten._pack_padded_sequence(x, torch.tensor(lens), m.batch_first)
        case(f"aten::{name}.data", data, sizes, hx, weights(m), m.bias, n, 0.0, False, m.bidirectional)


for kind in (nn.LSTM, nn.GRU, nn.RNN):
    layer(kind, R(3, 2, 5))
    layer(kind, R(2, 3, 5), num_layers=2, bidirectional=True, batch_first=True)
    layer(kind, R(3, 2, 5), bias=False, bidirectional=True)
    layer(kind, R(3, 2, 5).double().float(), num_layers=3)
    layer(kind, R(6, 4, 5), lens=[6, 4, 4, 1], num_layers=2, bidirectional=True)
    layer(kind, R(3, 6, 5), lens=[5, 5, 5], batch_first=True)
    layer(kind, R(1, 6, 5), lens=[3], batch_first=True, bias=False)
layer(nn.RNN, R(3, 2, 5), nonlinearity="relu", bidirectional=True)
layer(nn.LSTM, R(3, 2, 5), proj_size=2)
layer(nn.LSTM, R(3, 2, 5), proj_size=3, num_layers=2, bidirectional=True, batch_first=True)
layer(nn.LSTM, R(5, 3, 5), lens=[5, 2, 1], proj_size=3, bidirectional=True)
w = lambda g: (R(g * 4, 5), R(g * 4, 4), R(g * 4), R(g * 4))
case("aten::lstm_cell", R(3, 5), [R(3, 4), R(3, 4)], *w(4))
case("aten::lstm_cell", R(3, 5), [R(3, 4), R(3, 4)], *w(4)[:2])
case("aten::gru_cell", R(3, 5), R(3, 4), *w(3))
case("aten::rnn_tanh_cell", R(3, 5), R(3, 4), *w(1))
case("aten::rnn_relu_cell", R(3, 5), R(3, 4), *w(1))
x = R(3, 5, 2)
case("aten::_pack_padded_sequence", x, torch.tensor([5, 3, 1]), True)
case("aten::_pack_padded_sequence", x, torch.tensor([3, 3, 2, 2, 1]), False)
case("aten::_pack_padded_sequence", x, torch.tensor([1, 3, 5]), True)
case("aten::_pack_padded_sequence", x, torch.tensor([1, 0, 0]), True)
d, s = torch.ops.aten._pack_padded_sequence(x, torch.tensor([4, 3, 1]), True)
case("aten::_pad_packed_sequence", d, s, True, 0.0, -1)
case("aten::_pad_packed_sequence", d, s, False, -1.5, 6)
case("aten::_pad_packed_sequence", d, s, False, -1.5, 2)
