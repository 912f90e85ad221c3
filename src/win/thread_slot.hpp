// One pointer per thread, read in two instructions from the TEB. The scheduler keeps the thread's worker here.
// Rejected: thread_local, whose address compilers cache across a context switch and which GCC emulates for this
// target with a call of about ten nanoseconds.
#pragma once

#include <cstdint>

#include "win/teb.hpp"

namespace moor::win {

/// A process-wide TLS index (TlsAlloc) with direct access; null in threads that never set it.
class thread_slot {
public:
    /// Allocates the index on first use. Throws std::system_error when the process has none left. Any thread.
    static void prepare();

    [[nodiscard]] static void* get() noexcept {
        if (offset_ != 0) [[likely]] {
            return reinterpret_cast<void*>(read_gs_64(offset_));
        }
        return get_from_expansion();
    }

    /// For the calling thread. After prepare().
    static void set(void* value) noexcept;

private:
    static void* get_from_expansion() noexcept;

    // Both written once by prepare(), before any thread that matters exists.
    static inline std::uint32_t offset_ = 0; // from the TEB; 0 when not prepared or beyond the TEB's own 64 slots
    static inline unsigned long index_ = 0xffffffff;
};

} // namespace moor::win
