// One runtime's overlapped I/O: its completion port, its operations, and the handles that are bound to the port.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "iocp/completion_port.hpp"
#include "iocp/open_handles.hpp"
#include "iocp/operation.hpp"

namespace moor::iocp {

/// Of a runtime; never that of another one, before or after.
[[nodiscard]] inline std::uint64_t new_runtime_id() noexcept {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
}

/// Shared by the runtime's workers, gone with it.
struct io_service {
    completion_port port;
    operation_pool pool;
    open_handles handles{&port};
    const std::uint64_t id = new_runtime_id();
    /// A worker that goes to sleep asks for at least so many packets (see adaptive_batch.hpp). Tests raise it, to have
    /// packets dequeued together.
    std::atomic<std::size_t> least_room{1};
};

} // namespace moor::iocp
