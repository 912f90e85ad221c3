// See moor/detail/spin_lock.hpp. What happens when the lock is not free: the holder is a few instructions from
// releasing it, unless the system has taken its processor away, and then spinning on would keep it away.
#include "sync/spin_lock.hpp"

#include <chrono>
#include <thread>

#include "win/compiler.hpp"
#include "win/kept_last_error.hpp"

namespace moor::detail {

void spin_lock::lock_contended() noexcept {
    const win::kept_last_error kept;
    constexpr unsigned pauses_before_yield = 64; // a few microseconds: many times what a holder needs
    constexpr unsigned yields_before_sleep = 64;
    unsigned pauses = 0;
    unsigned yields = 0;
    do {
        // Reads only, so that the holder keeps its cache line until it writes.
        while (held_.load(std::memory_order_relaxed)) {
            if (++pauses < pauses_before_yield) {
                win::pause();
            } else if (++yields < yields_before_sleep) {
                std::this_thread::yield();
            } else {
                // A yield does not reach a holder of lower priority.
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
    } while (held_.exchange(true, std::memory_order_acquire));
}

} // namespace moor::detail
