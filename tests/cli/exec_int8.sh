# naru exec --int8 on a model without Q/DQ nodes: calibration from samples, from the cache, by chance; what does not fit.
steady() { grep -v 'GPU Compute Time varies' | grep -E '\[[WE]\]|[Cc]alib|INT8|&&&& (PASSED|FAILED)' | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/(&&&& [A-Z]+).*/\1/'; }
cnn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
samples=$DATA/quant/samples.npz
fast="--duration=0 --iterations=1 --warmUp=0"
shapes="--minShapes=input:1x3x8x8 --optShapes=input:8x3x8x8 --maxShapes=input:96x3x28x28"
int8() { echo "$ --int8 $*"; "$NARU" exec --onnx=$cnn --int8 $shapes --builderOptimizationLevel=1 $fast "$@" 2>&1 | steady | grep -v RUNNING; }
int8 --calib=c.cache --calibData=$samples --saveEngine=1.plan
sed 's/: [0-9a-f]\{8\}$/: HEX/' c.cache
int8 --calib=c.cache --saveEngine=2.plan
cmp 1.plan 2.plan && echo "the same plan"
echo "--- algorithms"
for a in entropy minmax percentile percentile:99.9 mse MinMaxCalibration; do
    rm -f a.cache
    int8 --calibData=$samples --calib=a.cache --calibAlgo=$a | grep -v "Calibration\|PASSED"
    head -1 a.cache
done
int8 --calibData=$samples --calibAlgo=best
int8 --calibData=$samples --calibAlgo=percentile:0
int8 --calib=a.cache --calibAlgo=entropy
int8 --calib=a.cache --calibAlgo=entropy --calibData=$samples
echo "--- what does not fit"
int8
int8 --calib=none.cache
ls none.cache 2>/dev/null
int8 --calibData=nothing.npz
int8 --calibData=$DATA/smallcnn/digits.npz
echo "TRT-8600-EntropyCalibration2
/Relu_output_0: 3cc7017b" >short.cache
int8 --calib=short.cache
echo "TRT-8600-EntropyCalibration2
conv1: 3cc7017b" >other.cache
int8 --calib=other.cache
echo damaged >bad.cache
int8 --calib=bad.cache
mkdir folder
int8 --calibData=folder
echo "--- besides"
"$NARU" exec --onnx=$cnn $shapes $fast --calib=c.cache 2>&1 | steady
"$NARU" exec --onnx=$cnn $shapes $fast --best 2>&1 | steady
"$NARU" exec --onnx=$cnn $shapes $fast --best --calib=c.cache 2>&1 | steady
"$NARU" exec --onnx=$DATA/quant/smallcnn_qdq_minmax_u8.onnx --int8 $shapes $fast --calib=c.cache 2>&1 | steady
"$NARU" exec --onnx=$DATA/models/lstm_op17.onnx --int8 --builderOptimizationLevel=1 $fast 2>&1 | steady
echo "--- layers that are asked to be higher"
for p in "/conv1/Conv:fp32" "*:fp32" "/conv2/Conv:int8"; do
    echo "$ $p"
    "$NARU" exec --onnx=$cnn --int8 $shapes $fast --calib=c.cache --precisionConstraints=obey "--layerPrecisions=$p" 2>&1 | steady | grep -v RUNNING
done
echo "--- plans without weights"
int8 --calib=c.cache --stripWeights --saveEngine=s.plan --saveOutputs=logits:a.npy
int8_load() { echo "$ $*"; "$NARU" exec --loadEngine=s.plan $fast "$@" 2>&1 | steady | grep -v RUNNING; }
int8_load
int8_load --refitFromOnnx=$cnn --saveOutputs=logits:b.npy
cmp a.npy b.npy && echo "the same"
int8_load --refitFromOnnx=$DATA/models/lstm_op17.onnx
echo "--- no time to search for what a limit leaves: the float model, which is known to hold it"
int8 --calib=c.cache --calibData=$samples --accuracy=0.002
int8 --calib=c.cache --calibData=$samples --accuracy=0.002 --maxBuildTime=0.000001
