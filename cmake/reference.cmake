# Makes the API reference from the comments of the public headers: cmake -P cmake/reference.cmake
# It is written to build/reference (index.html). Fails when a public name has no comment or doxygen does not understand one.
# docs/Doxyfile has the options.
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/support/version.cmake")
moor_prepare(reference)
foreach(tool IN ITEMS doxygen awk)
    find_program(${tool} ${tool} NO_CACHE)
    if(NOT ${tool})
        moor_stop("The reference needs ${tool}, which is not in the path.")
    endif()
endforeach()

set(output "${MOOR_ROOT}/build/reference")
file(REMOVE_RECURSE "${output}")
file(MAKE_DIRECTORY "${output}")
moor_version("${MOOR_ROOT}" version)
set(ENV{MOOR_VERSION} "${version}")
set(ENV{MOOR_REFERENCE} "${output}")
moor_run("making the API reference" "${doxygen}" docs/Doxyfile)
moor_say("the reference is build/reference/index.html")
