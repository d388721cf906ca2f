# Inputs and outputs from and to files of each kind.
model=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
calls=$DATA/smallcnn/calls.npz
rounded() { sed -E 's/(-?[0-9]+\.[0-9])[0-9]*/\1/g'; }
naru run "$model" --input "input=$calls:c1_in_input" --output logits=a.npy | rounded
naru run "$model" --input="input=$calls:c1_in_input" --output=logits=b.pb --output logits=c.raw | rounded
naru run "$model" --input "input=$calls:c1_in_input" --output-dir out | rounded
cmp a.npy out/logits.npy && tail -c 80 a.npy | cmp - c.raw && echo "same content"
stat -c '%n %s' b.pb c.raw
# Random inputs are the same for the same seed.
naru run "$DATA/bad/good.onnx" --shape x=2x3 --seed 7 --output y=s1.npy >/dev/null
naru run "$DATA/bad/good.onnx" --shape x=2x3 --seed 7 --output y=s2.npy >/dev/null
naru run "$DATA/bad/good.onnx" --shape x=2x3 --seed 8 --output y=s3.npy >/dev/null
cmp s1.npy s2.npy && ! cmp -s s1.npy s3.npy && echo "seeds do what they should"
# A raw file, described by --shape.
printf '\0\0\200\77\0\0\0\300\0\0\100\100' >x.raw
naru run "$DATA/bad/good.onnx" --input x=x.raw --shape x=1x3 --threads 1
naru run "$DATA/bad/good.onnx" --input x=x.raw --shape x=1x3 --evaluator reference --json | sed -E 's/"run_ms": [0-9.e-]+/"run_ms": N/'
naru run "$DATA/bad/good.onnx" --batch 5 --json | grep -A3 '"shape"'
