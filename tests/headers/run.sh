#!/usr/bin/env bash
# Each public header alone, and what they define, as C11, C++11 and C++17, pedantic, by each compiler that is here.
set -euo pipefail
include=$(cd "$(dirname "$0")/../../include" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiled=0

compile() { # COMPILER STANDARD FILE
    command -v "$1" >/dev/null || return 0
    "$1" "-std=$2" -Wall -Wextra -Wshadow -pedantic -Werror -fsyntax-only "-I$include" "$3" || { echo "FAIL: $*"; cat "$3"; exit 1; }
    compiled=$((compiled + 1))
}
everywhere() { # NAME: the text from standard input
    tee "$work/$1.c" >"$work/$1.cpp"
    local standard
    for compiler in gcc clang; do compile $compiler c11 "$work/$1.c"; done
    for standard in c++11 c++17; do
        for compiler in g++ clang++; do compile $compiler $standard "$work/$1.cpp"; done
    done
}

for header in "$include"/naru/*.h; do
    name=$(basename "$header" .h)
    everywhere "$name" <<<"#include \"naru/$name.h\"
int main(void) { return 0; }"
done
everywhere program <<'EOF'
#include "naru/naru.h"

int main(void) {
    naru_error err = NARU_ERROR_INIT;
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    const int64_t axes[2] = {0, 1};
    naru_attribute a[5] = {naru_attribute_int("a", 1), naru_attribute_float("b", 2), naru_attribute_string("c", "d"),
                           naru_attribute_ints("e", 2, axes), naru_attribute_body("f", NULL)};
    naru_network *n = NULL;
    naru_status st = naru_network_create_empty(&n, &err);
    if (st == NARU_OK) st = naru_network_add(n, "Relu", "", NULL, 0, NULL, 5, a, 0, NULL, &err);
    naru_network_destroy(&n);
    return st == NARU_OK && o.threads == 0 && err.message[0] ? 0 : 1;
}
EOF
echo "headers: $compiled compilations without a warning"
