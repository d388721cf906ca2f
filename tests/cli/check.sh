# Every error, not the first; each with a code, a place and, where there is one, advice.
for f in "$DATA"/bad/*.onnx; do naru check "$f"; done
naru check nothing.onnx
naru check .
echo "not a model" >text.onnx
naru check text.onnx
: >empty.onnx
naru check empty.onnx
naru check --json "$DATA/bad/good.onnx"
naru check --json "$DATA/bad/undefined_names.onnx"
naru check --json nothing.onnx 2>/dev/null
