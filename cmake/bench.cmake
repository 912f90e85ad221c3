# Builds the benchmarks, runs each pinned to one processor, and prints a table of what was promised and what was measured:
#   cmake -P cmake/bench.cmake
# Options, before -P: -D COMPILER=clang|gcc, -D FILTER=regex (names of benchmark programs), -D REPEAT=n (repetitions).
# The results are also written to build/<compiler>-release/bench/<program>.json and table.txt.
#
# The repetitions of a program's benchmarks come in random order, and one of them is always bare_jump, a bare Boost.Context jump
# (11 ns on a quiet machine of the kind that the targets are for): when that one took longer, the machine was busy or slow, and
# the column "in jumps" says more than the nanoseconds do.
#
# Under Wine every I/O call is a round trip to the Wine server, so the server is pinned to the same processor and has a
# prefix of its own. Compare I/O numbers only within one run.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/support/bench_table.cmake")
moor_option(FILTER "" ".*")
moor_option(REPEAT 11 "[2-9]|[1-9][0-9]+")

moor_prepare(${COMPILER} wine)
moor_build(release status moor_bench)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "The benchmarks could not be built, see above.")
endif()

moor_build_directory(release directory)
file(STRINGS "${directory}/bench_programs.txt" programs)
set(chosen)
set(names)
foreach(program IN LISTS programs)
    get_filename_component(name "${program}" NAME_WE)
    list(APPEND names ${name})
    if(name MATCHES "${FILTER}")
        list(APPEND chosen "${program}")
    endif()
endforeach()
if(NOT chosen)
    string(REPLACE ";" ", " names "${names}")
    moor_stop("FILTER=${FILTER} is the name of no benchmark program. There are: ${names}")
endif()
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
file(GLOB old_results "${directory}/bench/*_bench.json")
if(old_results)
    file(REMOVE ${old_results})
endif()
foreach(program IN LISTS chosen)
    get_filename_component(name "${program}" NAME_WE)
    moor_say("running ${name}")
    # The program runs in the folder of the results: a bare file name is the same on Windows and under Wine.
    execute_process(
        COMMAND ${pinned} "${program}" --benchmark_out=${name}.json --benchmark_out_format=json
                --benchmark_repetitions=${REPEAT} --benchmark_report_aggregates_only=true
                --benchmark_enable_random_interleaving=true --benchmark_min_time=0.1
        WORKING_DIRECTORY "${directory}/bench" RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        list(APPEND failed ${name})
    endif()
endforeach()
if(NOT CMAKE_HOST_WIN32)
    execute_process(COMMAND ${MOOR_EMULATOR} --stop)
endif()
moor_bench_table("${directory}/bench" table)
file(WRITE "${directory}/bench/table.txt" "${table}")
execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "\n${table}")
moor_say("results are in ${directory}/bench")
if(failed)
    message(FATAL_ERROR "Failed: ${failed}")
endif()
