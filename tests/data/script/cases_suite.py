# SPDX-License-Identifier: MIT
"""Modules that once were answered wrongly; make_cases.py scripts and records them."""
import enum
from typing import Dict, List, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

CASES = []
torch.manual_seed(0)
R = torch.randn


def case(name, module, calls):
    CASES.append((name, module, [c if isinstance(c[0], str) else ("forward", list(c)) for c in calls]))


class LoopIf(nn.Module):
    """A condition on data inside of loops of known length."""

    def forward(self, x: Tensor, n: Tensor) -> Tuple[Tensor, Tensor]:
        y = x
        for i in range(3):
            if bool(x.sum() > 0):
                x = x * 0.5
            else:
                x = x - 1
        for i in range(int(n)):
            if bool(y.sum() > 1):
                y = y - i
        return x, y


case("loop_if", LoopIf(), [(torch.ones(2), torch.tensor(2)), (-torch.ones(2), torch.tensor(0)), (R(3), torch.tensor(3))])


class Containers(nn.Module):
    """Lists and dicts of the module that change between calls."""

    counts: Dict[str, Dict[str, int]]
    seen: List[int]
    grids: List[Tensor]

    def __init__(self):
        super().__init__()
        self.counts, self.seen, self.grids = {}, [], [torch.empty(0)]
        self.lin = nn.Linear(2, 2)

    @torch.jit.export
    def fit(self, text: str) -> int:
        words = text.split()
        for i in range(len(words) - 1):
            if words[i] not in self.counts:
                self.counts[words[i]] = torch.jit.annotate(Dict[str, int], {})
            d = self.counts[words[i]]
            d[words[i + 1]] = d.get(words[i + 1], 0) + 1
        return len(self.counts)

    @torch.jit.export
    def best(self, word: str) -> Tuple[str, float]:
        best, n, total = "", 0, 0
        for k, v in self.counts[word].items():
            total += v
            if v > n:
                best, n = k, v
        return best, n / total

    @torch.jit.export
    def history(self, x: Tensor) -> Tuple[Tensor, List[int]]:
        return self.lin(x) + len(self.seen), self.seen

    def forward(self, x: Tensor) -> Tensor:
        if self.grids[0].shape != x.shape:
            self.grids[0] = torch.arange(x.numel()).to(x.dtype).view(x.shape)
        self.seen.append(x.size(0))
        return self.lin(x) * 2 + self.grids[0]


case("containers", Containers(), [("fit", ["a b a b a c"]), ("fit", ["the cat"]), ("best", ["a"]), ("history", [R(1, 2)]),
                                  (R(2, 2),), ("history", [R(1, 2)]), (R(2, 2),), (R(3, 2),), ("history", [R(1, 2)])])


class Views(nn.Module):
    """Views of arguments and parameters as results."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(R(5))

    def forward(self, t: Tensor) -> List[Tensor]:
        return [t[1:], t[:, ::2], t[..., -1], t[:, None].squeeze(1), t[-1][0:2], self.w[2:], t.reshape(-1), t * 2]


case("views", Views(), [(R(2, 4),), (R(3, 3),), (R(1, 2),)])


class Memory(nn.Module):
    """What is one tensor or another, depending on data, and is written."""

    def forward(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        acc = x * 0.5
        d: Dict[str, Tensor] = {"a": y}
        n = 0
        while n < 2 and bool((acc > 0).any()):
            n += 1
            d["a"] = acc
        z = y * 2
        if bool(x.sum() > 0):
            z = acc
        acc.mul_(0.5)
        return acc, d["a"], z


case("memory", Memory(), [(torch.ones(2), torch.zeros(2)), (-torch.ones(2), torch.zeros(2)), (R(3), R(3))])


def add(a: Tensor, b: Tensor) -> Tensor:
    n = min(a.size(0), b.size(0))
    return a[:n] + b[:n]


class Sizes(nn.Module):
    """Arithmetic on sizes that may become negative; slices shorter than what they ask for."""

    def forward(self, x: Tensor, y: Tensor, n: int) -> Tuple[List[int], Tensor, Tensor]:
        k = x.size(0)
        z = x * 0.5
        if 0 >= n or k < 2:
            z = z[: y.size(0)]
        less = 1 if k - 5 < 0 else 2
        sizes = [(0 - k) % 5, (0 - k) // 5, (k - 5) % 3, abs(k - 5), less, z.size(0), y[3:].size(0)]
        return sizes, add(z, y), torch.roll(x, (0 - y.size(0)) % 5, 0)


case("sizes", Sizes(), [(R(1), R(3), 2), (R(4), R(2), 0), (R(7), R(5), 0), (R(2), R(6), 0), (R(6), R(6), 1)])


class NoneInLoop(nn.Module):
    """A variable that data makes None in a loop of unknown length."""

    def forward(self, x: Tensor, n: int, o: Optional[Tensor]) -> Tuple[Tensor, Optional[Tensor]]:
        for i in range(n % 4):
            x = x + 1.0
            if bool(x.sum() > 3):
                o = None
        return x, o


case("none_in_loop", NoneInLoop(), [(torch.ones(2), 2, torch.ones(1)), (-torch.ones(2), 1, torch.ones(1)), (R(2), 0, None)])


class Text(nn.Module):
    def forward(self, x: float, n: int) -> List[str]:
        return ["%f" % x, "%e" % x, "%F" % n, "%d" % x, "%d %s" % (n, x), f"{x}"]


case("text", Text(), [(123456.789, 16777217), (1e16, -5), (-2.5, 0), (float("nan"), 1)])


class Says(nn.Module):
    """Exceptions, in PyTorch's words."""

    def forward(self, x: Tensor, k: int) -> Tensor:
        if k == 0:
            return x + torch.ones(5, 7, 9)
        if k == 1:
            return F.embedding(torch.tensor([99]), x)
        if k == 2:
            return x.gather(0, torch.tensor([[9]]))
        if k == 3:
            return x[:, torch.tensor([5])]
        if k == 4:
            return x[torch.tensor([0]), torch.tensor([9])]
        if k == 5:
            return x.permute(0, 0)
        if k == 6:
            return F.pad(x, [1])
        if k == 7:
            return x.masked_fill(torch.ones(9, dtype=torch.bool), 0.0)
        if k == 8:
            return x.index_select(0, torch.tensor([3]))
        if k == 9:
            return x.scatter(0, torch.tensor([[9]]), x)
        pairs: List[Tuple[float, List[int]]] = [(1.0, [1])]
        pairs.sort()
        return x


case("says", Says(), [(R(3, 4), k) for k in range(11)])


class State(nn.Module):
    """Gradients are off; dtypes come as arguments; lists are the caller's own."""

    def forward(self, x: Tensor, dtype: torch.dtype, ls: List[Tensor]) -> Tuple[bool, Tensor, int]:
        x.mul_(2.0)
        ls[0].add_(1.0)
        ls.append(x)
        return torch.is_grad_enabled(), x.to(dtype), len(ls)


case("state", State(), [(R(2), torch.float16, [R(1)]), (R(2), torch.int32, [R(1), R(2)])])


class Bytes(nn.Module):
    """Resizing pictures of bytes and of floats."""

    def forward(self, x: Tensor, h: int, w: int) -> List[Tensor]:
        a = F.interpolate(x, [h, w], mode="bilinear", antialias=True)
        b = F.interpolate(x.to(torch.float32), [h, w], mode="bilinear", antialias=True)
        return [a, b, F.interpolate(x, [h, w], mode="bicubic", antialias=True)]


image = torch.randint(0, 256, (1, 2, 10, 13), dtype=torch.uint8)
case("bytes", Bytes(), [(image, 8, 6), (image, 5, 20), (image, 10, 7)])


class Spectrum(nn.Module):
    """The bins of a real signal that are real have the angle 0 or pi, not -pi."""

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        return torch.angle(torch.fft.fft(x)), torch.angle(torch.fft.rfft(-x))


case("spectrum", Spectrum(), [(R(2, 12),), (R(7),), (-torch.ones(4),)])


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


class Mentions(nn.Module):
    """Each mention of an enum's member is a value of its own: equal, but only what is one object is that object."""

    def __init__(self):
        super().__init__()
        self.mode = Mode.FAST
        self.modes: List[Mode] = [Mode.FAST, Mode.EXACT]

    def forward(self, k: int) -> List[bool]:
        c = Mode.FAST if k > 0 else Mode.EXACT
        out = [c == Mode.FAST, c is Mode.FAST, c is not Mode.FAST, self.mode is Mode.FAST, self.mode is self.mode]
        out += [self.modes[0] is self.mode, self.modes[0] == self.mode, self.modes[1] is self.modes[1]]
        for m in Mode:
            out.append(m is c)
        return out


case("mentions", Mentions(), [(0,), (1,), (1,)])


class Refuses(nn.Module):
    """What PyTorch refuses though it could be computed: types that a tensor cannot hold, sizes that mean nothing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 4)

    def forward(self, x: Tensor, ints: Tensor, k: int) -> Tensor:
        if k == 0:
            return ints.sqrt_()
        if k == 1:
            return ints.mul_(x[0, 0, 0])
        if k == 2:
            return (ints > 0).add_(ints)
        if k == 3:
            ints[ints > 0] = x.flatten()[: int((ints > 0).sum())]
        if k == 4:
            ints[ints > 0] = x[0, 0, :1]
        if k == 5:
            return x[:0].reshape(0, -1)
        if k == 6:
            return self.conv(x)
        if k == 7:
            return F.pad(x, [3, 3], "reflect")
        many: List[int] = [2147483648, k]
        return ints + sum(many)


ints = torch.tensor([1, -2, 3])
case("refuses", Refuses(), [(R(2, 2, n), ints, k) for n in (9, 3) for k in range(9)])
