# Cross-compiles for 64-bit Windows with the MinGW-w64 GCC (posix threads).
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)

find_program(MOOR_MINGW_GXX NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++ REQUIRED)
set(CMAKE_CXX_COMPILER "${MOOR_MINGW_GXX}")
string(REPLACE "g++" "gcc" moor_mingw_gcc "${MOOR_MINGW_GXX}")
set(CMAKE_C_COMPILER "${moor_mingw_gcc}")
set(CMAKE_ASM_COMPILER "${moor_mingw_gcc}")
find_program(CMAKE_RC_COMPILER NAMES x86_64-w64-mingw32-windres)

include("${CMAKE_CURRENT_LIST_DIR}/mingw-common.cmake")
