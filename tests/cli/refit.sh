# Other weights for a plan: from a model of the same structure, into whole plans and into plans without weights.
cnn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
shapes="--minShapes=input:1x3x28x28 --optShapes=input:2x3x28x28 --maxShapes=input:4x3x28x28"
steady() { sed -E 's/^\[[0-9/:-]+\]/[T]/; s/[0-9][-0-9.e+]* sec/N sec/'; }
python3 - "$cnn" <<'P'
import sys
model = bytearray(open(sys.argv[1], "rb").read())
model[len(model) // 2] ^= 1 # a weight: nothing else is so long
open("other.onnx", "wb").write(model)
P
build() { # MODEL PLAN OPTIONS
    "$NARU" exec --onnx="$1" --saveEngine="$2" $shapes --builderOptimizationLevel=1 --skipInference "${@:3}" >/dev/null || echo FAILED
}
outputs() { # FILE OPTIONS: and what is said of refitting
    "$NARU" exec --duration=0 --iterations=1 --warmUp=0 --shapes=input:2x3x28x28 --saveOutputs=logits:"$1" "${@:2}" 2>&1 |
        grep -i "refit\|weights differed\|\[E\]\|model is\|FAILED" | sed -E "/^&&&& RUNNING/d; s/^(&&&& [A-Z]+).*/\1/" | steady
}
build $cnn whole.plan
build other.onnx other.plan
build $cnn strict.plan --stripWeights
build $cnn open.plan --stripWeights --refit
build $cnn all.plan --stripAllWeights
cmp open.plan all.plan && echo "--stripAllWeights is --stripWeights --refit"
outputs first.npy --loadEngine=whole.plan
outputs want.npy --loadEngine=other.plan
cmp -s first.npy want.npy && echo "the models give the same: this tests nothing"

echo "--- a whole plan"
outputs got.npy --loadEngine=whole.plan --refitFromOnnx=other.onnx
cmp got.npy want.npy && echo "as built from the other model"
echo "--- while it is built"
outputs got.npy --onnx=$cnn $shapes --builderOptimizationLevel=1 --refitFromOnnx=other.onnx
cmp got.npy want.npy && echo "as built from the other model"
echo "--- without weights"
outputs got.npy --loadEngine=open.plan --refitFromOnnx=other.onnx
cmp got.npy want.npy && echo "as built from the other model"
outputs got.npy --loadEngine=open.plan --refitFromOnnx=$cnn
cmp got.npy first.npy && echo "as built"
echo "--- refused"
outputs got.npy --loadEngine=strict.plan --refitFromOnnx=other.onnx | sed 's/.*plan: //'
outputs got.npy --loadEngine=open.plan --refitFromOnnx=$DATA/models/lstm_op17.onnx | sed 's/.*plan: //'
outputs got.npy --loadEngine=whole.plan --refitFromOnnx=$DATA/models/lstm_op17.onnx
echo "--- the weights"
"$NARU" exec --loadEngine=whole.plan --dumpRefit --skipInference | grep -A3 Refittable | steady
