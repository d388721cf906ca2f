class EarlyReturn(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.EarlyReturn,
    x: Tensor,
    mode: str) -> Tensor:
    _0 = uninitialized(Tensor)
    if torch.eq(mode, "neg"):
      _1, _2 = True, torch.neg(x)
    else:
      if torch.eq(mode, "abs"):
        _3, _4 = True, torch.abs(x)
      else:
        _3, _4 = False, _0
      _1, _2 = _3, _4
    if _1:
      _5 = _2
    else:
      _6 = False
      _7 = _0
      x0 = x
      _8 = 0
      _9 = True
      while _9:
        _10 = torch.gt(float(torch.sum(x0)), 10.)
        if _10:
          _11, _12, _13, _14 = False, True, torch.add(x0, _8), _0
        else:
          x1 = torch.add(torch.mul(x0, 2), 1)
          _11, _12, _13, _14 = True, False, _0, x1
        _15 = torch.add(_8, 1)
        _16 = torch.__and__(torch.lt(_15, 4), _11)
        _9, _6, _7, x0, _8 = _16, _12, _13, _14, _15
      if _6:
        _17 = _7
      else:
        if torch.ne(torch.dim(x0), 1):
          _18 = torch.format("expected a vector, got {} dims", torch.dim(x0))
          ops.prim.RaiseException(_18, "builtins.ValueError")
        else:
          pass
        _17 = x0
      _5 = _17
    return _5
