// A run that fails hands the right to try to the first waiter, without being idle meanwhile.
#include <moor/once.hpp>

#include <mutex>

#include "sync/ownership.hpp"
#include "sync/waiting.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::stop_request;
using detail::wake_reason;

once::~once() { detail::wait_for_last_user(lock_); }

bool once::begin_or_wait(const wait_limit& limit, stop_request stopping, wake_reason& reason) noexcept {
    reason = wake_reason::notified;
    lock_.lock();
    if (const state seen = state_.load(std::memory_order_relaxed); seen != state::running) {
        if (seen == state::idle) {
            state_.store(state::running, std::memory_order_relaxed);
            detail::record_owner(runner_);
        }
        lock_.unlock();
        return seen == state::idle;
    }
    detail::wait waiting("once", limit, stopping);
    detail::waiter node;
    const detail::dependence on{.holder = &runner_};
    reason = detail::wait_in(waiters_, lock_, node, waiting, &on);
    if (reason != wake_reason::notified || done()) {
        return false;
    }
    detail::record_owner(runner_); // the run that failed has left the state `running` to this caller
    return true;
}

bool once::begin_or_wait() noexcept {
    wake_reason reason{};
    return begin_or_wait(wait_limit(), stop_request::ignored, reason);
}

bool once::begin_or_wait(const wait_limit& limit, std::error_code& error) noexcept {
    wake_reason reason = wake_reason::stopped;
    const bool begin = !detail::stop_is_due(limit) && begin_or_wait(limit, stop_request::ends_wait, reason);
    detail::report(reason, error);
    return begin;
}

bool once::begin_or_wait(const wait_limit& limit) {
    return win::or_throw("moor: once::call_within",
                         [&](std::error_code& error) { return begin_or_wait(limit, error); });
}

void once::end(state reached) noexcept {
    detail::claimed_list woken;
    lock_.lock();
    runner_.store(0, std::memory_order_relaxed);
    if (reached == state::done) {
        // Release pairs with the acquire in done().
        state_.store(state::done, std::memory_order_release);
        woken.claim_all(waiters_);
    } else if (woken.claim_first(waiters_) == nullptr) {
        state_.store(state::idle, std::memory_order_relaxed);
    }
    lock_.unlock();
    woken.finish();
}

} // namespace moor
