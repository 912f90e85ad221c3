# Reads the library's sources and headers with clang-tidy 19, every finding an error: cmake -P cmake/tidy.cmake
# Options, before -P: -D FILTER=regex (source files), -D JOBS=n (as many as there are processors), -D ANALYZER=ON (the checks
# clang-analyzer-*, too, which take as long as all others; cmake/nightly.cmake has them).
# .clang-tidy has the checks. The sources are read as the preset clang-release compiles them, without precompiled headers, so
# that nothing has to be built before.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
moor_option(FILTER "" ".*")
moor_option(JOBS ${processors} "[1-9][0-9]*")
moor_option(ANALYZER OFF "ON|OFF")
if(CMAKE_HOST_WIN32 OR NOT COMPILER STREQUAL "clang")
    moor_stop("clang-tidy reads what the preset clang-release compiles, which is for Linux.")
endif()
moor_prepare(clang tidy)
find_program(tidy NAMES clang-tidy${moor_tidy_suffix} NO_CACHE REQUIRED)

set(directory "${MOOR_ROOT}/build/tidy")
moor_run("configuring for clang-tidy"
         "${CMAKE_COMMAND}" --preset clang-release -B "${directory}" -D MOOR_BUILD_TESTS=OFF -D MOOR_BUILD_BENCH=OFF
         -D MOOR_BUILD_EXAMPLES=OFF -D MOOR_INSTALL=OFF -D MOOR_PRECOMPILE_HEADERS=OFF)

# The library's part of the compile commands. src/compiler is built against LLVM for the host and not among them.
file(READ "${directory}/compile_commands.json" commands)
string(JSON count LENGTH "${commands}")
math(EXPR last "${count} - 1")
set(sources)
foreach(index RANGE ${last})
    string(JSON file GET "${commands}" ${index} file)
    cmake_path(IS_PREFIX MOOR_ROOT "${file}" ours)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${MOOR_ROOT}")
    if(ours AND file MATCHES "^src/.*\\.cpp$" AND file MATCHES "${FILTER}")
        list(APPEND sources "${file}")
    endif()
endforeach()
list(REMOVE_DUPLICATES sources)
list(LENGTH sources count)
if(count EQUAL 0)
    moor_stop("No source matches ${FILTER}.")
endif()
list(JOIN sources "\n" lines)
file(WRITE "${directory}/sources.txt" "${lines}\n")

set(checks)
if(NOT ANALYZER)
    set(checks --checks=-clang-analyzer-*)
endif()
# xargs stops at no finding; its exit status says whether there was one. What clang-tidy says on standard error is how many
# findings of others it has passed over.
moor_say("reading ${count} sources with clang-tidy")
execute_process(
    COMMAND xargs -a "${directory}/sources.txt" -P ${JOBS} -n 1 "${tidy}" --quiet -p "${directory}" ${checks}
    WORKING_DIRECTORY "${MOOR_ROOT}" RESULT_VARIABLE status ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
    string(REGEX REPLACE "[0-9]+ warnings?( and [0-9]+ errors?)? generated\\.\n|[0-9]+ warnings treated as errors\n" "" errors "${errors}")
    moor_stop("${errors}clang-tidy has findings, see above (${status}).")
endif()
moor_say("no findings")
