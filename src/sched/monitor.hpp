// A thread that looks after what a busy worker cannot: coroutines that it woke, and timers that are due, while it stays
// in one coroutine for long. It has a sleeping worker take them over. After Go's sysmon (runtime/proc.go).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "win/handle.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::sched {

class monitor {
public:
    /// Time between two looks while any worker is awake. A worker counts as stuck at the second look, so what it has
    /// queued waits for once to twice this time.
    static constexpr std::chrono::milliseconds between_looks{10};

    explicit monitor(detail::runtime_core& runtime);
    ~monitor();
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;

    /// Throws std::system_error.
    void start_thread();
    void join_thread() noexcept;

    /// A worker has stopped sleeping (sequentially consistent, before this). One load, unless the monitor rests.
    void worker_woke() noexcept {
        if (resting_.load(std::memory_order_seq_cst)) {
            end_rest();
        }
    }

private:
    static unsigned __stdcall thread_main(void* self) noexcept;
    void run() noexcept;
    void look() noexcept;
    void end_rest() noexcept;

    detail::runtime_core& runtime_;
    win::unique_handle thread_;
    win::unique_handle wake_; // auto-reset event
    // Set by the monitor when it finds all workers asleep; it looks once more after that. Whoever clears it sets the
    // event.
    std::atomic<bool> resting_{false};
    std::atomic<bool> ending_{false};
    std::vector<std::uint32_t> last_turns_; // the monitor's thread alone
};

} // namespace moor::sched
