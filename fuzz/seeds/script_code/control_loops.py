class Loops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Loops,
    n: int) -> List[int]:
    _0 = uninitialized(int)
    _1 = uninitialized(bool)
    out = annotate(List[int], [])
    _2 = 0
    _3 = torch.gt(n, 0)
    while _3:
      if torch.eq(_2, 2):
        pass
      else:
        _4 = 0
        _5 = True
        while _5:
          j = torch.__derive_index(_4, 10, -3)
          if torch.lt(j, _2):
            _6 = False
          else:
            _7 = torch.add(torch.mul(_2, 100), j)
            _8 = torch.append(out, _7)
            _6 = True
          _9 = torch.add(_4, 1)
          _10 = torch.__and__(torch.lt(_9, 4), _6)
          _5, _4 = _10, _9
      _11 = torch.add(_2, 1)
      _12 = torch.__and__(torch.lt(_11, n), True)
      _3, _2 = _12, _11
    _13 = [5, 6, 7]
    _14 = [9223372036854775807, torch.len(_13)]
    for k in range(ops.prim.min(_14)):
      v = _13[k]
      _15 = torch.append(out, torch.mul(k, v))
    _16 = [1, 2, 3]
    _17 = [4, 5]
    _18 = ops.prim.min([torch.len(_16), torch.len(_17)])
    for _19 in range(_18):
      a = _16[_19]
      b = _17[_19]
      _20 = torch.append(out, torch.sub(a, b))
    for _21 in range(4):
      z = torch.__derive_index(_21, 3, -2)
      _22 = torch.append(out, z)
    i = 0
    _23 = True
    while _23:
      i0 = torch.add(i, 1)
      if torch.gt(i0, n):
        _24, _25, _26, _27, _28 = True, False, i0, _1, _0
      else:
        _29 = torch.eq(torch.remainder(i0, 2), 1)
        if _29:
          _30, _31, _32, _33, _34 = True, True, i0, _1, _0
        else:
          _35 = torch.append(out, torch.neg(i0))
          _30, _31, _32, _33, _34 = False, _1, _0, True, i0
        _24, _25, _26, _27, _28 = _30, _31, _32, _33, _34
      if _24:
        _36, _37 = _25, _26
      else:
        _36, _37 = _27, _28
      _23, i = _36, _37
    return out
