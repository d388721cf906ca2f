"""Makes the broken models of this folder with the onnx package (any version since 1.16). Each is wrong in one way that
its name tells; `naru check` and the reader must say so. Run in this folder; the files are checked in."""
from onnx import TensorProto as T
from onnx import helper as h

X = h.make_tensor_value_info("x", T.FLOAT, ["n", 3])
Y = h.make_tensor_value_info("y", T.FLOAT, ["n", 3])


def save(name, nodes, inputs=(X,), outputs=(Y,), initializers=(), opset=17, ir=8, domain=""):
    graph = h.make_graph(list(nodes), name, list(inputs), list(outputs), list(initializers))
    model = h.make_model(graph, opset_imports=[h.make_opsetid(domain, opset)], ir_version=ir)
    model.producer_name = ""
    open(name + ".onnx", "wb").write(model.SerializeToString())


relu = lambda a, b, **k: h.make_node("Relu", [a], [b], **k)
save("good", [relu("x", "t", name="first"), relu("t", "y", name="second")])
save("out_of_order", [relu("t", "y", name="second"), relu("x", "t", name="first")])
save("cycle", [relu("b", "a", name="one"), relu("a", "b", name="two"), relu("a", "y", name="three")])
save("undefined_names", [h.make_node("Add", ["x", "nowhere"], ["t"], name="sum"), h.make_node("Add", ["t", "nothing"], ["y"], name="last")])
save("twice_defined", [relu("x", "y", name="one"), relu("x", "y", name="two")])
save("missing_output", [relu("x", "t", name="one")])
save("unknown_operator", [h.make_node("Frobnicate", ["x"], ["t"], name="f"), h.make_node("Relou", ["t"], ["y"], name="r")])
save("unknown_domain", [h.make_node("Thing", ["x"], ["y"], domain="com.example", name="thing")])
save("bad_attribute", [h.make_node("Flatten", ["x"], ["y"], axis=1, axes=2, name="flat")])
save("wrong_attribute_type", [h.make_node("Flatten", ["x"], ["y"], axis=1.5, name="flat")])
save("too_many_inputs", [h.make_node("Relu", ["x", "x"], ["y"], name="one")])
save("shape_clash", [h.make_node("Add", ["x", "w"], ["y"], name="sum")], initializers=[h.make_tensor("w", T.FLOAT, [4], [1, 2, 3, 4])])
save("type_clash", [h.make_node("Add", ["x", "w"], ["y"], name="sum")], initializers=[h.make_tensor("w", T.INT64, [3], [1, 2, 3])])
save("short_weights", [h.make_node("Add", ["x", "w"], ["y"], name="sum")],
     initializers=[T(name="w", data_type=T.FLOAT, dims=[3], raw_data=b"\0" * 8)])
save("negative_dim", [h.make_node("Add", ["x", "w"], ["y"], name="sum")],
     initializers=[T(name="w", data_type=T.FLOAT, dims=[-3], raw_data=b"\0" * 12)])
save("absurd_dims", [h.make_node("Add", ["x", "w"], ["y"], name="sum")],
     initializers=[T(name="w", data_type=T.FLOAT, dims=[2**40, 2**40], raw_data=b"\0" * 12)])


def external(name, location, **extra):
    w = T(name="w", data_type=T.FLOAT, dims=[3], data_location=T.EXTERNAL)
    for key, value in dict(location=location, **extra).items():
        w.external_data.add(key=key, value=value)
    save(name, [h.make_node("Add", ["x", "w"], ["y"], name="sum")], initializers=[w])


external("external_outside", "../../../../etc/passwd")
external("external_absolute", "/etc/passwd")
external("external_missing", "no_such_file.bin")
external("external_long", "make.py", offset="0", length="999999999999")
external("external_past_end", "make.py", offset="999999999", length="12")
save("future_opset", [relu("x", "y", name="one")], opset=1000)
save("future_ir", [relu("x", "y", name="one")], ir=99)


def nest(depth):
    graph = h.make_graph([relu("x", "y0")], "leaf", [], [h.make_tensor_value_info("y0", T.FLOAT, None)])
    for k in range(depth):
        node = h.make_node("If", ["c"], [f"y{k + 1}"], then_branch=graph, else_branch=h.make_graph([relu("x", "e")], "e", [], [h.make_tensor_value_info("e", T.FLOAT, None)]))
        graph = h.make_graph([node], f"g{k}", [], [h.make_tensor_value_info(f"y{k + 1}", T.FLOAT, None)])
    return graph


deep = nest(300)
deep.input.extend([X, h.make_tensor_value_info("c", T.BOOL, [])])
deep.output[0].CopyFrom(h.make_tensor_value_info("y300", T.FLOAT, ["n", 3]))
open("deep_nesting.onnx", "wb").write(h.make_model(deep, opset_imports=[h.make_opsetid("", 17)], ir_version=8).SerializeToString())
