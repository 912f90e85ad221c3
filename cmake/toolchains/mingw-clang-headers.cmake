# Where Clang finds the headers and libraries of the MinGW GCC: moor_include_flags, moor_gcc_dir, moor_mingw_lib_dir. For
# the toolchain file, and for tests that compile a source with both compilers.
# The MinGW GCC names its own folders; those of its compiler builtins are replaced by Clang's.
find_program(MOOR_MINGW_GXX NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++ REQUIRED)
execute_process(
    COMMAND "${MOOR_MINGW_GXX}" -print-libgcc-file-name OUTPUT_VARIABLE moor_libgcc OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(
    COMMAND "${MOOR_MINGW_GXX}" -E -v -x c++ /dev/null OUTPUT_QUIET ERROR_VARIABLE moor_gxx_search)
string(REGEX MATCH "#include <[^\n]*\n(.*)End of search list" moor_gxx_search "${moor_gxx_search}")
string(REPLACE "\n" ";" moor_gxx_search "${CMAKE_MATCH_1}")
get_filename_component(moor_gcc_dir "${moor_libgcc}" DIRECTORY)

set(moor_include_flags -nostdlibinc)
foreach(folder IN LISTS moor_gxx_search)
    string(STRIP "${folder}" folder)
    if(folder STREQUAL "")
        continue()
    endif()
    get_filename_component(folder "${folder}" ABSOLUTE)
    if(NOT IS_DIRECTORY "${folder}" OR folder STREQUAL "${moor_gcc_dir}/include"
       OR folder STREQUAL "${moor_gcc_dir}/include-fixed")
        continue()
    elseif(folder MATCHES "c\\+\\+")
        string(APPEND moor_include_flags " -isystem ${folder}")
    else()
        string(APPEND moor_include_flags " -idirafter ${folder}")
        get_filename_component(moor_mingw_lib_dir "${folder}/../lib" ABSOLUTE)
    endif()
endforeach()
