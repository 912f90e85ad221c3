# Builds the benchmarks, runs them pinned, and reports:
#   cmake -P cmake/bench.cmake                 the library's own set: a table of what was promised and what was measured
#   cmake -D PEERS=ON -P cmake/bench.cmake     moor beside its peers (bench/comparison), on one processor and on two
# Options, before -P, with either: -D COMPILER=clang|gcc
#   own set: -D FILTER=regex (names of benchmark programs), -D REPEAT=n (repetitions)
#   peers: -D ROUNDS=n, -D JOBS=regex (ids of rows), -D ONLY=regex (peers), -D MILLISECONDS=n (of a run), -D SEED=n,
#          -D UPDATE_DOCS=ON (copy the report to docs: benchmarks.md, benchmarks_tables.md, and the plots to docs/benchmarks)
# The own set is written to build/<compiler>-release/bench: JSON, own.md, table.txt. The comparison is a project of its own, with
# tests of its own, which run first: it is built in build/<compiler>-comparison and written to the folder bench there: JSON,
# benchmarks.md, benchmarks_tables.md. Plots are in the folder benchmarks beside them.
#
# The repetitions of a program's benchmarks come in random order, and one of them is always bare_jump, a bare Boost.Context jump
# (11 ns on a quiet machine of the kind that the targets are for): when that one took longer, the machine was busy or slow, and
# the column "in jumps" says more than the nanoseconds do. How peers are compared stands in docs/benchmarks.md.
#
# Under Wine every I/O call is a round trip to the Wine server, so the server is pinned to the same processors and has a
# prefix of its own. Compare I/O numbers only within one run.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(PEERS OFF "ON|OFF")
moor_option(FILTER "" ".*")
moor_option(REPEAT 11 "[2-9]|[1-9][0-9]+")
moor_option(ROUNDS 5 "[1-9][0-9]*")
moor_option(JOBS ".*" ".*")
moor_option(ONLY ".*" ".*")
moor_option(MILLISECONDS 60 "[1-9][0-9]*")
moor_option(SEED 1 "[1-9][0-9]*")
moor_option(UPDATE_DOCS OFF "ON|OFF")

if(PEERS)
    moor_build_directory(comparison directory)
else()
    moor_build_directory(release directory)
endif()
set(results "${directory}/bench")
file(MAKE_DIRECTORY "${results}")

# What a command line begins with so that the program, and the Wine server that it starts, run on these processors only.
function(moor_pinned processors result)
    set(pinned ${MOOR_EMULATOR})
    if(NOT CMAKE_HOST_WIN32)
        set(ENV{MOOR_WINE_PREFIX} "${MOOR_ROOT}/build/wine-bench")
        find_program(taskset taskset NO_CACHE)
        if(taskset)
            list(PREPEND pinned "${taskset}" -c ${processors})
        else()
            message(WARNING "taskset is missing, so nothing is pinned and the numbers are noisy.")
        endif()
        # One that lingers may be pinned otherwise.
        execute_process(COMMAND ${MOOR_EMULATOR} --stop)
        moor_run("starting a Wine server for the benchmarks" ${pinned} --prepare)
    endif()
    set(${result} ${pinned} PARENT_SCOPE)
endfunction()

function(moor_stop_wine_server)
    if(NOT CMAKE_HOST_WIN32)
        set(ENV{MOOR_WINE_PREFIX} "${MOOR_ROOT}/build/wine-bench")
        execute_process(COMMAND ${MOOR_EMULATOR} --stop)
    endif()
endfunction()

function(moor_own_set)
    moor_build(release status moor_bench moor_own_report)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "The benchmarks could not be built, see above.")
    endif()
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

    moor_pinned(0 pinned)
    set(failed)
    file(GLOB old_results "${results}/*_bench.json")
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
            WORKING_DIRECTORY "${results}" RESULT_VARIABLE status)
        if(NOT status STREQUAL "0")
            list(APPEND failed ${name})
        endif()
    endforeach()
    moor_program("${directory}" moor_own_report report)
    execute_process(COMMAND ${pinned} "${report}" . . WORKING_DIRECTORY "${results}" RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        list(APPEND failed report)
    endif()
    moor_stop_wine_server()
    moor_say("results are in ${results}: own.md, table.txt, and JSON of each program")
    if(failed)
        message(FATAL_ERROR "Failed: ${failed}")
    endif()
endfunction()

# One run of the driver, on so many processors.
function(moor_compare_on processors file)
    math(EXPR last "${processors} - 1")
    moor_pinned(0-${last} pinned)
    moor_program("${directory}" moor_compare compare)
    moor_say("comparing on ${processors} processor(s)")
    execute_process(
        COMMAND ${pinned} "${compare}" --threads=${processors} --rounds=${ROUNDS} --jobs=${JOBS} --peers=${ONLY}
                --milliseconds=${MILLISECONDS} --seed=${SEED} --out=${file} ../peer_programs.txt
        WORKING_DIRECTORY "${results}" RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        moor_stop_wine_server()
        message(FATAL_ERROR "The comparison failed (${status}), see above.")
    endif()
endfunction()

function(moor_comparison)
    set(source "${MOOR_ROOT}/bench/comparison")
    set(configure -B "${directory}" -D CMAKE_BUILD_TYPE=Release)
    if(NOT COMPILER STREQUAL "native")
        list(PREPEND configure --preset comparison-${COMPILER})
    endif()
    moor_run("configuring the comparison" "${CMAKE_COMMAND}" -S "${source}" ${configure})
    moor_run("building the comparison" "${CMAKE_COMMAND}" --build "${directory}" --config Release --parallel)
    moor_run("testing the comparison" "${CMAKE_CTEST_COMMAND}" --test-dir "${directory}" -C Release --output-on-failure
             --no-tests=error)
    set(files comparison-1.json)
    moor_compare_on(1 comparison-1.json)
    cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
    if(processors GREATER 1)
        moor_compare_on(2 comparison-2.json)
        list(APPEND files comparison-2.json)
    else()
        moor_say("this machine has one processor, so there is no comparison on two")
    endif()
    file(COPY "${source}/report/introduction.md" "${source}/report/method.md" DESTINATION "${results}")
    file(GLOB old_plots "${results}/benchmarks/*-[12].svg")
    if(old_plots)
        file(REMOVE ${old_plots})
    endif()
    moor_program("${directory}" moor_report report)
    execute_process(COMMAND ${MOOR_EMULATOR} "${report}" . . ${files}
                    WORKING_DIRECTORY "${results}" RESULT_VARIABLE status)
    moor_stop_wine_server()
    if(NOT status STREQUAL "0")
        message(FATAL_ERROR "The report could not be written.")
    endif()
    moor_say("the report is ${results}/benchmarks.md")
    if(UPDATE_DOCS)
        file(REMOVE_RECURSE "${MOOR_ROOT}/docs/benchmarks")
        file(COPY "${results}/benchmarks.md" "${results}/benchmarks_tables.md" DESTINATION "${MOOR_ROOT}/docs")
        file(GLOB plots "${results}/benchmarks/*-[12].svg")
        file(COPY ${plots} DESTINATION "${MOOR_ROOT}/docs/benchmarks")
        moor_say("docs/benchmarks.md, docs/benchmarks_tables.md and docs/benchmarks hold this report now")
    endif()
endfunction()

moor_prepare(${COMPILER} wine)
if(PEERS)
    moor_comparison()
else()
    moor_own_set()
endif()
