# Reads the sources as MSVC's users have them compiled, on a machine without Visual Studio: clang-cl for the MSVC ABI, Wine's
# headers of the SDK and of the C runtime, libc++'s of the standard library, and a few of our own (cmake/msvc_mode/include).
# With MOOR_MICROSOFT_STL, a folder, Microsoft's headers that stand in it replace libc++'s.
# Nothing is generated or linked: there are no libraries to link with. cmake/msvc_mode.cmake uses it.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

include("${CMAKE_CURRENT_LIST_DIR}/clang-version.cmake")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MOOR_CLANG MOOR_MICROSOFT_STL)
find_program(CMAKE_CXX_COMPILER NAMES clang-cl${moor_clang_suffix} REQUIRED)
set(CMAKE_C_COMPILER "${CMAKE_CXX_COMPILER}")
set(CMAKE_CXX_COMPILER_TARGET x86_64-pc-windows-msvc19.44.35207)
set(CMAKE_C_COMPILER_TARGET ${CMAKE_CXX_COMPILER_TARGET})
find_program(CMAKE_ASM_MASM_COMPILER NAMES llvm-ml${moor_clang_suffix} REQUIRED)
set(CMAKE_ASM_MASM_FLAGS_INIT -m64)
# Some sources wait for a program that they use; the step that would link it does nothing.
find_program(CMAKE_LINKER NAMES true REQUIRED)
find_program(CMAKE_AR NAMES llvm-lib${moor_clang_suffix} llvm-lib REQUIRED HINTS /usr/lib/llvm${moor_clang_suffix}/bin)
set(CMAKE_MT "${CMAKE_LINKER}")
find_program(CMAKE_RC_COMPILER NAMES llvm-rc${moor_clang_suffix} REQUIRED)

execute_process(COMMAND "${CMAKE_CXX_COMPILER}" /clang:-print-resource-dir
                OUTPUT_VARIABLE moor_resources OUTPUT_STRIP_TRAILING_WHITESPACE)
set(moor_flags "/X -nobuiltininc -Wno-unused-command-line-argument -Wno-clang-cl-pch")
set(moor_folders "${CMAKE_CURRENT_LIST_DIR}/../msvc_mode/include")
if(MOOR_MICROSOFT_STL)
    list(APPEND moor_folders "${moor_resources}/include" "${MOOR_MICROSOFT_STL}")
    set(moor_first_header "/FIstl_supplement.h")
else()
    # Clang searches its own headers first by itself; libc++ wants to be before them, and has std::stop_token and
    # std::jthread among what is experimental.
    list(APPEND moor_folders "/usr/lib/llvm${moor_clang_suffix}/include/c++/v1" "${moor_resources}/include")
    set(moor_first_header "/FIlibcxx_supplement.h -D_LIBCPP_ENABLE_EXPERIMENTAL")
endif()
foreach(folder IN LISTS moor_folders ITEMS /usr/include/wine/wine/msvcrt /usr/include/wine/wine/windows)
    string(APPEND moor_flags " -imsvc \"${folder}\"")
endforeach()
# What clang-cl knows and cl.exe does not. Microsoft's headers use [[gnu::...]] when Clang reads them, and allow no macro of a
# keyword's name.
set(moor_unknown_names __builtin_return_address __builtin_frame_address __builtin_alloca __builtin_cpu_supports)
if(NOT MOOR_MICROSOFT_STL)
    list(APPEND moor_unknown_names gnu asm)
endif()
foreach(name IN LISTS moor_unknown_names)
    string(APPEND moor_flags " -D${name}=unknown_to_cl_exe_${name}")
endforeach()
# What cl.exe warns of at /W4 and Clang does not (C4244 and C4267, C4456 to C4459, C4702). Before the project's own options, so
# that dependencies, which want no warnings, have none.
string(APPEND moor_flags " -Wshorten-64-to-32 -Wimplicit-int-conversion -Wfloat-conversion -Wimplicit-float-conversion"
       " -Wshadow-all -Wunreachable-code")
set(CMAKE_CXX_FLAGS_INIT "${moor_flags} ${moor_first_header} /EHsc /GR")
set(CMAKE_C_FLAGS_INIT "${moor_flags}")
