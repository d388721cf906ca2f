#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts the modules of ../data/script/cases_suite.py and records what PyTorch answers: ../data/script/cases/NAME.pt and
NAME.json, in the form of docs/torchscript.md. Usage: make_cases.py [NAME ...]"""
import json
import sys
import warnings
from pathlib import Path

import torch

warnings.simplefilter("ignore")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "data" / "script")]
import make_ops  # noqa: E402

OUT = HERE.parent / "data" / "script" / "cases"


def value(v):
    return {"repr": str(v)} if isinstance(v, torch.dtype) else make_ops.value(v)


def copy(v):
    if isinstance(v, torch.Tensor):
        return v.clone()
    return type(v)(copy(x) for x in v) if isinstance(v, (list, tuple)) else v


def record(module, calls):
    told = []
    for method, args in calls:
        entry = {"method": method, "args": [value(a) for a in args]}
        live = [copy(a) for a in args]
        try:
            with torch.no_grad():
                entry["result"] = value(getattr(module, method)(*live))
            after = [value(a) for a in live]
            if after != entry["args"]:
                entry["args_after"] = after
        except Exception as e:
            entry["raises"] = [line for line in str(e).splitlines() if line.strip()][-1]
        told.append(entry)
    return told


def main():
    import cases_suite

    OUT.mkdir(exist_ok=True)
    for name, module, calls in cases_suite.CASES:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        path = OUT / f"{name}.pt"
        torch.jit.script(module.eval()).save(str(path))
        calls = record(torch.jit.load(str(path)), calls)
        text = json.dumps({"archive": path.name, "torch": torch.__version__, "calls": calls}, ensure_ascii=False)
        path.with_suffix(".json").write_text(text + "\n")
        print(name, [c["raises"] for c in calls if "raises" in c])


if __name__ == "__main__":
    main()
