# moor_enable_movable_stacks(target): builds a program's own code with stack checks, so that its coroutines may run on
# stacks that move, spawn({.stack = stack_kind::movable}, ...). docs/stacks.md says what the code has to keep to.
# Needs Clang with the GNU command line and MinGW-w64; programs are linked statically.

include("${CMAKE_CURRENT_LIST_DIR}/diverted_calls.cmake")

function(moor_enable_movable_stacks target)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_CXX_COMPILER_FRONTEND_VARIANT STREQUAL "GNU" OR MSVC)
        message(
            FATAL_ERROR
                "moor_enable_movable_stacks(${target}): needs Clang for MinGW-w64, whose -fsplit-stack makes the stack "
                "checks; this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Use reserved stacks, or call "
                "moor::ensure_stack before code that needs more.")
    endif()
    # What Clang generates for alloca on Windows reads the wrong segment register.
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:-fsplit-stack;-Werror=alloca;-Werror=vla>")
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" OR type STREQUAL "SHARED_LIBRARY" OR type STREQUAL "MODULE_LIBRARY")
        set(scope PRIVATE)
    else()
        set(scope INTERFACE)
    endif()
    foreach(function IN ITEMS malloc calloc realloc free _aligned_malloc _aligned_free __cxa_throw __cxa_rethrow
                              _ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE)
        target_link_options(${target} ${scope} "LINKER:--wrap=${function}")
    endforeach()
    target_link_options(${target} ${scope} -static-libgcc -static-libstdc++)
    target_link_libraries(${target} ${scope} moor::moor)
    moor_divert_calls(${target})
endfunction()
