// The count that reaches zero and the waiters that it wakes are one critical section, so a wait that begins after it
// sees the zero, and a wait before it is in the queue.
#include <moor/wait_group.hpp>

#include <limits>
#include <mutex>

#include "sync/waiting.hpp"
#include "win/error.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::wake_reason;

wait_group::~wait_group() { detail::wait_for_last_user(lock_); }

void wait_group::add(std::size_t count) {
    lock_.lock();
    const bool fits = count <= std::numeric_limits<std::size_t>::max() - count_;
    if (fits) {
        count_ += count;
    }
    lock_.unlock();
    if (!fits) {
        throw std::system_error(win::to_error(std::errc::value_too_large), "moor: wait_group::add");
    }
}

void wait_group::done() {
    detail::claimed_list woken;
    lock_.lock();
    const bool counted = count_ != 0;
    if (counted && --count_ == 0) {
        woken.claim_all(waiters_);
    }
    lock_.unlock();
    woken.finish();
    if (!counted) {
        throw std::system_error(win::to_error(std::errc::invalid_argument), "moor: wait_group::done without an add");
    }
}

bool wait_group::wait(const wait_limit& limit, std::error_code& error) noexcept {
    return detail::report(detail::stop_is_due(limit) ? wake_reason::stopped : wait_for_zero(limit), error);
}

wake_reason wait_group::wait_for_zero(const wait_limit& limit) noexcept {
    lock_.lock();
    if (count_ == 0) {
        lock_.unlock();
        return wake_reason::notified;
    }
    detail::wait waiting("wait_group", limit);
    detail::waiter node;
    return detail::wait_in(waiters_, lock_, node, waiting);
}

void wait_group::wait(const wait_limit& limit) {
    win::or_throw("moor: wait_group::wait", [&](std::error_code& error) { wait(limit, error); });
}

std::size_t wait_group::count() const noexcept {
    const std::lock_guard guard(lock_);
    return count_;
}

} // namespace moor
