class Withs(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Withs,
    x: Tensor) -> Tuple[Tensor, List[str]]:
    log = annotate(List[str], [])
    _0 = __torch__.torch.autograd.grad_mode.no_grad.__new__(__torch__.torch.autograd.grad_mode.no_grad)
    _1 = (_0).__init__()
    with _0:
      y = torch.mul(x, 2)
    _2 = __torch__.script_suite.Guard.__new__(__torch__.script_suite.Guard)
    _3 = (_2).__init__(log, )
    with _2 as k:
      y0 = torch.add(y, k)
      _4 = __torch__.script_suite.Guard.__new__(__torch__.script_suite.Guard)
      _5 = (_4).__init__(log, )
      with _4:
        y1 = torch.sub(y0, 1)
    return (y1, log)
class Guard:
  log : List[str]
  def __enter__(self: __torch__.script_suite.Guard) -> int:
    log = self.log
    _6 = torch.append(log, "in")
    return 5
  def __exit__(self: __torch__.script_suite.Guard,
    a: Any,
    b: Any,
    c: Any) -> NoneType:
    log = self.log
    _7 = torch.append(log, "out")
    return None
  def __init__(self: __torch__.script_suite.Guard,
    log: List[str]) -> NoneType:
    self.log = log
    return None
