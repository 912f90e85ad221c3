// moor as a peer: TCP and UDP over the loopback interface, a coroutine at each end of a connection. A pipelined client
// has one that writes and one that reads.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <moor/semaphore.hpp>
#include <moor/tcp.hpp>
#include <moor/udp.hpp>

#include "peers/moor/moor_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

constexpr std::size_t least_buffer = 4096;

endpoint loopback() { return endpoint::loopback(address_family::ipv4, 0); }

void serve_echo(tcp_stream peer, std::size_t buffer_size) {
    std::vector<std::byte> buffer(buffer_size);
    while (const std::size_t size = peer.read_some(buffer)) {
        peer.write(std::span(buffer).first(size));
    }
    peer.reset(); // see jobs.hpp, echo
}

std::span<const std::byte> bytes_of(const pattern& sent) { return std::as_bytes(sent.message()); }

// The next bytes of the echo; how many messages are whole with them.
std::uint64_t check(pattern& sent, std::span<const std::byte> echo) {
    return sent.check({reinterpret_cast<const char*>(echo.data()), echo.size()});
}

void request_and_wait(tcp_stream& server, pattern sent, std::uint64_t messages) {
    std::vector<std::byte> answer(sent.message().size());
    for (std::uint64_t done = 0; done < messages; ++done) {
        server.write(bytes_of(sent));
        server.read_exactly(answer);
        check(sent, answer);
    }
}

// Keeps up to `in_flight` messages on the way.
void pipeline(tcp_stream& server, pattern sent, std::uint64_t messages, std::uint64_t in_flight) {
    const auto window =
        std::make_shared<semaphore>(in_flight); // two coroutines use it, so not on a stack that may move
    auto writing = moor::spawn(coroutine_options(), [window, to = &server, message = bytes_of(sent), messages] {
        for (std::uint64_t written = 0; written < messages; ++written) {
            window->acquire();
            to->write(message);
        }
    });
    std::vector<std::byte> answers(std::max(least_buffer, sent.message().size()));
    for (std::uint64_t done = 0; done < messages;) {
        const std::size_t count = server.read_some(answers);
        if (count == 0) {
            throw failed("the connection has ended");
        }
        const std::uint64_t came = check(sent, std::span(answers).first(count));
        done += came;
        if (came != 0) {
            window->release(came);
        }
    }
    writing.join();
}

} // namespace

figures moor_peer::echo(const request& asked) {
    return runtime_.run([connections = asked["connections"], size = asked["size"], in_flight = asked["in_flight"],
                         items = asked.items()] {
        const std::uint64_t each = equal_share(items, connections);
        std::vector<tcp_stream> clients;
        std::vector<join_handle<void>> servers;
        {
            auto listener = tcp_listener::bind(loopback());
            for (std::uint64_t index = 0; index < connections; ++index) {
                clients.push_back(tcp_stream::connect(listener.local_endpoint()));
                clients.back().set_no_delay(true);
                auto server = listener.accept();
                server.set_no_delay(true);
                servers.push_back(
                    moor::spawn(coroutine_options(), serve_echo, std::move(server), std::max(least_buffer, size)));
            }
        }
        const auto start = clock::now();
        std::vector<join_handle<void>> asking;
        for (std::uint64_t index = 0; index < connections; ++index) {
            asking.push_back(moor::spawn(coroutine_options(), [server = &clients[index], index, size, in_flight, each] {
                if (in_flight == 1) {
                    request_and_wait(*server, pattern(index, size), each);
                } else {
                    pipeline(*server, pattern(index, size), each, in_flight);
                }
            }));
        }
        for (auto& client : asking) {
            client.join();
        }
        const auto time = clock::now() - start;
        clients.clear();
        for (auto& server : servers) {
            server.join();
        }
        return timed(time, each * connections);
    });
}

figures moor_peer::accept(const request& asked) {
    return runtime_.run([clients = asked["clients"], items = asked.items()] {
        const std::uint64_t each = equal_share(items, clients);
        auto listener = tcp_listener::bind(loopback());
        const auto where = listener.local_endpoint();
        const auto start = clock::now();
        std::vector<join_handle<void>> connecting;
        for (std::uint64_t index = 0; index < clients; ++index) {
            connecting.push_back(moor::spawn(coroutine_options(), [where, each] {
                for (std::uint64_t done = 0; done < each; ++done) {
                    auto server = tcp_stream::connect(where);
                    std::array<std::byte, 1> nothing;
                    if (server.read_some(nothing) != 0) {
                        throw failed("something came, instead of the end");
                    }
                }
            }));
        }
        for (std::uint64_t accepted = 0; accepted < each * clients; ++accepted) {
            listener.accept().close();
        }
        for (auto& client : connecting) {
            client.join();
        }
        return timed(clock::now() - start, each * clients);
    });
}

figures moor_peer::connect(const request& asked) {
    return runtime_.run([items = asked.items()] {
        auto listener = tcp_listener::bind(loopback());
        const auto where = listener.local_endpoint();
        auto serving = moor::spawn(coroutine_options(), [from = &listener, items] {
            for (std::uint64_t done = 0; done < items; ++done) {
                auto peer = from->accept();
                std::array<std::byte, 1> byte;
                peer.read_exactly(byte);
                peer.write(byte);
            }
        });
        const auto start = clock::now();
        auto connecting = moor::spawn(coroutine_options(), [where, items] {
            for (std::uint64_t done = 0; done < items; ++done) {
                auto server = tcp_stream::connect(where);
                pattern sent(done, 1);
                std::array<std::byte, 1> answer;
                server.write(bytes_of(sent));
                server.read_exactly(answer);
                check(sent, answer);
                if (server.read_some(answer) != 0) {
                    throw failed("something came, instead of the end");
                }
            }
        });
        connecting.join();
        const auto time = clock::now() - start;
        serving.join();
        return timed(time, items);
    });
}

figures moor_peer::udp_echo(const request& asked) {
    return runtime_.run([clients = asked["clients"], size = asked["size"], items = asked.items()] {
        const std::uint64_t each = equal_share(items, clients);
        auto server = udp_socket::bind(loopback());
        const auto where = server.local_endpoint();
        auto serving = moor::spawn(coroutine_options(), [socket = &server, count = each * clients, size] {
            std::vector<std::byte> buffer(size);
            for (std::uint64_t done = 0; done < count; ++done) {
                const auto came = socket->receive_from(buffer);
                socket->send_to(std::span(buffer).first(came.bytes), came.sender);
            }
        });
        const auto start = clock::now();
        std::vector<join_handle<void>> asking;
        for (std::uint64_t index = 0; index < clients; ++index) {
            asking.push_back(moor::spawn(coroutine_options(), [where, index, size, each] {
                auto socket = udp_socket::bind(loopback());
                socket.connect(where);
                pattern sent(index, size);
                std::vector<std::byte> answer(size);
                for (std::uint64_t done = 0; done < each; ++done) {
                    socket.send(bytes_of(sent));
                    const auto came = socket.receive_from(answer, std::chrono::seconds(1));
                    if (check(sent, std::span(answer).first(came.bytes)) != 1) {
                        throw failed("a datagram is not whole");
                    }
                }
            }));
        }
        for (auto& client : asking) {
            client.join();
        }
        const auto time = clock::now() - start;
        serving.join();
        return timed(time, each * clients);
    });
}

} // namespace moor::bench::peers
