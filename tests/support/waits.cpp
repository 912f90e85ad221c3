// See waits.hpp.
#include "support/waits.hpp"

#include <array>
#include <atomic>
#include <span>
#include <system_error>
#include <thread>

#include <moor/channel.hpp>
#include <moor/preempt.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "win/windows.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// Those who compute. Lives on a coroutine.
class crowd {
public:
    crowd(runtime& running, const wait_setup& setup)
        : runtime_(running), preempted_(setup.how == giving_way::preempted) {
        for (unsigned number = 0; number < setup.computing; ++number) {
            switch (setup.how) {
            case giving_way::preempted:
                all_.push_back(spawn({.name = "computes", .preemptible = true}, [this] { compute(); }));
                break;
            case giving_way::maybe_yield:
                all_.push_back(spawn({.name = "computes"}, [this] {
                    while (!stop_.load(std::memory_order_relaxed)) {
                        if (moor::maybe_yield()) {
                            turns_.fetch_add(1);
                        }
                    }
                }));
                break;
            case giving_way::yield: add_polite(9ms); break;
            case giving_way::medium_turns: add_polite(300us); break;
            }
        }
        while (turns() < 3 * setup.computing) { // the first turns are over: see docs/scheduling.md
            this_coroutine::sleep_for(5ms);
        }
    }

    ~crowd() {
        stop_ = true;
        for (auto& each : all_) {
            each.join();
        }
    }

    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    [[nodiscard]] std::uint64_t turns() const noexcept {
        return preempted_ ? runtime_.metrics().preemptions : turns_.load();
    }

private:
    void compute() {
        while (!stop_.load(std::memory_order_relaxed)) {
        }
    }
    void add_polite(steady::duration turn) {
        all_.push_back(spawn({.name = "polite"}, [this, turn] {
            while (!stop_.load(std::memory_order_relaxed)) {
                for (const auto end = steady::now() + turn; steady::now() < end;) {
                }
                turns_.fetch_add(1);
                this_coroutine::yield();
            }
        }));
    }

    runtime& runtime_;
    const bool preempted_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> turns_{0};
    std::vector<join_handle<void>> all_;
};

// Differs from round to round, so that events fall everywhere into a turn.
std::chrono::milliseconds pause_before(unsigned round) { return std::chrono::milliseconds(2 + round * 7 % 13); }

constexpr auto nothing = [] {};

// A plain thread makes the event with `act()`, after `prepare()`; `serve()` returns, on the calling coroutine, when it
// has come.
template <class Act, class Serve, class Prepare = decltype(nothing)>
std::vector<measured_wait> from_outside(const crowd& computing, unsigned rounds, Act act, Serve serve,
                                        Prepare prepare = nothing) {
    const work_guard expected;
    std::vector<measured_wait> waits(rounds);
    std::vector<steady::time_point> began(rounds);
    std::vector<std::uint64_t> turns(rounds);
    std::atomic<unsigned> served{0};
    std::thread outside([&] {
        for (unsigned round = 0; round < rounds; ++round) {
            prepare();
            std::this_thread::sleep_for(pause_before(round));
            turns[round] = computing.turns();
            began[round] = steady::now();
            act();
            while (served.load() != round + 1) {
                std::this_thread::sleep_for(1ms);
            }
        }
    });
    for (unsigned round = 0; round < rounds; ++round) {
        serve();
        waits[round] = {steady::now() - began[round], computing.turns() - turns[round]};
        served = round + 1;
    }
    channel<int> ended(1); // a join of the thread would keep the worker
    std::thread joiner([&] {
        outside.join();
        ended.send(1);
    });
    static_cast<void>(ended.receive());
    joiner.join(); // at its end already
    return waits;
}

template <class Wait>
std::vector<measured_wait> from_inside(const crowd& computing, unsigned rounds, Wait wait) {
    std::vector<measured_wait> waits;
    for (unsigned round = 0; round < rounds; ++round) {
        const auto turns = computing.turns();
        const steady::duration time = wait(round);
        waits.push_back({time, computing.turns() - turns});
    }
    return waits;
}

sockaddr_in ipv4_loopback(std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = ::htons(port);
    made.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    return made;
}

// A socket of the system, for the thread outside.
class plain_socket {
public:
    explicit plain_socket(int type) : socket_(::socket(AF_INET, type, 0)) {}
    ~plain_socket() { ::closesocket(socket_); }
    plain_socket(const plain_socket&) = delete;
    plain_socket& operator=(const plain_socket&) = delete;
    [[nodiscard]] SOCKET get() const noexcept { return socket_; }

private:
    SOCKET socket_;
};

std::vector<measured_wait> datagrams(const crowd& computing, unsigned rounds) {
    auto socket = udp_socket::bind({"127.0.0.1", 0});
    const sockaddr_in to = ipv4_loopback(socket.local_endpoint().port());
    const plain_socket sender(SOCK_DGRAM);
    return from_outside(
        computing, rounds,
        [&] { ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to); },
        [&] {
            std::array<std::byte, 8> buffer;
            static_cast<void>(socket.receive_from(buffer));
        });
}

std::vector<measured_wait> accepts(const crowd& computing, unsigned rounds) {
    auto listener = tcp_listener::bind({"127.0.0.1", 0});
    const sockaddr_in to = ipv4_loopback(listener.local_endpoint().port());
    return from_outside(
        computing, rounds,
        [&] {
            const plain_socket client(SOCK_STREAM);
            ::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
        },
        [&] { static_cast<void>(listener.accept()); });
}

std::vector<measured_wait> round_trips(const crowd& computing, unsigned rounds) {
    auto listener = tcp_listener::bind({"127.0.0.1", 0});
    auto server = spawn([&] {
        auto stream = listener.accept();
        std::array<std::byte, 8> buffer;
        while (const auto count = stream.read_some(buffer)) {
            stream.write(std::span(buffer).first(count));
        }
    });
    std::vector<measured_wait> waits;
    {
        auto client = tcp_stream::connect(listener.local_endpoint());
        std::array<std::byte, 1> byte{};
        const auto trip = [&](unsigned) {
            const auto began = steady::now();
            client.write(byte);
            static_cast<void>(client.read_some(byte));
            return steady::now() - began;
        };
        static_cast<void>(trip(0)); // the server has accepted
        waits = from_inside(computing, rounds, trip);
    }
    server.join();
    return waits;
}

std::vector<measured_wait> stops(const crowd& computing, unsigned rounds) {
    channel<join_handle<void>*> to_stop(1);
    join_handle<void>* stopped = nullptr; // the thread's
    return from_outside(
        computing, rounds, [&] { stopped->request_stop(); },
        [&] {
            auto sleeper = spawn([] {
                std::error_code error;
                this_coroutine::sleep_until(steady::now() + 1h, {}, error);
            });
            this_coroutine::sleep_for(1ms); // it sleeps by then
            to_stop.send(&sleeper);
            sleeper.join();
        },
        [&] { stopped = *to_stop.receive(); });
}

} // namespace

const char* to_string(giving_way how) noexcept {
    switch (how) {
    case giving_way::preempted: return "preempted";
    case giving_way::maybe_yield: return "maybe_yield";
    case giving_way::yield: return "yield";
    case giving_way::medium_turns: return "medium_turns";
    }
    return "";
}

const char* to_string(awaited what) noexcept {
    switch (what) {
    case awaited::datagram: return "datagram";
    case awaited::tcp_round_trip: return "tcp_round_trip";
    case awaited::timer: return "timer";
    case awaited::accept: return "accept";
    case awaited::wake_by_thread: return "wake_by_thread";
    case awaited::spawn_by_thread: return "spawn_by_thread";
    case awaited::stop_by_thread: return "stop_by_thread";
    }
    return "";
}

std::vector<measured_wait> measure_waits(const wait_setup& setup, awaited what, unsigned rounds) {
    runtime_options options;
    options.workers = setup.workers;
    runtime running(options);
    return running.run([&] {
        const crowd computing(running, setup);
        switch (what) {
        case awaited::datagram: return datagrams(computing, rounds);
        case awaited::tcp_round_trip: return round_trips(computing, rounds);
        case awaited::accept: return accepts(computing, rounds);
        case awaited::stop_by_thread: return stops(computing, rounds);
        case awaited::timer:
            return from_inside(computing, rounds, [](unsigned round) {
                const auto due = steady::now() + pause_before(round);
                this_coroutine::sleep_until(due);
                return steady::now() - due;
            });
        case awaited::wake_by_thread: {
            channel<int> messages(1);
            return from_outside(
                computing, rounds, [&] { messages.send(1); }, [&] { static_cast<void>(messages.receive()); });
        }
        case awaited::spawn_by_thread: {
            channel<int> messages(1);
            return from_outside(
                computing, rounds, [&] { running.spawn([&] { messages.send(1); }).detach(); },
                [&] { static_cast<void>(messages.receive()); });
        }
        }
        return std::vector<measured_wait>{};
    });
}

} // namespace moor::test
