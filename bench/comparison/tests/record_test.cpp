// A comparison survives the way through its file.
#include "compare/record.hpp"

#include <filesystem>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

#include "support/text_file.hpp"

namespace moor::bench::compare {
namespace {

// A file of its own, gone at the end.
class scratch_file {
public:
    scratch_file()
        : path_(std::filesystem::temp_directory_path() / ("moor-record-" + std::to_string(std::random_device{}()))) {}
    ~scratch_file() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    scratch_file(const scratch_file&) = delete;
    scratch_file& operator=(const scratch_file&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

TEST(record, is_read_as_it_was_written) {
    comparison written;
    written.threads = 2;
    written.rounds = 11;
    written.seed = 42;
    written.milliseconds = 100;
    written.machine = {{"processor", "some \"chip\""}};
    written.peers = {{"go", "Go", "1.26", "GOMAXPROCS=2"}};
    written.rows.push_back({"yield", "Switching", "yield", "ns", "switch", "yield", true, {}});
    written.rows.back().cells.push_back({"go", {1.5, 2, 1e9}, 100, {{"all", {4.0, 4.5}}}, "", false});
    written.rows.back().cells.push_back({"floor", {}, 0, {}, "it has no such thing", true});
    const scratch_file file;
    write_comparison(written, file.path());
    const comparison read = read_comparison(file.path());
    EXPECT_EQ(read.threads, 2U);
    EXPECT_EQ(read.rounds, 11U);
    EXPECT_EQ(read.seed, 42U);
    EXPECT_EQ(read.milliseconds, 100U);
    EXPECT_EQ(read.machine, written.machine);
    ASSERT_EQ(read.peers.size(), 1U);
    EXPECT_EQ(read.peers[0].settings, "GOMAXPROCS=2");
    ASSERT_EQ(read.rows.size(), 1U);
    EXPECT_TRUE(read.rows[0].counts_calls);
    ASSERT_EQ(read.rows[0].cells.size(), 2U);
    EXPECT_EQ(read.rows[0].cells[0].samples, written.rows[0].cells[0].samples);
    EXPECT_EQ(read.rows[0].cells[0].calls, written.rows[0].cells[0].calls);
    EXPECT_EQ(read.rows[0].cells[0].items, 100U);
    EXPECT_EQ(read.rows[0].cells[1].reason, "it has no such thing");
    EXPECT_TRUE(read.rows[0].cells[1].failed);
}

TEST(record, says_what_is_wrong_with_a_file) {
    const scratch_file file;
    EXPECT_THROW((void)read_comparison(file.path()), std::runtime_error);
    write_text(file.path(), R"({"threads": "two"})");
    EXPECT_THROW((void)read_comparison(file.path()), std::runtime_error);
}

} // namespace
} // namespace moor::bench::compare
