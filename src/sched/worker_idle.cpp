// What a worker does when its own queues are empty: steal, take completions, sleep in the port. All of it on the
// worker's system stack.
#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"

namespace moor::sched {

// Null when the runtime ends.
//
// Stealing comes before the port: it looks at memory only, and the blocking call that follows takes what is in the port
// just as a poll would. A separate poll would cost one more system call each time a worker runs dry.
coroutine* worker::find_work() noexcept {
    for (;;) {
        if (!searching_ && idle_search_allowed()) {
            searching_ = true;
        }
        if (searching_) {
            if (coroutine* const found = search_others()) {
                found_work();
                return found;
            }
        }
        sleep_in_port();
        if (coroutine* const woken = choose_fairly()) {
            found_work();
            return woken;
        }
        if (runtime_.workers_shall_end()) {
            found_work();
            return nullptr;
        }
    }
}

bool worker::idle_search_allowed() noexcept {
    const auto count = static_cast<unsigned>(runtime_.workers.size());
    return count > 1 && runtime_.idle.start_searching(count);
}

// The last searcher that finds something sends another one out: where there was one coroutine there may be more.
void worker::found_work() noexcept {
    if (searching_) {
        searching_ = false;
        if (runtime_.idle.stop_searching()) {
            runtime_.wake_worker();
        }
    }
}

coroutine* worker::search_others() noexcept {
    const auto count = static_cast<std::uint32_t>(runtime_.workers.size());
    victim_seed_ = victim_seed_ * 1664525u + 1013904223u; // any sequence will do: it only spreads the thieves
    const std::uint32_t first = (victim_seed_ >> 8) % count;
    for (std::uint32_t offset = 0; offset < count; ++offset) {
        worker& victim = *runtime_.workers[(first + offset) % count];
        std::uint32_t taken = 0;
        if (&victim == this) {
            continue;
        }
        if (coroutine* const loot = victim.ring_.steal_half_into(ring_, taken)) {
            stolen.add(taken);
            return loot;
        }
    }
    if (coroutine* const shared = runtime_.shared.pop()) {
        return shared;
    }
    for (std::uint32_t offset = 0; offset < count; ++offset) {
        worker& victim = *runtime_.workers[(first + offset) % count];
        if (&victim != this) {
            if (coroutine* const loot = steal_next_of(victim)) {
                stolen.add(1);
                return loot;
            }
            if (victim.stuck_.load(std::memory_order_relaxed) && victim.timers_.expire(detail::now())) {
                if (coroutine* const due = ring_.pop()) { // its sleepers are this worker's now
                    return due;
                }
            }
        }
    }
    return nullptr;
}

// The victim will most likely run its next slot itself within a microsecond, with warm caches. It is taken only from a
// victim that stays in one coroutine for longer than that.
coroutine* worker::steal_next_of(worker& victim) noexcept {
    constexpr int patience = 100; // pauses: a few microseconds
    const std::uint32_t turn = victim.clock_.turns();
    for (int waited = 0; waited < patience; ++waited) {
        if (victim.next_.load(std::memory_order_relaxed) == nullptr || victim.clock_.turns() != turn) {
            return nullptr;
        }
        win::pause();
    }
    return victim.next_.exchange(nullptr, std::memory_order_acq_rel);
}

// What would keep this worker awake. Called after it has said that it sleeps; see idle_workers.hpp.
bool worker::work_in_sight() const noexcept {
    if (!runtime_.shared.empty() || !runtime_.yielded.empty() || has_pinned() || runtime_.workers_shall_end()) {
        return true;
    }
    return std::any_of(runtime_.workers.begin(), runtime_.workers.end(),
                       [](const auto& other) { return other->has_stealable(); });
}

void worker::sleep_in_port() noexcept {
    const auto count = static_cast<unsigned>(runtime_.workers.size());
    asleep_.store(true, std::memory_order_seq_cst);
    const bool searched = std::exchange(searching_, false);
    const bool all_sleep = runtime_.idle.start_sleeping(count, searched);
    DWORD timeout = INFINITE;
    if (work_in_sight()) {
        timeout = 0;
        if (searched) { // whoever queued it has woken nobody else: found_work() does when there is more
            searching_ = true;
            runtime_.idle.search_again();
        }
    } else if (const auto next = timers_.next(); next != steady::time_point::max()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - detail::now()).count();
        timeout = static_cast<DWORD>(std::clamp<std::int64_t>(left, 0, 60'000));
    } else if (all_sleep) {
        timeout = runtime_.deadlocks.look();
    }
    const std::size_t room = std::max(room_to_sleep_.now(), runtime_.io.least_room.load(std::memory_order_relaxed));
    room_to_sleep_.took(poll(timeout, room));
    asleep_.store(false, std::memory_order_relaxed);
    runtime_.idle.stop_sleeping();
    runtime_.monitor.worker_woke();
    polled_at_ = clock_.begin();
    clock_.maintained();
    if (!timers_.empty()) {
        timers_.expire(polled_at_);
    }
    share_surplus();
}

// What timers and completions have made runnable woke nobody yet; more than one is more than this worker can run at
// once.
void worker::share_surplus() noexcept {
    if (ring_.size() > 1) {
        runtime_.wake_worker();
    }
}

std::size_t worker::poll(DWORD timeout, std::size_t room) noexcept {
    std::uint64_t operations = 0;
    const auto taken = runtime_.io.port.dequeue(std::span(batch_).first(room), timeout);
    for (const OVERLAPPED_ENTRY& packet : taken) {
        using key = iocp::completion_port::key;
        if (packet.lpCompletionKey == static_cast<ULONG_PTR>(key::wake)) {
            if (searching_) {
                runtime_.idle.stop_searching(); // two count as one: this worker searches already
            }
            searching_ = true;
        } else if (packet.lpCompletionKey == static_cast<ULONG_PTR>(key::operation) &&
                   runtime_.io.pool.owns(packet.lpOverlapped)) {
            iocp::operation& call = iocp::operation::of(packet.lpOverlapped);
            switch (call.packet_dequeued(packet.dwNumberOfBytesTransferred)) {
            case iocp::packet_outcome::delivered: break;
            case iocp::packet_outcome::abandoned:
                runtime_.io.pool.release(call, &operations_);
                runtime_.notice_progress();
                break;
            case iocp::packet_outcome::handled: runtime_.notice_progress(); break;
            case iocp::packet_outcome::unexpected: foreign_packets.add(1); continue;
            }
            ++operations;
        } else {
            foreign_packets.add(1);
        }
    }
    packets.add(operations);
    polled_ = true;
    return taken.size();
}

} // namespace moor::sched
