# The numbers vary; the form does not.
numbers() { sed -E 's/[0-9]+\.[0-9]+/N/g; s/ +/ /g; s/ [0-9]+$/ R/'; }
good=$DATA/bad/good.onnx
naru bench "$good" --batch 1,4 --threads 1,2 --seconds 0 | numbers
naru bench "$good" --batch 2 --threads 1 --seconds 0 --json | sed -E 's/: [0-9.e-]+(,?)$/: N\1/'
naru bench "$DATA/smallcnn/smallcnn_static.onnx" --batch 2 --seconds 0
naru bench "$DATA/smallcnn/smallcnn_dynamic_op17.onnx" --seconds 0
naru bench "$DATA/bad/unknown_operator.onnx" --seconds 0
naru bench nothing.onnx
