# The figures that the benchmarks are for: what is promised, and how a run compares. Included by cmake/bench.cmake.

# One row of the table each: program|benchmark|field|unit|at most or at least|target|what it is.
# The field is real_time (per item of the benchmark) or the name of one of its counters. Without a target a row only informs.
set(MOOR_BENCH_ROWS
    "switch|yield|real_time|ns|at most|25|yield to another coroutine"
    "spawn|spawn_join|real_time|ns|at most|250|spawn to finish, joined, pooled stack"
    "channel|channel_unbuffered|real_time|ns|at most|60|unbuffered channel, per message"
    "timer|timer_among_million|real_time|ns|at most|150|start and cancel a timer among a million"
    "operation|read_at_once|real_time|ns|at most|150|overhead of a read that completes at once"
    "operation|write_at_once|real_time|ns|at most|150|overhead of a write that completes at once"
    "operation|read_pending_64|real_time|ns|at most|150|overhead of a read that waits, 64 in flight"
    "echo|echo_1|ratio|of the floor|at least|0.9|TCP echo, 1 connection"
    "echo|echo_64|ratio|of the floor|at least|0.9|TCP echo, 64 connections"
    "movement|move_2_kib|real_time|ns|at most|150|move of a 2 KiB stack, within a yield"
    "movement|spawn_and_descend_movable|real_time|ns|at most|1000|spawn, 100 frames of 64-byte locals, finish"
    "movement|spawn_join_movable|real_time|ns|at most|200|spawn to finish on a movable stack, joined"
    "movement|parked_movable|bytes_each|B|at most|2560|memory of a parked coroutine, movable, of 100,000"
    "movement|system_stack_visit|real_time|ns|at most|6|on_system_stack"
    "movement|check_that_does_not_fire|check|ns|at most|1|stack check that does not fire, per call"
    "preempt|timer_beside_endless_loop|late_p99|ms|at most|13|lateness of a 1 ms timer beside an endless loop, 99th percentile"
    "preempt|save_and_restore|real_time|ns|at most|1000|saving and loading all registers, in user mode"
    "preempt|scope_never_preempted|real_time|ns|at most|5|preemptible scope that is never preempted"
    "preempt|idle_runtime|percent|%|at most|0.5|processor used by an idle runtime, monitor included"
    "switch|balanced_jump|real_time|ns|||jump with return prediction repaired"
    "switch|fiber_switch|real_time|ns|||SwitchToFiber"
    "switch|yield_other_code|real_time|ns|||yield, the other one runs other code"
    "switch|yield_among_200|real_time|ns|||yield among 200 coroutines"
    "spawn|spawn_detached|real_time|ns|||spawn to finish, a hundred at a time, not joined"
    "spawn|spawn_join_fresh_stack|real_time|ns|||spawn to finish, joined, no stack pooled"
    "movement|spawn_and_descend_reserved|real_time|ns|||the same 100 frames on a reserved stack"
    "channel|channel_of_64|real_time|ns|||channel of 64, per message"
    "channel|channel_unbuffered_deadline|real_time|ns|||unbuffered channel, receives with a deadline"
    "channel|mutex_uncontended|real_time|ns|||mutex nobody contends for, lock and unlock"
    "timer|move_random_timer_of_million|real_time|ns|||move a random one of a million timers"
    "operation|read_pending_alone|real_time|ns|||overhead of a read that waits, the only one"
    "preempt|timer_beside_endless_loop|late_median|ms|||lateness of that timer, median"
    "preempt|no_preempt_guard|real_time|ns|||no_preempt guard"
    "segment|segment_cached|real_time|ns|||stack segment of 2 KiB, taken from a worker's cache and given back"
    "segment|segment_cached_hundred|real_time|ns|||the same, a hundred taken, then given"
    "segment|segment_through_cache|real_time|ns|||the same, more than a cache keeps"
    "segment|segment_pooled|real_time|ns|||the same from the pool, one at a time"
    "segment|segment_first_touch|real_time|ns|||the same with memory from the system, first touch included"
    "segment|segment_new_space|real_time|ns|||the same in address space never used before"
    "segment|segment_pool_first|real_time|ns|||a pool's first segment and the pool's end"
    "echo|echo_1|moor_per_second|/s|||round trips, 1 connection, moor"
    "echo|echo_1|floor_per_second|/s|||round trips, 1 connection, floor"
    "echo|echo_64|moor_per_second|/s|||round trips, 64 connections, moor"
    "echo|echo_64|floor_per_second|/s|||round trips, 64 connections, floor"
    "echo|echo_64|moor_receives|calls|||receives per round trip, 64 connections, moor"
    "echo|echo_64|floor_receives|calls|||receives per round trip, 64 connections, floor"
    "echo|echo_64|moor_sends|calls|||sends per round trip, 64 connections, moor"
    "echo|echo_64|floor_sends|calls|||sends per round trip, 64 connections, floor"
    "echo|echo_64|moor_dequeues|calls|||dequeues per round trip, 64 connections, moor"
    "echo|echo_64|floor_dequeues|calls|||dequeues per round trip, 64 connections, floor")

# CMake reckons in integers only: numbers are kept in ten-thousandths. Empty for what is no number.
function(moor_to_fixed number result)
    set(${result} "" PARENT_SCOPE)
    if(NOT "${number}" MATCHES "^([0-9]+)(\\.([0-9]*))?(e([-+])0*([0-9]+))?$")
        return()
    endif()
    set(whole "${CMAKE_MATCH_1}")
    set(digits "${CMAKE_MATCH_3}")
    set(shift 0)
    if(CMAKE_MATCH_4)
        set(shift "${CMAKE_MATCH_5}${CMAKE_MATCH_6}")
    endif()
    if(shift LESS -9 OR shift GREATER 12)
        return()
    endif()
    # The decimal point moves right by shift, and by five more; the last digit is for rounding.
    string(REPEAT "0" 24 zeros)
    math(EXPR places "${shift} + 5")
    string(APPEND digits "${zeros}")
    set(whole "${zeros}${whole}")
    string(LENGTH "${whole}" point)
    math(EXPR length "${point} + ${places}")
    string(SUBSTRING "${whole}${digits}" 0 ${length} fixed)
    string(REGEX REPLACE "^0+" "" fixed "0${fixed}")
    if(fixed STREQUAL "")
        set(fixed 0)
    endif()
    math(EXPR fixed "(${fixed} + 5) / 10")
    set(${result} ${fixed} PARENT_SCOPE)
endfunction()

# As people read it: two decimals below ten, one below a thousand, none above.
function(moor_from_fixed fixed result)
    if(fixed GREATER_EQUAL 10000000)
        math(EXPR text "(${fixed} + 5000) / 10000")
    elseif(fixed GREATER_EQUAL 100000)
        math(EXPR tenths "(${fixed} + 500) / 1000")
        math(EXPR whole "${tenths} / 10")
        math(EXPR tenths "${tenths} % 10")
        set(text "${whole}.${tenths}")
    else()
        math(EXPR hundredths "(${fixed} + 50) / 100")
        math(EXPR whole "${hundredths} / 100")
        math(EXPR rest "100 + ${hundredths} % 100")
        string(SUBSTRING "${rest}" 1 2 rest)
        set(text "${whole}.${rest}")
    endif()
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

# One field of one statistic (median, min, max) of a benchmark; empty when it was not measured.
function(moor_bench_value document benchmark statistic field result)
    set(${result} "" PARENT_SCOPE)
    string(JSON count ERROR_VARIABLE error LENGTH "${document}" benchmarks)
    if(error OR count EQUAL 0)
        return()
    endif()
    math(EXPR last "${count} - 1")
    foreach(index RANGE ${last})
        string(JSON run GET "${document}" benchmarks ${index})
        string(JSON name ERROR_VARIABLE error GET "${run}" run_name)
        string(JSON aggregate ERROR_VARIABLE error GET "${run}" aggregate_name)
        if(name MATCHES "^${benchmark}(/|$)" AND aggregate STREQUAL statistic)
            string(JSON value ERROR_VARIABLE error GET "${run}" ${field})
            moor_to_fixed("${value}" fixed)
            set(${result} "${fixed}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()

# Fills up with blanks, on the left for a negative width.
function(moor_pad text width result)
    string(LENGTH "${text}" length)
    string(REPEAT " " 80 blanks)
    if(width LESS 0)
        set(text "${blanks}${text}")
        math(EXPR begin "80 + ${length} + ${width}")
        if(begin LESS 80)
            string(SUBSTRING "${text}" ${begin} -1 text)
        else()
            string(SUBSTRING "${text}" 80 -1 text)
        endif()
    elseif(length LESS width)
        string(SUBSTRING "${text}${blanks}" 0 ${width} text)
    endif()
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

function(moor_table_line result what target median spread jump jumps reached)
    moor_pad("${what}" 50 what)
    moor_pad("${target}" 14 target)
    moor_pad("${median}" -18 median)
    moor_pad("${spread}" -20 spread)
    moor_pad("${jump}" -11 jump)
    moor_pad("${jumps}" -10 jumps)
    string(STRIP "${reached}" reached)
    set(line "${what}${target}${median}${spread}${jump}${jumps}  ${reached}")
    string(REGEX REPLACE " +$" "" line "${line}")
    set(${result} "${line}\n" PARENT_SCOPE)
endfunction()

# The table of the results in a folder of <program>_bench.json, as text. Programs that were not run have no rows.
function(moor_bench_table folder result)
    set(informing OFF)
    moor_table_line(table "" "target" "median" "min .. max" "bare jump" "in jumps" "reached")
    foreach(row IN LISTS MOOR_BENCH_ROWS)
        # Not a list: an empty field in the middle counts.
        if(NOT row MATCHES "^(.*)\\|(.*)\\|(.*)\\|(.*)\\|(.*)\\|(.*)\\|(.*)$")
            message(FATAL_ERROR "Not a row of the table: ${row}")
        endif()
        set(program "${CMAKE_MATCH_1}")
        set(benchmark "${CMAKE_MATCH_2}")
        set(field "${CMAKE_MATCH_3}")
        set(unit "${CMAKE_MATCH_4}")
        set(bound "${CMAKE_MATCH_5}")
        set(target "${CMAKE_MATCH_6}")
        set(what "${CMAKE_MATCH_7}")
        if(NOT EXISTS "${folder}/${program}_bench.json")
            continue()
        endif()
        if(NOT DEFINED document_of_${program})
            file(READ "${folder}/${program}_bench.json" document_of_${program})
            moor_bench_value("${document_of_${program}}" bare_jump median real_time jump_of_${program})
        endif()
        foreach(statistic IN ITEMS median min max)
            moor_bench_value("${document_of_${program}}" ${benchmark} ${statistic} ${field} ${statistic})
        endforeach()
        set(wanted "")
        if(NOT target STREQUAL "")
            set(wanted "${bound} ${target}")
        elseif(NOT informing)
            string(APPEND table "\nfor information\n")
            set(informing ON)
        endif()
        if(median STREQUAL "")
            moor_table_line(line "${what}" "${wanted}" "not measured" "" "" "" "")
            string(APPEND table "${line}")
            continue()
        endif()
        set(reached "")
        moor_to_fixed("${target}" limit)
        if(bound STREQUAL "at most" AND median LESS_EQUAL limit OR bound STREQUAL "at least" AND median GREATER_EQUAL limit)
            set(reached "yes")
        elseif(NOT bound STREQUAL "")
            set(reached "NO")
        endif()
        set(jump "")
        set(jumps "")
        set(calibration "${jump_of_${program}}")
        if(calibration)
            moor_from_fixed(${calibration} jump)
            string(APPEND jump " ns")
            if(unit STREQUAL "ns")
                math(EXPR jumps "(10000 * ${median} + ${calibration} / 2) / ${calibration}")
                moor_from_fixed(${jumps} jumps)
            endif()
        endif()
        foreach(statistic IN ITEMS median min max)
            moor_from_fixed(${${statistic}} ${statistic}_text)
        endforeach()
        moor_table_line(line "${what}" "${wanted}" "${median_text} ${unit}" "${min_text} .. ${max_text}" "${jump}" "${jumps}"
                        "${reached}")
        string(APPEND table "${line}")
    endforeach()
    set(${result} "${table}" PARENT_SCOPE)
endfunction()
