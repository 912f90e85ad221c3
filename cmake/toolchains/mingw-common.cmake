# What both MinGW toolchain files share: nothing of the host is found (only what CMAKE_PREFIX_PATH
# names), programs are static, tests run under Wine.
list(APPEND CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32 ${CMAKE_PREFIX_PATH})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -static")

if(CMAKE_HOST_UNIX)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/../wine/run.sh")
endif()
