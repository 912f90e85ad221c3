// See service.hpp.
#include "door/service.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <moor/error.hpp>
#include <moor/forensics.hpp>
#include <moor/mutex.hpp>
#include <moor/overlapped.hpp>
#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>
#include <moor/sendable_file.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "door/failing_system.hpp"
#include "sched/signal.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"
#include "support/temporary_file.hpp"
#include "win/error.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

// No call of the service lasts so long unless something was lost.
constexpr auto patience = 10s;
constexpr std::size_t message = 600;
constexpr char letter = 'f'; // that the file consists of

class service {
public:
    service_result run() {
        try {
            runtime running(with_workers(2));
            running.run([this] { live(); });
            use_from_a_thread(running);
            failing_system::enter(part_of_run::end);
            running.spawn([] { this_coroutine::sleep_for(1h); }).detach();
            running.spawn([this] { linger(); }).detach();
            running.run([] { this_coroutine::yield(); });
            running.shutdown();
            const runtime_metrics left = running.metrics();
            expect(left.operations_in_use == 0, "operations in use");
            expect(left.coroutines_alive == 0, "coroutines alive");
            expect(left.handles_open == 0, "open handles");
            expect(left.packets_foreign == 0, "foreign packets");
        } catch (const std::system_error& refused) { // the runtime, or a coroutine of it
            note(refused.code());
        }
        return std::move(result_);
    }

private:
    // Any thread.
    void note(const std::error_code& error) {
        if (error) {
            const std::lock_guard guard(lock_);
            result_.errors.push_back(error);
        }
    }
    void expect(bool holds, const char* what) {
        if (!holds) {
            const std::lock_guard guard(lock_);
            result_.wrong.emplace_back(what);
        }
    }

    // What a call of the public interface throws is noted. Whether it threw nothing.
    template <class Function>
    bool attempt(Function function) {
        try {
            function();
            return true;
        } catch (const std::system_error& error) {
            note(error.code());
            return false;
        }
    }

    static endpoint local(address_family family = address_family::ipv4) { return endpoint::loopback(family, 0); }

    void live() {
        tcp_listener listener;
        udp_socket one;
        udp_socket other;
        attempt([&] { listener = tcp_listener::bind(local(), {.outstanding_accepts = 2}); });
        attempt([&] { static_cast<void>(tcp_listener::bind(local(address_family::ipv6))); });
        attempt([&] { one = udp_socket::bind(local(), {.reuse_address = true}); });
        attempt([&] { other = udp_socket::bind(local()); });
        attempt([&] { static_cast<void>(udp_socket::bind(local(address_family::ipv6))); });
        failing_system::enter(part_of_run::use);
        if (listener.is_open()) {
            connect_and_talk(listener);
        }
        if (one.is_open() && other.is_open()) {
            exchange_datagrams(one, other);
        }
        disconnect();
        send_a_file(listener);
        read_a_file();
        wake_each_other();
        failing_system::enter(part_of_run::end);
        attempt([&] { listener.close_and_wait(patience); });
        attempt([&] { one.close_and_wait(patience); });
        other.close();
    }

    // ---- Streams -------------------------------------------------------------------------------------------------

    // Connected to each other, or closed.
    std::pair<tcp_stream, tcp_stream> connect(tcp_listener& listener) {
        std::pair<tcp_stream, tcp_stream> both;
        std::stop_source no_client;
        auto client = spawn([this, &both, &no_client, remote = listener.local_endpoint()] {
            if (!attempt([&] { both.first = tcp_stream::connect(remote, patience); })) {
                no_client.request_stop();
            }
        });
        std::error_code error;
        both.second = listener.accept(wait_limit(2s, no_client.get_token()), error);
        client.join();
        if (error != std::errc::operation_canceled) {
            note(error);
        }
        if (error) {
            both.first.close();
        }
        return both;
    }

    void connect_and_talk(tcp_listener& listener) {
        auto [client, server] = connect(listener);
        if (!client.is_open() || !server.is_open()) {
            return;
        }
        set_options(client);
        talk(client, server);
        talk(server, client);
        run_out_of_time(client);
        stop_a_read(server);
        std::error_code error;
        client.shutdown(shutdown_side::send, error);
        note(error);
        if (!error) {
            std::array<std::byte, 16> buffer;
            expect(server.read_some(buffer, patience, error) == 0, "data after the end of a stream");
            note(error);
        }
        server.reset();
        attempt([&] { client.close_and_wait(patience); });
    }

    void set_options(tcp_stream& stream) {
        attempt([&] { stream.set_no_delay(true); });
        attempt([&] { stream.set_keep_alive({}); });
        attempt([&] { stream.set_receive_buffer_size(60'000); });
        attempt([&] { stream.set_send_buffer_size(60'000); });
        attempt([&] { static_cast<void>(stream.local_endpoint()); });
        attempt([&] { static_cast<void>(stream.remote_endpoint()); });
    }

    // What arrives is right, however much that is: a call that failed may have moved some.
    void talk(tcp_stream& from, tcp_stream& to) {
        std::error_code error;
        const auto data = make_bytes(message);
        const std::size_t sent = from.write(data, patience, error);
        note(error);
        std::vector<std::byte> got;
        std::array<std::byte, message> buffer;
        while (got.size() < sent) {
            // More buffers than one call takes, so that the system is asked what is at hand.
            std::array<std::span<std::byte>, 20> parts;
            const std::size_t each = message / parts.size();
            for (std::size_t index = 0; index != parts.size(); ++index) {
                parts[index] = std::span(buffer).subspan(index * each, each);
            }
            const std::size_t count = to.read_some(parts, patience, error);
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
            if (error) {
                note(error);
                break;
            }
            if (count == 0) {
                break;
            }
        }
        if (error && got.size() < sent) { // the rest, so that the next transfer is alone
            std::error_code again;
            to.wait_readable(patience, again);
            note(again);
            while (!again && got.size() < sent) {
                const std::size_t count = to.read_some(buffer, patience, again);
                note(again);
                got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
                if (count == 0) {
                    break;
                }
            }
        }
        expect(matching(got, 0) == got.size() && got.size() <= sent, "other bytes than were written");
    }

    void run_out_of_time(tcp_stream& stream) {
        std::array<std::byte, 16> buffer;
        std::error_code error;
        expect(stream.read_some(buffer, 1ms, error) == 0, "bytes from nobody");
        if (error != std::errc::timed_out) {
            note(error);
        }
    }

    void stop_a_read(tcp_stream& stream) {
        auto reader = spawn([this, &stream] {
            std::array<std::byte, 16> buffer;
            std::error_code error;
            expect(stream.read_some(buffer, patience, error) == 0, "bytes from nobody");
            if (error != std::errc::operation_canceled) {
                note(error);
            }
        });
        // Looked at while it waits.
        expect(eventually([&] {
                   const debug::stack_report seen = debug::validate_stack(reader.id());
                   expect(seen.fault == debug::return_fault::none, "a faulty stack");
                   return seen.state != debug::stack_state::running;
               }),
               "a read that never waits");
        reader.request_stop();
        reader.join();
    }

    // No socket of the library's is disconnected for reuse; its call is made as others make theirs. This one was never
    // connected.
    void disconnect() {
        for (const overlapped_call& call : every_call()) {
            if (call.kind == adversary::kind::disconnect) {
                auto unowned = win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
                if (!unowned) {
                    note(win::last_error());
                    return;
                }
                const std::unique_ptr<any_socket, io::close_and_release> socket(new any_socket(std::move(unowned)));
                std::error_code error;
                bool intact = false;
                call.run(*socket, patience, error, intact);
                if (error != std::error_code(WSAENOTCONN, winsock_category())) {
                    note(error);
                }
            }
        }
    }

    // ---- Datagrams -----------------------------------------------------------------------------------------------

    void exchange_datagrams(udp_socket& one, udp_socket& other) {
        attempt([&] { one.set_broadcast(true); });
        attempt([&] { one.set_report_destination(true); });
        attempt([&] { one.set_hop_limit(60); });
        attempt([&] { one.join_group({"239.1.2.3", 0}); });
        std::optional<endpoint> first;
        std::optional<endpoint> second;
        attempt([&] { first = one.local_endpoint(); });
        attempt([&] { second = other.local_endpoint(); });
        if (first && second) {
            attempt([&] { other.connect(*first); });
            std::error_code error;
            const auto data = make_bytes(100);
            std::array<std::byte, 128> buffer;
            other.send_to(data, *first, patience, error);
            note(error);
            if (!error) {
                receive(buffer, [&](std::error_code& failed) { return one.receive_from(buffer, 200ms, failed); });
            }
            other.send_message(data, *first, {}, patience, error);
            note(error);
            if (!error) {
                receive(buffer, [&](std::error_code& failed) { return one.receive_message(buffer, 200ms, failed); });
            }
        }
    }

    // A datagram is lost to a call that failed: then there is none any more.
    template <class Receive>
    void receive(std::span<const std::byte> buffer, Receive function) {
        std::error_code error;
        const received_datagram got = function(error);
        note(error);
        // A call that failed with WSAEMSGSIZE has cut its datagram short.
        expect(error || got.truncated || (got.bytes == 100 && matching(buffer.first(got.bytes), 0) == got.bytes),
               "another datagram");
    }

    // ---- Files ---------------------------------------------------------------------------------------------------

    void send_a_file(tcp_listener& listener) {
        std::error_code error;
        const sendable_file file = sendable_file::open(file_.path(), error);
        note(error);
        if (error || !listener.is_open()) {
            return;
        }
        auto [client, server] = connect(listener);
        if (!client.is_open() || !server.is_open()) {
            return;
        }
        const std::uint64_t sent = client.send_file(file, 0, tcp_stream::to_the_end, patience, error);
        note(error);
        if (!error) {
            std::vector<std::byte> got(message);
            expect(sent == message, "a file was sent in part");
            expect(server.read_exactly(got, patience, error) != message || is_the_file(got), "another file");
            note(error);
        }
    }

    static bool is_the_file(std::span<const std::byte> data) {
        return std::all_of(data.begin(), data.end(), [](std::byte each) { return each == std::byte{letter}; });
    }

    void read_a_file() {
        void* const native = ::CreateFileW(file_.path(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING,
                                           FILE_FLAG_OVERLAPPED, nullptr);
        std::error_code error;
        overlapped_handle file = overlapped_handle::adopt(native, error);
        note(error);
        if (error) {
            return;
        }
        std::array<std::byte, message> buffer;
        const std::uint32_t count = file.call(
            [&](OVERLAPPED* overlapped, std::span<std::byte>) -> std::uint32_t {
                return ::ReadFile(native, buffer.data(), message, nullptr, overlapped) != FALSE ? 0 : ::GetLastError();
            },
            patience, error);
        note(error);
        expect(error || (count == message && is_the_file(buffer)), "another file's bytes");
    }

    // ---- Waiting and waking --------------------------------------------------------------------------------------

    // So many that one of them finds the other worker asleep.
    static constexpr int pinned_wakes = 6;

    void wake_each_other() {
        semaphore turn;
        semaphore back;
        auto other = spawn({.worker = 1}, [&] {
            for (int count = 0; count != pinned_wakes; ++count) {
                turn.acquire(patience);
                back.release();
            }
        });
        auto pinned = spawn({.worker = 0}, [&] { this_coroutine::sleep_for(2ms); });
        for (int count = 0; count != pinned_wakes; ++count) {
            this_coroutine::sleep_for(1ms); // until the other worker sleeps
            turn.release();
            expect(attempt([&] { back.acquire(patience); }), "a wake was lost");
        }
        other.join();
        pinned.join();
    }

    // Plain threads wait for coroutines, and coroutines for them.
    void use_from_a_thread(runtime& running) {
        mutex guard;
        signal from_thread;
        auto waits = running.spawn([&] {
            expect(from_thread.wait(patience) == detail::wake_reason::notified, "a thread's wake was lost");
            guard.lock();
            this_coroutine::sleep_for(1ms);
            guard.unlock();
        });
        this_coroutine::yield();          // the thread, here
        std::this_thread::sleep_for(1ms); // until the workers sleep
        from_thread.set();
        std::this_thread::sleep_for(500us);
        expect(guard.try_lock_for(patience), "a mutex was lost");
        guard.unlock();
        std::error_code error;
        expect(waits.wait(patience, error), "an end was lost");
    }

    // Is stopped by the shutdown.
    void linger() {
        attempt([this] {
            udp_socket idle = udp_socket::bind(local());
            tcp_listener listener = tcp_listener::bind(local(), {.outstanding_accepts = 1});
            std::array<std::byte, 16> buffer;
            std::error_code error;
            static_cast<void>(idle.receive_from(buffer, no_limit, error));
            if (error != std::errc::operation_canceled) {
                note(error);
            }
        });
    }

    std::mutex lock_; // guards result_
    service_result result_;
    const temporary_file file_{std::string(message, letter)};
};

} // namespace

service_result run_service() { return service().run(); }

} // namespace moor::test
