# A source tree that cannot be written to: a copy with a file in the place of the folder build, which stops even root.
# The sources of dependencies go to the build folder then, and the Wine prefix to the user's cache.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")
set(directory "${BINARY}/consumer/read_only_source")
file(REMOVE_RECURSE "${directory}")
file(COPY "${SOURCE}/CMakeLists.txt" "${SOURCE}/LICENSE" "${SOURCE}/cmake" "${SOURCE}/include" "${SOURCE}/src"
     DESTINATION "${directory}/source")
file(WRITE "${directory}/source/build" "no folder")

# What would be fetched is there already, so that the test needs no network.
file(GLOB sources "${cache}/fmt-*" "${cache}/boost-*")
file(COPY ${sources} DESTINATION "${directory}/build/dependencies")
unset(ENV{MOOR_CACHE})
compiler_options(compiler)
step("${CMAKE_COMMAND}" -S "${directory}/source" -B "${directory}/build" ${compiler} -D MOOR_BUILD_TESTS=OFF
     -D MOOR_BUILD_BENCH=OFF -D MOOR_BUILD_EXAMPLES=OFF)

if(CMAKE_HOST_UNIX)
    # The prefix that is in use already stands for the user's: a new one would take a while.
    file(REAL_PATH "$ENV{MOOR_WINE_PREFIX}" prefix)
    file(MAKE_DIRECTORY "${directory}/cache/moor")
    file(CREATE_LINK "${prefix}" "${directory}/cache/moor/wine" SYMBOLIC)
    unset(ENV{MOOR_WINE_PREFIX})
    set(ENV{XDG_CACHE_HOME} "${directory}/cache")
    step("${directory}/source/cmake/wine/run.sh" cmd /c exit)
endif()
