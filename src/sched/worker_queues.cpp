// What makes a coroutine runnable on a worker, and has another worker come for it where it must; see worker.hpp and
// idle_workers.hpp. Apart from the loop, so that a model checker takes it without the rest (tests/model).
#include <array>
#include <span>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/insist.hpp"
#include "win/system_calls.hpp"

namespace moor::sched {

void worker::make_ready(coroutine& ready) noexcept {
    if (running_now() ==
        nullptr) { // woken by a timer or a completion: in the order of events, and the caller wakes others
        push_last(ready);
        return;
    }
    // What the running coroutine wakes runs next, while its data is still in the cache. The first one keeps the slot,
    // so that several run in the order in which they were woken. Thieves only ever empty the slot, so storing into an
    // empty one needs no exchange. Release publishes the coroutine to a thief.
    if (next_.load(std::memory_order_relaxed) == nullptr) {
        next_.store(&ready, std::memory_order_release);
        return; // nobody is woken for this one: its waker is likely to wait for it soon, and the monitor looks after it
                // if not
    }
    push_last(ready);
    wake_another();
}

void worker::enqueue_new(coroutine& fresh) noexcept {
    push_last(fresh);
    wake_another();
}

void worker::enqueue_pinned(coroutine& ready) noexcept {
    pinned_.push(ready);
    if (asleep_.load(std::memory_order_seq_cst)) {
        // The port cannot wake a certain thread; an asynchronous procedure call can, since the worker waits alertably.
        win::insist("QueueUserAPC", [this] { return win::system().queue_apc([](ULONG_PTR) {}, thread_.get(), 0); });
    }
}

void worker::wake_another() noexcept {
    if (!alone_) {
        runtime_.wake_worker();
    }
}

MOOR_NOINLINE void worker::push_full_ring(coroutine& item) noexcept {
    do {
        std::array<coroutine*, decltype(ring_)::capacity / 2> batch;
        const std::uint32_t count = ring_.take_half(batch);
        runtime_.shared.push(std::span(batch).first(count));
    } while (!ring_.push(item));
}

} // namespace moor::sched
