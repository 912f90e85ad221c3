# moor_fetch_source(name result): puts the pinned source of a dependency into the cache once and says where it is.
# moor_fetch_source(name result OPTIONAL): the same for what only the comparison with other libraries needs
# (bench/comparison): where it cannot be had, the result is empty.
#
# The cache is $MOOR_CACHE, or build/dependencies of moor's source tree, or where that cannot be written to a folder of the
# build; builds that run at the same time wait for each other. On Debian the archive comes from Debian's source packages, through apt with lists of its own, so that apt's
# signature check applies and the system's lists stay as they are. Elsewhere it comes from the project's own site. Both
# are checked against a hash that is pinned here. What is pinned for fmt and boost outside Debian is their published hash;
# those two archives were not at hand when this was written.

# name, version, Debian's source package, hash of Debian's archive, the project's archive, its hash, Debian's suite.
# Debian repacks boost (modules not merged) and fmt (without its website); the others are the projects' own archives.
# The last two are peers to be measured against, as new as Debian's stable release has them; elsewhere they come as installed
# packages or not at all.
set(moor_source_fmt
    10.1.1
    fmtlib
    7000f214d2628f04174822f8048c573f1608194408d7931121595a03f1c18a17
    https://github.com/fmtlib/fmt/archive/refs/tags/10.1.1.tar.gz
    78b8c0a72b1c35e4443a7e308df52498252d1cefc2b08c9a97bc9ee6cfe61f8b
    trixie)
set(moor_source_boost
    1.81.0
    boost1.81
    449afecf5ef98edc0a46826cde6af98d1fb95c2e92962fa8c9e3eb1e8a2928ec
    https://archives.boost.io/release/1.81.0/source/boost_1_81_0.tar.gz
    205666dea9f6a7cfed87c7a6dfbeb52a2c1b9de55712c9c1a87735d7181452b6
    bookworm)
set(moor_source_googletest
    1.12.1
    googletest
    81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2
    https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz
    81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2
    bookworm)
set(moor_source_benchmark
    1.7.1
    benchmark
    6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7
    https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz
    6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7
    bookworm)

# The same Boost once more, for Boost.JSON: only the benchmarks' report needs it, and it needs more headers than the library.
set(moor_source_boost_json ${moor_source_boost})

set(moor_source_peer_boost
    1.88.0
    boost1.88
    5fe04fe91e9148c233784082a27a9bc5e0efef2d0eac5ea0940cf455d97f9fdc
    ""
    ""
    trixie)
set(moor_source_libuv
    1.50.0
    libuv1
    ec9de6ecf2a780fd2afb3b007947d2cd57c3bb17f3b9e721a66774980d35cd4d
    ""
    ""
    trixie)

# What is taken out of a Boost archive: the context switch and the header-only parts that moor may use. Debian's has a
# folder for each module, the project's has the merged headers. Every pattern must match something.
set(moor_boost_modules
    assert config container_hash context core describe intrusive move mp11 predef static_assert throw_exception
    type_traits)
set(moor_boost_headers
    assert.hpp assert/* config.hpp config/* container_hash/* context/* core/* cstdint.hpp current_function.hpp describe.hpp
    describe/* detail/* intrusive/* limits.hpp move/* mp11.hpp mp11/* noncopyable.hpp predef.h predef/* static_assert.hpp
    throw_exception.hpp type_traits.hpp type_traits/* version.hpp)

# Of Boost for the report: Boost.JSON, header-only, and all the headers that it includes.
set(moor_boost_json_modules
    align assert config container container_hash core describe endian exception intrusive io json move mp11 predef
    preprocessor static_assert system throw_exception tuple type_traits utility variant2 winapi)

# Of Boost as a peer: Asio, Fiber, and all the headers that they include.
set(moor_peer_boost_modules
    algorithm align asio assert atomic bind callable_traits chrono concept_check config container container_hash context
    core date_time describe detail endian fiber filesystem format function functional integer intrusive io iterator
    lexical_cast move mp11 mpl optional pool predef preprocessor range ratio smart_ptr static_assert
    system throw_exception tuple type_traits typeof unordered utility variant2 winapi)

set(moor_debian_keyring /usr/share/keyrings/debian-archive-keyring.gpg)

set(MOOR_SOURCE_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}/../..")
get_filename_component(MOOR_SOURCE_DIRECTORY "${MOOR_SOURCE_DIRECTORY}" ABSOLUTE)

function(moor_cache_directory result)
    if(DEFINED ENV{MOOR_CACHE} AND NOT "$ENV{MOOR_CACHE}" STREQUAL "")
        file(TO_CMAKE_PATH "$ENV{MOOR_CACHE}" cache)
    else()
        set(cache "${MOOR_SOURCE_DIRECTORY}/build/dependencies")
        # Scripts have no build folder of their own; they write to build in any case.
        if(NOT CMAKE_SCRIPT_MODE_FILE)
            execute_process(COMMAND "${CMAKE_COMMAND}" -E make_directory "${cache}" OUTPUT_QUIET ERROR_QUIET)
            execute_process(COMMAND "${CMAKE_COMMAND}" -E touch "${cache}/lock"
                            RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
            if(NOT status STREQUAL "0")
                set(cache "${CMAKE_BINARY_DIR}/dependencies")
            endif()
        endif()
    endif()
    file(MAKE_DIRECTORY "${cache}/archives")
    set(${result} "${cache}" PARENT_SCOPE)
endfunction()

# Downloads the archive of a Debian source package; result is empty when Debian has none for us.
function(moor_fetch_from_debian package hash suite archives result)
    set(${result} "" PARENT_SCOPE)
    find_program(MOOR_APT_GET apt-get)
    mark_as_advanced(MOOR_APT_GET)
    if(NOT CMAKE_HOST_UNIX OR NOT MOOR_APT_GET OR NOT EXISTS "${moor_debian_keyring}")
        return()
    endif()
    set(apt "${archives}/apt-${suite}")
    file(MAKE_DIRECTORY "${apt}/lists/partial" "${apt}/cache/archives/partial")
    file(WRITE "${apt}/moor.sources"
         "Types: deb-src\nURIs: http://deb.debian.org/debian\nSuites: ${suite}\nComponents: main\n"
         "Signed-By: ${moor_debian_keyring}\n")
    set(options
        -qq
        -o Dir::Etc::sourcelist=${apt}/moor.sources
        -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::Lists=${apt}/lists
        -o Dir::Cache=${apt}/cache
        -o APT::Sandbox::User=
        -o Acquire::Retries=3)
    file(GLOB lists "${apt}/lists/*Sources*")
    if(NOT lists)
        execute_process(COMMAND "${MOOR_APT_GET}" ${options} update RESULT_VARIABLE status ERROR_VARIABLE errors)
        if(NOT status EQUAL 0)
            message(STATUS "apt could not read Debian's source lists: ${errors}")
            return()
        endif()
    endif()
    execute_process(
        COMMAND "${MOOR_APT_GET}" ${options} source --download-only --tar-only ${package}
        WORKING_DIRECTORY "${archives}" RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
    file(GLOB found "${archives}/${package}_*.orig.tar.*")
    foreach(archive IN LISTS found)
        file(SHA256 "${archive}" actual)
        if(actual STREQUAL hash)
            set(${result} "${archive}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
    message(STATUS "Debian's source package ${package} is not the pinned one or could not be had: ${errors}")
endfunction()

function(moor_fetch_from_web url hash archives result)
    get_filename_component(file "${url}" NAME)
    set(archive "${archives}/${hash}-${file}")
    if(NOT EXISTS "${archive}")
        file(DOWNLOAD "${url}" "${archive}.part" EXPECTED_HASH SHA256=${hash} TLS_VERIFY ON INACTIVITY_TIMEOUT 60)
        file(RENAME "${archive}.part" "${archive}")
    endif()
    set(${result} "${archive}" PARENT_SCOPE)
endfunction()

# Brings both shapes of a Boost archive (modules in libs, or merged) to include/boost; the arguments after the target are modules.
function(moor_arrange_boost raw target)
    file(MAKE_DIRECTORY "${target}/include")
    if(IS_DIRECTORY "${raw}/libs/config/include")
        foreach(module IN LISTS ARGN)
            file(COPY "${raw}/libs/${module}/include/boost" DESTINATION "${target}/include")
        endforeach()
    else()
        file(COPY "${raw}/boost" DESTINATION "${target}/include")
    endif()
    file(COPY "${raw}/LICENSE_1_0.txt" DESTINATION "${target}")
endfunction()

# Whether the cache holds what is wanted of a source: the mark holds a hash of the list of its parts, so that a folder that was
# unpacked for another list does not count. Sources that are taken whole have an empty mark.
function(moor_is_fetched target parts result)
    set(${result} OFF PARENT_SCOPE)
    if(EXISTS "${target}/.complete")
        file(READ "${target}/.complete" mark)
        if(mark STREQUAL parts)
            set(${result} ON PARENT_SCOPE)
        endif()
    endif()
endfunction()

function(moor_fetch_source name result)
    list(GET moor_source_${name} 0 version)
    list(GET moor_source_${name} 1 debian_package)
    list(GET moor_source_${name} 2 debian_hash)
    list(GET moor_source_${name} 3 url)
    list(GET moor_source_${name} 4 url_hash)
    list(GET moor_source_${name} 5 suite)
    moor_cache_directory(cache)
    set(target "${cache}/${name}-${version}")
    set(${result} "${target}" PARENT_SCOPE)
    set(parts "${moor_${name}_modules};${moor_${name}_headers}")
    if(parts STREQUAL ";")
        set(parts "")
    else()
        string(SHA256 parts "${parts}")
    endif()
    moor_is_fetched("${target}" "${parts}" fetched)
    if(fetched)
        return()
    endif()
    # A source tree that cannot be written to may have been filled before.
    set(filled_before "${MOOR_SOURCE_DIRECTORY}/build/dependencies/${name}-${version}")
    moor_is_fetched("${filled_before}" "${parts}" fetched)
    if(fetched)
        set(${result} "${filled_before}" PARENT_SCOPE)
        return()
    endif()
    file(LOCK "${cache}/lock" GUARD FUNCTION TIMEOUT 900)
    moor_is_fetched("${target}" "${parts}" fetched)
    if(fetched)
        return()
    endif()

    message(STATUS "Fetching the source of ${name} ${version}")
    moor_fetch_from_debian(${debian_package} ${debian_hash} ${suite} "${cache}/archives" archive)
    if(NOT archive AND url)
        moor_fetch_from_web(${url} ${url_hash} "${cache}/archives" archive)
    endif()
    if(NOT archive)
        if(NOT "OPTIONAL" IN_LIST ARGN)
            message(FATAL_ERROR "The source of ${name} ${version} could not be had.")
        endif()
        message(STATUS "The source of ${name} ${version} could not be had: nothing is built with it.")
        set(${result} "" PARENT_SCOPE)
        return()
    endif()

    set(patterns)
    if(name STREQUAL "peer_boost")
        set(patterns "*/LICENSE_1_0.txt" "*/libs/context/src/*" "*/libs/fiber/src/*")
        list(TRANSFORM moor_peer_boost_modules REPLACE "(.+)" "*/libs/\\1/include/*" OUTPUT_VARIABLE headers)
        list(APPEND patterns ${headers})
    elseif(name STREQUAL "boost_json")
        set(patterns "*/LICENSE_1_0.txt")
        if(archive MATCHES "\\.orig\\.tar")
            list(TRANSFORM moor_boost_json_modules REPLACE "(.+)" "*/libs/\\1/include/*" OUTPUT_VARIABLE headers)
        else()
            set(headers "boost_*/boost/*")
        endif()
        list(APPEND patterns ${headers})
    elseif(name STREQUAL "boost")
        set(patterns "*/LICENSE_1_0.txt" "*/libs/context/src/asm/*_x86_64_ms_pe_*")
        if(archive MATCHES "\\.orig\\.tar")
            list(TRANSFORM moor_boost_modules REPLACE "(.+)" "*/libs/\\1/include/*" OUTPUT_VARIABLE headers)
        else()
            list(TRANSFORM moor_boost_headers PREPEND "boost_*/boost/" OUTPUT_VARIABLE headers)
        endif()
        list(APPEND patterns ${headers})
    endif()
    set(raw "${cache}/${name}.unpacked")
    file(REMOVE_RECURSE "${raw}" "${target}")
    file(MAKE_DIRECTORY "${raw}")
    # In the plain C locale an archive with a non-ASCII name in it is refused.
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C.UTF-8 "${CMAKE_COMMAND}" -E tar xf "${archive}" ${patterns}
        WORKING_DIRECTORY "${raw}" RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
        message(FATAL_ERROR "Could not unpack ${archive}")
    endif()
    file(GLOB top LIST_DIRECTORIES true "${raw}/*")
    if(name STREQUAL "boost")
        moor_arrange_boost("${top}" "${target}" ${moor_boost_modules})
        file(COPY "${top}/libs/context/src/asm" DESTINATION "${target}")
    elseif(name STREQUAL "boost_json")
        moor_arrange_boost("${top}" "${target}" ${moor_boost_json_modules})
    elseif(name STREQUAL "peer_boost")
        file(MAKE_DIRECTORY "${target}/include")
        foreach(module IN LISTS moor_peer_boost_modules)
            file(COPY "${top}/libs/${module}/include/boost" DESTINATION "${target}/include")
        endforeach()
        foreach(module IN ITEMS context fiber)
            file(COPY "${top}/libs/${module}/src" DESTINATION "${target}/${module}")
        endforeach()
        file(COPY "${top}/LICENSE_1_0.txt" DESTINATION "${target}")
    else()
        file(RENAME "${top}" "${target}")
    endif()
    file(REMOVE_RECURSE "${raw}")
    file(REMOVE "${archive}")
    file(WRITE "${target}/.complete" "${parts}")
endfunction()
