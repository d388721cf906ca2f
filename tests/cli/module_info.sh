# What an archive holds, and what its reader is warned of.
naru info "$DATA/smallcnn/smallcnn_script.pt"
naru info "$DATA/smallcnn/smallcnn_trainmode.pt"
naru info "$DATA/smallcnn/torch113.ptl" | head -2
naru info "$DATA/script/torch-2.15/type_optional.pt"
naru info --json "$DATA/models/router.pt"
naru check "$DATA/models/llama.pt"
naru check "$DATA/smallcnn/smallcnn_trainmode.pt"
naru check --json "$DATA/smallcnn/smallcnn_trainmode.pt"
