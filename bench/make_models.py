"""Writes the models of the benchmark: the classic architectures with random weights, as an exporter writes them.

usage: make_models.py OUT [NAME...]     needs onnx and numpy; each model is written once
Batch norms are folded into convolutions, linear layers are MatMul + Add, attention and GELU are spelt out, views
take the batch from Shape. SmallCNN and silero are real models and come from tests/data instead.
"""
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 17, 8
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Builder:
    """Collects nodes and weights; every method that adds a node returns the name of its (first) output."""

    def __init__(self, name):
        self.name = name
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []

    def input(self, name, dtype, dims):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, value, name, dims):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, FLOAT, dims))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind.lower()}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def const(self, array):
        name = f"const_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values):
        return self.const(np.array(values, np.int64))

    def scalar(self, value, dtype=np.float32):
        return self.const(np.array(value, dtype))

    def normal(self, *dims, std):
        return self.const(self.random.standard_normal(dims, np.float32) * np.float32(std))

    def save(self, path):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="naru-bench")
        onnx.save(onnx.shape_inference.infer_shapes(model), path)

    def conv(self, x, cin, cout, kernel, stride=1, groups=1, gain=1.0):
        fan_in = cin // groups * kernel * kernel
        weight = self.normal(cout, cin // groups, kernel, kernel, std=gain * (2 / fan_in) ** 0.5)
        bias = self.normal(cout, std=0.05)
        return self.op("Conv", x, weight, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                       pads=[kernel // 2] * 4, dilations=[1, 1], group=groups)

    def linear(self, x, fan_in, fan_out):
        product = self.op("MatMul", x, self.normal(fan_in, fan_out, std=fan_in ** -0.5))
        return self.op("Add", self.normal(fan_out, std=0.02), product)

    def classifier(self, x, features, classes=1000):
        flat = self.op("Flatten", self.op("GlobalAveragePool", x), axis=1)
        weight, bias = self.normal(classes, features, std=features ** -0.5), self.normal(classes, std=0.02)
        self.output(self.op("Gemm", flat, weight, bias, transB=1), "logits", ["batch", classes])

    def layer_norm(self, x, width, epsilon):
        scale, bias = self.normal(width, std=0.1), self.normal(width, std=0.1)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def gelu(self, x):
        erf = self.op("Erf", self.op("Div", x, self.scalar(2 ** 0.5)))
        product = self.op("Mul", x, self.op("Add", erf, self.scalar(1)))
        return self.op("Mul", product, self.scalar(0.5))

    def view(self, x, *dims):
        """x.view(x.size(0), *dims), the way exporters write it"""
        batch = self.op("Gather", self.op("Shape", x), self.scalar(0, np.int64), axis=0)
        parts = [self.op("Unsqueeze", batch, self.ints(0))] + [self.ints(d) for d in dims]
        return self.op("Reshape", x, self.op("Concat", *parts, axis=0))

    def attention(self, q, k, v, seq, heads, width, mask=None):
        each = width // heads
        q = self.op("Transpose", self.view(q, seq, heads, each), perm=[0, 2, 1, 3])
        k = self.op("Transpose", self.view(k, seq, heads, each), perm=[0, 2, 3, 1])
        v = self.op("Transpose", self.view(v, seq, heads, each), perm=[0, 2, 1, 3])
        scores = self.op("Div", self.op("MatMul", q, k), self.scalar(each ** 0.5))
        if mask:
            scores = self.op("Add", scores, mask)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        return self.view(self.op("Transpose", mixed, perm=[0, 2, 1, 3]), seq, width)


def resnet(b, counts, bottleneck):
    def block(x, cin, cout, stride):
        mid = cout // 4 if bottleneck else cout
        if bottleneck:
            y = b.op("Relu", b.conv(x, cin, mid, 1))
            y = b.op("Relu", b.conv(y, mid, mid, 3, stride))
            y = b.conv(y, mid, cout, 1, gain=0.3)
        else:
            y = b.op("Relu", b.conv(x, cin, mid, 3, stride))
            y = b.conv(y, mid, cout, 3, gain=0.3)
        skip = x if cin == cout and stride == 1 else b.conv(x, cin, cout, 1, stride)
        return b.op("Relu", b.op("Add", y, skip))

    x = b.input("input", FLOAT, ["batch", 3, 224, 224])
    x = b.op("Relu", b.conv(x, 3, 64, 7, 2))
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=0)
    cin = 64
    for stage, count in enumerate(counts):
        cout = 64 * 2 ** stage * (4 if bottleneck else 1)
        for k in range(count):
            x = block(x, cin, cout, 2 if stage and k == 0 else 1)
            cin = cout
    b.classifier(x, cin)


def resnet18(b):
    resnet(b, [2, 2, 2, 2], False)


def resnet50(b):
    resnet(b, [3, 4, 6, 3], True)


def mobilenetv2(b):
    low, high = b.scalar(0), b.scalar(6)

    def relu6(x):
        return b.op("Clip", x, low, high)

    x = relu6(b.conv(b.input("input", FLOAT, ["batch", 3, 224, 224]), 3, 32, 3, 2))
    cin = 32
    for expand, cout, count, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                       (6, 160, 3, 2), (6, 320, 1, 1)):
        for k in range(count):
            stride, mid = first if k == 0 else 1, cin * expand
            y = relu6(b.conv(x, cin, mid, 1)) if expand > 1 else x
            y = relu6(b.conv(y, mid, mid, 3, stride, groups=mid))
            y = b.conv(y, mid, cout, 1, gain=0.5)
            x = b.op("Add", x, y) if stride == 1 and cin == cout else y
            cin = cout
    b.classifier(relu6(b.conv(x, cin, 1280, 1)), 1280)


def bert_base(b, seq=128, width=768, heads=12, layers=12, vocabulary=30522):
    ids = b.input("input_ids", INT64, ["batch", seq])
    mask = b.input("attention_mask", INT64, ["batch", seq])
    mask = b.op("Cast", b.op("Unsqueeze", mask, b.ints(1, 2)), to=FLOAT)
    mask = b.op("Mul", b.op("Sub", b.scalar(1), mask), b.scalar(-10000))
    words = b.op("Gather", b.normal(vocabulary, width, std=0.5), ids, axis=0)
    x = b.op("Add", words, b.normal(1, seq, width, std=0.5))
    x = b.layer_norm(x, width, 1e-12)
    for _ in range(layers):
        q, k, v = (b.linear(x, width, width) for _ in range(3))
        mixed = b.linear(b.attention(q, k, v, seq, heads, width, mask), width, width)
        x = b.layer_norm(b.op("Add", mixed, x), width, 1e-12)
        y = b.linear(b.gelu(b.linear(x, width, 4 * width)), 4 * width, width)
        x = b.layer_norm(b.op("Add", y, x), width, 1e-12)
    b.output(x, "last_hidden_state", ["batch", seq, width])


def vit_b_16(b, width=768, heads=12, layers=12):
    seq = 14 * 14 + 1
    x = b.input("input", FLOAT, ["batch", 3, 224, 224])
    weight, bias = b.normal(width, 3, 16, 16, std=0.03), b.normal(width, std=0.02)
    x = b.op("Conv", x, weight, bias, kernel_shape=[16, 16], strides=[16, 16], pads=[0] * 4, dilations=[1, 1], group=1)
    x = b.op("Transpose", b.view(x, width, seq - 1), perm=[0, 2, 1])
    batch = b.op("Gather", b.op("Shape", x), b.scalar(0, np.int64), axis=0)
    shape = b.op("Concat", b.op("Unsqueeze", batch, b.ints(0)), b.ints(1), b.ints(width), axis=0)
    token = b.op("Expand", b.normal(1, 1, width, std=0.5), shape)
    x = b.op("Add", b.op("Concat", token, x, axis=1), b.normal(1, seq, width, std=0.5))
    for _ in range(layers):
        joined = b.linear(b.layer_norm(x, width, 1e-6), width, 3 * width)
        q, k, v = b.op("Split", joined, b.ints(width, width, width), outputs=3, axis=-1)
        x = b.op("Add", x, b.linear(b.attention(q, k, v, seq, heads, width), width, width))
        y = b.gelu(b.linear(b.layer_norm(x, width, 1e-6), width, 4 * width))
        x = b.op("Add", x, b.linear(y, 4 * width, width))
    first = b.op("Gather", b.layer_norm(x, width, 1e-6), b.scalar(0, np.int64), axis=1)
    weight, bias = b.normal(1000, width, std=width ** -0.5), b.normal(1000, std=0.02)
    b.output(b.op("Gemm", first, weight, bias, transB=1), "logits", ["batch", 1000])


def lstm(b, steps=64, width=512, layers=2):
    x = b.op("Transpose", b.input("input", FLOAT, ["batch", steps, width]), perm=[1, 0, 2])
    batch = b.op("Unsqueeze", b.op("Gather", b.op("Shape", x), b.scalar(1, np.int64), axis=0), b.ints(0))
    shape = b.op("Concat", b.ints(1), batch, b.ints(width), axis=0)
    zeros = b.op("ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, np.float32)))
    for _ in range(layers):
        w, r = (b.normal(1, 4 * width, width, std=width ** -0.5) for _ in range(2))
        bias = b.normal(1, 8 * width, std=0.02)
        y, _, _ = b.op("LSTM", x, w, r, bias, "", zeros, zeros, outputs=3, hidden_size=width)
        x = b.op("Squeeze", y, b.ints(1))
    b.output(b.op("Transpose", x, perm=[1, 0, 2]), "output", ["batch", steps, width])


MODELS = {f.__name__: f for f in (resnet18, resnet50, mobilenetv2, bert_base, vit_b_16, lstm)}


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        path = out / f"{name}.onnx"
        if not path.exists():
            builder = Builder(name)
            MODELS[name](builder)
            builder.save(path.with_suffix(".tmp"))
            path.with_suffix(".tmp").rename(path)
        print(path)


main()
