class Collatz(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Collatz,
    x: Tensor,
    limit: int) -> Tuple[Tensor, int]:
    if torch.lt(0, limit):
      _0 = bool(torch.any(torch.gt(x, 1)))
    else:
      _0 = False
    x0 = x
    steps = 0
    _1 = _0
    while _1:
      _2 = torch.remainder(int(torch.item(torch.max(x0))), 2)
      if torch.eq(_2, 0):
        x1 = torch.floor_divide(x0, 2)
      else:
        x1 = torch.add(torch.mul(x0, 3), 1)
      steps0 = torch.add(steps, 1)
      if torch.lt(steps0, limit):
        _4 = bool(torch.any(torch.gt(x1, 1)))
        _3 = _4
      else:
        _3 = False
      _1, x0, steps = _3, x1, steps0
    return (x0, steps)
