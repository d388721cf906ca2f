"""Times one model in ONNX Runtime as `naru bench` does in Naru; prints the same JSON and the memory before loading.

usage: ort_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
All graph optimizations, spinning threads, inputs and outputs bound once.
"""
import json
import sys
import time

import numpy as np
import onnxruntime as ort

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
    data = np.asarray(random.integers(0, 2, shape)) if kind == "int64" else random.random(shape, np.float32)
    return name, ort.OrtValue.ortvalue_from_numpy(data)


def milliseconds(action):
    start = time.perf_counter()
    result = action()
    return (time.perf_counter() - start) * 1e3, result


def main():
    model, threads, seconds, specs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    before = peak_mb()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    load, session = milliseconds(lambda: ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]))

    binding = session.io_binding()
    for spec in specs:
        binding.bind_ortvalue_input(*random_input(spec))
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    first, _ = milliseconds(lambda: session.run_with_iobinding(binding))
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < LEAST_RUNS:
        times.append(milliseconds(lambda: session.run_with_iobinding(binding))[0])
    times.sort()
    result = {"threads": threads, "median_ms": times[len(times) // 2], "p90_ms": times[len(times) * 9 // 10],
              "min_ms": times[0], "runs": len(times)}
    print(json.dumps({"load_ms": load, "first_ms": first, "peak_rss_mb": peak_mb(), "before_rss_mb": before,
                      "results": [result]}))


main()
