// See echo.hpp: the UDP part. A datagram may be lost to a call that a stop or a deadline ended, so a client sends its
// datagram again until the answer comes.
#include <array>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <moor/udp.hpp>

#include "soak/echo.hpp"
#include "support/bytes.hpp"

namespace moor::test {
namespace {

constexpr unsigned clients_per_server = 2;
constexpr std::uint32_t datagrams_per_client = 20;
constexpr std::size_t longest = 1200;

struct datagram_head {
    std::uint32_t sequence;
    std::uint32_t stream;
};

// Everything about a datagram follows from its head.
std::vector<std::byte> make_datagram(const datagram_head& head) {
    std::minstd_rand random(head.stream * 31 + head.sequence + 1);
    std::vector<std::byte> made(sizeof head + random() % (longest - sizeof head));
    std::memcpy(made.data(), &head, sizeof head);
    fill(std::span(made).subspan(sizeof head), std::uint64_t{head.sequence} * 2048, head.stream);
    return made;
}

void send_back(soak_round& round, udp_socket& socket, std::minstd_rand random) {
    std::array<std::byte, longest + 64> buffer;
    std::error_code error;
    for (;;) {
        const bool impatient = random() % 4 == 0;
        const wait_limit limit = impatient ? short_limit(random) : wait_limit(soak_round::patience);
        const received_datagram got = random() % 2 == 0 ? socket.receive_from(buffer, limit, error)
                                                        : socket.receive_message(buffer, limit, error);
        if (error == std::errc::timed_out && impatient) {
            round.done.stops.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        if (error) {
            break;
        }
        const auto data = std::span(buffer).first(got.bytes);
        if (random() % 2 == 0) {
            socket.send_to(data, got.sender, soak_round::patience, error);
        } else {
            socket.send_message(data, got.sender, {}, soak_round::patience, error);
        }
        if (error) {
            break;
        }
    }
    round.found.expect(error == std::errc::operation_canceled, "an echo server's datagrams", error.value());
}

class datagram_client {
public:
    datagram_client(soak_round& round, const endpoint& server, std::uint32_t number)
        : round_(round), server_(server), number_(number), random_(round.random(3, number)) {}

    void run() {
        for (std::uint32_t sequence = 0; sequence != datagrams_per_client && exchange(sequence); ++sequence) {
            round_.done.datagram_echoes.fetch_add(1, std::memory_order_relaxed);
            round_.found.step();
        }
        end_a_wait();
    }

private:
    bool exchange(std::uint32_t sequence) {
        const auto sent = make_datagram({sequence, number_});
        std::error_code error;
        for (unsigned attempt = 0;; ++attempt) {
            if (attempt % 8 == 0) { // 8 waits of a millisecond, or of 100 when the machine has no time
                socket_.send_to(sent, server_, soak_round::patience, error);
                if (error) {
                    round_.found.add("sending a datagram", error.value());
                    return false;
                }
            }
            const wait_limit limit = attempt < 16 ? short_limit(random_) : wait_limit(std::chrono::milliseconds(100));
            const received_datagram got = socket_.receive_from(buffer_, limit, error);
            if (error == std::errc::timed_out) {
                continue;
            }
            if (error) {
                round_.found.add("receiving a datagram", error.value());
                return false;
            }
            if (!is_right(got)) {
                round_.found.add("a datagram differs from what was sent");
                return false;
            }
            datagram_head head{};
            std::memcpy(&head, buffer_.data(), sizeof head);
            if (head.sequence == sequence) {
                return true;
            }
        }
    }

    // Also of an earlier one, which was sent twice.
    bool is_right(const received_datagram& got) {
        datagram_head head{};
        if (got.bytes < sizeof head || got.truncated || got.sender != server_) {
            return false;
        }
        std::memcpy(&head, buffer_.data(), sizeof head);
        const auto expected = make_datagram(head);
        return head.stream == number_ && head.sequence < datagrams_per_client && expected.size() == got.bytes &&
               std::memcmp(expected.data(), buffer_.data(), got.bytes) == 0;
    }

    // A receiver that nobody sends to, ended in one of the ways that there are.
    void end_a_wait() {
        std::error_code error;
        std::stop_source source;
        auto idle = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
        auto receiver = spawn_watched(round_.found, round_.options("idle receiver"), [&] {
            std::array<std::byte, 64> buffer;
            const received_datagram got =
                idle.receive_from(buffer, wait_limit(soak_round::patience, source.get_token()), error);
            round_.found.expect(got.bytes == 0, "a datagram from nobody");
        });
        short_delay(random_);
        switch (random_() % 3) {
        case 0: idle.close(); break;
        case 1: receiver.request_stop(); break;
        default: source.request_stop(); break;
        }
        receiver.join();
        round_.found.expect(error == std::errc::operation_canceled, "a receive that was ended", error.value());
        round_.done.stops.fetch_add(1, std::memory_order_relaxed);
    }

    soak_round& round_;
    const endpoint server_;
    const std::uint32_t number_;
    std::minstd_rand random_;
    udp_socket socket_ = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    std::array<std::byte, longest + 64> buffer_;
};

void run_generation(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(4, generation);
    auto socket = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    const endpoint remote = socket.local_endpoint();
    std::vector<join_handle<void>> servers; // two, on one socket
    for (std::uint32_t number = 0; number != 2; ++number) {
        servers.push_back(spawn_watched(round.found, round.options("datagram server"), [&, number] {
            send_back(round, socket, round.random(5, generation * 2 + number));
        }));
    }
    std::vector<join_handle<void>> clients;
    for (std::uint32_t number = 0; number != clients_per_server; ++number) {
        clients.push_back(spawn_watched(round.found, round.options("datagram client"),
                                        [&round, remote, client = generation * clients_per_server + number] {
                                            datagram_client(round, remote, client).run();
                                        }));
    }
    for (auto& each : clients) {
        each.join();
    }
    if (random() % 2 == 0) {
        for (auto& each : servers) {
            each.request_stop();
        }
    } else {
        socket.close();
    }
    for (auto& each : servers) {
        each.join();
    }
}

} // namespace

void run_datagram_echo(soak_round& round) {
    for (std::uint32_t generation = 0; !round.over(); ++generation) {
        run_generation(round, generation);
    }
}

} // namespace moor::test
