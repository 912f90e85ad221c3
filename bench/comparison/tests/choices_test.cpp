// The driver's command line, its list of peers, its catalogue, and how it chooses the number of items.
#include <cstdint>
#include <cstdio>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compare/calibration.hpp"
#include "compare/catalogue.hpp"
#include "compare/options.hpp"

namespace moor::bench::compare {
namespace {

TEST(options, all_of_them) {
    const options parsed = parse_options({"--threads=2", "--rounds=5", "--milliseconds=20", "--seed=7", "--jobs=echo",
                                          "--peers=moor|go", "--out=x.json", "--machine=host=a=b", "list.txt"});
    EXPECT_EQ(parsed.threads, 2U);
    EXPECT_EQ(parsed.rounds, 5U);
    EXPECT_EQ(parsed.run_time, std::chrono::milliseconds(20));
    EXPECT_EQ(parsed.seed, 7U);
    EXPECT_EQ(parsed.jobs, "echo");
    EXPECT_EQ(parsed.peers, "moor|go");
    EXPECT_EQ(parsed.out, "x.json");
    EXPECT_EQ(parsed.list, "list.txt");
    EXPECT_THAT(parsed.machine, testing::ElementsAre(testing::Pair("host", "a=b")));
}

TEST(options, wrong_ones) {
    EXPECT_THROW((void)parse_options({}), std::invalid_argument);
    EXPECT_THROW((void)parse_options({"a", "b"}), std::invalid_argument);
    for (const char* wrong : {"--rounds=0", "--rounds=x", "--rounds", "--circles=3", "--machine=x"}) {
        EXPECT_THROW((void)parse_options({wrong, "list.txt"}), std::invalid_argument) << wrong;
    }
}

TEST(list_of_peers, is_put_in_order_and_filtered) {
    std::vector<std::string> ids;
    for (const listed_peer& peer : parse_list("newcomer=n\ngo=g\r\n\nmoor=/a/b=c\nlibuv=l", "newcomer|go|moor")) {
        ids.push_back(peer.id + ":" + peer.program.string());
    }
    EXPECT_THAT(ids, testing::ElementsAre("moor:/a/b=c", "go:g", "newcomer:n"));
    EXPECT_THROW((void)parse_list("moor", ".*"), std::invalid_argument);
}

// A run of a few milliseconds would be only the first message of each connection.
TEST(catalogue, every_connection_has_several_turns) {
    unsigned seen = 0;
    for (const job& listed : catalogue(1)) {
        unsigned connections = 0;
        unsigned size = 0;
        unsigned in_flight = 0;
        if (std::sscanf(listed.request.c_str(), "echo connections=%u size=%u in_flight=%u", &connections, &size,
                        &in_flight) == 3) {
            ++seen;
            EXPECT_GE(listed.least, std::uint64_t{connections} * (in_flight + 1)) << listed.request;
        }
    }
    EXPECT_EQ(seen, 12U);
}

TEST(catalogue, ids_differ_and_requests_are_complete) {
    std::set<std::string> ids;
    for (const job& listed : catalogue(2)) {
        EXPECT_FALSE(listed.group.empty());
        for (const figure& one : listed.figures) {
            EXPECT_TRUE(ids.insert(one.id).second) << one.id;
            EXPECT_FALSE(one.unit.empty());
        }
    }
    EXPECT_TRUE(ids.contains("echo_64_64_1"));
    EXPECT_EQ(request_line(catalogue(1).front(), 20), "yield items=20");
    const std::vector<job> all = catalogue(1);
    for (const job& listed : all) {
        if (listed.fresh_process) {
            EXPECT_EQ(request_line(listed, listed.items).find("items"), std::string::npos);
        }
    }
}

TEST(calibration, grows_to_the_wanted_time) {
    // A thing that takes a microsecond, and a millisecond at the beginning.
    const auto seconds = [](std::uint64_t items) { return 1e-3 + 1e-6 * static_cast<double>(items); };
    calibration_step step{first_items, false};
    for (int steps = 0; !step.settled; ++steps) {
        ASSERT_LT(steps, 10);
        step = next_items(step.items, seconds(step.items), 0.1);
    }
    EXPECT_NEAR(seconds(step.items), 0.1, 0.03);
}

TEST(calibration, ends_for_what_is_slow_or_takes_no_time) {
    EXPECT_TRUE(next_items(1, 30, 0.1).settled);
    EXPECT_EQ(next_items(1, 30, 0.1).items, 1U);
    EXPECT_EQ(next_items(100, 10, 0.1).items, 1U);
    calibration_step step{first_items, false};
    for (int steps = 0; !step.settled; ++steps) {
        ASSERT_LT(steps, 20);
        step = next_items(step.items, 0, 0.1);
    }
    EXPECT_EQ(step.items, most_items);
}

} // namespace
} // namespace moor::bench::compare
