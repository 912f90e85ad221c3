# Builds the benchmarks and runs each pinned to one processor: cmake -P cmake/bench.cmake
# Options, before -P: -D COMPILER=clang|gcc, -D FILTER=regex (names of benchmark programs), -D REPEAT=n (repetitions).
# The results are also written to build/<compiler>-release/bench/<program>.json.
#
# Under Wine every I/O call is a round trip to the Wine server, so the server is pinned to the same processor and has a
# prefix of its own. Compare I/O numbers only within one run.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(FILTER "" ".*")
moor_option(REPEAT 5 "[0-9]+")

moor_prepare(${COMPILER} wine)
moor_build(release status moor_bench)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "The benchmarks could not be built, see above.")
endif()

moor_build_directory(release directory)
file(STRINGS "${directory}/bench_programs.txt" programs)
set(pinned ${MOOR_EMULATOR})
if(NOT CMAKE_HOST_WIN32)
    set(ENV{MOOR_WINE_PREFIX} "${MOOR_ROOT}/build/wine-bench")
    find_program(taskset taskset NO_CACHE)
    if(taskset)
        list(PREPEND pinned "${taskset}" -c 0)
    else()
        message(WARNING "taskset is missing, so nothing is pinned and the numbers are noisy.")
    endif()
    moor_run("starting a Wine server for the benchmarks" ${pinned} --prepare)
endif()

set(failed)
file(MAKE_DIRECTORY "${directory}/bench")
foreach(program IN LISTS programs)
    get_filename_component(name "${program}" NAME_WE)
    if(NOT name MATCHES "${FILTER}")
        continue()
    endif()
    moor_say("running ${name}")
    # The program runs in the folder of the results: a bare file name is the same on Windows and under Wine.
    execute_process(
        COMMAND ${pinned} "${program}" --benchmark_out=${name}.json --benchmark_out_format=json
                --benchmark_repetitions=${REPEAT} --benchmark_report_aggregates_only=true
        WORKING_DIRECTORY "${directory}/bench" RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        list(APPEND failed ${name})
    endif()
endforeach()
if(NOT CMAKE_HOST_WIN32)
    execute_process(COMMAND ${MOOR_EMULATOR} --stop)
endif()
if(failed)
    message(FATAL_ERROR "Failed: ${failed}")
endif()
moor_say("results are in ${directory}/bench")
