"""What the peers' benchmarks share: random inputs, times, and the JSON of `naru bench`."""
import json
import time

import numpy as np

LEAST_RUNS = 3


def peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def random_array(dims, kind):
    """Of `naru bench`'s DIMS[:TYPE]: int64 zeros and ones, else float32 in [0, 1)."""
    shape = [] if dims == "scalar" else [int(d) for d in dims.split("x")]
    random = np.random.default_rng(0)
    return np.asarray(random.integers(0, 2, shape)) if kind == "int64" else random.random(shape, np.float32)


def split(spec):
    """NAME=DIMS[:TYPE] in its three parts."""
    name, rest = spec.split("=")
    dims, _, kind = rest.partition(":")
    return name, dims, kind


def milliseconds(action):
    start = time.perf_counter()
    result = action()
    return (time.perf_counter() - start) * 1e3, result


def repeated(action, seconds):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < LEAST_RUNS:
        times.append(milliseconds(action)[0])
    return sorted(times)


def report(threads, times, before, **more):
    result = {"threads": threads, "median_ms": times[len(times) // 2], "p90_ms": times[len(times) * 9 // 10],
              "min_ms": times[0], "runs": len(times)}
    print(json.dumps({**more, "peak_rss_mb": peak_mb(), "before_rss_mb": before, "results": [result]}))
