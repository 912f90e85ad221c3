// The state word decides everything as long as nobody waits; once `contended` is set, it changes under queue_lock_
// only, and ownership goes from owner to first waiter without the word ever being free.
#include <moor/mutex.hpp>

#include <mutex>

#include "sync/ownership.hpp"
#include "sync/waiting.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::stop_request;
using detail::wake_reason;

mutex::~mutex() {
    if constexpr (detail::checks_ownership) {
        if (state_.load(std::memory_order_relaxed) != free) {
            win::fatal("a mutex was destroyed while it was locked");
        }
    }
    detail::wait_for_last_user(queue_lock_);
}

bool mutex::try_take() noexcept {
    // It looks first: an interlocked operation that fails costs as much as one that succeeds.
    std::uint32_t expected = state_.load(std::memory_order_relaxed);
    // Acquire pairs with the release in unlock() and hand_over().
    if (expected != free ||
        !state_.compare_exchange_strong(expected, held, std::memory_order_acquire, std::memory_order_relaxed)) {
        return false;
    }
    detail::record_owner(owner_);
    return true;
}

bool mutex::try_lock() noexcept { return try_take(); }

void mutex::lock() noexcept {
    if (!try_take()) {
        (void)take_or_wait(wait_limit(), stop_request::ignored);
    }
}

bool mutex::try_lock_within(const wait_limit& limit) noexcept {
    return try_take() || take_or_wait(limit, stop_request::ignored) == wake_reason::notified;
}

bool mutex::lock(const wait_limit& limit, std::error_code& error) noexcept {
    if (detail::stop_is_due(limit)) {
        return detail::report(wake_reason::stopped, error);
    }
    return detail::report(try_take() ? wake_reason::notified : take_or_wait(limit, stop_request::ends_wait), error);
}

void mutex::lock(const wait_limit& limit) {
    win::or_throw("moor: mutex::lock", [&](std::error_code& error) { lock(limit, error); });
}

wake_reason mutex::take_or_wait(const wait_limit& limit, stop_request stopping) noexcept {
    detail::check_not_owner(owner_);
    queue_lock_.lock();
    for (;;) {
        std::uint32_t seen = state_.load(std::memory_order_relaxed);
        if (seen == free) {
            if (try_take()) {
                queue_lock_.unlock();
                return wake_reason::notified;
            }
        } else if (seen == (held | contended) ||
                   state_.compare_exchange_strong(seen, held | contended, std::memory_order_relaxed)) {
            break;
        }
    }
    detail::wait waiting("mutex", limit, stopping);
    detail::waiter node;
    const detail::dependence on{.holder = &owner_};
    // When it gives up `contended` may stay without need: the next unlock() finds nobody.
    const wake_reason reason = detail::wait_in(waiters_, queue_lock_, node, waiting, &on);
    if (reason == wake_reason::notified) {
        detail::record_owner(owner_);
    }
    return reason;
}

void mutex::unlock() noexcept {
    detail::forget_owner(owner_);
    std::uint32_t expected = state_.load(std::memory_order_relaxed); // held, or with `contended`
    if (expected != held ||
        !state_.compare_exchange_strong(expected, free, std::memory_order_release, std::memory_order_relaxed)) {
        hand_over();
    }
}

void mutex::hand_over() noexcept {
    detail::claimed_list next;
    queue_lock_.lock();
    if (next.claim_first(waiters_) == nullptr) {
        // Release pairs with the acquire in try_take().
        state_.store(free, std::memory_order_release);
    } else if (waiters_.empty()) {
        state_.store(held, std::memory_order_relaxed);
    }
    queue_lock_.unlock();
    next.finish();
}

} // namespace moor
