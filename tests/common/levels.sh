# Sourced by test scripts: cpu_levels prints the levels that this CPU has, one a line, plainest first.
cpu_levels() {
    local flags
    flags=" $(sed -n 's/^flags[^:]*://p' /proc/cpuinfo | head -1) "
    echo ref
    [[ $flags == *" avx2 "* && $flags == *" fma "* ]] || return 0
    echo avx2
    [[ $flags == *" avx512f "* && $flags == *" avx512bw "* && $flags == *" avx512dq "* && $flags == *" avx512vl "* ]] || return 0
    echo avx512
    [[ $flags == *" avx512_vnni "* ]] || return 0
    echo avx512vnni
    [[ $flags == *" avx512_bf16 "* ]] || return 0
    echo avx512bf16
    [[ $flags == *" avx512_fp16 "* ]] || return 0
    echo avx512fp16
    [[ $flags == *" amx_tile "* && $flags == *" amx_int8 "* && $flags == *" amx_bf16 "* ]] || return 0
    echo amx
}
