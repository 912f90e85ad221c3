// Stands in for src/win/system_lock.hpp: a lock that blocks the model's thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "checker/model.hpp"

namespace moor::win {

class system_lock {
public:
    void lock() noexcept {
        while (!try_lock()) {
            model::block_while_equal(&held_, sizeof held_, 1);
        }
    }
    [[nodiscard]] bool try_lock() noexcept { return held_.exchange(1, std::memory_order_acquire) == 0; }
    void unlock() noexcept { held_.store(0, std::memory_order_release); }

private:
    std::atomic<std::uint32_t> held_{0};
};

} // namespace moor::win
