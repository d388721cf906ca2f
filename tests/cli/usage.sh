# What a person meets first: help, version, misspelled commands and options.
naru
naru --version | sed 's/[0-9.]*$/N/'
naru chek "$DATA/bad/good.onnx"
naru frobnicate
naru check
naru check a b
naru info --jsno "$DATA/bad/good.onnx"
naru run "$DATA/bad/good.onnx" --seed
naru run "$DATA/bad/good.onnx" --seed=many
naru run "$DATA/bad/good.onnx" --seed -1
naru run "$DATA/bad/good.onnx" --json=yes
naru run -x
naru bench "$DATA/bad/good.onnx" --batch 1,two
naru bench "$DATA/bad/good.onnx" --batch 0
naru bench "$DATA/bad/good.onnx" --seconds -3
naru run "$DATA/bad/good.onnx" --threads 9999
naru run "$DATA/bad/good.onnx" --cpu pentium --shape x=1x3
naru run "$DATA/bad/good.onnx" --evaluator none --shape x=1x3
for c in info check run verify bench convert-version list; do
    echo "--- $c --help"
    "$NARU" $c --help | head -3
done
