// Buffer lists of any length in calls of 16 buffers and 1 GiB each. Only the first call of a read waits.
#include "net/stream_socket.hpp"

#include <algorithm>

#include <moor/error.hpp>

#include "net/socket_options.hpp"
#include "win/error.hpp"

namespace moor::detail {

// ---- Reading -----------------------------------------------------------------------------------------------------

std::size_t stream_socket::read_some(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error) {
    io::socket_call call(*this, limit, error);
    if (!call || buffer.empty()) {
        return 0;
    }
    return call.run([buffer](auto& operation, const auto& socket) { return iocp::receive(operation, socket, buffer); });
}

std::size_t stream_socket::read_exactly(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error) {
    io::socket_call call(*this, limit, error);
    std::size_t total = 0;
    while (call && total < buffer.size() && (total == 0 || call.may_go_on())) {
        const auto rest = buffer.subspan(total);
        const std::size_t count =
            call.run([rest](auto& operation, const auto& socket) { return iocp::receive(operation, socket, rest); });
        if (error) {
            break;
        }
        if (count == 0) {
            error = stream_errc::end_of_stream;
            break;
        }
        total += count;
    }
    return total;
}

namespace {

// How far a call has come in a list of buffers.
template <class Byte>
class progress {
public:
    explicit progress(std::span<const std::span<Byte>> buffers) noexcept : rest_(buffers) { pass_finished(); }

    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::span<const std::span<Byte>> rest() const noexcept { return rest_; }
    [[nodiscard]] std::size_t skipped() const noexcept { return skipped_; } // of the first one

    void advance(std::size_t bytes) noexcept {
        while (bytes != 0) {
            const std::size_t step = std::min(bytes, rest_.front().size() - skipped_);
            skipped_ += step;
            bytes -= step;
            pass_finished();
        }
    }

private:
    void pass_finished() noexcept {
        while (!rest_.empty() && skipped_ == rest_.front().size()) {
            rest_ = rest_.subspan(1);
            skipped_ = 0;
        }
    }

    std::span<const std::span<Byte>> rest_;
    std::size_t skipped_ = 0;
};

} // namespace

// More than one call carries is only asked for while the system has it at hand: read_some waits once. Somebody else may
// read that first, so that the later calls do not wait either.
std::size_t stream_socket::read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit,
                                     std::error_code& error) {
    io::socket_call call(*this, limit, error);
    progress<std::byte> place(buffers);
    std::size_t total = 0;
    while (call && !place.done()) {
        const auto receive = [&place](auto& operation, const auto& socket) {
            return iocp::receive(operation, socket, place.rest(), place.skipped());
        };
        const std::size_t count = total == 0 ? call.run(receive) : call.run_at_once(receive);
        place.advance(count);
        total += count;
        if (count == 0 || place.skipped() != 0 || place.done() || net::bytes_at_hand(socket()) == 0) {
            break;
        }
    }
    if (total != 0) {
        error.clear(); // what came is not lost; the next call will meet the error again
    }
    return total;
}

void stream_socket::wait_readable(const wait_limit& limit, std::error_code& error) {
    io::socket_call call(*this, limit, error);
    if (call) {
        static_cast<void>(call.run([](auto& operation, const auto& socket) {
            return iocp::receive(operation, socket, std::span<std::byte>());
        }));
    }
}

// ---- Writing -----------------------------------------------------------------------------------------------------

std::size_t stream_socket::write(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    io::socket_call call(*this, limit, error);
    std::size_t total = 0;
    while (call && total < data.size() && (total == 0 || call.may_go_on())) {
        const auto rest = data.subspan(total);
        const std::size_t count =
            call.run([rest](auto& operation, const auto& socket) { return iocp::send(operation, socket, rest); });
        if (error) {
            break;
        }
        if (count == 0) {
            error = win::to_error(std::errc::io_error); // no progress, and none to be expected
            break;
        }
        total += count;
    }
    return total;
}

std::size_t stream_socket::write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit,
                                 std::error_code& error) {
    io::socket_call call(*this, limit, error);
    progress<const std::byte> place(buffers);
    std::size_t total = 0;
    while (call && !place.done() && (total == 0 || call.may_go_on())) {
        const std::size_t count = call.run([&place](auto& operation, const auto& socket) {
            return iocp::send(operation, socket, place.rest(), place.skipped());
        });
        if (error) {
            break;
        }
        if (count == 0) {
            error = win::to_error(std::errc::io_error);
            break;
        }
        place.advance(count);
        total += count;
    }
    return total;
}

std::uint64_t stream_socket::send_file(const sendable_file& file, std::uint64_t offset, std::uint64_t length,
                                       const wait_limit& limit, std::error_code& error) {
    const std::uint64_t size = file.size(error);
    if (!error && offset > size) {
        error = win::to_error(std::errc::invalid_argument);
    }
    if (error) {
        return 0;
    }
    const std::uint64_t wanted = std::min(length, size - offset);
    io::socket_call call(*this, limit, error);
    std::uint64_t total = 0;
    while (call && total < wanted && (total == 0 || call.may_go_on())) {
        const auto part =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted - total, iocp::most_bytes_per_call));
        const std::size_t count = call.run([&](auto& operation, const auto& socket) {
            return iocp::send_file(operation, socket, win::io_handle(file.native_handle(), false), offset + total,
                                   part);
        });
        if (error) {
            break;
        }
        total += count;
        if (count < part) {
            error = win::to_error(std::errc::io_error);
            break;
        }
    }
    return total;
}

} // namespace moor::detail
