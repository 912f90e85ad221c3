// The forensics on the bug that they are for: the wrong variant's late write hits a return address of a coroutine that
// waits. validate_stack finds it while nothing has happened yet, and the report of the crash names it.
#include <moor/forensics.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/signal.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "torture/datagram_receive.hpp"
#include "torture/stacks.hpp"
#include "win/system_stack.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

// What the length of an IPv4 address leaves in an upper half. Wine takes the upper half of its programs' return
// addresses, 1, for the room at lpFrom, and says with -1 that this is not enough.
constexpr std::uint64_t of_windows = 0x00000010;
constexpr std::uint64_t of_wine = 0xffffffff;

struct victim {
    udp_socket receiver = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    volatile std::uint64_t* return_address = nullptr; // of the function that waits
    signal until;
};

// The popped frame's place is used by a call that waits while the datagram comes.
void receive_wrongly(victim& self) {
    std::vector<std::byte> buffer(64);
    begun_receive call(self.receiver, buffer, parameter_place::popped_frame);
    self.return_address = call.written_late();
    // Calls with its stack pointer 32 bytes below what it is given, and pushes the return address.
    moor_call_on_stack(
        reinterpret_cast<std::byte*>(reinterpret_cast<std::uint64_t>(self.return_address)) + 40,
        [](void* of) { static_cast<signal*>(of)->wait(); }, &self.until);
    std::error_code error;
    EXPECT_EQ(call.finish(20s, error), 4u);
}

// Has the late write happen, and calls `look` with the victim's id, and the return address as it was before.
template <class Look>
void let_it_happen(stack_kind stack, Look look) {
    runtime_options options = with_workers(1);
    options.debug.exception_room = true;
    runtime running(options);
    running.run([&] {
        victim it;
        auto receiving = spawn({.name = "victim", .stack = stack}, [&it] { receive_wrongly(it); });
        while (!it.until.has_waiter()) {
            this_coroutine::yield();
        }
        const std::uint64_t intact = *it.return_address;
        EXPECT_EQ(debug::validate_stack(receiving.id()).fault, debug::return_fault::none);
        auto sender = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
        sender.send_to(std::array<std::byte, 4>{}, it.receiver.local_endpoint());
        EXPECT_TRUE(eventually([&] { return *it.return_address != intact; }));
        look(receiving.id(), it, intact);
        it.until.set();
        receiving.join();
    });
}

class live_bug : public testing::TestWithParam<stack_kind> {};
INSTANTIATE_TEST_SUITE_P(on, live_bug, testing::ValuesIn(stack_kinds),
                         [](const testing::TestParamInfo<stack_kind>& tested) {
                             return std::string(name_of(tested.param));
                         });

TEST_P(live_bug, is_seen_by_validate_stack_before_it_crashes) {
    let_it_happen(GetParam(), [](std::uint64_t id, victim& it, std::uint64_t intact) {
        const debug::stack_report report = debug::validate_stack(id);
        EXPECT_EQ(report.state, debug::stack_state::parked);
        EXPECT_EQ(report.fault, debug::return_fault::upper_half_overwritten) << report.text();
        EXPECT_EQ(report.slot, reinterpret_cast<std::uint64_t>(it.return_address));
        EXPECT_EQ(report.restored, intact);
        EXPECT_THAT(report.value >> 32, AnyOf(of_windows, of_wine));
        *it.return_address = report.restored; // and nothing has happened
    });
}

void crash_on(stack_kind stack) {
    let_it_happen(stack, [](std::uint64_t, victim&, std::uint64_t) {});
}
const scenario crash_on_reserved("crash_on_reserved", [] { crash_on(stack_kind::reserved); });

TEST_P(live_bug, is_named_by_the_report_of_its_crash) {
    const child_end end = run_in_child(crash_on_reserved);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_ACCESS_VIOLATION));
    EXPECT_THAT(
        end.error_output,
        AllOf(HasSubstr("'victim' on worker 0"), HasSubstr(std::string("its stack: ") + name_of(GetParam())),
              AnyOf(HasSubstr("the instruction pointer: 0x00000010"), HasSubstr("the instruction pointer: 0xffffffff")),
              HasSubstr("the lower half is code, the upper half is not")));
}

} // namespace
} // namespace moor::test
