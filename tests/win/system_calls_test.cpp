// The door itself: complete without an initialiser, replaced entry by entry and restored in reverse order.
#include "win/system_calls.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <set>

#include <gtest/gtest.h>

#include "win/error.hpp"
#include "win/socket.hpp"

namespace moor::win {
namespace {

using entries = std::array<void (*)(), sizeof(system_calls) / sizeof(void (*)())>;

std::size_t nulls_in(const system_calls& table) {
    std::size_t count = 0;
    for (auto* const each : std::bit_cast<entries>(table)) {
        count += each == nullptr ? 1 : 0;
    }
    return count;
}

TEST(system_calls, of_the_system_are_all_there) {
    EXPECT_EQ(nulls_in({}), entries{}.size()) << "the table is not what this test takes it for";
    EXPECT_EQ(nulls_in(real_system_calls), 0u);
    const auto real = std::bit_cast<entries>(real_system_calls);
    EXPECT_EQ(std::set(real.begin(), real.end()).size(), real.size()) << "two entries are the same function";
    EXPECT_EQ(&system(), &real_system_calls);
}

BOOL WINAPI refuse_event(HANDLE) { return FALSE; }
BOOL WINAPI accept_event(HANDLE) { return TRUE; }
HANDLE WINAPI no_event(SECURITY_ATTRIBUTES*, BOOL, BOOL, const wchar_t*) { return nullptr; }

TEST(system_calls, replaced_again_and_again_are_one_table) {
    const auto place = [](const system_calls& wanted) {
        const replaced_system_calls replaced(wanted);
        return &system();
    };
    const system_calls* const first = place({.set_event = &refuse_event});
    EXPECT_NE(place({.set_event = &accept_event}), first);
    EXPECT_EQ(place({.set_event = &refuse_event}), first) << "a copy each time: it stays to the process's end";
}

TEST(system_calls, are_replaced_entry_by_entry_and_restored_in_reverse_order) {
    {
        const replaced_system_calls outer({.set_event = &refuse_event});
        EXPECT_EQ(&outer.before(), &real_system_calls);
        EXPECT_EQ(nulls_in(system()), 0u);
        EXPECT_EQ(system().set_event, &refuse_event);
        EXPECT_EQ(system().make_event, real_system_calls.make_event);
        {
            const replaced_system_calls inner({.make_event = &no_event});
            EXPECT_EQ(system().set_event, &refuse_event) << "what the inner one leaves out is as before";
            EXPECT_EQ(system().make_event, &no_event);
            const replaced_system_calls innermost({.set_event = &accept_event});
            EXPECT_EQ(system().set_event, &accept_event);
            EXPECT_EQ(system().make_event, &no_event);
            EXPECT_EQ(innermost.before().set_event, &refuse_event);
        }
        EXPECT_EQ(system().set_event, &refuse_event);
        EXPECT_EQ(system().make_event, real_system_calls.make_event);
    }
    EXPECT_EQ(&system(), &real_system_calls);
}

// A thread may have read the place of a table a moment ago.
TEST(system_calls, stay_readable_after_their_end) {
    const system_calls* seen = nullptr;
    {
        const replaced_system_calls replaced({.set_event = &refuse_event});
        seen = &system();
    }
    std::array<std::byte, 4 * sizeof(system_calls)> other_use{};
    other_use.fill(std::byte{0xa5});
    EXPECT_EQ(seen->set_event, &refuse_event);
}

std::size_t look_ups = 0;

int WSAAPI count_look_up(SOCKET socket, DWORD code, void* in, DWORD in_size, void* out, DWORD out_size, DWORD* bytes,
                         OVERLAPPED* overlapped, system_calls::completion_routine routine) {
    look_ups += code == SIO_GET_EXTENSION_FUNCTION_POINTER ? 1 : 0;
    return real_system_calls.control(socket, code, in, in_size, out, out_size, bytes, overlapped, routine);
}

// Winsock's extension functions are asked for by the first call of one of them, once; what is made on no socket fails
// with the error of the function that was found.
TEST(system_calls, look_extension_functions_up_once) {
    const winsock_session winsock;
    const replaced_system_calls counting({.control = &count_look_up});
    const auto socket = unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    ASSERT_TRUE(socket);
    const auto fail = [&] {
        OVERLAPPED overlapped{};
        DWORD bytes = 0;
        sockaddr_in unbound{};
        unbound.sin_family = AF_INET;
        EXPECT_EQ(system().connect(socket.get(), reinterpret_cast<const sockaddr*>(&unbound), sizeof unbound, nullptr,
                                   0, &bytes, &overlapped),
                  FALSE);
        return last_error_number();
    };
    EXPECT_EQ(fail(), static_cast<std::uint32_t>(WSAEINVAL)) << "ConnectEx wants a bound socket";
    const std::size_t once = look_ups;
    EXPECT_LE(once, 6u);
    EXPECT_EQ(fail(), static_cast<std::uint32_t>(WSAEINVAL));
    EXPECT_EQ(look_ups, once);
}

} // namespace
} // namespace moor::win
