class Errors(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Errors,
    n: int,
    xs: List[int],
    d: Dict[str, int],
    t: Tensor) -> int:
    v = (self).inner(n, )
    if torch.eq(n, 5):
      _0 = xs[10]
    else:
      if torch.eq(n, 6):
        _1 = d["missing"]
      else:
        if torch.eq(n, 7):
          _3 = torch.item(torch.sum(torch.matmul(t, t)))
          _2 = int(_3)
        else:
          if torch.eq(n, 8):
            _5 = torch.floordiv(v, torch.sub(n, 8))
            _4 = _5
          else:
            if torch.eq(n, 9):
              _6 = int("not a number")
            else:
              if torch.eq(n, 10):
                _8 = torch.sum(torch.view(t, [7]))
                _7 = int(torch.item(_8))
              else:
                _7 = v
              _6 = _7
            _4 = _6
          _2 = _4
        _1 = _2
      _0 = _1
    return _0
  def inner(self: __torch__.script_suite.Errors,
    n: int) -> int:
    _9 = "AssertionError: four is not allowed"
    if torch.eq(n, 1):
      ops.prim.RaiseException(torch.format("bad n: {}", n), "builtins.RuntimeError")
    else:
      pass
    if torch.eq(n, 2):
      ops.prim.RaiseException("value", "builtins.ValueError")
    else:
      pass
    if torch.eq(n, 3):
      ops.prim.RaiseException("")
    else:
      pass
    if torch.ne(n, 4):
      pass
    else:
      ops.prim.RaiseException(_9)
    return n
