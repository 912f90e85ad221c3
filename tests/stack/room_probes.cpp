// Every public call of moor that may need room; see room_test.cpp.
#include "stack/room_probes.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <new>
#include <thread>

#include "win/windows.hpp"

#define UNCHECKED MOOR_TEST_UNCHECKED

namespace moor::test::room {
namespace {

using namespace std::chrono_literals;

void nothing(surroundings&) {}

// A file that is there: this program.
std::filesystem::path own_path() {
    wchar_t path[MAX_PATH] = {};
    ::GetModuleFileNameW(nullptr, path, MAX_PATH);
    return path;
}

/// A lambda's conversion to a function pointer would have a stack check; this has none.
template <class Action>
UNCHECKED void call_unchecked(surroundings& with, call_site& site) {
    Action{}(with, site);
}
template <class Action>
constexpr probe make(std::string_view name, void (*prepare)(surroundings&), Action, void (*helper)(surroundings&)) {
    return {name, prepare, &call_unchecked<Action>, helper};
}

// A thread holds it before the call is made, and for much longer than the caller spins or yields.
template <auto Lock>
void hold(surroundings& with) {
    std::atomic<bool> held{false};
    with.holder = std::thread([&with, &held] {
        const std::lock_guard guard(with.*Lock);
        held.store(true);
        std::this_thread::sleep_for(20ms);
    });
    while (!held.load()) {
        std::this_thread::yield();
    }
}
void join_holder(surroundings& with) { with.holder.join(); }

const probe probes[] = {
    make(
        "yield", nothing,
        [](surroundings&, call_site& site) UNCHECKED {
            if (site.reachable()) this_coroutine::yield();
        },
        nothing),
    make(
        "spin lock, contended", hold<&surroundings::spinning>,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                with.spinning.lock();
                with.spinning.unlock();
            }
        },
        join_holder),
    make(
        "lock, contended", hold<&surroundings::waiting>,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                with.waiting.lock();
                with.waiting.unlock();
            }
        },
        join_holder),
    make(
        "error text", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.text = winsock_category().message(10'061);
        },
        nothing),
    make(
        "sleep", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) this_coroutine::sleep_until(with.limit.deadline());
        },
        nothing),
    make(
        "sleep, token", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) this_coroutine::sleep_until(with.patience.deadline(), with.limit, with.error);
        },
        nothing),
    make(
        "sleep, stopped", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) this_coroutine::sleep_until(with.patience.deadline(), with.patience, with.error);
        },
        [](surroundings& with) { with.stop.request_stop(); }),
    make(
        "mutex, free", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                with.guard.lock();
                with.guard.unlock();
            }
        },
        nothing),
    make(
        "mutex, held",
        [](surroundings& with) {
            with.guard.lock();
            with.held = true;
        },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.guard.lock(with.limit, with.error);
        },
        nothing),
    make(
        "shared_mutex", [](surroundings& with) { with.shared.lock_shared(); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.shared.lock(with.limit, with.error);
        },
        [](surroundings& with) {
            this_coroutine::sleep_for(3ms);
            with.shared.unlock_shared();
        }),
    make(
        "semaphore acquire", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.units.acquire(1, with.patience, with.error);
        },
        [](surroundings& with) { with.units.release(1); }),
    make(
        "semaphore release", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.units.release(1);
        },
        [](surroundings& with) { static_cast<void>(with.units.acquire(1, with.limit, with.error)); }),
    make(
        "channel send", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.passage.send(7, with.patience, with.error);
        },
        [](surroundings& with) { with.value = with.passage.receive(with.limit, with.error); }),
    make(
        "channel receive", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.value = with.passage.receive(with.patience, with.error);
        },
        [](surroundings& with) { with.passage.send(7, with.limit, with.error); }),
    make(
        "select", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                select(with.limit, with.error, on_receive(with.passage, [](std::optional<int>) {}),
                       on_receive(with.other_passage, [](std::optional<int>) {}));
            }
        },
        nothing),
    make(
        "wait_group", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.pending.wait(with.patience, with.error);
        },
        [](surroundings& with) { with.pending.done(); }),
    make(
        "wait_group done", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.pending.done();
        },
        nothing),
    make(
        "once", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.loaded.call([] { this_coroutine::yield(); });
        },
        nothing),
    make(
        "spawn, movable", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable())
                with.handle = spawn({.name = "b", .stack = stack_kind::movable, .stack_size = 4096}, [] {});
        },
        nothing),
    make(
        "spawn, reserved", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle = spawn({.name = "another"}, [] {});
        },
        nothing),
    make(
        "spawn, odd size", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle = spawn({.stack_size = 100'000}, [] {});
        },
        nothing),
    make(
        "join", [](surroundings& with) { with.handle = spawn([] { this_coroutine::yield(); }); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle.wait(with.patience, with.error);
        },
        nothing),
    make(
        "join, late", [](surroundings& with) { with.handle = spawn([] { this_coroutine::sleep_for(4ms); }); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle.wait(with.limit, with.error);
        },
        nothing),
    make(
        "request_stop", [](surroundings& with) { with.handle = spawn([] { this_coroutine::yield(); }); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle.request_stop();
        },
        nothing),
    make(
        "detach",
        [](surroundings& with) {
            with.handle = spawn([] {});
            this_coroutine::sleep_for(1ms);
        },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.handle.detach();
        },
        nothing),
    make(
        "tcp read, parks", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.read_some(with.buffer, with.patience, with.error);
        },
        [](surroundings& with) { with.connection.server.write(with.buffer); }),
    make(
        "tcp read, at hand",
        [](surroundings& with) {
            with.connection.server.write(with.buffer);
            this_coroutine::sleep_for(1ms);
        },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.read_some(with.buffer, with.patience, with.error);
        },
        nothing),
    make(
        "tcp read, late", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.read_exactly(with.buffer, with.limit, with.error);
        },
        nothing),
    make(
        "tcp readable", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.wait_readable(with.limit, with.error);
        },
        nothing),
    make(
        "tcp write", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.write(with.buffer, with.patience, with.error);
        },
        nothing),
    make(
        "tcp accept", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.made = with.listener.accept(with.patience, with.error);
        },
        [](surroundings& with) {
            const auto client = tcp_stream::connect(with.place);
            this_coroutine::sleep_for(1ms);
        }),
    make(
        "tcp connect", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.made = tcp_stream::connect(with.place, with.patience, with.error);
        },
        [](surroundings& with) { static_cast<void>(with.listener.accept(with.limit, with.error)); }),
    make(
        "tcp bind, close", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.listener = tcp_listener::bind(with.place, {}, with.error);
        },
        nothing),
    make(
        "tcp file", [](surroundings& with) { with.file = sendable_file::open(own_path()); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.send_file(with.file, 0, 1000, with.patience, with.error);
        },
        nothing),
    make(
        "tcp file, size", [](surroundings& with) { with.file = sendable_file::open(own_path()); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) static_cast<void>(with.file.size(with.error));
        },
        nothing),
    make(
        "file open, close", [](surroundings& with) { with.path = own_path(); },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) static_cast<void>(sendable_file::open(with.path, with.error));
        },
        nothing),
    make(
        "udp receive, parks", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable())
                with.received = {with.datagrams.receive_from(with.buffer, with.patience, with.error), {}, {}, {}, {}};
        },
        [](surroundings& with) { with.other_datagrams.send_to(with.buffer, with.datagrams.local_endpoint()); }),
    make(
        "udp receive, late", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) static_cast<void>(with.datagrams.receive_from(with.buffer, with.limit, with.error));
        },
        nothing),
    make(
        "udp send", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.datagrams.send_to(with.buffer, with.other_place, with.patience, with.error);
        },
        nothing),
    make(
        "udp message, parks", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable())
                with.received = with.datagrams.receive_message(with.buffer, with.patience, with.error);
        },
        [](surroundings& with) { with.other_datagrams.send_to(with.buffer, with.datagrams.local_endpoint()); }),
    make(
        "udp message, there",
        [](surroundings& with) {
            with.other_datagrams.send_to(with.buffer, with.datagrams.local_endpoint());
            this_coroutine::sleep_for(1ms);
        },
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable())
                with.received = with.datagrams.receive_message(with.buffer, with.patience, with.error);
        },
        nothing),
    make(
        "udp message, late", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.received = with.datagrams.receive_message(with.buffer, with.limit, with.error);
        },
        nothing),
    make(
        "udp send message", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable())
                with.datagrams.send_message(with.buffer, with.other_place, with.options, with.patience, with.error);
        },
        nothing),
    make(
        "udp bind, close", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.datagrams = udp_socket::bind(with.place, {}, with.error);
        },
        nothing),
    make(
        "udp group", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.datagrams.leave_group(with.place, {}, with.error);
        },
        nothing),
    make(
        "udp options", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.datagrams.set_report_ecn(true, with.error);
        },
        nothing),
    make(
        "tcp close", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.close();
        },
        nothing),
    make(
        "tcp options", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.connection.client.set_no_delay(true, with.error);
        },
        nothing),
    make(
        "tcp endpoint", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.place = with.connection.client.remote_endpoint();
        },
        nothing),
    make(
        "endpoint parse", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) with.place = endpoint::parse("[fe80::1:2%4]:8080", with.error);
        },
        nothing),
    make(
        "endpoint text", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) static_cast<void>(with.place.to_string());
        },
        nothing),
    make(
        "endpoint, throws", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                try {
                    with.place = endpoint::parse("nonsense");
                } catch (const std::system_error&) {
                }
            }
        },
        nothing),
    make(
        "tcp read, throws", nothing,
        [](surroundings& with, call_site& site) UNCHECKED {
            if (site.reachable()) {
                try {
                    with.connection.client.read_some(with.buffer, with.limit);
                } catch (const std::system_error&) {
                }
            }
        },
        nothing),
    make(
        "ensure_stack", nothing,
        [](surroundings&, call_site& site) UNCHECKED {
            if (site.reachable()) ensure_stack(10'000);
        },
        nothing),
    make(
        "on_system_stack", nothing,
        [](surroundings&, call_site& site) UNCHECKED {
            if (site.reachable()) on_system_stack([]() noexcept {});
        },
        nothing),
    make(
        "operator new", nothing,
        [](surroundings&, call_site& site) UNCHECKED {
            if (site.reachable()) ::operator delete(::operator new(5000));
        },
        nothing),
};

} // namespace

std::span<const probe> all_probes() { return probes; }

} // namespace moor::test::room
