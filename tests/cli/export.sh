# A module as an ONNX model: by default, with open axes and names, compared; what cannot be.
stable() { sed -E 's/worst difference [^(]*.*/worst difference N/'; }
m=$DATA/models
naru export "$DATA/smallcnn/smallcnn_script.pt" --input x=1x3x32x32 -o cnn.onnx
naru check cnn.onnx
naru export "$DATA/smallcnn/smallcnn_script.pt" --input input=1x3x32x32 --output-names logits \
    --dynamic-axes input:0=batch,2=height,3=width --opset 13 --verify --atol 2e-4 -o cnn.onnx | stable
naru verify cnn.onnx "$DATA/smallcnn/calls.npz" --calls 1,2 --rtol 1e-3 --atol 2e-4 | tail -1
naru info cnn.onnx | head -8
naru export "$DATA/smallcnn/smallcnn_trainmode.pt" --input x=2x3x32x32 --dynamic-axes x:0 --verify -o train.onnx | stable
naru export "$m/llama.pt" --input ids=2x5:int64 --input past_k=2x2x2x7x16 --input past_v=2x2x2x7x16 --output-names logits,k,v \
    --dynamic-axes ids:0=batch,1=new --dynamic-axes past_k:1=batch,3=past --dynamic-axes past_v:1=batch,3=past \
    --dynamic-axes k:3=total --verify --atol 1e-4 -o llama.onnx | stable
naru export "$m/router.pt" --input x=2x6 --input steps=scalar:int64 --output-names y,rounds --dynamic-axes x:0=n --opset 20 \
    --verify --json -o router.onnx | grep -v -E '"(worst_abs|weight_bytes)"' | sed -n '1,/seed/p'
naru export "$DATA/script/torch-2.15/control_loops.pt" --input n=scalar:int64 --verify -o loops.onnx | stable
naru export "$DATA/script/torch-2.15/tensor_complex.pt" --input x=2x8 -o complex.onnx
naru export "$DATA/script/torch-2.15/container_str.pt" --input s=scalar:int64 -o str.onnx
naru export "$m/lstm.pt" -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --input more=2 -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --output-names a,b,c,d -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --dynamic-axes ids:2=x -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --dynamic-axes ids -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --dynamic-axes idz:0=n -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --method backward -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64 --opset 99 -o lstm.onnx
naru export "$m/lstm.pt" --input ids=2x5:int64
naru export "$m/lstm.pt" --input ids=2x5:int64 -o /nowhere/lstm.onnx
naru export "$DATA/bad/good.onnx" --input x=1 -o out.onnx
ls
