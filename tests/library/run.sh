#!/usr/bin/env bash
# The shared library exports naru_ names only, needs the C library and zlib only, and is small.
set -euo pipefail
so=$NARU_BUILD/libnaru.so
fail() { echo "FAIL: $*"; exit 1; }

foreign=$(nm -D --defined-only "$so" | awk '{print $3}' | grep -v '^naru_' || true)
[ -z "$foreign" ] || fail "exports names that are not naru_: $foreign"
[ "$(nm -D --defined-only "$so" | wc -l)" -gt 0 ] || fail "exports nothing"

needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libz|libpthread|ld-linux.*)\.so' || true)
[ -z "$needed" ] || fail "depends on $needed"

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$so"
size=$(stat -c %s "$stripped")
[ "$size" -lt 3250000 ] || fail "stripped size is $size bytes, the limit is 3250000"

foreign=$(nm --defined-only --extern-only "$NARU_BUILD/install/libnaru.a" | awk 'NF == 3 {print $3}' | grep -v '^naru_' || true)
[ -z "$foreign" ] || fail "libnaru.a has global names that are not naru_: $foreign"
echo "libnaru.so: $size bytes stripped, needs libc, libm, libz only"
