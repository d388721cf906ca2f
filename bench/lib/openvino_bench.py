"""Times one model in OpenVINO on the CPU, in FP32, as `naru bench` does in Naru; prints the same JSON.

usage: openvino_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
Compiled for latency with one stream; inference precision forced to f32; inputs set once.
"""
import sys

import openvino as ov

from timing import milliseconds, peak_mb, random_array, repeated, report, split


def compiled(path, threads, inputs):
    core = ov.Core()
    model = core.read_model(path)
    model.reshape({name: ov.PartialShape(list(data.shape)) for name, data in inputs})
    options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(model, "CPU", options)


def main():
    path, threads, seconds, specs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    inputs = [(name, random_array(dims, kind)) for name, dims, kind in map(split, specs)]
    before = peak_mb()
    load, model = milliseconds(lambda: compiled(path, threads, inputs))
    request = model.create_infer_request()
    for name, data in inputs:
        request.set_tensor(name, ov.Tensor(data))
    first, _ = milliseconds(request.infer)
    report(threads, repeated(request.infer, seconds), before, load_ms=load, first_ms=first)


main()
