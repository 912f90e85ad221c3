# Runs PROGRAM (by EMULATOR, if there is one) and fails when it does not end with status 0, or does not print what is in
# the file EXPECTED, or anything to standard error.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${EMULATOR} "${PROGRAM}" RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
file(READ "${EXPECTED}" expected)
foreach(text IN ITEMS output expected)
    string(REPLACE "\r\n" "\n" ${text} "${${text}}")
endforeach()
if(NOT status STREQUAL "0" OR NOT errors STREQUAL "" OR NOT output STREQUAL expected)
    message(FATAL_ERROR "Exit status ${status}, output:\n${output}\nstandard error:\n${errors}\nexpected:\n${expected}")
endif()
