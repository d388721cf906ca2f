# Statements as people write them. "#= call -> result" runs; "#! function: text" must not compile and say so.

def chained(n: int) -> Tuple[int, int]:
    a = b = n
    b += 1
    a, b = b, a
    return a, b
#= chained(3) -> (4, 3)

def nested_targets(t: Tuple[int, Tuple[str, float]]) -> str:
    n, (s, x) = t
    [p, q] = [n, n + 1]
    return s + str(p * q) + str(x)
#= nested_targets((2, ("a", 1.5))) -> a61.5

def starred(t: Tuple[int, int, int, int]) -> int:
    first, *middle, last = t
    a, b = middle
    return first * 1000 + a * 100 + b * 10 + last
#= starred((1, 2, 3, 4)) -> 1234

def elifs(n: int) -> str:
    if n < 0:
        s = "neg"
    elif n == 0:
        s = "zero"
    elif n == 1:
        return "one"
    else:
        s = "many"
    return s + "!"
#= elifs(-4) -> neg!
#= elifs(0) -> zero!
#= elifs(1) -> one
#= elifs(7) -> many!

def loops(n: int) -> List[int]:
    out: List[int] = []
    for i in range(n):
        if i == 2:
            continue
        for j in range(10, 0, -3):
            if j < i:
                break
            out.append(i * 100 + j)
    i = 0
    while True:
        i += 1
        if i > n:
            break
        if i % 2 == 1:
            continue
        out.append(-i)
    return out
#= loops(0) -> []
#= loops(3) -> [10, 7, 4, 1, 110, 107, 104, 101, -2]

def search(xs: List[int], wanted: int) -> int:
    for i, x in enumerate(xs):
        if x == wanted:
            return i
    return -1
#= search([5, 6, 7], 7) -> 2
#= search([5], 7) -> -1

def nested_jumps(n: int) -> List[int]:
    out: List[int] = []
    for i in range(n):
        if i > 0:
            if i % 2 == 0:
                continue
            if i == 5:
                break
            out.append(i)
        out.append(-i)
    out.append(99)
    return out
#= nested_jumps(9) -> [0, 1, -1, 3, -3, 99]

def loop_variable(n: int) -> int:
    i = 100
    for i in range(n):
        pass
    return i
#= loop_variable(0) -> 100
#= loop_variable(4) -> 3

def counter_changed(n: int) -> List[int]:
    out: List[int] = []
    for i in range(n):
        i = i * 2
        out.append(i)
    return out
#= counter_changed(3) -> [0, 2, 4]

def zips(a: List[int], s: str) -> List[str]:
    out: List[str] = []
    for i, (x, c) in enumerate(zip(a, s), 1):
        out.append(c + str(x + i))
    for k, v in {"p": 1, "q": 2}.items():
        out.append(k + str(v))
    for z in (1, 2.5, "t"):
        out.append(str(z))
    return out
#= zips([5, 6, 7], "ab") -> [a6, b8, p1, q2, 1, 2.5, t]

def while_condition(n: int) -> int:
    steps = 0
    while n != 1 and steps < 100:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
#= while_condition(6) -> 8
#= while_condition(1) -> 0

def delete(d: Dict[str, int], l: List[int]) -> Tuple[Dict[str, int], List[int]]:
    del d["a"]
    del l[0]
    t = 5
    del t
    return d, l
#= delete({"a": 1, "b": 2}, [7, 8]) -> ({b: 2}, [8])

def asserts(n: int) -> int:
    assert n != 4, f"four: {n}"
    assert n < 10
    return n
#= asserts(3) -> 3
#= asserts(4) raises four: 4
#= asserts(12) raises AssertionError

def raises(n: int) -> int:
    if n == 1:
        raise ValueError("bad " + str(n))
    elif n == 2:
        raise NotImplementedError
    return n
#= raises(0) -> 0
#= raises(1) raises bad 1

class Log:
    def __init__(self):
        self.lines: List[str] = []

class Guard:
    def __init__(self, log: Log, name: str):
        self.log = log
        self.name = name
    def __enter__(self) -> str:
        self.log.lines.append("+" + self.name)
        return self.name
    def __exit__(self, a: Any, b: Any, c: Any) -> None:
        self.log.lines.append("-" + self.name)

def inner(log: Log, n: int) -> int:
    for i in range(n):
        with Guard(log, "x") as name, Guard(log, "y"):
            if i == 1:
                return i
            if i == 7:
                break
            log.lines.append(name + str(i))
    return -1

def withs(n: int) -> Tuple[int, List[str]]:
    log = Log()
    r = inner(log, n)
    return r, log.lines
#= withs(1) -> (-1, [+x, +y, x0, -y, -x])
#= withs(3) -> (1, [+x, +y, x0, -y, -x, +x, +y, -y, -x])

def undefined(n: int) -> int:
    if n > 0:
        r = 1
    return r
#! undefined: r is not defined in the false branch

def mismatch(n: int):
    if n > 0:
        r = 1
    else:
        r = "s"
    return r
#! mismatch: Type mismatch: r is set to type int in the true branch and type str in the false branch

def retyped(n: int) -> int:
    y = 1
    for i in range(n):
        y = "s"
    return y
#! retyped: Variable 'y' previously had type int but is now being assigned to a value of type str

def falls_off(n: int) -> int:
    if n > 0:
        return 1
#! falls_off: does not return along all paths

def wrong_return(n: int) -> str:
    return n
#! wrong_return: Return value was annotated as having type str but is actually of type int

def two_returns(n: int):
    if n > 0:
        return 1
    return "s"
#! two_returns: Previous return statement returned a value of type

def floor_in_place(n: int) -> int:
    n //= 2
    return n
#! floor_in_place: unsupported kind of augmented assignment: FloorDiv

def slice_store(l: List[int]) -> List[int]:
    l[1:2] = [3]
    return l
#! slice_store: Sliced expression not yet supported for subscripted assignment

def star_of_list(l: List[int]) -> int:
    a, *b = l
    return a
#! star_of_list: cannot statically infer the expected size of a list in this context

def unrolled_break() -> int:
    for x in (1, 2):
        break
    return 0
#! unrolled_break: Because we emit iteration over modulelists or tuples as unrolled loops

def recursive(n: int):
    return recursive(n - 1)
#! recursive: function 'recursive' is called recursively. Recursive calls are not supported

def no_value(n: int) -> int:
    return missing_name + n
#! no_value: undefined value missing_name

def star_args(*args):
    return 1
#! star_args: Compiled functions can't take variable number of arguments

def tries(n: int) -> int:
    try:
        return n
    except:
        return 0
#! tries: aren't supported

def inner_annotation(n: int) -> int:
    x: int = 1
    if n > 0:
        x: int = 2
    return x
#! inner_annotation: Attempting to declare and annotate the type of variable 'x' that is already defined in an outer block
