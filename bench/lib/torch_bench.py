"""Times one TorchScript archive in PyTorch as `naru bench` does in Naru; prints the same JSON.

usage: torch_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
Frozen and optimized for inference, as PyTorch advises; loading includes that. "first_ms" is the first run; "settled_ms"
the slowest of the first five, since PyTorch specializes itself during its first runs.
"""
import json
import sys
import time
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
LEAST_RUNS = 3


def peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def random_input(spec):
    rest = spec.split("=")[1]
    dims, _, kind = rest.partition(":")
    if dims == "int":
        return int(kind)
    shape = [int(d) for d in dims.split("x")]
    random = np.random.default_rng(0)
    return torch.from_numpy(np.asarray(random.integers(0, 2, shape)) if kind == "int64" else random.random(shape, np.float32))


def milliseconds(action):
    start = time.perf_counter()
    result = action()
    return (time.perf_counter() - start) * 1e3, result


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
    inputs = [random_input(s) for s in specs]
    with torch.inference_mode():
        load_ms, module = milliseconds(lambda: load(model))
        early = [milliseconds(lambda: module(*inputs))[0] for _ in range(5)]
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < LEAST_RUNS:
            times.append(milliseconds(lambda: module(*inputs))[0])
    times.sort()
    result = {"threads": threads, "median_ms": times[len(times) // 2], "p90_ms": times[len(times) * 9 // 10],
              "min_ms": times[0], "runs": len(times)}
    print(json.dumps({"load_ms": load_ms, "first_ms": early[0], "settled_ms": max(early), "peak_rss_mb": peak_mb(),
                      "before_rss_mb": before, "results": [result]}))


main()
