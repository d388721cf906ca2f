# What goes wrong says why, and the last line says FAILED.
steady() { grep -v 'GPU Compute Time varies' | grep -E '\[[WE]\]|&&&& (PASSED|FAILED)|^\[exit' | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/(&&&& [A-Z]+).*/\1/'; }
cnn=$DATA/smallcnn/smallcnn_dynamic_op17.onnx
fast="--duration=0 --iterations=1 --warmUp=0"
exec_() { echo "$ $*"; naru exec "$@" 2>&1 | steady; }
exec_ --onxn=foo
exec_ --onnx=nothing.onnx
exec_ --saveEngine=x.plan
exec_ --onnx=$cnn --saveEngine=a --loadEngine=b
exec_ --onnx=$cnn --minShapes=input:1x3x28x28 --optShapes=input:1x3x20x28 --maxShapes=input:1x3x32x32
exec_ --onnx=$cnn --shapes=inptu:1x3x28x28
exec_ --onnx=$cnn --shapes=input:1x3xa
exec_ --onnx=$cnn --minShapes=input:1x3x8x8 --minShapes=input:1x3x9x9
exec_ --onnx=$cnn --profile=1 --minShapes=input:1x3x8x8
exec_ --onnx=$cnn --profile=0 --profile=1 --minShapes=input:1x3x8x8
exec_ --onnx=$cnn --iterations=many
exec_ --onnx=$cnn --memPoolSize=workspac:1
exec_ --onnx=$cnn --percentile=101
exec_ --onnx=$cnn --fp16=maybe
exec_ --onnx=$cnn --plugins=foo.so
exec_ --onnx=$cnn --tacticSources=-CUDNN,+conv $fast
exec_ --model=net.caffemodel
exec_ --onnx=$cnn --skipInference
exec_ --onnx $cnn --optShapes input:1x3x28x28 --saveEngine three.plan --skipInference
echo "--- three profiles"
naru exec --onnx=$cnn --skipInference --saveEngine=p.plan --profile=0 --minShapes=input:1x3x200x200 --optShapes=input:1x3x224x224 --maxShapes=input:2x3x240x240 \
    --profile=1 --minShapes=input:1x3x241x241 --optShapes=input:1x3x256x256 --maxShapes=input:2x3x300x300 \
    --profile=2 --minShapes=input:1x3x352x352 --optShapes=input:1x3x384x384 --maxShapes=input:2x3x400x400 | steady
exec_ --loadEngine=p.plan $fast --shapes=input:1x3x256x256
exec_ --loadEngine=p.plan $fast --shapes=input:1x3x320x320
exec_ --loadEngine=p.plan $fast --shapes=input:1x3x384x384 --useProfile=1
exec_ --loadEngine=p.plan $fast --useProfile=3
echo "--- damage"
head -c 9000 p.plan >cut.plan
exec_ --loadEngine=cut.plan
exec_ --loadEngine=$cnn
python3 - <<'P'
d = bytearray(open("p.plan", "rb").read())
d[len(d) - 30000] ^= 1
open("flipped.plan", "wb").write(d)
P
exec_ --loadEngine=flipped.plan | sed -E 's/byte [0-9]+/byte N/'
echo "--- another level"
naru exec --loadEngine=p.plan $fast --cpu=ref --shapes=input:1x3x224x224 | grep -E "does not fit|PASSED" | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/level [a-z0-9]+,/level L,/; s/(&&&& PASSED).*/\1/'
echo "--- without weights"
naru exec --onnx=$cnn --optShapes=input:1x3x28x28 --stripWeights --saveEngine=s.plan --skipInference | steady
exec_ --loadEngine=s.plan $fast
exec_ --loadEngine=s.plan --refitFromOnnx=$DATA/smallcnn/smallcnn_static.onnx $fast
exec_ --loadEngine=s.plan --refitFromOnnx=$cnn $fast
echo "--- the timing cache"
naru exec --onnx=$cnn --optShapes=input:1x3x28x28 --timingCacheFile=c.txt --saveEngine=1.plan --skipInference | steady
naru exec --onnx=$cnn --optShapes=input:1x3x28x28 --timingCacheFile=c.txt --saveEngine=2.plan --skipInference --errorOnTimingCacheMiss | steady
cmp 1.plan 2.plan && echo "the same plan"
echo "--- by another name"
ln -s "$NARU" naruexec
./naruexec | tail -1 | sed -E 's/(&&&& PASSED).*/\1/'
