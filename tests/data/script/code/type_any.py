class AnyType(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.AnyType,
    n: int) -> List[str]:
    _0 = [(self).describe(n, ), (self).describe([n, n], ), (self).describe({"a": n}, ), (self).describe(torch.ones([n]), ), (self).describe("s", )]
    return _0
  def describe(self: __torch__.script_suite.AnyType,
    v: Any) -> str:
    _1 = isinstance(v, int)
    if _1:
      v0 = unchecked_cast(int, v)
      _2 = torch.percentFormat("i%d", v0)
    else:
      v1 = unchecked_cast(Any, v)
      _3 = isinstance(v1, List[int])
      if _3:
        v2 = unchecked_cast(List[int], v1)
        _5 = torch.percentFormat("l%d", torch.len(v2))
        _4 = _5
      else:
        v3 = unchecked_cast(Any, v1)
        _6 = isinstance(v3, Dict[str, int])
        if _6:
          v4 = unchecked_cast(Dict[str, int], v3)
          _8 = torch.percentFormat("d%d", torch.len(v4))
          _7 = _8
        else:
          v5 = unchecked_cast(Any, v3)
          _9 = isinstance(v5, Tensor)
          if _9:
            _10 = "t"
          else:
            _10 = "?"
          _7 = _10
        _4 = _7
      _2 = _4
    return _2
