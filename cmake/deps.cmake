# SPDX-License-Identifier: MIT
# Outside libraries. zlib is shared (always on Debian); minizip and jansson are linked statically,
# xxhash is used through its header alone (XXH_INLINE_ALL).
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_path(NARU_MINIZIP_H minizip/unzip.h REQUIRED)
find_path(NARU_JANSSON_H jansson.h REQUIRED)
find_path(NARU_XXHASH_H xxhash.h REQUIRED)
find_library(NARU_MINIZIP libminizip.a REQUIRED)
find_library(NARU_JANSSON libjansson.a REQUIRED)
add_library(naru_deps INTERFACE)
target_link_libraries(naru_deps INTERFACE ${NARU_MINIZIP} ${NARU_JANSSON} ZLIB::ZLIB Threads::Threads m)
