"""Times one TorchScript archive in PyTorch as `naru bench` does in Naru; prints the same JSON.

usage: torch_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
Frozen and optimized for inference, as PyTorch advises; loading includes that. "first_ms" is the first run; "settled_ms"
the slowest of the first five, since PyTorch specializes itself during its first runs.
"""
import sys
import warnings

import torch

from timing import milliseconds, peak_mb, random_array, repeated, report, split

warnings.filterwarnings("ignore")


def argument(spec):
    _, dims, kind = split(spec)
    return int(kind) if dims == "int" else torch.from_numpy(random_array(dims, kind))


def load(path):
    module = torch.jit.load(path).eval()
    try:
        return torch.jit.optimize_for_inference(module)
    except RuntimeError:  # attributes that methods write cannot be frozen
        return module


def main():
    model, threads, seconds, specs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    torch.set_num_threads(threads)
    before = peak_mb()
    inputs = [argument(s) for s in specs]
    with torch.inference_mode():
        load_ms, module = milliseconds(lambda: load(model))
        early = [milliseconds(lambda: module(*inputs))[0] for _ in range(5)]
        times = repeated(lambda: module(*inputs), seconds)
    report(threads, times, before, load_ms=load_ms, first_ms=early[0], settled_ms=max(early))


main()
