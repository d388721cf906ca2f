# SPDX-License-Identifier: MIT
"""Strings. What PyTorch does not end on ("".count(""), negative widths, replacing "") or reads wrongly is left out."""
words = ["hello wORLD 1st they're", "", "abc", "12", "ab1", " \t\n", "AB1", "Hello World", "Hello world", "a_1", "1a", "a b", "é", "\x01"]
for op in "upper lower capitalize title swapcase isalpha isdigit isalnum isspace isupper islower isdecimal isidentifier isnumeric isprintable".split():
    for w in words:
        if "é" not in w or op.startswith("is"):
            case(f"aten::{op}", w)
for w in ("Hello World", "Hello world", "", "1 A"):
    case("aten::istitle", w)
for w, n in (("abc", 6), ("abc", 7), ("abcd", 7), ("abc", 2), ("-42", 6), ("", 3)):
    for op in ("center", "ljust", "rjust"):
        case(f"aten::{op}", w, n)
        case(f"aten::{op}", w, n, "*")
        case(f"aten::{op}", w, n, "ab")
    case("aten::zfill", w, n)
for n in (8, 4, 0):
    case("aten::expandtabs", "a\tbc\td\n\te", n)
for t in ("l", "z", "lo", "hello", "hello!"):
    for op in ("find", "rfind", "count", "startswith", "endswith", "rindex"):
        case(f"aten::{op}", "hello", t)
    case("aten::index.str", "hello", t)
    for a, b in ((1, 3), (-3, -1), (0, -2), (0, 5), (-100, 100), (3, 1)):
        for op in ("find", "rfind"):
            case(f"aten::{op}", "hello", t, a, b)
        if (a, b) != (3, 1):  # an empty range counts, begins and ends with what is there
            for op in ("count", "startswith", "endswith") if len(t) == 1 else ("startswith", "endswith"):
                case(f"aten::{op}", "hello", t, a, b)
case("aten::find", "hello", "")
case("aten::rfind", "hello", "")
case("aten::count", "aaaa", "aa")
for s in ("a.b.c", "abc", ""):
    case("aten::partition", s, ".")
    case("aten::rpartition", s, ".")
for a in (("aaa", "a", "b"), ("aaa", "a", "b", 1), ("aaa", "aa", "a", -1), ("abc", "x", "y"), ("abab", "ab", "", 1)):
    case("aten::replace", *a)
for a in (("xxaxx", "x"), ("abcba", "ab"), ("  a ", ""), (" \t\n\r\x0ba \r\n",)):
    for op in ("strip", "lstrip", "rstrip"):
        case(f"aten::{op}", *a)
for a in (("  a b  c ",), ("  a b  c ", " "), ("a,b,,c", ","), ("a,b,,c", ",", 2), ("", ","), ("ab", "ab"), ("abc", ""), ("1ab2ab3", "ab", 0)):
    case("aten::split.str", *a)
for a in (("  a b  c ",), ("a,b,,c", ","), ("a,b,,c", ",", 2), ("", ","), ("ab", "ab"), ("1ab2ab3", "ab", 0)):
    case("aten::rsplit", *a)
for s in ("a\nb\r\nc\rd", "a\n\nb\n", "", "a\x0bb\x0cc\x1cd"):
    case("aten::splitlines", s)
case("aten::join", ",", ["a", "b", ""])
case("aten::join", ",", [])
for s in ("A", "a", "ab", ""):
    case("aten::ord", s)
for n in (65, 10, -1, 1114112):
    case("aten::chr", n)
for n in (255, -255, 0, -(2**63)):
    case("aten::hex", n)
    case("aten::oct", n)
    case("aten::bin", n)
for op in ("eq", "ne", "lt", "le", "gt", "ge", "add"):
    for a, b in (("a", "b"), ("ab", "a"), ("é", "z"), ("", ""), ("a", "a")):
        case(f"aten::{op}.str", a, b)
case("aten::len.str", "é漢")
case("aten::list", "abc")
for i in (0, -1, -3, 2):
    case("aten::__getitem__.str", "abc", i)
for a in ((1, -1, 1), (None, None, -1), (3, 0, -1), (-100, 100, 2), (None, None, 2), (0, 2, 0)):
    case("aten::slice.str", "abcde", *a)


def script(text, types, returns):
    f = torch.jit.CompilationUnit(f"def f({types}) -> {returns}:\n  return {text}\n").f

    def call(*a):
        try:
            return f(*a)
        except Exception as e:
            raise RuntimeError(str(e).strip().splitlines()[-1].removeprefix("RuntimeError: ")) from None

    return call


for v, t in ((1.0, "float"), (3.7, "float"), (1e22, "float"), (1e16, "float"), (1e-5, "float"), (nan := math.nan, "float"), (True, "bool"), (-3, "int"), (1 + 2.5j, "complex"), ([1.5, 2.0], "List[float]"), (["a", "b"], "List[str]"), ({"a": [1]}, "Dict[str, List[int]]"), ((1, "x"), "Tuple[int, str]"), (torch.tensor([1.5, -2.0]), "Tensor"), (torch.arange(12.0).view(2, 2, 3) * 0.01, "Tensor"), (torch.tensor(3), "Tensor")):
    case("aten::str", v, via=script("str(x)", f"x: {t}", "str"))
    case("aten::format", "<{}> {}", v, "q", via=script("s.format(x, y)", f"s: str, x: {t}, y: str", "str"))
case("aten::format", "{} {}", 1, via=script("s.format(x)", "s: str, x: int", "str"))
case("aten::format", "{0} {{}} {} {", 1, 2, via=script("s.format(x, y)", "s: str, x: int, y: int", "str"))
for s, v, t in (("%s=%d", ("a", 3), "Tuple[str, int]"), ("%d", (1.7,), "Tuple[float]"), ("%f %e %i %%", (1.5, 2.5, 3), "Tuple[float, float, int]"), ("%c%c", ("x", 65), "Tuple[str, int]"), ("%s %s", (1,), "Tuple[int]"), ("%s", (1, 2), "Tuple[int, int]"), ("%q", (1,), "Tuple[int]"), ("%5d", (1,), "Tuple[int]"), ("abc %", (1,), "Tuple[int]"), ("%d", ("x",), "Tuple[str]"), ("%E", (65.0,), "Tuple[float]")):
    case("aten::percentFormat", s, v, via=script("s % x", f"s: str, x: {t}", "str"))
