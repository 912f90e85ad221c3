// What the primitives share beyond detail/wait.hpp: the look for a stop request before a call that could wait, and the
// list of waiters that are claimed under a primitive's lock and resumed after its release.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <system_error>

#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::detail {

/// Whether a wait that the caller began now would end at once by a stop request or by the token of `limit`. A call that
/// can be stopped looks first, so that a coroutine whose channel always has a value still notices the request.
[[nodiscard]] inline bool stop_is_due(const wait_limit& limit) noexcept {
    if (limit.token().stop_requested()) {
        return true;
    }
    const coroutine* const self = sched::worker::current_coroutine();
    return self != nullptr && self->stop_requested.load(std::memory_order_relaxed) && self->interruptible_now();
}

/// `reason` as an error; none for `notified`. True when there is none.
inline bool report(wake_reason reason, std::error_code& error) noexcept {
    if (reason == wake_reason::notified) {
        error.clear();
        return true;
    }
    error = win::to_error(to_errc(reason));
    return false;
}

/// What wait_in does under the lock when the wait has ended otherwise: nothing.
struct no_more {
    void operator()() const noexcept {}
};

/// Waits in `queue`. Enters with `lock` held, which it releases once `node` is in the queue, and leaves without it.
/// When something else than a waker ends the wait, takes the node out under the lock, and calls given_up() there. `on`:
/// whom the wait is for, if that is known.
template <class Lock, class GivenUp = no_more>
MOOR_ALWAYS_INLINE wake_reason wait_in(wait_queue& queue, Lock& lock, waiter& node, wait& waiting,
                                       const dependence* on = nullptr, GivenUp&& given_up = {}) noexcept {
    node.ticket = waiting.ticket();
    queue.push_back(node);
    lock.unlock();
    const wake_reason reason = on != nullptr ? waiting.suspend(*on) : waiting.suspend();
    if (reason != wake_reason::notified) {
        const std::lock_guard guard(lock);
        queue.remove(node);
        given_up();
    }
    return reason;
}

/// Waiters whose tickets were claimed under a primitive's lock, in that order. Chained through their own nodes, which
/// stay valid because their owners cannot run before finish(). Uses waiter::next and waiter::index.
///
/// Resuming after the lock's release keeps the lock short, and means that the primitive is not touched any more once a
/// waiter runs: it may destroy the primitive.
class claimed_list {
public:
    claimed_list() noexcept = default;
    claimed_list(const claimed_list&) = delete;
    claimed_list& operator=(const claimed_list&) = delete;

    /// Takes `node` out of its queue and claims it; false when its wait has ended otherwise.
    bool claim_node(wait_queue& queue, waiter& node) noexcept {
        queue.remove(node);
        const claim how = node.ticket.try_claim(wake_reason::notified);
        if (how == claim::lost) {
            return false;
        }
        add(node, how);
        return true;
    }

    /// Takes the first waiter whose wait has not ended otherwise out of `queue`; null when there is none.
    waiter* claim_first(wait_queue& queue) noexcept {
        while (waiter* const first = queue.front()) {
            if (claim_node(queue, *first)) {
                return first;
            }
        }
        return nullptr;
    }

    void claim_all(wait_queue& queue) noexcept {
        while (claim_first(queue) != nullptr) {
        }
    }

    /// Resumes them. Without the lock.
    void finish() noexcept {
        for (waiter* node = first_; node != nullptr;) {
            waiter* const next = node->next; // the node is gone as soon as its owner runs
            const wait_ticket ticket = node->ticket;
            ticket.finish(static_cast<claim>(node->index));
            node = next;
        }
        first_ = nullptr;
        last_ = nullptr;
    }

private:
    void add(waiter& node, claim how) noexcept {
        node.index = static_cast<std::size_t>(how);
        node.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &node;
        last_ = &node;
    }

    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

/// Waits until nobody is inside the critical section of `lock`: what a destructor does, because the coroutine that
/// released the primitive last may still be about to release its inner lock.
inline void wait_for_last_user(spin_lock& lock) noexcept {
    lock.lock();
    lock.unlock();
}

} // namespace moor::detail
