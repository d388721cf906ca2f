class Strings(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.script_suite.Strings,
    s: str,
    n: int) -> Tuple[List[str], List[int], str, bool]:
    words = torch.split(torch.lower(torch.strip(s)), " ")
    joined = torch.join("-", words)
    _0 = torch.upper(s)
    _1 = torch.replace(s, "o", "0")
    _2 = torch.slice(s, 1, 4)
    _3 = torch.slice(s, -3)
    _4 = torch.slice(s, None, None, 2)
    _5 = torch.title(s)
    _6 = torch.format("{}:{:d}|{}", s, n, 2.5)
    _7 = torch.percentFormat("%s=%d", (s, n))
    _8 = torch.format("<{}>{}", n, words[0])
    _9 = torch.lstrip(s)
    _10 = torch.rstrip(s)
    _11 = torch.zfill(s, 12)
    _12 = torch.ljust(s, 12, ".")
    _13 = torch.center(s, 15, "*")
    _14 = str(n)
    _15 = torch.add(torch.add(s, "!"), torch.chr(torch.add(65, n)))
    out = [joined, _0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, "1.5", "True", "tab\tquote\"back\\slash", _15]
    idx = [torch.len(s), torch.find(s, "l"), torch.rfind(s, "l"), torch.count(s, "l"), torch.ord(s[0]), 49, torch.mul(torch.hash(s), 0)]
    if torch.startswith(s, " "):
      _16 = True
    else:
      _16 = torch.endswith(s, "d")
    if _16:
      _17 = True
    else:
      _17 = torch.isalpha(joined)
    if _17:
      _18 = True
    else:
      _18 = torch.isdigit(s)
    if _18:
      ok = True
    else:
      _19 = torch.find(s, "lo", 0, torch.len(s))
      ok = torch.ne(_19, -1)
    _20, _21, _22 = torch.partition(s, "o")
    _23 = annotate(List[str], [])
    _24 = torch.append(_23, _20)
    _25 = torch.append(_23, _21)
    _26 = torch.append(_23, _22)
    _27 = torch.add(torch.add(out, _23), torch.splitlines("a\nb\nc"))
    _28 = torch.add(CONSTANTS.c0, s)
    if ok:
      _29 = torch.eq(s, s)
    else:
      _29 = False
    if _29:
      _30 = torch.lt(s, "zzz")
    else:
      _30 = False
    if _30:
      _31 = torch.ne(s, "x")
    else:
      _31 = False
    return (_27, idx, _28, _31)
