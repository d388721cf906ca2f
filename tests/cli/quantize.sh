# Quantizing a model: what was asked wrongly, the forms, the calibration cache both ways, targets.
MODEL=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
SAMPLES=$DATA/quant/samples.npz
naru quantize
naru quantize "$MODEL" -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES"
naru quantize "$MODEL" --calib-data "$SAMPLES" --calibrator best -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --activation s16 -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --percentile 0 -o x.onnx
naru quantize "$MODEL" --dynamic --weight-only 4 -o x.onnx
naru quantize "$MODEL" --weight-only 5 -o x.onnx
naru quantize "$MODEL" --dynamic --report -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --max-loss 1 -o x.onnx
naru quantize "$MODEL" --calib-data nothing.npz -o x.onnx
naru quantize "$MODEL" --calib-data "$DATA/smallcnn/digits.npz" -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --exclude /conv1/Con -o x.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --labels "$SAMPLES:label" -o x.onnx
naru quantize nothing.onnx --dynamic -o x.onnx
naru quantize "$DATA/quant/smallcnn_qdq_minmax_u8.onnx" --weight-only 8 -o x.onnx
naru quantize "$DATA/quant/smallcnn_qdq_minmax_u8.onnx" --calib-data "$SAMPLES" -o x.onnx
naru quantize "$MODEL" --dynamic -o no/such/folder/x.onnx
ls

naru quantize "$MODEL" --calib-data "$SAMPLES" --labels "$SAMPLES:labels" -o u8.onnx | sed 's/SQNR [0-9.]* dB/SQNR N dB/'
naru check u8.onnx
naru quantize "$MODEL" --calib-data "$SAMPLES" --activation s8 --per-channel --exclude Gemm --calib s8.cache -o s8.onnx
sed 's/: [0-9a-f]\{8\}$/: HEX/' s8.cache
naru quantize "$MODEL" --calib s8.cache --activation s8 --per-channel --exclude Gemm -o again.onnx
cmp s8.onnx again.onnx && echo the same model
naru quantize "$MODEL" --calib s8.cache --calibrator entropy -o x.onnx
naru quantize "$MODEL" --calib s8.cache --calibrator entropy --calib-data "$SAMPLES" -o x.onnx
head -1 s8.cache
naru quantize "$MODEL" --calib-data "$SAMPLES" --inputs-only --per-channel --labels "$SAMPLES:labels" -o lean.onnx | sed 's/SQNR [0-9.]* dB/SQNR N dB/'
naru check lean.onnx
echo damaged >bad.cache
naru quantize "$MODEL" --calib bad.cache -o x.onnx
for form in --dynamic "--weight-only 8" "--weight-only 4"; do
    naru quantize "$MODEL" $form --per-channel -o form.onnx
    naru check form.onnx
    quiet run form.onnx --shape input=2x3x8x8
done
naru quantize "$MODEL" --calib-data "$SAMPLES" --target-sqnr 45 --report -o target.onnx | sed 's/[0-9.]* dB/N dB/g'
naru quantize "$MODEL" --calib-data "$SAMPLES" --labels "$SAMPLES:labels" --max-loss 0 --json -o x.onnx | grep -E '"(met|layers|accuracy)'
mkdir folder
naru quantize "$MODEL" --calib-data folder -o x.onnx
