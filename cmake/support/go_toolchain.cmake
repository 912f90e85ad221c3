# moor_find_go(result): the `go` command for the peer in Go (bench/comparison/peers/go), or an empty string when none can be had.
#
# It is the one in PATH when that is new enough. Otherwise, on Debian, the compiler and its library come from Debian's
# packages, checked by apt's signatures through lists of its own, and are unpacked into the cache (see
# fetch_source.cmake): nothing is installed. Elsewhere Go must be installed for the peer to be built.
include(fetch_source)

set(moor_go_least_version 1.24)
# Debian's suite, version of Go there; the first that can be had is taken.
set(moor_go_debian_releases "trixie-backports 1.26" "trixie 1.24")

# The version that the command tells, empty when it tells none.
function(moor_go_version go result)
    set(${result} "" PARENT_SCOPE)
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E env GOTOOLCHAIN=local "${go}" env GOVERSION
        RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_QUIET)
    if(status EQUAL 0 AND said MATCHES "^go([0-9]+\\.[0-9]+(\\.[0-9]+)?)")
        set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
    endif()
endfunction()

# Downloads Go's packages of that suite. The result is the list of their files, empty when Debian has none for us.
function(moor_download_go suite version archives result)
    set(${result} "" PARENT_SCOPE)
    set(apt "${archives}/apt-go-${suite}")
    set(packages "${apt}/packages")
    file(REMOVE_RECURSE "${packages}")
    file(MAKE_DIRECTORY "${apt}/lists/partial" "${apt}/cache/archives/partial" "${packages}")
    file(WRITE "${apt}/moor.sources"
         "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: ${suite}\nComponents: main\n"
         "Signed-By: ${moor_debian_keyring}\n")
    set(options
        -qq
        -o Dir::Etc::sourcelist=${apt}/moor.sources
        -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::Lists=${apt}/lists
        -o Dir::Cache=${apt}/cache
        -o Acquire::Languages=none
        -o APT::Sandbox::User=
        -o Acquire::Retries=3)
    execute_process(COMMAND "${MOOR_APT_GET}" ${options} update RESULT_VARIABLE status ERROR_VARIABLE errors)
    if(status EQUAL 0)
        execute_process(
            COMMAND "${MOOR_APT_GET}" ${options} download golang-${version}-go golang-${version}-src
            WORKING_DIRECTORY "${packages}" RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
    endif()
    if(NOT status EQUAL 0)
        message(STATUS "Go ${version} could not be had from Debian's ${suite}: ${errors}")
        return()
    endif()
    file(GLOB found "${packages}/*.deb")
    set(${result} "${found}" PARENT_SCOPE)
endfunction()

# Unpacks Debian's Go into the cache, once; the result is its command, empty when it cannot be had.
function(moor_fetch_go suite version result)
    set(${result} "" PARENT_SCOPE)
    moor_cache_directory(cache)
    set(target "${cache}/go-${version}")
    set(go "${target}/usr/lib/go-${version}/bin/go")
    if(EXISTS "${target}/.complete")
        set(${result} "${go}" PARENT_SCOPE)
        return()
    endif()
    find_program(MOOR_APT_GET apt-get NO_CMAKE_FIND_ROOT_PATH)
    find_program(MOOR_DPKG_DEB dpkg-deb NO_CMAKE_FIND_ROOT_PATH)
    mark_as_advanced(MOOR_APT_GET MOOR_DPKG_DEB)
    if(NOT CMAKE_HOST_UNIX OR NOT MOOR_APT_GET OR NOT MOOR_DPKG_DEB OR NOT EXISTS "${moor_debian_keyring}")
        return()
    endif()
    file(LOCK "${cache}/lock" GUARD FUNCTION TIMEOUT 900)
    if(NOT EXISTS "${target}/.complete")
        message(STATUS "Fetching Go ${version}")
        moor_download_go(${suite} ${version} "${cache}/archives" packages)
        if(NOT packages)
            return()
        endif()
        file(REMOVE_RECURSE "${target}")
        file(MAKE_DIRECTORY "${target}")
        foreach(package IN LISTS packages)
            execute_process(COMMAND "${MOOR_DPKG_DEB}" -x "${package}" "${target}" RESULT_VARIABLE status)
            if(NOT status EQUAL 0)
                message(FATAL_ERROR "Could not unpack ${package}")
            endif()
        endforeach()
        file(REMOVE ${packages})
        moor_go_version("${go}" unpacked)
        if(NOT unpacked)
            message(STATUS "Debian's Go ${version} does not run here.")
            return()
        endif()
        file(TOUCH "${target}/.complete")
    endif()
    set(${result} "${go}" PARENT_SCOPE)
endfunction()

function(moor_find_go result)
    set(${result} "" PARENT_SCOPE)
    find_program(MOOR_GO go NO_CMAKE_FIND_ROOT_PATH DOC "The go command, for the peer in Go")
    mark_as_advanced(MOOR_GO)
    if(MOOR_GO)
        moor_go_version("${MOOR_GO}" version)
        if(version VERSION_GREATER_EQUAL moor_go_least_version)
            set(${result} "${MOOR_GO}" PARENT_SCOPE)
            return()
        endif()
    endif()
    foreach(release IN LISTS moor_go_debian_releases)
        separate_arguments(release)
        list(GET release 0 suite)
        list(GET release 1 version)
        moor_fetch_go(${suite} ${version} go)
        if(go)
            set(${result} "${go}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()
