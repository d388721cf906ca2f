# SPDX-License-Identifier: MIT
# cmake -DROOT=... -DOUT=... -P: writes builder/version.h with a hash of every source that decides what packed weights
# look like and how fast a tactic is. Plans and timing caches carry it: of another version they are built anew.
file(GLOB_RECURSE sources ${ROOT}/src/base/*.[ch] ${ROOT}/src/tensor/*.[ch] ${ROOT}/src/graph/*.[ch]
     ${ROOT}/src/kernels/*.[ch] ${ROOT}/src/kernels/*.def ${ROOT}/src/ops/*.[ch] ${ROOT}/src/tactics/*.[ch]
     ${ROOT}/src/tactics/*.def ${ROOT}/src/passes/*.[ch] ${ROOT}/src/passes/*.def ${ROOT}/src/engine/*.[ch]
     ${ROOT}/src/builder/*.[ch] ${ROOT}/src/formats/onnx/*.[ch])
list(SORT sources)
set(all "")
foreach(f IN LISTS sources)
  file(SHA256 ${f} h)
  string(APPEND all ${h})
endforeach()
string(SHA256 version "${all}")
string(SUBSTRING ${version} 0 16 version)
set(text "/* SPDX-License-Identifier: MIT\n *\n * Made by cmake/kernel_version.cmake.\n */\n#ifndef BUILDER_VERSION_H\n#define BUILDER_VERSION_H\n#define NARU_KERNEL_VERSION \"${version}\"\n#endif\n")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
