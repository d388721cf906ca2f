# The command lines of TensorRT's guides and tutorials, unchanged but for the model and --duration: each has to pass.
steady() { grep -v 'GPU Compute Time varies' | grep -E '\[[WE]\]|&&&& (PASSED|FAILED)' | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/(&&&& [A-Z]+).*/\1/'; }
ln -s "$NARU" trtexec
cp "$DATA/smallcnn/smallcnn_dynamic_op17.onnx" model.onnx
cp "$DATA/models/encoder_op17.onnx" bert.onnx
trtexec() { echo "\$ trtexec $*"; ./trtexec "$@" --duration=0 2>&1 | steady; }
opt=input:8x3x28x28
range="--minShapes=input:1x3x28x28 --optShapes=$opt --maxShapes=input:16x3x32x32"
echo "--- quick start"
trtexec --onnx=model.onnx --saveEngine=model.engine --shapes=$opt
trtexec --onnx=model.onnx --explicitBatch --saveEngine=model.trt --inputIOFormats=fp16:chw --outputIOFormats=fp16:chw --fp16 --shapes=$opt
echo "--- a dynamic-shape FP16 build, load and test"
trtexec --onnx=model.onnx --saveEngine=model.plan --explicitBatch --workspace=4096 --fp16 $range --buildOnly --verbose
trtexec --loadEngine=model.plan --shapes=input:5x3x30x30
trtexec --onnx=model.onnx $range --shapes=input:5x3x30x30
trtexec --onnx=model.onnx --optShapes=$opt --saveEngine=one.plan --fp16 --heuristic --minTiming=1 --avgTiming=2 --sparsity=enable --skipInference
trtexec --onnx=bert.onnx --saveEngine=bert.plan --fp16 --minShapes=ids:1x8 --optShapes=ids:2x16 --maxShapes=ids:4x32 --memPoolSize=workspace:2048 --best
trtexec --loadEngine=bert.plan --shapes=ids:3x20 --warmUp=10 --iterations=20
echo "--- measuring, as the performance guide has it"
trtexec --onnx=model.onnx --shapes=$opt --fp16 --noDataTransfers --useCudaGraph --useSpinWait
trtexec --onnx=model.onnx --shapes=$opt --saveEngine=prof.plan --profilingVerbosity=detailed --dumpLayerInfo --exportLayerInfo=layers.json
trtexec --loadEngine=prof.plan --shapes=$opt --noDataTransfers --useCudaGraph --useSpinWait --separateProfileRun --dumpProfile --exportProfile=profile.json
trtexec --loadEngine=prof.plan --warmUp=0 --iterations=50 --useCudaGraph --exportTimes=times.json
trtexec --loadEngine=model.plan --streams=2 --avgRuns=100 --percentile=99
echo "--- other precisions and devices"
trtexec --onnx=model.onnx --int8 --fp16 --calib="$DATA/quant/smallcnn.cache" --shapes=$opt --saveEngine=int8.engine --avgRuns=10
trtexec --loadEngine=int8.engine --dumpOutput --exportOutput=out.json --iterations=20
trtexec --onnx="$DATA/quant/smallcnn_qdq_minmax_u8.onnx" --int8 --shapes=$opt --saveEngine=qdq.engine
trtexec --onnx=model.onnx --useDLACore=0 --fp16 --allowGPUFallback --shapes=$opt
trtexec --onnx=model.onnx --memPoolSize=workspace:4096M --builderOptimizationLevel=5 --timingCacheFile=t.cache --tacticSources=-CUDNN,-CUBLAS,+CUBLAS_LT --shapes=$opt --skipInference --device=0
ls *.engine *.trt *.plan *.json
