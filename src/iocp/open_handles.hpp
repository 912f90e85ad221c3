// The open handles of one runtime, so that none outlives it: shutdown closes what is left. A handle that was closed
// later would be closed by its number, which may be a stranger's by then, and its object would name a port and a pool
// that are gone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>

#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

#include "win/system_lock.hpp"

namespace moor::iocp {

class completion_port;
class shared_handle;

/// How long the packet of a call that was cancelled may take before it is cancelled again.
inline constexpr std::chrono::milliseconds patience_with_cancelled{100};

/// A handle's place among the others, and who waits for its end. Guarded by the list's lock, but for `closed`.
struct handle_place {
    shared_handle* previous = nullptr;
    shared_handle* next = nullptr;
    bool linked = false;
    bool is_closing = false;     ///< its place is among those that close() has left with calls on them
    std::uint64_t looked_at = 0; ///< by cancel_again(), the last time
    detail::wait_queue waiters;
    /// The system is done with the handle, and the list is not asked about it any more: it may be gone.
    std::atomic<bool> closed{false};
};

/// Must outlive every handle that is in it. Any thread may call any of this.
class open_handles {
public:
    /// `port`: of the runtime's workers; null when nobody calls cancel_again().
    explicit open_handles(const completion_port* port = nullptr) noexcept : port_(port) {}
    open_handles(const open_handles&) = delete;
    open_handles& operator=(const open_handles&) = delete;

    void add(shared_handle& opened) noexcept;

    /// The system handle is closed, and no call pending on it. Wakes who waits for that. The last thing that the handle
    /// asks of the list.
    void remove(shared_handle& ended) noexcept;

    /// close() has cancelled the calls on the handle, and some have not ended: cancel_again() cancels them again.
    void watch_closing(shared_handle& closing) noexcept;

    /// Whether cancel_again() is to be called, every patience_with_cancelled.
    [[nodiscard]] bool are_closing() const noexcept { return closing_.load(std::memory_order_relaxed) != 0; }

    /// Cancels all calls on closing handles that the time before has found, too. Not from within a call on one.
    void cancel_again() noexcept;

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

    const completion_port* const port_;
    win::system_lock lock_; // guards all below
    shared_handle* first_closing_ = nullptr;
    std::uint64_t looks_ = 0;
    std::atomic<std::uint64_t> closing_{0}; // handles in that list; any thread may read
    shared_handle* first_ = nullptr;
    std::atomic<std::uint64_t> count_{0}; // any thread may read
    detail::wait_queue waiters_for_none_;
};

} // namespace moor::iocp
