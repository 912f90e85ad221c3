// How calls on a stream end otherwise than by their data: deadlines, stop tokens, stopped coroutines, closing.
#include <array>
#include <stop_token>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

class tcp_stream_end_on : public testing::TestWithParam<unsigned> {
protected:
    void TearDown() override { EXPECT_TRUE(operations_in_use_become(0)); }

    [[nodiscard]] bool operations_in_use_become(std::uint64_t count) {
        return test::eventually([this, count] { return running.metrics().operations_in_use == count; });
    }

    // A read of `from` in a coroutine of its own, and how it ended.
    static join_handle<std::error_code> spawn_read(tcp_stream& from, wait_limit limit = {}) {
        return spawn([&from, limit] {
            std::array<std::byte, 16> buffer{};
            std::error_code error;
            const std::size_t count = from.read_some(buffer, limit, error);
            EXPECT_EQ(count, 0u);
            return error;
        });
    }

    runtime running{test::with_workers(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(workers, tcp_stream_end_on, testing::Values(1u, 2u));

TEST_P(tcp_stream_end_on, a_deadline_ends_a_read_and_the_stream_goes_on) {
    running.run([this] {
        auto [client, server] = test::make_tcp_pair();
        std::array<std::byte, 16> buffer{};
        std::error_code error;
        const auto before = wait_limit::clock::now();
        EXPECT_EQ(server.read_some(buffer, 20ms, error), 0u);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_GE(wait_limit::clock::now() - before, 20ms);
        EXPECT_EQ(running.metrics().operations_in_use, 0u) << "the buffer is the caller's again";
        client.write(test::make_bytes(16));
        EXPECT_EQ(server.read_exactly(buffer), 16u);
        EXPECT_EQ(test::matching(buffer, 0), 16u);
    });
}

TEST_P(tcp_stream_end_on, a_deadline_ends_a_write_that_nobody_reads) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        const auto data = test::make_bytes(std::size_t{16} << 20);
        std::error_code error;
        std::size_t written = 0;
        // A system may take any amount into its own buffers; it takes this much for ever from nobody.
        for (int times = 0; times < 100 && !error; ++times) {
            written += client.write(data, 20ms, error);
        }
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_LT(written, 100 * data.size());
    });
}

TEST_P(tcp_stream_end_on, a_limit_that_is_over_is_reported_though_data_is_there) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        client.write(test::make_bytes(16));
        server.wait_readable();
        std::array<std::byte, 16> buffer{};
        std::error_code error;
        EXPECT_EQ(server.read_some(buffer, 0ms, error), 0u);
        EXPECT_EQ(error, std::errc::timed_out);
        std::stop_source source;
        source.request_stop();
        EXPECT_EQ(server.read_some(buffer, source.get_token(), error), 0u);
        EXPECT_EQ(error, std::errc::operation_canceled);
        EXPECT_EQ(server.read_some(buffer, {}, error), 16u);
        EXPECT_FALSE(error);
    });
}

TEST_P(tcp_stream_end_on, the_streams_own_deadline_holds_for_every_later_call) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        std::array<std::byte, 16> buffer{};
        std::error_code error;
        server.set_deadline(wait_limit::clock::now() + 10ms);
        server.read_some(buffer, {}, error);
        EXPECT_EQ(error, std::errc::timed_out);
        server.read_some(buffer, 1h, error);
        EXPECT_EQ(error, std::errc::timed_out);
        server.write(buffer, {}, error);
        EXPECT_EQ(error, std::errc::timed_out) << "writing would not wait, but the time is over";
        server.set_deadline(wait_limit::clock::now() + 1h);
        server.read_some(buffer, 1ms, error);
        EXPECT_EQ(error, std::errc::timed_out) << "the earlier of the two";
        server.set_deadline(wait_limit::time_point::max());
        client.write(test::make_bytes(16));
        EXPECT_EQ(server.read_some(buffer, {}, error), 16u);
        EXPECT_FALSE(error);
    });
}

TEST_P(tcp_stream_end_on, a_stop_token_ends_a_read) {
    running.run([this] {
        auto [client, server] = test::make_tcp_pair();
        std::stop_source source;
        auto reader = spawn_read(server, source.get_token());
        EXPECT_TRUE(operations_in_use_become(1));
        source.request_stop();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_TRUE(server.is_open());
    });
}

TEST_P(tcp_stream_end_on, a_stopped_coroutines_read_ends_and_so_do_all_later_ones) {
    running.run([this] {
        auto [client, server] = test::make_tcp_pair();
        auto reader = spawn([from = &server] {
            std::array<std::byte, 16> buffer{};
            std::error_code error;
            from->read_some(buffer, {}, error);
            EXPECT_EQ(error, std::errc::operation_canceled);
            from->write(buffer, {}, error);
            EXPECT_EQ(error, std::errc::operation_canceled) << "though it need not wait";
            const this_coroutine::stop_shield shield;
            from->write(buffer, {}, error);
            EXPECT_FALSE(error) << "cleaning up";
        });
        EXPECT_TRUE(operations_in_use_become(1));
        reader.request_stop();
        reader.join();
        std::array<std::byte, 16> buffer{};
        EXPECT_EQ(client.read_exactly(buffer), 16u);
    });
}

TEST_P(tcp_stream_end_on, close_ends_a_read_and_a_write_of_other_coroutines) {
    running.run([this] {
        auto [client, server] = test::make_tcp_pair();
        auto reader = spawn_read(server);
        auto writer = spawn([to = &server] {
            const auto data = test::make_bytes(std::size_t{16} << 20);
            std::error_code error;
            while (!error) {
                to->write(data, {}, error);
            }
            return error;
        });
        EXPECT_TRUE(operations_in_use_become(2));
        server.close();
        EXPECT_FALSE(server.is_open());
        EXPECT_EQ(server.native_handle(), ~std::uintptr_t{0});
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
        std::array<std::byte, 1> buffer{};
        std::error_code error;
        server.read_some(buffer, {}, error);
        EXPECT_EQ(error, std::errc::operation_canceled) << "later calls";
        server.shutdown(shutdown_side::send, error);
        EXPECT_EQ(error, std::errc::operation_canceled);
        server.close();
    });
}

TEST_P(tcp_stream_end_on, a_stream_destroyed_by_a_plain_thread_closes) {
    test::tcp_pair pair = running.run([] { return test::make_tcp_pair(); });
    { const tcp_stream doomed = std::move(pair.server); }
    running.run([&pair] {
        std::array<std::byte, 1> buffer{};
        EXPECT_EQ(pair.client.read_some(buffer, 20s), 0u);
    });
}

TEST_P(tcp_stream_end_on, unsent_data_is_still_delivered_after_close) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        client.write(test::make_bytes(60'000));
        client.close();
        std::vector<std::byte> all(60'000);
        EXPECT_EQ(server.read_exactly(all), all.size());
        EXPECT_EQ(test::matching(all, 0), all.size());
    });
}

// Everything at once: calls, closes, deadlines and stops on many streams; what matters is that all of it ends.
TEST_P(tcp_stream_end_on, close_races_with_everything) {
    running.run([] {
        for (int round = 0; round < 40; ++round) {
            auto [client, server] = test::make_tcp_pair();
            auto echo = spawn([own = &server] {
                std::array<std::byte, 512> buffer;
                std::error_code error;
                while (!error) {
                    const std::size_t count = own->read_some(buffer, {}, error);
                    if (error || count == 0) {
                        break;
                    }
                    own->write(std::span(buffer).first(count), {}, error);
                }
            });
            auto writer = spawn([own = &client] {
                std::error_code error;
                while (!error) {
                    own->write(test::make_bytes(300), std::chrono::milliseconds(500), error);
                }
            });
            auto reader = spawn([own = &client] {
                std::array<std::byte, 512> buffer;
                std::error_code error;
                std::size_t count = 1;
                while ((!error && count != 0) || error == std::errc::timed_out) {
                    count = own->read_some(buffer, std::chrono::microseconds(700), error);
                }
            });
            for (int turns = round % 13; turns != 0; --turns) {
                this_coroutine::yield();
            }
            switch (round % 4) {
            case 0: client.close(); break;
            case 1: client.reset(); break;
            case 2:
                writer.request_stop();
                reader.request_stop();
                break;
            default: server.close(); break;
            }
            client.close();
            writer.join();
            reader.join();
            echo.join();
        }
    });
}

} // namespace
} // namespace moor
