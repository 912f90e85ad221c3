# One ctest entry for each way in which another project can use moor, and for each mistake that it is told of.
function(add_consumer_test name script)
    add_test(
        NAME consumer_${name}
        COMMAND
            "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "BINARY=${PROJECT_BINARY_DIR}"
            -D "CONFIG=$<CONFIG>" -D "GENERATOR=${CMAKE_GENERATOR}" -D "TOOLSET=${CMAKE_GENERATOR_TOOLSET}"
            -D "TOOLCHAIN=${CMAKE_TOOLCHAIN_FILE}" -D "COMPILER=${CMAKE_CXX_COMPILER}"
            -D "COMPILER_ID=${CMAKE_CXX_COMPILER_ID}" -D "MOOR_CLANG=${MOOR_CLANG}"
            -D "LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}" ${ARGN} -P "${PROJECT_SOURCE_DIR}/tests/consumer/${script}.cmake")
    set_tests_properties(consumer_${name} PROPERTIES LABELS consumer TIMEOUT 1200)
endfunction()

foreach(mode IN ITEMS subdirectory fetch installed)
    add_consumer_test(${mode} run -D MODE=${mode})
endforeach()
add_consumer_test(read_only_source read_only_source)
add_consumer_test(installed_boost installed_boost)
add_consumer_test(scripts_after_install scripts_after_install)
# A generator of several configurations has all of them in one folder of its own, and one install script.
if(NOT CMAKE_CONFIGURATION_TYPES)
    add_consumer_test(two_configurations two_configurations)
endif()
if(CMAKE_CROSSCOMPILING AND CMAKE_HOST_UNIX)
    find_program(MOOR_HOST_COMPILER NAMES "${moor_clangxx}" clang++ g++)
    if(MOOR_HOST_COMPILER)
        add_consumer_test(wrong_system wrong_system -D "HOST_COMPILER=${MOOR_HOST_COMPILER}")
    else()
        message(STATUS "moor: no test of a project without a toolchain: this machine has no compiler for itself")
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        set(other clang)
        find_program(MOOR_OTHER_MINGW_COMPILER NAMES "${moor_clangxx}" clang++)
    else()
        set(other gcc)
        find_program(MOOR_OTHER_MINGW_COMPILER NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++)
    endif()
    if(MOOR_OTHER_MINGW_COMPILER)
        add_consumer_test(wrong_compiler wrong_compiler
                          -D "OTHER_TOOLCHAIN=${PROJECT_SOURCE_DIR}/cmake/toolchains/mingw-${other}.cmake")
    else()
        message(STATUS "moor: no test of a project of the other MinGW compiler: it is not installed")
    endif()
    mark_as_advanced(MOOR_HOST_COMPILER MOOR_OTHER_MINGW_COMPILER)
endif()
