class Dicts(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Dicts,
    d: Dict[str, Tensor],
    key: str) -> Tuple[Dict[str, int], List[str], Tensor, int, Dict[int, float]]:
    sizes = annotate(Dict[str, int], {})
    _0 = torch.items(d)
    for _1 in range(torch.len(_0)):
      k, v, = _0[_1]
      torch._set_item(sizes, k, torch.numel(v))
    if torch.__contains__(d, key):
      torch._set_item(sizes, key, torch.add(sizes[key], 1000))
    else:
      pass
    names = torch.list(torch.keys(d))
    torch.sort(names)
    total = torch.zeros([1])
    _2 = torch.values(d)
    total0 = total
    for _3 in range(torch.len(_2)):
      v0 = _2[_3]
      total0 = torch.add(total0, torch.sum(v0))
    x = torch.get(d, key)
    if torch.__is__(x, None):
      n = -1
    else:
      x0 = unchecked_cast(Tensor, x)
      n = torch.dim(x0)
    e = {1: 1.5, 2: 2.5}
    torch.update(e, {3: 3.5, 1: -1.})
    gone = torch.pop(e, 2)
    torch._set_item(e, 7, gone)
    s = torch.add(torch.setdefault(sizes, "extra", 5), torch.len(sizes))
    f = annotate(Dict[str, float], {})
    _4 = torch.items(sizes)
    for _5 in range(torch.len(_4)):
      k0, v1, = _4[_5]
      torch._set_item(f, k0, float(v1))
    torch.Delete(sizes, "extra")
    _6 = torch.add(torch.add(n, s), int(f["extra"]))
    return (sizes, names, total0, _6, e)
