// The runtimes that live in this process, for whoever looks for a coroutine or for all workers without being told
// whose.
#pragma once

#include <algorithm>
#include <mutex>
#include <span>
#include <vector>

#include "win/system_lock.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::debug {

/// A runtime is in it from when all its workers' threads run until before they end; those handles are valid meanwhile.
class live_runtimes {
public:
    static void add(detail::runtime_core& started) {
        const std::lock_guard guard(lock_);
        all_.push_back(&started);
    }
    /// One that is not in it is fine.
    static void remove(detail::runtime_core& ending) noexcept {
        const std::lock_guard guard(lock_);
        all_.erase(std::remove(all_.begin(), all_.end(), &ending), all_.end());
    }
    using list = std::span<detail::runtime_core* const>;
    /// Calls `function` with all of them, none of which ends before this returns. On a stack with room. `function` does
    /// not suspend, and takes no lock under which a runtime starts or ends.
    template <class Function>
    static void use(Function&& function) {
        const std::lock_guard guard(lock_);
        function(list(all_));
    }
    /// Calls `visit` with each, likewise.
    template <class Visitor>
    static void for_each(Visitor&& visit) {
        use([&](list all) {
            for (detail::runtime_core* const each : all) {
                visit(*each);
            }
        });
    }

private:
    static inline win::system_lock lock_;
    static inline std::vector<detail::runtime_core*> all_; // guarded by it
};

} // namespace moor::debug
