// Coroutines that are parked while others write into their stacks: the system into a read's buffer, another coroutine
// into the slot that a channel hands a value over to. The stacks have just moved when the calls begin, and move again
// after them.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/select.hpp>
#include <moor/tcp.hpp>

#include "stack/on_movable.hpp"
#include "support/bytes.hpp"
#include "support/tcp_pair.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::grow_by_kibibytes;

// Reads into a buffer of its own frame, with growth before each call and some of the time a frame between.
template <std::size_t BufferBytes>
[[gnu::noinline]] std::size_t read_into_frame(tcp_stream& from, std::uint64_t position, unsigned depth) {
    if (depth != 0) {
        return read_into_frame<BufferBytes>(from, position, depth - 1);
    }
    std::array<std::byte, BufferBytes> buffer;
    test::keep(buffer);
    const std::size_t count = from.read_some(buffer);
    const std::size_t right = test::matching(std::span(buffer).first(count), position);
    return right == count ? count : 0;
}

constexpr std::size_t whole = 200'000;

std::uint64_t read_all(tcp_stream from) {
    std::uint64_t total = 0;
    for (unsigned round = 0; total < whole; ++round) {
        if (round % 3 == 0) {
            static_cast<void>(grow_by_kibibytes(round % 9));
        }
        const std::size_t count = round % 2 == 0 ? read_into_frame<700>(from, total, round % 11)
                                                 : read_into_frame<3000>(from, total, round % 5);
        if (count == 0) {
            return 0;
        }
        total += count;
    }
    return total;
}

void write_all(tcp_stream to) {
    std::array<std::byte, 1000> buffer;
    for (std::uint64_t position = 0; position < whole; position += buffer.size()) {
        test::fill(buffer, position);
        if (position % 7000 == 0) {
            this_coroutine::yield(); // so that the reader parks
        }
        to.write(buffer);
    }
}

TEST(moved_operations, read_into_buffers_in_their_frames) {
    for (const unsigned workers : {1u, 3u}) {
        const bool right = test::in_runtime(workers, [] {
            std::vector<join_handle<std::uint64_t>> readers;
            for (int pair = 0; pair < 8; ++pair) {
                auto connection = test::make_tcp_pair();
                readers.push_back(spawn({.stack = stack_kind::movable}, read_all, std::move(connection.client)));
                spawn({.stack = stack_kind::movable}, write_all, std::move(connection.server)).detach();
            }
            bool all = true;
            for (auto& each : readers) {
                all = each.join() == whole && all;
            }
            return all;
        });
        EXPECT_TRUE(right) << workers;
    }
}

// The buffer must hold still from the submission to the completion, also when the call is cancelled by its deadline.
TEST(moved_operations, that_time_out_leave_their_frames_alone) {
    const bool right = test::in_runtime(1, [] {
        auto connection = test::make_tcp_pair();
        auto reader = spawn({.stack = stack_kind::movable}, [from = std::move(connection.client)]() mutable {
            bool fine = true;
            for (unsigned round = 0; round < 20; ++round) {
                std::array<std::byte, 300> buffer{};
                std::error_code error;
                const auto count = from.read_some(buffer, 1ms, error);
                fine = fine && count == 0 && error == std::errc::timed_out && grow_by_kibibytes(round);
                test::keep(buffer);
                fine = fine && buffer == std::array<std::byte, 300>{};
            }
            return fine;
        });
        return reader.join();
    });
    EXPECT_TRUE(right);
}

struct message {
    std::uint64_t number = 0;
    std::string text;
    std::array<std::uint64_t, 4> more{};
};

message make_message(std::uint64_t number) {
    return {number, "a text that is too long for the object itself " + std::to_string(number), {number, 1, 2, 3}};
}
bool is_message(const message& received, std::uint64_t number) {
    return received.number == number && received.more[0] == number && received.more[3] == 3 &&
           received.text.ends_with(' ' + std::to_string(number));
}

TEST(moved_operations, hand_values_over_into_frames) {
    for (const std::size_t capacity : {0u, 3u}) {
        for (const unsigned workers : {1u, 3u}) {
            constexpr std::uint64_t messages = 3000;
            const std::uint64_t received = test::in_runtime(workers, [capacity] {
                const channel<message> passage(capacity);
                auto sender = spawn({.stack = stack_kind::movable}, [passage] {
                    for (std::uint64_t number = 0; number < messages; ++number) {
                        if (number % 5 == 0) {
                            static_cast<void>(grow_by_kibibytes(number % 13));
                        }
                        message next = make_message(number); // in the frame, from where it is taken
                        passage.send(std::move(next));
                    }
                    passage.close();
                });
                auto receiver = spawn({.stack = stack_kind::movable}, [passage] {
                    std::uint64_t expected = 0;
                    while (const auto next = passage.receive()) {
                        if (!is_message(*next, expected)) {
                            return std::uint64_t{0};
                        }
                        if (expected % 7 == 0) {
                            static_cast<void>(grow_by_kibibytes(expected % 11));
                        }
                        ++expected;
                    }
                    return expected;
                });
                sender.join();
                return receiver.join();
            });
            EXPECT_EQ(received, messages);
        }
    }
}

TEST(moved_operations, select_from_frames) {
    constexpr std::uint64_t messages = 1000;
    const auto right = test::in_runtime(2, [] {
        const channel<message> first(0);
        const channel<message> second(2);
        const auto send_all = [](channel<message> to) {
            for (std::uint64_t number = 0; number < messages; ++number) {
                select(on_send(to, make_message(number)), on_timeout(10s));
                static_cast<void>(grow_by_kibibytes(number % 4));
            }
            to.close();
        };
        auto sender = spawn({.stack = stack_kind::movable}, send_all, first);
        auto other_sender = spawn({.stack = stack_kind::movable}, send_all, second);
        auto receiver = spawn({.stack = stack_kind::movable}, [first, second] {
            std::array<std::uint64_t, 2> next{};
            std::array<bool, 2> open{true, true};
            bool fine = true;
            const auto take = [&](std::size_t from) {
                return [&next, &open, &fine, from](std::optional<message> value) {
                    if (!value) {
                        open[from] = false;
                        return;
                    }
                    fine = fine && is_message(*value, next[from]++) && grow_by_kibibytes(next[from] % 6);
                };
            };
            while (fine && open[0] && open[1]) {
                select(on_receive(first, take(0)), on_receive(second, take(1)));
            }
            while (fine && open[0]) {
                select(on_receive(first, take(0)));
            }
            while (fine && open[1]) {
                select(on_receive(second, take(1)));
            }
            return fine && next[0] == messages && next[1] == messages;
        });
        sender.join();
        other_sender.join();
        return receiver.join();
    });
    EXPECT_TRUE(right);
}

} // namespace
} // namespace moor
