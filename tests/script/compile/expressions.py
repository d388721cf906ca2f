# Expressions as people write them.
import math

def arithmetic(a: int, b: int, x: float) -> Tuple[int, int, int, float, float, float, int]:
    return a + b * 2 - 1, -a // b, -a % b, a / b, a ** 2, x // 2, a & b | 1 ^ 3 << 2
#= arithmetic(7, 3, 2.5) -> (12, -3, 2, 2.3333333333333335, 49., 1., 15)

def comparisons(a: int, b: float) -> List[bool]:
    return [1 < a <= 5, a == b, a != 3 and b > 0, not a > 2, a in [1, 2], 3 not in [a], a is None]
#= comparisons(2, 2.0) -> [True, True, True, True, True, True, False]

def middle_once(l: List[int]) -> Tuple[bool, int]:
    return 0 < l.pop() < 5, len(l)
#= middle_once([1, 9]) -> (False, 1)

def short_circuit(l: List[int]) -> bool:
    return len(l) > 0 and l[0] > 3 or len(l) == 2
#= short_circuit([]) -> False
#= short_circuit([4]) -> True
#= short_circuit([1, 1]) -> True

def ternary(a: int, c: bool) -> str:
    return "x" if a > 3 and not c else ("y" if a < 0 or c else "z")
#= ternary(4, False) -> x
#= ternary(1, True) -> y
#= ternary(1, False) -> z

def mixed_ternary(c: bool):
    return 1 if c else "s"
#! mixed_ternary: if-expression's true branch has type int but false branch has type str

def lists(xs: List[int]) -> List[int]:
    a = xs[1:] + xs[:-1] + xs[::2] + [9] * 2
    a[0] = 100
    a[-1] += 7
    return a
#= lists([1, 2, 3]) -> [100, 3, 1, 2, 1, 3, 9, 16]

def comprehensions(n: int) -> Tuple[List[int], Dict[int, str], List[Tuple[int, str]], int]:
    x = "outer"
    a = [x * x for x in range(n)]
    d = {k: str(k) for k in a}
    p = [(i, s) for i, s in enumerate(["u", "v"])]
    return a, d, p, sum(v for v in a) + len(x)
#= comprehensions(3) -> ([0, 1, 4], {0: 0, 1: 1, 4: 4}, [(0, u), (1, v)], 10)

def comprehension_if(n: int) -> List[int]:
    return [i for i in range(n) if i > 1]
#! comprehension_if: Comprehension ifs are not supported yet

def strings(s: str, n: int) -> List[str]:
    return [f"<{n}>{s.upper()}", "{}-{}".format(s, n), "%s=%d" % (s, n), s[0], s[-2:], s + "!", "a" "b", str("l" in s)]
#= strings("lol", 3) -> [<3>LOL, lol-3, lol=3, l, ol, lol!, ab, True]

def fstring_format(n: int) -> str:
    return f"{n:3d}"
#! fstring_format: Don't support formatting in JoinedStr

def tuples(a: int) -> Tuple[int, str, bool, bool, int]:
    t = (a, "s", 2.5)
    u = t[1:] + (a,)
    return t[0], t[-2], (1, 2) == (1, 2), (1, "x") != (1, "y"), len(u)
#= tuples(5) -> (5, s, True, True, 3)

def tuple_loop(i: int) -> int:
    return (10, 20, 30)[i]
#= tuple_loop(2) -> 30

def dicts(d: Dict[str, int]) -> Tuple[int, int, int, bool]:
    d["n"] = 1
    d["n"] += 5
    got = d.get("zz")
    n = -1 if got is None else got
    return d["n"], n, len(d), "a" in d
#= dicts({"a": 1}) -> (6, -1, 2, True)

def optional(x: Optional[int], y: Optional[List[int]]) -> int:
    if x is None:
        x = 10
    n = x + 1
    if y is not None and len(y) > 0:
        n += y[0]
    z = y
    assert z is not None
    return n + len(z)
#= optional(None, [1, 2]) -> 14
#= optional(1, []) -> 2

def while_not_none(n: int) -> int:
    x: Optional[int] = n
    count = 0
    while x is not None:
        if x > 2:
            x = None
        else:
            x = x + 1
        count += 1
    return count
#= while_not_none(0) -> 4

def unwrapped(x: Optional[int]) -> int:
    return x + 1
#! unwrapped: Arguments for call are not valid

def condition_type(x: Optional[int]) -> int:
    if x:
        return 1
    return 0
#! condition_type: Could not cast value of type Optional[int] to bool

def unions(v: Union[int, str, List[int]]) -> str:
    if isinstance(v, int):
        return "i" + str(v + 1)
    elif isinstance(v, str):
        return v.upper()
    else:
        return str(len(v))
#= unions(41) -> i42
#= unions("ab") -> AB
#= unions([1, 2]) -> 2

def anything(v: Any) -> str:
    if isinstance(v, (int, float)):
        return "number"
    if torch.jit.isinstance(v, Dict[str, int]):
        return "dict"
    return "?"
#= anything(1.5) -> number
#= anything("s") -> ?

def statically(x: int) -> str:
    if isinstance(x, str):
        return x.no_such_method()
    if x is None:
        return undefined_too
    return "int"
#= statically(1) -> int

def helper(a: int, b: int = 2, *, c: int) -> int:
    return a * 100 + b * 10 + c

def keywords(n: int) -> List[int]:
    t = (n, 5)
    return [helper(1, c=3), helper(b=4, a=n, c=0), helper(*t, c=1)]
#= keywords(7) -> [123, 740, 751]

def missing_argument() -> int:
    return helper(1)
#! missing_argument: Argument c not provided

def unknown_keyword() -> int:
    return helper(1, c=2, d=3)
#! unknown_keyword: Keyword argument d unknown

def wrong_type() -> int:
    return helper("s", c=1)
#! wrong_type: Expected a value of type 'int' for argument 'a' but instead found type 'str'

def maths(x: float, n: int) -> List[float]:
    return [math.sqrt(x), math.pi, float(math.floor(x)), math.pow(x, 2.0), abs(-x), max(x, 1.0), float(n), round(x), math.inf]
#= maths(2.25, 4) -> [1.5, 3.1415926535897931, 2., 5.0625, 2.25, 2.25, 4., 2., inf]

def casts(n: int) -> Tuple[int, float, bool, str, int, int]:
    return int("42") + int(1.75), float(n), bool(n), str(2.5), int(True), len("abc")
#= casts(3) -> (43, 3., True, 2.5, 1, 3)

def listing(s: str) -> List[str]:
    return list(s) + [str(i) for i in list(range(2))]
#= listing("ab") -> [a, b, 0, 1]

def empty_default() -> List[int]:
    x: List[int] = []
    y: Optional[List[int]] = []
    x.append(3)
    x += [4, 5]
    return x
#= empty_default() -> [3, 4, 5]

def annotated_empty() -> Dict[str, List[int]]:
    d = torch.jit.annotate(Dict[str, List[int]], {})
    d["a"] = []
    d["a"].append(1)
    return d
#= annotated_empty() -> {a: [1]}

class Point(NamedTuple):
    x: int
    y: float
    tag: str = "none"

def named(n: int) -> Tuple[int, float, str, int]:
    p = Point(n, y=1.5)
    q = Point(p.x + 1, p.y, "t")
    a, b, c = q
    return a, q[1], p.tag + c, len(q)
#= named(3) -> (4, 1.5, nonet, 3)

class Vec:
    def __init__(self, x: float, y: float):
        self.x = x
        self.y = y
    def __add__(self, o: "Vec") -> "Vec":
        return Vec(self.x + o.x, self.y + o.y)
    def __getitem__(self, i: int) -> float:
        return self.x if i == 0 else self.y
    def __len__(self) -> int:
        return 2
    def scale(self, k: float = 2.0) -> None:
        self.x *= k
        self.y *= k
    @property
    def norm(self) -> float:
        return math.sqrt(self.x * self.x + self.y * self.y)
    @staticmethod
    def unit() -> "Vec":
        return Vec(1.0, 0.0)

def objects(a: float) -> Tuple[float, float, int, bool, float]:
    v = Vec(a, 4.0)
    w = v
    w.scale()
    w.scale(k=0.5)
    u = v + Vec.unit()
    return v.norm, u[0] + v[1], len(u), v is w, sum([c for c in u])
#= objects(3.0) -> (5., 8., 2, True, 8.)

def new_attribute(v: Vec) -> int:
    v.z = 1
    return 0
#! new_attribute: Tried to set nonexistent attribute: z. Did you forget to initialize it in __init__()?

def wrong_attribute(v: Vec) -> int:
    v.x = "s"
    return 0
#! wrong_attribute: Wrong type for attribute assignment. Expected float but got str

class Color(Enum):
    RED = 1
    GREEN = 2

def enums(n: int) -> Tuple[str, int, bool, List[str]]:
    c = Color.RED if n > 0 else Color.GREEN
    names: List[str] = []
    for k in Color:
        names.append(k.name)
    return c.name, c.value, c == Color.RED, names
#= enums(1) -> (RED, 1, True, [RED, GREEN])
#= enums(0) -> (GREEN, 2, False, [RED, GREEN])

def unknown_type(x: Sequence[int]) -> int:
    return 0
#! unknown_type: Unknown type constructor Sequence

def unknown_op(x: Tensor) -> Tensor:
    return torch.frobnicate(x)
#! unknown_op: Unknown builtin op: aten::frobnicate

k = 5
def global_value() -> int:
    return k
#! global_value: cannot be used as a value. Perhaps it is a closed over global variable?

def modern(x: Tensor | None, l: list[int], d: dict[str, int], t: tuple[int, str]) -> int:
    if x is None:
        return len(l) + len(d) + t[0]
    return 0
#= modern(None, [1], {"a": 1}, (5, "s")) -> 7

def numbers(t: Tensor) -> List[int]:
    return torch.jit.annotate(List[int], t.reshape(-1).tolist())

def indexing(n: int) -> List[List[int]]:
    x = torch.arange(24).view(2, 3, 4)
    i = torch.tensor([1, 0])
    return [numbers(x[1, 2]), numbers(x[-1, 1:, 0]), numbers(x[..., 0]), numbers(x[:, None, 1, ::3]), numbers(x[i, :, 3]),
            numbers(x[x > 21]), numbers(x[1, [0, 2], n]), numbers(x[..., None, 1:2][0]), list(x[None].shape), list(x[0, ..., 1].size())]
#= indexing(1) -> [[20, 21, 22, 23], [16, 20], [0, 4, 8, 12, 16, 20], [4, 7, 16, 19], [15, 19, 23, 3, 7, 11], [22, 23], [13, 21], [1, 5, 9], [1, 2, 3, 4], [3]]

def stores(n: int) -> List[int]:
    x = torch.zeros([3, 4], dtype=torch.int64)
    x[0] = 1
    x[1, 1:3] = torch.tensor([5, 6])
    x[:, 0] += 2
    x[x == 0] = n
    x[torch.tensor([2]), torch.tensor([3])] += 100
    x[2][1] = 7
    return numbers(x)
#= stores(-1) -> [3, 1, 1, 1, 2, 5, 6, -1, 2, 7, -1, 99]

def swapped(x: Tensor) -> List[int]:
    return numbers(torch.stack([2 * x, 10 - x, (2 < x).int(), 8 / x, x // 2, 3 + x]).int())

def swapped_numbers() -> List[int]:
    return swapped(torch.tensor([2.0, 4.0]))
#= swapped_numbers() -> [4, 8, 8, 6, 0, 1, 4, 2, 1, 2, 5, 7]

def results() -> Tuple[int, int, int]:
    v, i = torch.tensor([3, 9, 4]).max(0)
    r = torch.tensor([3, 9, 4]).sort(0, descending=True)
    return int(v), int(i) + int(r.values[2]), int(r[1][0])
#= results() -> (9, 4, 1)

def tensors_iterated() -> int:
    total = 0
    for row in torch.tensor([[1, 2], [3, 4]]):
        a, b = row.unbind(0)
        total = total * 10 + int(a * b)
    return total
#= tensors_iterated() -> 32

def implicit(t: Tensor) -> float:
    def_value = helper(t, c=t)
    return def_value + t.item()

def calls_implicit() -> float:
    return float(helper(torch.tensor(2), c=torch.tensor(1)))
#= calls_implicit() -> 221.

def forked(n: int) -> List[int]:
    futures = [torch.jit.fork(helper, i, c=i) for i in range(n)]
    return [torch.jit.wait(f) for f in futures]
#= forked(3) -> [20, 121, 222]

def many() -> int:
    l = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    return sum(l) + len(l)
#= many() -> 1540
