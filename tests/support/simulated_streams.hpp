// Streams over an adversary's simulated lines: written and read in random pieces, every byte looked at. No GoogleTest,
// so that it runs on movable stacks, too.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <system_error>
#include <vector>

#include "net/stream_socket.hpp"
#include "support/adversary.hpp"
#include "support/bytes.hpp"

namespace moor::test {

using simulated_stream = std::unique_ptr<detail::stream_socket, io::close_and_release>;

struct simulated_pair {
    simulated_stream first;
    simulated_stream second;
    SOCKET first_socket = INVALID_SOCKET;
};

/// Of the calling coroutine's runtime.
[[nodiscard]] inline simulated_pair make_simulated_pair(adversary& system) {
    adversary::line line = system.make_line();
    iocp::io_service& service = *io::current_io().service;
    const SOCKET first_socket = line.first.get();
    return {simulated_stream(new detail::stream_socket(std::move(line.first), service)),
            simulated_stream(new detail::stream_socket(std::move(line.second), service)), first_socket};
}

/// A buffer with guards around it, on the stack of the coroutine that waits. What the system writes outside the buffer
/// shows.
class guarded_buffer {
public:
    guarded_buffer() { bytes_.fill(guard); }

    [[nodiscard]] std::span<std::byte> data() noexcept { return std::span(bytes_).subspan(margin, size); }
    [[nodiscard]] bool intact() const noexcept {
        const auto is_guard = [](std::byte each) { return each == guard; };
        return std::all_of(bytes_.begin(), bytes_.begin() + margin, is_guard) &&
               std::all_of(bytes_.end() - margin, bytes_.end(), is_guard);
    }

private:
    static constexpr std::byte guard{0xa7};
    static constexpr std::size_t margin = 256;
    static constexpr std::size_t size = 700;
    std::array<std::byte, 2 * margin + size> bytes_;
};

/// How far a stream has come, and what was wrong: null when nothing was.
struct stream_progress {
    std::uint64_t bytes = 0;
    const char* fault = nullptr;
    std::error_code error{};
};

/// Writes pieces of stream `number`, plain and gathered, as long as `wants_more(bytes)` of what is written.
template <class Wants>
[[nodiscard]] stream_progress write_in_pieces(detail::stream_socket& to, std::uint32_t number, std::uint32_t seed,
                                              Wants wants_more) {
    std::minstd_rand random(seed);
    stream_progress written;
    while (wants_more(written.bytes)) {
        const std::size_t count = 1 + random() % 2000;
        const auto data = make_bytes(count, written.bytes, number);
        std::size_t sent = 0;
        if (random() % 2 == 0) {
            sent = to.write(data, {}, written.error);
        } else {
            std::vector<std::span<const std::byte>> parts;
            for (auto rest = std::span<const std::byte>(data); !rest.empty();) {
                const std::size_t step = std::min<std::size_t>(rest.size(), random() % 50); // 0 too
                parts.push_back(rest.first(step));
                rest = rest.subspan(step);
            }
            sent = to.write(parts, {}, written.error);
        }
        written.bytes += sent;
        if (sent != count) {
            written.fault = "not all was written";
            break;
        }
    }
    return written;
}

/// Reads to the end in pieces, with deadlines that often end a call in the middle of its completion. Calls
/// `has_read(bytes)` after each.
template <class Step>
[[nodiscard]] stream_progress read_in_pieces(detail::stream_socket& from, std::uint32_t number, std::uint32_t seed,
                                             Step has_read) {
    std::minstd_rand random(seed);
    stream_progress read;
    for (;;) {
        guarded_buffer buffer;
        wait_limit limit;
        if (random() % 3 == 0) {
            limit = wait_limit(std::chrono::microseconds(random() % 1500));
        }
        std::size_t count = 0;
        switch (random() % 3) {
        case 0: {
            const std::array<std::span<std::byte>, 3> parts{buffer.data().first(10), buffer.data().subspan(10, 300),
                                                            buffer.data().subspan(310)};
            count = from.read_some(parts, limit, read.error);
            break;
        }
        case 1: from.wait_readable(limit, read.error); [[fallthrough]];
        default: count = from.read_some(buffer.data(), limit, read.error); break;
        }
        if (!buffer.intact()) {
            read.fault = "written outside the buffer";
            return read;
        }
        if (matching(buffer.data().first(count), read.bytes, number) != count) {
            read.fault = "other bytes than were written";
            return read;
        }
        read.bytes += count;
        has_read(read.bytes);
        if (read.error == std::errc::timed_out) {
            continue;
        }
        if (read.error) {
            read.fault = "a read failed";
            return read;
        }
        if (count == 0) {
            return read;
        }
    }
}

} // namespace moor::test
