#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares our parser's trees with those of Python's own parser.

usage: against_python.py PARSER FILE...   PARSER is test_script_parse; a .py file is parsed whole, a .txt file is a list
of dropped cases (see parse.c), of which those of files and expressions are compared.

The tree of the `ast` module is written the way ast_print.c writes ours, with what the language refuses as
(unsupported ...). Left out: `comma` and `paren`, which Python's tree does not tell; type comments, which it does not read.
"""
import ast
import re
import subprocess
import sys
import warnings

OPS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.MatMult: "@",
       ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
       ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
       ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or", ast.Not: "not",
       ast.USub: "u-", ast.UAdd: "u+", ast.Invert: "~"}
LEVEL = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "@": 2, "<<": 3, ">>": 3, "&": 4, "|": 5, "^": 6}
OWN_LINE = {"body", "class", "def", "=", ":", "op=", "expr", "return", "raise", "assert", "if", "while", "for", "with",
            "pass", "break", "continue", "del", "import", "params", "decorators"}
REFUSED = {"Set": "Set", "SetComp": "SetComp", "Lambda": "Lambda", "Yield": "Yield", "YieldFrom": "YieldFrom",
           "Await": "Await", "NamedExpr": "NamedExpr", "Global": "global variables", "Nonlocal": "nonlocal variables",
           "Try": "try blocks", "TryStar": "try blocks", "Match": "Match", "AsyncFor": "async for loops",
           "AsyncWith": "async with statements", "TypeAlias": "TypeAlias"}


def quoted(text):
    def one(c):
        if c in '"\\':
            return "\\" + c
        return "\\n" if c == "\n" else "\\x%02x" % ord(c) if ord(c) < 0x20 or ord(c) == 0x7F else c
    return '"' + "".join(map(one, text)) + '"'


def number(v):
    for precision in (15, 16, 17):
        text = "%.*g" % (precision, v)
        if float(text) == v:
            return text
    return text


class Node:
    def __init__(self, kind, value="", kids=()):
        self.kind, self.value, self.kids = kind, value, list(kids)

    def text(self, indent=0):
        if self.kind == "name":
            return self.value
        parts = ["(" + self.kind + (" " + self.value if self.value else "")]
        for kid in self.kids:
            own = kid and (kid.kind in OWN_LINE or self.kind == "body")
            parts.append("\n" + " " * (indent + 2) if own else " ")
            parts.append(kid.text(indent + 2) if kid else "_")
        return "".join(parts) + ")"


def unsupported(message):
    return Node("unsupported", quoted(message))


class Translator:
    """Python's tree of one text as ours."""

    def __init__(self, source):
        self.lines = [line.encode() for line in source.split("\n")]
        self.source = source
        self.functions = 0

    def between(self, a, b):
        """The text from the start of node a to that of node b."""
        if a.lineno == b.lineno:
            return self.lines[a.lineno - 1][a.col_offset:b.col_offset].decode()
        first, last = self.lines[a.lineno - 1][a.col_offset:], self.lines[b.lineno - 1][:b.col_offset]
        return b"\n".join([first, *self.lines[a.lineno:b.lineno - 1], last]).decode()

    def tree(self, node):
        if node is None:
            return None
        name = type(node).__name__
        if name in REFUSED:
            return unsupported(REFUSED[name] + " aren't supported")
        return getattr(self, name)(node)

    def trees(self, nodes):
        return [self.tree(n) for n in nodes]

    # ---- constants

    def named_escape(self, n):
        return "\\N{" in self.source and "\\N{" in (ast.get_source_segment(self.source, n) or "")

    def constant(self, v, negative=False):
        if isinstance(v, int):
            v = -v if negative else v
            return Node("int", str(v)) if -2**63 <= v < 2**63 else unsupported("Integral constant out of range")
        if isinstance(v, float):
            return Node("float", number(-v if negative else v))
        return Node("complex", "0 " + number(-v.imag if negative else v.imag))

    def Constant(self, n):
        v = n.value
        if v is None or v is Ellipsis:
            return Node("None" if v is None else "...")
        if isinstance(v, bool):
            return Node("bool", str(v))
        if isinstance(v, bytes):
            return unsupported("bytes literals aren't supported")
        if not isinstance(v, str):
            return self.constant(v)
        if any(0xD800 <= ord(c) < 0xE000 for c in v):
            return unsupported("surrogate escapes aren't supported")
        if self.named_escape(n):
            return unsupported("\\N{...} escapes aren't supported")
        return Node("str", quoted(v))

    def JoinedStr(self, n):
        if self.named_escape(n):
            return unsupported("\\N{...} escapes aren't supported")
        return Node("fstring", "", self.trees(n.values))

    def FormattedValue(self, n):
        how = "" if n.conversion == -1 else "!" + chr(n.conversion)
        return Node("format", how, [self.tree(n.value), self.tree(n.format_spec)])

    # ---- expressions

    def Name(self, n):
        return Node("name", n.id)

    def Attribute(self, n):
        return Node(".", n.attr, [self.tree(n.value)])

    def Subscript(self, n):
        if isinstance(n.slice, ast.Tuple):
            return Node("[]", "spread", [self.tree(n.value)] + self.trees(n.slice.elts))
        return Node("[]", "", [self.tree(n.value), self.tree(n.slice)])

    def Slice(self, n):
        return Node("slice", "", self.trees([n.lower, n.upper, n.step]))

    def Starred(self, n):
        return Node("*", "", [self.tree(n.value)])

    def arguments(self, args, keywords):
        found = [(a.lineno, a.col_offset, self.tree(a)) for a in args]
        found += [(k.lineno, k.col_offset, Node("keyword", k.arg or "", [self.tree(k.value)])) for k in keywords]
        return [f[2] for f in sorted(found, key=lambda f: f[:2])]

    def Call(self, n):
        return Node("call", "", [self.tree(n.func)] + self.arguments(n.args, n.keywords))

    def List(self, n):
        return Node("list", "", self.trees(n.elts))

    def Tuple(self, n):
        return Node("tuple", "", self.trees(n.elts))

    def Dict(self, n):
        return Node("dict", "", [self.tree(x) for pair in zip(n.keys, n.values) for x in pair])

    def folds(self, n):
        """Whether -operand is one constant: a number right behind the minus."""
        o = n.operand
        return (isinstance(n.op, ast.USub) and isinstance(o, ast.Constant) and type(o.value) in (int, float, complex)
                and "(" not in self.between(n, o))

    def UnaryOp(self, n):
        if self.folds(n):
            return self.constant(n.operand.value, True)
        return Node("unary", OPS[type(n.op)], [self.tree(n.operand)])

    def chain(self, n):
        """Operators and operands of one precedence. A left side in parentheses starts further right than the whole."""
        level, ops, operands = LEVEL.get(OPS[type(n.op)]), [], []
        while True:
            ops.insert(0, OPS[type(n.op)])
            operands.insert(0, n.right)
            left = n.left
            same = (isinstance(left, ast.BinOp) and level and LEVEL.get(OPS[type(left.op)]) == level
                    and (left.lineno, left.col_offset) == (n.lineno, n.col_offset))
            if not same:
                return ops, [left] + operands
            n = left

    def BinOp(self, n):
        ops, operands = self.chain(n)
        kids = self.trees(operands)
        imaginary = kids[1].kind == "complex" and kids[1].value.startswith("0 ")
        if len(ops) == 1 and ops[0] in "+-" and kids[0].kind in ("int", "float") and imaginary:
            im = float(kids[1].value[2:])
            return Node("complex", f"{number(float(kids[0].value))} {number(-im if ops[0] == '-' else im)}")
        return Node("binary", " ".join(ops), kids)

    def Compare(self, n):
        return Node("compare", " ".join(OPS[type(o)] for o in n.ops), self.trees([n.left] + n.comparators))

    def BoolOp(self, n):
        return Node("bool-op", OPS[type(n.op)], self.trees(n.values))

    def IfExp(self, n):
        return Node("?:", "", self.trees([n.test, n.body, n.orelse]))

    def comprehension(self, kind, n, element):
        if any(g.is_async for g in n.generators):
            return unsupported("async comprehensions aren't supported")
        clauses = [Node("clause", "", [self.target(g.target), self.tree(g.iter)] + self.trees(g.ifs))
                   for g in n.generators]
        return Node(kind, "", self.trees(element) + clauses)

    def ListComp(self, n):
        return self.comprehension("list-comp", n, [n.elt])

    def GeneratorExp(self, n):
        return self.comprehension("generator", n, [n.elt])

    def DictComp(self, n):
        return self.comprehension("dict-comp", n, [n.key, n.value])

    def target(self, n):
        if isinstance(n, (ast.Tuple, ast.List)):
            return Node("tuple", "", map(self.target, n.elts))
        if isinstance(n, ast.Starred):
            return Node("*", "", [self.target(n.value)])
        return self.tree(n)

    # ---- annotations: strings in them are types

    def quoted_type(self, n):
        raw = ast.get_source_segment(self.source, n)
        quote = raw.lstrip("rRuUbBfF")
        width = 3 if quote[:3] in ('"""', "'''") and len(quote) >= 6 else 1
        inner = quote[width:-width]
        if inner != n.value:
            return unsupported("an annotation in a string of several parts or with escapes")
        try:
            tree = ast.parse("(" + inner + "\n)", mode="eval").body
        except (SyntaxError, ValueError):
            return unsupported("the string is not a type")
        return Translator("(" + inner + "\n)").annotation(tree)

    def annotation(self, n):
        if n is None:
            return None
        if isinstance(n, ast.Constant) and isinstance(n.value, str):
            return self.quoted_type(n)
        node = self.tree(n)
        if isinstance(n, ast.Subscript):
            spread = isinstance(n.slice, ast.Tuple)
            node.kids = [self.annotation(k) for k in [n.value] + (n.slice.elts if spread else [n.slice])]
        elif isinstance(n, (ast.Tuple, ast.List)):
            node.kids = [self.annotation(k) for k in n.elts]
        elif isinstance(n, ast.BinOp) and isinstance(n.op, ast.BitOr):
            node.kids = [self.annotation(k) for k in self.chain(n)[1]]
        return node

    # ---- statements

    def body(self, statements):
        return Node("body", "", self.trees(statements))

    def Expr(self, n):
        return Node("expr", "", [self.tree(n.value)])

    def Assign(self, n):
        return Node("=", "", [self.target(t) for t in n.targets] + [self.tree(n.value)])

    def AnnAssign(self, n):
        return Node(":", "", [self.target(n.target), self.annotation(n.annotation), self.tree(n.value)])

    def AugAssign(self, n):
        return Node("op=", OPS[type(n.op)], [self.target(n.target), self.tree(n.value)])

    def Return(self, n):
        return Node("return", "", [self.tree(n.value)])

    def Raise(self, n):
        return Node("raise", "", self.trees([n.exc, n.cause]))

    def Assert(self, n):
        return Node("assert", "", self.trees([n.test, n.msg]))

    def If(self, n):
        kids = [self.tree(n.test), self.body(n.body)]
        while len(n.orelse) == 1 and isinstance(n.orelse[0], ast.If):
            inner = n.orelse[0]
            if not self.lines[inner.lineno - 1][inner.col_offset:].startswith(b"elif"):
                break
            n = inner
            kids += [self.tree(n.test), self.body(n.body)]
        return Node("if", "", kids + ([self.body(n.orelse)] if n.orelse else []))

    def loop(self, n, node):
        return unsupported("else branches of for/while loops aren't supported") if n.orelse else node

    def While(self, n):
        return self.loop(n, Node("while", "", [self.tree(n.test), self.body(n.body)]))

    def For(self, n):
        return self.loop(n, Node("for", "", [self.target(n.target), self.tree(n.iter), self.body(n.body)]))

    def With(self, n):
        def item(i):
            return Node("item", "", [self.tree(i.context_expr), i.optional_vars and self.target(i.optional_vars)])
        return Node("with", "", [*map(item, n.items), self.body(n.body)])

    def Pass(self, n):
        return Node("pass")

    def Break(self, n):
        return Node("break")

    def Continue(self, n):
        return Node("continue")

    def Delete(self, n):
        whole = len(n.targets) == 1 and isinstance(n.targets[0], (ast.Tuple, ast.List))
        return Node("del", "", map(self.target, n.targets[0].elts if whole else n.targets))

    def imported(self, n, module):
        if self.functions:
            return unsupported("import statements aren't supported")
        return Node("import", module, [Node("alias", a.name, [Node("name", a.asname) if a.asname else None])
                                       for a in n.names if a.name != "*"])

    def Import(self, n):
        return self.imported(n, "")

    def ImportFrom(self, n):
        return self.imported(n, "." * n.level + (n.module or ""))

    # ---- definitions

    def decorators(self, n):
        return Node("decorators", "", self.trees(n.decorator_list))

    def ClassDef(self, n):
        if getattr(n, "type_params", None):
            return unsupported("type parameters aren't supported")
        if self.functions:
            return unsupported("class definitions aren't supported")
        bases = Node("args", "", self.arguments(n.bases, n.keywords))
        return Node("class", n.name, [bases, self.body(n.body), self.decorators(n)])

    def param(self, a, default, flag=""):
        annotation = a.annotation.value if isinstance(a.annotation, ast.Starred) else a.annotation
        return Node("param", a.arg + flag, [self.annotation(annotation), self.tree(default)])

    def params(self, a):
        positional = a.posonlyargs + a.args
        defaults = [None] * (len(positional) - len(a.defaults)) + a.defaults
        kids = [self.param(p, d, " positional-only" if i < len(a.posonlyargs) else "")
                for i, (p, d) in enumerate(zip(positional, defaults))]
        if a.vararg:
            kids.append(self.param(a.vararg, None, " star"))
        kids += [self.param(p, d, " keyword-only") for p, d in zip(a.kwonlyargs, a.kw_defaults)]
        if a.kwarg:
            kids.append(self.param(a.kwarg, None, " star-star"))
        return Node("params", "", kids)

    def FunctionDef(self, n, refused=None):
        self.functions += 1
        body = self.body(n.body)
        self.functions -= 1
        if getattr(n, "type_params", None):
            refused = "type parameters aren't supported"
        if refused:
            body = Node("body", "", [unsupported(refused)])
        return Node("def", n.name, [self.params(n.args), self.annotation(n.returns), body, self.decorators(n)])

    def AsyncFunctionDef(self, n):
        return self.FunctionDef(n, "async function definitions aren't supported")


def python_tree(source, expression=False):
    """Our text of Python's tree; None: Python refuses the source."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    if expression:
        source = "(" + source + "\n)"
    try:
        tree = ast.parse(source, mode="eval" if expression else "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    translator = Translator(source)
    return (translator.tree(tree.body) if expression else Node("module", "", translator.trees(tree.body))).text() + "\n"


def untold(text):
    return re.sub(r"\(tuple(?: comma| paren)+", "(tuple", text)


class Comparison:
    def __init__(self):
        self.same, self.wrong, self.refused, self.skipped = 0, 0, 0, 0

    def compare(self, where, source, got, expression=False):
        want = python_tree(source, expression)
        ours = not got.startswith("error: ")
        if re.search(r"#\s*type:", source) or (want is None and ours):
            self.skipped += 1  # newer syntax than this Python's, or a comment that only we read
        elif want is None or "a starred expression belongs in a tuple" in got:  # Python's parser leaves it to later
            self.refused += 1
        elif untold(got) == untold(want):
            self.same += 1
        else:
            self.wrong += 1
            lines = zip(untold(got).split("\n") + [""], untold(want).split("\n") + [""])
            ours, theirs = next((a, b) for a, b in lines if a != b)
            print(f"{where}:\n  ours:     {ours[:300]}\n  Python's: {theirs[:300]}")

    def cases(self, path):
        for case in open(path, encoding="utf-8").read().split("====\n"):
            source, got = case.split("----\n")
            entry, _, rest = source.partition("\n")
            if entry == "#expr":
                wrapped = not rest.strip() or ":=" in rest or "yield" in rest  # fine in the parentheses put around
                self.compare(path, rest, got, True) if not wrapped else None
            elif entry != "#type":
                self.compare(path, source, got)

    def file(self, parser, path):
        source = open(path, encoding="utf-8", newline="").read()
        run = subprocess.run([parser, "dump", path], capture_output=True, check=False)
        self.compare(path, source, run.stdout.decode())


def main(parser, paths):
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(5000)
    c = Comparison()
    for path in paths:
        c.cases(path) if path.endswith(".txt") else c.file(parser, path)
    print(f"{c.same} the same, {c.refused} refused by both, {c.skipped} not compared, {c.wrong} wrong")
    return c.wrong > 0 or c.same == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
