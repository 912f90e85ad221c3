// Law 1, proved from the sources: the file of the table of system calls alone names Winsock's overlapped functions, one
// file alone calls them through the table, and none of the functions by which the rest of the library reaches that file
// takes an address for a result. The checker is itself checked on code that breaks the law.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support/source_text.hpp"

namespace moor::test {
namespace {

// What starts an overlapped operation on a socket, or takes addresses for the results of one.
constexpr std::array<std::string_view, 31> overlapped_functions{"WSARecv",
                                                                "WSASend",
                                                                "WSARecvFrom",
                                                                "WSASendTo",
                                                                "WSARecvMsg",
                                                                "WSASendMsg",
                                                                "WSARecvEx",
                                                                "WSAIoctl",
                                                                "WSANSPIoctl",
                                                                "WSAGetOverlappedResult",
                                                                "WSARecvDisconnect",
                                                                "WSASendDisconnect",
                                                                "AcceptEx",
                                                                "ConnectEx",
                                                                "DisconnectEx",
                                                                "TransmitFile",
                                                                "TransmitPackets",
                                                                "LPFN_ACCEPTEX",
                                                                "LPFN_CONNECTEX",
                                                                "LPFN_DISCONNECTEX",
                                                                "LPFN_TRANSMITFILE",
                                                                "LPFN_TRANSMITPACKETS",
                                                                "LPFN_WSARECVMSG",
                                                                "LPFN_WSASENDMSG",
                                                                "WSAID_ACCEPTEX",
                                                                "WSAID_CONNECTEX",
                                                                "WSAID_DISCONNECTEX",
                                                                "WSAID_TRANSMITFILE",
                                                                "WSAID_WSARECVMSG",
                                                                "WSAID_WSASENDMSG",
                                                                "GetAcceptExSockaddrs"};

std::optional<std::string_view> overlapped_function_in(std::string_view code) {
    for (const std::string_view each : overlapped_functions) {
        if (names(code, each)) {
            return each;
        }
    }
    return std::nullopt;
}

// The table's entries for them, and for what cancels their calls.
constexpr std::array<std::string_view, 13> overlapped_entries{
    "receive",      "send",       "accept",    "connect", "receive_from", "send_to", "receive_message",
    "send_message", "disconnect", "send_file", "result",  "control",      "cancel"};

bool is_overlapped(std::string_view entry) {
    return std::find(overlapped_entries.begin(), overlapped_entries.end(), entry) != overlapped_entries.end();
}

std::string_view identifier_at(std::string_view code) {
    const auto end = std::find_if(code.begin(), code.end(), [](char each) {
        return std::isalnum(static_cast<unsigned char>(each)) == 0 && each != '_';
    });
    return code.substr(0, static_cast<std::size_t>(end - code.begin()));
}

// The entries that `code` takes out of the table, each as `system().entry` or `system_calls::entry`; "" for a use of
// the table that does not say which one it is.
std::vector<std::string_view> entries_used_in(std::string_view code) {
    std::vector<std::string_view> used;
    for (const std::string_view hidden : {"real_system_calls", "replaced_system_calls", "system_calls_in_use"}) {
        if (names(code, hidden)) {
            used.emplace_back();
        }
    }
    for (const std::string_view by : {"system()", "system_calls::"}) {
        for (auto at = code.find(by); at != code.npos; at = code.find(by, at + 1)) {
            if (at != 0 && !identifier_at(code.substr(at - 1, 1)).empty()) {
                continue; // the end of another name
            }
            const std::string_view rest = code.substr(at + by.size());
            if (by.ends_with(':')) {
                used.push_back(identifier_at(rest));
            } else {
                used.push_back(rest.starts_with('.') ? identifier_at(rest.substr(1)) : std::string_view());
            }
        }
    }
    return used;
}

// What a parameter's type may be: the operation, the data, and what is passed by value or cannot be written through. A
// list and not a rule, so that no typedef can hide a pointer; who needs another type has to come here and think.
bool is_allowed_parameter(std::string_view parameter) {
    constexpr std::array<std::string_view, 18> allowed{
        "operation& call",
        "const win::unique_socket& socket",
        "const win::unique_socket& listener",
        "const win::unique_socket& accepted",
        "win::io_handle handle",
        "const endpoint& remote",
        "std::span<std::byte> into",
        "std::span<const std::span<std::byte>> into",
        "std::span<const std::byte> data",
        "std::span<const std::span<const std::byte>> data",
        "std::size_t skipped",
        "std::chrono::milliseconds",
        "bool on",
        "bool reuse",
        "const packet_details& details",
        "win::io_handle file",
        "std::uint64_t offset",
        "std::uint32_t bytes",
    };
    return std::any_of(allowed.begin(), allowed.end(), [parameter](std::string_view each) {
        return parameter == each || (each.find(' ') == std::string_view::npos && parameter.starts_with(each));
    });
}

// The first offence against the law in a header's code, nothing when there is none.
std::optional<std::string> output_address_in(std::string_view code) {
    for (const declared_function& function : functions_in(code)) {
        for (const std::string& parameter : function.parameters) {
            if (!is_allowed_parameter(parameter)) {
                return function.name + "(" + parameter + ")";
            }
        }
        if (function.result.find_first_of("*&") != std::string::npos) {
            return function.name + " returns " + function.result;
        }
    }
    return std::nullopt;
}

class kernel_addresses : public testing::Test {
protected:
    void SetUp() override { ASSERT_FALSE(root.empty()) << MOOR_SOURCE_DIR << " is not there"; }

    const std::filesystem::path root = source_root();
};

TEST_F(kernel_addresses, one_source_file_names_the_overlapped_functions) {
    std::size_t files = 0;
    std::size_t naming = 0;
    for (const char* const folder : {"src", "include", "docs"}) {
        for (const auto& file : sources_below(root / folder)) {
            ++files;
            const auto named = overlapped_function_in(code_of(read_text(file)));
            if (file == root / "src" / "win" / "system_calls.cpp") {
                EXPECT_TRUE(named);
                ++naming;
            } else {
                EXPECT_FALSE(named) << file.string() << " names " << *named;
            }
        }
    }
    EXPECT_EQ(naming, 1u);
    EXPECT_GT(files, 50u) << "the tree was not read";
}

// No other file has the table, or a pointer into it, to call one of them without an operation.
TEST_F(kernel_addresses, one_source_file_calls_the_overlapped_functions) {
    std::size_t uses = 0;
    std::set<std::string> called;
    for (const char* const folder : {"src", "include"}) {
        for (const auto& file : sources_below(root / folder)) {
            if (file.parent_path().filename() == "win" && file.stem() == "system_calls") {
                continue; // the table itself
            }
            const std::string code = code_of(read_text(file));
            const bool may_call = file == root / "src" / "iocp" / "overlapped_calls.cpp";
            for (const std::string_view entry : entries_used_in(code)) {
                ++uses;
                EXPECT_NE(entry, "") << file.string() << " uses the table and does not say what of it";
                EXPECT_TRUE(may_call || !is_overlapped(entry)) << file.string() << " calls " << entry;
                if (may_call) {
                    called.emplace(entry);
                }
            }
        }
    }
    for (const std::string_view entry : overlapped_entries) {
        EXPECT_TRUE(called.contains(std::string(entry)))
            << entry << " is called by nobody: the code was not understood";
    }
    EXPECT_GT(uses, 40u);
}

TEST_F(kernel_addresses, no_function_takes_an_address_for_a_result) {
    const std::string code = code_of(read_text(root / "src" / "iocp" / "overlapped_calls.hpp"));
    const auto functions = functions_in(code);
    for (const char* const name :
         {"receive", "send", "receive_from", "send_to", "receive_message", "send_message", "send_file", "disconnect",
          "result_of", "socket_error", "accept", "connect", "cancel", "cancel_all"}) {
        EXPECT_TRUE(
            std::any_of(functions.begin(), functions.end(), [name](const auto& each) { return each.name == name; }))
            << "the header was not understood: no " << name;
    }
    const auto offence = output_address_in(code);
    EXPECT_FALSE(offence) << *offence;
}

// Each overlapped call begins with an operation and hands on nothing else that could be written: the implementation has
// no other public function than those of the header.
TEST_F(kernel_addresses, every_submission_takes_the_operation_first) {
    const std::string code = code_of(read_text(root / "src" / "iocp" / "overlapped_calls.hpp"));
    std::size_t submissions = 0;
    for (const declared_function& function : functions_in(code)) {
        if (names(function.result, "submission")) {
            ++submissions;
            ASSERT_FALSE(function.parameters.empty());
            EXPECT_EQ(function.parameters.front(), "operation& call") << function.name;
        }
    }
    EXPECT_EQ(submissions, 12u);
}

TEST(kernel_addresses_checker, finds_what_breaks_the_law) {
    const std::string_view breaking[] = {
        "submission receive(operation& call, const win::unique_socket& socket, std::span<std::byte> into, DWORD* "
        "count);",
        "submission receive(operation& call, const win::unique_socket& socket, LPDWORD count);",
        "submission receive(operation& call, const win::unique_socket& socket, std::uint32_t& count);",
        "submission receive_from(operation& call, sockaddr_storage& from, int& length);",
        "submission receive(kernel_parameters& call);",
        "submission receive(operation& call, std::span<std::byte*> into);",
        "submission receive(OVERLAPPED* call);",
        "submission accept(operation& call, HANDLE handle = nullptr, void (*written)(int*) = nullptr);",
        "OVERLAPPED* start(operation& call);",
        "int& count_of(operation& call);",
    };
    for (const std::string_view each : breaking) {
        EXPECT_TRUE(output_address_in(code_of(std::string("namespace moor { ") + std::string(each) + " }"))) << each;
    }
    EXPECT_FALSE(
        output_address_in("namespace moor { submission receive(operation& call, const win::unique_socket& socket); }"));
}

TEST(kernel_addresses_checker, finds_what_is_taken_out_of_the_table) {
    using list = std::vector<std::string_view>;
    EXPECT_EQ(entries_used_in("win::system().receive(socket, &buffer);"), list{"receive"});
    EXPECT_EQ(entries_used_in("const auto f = system().send; call(win::system().bind)"), (list{"send", "bind"}));
    EXPECT_EQ(entries_used_in("const auto& table = win::system(); table.receive(socket);"), list{""});
    EXPECT_EQ(entries_used_in("call(win::system().*entry)"), list{""});
    EXPECT_EQ(entries_used_in("auto entry = &win::system_calls::accept;"), list{"accept"});
    EXPECT_EQ(entries_used_in("real_system_calls.receive(socket)"), list{""});
    EXPECT_EQ(entries_used_in("operating_system(); system(1); file_system().receive()"), list{});
}

TEST(kernel_addresses_checker, finds_the_names_in_code_alone) {
    EXPECT_TRUE(overlapped_function_in(
        code_of("int x = ::WSARecv(socket, &buffer, 1, &count, &flags, &overlapped, nullptr);")));
    EXPECT_TRUE(overlapped_function_in(code_of("auto f = AcceptEx;")));
    EXPECT_TRUE(overlapped_function_in(code_of("/* fine */ ConnectEx(a);")));
    EXPECT_FALSE(overlapped_function_in(code_of("// WSARecv\n/* WSASend */ int x = 0; // AcceptEx")));
    EXPECT_FALSE(overlapped_function_in(code_of("const char* text = \"WSARecv \\\" WSASend\";")));
    EXPECT_FALSE(overlapped_function_in(code_of("int MyWSARecv = WSARecvHelper;")));
    EXPECT_TRUE(overlapped_function_in(code_of("char quote = '\"'; WSASend(s);")));
    EXPECT_TRUE(overlapped_function_in(code_of("int big = 1'000'000; WSASend(s);")));
}

} // namespace
} // namespace moor::test
