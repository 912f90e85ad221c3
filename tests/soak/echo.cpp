// See echo.hpp: the TCP part.
#include "soak/echo.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <stop_token>
#include <vector>

#include <moor/error.hpp>
#include <moor/stack.hpp>
#include <moor/task_group.hpp>
#include <moor/tcp.hpp>

#include "support/bytes.hpp"

namespace moor::test {
namespace {

constexpr unsigned clients_per_server = 4;
constexpr std::size_t longest = 2048; // so that no peer's buffers are ever full: Wine never ends a send to one who left

// ---- The server --------------------------------------------------------------------------------------------------

// What a peer may do to a connection, or the round to its server.
bool is_an_end(const std::error_code& error) {
    return error == std::errc::operation_canceled || error == std::errc::connection_reset ||
           error == std::errc::connection_aborted || error == std::errc::not_connected ||
           error == std::errc::broken_pipe;
}

void send_back(soak_round& round, tcp_stream& peer) {
    std::array<std::byte, longest> buffer;
    std::error_code error;
    for (;;) {
        const std::size_t count = peer.read_some(buffer, soak_round::patience, error);
        if (count == 0 || peer.write(std::span(buffer).first(count), soak_round::patience, error) != count) {
            break;
        }
    }
    round.found.expect(!error || is_an_end(error), "an echo server's connection", error.value());
}

void serve(soak_round& round, tcp_listener& listener, const std::stop_token& ending) {
    task_group connections;
    std::error_code error;
    for (;;) {
        tcp_stream peer = listener.accept(ending, error);
        if (error) {
            break;
        }
        connections.spawn(round.options("echo connection"),
                          [&round, own = std::move(peer)]() mutable { send_back(round, own); });
    }
    round.found.expect(error == std::errc::operation_canceled, "accept", error.value());
    connections.wait(no_limit, error);
    round.found.expect(!error || error == std::errc::operation_canceled, "the end of connections", error.value());
}

// ---- A client ----------------------------------------------------------------------------------------------------

class conversation {
public:
    conversation(soak_round& round, tcp_stream& stream, std::uint32_t number, std::minstd_rand random)
        : round_(round), stream_(stream), number_(number), random_(random) {}

    /// Sends messages and reads each back; false, with the error, when a call has ended otherwise.
    bool talk(unsigned messages, const wait_limit& limit, std::error_code& error) {
        for (unsigned count = 0; count != messages; ++count) {
            if (!send(1 + random_() % longest, limit, error) || !read_back(limit, error)) {
                return false;
            }
            round_.done.echoes.fetch_add(1, std::memory_order_relaxed);
            round_.found.step();
        }
        return true;
    }

    bool send(std::size_t count, const wait_limit& limit, std::error_code& error) {
        const auto data = make_bytes(count, sent_, number_);
        if (random_() % 2 == 0) {
            sent_ += stream_.write(data, limit, error);
        } else {
            const std::size_t middle = random_() % (count + 1);
            const std::array<std::span<const std::byte>, 2> parts{std::span(data).first(middle),
                                                                  std::span(data).subspan(middle)};
            sent_ += stream_.write(parts, limit, error);
        }
        return !error;
    }

    /// All that was sent.
    bool read_back(const wait_limit& limit, std::error_code& error) {
        while (received_ != sent_) {
            const std::size_t count = read(limit, error);
            if (!take(std::span(buffer_).first(count))) {
                return false;
            }
            if (error == std::errc::timed_out && impatient_) {
                round_.done.stops.fetch_add(1, std::memory_order_relaxed);
                continue; // and nothing is lost
            }
            if (error) {
                return false;
            }
            if (count == 0 && !only_waited_) {
                error = make_error_code(stream_errc::end_of_stream);
                return false;
            }
        }
        return true;
    }

    /// What comes until the peer closes; false after an error.
    bool read_to_the_end(std::error_code& error) {
        for (;;) {
            const std::size_t count = stream_.read_some(buffer_, soak_round::patience, error);
            if (error || !take(std::span(buffer_).first(count))) {
                return false;
            }
            if (count == 0) {
                return received_ == sent_;
            }
        }
    }

    /// From now on some reads run into deadlines.
    void be_impatient() noexcept { impatient_ = true; }

private:
    std::size_t read(const wait_limit& limit, std::error_code& error) {
        const wait_limit own = impatient_ && random_() % 2 == 0 ? short_limit(random_) : limit;
        const auto room = std::span(buffer_).first(1 + random_() % longest);
        only_waited_ = false;
        switch (random_() % 4) {
        case 0:
            only_waited_ = true;
            stream_.wait_readable(own, error);
            return 0;
        case 1: {
            const std::array<std::span<std::byte>, 2> parts{room.first(room.size() / 3), room.subspan(room.size() / 3)};
            return stream_.read_some(parts, own, error);
        }
        case 2:
            return stream_.read_exactly(room.first(std::min<std::uint64_t>(room.size(), sent_ - received_)), limit,
                                        error);
        default: return stream_.read_some(room, own, error);
        }
    }

    bool take(std::span<const std::byte> data) {
        if (matching(data, received_, number_) != data.size() || received_ + data.size() > sent_) {
            round_.found.add("an echo differs from what was sent");
            return false;
        }
        received_ += data.size();
        return true;
    }

    soak_round& round_;
    tcp_stream& stream_;
    const std::uint32_t number_;
    std::minstd_rand random_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    bool impatient_ = false;
    bool only_waited_ = false;
    std::array<std::byte, longest> buffer_;
};

// What ends a conversation before its time.
enum class ending : unsigned { none, deadline, close, stop, token, stream_deadline, reset, half_close };
constexpr unsigned endings = 8;

void talk_until_ended(soak_round& round, tcp_stream& stream, conversation& talking, ending how,
                      std::minstd_rand& random) {
    std::stop_source source;
    const wait_limit limit =
        how == ending::token ? wait_limit(soak_round::patience, source.get_token()) : wait_limit(soak_round::patience);
    std::error_code error;
    auto talker = spawn_watched(round.found, round.options("echo talker"), [&] { talking.talk(20, limit, error); });
    short_delay(random);
    switch (how) {
    case ending::close: stream.close(); break;
    case ending::stop: talker.request_stop(); break;
    case ending::stream_deadline: stream.set_deadline(soak_round::clock::now()); break;
    default: source.request_stop(); break;
    }
    talker.join();
    const auto expected = how == ending::stream_deadline ? std::errc::timed_out : std::errc::operation_canceled;
    round.found.expect(!error || error == expected, "a conversation that was ended", error.value());
    round.done.stops.fetch_add(error ? 1 : 0, std::memory_order_relaxed);
}

void run_client(soak_round& round, const endpoint& remote, std::uint32_t number) {
    std::minstd_rand random = round.random(1, number);
    tcp_stream stream = tcp_stream::connect(remote, soak_round::patience);
    conversation talking(round, stream, number, random);
    std::error_code error;
    switch (const auto how = static_cast<ending>(random() % endings); how) {
    case ending::deadline: talking.be_impatient(); [[fallthrough]];
    case ending::none:
        round.found.expect(talking.talk(6, soak_round::patience, error), "an undisturbed echo", error.value());
        break;
    case ending::reset:
        if (!talking.talk(2, soak_round::patience, error) || !talking.send(longest, soak_round::patience, error)) {
            round.found.add("an echo before a reset", error.value());
        }
        stream.reset();
        break;
    case ending::half_close:
        if (!talking.talk(2, soak_round::patience, error) || !talking.send(longest, soak_round::patience, error)) {
            round.found.add("an echo before its last bytes", error.value());
            break;
        }
        stream.shutdown(shutdown_side::send);
        round.found.expect(talking.read_to_the_end(error), "the last bytes of an echo", error.value());
        break;
    default: talk_until_ended(round, stream, talking, how, random); break;
    }
    if (random() % 3 == 0) {
        stream.close_and_wait(soak_round::patience);
    }
}

void run_generation(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(2, generation);
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0), {.outstanding_accepts = 3});
    const endpoint remote = listener.local_endpoint();
    std::stop_source ending;
    auto server = spawn_watched(round.found, round.options("echo server"),
                                [&, token = ending.get_token()] { serve(round, listener, token); });
    std::vector<join_handle<void>> clients;
    for (unsigned client = 0; client != clients_per_server; ++client) {
        clients.push_back(spawn_watched(round.found, round.options("echo client"),
                                        [&round, remote, number = generation * clients_per_server + client] {
                                            run_client(round, remote, number);
                                        }));
    }
    for (auto& each : clients) {
        each.join();
    }
    switch (random() % 4) {
    case 0: listener.close(); break;
    case 1: server.request_stop(); break;
    case 2: ending.request_stop(); break;
    default: listener.close_and_wait(soak_round::patience); break;
    }
    server.join();
}

} // namespace

void run_echo(soak_round& round) {
    for (std::uint32_t generation = 0; !round.over(); ++generation) {
        run_generation(round, generation);
    }
}

} // namespace moor::test
