# Recorded calls, suite folders, a second model. Differences in the last digits are not shown.
stable() { sed -E 's/worst difference [^;]*;/worst difference N;/; s/all [0-9]+ elements are equal/N/; s/: N$/: worst difference N; small/'; }
dyn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
static=$DATA/smallcnn/smallcnn_static.onnx
calls=$DATA/smallcnn/calls.npz
naru verify "$dyn" "$calls" --rtol 1e-3 --atol 2e-4 | stable
naru verify "$static" "$calls" --rtol 1e-3 --atol 2e-4 --calls 0 | stable
naru verify "$static" "$calls" --rtol 1e-3 --atol 2e-4 | stable
naru verify "$DATA/smallcnn/smallcnn_nofold_train.onnx" "$calls" --calls 0 | stable
naru verify "$dyn" "$calls" --calls 0,9
naru verify "$dyn" "$calls" --calls 0 --rtol 0 --atol 0 --json | grep -E '"(ok|compared|disagreeing|name|count)"'
naru verify "$dyn" "$DATA/quant/recorded.npz"
naru verify "$dyn" "$DATA/models/vit.npz" | stable
naru verify "$dyn" "$DATA/smallcnn/smallcnn_dynamic_op13.onnx" --shape input=1x3x40x40 | stable
naru verify "$dyn" "$dyn" --evaluator reference --shape input=2x3x20x24 --seed 3 | stable
naru verify "$dyn" "$DATA/smallcnn/smallcnn_dynamic_op13.onnx"
naru verify "$dyn" "$DATA/bad/good.onnx" --shape input=1x3x40x40
naru verify "$dyn" nothing.npz
naru verify "$dyn" nothing.onnx
