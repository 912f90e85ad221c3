#include "iocp/completion_port.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "support/platform.hpp"

namespace moor::iocp {
namespace {

class completion_port_of_one : public testing::Test {
protected:
    completion_port port{1};
    packet_batch batch{};
};

TEST_F(completion_port_of_one, is_empty_at_first) { EXPECT_TRUE(port.dequeue(batch, 0).empty()); }

TEST_F(completion_port_of_one, delivers_wakes_with_their_key) {
    port.post_wake();
    const auto packets = port.dequeue(batch, INFINITE);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].lpCompletionKey, static_cast<ULONG_PTR>(completion_port::key::wake));
    EXPECT_EQ(packets[0].lpOverlapped, nullptr);
}

TEST_F(completion_port_of_one, delivers_at_most_a_batch_at_a_time) {
    constexpr std::size_t posted = packets_per_batch + 10;
    for (std::size_t count = 0; count < posted; ++count) {
        port.post_wake();
    }
    std::size_t seen = 0;
    while (seen < posted) {
        const auto packets = port.dequeue(batch, INFINITE);
        ASSERT_FALSE(packets.empty());
        ASSERT_LE(packets.size(), packets_per_batch);
        seen += packets.size();
    }
    EXPECT_EQ(seen, posted);
    EXPECT_TRUE(port.dequeue(batch, 0).empty());
}

TEST_F(completion_port_of_one, wakes_a_sleeping_thread) {
    std::thread sleeper([this] {
        packet_batch own{};
        EXPECT_EQ(port.dequeue(own, INFINITE).size(), 1u);
    });
    port.post_wake();
    sleeper.join();
}

TEST_F(completion_port_of_one, returns_empty_for_an_asynchronous_procedure_call) {
    bool called = false;
    ::QueueUserAPC([](ULONG_PTR context) { *reinterpret_cast<bool*>(context) = true; }, ::GetCurrentThread(),
                   reinterpret_cast<ULONG_PTR>(&called));
    EXPECT_TRUE(port.dequeue(batch, INFINITE).empty());
    EXPECT_TRUE(called);
}

TEST_F(completion_port_of_one, associates_a_socket_once) {
    const win::winsock_session winsock;
    auto socket = win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    ASSERT_TRUE(socket);
    EXPECT_FALSE(port.associate(socket));
    EXPECT_EQ(socket.skips_packet_on_success, win::every_provider_has_file_handles());
    EXPECT_EQ(port.associate(socket), std::errc::invalid_argument) << "a handle belongs to one port for ever";
    win::unique_socket none;
    EXPECT_TRUE(port.associate(none));
}

// What `skips` promises is what the system then does.
TEST_F(completion_port_of_one, disk_files_skip_packets_and_pipes_do_not) {
    wchar_t folder[MAX_PATH];
    wchar_t path[MAX_PATH];
    ASSERT_NE(::GetTempPathW(MAX_PATH, folder), 0u);
    ASSERT_NE(::GetTempFileNameW(folder, L"moo", 0, path), 0u);
    const win::unique_handle file(::CreateFileW(path, GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                                FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
    ASSERT_TRUE(file);
    bool skips = false;
    EXPECT_FALSE(port.associate(file.get(), skips));
    EXPECT_TRUE(skips);

    const win::unique_handle pipe(::CreateNamedPipeW(L"\\\\.\\pipe\\moor_completion_port_test",
                                                     PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 0, 0,
                                                     0, nullptr));
    ASSERT_TRUE(pipe);
    EXPECT_FALSE(port.associate(pipe.get(), skips));
    EXPECT_FALSE(skips);

    char data = 'x';
    auto* const call = new OVERLAPPED{}; // freed when the result is known: the system may write to it until then
    const BOOL written = ::WriteFile(file.get(), &data, 1, nullptr, call);
    if (written != FALSE) {
        EXPECT_TRUE(port.dequeue(batch, 0).empty()) << "it succeeded at once";
    } else {
        ASSERT_EQ(::GetLastError(), static_cast<DWORD>(ERROR_IO_PENDING));
        EXPECT_EQ(port.dequeue(batch, INFINITE).size(), 1u);
    }
    delete call;
}

} // namespace
} // namespace moor::iocp
