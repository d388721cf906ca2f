class Tuples(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Tuples,
    t: Tuple[int, Tuple[str, Tensor]]) -> Tuple[__torch__.script_suite.Point, Tuple[Tensor, int], int]:
    n, _0, = t
    s, x, = _0
    _1 = torch.mul(x, 2)
    _2 = torch.add(n, 1)
    q = __torch__.script_suite.Point(_1, _2, s)
    _3 = (torch.add(_1, _2), torch.add(torch.len([2, 3]), 2))
    _4, _5, = t
    _6 = torch.len(annotate(List[Any], [_4, _5]))
    return (q, _3, torch.add(65, _6))
class Point(NamedTuple):
  x : Tensor
  y : int
  tag : str
