# Every command line of docs/trtexec.md, at small sizes; then what the report and the files must have for who scrapes them.
page=$DATA/../../docs/trtexec.md
ln -s "$NARU" trtexec
ln -s "$(dirname "$NARU")/tests/plugins/swiglu.so" libcustom_plugins.so
cp "$DATA/smallcnn/smallcnn_dynamic_op17.onnx" model.onnx
cp "$DATA/models/encoder_op17.onnx" bert.onnx
cp "$DATA/plugin/swiglu.onnx" swiglu.onnx
cp "$DATA/quant/smallcnn.cache" calibration.cache
head -c $((3 * 28 * 28 * 4)) /dev/zero >input.bin
while IFS= read -r line; do
    command=./${line//224x224/28x28}
    case $line in *--duration=*) ;; *) command="$command --duration=0" ;; esac
    case $line in *--warmUp=*) ;; *) command="$command --warmUp=0" ;; esac
    eval "$command" >out 2>&1
    code=$?
    last=$(tail -n 1 out | grep -oE '^&&&& (PASSED|FAILED)')
    echo "$code $last ${line%% --*}"
    [ "$code" = 0 ] || { echo "  $line"; grep -E '\[E\]' out | sed -E 's/^\[[0-9/:-]+\]/  [T]/'; }
done < <(sed -n '/^```sh$/,/^```$/p' "$page" | grep '^trtexec ') | sort | uniq -c
echo "--- the report"
./trtexec --loadEngine=model.plan --iterations=20 --duration=0 --warmUp=1 --percentile=50,99 --exportTimes=t.json --exportProfile=p.json --exportOutput=o.json --exportLayerInfo=l.json --dumpProfile --avgRuns=10 >out 2>&1
grep -E ' \[I\] (=== |Throughput|Latency|Enqueue|H2D|D2H|GPU Comp|Total|Average on|Warmup|Timing trace|Engine loaded)' out | sed -E 's/^\[[0-9/:-]+\]/[T]/; s/[0-9.]+(e-?[0-9]+)? (ms|s|qps)\b/N \2/g; s/completed [0-9]+/completed N/; s/over [0-9.e-]+/over N/; s/in [0-9.e-]+ sec/in N sec/' | uniq
grep -oE '"(startH2dMs|endH2dMs|startComputeMs|endComputeMs|startD2hMs|endD2hMs|h2dMs|computeMs|d2hMs|latencyMs)"' t.json | sort | uniq -c
grep -oE '"(name|dimensions|values|count|timeMs|averageMs|medianMs|percentage|Layers|Name|LayerType|Inputs|Outputs|TacticName|Bindings)"' o.json p.json l.json | sort -u
