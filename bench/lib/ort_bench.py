"""Times one model in ONNX Runtime as `naru bench` does in Naru; prints the same JSON and the memory before loading.

usage: ort_bench.py MODEL THREADS SECONDS NAME=DIMS[:TYPE]...
All graph optimizations, spinning threads, inputs and outputs bound once.
"""
import sys

import onnxruntime as ort

from timing import milliseconds, peak_mb, random_array, repeated, report, split


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
    for name, dims, kind in map(split, specs):
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(random_array(dims, kind)))
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    first, _ = milliseconds(lambda: session.run_with_iobinding(binding))
    report(threads, repeated(lambda: session.run_with_iobinding(binding), seconds), before, load_ms=load, first_ms=first)


main()
