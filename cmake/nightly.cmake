# Runs what takes too long for every change, and sums up: cmake -P cmake/nightly.cmake. Takes hours.
# Options, before -P: -D COMPILER=clang|gcc, -D CONFIG=debug|release, -D ONLY=regex (of the parts below),
#   loops     -D SEEDS=n files of -D LOOPS=n random loops over local arrays, at -O1, -O2 and -O3 with the widest vectors
#   http      -D REQUESTS=n to a server whose handler is as innocent as a user's, its stacks moving at every opportunity
#   torture   the load of the original report, -D MILLISECONDS=n for each run
#   snippets  innocent code at -O0, -O1 and -O3 with the widest vectors, under every switch of MOOR_DEBUG
#   preempt   the tests of preemption, with -D PERCENT=n of their preemptions
#   trees     random trees of calls, -D TREES=n times, each with new seeds
#   analyze   clang-tidy with all its checks (cmake/tidy.cmake)
#   model     every interleaving of the lock-free core, to larger bounds (cmake/model.cmake)
#   door      every call of the system fails once with every error that is documented for it
#   peers     the comparison with peers, so short that it only shows that all of it works
#   repeat    the tests of iocp, sched, sync and net, -D REPEAT=n times each, until one fails
# All but torture, preempt, analyze, model, door, peers and repeat are about stacks that move, and are left out where the compiler cannot make them.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(CONFIG release "debug|release")
moor_option(ONLY "" ".*")
moor_option(SEEDS 50 "[1-9][0-9]*")
moor_option(LOOPS 120 "[1-9][0-9]*")
moor_option(REQUESTS 100000 "[1-9][0-9]*")
moor_option(MILLISECONDS 10000 "[1-9][0-9]*")
moor_option(PERCENT 1000 "[1-9][0-9]*")
moor_option(TREES 100 "[1-9][0-9]*")
moor_option(REPEAT 20 "[1-9][0-9]*")

set(parts loops http torture snippets preempt trees analyze model door peers repeat)
if(NOT ONLY STREQUAL "")
    list(FILTER parts INCLUDE REGEX "^(${ONLY})$")
    if(NOT parts)
        message(FATAL_ERROR "ONLY=${ONLY} is none of loops, http, torture, snippets, preempt, trees, analyze, model, door, peers, repeat.")
    endif()
endif()

if(COMPILER STREQUAL "gcc")
    list(REMOVE_ITEM parts loops http snippets trees)
endif()
if(NOT COMPILER STREQUAL "clang")
    list(REMOVE_ITEM parts analyze model)
endif()
if(COMPILER STREQUAL "native") # .github/workflows/nightly.yml makes a whole one
    list(REMOVE_ITEM parts peers)
endif()

# Only what is asked for is built.
set(targets_of_loops random_loops_O1_test random_loops_O2_test random_loops_O3_test)
set(targets_of_http http_handler_test)
set(targets_of_torture torture_test)
set(targets_of_snippets innocent_code_O0_test innocent_code_O1_test innocent_code_O3_test)
set(targets_of_preempt preempt_test)
set(targets_of_trees movable_stack_test)
set(targets_of_analyze moor)
set(targets_of_model moor)
set(targets_of_door door_test)
set(targets_of_peers moor)
set(targets "")
if(NOT "repeat" IN_LIST parts AND NOT COMPILER STREQUAL "native")
    foreach(part IN LISTS parts)
        list(APPEND targets ${targets_of_${part}})
    endforeach()
endif()

moor_prepare(${COMPILER} wine)
set(MOOR_CONFIGURE_OPTIONS -D MOOR_BUILD_BENCH=OFF -D MOOR_BUILD_EXAMPLES=OFF -D MOOR_LONG_TESTS=ON)
if("loops" IN_LIST parts)
    list(APPEND MOOR_CONFIGURE_OPTIONS -D MOOR_RANDOM_LOOPS=${SEEDS} -D MOOR_RANDOM_LOOPS_COUNT=${LOOPS})
endif()
moor_build(${CONFIG} status ${targets})
moor_note("build ${COMPILER} ${CONFIG}" "${status}")
if(NOT status EQUAL 0)
    moor_summarise()
endif()

moor_build_directory(${CONFIG} directory)
moor_ctest(${CONFIG} ctest)

# On Windows the compiler of the environment decides.
file(STRINGS "${directory}/test_programs.txt" movable REGEX "^http_handler_test=")
if(NOT movable)
    list(REMOVE_ITEM parts loops http snippets trees)
endif()

# Runs a program of the tests under some switches of MOOR_DEBUG; further arguments are the program's.
function(run_under switches what target)
    moor_program("${directory}" ${target} program)
    set(ENV{MOOR_DEBUG} "${switches}")
    moor_try(status "${what}, MOOR_DEBUG=${switches}" ${MOOR_EMULATOR} "${program}" ${ARGN})
    unset(ENV{MOOR_DEBUG})
    moor_note("${what}, MOOR_DEBUG=${switches}" "${status}")
    set(summary "${summary}" PARENT_SCOPE)
    set(failed "${failed}" PARENT_SCOPE)
endfunction()

if("loops" IN_LIST parts)
    moor_try(status "${SEEDS} times ${LOOPS} random loops" ${ctest} --verbose -R "^random_loops_")
    moor_note("${SEEDS} times ${LOOPS} random loops at three levels" "${status}")
endif()

if("http" IN_LIST parts)
    set(ENV{MOOR_HTTP_REQUESTS} ${REQUESTS})
    foreach(switches IN ITEMS force_move=1 force_move=1,verify_copy=1)
        run_under("${switches}" "${REQUESTS} requests to an innocent handler" http_handler_test)
    endforeach()
    # The audit reads all heaps at each move: 500 requests take a minute.
    math(EXPR audited "${REQUESTS} / 200 + 1")
    set(ENV{MOOR_HTTP_REQUESTS} ${audited})
    run_under("force_move=1,audit=1" "${audited} requests to an innocent handler" http_handler_test)
    unset(ENV{MOOR_HTTP_REQUESTS})
endif()

if("torture" IN_LIST parts)
    set(ENV{MOOR_TORTURE_MILLISECONDS} ${MILLISECONDS})
    run_under("" "the load of the original report, three times ${MILLISECONDS} milliseconds for each row" torture_test)
    unset(ENV{MOOR_TORTURE_MILLISECONDS})
endif()

if("snippets" IN_LIST parts)
    moor_try(status "innocent code at three levels under every switch" ${ctest} -R "^innocent_code_")
    moor_note("innocent code at three levels under every switch" "${status}")
endif()

if("preempt" IN_LIST parts)
    set(ENV{MOOR_TEST_PREEMPTIONS} ${PERCENT})
    run_under("" "the tests of preemption, ${PERCENT} percent" preempt_test --gtest_brief=1)
    unset(ENV{MOOR_TEST_PREEMPTIONS})
endif()

if("trees" IN_LIST parts)
    foreach(switches IN ITEMS "" force_move=1)
        run_under("${switches}" "random trees of calls, ${TREES} times" movable_stack_test --gtest_brief=1
                  "--gtest_filter=call_tree*" --gtest_repeat=${TREES})
    endforeach()
endif()

if("analyze" IN_LIST parts)
    moor_try(status "clang-tidy with all its checks" "${CMAKE_COMMAND}" -D ANALYZER=ON -P cmake/tidy.cmake)
    moor_note("clang-tidy with all its checks" "${status}")
endif()

if("model" IN_LIST parts)
    moor_try(status "every interleaving, to larger bounds" "${CMAKE_COMMAND}" -D LONGER=ON -P cmake/model.cmake)
    moor_note("every interleaving, to larger bounds" "${status}")
endif()

if("door" IN_LIST parts)
    run_under("" "every call fails once with every error" door_test --gtest_brief=1)
endif()

if("peers" IN_LIST parts)
    moor_try(status "a short comparison with peers" "${CMAKE_COMMAND}" -D COMPILER=${COMPILER} -D PEERS=ON -D ROUNDS=1
             -D JOBS=yield -D MILLISECONDS=10 -P cmake/bench.cmake)
    moor_note("a short comparison with peers" "${status}")
endif()

if("repeat" IN_LIST parts)
    moor_try(status "iocp, io, sched, sync and net, ${REPEAT} times" ${ctest} -L "^(iocp|io|sched|sync|net)$" --repeat until-fail:${REPEAT})
    moor_note("iocp, io, sched, sync and net, ${REPEAT} times" "${status}")
endif()

moor_summarise()
