# One ctest entry for each way in which another project can use moor.
foreach(mode IN ITEMS subdirectory fetch installed)
    add_test(
        NAME consumer_${mode}
        COMMAND
            "${CMAKE_COMMAND}" -D MODE=${mode} -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "BINARY=${PROJECT_BINARY_DIR}"
            -D "CONFIG=$<CONFIG>" -D "GENERATOR=${CMAKE_GENERATOR}" -D "TOOLSET=${CMAKE_GENERATOR_TOOLSET}"
            -D "TOOLCHAIN=${CMAKE_TOOLCHAIN_FILE}" -D "COMPILER=${CMAKE_CXX_COMPILER}" -D "MOOR_CLANG=${MOOR_CLANG}"
            -D "LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}" -P "${CMAKE_CURRENT_LIST_DIR}/run.cmake")
    set_tests_properties(consumer_${mode} PROPERTIES LABELS consumer TIMEOUT 1200)
endforeach()
