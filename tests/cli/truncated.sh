# A model cut anywhere: exit 3 or (where the cut leaves a whole message) a verdict, never a crash.
size=$(stat -c %s "$DATA/bad/shape_clash.onnx")
for ((n = 0; n < size; n++)); do
    head -c $n "$DATA/bad/shape_clash.onnx" >cut.onnx
    "$NARU" check cut.onnx >out 2>&1
    code=$?
    case $code in
    0 | 1 | 3 | 4) ;;
    *) echo "cut at $n: exit $code" && cat out ;;
    esac
    [ $code != 3 ] || grep -q 'cut.onnx' out || echo "cut at $n: the message does not name the file: $(cat out)"
done
echo "all $size cuts done" | sed 's/[0-9][0-9]*/N/'
head -c 100 "$DATA/smallcnn/smallcnn_static.onnx" >half.onnx
naru run half.onnx
