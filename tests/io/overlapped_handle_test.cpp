#include <moor/overlapped.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "io/io_context.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/scenario.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

#include <winternl.h>

namespace moor {
namespace {

using namespace std::chrono_literals;

std::uint32_t result_of(BOOL succeeded) { return succeeded != FALSE ? 0 : ::GetLastError(); }

// Starts a read or write of a handle as a user of the hook does.
auto reading(const overlapped_handle& from, std::span<std::byte> into, std::uint32_t offset = 0) {
    return [&from, into, offset](OVERLAPPED* overlapped, std::span<std::byte>) {
        overlapped->Offset = offset;
        return result_of(
            ::ReadFile(from.native_handle(), into.data(), static_cast<DWORD>(into.size()), nullptr, overlapped));
    };
}

auto writing(const overlapped_handle& to, std::span<const std::byte> data, std::uint32_t offset = 0) {
    return [&to, data, offset](OVERLAPPED* overlapped, std::span<std::byte>) {
        overlapped->Offset = offset;
        return result_of(
            ::WriteFile(to.native_handle(), data.data(), static_cast<DWORD>(data.size()), nullptr, overlapped));
    };
}

overlapped_handle make_file() {
    wchar_t folder[MAX_PATH];
    wchar_t path[MAX_PATH];
    ::GetTempPathW(MAX_PATH, folder);
    ::GetTempFileNameW(folder, L"moo", 0, path);
    return overlapped_handle(::CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                           FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
}

struct pipe_ends {
    overlapped_handle server;
    overlapped_handle client;
};

pipe_ends make_pipe(DWORD mode = PIPE_TYPE_BYTE) {
    static std::atomic<unsigned> number{0};
    const std::wstring name = L"\\\\.\\pipe\\moor_test_" + std::to_wstring(::GetCurrentProcessId()) + L"_" +
                              std::to_wstring(number.fetch_add(1));
    pipe_ends made;
    made.server = overlapped_handle(
        ::CreateNamedPipeW(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, mode, 1, 4096, 4096, 0, nullptr));
    made.client = overlapped_handle(::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE | FILE_WRITE_ATTRIBUTES, 0,
                                                  nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    return made;
}

class overlapped_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, overlapped_on, testing::Values(1u, 2u));

TEST_P(overlapped_on, a_file_is_written_and_read_at_offsets) {
    runtime running(test::with_workers(GetParam()));
    running.run([] {
        overlapped_handle file = make_file();
        ASSERT_TRUE(file.is_open());
        constexpr std::size_t blocks = 64;
        constexpr std::size_t block = 1000;
        for (std::size_t index = 0; index < blocks; ++index) {
            const auto offset = static_cast<std::uint32_t>(((index * 37) % blocks) * block);
            EXPECT_EQ(file.call(writing(file, test::make_bytes(block, offset), offset)), block);
        }
        std::vector<std::byte> whole(blocks * block);
        EXPECT_EQ(file.call(reading(file, whole)), whole.size());
        EXPECT_EQ(test::matching(whole, 0), whole.size());
    });
    EXPECT_EQ(running.metrics().operations_in_use, 0u);
}

TEST_P(overlapped_on, the_end_of_a_file_is_the_systems_error) {
    test::in_runtime(GetParam(), [] {
        overlapped_handle file = make_file();
        std::array<std::byte, 8> buffer{};
        std::error_code error;
        EXPECT_EQ(file.call(reading(file, buffer, 1000), {}, error), 0u);
        EXPECT_EQ(error, std::error_code(ERROR_HANDLE_EOF, winsock_category()));
        EXPECT_THROW(file.call(reading(file, buffer, 1000)), std::system_error);
    });
}

TEST_P(overlapped_on, a_pipe_read_waits_for_the_write) {
    test::in_runtime(GetParam(), [] {
        pipe_ends pipe = make_pipe();
        constexpr int messages = 200;
        auto writer = spawn([&pipe] {
            for (int index = 0; index < messages; ++index) {
                const auto position = static_cast<std::uint64_t>(index) * 100;
                EXPECT_EQ(pipe.client.call(writing(pipe.client, test::make_bytes(100, position))), 100u);
                if (index % 7 == 0) {
                    this_coroutine::yield();
                }
            }
        });
        std::uint64_t total = 0;
        while (total < messages * 100) {
            std::array<std::byte, 64> buffer{};
            const std::uint32_t count = pipe.server.call(reading(pipe.server, buffer));
            ASSERT_GT(count, 0u);
            ASSERT_EQ(test::matching(std::span(buffer).first(count), total), count);
            total += count;
        }
        writer.join();
    });
}

// The caller's own output parameter lies in the scratch bytes, and is read from there at the end.
TEST_P(overlapped_on, scratch_carries_the_calls_own_results) {
    test::in_runtime(GetParam(), [] {
        pipe_ends pipe = make_pipe();
        std::array<std::byte, 16> buffer{};
        std::uint32_t mark = 0;
        std::byte* place = nullptr;
        auto reader = spawn([&] {
            return pipe.server.call(
                [&](OVERLAPPED* overlapped, std::span<std::byte> scratch) {
                    EXPECT_EQ(scratch.size(), overlapped_handle::scratch_size);
                    place = scratch.data();
                    const std::uint32_t value = 0x12345678;
                    std::memcpy(place + 64, &value, sizeof value);
                    auto* const count = reinterpret_cast<DWORD*>(place); // aligned to 16
                    return result_of(::ReadFile(pipe.server.native_handle(), buffer.data(), 16, count, overlapped));
                },
                [&](std::span<const std::byte> scratch) {
                    EXPECT_EQ(scratch.data(), place);
                    std::memcpy(&mark, scratch.data() + 64, sizeof mark);
                });
        });
        EXPECT_EQ(pipe.client.call(writing(pipe.client, test::make_bytes(16))), 16u);
        EXPECT_EQ(reader.join(), 16u);
        EXPECT_EQ(mark, 0x12345678u);
        EXPECT_EQ(test::matching(buffer, 0), 16u);
    });
}

TEST_P(overlapped_on, a_message_too_long_returns_its_beginning_with_the_warning) {
    test::in_runtime(GetParam(), [] {
        pipe_ends pipe = make_pipe(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
        for (const bool message_first : {true, false}) { // ends at once, and after a wait
            std::array<std::byte, 10> buffer{};
            std::error_code error;
            std::uint32_t count = 0;
            const auto write = [&pipe] {
                EXPECT_EQ(pipe.client.call(writing(pipe.client, test::make_bytes(30))), 30u);
            };
            const auto read = [&] { count = pipe.server.call(reading(pipe.server, buffer), {}, error); };
            if (message_first) {
                write();
                read();
            } else {
                auto reader = spawn(read);
                write();
                reader.join();
            }
            EXPECT_EQ(error, std::error_code(ERROR_MORE_DATA, winsock_category()));
            EXPECT_EQ(count, 10u);
            EXPECT_EQ(test::matching(buffer, 0), 10u);
            std::array<std::byte, 40> rest{};
            EXPECT_EQ(pipe.server.call(reading(pipe.server, rest)), 20u);
            EXPECT_EQ(test::matching(std::span(rest).first(20), 10), 20u);
        }
    });
}

// A driver may end a call at once with any warning, and the kernel posts its packet. A library that took the call for
// failed would give that packet to the next call, and its buffer to the system.
TEST_P(overlapped_on, every_warning_at_once_is_awaited) {
    test::in_runtime(GetParam(), [] {
        constexpr std::uint32_t warnings[]{0x80000005, 0x80000006, 0x8000001A, 0x8000000D, 0x80000016, 0x8000002D};
        pipe_ends pipe = make_pipe();
        for (const std::uint32_t status : warnings) {
            const std::uint32_t number = ::RtlNtStatusToDosError(static_cast<NTSTATUS>(status));
            std::error_code error;
            const std::uint32_t count = pipe.server.call(
                [&](OVERLAPPED* overlapped, std::span<std::byte>) {
                    overlapped->Internal = status;
                    overlapped->InternalHigh = 3;
                    ::PostQueuedCompletionStatus(io::current_io().service->port.native_handle(), 3,
                                                 static_cast<ULONG_PTR>(iocp::completion_port::key::operation),
                                                 overlapped);
                    return number;
                },
                {}, error);
            EXPECT_EQ(error, std::error_code(static_cast<int>(number), winsock_category())) << std::hex << status;
            EXPECT_EQ(count, 3u) << std::hex << status;

            std::array<std::byte, 16> buffer{};
            EXPECT_EQ(pipe.server.call(reading(pipe.server, buffer), 5ms, error), 0u) << std::hex << status;
            EXPECT_EQ(error, std::errc::timed_out) << std::hex << status << ": no packet was left over";
        }
    });
}

// Both have the room that Win32 needs, and the coroutine's stack stays where it is.
TEST_P(overlapped_on, start_and_finish_run_on_the_system_stack) {
    test::in_runtime(GetParam(), [] {
        pipe_ends pipe = make_pipe();
        bool started_there = false;
        bool finished_there = false;
        std::error_code error;
        pipe.server.call(
            [&](OVERLAPPED*, std::span<std::byte>) -> std::uint32_t {
                started_there = !win::system_stack::current()->on_coroutine_stack();
                return ERROR_ACCESS_DENIED;
            },
            [&](std::span<const std::byte>) { finished_there = !win::system_stack::current()->on_coroutine_stack(); },
            {}, error);
        EXPECT_TRUE(started_there);
        EXPECT_TRUE(finished_there);
        EXPECT_TRUE(win::system_stack::current()->on_coroutine_stack());

        const auto fail = [](OVERLAPPED*, std::span<std::byte>) -> std::uint32_t { return ERROR_ACCESS_DENIED; };
        EXPECT_THROW(pipe.server.call(
                         fail, [](std::span<const std::byte>) { throw std::runtime_error("finish"); }, {}, error),
                     std::runtime_error);
    });
}

const test::scenario start_suspends("start_suspends", [] {
    test::in_runtime(1, [] {
        overlapped_handle file = make_file();
        file.call([](OVERLAPPED*, std::span<std::byte>) -> std::uint32_t {
            this_coroutine::sleep_for(1ms);
            return ERROR_ACCESS_DENIED;
        });
    });
});

TEST(overlapped_handle, a_start_that_suspends_ends_the_process) {
    const test::child_end end = test::run_in_child(start_suspends);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_NE(end.error_output.find("start or finish of an overlapped call"), std::string::npos) << end.error_output;
}

TEST_P(overlapped_on, deadline_stop_and_close_end_a_call) {
    runtime running(test::with_workers(GetParam()));
    running.run([&running] {
        pipe_ends pipe = make_pipe();
        std::array<std::byte, 8> buffer{};
        std::error_code error;
        EXPECT_EQ(pipe.server.call(reading(pipe.server, buffer), 5ms, error), 0u);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(running.metrics().operations_in_use, 0u) << "the packet came before the call returned";

        std::stop_source source;
        auto stopped_by_token = spawn([&] {
            std::error_code failed;
            pipe.server.call(reading(pipe.server, buffer), source.get_token(), failed);
            return failed;
        });
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().operations_in_use == 1; }));
        source.request_stop();
        EXPECT_EQ(stopped_by_token.join(), std::errc::operation_canceled);

        auto stopped = spawn([&] {
            std::error_code failed;
            pipe.server.call(reading(pipe.server, buffer), {}, failed);
            return failed;
        });
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().operations_in_use == 1; }));
        stopped.request_stop();
        EXPECT_EQ(stopped.join(), std::errc::operation_canceled);

        auto closed = spawn([&] {
            std::error_code failed;
            pipe.server.call(reading(pipe.server, buffer), {}, failed);
            return failed;
        });
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().operations_in_use == 1; }));
        pipe.server.close();
        EXPECT_FALSE(pipe.server.is_open());
        EXPECT_EQ(pipe.server.native_handle(), nullptr) << "it may be closed at any time, and its number a stranger's";
        EXPECT_EQ(closed.join(), std::errc::operation_canceled);
        pipe.server.call(reading(pipe.server, buffer), {}, error);
        EXPECT_EQ(error, std::errc::operation_canceled);
        pipe.server.close();
    });
    EXPECT_EQ(running.metrics().operations_in_use, 0u);
}

TEST(overlapped_handle, refuses_what_it_cannot_own) {
    std::error_code error;
    EXPECT_FALSE(overlapped_handle::adopt(INVALID_HANDLE_VALUE, error).is_open());
    EXPECT_EQ(error, std::errc::operation_not_permitted) << "outside a coroutine";
    test::in_runtime(1, [] {
        std::error_code failed;
        EXPECT_FALSE(overlapped_handle::adopt(INVALID_HANDLE_VALUE, failed).is_open());
        EXPECT_EQ(failed.value(), ERROR_INVALID_HANDLE);
        EXPECT_THROW(overlapped_handle(static_cast<void*>(nullptr)), std::system_error);

        overlapped_handle none;
        none.call([](OVERLAPPED*, std::span<std::byte>) -> std::uint32_t { return 0; }, {}, failed);
        EXPECT_EQ(failed, std::errc::bad_file_descriptor);
        EXPECT_EQ(none.native_handle(), nullptr);
        none.close();
    });
}

TEST(overlapped_handle, a_call_that_fails_to_start_reports_its_error) {
    test::in_runtime(1, [] {
        overlapped_handle file = make_file();
        std::error_code error;
        file.call([](OVERLAPPED*, std::span<std::byte>) -> std::uint32_t { return ERROR_ACCESS_DENIED; }, {}, error);
        EXPECT_EQ(error, std::errc::permission_denied);
    });
}

} // namespace
} // namespace moor
