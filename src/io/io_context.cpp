// The calls of this layer that ask the scheduler, and the wait for a packet: law 2.
#include "io/io_context.hpp"

#include <algorithm>
#include <chrono>
#include <new>

#include <moor/this_coroutine.hpp>

#include "iocp/overlapped_calls.hpp"
#include "sched/coroutine.hpp"
#include "sched/runtime_core.hpp"
#include "sched/stack_mover.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"

namespace moor::io {
namespace {

constexpr std::chrono::milliseconds longest_patience_with_cancelled{1000};

// The cache is the worker's own, and only holds operations of its own runtime's pool.
iocp::operation_cache* cache_for(const iocp::io_service& service) noexcept {
    const io_context here = current_io();
    return here.service != nullptr && here.service->id == service.id ? here.cache : nullptr;
}

} // namespace

void prepare_stack() noexcept { sched::prepare_stack(sched::room_for_io); }

bool slice_is_over() noexcept {
    const detail::coroutine* const self = sched::worker::current_coroutine();
    return self != nullptr && self->yield_wanted.load(std::memory_order_relaxed);
}

io_context current_io() noexcept {
    sched::worker* const here = sched::worker::current();
    if (here == nullptr) {
        return {};
    }
    const detail::coroutine* const self = sched::worker::current_coroutine();
    const bool stop_due =
        self != nullptr && self->interruptible_now() && self->stop_requested.load(std::memory_order_relaxed);
    return {&here->runtime().io, &here->operations(), stop_due};
}

std::error_code may_begin(const io_context& here, std::uint64_t runtime_id, const wait_limit& limit) noexcept {
    if (here.service == nullptr || here.service->id != runtime_id) {
        return win::to_error(here.service == nullptr ? win::misuse::outside_coroutine : win::misuse::foreign_runtime);
    }
    prepare_stack();
    if (here.stop_due || limit.token().stop_requested()) {
        return win::to_error(std::errc::operation_canceled);
    }
    if (limit.has_deadline() && detail::now() >= limit.deadline()) {
        return win::to_error(std::errc::timed_out);
    }
    return {};
}

operation_owner operation_owner::acquire(iocp::io_service& service, std::error_code& error) noexcept {
    try {
        return {service.pool.acquire(cache_for(service)), service};
    } catch (const std::system_error&) {
        error = win::to_error(std::errc::not_enough_memory);
        return {};
    }
}

void operation_owner::reset() noexcept {
    iocp::operation* const owned = std::exchange(operation_, nullptr);
    if (owned == nullptr || owned->abandon()) {
        return;
    }
    service_->pool.release(*owned, cache_for(*service_));
}

detail::wake_reason await(iocp::operation& pending, win::io_handle handle, const wait_limit& limit) noexcept {
    if (pending.completed()) {
        return detail::wake_reason::notified;
    }
    detail::wake_reason reason{};
    {
        detail::wait waiting("I/O", limit, detail::stop_request::ends_wait, detail::stack_use::is_prepared);
        if (!pending.wake_on_completion(waiting.ticket())) {
            return detail::wake_reason::notified;
        }
        reason = waiting.suspend();
    }
    if (reason == detail::wake_reason::notified) {
        pending.woken();
        return reason;
    }
    if (pending.withdraw()) {
        cancel_and_await(pending, handle);
    }
    return reason;
}

void cancel_and_await(iocp::operation& pending, win::io_handle handle) noexcept {
    // Law 2: cancelling is a request. Nothing ends this but the packet, and what loses a request gets another.
    for (auto patience = iocp::patience_with_cancelled;;
         patience = std::min(patience * 2, longest_patience_with_cancelled)) {
        if (pending.completed()) {
            return;
        }
        iocp::cancel(pending, handle);
        const wait_limit limit(patience);
        detail::wait waiting("cancelled I/O", limit, detail::stop_request::ignored, detail::stack_use::is_prepared);
        if (!pending.wake_on_completion(waiting.ticket())) {
            return;
        }
        if (waiting.suspend() == detail::wake_reason::notified) {
            pending.woken();
            return;
        }
        if (!pending.withdraw()) {
            return;
        }
    }
}

std::error_code outcome(std::uint32_t error, detail::wake_reason reason, bool closing) noexcept {
    if (error == 0) {
        return {};
    }
    if (closing) {
        return win::to_error(std::errc::operation_canceled);
    }
    if (error == ERROR_OPERATION_ABORTED && reason != detail::wake_reason::notified) {
        return win::to_error(detail::to_errc(reason));
    }
    return win::to_error(error);
}

void share_worker(const io_context& here) noexcept {
    constexpr std::uint32_t calls_per_turn = 32;
    if (++here.cache->completed_at_once % calls_per_turn == 0 || slice_is_over()) {
        this_coroutine::yield();
    }
}

} // namespace moor::io
