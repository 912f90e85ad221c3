# Reads every source in MSVC mode on a machine without Visual Studio, warnings as errors, and looks at what the objects leave
# to the linker: cmake -P cmake/msvc_mode.cmake
#
# clang-cl compiles them for the MSVC ABI (toolchains/msvc-mode.cmake says with which headers). Nothing can be linked, since
# Debian has no library for that ABI. Instead each symbol that the objects need from elsewhere has to be one that their
# surroundings have: the system's DLLs as Wine exports them, the C and C++ runtime. So a function that a header declares and
# nobody defines is found too. docs/building.md says what only Windows can tell, and with which STL this was tried.
# Options, before -P: -D FILTER=regex (source files), -D STL=folder (Microsoft's headers of the standard library in place of
# libc++'s: stl/inc of a checkout of github.com/microsoft/STL).
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(FILTER "" ".*")
moor_option(STL "" ".*")
if(CMAKE_HOST_WIN32)
    moor_stop("On Windows the presets msvc and clang-cl compile for real.")
endif()
moor_prepare(msvc_mode)

set(directory "${MOOR_ROOT}/build/msvc-mode")
set(configure_options)
if(NOT STL STREQUAL "")
    get_filename_component(STL "${STL}" ABSOLUTE)
    if(NOT EXISTS "${STL}/yvals_core.h")
        moor_stop("${STL} has no yvals_core.h: STL is the folder stl/inc of a checkout of github.com/microsoft/STL.")
    endif()
    string(APPEND directory "-stl")
    set(configure_options -D "MOOR_MICROSOFT_STL=${STL}")
endif()
# Only a fresh configuration takes up the flags of a toolchain file that has changed, or another folder.
moor_run("configuring MSVC mode" "${CMAKE_COMMAND}" --fresh --preset msvc-mode -B "${directory}" ${configure_options})

# The objects of what is moor's own; precompiled headers come by themselves.
execute_process(COMMAND ninja -C "${directory}" -t targets all OUTPUT_VARIABLE targets RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    moor_stop("ninja does not name its targets.")
endif()
string(REGEX MATCHALL "[^\n]+\\.cpp\\.obj:" objects "${targets}")
list(TRANSFORM objects REPLACE ":$" "")
list(FILTER objects INCLUDE REGEX "^(CMakeFiles/moor\\.dir/src|tests|docs/examples)/.*${FILTER}")
list(REMOVE_DUPLICATES objects)
list(LENGTH objects count)
if(count EQUAL 0)
    moor_stop("No source matches ${FILTER}.")
endif()
moor_run("compiling ${count} sources in MSVC mode" ninja -C "${directory}" -k 0 ${objects})
if(NOT FILTER STREQUAL "")
    return()
endif()

find_program(nm NAMES llvm-nm${moor_clang_suffix} NO_CACHE REQUIRED)
find_program(readobj NAMES llvm-readobj${moor_clang_suffix} NO_CACHE REQUIRED)

function(moor_symbols kind result)
    execute_process(COMMAND "${nm}" --format=just-symbols --quiet --${kind}-only ${ARGN} WORKING_DIRECTORY "${directory}"
                    OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        moor_stop("llvm-nm could not read the objects.")
    endif()
    string(REGEX MATCHALL "[^\n:]+\n" symbols "${text}")
    list(TRANSFORM symbols STRIP)
    list(REMOVE_DUPLICATES symbols)
    set(${result} "${symbols}" PARENT_SCOPE)
endfunction()

# What the surroundings have: the assembly, which only ml64 understands all of; the system's and the runtime's DLLs.
set(available)
file(GLOB assembly "${MOOR_ROOT}/src/*/*_masm.asm" "${MOOR_ROOT}/tests/*/*_masm.asm")
foreach(file IN LISTS assembly)
    file(STRINGS "${file}" lines REGEX "^[a-z_0-9]+ PROC")
    list(TRANSFORM lines REPLACE " PROC.*" "")
    list(APPEND available ${lines})
endforeach()
file(GLOB libraries /usr/lib/*/wine/x86_64-windows/ntdll.dll)
get_filename_component(libraries "${libraries}" DIRECTORY)
set(dlls ntdll kernel32 kernelbase ws2_32 mswsock winmm advapi32 dbghelp ucrtbase vcruntime140 vcruntime140_1)
if(NOT STL STREQUAL "")
    list(APPEND dlls msvcp140 msvcp140_1 msvcp140_2 msvcp140_atomic_wait)
endif()
foreach(library IN LISTS dlls)
    execute_process(COMMAND "${readobj}" --coff-exports "${libraries}/${library}.dll"
                    OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        moor_stop("Wine's ${library}.dll cannot be read.")
    endif()
    string(REGEX MATCHALL "Name: [^\n]+" names "${text}")
    list(TRANSFORM names REPLACE "Name: " "")
    list(APPEND available ${names})
    list(TRANSFORM names PREPEND "__imp_")
    list(APPEND available ${names})
endforeach()

# Further: the standard library, and the exceptions that vcruntime's headers declare; operator new and delete; fmt, Google
# Test, Boost; what the compiler and the static part of the runtime agree on.
set(known
    "(@|^(__imp_)?\\?\\?[0-9A-Z])(std|fmt|testing|boost)@@"
    "^\\?\\?[23_][@UVM]"
    "type_info@@"
    "^(jump|make|ontop)_fcontext$"
    "^__CxxFrameHandler4$"
    "^(__imp_)?atexit$"
    "^_Init_thread_(header|footer|abort|epoch)$"
    "^(_tls_index|__tls_guard|__dyn_tls_on_demand_init|_fltused|__chkstk|__ImageBase)$"
    "^(__security_cookie|__security_check_cookie|__GSHandlerCheck.*)$")
if(NOT STL STREQUAL "")
    # The static part of the standard library, which Wine does not have, and two that ucrtbase.dll exports by plain names.
    list(APPEND known "^__std_[a-z0-9_]+$" "^_Cnd_[a-z_]+$" "^_Thrd_[a-z_]+$"
         "^__isa_available$" "^__imp_\\?(set_)?terminate@@")
endif()
list(JOIN known "|" known)

# Ends the script when one of these objects needs what none of `with` defines, nor the surroundings.
function(moor_check_symbols what objects with)
    moor_symbols(undefined missing ${objects})
    moor_symbols(defined defined ${with})
    list(LENGTH missing needed)
    list(FILTER missing EXCLUDE REGEX "${known}")
    list(REMOVE_ITEM missing ${defined} ${available})
    if(missing)
        list(JOIN missing "\n  " text)
        moor_stop("${what} needs symbols that neither it nor the system, the runtime or a dependency defines:\n  ${text}")
    endif()
    moor_say("${what} leaves ${needed} symbols to the linker, and each is defined somewhere")
endfunction()

set(library ${objects})
list(FILTER library INCLUDE REGEX "^CMakeFiles/moor\\.dir/")
moor_check_symbols("The library" "${library}" "${library}")
moor_check_symbols("The rest" "${objects}" "${objects}")
