# Wrong name, type, rank, dimension, missing input, unreadable file.
good=$DATA/bad/good.onnx
cnn=$DATA/smallcnn/smallcnn_static.onnx
dyn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
calls=$DATA/smallcnn/calls.npz
naru run "$dyn"
naru run "$good" --shape X1=1x3
naru run "$good" --shape x=1x4
naru run "$good" --shape x=3
naru run "$good" --shape x=1x3:int64
naru run "$good" --shape x=1x3:flaot
naru run "$good" --shape 1x3
naru run "$good" --shape x=1x-3
naru run "$good" --shape x=1x3,x=2x3
naru run "$good" --input input=x.npy
naru run "$good" --input x
naru run "$good" --input x=nothing.npy
naru run "$good" --input x=nothing.bin
naru run "$good" --input "x=$calls"
naru run "$good" --input "x=$calls:c0_in_imput"
naru run "$good" --input "x=$calls:c0_in_input"
naru run "$good" --output z=z.npy
naru run "$good" --output y=/nowhere/y.npy --shape x=1x3
naru run "$cnn" --input "input=$calls:c1_in_input"
naru run "$cnn" --batch 2
naru run "$DATA/bad/unknown_operator.onnx"
naru run "$DATA/bad/undefined_names.onnx"
naru run "$DATA/bad/type_clash.onnx"
naru run "$DATA/bad/shape_clash.onnx"
naru run "$DATA/bad/cycle.onnx"
naru run "$DATA/bad/external_outside.onnx"
naru run nothing.onnx
printf '\0\0\200\77' >short.raw
naru run "$good" --input x=short.raw --shape x=1x3
