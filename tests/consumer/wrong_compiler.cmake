# A project of the other MinGW compiler is told that an installed moor is not for it, by CMake; and by the linker, when it
# does not ask CMake. OTHER_TOOLCHAIN is the toolchain file of that compiler.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")
set(directory "${BINARY}/consumer/wrong_compiler")
install_to("${directory}/prefix")
file(REMOVE_RECURSE "${directory}/asked" "${directory}/not_asked")

compiler_options(compiler "${OTHER_TOOLCHAIN}")
refused("this moor was built by ${COMPILER_ID};build and install moor with the project's compiler"
        "${CMAKE_COMMAND}" -S "${SOURCE}/tests/consumer" -B "${directory}/asked" ${compiler}
        -D CONSUMER_MODE=installed -D "CMAKE_PREFIX_PATH=${directory}/prefix")

file(WRITE "${directory}/not_asked/main.cpp" "#include <moor/runtime.hpp>\nint main() { moor::runtime runtime; }\n")
file(WRITE "${directory}/not_asked/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.25)
project(not_asked LANGUAGES CXX)
add_executable(program main.cpp)
target_compile_features(program PRIVATE cxx_std_20)
target_include_directories(program PRIVATE \"${directory}/prefix/include\")
file(GLOB archives \"${directory}/prefix/lib/libmoor*.a\")
target_link_libraries(program PRIVATE \${archives} \${archives} ws2_32 mswsock synchronization winmm ntdll)
")
step("${CMAKE_COMMAND}" -S "${directory}/not_asked" -B "${directory}/not_asked/build" ${compiler})
if(COMPILER_ID STREQUAL "GNU")
    set(wanted clang)
else()
    set(wanted gcc)
endif()
refused("moor_library_built_by_${wanted}" "${CMAKE_COMMAND}" --build "${directory}/not_asked/build")
