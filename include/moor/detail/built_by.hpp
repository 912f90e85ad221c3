// Which compiler built the library. Code of GCC and of Clang for MinGW-w64 does not fit together: their thread_local
// differ, and what is linked all the same fails at run time. So each file that includes moor refers to a symbol which
// only a library of its own compiler defines, and the linker names it: undefined reference to
// moor_library_built_by_gcc. MSVC and clang-cl may be mixed.
#pragma once

#if defined(__MINGW32__)
#if defined(__clang__)
#define MOOR_LIBRARY_BUILT_BY moor_library_built_by_clang
#else
#define MOOR_LIBRARY_BUILT_BY moor_library_built_by_gcc
#endif

extern "C" const char MOOR_LIBRARY_BUILT_BY;

namespace moor::detail {
[[gnu::used]] static const char* const library_built_by = &MOOR_LIBRARY_BUILT_BY;
} // namespace moor::detail
#endif
