# A project that is not configured for 64-bit Windows is told so, whether it has moor as a folder or installed.
# HOST_COMPILER is one for this machine.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")
set(directory "${BINARY}/consumer/wrong_system")
install_to("${directory}/prefix")
foreach(mode IN ITEMS subdirectory installed)
    file(REMOVE_RECURSE "${directory}/${mode}")
    # Nothing is linked, so the machine needs no more than the compiler.
    refused("moor targets 64-bit Windows;mingw-gcc.cmake"
            "${CMAKE_COMMAND}" -S "${SOURCE}/tests/consumer" -B "${directory}/${mode}" -G "${GENERATOR}"
            -D "CMAKE_CXX_COMPILER=${HOST_COMPILER}" -D CMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY
            -D CONSUMER_MODE=${mode} -D "CONSUMER_MOOR_SOURCE=${SOURCE}" -D "CMAKE_PREFIX_PATH=${directory}/prefix")
endforeach()
