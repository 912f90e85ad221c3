# Lets the program of PROGRAM crash in its scenario and has TOOL (addr2line) resolve the addresses that the report gives
# for PROGRAM's code: the innermost must be FUNCTION's. EMULATOR: what runs a program of Windows here, or empty.
execute_process(
    COMMAND ${EMULATOR} "${PROGRAM}" --scenario=${SCENARIO}
    ERROR_VARIABLE report
    OUTPUT_VARIABLE ignored
    RESULT_VARIABLE ignored_too)
get_filename_component(file "${PROGRAM}" NAME)
string(REGEX MATCHALL "${file} 0x[0-9a-f]+" places "${report}")
list(TRANSFORM places REPLACE ".* " "")
if(NOT places)
    message(FATAL_ERROR "the report has no addresses of ${file}:\n${report}")
endif()
execute_process(COMMAND "${TOOL}" -C -f -e "${PROGRAM}" ${places} OUTPUT_VARIABLE resolved COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "\n.*" "" innermost "${resolved}")
if(NOT innermost MATCHES "${FUNCTION}")
    message(FATAL_ERROR "addr2line says for ${places}:\n${resolved}\nof the report:\n${report}")
endif()
