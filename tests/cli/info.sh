naru info "$DATA/smallcnn/smallcnn_dynamic_op17.onnx"
naru info "$DATA/smallcnn/smallcnn_nofold_train.onnx"
naru info --json "$DATA/bad/good.onnx"
naru info "$DATA/bad/undefined_names.onnx"
naru info "$DATA/bad/external_outside.onnx"
naru info nothing.onnx
