class Tokenizer(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  vocab : Dict[str, int]
  inverse : List[str]
  def forward(self: __torch__.script_suite.Tokenizer,
    texts: List[str]) -> Tuple[Tensor, List[List[str]]]:
    _0 = __torch__.torch.nn.utils.rnn.pad_sequence
    rows = annotate(List[Tensor], [])
    words = annotate(List[List[str]], [])
    for _1 in range(torch.len(texts)):
      t = texts[_1]
      ids = annotate(List[int], [])
      _2 = (self).tokenize(t, )
      ids0 = ids
      for _3 in range(torch.len(_2)):
        w = _2[_3]
        vocab = self.vocab
        if torch.__contains__(vocab, w):
          vocab0 = self.vocab
          _4 = torch.append(ids0, vocab0[w])
          ids1 = ids0
        else:
          if torch.endswith(w, "s"):
            _6 = torch.slice(w, None, -1)
            vocab1 = self.vocab
            _7 = torch.__contains__(vocab1, _6)
            _5 = _7
          else:
            _5 = False
          if _5:
            vocab2 = self.vocab
            _8 = vocab2[torch.slice(w, None, -1)]
            vocab3 = self.vocab
            ids3 = torch.add_(ids0, [_8, vocab3["##s"]])
            ids2 = ids3
          else:
            _9 = torch.append(ids0, 0)
            ids2 = ids0
          ids1 = ids2
        ids0 = ids1
      _10 = torch.append(rows, torch.tensor(ids0, dtype=4))
      _11 = annotate(List[str], [])
      for _12 in range(torch.len(ids0)):
        i = ids0[_12]
        inverse = self.inverse
        _13 = torch.append(_11, inverse[i])
      _14 = torch.append(words, _11)
    _15 = (_0(rows, True, -1., "right", ), words)
    return _15
  def tokenize(self: __torch__.script_suite.Tokenizer,
    text: str) -> List[str]:
    out = annotate(List[str], [])
    _16 = torch.lower(text)
    word = ""
    for _17 in range(torch.len(_16)):
      ch = _16[_17]
      if torch.isalnum(ch):
        word0 = torch.add(word, ch)
      else:
        if torch.gt(torch.len(word), 0):
          _18 = torch.append(out, word)
        else:
          pass
        word0 = ""
      word = word0
    if torch.gt(torch.len(word), 0):
      _19 = torch.append(out, word)
    else:
      pass
    return out
