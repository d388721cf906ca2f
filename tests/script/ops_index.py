# SPDX-License-Identifier: MIT
# Indexing, gathering, scattering, embedding. Run by make_ops.py.
x, m, v, s = R(2, 3, 4), R(3, 4), R(5), torch.tensor(2.5)
N = None
i, j, b = torch.tensor([1, 0]), torch.tensor([[0], [1]]), torch.tensor([True, False, True])
neg = torch.tensor([-1, 0])
bx = torch.tensor([[True, False, True], [False, False, True]])

INDICES = [
    [i], [N, i], [N, N, i], [neg], [i, i], [i, N, i], [N, i, i], [i, j], [j, i], [i, j, i], [N, j], [N, b], [bx], [N, N, torch.tensor([True, False, False, True])],
    [i, b], [b[:2], N, torch.tensor(1)], [N, b, torch.tensor([0, 3])], [torch.tensor(1)], [torch.tensor(1), N, torch.tensor(2)], [N, torch.tensor([[0, 1], [2, 0]])],
    [x > 0], [b[:2].to(torch.uint8)], [i.to(torch.int32)], [torch.tensor([], dtype=torch.int64)], [N, torch.zeros(3, dtype=torch.bool)], [i, N],
]
BAD = [[torch.tensor([True, False, True])], [torch.tensor([0.5])], [i, i, i, i], [i, torch.tensor([0, 1, 2])], []]
for ix in INDICES:
    case("aten::index.Tensor", x, ix)
    out = torch.ops.aten.index(x, ix)
    for acc in (False, True):
        case("aten::index_put", x, ix, R(*out.shape), acc)
        if acc or not any(t is not None and t.dtype == torch.uint8 for t in ix):  # refused there, without need
            case("aten::index_put_", x, ix, s, acc)
    if out.dim() > 1 and out.shape[-1] > 1:
        case("aten::index_put_", x, ix, R(out.shape[-1]), False)
for ix in BAD[:-2]:
    case("aten::index.Tensor", x, ix)
case("aten::index.Tensor", x, [])
case("aten::index.Tensor", x.transpose(0, 2), [N, i, i])
case("aten::index.Tensor", I(9, 3, 3), [i, i])
case("aten::index.Tensor", I(2, 3, 3).bool(), [N, i])
case("aten::index.Tensor", torch.view_as_complex(R(3, 2)), [i])
case("aten::index_put", x, [i], R(3), False)
case("aten::index_put_", m, [torch.tensor([0, 0, 1])], torch.ones(3, 4), True)
case("aten::index_put_", m.t(), [torch.tensor([0, 2])], R(2, 3), False)
case("aten::index_put_", I(9, 4), [torch.tensor([0, 2])], torch.tensor([5, 6]), False)
case("aten::index_put_", I(2, 4).bool(), [torch.tensor([0, 2])], torch.tensor(True), True)
case("aten::index_put_", m, [m > 0], torch.tensor(0.0), False)
case("aten::index_put_", m, [m > 0], R(int((m > 0).sum())), False)
case("aten::index_put_", m, [b], torch.tensor(0.0), False)
case("aten::_unsafe_index.Tensor", x, [N, i])
case("aten::_index_put_impl_", m, [i], s, False, False)

for d, ix in ((0, i), (1, torch.tensor([2, 2, 0])), (-1, torch.tensor([3])), (2, torch.tensor(1)), (1, torch.tensor([], dtype=torch.int64))):
    case("aten::index_select", x, d, ix)
case("aten::index_select", s, 0, torch.tensor([0]))
case("aten::index_select", x, 1, torch.tensor([[1]]))
g = torch.tensor([[[0, 2, 1, 0]], [[1, 1, 2, 2]]])
case("aten::gather", x, 1, g, False)
case("aten::gather", x, 1, g[:, :, :2], False)
case("aten::gather", x, 2, torch.tensor([[[3, 0]]]), False)
case("aten::gather", s, 0, torch.tensor(0), False)
case("aten::gather", v, 0, torch.tensor([], dtype=torch.int64), False)
case("aten::gather", x, 1, torch.tensor([[1]]), False)
case("aten::take", x, torch.tensor([[0, 23], [-1, 5]]))
case("aten::take_along_dim", x, g, 1)
case("aten::take_along_dim", x, torch.tensor([[[1]]]), 1)
case("aten::take_along_dim", x, torch.tensor([3, 4]), N)
case("aten::masked_select", x, x > 0)
case("aten::masked_select", x, torch.tensor([True, False, True, False]))
case("aten::masked_select", s, torch.tensor([True, False]))
case("aten::masked_select", s, torch.tensor(True))
case("aten::masked_select", x, torch.tensor([1, 0, 1, 0]))
case("aten::masked_scatter", x, x > 0, R(30))
case("aten::masked_scatter", m, torch.tensor([True, False, True, False]), R(3, 4))
case("aten::masked_scatter", x, x > -9, R(3))
case("aten::masked_scatter_", v, v > 0, R(5))

sc = torch.tensor([[0, 1, 2, 0], [2, 0, 0, 1]])
src = R(2, 4)
case("aten::scatter.src", m, 0, sc, src)
case("aten::scatter.src", m, 0, sc[:, :2], src)
case("aten::scatter.src", m, 1, torch.tensor([[3, 0]]), src)
case("aten::scatter.value", m, 0, sc, 7)
case("aten::scatter_.value", m, 1, torch.tensor([[0], [1], [2]]), 42.0)
case("aten::scatter.value", I(9, 3), 0, torch.tensor([1]), 5)
case("aten::scatter.src", s, 0, torch.tensor(0), torch.tensor(1.0))
case("aten::scatter.src", m, 0, torch.empty(0, dtype=torch.int64), src)
case("aten::scatter.src", m, 0, sc, src.double())
for r in ("add", "multiply"):
    case("aten::scatter.reduce", m, 0, sc, src, r)
    case("aten::scatter.value_reduce", m, 0, sc, 2.0, r)
case("aten::scatter_add", m, 0, sc, src)
case("aten::scatter_add_", I(9, 3, 4), 0, sc, I(9, 2, 4))
for r in ("sum", "prod", "mean", "amax", "amin"):
    for inc in (True, False):
        case("aten::scatter_reduce.two", m, 0, sc, src, r, inc)
        case("aten::scatter_reduce.two", I(9, 3, 4), 0, sc, I(9, 2, 4) - 5, r, inc)
        if r != "sum":
            case("aten::index_reduce", m, 0, torch.tensor([0, 0, 2]), R(3, 4), r, inc)
case("aten::scatter_reduce.two", m, 0, sc, src, "foo", True)
case("aten::index_add", m, 0, torch.tensor([0, 0]), R(2, 4), 1)
case("aten::index_add", m, 1, torch.tensor([3, 1]), R(3, 2), 0.5)
case("aten::index_add_", x, -1, torch.tensor([3]), R(2, 3, 1), 2)
case("aten::index_add", s, 0, torch.tensor(0), torch.tensor(2.0), 1)
case("aten::index_add", I(9, 3), 0, i, I(9, 2), 2)
case("aten::index_copy", m, 0, i, R(2, 4))
case("aten::index_copy", x, 1, torch.tensor([2]), R(2, 1, 4))
case("aten::index_copy", s, 0, torch.tensor(0), torch.tensor(2.0))
case("aten::index_fill.int_Scalar", m, 0, i, 3)
case("aten::index_fill.int_Scalar", m, 1, torch.tensor(-1), 0.5)
case("aten::index_fill.int_Tensor", m, 1, i, torch.tensor(9.0))
case("aten::index_fill_.int_Scalar", I(9, 4), 0, i, 3)
case("aten::put", m, torch.tensor([0, 0, -1]), torch.tensor([1.0, 2, 3]), True)
case("aten::put_", m, torch.tensor([[1, 5]]), torch.tensor([[1.0, 2]]), False)

w = R(6, 3)
case("aten::embedding", w, I(6, 2, 4), 0, False, False)
case("aten::embedding", w, torch.tensor(2), -1, False, False)
case("aten::embedding", w, torch.tensor([1, 2], dtype=torch.int32), -1, False, False)
case("aten::embedding", x, i, -1, False, False)
case("aten::embedding_renorm_", w, torch.tensor([0, 2, 2]), 0.5, 2.0)
case("aten::embedding_renorm_", w, torch.tensor([0, 3]), 0.5, 1.0)
case("aten::one_hot", I(4, 2, 3), 5)
case("aten::one_hot", torch.tensor([1, 3, 0]), -1)
case("aten::one_hot", torch.tensor(2), -1)
case("aten::one_hot", torch.tensor([1, 5]), 3)
case("aten::one_hot", torch.tensor([1, -5]), -1)
case("aten::one_hot", torch.empty(0, dtype=torch.int64), -1)
case("aten::one_hot", torch.empty(0, dtype=torch.int64), 4)
case("aten::one_hot", torch.tensor([1.0]), 3)
