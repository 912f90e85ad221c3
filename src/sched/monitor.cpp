// See monitor.hpp.
#include "sched/monitor.hpp"

#include <process.h>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"

namespace moor::sched {

monitor::monitor(detail::runtime_core& runtime)
    : runtime_(runtime), wake_(::CreateEventW(nullptr, FALSE, FALSE, nullptr)) {
    if (!wake_) {
        win::throw_last_error("moor: CreateEvent");
    }
}

monitor::~monitor() { join_thread(); }

void monitor::start_thread() {
    last_turns_.resize(runtime_.workers.size());
    const std::uintptr_t handle = ::_beginthreadex(nullptr, 0, &monitor::thread_main, this, 0, nullptr);
    if (handle == 0) {
        throw std::system_error(win::to_error(std::errc::resource_unavailable_try_again), "moor: starting the monitor");
    }
    thread_ = win::unique_handle(reinterpret_cast<HANDLE>(handle));
}

void monitor::join_thread() noexcept {
    if (thread_) {
        ending_.store(true, std::memory_order_release);
        ::SetEvent(wake_.get());
        ::WaitForSingleObject(thread_.get(), INFINITE);
        thread_.close();
    }
}

unsigned monitor::thread_main(void* self) noexcept {
    static_cast<monitor*>(self)->run();
    return 0;
}

void monitor::run() noexcept {
    while (!ending_.load(std::memory_order_acquire)) {
        // Resting is announced before the last look at the workers, and a worker announces that it is awake before it
        // looks here: one of the two sees the other.
        resting_.store(true, std::memory_order_seq_cst);
        if (!runtime_.all_workers_sleep() && resting_.exchange(false)) {
            ::WaitForSingleObject(wake_.get(), static_cast<DWORD>(between_looks.count()));
            look();
        } else {
            ::WaitForSingleObject(wake_.get(), INFINITE);
        }
    }
}

void monitor::end_rest() noexcept {
    if (resting_.exchange(false)) {
        ::SetEvent(wake_.get());
    }
}

// A worker that has begun no turn since the last look stays in one coroutine. Thieves are told, and one is woken.
void monitor::look() noexcept {
    bool help_needed = false;
    for (std::size_t index = 0; index < last_turns_.size(); ++index) {
        worker& looked_at = *runtime_.workers[index];
        const std::uint32_t turn = looked_at.turns();
        const bool stuck = turn == last_turns_[index] && !looked_at.is_asleep();
        last_turns_[index] = turn;
        looked_at.set_stuck(stuck);
        help_needed = help_needed || (stuck && looked_at.has_work_for_others());
    }
    if (help_needed) {
        runtime_.wake_worker();
    }
}

} // namespace moor::sched
