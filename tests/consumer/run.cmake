# Configures, builds and runs the consumer project in one mode, with the compiler that built moor.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

set(directory "${BINARY}/consumer/${MODE}")
set(toolchain "${TOOLCHAIN}")
set(options -D CONSUMER_MODE=${MODE} -D "CONSUMER_MOOR_SOURCE=${SOURCE}")
if(MODE STREQUAL "fetch")
    # A real clone, of what is committed.
    find_program(git git NO_CACHE)
    set(commit "")
    if(git AND EXISTS "${SOURCE}/.git")
        execute_process(COMMAND "${git}" -C "${SOURCE}" rev-parse HEAD OUTPUT_VARIABLE commit ERROR_VARIABLE errors
                        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
        list(APPEND options -D "CONSUMER_MOOR_COMMIT=${commit}")
        # The clone of an earlier run would fetch branches only, and the commit need not be on one.
        file(REMOVE_RECURSE "${directory}/build/_deps/moor-src" "${directory}/build/_deps/moor-subbuild")
    else()
        message(NOTICE "This source tree is no git checkout (or there is no git): FetchContent takes it as it is, by SOURCE_DIR.")
        list(APPEND options -D "CONSUMER_MOOR_COMMIT=")
    endif()
elseif(MODE STREQUAL "installed")
    install_to("${directory}/prefix")
    list(APPEND options -D "CMAKE_PREFIX_PATH=${directory}/prefix")
    # Those that are installed along, if it is one of ours.
    string(REPLACE "${SOURCE}/cmake/toolchains/" "${directory}/prefix/lib/cmake/moor/toolchains/" toolchain "${TOOLCHAIN}")
endif()

compiler_options(compiler "${toolchain}")
step("${CMAKE_COMMAND}" -S "${SOURCE}/tests/consumer" -B "${directory}/build" ${compiler} ${options})
if(MODE STREQUAL "fetch" AND commit AND NOT EXISTS "${directory}/build/_deps/moor-src/.git")
    message(FATAL_ERROR "FetchContent did not clone.")
endif()
step("${CMAKE_COMMAND}" --build "${directory}/build" --config "${CONFIG}" --parallel)
step("${CMAKE_CTEST_COMMAND}" --test-dir "${directory}/build" -C "${CONFIG}" --output-on-failure)
