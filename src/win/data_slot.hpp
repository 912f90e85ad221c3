// Where a thread keeps the address of the data stack of whatever runs on it: a TLS index of the process, read straight
// from the TEB by the code that the compiler pass inserts (src/compiler). A switch of stacks writes it, as it writes
// the limit of the stack check. Rejected: thread_local, whose address compilers keep across calls, and so across
// suspensions.
#pragma once

#include <cstdint>

#include "win/teb.hpp"

/// Bytes from the start of the TEB. While nobody uses the slot it is that of a field which is null in every thread.
extern "C" std::uint32_t moor_data_slot;

namespace moor::win {

class process_registration;

class data_slot {
public:
    /// The index. Using it throws std::system_error when none of the 64 that lie in the TEB is left.
    [[nodiscard]] static process_registration& registration() noexcept;

    /// Null in threads that have no data stack yet.
    [[nodiscard]] static void* get() noexcept { return reinterpret_cast<void*>(read_gs_64(moor_data_slot)); }

    /// For the calling thread, while the slot is used.
    static void set(void* value) noexcept { write_gs_64(moor_data_slot, reinterpret_cast<std::uint64_t>(value)); }

    /// `value` is handed to `release` when the calling thread ends, which has its slot emptied first. At most once a
    /// thread, while the slot is used, which it is from then on. False when the system refuses; then the value stays as
    /// long as the process.
    static bool release_at_end_of_thread(void* value, void (*release)(void*) noexcept) noexcept;
};

} // namespace moor::win
