# The pass's rule in machine code: compiles ${SOURCE} by ${COMMAND} to assembly and looks for instructions that put an address
# of the control stack into a register. Allowed are frame pointers, the limit of a prologue's check, rcx right before a
# call (the variadic part of a function, and the temporaries of a function that was set apart), and rax where
# arguments on the stack are stored without optimisation: no call keeps either.
cmake_minimum_required(VERSION 3.25)
set(includes)
foreach(folder IN LISTS INCLUDES)
    if(folder)
        list(APPEND includes -isystem "${folder}")
    endif()
endforeach()
execute_process(COMMAND ${COMMAND} ${includes} -DNOMINMAX -D_WIN32_WINNT=0x0A00 -S -masm=intel -o - "${SOURCE}"
                OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${errors}")
endif()
string(REGEX MATCHALL "\n[^\n]*\\.seh_proc" functions "${output}")
list(LENGTH functions count)
if(count LESS 50)
    message(FATAL_ERROR "only ${count} functions were looked at")
endif()
string(REPLACE ";" ":" output "${output}")
string(REGEX REPLACE "#APP\n[^#]*#NO_APP" "" output "${output}") # the tests ask for rsp themselves
string(REGEX MATCHALL "\n\tlea\t[a-z0-9]+, \\[rsp[^\n]*|\n\tmov\t[a-z0-9]+, rsp[^\n]*" found "${output}")
set(wrong)
foreach(line IN LISTS found)
    if(NOT line MATCHES "lea\t(rbp|r11|rax|rcx|rdx), |mov\t(rbp|rax), ")
        list(APPEND wrong "${line}")
    endif()
endforeach()
if(wrong)
    message(FATAL_ERROR "addresses of the control stack in registers:${wrong}")
endif()
