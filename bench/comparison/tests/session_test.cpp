// The talk with a peer's process, and the counting of its system calls, with a fake peer.
#include "compare/session.hpp"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>

#include "compare/call_counter.hpp"

namespace moor::bench::compare {
namespace {

constexpr std::chrono::seconds patience{20};

std::filesystem::path fake_peer() {
    std::array<wchar_t, 4096> path{};
    ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    return std::filesystem::path(path.data()).parent_path() / "fake_peer.exe";
}

std::string why_lost(session& asked, std::string_view line, std::chrono::milliseconds longest = patience) {
    try {
        return "answered: " + asked.ask(line, longest);
    } catch (const peer_lost& lost) {
        return lost.what();
    }
}

TEST(session, asks_and_is_answered) {
    session fake(fake_peer(), 2);
    EXPECT_EQ(fake.ask("about", patience), R"(ok name="fake peer" version="1.2" settings="threads 2")");
    EXPECT_EQ(fake.ask("juggle items=3", patience), "cannot it is a fake");
}

TEST(session, ends_a_peer_that_hangs) {
    session fake(fake_peer(), 1);
    EXPECT_EQ(why_lost(fake, "hang", std::chrono::milliseconds(500)), "took longer than 0.5 s");
    EXPECT_EQ(::WaitForSingleObject(fake.process(), 5000), WAIT_OBJECT_0);
}

TEST(session, notices_a_peer_that_dies) {
    session fake(fake_peer(), 1);
    EXPECT_EQ(why_lost(fake, "die"), "ended with status 0x7");
    EXPECT_EQ(why_lost(fake, "about"), "ended with status 0x7");
}

TEST(session, half_a_line_is_no_answer) {
    session fake(fake_peer(), 1);
    EXPECT_EQ(why_lost(fake, "mutter"), "ended with status 0x0");
}

TEST(session, says_that_there_is_no_such_program) {
    EXPECT_THROW(session(fake_peer().parent_path() / "no such peer.exe", 1), std::system_error);
}

TEST(call_counter, counts_each_call_of_the_other_process) {
    session fake(fake_peer(), 1);
    (void)fake.ask("about", patience);
    const call_counter counter(fake.process());
    const call_counts before = counter.read();
    (void)fake.ask("events items=12345", patience);
    const call_counts counted = difference(before, counter.read());
    EXPECT_EQ(counted.at("NtSetEvent"), 12345U);
    EXPECT_EQ(counted.at("NtResetEvent"), 12345U);
    EXPECT_EQ(counted.at("NtCreateEvent"), 1U);
}

} // namespace
} // namespace moor::bench::compare
