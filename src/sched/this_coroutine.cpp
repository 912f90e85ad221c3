// Each function also works on a plain thread. Waiting is kept apart from throwing (law 3; net/throwing.hpp).
#include <moor/this_coroutine.hpp>

#include <algorithm>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/system_calls.hpp"

namespace moor::this_coroutine {

bool exists() noexcept { return sched::worker::current_coroutine() != nullptr; }

void yield() noexcept {
    if (auto* const here = sched::worker::current(); here != nullptr && here->running_now() != nullptr) {
        here->yield();
    } else {
        win::system().yield_thread();
    }
}

namespace {

// With a timer, however far: a sleeper waits for a time, and nobody else has to wake it.
wait_limit::time_point with_timer(wait_limit::time_point when) noexcept {
    constexpr auto last = wait_limit::time_point::max() - wait_limit::clock::duration(1);
    return std::min(when, last);
}

// Apart from what throws: nothing may be left to destroy there (net/throwing.hpp).
MOOR_NOINLINE detail::wake_reason sleep_for_all(wait_limit::time_point when) noexcept {
    const wait_limit limit(with_timer(when));
    detail::wait sleeping("sleep", limit);
    return sleeping.suspend();
}

} // namespace

void sleep_until(wait_limit::time_point when) {
    if (sleep_for_all(when) == detail::wake_reason::stopped) {
        throw std::system_error(win::to_error(std::errc::operation_canceled), "moor: sleep");
    }
}

void sleep_until(wait_limit::time_point when, const wait_limit& limit, std::error_code& error) noexcept {
    const bool limit_is_first = limit.deadline() < when;
    const wait_limit whole = limit.no_later_than(with_timer(when));
    detail::wait sleeping("sleep", whole);
    const auto reason = sleeping.suspend();
    error.clear();
    if (reason == detail::wake_reason::stopped || limit_is_first) {
        error = win::to_error(detail::to_errc(reason));
    }
}

std::uint64_t id() noexcept {
    const auto* const self = sched::worker::current_coroutine();
    return self != nullptr ? self->id.load(std::memory_order_relaxed) : 0;
}

std::string_view name() noexcept {
    const auto* const self = sched::worker::current_coroutine();
    return self != nullptr ? self->name() : std::string_view{};
}

unsigned worker() noexcept { return exists() ? sched::worker::current()->index() : 0; }

std::size_t stack_size() noexcept {
    const auto* const self = sched::worker::current_coroutine();
    return self != nullptr ? self->stack.size : 0;
}

bool stop_requested() noexcept {
    const auto* const self = sched::worker::current_coroutine();
    return self != nullptr && self->stop_requested.load(std::memory_order_relaxed);
}

stop_shield::stop_shield() noexcept {
    if (auto* const self = sched::worker::current_coroutine()) {
        ++self->stop_shields;
    }
}

stop_shield::~stop_shield() {
    if (auto* const self = sched::worker::current_coroutine()) {
        --self->stop_shields;
    }
}

} // namespace moor::this_coroutine
