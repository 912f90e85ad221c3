// What compilers spell differently. (Two more headers know the compiler, each for its one subject: teb.hpp for the segment
// register, context/exception_state.hpp for the C++ runtime.) MOOR_NOINLINE keeps a function's reads of thread-local places from being
// hoisted over a context switch; the rest of the tree is free of compiler-specific code.
#pragma once

#if defined(_MSC_VER)
#include <intrin.h>
#define MOOR_NOINLINE __declspec(noinline)
#define MOOR_ALWAYS_INLINE __forceinline
#define MOOR_COLD
#else
#define MOOR_NOINLINE __attribute__((noinline))
#define MOOR_ALWAYS_INLINE inline __attribute__((always_inline))
#define MOOR_COLD __attribute__((cold))
#endif

#if defined(_M_X64) || defined(__x86_64__)
#include <immintrin.h>
#endif

namespace moor::win {

/// Tells the processor that the caller spins.
inline void pause() noexcept { _mm_pause(); }

} // namespace moor::win
