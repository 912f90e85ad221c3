// Units go to the first waiters, in order, as soon as there are enough for the first.
#include <moor/semaphore.hpp>

#include <mutex>

#include "sync/waiting.hpp"
#include "win/error.hpp"
#include "win/throwing.hpp"

namespace moor {

using detail::wake_reason;

/// Hands units to waiters while the caller holds lock_, and resumes them after its release.
class semaphore::grant {
public:
    explicit grant(semaphore& owner) noexcept : owner_(owner) {}

    void serve_first() noexcept {
        while (detail::waiter* const first = owner_.waiters_.front()) {
            const std::size_t wanted = first->index; // before claim_node, which uses the member
            if (wanted > owner_.units_) {
                return;
            }
            if (served_.claim_node(owner_.waiters_, *first)) {
                owner_.units_ -= wanted;
            }
        }
    }

    void finish() noexcept { served_.finish(); }

private:
    semaphore& owner_;
    detail::claimed_list served_;
};

semaphore::~semaphore() { detail::wait_for_last_user(lock_); }

bool semaphore::try_acquire(std::size_t units) noexcept {
    const std::lock_guard guard(lock_);
    if (!waiters_.empty() || units > units_) {
        return false;
    }
    units_ -= units;
    return true;
}

wake_reason semaphore::take_or_wait(std::size_t units, const wait_limit& limit) noexcept {
    lock_.lock();
    if (waiters_.empty() && units <= units_) {
        units_ -= units;
        lock_.unlock();
        return wake_reason::notified;
    }
    detail::wait waiting("semaphore", limit);
    detail::waiter node;
    node.index = units;
    // Those behind may have waited only because this one was first and wanted more.
    grant next(*this);
    const wake_reason reason =
        detail::wait_in(waiters_, lock_, node, waiting, nullptr, [&next]() noexcept { next.serve_first(); });
    next.finish();
    return reason;
}

bool semaphore::acquire(std::size_t units, const wait_limit& limit, std::error_code& error) noexcept {
    return detail::report(detail::stop_is_due(limit) ? wake_reason::stopped : take_or_wait(units, limit), error);
}

void semaphore::acquire(std::size_t units, const wait_limit& limit) {
    win::or_throw("moor: semaphore::acquire", [&](std::error_code& error) { acquire(units, limit, error); });
}

void semaphore::release(std::size_t units) {
    grant next(*this);
    lock_.lock();
    const bool fits = units <= max_units - units_;
    if (fits) {
        units_ += units;
        next.serve_first();
    }
    lock_.unlock();
    next.finish();
    if (!fits) {
        throw std::system_error(win::to_error(std::errc::value_too_large), "moor: semaphore::release");
    }
}

std::size_t semaphore::available() const noexcept {
    const std::lock_guard guard(lock_);
    return units_;
}

} // namespace moor
