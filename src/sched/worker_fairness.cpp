// How a worker that never runs out of work keeps every wait short, by time and whoever runs. The bound, with coroutines
// that compute for a slice at most: who becomes ready runs a slice and five milliseconds later, unless others that were
// ready before keep the worker (docs/scheduling.md, "How long anybody waits").
//
// 1. Time is noticed, by looks that turn_clock.hpp tells of; or the monitor says that some has passed.
// 2. A look that finds maintenance due sends the worker to its system stack: timers that are due, then the port.
// 3. While some coroutines compute, those that yield wait apart, preempted ones too, and run after all that were woken:
//    by a packet, a timer, another coroutine or a thread. Before one that computes goes on, the port is looked at once
//    more, since nobody will for a slice.
// 4. Those that were woken get no more than a slice in a row while somebody who yielded waits. Then it is the turn of
//    these, for a quarter of a slice or one long turn. Coroutines that wake one another through the next slot likewise
//    have it for a slice.
#include <algorithm>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"

namespace moor::sched {

// ---- Noticing time -------------------------------------------------------------------------------------------------

// On a coroutine's stack.
MOOR_NOINLINE bool worker::clock_says_maintenance(std::uint32_t turn) noexcept {
    if (!clock_.look(turn)) {
        running_now()->cpu_bound = false;
        return false;
    }
    judge_turns(turn);
    return true;
}

void worker::judge_turns(std::uint32_t turn) noexcept {
    const auto now = detail::now();
    const auto slice = runtime_.options.time_slice;
    const auto each = clock_.average(turn, now);
    const bool computes = each >= slice / long_turns;
    running_now()->cpu_bound = computes;
    if (computes || each * std::int64_t{ring_.size() + 1} >= slice / quick_rounds) {
        note_long_turn(now);
    }
    next_goes_last_ = next_goes_last_ || each >= slice / quick_rounds;
}

// ---- Maintenance ---------------------------------------------------------------------------------------------------

void worker::maintain() noexcept {
    const auto now = detail::now();
    wake_what_is_due(now, clock_.maintenance_is_wanted() ? port_look::always : port_look::when_due);
    share_time(now);
    clock_.begin();
    clock_.maintained();
}

// Timers are looked at more often than the port: that costs a look at a clock, and this a system call.
void worker::wake_what_is_due(steady::time_point now, port_look port) noexcept {
    if (!timers_.empty()) {
        timers_.expire(now);
    }
    if ((port == port_look::always || now - polled_at_ >= longest_without_poll) && runtime_.operations_in_use() != 0) {
        poll(0, batch_.size());
        polled_at_ = now;
    }
    share_surplus();
}

void worker::share_time(steady::time_point now) noexcept {
    const auto slice = runtime_.options.time_slice;
    if (next_.load(std::memory_order_relaxed) == nullptr) {
        next_goes_last_ = false;
    }
    if (next_streak_broken_) {
        next_streak_broken_ = false;
        next_streak_began_ = now;
    } else if (now - next_streak_began_ >= slice) {
        next_goes_last_ = true;
    }
    if (yields_go_last_ && now - long_turn_seen_ >= slices_of_caution * slice) {
        yields_go_last_ = false;
        rejoin_the_others();
    }
    if (!somebody_has_yielded()) {
        yielded_first_ = false;
        woken_since_ = now;
    } else if (yielded_first_) {
        if (now - yielded_first_since_ >= slice / quick_rounds) {
            yielded_first_ = false;
            woken_since_ = now;
        }
    } else if (yielded_ran_) {
        woken_since_ = now;
    } else if (now - woken_since_ >= slice) {
        yielded_first_ = true;
        yielded_first_since_ = now;
    }
    yielded_ran_ = false;
}

// ---- Those who yielded ---------------------------------------------------------------------------------------------

// On the worker's system stack. A coroutine that suspends chooses among the others only.
coroutine* worker::choose_fairly() noexcept {
    if (yielded_first_) {
        if (coroutine* const yielded = pick_yielded()) {
            return yielded;
        }
    }
    if (coroutine* const woken = pick_local()) {
        if (!runtime_.yielded.empty()) {
            wake_another();
        }
        return woken;
    }
    return pick_yielded();
}

coroutine* worker::pick_yielded() noexcept {
    coroutine* const first = take_yielded();
    if (first == nullptr) {
        return nullptr;
    }
    if (first->cpu_bound && !yielded_first_) {
        if (!polled_) {
            wake_what_is_due(detail::now(), port_look::always);
        }
        coroutine* other = pick_local();
        if (other == nullptr && somebody_is_stuck()) {
            other = search_others();
        }
        if (other != nullptr) {
            put_yielded_back(*first);
            return other;
        }
    }
    if (first->cpu_bound) { // this turn is judged by itself
        clock_.begin();
        clock_.look_soon();
    }
    clock_.next();
    yielded_ran_ = true;
    return first;
}

// Those of this worker and those of all workers by turns.
coroutine* worker::take_yielded() noexcept {
    const bool shared_first = (clock_.turns() & 1) != 0;
    if (shared_first) {
        if (coroutine* const shared = runtime_.yielded.pop()) {
            return shared;
        }
    }
    if (coroutine* const own = yielded_here_.pop()) {
        return own;
    }
    return shared_first ? nullptr : runtime_.yielded.pop();
}

// Nobody computes any more: those who wait apart go before whoever yields from now on.
void worker::rejoin_the_others() noexcept {
    const auto move_all = [](shared_queue& from, auto&& give) {
        shared_queue kept; // those who computed at their last turn
        while (coroutine* const moved = from.pop()) {
            if (moved->cpu_bound) {
                kept.push(*moved);
            } else {
                give(*moved);
            }
        }
        while (coroutine* const computes = kept.pop()) {
            from.push(*computes);
        }
    };
    move_all(yielded_here_, [this](coroutine& moved) { pinned_.push(moved); });
    move_all(runtime_.yielded, [this](coroutine& moved) { push_last(moved); });
}

void worker::put_yielded_back(coroutine& first) noexcept {
    if (first.preempted != nullptr || first.pinned_worker >= 0) {
        yielded_here_.push_front(first);
    } else {
        runtime_.yielded.push_front(first);
    }
}

bool worker::somebody_has_yielded() const noexcept { return !yielded_here_.empty() || !runtime_.yielded.empty(); }

bool worker::somebody_is_stuck() const noexcept {
    return std::any_of(runtime_.workers.begin(), runtime_.workers.end(),
                       [](const auto& other) { return other->stuck_.load(std::memory_order_relaxed); });
}

// On the stack of the coroutine that runs next, or on the worker's own.
MOOR_NOINLINE void worker::queue_yielded(coroutine& left) noexcept {
    if (!somebody_has_yielded()) {
        woken_since_ = detail::now(); // this one's wait begins; those who are ready already go before it
    }
    if (!yields_go_last_) {
        pinned_.push(left);
    } else if (left.pinned_worker >= 0) {
        yielded_here_.push(left);
    } else {
        runtime_.yielded.push(left);
        if (running_now() != nullptr) { // otherwise this worker looks for its next coroutine just now
            wake_another();
        }
    }
}

} // namespace moor::sched
