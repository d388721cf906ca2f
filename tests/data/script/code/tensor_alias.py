class Alias(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Alias,
    x: Tensor) -> Tuple[Tensor, Tensor, Tensor, bool]:
    y = torch.view(x, [-1])
    _0 = torch.select(y, 0, 0)
    _1 = torch.tensor(100, dtype=ops.prim.dtype(_0), device=ops.prim.device(_0))
    _2 = torch.copy_(_0, _1)
    z = torch.t(x)
    _3 = torch.mul_(torch.select(z, 0, 1), 2)
    _4 = torch.slice(torch.slice(x), 1, 1, 3)
    _5 = torch.add_(_4, 5)
    w = torch.clone(x)
    _6 = torch.slice(torch.slice(w, 0, None, None, 2), 1, None, None, 2)
    _7 = torch.tensor(-1, dtype=ops.prim.dtype(_6), device=ops.prim.device(_6))
    _8 = torch.copy_(_6, _7)
    _9 = torch.gt(w, 50)
    _10 = torch.tensor(0.5, dtype=ops.prim.dtype(w), device=ops.prim.device(w))
    _11 = annotate(List[Optional[Tensor]], [_9])
    _12 = torch.index_put_(w, _11, _10)
    rows = torch.select(x, 0, 1)
    _13 = torch.zero_(rows)
    e = torch.expand(torch.zeros([3, 1]), [3, 4])
    m = torch.masked_fill(x, torch.lt(x, 0), 9.)
    _14 = torch.squeeze(torch.unsqueeze(x, 0), 0)
    _15 = torch.narrow(torch.select(_14, 0, 0), 0, 0, 2)
    _16 = torch.fill_(_15, -3)
    a, b, = torch.chunk(x, 2, 1)
    _17 = torch.copy_(b, a)
    _18 = [torch.tensor([0, 2]), torch.tensor([1, 3])]
    _19 = torch.index_put_(w, _18, torch.tensor([7., 8.]))
    _20 = torch.index_add_(w, 0, torch.tensor([0, 0]), torch.ones([2, 4]))
    _21 = torch.scatter_(w, 1, torch.tensor([[0], [1], [2]]), 42.)
    _22 = torch.slice(e, 0, None, torch.size(x, 0))
    _23 = torch.add(x, _22)
    _24 = torch.cat([w, m])
    _25 = torch.is_set_to(y, torch.view(x, [-1]))
    return (_23, y, _24, _25)
