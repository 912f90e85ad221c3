# Where Boost.Context is an installed package, as with vcpkg, moor's own assembly is compiled all the same. Configures only.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

set(directory "${BINARY}/consumer/installed_boost")
file(WRITE "${directory}/boost/BoostConfigVersion.cmake" "set(PACKAGE_VERSION 1.81.0)\nset(PACKAGE_VERSION_COMPATIBLE ON)\n")
file(WRITE "${directory}/boost/BoostConfig.cmake"
     "add_library(Boost::headers INTERFACE IMPORTED)\nadd_library(Boost::context INTERFACE IMPORTED)\n"
     "set(Boost_FOUND ON)\nset(Boost_context_FOUND ON)\n")

compiler_options(compiler "${TOOLCHAIN}")
step("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${directory}/build" ${compiler} -D MOOR_FIND_PACKAGES=ON -D MOOR_BUILD_TESTS=OFF
     -D MOOR_BUILD_BENCH=OFF -D MOOR_BUILD_EXAMPLES=OFF -D "Boost_DIR=${directory}/boost" --fresh)
file(READ "${directory}/build/CMakeCache.txt" cache)
if(NOT cache MATCHES "Boost_DIR:[A-Z]+=${directory}/boost")
    message(FATAL_ERROR "The installed Boost was not taken.")
endif()
file(READ "${directory}/build/compile_commands.json" commands)
foreach(name IN ITEMS jump coroutine_base trampoline growth call_on_stack)
    if(NOT commands MATCHES "${name}_(gas\\.S|masm\\.asm)")
        message(FATAL_ERROR "The assembly of ${name} is not compiled.")
    endif()
endforeach()
