# How moor's own code is compiled: moor_compile_options(target) is for its library, tests, benchmarks and examples.

function(moor_compile_options target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 /permissive- /Zc:__cplusplus /utf-8)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "MSVC")
            # Fiber-safe TLS: no address of a thread_local is kept across a switch. clang-cl has no such switch.
            target_compile_options(${target} PRIVATE /GT /Zc:preprocessor)
        endif()
        if(MOOR_WARNINGS_AS_ERRORS)
            target_compile_options(${target} PRIVATE /WX)
        endif()
    else()
        target_compile_options(
            ${target}
            PRIVATE -Wall
                    -Wextra
                    -Wpedantic
                    -Wshadow
                    -Wnon-virtual-dtor
                    -Woverloaded-virtual
                    -Wcast-align
                    -Wformat=2
                    -Wimplicit-fallthrough
                    -Wundef)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            target_compile_options(${target} PRIVATE -Wduplicated-cond -Wlogical-op)
        else()
            target_compile_options(${target} PRIVATE -Wextra-semi -Wunused-lambda-capture)
        endif()
        if(MOOR_WARNINGS_AS_ERRORS)
            target_compile_options(${target} PRIVATE -Werror)
        endif()
    endif()
    if(WIN32)
        target_compile_definitions(${target} PRIVATE WIN32_LEAN_AND_MEAN NOMINMAX _WIN32_WINNT=0x0A00 UNICODE _UNICODE)
    endif()
endfunction()
