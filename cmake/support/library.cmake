# The library itself: one static library made of layers, each a folder of src with its own list of sources.

add_library(moor STATIC)
add_library(moor::moor ALIAS moor)
moor_compile_options(moor)
target_include_directories(
    moor
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(
    moor
    PUBLIC ws2_32 mswsock synchronization winmm ntdll
    PRIVATE fmt::fmt moor_fcontext)
# A program that needs libstdc++, libgcc and winpthread as DLLs does not start where they are not found, and says nothing.
# One that wants them all the same sets the property MOOR_SHARED_RUNTIME on itself.
if(MINGW)
    target_link_options(moor INTERFACE "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:MOOR_SHARED_RUNTIME>>>:-static>")
endif()
# Half of what it takes Clang to build the library is reading these. Every file still includes what it uses: as a part of
# another project the library is built without.
if(MOOR_PRECOMPILE_HEADERS)
    target_precompile_headers(
        moor
        PRIVATE <algorithm> <array> <atomic> <chrono> <cstdint> <memory> <mutex> <optional> <span> <stop_token> <string>
                <system_error> <utility> <vector> "\"win/windows.hpp\"")
endif()

# The file names are looked up again on every build, so a new layer needs no new configuring by hand.
file(GLOB moor_layer_lists CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*/CMakeLists.txt")
foreach(layer IN ITEMS win context stack unwind preempt iocp sched sync io net debug runtime)
    if("${PROJECT_SOURCE_DIR}/src/${layer}/CMakeLists.txt" IN_LIST moor_layer_lists)
        add_subdirectory("${PROJECT_SOURCE_DIR}/src/${layer}" "${PROJECT_BINARY_DIR}/src/${layer}")
    endif()
endforeach()
