"""Times one model in OpenVINO on the CPU, in FP32, as `naru bench` does in Naru; prints the same JSON.

usage: openvino_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
Compiled for latency with one stream; inference precision forced to f32; inputs set once.
"""
import json
import sys
import time

import numpy as np
import openvino as ov

LEAST_RUNS = 3


def peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def random_input(spec):
    name, rest = spec.split("=")
    dims, _, kind = rest.partition(":")
    shape = [] if dims == "scalar" else [int(d) for d in dims.split("x")]
    random = np.random.default_rng(0)
    return name, np.asarray(random.integers(0, 2, shape)) if kind == "int64" else random.random(shape, np.float32)


def milliseconds(action):
    start = time.perf_counter()
    result = action()
    return (time.perf_counter() - start) * 1e3, result


def compiled(path, threads, inputs):
    core = ov.Core()
    model = core.read_model(path)
    model.reshape({name: ov.PartialShape(list(data.shape)) for name, data in inputs})
    options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(model, "CPU", options)


def main():
    path, threads, seconds, specs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    inputs = [random_input(s) for s in specs]
    before = peak_mb()
    load, model = milliseconds(lambda: compiled(path, threads, inputs))
    request = model.create_infer_request()
    for name, data in inputs:
        request.set_tensor(name, ov.Tensor(data))
    first, _ = milliseconds(request.infer)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < LEAST_RUNS:
        times.append(milliseconds(request.infer)[0])
    times.sort()
    result = {"threads": threads, "median_ms": times[len(times) // 2], "p90_ms": times[len(times) * 9 // 10],
              "min_ms": times[0], "runs": len(times)}
    print(json.dumps({"load_ms": load, "first_ms": first, "peak_rss_mb": peak_mb(), "before_rss_mb": before,
                      "results": [result]}))


main()
