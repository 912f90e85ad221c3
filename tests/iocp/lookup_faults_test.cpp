// What a process asks the system once: the extension functions, the sockets that it asks through, the list of
// providers. A function that was not found makes its calls report operation_not_supported; all others work. A child
// process for each, because the answer holds for as long as the process lives.
#include <cstdio>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include <moor/error.hpp>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"
#include "support/child.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

using kind = adversary::kind;

void demand(bool held, const char* what) {
    if (!held) {
        std::fprintf(stderr, "%s\n", what);
        std::fflush(stderr);
        std::_Exit(1);
    }
}

void expect_missing(const std::set<kind>& missing) {
    in_runtime(1, [&] {
        for (const overlapped_call& call : every_call()) {
            if (missing.count(call.kind) != 0) {
                const std::unique_ptr<any_socket, iocp::close_and_release> socket(new any_socket(
                    win::unique_socket::open(AF_INET, call.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0)));
                std::error_code error;
                bool intact = false;
                call.run(*socket, {}, error, intact);
                demand(error == std::error_code(WSAEOPNOTSUPP, winsock_category()), call.name);
            }
        }
    });
}

// A whole world works, for as far as it can without what is missing.
void expect_the_rest(const std::set<kind>& missing) {
    runtime running(with_workers(1));
    running.run([&] {
        if (missing.count(kind::accept) == 0 && missing.count(kind::connect) == 0) {
            fault_world world(running);
            world.expect_to_work("a failed look-up");
        }
    });
    demand(!testing::Test::HasFailure(), "the rest does not work");
}

template <imported Which, int Option, unsigned Passed, kind... Missing>
void fail_look_up() {
    arm_fault(Which, WSAENOBUFS, Passed, 1, Option);
    const std::set<kind> missing{Missing...};
    expect_missing(missing);
    expect_the_rest(missing);
    demand(disarm_fault(Which) == 0, "the look-up was not reached");
}

constexpr int look_up = static_cast<int>(SIO_GET_EXTENSION_FUNCTION_POINTER);

const scenario scenarios[]{
    {"no_accept", fail_look_up<imported::control, look_up, 0, kind::accept>},
    {"no_connect", fail_look_up<imported::control, look_up, 1, kind::connect>},
    {"no_disconnect", fail_look_up<imported::control, look_up, 2, kind::disconnect>},
    {"no_send_file", fail_look_up<imported::control, look_up, 3, kind::send_file>},
    {"no_receive_message", fail_look_up<imported::control, look_up, 4, kind::receive_message>},
    {"no_send_message", fail_look_up<imported::control, look_up, 5, kind::send_message>},
    {"no_provider_list", fail_look_up<imported::list_providers, any_option, 0>},
};

TEST(lookup_faults, leave_all_else_working) {
    for (const scenario& each : scenarios) {
        const child_end end = run_in_child(each);
        EXPECT_EQ(end.exit_status, 0u) << each.name() << ": " << end.error_output;
        EXPECT_FALSE(end.hung) << each.name();
    }
    std::printf("[  faults  ] look-ups: 2 functions, %zu call sites, 1 error, %zu faults\n", std::size(scenarios),
                std::size(scenarios));
}

} // namespace
} // namespace moor::test
