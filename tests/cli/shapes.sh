# One grammar of shapes. The model's input is x: float[n,3].
good=$DATA/bad/good.onnx
for s in x=2x3 x=2x3:float x:2x3 x:2x3:float32 x=0x3; do
    naru run "$good" --shape $s --json | grep -E '^\$|"type"|exit|naru'
done
for s in x= =2x3 x=2x x=x3 x=2y3 x=2x3: x:2x3:nonsense x=99999999999999999999x3 x=scalar x=1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1; do
    naru run "$good" --shape "$s"
done
naru run "$good" --shape x=1000000000000000x3
