# Builds the frame relay example and puts 50 clients on it for 10 seconds: cmake -P cmake/demo.cmake
# Options, before -P: -D COMPILER=clang|gcc, -D CONFIG=debug|release, -D CLIENTS=n, -D SECONDS=n,
# -D SPINNERS=n: coroutines that compute without end in the relay.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(CONFIG release "debug|release")
moor_option(CLIENTS 50 "[0-9]+")
moor_option(SECONDS 10 "[0-9]+")
moor_option(SPINNERS 0 "[0-9]+")

moor_prepare(${COMPILER} wine)
moor_build(${CONFIG} status frame_relay relay_load)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "The example could not be built, see above.")
endif()

moor_build_directory(${CONFIG} directory)
moor_program("${directory}" frame_relay server)
moor_program("${directory}" relay_load load)
moor_run("running the frame relay with ${CLIENTS} clients for ${SECONDS} seconds"
         ${MOOR_EMULATOR} "${load}" --start-server "${MOOR_WINDOWS_ROOT}${server}" --clients ${CLIENTS} --seconds ${SECONDS}
         --spinners ${SPINNERS})
