# SPDX-License-Identifier: MIT
"""Lists and dicts. Calls that change their argument go through a script, which gives the changed container back."""
nan = math.nan


def script(body, types, container="x"):
    """body works on x; what it leaves in `r` is the result."""
    lines = "".join(f"  {line}\n" for line in body.split("; "))
    has = "r = " in body
    f = torch.jit.CompilationUnit(f"def f({types}):\n{lines}  return {'r, ' if has else ''}{container}\n").f

    def call(*a):
        try:
            out = f(*a)
        except Exception as e:
            raise RuntimeError(str(e).strip().splitlines()[-1].removeprefix("RuntimeError: ")) from None
        r, after = out if has else (None, out)
        if isinstance(a[0], list):
            a[0][:] = after
        else:
            a[0].clear()
            a[0].update(after)
        return r if has else after

    return call


L = [3, 1, 2, 1]
for i in (0, -1, 3, 4, -5):
    case("aten::__getitem__.t", L, i, via=script("r = x[i]", "x: List[int], i: int"))
    case("aten::pop.t", L, i, via=script("r = x.pop(i)", "x: List[int], i: int"))
    case("aten::Delete.t", L, i, via=script("del x[i]", "x: List[int], i: int"))
    case("aten::insert.t", L, i, 7, via=script("x.insert(i, v)", "x: List[int], i: int, v: int"))
    case("aten::_set_item.t", L, i, 7, via=script("x[i] = v", "x: List[int], i: int, v: int"))
case("aten::pop.t", [], -1, via=script("r = x.pop(i)", "x: List[int], i: int"))
case("aten::append.t", L, 9, via=script("x.append(v)", "x: List[int], v: int"))
case("aten::extend.t", L, [8, 9], via=script("x.extend(v)", "x: List[int], v: List[int]"))
case("aten::add_.t", L, [8, 9], via=script("x += v", "x: List[int], v: List[int]"))
case("aten::mul_.t", L, 2, via=script("x *= v", "x: List[int], v: int"))
case("aten::reverse.t", L, via=script("x.reverse()", "x: List[int]"))
case("aten::clear.t", L, via=script("x.clear()", "x: List[int]"))
case("aten::len.t", L, via=script("r = len(x)", "x: List[int]"))
case("aten::copy.t", L, via=script("r = x.copy()", "x: List[int]"))
case("aten::list.t", L, via=script("r = list(x)", "x: List[int]"))
case("aten::add.t", L, [5], via=script("r = x + y", "x: List[int], y: List[int]"))
case("aten::mul.left_t", L, 2, via=script("r = x * n", "x: List[int], n: int"))
case("aten::mul.left_t", L, 0, via=script("r = x * n", "x: List[int], n: int"))
for a in ((1, -1, 1), (None, None, -1), (3, 0, -1), (-100, 100, 2), (3, None, -2), (None, None, 1), (2, 1, 1), (0, 2, 0)):
    case("aten::slice.t", L, *a, via=script("r = x[a:b:s]", "x: List[int], a: Optional[int], b: Optional[int], s: int"))
for v in (1, 9):
    case("aten::count.int", L, v)
    case("aten::index.list_int", L, v)
    case("aten::__contains__.int_list", L, v)
    case("aten::remove.int", L, v, via=script("x.remove(v)", "x: List[int], v: int"))
case("aten::index.list_float", [1.0, 2.5], 2.0)
case("aten::index.list_str", ["a"], "b")
case("aten::index.list_bool", [False], True)
case("aten::index.list_Tensor", [torch.zeros(1), torch.ones(1)], torch.ones(1))
case("aten::index.list_Tensor", [torch.zeros(2)], torch.ones(2))
case("aten::count.Tensor", [torch.zeros(1), torch.ones(1)], torch.ones(1))
case("aten::__contains__.str_list", ["a", "b"], "b")
case("aten::__contains__.float_list", [1.0, 2.0], 3.0)
for a, b in (([1, 2], [1, 2]), ([1], [1, 2]), ([], [])):
    case("aten::eq.int_list", a, b)
    case("aten::ne.int_list", a, b)
    case("prim::min.int_list", a, b)
    case("prim::max.int_list", a, b)
case("aten::eq.str_list", ["a"], ["a"])
case("aten::ne.float_list", [1.0], [2.0])
case("aten::eq.Tensor_list", [torch.ones(1)], [torch.ones(1)])
case("aten::eq.Tensor_list", [torch.ones(2)], [torch.ones(2)])
case("aten::sort.int", L, False, via=script("x.sort(v)", "x: List[int], v: bool"))
case("aten::sort.int", L, True, via=script("x.sort(v)", "x: List[int], v: bool"))
case("aten::sort.any", [(2, "a"), (1, "b"), (1, "a")], False, via=script("x.sort(v)", "x: List[Tuple[int, str]], v: bool"))
case("aten::sorted.int", L)
case("aten::sorted.str", ["b", "a", "ab"])
case("aten::sorted.float", [2.5, -1.0, 0.0])
case("aten::sorted.bool", [True, False])
case("aten::sorted.Tensor", [torch.ones(1), torch.zeros(1)])
case("aten::sum.int", L)
case("aten::sum.int", [])
case("aten::sum.float", [0.1, 0.2, 0.3])
case("aten::sum.float", [])
case("aten::sum.complex", [1j, 2 + 0j])
case("aten::sum.bool", [True, True, False])
for k, t in (("int", [2, 0, 1]), ("float", [0.5, -1.0, nan]), ("bool", [True, False])):
    for e in (t, []):
        case(f"prim::min.self_{k}", e)
        case(f"prim::max.self_{k}", e)
        case(f"aten::any.{k}", e)
        case(f"aten::all.{k}", e)
case("aten::any.str", ["", "a"])
case("aten::any.str", [""])
case("aten::broadcast_shapes", [2, 1], [1, 3])

for key, kt, D, missing in (("str", "str", {"b": 2, "a": 1}, "q"), ("int", "int", {5: 2, 1: 1}, 7), ("float", "float", {1.5: 2, 0.0: 1}, 2.5), ("bool", "bool", {True: 2}, False), ("complex", "complex", {1j: 2}, 2j)):
    first = next(iter(D))
    T = f"x: Dict[{kt}, int]"
    case(f"aten::len.Dict_{key}", D, via=script("r = len(x)", T))
    case(f"aten::keys.{key}", D, via=script("r = x.keys()", T))
    case(f"aten::values.{key}", D, via=script("r = x.values()", T))
    case(f"aten::items.{key}", D, via=script("r = x.items()", T))
    case(f"aten::copy.Dict_{key}", D, via=script("r = x.copy()", T))
    for k in (first, missing):
        A = f"{T}, k: {kt}"
        case(f"aten::__getitem__.Dict_{key}", D, k, via=script("r = x[k]", A))
        case(f"aten::__contains__.{key}", D, k, via=script("r = k in x", A))
        case(f"aten::get.{key}", D, k, via=script("r = x.get(k)", A))
        case(f"aten::get.default_{key}", D, k, 9, via=script("r = x.get(k, v)", A + ", v: int"))
        case(f"aten::setdefault.{key}", D, k, 9, via=script("r = x.setdefault(k, v)", A + ", v: int"))
        case(f"aten::pop.Dict_{key}", D, k, via=script("r = x.pop(k)", A))
        case(f"aten::pop.Dict_default_{key}", D, k, 9, via=script("r = x.pop(k, v)", A + ", v: int"))
        case(f"aten::Delete.Dict_{key}", D, k, via=script("del x[k]", A))
        case(f"aten::_set_item.{key}", D, k, 9, via=script("x[k] = v", A + ", v: int"))
    case(f"aten::clear.{key}", D, via=script("x.clear()", T))
    case(f"aten::update.{key}", D, {missing: 4, first: 8}, via=script("x.update(y)", f"{T}, y: Dict[{kt}, int]"))
case("aten::popitem.str", {"a": 1}, via=script("r = x.popitem()", "x: Dict[str, int]"))
case("aten::popitem.str", {}, via=script("r = x.popitem()", "x: Dict[str, int]"))
case("aten::dict.int", [(1, 2), (3, 4), (1, 5)], via=lambda x: dict(x))
