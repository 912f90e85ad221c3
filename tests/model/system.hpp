// The system's part of overlapped calls, for scenarios: calls that were submitted, and a port that hands their packets
// out in order, whenever somebody asks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "checker/model.hpp"
#include "iocp/operation.hpp"
#include "win/system_lock.hpp"

namespace moor::model {

class kernel {
public:
    kernel() noexcept { last_made = this; }

    void submit(iocp::operation& call) {
        const std::lock_guard guard(lock_);
        require(submitted_ != calls_.size(), "the system has room for the call");
        calls_[submitted_++] = &call;
        packets_.fetch_add(1, std::memory_order_release);
    }

    /// A worker takes the next packet; waits for one.
    iocp::packet_outcome dequeue(std::uint32_t transferred) {
        iocp::operation* call = nullptr;
        while ((call = take()) == nullptr) {
            block_while_equal(&packets_, sizeof packets_, 0);
        }
        call->parameters.overlapped.Internal = 0;
        return call->packet_dequeued(transferred);
    }

    /// Calls whose packet was not dequeued.
    [[nodiscard]] std::size_t pending() {
        const std::lock_guard guard(lock_);
        return submitted_ - dequeued_;
    }

    /// No packet comes before the call was cancelled.
    bool completes_only_cancelled = false;

    /// The library asks for the cancellation of one call, or of all.
    void cancel(const iocp::operation* one) {
        if (!completes_only_cancelled) {
            return;
        }
        const std::lock_guard guard(lock_);
        for (std::size_t index = dequeued_; index != submitted_; ++index) {
            if (one == nullptr || calls_[index] == one) {
                iocp::operation& call = *calls_[index];
                std::swap(calls_[index], calls_[dequeued_]);
                ++dequeued_;
                call.parameters.overlapped.Internal = 0;
                static_cast<void>(call.packet_dequeued(0));
                return; // a scenario has one such call
            }
        }
    }

    /// Of the running execution.
    static inline kernel* last_made = nullptr;

private:
    iocp::operation* take() {
        const std::lock_guard guard(lock_);
        if (submitted_ == dequeued_) {
            return nullptr;
        }
        packets_.fetch_sub(1, std::memory_order_acquire);
        return calls_[dequeued_++];
    }

    win::system_lock lock_;
    std::array<iocp::operation*, 6> calls_{};
    std::size_t submitted_ = 0;
    std::size_t dequeued_ = 0;
    std::atomic<std::uint64_t> packets_{0};
};

} // namespace moor::model
