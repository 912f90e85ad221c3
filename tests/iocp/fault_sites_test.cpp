// Every other system call of the I/O layer fails once with each error that is documented for it, while an operation of
// the same connection is pending and while none is. The user's call reports that error, or the library does without;
// nothing leaks, and the runtime goes on.
#include "iocp/fault_sites.hpp"

#include <array>
#include <cstdio>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>

#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

void fail_once(fault_world& world, const fault_site& site, int number, const std::string& what) {
    arm_fault(site.which, static_cast<std::uint32_t>(number), site.passed, 1, site.option);
    const std::error_code error = site.reach(world);
    EXPECT_EQ(disarm_fault(site.which), 0u) << what << ": the call was not reached";
    const std::error_code wanted =
        site.expected == reaction::reports ? std::error_code(number, winsock_category()) : std::error_code();
    EXPECT_EQ(error, wanted) << what;
}

TEST(fault_sites, report_and_leave_nothing_behind) {
    unsigned faults = 0;
    std::size_t errors = 0;
    std::set<imported> functions;
    runtime running(with_workers(1));
    running.run([&] {
        static_cast<void>(open_sockets());
        fault_world world(running);
        for (const fault_site& site : fault_sites()) {
            functions.insert(site.which);
            errors += site.errors.size();
            for (const int number : site.errors) {
                for (const bool with_pending : {false, true}) {
                    const std::string what =
                        fmt::format("{} with {}{}", site.name, number, with_pending ? ", a read pending" : "");
                    std::array<std::byte, 7> buffer{};
                    join_handle<std::size_t> reader;
                    if (with_pending) {
                        const auto before = running.metrics().operations_in_use;
                        reader = spawn([&] {
                            std::error_code error;
                            return world.pair.client.read_exactly(buffer, 20s, error);
                        });
                        ASSERT_TRUE(eventually([&] { return running.metrics().operations_in_use == before + 1; }));
                    }
                    fail_once(world, site, number, what);
                    if (with_pending) {
                        world.pair.server.write(make_bytes(buffer.size()));
                        EXPECT_EQ(reader.join(), buffer.size()) << what;
                        EXPECT_EQ(matching(buffer, 0), buffer.size()) << what;
                    }
                    world.expect_nothing_leaked(what);
                    world.expect_to_work(what);
                    ASSERT_FALSE(testing::Test::HasFailure()) << "no more after the first";
                    ++faults;
                }
            }
        }
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u);
    std::printf("[  faults  ] others: %zu functions, %zu call sites, %zu errors, %u faults\n", functions.size(),
                fault_sites().size(), errors, faults);
}

} // namespace
} // namespace moor::test
