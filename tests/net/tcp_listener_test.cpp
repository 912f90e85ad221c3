#include <moor/tcp.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/adversary.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::adversary;
using test::scripted_end;

const endpoint any_port = endpoint::loopback(address_family::ipv4, 0);

bool has_ipv6() {
    return test::in_runtime(1, [] {
        std::error_code error;
        return tcp_listener::bind(endpoint::loopback(address_family::ipv6, 0), {}, error).is_open();
    });
}

class tcp_listener_on : public testing::TestWithParam<unsigned> {
protected:
    runtime running{test::with_workers(GetParam())};

    // Packets of a closed listener's calls come when they come.
    [[nodiscard]] bool all_operations_return() {
        return test::eventually([this] { return running.metrics().operations_in_use == 0; });
    }
};
INSTANTIATE_TEST_SUITE_P(workers, tcp_listener_on, testing::Values(1u, 2u));

TEST_P(tcp_listener_on, knows_where_it_listens) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(any_port);
        EXPECT_TRUE(listener.is_open());
        EXPECT_NE(listener.local_endpoint().port(), 0);
        EXPECT_TRUE(listener.local_endpoint().is_loopback());
        EXPECT_NE(listener.native_handle(), INVALID_SOCKET);
        auto [client, server] = test::connect_through(listener);
        EXPECT_EQ(client.remote_endpoint(), listener.local_endpoint());
        EXPECT_EQ(server.local_endpoint(), listener.local_endpoint());
        EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, refuses_bad_options_and_taken_addresses) {
    running.run([] {
        std::error_code error;
        EXPECT_FALSE(tcp_listener::bind(any_port, {.outstanding_accepts = 0}, error).is_open());
        EXPECT_EQ(error, std::errc::invalid_argument);
        tcp_listener first = tcp_listener::bind(any_port);
        EXPECT_FALSE(tcp_listener::bind(first.local_endpoint(), {}, error).is_open());
        EXPECT_TRUE(error == std::errc::address_in_use || error == std::errc::permission_denied) << error.message();
        EXPECT_THROW(static_cast<void>(tcp_listener::bind(first.local_endpoint())), std::system_error);
        EXPECT_FALSE(tcp_listener::bind(endpoint("192.0.2.1", 0), {}, error).is_open()); // a documentation address
        EXPECT_EQ(error, std::errc::address_not_available) << error.message();
    });
    EXPECT_TRUE(all_operations_return());
}

TEST(tcp_listener, works_in_coroutines_only) {
    std::error_code error;
    EXPECT_FALSE(tcp_listener::bind(any_port, {}, error).is_open());
    EXPECT_EQ(error, std::errc::operation_not_permitted);
    tcp_listener none;
    EXPECT_FALSE(none.is_open());
    EXPECT_EQ(none.native_handle(), INVALID_SOCKET);
    EXPECT_THROW(static_cast<void>(none.local_endpoint()), std::system_error);
    static_cast<void>(none.accept({}, error));
    EXPECT_EQ(error, std::errc::not_connected);
    none.close();
}

// More connections at once than calls are outstanding, with several acceptors.
TEST_P(tcp_listener_on, takes_a_storm_of_connections) {
    running.run([] {
        constexpr int connections = 300;
        tcp_listener listener = tcp_listener::bind(any_port);
        std::vector<join_handle<void>> clients;
        for (int number = 0; number < connections; ++number) {
            clients.push_back(spawn([remote = listener.local_endpoint(), number] {
                tcp_stream stream = tcp_stream::connect(remote, 20s);
                const std::array<std::byte, 2> sent{std::byte(number & 0xff), std::byte(number >> 8)};
                stream.write(sent);
                std::array<std::byte, 2> echoed{};
                stream.read_exactly(echoed, 20s);
                EXPECT_EQ(echoed, sent);
            }));
        }
        std::vector<join_handle<int>> acceptors;
        for (int count = 0; count < 3; ++count) {
            acceptors.push_back(spawn([&listener] {
                int accepted = 0;
                for (;; ++accepted) {
                    std::error_code error;
                    tcp_stream peer = listener.accept({}, error);
                    if (error) {
                        EXPECT_EQ(error, std::errc::operation_canceled);
                        return accepted;
                    }
                    spawn(
                        [](tcp_stream own) {
                            std::array<std::byte, 2> buffer{};
                            own.read_exactly(buffer, 20s);
                            own.write(buffer);
                        },
                        std::move(peer))
                        .detach();
                }
            }));
        }
        for (auto& each : clients) {
            each.join();
        }
        listener.close();
        int accepted = 0;
        for (auto& each : acceptors) {
            accepted += each.join();
        }
        EXPECT_EQ(accepted, connections);
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, accept_ends_by_deadline_token_and_stop) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(any_port);
        std::error_code error;
        EXPECT_FALSE(listener.accept(2ms, error).is_open());
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_THROW(static_cast<void>(listener.accept(1ms)), std::system_error);

        std::stop_source source;
        const auto accepting = [&listener](std::stop_token token) {
            std::error_code failed;
            static_cast<void>(listener.accept(std::move(token), failed));
            return failed;
        };
        auto by_token = spawn(accepting, source.get_token());
        this_coroutine::yield();
        source.request_stop();
        EXPECT_EQ(by_token.join(), std::errc::operation_canceled);
        auto by_stop = spawn(accepting, std::stop_token());
        this_coroutine::yield();
        by_stop.request_stop();
        EXPECT_EQ(by_stop.join(), std::errc::operation_canceled);

        auto [client, server] = test::connect_through(listener); // none of that did any harm
        EXPECT_TRUE(server.is_open());
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, close_sends_every_acceptor_away_and_frees_the_address) {
    running.run([this] {
        tcp_listener listener = tcp_listener::bind(any_port);
        const endpoint local = listener.local_endpoint();
        std::vector<join_handle<std::error_code>> acceptors;
        for (int count = 0; count < 3; ++count) {
            acceptors.push_back(spawn([&listener] {
                std::error_code error;
                static_cast<void>(listener.accept({}, error));
                return error;
            }));
        }
        this_coroutine::yield();
        listener.close();
        listener.close();
        EXPECT_FALSE(listener.is_open());
        for (auto& each : acceptors) {
            EXPECT_EQ(each.join(), std::errc::operation_canceled);
        }
        std::error_code error;
        static_cast<void>(listener.accept({}, error));
        EXPECT_EQ(error, std::errc::operation_canceled);
        EXPECT_EQ(listener.local_endpoint(), local) << "it is still known";

        // Windows frees the address at once. Wine keeps it until the threads that made the outstanding calls have come
        // round to taking them back.
        EXPECT_TRUE(all_operations_return());
        tcp_listener again = tcp_listener::bind(local, {}, error);
        EXPECT_TRUE(again.is_open()) << error.message();
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, destroyed_with_outstanding_calls_it_leaves_nothing) {
    running.run([this] {
        for (const unsigned outstanding : {1u, 16u, 100u}) {
            static_cast<void>(tcp_listener::bind(any_port, {.outstanding_accepts = outstanding}));
        }
        EXPECT_TRUE(all_operations_return());
    });
}

TEST_P(tcp_listener_on, destroyed_by_a_plain_thread_it_leaves_nothing) {
    {
        const tcp_listener listener = running.run([] { return tcp_listener::bind(any_port); });
        EXPECT_EQ(running.metrics().operations_in_use, listen_options().outstanding_accepts);
    }
    EXPECT_TRUE(all_operations_return());
}

// One worker: when the yield returns the acceptor waits.
TEST(tcp_listener, destroyed_under_an_acceptor_it_sends_it_away) {
    runtime running(test::with_workers(1));
    running.run([] {
        auto listener = std::make_unique<tcp_listener>(tcp_listener::bind(any_port, {.outstanding_accepts = 3}));
        auto acceptor = spawn([&listener] {
            std::error_code error;
            static_cast<void>(listener->accept({}, error));
            return error;
        });
        this_coroutine::yield();
        listener.reset();
        EXPECT_EQ(acceptor.join(), std::errc::operation_canceled);
    });
    EXPECT_TRUE(test::eventually([&running] { return running.metrics().operations_in_use == 0; }));
}

TEST_P(tcp_listener_on, drops_the_connections_that_nobody_accepted) {
    running.run([this] {
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 4});
        std::vector<tcp_stream> clients;
        for (int count = 0; count < 4; ++count) {
            clients.push_back(tcp_stream::connect(listener.local_endpoint(), 20s));
        }
        EXPECT_TRUE(test::eventually([this] { return running.metrics().packets_dequeued >= 8; })) << "all are accepted";
        listener = tcp_listener();
        for (tcp_stream& each : clients) {
            std::array<std::byte, 1> buffer{};
            std::error_code error;
            EXPECT_EQ(each.read_some(buffer, 20s, error), 0u);
            EXPECT_TRUE(!error || error == std::errc::connection_reset || error == std::errc::connection_aborted)
                << error.message();
        }
    });
    EXPECT_TRUE(all_operations_return());
}

// Accepting goes on in a coroutine of any worker, whoever made the listener, and with another order of events: first
// the connections, then the acceptor.
TEST_P(tcp_listener_on, hands_over_what_came_before) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 2});
        std::vector<tcp_stream> clients;
        for (int count = 0; count < 5; ++count) {
            clients.push_back(tcp_stream::connect(listener.local_endpoint(), 20s));
        }
        std::vector<endpoint> remotes;
        for (int count = 0; count < 5; ++count) {
            remotes.push_back(listener.accept(20s).remote_endpoint());
        }
        for (const tcp_stream& each : clients) {
            EXPECT_EQ(std::count(remotes.begin(), remotes.end(), each.local_endpoint()), 1);
        }
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, listens_on_ipv6_and_on_both) {
    if (!has_ipv6()) {
        GTEST_SKIP() << "no IPv6 here";
    }
    running.run([] {
        tcp_listener six = tcp_listener::bind(endpoint::loopback(address_family::ipv6, 0));
        auto [client, server] = test::connect_through(six);
        EXPECT_EQ(server.remote_endpoint().family(), address_family::ipv6);
        EXPECT_EQ(client.remote_endpoint(), six.local_endpoint());

        tcp_listener both = tcp_listener::bind(endpoint::any(address_family::ipv6, 0), {.dual_stack = true});
        const auto port = both.local_endpoint().port();
        auto over_four = spawn([port] { return tcp_stream::connect(endpoint("127.0.0.1", port), 20s); });
        EXPECT_TRUE(both.accept(20s).is_open());
        EXPECT_TRUE(over_four.join().is_open());

        tcp_listener only_six = tcp_listener::bind(endpoint::any(address_family::ipv6, 0));
        std::error_code error;
        static_cast<void>(tcp_stream::connect(endpoint("127.0.0.1", only_six.local_endpoint().port()), 20s, error));
        EXPECT_EQ(error, std::errc::connection_refused) << error.message();
    });
    EXPECT_TRUE(all_operations_return());
}

// A mapped address is IPv4's in another spelling.
TEST_P(tcp_listener_on, listens_on_mapped_addresses) {
    running.run([] {
        tcp_listener mapped = tcp_listener::bind(endpoint("::ffff:127.0.0.1", 0));
        EXPECT_EQ(mapped.local_endpoint().family(), address_family::ipv4);
        auto [client, server] = test::connect_through(mapped);
        EXPECT_TRUE(server.is_open());
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, is_exclusive_unless_told_otherwise) {
    running.run([] {
        for (const bool exclusive : {true, false}) {
            const tcp_listener listener = tcp_listener::bind(any_port, {.exclusive_address = exclusive});
            BOOL set = FALSE;
            int length = sizeof set;
            ASSERT_EQ(::getsockopt(listener.native_handle(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
                                   reinterpret_cast<char*>(&set), &length),
                      0);
            EXPECT_EQ(set != FALSE, exclusive);
        }
    });
    EXPECT_TRUE(all_operations_return());
}

// ---- Failing calls -----------------------------------------------------------------------------------------------

TEST_P(tcp_listener_on, skips_connections_that_died_in_the_backlog) {
    running.run([this] {
        adversary system(1);
        for (int count = 0; count < 20; ++count) {
            system.script(adversary::kind::accept,
                          count % 2 == 0 ? scripted_end::fails_at_once(WSAECONNRESET)
                                         : scripted_end::fails_later(static_cast<std::int32_t>(0xC000020D)));
        }
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 3});
        auto [client, server] = test::connect_through(listener);
        EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
        EXPECT_GE(system.calls(adversary::kind::accept), 21u) << "20 that fail, and the one that served";
        listener = tcp_listener();
        EXPECT_TRUE(all_operations_return());
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
}

// The real thing: what the system makes of them is its own business.
TEST_P(tcp_listener_on, skips_connections_that_were_reset_in_the_backlog) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 2});
        for (int count = 0; count < 50; ++count) {
            tcp_stream::connect(listener.local_endpoint(), 20s).reset();
        }
        const tcp_stream good = tcp_stream::connect(listener.local_endpoint(), 20s);
        for (;;) {
            std::error_code error;
            const tcp_stream accepted = listener.accept(20s, error);
            ASSERT_FALSE(error) << error.message();
            const endpoint peer = [&] {
                try {
                    return accepted.remote_endpoint();
                } catch (const std::system_error&) {
                    return endpoint(); // accepted before it was reset
                }
            }();
            if (peer == good.local_endpoint()) {
                break;
            }
        }
    });
    EXPECT_TRUE(all_operations_return());
}

// An error that is not the listener's and does not end. (How slowly it goes then: failure_test.cpp.)
TEST_P(tcp_listener_on, ends_by_its_limit_while_every_connection_fails) {
    running.run([] {
        adversary system(1);
        constexpr std::size_t failures = 20'000;
        for (std::size_t count = 0; count < failures; ++count) {
            system.script(adversary::kind::accept, scripted_end::fails_at_once(WSAECONNABORTED));
        }
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 2});
        std::error_code error;
        static_cast<void>(listener.accept(50ms, error));
        EXPECT_EQ(error, std::errc::timed_out) << error.message();
        EXPECT_LT(system.calls(adversary::kind::accept), failures) << "there is no end to be reached";
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, reports_a_lack_of_resources_and_goes_on) {
    running.run([this] {
        adversary system(1);
        for (const bool at_once : {true, false}) {
            system.script(adversary::kind::accept,
                          at_once ? scripted_end::fails_at_once(WSAENOBUFS)
                                  : scripted_end::fails_later(static_cast<std::int32_t>(0xC000009A)));
            tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 1});
            std::error_code error;
            static_cast<void>(listener.accept({}, error));
            EXPECT_EQ(error, std::errc::no_buffer_space) << error.message();
            auto [client, server] = test::connect_through(listener);
            EXPECT_TRUE(server.is_open());
        }
        EXPECT_TRUE(all_operations_return());
    });
}

// Nothing can be accepted at all: every acceptor is told, and the listener tries no more often than it is asked to.
TEST_P(tcp_listener_on, tells_every_acceptor_when_nothing_works_and_does_not_spin) {
    running.run([] {
        adversary system(1);
        constexpr int failures = 40;
        for (int count = 0; count < failures; ++count) {
            system.script(adversary::kind::accept,
                          count % 3 == 0 ? scripted_end::fails_later(static_cast<std::int32_t>(0xC000009A))
                                         : scripted_end::fails_at_once(WSAENOBUFS));
        }
        tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 2});
        const std::size_t before = system.calls(adversary::kind::accept);
        std::vector<join_handle<std::error_code>> acceptors;
        for (int count = 0; count < 5; ++count) {
            acceptors.push_back(spawn([&listener] {
                std::error_code error;
                static_cast<void>(listener.accept({}, error));
                return error;
            }));
        }
        for (auto& each : acceptors) {
            EXPECT_EQ(each.join(), std::errc::no_buffer_space);
        }
        EXPECT_LE(system.calls(adversary::kind::accept) - before, 2u * acceptors.size() + 2);
    });
    EXPECT_TRUE(all_operations_return());
}

TEST_P(tcp_listener_on, close_races_with_arriving_connections) {
    running.run([] {
        for (int round = 0; round < 30; ++round) {
            tcp_listener listener = tcp_listener::bind(any_port, {.outstanding_accepts = 4});
            std::vector<join_handle<void>> clients;
            for (int count = 0; count < 4; ++count) {
                clients.push_back(spawn([remote = listener.local_endpoint()] {
                    std::error_code error;
                    static_cast<void>(tcp_stream::connect(remote, 20s, error));
                }));
            }
            auto acceptor = spawn([&listener] {
                std::error_code error;
                while (!error) {
                    static_cast<void>(listener.accept({}, error));
                }
                return error;
            });
            for (int turns = round % 7; turns != 0; --turns) {
                this_coroutine::yield();
            }
            listener.close();
            EXPECT_EQ(acceptor.join(), std::errc::operation_canceled);
            for (auto& each : clients) {
                each.join();
            }
        }
    });
    EXPECT_TRUE(all_operations_return());
}

} // namespace
} // namespace moor
