# Where output goes wrong: devices that are full, streams that came closed, pipes instead of files, names that are no
# text. What is written is whole or not there, and what was there before stays.
model=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
full() { # like naru, its standard output full
    printf '$ naru %s >/dev/full\n' "$*"
    "$NARU" "$@" 2>&1 >/dev/full
    echo "[exit $?]"
}
errors() { # of naru exec: its log has times
    printf '$ naru exec %s\n' "$*"
    "$NARU" exec --onnx="$model" --shapes=input:1x3x8x8 --iterations=1 --duration=0 --warmUp=0 "$@" 2>&1 |
        sed -n 's/^\[[^]]*\] \[E\] //p'
}
echo "--- standard output"
full --help
full --version
full list passes --json
full info "$model"
printf '$ naru run, all streams closed: '
"$NARU" run "$model" --shape input=1x3x8x8 --output logits=whole.npy <&- >&- 2>&-
echo "[exit $?], $(stat -c '%n %s' whole.npy)"
printf '$ naru info, standard output closed: '
"$NARU" info "$model" 2>&1 >&-
echo "--- files on a full device, in folders that are not there, folders themselves"
mkdir folder
for to in /dev/full nowhere/file folder; do
    naru run "$model" --shape input=1x3x8x8 --output "logits=$to"
    naru convert-version "$model" --opset 20 --output $to
    naru quantize "$model" --dynamic --output $to
    naru export "$DATA/smallcnn/smallcnn_script.pt" --input x=1x3x8x8 --output $to
    for option in saveEngine exportTimes exportProfile exportOutput exportLayerInfo; do
        errors --builderOptimizationLevel=0 --$option=$to
    done
    errors --builderOptimizationLevel=0 --int8 --calib=$to
done
echo "--- a model and its data are replaced together or not at all"
naru convert-version "$model" --opset 20 --external --output pair.onnx
cp pair.onnx before.onnx; cp pair.onnx.data before.data
mkdir kept.onnx; cp pair.onnx.data kept.onnx.data; chmod a-w kept.onnx.data
naru convert-version pair.onnx --opset 18 --external --output kept.onnx
cmp kept.onnx.data before.data && echo "the data is as it was"
ls
naru convert-version pair.onnx --opset 18 --external --output pair.onnx
naru verify pair.onnx "$model" --shape input=1x3x8x8
echo "--- a pipe in the place of a file is not waited for"
mkfifo pipe
naru info pipe
naru bench pipe
naru run "$model" --input input=pipe --shape input=1x3x8x8
echo "--- too large"
naru run "$model" --shape input=1000000000x3x1000000x1000000
naru run "$model" --shape input=1x3x1x99999999999999999999
naru export "$DATA/smallcnn/smallcnn_script.pt" --input x=100000x3x224x224 --verify --output large.onnx | tail -2
errors --infStreams=100000000
errors --optShapes=input:1x3x8x8,input:1x3x8x8
echo "--- files of another kind"
"$NARU" exec --onnx="$model" --shapes=input:1x3x8x8 --builderOptimizationLevel=0 --skipInference --saveEngine=x.plan >/dev/null
naru check x.plan
naru convert-version x.plan --opset 20 -o none.onnx
naru quantize x.plan --dynamic -o none.onnx
naru export "$model" --input x=1x3x8x8 -o none.onnx
naru export nowhere.pt --input x=1x3x8x8 -o none.onnx
echo "--- names that are not UTF-8"
odd=$(printf 'odd\377')
cp "$model" "$odd.onnx"
"$NARU" check "$odd.onnx" --json
"$NARU" check "$odd" --json 2>&1 | tail -9 | LC_ALL=C sed 's/odd\xff/ODD/'
naru export "$DATA/smallcnn/smallcnn_script.pt" --input x=1x3x8x8 --json -o "$odd.onnx" | grep '"output"'
for bad in "--input $odd=1x3x8x8" "--input x=1x3x8x8 --output-names $odd" "--input x=1x3x8x8 --dynamic-axes x:0=$odd"; do
    # shellcheck disable=SC2086
    "$NARU" export "$DATA/smallcnn/smallcnn_script.pt" $bad -o odd.onnx 2>&1 | LC_ALL=C sed 's/\xff/?/'
done
LC_ALL=C sed 's/logits/log\xfft\xe2/' "$model" >odd.onnx
naru info odd.onnx --json | grep -A3 '"outputs"'
naru run odd.onnx --shape input=1x3x8x8 --json | grep '"name"'
naru verify odd.onnx odd.onnx --shape input=1x3x8x8 --json | grep '"name"'
