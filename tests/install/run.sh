#!/usr/bin/env bash
# Installs into an empty folder (DESTDIR and PREFIX) and builds the examples against what is there, by pkg-config
# (shared and static) and by the CMake package, then runs them.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cnn=$source/tests/data/smallcnn
model_of() { # what the example is run on
    case $1 in
    script) echo "$cnn/smallcnn_script.pt" ;;
    *) echo "$cnn/smallcnn_dynamic_op17.onnx" ;;
    esac
}
fail() { echo "FAIL: $*"; exit 1; }

DESTDIR=$work/root cmake --install "$NARU_BUILD" --prefix /opt/naru >/dev/null
prefix=$work/root/opt/naru
[ -x "$prefix/bin/naru" ] || fail "no bin/naru"
libdir=$(dirname "$(find "$prefix" -name libnaru.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

"$prefix/bin/naru" info "$(model_of run_model)" >/dev/null || fail "the installed command does not run"
for example in "$source"/examples/*.c; do
    name=$(basename "$example" .c)
    model=$(model_of "$name")
    # shellcheck disable=SC2046
    cc -Wall -Werror -o "$work/$name" "$example" $(pkg-config --cflags --libs naru)
    "$work/$name" "$model" >"$work/$name-shared.txt" || fail "$name (shared) does not run"
    cc -Wall -Werror -o "$work/$name-static" "$example" $(pkg-config --cflags naru) "$libdir/libnaru.a" -lz -lm -lpthread
    env -u LD_LIBRARY_PATH "$work/$name-static" "$model" >"$work/static.txt" || fail "$name (static) does not run"
    cmp "$work/$name-shared.txt" "$work/static.txt" || fail "$name: shared and static disagree"
done

# shellcheck disable=SC2046
cc -O2 -Wall -Werror -shared -fPIC -o "$work/libswiglu.so" "$source/examples/plugin/swiglu.c" $(pkg-config --cflags naru) -lm
"$prefix/bin/naru" run "$source/tests/data/plugin/swiglu.onnx" --shape x=2x8 --plugins "$work/libswiglu.so" --json >"$work/plugin.txt" ||
    fail "the plugin does not run"

cmake -S "$source/examples" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 || { cat "$work/log"; fail "find_package"; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; fail "examples do not build"; }
for example in "$source"/examples/*.c; do
    name=$(basename "$example" .c)
    "$work/build/$name" "$(model_of "$name")" >"$work/cmake.txt" || fail "$name (CMake) does not run"
    cmp "$work/$name-shared.txt" "$work/cmake.txt" || fail "$name: the CMake build disagrees"
    echo "installed, built by pkg-config and CMake, ran: $name: $(head -1 "$work/cmake.txt")"
done
"$prefix/bin/naru" run "$source/tests/data/plugin/swiglu.onnx" --shape x=2x8 --plugins "$work/build/libswiglu.so" >"$work/plugin.txt" ||
    fail "the plugin that CMake built does not run"
echo "installed, built: the example plugin"
