# The command lines of trtexec tutorials on SmallCNN: a dynamic-shape FP16 build, a load-and-test run. Times vary, the
# words do not.
steady() { sed -E 's/^\[[0-9/:-]+\]/[T]/; s/[0-9][-0-9.e+]* (ms|s|qps|sec\.|MiB)/N \1/g; s/level (ref|avx2|avx512|avx512vnni|avx512bf16|avx512fp16|amx), [0-9]+ threads?/level L, N threads/; s/= [0-9.]+ ms/= N ms/g; s/[0-9]+ (queries|layers)/N \1/; s/Naru v[0-9.]+/Naru vN/' | grep -v "Average on\|GPU Compute Time varies\|FP16 is permitted\|layers run in FP16\|differ from FP32's"; }
cnn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
fast="--duration=0 --iterations=10 --warmUp=0"
naru exec --onnx=$cnn --minShapes=input:1x3x28x28 --optShapes=input:2x3x28x28 --maxShapes=input:4x3x32x32 --fp16 --saveEngine=model.plan --workspace=4096 --explicitBatch $fast | steady
naru exec --loadEngine=model.plan --shapes=input:3x3x30x30 --useCudaGraph $fast | steady
naru run model.plan --shape input=1x3x28x28 --seed 3 | sed -E 's/  min.*//'
naru run model.plan --shape input=1x3x64x64
naru verify model.plan $cnn --shape input=2x3x28x28 --rtol 1e-2 --atol 1e-2 | sed -E 's/: .*//'
naru info model.plan | sed -E 's/Naru [0-9.]+, CPU level [a-z0-9]+/Naru N, CPU level L/; s/(weights|activations at most|file) [0-9.]+ [kMG]?B/\1 N/g; /^  +[0-9]+  |^error:/d'
naru bench model.plan --shape input=1x3x28x28 --seconds 0 | sed -E 's/[0-9]+\.[0-9]+/N/g; s/ +/ /g; s/ [0-9]+ N/ T N/'

echo "--- a TorchScript module"
naru exec --onnx=$DATA/models/mobile.pt --minShapes=image:1x3x64x64 --optShapes=image:2x3x64x64 --maxShapes=image:4x3x64x64 --skipInference --saveEngine=pt.plan | steady | tail -1
"$NARU" info pt.plan | sed -n 2,6p

echo "--- files"
naru exec --loadEngine=model.plan $fast --exportTimes=t.json --exportProfile=p.json --exportOutput=o.json \
    --exportLayerInfo=l.json --saveOutputs=logits:o.npy --dumpRawBindingsToFile >/dev/null
python3 - <<'P'
import json
t, p, o, l = (json.load(open(f + ".json")) for f in "tpol")
print(sorted(t[0]))
print(sorted(p[0]), sorted(p[1]), abs(sum(x["percentage"] for x in p[1:]) - 100) < 0.01)
print(o[0]["name"], o[0]["dimensions"], len(o[0]["values"]))
print(sorted(k for k in l if k != "Error"), sorted(l["Layers"][0]))
print([x["Origin"] for x in l["Layers"] if x["LayerType"] == "naru::FusedConv"])
P
ls *.raw *.npy

echo "--- precisions: what is lowered depends on the CPU"
lines() { sed -E 's/^\[[0-9/:-]+\]/[T]/' | grep -E "layer '|no node|Accuracy|Errors are|stays|was asked|no effect|\[E\]|&&&& (PASSED|FAILED)" | sed -E 's/(&&&& [A-Z]+).*/\1/'; }
ask="--onnx=$cnn --shapes=input:2x3x28x28 --skipInference"
python3 - <<'P'
import struct, zipfile  # 6 samples of small floats
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 3, 28, 28), }".ljust(117) + "\n"
data = b"".join(struct.pack("<f", i % 97 / 97) for i in range(6 * 3 * 28 * 28))
with zipfile.ZipFile("s.npz", "w") as z: z.writestr("input.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + data)
P
naru exec $ask --best --accuracy=1e-9 --calibData=s.npz --saveEngine=high.plan | lines | grep -v "stays in FP32: .* is above the limit of 1e-09$"
"$NARU" info high.plan | grep -c "BF16\|FP16"
naru exec $ask --layerPrecisions=/GlobalAveragePool:fp16 --precisionConstraints=obey | lines
naru exec $ask --layerPrecisions=/GlobalAveragePool:fp16 --layerOutputTypes=/head/Gemm:fp16 --precisionConstraints=prefer | lines
naru exec $ask --layerPrecisions=/GlobalAveragePool:fp16 | lines
naru exec $ask "--layerPrecisions=/conv*:fp32,'/head/Gemm':int8" --precisionConstraints=obey | lines
naru exec $ask --layerPrecisions=/conv1/Conf:fp32 --precisionConstraints=obey | lines
naru exec $ask --layerPrecisions=/conv1/Conv:fp64 | lines
naru exec $ask --layerOutputTypes=/conv1/Conv:fp32+ | lines
naru exec $ask --precisionConstraints=always | lines
naru exec $ask --accuracy=-1 | lines
naru exec $ask --bf16 --calibData=nothing.npz | lines

echo "--- inputs from files"
head -c 18816 "$cnn" | tr '\0-\377' '\0-\77\0-\77\0-\77\0-\77' >in.raw # small positive floats
naru run model.plan --input input=in.raw --shape input=2x3x28x28 --output logits=want.npy >/dev/null
naru exec --loadEngine=model.plan $fast --loadInputs=input:in.raw --saveOutputs=logits:got.npy >/dev/null
cmp got.npy want.npy && echo "the same outputs"
head -c 100 in.raw >short.raw
naru exec --loadEngine=model.plan $fast --loadInputs=input:short.raw 2>&1 | tail -3 | steady
