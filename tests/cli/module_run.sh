# Inputs of every kind, by name and in order; results of every kind, told and saved.
numbers() { sed -E 's/"run_ms": [0-9.e-]+/"run_ms": N/; s/  min .*//'; }
calls=$DATA/smallcnn/calls.npz
cnn=$DATA/smallcnn/smallcnn_script.pt
naru run "$cnn" --input "x=$calls:c1_in_input" --output output=y.npy --output output=y.raw | numbers
stat -c '%n %s' y.npy y.raw
naru run "$cnn" --input "anything=$calls:c1_in_input" --json | numbers | grep -v -E '"(min|max|mean)"'
naru run "$cnn" --shape x=1x3x32x32 --batch 3 | numbers
naru run "$DATA/models/lstm.pt" --shape ids=2x5:int64 --output-dir out | numbers
ls out
suite=$DATA/script/torch-2.15
naru run "$suite/control_loops.pt" --input n=int:3
naru run "$suite/container_str.pt" --input 's=str:the quick brown fox' --input n=int:2 --json | numbers
naru run "$suite/type_optional.pt" --input x=none --input z=float:2.5 --output-dir optional
cat optional/output_2.npy | tail -c 8 | od -An -td8 | tr -d ' '
naru run "$suite/type_optional.pt" --input x=none --method helper
naru run "$suite/type_optional.pt" --input x=none --input 'y=json:[1, 2, 3]'
naru run "$suite/type_enum.pt" --input n=int:1
naru run "$suite/trace_dict.pt" --shape x=2x3 --shape y_0=2x3 --shape y_1=2x3 | numbers
naru run "$suite/type_class.pt" --input a=float:3 --input b=int:4 --output-dir class
cat class/output_3.json
naru run "$suite/container_dict.pt" --input 'd=json:{"dict": [["a", {"tensor": "float32", "shape": [2], "data": [1, 2]}]]}' \
    --input key=str:a | numbers
