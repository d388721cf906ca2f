# Operators from a plugin library, in every command; libraries that are none; a plan without its plugin.
lib=$(dirname "$NARU")/tests/plugins
plain() { sed "s#$lib#LIB#g"; }
steady() { plain | grep -E 'lugin|\[E\]|&&&& (PASSED|FAILED)|^\[exit' | grep -v RUNNING | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/(&&&& [A-Z]+).*/\1/'; }
model=$DATA/plugin/swiglu.onnx
naru check "$model"
naru run "$model" --shape x=2x8
naru check "$model" --plugins "$lib/swiglu.so" | plain
naru info "$model" --plugins="$lib/swiglu.so" | plain
naru list ops --plugins "$lib/swiglu.so" | plain | grep -E 'SwiGLU|^\$'
naru list kernels --plugins "$lib/swiglu.so" | plain | grep -E 'SwiGLU|^\$'
naru run "$model" --shape x=2x8 --seed 1 --output y=y.npy --plugins "$lib/swiglu.so" | plain | grep -v ' ms'
naru verify "$model" "$model" --shape x=2x8 --plugins "$lib/swiglu.so" | plain
quiet bench "$model" --shape x=2x8 --seconds 0.01 --plugins "$lib/swiglu.so" | plain
naru convert-version "$model" --opset 20 -o 20.onnx --plugins "$lib/swiglu.so" | plain
naru check 20.onnx --plugins "$lib/swiglu.so" | plain
echo "--- TorchScript"
naru check "$DATA/plugin/swiglu.pt"
naru run "$DATA/plugin/swiglu.pt" --shape x=2x8 --plugins "$lib/swiglu.so" | plain | grep -v ' ms'
naru export "$DATA/plugin/swiglu.pt" --input x=2x8 --dynamic-axes x:0=batch -o out.onnx --plugins "$lib/swiglu.so" | plain
naru check out.onnx --plugins "$lib/swiglu.so" | plain
echo "--- plans"
exec_() { echo "$ $*" | plain; "$NARU" exec "$@" 2>&1 | steady; }
exec_ --onnx=$model --shapes=x:2x8 --saveEngine=s.plan --skipInference --builderOptimizationLevel=1 --staticPlugins=$lib/swiglu.so
exec_ --loadEngine=s.plan --iterations=1 --duration=0 --warmUp=0
exec_ --loadEngine=s.plan --iterations=1 --duration=0 --warmUp=0 --dynamicPlugins=$lib/swiglu.so --setPluginsToSerialize=$lib/swiglu.so
naru run s.plan --shape x=2x8
naru run s.plan --shape x=2x8 --seed 1 --output y=p.npy --plugins "$lib/swiglu.so" | plain | grep -v ' ms'
cmp y.npy p.npy && echo "the same"
naru info s.plan --plugins "$lib/swiglu.so" | plain | grep -iE 'plugin|swiglu'
exec_ --loadEngine=s.plan --iterations=1 --duration=0 --warmUp=0 --plugins=$lib/swiglu2.so
echo "--- a plan that carries its plugin"
exec_ --onnx=$model --shapes=x:2x8 --saveEngine=c.plan --skipInference --builderOptimizationLevel=1 --setPluginsToSerialize=$lib/swiglu.so
exec_ --loadEngine=c.plan --iterations=1 --duration=0 --warmUp=0
naru run c.plan --shape x=2x8
exec_ --loadEngine=c.plan --iterations=1 --duration=0 --warmUp=0 --engineHostCodeAllowed
exec_ --loadEngine=s.plan --iterations=1 --duration=0 --warmUp=0 --engineHostCodeAllowed
naru run c.plan --shape x=2x8 --seed 1 --output y=c.npy --plan_code 1 | grep -v ' ms'
cmp y.npy c.npy && echo "the same"
exec_ --loadEngine=c.plan --iterations=1 --duration=0 --warmUp=0 --engineHostCodeAllowed --plugins=$lib/swiglu.so
echo "--- libraries that are none"
for l in nowhere.so $lib/no_entry.so $lib/nothing.so $lib/other_abi.so $lib/taken.so $model; do naru check "$model" --plugins $l 2>&1 | plain; done
naru check "$model" --plugins "$lib/swiglu.so" --plugins "$lib/swiglu2.so" 2>&1 | plain
naru check "$model" --plugins
naru check "$model" --plugin "$lib/swiglu.so" 2>&1 | plain
cp "$lib/swiglu.so" here.so
naru check "$model" --plugins here.so
