# What moor can be built for and linked with, asked alike by moor's own build and by a project that finds it installed.

# Why this configuration cannot have moor; empty when it can. A project without a language knows neither size nor compiler.
function(moor_target_problem result)
    set(${result} "" PARENT_SCOPE)
    set(processor "${CMAKE_SYSTEM_PROCESSOR}")
    if(MSVC_CXX_ARCHITECTURE_ID)
        set(processor "${MSVC_CXX_ARCHITECTURE_ID}") # the other one is the machine's
    endif()
    if(WIN32 AND NOT "${CMAKE_SIZEOF_VOID_P}" STREQUAL "4" AND NOT processor MATCHES "^(arm|ARM|aarch)")
        return()
    endif()
    set(problem "moor targets 64-bit Windows; this configuration is for ${CMAKE_SYSTEM_NAME} (${processor}, pointers of \
${CMAKE_SIZEOF_VOID_P} bytes).")
    if(CMAKE_HOST_UNIX AND NOT CMAKE_CROSSCOMPILING)
        string(APPEND problem " Give CMake a toolchain file at the first configuration: -D CMAKE_TOOLCHAIN_FILE=... with "
               "one of your own, or with mingw-gcc.cmake or mingw-clang.cmake of ${MOOR_TOOLCHAIN_DIRECTORY}.")
    endif()
    set(${result} "${problem}" PARENT_SCOPE)
endfunction()

# Compilers of one family may be mixed: MSVC and clang-cl. GCC and Clang for MinGW are two, whose thread_local differ.
function(moor_compiler_family result)
    if(MSVC)
        set(${result} MSVC PARENT_SCOPE)
    else()
        set(${result} "${CMAKE_CXX_COMPILER_ID}" PARENT_SCOPE)
    endif()
endfunction()
