# SPDX-License-Identifier: MIT
# Writes, without packages, swiglu.onnx: y[batch,4] = SwiGLU(x[batch,8], bias 0..7) of naru.example (examples/plugin), alpha 0.5;
# and swiglu.pt: a module whose forward calls torch.ops.naru_example.swiglu(x, None, 0.5), as torch.jit.save lays archives out.
import os
import struct
import zipfile

here = os.path.dirname(os.path.abspath(__file__))


def varint(v):
    out = b""
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def num(field, v):
    return varint(field << 3) + varint(v)


def msg(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def port(name, n):
    shape = msg(1, msg(2, "batch")) + msg(1, num(1, n))
    return msg(1, name) + msg(2, msg(1, num(1, 1) + msg(2, shape)))


alpha = msg(1, "alpha") + varint(2 << 3 | 5) + struct.pack("<f", 0.5) + num(20, 1)
node = msg(1, "x") + msg(1, "bias") + msg(2, "y") + msg(3, "gate") + msg(4, "SwiGLU") + msg(5, alpha) + msg(7, "naru.example")
bias = num(1, 8) + num(2, 1) + msg(8, "bias") + msg(9, struct.pack("<8f", *range(8)))
graph = msg(1, node) + msg(2, "gated") + msg(5, bias) + msg(11, port("x", 8)) + msg(12, port("y", 4))
model = num(1, 8) + msg(2, "naru") + msg(7, graph) + msg(8, msg(1, "") + num(2, 17)) + msg(8, msg(1, "naru.example") + num(2, 1))
open(os.path.join(here, "swiglu.onnx"), "wb").write(model)

code = """class Net(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return ops.naru_example.swiglu(x, None, 0.5)
"""
data = b"\x80\x02c__torch__\nNet\n)\x81}X\x08\x00\x00\x00training\x89sb."
with zipfile.ZipFile(os.path.join(here, "swiglu.pt"), "w", zipfile.ZIP_STORED) as z:
    for name, content in [("data.pkl", data), ("code/__torch__.py", code), ("constants.pkl", b"\x80\x02)."), ("version", "10\n")]:
        z.writestr(zipfile.ZipInfo("swiglu/" + name), content)
