# SPDX-License-Identifier: MIT
# A kernel file's name says what it may assume of the CPU: src/kernels/<family>/<isa>.c or <isa>_<what>.c.
# Every ISA file is compiled on every x86-64 machine; dispatch is at run time (src/base/cpu.h).
set(NARU_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2 -mtune=haswell)
set(NARU_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mavx2 -mfma -mf16c -mbmi2
    -mprefer-vector-width=512 -mtune=skylake-avx512)
set(NARU_FLAGS_avx512vnni ${NARU_FLAGS_avx512} -mavx512vnni)
set(NARU_FLAGS_avx512bf16 ${NARU_FLAGS_avx512vnni} -mavx512bf16)
set(NARU_FLAGS_avx512fp16 ${NARU_FLAGS_avx512bf16} -mavx512fp16)
set(NARU_FLAGS_amx ${NARU_FLAGS_avx512fp16} -mamx-tile -mamx-bf16 -mamx-int8)
if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 16) # it says __AMXBF16__
  list(APPEND NARU_FLAGS_amx -D__AMX_TILE__=1 -D__AMX_BF16__=1 -D__AMX_INT8__=1)
endif()

function(naru_isa_flags)
  foreach(f IN LISTS ARGN)
    if(f MATCHES "/kernels/")
      get_filename_component(stem ${f} NAME_WE)
      string(REGEX REPLACE "_.*" "" stem ${stem})
      set(flags -O3 -Wno-psabi)
      if(stem MATCHES "^portable") # tests only: quick to compile rather than to run
        set(flags -O1 -Wno-psabi)
      endif()
      if(NARU_SANITIZE) # at -O3 the checks make single files of portable vector code take minutes to compile
        set(flags -O1 -Wno-psabi)
      endif()
      if(DEFINED NARU_FLAGS_${stem} AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        list(APPEND flags ${NARU_FLAGS_${stem}} -ffp-contract=fast)
      endif()
      set_source_files_properties(${f} PROPERTIES COMPILE_OPTIONS "${flags}")
    endif()
  endforeach()
endfunction()
