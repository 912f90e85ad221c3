# Puts the load of the original report on moor under every switch that makes its bug visible, beside the same load with
# one call made wrongly, and prints the table: cmake -P cmake/torture.cmake. Takes a few minutes.
# Options, before -P: -D COMPILER=clang|gcc, -D CONFIG=debug|release, -D MILLISECONDS=n (of each run; three for each row).
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(CONFIG release "debug|release")
moor_option(MILLISECONDS 2000 "[0-9]+")

moor_prepare(${COMPILER} wine)
moor_build(${CONFIG} status torture_test)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "The test could not be built, see above.")
endif()

moor_build_directory(${CONFIG} directory)
moor_program("${directory}" torture_test program)
set(ENV{MOOR_TORTURE_MILLISECONDS} ${MILLISECONDS})
moor_run("the load of the original report, three times ${MILLISECONDS} milliseconds for each row"
         ${MOOR_EMULATOR} "${program}")
