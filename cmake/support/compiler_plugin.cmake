# moor_compiler_plugin(name source result): builds a plugin for the Clang in use from one source file, on this machine
# and for it, when the project is configured; result is the plugin's path, or empty, and ${result}_PROBLEM says why. The
# path tells one version of the source from another, so that compiler caches and build systems see a change.
#
# Needs the headers of the LLVM that the Clang was built from (Debian: llvm-N-dev) and a C++ compiler for this machine.
find_program(MOOR_HOST_CXX NAMES c++ g++ clang++ DOC "A C++ compiler for programs that run while moor is built")

# A program or library for this machine; options and libraries are ARGN.
function(moor_build_for_host source output problem)
    set(${problem} "" PARENT_SCOPE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    if(EXISTS "${output}")
        return()
    endif()
    if(NOT MOOR_HOST_CXX)
        set(${problem} "there is no C++ compiler for this machine (MOOR_HOST_CXX)" PARENT_SCOPE)
        return()
    endif()
    message(STATUS "Building ${output}")
    get_filename_component(directory "${output}" DIRECTORY)
    file(MAKE_DIRECTORY "${directory}")
    execute_process(
        COMMAND "${MOOR_HOST_CXX}" "${source}" -o "${output}.new" ${ARGN} RESULT_VARIABLE status ERROR_VARIABLE errors
        OUTPUT_QUIET)
    if(NOT status EQUAL 0)
        set(${problem} "${MOOR_HOST_CXX} cannot build ${source}:\n${errors}" PARENT_SCOPE)
        return()
    endif()
    file(RENAME "${output}.new" "${output}")
endfunction()

function(moor_compiler_plugin name source result)
    set(${result} "" PARENT_SCOPE)
    # Drivers are links into the folder of their version.
    get_filename_component(compiler "${CMAKE_CXX_COMPILER}" REALPATH)
    get_filename_component(folder "${compiler}" DIRECTORY)
    find_path(MOOR_LLVM_INCLUDE llvm/Passes/PassBuilder.h HINTS "${folder}/../include" NO_CMAKE_FIND_ROOT_PATH
              DOC "The headers of the LLVM that the compiler was built from")
    if(NOT MOOR_LLVM_INCLUDE)
        set(${result}_PROBLEM "the headers of ${CMAKE_CXX_COMPILER}'s LLVM are missing (MOOR_LLVM_INCLUDE)" PARENT_SCOPE)
        return()
    endif()
    set(libraries "")
    set(suffix .so)
    if(CMAKE_HOST_WIN32)
        set(suffix .dll)
        set(libraries "-L${folder}/../lib" -lLLVM)
    endif()
    file(SHA256 "${source}" hash)
    string(SUBSTRING "${hash}" 0 12 hash)
    set(plugin "${CMAKE_BINARY_DIR}/moor_plugins/${name}-${CMAKE_CXX_COMPILER_VERSION}-${hash}${suffix}")
    moor_build_for_host("${source}" "${plugin}" problem -std=c++17 -O1 -fno-rtti -fPIC -shared -w
                        "-I${MOOR_LLVM_INCLUDE}" ${libraries})
    if(problem)
        set(${result}_PROBLEM "${problem}" PARENT_SCOPE)
        return()
    endif()
    set(${result} "${plugin}" PARENT_SCOPE)
endfunction()
