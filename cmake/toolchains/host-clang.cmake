# Builds for this machine with the Clang that everything else is built with: for the sanitizers.
include("${CMAKE_CURRENT_LIST_DIR}/clang-version.cmake")
set(CMAKE_CXX_COMPILER "${moor_clangxx}")
