# SPDX-License-Identifier: MIT
# What `make install` puts where: the command, the shared library, one self-contained static archive, headers,
# a pkg-config file and a CMake package. Both description files find the rest relative to themselves.
include(GNUInstallDirs)

# The archive holds a single object in which only naru_ names are global, minizip and jansson included.
set(NARU_ARCHIVE ${CMAKE_BINARY_DIR}/install/libnaru.a)
add_custom_command(
  OUTPUT ${NARU_ARCHIVE}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${NARU_ARCHIVE}
  COMMAND ${CMAKE_LINKER} -r -o install/naru.o $<TARGET_OBJECTS:naru_objects> ${NARU_MINIZIP} ${NARU_JANSSON}
  COMMAND ${CMAKE_OBJCOPY} --strip-debug --wildcard --keep-global-symbol=naru_* install/naru.o
  COMMAND ${CMAKE_AR} rcs ${NARU_ARCHIVE} install/naru.o
  COMMAND ${CMAKE_COMMAND} -E rm -f install/naru.o
  DEPENDS naru_objects $<TARGET_OBJECTS:naru_objects>
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  COMMAND_EXPAND_LISTS VERBATIM)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/install)
add_custom_target(naru_archive ALL DEPENDS ${NARU_ARCHIVE})

string(REGEX REPLACE "[^/]+" ".." NARU_PC_UP ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
string(REGEX REPLACE "[^/]+" ".." NARU_CMAKE_UP ${CMAKE_INSTALL_LIBDIR}/cmake/naru)
configure_file(cmake/naru.pc.in install/naru.pc @ONLY)
configure_file(cmake/naru-config.cmake.in install/naru-config.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(install/naru-config-version.cmake COMPATIBILITY SameMinorVersion)

install(DIRECTORY include/naru DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS naru_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET naru_cli)
  install(TARGETS naru_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(CODE "file(CREATE_LINK naru \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/naruexec\" SYMBOLIC)")
endif()
install(FILES ${NARU_ARCHIVE} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/install/naru.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/install/naru-config.cmake ${CMAKE_BINARY_DIR}/install/naru-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/naru)
