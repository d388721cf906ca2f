class Ternary(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Ternary,
    a: int,
    b: float,
    c: bool) -> Tuple[float, int, bool, str]:
    if c:
      x = b
    else:
      x = float(a)
    if torch.gt(a, 3):
      _0 = torch.__not__(c)
    else:
      _0 = False
    if _0:
      y = a
    else:
      if torch.lt(a, 0):
        _1 = True
      else:
        _1 = c
      if _1:
        _2 = torch.add(a, 1)
      else:
        _2 = 0
      y = _2
    if torch.lt(1, a):
      _3 = torch.le(a, 5)
    else:
      _3 = False
    if _3:
      z = torch.ne(a, 4)
    else:
      z = False
    if z:
      s = "yes"
    else:
      s = "no"
    return (x, y, z, s)
