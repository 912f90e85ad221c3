// Every overlapped call fails once with each error that is documented for it: at once, and by packet after it was
// pending. The call reports that error, nothing leaks, and the runtime goes on.
#include <cstdio>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

TEST(overlapped_faults, are_reported_and_leave_nothing_behind) {
    unsigned faults = 0;
    std::map<adversary::kind, std::size_t> errors;
    runtime running(with_workers(1));
    running.run([&] {
        static_cast<void>(open_sockets());
        fault_world world(running);
        adversary system(1);
        for (const overlapped_call& call : every_call()) {
            const error_list list = documented_errors(call.kind);
            ASSERT_FALSE(list.empty()) << call.name;
            errors[call.kind] = list.size();
            for (const int number : list) {
                for (const bool by_packet : {false, true}) {
                    const std::string what =
                        fmt::format("{} with {} {}", call.name, number, by_packet ? "by packet" : "at once");
                    {
                        auto unowned =
                            win::unique_socket::open(AF_INET, call.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
                        unowned.skips_packet_on_success = call.kind != adversary::kind::disconnect;
                        const std::unique_ptr<any_socket, io::close_and_release> socket(
                            new any_socket(std::move(unowned)));
                        system.script(call.kind, by_packet
                                                     ? scripted_end::fails_later(status_of(number))
                                                     : scripted_end::fails_at_once(static_cast<std::uint32_t>(number)));
                        std::error_code error;
                        bool intact = false;
                        EXPECT_EQ(call.run(*socket, {}, error, intact), 0u) << what;
                        EXPECT_EQ(error, std::error_code(number, winsock_category())) << what;
                        EXPECT_TRUE(intact) << what;
                        EXPECT_EQ(system.pending(), 0u) << what;
                    }
                    world.expect_nothing_leaked(what);
                    world.expect_to_work(what);
                    ASSERT_FALSE(testing::Test::HasFailure()) << "no more after the first";
                    ++faults;
                }
            }
        }
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u);
    std::size_t documented = 0;
    for (const auto& each : errors) {
        documented += each.second;
    }
    std::printf("[  faults  ] overlapped: %zu functions, %zu call sites, %zu documented errors, %u faults\n",
                errors.size(), every_call().size(), documented, faults);
}

} // namespace
} // namespace moor::test
