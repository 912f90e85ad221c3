# The one Clang that the tree is built, and compiled to Microsoft's rules, and sanitized with: the newest in Debian 12.
# Another: -D MOOR_CLANG=clang-18, or the environment variable of that name. For the toolchain files and the scripts.
if(NOT MOOR_CLANG)
    set(MOOR_CLANG clang-19)
    if(NOT "$ENV{MOOR_CLANG}" STREQUAL "")
        set(MOOR_CLANG "$ENV{MOOR_CLANG}")
    endif()
endif()
string(REGEX MATCH "-[0-9]+$" moor_clang_suffix "${MOOR_CLANG}")
string(REGEX REPLACE "(-[0-9]+)$" "" moor_clangxx "${MOOR_CLANG}")
string(APPEND moor_clangxx "++${moor_clang_suffix}")
