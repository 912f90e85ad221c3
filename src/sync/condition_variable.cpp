// A notification claims its waiter's ticket, so it cannot be spent on one that is just timing out: such a claim fails,
// and the next waiter gets it.
#include <moor/condition_variable.hpp>

#include <moor/this_coroutine.hpp>

#include "sync/waiting.hpp"
#include "win/error.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::wake_reason;

condition_variable::~condition_variable() {
    lock_.lock();
    // Waiters whose wait ended otherwise while they were being notified; they need lock_ once more.
    while (inside_ != 0) {
        lock_.unlock();
        this_coroutine::yield();
        lock_.lock();
    }
    lock_.unlock();
}

bool condition_variable::wait(std::unique_lock<mutex>& lock, const wait_limit& limit, std::error_code& error) noexcept {
    if (!lock.owns_lock()) {
        error = win::to_error(win::misuse::lock_not_owned);
        return false;
    }
    if (detail::stop_is_due(limit)) {
        return detail::report(wake_reason::stopped, error);
    }
    const wake_reason reason = wait_unlocked(*lock.mutex(), limit);
    lock.mutex()->lock();
    return detail::report(reason, error);
}

wake_reason condition_variable::wait_unlocked(mutex& held, const wait_limit& limit) noexcept {
    // The caller's mutex is released after the inner lock: whoever changes the condition finds the waiter.
    struct both {
        detail::spin_lock& inner;
        mutex& held;
        void lock() noexcept { inner.lock(); }
        void unlock() noexcept {
            inner.unlock();
            if (!released) {
                released = true;
                held.unlock();
            }
        }
        bool released = false;
    } locks{lock_, held};
    locks.lock();
    detail::wait waiting("condition_variable", limit);
    detail::waiter node;
    ++inside_;
    return detail::wait_in(waiters_, locks, node, waiting, nullptr, [this]() noexcept { --inside_; });
}

void condition_variable::wait(std::unique_lock<mutex>& lock, const wait_limit& limit) {
    win::or_throw("moor: condition_variable::wait", [&](std::error_code& error) { wait(lock, limit, error); });
}

void condition_variable::notify_one() noexcept {
    detail::claimed_list woken;
    lock_.lock();
    if (woken.claim_first(waiters_) != nullptr) {
        --inside_;
    }
    lock_.unlock();
    woken.finish();
}

void condition_variable::notify_all() noexcept {
    detail::claimed_list woken;
    lock_.lock();
    while (woken.claim_first(waiters_) != nullptr) {
        --inside_;
    }
    lock_.unlock();
    woken.finish();
}

} // namespace moor
