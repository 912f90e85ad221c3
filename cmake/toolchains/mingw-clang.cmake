# Cross-compiles for 64-bit Windows with Clang and lld, on the headers and libraries of the MinGW-w64 GCC (posix threads).
# Clang adds the host's /usr/include and misses Debian's names of the GCC folders, so both searches are spelled out here.
#
# Clang's thread_local is native, GCC's (and so libstdc++'s own) is emulated: no thread_local may be shared with
# libstdc++. std::call_once and std::future do share one and fail to link.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)

include("${CMAKE_CURRENT_LIST_DIR}/clang-version.cmake")
set(MOOR_CLANG "${MOOR_CLANG}" CACHE STRING "The Clang to build with, for example clang-18")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MOOR_CLANG)

set(CMAKE_CXX_COMPILER "${moor_clangxx}")
set(CMAKE_CXX_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_C_COMPILER "${MOOR_CLANG}")
set(CMAKE_C_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_ASM_COMPILER "${MOOR_CLANG}")
set(CMAKE_ASM_COMPILER_TARGET x86_64-w64-mingw32)
find_program(CMAKE_RC_COMPILER NAMES x86_64-w64-mingw32-windres)

include("${CMAKE_CURRENT_LIST_DIR}/mingw-clang-headers.cmake")

set(CMAKE_CXX_FLAGS_INIT "${moor_include_flags}")
set(CMAKE_C_FLAGS_INIT "${moor_include_flags}")
set(CMAKE_ASM_FLAGS_INIT "${moor_include_flags}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wno-unused-command-line-argument -fuse-ld=lld${moor_clang_suffix} -L${moor_gcc_dir} -L${moor_mingw_lib_dir}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${CMAKE_EXE_LINKER_FLAGS_INIT}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${CMAKE_EXE_LINKER_FLAGS_INIT}")
# GCC links its thread library by itself, Clang does not.
set(CMAKE_CXX_STANDARD_LIBRARIES "-lpthread -lkernel32 -luser32 -ladvapi32 -lshell32" CACHE STRING "")

include("${CMAKE_CURRENT_LIST_DIR}/mingw-common.cmake")
