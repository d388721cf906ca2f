class Optionals(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Optionals,
    x: Optional[Tensor],
    y: Optional[List[int]]=None,
    z: Optional[float]=0.5) -> Tuple[int, int, float]:
    _0 = uninitialized(float)
    n = torch.add((self).helper(x, None, ), (self).helper(x, 7, ))
    if torch.__isnot__(y, None):
      y1 = unchecked_cast(List[int], y)
      _1, y0 = torch.gt(torch.len(y1), 0), y1
    else:
      _1, y0 = False, y
    if _1:
      y2 = unchecked_cast(List[int], y0)
      m = y2[0]
    else:
      m = 0
    if torch.__isnot__(z, None):
      w = unchecked_cast(float, z)
    else:
      ops.prim.RaiseException("AssertionError: ")
      w = _0
    return (n, m, w)
  def helper(self: __torch__.script_suite.Optionals,
    x: Optional[Tensor],
    default: Optional[int]=None) -> int:
    if torch.__is__(x, None):
      if torch.__is__(default, None):
        _3 = -1
      else:
        _3 = unchecked_cast(int, default)
      _2 = _3
    else:
      x0 = unchecked_cast(Tensor, x)
      _2 = torch.numel(x0)
    return _2
