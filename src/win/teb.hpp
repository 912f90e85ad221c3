// The fields of the thread environment block that belong to the running stack. Offsets are those of every 64-bit
// Windows (NT_TIB and TEB in winternl.h and in Wine's headers). Read and written through the segment register, by
// volatile intrinsics: never cached across a context switch.
#pragma once

#include <cstdint>

#include "win/compiler.hpp"

namespace moor::win::teb {

enum class field : std::uint32_t {
    exception_list = 0x00,
    stack_base = 0x08,
    stack_limit = 0x10,
    thread_id = 0x48,   // CLIENT_ID::UniqueThread, 32 bits of it
    check_limit = 0x28, // NT_TIB::ArbitraryUserPointer: what compiler-inserted stack checks compare with
    deallocation_stack = 0x1478,
    guaranteed_stack_bytes = 0x1748, // 32 bits
    last_error = 0x68,               // 32 bits
    tls_slots = 0x1480,
    tls_expansion_slots = 0x1780,
};

inline std::uint64_t read(field which) noexcept { return read_gs_64(static_cast<std::uint32_t>(which)); }
inline std::uint32_t read_32(field which) noexcept { return read_gs_32(static_cast<std::uint32_t>(which)); }
inline void write(field which, std::uint64_t value) noexcept { write_gs_64(static_cast<std::uint32_t>(which), value); }
inline void write_32(field which, std::uint32_t value) noexcept {
    write_gs_32(static_cast<std::uint32_t>(which), value);
}

/// The calling thread's number.
inline std::uint32_t thread_id() noexcept { return read_32(field::thread_id); }

/// Whether `address` lies on the stack that the calling thread runs on now.
inline bool on_current_stack(const void* address) noexcept {
    const auto value = reinterpret_cast<std::uint64_t>(address);
    return value >= read(field::deallocation_stack) && value < read(field::stack_base);
}

} // namespace moor::win::teb
