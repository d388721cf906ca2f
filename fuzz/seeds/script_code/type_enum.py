class Enums(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  c : __torch__.script_suite.Color
  def forward(self: __torch__.script_suite.Enums,
    n: int) -> Tuple[str, int, bool]:
    if torch.gt(n, 0):
      c = __torch__.script_suite.Color.RED
    else:
      c = self.c
    _0 = (c).name
    _1 = (c).value
    _2 = torch.eq(c, __torch__.script_suite.Color.RED)
    return (_0, _1, _2)
class Color(Enum):
  RED = 1
  GREEN = 2
