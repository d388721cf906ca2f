# Files that are no modules, and say what they are; calls that cannot be.
cnn=$DATA/smallcnn/smallcnn_trace.pt
suite=$DATA/script/torch-2.15
echo 'no zip at all' >text.pt
: >empty.pt
naru info text.pt
naru info empty.pt
naru info nothing.pt
naru run "$DATA/torch/smallcnn_fp32.pth" --shape x=1
naru info "$DATA/torch/smallcnn_legacy.pth"
naru info "$DATA/torch/smallcnn_mobile.ptl"
size=$(stat -c %s "$cnn")
for part in 1 10 25 50 75 90 99; do
    head -c $((size * part / 100)) "$cnn" >cut.pt
    "$NARU" info cut.pt >out 2>&1
    code=$?
    [ $code = 3 ] && grep -q 'cut.pt' out || echo "cut at $part%: exit $code: $(cat out)"
done
head -c $((size - 1)) "$cnn" >cut.pt
naru info cut.pt
naru run "$cnn" --shape x=1x3x32x32 --method foward
naru run "$cnn" --shape x=1x3x32x32 --method train
naru run "$cnn"
naru run "$cnn" --input x=int:3
naru run "$cnn" --input x=int:three
naru run "$cnn" --input x=json:{
naru run "$cnn" --input x=nothing.npy
naru run "$cnn" --input x=y=z.bin
naru run "$cnn" --shape x=1x3x32x32 --shape z=1
naru run "$cnn" --shape x=1x4x32x32
naru run "$cnn" --shape x=1x3x32x32 --output otput=y.npy
naru run "$cnn" --shape x=1x3x32x32 --output output=/nowhere/y.npy
naru run "$suite/error_raise.pt" --input n=int:2 --input xs=json:[1] --input 'd=json:{"dict": [["a", 1]]}' --shape x=2x3
naru verify "$cnn" nothing.json
naru verify "$cnn" "$suite/type_enum.json"
naru bench "$cnn" --seconds 0
naru convert-version "$cnn" --opset 17 -o out.onnx
naru check text.pt
