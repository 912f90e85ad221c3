// Jobs of the peer "threads" on sockets that block: a thread for each end of a connection. A client that is pipelined
// writes a message for each that has come back whole.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "peers/support/share.hpp"
#include "peers/system/threads_jobs.hpp"
#include "peers/system/threads_queue.hpp"
#include "peers/system/threads_socket.hpp"
#include "peers/system/threads_thread.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers::threads {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t least_buffer = 4096;
// After this an end of a connection gives up: far longer than a job is meant to take.
constexpr auto longest_job = 5min;
constexpr auto longest_datagram = 1s;

void send_back(blocking_socket& connection, std::size_t buffer_size) {
    std::vector<char> buffer(buffer_size);
    while (const std::size_t size = connection.receive(buffer)) {
        connection.send(std::span(buffer).first(size));
    }
}

void send_and_compare(blocking_socket& connection, pattern sent, std::uint64_t trips, std::uint64_t in_flight) {
    const std::size_t size = sent.message().size();
    // One message that is awaited is not read beyond its end.
    std::vector<char> buffer(in_flight == 1 ? size : std::max<std::size_t>(size, least_buffer));
    std::uint64_t to_send = trips;
    for (std::uint64_t count = std::min(in_flight, trips); count != 0; --count, --to_send) {
        connection.send(sent.message());
    }
    while (trips != 0) {
        const std::size_t came = connection.receive(buffer);
        if (came == 0) {
            throw failed("the connection has ended");
        }
        const std::uint64_t whole = sent.check(std::span(buffer).first(came));
        trips -= whole;
        for (std::uint64_t count = std::min(whole, to_send); count != 0; --count, --to_send) {
            connection.send(sent.message());
        }
    }
}

blocking_socket connected(const sockaddr_in& to) {
    blocking_socket made(SOCK_STREAM);
    made.connect(to);
    return made;
}

void await_end(blocking_socket& connection) {
    std::array<char, 1> nothing{};
    if (connection.receive(nothing) != 0) {
        throw failed("something came instead of the end");
    }
}

/// Lets `clients` threads make `items` connections together, and one thread take them one after the other.
template <class Client, class Server>
figures connections(std::uint64_t clients, std::uint64_t items, Client client, Server server) {
    blocking_socket listener(SOCK_STREAM);
    listener.bind_to_loopback();
    listener.listen();
    const sockaddr_in address = listener.address();
    system_thread accepting([&listener, items, server] {
        for (std::uint64_t item = 0; item < items; ++item) {
            blocking_socket connection = listener.accept();
            server(connection);
        }
    });
    std::vector<system_thread> connecting;
    const auto start = clock::now();
    try {
        for (std::uint64_t index = 0; index < clients; ++index) {
            connecting.emplace_back([&address, client, share = share_of(items, clients, index)] {
                for (std::uint64_t item = 0; item < share; ++item) {
                    blocking_socket connection = connected(address);
                    client(connection);
                }
            });
        }
        join_all(connecting);
    } catch (...) {
        listener.close(); // the other thread waits no longer
        throw;
    }
    const auto time = clock::now() - start;
    accepting.join();
    return timed(time, items);
}

} // namespace

figures echo(const request& asked) {
    const std::uint64_t count = asked["connections"];
    const std::uint64_t size = asked["size"];
    const std::uint64_t trips = equal_share(asked.items(), count);
    std::vector<blocking_socket> clients;
    std::vector<blocking_socket> servers;
    clients.reserve(count);
    servers.reserve(count);
    {
        blocking_socket listener(SOCK_STREAM);
        listener.bind_to_loopback();
        listener.listen();
        for (std::uint64_t index = 0; index < count; ++index) {
            clients.push_back(connected(listener.address()));
            servers.push_back(listener.accept());
            for (blocking_socket* end : {&clients.back(), &servers.back()}) {
                end->set_no_delay();
                end->set_patience(longest_job);
            }
            servers.back().set_reset_at_close();
        }
    }
    // Each thread owns its end, which is closed when the thread ends, however that comes: then the other one ends as
    // well.
    starting_line line;
    bool abandoned = false; // written before the line opens
    std::vector<system_thread> serving;
    std::vector<system_thread> asking;
    try {
        for (auto& server : servers) {
            serving.emplace_back([&server, size] {
                blocking_socket own = std::move(server);
                send_back(own, std::max(size, least_buffer));
            });
        }
        for (std::uint64_t index = 0; index < count; ++index) {
            asking.emplace_back(
                [&line, &abandoned, &client = clients[index], index, size, trips, in_flight = asked["in_flight"]] {
                    line.wait();
                    blocking_socket own = std::move(client);
                    if (!abandoned) {
                        send_and_compare(own, pattern(index, size), trips, in_flight);
                    }
                });
        }
    } catch (const std::system_error&) {
        abandoned = true;
        line.open();
        join_all(asking);
        clients.clear();
        join_all(serving);
        throw cannot("the system has no so many threads");
    }
    const auto start = clock::now();
    line.open();
    join_all(asking);
    const auto time = clock::now() - start;
    join_all(serving);
    return timed(time, trips * count);
}

figures accept(const request& asked) {
    return connections(asked["clients"], asked.items(), await_end, [](blocking_socket&) {});
}

figures connect(const request& asked) {
    const auto client = [](blocking_socket& connection) {
        send_and_compare(connection, pattern(0, 1), 1, 1);
        await_end(connection);
    };
    const auto server = [](blocking_socket& connection) {
        std::array<char, 1> byte{};
        connection.receive_all(byte);
        connection.send(byte);
    };
    return connections(1, asked.items(), client, server);
}

figures udp_echo(const request& asked) {
    const std::uint64_t clients = asked["clients"];
    const std::uint64_t size = asked["size"];
    const std::uint64_t trips = equal_share(asked.items(), clients);
    blocking_socket server(SOCK_DGRAM);
    server.bind_to_loopback();
    server.set_patience(longest_datagram);
    const sockaddr_in address = server.address();
    std::atomic<bool> stop = false;
    system_thread serving([&server, &stop, size] {
        std::vector<char> buffer(std::max(size, least_buffer));
        while (!stop) {
            std::size_t came = 0;
            sockaddr_in from{};
            if (server.receive_from(buffer, came, from)) {
                server.send_to(std::span(buffer).first(came), from);
            }
        }
    });
    std::vector<system_thread> asking;
    std::exception_ptr error;
    const auto start = clock::now();
    try {
        for (std::uint64_t index = 0; index < clients; ++index) {
            asking.emplace_back([&address, index, size, trips] {
                blocking_socket own(SOCK_DGRAM);
                own.connect(address);
                own.set_patience(longest_datagram);
                pattern sent(index, size);
                std::vector<char> buffer(size + 1);
                for (std::uint64_t trip = 0; trip < trips; ++trip) {
                    own.send(sent.message());
                    const std::size_t came = own.receive(buffer);
                    if (came != size || sent.check(std::span(buffer).first(came)) != 1) {
                        throw failed("the echo is not what was sent");
                    }
                }
            });
        }
        join_all(asking);
    } catch (...) {
        error = std::current_exception();
    }
    const auto time = clock::now() - start;
    stop = true; // an empty datagram wakes the server
    blocking_socket(SOCK_DGRAM).send_to({}, address);
    if (error) {
        std::rethrow_exception(error);
    }
    serving.join();
    return timed(time, trips * clients);
}

} // namespace moor::bench::peers::threads
