// What happens when the lock is not free: the holder is a few instructions from releasing it, unless the system has
// taken its processor away, and then spinning on would keep it away.
#include "win/spin_lock.hpp"

#include "win/spinning.hpp"

namespace moor::detail {

void spin_lock::lock_contended() noexcept {
    win::spinning until_free;
    do {
        // Reads only, so that the holder keeps its cache line until it writes.
        while (held_.load(std::memory_order_relaxed)) {
            until_free.pause();
        }
    } while (held_.exchange(true, std::memory_order_acquire));
}

} // namespace moor::detail
