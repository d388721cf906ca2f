#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what PyTorch answers for operators of TorchScript: tests/data/script/ops/CATEGORY.jsonl, one call a line.

Each ops_CATEGORY.py in this folder is run with `case`, `torch`, `R` (normal numbers), `I` (integers) in its namespace:

    case("aten::conv2d", R(1, 2, 5, 5), R(3, 2, 3, 3), None, [1, 1])      arguments by position, as in the schema
    case("aten::conv2d.padding", ..., rtol=1e-4, atol=1e-5)               an overload; tolerances when the usual ones
                                                                          are too strict
    case("aten::tensor", [1, 2], None, None, False, via=function)         what to call instead, where PyTorch's own
                                                                          binding refuses the arguments
Lines are {"op", "args", "results"}, or "raises" (the last line of the message), and "args_after" (index -> value) for
arguments that changed. Values are encoded as in the archives' recorded calls; {"custom": class, "state": value} is a
torchbind object. Usage: make_ops.py [CATEGORY ...]
"""
import json
import math
import sys
import warnings
from pathlib import Path

import torch

warnings.simplefilter("ignore")
HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "data" / "script" / "ops"


def number(x):
    if isinstance(x, float) and not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"
    return x


def tensor(t):
    if t.is_quantized:
        ints = t.int_repr()
        if t.dtype == torch.quint4x2:  # two in a byte, the first in the low half
            ints = torch.stack([ints & 15, ints >> 4], -1).reshape(t.shape)
        ints = tensor(ints)
        if t.dtype == torch.quint4x2:
            ints["tensor"] = "uint4"
        body = {"quantized": ints, "dtype": str(t.dtype).replace("torch.", "")}
        if t.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
            return {**body, "scale": t.q_scale(), "zero_point": t.q_zero_point()}
        return {**body, "scales": tensor(t.q_per_channel_scales()), "zero_points": tensor(t.q_per_channel_zero_points()),
                "axis": t.q_per_channel_axis()}
    if t.is_nested:
        return {"nested": [tensor(x) for x in t.unbind()]}
    flat = t.detach().contiguous().resolve_conj().resolve_neg()
    if t.is_complex():
        flat = torch.view_as_real(flat)
    if t.dtype in (torch.float16, torch.bfloat16):
        flat = flat.float()
    data = flat.reshape(-1).tolist()
    if flat.dtype == torch.float32:  # the shortest text that reads back as the same float32
        data = [float(str(x)) for x in flat.reshape(-1).numpy()]
    data = [number(x) for x in data]
    out = {"tensor": str(t.dtype).replace("torch.", ""), "shape": list(t.shape), "data": data}
    if t.numel() > 1 and not t.is_contiguous() and not t.is_complex():
        out["strides"] = list(t.stride())
    return out


def value(v):
    if v is None or isinstance(v, (bool, int, str)):
        return v
    if isinstance(v, float):
        return {"float": number(v)}
    if isinstance(v, complex):
        return {"complex": [number(v.real), number(v.imag)]}
    if isinstance(v, torch.Tensor):
        return tensor(v)
    if isinstance(v, tuple):
        return {"tuple": [value(x) for x in v]}
    if isinstance(v, list):
        return {"list": [value(x) for x in v]}
    if isinstance(v, dict):
        return {"dict": [[value(k), value(x)] for k, x in v.items()]}
    if isinstance(v, torch.dtype):
        return {"dtype": str(v).replace("torch.", "")}
    if isinstance(v, torch.device):
        return {"device": str(v)}
    if isinstance(v, torch.ScriptObject):
        state, name = v.__getstate__()
        return {"custom": name, "state": value(state)}
    raise TypeError(type(v))


def clone(v):
    if isinstance(v, torch.Tensor):
        return v.clone() if v.is_contiguous() or v.is_quantized else torch.empty_strided(v.shape, v.stride(), dtype=v.dtype).copy_(v)
    if isinstance(v, (list, tuple)):
        return type(v)(clone(x) for x in v)
    if isinstance(v, dict):
        return {k: clone(x) for k, x in v.items()}
    return v


def find(op):
    ns, name = op.split("::")
    name, _, overload = name.partition(".")
    return getattr(getattr(getattr(torch.ops, ns), name), overload or "default")


class Recorder:
    def __init__(self):
        self.lines = []

    def case(self, op, *args, rtol=None, atol=None, note=None, any_values=False, via=None, eager=False):
        line = {"op": op, "args": [value(a) for a in args]}
        live = [clone(a) for a in args]
        fn = None if via and op.startswith("naru") else find(op)
        schema = fn._schema.arguments if fn else []
        positional = [a for a, s in zip(live, schema) if not s.kwarg_only]
        keywords = {s.name: a for a, s in zip(live, schema) if s.kwarg_only}
        try:
            with torch.no_grad():
                r = via(*live) if via else fn(*positional, **keywords)
            line["results"] = [value(x) for x in r] if isinstance(r, tuple) and fn and len(fn._schema.returns) > 1 else \
                [] if fn and len(fn._schema.returns) == 0 else [value(r)]
            after = {str(i): value(a) for i, (a, b) in enumerate(zip(live, line["args"]))
                     if json.dumps(value(a)) != json.dumps(b)}
            if after:
                line["args_after"] = after
        except Exception as e:
            text = [x for x in str(e).strip().splitlines() if x.strip()]
            line["raises"] = text[0] if text else ""
        for k, v in (("rtol", rtol), ("atol", atol), ("note", note)):
            if v is not None:
                line[k] = v
        if eager:
            line["eager"] = True  # arguments at which what is recorded differs (NaN, -0, overflow)
        if any_values:
            line["any_values"] = True  # random or uninitialised: types and shapes only
        self.lines.append(json.dumps(line, ensure_ascii=False))


def run(path):
    rec = Recorder()
    g = torch.Generator().manual_seed(5)
    names = {
        "torch": torch,
        "math": math,
        "case": rec.case,
        "R": lambda *s, dtype=torch.float32: torch.randn(s, generator=g).to(dtype),
        "I": lambda hi, *s, dtype=torch.int64: torch.randint(0, hi, s, generator=g).to(dtype),
    }
    exec(compile(path.read_text(), str(path), "exec"), names)
    out = OUT / (path.stem[len("ops_"):] + ".jsonl")
    out.write_text("\n".join(rec.lines) + "\n")
    raised = sum('"raises"' in x for x in rec.lines)
    print(f"{out.name}: {len(rec.lines)} cases, {raised} of them raise")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for p in sorted(HERE.glob("ops_*.py")):
        if len(sys.argv) == 1 or p.stem[len("ops_"):] in sys.argv[1:]:
            run(p)
