# Real models at other opsets give what was recorded for them; what cannot be said is told whole, and nothing is written.
for v in 13 17 20 28; do
    naru convert-version "$DATA/models/encoder_dynamo.onnx" --opset $v -o encoder.onnx
    quiet verify encoder.onnx "$DATA/models/encoder.npz"
done
naru convert-version "$DATA/models/lstm_op13.onnx" --opset=21 --output lstm.onnx --external
naru check lstm.onnx
quiet verify lstm.onnx "$DATA/models/lstm.npz"
ls
naru convert-version "$DATA/convert/many.onnx" --opset 13 -o many.onnx
naru convert-version "$DATA/convert/many.onnx" --opset 18 -o many.onnx
naru convert-version "$DATA/convert/many.onnx" --opset 28 -o many.onnx
naru convert-version "$DATA/convert/scan.onnx" --opset 13 -o scan.onnx
quiet verify scan.onnx "$DATA/convert/scan.onnx"
naru convert-version "$DATA/models/lstm_op13.onnx" --opset 12 -o x.onnx
naru convert-version "$DATA/models/lstm_op13.onnx" --opset 29 -o x.onnx
naru convert-version "$DATA/models/lstm_op13.onnx" --opset 13
naru convert-version "$DATA/models/lstm_op13.onnx" -o x.onnx
naru convert-version "$DATA/models/lstm_op13.onnx" --opset 13 -o no/such/folder/x.onnx
naru convert-version "$DATA/bad/undefined_names.onnx" --opset 13 -o x.onnx
naru convert-version nothing.onnx --opset 13 -o x.onnx
naru convert-version --help
ls
