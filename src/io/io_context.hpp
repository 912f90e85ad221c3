// What a coroutine needs for overlapped I/O: its runtime's port and pool, its worker's share of the pool, an owned
// operation, and the wait for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#include <moor/detail/wait_ticket.hpp>
#include <moor/wait_limit.hpp>

#include "iocp/io_service.hpp"
#include "win/socket.hpp"

namespace moor::io {

/// The calling worker's view; `service` is null on a thread that is no worker.
struct io_context {
    iocp::io_service* service = nullptr;
    iocp::operation_cache* cache = nullptr;
    /// The running coroutine was asked to stop, and no stop_shield keeps that from it.
    bool stop_due = false;
};

/// Never cached across a suspension: the coroutine may go on elsewhere.
[[nodiscard]] io_context current_io() noexcept;

/// Looks whether the calling coroutine's stack has room for one call of this layer, from its submission to its end, and
/// whether it is too large. Ends the process without room; never moves the stack.
void prepare_stack() noexcept;

/// Whether the calling coroutine has run for longer than a time slice.
[[nodiscard]] bool slice_is_over() noexcept;

/// Whether the calling coroutine may begin a call on something that belongs to the runtime of that id (an id and no
/// address: the runtime may be gone, and another one in its place): operation_not_permitted outside a coroutine of it,
/// operation_canceled when it or the limit's token was asked to stop, timed_out past the deadline. A call that never
/// waits would otherwise never notice any of them. Does prepare_stack().
[[nodiscard]] std::error_code may_begin(const io_context& here, std::uint64_t runtime_id,
                                        const wait_limit& limit) noexcept;

/// Owns one operation. On destruction a pending one is abandoned (its packet returns it), any other returns to its
/// pool. Belongs to one runtime; must be gone before it.
class operation_owner {
public:
    operation_owner() noexcept = default;

    /// From `service`'s pool. Empty, with not_enough_memory in `error`, when there is none. Any thread.
    [[nodiscard]] static operation_owner acquire(iocp::io_service& service, std::error_code& error) noexcept;

    /// Takes over an operation of `service`'s pool that is not pending.
    [[nodiscard]] static operation_owner adopt(iocp::operation& owned, iocp::io_service& service) noexcept {
        return operation_owner(owned, service);
    }

    operation_owner(operation_owner&& other) noexcept
        : operation_(std::exchange(other.operation_, nullptr)), service_(other.service_) {}
    operation_owner& operator=(operation_owner&& other) noexcept {
        if (this != &other) {
            reset();
            operation_ = std::exchange(other.operation_, nullptr);
            service_ = other.service_;
        }
        return *this;
    }
    ~operation_owner() { reset(); }

    explicit operator bool() const noexcept { return operation_ != nullptr; }
    [[nodiscard]] iocp::operation& operator*() const noexcept { return *operation_; }
    [[nodiscard]] iocp::operation* operator->() const noexcept { return operation_; }

    /// Gives the operation away: to a completion handler, which adopts it again.
    [[nodiscard]] iocp::operation* release() noexcept { return std::exchange(operation_, nullptr); }

private:
    operation_owner(iocp::operation& owned, iocp::io_service& service) noexcept
        : operation_(&owned), service_(&service) {}
    void reset() noexcept;

    iocp::operation* operation_ = nullptr;
    iocp::io_service* service_ = nullptr;
};

/// Suspends the coroutine until `pending`'s packet has been dequeued and its result can be read. When `limit` ends
/// first (or the coroutine is asked to stop), cancels the operation on `handle` and still waits for the packet: the
/// kernel owns the buffers until it comes. Returns why: `notified` for an ordinary end; after the others the operation
/// may have succeeded all the same, its error() tells. Returns at once when it is complete. `handle` must not be closed
/// meanwhile (shared_handle::enter).
detail::wake_reason await(iocp::operation& pending, win::io_handle handle, const wait_limit& limit) noexcept;

/// Cancels `pending` on `handle` and waits for its packet; both as in await(). The request is made again when the
/// packet does not come: Wine loses one that finds the call at work (docs/operations.md).
void cancel_and_await(iocp::operation& pending, win::io_handle handle) noexcept;

/// What a call reports that ended with the system's `error` (0: success) after `reason`: a cancellation of ours under
/// the name of what caused it, operation_canceled for any failure of a handle that is `closing`, else the error itself.
[[nodiscard]] std::error_code outcome(std::uint32_t error, detail::wake_reason reason, bool closing) noexcept;

/// After a call that completed at once: lets others run now and then, so that a peer which is always ready does not
/// keep the worker for itself. `here` must be of after the call's last suspension.
void share_worker(const io_context& here) noexcept;

} // namespace moor::io
