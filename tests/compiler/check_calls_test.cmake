# The check of linked programs finds each call that may need too much, with its chain, and no other.
execute_process(COMMAND "${TOOL}" "${IMAGE}" RESULT_VARIABLE status ERROR_VARIABLE found)
if(NOT status EQUAL 1)
    message(FATAL_ERROR "exit status ${status}\n${found}")
endif()
set(of_caller "has stack checks, and calls without being diverted:\n")
foreach(
    wanted IN
    ITEMS "calls_large_frame ${of_caller}    large_frame, a frame of 1[0-9]+ bytes\n    1[0-9]+ bytes together, 1040 are there"
          "calls_large_chain ${of_caller}    large_chain, a frame of [0-9]+ bytes\n    small_chain, a frame of [0-9]+ bytes\n    small_leaf, a frame of [0-9]+ bytes\n    1[0-9]+ bytes together"
          "calls_circle ${of_caller}    circle, a frame of [0-9]+ bytes\n    other_half, a frame of [0-9]+ bytes\n    circle, a frame of [0-9]+ bytes\n    and so on in a circle"
          "calls_itself ${of_caller}    itself, a frame of [0-9]+ bytes\n    itself, a frame of [0-9]+ bytes\n    and so on in a circle"
          "calls_through_pointer ${of_caller}    through_pointer, a frame of [0-9]+ bytes, calls through a pointer"
          "calls_into_dll ${of_caller}    into_dll, a frame of [0-9]+ bytes, calls GetTickCount64 of a DLL"
          "calls_varying ${of_caller}    varying, a frame of [0-9]+ bytes, has a frame whose size varies"
          "calls_tail_call ${of_caller}    tail_call, a frame of [0-9]+ bytes\n    large_frame, a frame of 1[0-9]+ bytes")
    if(NOT found MATCHES "${wanted}")
        message(SEND_ERROR "not found: ${wanted}\nin: ${found}")
    endif()
endforeach()
if(found MATCHES "calls_small" OR found MATCHES "main has")
    message(SEND_ERROR "found what is right:\n${found}")
endif()
