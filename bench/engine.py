"""Engines of Naru's builder beside Naru's session, ONNX Runtime and OpenVINO: the same models, inputs' shapes and threads,
in alternating rounds of fresh processes.

usage: .venv-bench/bin/python bench/engine.py [--rounds N] [--seconds S] [--models a,b] [--threads 1,2] [--write FILE.md]
Engines: FP32 (level 3), FP16 permitted, INT8 calibrated on random data inside the build; ONNX Runtime's INT8 is the Q/DQ
model that `naru quantize` makes of the same data, node for node what ONNX Runtime's quantizer writes. Prints a Markdown table; --write puts it between the markers of FILE.md.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import run  # noqa: E402

MODELS = ["smallcnn", "resnet50", "bert_base"]
COLUMNS = ["session", "FP32", "FP16", "INT8", "ORT FP32", "ORT INT8", "OpenVINO FP32"]
NARU = run.ROOT / "build" / "naru"


def quantized(name, folder):
    """The Q/DQ model; one file for all threads."""
    file, shapes, _ = run.SUITE[name]
    out = folder / f"{name}_qdq.onnx"
    if not out.exists():
        random = np.random.default_rng(0)
        arrays = {}
        for spec in (s.format(b=1) for s in shapes):
            key, rest = spec.split("=")
            dims, _, kind = rest.partition(":")
            shape = [4, *map(int, dims.split("x")[1:])]
            arrays[key] = random.integers(0, 2, shape) if kind == "int64" else random.random(shape, np.float32)
        np.savez(folder / f"{name}.npz", **arrays)
        subprocess.run([NARU, "quantize", file, "-o", out, "--calib-data", folder / f"{name}.npz"], check=True, capture_output=True)
    return out


def build(name, model, threads, flags, folder, tag):
    """A plan and the seconds that its build took."""
    plan = folder / f"{name}_{threads}_{tag}.plan"
    shapes = ",".join(s.format(b=1).replace("=", ":").split(":int64")[0] for s in run.SUITE[name][1])
    command = [NARU, "exec", f"--onnx={model}", f"--saveEngine={plan}", f"--cpuThreads={threads}", "--skipInference", *flags]
    start = time.perf_counter()
    done = subprocess.run([*map(str, command), f"--shapes={shapes}"], capture_output=True, text=True)
    if done.returncode and "static" in done.stderr + done.stdout:  # a model of fixed shapes takes no --shapes
        start = time.perf_counter()
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return plan, time.perf_counter() - start


def openvino(model, shapes, batch, threads, seconds):
    return run.run_json([sys.executable, run.ROOT / "bench" / "lib" / "openvino_bench.py", model, threads, seconds, *shapes])


def measure(name, threads, args, folder):
    file, shapes, _ = run.SUITE[name]
    shapes = [s.format(b=1) for s in shapes]
    qdq = quantized(name, folder)
    fp32, seconds = build(name, file, threads, ["--noTF32"], folder, "fp32")
    fp16, _ = build(name, file, threads, ["--fp16"], folder, "fp16")
    int8, _ = build(name, file, threads, ["--int8", f"--calibData={folder / name}.npz"], folder, "int8")
    runs = {"session": (run.naru, file), "FP32": (run.naru, fp32), "FP16": (run.naru, fp16), "INT8": (run.naru, int8),
            "ORT FP32": (run.onnxruntime, file), "ORT INT8": (run.onnxruntime, qdq), "OpenVINO FP32": (openvino, file)}
    times = {column: [] for column in COLUMNS}
    for k in range(args.rounds):
        for column in COLUMNS if k % 2 == 0 else reversed(COLUMNS):
            call, model = runs[column]
            times[column].append(call(model, shapes, 1, threads, args.seconds)["results"][0]["median_ms"])

    def ratio(a, b):
        return f"{statistics.median(x / y for x, y in zip(times[a], times[b])):.2f}"

    return [name, threads, f"{seconds:.1f}", *[run.number(statistics.median(times[c])) for c in COLUMNS],
            ratio("FP32", "session"), ratio("FP32", "ORT FP32"), ratio("FP32", "OpenVINO FP32"), ratio("FP16", "ORT FP32"),
            ratio("INT8", "ORT FP32"), ratio("INT8", "ORT INT8")]


HEAD = ["model", "threads", "FP32 build s", *[f"{c} ms" for c in COLUMNS], "FP32 / session", "FP32 / ORT", "FP32 / OpenVINO",
        "FP16 / ORT FP32", "INT8 / ORT FP32", "INT8 / ORT INT8"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    lines = [run.line(HEAD), run.line(["---"] * len(HEAD))]
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models.split(","):
            for threads in map(int, args.threads.split(",")):
                lines.append(run.line(measure(name, threads, args, Path(folder))))
                print(lines[-1], flush=True)
    if args.write:
        top = [f"Command: `.venv-bench/bin/python bench/engine.py {' '.join(sys.argv[1:])}`, {args.rounds} rounds, batch 1; ratios: median over the rounds, under 1 is faster.",
               f"Machine: {run.cpu_model()}; levels: {run.cpu_levels()}.", ""]
        run.write_between_markers(args.write, "\n".join(top + lines), "engine")


main()
