// Lines for a reader that is slow, stuck or gone: nothing waits for it, and what is lost is counted.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "line_writer.hpp"

namespace frame_relay::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// A reader that takes nothing until it is told to.
class slow_reader {
public:
    void take(std::string_view line) {
        std::unique_lock guard(lock_);
        ++asked_;
        changed_.notify_all();
        changed_.wait(guard, [this] { return reading_; });
        lines_.emplace_back(line);
    }
    void start() {
        const std::lock_guard guard(lock_);
        reading_ = true;
        changed_.notify_all();
    }
    /// Until the writer waits for it.
    void wait_for_writer() {
        std::unique_lock guard(lock_);
        changed_.wait(guard, [this] { return asked_ > 0; });
    }
    std::vector<std::string> lines() {
        const std::lock_guard guard(lock_);
        return lines_;
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    bool reading_ = false;
    int asked_ = 0;
    std::vector<std::string> lines_;
};

TEST(line_writer, writes_all_lines_in_order_before_it_is_gone) {
    const auto reader = std::make_shared<slow_reader>();
    reader->start();
    {
        line_writer writer([reader](std::string_view line) { reader->take(line); });
        writer.write("one");
        writer.write("");
        writer.write("three");
    }
    EXPECT_THAT(reader->lines(), ElementsAre("one\n", "\n", "three\n"));
}

TEST(line_writer, never_waits_for_the_reader_and_counts_what_is_lost) {
    const auto reader = std::make_shared<slow_reader>();
    {
        line_writer writer([reader](std::string_view line) { reader->take(line); }, 2);
        writer.write("taken");
        reader->wait_for_writer();
        for (const char* line : {"kept", "kept too", "lost", "lost", "lost"}) {
            writer.write(line); // a writer that waited here would never come to the end of the test
        }
        reader->start();
    }
    EXPECT_THAT(reader->lines(),
                ElementsAre("taken\n", "kept\n", "kept too\n", "3 lines were lost: not read in time\n"));
}

TEST(line_writer, leaves_a_reader_that_is_stuck_alone) {
    const auto reader = std::make_shared<slow_reader>();
    const auto began = std::chrono::steady_clock::now();
    {
        line_writer writer([reader](std::string_view line) { reader->take(line); });
        writer.write("never read");
        reader->wait_for_writer();
    }
    EXPECT_GE(std::chrono::steady_clock::now() - began, line_writer::farewell_time);
    EXPECT_TRUE(reader->lines().empty());
    reader->start(); // its thread ends before the test's process does
}

} // namespace
} // namespace frame_relay::testing
