# The files that trtexec users' scripts read: shapes and sense of --exportTimes, Profile, Output and LayerInfo.
cnn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
"$NARU" exec --onnx=$cnn --minShapes=input:1x3x28x28 --optShapes=input:2x3x28x28 --maxShapes=input:4x3x32x32 --fp16 --saveEngine=m.plan \
    --warmUp=0 --duration=0 --iterations=12 --exportTimes=t.json --exportProfile=p.json --exportOutput=o.json --exportLayerInfo=l.json --saveOutputs=logits:o.npy 2>/dev/null | tail -1 | cut -c1-11
"$NARU" exec --onnx=$DATA/quant/smallcnn_qdq_minmax_u8.onnx --shapes=input:1x3x8x8 --skipInference --exportLayerInfo=q.json 2>/dev/null | tail -1 | cut -c1-11
"$NARU" exec --onnx=$DATA/models/detector_op17.onnx --shapes=image:1x3x64x64 --duration=0 --iterations=1 --exportOutput=d.json 2>/dev/null | tail -1 | cut -c1-11
python3 - <<'P'
import json, struct

def load(name):
    with open(name + ".json", encoding="utf-8") as f:
        return json.load(f)

def near(a, b):
    return abs(a - b) < 1e-6 + 1e-6 * abs(b)

times = load("t")
assert isinstance(times, list) and len(times) >= 12
for q in times:
    assert set(q) == {"startEnqMs", "endEnqMs", "startH2dMs", "endH2dMs", "startComputeMs", "endComputeMs", "startD2hMs",
                      "endD2hMs", "h2dMs", "computeMs", "d2hMs", "latencyMs"}
    assert all(isinstance(v, (int, float)) and v >= 0 for v in q.values())
    assert near(q["endH2dMs"] - q["startH2dMs"], q["h2dMs"]) and near(q["endD2hMs"] - q["startD2hMs"], q["d2hMs"])
    assert near(q["endComputeMs"] - q["startComputeMs"], q["computeMs"])
    assert near(q["latencyMs"], q["h2dMs"] + q["computeMs"] + q["d2hMs"])
starts = [q["startComputeMs"] for q in times]
assert starts == sorted(starts)

profile = load("p")
assert profile[0] == {"count": 12}
for layer in profile[1:]:
    assert list(layer) == ["name", "timeMs", "averageMs", "medianMs", "percentage"]
    assert near(layer["averageMs"] * 12, layer["timeMs"]) and layer["medianMs"] >= 0
assert near(sum(x["percentage"] for x in profile[1:]), 100)

output = load("o")
assert [list(x) for x in output] == [["name", "dimensions", "values"]]
assert output[0]["name"] == "logits" and output[0]["dimensions"] == "2x10"
with open("o.npy", "rb") as f:
    raw = f.read()[-80:]
assert all(near(a, b) for a, b in zip(output[0]["values"], struct.unpack("<20f", raw)))
for x in load("d"):
    n = 1
    for d in x["dimensions"].split("x") if x["dimensions"] else []:
        n *= int(d)
    assert len(x["values"]) == n, x["name"]

for name in "l", "q":
    info = load(name)
    assert info["Bindings"] == ["input", "logits"]
    assert [l["Name"] for l in info["Layers"]] and len({l["Name"] for l in info["Layers"]}) > 1
    for l in info["Layers"]:
        assert {"Name", "LayerType", "Inputs", "Outputs", "ParameterType", "TacticName", "TacticValue", "StreamId",
                "Metadata"} <= set(l), l
        int(l["TacticValue"], 16)
        for t in l["Inputs"] + l["Outputs"]:
            assert set(t) == {"Name", "Location", "Dimensions", "Format/Datatype"}, t
            assert all(isinstance(d, int) for d in t["Dimensions"])
    for t in info["I/O Tensors"]:
        assert {"Name", "IOMode", "DataType", "Dimensions", "Location"} <= set(t)
    shapes = info["I/O Tensors"][0]["ProfileInfo"][0]
    assert set(shapes) >= {"MinShape", "OptShape", "MaxShape"}
info = load("l")
assert info["I/O Tensors"][0]["ProfileInfo"] == [{"MinShape": [1, 3, 28, 28], "OptShape": [2, 3, 28, 28], "MaxShape": [4, 3, 32, 32]}]
assert [p["name"] for p in profile[1:]] == [l["Name"] for l in info["Layers"]]
assert any("[ONNX Layer: /conv1/Conv]" in l["Metadata"].split("\x1e") for l in info["Layers"])
print("as trtexec writes them")
P
