# Runs everything at once for a long time, in rounds, and fails when a round finds something or when memory, handles,
# operations, coroutines or threads grow from round to round: cmake -P cmake/soak.cmake. Prints a line every 25 rounds and a
# table at the end. What a round does, and when a figure has grown: tests/soak.
# Options, before -P: -D COMPILER=clang|gcc, -D CONFIG=debug|release, -D MINUTES=n,
#   -D SEED=n (of the first round; each further one has the next), -D ROUNDS=n (so many, whatever the time): to run a round
#   that has failed again, SEED=the one that it printed, ROUNDS=1.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(CONFIG release "debug|release")
moor_option(MINUTES 60 "[1-9][0-9]*")
moor_option(SEED "" "[0-9]+")
moor_option(ROUNDS "" "[1-9][0-9]*")

moor_prepare(${COMPILER} wine)
moor_build(${CONFIG} status soak_test)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "The test could not be built, see above.")
endif()

moor_build_directory(${CONFIG} directory)
moor_program("${directory}" soak_test program)
set(ENV{MOOR_SOAK_MINUTES} ${MINUTES})
set(what "the soak, ${MINUTES} minutes")
if(NOT SEED STREQUAL "")
    set(ENV{MOOR_SOAK_SEED} ${SEED})
endif()
if(NOT ROUNDS STREQUAL "")
    set(ENV{MOOR_SOAK_ROUNDS} ${ROUNDS})
    set(what "the soak, ${ROUNDS} rounds")
endif()
moor_run("${what}" ${MOOR_EMULATOR} "${program}" --gtest_brief=1 "--gtest_filter=soak.*")
