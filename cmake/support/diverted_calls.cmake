# moor_divert_calls(target): what the target's own code calls that has no stack checks runs on the thread's own stack.
# For moor_enable_movable_stacks; docs/stacks.md says how.
include("${CMAKE_CURRENT_LIST_DIR}/compiler_plugin.cmake")

# Beside this file where the library is installed.
find_file(MOOR_DIVERT_CALLS_SOURCE divert_calls.cpp PATHS "${CMAKE_CURRENT_LIST_DIR}" "${CMAKE_CURRENT_LIST_DIR}/../../src/compiler"
          NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
mark_as_advanced(MOOR_DIVERT_CALLS_SOURCE)

function(moor_divert_calls target)
    moor_compiler_plugin(divert_calls "${MOOR_DIVERT_CALLS_SOURCE}" plugin)
    if(NOT plugin)
        message(FATAL_ERROR "moor_enable_movable_stacks(${target}): ${plugin_PROBLEM}. Use reserved stacks.")
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:SHELL:-fpass-plugin=\"${plugin}\">")
endfunction()
