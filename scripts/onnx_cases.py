"""Writes the conformance suites of the installed onnx package as folders of one form.

OUT/SUITE/CASE/{model.onnx, tolerance.txt, input_K.pb, output_K.pb}, SUITE one of node, simple, pytorch-converted,
pytorch-operator, light. The node suite exists only as code in the package and is computed here; the light networks'
input is defined as arange(n)/n. tolerance.txt holds "rtol atol".
"""
import json
import shutil
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import model as model_cases
from onnx.backend.test.case import node as node_cases

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
TO_PROTO = {
    "tensor_type": numpy_helper.from_array,
    "sequence_type": numpy_helper.from_list,
    "optional_type": numpy_helper.from_optional,
    "map_type": numpy_helper.from_dict,
}


def new_case(out, suite, name, rtol, atol):
    folder = out / suite / name
    folder.mkdir(parents=True)
    (folder / "tolerance.txt").write_text(f"{rtol!r} {atol!r}\n")
    return folder


def write_values(folder, kind, values, infos):
    for k, (value, info) in enumerate(zip(values, infos)):
        if not isinstance(value, onnx.TensorProto):
            value = TO_PROTO[info.type.WhichOneof("value")](value, info.name)
        (folder / f"{kind}_{k}.pb").write_bytes(value.SerializeToString())


def write_node_suite(out):
    for case in node_cases.collect_testcases(None):
        folder = new_case(out, "node", case.name, case.rtol, case.atol)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        (inputs, outputs), = case.data_sets
        write_values(folder, "input", inputs, case.model.graph.input)
        write_values(folder, "output", outputs, case.model.graph.output)


def copy_stored_suite(out, suite):
    for source in sorted((DATA / suite).iterdir()):
        if not (source / "model.onnx").exists():
            continue
        settings = source / "data.json"
        limits = json.loads(settings.read_text()) if settings.exists() else {}
        folder = new_case(out, suite, source.name, limits.get("rtol", 1e-3), limits.get("atol", 1e-7))
        shutil.copy(source / "model.onnx", folder)
        for f in sorted((source / "test_data_set_0").glob("*.pb")):
            shutil.copy(f, folder)


def write_light_suite(out):
    for case in model_cases.collect_testcases():
        if not (case.url or "").startswith("onnx/backend/test/data/light/"):
            continue
        source = DATA / "light" / f"light_{case.model_name}.onnx"
        folder = new_case(out, "light", case.name, case.rtol, case.atol)
        shutil.copy(source, folder / "model.onnx")
        graph = onnx.load(source).graph
        weights = {t.name for t in graph.initializer}
        inputs = [i for i in graph.input if i.name not in weights]
        shapes = [[d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in inputs]
        ramps = [(np.arange(np.prod(s), dtype=np.float64) / np.prod(s)).astype(np.float32).reshape(s) for s in shapes]
        write_values(folder, "input", ramps, inputs)
        for k in range(len(graph.output)):
            shutil.copy(source.with_name(f"{source.stem}_output_{k}.pb"), folder / f"output_{k}.pb")


def main():
    out = Path(sys.argv[1])
    write_node_suite(out)
    for suite in ("simple", "pytorch-converted", "pytorch-operator"):
        copy_stored_suite(out, suite)
    write_light_suite(out)
    counts = {d.name: sum(1 for _ in d.iterdir()) for d in sorted(out.iterdir())}
    print("onnx-cases:", ", ".join(f"{n} {s}" for s, n in counts.items()))


main()
