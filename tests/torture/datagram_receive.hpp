// Receiving one datagram in two ways: as moor does, and as the program of the original report did, with output
// parameters of the overlapped call in a frame that is gone when the system writes to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <system_error>
#include <vector>

#include <moor/udp.hpp>
#include <moor/wait_limit.hpp>

#include "io/io_context.hpp"
#include "win/compiler.hpp"

namespace moor::test {

/// Where the call's lpFlags and lpFromlen lie.
enum class parameter_place : unsigned char {
    operation,    ///< in the pooled operation, as law 1 demands
    popped_frame, ///< in the frame of the function that made the call and has returned
};

/// A receiving call on `socket`, which belongs to the calling coroutine's runtime, begun now: so that the caller can go
/// on, and use the stack, before it waits for the end. `into` is not on a stack.
class begun_receive {
public:
    begun_receive(udp_socket& socket, std::span<std::byte> into, parameter_place place);

    /// Waits for the end. Returns the bytes, 0 after an error.
    std::size_t finish(const wait_limit& limit, std::error_code& error);

    /// The word on the stack whose upper half the system will write to; null when there is none.
    [[nodiscard]] volatile std::uint64_t* written_late() const noexcept { return written_late_; }

private:
    MOOR_NOINLINE void submit(std::span<std::byte> into) noexcept;
    MOOR_NOINLINE void submit_with_parameters_in_this_frame(std::span<std::byte> into) noexcept;
    void submitted(int result) noexcept;

    udp_socket& socket_;
    io::operation_owner call_;
    // lpFrom. Wine takes what it finds in lpFromlen when the datagram comes for the room there, and clears it: with the
    // wrong variant that is half of whatever lies on the stack by then.
    std::vector<std::byte> sender_;
    volatile std::uint64_t* written_late_ = nullptr;
};

} // namespace moor::test
