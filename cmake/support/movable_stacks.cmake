# moor_enable_movable_stacks(target): builds a program's own code so that its coroutines may run on stacks that move,
# spawn({.stack = stack_kind::movable}, ...): with Clang's stack checks, and two passes of the project's own. One puts every
# local variable with an address on a stack that does not move (src/compiler/place_locals.cpp), the other leads calls of code
# without checks to the thread's own stack (docs/stacks.md). Needs Clang with the GNU command line and MinGW-w64, the LLVM
# headers of that Clang, and a compiler for this machine; programs are linked statically.

include("${CMAKE_CURRENT_LIST_DIR}/diverted_calls.cmake")

function(moor_enable_movable_stacks target)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_CXX_COMPILER_FRONTEND_VARIANT STREQUAL "GNU" OR MSVC)
        message(
            FATAL_ERROR
                "moor_enable_movable_stacks(${target}): needs Clang for MinGW-w64, whose -fsplit-stack makes the stack "
                "checks; this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Use reserved stacks, or call "
                "moor::ensure_stack before code that needs more.")
    endif()
    moor_compiler_plugin(place_locals plugin SOURCES compiler/place_locals.cpp)
    if(NOT plugin)
        message(FATAL_ERROR "moor_enable_movable_stacks(${target}): ${plugin_problem}. Use reserved stacks.")
    endif()
    # Before the plugin that diverts calls, which adds no local. Link-time optimisation would transform code after both, and
    # inline what they have not seen.
    target_compile_options(
        ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX,C>:-fsplit-stack;SHELL:-fpass-plugin=\"${plugin}\";-fno-lto>")
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
