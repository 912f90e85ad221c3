# What the scripts of cmake/ share: their options and the running of steps.
cmake_minimum_required(VERSION 3.25)

get_filename_component(MOOR_ROOT "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
include("${CMAKE_CURRENT_LIST_DIR}/prepare.cmake")

# Options are given before -P, as in: cmake -D COMPILER=gcc -D CONFIG=debug -P cmake/test.cmake
function(moor_option name default allowed)
    if(NOT DEFINED ${name} OR "${${name}}" STREQUAL "")
        set(${name} "${default}" PARENT_SCOPE)
    elseif(NOT "${${name}}" MATCHES "^(${allowed})$")
        message(FATAL_ERROR "${name}=${${name}} is not one of ${allowed}. Options go before -P: "
                            "cmake -D ${name}=... -P ${CMAKE_SCRIPT_MODE_FILE}")
    endif()
endfunction()

if(CMAKE_HOST_WIN32)
    moor_option(COMPILER native native)
else()
    moor_option(COMPILER clang "clang|gcc")
endif()

# How many tests run at a time. Many of them wait more than they compute; those that measure run alone (RUN_SERIAL).
moor_option(PARALLEL 2 "[1-9][0-9]*")

# Says what the next step does.
function(moor_say text)
    execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "-- moor: ${text}")
endfunction()

# Runs a step with its output passed through; its exit status is put into result.
function(moor_try result what)
    moor_say("${what}")
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${MOOR_ROOT}" RESULT_VARIABLE status)
    set(${result} "${status}" PARENT_SCOPE)
endfunction()

function(moor_run what)
    moor_try(status "${what}" ${ARGN})
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "failed (${status}): ${what}")
    endif()
endfunction()

# Notes the outcome of a step for the summary; steps after a failure are still taken where they can be.
set(summary "")
set(failed OFF)
macro(moor_note what status)
    if("${status}" STREQUAL "0")
        string(APPEND summary "   passed  ${what}\n")
    else()
        string(APPEND summary "   FAILED  ${what}\n")
        set(failed ON)
    endif()
endmacro()

# The end of a script that has noted something: fails when a step has.
function(moor_summarise)
    message("\nSummary\n${summary}")
    if(failed)
        message(FATAL_ERROR "Something failed, see above.")
    endif()
endfunction()

function(moor_build_directory config result)
    # Another Clang, by the environment variable MOOR_CLANG, has folders of its own.
    set(version "")
    if(COMPILER STREQUAL "clang" AND "$ENV{MOOR_CLANG}" MATCHES "(-[0-9]+)$")
        set(version "${CMAKE_MATCH_1}")
    endif()
    set(${result} "${MOOR_ROOT}/build/${COMPILER}${version}-${config}" PARENT_SCOPE)
endfunction()

# Configures and builds one configuration (debug or release); arguments after the result are targets. MOOR_CONFIGURE_OPTIONS
# are further arguments for the configuration. What is to be built is said each time: the folder may have been configured
# by hand for something else.
function(moor_build config result)
    moor_build_directory(${config} directory)
    set(type Release)
    set(bench ON)
    if(config STREQUAL "debug")
        set(type Debug)
        set(bench OFF)
    endif()
    set(parts -D MOOR_BUILD_TESTS=ON -D MOOR_BUILD_EXAMPLES=ON -D MOOR_BUILD_BENCH=${bench} -D MOOR_INSTALL=ON
              -D MOOR_LONG_TESTS=OFF -U "MOOR_RANDOM_LOOPS*")
    if(COMPILER STREQUAL "native")
        moor_try(status "configuring ${COMPILER} ${config}"
                 "${CMAKE_COMMAND}" -S "${MOOR_ROOT}" -B "${directory}" -D CMAKE_BUILD_TYPE=${type} ${parts}
                 ${MOOR_CONFIGURE_OPTIONS})
    else()
        moor_try(status "configuring ${COMPILER} ${config}" "${CMAKE_COMMAND}" --preset ${COMPILER}-${config} -B "${directory}"
                 ${parts} ${MOOR_CONFIGURE_OPTIONS})
    endif()
    if(status EQUAL 0)
        set(targets)
        if(ARGN)
            set(targets --target ${ARGN})
        endif()
        moor_try(status "building ${COMPILER} ${config}"
                 "${CMAKE_COMMAND}" --build "${directory}" --config ${type} --parallel ${targets})
    endif()
    set(${result} "${status}" PARENT_SCOPE)
endfunction()

# The command that runs tests of a configuration.
function(moor_ctest config result)
    moor_build_directory(${config} directory)
    set(command "${CMAKE_CTEST_COMMAND}" --test-dir "${directory}" --output-on-failure --no-tests=error
                --parallel ${PARALLEL})
    if(COMPILER STREQUAL "native")
        string(SUBSTRING "${config}" 0 1 first)
        string(TOUPPER "${first}" first)
        string(REGEX REPLACE "^." "${first}" type "${config}")
        list(APPEND command -C ${type})
    endif()
    set(${result} "${command}" PARENT_SCOPE)
endfunction()

# How a Windows program is run here, and what turns a path of this machine into one that such a program understands.
set(MOOR_EMULATOR)
set(MOOR_WINDOWS_ROOT "")
if(NOT CMAKE_HOST_WIN32)
    set(MOOR_EMULATOR "${MOOR_ROOT}/cmake/wine/run.sh")
    set(MOOR_WINDOWS_ROOT "Z:")
endif()

# The program file of a target, out of the lists that the build wrote.
function(moor_program directory target result)
    set(lines "")
    foreach(list IN ITEMS programs.txt test_programs.txt bench_tools.txt)
        if(EXISTS "${directory}/${list}")
            file(STRINGS "${directory}/${list}" found REGEX "^${target}=")
            list(APPEND lines ${found})
        endif()
    endforeach()
    if(lines STREQUAL "")
        message(FATAL_ERROR "This build has no program ${target}.")
    endif()
    string(REGEX REPLACE "^${target}=" "" file "${lines}")
    set(${result} "${file}" PARENT_SCOPE)
endfunction()
