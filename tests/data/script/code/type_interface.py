class Interfaces(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : NoneType
  op : __torch__.script_suite.Op
  mods : __torch__.torch.nn.modules.container.ModuleDict
  seq : __torch__.torch.nn.modules.container.ModuleList
  def forward(self: __torch__.script_suite.Interfaces,
    x: Tensor) -> Tensor:
    op = self.op
    x0 = (op).forward(x, )
    mods = self.mods
    a = mods.a
    x1 = (a).forward(x0, )
    seq = self.seq
    _0 = getattr(seq, "0")
    _1 = getattr(seq, "1")
    x2 = torch.add((_0).forward(x1, ), 0)
    x3 = torch.add((_1).forward(x2, ), 1)
    seq0 = self.seq
    _10 = getattr(seq0, "1")
    _2 = (_10).forward(x3, )
    seq1 = self.seq
    return torch.add(_2, (seq1).__len__())
class AddOne(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.AddOne,
    x: Tensor) -> Tensor:
    return torch.add(x, 1)
class Op(ModuleInterface):
  def forward(self, x: Tensor) -> Tensor:
    pass
