// What becomes of objects whose handles are open: when they are closed and nobody waits, when somebody does, and when
// their runtime ends before them.
#include "iocp/open_handles.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/overlapped.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "io/io_context.hpp"
#include "io/shared_handle.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "win/socket.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

void* make_pipe_end(unsigned number) {
    const std::wstring name =
        L"\\\\.\\pipe\\moor_open_handles_" + std::to_wstring(::GetCurrentProcessId()) + L"_" + std::to_wstring(number);
    return ::CreateNamedPipeW(name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                              PIPE_TYPE_BYTE, 1, 4096, 4096, 0, nullptr);
}

// One of each kind.
struct every_kind {
    tcp_listener listener;
    tcp_stream stream;
    tcp_stream accepted;
    udp_socket datagrams;
    overlapped_handle pipe;

    static constexpr std::uint64_t count = 5;

    void open() {
        listener = tcp_listener::bind({"127.0.0.1", 0});
        stream = tcp_stream::connect(listener.local_endpoint());
        accepted = listener.accept();
        datagrams = udp_socket::bind({"127.0.0.1", 0});
        pipe = overlapped_handle(make_pipe_end(0));
    }

    // What each says that can be asked to wait; none waits.
    [[nodiscard]] std::vector<std::error_code> errors_of_calls() {
        std::vector<std::error_code> errors(6);
        std::array<std::byte, 8> buffer{};
        static_cast<void>(listener.accept(5s, errors[0]));
        stream.read_some(buffer, 5s, errors[1]);
        accepted.write(buffer, 5s, errors[2]);
        static_cast<void>(datagrams.receive_from(buffer, 5s, errors[3]));
        datagrams.send_to(buffer, {"127.0.0.1", 1}, 5s, errors[4]);
        pipe.call(
            [&](OVERLAPPED* overlapped, std::span<std::byte>) -> std::uint32_t {
                return ::ReadFile(pipe.native_handle(), buffer.data(), 8, nullptr, overlapped) != FALSE
                           ? 0
                           : ::GetLastError();
            },
            5s, errors[5]);
        return errors;
    }
};

bool is_socket(std::uintptr_t number) {
    int type = 0;
    int size = sizeof type;
    return ::getsockopt(number, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) == 0;
}

class open_handles_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, open_handles_on, testing::Values(1u, 2u));

TEST_P(open_handles_on, are_counted_until_they_are_closed) {
    runtime running(test::with_workers(GetParam()));
    running.run([&running] {
        EXPECT_EQ(running.metrics().handles_open, 0u);
        {
            every_kind objects;
            objects.open();
            EXPECT_EQ(running.metrics().handles_open, every_kind::count);
            objects.datagrams.close();
            EXPECT_EQ(running.metrics().handles_open, every_kind::count - 1);
        }
        // The listener's calls have to come back first.
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().handles_open == 0; }));
    });
}

// The numbers are strangers' afterwards, and stay theirs when the objects go.
TEST_P(open_handles_on, are_closed_with_their_runtime_and_not_once_more_with_their_objects) {
    const win::winsock_session session; // so that Winsock does not close them
    every_kind objects;
    std::vector<std::uintptr_t> numbers;
    {
        runtime running(test::with_workers(GetParam()));
        running.run([&] {
            objects.open();
            numbers = {objects.listener.native_handle(), objects.stream.native_handle(),
                       objects.accepted.native_handle(), objects.datagrams.native_handle(),
                       reinterpret_cast<std::uintptr_t>(objects.pipe.native_handle())};
        });
    }
    EXPECT_FALSE(objects.listener.is_open());
    EXPECT_FALSE(objects.stream.is_open());
    EXPECT_FALSE(objects.accepted.is_open());
    EXPECT_FALSE(objects.datagrams.is_open());
    EXPECT_FALSE(objects.pipe.is_open());
    EXPECT_EQ(objects.pipe.native_handle(), nullptr);
    for (const std::uintptr_t each : numbers) {
        EXPECT_FALSE(is_socket(each));
    }
    const win::unique_handle pipe_again(make_pipe_end(0)); // only one may be open
    EXPECT_TRUE(pipe_again);

    // The system hands out a closed handle's number soon.
    std::vector<win::unique_socket> strangers;
    const auto has_one_of_them = [&] {
        const SOCKET last = strangers.back().get();
        return std::find(numbers.begin(), numbers.end(), last) != numbers.end();
    };
    bool reused = false;
    for (int tries = 0; tries < 200 && !reused; ++tries) {
        strangers.push_back(win::unique_socket::open(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
        reused = has_one_of_them();
    }
    EXPECT_TRUE(reused) << "no number came again, so that this test shows nothing";
    objects = {};
    for (const win::unique_socket& each : strangers) {
        EXPECT_TRUE(is_socket(each.get()));
    }
    EXPECT_NE(::GetNamedPipeInfo(pipe_again.get(), nullptr, nullptr, nullptr, nullptr), FALSE);
}

// Another runtime, most likely in the place of the first, does not take them for its own.
TEST_P(open_handles_on, are_nobodys_in_a_later_runtime) {
    every_kind objects;
    {
        runtime first(test::with_workers(GetParam()));
        first.run([&objects] { objects.open(); });
    }
    runtime second(test::with_workers(GetParam()));
    second.run([&objects] {
        for (const std::error_code& each : objects.errors_of_calls()) {
            EXPECT_EQ(each, std::errc::operation_canceled);
        }
        std::error_code error;
        objects.stream.close_and_wait(5s, error);
        EXPECT_FALSE(error);
    });
}

TEST_P(open_handles_on, are_another_runtimes_while_both_live) {
    runtime first(test::with_workers(GetParam()));
    runtime second(test::with_workers(GetParam()));
    every_kind objects;
    first.run([&objects] { objects.open(); });
    second.run([&objects] {
        for (const std::error_code& each : objects.errors_of_calls()) {
            EXPECT_EQ(each, std::errc::operation_not_permitted);
        }
    });
}

// ---- Waiting for the end -----------------------------------------------------------------------------------------

// Bound to a port that no system hands out by itself, so that nobody else takes it while it is free.
template <class Bind>
auto bind_below_dynamic_ports(Bind bind) {
    constexpr unsigned first = 20'000;
    constexpr unsigned ports = 10'000;
    for (unsigned tries = 0;; ++tries) {
        const auto port = static_cast<std::uint16_t>(first + (::GetCurrentProcessId() * 37 + tries) % ports);
        std::error_code error;
        auto bound = bind(endpoint{"127.0.0.1", port}, error);
        if (!error || tries == ports) {
            return bound;
        }
    }
}

// With a call inside, whose coroutine has to run before the handle can be closed.
TEST_P(open_handles_on, can_be_opened_again_after_close_and_wait) {
    test::in_runtime(GetParam(), [] {
        udp_socket datagrams =
            bind_below_dynamic_ports([](const endpoint& at, auto& error) { return udp_socket::bind(at, {}, error); });
        const endpoint address = datagrams.local_endpoint();
        overlapped_handle pipe(make_pipe_end(1));
        tcp_listener listener =
            bind_below_dynamic_ports([](const endpoint& at, auto& error) { return tcp_listener::bind(at, {}, error); });
        const endpoint listening = listener.local_endpoint();
        for (int round = 0; round < 50; ++round) {
            auto receiver = spawn([&] {
                std::array<std::byte, 8> buffer{};
                std::error_code error;
                static_cast<void>(datagrams.receive_from(buffer, {}, error));
                return error;
            });
            auto reader = spawn([&] {
                std::error_code error;
                pipe.call(
                    [&](OVERLAPPED* overlapped, std::span<std::byte>) -> std::uint32_t {
                        return ::ConnectNamedPipe(pipe.native_handle(), overlapped) != FALSE ? 0 : ::GetLastError();
                    },
                    {}, error);
                return error;
            });
            auto acceptor = spawn([&] {
                std::error_code error;
                static_cast<void>(listener.accept({}, error));
                return error;
            });
            for (int turns = 0; turns < 3; ++turns) {
                this_coroutine::yield();
            }
            datagrams.close_and_wait();
            pipe.close_and_wait();
            listener.close_and_wait();

            std::error_code error;
            udp_socket again = udp_socket::bind(address, {}, error);
            ASSERT_FALSE(error) << error.message() << ", round " << round;
            void* const native = make_pipe_end(1);
            ASSERT_NE(native, INVALID_HANDLE_VALUE) << ::GetLastError() << ", round " << round;
            overlapped_handle pipe_again(native);
            tcp_listener listener_again = tcp_listener::bind(listening, {}, error);
            ASSERT_FALSE(error) << error.message() << ", round " << round;

            EXPECT_EQ(receiver.join(), std::errc::operation_canceled);
            EXPECT_EQ(reader.join(), std::errc::operation_canceled);
            EXPECT_EQ(acceptor.join(), std::errc::operation_canceled);
            datagrams = std::move(again);
            pipe = std::move(pipe_again);
            listener = std::move(listener_again);
        }
    });
}

} // namespace

namespace iocp {
namespace {

// Of a system handle on which no call is ever pending, so that closing finds nothing to cancel.
class probe final : public io::shared_handle {
public:
    explicit probe(io_service& service)
        : shared_handle(service),
          handle_(::CreateFileW(L"NUL", GENERIC_READ, 0, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr)) {}

private:
    [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(handle_.get(), false); }
    void close_handle() noexcept override { handle_.close(); }

    win::unique_handle handle_;
};

// A use that does not end: the wait does, by its limits, and the handle closes later.
TEST(open_handles, waiting_ends_with_its_limits) {
    test::in_runtime(2, [] {
        io_service& service = *io::current_io().service;
        const std::unique_ptr<probe, io::close_and_release> handle(new probe(service));
        ASSERT_TRUE(handle->enter());
        EXPECT_EQ(handle->close_and_wait(5ms), std::errc::timed_out);
        auto stopped = spawn([&handle] { return handle->close_and_wait({}); });
        this_coroutine::yield();
        stopped.request_stop();
        EXPECT_EQ(stopped.join(), std::errc::operation_canceled);

        std::vector<join_handle<std::error_code>> waiting;
        for (int number = 0; number < 3; ++number) {
            waiting.push_back(spawn([&handle] { return handle->close_and_wait({}); }));
        }
        for (int turns = 0; turns < 5; ++turns) {
            this_coroutine::yield();
        }
        EXPECT_EQ(service.handles.count(), 1u);
        handle->leave();
        EXPECT_EQ(service.handles.count(), 0u);
        for (auto& each : waiting) {
            EXPECT_FALSE(each.join());
        }
        EXPECT_FALSE(handle->close_and_wait(0ms)) << "closed already: there is nothing to wait for";
    });
}

// One that could not be made, for lack of memory for its slots, say.
TEST(open_handles, forget_what_failed_to_be_made) {
    class failing final : public io::shared_handle {
    public:
        explicit failing(io_service& service) : shared_handle(service) { throw std::bad_alloc(); }

    private:
        [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(nullptr, false); }
        void close_handle() noexcept override {}
    };
    io_service service{completion_port(1), operation_pool(64)};
    EXPECT_THROW(new failing(service), std::bad_alloc);
    EXPECT_EQ(service.handles.count(), 0u);
    service.handles.close_all();
    detail::waiter nobody;
    EXPECT_FALSE(service.handles.add_waiter_for_none(nobody));
}

TEST(open_handles, of_two_runtimes_have_ids_of_their_own_even_in_one_place) {
    std::uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        const io_service service{completion_port(1), operation_pool(64)};
        EXPECT_GT(service.id, last);
        last = service.id;
    }
}

} // namespace
} // namespace iocp
} // namespace moor
