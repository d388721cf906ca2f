# Recorded calls of archives: JSON and .npz; what disagrees.
stable() { sed -E 's/worst difference [^(]*.*/worst difference N/'; }
suite=$DATA/script/torch-2.15
naru verify "$suite/error_raise.pt" "$suite/error_raise.json"
naru verify "$suite/module_state.pt" "$suite/module_state.json" | stable
naru verify "$suite/type_enum.pt" "$suite/type_enum.json" --json
naru verify "$suite/type_enum.pt" "$suite/control_loops.json"
naru verify "$DATA/models/llama.pt" "$DATA/models/llama.npz" | stable
naru verify "$DATA/smallcnn/smallcnn_trainmode.pt" "$DATA/smallcnn/calls.npz" --calls 1 | stable
naru verify "$DATA/models/vit.pt" "$DATA/models/lstm.npz" | head -3
