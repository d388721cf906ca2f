class Functions(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Functions,
    x: Tensor,
    n: int) -> Tuple[Tensor, int]:
    f = torch.add(__torch__.script_suite.fib(n, ), __torch__.script_suite.fib(3, ))
    futs = annotate(List[Future[Tensor]], [])
    for i in range(3):
      def __forked_function():
        _0 = __torch__.script_suite.free(x, i, 0.5, )
        return _0
      _1 = fork(__forked_function)
      _2 = torch.append(futs, _1)
    total = x
    for _3 in range(torch.len(futs)):
      fut = futs[_3]
      total = torch.add(total, torch.wait(fut))
    _4 = __torch__.script_suite.free(total, 2, 2., )
    _5 = __torch__.script_suite.free(x, 3, 1., )
    return (torch.add(_4, _5), f)
def fib(n: int) -> int:
  a = 0
  b = 1
  for _6 in range(n):
    a, b = b, torch.add(a, b)
  return a
def free(x: Tensor,
    k: int=2,
    scale: float=1.) -> Tensor:
  return torch.mul(torch.mul(x, k), scale)
