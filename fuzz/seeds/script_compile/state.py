# Which functions change modules, and code that lets go of what it does not need.
class Sub(Module):
    w : Tensor
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(torch.linear(x, self.w))
#~ not Sub.forward

class Net(Module):
    count : Tensor
    names : List[str]
    sub : Sub
    training : bool
    def reads(self, x: Tensor) -> Tensor:
        y = self.sub(x)
        y += x
        return y
    def sets(self) -> None:
        self.training = False
    def adds(self, x: Tensor) -> None:
        self.count += 1
    def appends(self, s: str) -> None:
        self.names.append(s)
    def through_a_view(self) -> None:
        self.count.view([-1]).zero_()
    def in_place(self, x: Tensor) -> Tensor:
        return torch.relu_(x)
    def local_list(self) -> List[str]:
        out: List[str] = []
        out.append("a")
        fill(out)
        return out
    def given_list(self) -> None:
        fill(self.names)
    def given_back(self) -> None:
        same(self.names).append("x")
    def inner(self) -> None:
        self.sets()
#~ not Net.reads
#~ not Net.in_place
#~ not Net.local_list
#~ Net.sets
#~ Net.adds
#~ Net.appends
#~ Net.through_a_view
#~ Net.given_list
#~ Net.given_back
#~ Net.inner

def fill(l: List[str]) -> None:
    l.append("b")

def same(l: List[str]) -> List[str]:
    return l

def releases(x: Tensor) -> Tensor:
    a = torch.relu(x)
    b = torch.neg(a)
    c = torch.neg(b)
    d = torch.neg(torch.add(b, c))
    e = torch.neg(d)
    return torch.abs(e)
#: releases: TAKE r
#: releases: CLEAR r
