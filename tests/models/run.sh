#!/usr/bin/env bash
# Every model of tests/data against the answers recorded from PyTorch: at every level this CPU has (sanitizer builds:
# the best one), at 2 threads; NARU_TEST_ALL=1 adds 1 thread and all levels everywhere.
set -euo pipefail
cd "$(dirname "$0")/../data"
source ../common/levels.sh
failures=0 runs=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# expect STATUS VERIFY-ARGUMENTS...
expect() {
    local want=$1 got=0
    shift
    "$NARU" verify "$@" --threads "$threads" >"$out" 2>&1 || got=$?
    runs=$((runs + 1))
    [ "$got" = "$want" ] && return
    failures=$((failures + 1))
    echo "FAIL (exit $got, expected $want): NARU_CPU=$NARU_CPU naru verify $* --threads $threads"
    tail -3 "$out"
}

verify_everything() {
    local f name calls=0,1,2,3
    [ "$NARU_CPU" != ref ] || calls=2,3 # plain C loops and sanitizers take a minute for the large pictures
    for f in smallcnn/*_dynam*.onnx; do expect 0 "$f" smallcnn/calls.npz --calls $calls --rtol 1e-3 --atol 2e-4; done
    for f in smallcnn/*_static.onnx; do
        [ "$NARU_CPU" = ref ] || expect 0 "$f" smallcnn/calls.npz --calls 0 --rtol 1e-3 --atol 2e-4
    done
    for f in smallcnn/*_nofold_train.onnx; do
        expect 1 "$f" smallcnn/calls.npz --calls $calls --rtol 1e-3 --atol 2e-4
    done
    for f in models/*.onnx; do
        name=${f%.onnx}
        expect 0 "$f" "${name%_*}.npz" --rtol 1e-3 --atol 2e-5
    done
}

mapfile -t levels < <(cpu_levels)
thread_counts=(2)
if [ -n "$NARU_BUILD_KIND" ]; then # plain C under sanitizers takes minutes a picture
    [ -n "${NARU_TEST_ALL:-}" ] && [ "$NARU_BUILD_KIND" != tsan. ] && levels=("${levels[@]:1}") || levels=("${levels[-1]}")
fi
[ -z "${NARU_TEST_ALL:-}" ] || thread_counts=(1 2)
for level in "${levels[@]}"; do
    for threads in "${thread_counts[@]}"; do
        export NARU_CPU=$level
        verify_everything
    done
done
echo "$runs comparisons at levels ${levels[*]}, threads ${thread_counts[*]}: $failures failed"
[ "$failures" = 0 ]
