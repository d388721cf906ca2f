class Classes(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Classes,
    a: float,
    b: float) -> Tuple[float, float, int, List[str], bool]:
    v = __torch__.script_suite.Vec.__new__(__torch__.script_suite.Vec)
    _0 = (v).__init__(a, b, )
    _1 = (v).scale(2., )
    _2 = (v).scale(0.5, )
    _3 = __torch__.script_suite.Vec.__new__(__torch__.script_suite.Vec)
    _4 = (_3).__init__(1., 1., )
    u = (v).__add__(_3, )
    _5 = (u).__norm_getter()
    _6 = torch.add((u).__getitem__(0, ), (v).__getitem__(1, ))
    _7 = (u).__len__()
    log = v.log
    _8 = (_5, _6, _7, log, torch.__is__(v, v))
    return _8
class Vec:
  x : float
  y : float
  log : List[str]
  def __norm_getter(self: __torch__.script_suite.Vec) -> float:
    x = self.x
    x0 = self.x
    _9 = torch.mul(x, x0)
    y = self.y
    y0 = self.y
    _10 = torch.sqrt(torch.add(_9, torch.mul(y, y0)))
    return _10
  def __add__(self: __torch__.script_suite.Vec,
    o: __torch__.script_suite.Vec) -> __torch__.script_suite.Vec:
    x = self.x
    x1 = o.x
    _11 = torch.add(x, x1)
    y = self.y
    y1 = o.y
    _12 = torch.add(y, y1)
    _13 = __torch__.script_suite.Vec.__new__(__torch__.script_suite.Vec)
    _14 = (_13).__init__(_11, _12, )
    return _13
  def __getitem__(self: __torch__.script_suite.Vec,
    i: int) -> float:
    if torch.eq(i, 0):
      _15 = self.x
    else:
      _15 = self.y
    return _15
  def __init__(self: __torch__.script_suite.Vec,
    x: float,
    y: float) -> NoneType:
    self.x = x
    self.y = y
    self.log = annotate(List[str], [])
    return None
  def __len__(self: __torch__.script_suite.Vec) -> int:
    return 2
  def scale(self: __torch__.script_suite.Vec,
    k: float=2.) -> NoneType:
    x = self.x
    self.x = torch.mul(x, k)
    y = self.y
    self.y = torch.mul(y, k)
    log = self.log
    _16 = torch.append(log, "scaled")
    return None
