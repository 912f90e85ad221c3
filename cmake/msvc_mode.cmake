# Reads every source in MSVC mode on a machine without Visual Studio, warnings as errors, and looks at what the library's
# objects leave to the linker: cmake -P cmake/msvc_mode.cmake
#
# clang-cl compiles them for the MSVC ABI (toolchains/msvc-mode.cmake says with which headers). Nothing can be linked, since
# Debian has no library for that ABI. Instead each symbol that the library needs from elsewhere has to be one that its
# surroundings have: the system's DLLs as Wine exports them, the C and C++ runtime. So a function that a header declares and
# nobody defines is found too. docs/building.md says what only Windows can tell.
# Options, before -P: -D FILTER=regex (source files).
include("${CMAKE_CURRENT_LIST_DIR}/support/script.cmake")
moor_option(FILTER "" ".*")
if(CMAKE_HOST_WIN32)
    moor_stop("On Windows the presets msvc and clang-cl compile for real.")
endif()
moor_prepare(msvc_mode)

set(directory "${MOOR_ROOT}/build/msvc-mode")
moor_run("configuring MSVC mode" "${CMAKE_COMMAND}" --preset msvc-mode)

# The objects of what is moor's own.
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

# What the library needs from elsewhere, less what it has itself and what its surroundings have.
list(FILTER objects INCLUDE REGEX "^CMakeFiles/moor\\.dir/")
list(TRANSFORM objects PREPEND "${directory}/")
find_program(nm NAMES llvm-nm-19 llvm-nm NO_CACHE REQUIRED)
find_program(readobj NAMES llvm-readobj-19 llvm-readobj NO_CACHE REQUIRED)

function(moor_symbols result)
    execute_process(COMMAND "${nm}" --format=just-symbols --quiet ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        moor_stop("llvm-nm could not read the objects.")
    endif()
    string(REGEX MATCHALL "[^\n:]+\n" symbols "${text}")
    list(TRANSFORM symbols STRIP)
    list(REMOVE_DUPLICATES symbols)
    set(${result} "${symbols}" PARENT_SCOPE)
endfunction()

moor_symbols(missing --undefined-only ${objects})
moor_symbols(defined --defined-only ${objects})
list(LENGTH missing needed)
list(REMOVE_ITEM missing ${defined})

# The assembly, which only ml64 understands all of.
file(GLOB assembly "${MOOR_ROOT}/src/*/*_masm.asm")
foreach(file IN LISTS assembly)
    file(STRINGS "${file}" lines REGEX "^[a-z_]+ PROC")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE " PROC.*" "" name "${line}")
        list(REMOVE_ITEM missing ${name})
    endforeach()
endforeach()

# The system and the runtime's DLLs.
file(GLOB libraries /usr/lib/*/wine/x86_64-windows/ntdll.dll)
get_filename_component(libraries "${libraries}" DIRECTORY)
foreach(library IN ITEMS ntdll kernel32 kernelbase ws2_32 mswsock winmm advapi32 ucrtbase vcruntime140 vcruntime140_1)
    execute_process(COMMAND "${readobj}" --coff-exports "${libraries}/${library}.dll"
                    OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        moor_stop("Wine's ${library}.dll cannot be read.")
    endif()
    string(REGEX MATCHALL "Name: [^\n]+" names "${text}")
    list(TRANSFORM names REPLACE "Name: " "")
    list(REMOVE_ITEM missing ${names})
    list(TRANSFORM names PREPEND "__imp_")
    list(REMOVE_ITEM missing ${names})
endforeach()

# The standard library and the exceptions that vcruntime's headers declare; operator new and delete; fmt; what the compiler
# and the static part of the runtime agree on.
list(FILTER missing EXCLUDE REGEX "@std@@|@fmt@@|^\\?\\?[23_][@UVM]|^\\?\\?_7type_info@@|^\\?\\?1type_info@@")
list(FILTER missing EXCLUDE REGEX "^(jump|make|ontop)_fcontext$|^__CxxFrameHandler4$|^_Init_thread_(header|footer|abort|epoch)$")
list(FILTER missing EXCLUDE REGEX "^(_tls_index|__tls_guard|__dyn_tls_on_demand_init|_fltused|__chkstk|__ImageBase)$")
list(FILTER missing EXCLUDE REGEX "^(__security_cookie|__security_check_cookie|__GSHandlerCheck.*)$")
if(missing)
    list(JOIN missing "\n  " text)
    moor_stop("The library needs symbols that neither it nor the system, the runtime, or fmt defines:\n  ${text}")
endif()
moor_say("${needed} symbols that the objects leave to the linker are all defined somewhere")
