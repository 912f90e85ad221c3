// The states that the owner of an operation and the dequeuer of its packet share, and what a call's return value says
// of a packet to come (law 2).
#include "iocp/operation.hpp"

#include <cstddef>

#include <winternl.h>

#include "win/spinning.hpp"
#include "win/system_stack.hpp"

namespace moor::iocp {
namespace {

// The status that a completed OVERLAPPED carries, as GetOverlappedResult reports it: of any handle.
std::uint32_t error_of(const OVERLAPPED& overlapped) noexcept {
    const auto status = static_cast<NTSTATUS>(overlapped.Internal);
    return status >= 0 ? 0 : ::RtlNtStatusToDosError(status);
}

// Whether a call that says it failed has run all the same: the kernel knows three kinds of status that are no errors
// (success, information, warning), Win32 has one kind of number for all of them. The kernel writes the status of what
// it has completed to the OVERLAPPED, and not that of what it has refused; there is then what was there before, 0, or
// what Win32's functions write before they enter the kernel, STATUS_PENDING.
bool has_run(const OVERLAPPED& overlapped) noexcept {
    constexpr std::uint32_t refused_untouched = 0;
    constexpr std::uint32_t refused_by_kernel = 0x00000103; // STATUS_PENDING
    constexpr std::uint32_t error_severity = 3;             // in the upper two bits
    const auto status = static_cast<std::uint32_t>(overlapped.Internal);
    return status != refused_untouched && status != refused_by_kernel && status >> 30 != error_severity;
}

} // namespace

operation& operation::of(OVERLAPPED* overlapped) noexcept {
    static_assert(offsetof(kernel_parameters, overlapped) == 0 && offsetof(operation_base, parameters) == 0);
    return static_cast<operation&>(*reinterpret_cast<operation_base*>(overlapped));
}

void operation::begin() noexcept {
    parameters.overlapped = {};
    parameters.transferred = 0;
    parameters.flags = 0;
    transferred_ = 0;
    error_ = 0;
    ended_by_packet_ = false;
    state_.store(state::pending, std::memory_order_relaxed);
}

submission operation::returned(std::uint32_t error, bool skips_packet_on_success) noexcept {
    // With a completion handler the operation may be gone when its packet has come. So a success is not looked at, and
    // the calls with handlers (AcceptEx) end with no warnings.
    if (error == ERROR_IO_PENDING || (error == 0 && !skips_packet_on_success)) {
        return submission::pending;
    }
    const bool ran = error == 0 || has_run(parameters.overlapped);
    if (ran && !skips_packet_on_success) {
        return submission::pending;
    }
    complete_without_packet(ran ? static_cast<std::uint32_t>(parameters.overlapped.InternalHigh) : 0, error);
    return submission::completed;
}

void operation::complete_without_packet(std::uint32_t transferred, std::uint32_t error) noexcept {
    transferred_ = transferred;
    error_ = error;
    state_.store(state::completed, std::memory_order_relaxed);
}

bool operation::withdraw() noexcept {
    state expected = state::waiting;
    if (state_.compare_exchange_strong(expected, state::pending, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        return true;
    }
    // A worker is between taking the ticket and finding it lost: a handful of instructions, unless its thread was
    // descheduled there.
    for (win::spinning until_then; !completed();) {
        until_then.pause();
    }
    return false;
}

void operation::retire() noexcept {
    handler_ = nullptr;
    state_.store(state::idle, std::memory_order_relaxed);
}

bool operation::abandon() noexcept {
    if (completed()) {
        return false;
    }
    state expected = state::pending;
    return state_.compare_exchange_strong(expected, state::abandoned, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
}

packet_outcome operation::packet_dequeued(std::uint32_t transferred) noexcept {
    state seen = state_.load(std::memory_order_acquire);
    if (seen == state::idle || seen == state::completed || seen == state::claiming) {
        return packet_outcome::unexpected;
    }
    transferred_ = transferred;
    error_ = error_of(parameters.overlapped);
    ended_by_packet_ = true;
    // Read before the exchange: after it the operation may be its owner's again.
    const completion_handler handler = handler_;
    for (;;) {
        const state next = seen == state::waiting ? state::claiming : state::completed;
        if (state_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_acquire)) {
            break;
        }
    }
    switch (seen) {
    case state::abandoned: return packet_outcome::abandoned;
    case state::waiting: {
        const detail::wait_ticket ticket = ticket_;
        if (!ticket.wake(detail::wake_reason::notified)) {
            state_.store(state::completed, std::memory_order_release);
        }
        return packet_outcome::delivered;
    }
    default:
        if (handler == nullptr) {
            return packet_outcome::delivered;
        }
        handler(*this, context_);
        return packet_outcome::handled;
    }
}

operation& operation_pool::acquire(operation_cache* cache) {
    const win::runtime_section section;
    if (cache == nullptr) {
        operation& taken = slab_.take_shared();
        shared_balance_.fetch_add(1, std::memory_order_relaxed);
        return taken;
    }
    operation& taken = slab_.take(cache->free);
    // Only this worker writes its balance, so no read-modify-write is needed.
    cache->balance.store(cache->balance.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return taken;
}

void operation_pool::release(operation& finished, operation_cache* cache) noexcept {
    const win::runtime_section section;
    finished.retire();
    if (cache == nullptr) {
        slab_.give_shared(finished);
        shared_balance_.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    slab_.give(finished, cache->free);
    cache->balance.store(cache->balance.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

bool operation_pool::owns(const OVERLAPPED* overlapped) const noexcept {
    // Address arithmetic only: nothing is read before the slab has confirmed the address.
    return slab_.owns(static_cast<const operation*>(reinterpret_cast<const operation_base*>(overlapped)));
}

} // namespace moor::iocp
