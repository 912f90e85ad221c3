// The open handles of one runtime, so that none outlives it: shutdown closes what is left. A handle that was closed
// later would be closed by its number, which may be a stranger's by then, and its object would name a port and a pool
// that are gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

#include "win/system_lock.hpp"

namespace moor::iocp {

class shared_handle;

/// A handle's place among the others, and who waits for its end. Guarded by the list's lock, but for `closed`.
struct handle_place {
    shared_handle* previous = nullptr;
    shared_handle* next = nullptr;
    bool linked = false;
    detail::wait_queue waiters;
    /// The system is done with the handle, and the list is not asked about it any more: it may be gone.
    std::atomic<bool> closed{false};
};

/// Must outlive every handle that is in it. Any thread may call any of this.
class open_handles {
public:
    open_handles() noexcept = default;
    open_handles(const open_handles&) = delete;
    open_handles& operator=(const open_handles&) = delete;

    void add(shared_handle& opened) noexcept;

    /// The system handle is closed, and no call pending on it. Wakes who waits for that. The last thing that the handle
    /// asks of the list.
    void remove(shared_handle& ended) noexcept;

    /// Waits until `closing`, on which close() was called and to which the caller has a reference, is closed. Errors:
    /// timed_out, operation_canceled.
    [[nodiscard]] std::error_code wait_closed(shared_handle& closing, const wait_limit& limit) noexcept;

    /// Closes every handle. No more are added from here on.
    void close_all() noexcept;

    /// Waits until none is open: after close_all(), until uses in progress have ended.
    void wait_until_none() noexcept;

    /// Handles that the system is not done with.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    void unlink(shared_handle& linked) noexcept;
    [[nodiscard]] shared_handle* take_first() noexcept;

    win::system_lock lock_; // guards all below
    shared_handle* first_ = nullptr;
    std::atomic<std::uint64_t> count_{0}; // any thread may read
    detail::wait_queue waiters_for_none_;
};

} // namespace moor::iocp
