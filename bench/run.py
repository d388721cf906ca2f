"""Naru beside ONNX Runtime (or PyTorch, on TorchScript archives): the same models, inputs' shapes and threads, in
alternating pairs of fresh processes.

usage: .venv-bench/bin/python bench/run.py [--quick] [--pairs N] [--seconds S] [--models a,b] [--batch 1,8]
                                           [--threads 1,2] [--peer ort|torch] [--write FILE.md]
Prints a Markdown table; --write puts it, with the command and the machine, between the peer's markers of FILE.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = Path(os.environ.get("NARU_BENCH_MODELS", ROOT / "build" / "bench-models"))
DATA = ROOT / "tests" / "data"
IMAGE = ["input={b}x3x224x224"]
SUITE = {  # name: (file, shapes of the inputs for batch b, whether the batch may change)
    "smallcnn": (DATA / "smallcnn" / "smallcnn_dynamic_op17.onnx", IMAGE, True),
    "resnet18": (MODELS / "resnet18.onnx", IMAGE, True),
    "resnet50": (MODELS / "resnet50.onnx", IMAGE, True),
    "mobilenetv2": (MODELS / "mobilenetv2.onnx", IMAGE, True),
    "bert_base": (MODELS / "bert_base.onnx", ["input_ids={b}x128:int64", "attention_mask={b}x128:int64"], True),
    "vit_b_16": (MODELS / "vit_b_16.onnx", IMAGE, True),
    "lstm": (MODELS / "lstm.onnx", ["input={b}x64x512"], True),
    "silero": (DATA / "silero" / "silero_vad_16k_op15.onnx", ["input={b}x576", "state=2x{b}x128", "sr=scalar:int64"], False),
}
SCRIPTS = {  # the same for TorchScript archives
    "smallcnn": (DATA / "smallcnn" / "smallcnn_script.pt", IMAGE, True),
    "resnet18": (MODELS / "resnet18.pt", IMAGE, True),
    "resnet50": (MODELS / "resnet50.pt", IMAGE, True),
    "mobilenetv2": (MODELS / "mobilenetv2.pt", IMAGE, True),
    "bert_base": (MODELS / "bert_base.pt", ["input_ids={b}x128:int64", "attention_mask={b}x128:int64"], True),
    "vit_b_16": (MODELS / "vit_b_16.pt", IMAGE, True),
    "lstm": (MODELS / "lstm.pt", ["input={b}x64x512"], True),
    "silero": (DATA / "silero" / "silero_vad.jit", ["x={b}x512", "sr=int:16000"], False),
}


def run_json(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def naru(model, shapes, batch, threads, seconds):
    specs = [a for s in shapes for a in ("--input" if "=int:" in s else "--shape", s)]
    return run_json([ROOT / "build" / "naru", "bench", model, *specs, "--threads", threads, "--seconds", seconds, "--json"])


def onnxruntime(model, shapes, batch, threads, seconds):
    return run_json([sys.executable, ROOT / "bench" / "lib" / "ort_bench.py", model, threads, seconds, *shapes])


def pytorch(model, shapes, batch, threads, seconds):
    return run_json([sys.executable, ROOT / "bench" / "lib" / "torch_bench.py", model, threads, seconds, *shapes])


PEERS = {"ort": (SUITE, onnxruntime, "ORT"), "torch": (SCRIPTS, pytorch, "PyTorch")}


def measure(name, batch, threads, args):
    """Medians over the pairs; the ratio is the median of the pairs' ratios."""
    suite, peer, _ = PEERS[args.peer]
    file, shapes, _ = suite[name]
    shapes = [s.format(b=batch) for s in shapes]
    pairs = []
    for k in range(args.pairs):
        order = (naru, peer) if k % 2 == 0 else (peer, naru)
        answers = {f: f(file, shapes, batch, threads, args.seconds) for f in order}
        pairs.append((answers[naru], answers[peer]))

    def median(value):
        return [statistics.median(value(p[side]) for p in pairs) for side in (0, 1)]

    def latency(answer):
        return answer["results"][0]["median_ms"]

    return {
        "model": name, "batch": batch, "threads": threads, "pairs": args.pairs,
        "ms": median(latency),
        "ratio": statistics.median(latency(a) / latency(b) for a, b in pairs),
        "load_ms": median(lambda a: a["load_ms"]),
        "first_result_ms": median(lambda a: a["load_ms"] + a["first_ms"]),
        "peak_mb": median(lambda a: a["peak_rss_mb"]),
        "peak_less_python_mb": statistics.median(b["peak_rss_mb"] - b["before_rss_mb"] for _, b in pairs),
    }


def head(args):
    peer = PEERS[args.peer][2]
    return ["model", "batch", "threads", "Naru ms", f"{peer} ms", "ratio", f"load Naru / {peer} ms",
            f"load + first run Naru / {peer} ms", f"peak Naru / {peer} / {peer} less Python MB"]


def number(x):
    return f"{x:.3f}" if x < 10 else f"{x:.1f}" if x < 100 else f"{x:.0f}"


def pair(values):
    return " / ".join(number(v) for v in values)


def row(r):
    return [r["model"], r["batch"], r["threads"], number(r["ms"][0]), number(r["ms"][1]), f"{r['ratio']:.2f}",
            pair(r["load_ms"]), pair(r["first_result_ms"]), pair([*r["peak_mb"], r["peak_less_python_mb"]])]


def line(cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def cpu_model():
    for text in open("/proc/cpuinfo"):
        if text.startswith("model name"):
            return text.split(":", 1)[1].strip()
    return "unknown CPU"


def stripped_mb(path):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "-o", f.name, str(path)], check=True)
        return os.path.getsize(f.name) / 1e6


def library_sizes(args):
    if args.peer == "torch":
        import torch
        theirs = sum(os.path.getsize(f) for f in (Path(torch.__file__).parent / "lib").glob("libtorch_cpu.so"))
        return f"Library, stripped: Naru {stripped_mb(ROOT / 'build' / 'libnaru.so'):.2f} MB, PyTorch {torch.__version__} (libtorch_cpu.so alone) {theirs / 1e6:.0f} MB."
    import onnxruntime as ort
    theirs = max(os.path.getsize(f) for f in (Path(ort.__file__).parent / "capi").glob("*.so*"))
    return f"Library, stripped: Naru {stripped_mb(ROOT / 'build' / 'libnaru.so'):.2f} MB, ONNX Runtime {ort.__version__} {theirs / 1e6:.1f} MB."


def document(args, rows):
    top = [f"Command: `make bench{' BENCH_ARGS=' + repr(' '.join(sys.argv[1:])) if sys.argv[1:] else ''}`, "
            f"{args.pairs} alternating pairs of processes, medians; ratio: median over the pairs, under 1 is faster.",
            f"Machine: {cpu_model()}, {len(os.sched_getaffinity(0))} CPUs; levels: {cpu_levels()}.", library_sizes(args), ""]
    return "\n".join([*top, line(head(args)), line(["---"] * len(head(args))), *[line(row(r)) for r in rows]])


def cpu_levels():
    flags = next(text for text in open("/proc/cpuinfo") if text.startswith("flags")).split()
    return ", ".join(f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile") if f in flags)


def write_between_markers(path, text, peer):
    begin, end = f"<!-- table {peer} -->", f"<!-- end of table {peer} -->"
    before, rest = path.read_text().split(begin)
    path.write_text(before + begin + "\n\n" + text + "\n\n" + end + rest.split(end)[1])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 pairs of 0.3 s")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--peer", choices=list(PEERS), default="ort")
    parser.add_argument("--models")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    args.models = args.models or ",".join(PEERS[args.peer][0])
    args.pairs = args.pairs or (3 if args.quick else 10)
    args.seconds = args.seconds or (0.3 if args.quick else 1.0)
    return args


def main():
    args = arguments()
    rows, failed = [], []
    print(line(head(args)), line(["---"] * len(head(args))), sep="\n", flush=True)
    for name in args.models.split(","):
        for batch in map(int, args.batch.split(",")):
            for threads in map(int, args.threads.split(",")):
                if batch != 1 and not PEERS[args.peer][0][name][2]:
                    continue
                try:
                    rows.append(measure(name, batch, threads, args))
                    print(line(row(rows[-1])), flush=True)
                except RuntimeError as error:
                    failed.append(name)
                    print(f"{name}, batch {batch}, {threads} threads: {error}", file=sys.stderr)
    (ROOT / "build" / "bench.json").write_text(json.dumps(rows, indent=1))
    print("\n" + library_sizes(args))
    if args.write:
        write_between_markers(args.write, document(args, rows), args.peer)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
