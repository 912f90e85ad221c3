// What the driver understands of a peer's answers.
#include "compare/answer.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace moor::bench::compare {
namespace {

TEST(answer, figures) {
    const answer said = parse_answer("ok seconds=0.213 items=20032\r");
    EXPECT_EQ(said.said, answer::kind::ok);
    EXPECT_DOUBLE_EQ(said.number("seconds"), 0.213);
    EXPECT_DOUBLE_EQ(said.number("items"), 20032);
    EXPECT_THROW((void)said.number("bytes_each"), std::runtime_error);
}

TEST(answer, quoted_text) {
    const answer said = parse_answer(R"(ok name="Boost.Asio, callbacks" version="" settings="a=1 b=2")");
    EXPECT_EQ(said.values.at("name"), "Boost.Asio, callbacks");
    EXPECT_EQ(said.values.at("version"), "");
    EXPECT_EQ(said.values.at("settings"), "a=1 b=2");
}

TEST(answer, reasons) {
    const answer cannot = parse_answer("cannot it has no channels");
    EXPECT_EQ(cannot.said, answer::kind::cannot);
    EXPECT_EQ(cannot.reason, "it has no channels");
    const answer failed = parse_answer("failed");
    EXPECT_EQ(failed.said, answer::kind::failed);
    EXPECT_FALSE(failed.reason.empty());
}

TEST(answer, no_answers) {
    for (const char* line : {"", "yes", "ok seconds", "ok =3", R"(ok name="open)"}) {
        EXPECT_THROW((void)parse_answer(line), std::runtime_error) << line;
    }
    for (const char* line : {"ok seconds=nan", "ok seconds=", "ok seconds=1s", "ok seconds=inf"}) {
        EXPECT_THROW((void)parse_answer(line).number("seconds"), std::runtime_error) << line;
    }
}

} // namespace
} // namespace moor::bench::compare
