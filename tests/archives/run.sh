#!/usr/bin/env bash
# Every TorchScript archive of tests/data against what PyTorch answered: at every level this CPU has; at the best one also
# operator by operator and with 1 thread (sanitizer builds: the best level, 2 threads; NARU_TEST_ALL=1: everything).
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
    "$NARU" verify "$@" --threads "$threads" --regions "$regions" >"$out" 2>&1 || got=$?
    runs=$((runs + 1))
    [ "$got" = "$want" ] && return
    failures=$((failures + 1))
    echo "FAIL (exit $got, expected $want): NARU_CPU=$NARU_CPU naru verify $* --threads $threads --regions $regions"
    grep DIFFERENT "$out" | head -3 || tail -3 "$out"
}

verify_everything() {
    local f calls=0,1,2,3
    [ "$NARU_CPU" != ref ] || calls=2,3
    for f in script/torch-*/*.pt script/cases/*.pt; do expect 0 "$f" "${f%.pt}.json"; done
    for f in models/*.pt; do expect 0 "$f" "${f%.pt}.npz" --rtol 1e-4 --atol 2e-5; done
    for f in smallcnn/*.pt smallcnn/*.ptl torch/smallcnn_mobile.ptl; do
        case $f in
        *trainmode*) expect 1 "$f" smallcnn/calls.npz --calls $calls --rtol 1e-3 --atol 2e-4 ;;
        *) expect 0 "$f" smallcnn/calls.npz --calls $calls --rtol 1e-3 --atol 2e-4 ;;
        esac
    done
}

mapfile -t levels < <(cpu_levels)
best=${levels[-1]}
# Sanitizers: plain C takes minutes a picture there; NARU_TEST_ALL gives the other levels, the thread sanitizer the best.
if [ -n "$NARU_BUILD_KIND" ]; then
    [ -n "${NARU_TEST_ALL:-}" ] && [ "$NARU_BUILD_KIND" != tsan. ] && levels=("${levels[@]:1}") || levels=("$best")
fi
for level in "${levels[@]}"; do
    for threads in 1 2; do
        for regions in 1 0; do
            [ "$threads$regions" = 21 ] || [ -n "${NARU_TEST_ALL:-}" ] ||
                { [ "$level" = "$best" ] && [ -z "$NARU_BUILD_KIND" ]; } || [ "$threads$regions$level" = "20$best" ] || continue
            export NARU_CPU=$level
            verify_everything
        done
    done
done
echo "$runs comparisons at levels ${levels[*]}: $failures failed"
[ "$failures" = 0 ]
