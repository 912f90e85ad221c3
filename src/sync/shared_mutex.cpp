// One queue for readers and writers keeps the order of arrival; whatever changes who holds the mutex or who is first in
// the queue then lets in as many of the first waiters as fit together.
#include <moor/shared_mutex.hpp>

#include <mutex>

#include "sync/ownership.hpp"
#include "sync/waiting.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::stop_request;
using detail::wake_reason;

/// Lets waiters in while the caller holds lock_, and resumes them after its release.
class shared_mutex::admission {
public:
    explicit admission(shared_mutex& owner) noexcept : owner_(owner) {}

    void admit_first() noexcept {
        while (detail::waiter* const first = owner_.waiters_.front()) {
            const auto how = static_cast<mode>(first->index); // before claim_node, which uses the member
            if (!owner_.is_free_for(how)) {
                return;
            }
            if (admitted_.claim_node(owner_.waiters_, *first)) {
                owner_.enter(how);
            }
        }
    }

    void finish() noexcept { admitted_.finish(); }

private:
    shared_mutex& owner_;
    detail::claimed_list admitted_;
};

shared_mutex::~shared_mutex() {
    detail::wait_for_last_user(lock_);
    if constexpr (detail::checks_ownership) {
        if (written_ || readers_ != 0) {
            win::fatal("a shared_mutex was destroyed while it was locked");
        }
    }
}

// The next three with lock_ held.

bool shared_mutex::is_free_for(mode how) const noexcept { return !written_ && (how == mode::shared || readers_ == 0); }

void shared_mutex::enter(mode how) noexcept {
    if (how == mode::exclusive) {
        written_ = true;
    } else {
        ++readers_;
    }
}

void shared_mutex::leave(mode how) noexcept {
    if (how == mode::exclusive) {
        written_ = false;
        return;
    }
    if constexpr (detail::checks_ownership) {
        if (readers_ == 0) {
            win::fatal("a shared_mutex was unlocked for reading by another than a reader");
        }
    }
    --readers_;
}

bool shared_mutex::try_take(mode how) noexcept {
    const std::lock_guard guard(lock_);
    if (!waiters_.empty() || !is_free_for(how)) {
        return false;
    }
    enter(how);
    return true;
}

wake_reason shared_mutex::take(mode how, const wait_limit& limit, stop_request stopping) noexcept {
    if (stopping == stop_request::ends_wait && detail::stop_is_due(limit)) {
        return wake_reason::stopped;
    }
    detail::check_not_owner(writer_);
    const wake_reason reason = enter_or_wait(how, limit, stopping);
    if (how == mode::exclusive && reason == wake_reason::notified) {
        detail::record_owner(writer_);
    }
    return reason;
}

wake_reason shared_mutex::enter_or_wait(mode how, const wait_limit& limit, stop_request stopping) noexcept {
    lock_.lock();
    if (waiters_.empty() && is_free_for(how)) {
        enter(how);
        lock_.unlock();
        return wake_reason::notified;
    }
    detail::wait waiting("shared_mutex", limit, stopping);
    detail::waiter node;
    node.index = static_cast<std::size_t>(how);
    const detail::dependence on{.holder = &writer_}; // readers that keep a writer out are not known
    // A writer that gives up may have been all that kept the readers behind it out.
    admission next(*this);
    const wake_reason reason =
        detail::wait_in(waiters_, lock_, node, waiting, &on, [&next]() noexcept { next.admit_first(); });
    next.finish();
    return reason;
}

void shared_mutex::release(mode how) noexcept {
    admission next(*this);
    lock_.lock();
    leave(how);
    next.admit_first();
    lock_.unlock();
    next.finish();
}

void shared_mutex::lock() noexcept { (void)take(mode::exclusive, wait_limit(), stop_request::ignored); }

bool shared_mutex::lock(const wait_limit& limit, std::error_code& error) noexcept {
    return detail::report(take(mode::exclusive, limit, stop_request::ends_wait), error);
}

void shared_mutex::lock(const wait_limit& limit) {
    win::or_throw("moor: shared_mutex::lock", [&](std::error_code& error) { lock(limit, error); });
}

bool shared_mutex::try_lock() noexcept {
    if (!try_take(mode::exclusive)) {
        return false;
    }
    detail::record_owner(writer_);
    return true;
}

void shared_mutex::unlock() noexcept {
    detail::forget_owner(writer_);
    release(mode::exclusive);
}

void shared_mutex::lock_shared() noexcept { (void)take(mode::shared, wait_limit(), stop_request::ignored); }

bool shared_mutex::lock_shared(const wait_limit& limit, std::error_code& error) noexcept {
    return detail::report(take(mode::shared, limit, stop_request::ends_wait), error);
}

void shared_mutex::lock_shared(const wait_limit& limit) {
    win::or_throw("moor: shared_mutex::lock_shared", [&](std::error_code& error) { lock_shared(limit, error); });
}

bool shared_mutex::try_lock_shared() noexcept { return try_take(mode::shared); }

void shared_mutex::unlock_shared() noexcept { release(mode::shared); }

} // namespace moor
