# moor_add_masm_test(<name> FILES layer/file... OBJECTS other_test's objects...): the assembly for MASM, put to the same
# tests as the one for GNU syntax: assembled by LLVM's stand-in for ml64, its objects take the place of the library's.
# Left out where there is none.
include("${PROJECT_SOURCE_DIR}/cmake/toolchains/clang-version.cmake")
find_program(MOOR_LLVM_ML NAMES "llvm-ml${moor_clang_suffix}" llvm-ml)
if(NOT MOOR_LLVM_ML)
    message(STATUS "No llvm-ml: the assembly files for MASM are not tested")
endif()

function(moor_add_masm_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "FILES;OBJECTS")
    if(NOT MOOR_LLVM_ML)
        return()
    endif()
    set(masm_objects)
    foreach(file IN LISTS arg_FILES)
        get_filename_component(file_name "${file}" NAME)
        set(object "${CMAKE_CURRENT_BINARY_DIR}/${file_name}_masm.obj")
        set(source "${PROJECT_SOURCE_DIR}/src/${file}_masm.asm")
        add_custom_command(
            OUTPUT "${object}"
            COMMAND "${MOOR_LLVM_ML}" -m64 /c /Fo "${object}" "${source}"
            DEPENDS "${source}"
            VERBATIM)
        list(APPEND masm_objects "${object}")
    endforeach()
    moor_add_test(${name} SOURCES ${arg_OBJECTS} ${masm_objects} TIMEOUT ${arg_TIMEOUT})
    set_target_properties(${name}_test PROPERTIES LINKER_LANGUAGE CXX)
endfunction()
