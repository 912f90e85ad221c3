# moor_divert_calls(target): what the target's own code calls that has no stack checks runs on the thread's own stack.
# For moor_enable_movable_stacks; docs/stacks.md says how.
include("${CMAKE_CURRENT_LIST_DIR}/compiler_plugin.cmake")

if(NOT MOOR_COMPILER_SOURCES)
    set(MOOR_COMPILER_SOURCES "${CMAKE_CURRENT_LIST_DIR}/../../src/compiler")
endif()

function(moor_divert_calls target)
    moor_compiler_plugin(divert_calls "${MOOR_COMPILER_SOURCES}/divert_calls.cpp" plugin)
    if(NOT plugin)
        message(FATAL_ERROR "moor_enable_movable_stacks(${target}): ${plugin_PROBLEM}. Use reserved stacks.")
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:SHELL:-fpass-plugin=\"${plugin}\">")
endfunction()
