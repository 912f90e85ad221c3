# moor_divert_calls(target): what the target's own code calls that has no stack checks runs on the thread's own stack, and
# every link looks whether any such call was forgotten. For moor_enable_movable_stacks; docs/stacks.md says how.
include("${CMAKE_CURRENT_LIST_DIR}/compiler_plugin.cmake")

function(moor_divert_calls target)
    moor_compiler_plugin(divert_calls plugin SOURCES compiler/divert_calls.cpp compiler/direct_functions.hpp)
    if(NOT plugin)
        message(FATAL_ERROR "moor_enable_movable_stacks(${target}): ${plugin_problem}. Use reserved stacks.")
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:SHELL:-fpass-plugin=\"${plugin}\">")
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" OR type STREQUAL "SHARED_LIBRARY" OR type STREQUAL "MODULE_LIBRARY")
        moor_check_calls_tool(tool)
        add_custom_command(TARGET ${target} POST_BUILD COMMAND "${tool}" "$<TARGET_FILE:${target}>" VERBATIM)
    endif()
endfunction()

# The path of the program that looks through a linked image.
function(moor_check_calls_tool result)
    set(suffix "")
    if(CMAKE_HOST_WIN32)
        set(suffix .exe)
    endif()
    moor_build_for_host(
        check_calls "${suffix}" tool
        SOURCES compiler/check_calls.cpp compiler/direct_functions.hpp win/image_headers.cpp win/image_headers.hpp
                win/unwind_info.hpp
        OPTIONS -std=c++20 -O2)
    if(NOT tool)
        message(FATAL_ERROR "moor_enable_movable_stacks: ${tool_problem}")
    endif()
    set(${result} "${tool}" PARENT_SCOPE)
endfunction()
