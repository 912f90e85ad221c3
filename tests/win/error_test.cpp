#include <moor/error.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/udp.hpp>

#include "support/source_text.hpp"
#include "win/error.hpp"
#include "win/known_errors.hpp"
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

// Every number of Winsock's for which there is a std::errc, by hand.
TEST(winsock_category, means_a_portable_condition_wherever_one_fits) {
    const meaning meanings[] = {
        {WSAEINTR, std::errc::interrupted},
        {WSAEBADF, std::errc::bad_file_descriptor},
        {WSAEACCES, std::errc::permission_denied},
        {WSAEFAULT, std::errc::bad_address},
        {WSAEINVAL, std::errc::invalid_argument},
        {WSAEMFILE, std::errc::too_many_files_open},
        {WSAEWOULDBLOCK, std::errc::operation_would_block},
        {WSAEINPROGRESS, std::errc::operation_in_progress},
        {WSAEALREADY, std::errc::connection_already_in_progress},
        {WSAENOTSOCK, std::errc::not_a_socket},
        {WSAEDESTADDRREQ, std::errc::destination_address_required},
        {WSAEMSGSIZE, std::errc::message_size},
        {WSAEPROTOTYPE, std::errc::wrong_protocol_type},
        {WSAENOPROTOOPT, std::errc::no_protocol_option},
        {WSAEPROTONOSUPPORT, std::errc::protocol_not_supported},
        {WSAESOCKTNOSUPPORT, std::errc::not_supported},
        {WSAEOPNOTSUPP, std::errc::operation_not_supported},
        {WSAEPFNOSUPPORT, std::errc::address_family_not_supported},
        {WSAEAFNOSUPPORT, std::errc::address_family_not_supported},
        {WSAEADDRINUSE, std::errc::address_in_use},
        {WSAEADDRNOTAVAIL, std::errc::address_not_available},
        {WSAENETDOWN, std::errc::network_down},
        {WSAENETUNREACH, std::errc::network_unreachable},
        {WSAENETRESET, std::errc::network_reset},
        {WSAECONNABORTED, std::errc::connection_aborted},
        {WSAECONNRESET, std::errc::connection_reset},
        {WSAENOBUFS, std::errc::no_buffer_space},
        {WSAEISCONN, std::errc::already_connected},
        {WSAENOTCONN, std::errc::not_connected},
        {WSAESHUTDOWN, std::errc::broken_pipe},
        {WSAETIMEDOUT, std::errc::timed_out},
        {WSAECONNREFUSED, std::errc::connection_refused},
        {WSAELOOP, std::errc::too_many_symbolic_link_levels},
        {WSAENAMETOOLONG, std::errc::filename_too_long},
        {WSAEHOSTDOWN, std::errc::host_unreachable},
        {WSAEHOSTUNREACH, std::errc::host_unreachable},
        {WSAENOTEMPTY, std::errc::directory_not_empty},
        {WSAEPROCLIM, std::errc::resource_unavailable_try_again},
        {WSASYSNOTREADY, std::errc::network_down},
        {WSAVERNOTSUPPORTED, std::errc::not_supported},
        {WSAEDISCON, std::errc::broken_pipe},
        {WSAECANCELLED, std::errc::operation_canceled},
        {WSA_E_CANCELLED, std::errc::operation_canceled},
        {WSATRY_AGAIN, std::errc::resource_unavailable_try_again},
    };
    std::size_t portable = 0;
    for (const win::known_error& each : win::known_errors()) {
        portable += each.number >= WSABASEERR && each.portable != std::errc{} ? 1u : 0u;
    }
    EXPECT_EQ(portable, std::size(meanings)) << "one that is not looked at here";
    for (const meaning& each : meanings) {
        EXPECT_EQ(win::to_error(each.number), each.portable) << each.number;
    }
}

// Also where the system has none, as Wine has none for 10048.
TEST(winsock_category, has_a_text_for_all_that_it_knows) {
    std::set<int> numbers;
    for (const win::known_error& each : win::known_errors()) {
        numbers.insert(each.number);
        const std::string text = win::to_error(static_cast<std::uint32_t>(each.number)).message();
        EXPECT_NE(text.rfind("system error", 0), 0u) << each.number;
        EXPECT_NE(text.find(" (" + std::to_string(each.number) + ")"), std::string::npos) << text;
        EXPECT_EQ(win::find_known_error(each.number), &each);
    }
    for (const int number : {WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAENETRESET, WSAEDISCON, WSANO_DATA}) {
        EXPECT_EQ(numbers.count(number), 1u) << number;
    }
    EXPECT_EQ(win::find_known_error(4711), nullptr);
    EXPECT_EQ(win::find_known_error(0), nullptr);
    EXPECT_EQ(win::find_known_error(99'999), nullptr);
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

// ---- What moor itself decides -------------------------------------------------------------------------------------

struct raised_condition {
    std::string_view name;
    std::errc condition;
};

// All that the library raises; the test after next looks for more.
constexpr raised_condition raised[] = {
    {"timed_out", std::errc::timed_out},
    {"operation_canceled", std::errc::operation_canceled},
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

// What a caller did wrong: its text says what to do, its meaning is portable, and no two are alike.
TEST(moor_category, explains_every_misuse) {
    std::set<std::string> texts;
    for (int number = static_cast<int>(win::misuse::outside_coroutine); number != static_cast<int>(win::misuse::end);
         ++number) {
        const std::error_code code = win::to_error(static_cast<win::misuse>(number));
        EXPECT_EQ(code.category(), moor_category());
        EXPECT_TRUE(code == std::errc::operation_not_permitted || code == std::errc::invalid_argument) << number;
        const std::string text = code.message();
        EXPECT_GT(text.size(), 15u) << text;
        EXPECT_NE(text.rfind("error ", 0), 0u) << text;
        EXPECT_TRUE(texts.insert(text).second) << text;
    }
    EXPECT_EQ(win::to_error(win::misuse::outside_coroutine), std::errc::operation_not_permitted);
    EXPECT_EQ(win::to_error(win::misuse::no_endpoint), std::errc::invalid_argument);
    EXPECT_EQ(std::error_code(static_cast<int>(win::misuse::end), moor_category()).message(),
              "error " + std::to_string(static_cast<int>(win::misuse::end)));
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
            EXPECT_EQ(code.find("to_error(std::errc::operation_not_permitted)"), std::string::npos)
                << file.string() << " does not say what is not permitted: see win::misuse";
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

// What was tried, where, what is wrong and what to do.
TEST(moor_category, messages_say_what_to_do) {
    const auto message_of = [](auto call) {
        try {
            call();
        } catch (const std::system_error& error) {
            return std::string(error.what());
        }
        return std::string("nothing was thrown");
    };
    const endpoint somewhere("127.0.0.1", 7);
    const std::string outside = "not on a coroutine; call it from runtime::run, or from what runtime::spawn or "
                                "moor::spawn has started";
    EXPECT_EQ(message_of([&] { static_cast<void>(tcp_listener::bind(somewhere)); }),
              "moor: listen on 127.0.0.1:7: " + outside);
    EXPECT_EQ(message_of([&] { static_cast<void>(tcp_stream::connect(somewhere)); }),
              "moor: connect to 127.0.0.1:7: " + outside);
    EXPECT_EQ(message_of([&] { static_cast<void>(udp_socket::bind(somewhere)); }),
              "moor: bind to 127.0.0.1:7: " + outside);
    EXPECT_EQ(message_of([&] { static_cast<void>(tcp_listener().accept()); }),
              "moor: accept: not open, or not connected");
    EXPECT_EQ(message_of([] { moor::spawn([] {}).detach(); }), "moor: spawn: " + outside);
    runtime({.workers = 1}).run([&] {
        EXPECT_EQ(message_of([&] { static_cast<void>(tcp_listener::bind(somewhere, {.outstanding_accepts = 0})); }),
                  "moor: listen on 127.0.0.1:7: outstanding_accepts is not within 1 and 4096");
        const tcp_listener first = tcp_listener::bind(endpoint("127.0.0.1", 0));
        const std::string taken = message_of([&] { static_cast<void>(tcp_listener::bind(first.local_endpoint())); });
        EXPECT_EQ(taken.rfind("moor: listen on " + first.local_endpoint().to_string() + ": ", 0), 0u) << taken;
        EXPECT_EQ(taken.find("system error"), std::string::npos) << taken;
        EXPECT_EQ(message_of([] { static_cast<void>(tcp_stream::connect(std::span<const endpoint>())); }),
                  "moor: connect: no endpoint was given");
        EXPECT_EQ(message_of([] {
                      static_cast<void>(sendable_file::open("no such file"));
                  }).rfind("moor: open no such file: ", 0),
                  0u);
    });
}

TEST(stream_category, knows_the_end_of_a_stream) {
    const std::error_code code = stream_errc::end_of_stream;
    EXPECT_EQ(code.category(), stream_category());
    EXPECT_FALSE(code.message().empty());
    EXPECT_NE(code, std::errc::connection_reset);
}

} // namespace
} // namespace moor
