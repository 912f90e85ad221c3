# moor_enable_movable_stacks(target): builds a program's own code so that its coroutines may run on stacks that move,
# spawn({.stack = stack_kind::movable}, ...): with Clang's stack checks, and three passes of the project's own. The first has
# the address of a thread_local variable computed anew after each suspension (src/compiler/thread_locals.cpp), the second
# puts every local variable with an address on a stack that does not move (place_locals.cpp), the third leads calls of
# code without checks to the thread's system stack (divert_calls.cpp). Every link looks whether any such call was forgotten
# (check_calls.cpp). docs/stacks.md says how.
#
# Needs Clang with the GNU command line and MinGW-w64, the LLVM headers of that Clang, and a compiler for this machine;
# programs are linked statically. Where one of these is missing CMake says so, and movable coroutines of the target get
# reserved stacks.
include("${CMAKE_CURRENT_LIST_DIR}/compiler_plugin.cmake")

# Builds what the compiler needs. result_problem is empty or says what is missing; else result_thread_locals,
# result_place_locals, result_divert_calls and result_check_calls are the paths of the passes and of the program that looks
# through an image.
function(moor_movable_stacks_tools result)
    set(tools thread_locals place_locals divert_calls check_calls)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_CXX_COMPILER_FRONTEND_VARIANT STREQUAL "GNU" OR MSVC)
        set(${result}_problem
            "stack checks need Clang for MinGW-w64 (-fsplit-stack), this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
            PARENT_SCOPE)
        return()
    endif()
    set(suffix "")
    if(CMAKE_HOST_WIN32)
        set(suffix .exe)
    endif()
    moor_compiler_plugin(thread_locals thread_locals SOURCES compiler/thread_locals.cpp)
    moor_compiler_plugin(
        place_locals place_locals
        SOURCES compiler/place_locals.cpp compiler/arguments.cpp compiler/data_frames.cpp compiler/escaping.cpp
                compiler/temporaries.cpp compiler/placing.hpp)
    moor_compiler_plugin(divert_calls divert_calls SOURCES compiler/divert_calls.cpp compiler/direct_functions.hpp)
    moor_build_for_host(
        check_calls "${suffix}" check_calls
        SOURCES compiler/check_calls.cpp compiler/direct_functions.hpp unwind/image_headers.cpp unwind/image_headers.hpp
                unwind/unwind_info.hpp
        OPTIONS -std=c++20 -O2)
    set(${result}_problem "" PARENT_SCOPE)
    foreach(tool IN LISTS tools)
        set(${result}_${tool} "${${tool}}" PARENT_SCOPE)
        if(NOT ${tool})
            set(${result}_problem "${${tool}_problem}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()

function(moor_enable_movable_stacks target)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" OR type STREQUAL "SHARED_LIBRARY" OR type STREQUAL "MODULE_LIBRARY")
        set(scope PRIVATE)
    else()
        set(scope INTERFACE)
    endif()
    target_link_libraries(${target} ${scope} moor::moor)
    moor_movable_stacks_tools(tools)
    if(tools_problem)
        message(WARNING "moor_enable_movable_stacks(${target}): ${tools_problem}. Its movable coroutines get reserved stacks.")
        return()
    endif()
    # A guarded indirect call (control flow guard) loses r10, in which the address of what is diverted travels.
    if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 16)
        target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:-mguard=none>")
    endif()
    # Locals are placed before calls are diverted, which adds none. Link-time optimisation would transform code after both,
    # and inline what they have not seen.
    target_compile_options(
        ${target}
        PRIVATE
            "$<$<COMPILE_LANGUAGE:CXX,C>:-fsplit-stack;SHELL:-fpass-plugin=\"${tools_thread_locals}\";SHELL:-fpass-plugin=\"${tools_place_locals}\";SHELL:-fpass-plugin=\"${tools_divert_calls}\";-fno-lto>"
    )
    foreach(function IN ITEMS malloc calloc realloc free _aligned_malloc _aligned_free __cxa_throw __cxa_rethrow
                              _ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE)
        target_link_options(${target} ${scope} "LINKER:--wrap=${function}")
    endforeach()
    target_link_options(${target} ${scope} -static-libgcc -static-libstdc++)
    if(scope STREQUAL "PRIVATE")
        add_custom_command(TARGET ${target} POST_BUILD COMMAND "${tools_check_calls}" "$<TARGET_FILE:${target}>" VERBATIM)
    endif()
endfunction()
