// The smallest primitive that detail::wait can carry: what the scheduler's tests wake coroutines with, so that they
// depend on no primitive of the library.
#pragma once

#include <mutex>
#include <system_error>

#include "win/spin_lock.hpp"
#include <moor/detail/wait.hpp>

namespace moor::test {

/// A flag that one waiter at a time takes. Any thread or coroutine.
class signal {
public:
    /// Sets the flag, or passes it to the first waiter.
    void set() noexcept {
        const std::lock_guard guard(lock_);
        if (!waiters_.wake_one()) {
            set_ = true;
        }
    }

    /// Waits for the flag and takes it.
    detail::wake_reason wait(const wait_limit& limit = {}) noexcept {
        detail::wait waiting("signal", limit);
        detail::waiter node{.ticket = waiting.ticket()};
        {
            const std::lock_guard guard(lock_);
            if (set_) {
                set_ = false;
                return detail::wake_reason::notified;
            }
            waiters_.push_back(node);
        }
        const detail::wake_reason reason = waiting.suspend();
        if (reason != detail::wake_reason::notified) {
            const std::lock_guard guard(lock_);
            waiters_.remove(node);
        }
        return reason;
    }

    /// The same; throws std::system_error when the wait has ended otherwise.
    void wait_or_throw(const wait_limit& limit = {}) {
        if (const detail::wake_reason reason = wait(limit); reason != detail::wake_reason::notified) {
            throw std::system_error(std::make_error_code(detail::to_errc(reason)));
        }
    }

    [[nodiscard]] bool has_waiter() noexcept {
        const std::lock_guard guard(lock_);
        return !waiters_.empty();
    }

private:
    detail::spin_lock lock_; // guards all below
    bool set_ = false;
    detail::wait_queue waiters_;
};

} // namespace moor::test
