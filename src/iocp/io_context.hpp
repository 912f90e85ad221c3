// What the calling thread needs for overlapped I/O: its runtime's port and pool, and its own share of the pool. The scheduler
// defines current_io(), since only it knows which worker a thread is.
#pragma once

#include <utility>

#include "iocp/completion_port.hpp"
#include "iocp/operation.hpp"

namespace moor::iocp {

/// One runtime's I/O: shared by its workers, gone with it.
struct io_service {
    completion_port port;
    operation_pool pool;
};

/// The calling worker's view; `service` is null on a thread that is no worker.
struct io_context {
    io_service* service = nullptr;
    operation_cache* cache = nullptr;
};

/// Never cached across a suspension: the coroutine may go on elsewhere.
[[nodiscard]] io_context current_io() noexcept;

/// Owns one operation. On destruction a pending one is abandoned (its packet returns it), any other returns to its pool.
/// Belongs to one runtime; must be gone before it.
class operation_owner {
public:
    operation_owner() noexcept = default;

    /// From the calling coroutine's runtime. Throws std::system_error: not_enough_memory, and
    /// operation_not_permitted outside a coroutine.
    [[nodiscard]] static operation_owner acquire();

    operation_owner(operation_owner&& other) noexcept
        : operation_(std::exchange(other.operation_, nullptr)), service_(other.service_) {}
    operation_owner& operator=(operation_owner&& other) noexcept {
        if (this != &other) {
            release();
            operation_ = std::exchange(other.operation_, nullptr);
            service_ = other.service_;
        }
        return *this;
    }
    ~operation_owner() { release(); }

    explicit operator bool() const noexcept { return operation_ != nullptr; }
    [[nodiscard]] operation& operator*() const noexcept { return *operation_; }
    [[nodiscard]] operation* operator->() const noexcept { return operation_; }

private:
    operation_owner(operation& owned, io_service& service) noexcept : operation_(&owned), service_(&service) {}
    void release() noexcept;

    operation* operation_ = nullptr;
    io_service* service_ = nullptr;
};

/// Suspends the coroutine until `pending`'s packet has been dequeued and its result can be read. When `limit` ends first
/// (or the coroutine is asked to stop), cancels the operation on `handle` and still waits for the packet: the kernel owns
/// the buffers until it comes. Returns why: `notified` for an ordinary end; after the others the operation may have
/// succeeded all the same, its error() tells. Returns at once when it is complete.
detail::wake_reason await(operation& pending, win::io_handle handle, const wait_limit& limit) noexcept;

} // namespace moor::iocp
