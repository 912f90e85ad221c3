# The assembly for MASM, put to the same tests as the one for GNU syntax: assembled by LLVM's stand-in for ml64, its objects
# take the place of the library's. Left out where there is none.
find_program(MOOR_LLVM_ML NAMES llvm-ml llvm-ml-14 llvm-ml-15 llvm-ml-16 llvm-ml-19)
if(NOT MOOR_LLVM_ML)
    message(STATUS "No llvm-ml: the assembly files for MASM are not tested")
    return()
endif()

# Not context/coroutine_base: LLVM's does not know FRAME with a handler.
set(moor_masm_objects)
foreach(file IN ITEMS context/jump stack/growth win/call_on_stack)
    get_filename_component(name "${file}" NAME)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}_masm.obj")
    set(source "${PROJECT_SOURCE_DIR}/src/${file}_masm.asm")
    add_custom_command(
        OUTPUT "${object}"
        COMMAND "${MOOR_LLVM_ML}" -m64 /c /Fo "${object}" "${source}"
        DEPENDS "${source}"
        VERBATIM)
    list(APPEND moor_masm_objects "${object}")
endforeach()
moor_add_test(movable_stack_masm SOURCES $<TARGET_OBJECTS:movable_stack_test> ${moor_masm_objects})
moor_test_with_stack_checks(movable_stack_masm)
set_target_properties(movable_stack_masm_test PROPERTIES LINKER_LANGUAGE CXX)
