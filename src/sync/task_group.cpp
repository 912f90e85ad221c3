// Children are counted from spawn on and listed while their coroutine runs; ending takes the child out of the list and
// the count in one critical section, whose end is the child's last access to the group.
#include <moor/task_group.hpp>

#include <array>
#include <iterator>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "sched/coroutine_life.hpp"
#include "sync/waiting.hpp"
#include "win/error.hpp"

namespace moor {
namespace detail {

/// What children and owner share. Outlives all children, because the owner joins them.
class group_core {
public:
    group_core() noexcept = default;
    group_core(const group_core&) = delete;
    group_core& operator=(const group_core&) = delete;
    ~group_core() { wait_for_last_user(lock_); }

    void add_child() {
        lock_.lock();
        const bool open = !stopping_;
        std::exception_ptr error;
        if (open) {
            ++children_;
        } else {
            error = std::exchange(error_, nullptr);
        }
        lock_.unlock();
        if (!open) {
            if (error) {
                std::rethrow_exception(std::move(error));
            }
            throw std::system_error(win::to_error(std::errc::operation_canceled), "moor: task_group::spawn");
        }
    }

    void enter(group_member& member, coroutine& self) noexcept {
        const std::lock_guard guard(lock_);
        member.self_ = &self;
        self.group.store(this, std::memory_order_relaxed);
        if (stopping_) {
            // It runs, so there is no wait of its own to interrupt.
            self.stop_requested.store(true, std::memory_order_seq_cst);
            member.asked_to_stop_ = true;
        }
        link_back(member);
    }

    void remove_child(group_member& member) noexcept {
        claimed_list woken;
        lock_.lock();
        if (member.self_ != nullptr) {
            member.self_->group.store(nullptr, std::memory_order_relaxed);
            unlink(member);
        }
        if (--children_ == 0) {
            woken.claim_all(waiters_);
        }
        lock_.unlock();
        woken.finish();
    }

    void fail(group_member& failed, std::exception_ptr error) noexcept {
        {
            const std::lock_guard guard(lock_);
            if (failed_) {
                return; // the first one to fail stops the others
            }
            failed_ = true;
            error_ = std::move(error);
        }
        stop_all_but(&failed);
    }

    void stop() noexcept { stop_all_but(nullptr); }

    // A child that fails is not stopped by that: what it owns may yet have to wait while it is destroyed.
    void stop_all_but(const group_member* spared) noexcept {
        for (;;) {
            // In portions, since a request may have to wake a worker, which is too long for a spin lock.
            std::array<coroutine_reference, 8> asked;
            std::size_t count = 0;
            {
                const std::lock_guard guard(lock_);
                stopping_ = true;
                group_member* next = first_;
                while (count < asked.size() && next != nullptr && !next->asked_to_stop_) {
                    group_member& member = *next;
                    next = member.next_;
                    if (&member != spared) {
                        unlink(member);
                        member.asked_to_stop_ = true;
                        link_back(member);
                        asked[count++] = another_reference(*member.self_);
                    }
                }
            }
            for (std::size_t i = 0; i < count; ++i) {
                asked[i].get()->request_stop();
            }
            if (count < asked.size()) {
                return;
            }
        }
    }

    [[nodiscard]] wake_reason join(const wait_limit& limit, stop_request stopping) noexcept {
        lock_.lock();
        if (children_ == 0) {
            lock_.unlock();
            return wake_reason::notified;
        }
        detail::wait waiting("task_group", limit, stopping);
        waiter node;
        const dependence on{.group = this};
        return wait_in(waiters_, lock_, node, waiting, &on);
    }

    [[nodiscard]] std::exception_ptr take_error() noexcept {
        const std::lock_guard guard(lock_);
        return std::exchange(error_, nullptr);
    }

    [[nodiscard]] bool is_stopping() noexcept {
        const std::lock_guard guard(lock_);
        return stopping_;
    }

    [[nodiscard]] std::size_t size() noexcept {
        const std::lock_guard guard(lock_);
        return children_;
    }

private:
    void link_back(group_member& member) noexcept {
        member.previous_ = last_;
        member.next_ = nullptr;
        (last_ != nullptr ? last_->next_ : first_) = &member;
        last_ = &member;
    }

    void unlink(group_member& member) noexcept {
        (member.previous_ != nullptr ? member.previous_->next_ : first_) = member.next_;
        (member.next_ != nullptr ? member.next_->previous_ : last_) = member.previous_;
    }

    // All guarded by lock_.
    spin_lock lock_;
    bool stopping_ = false;
    bool failed_ = false;
    std::size_t children_ = 0;
    group_member* first_ = nullptr; // those that were asked to stop are behind those that were not
    group_member* last_ = nullptr;
    wait_queue waiters_;
    std::exception_ptr error_; // the first one, until somebody takes it
};

group_member::group_member(group_core& group) : group_(&group) { group.add_child(); }

group_member::~group_member() {
    if (group_ != nullptr) {
        group_->remove_child(*this);
    }
}

void group_member::enter() noexcept { group_->enter(*this, *sched::worker::current_coroutine()); }

namespace {

// Whether `error` is nothing but a child's answer to the request to stop.
bool is_ordinary_end(const std::exception_ptr& error) noexcept {
    if (!sched::worker::current_coroutine()->stop_requested.load(std::memory_order_relaxed)) {
        return false;
    }
    try {
        std::rethrow_exception(error);
    } catch (const std::system_error& failure) {
        return failure.code() == std::errc::operation_canceled;
    } catch (...) {
        return false;
    }
}

} // namespace

[[noreturn]] static void end_process_by(const std::exception_ptr& error) noexcept {
    fmt::basic_memory_buffer<char, 512> text;
    const auto say = [&](const char* what) {
        fmt::format_to(std::back_inserter(text), "a task_group ended without wait() after a child had thrown: {}",
                       what);
        win::fatal({text.data(), text.size()});
    };
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
        say(thrown.what());
    } catch (...) {
        say("an exception that is no std::exception");
    }
    std::terminate(); // never: say() does not return
}

void group_member::fail(std::exception_ptr error) noexcept {
    if (!is_ordinary_end(error)) {
        group_->fail(*this, std::move(error));
    }
}

} // namespace detail

using detail::stop_request;
using detail::wake_reason;

task_group::task_group() : core_(new detail::group_core), exceptions_in_flight_(std::uncaught_exceptions()) {}

task_group::task_group(runtime& owner) : task_group() { runtime_ = &owner; }

task_group::~task_group() {
    core_->stop();
    (void)core_->join(wait_limit(), stop_request::ignored);
    const std::exception_ptr error = core_->take_error();
    if (error && std::uncaught_exceptions() <= exceptions_in_flight_) {
        detail::end_process_by(error);
    }
}

void task_group::destroy_core::operator()(detail::group_core* core) const noexcept { delete core; }

bool task_group::wait_for_children(const wait_limit& limit, std::error_code& error,
                                   std::exception_ptr& failure) noexcept {
    const wake_reason reason =
        detail::stop_is_due(limit) ? wake_reason::stopped : core_->join(limit, stop_request::ends_wait);
    if (reason == wake_reason::stopped) {
        core_->stop();
        (void)core_->join(wait_limit(), stop_request::ignored);
    }
    detail::report(reason, error);
    if (reason != wake_reason::timed_out) {
        failure = core_->take_error();
    }
    return !error;
}

void task_group::throw_error(const std::error_code& error) { throw std::system_error(error, "moor: task_group::wait"); }

void task_group::stop() noexcept { core_->stop(); }

bool task_group::is_stopping() const noexcept { return core_->is_stopping(); }

std::size_t task_group::size() const noexcept { return core_->size(); }

} // namespace moor
