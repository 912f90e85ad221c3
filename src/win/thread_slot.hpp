// One pointer per thread, read in two instructions from the TEB. The scheduler keeps the thread's worker here.
// Rejected: thread_local, whose address compilers cache across a context switch and which GCC emulates for this
// target with a call of about ten nanoseconds.
#pragma once

#include <atomic>
#include <cstdint>

#include "win/teb.hpp"

namespace moor::win {

class process_registration;

/// A process-wide TLS index (TlsAlloc) with direct access; null in threads that never set it, and while nobody uses it.
class thread_slot {
public:
    /// The index. Using it throws std::system_error when the process has none left.
    [[nodiscard]] static process_registration& registration() noexcept;

    [[nodiscard]] static void* get() noexcept {
        if (const std::uint32_t offset = offset_.load(std::memory_order_relaxed); offset != 0) [[likely]] {
            return reinterpret_cast<void*>(read_gs_64(offset));
        }
        return get_from_expansion();
    }

    /// For the calling thread, while it is used. What was set is unset before the last user goes.
    static void set(void* value) noexcept;

private:
    static void* get_from_expansion() noexcept;
    static void allocate();
    static void free() noexcept;

    // Written by the registration, while no thread has anything in the slot. Relaxed: a thread that sees an old value
    // reads null, for whoever gets the index after us has set nothing for that thread at this moment.
    static inline std::atomic<std::uint32_t> offset_{0}; // from the TEB; 0: unused, or beyond the TEB's own 64 slots
    static inline std::atomic<unsigned long> index_{0xffffffff};
};

/// An index of the process (TlsAlloc), the lowest that is free; TLS_OUT_OF_INDEXES with the thread's last error set
/// when there is none.
[[nodiscard]] std::uint32_t allocate_tls_index() noexcept;
void free_tls_index(std::uint32_t index) noexcept;

} // namespace moor::win
