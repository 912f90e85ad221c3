// The open handles of one runtime, so that none outlives it: shutdown closes what is left. A handle that was closed
// later would be closed by its number, which may be a stranger's by then, and its object would name a port and a pool
// that are gone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <moor/detail/wait_ticket.hpp>

#include "win/system_lock.hpp"

namespace moor::iocp {

class completion_port;

/// How long the packet of a call that was cancelled may take before it is cancelled again.
inline constexpr std::chrono::milliseconds patience_with_cancelled{100};

/// What the list knows of a handle. Implemented above, by io::shared_handle.
class open_handle {
public:
    open_handle(const open_handle&) = delete;
    open_handle& operator=(const open_handle&) = delete;

protected:
    open_handle() noexcept = default;
    virtual ~open_handle() = default;

    /// The system is done with the handle, and the list is not asked about it any more: it may be gone. Acquires.
    [[nodiscard]] bool has_closed() const noexcept { return closed_.load(std::memory_order_acquire); }

private:
    friend class open_handles;

    /// One reference more, and one less.
    virtual void retain_by_list() noexcept = 0;
    virtual void release_by_list() noexcept = 0;
    /// As a user's close().
    virtual void close_by_list() noexcept = 0;
    /// Under the lock: keeps the handle open for cancel_and_leave(). False when no call is left that could use it.
    [[nodiscard]] virtual bool enter_closing() noexcept = 0;
    /// Cancels every call on the handle.
    virtual void cancel_and_leave() noexcept = 0;

    // Its place among the others, and who waits for its end. Guarded by the list's lock, but for closed_.
    open_handle* previous_ = nullptr;
    open_handle* next_ = nullptr;
    bool linked_ = false;
    bool is_closing_ = false;     // its place is among those that close() has left with calls on them
    std::uint64_t looked_at_ = 0; // by cancel_again(), the last time
    detail::wait_queue waiters_;
    std::atomic<bool> closed_{false};
};

/// Must outlive every handle that is in it. Any thread may call any of this.
class open_handles {
public:
    /// `port`: of the runtime's workers; null when nobody calls cancel_again().
    explicit open_handles(const completion_port* port = nullptr) noexcept : port_(port) {}
    open_handles(const open_handles&) = delete;
    open_handles& operator=(const open_handles&) = delete;

    void add(open_handle& opened) noexcept;

    /// The system handle is closed, and no call pending on it. Wakes who waits for that. The last thing that the handle
    /// asks of the list.
    void remove(open_handle& ended) noexcept;

    /// close() has cancelled the calls on the handle, and some have not ended: cancel_again() cancels them again.
    void watch_closing(open_handle& closing) noexcept;

    /// Whether cancel_again() is to be called, every patience_with_cancelled.
    [[nodiscard]] bool are_closing() const noexcept { return closing_.load(std::memory_order_relaxed) != 0; }

    /// Cancels all calls on closing handles that the time before has found, too. Not from within a call on one.
    void cancel_again() noexcept;

    /// Has `node` woken when `closing` is closed; false when it is. The caller has a reference to it.
    [[nodiscard]] bool add_waiter(open_handle& closing, detail::waiter& node) noexcept;
    /// After a wait that ended otherwise.
    void remove_waiter(open_handle& closing, detail::waiter& node) noexcept;

    /// Closes every handle. No more are added from here on.
    void close_all() noexcept;

    /// Has `node` woken when none is open any more: after close_all(), when uses in progress have ended. False when
    /// none is. Who was woken asks once more: that the list is done with it.
    [[nodiscard]] bool add_waiter_for_none(detail::waiter& node) noexcept;

    /// Handles that the system is not done with.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    void unlink(open_handle& linked) noexcept;
    [[nodiscard]] open_handle* take_first() noexcept;

    const completion_port* const port_;
    win::system_lock lock_; // guards all below
    open_handle* first_closing_ = nullptr;
    std::uint64_t looks_ = 0;
    std::atomic<std::uint64_t> closing_{0}; // handles in that list; any thread may read
    open_handle* first_ = nullptr;
    std::atomic<std::uint64_t> count_{0}; // any thread may read
    detail::wait_queue waiters_for_none_;
};

} // namespace moor::iocp
