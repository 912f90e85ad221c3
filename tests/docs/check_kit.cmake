# Fails when the version is not the same in all places below ROOT that have to state it: include/moor/version.hpp is its
# source; CMakeLists.txt reads it (tests/headers compares), cmake/vcpkg.json and docs/CHANGELOG.md repeat it. Fails also
# when the start page of the API reference lacks a header, or a check is off in .clang-tidy without a reason.
cmake_minimum_required(VERSION 3.25)
if(NOT ROOT)
    message(FATAL_ERROR "ROOT is not given")
endif()

cmake_path(ABSOLUTE_PATH ROOT NORMALIZE)

include("${CMAKE_CURRENT_LIST_DIR}/../../cmake/support/version.cmake")
moor_version("${ROOT}" version)

file(READ "${ROOT}/cmake/vcpkg.json" manifest)
string(JSON manifest_version GET "${manifest}" version)
if(NOT manifest_version STREQUAL version)
    message(SEND_ERROR "cmake/vcpkg.json has version ${manifest_version}, include/moor/version.hpp ${version}")
endif()

# Unreleased comes first, then releases, newest first, each with its date; none is newer than the headers.
file(STRINGS "${ROOT}/docs/CHANGELOG.md" headings REGEX "^## ")
list(POP_FRONT headings first)
if(NOT first STREQUAL "## Unreleased")
    message(SEND_ERROR "docs/CHANGELOG.md begins with \"${first}\" and not with what is unreleased")
endif()
set(newer "${version}")
foreach(heading IN LISTS headings)
    if(NOT heading MATCHES "^## ([0-9]+\\.[0-9]+\\.[0-9]+) - [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$")
        message(SEND_ERROR "docs/CHANGELOG.md: \"${heading}\" is not a version and a date, as in ## 1.2.3 - 2027-01-31")
    elseif(CMAKE_MATCH_1 VERSION_GREATER newer)
        message(SEND_ERROR "docs/CHANGELOG.md: ${CMAKE_MATCH_1} comes after ${newer}, which is older")
    else()
        set(newer "${CMAKE_MATCH_1}")
    endif()
endforeach()

# The start page of the API reference names every header.
file(READ "${ROOT}/docs/reference.dox" page)
file(GLOB headers RELATIVE "${ROOT}/include" "${ROOT}/include/moor/*.hpp")
foreach(header IN LISTS headers)
    string(FIND "${page}" "${header}" position)
    if(position EQUAL -1)
        message(SEND_ERROR "docs/reference.dox does not name ${header}")
    endif()
endforeach()
list(LENGTH headers count)
if(count LESS 20)
    message(SEND_ERROR "only ${count} headers were found")
endif()

# A check that is off has its reason beside it.
file(STRINGS "${ROOT}/.clang-tidy" off REGEX "^ *- -")
foreach(line IN LISTS off)
    if(NOT line MATCHES "# [^ ]+ [^ ]+")
        message(SEND_ERROR ".clang-tidy switches a check off and does not say why: ${line}")
    endif()
endforeach()
list(LENGTH off off_count)
if(off_count EQUAL 0)
    message(SEND_ERROR "no check was found that is off in .clang-tidy")
endif()
message(STATUS "version ${version}, ${count} headers, ${off_count} checks off")
