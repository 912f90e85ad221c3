# Explores the interleavings of the lock-free core to stated bounds, and shows that planted faults are found:
# cmake -P cmake/model.cmake
# Options, before -P: -D PART=name (of the library, as the table names it), -D LONGER=ON (to larger bounds, or for two minutes
# each scenario, and then it says so),
# -D JOBS=n (as many as there are processors), -D FAULTS=OFF (plants none).
# tests/model has the scenarios.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
moor_option(PART "" ".*")
moor_option(LONGER OFF "ON|OFF")
moor_option(JOBS ${processors} "[1-9][0-9]*")
moor_option(FAULTS ON "ON|OFF")
if(CMAKE_HOST_WIN32)
    moor_stop("The model checker runs on Linux.")
endif()
moor_prepare(host)
moor_run("configuring the model" "${CMAKE_COMMAND}" --preset host-model)
moor_run("building the model" "${CMAKE_COMMAND}" --build --preset host-model)

set(options --jobs=${JOBS})
if(LONGER)
    list(APPEND options --longer)
endif()
if(NOT FAULTS)
    list(APPEND options --no-faults)
endif()
if(NOT PART STREQUAL "")
    list(APPEND options "${PART}")
endif()
moor_run("exploring" "${MOOR_ROOT}/build/host-model/tests/model/interleavings" ${options})
