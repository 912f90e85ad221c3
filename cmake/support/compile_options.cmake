# How moor's own code is compiled: moor_compile_options(target) is for its library, tests, benchmarks and examples.

function(moor_compile_options target)
    if(MSVC)
        # C4324 says that alignas has made a structure larger, as alignas does.
        set(options /W4 /wd4324 /permissive- /Zc:__cplusplus /utf-8)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "MSVC")
            # Fiber-safe TLS: no address of a thread_local is kept across a switch. clang-cl has no such switch.
            list(APPEND options /GT /Zc:preprocessor)
            # Ninja runs a compiler for each processor by itself, Visual Studio's generator only one for each project.
            if(CMAKE_GENERATOR MATCHES "Visual Studio")
                list(APPEND options /MP)
            endif()
        endif()
        if(MOOR_WARNINGS_AS_ERRORS)
            list(APPEND options /WX)
        endif()
    else()
        set(options
            -Wall
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
            list(APPEND options -Wduplicated-cond -Wlogical-op)
        else()
            list(APPEND options -Wextra-semi -Wunused-lambda-capture)
        endif()
        if(MOOR_WARNINGS_AS_ERRORS)
            list(APPEND options -Werror)
        endif()
    endif()
    # Not for the assembler.
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${options}>")
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    if(WIN32)
        target_compile_definitions(
            ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:WIN32_LEAN_AND_MEAN;NOMINMAX;_WIN32_WINNT=0x0A00;UNICODE;_UNICODE>")
    endif()
endfunction()
