# What the tests of this folder share: how the consumer project is configured as the build under test is, and steps.
# SOURCE and BINARY are moor's folders, CONFIG the configuration; the rest is what moor itself was configured with.
cmake_minimum_required(VERSION 3.25)
include("${SOURCE}/cmake/support/fetch_source.cmake")
moor_cache_directory(cache)
set(ENV{MOOR_CACHE} "${cache}")
if(NOT DEFINED ENV{MOOR_WINE_PREFIX})
    set(ENV{MOOR_WINE_PREFIX} "${SOURCE}/build/wine") # an installed run.sh would make one for the user
endif()

# The options of a configuration with the compiler that built moor; another toolchain file may be given.
function(compiler_options result)
    set(options -G "${GENERATOR}" -D "CMAKE_BUILD_TYPE=${CONFIG}")
    set(toolchain "${TOOLCHAIN}" ${ARGN})
    list(GET toolchain -1 toolchain)
    if(toolchain)
        list(APPEND options -D "CMAKE_TOOLCHAIN_FILE=${toolchain}" -D "MOOR_CLANG=${MOOR_CLANG}")
    elseif(GENERATOR MATCHES "Ninja|Makefiles")
        list(APPEND options -D "CMAKE_CXX_COMPILER=${COMPILER}")
    endif()
    if(TOOLSET)
        list(APPEND options -T "${TOOLSET}")
    endif()
    if(LAUNCHER)
        list(APPEND options -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
    endif()
    set(${result} ${options} PARENT_SCOPE)
endfunction()

function(step)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        list(JOIN ARGN " " line)
        message(FATAL_ERROR "failed (${status}): ${line}")
    endif()
endfunction()

# A step that has to fail with all of these texts, which may be broken into lines differently.
function(refused texts)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
    string(REGEX REPLACE "[ \n]+" " " said_in_one_line "${said}")
    list(JOIN ARGN " " line)
    if(status STREQUAL "0")
        message(FATAL_ERROR "was not refused: ${line}\n${said}")
    endif()
    foreach(text IN LISTS texts)
        string(FIND "${said_in_one_line}" "${text}" position)
        if(position EQUAL -1)
            message(FATAL_ERROR "did not say '${text}': ${line}\n${said}")
        endif()
    endforeach()
endfunction()

# Installs the build under test into a new prefix: one from an earlier run could hide a file that is no longer installed.
function(install_to prefix)
    file(REMOVE_RECURSE "${prefix}")
    execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BINARY}" --config "${CONFIG}" --prefix "${prefix}"
                    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
