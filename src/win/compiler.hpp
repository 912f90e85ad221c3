// The one header that knows compilers: attributes, where a function returns to, the processor's pause, and access to
// the TEB's segment. (One more knows the C++ runtime, context/exception_state.hpp.) MOOR_NOINLINE keeps a function's
// reads of thread-local places from being hoisted over a context switch.
#pragma once

#include <cstdint>

#if defined(_MSC_VER)
#include <intrin.h>
#define MOOR_NOINLINE __declspec(noinline)
#define MOOR_ALWAYS_INLINE __forceinline
#define MOOR_RETURN_ADDRESS() _ReturnAddress()
#else
#define MOOR_NOINLINE __attribute__((noinline))
#define MOOR_ALWAYS_INLINE inline __attribute__((always_inline))
#define MOOR_RETURN_ADDRESS() __builtin_return_address(0)
#endif

#if defined(_M_X64) || defined(__x86_64__)
#include <immintrin.h>
#endif

namespace moor::win {

struct cpuid_registers {
    std::uint32_t eax;
    std::uint32_t ebx;
    std::uint32_t ecx;
    std::uint32_t edx;
};

/// What the processor says of itself.
inline cpuid_registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
#if defined(_MSC_VER)
    int seen[4];
    __cpuidex(seen, static_cast<int>(leaf), static_cast<int>(subleaf));
    return {static_cast<std::uint32_t>(seen[0]), static_cast<std::uint32_t>(seen[1]),
            static_cast<std::uint32_t>(seen[2]), static_cast<std::uint32_t>(seen[3])};
#else
    cpuid_registers seen{};
    __asm__("cpuid" : "=a"(seen.eax), "=b"(seen.ebx), "=c"(seen.ecx), "=d"(seen.edx) : "a"(leaf), "c"(subleaf));
    return seen;
#endif
}

/// Tells the processor that the caller spins.
inline void pause() noexcept { _mm_pause(); }

// Reading and writing relative to the GS segment register, which on 64-bit Windows is the TEB. Volatile: never cached
// across a context switch. GCC takes its own intrinsics' operand for an object at a small address and warns of it.
// Clang's headers for the MSVC ABI declare the intrinsics that write and do not define them.
#if defined(_MSC_VER) && !defined(__clang__)
inline std::uint64_t read_gs_64(std::uint32_t offset) noexcept { return __readgsqword(offset); }
inline std::uint32_t read_gs_32(std::uint32_t offset) noexcept { return __readgsdword(offset); }
inline void write_gs_64(std::uint32_t offset, std::uint64_t value) noexcept { __writegsqword(offset, value); }
inline void write_gs_32(std::uint32_t offset, std::uint32_t value) noexcept { __writegsdword(offset, value); }
#elif defined(_WIN32)
inline std::uint64_t read_gs_64(std::uint32_t offset) noexcept {
    std::uint64_t value = 0;
    __asm__ volatile("movq %%gs:(%1), %0" : "=r"(value) : "r"(std::uint64_t{offset}));
    return value;
}
inline std::uint32_t read_gs_32(std::uint32_t offset) noexcept {
    std::uint32_t value = 0;
    __asm__ volatile("movl %%gs:(%1), %0" : "=r"(value) : "r"(std::uint64_t{offset}));
    return value;
}
inline void write_gs_64(std::uint32_t offset, std::uint64_t value) noexcept {
    __asm__ volatile("movq %0, %%gs:(%1)" : : "r"(value), "r"(std::uint64_t{offset}) : "memory");
}
inline void write_gs_32(std::uint32_t offset, std::uint32_t value) noexcept {
    __asm__ volatile("movl %0, %%gs:(%1)" : : "r"(value), "r"(std::uint64_t{offset}) : "memory");
}
#endif

} // namespace moor::win
