# Prepares the machine, builds moor and runs its tests: cmake -P cmake/test.cmake
# Options, before -P: -D COMPILER=clang|gcc (Linux; on Windows it is the compiler of the environment),
# -D CONFIG=debug|release|both, -D REPEAT=n (each test, until it fails), -D FILTER=regex (names of tests), -D TARGETS=list
# (only these are built; for use with FILTER), -D PARALLEL=n (tests at a time, 2), -D CONSUMERS=OFF (not the projects that
# use moor, which take minutes). The environment variable MOOR_CLANG names another Clang than clang-19, as clang-18.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(CONFIG both "debug|release|both")
moor_option(REPEAT 1 "[0-9]+")
moor_option(FILTER "" ".*")
moor_option(TARGETS "" ".*")
moor_option(CONSUMERS ON "ON|OFF")

moor_prepare(${COMPILER} wine clients)

set(configs ${CONFIG})
if(CONFIG STREQUAL "both")
    set(configs debug release)
endif()
foreach(config IN LISTS configs)
    moor_build(${config} status ${TARGETS})
    if(NOT status EQUAL 0)
        moor_note("build ${COMPILER} ${config}" 1)
        continue()
    endif()
    moor_ctest(${config} ctest)
    set(arguments -LE consumer)
    if(REPEAT GREATER 1)
        list(APPEND arguments --repeat until-fail:${REPEAT})
    endif()
    if(NOT FILTER STREQUAL "")
        list(APPEND arguments -R "${FILTER}")
    endif()
    moor_try(status "testing ${COMPILER} ${config}" ${ctest} ${arguments})
    moor_note("tests ${COMPILER} ${config}" "${status}")

    # Using moor from another project is the same in every configuration: one is enough.
    if(CONSUMERS AND FILTER STREQUAL "" AND REPEAT LESS_EQUAL 1 AND (config STREQUAL "release" OR NOT CONFIG STREQUAL "both"))
        moor_try(status "using moor from another project" ${ctest} -L consumer)
        moor_note("consumers ${COMPILER} ${config}" "${status}")
    endif()
endforeach()

moor_summarise()
