# SPDX-License-Identifier: MIT
# Writes, with the onnx package, many.onnx: things that older opsets cannot say, one of them in a body, and some they can;
# and scan.onnx: a running product, which older opsets say by a Scan, and training, which they spell out.
import os

from onnx import TensorProto, checker, helper, save

F, I = TensorProto.FLOAT, TensorProto.INT64
info = helper.make_tensor_value_info


def body(op, **attrs):
    nodes = [helper.make_node(op, ["x", "at", "x"], ["y_" + op], name="inner_" + op, **attrs)]
    return helper.make_graph(nodes, op, [], [info("y_" + op, F, [1, 2, 4, 4])])


nodes = [
    helper.make_node("Gelu", ["x"], ["g"], name="gelu"),
    helper.make_node("Resize", ["g", "", "scales"], ["small"], name="shrink", mode="linear", antialias=1),
    helper.make_node("BitwiseAnd", ["at", "at"], ["bits"], name="and"),
    helper.make_node("If", ["cond"], ["y"], name="choice",
                     then_branch=body("ScatterElements", reduction="max", axis=1),
                     else_branch=body("ScatterElements", reduction="none", axis=1)),
]
nodes[3].attribute[1].g.node[0].output[0] = nodes[3].attribute[1].g.output[0].name = "y_none"
graph = helper.make_graph(
    nodes, "many",
    [info("x", F, [1, 2, 4, 4]), info("at", I, [1, 2, 4, 4]), info("cond", TensorProto.BOOL, [])],
    [info("small", F, [1, 2, 2, 2]), info("bits", I, [1, 2, 4, 4]), info("y", F, [1, 2, 4, 4])],
    [helper.make_tensor("scales", F, [4], [1, 1, 0.5, 0.5])])

scan = helper.make_graph(
    [helper.make_node("CumProd", ["x", "axis"], ["y"], name="product"),
     helper.make_node("BatchNormalization", ["y", "c", "c", "c", "c"], ["z", "m", "v"], name="norm", training_mode=1)],
    "scan", [info("x", F, [2, 3, 4])], [info("z", F, [2, 3, 4]), info("m", F, [3]), info("v", F, [3])],
    [helper.make_tensor("axis", I, [], [2]), helper.make_tensor("c", F, [3], [1, 2, 3])])


def write(name, graph, opset, ir):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    checker.check_model(model, full_check=True)
    save(model, os.path.join(os.path.dirname(os.path.abspath(__file__)), name))


write("many.onnx", graph, 20, 9)
write("scan.onnx", scan, 26, 13)
