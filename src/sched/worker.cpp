// The worker's loop; see worker.hpp. Its queues are in worker_queues.cpp, switching in worker_switch.cpp, what keeps
// waits short in worker_fairness.cpp, sleeping and I/O in worker_idle.cpp.
#include "sched/worker.hpp"

#include <array>
#include <utility>

#include "sched/runtime_core.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/thread.hpp"

namespace moor::sched {
worker::worker(runtime_core& runtime, unsigned index)
    : runtime_(runtime), shared_(runtime.shared), index_(index), alone_(runtime.options.workers == 1),
      victim_seed_(index * 0x9e3779b9u + 1), stacks_(runtime) {}

worker::~worker() = default;

void worker::start_thread() {
    thread_ = win::start_thread(&worker::thread_main, this);
    if (!thread_) {
        throw std::system_error(win::to_error(std::errc::resource_unavailable_try_again), "moor: starting a worker");
    }
}

void worker::join_thread() noexcept {
    if (thread_) {
        win::wait_for_end(thread_);
        thread_.close();
    }
}

// A preempted coroutine's registers arrive on this stack while the TEB still describes the coroutine's: the system
// would not know a guard page of this one. So what is needed below the worker's loop has memory from the start.
MOOR_NOINLINE void worker::touch_system_stack() noexcept {
    std::array<volatile std::byte, std::size_t{8} * 1024> below;
    for (std::size_t offset = 0; offset < below.size(); offset += win::page_size / 2) {
        below[offset] = std::byte{};
    }
}

unsigned worker::thread_main(void* self) noexcept {
    auto& here = *static_cast<worker*>(self);
    win::thread_slot::set(static_cast<system_stack*>(&here));
    here.places_ = context::thread_places();
    here.runtime_.reports->thread_begins();
    win::data_slot::set(&here.system_data_);
    if (here.runtime_.options.preemption) {
        here.spare_state_ = preempt::preempted_state::make();
    }
    touch_system_stack();
    here.run();
    here.stacks_.give_all_of(here.system_data_);
    win::data_slot::set(nullptr);
    win::thread_slot::set(nullptr);
    return 0;
}

void worker::run() noexcept {
    for (;;) {
        if (clock_.maintenance_is_due()) {
            maintain();
        }
        coroutine* next = choose_fairly();
        if (next != nullptr) {
            found_work(); // maintain() may have taken the wake-up of a worker that sleeps
        } else {
            next = find_work();
        }
        if (next == nullptr) {
            runtime_.io.port.post_wake(); // whoever took the last wake-up may have taken another sleeper's with it
            return;
        }
        run_from_system_stack(*next);
    }
}

std::uint64_t worker::new_coroutine_id() noexcept {
    if (next_id_ == last_id_) {
        constexpr std::uint64_t range = 256;
        next_id_ = detail::reserve_coroutine_ids(range);
        last_id_ = next_id_ + range;
    }
    return next_id_++;
}

void worker::note_stack_limit() noexcept {
    running_now()->stack.limit = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::stack_limit));
}

win::stack_fields worker::fields_of_running_stack() const noexcept {
    const auto address = [](const std::byte* byte) { return reinterpret_cast<std::uint64_t>(byte); };
    const coroutine& running = *running_now();
    const stack::memory& stack = running.stack;
    return {address(stack.top()), address(stack.limit), address(stack.deallocation()), running.state.check_limit};
}

} // namespace moor::sched
