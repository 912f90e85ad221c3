#include <moor/error.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>

#include "support/source_text.hpp"
#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

struct meaning {
    std::uint32_t number;
    std::errc portable;
};

TEST(winsock_category, means_the_portable_conditions) {
    const meaning meanings[] = {
        {WSAECONNRESET, std::errc::connection_reset},
        {ERROR_NETNAME_DELETED, std::errc::connection_reset},
        {WSAECONNREFUSED, std::errc::connection_refused},
        {ERROR_CONNECTION_REFUSED, std::errc::connection_refused},
        {WSAECONNABORTED, std::errc::connection_aborted},
        {ERROR_OPERATION_ABORTED, std::errc::operation_canceled},
        {WSAETIMEDOUT, std::errc::timed_out},
        {ERROR_SEM_TIMEOUT, std::errc::timed_out},
        {WSAEADDRINUSE, std::errc::address_in_use},
        {WSAEADDRNOTAVAIL, std::errc::address_not_available},
        {WSAEMFILE, std::errc::too_many_files_open},
        {WSAENOBUFS, std::errc::no_buffer_space},
        {WSAENOTCONN, std::errc::not_connected},
        {WSAEACCES, std::errc::permission_denied},
        {WSAENETUNREACH, std::errc::network_unreachable},
        {WSAEHOSTUNREACH, std::errc::host_unreachable},
        {ERROR_BROKEN_PIPE, std::errc::broken_pipe},
        {ERROR_FILE_NOT_FOUND, std::errc::no_such_file_or_directory},
        {ERROR_NOT_ENOUGH_MEMORY, std::errc::not_enough_memory},
    };
    for (const meaning& each : meanings) {
        const std::error_code code = win::to_error(each.number);
        EXPECT_EQ(code.category(), winsock_category());
        EXPECT_EQ(code.value(), static_cast<int>(each.number));
        EXPECT_EQ(code, each.portable) << each.number;
    }
    EXPECT_NE(win::to_error(WSAECONNRESET), std::errc::connection_aborted);
}

TEST(winsock_category, says_the_number_in_its_message) {
    EXPECT_NE(win::to_error(WSAECONNRESET).message().find("(10054)"), std::string::npos);
    EXPECT_NE(win::to_error(0x1fffffff).message().find(std::to_string(0x1fffffff)), std::string::npos);
    EXPECT_STREQ(winsock_category().name(), "winsock");
}

TEST(winsock_category, has_no_error_for_zero) { EXPECT_FALSE(win::to_error(0)); }

TEST(last_error, is_the_threads) {
    ::SetLastError(ERROR_ACCESS_DENIED);
    EXPECT_EQ(win::last_error(), std::errc::permission_denied);
    ::SetLastError(ERROR_ACCESS_DENIED);
    try {
        win::throw_last_error("moor: testing");
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::permission_denied);
        EXPECT_EQ(std::string(error.what()).find("moor: testing"), 0u);
    }
}

// ---- What moor itself decides
// ----------------------------------------------------------------------------------------

struct raised_condition {
    std::string_view name;
    std::errc condition;
};

// All that the library raises; the test after next looks for more.
constexpr raised_condition raised[] = {
    {"timed_out", std::errc::timed_out},
    {"operation_canceled", std::errc::operation_canceled},
    {"operation_not_permitted", std::errc::operation_not_permitted},
    {"invalid_argument", std::errc::invalid_argument},
    {"not_enough_memory", std::errc::not_enough_memory},
    {"not_connected", std::errc::not_connected},
    {"bad_file_descriptor", std::errc::bad_file_descriptor},
    {"io_error", std::errc::io_error},
    {"resource_deadlock_would_occur", std::errc::resource_deadlock_would_occur},
    {"resource_unavailable_try_again", std::errc::resource_unavailable_try_again},
    {"value_too_large", std::errc::value_too_large},
    {"not_supported", std::errc::not_supported},
};

TEST(moor_category, has_a_text_for_all_that_is_raised) {
    for (const raised_condition& each : raised) {
        const std::string text = win::to_error(each.condition).message();
        EXPECT_FALSE(text.empty()) << each.name;
        EXPECT_EQ(text.find("nknown"), std::string::npos) << each.name << ": " << text;
        EXPECT_NE(text.rfind("error ", 0), 0u) << each.name << ": only its number";
    }
    EXPECT_STREQ(moor_category().name(), "moor");
    EXPECT_NE(std::error_code(12345, moor_category()).message().find("12345"), std::string::npos);
}

TEST(moor_category, means_the_portable_conditions) {
    for (const raised_condition& each : raised) {
        const std::error_code code = win::to_error(each.condition);
        EXPECT_TRUE(code);
        EXPECT_EQ(code.category(), moor_category());
        EXPECT_TRUE(code == each.condition) << each.name;
        EXPECT_TRUE(each.condition == code) << each.name;
        EXPECT_TRUE(code == std::make_error_condition(each.condition)) << each.name;
        EXPECT_TRUE(std::make_error_condition(each.condition) == code) << each.name;
        EXPECT_EQ(code.default_error_condition(), each.condition) << each.name;
        for (const raised_condition& other : raised) {
            EXPECT_EQ(code == other.condition, each.condition == other.condition) << each.name << ", " << other.name;
        }
    }
    EXPECT_NE(win::to_error(std::errc::timed_out), win::to_error(WSAETIMEDOUT)) << "the network's is another one";
    EXPECT_FALSE(win::to_error(std::errc{}));
}

TEST(moor_category, holds_all_that_the_sources_raise) {
    const auto root = test::source_root();
    if (root.empty()) {
        GTEST_SKIP() << "the sources are not here";
    }
    const std::regex raise("to_error\\(std::errc::(\\w+)\\)");
    std::size_t found = 0;
    for (const char* const folder : {"src", "include"}) {
        for (const auto& file : test::sources_below(root / folder)) {
            const std::string code = test::code_of(test::read_text(file));
            EXPECT_EQ(code.find("make_error_code(std::errc"), std::string::npos)
                << file.string() << " raises a code of the C runtime's, which may have no text";
            for (std::sregex_iterator match(code.begin(), code.end(), raise), end; match != end; ++match) {
                ++found;
                EXPECT_TRUE(std::any_of(std::begin(raised), std::end(raised),
                                        [&](const raised_condition& each) { return each.name == (*match)[1].str(); }))
                    << file.string() << " raises " << (*match)[1].str();
            }
        }
    }
    EXPECT_GT(found, 20u) << "not all sources were read";
}

TEST(moor_category, is_what_users_see) {
    std::string what;
    runtime({.workers = 1}).run([&what] {
        try {
            semaphore(0).acquire(std::chrono::milliseconds(1));
        } catch (const std::system_error& error) {
            what = error.what();
        }
    });
    EXPECT_EQ(what, "moor: semaphore::acquire: timed out");
}

TEST(stream_category, knows_the_end_of_a_stream) {
    const std::error_code code = stream_errc::end_of_stream;
    EXPECT_EQ(code.category(), stream_category());
    EXPECT_FALSE(code.message().empty());
    EXPECT_NE(code, std::errc::connection_reset);
}

} // namespace
} // namespace moor
