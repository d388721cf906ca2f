# The real models are sound; what is odd about them is a warning.
naru check "$DATA/smallcnn/smallcnn_dynamic_op17.onnx"
naru check "$DATA/smallcnn/smallcnn_nofold_train.onnx"
naru check "$DATA/smallcnn/torch113_nofold_train.onnx"
naru check "$DATA/models/lstm_dynamo.onnx"
