#!/usr/bin/env bash
# Runs each case of this folder (NAME.sh) and compares what it prints with NAME.expected. UPDATE=1 rewrites the
# expectations; further arguments pick cases. A case runs in an empty folder with $NARU, $DATA (tests/data) and these:
#   naru ARGS...     prints "$ naru ARGS", both outputs, and "[exit N]" where N is not 0
#   quiet ARGS...    the same without the outputs
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DATA=${DATA:-$here/../data} NARU=${NARU:-$here/../../build/naru}
DATA=$(cd "$DATA" && pwd)
[ -x "$NARU" ] || { echo "no command at $NARU"; exit 77; }
unset NARU_CPU NARU_SPIN_US
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

naru() {
    printf '$ naru'
    printf ' %s' "$@"
    printf '\n'
    "$NARU" "$@" 2>&1
    local code=$?
    [ $code = 0 ] || echo "[exit $code]"
    return 0
}
quiet() {
    printf '$ naru'
    printf ' %s' "$@"
    printf '\n'
    "$NARU" "$@" >/dev/null 2>&1
    echo "[exit $?]"
}
export -f naru quiet

pick=("$@")
wanted() {
    [ ${#pick[@]} = 0 ] && return 0
    local p
    for p in "${pick[@]}"; do [ "$p" = "$1" ] && return 0; done
    return 1
}

failed=0 count=0
for script in "$here"/*.sh; do
    name=$(basename "$script" .sh)
    [ "$name" != run ] && wanted "$name" || continue
    count=$((count + 1))
    mkdir -p "$work/$name"
    (cd "$work/$name" && bash "$script") 2>&1 | sed "s#$DATA#DATA#g; s#$work#WORK#g" >"$work/$name.out"
    if [ -n "${UPDATE:-}" ]; then
        cp "$work/$name.out" "$here/$name.expected"
    elif ! diff -u "$here/$name.expected" "$work/$name.out"; then
        failed=$((failed + 1))
        echo "FAILED: $name (UPDATE=1 tests/cli/run.sh $name accepts the new output)"
    fi
done
echo "$count cases, $failed failed"
[ $failed = 0 ] && [ $count -gt 0 ]
