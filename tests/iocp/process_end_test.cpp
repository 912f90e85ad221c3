// A process that ends while calls are at every stage of theirs: it ends, at once and in silence.
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "iocp/lifetime_parts.hpp"
#include "support/child.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

constexpr unsigned exit_status = 17;

void end_process() { ::ExitProcess(exit_status); }

// Every call is pending; every third has ended with its packet in the port.
template <class End>
void with_every_call(End end) {
    in_runtime(1, [&end] {
        adversary system(1, {.by_hand = true});
        std::vector<socket_owner> sockets;
        std::vector<called> all(every_call().size());
        std::vector<join_handle<void>> callers;
        for (std::size_t index = 0; index < all.size(); ++index) {
            const overlapped_call& call = every_call()[index];
            sockets.push_back(make_socket(call.takes_datagrams));
            all[index] = {.socket = sockets.back().get(), .call = &call};
            callers.push_back(spawn([&made = all[index]] { made(); }));
        }
        while (system.pending() != all.size()) {
            this_coroutine::yield();
        }
        for (std::size_t index = 0; index < all.size(); index += 3) {
            system.end_call(sockets[index]->handle(), scripted_end::succeeds_later(every_call()[index].bytes));
        }
        end(system);
    });
}

const scenario scenarios[]{
    {"ends_with_packets_in_the_port", [] { with_every_call([](adversary&) { end_process(); }); }},
    {"ends_before_a_submission",
     [] {
         with_every_call([](adversary& system) {
             const socket_owner socket = make_socket(false);
             called last{.socket = socket.get(), .call = every_call().data()};
             system.before_submission([](SOCKET) { end_process(); });
             last();
         });
     }},
    {"ends_before_anybody_is_resumed",
     [] {
         with_every_call([](adversary&) {
             probe reached([] { end_process(); });
             reached.wait();
         });
     }},
};

TEST(process_end, at_every_stage_of_every_call) {
    for (const scenario& each : scenarios) {
        const child_end end = run_in_child(each);
        EXPECT_EQ(end.exit_status, exit_status) << each.name();
        EXPECT_EQ(end.error_output, "") << each.name();
        EXPECT_FALSE(end.hung) << each.name();
    }
}

} // namespace
} // namespace moor::test
