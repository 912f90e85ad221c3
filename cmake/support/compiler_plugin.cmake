# Programs for the machine that builds, made when the project is configured, because what they are for is compiled by
# another compiler than the project:
#   moor_build_for_host(name suffix result SOURCES a.cpp... OPTIONS x...)   any program or library
#   moor_compiler_plugin(name result SOURCES a.cpp...)                      a plugin for the Clang in use
# Sources are relative to src, also where the library is installed; the first is compiled with the others and may include
# those that are headers. result is the file's path, or empty, and then ${result}_problem says why. The path tells one
# version of the sources from another, so that compiler caches and build systems see a change.
#
# A plugin needs the headers of the LLVM that the Clang was built from (Debian: llvm-N-dev).
find_program(MOOR_HOST_CXX NAMES c++ g++ clang++ NO_CMAKE_FIND_ROOT_PATH
             DOC "A C++ compiler for programs that run while others are built")
mark_as_advanced(MOOR_HOST_CXX)

function(moor_build_for_host name suffix result)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "SOURCES;OPTIONS")
    set(${result} "" PARENT_SCOPE)
    set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/src")
    if(NOT EXISTS "${folder}")
        get_filename_component(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../src" ABSOLUTE)
    endif()
    list(TRANSFORM arg_SOURCES PREPEND "${folder}/")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${arg_SOURCES}")
    set(hashes "${arg_OPTIONS}")
    foreach(source IN LISTS arg_SOURCES)
        file(SHA256 "${source}" hash)
        string(APPEND hashes "${hash}")
    endforeach()
    string(SHA256 hash "${hashes}")
    string(SUBSTRING "${hash}" 0 12 hash)
    set(output "${CMAKE_BINARY_DIR}/moor_tools/${name}-${hash}${suffix}")
    if(NOT EXISTS "${output}")
        if(NOT MOOR_HOST_CXX)
            set(${result}_problem "there is no C++ compiler for this machine (MOOR_HOST_CXX)" PARENT_SCOPE)
            return()
        endif()
        message(STATUS "Building ${name} for this machine")
        file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/moor_tools")
        list(FILTER arg_SOURCES INCLUDE REGEX "\\.cpp$")
        execute_process(
            COMMAND "${MOOR_HOST_CXX}" "-I${folder}" ${arg_SOURCES} -o "${output}.new" ${arg_OPTIONS}
            RESULT_VARIABLE status ERROR_VARIABLE errors OUTPUT_QUIET)
        if(NOT status EQUAL 0)
            set(${result}_problem "${MOOR_HOST_CXX} cannot build ${name}:\n${errors}" PARENT_SCOPE)
            return()
        endif()
        file(RENAME "${output}.new" "${output}")
    endif()
    set(${result} "${output}" PARENT_SCOPE)
endfunction()

function(moor_compiler_plugin name result)
    set(${result} "" PARENT_SCOPE)
    # Drivers are links into the folder of their version.
    get_filename_component(folder "${CMAKE_CXX_COMPILER}" REALPATH)
    get_filename_component(folder "${folder}" DIRECTORY)
    find_path(MOOR_LLVM_INCLUDE llvm/Passes/PassBuilder.h PATHS "${folder}/../include" NO_DEFAULT_PATH
              NO_CMAKE_FIND_ROOT_PATH DOC "The headers of the LLVM that the compiler was built from")
    mark_as_advanced(MOOR_LLVM_INCLUDE)
    if(NOT MOOR_LLVM_INCLUDE)
        set(${result}_problem "the headers of the LLVM of ${CMAKE_CXX_COMPILER} are missing (MOOR_LLVM_INCLUDE)" PARENT_SCOPE)
        return()
    endif()
    set(libraries "")
    set(suffix .so)
    if(CMAKE_HOST_WIN32) # nothing may stay undefined there
        set(suffix .dll)
        set(libraries "-L${folder}/../lib" -lLLVM)
    endif()
    moor_build_for_host("${name}-${CMAKE_CXX_COMPILER_VERSION}" "${suffix}" plugin ${ARGN}
                        OPTIONS -std=c++17 -O1 -fno-rtti -fPIC -shared -isystem "${MOOR_LLVM_INCLUDE}" ${libraries})
    set(${result} "${plugin}" PARENT_SCOPE)
    set(${result}_problem "${plugin_problem}" PARENT_SCOPE)
endfunction()
